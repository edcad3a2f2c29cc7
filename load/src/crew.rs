//! Phones that are signed in, and what they send.

use std::collections::BTreeSet;

use anyhow::Context;
use bytes::Bytes;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use server::{
    App,
    accounts::store::{Session, add_session, register_key},
    clock::Clock,
    config::Settings,
    db::Conn,
    sites::import::{FirstPassword, import, read},
};
use sha2::{Digest, Sha256};
use shared::{
    ids::{AttachmentId, CaseId, CommandId, DeviceId, PersonId, SiteCode},
    site::{Member, Role},
    time::{Heard, Ms},
    wire::{self, Envelope, GENESIS, PushRequest, VERSION},
};
use uuid::Uuid;

use crate::subject::Place;

/// Of the demo property.
pub const SITE: &str = "jinzhou";
const FILE: &str = include_str!("../../demo/site-jinzhou.json");
/// A month, in milliseconds.
const MONTH: i64 = 30 * 24 * 3_600_000;

/// A phone that is signed in.
#[derive(Debug)]
pub struct Phone {
    /// The session's cookie.
    pub cookie: String,
    /// This installation.
    pub device: DeviceId,
    /// Whose it is.
    pub member: Member,
    key: SigningKey,
    n: u64,
    prev: String,
    /// Which phone, and how many ids it has made.
    number: u64,
    made: u64,
}

/// A push, ready to be sent.
#[derive(Clone, Debug)]
pub struct Push {
    /// Of whose session.
    pub cookie: String,
    /// The request's body.
    pub body: Bytes,
    /// How many commands it brings.
    pub commands: usize,
}

fn now() -> Ms {
    Clock::System.now()
}

/// Imports the demo property, and answers with its people.
pub async fn people(app: &App) -> anyhow::Result<Vec<Member>> {
    property(app, SITE, 0).await
}

/// Imports so many properties like that of the demo, each with so many more guards, and answers with those guards and where
/// they work.
pub async fn guards(app: &App, properties: usize, each: usize) -> anyhow::Result<Vec<(SiteCode, Member)>> {
    let mut guards = Vec::with_capacity(properties * each);
    for number in 0..properties {
        let site = format!("{SITE}-{number}");
        let people = property(app, &site, each).await?;
        let more = people.into_iter().filter(|member| member.code.starts_with('G'));
        guards.extend(more.map(|member| (SiteCode::from(site.as_str()), member)));
    }
    Ok(guards)
}

/// Imports the demo property under this code, with so many more guards.
async fn property(app: &App, site: &str, guards: usize) -> anyhow::Result<Vec<Member>> {
    let mut file: Value = serde_json::from_str(FILE)?;
    file["code"] = json!(site);
    let people = file["people"].as_array_mut().context("a property has people")?;
    // Of the control room, each would read what all the others report.
    let guard = people
        .iter()
        .find(|person| person["roles"] == json!(["guard"]) && person["monitoring_room"].is_null())
        .context("a guard")?
        .clone();
    people.extend((0..guards).map(|number| {
        let mut guard = guard.clone();
        guard["code"] = json!(format!("G{number:05}"));
        guard["name"] = json!(format!("保安{number}"));
        guard
    }));
    for person in people {
        // Nobody has one telephone at several properties.
        person["phone"] = Value::Null;
    }
    let plan =
        read(&file.to_string()).map_err(|wrong| anyhow::anyhow!("the property is wrong: {wrong:?}"))?;
    import(app, &plan, FirstPassword::None).await?;
    let mut conn = app.db.connection().await?;
    Ok(server::sites::store::members(&mut conn, &SiteCode::from(site)).await?)
}

/// Signs a device in, without its asking.
pub async fn admit(
    conn: &mut Conn,
    device: DeviceId,
    person: PersonId,
    public_key: &str,
    token: &str,
) -> anyhow::Result<()> {
    let seen = now();
    register_key(conn, device, person, public_key, seen.plus(-MONTH)).await?;
    let session = Session {
        id: wire::hash(token),
        account: person,
        device,
        label: "load".to_owned(),
        created: seen,
        seen,
        expires: seen.plus(MONTH),
    };
    Ok(add_session(conn, &wire::hash(token), &session).await?)
}

/// The cookie of a token.
pub fn cookie(token: &str) -> String {
    format!("firsthand_session={token}")
}

/// Imports the demo property, and signs so many phones of some of its people in: one each, then a second one each, and so
/// on.
pub async fn hire(place: &Place, count: usize, who: impl Fn(&Member) -> bool) -> anyhow::Result<Vec<Phone>> {
    let app = App::open(&place.storage, Settings::default(), Clock::System).await?;
    let members: Vec<Member> = people(&app).await?.into_iter().filter(|member| who(member)).collect();
    anyhow::ensure!(!members.is_empty(), "nobody is there");
    let mut phones = Vec::with_capacity(count);
    let mut tx = app.db.write().await?;
    for (number, member) in (0..count as u64).zip(members.iter().cycle()) {
        let phone = Phone::new(number, member.clone())?;
        admit(&mut tx, phone.device, member.id, &phone.public_key(), &phone.token()).await?;
        phones.push(phone);
    }
    tx.commit().await?;
    app.db.close().await;
    Ok(phones)
}

