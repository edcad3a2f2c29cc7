//! Importing a property from a file, and accounts made by hand.
//!
//! The file is judged as a whole: if anything is wrong, all of it is named and nothing is written. Importing a file
//! again changes what has changed and nothing else; who is no longer in it has left.

mod file;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use shared::{
    Code, Rejection,
    case::Case,
    ids::{PersonId, Principal, SiteCode},
    site::{Member, People, Role, Site},
    wire::DocKey,
};
use uuid::Uuid;

pub use file::{Plan, read, sentence};

use super::{Known, Publication, Writer, store};
use crate::{
    App, Error, accounts, commands,
    db::{Conn, damaged},
    feed, random, rounds,
};

/// The namespace of the ids that follow from a site and a staff code.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_0c1e_8d0b_5c6f_9d3a_2b7e_4a51_90c3);

/// How people who have no password yet get one.
#[derive(Clone, Debug)]
pub enum FirstPassword {
    /// They get none, and cannot sign in.
    None,
    /// All the same, for a demo.
    Same(String),
    /// Each a random one, to be handed to them on paper.
    Random,
}

/// A password that was made for somebody.
#[derive(Clone, Debug)]
pub struct HandedOut {
    /// The staff code.
    pub code: String,
    /// Shown.
    pub name: String,
    /// To be changed by its owner.
    pub password: String,
}

/// Writes a site that was [`read`] from a file, and answers with the passwords that were made.
///
/// # Errors
/// `import.duplicate` if a telephone number is another person's, or two people would get one account; what a route is
/// refused for; or if the database fails.
pub async fn import(app: &App, plan: &Plan, first: FirstPassword) -> Result<Vec<HandedOut>, Error> {
    let site = &plan.code;
    let shared_hash = match &first {
        FirstPassword::Same(password) => Some(app.passwords.hash(password.clone()).await?),
        FirstPassword::None | FirstPassword::Random => None,
    };
    // Made before anybody has to wait for this writer: hashing takes longer the more people there are.
    let mut random = match &first {
        FirstPassword::Random => random_passwords(app, plan).await?,
        FirstPassword::Same(_) | FirstPassword::None => BTreeMap::new(),
    };
    let mut writer = Writer::create(app, site, &plan.name).await?;
    let before = store::source(writer.conn(), site).await?;
    store::set_source(writer.conn(), site, &plan.source).await?;
    let Identified { ids, freed } = identify(writer.conn(), plan).await?;
    let (settings, places, mut members) = plan.resolve(&ids);
    for member in &mut members {
        // Whoever is locked out stays so, file or no file.
        let account = accounts::store::find(writer.conn(), member.id).await?;
        member.gone |= account.is_some_and(|account| !account.active);
    }
    let present: BTreeSet<PersonId> = members.iter().map(|member| member.id).collect();
    for mut member in store::members(writer.conn(), site).await? {
        if present.contains(&member.id) {
            continue;
        }
        // An account made by hand is in no file, and stays.
        member.gone |= member.roles != BTreeSet::from([Role::Admin]);
        members.push(member);
    }

    for id in ids.values().chain(&freed) {
        accounts::store::free_phone(writer.conn(), *id).await?;
    }
    let mut handed_out = Vec::new();
    for person in &plan.people {
        let id = ids[&person.code];
        accounts::store::save(writer.conn(), id, &person.name, person.phone.as_deref()).await?;
        let account = accounts::store::find(writer.conn(), id).await?;
        if account.is_some_and(|account| account.password_hash.is_some()) {
            continue;
        }
        if let Some((password, hash)) = random.remove(&person.code) {
            accounts::store::set_password(writer.conn(), id, &hash).await?;
            handed_out.push(HandedOut { code: person.code.clone(), name: person.name.clone(), password });
        } else if let Some(hash) = &shared_hash {
            accounts::store::set_password(writer.conn(), id, hash).await?;
        }
    }

    publish(&mut writer, DocKey::Site, &settings).await?;
    publish(&mut writer, DocKey::Places, &places).await?;
    let people = save_people(&mut writer, &settings, members).await?;
    writer.learn(Known::new(settings, places, people));
    rounds::import::take(&mut writer, plan, &before, &ids).await?;
    writer.commit().await?;
    Ok(handed_out)
}

/// A password and its hash for everybody of a file who has none yet, by staff code.
async fn random_passwords(app: &App, plan: &Plan) -> Result<BTreeMap<String, (String, String)>, Error> {
    let mut without = Vec::new();
    {
        let mut conn = app.db.connection().await?;
        for (code, id) in identify(&mut conn, plan).await?.ids {
            let account = accounts::store::find(&mut conn, id).await?;
            if account.is_none_or(|account| account.password_hash.is_none()) {
                without.push(code);
            }
        }
    }
    let mut passwords = BTreeMap::new();
    for code in without {
        let password = random::word(12)?;
        let hash = app.passwords.hash(password.clone()).await?;
        passwords.insert(code, (password, hash));
    }
    Ok(passwords)
}