/// A report of something found, one of several kinds; none that a whole role is told of: each guard would read what all the
/// others report, and that is not what is measured.
pub fn found(number: u64) -> Value {
    const WHAT: [(&str, &str, &str); 5] = [
        ("leak", "B1-1-LOBBY", "水从顶棚滴下来，地上已经积了一小滩，走过的人容易滑倒"),
        ("power", "B1-1-LOBBY", "大堂东侧两盏灯不亮，晚上这一段看不清楚"),
        ("green", "B2-ROOF", "花箱里的土撒了一地，滴水管也断了"),
        ("building", "B2-ROOF", "外墙有一块瓷砖翘起，下面是走道"),
        ("lift", "B1-1-LOBBY", "电梯关门时有异响，到三楼会抖一下"),
    ];
    let (category, place, text) = WHAT[usize::try_from(number).unwrap_or(0) % WHAT.len()];
    json!({ "category": category, "place": place, "text": text, "source": "found" })
}

/// Whoever reports what is found on a round: not the office.
pub fn field(member: &Member) -> bool {
    member.roles.iter().any(|role| matches!(role, Role::Guard | Role::Cleaner | Role::Technician))
        && !member.office()
}

/// The service desk.
pub fn desk(member: &Member) -> bool {
    member.roles == BTreeSet::from([Role::Desk])
}

impl Phone {
    fn new(number: u64, member: Member) -> anyhow::Result<Phone> {
        let seed = Sha256::digest(format!("phone {number}"));
        let mut phone = Phone {
            cookie: String::new(),
            device: DeviceId(Uuid::from_u128(u128::from(number) | 0xde << 64)),
            member,
            key: SigningKey::from_slice(&seed).context("a key")?,
            n: 0,
            prev: GENESIS.to_owned(),
            number,
            made: 0,
        };
        phone.cookie = cookie(&phone.token());
        Ok(phone)
    }

    fn token(&self) -> String {
        format!("load-{}", self.number)
    }

    fn public_key(&self) -> String {
        wire::base64url(self.key.verifying_key().to_sec1_point(false).as_bytes())
    }

    /// An id as a device makes it: by time, then by chance.
    pub fn id(&mut self) -> Uuid {
        self.made += 1;
        let chance = Sha256::digest(format!("{} {}", self.number, self.made));
        let mut random = [0; 10];
        random.copy_from_slice(&chance[..10]);
        uuid::Builder::from_unix_timestamp_millis(now().0.unsigned_abs(), &random).into_uuid()
    }

    /// Makes a command, and takes it into the chain.
    pub fn make(&mut self, kind: &str, aggregate: Uuid, body: Value) -> String {
        let at = now();
        let envelope = Envelope {
            id: CommandId(self.id()),
            device: self.device,
            author: self.member.id,
            n: self.n + 1,
            prev: self.prev.clone(),
            kind: kind.to_owned(),
            v: 1,
            site: SITE.into(),
            aggregate,
            base: None,
            at,
            heard: Some(Heard { server: at, device: at }),
            mends: Vec::new(),
            body,
        };
        let text = envelope.write();
        self.n += 1;
        self.prev = wire::hash(&text);
        text
    }

    /// Makes a report of something found.
    pub fn report(&mut self, photos: &[Value]) -> (CaseId, String) {
        let case = self.id();
        let mut body = found(self.made);
        if !photos.is_empty() {
            body["photos"] = photos.into();
        }
        (CaseId(case), self.make("case.report", case, body))
    }

    /// A push of texts, signed.
    pub fn pack(&self, commands: Vec<String>) -> anyhow::Result<Push> {
        let last = commands.last().map(|text| wire::hash(text)).unwrap_or_default();
        let signature: Signature = self.key.sign(&wire::signing_bytes(&last));
        let count = commands.len();
        let request = PushRequest {
            v: VERSION,
            device: self.device,
            author: self.member.id,
            sent_at: now(),
            commands,
            signature: wire::base64url(&signature.to_bytes()),
            had: Vec::new(),
            gap: None,
        };
        let body = serde_json::to_vec(&request)?.into();
        Ok(Push { cookie: self.cookie.clone(), body, commands: count })
    }

    /// A push of reports.
    pub fn reports(&mut self, count: usize) -> anyhow::Result<Push> {
        let texts = (0..count).map(|_| self.report(&[]).1).collect();
        self.pack(texts)
    }

    /// A new photo's id.
    pub fn photo(&mut self) -> AttachmentId {
        AttachmentId(self.id())
    }
}