/// Creates the account of an administrator of a site, or gives it a new password, and answers with that.
///
/// # Errors
/// If the site is unknown, the code is somebody else's, or the password too short.
pub async fn add_admin(
    app: &App,
    site: &SiteCode,
    code: &str,
    name: &str,
    password: Option<String>,
) -> anyhow::Result<String> {
    let password = match password {
        Some(password) => password,
        None => random::word(16)?,
    };
    accounts::check_password(&password)?;
    let hash = app.passwords.hash(password.clone()).await?;
    let Some(mut writer) = Writer::begin(app, site).await? else { bail!("there is no site {site}") };
    let known = writer.known()?;
    let id = PersonId(Uuid::new_v5(&NAMESPACE, format!("{site}/{code}").as_bytes()));
    let mut members = store::members(writer.conn(), site).await?;
    let admin = Member {
        id,
        code: code.to_owned(),
        name: name.to_owned(),
        post: String::new(),
        company: known.site.companies.first().context("the site has no company")?.code.clone(),
        roles: BTreeSet::from([Role::Admin]),
        lead_of: BTreeSet::new(),
        trade: None,
        area: None,
        squad: None,
        phone: None,
        gone: false,
    };
    match members.iter_mut().find(|member| member.code == code) {
        Some(member) if member.roles != admin.roles => bail!("{code} is the code of {}", member.name),
        Some(member) => *member = admin,
        None => members.push(admin),
    }
    accounts::store::save(writer.conn(), id, name, None).await?;
    accounts::store::set_password(writer.conn(), id, &hash).await?;
    save_people(&mut writer, &known.site, members).await?;
    writer.commit().await?;
    Ok(password)
}

/// Who the people of a file are.
struct Identified {
    /// Their accounts, by staff code.
    ids: BTreeMap<String, PersonId>,
    /// Those who leave with this file, and whose telephone number somebody in it has now.
    freed: Vec<PersonId>,
}

/// The accounts of the people of a file: whoever has the code here, or the telephone number elsewhere under the same
/// name, or else one that follows from site and code.
async fn identify(conn: &mut Conn, plan: &Plan) -> Result<Identified, Error> {
    let members = store::members(conn, &plan.code).await?;
    let by_code: BTreeMap<&str, PersonId> =
        members.iter().map(|member| (member.code.as_str(), member.id)).collect();
    let mut ids = BTreeMap::new();
    let mut codes: BTreeMap<PersonId, &str> = BTreeMap::new();
    let mut owners = Vec::new();
    for person in &plan.people {
        let owner = match &person.phone {
            Some(phone) => accounts::store::by_phone(conn, phone).await?.map(|owner| (phone, owner)),
            None => None,
        };
        let id = match by_code.get(person.code.as_str()) {
            Some(id) => *id,
            None => match &owner {
                Some((_, owner)) if owner.name == person.name => owner.id,
                Some(_) | None => {
                    PersonId(Uuid::new_v5(&NAMESPACE, format!("{}/{}", plan.code, person.code).as_bytes()))
                }
            },
        };
        if let Some(other) = codes.insert(id, &person.code) {
            // Codes were passed on within the file: one of the two would get the other's account.
            return Err(Rejection::new(Code::ImportDuplicate)
                .with("what", "account")
                .with("code", format_args!("{other} = {}", person.code))
                .into());
        }
        owners.extend(owner);
        ids.insert(person.code.clone(), id);
    }
    let mut freed = Vec::new();
    for (phone, owner) in owners {
        // A number may move between people of this file, and from whoever leaves with it; never be taken from somebody
        // who serves elsewhere.
        if codes.contains_key(&owner.id) {
            continue;
        }
        if accounts::store::sites_of(conn, owner.id).await?.iter().any(|site| site.code != plan.code) {
            return Err(Rejection::new(Code::ImportDuplicate)
                .with("what", "phone")
                .with("code", phone)
                .into());
        }
        freed.push(owner.id);
    }
    Ok(Identified { ids, freed })
}

/// Publishes a document that everybody at the site reads, if it has changed.
async fn publish<T: serde::Serialize>(writer: &mut Writer, key: DocKey, doc: &T) -> Result<bool, Error> {
    let body = serde_json::to_string(doc).map_err(anyhow::Error::from)?;
    let code = writer.code().clone();
    let before = feed::store::doc(writer.conn(), &code, key).await?;
    if before.as_ref().is_some_and(|before| before.body == body) {
        return Ok(false);
    }
    let seq = writer.next_seq();
    let born = before.is_none().then_some(seq);
    let version = before.map_or(1, |before| before.version + 1);
    let audience = BTreeSet::from([Principal::All]);
    writer.publish(Publication { key, version, seq, born, body, audience: &audience });
    Ok(true)
}

/// Whether a file that was imported names somebody's staff code.
pub(super) fn names(source: &str, code: &str) -> bool {
    let file: serde_json::Value = serde_json::from_str(source).unwrap_or_default();
    let people = file["people"].as_array();
    people.is_some_and(|people| people.iter().any(|person| person["code"] == code))
}

/// Writes who is at a site, and looks again at who may see its routes, its complaints and its quarantine (R9).
pub(super) async fn save_people(
    writer: &mut Writer,
    settings: &Site,
    mut members: Vec<Member>,
) -> Result<People, Error> {
    members.sort_by(|a, b| a.code.cmp(&b.code));
    let site = writer.code().clone();
    let before = store::members(writer.conn(), &site).await?;
    for member in &members {
        store::save_member(writer.conn(), &site, member).await?;
    }
    // The office sees all of a complaint, who heard it first number and state only: whoever changes sides is addressed
    // as before, and sees something else.
    let office = |members: &[Member], id| members.iter().any(|member| member.id == id && member.office());
    let otherwise: BTreeSet<Principal> = members
        .iter()
        .filter(|member| member.office() != office(&before, member.id))
        .map(|member| Principal::Person(member.id))
        .collect();
    let people = People { people: members };
    rounds::readdress(writer, settings, &people).await?;
    if !publish(writer, DocKey::People, &people).await? {
        return Ok(people);
    }
    let ended = feed::archive::ended_before(writer.now());
    for body in feed::store::confidential_cases(writer.conn(), &site, ended).await? {
        let case: Case = serde_json::from_str(&body).map_err(|error| damaged("docs", &site, error))?;
        writer.readdress(DocKey::Case(case.id), &case.audience(&people), &otherwise).await?;
    }
    commands::quarantine::readdress_all(writer, &people, settings).await?;
    Ok(people)
}
