//! A device as the app is one: it signs in, makes commands, pushes, pulls.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, header},
};
use http_body_util::BodyExt;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::{
    case::CaseView,
    ids::{CaseId, CommandId, DeviceId, PersonId},
    session::Session,
    time::{Heard, Ms},
    wire::{
        self, Doc, DocKey, Envelope, GENESIS, Had, PullResponse, PushRequest, PushResponse, VERSION, Verdict,
    },
};
use tower::ServiceExt;
use uuid::Uuid;

use super::{TestApp, world::unique};

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// The answer of a router.
    pub async fn of(router: &Router, request: Request<Body>) -> Reply {
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// Status and code of a problem, after checking that it is a whole one.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.text);
        let problem: wire::Problem = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem.status, self.status);
        assert_eq!(self.headers["x-request-id"], problem.request_id.as_str());
        (self.status, problem.code.to_string())
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What a command can be about.
pub trait Aggregate {
    fn id(self) -> Uuid;
}

impl Aggregate for Uuid {
    fn id(self) -> Uuid {
        self
    }
}

impl Aggregate for CaseId {
    fn id(self) -> Uuid {
        self.0
    }
}

impl Aggregate for CommandId {
    fn id(self) -> Uuid {
        self.0
    }
}

/// What a device has pulled of one site.
#[derive(Default, Debug)]
pub struct Feed {
    pub cursor: Option<String>,
    pub epoch: String,
    pub stable_seq: Option<i64>,
    pub docs: BTreeMap<DocKey, Doc>,
    /// The keys that the last pull brought, shown or gone.
    pub changed: BTreeSet<DocKey>,
    pub gone: BTreeSet<DocKey>,
}

impl Feed {
    /// A case, if this reader has it.
    pub fn case(&self, id: CaseId) -> Option<&CaseView> {
        match self.docs.get(&DocKey::Case(id)) {
            Some(Doc::Case(view)) => Some(view),
            Some(_) | None => None,
        }
    }

    /// All cases.
    pub fn cases(&self) -> impl Iterator<Item = &CaseView> {
        self.docs.values().filter_map(|doc| match doc {
            Doc::Case(view) => Some(view),
            Doc::Site(_)
            | Doc::Places(_)
            | Doc::People(_)
            | Doc::Route(_)
            | Doc::Round(_)
            | Doc::Refusal(_)
            | Doc::Quarantine(_) => None,
        })
    }

    /// The refused commands, with their codes.
    pub fn refusals(&self) -> Vec<(CommandId, String)> {
        let refusal = |doc: &Doc| match doc {
            Doc::Refusal(refusal) => Some((refusal.id, refusal.rejection.code.to_string())),
            Doc::Site(_)
            | Doc::Places(_)
            | Doc::People(_)
            | Doc::Case(_)
            | Doc::Route(_)
            | Doc::Round(_)
            | Doc::Quarantine(_) => None,
        };
        self.docs.values().filter_map(refusal).collect()
    }
}

/// A command that was answered.
#[derive(Clone, Debug)]
pub struct Sent {
    pub text: String,
    pub had: Had,
}

/// One installation of the app, used by one person.
pub struct Device {
    pub router: Router,
    pub id: DeviceId,
    pub person: PersonId,
    pub site: String,
    pub cookie: String,
    pub key: SigningKey,
    pub n: u64,
    pub prev: String,
    /// By how much the device's clock is ahead of the server's.
    pub ahead: i64,
    pub feeds: BTreeMap<String, Feed>,
    /// Which kinds of documents it reads, beyond those that version 1 began with.
    pub reads: &'static str,
    /// What was sent alone, with its answer.
    pub sent: Vec<Sent>,
    clock: server::clock::ManualClock,
}

impl Device {
    /// An installation at which nobody has signed in.
    pub fn new(app: &TestApp) -> Device {
        let number = unique();
        let key = Sha256::digest(number.to_be_bytes());
        Device {
            router: app.router.clone(),
            id: DeviceId(Uuid::from_u128(u128::from(number) | 0xde << 64)),
            person: PersonId(Uuid::nil()),
            site: "jinzhou".to_owned(),
            cookie: String::new(),
            key: SigningKey::from_slice(&key).unwrap(),
            n: 0,
            prev: GENESIS.to_owned(),
            ahead: 0,
            feeds: BTreeMap::new(),
            reads: "quarantine",
            sent: Vec::new(),
            clock: app.clock.clone(),
        }
    }

    /// The same session, to carry pushes at the same time.
    pub fn carrier(&self) -> Device {
        Device {
            router: self.router.clone(),
            site: self.site.clone(),
            cookie: self.cookie.clone(),
            key: self.key.clone(),
            prev: self.prev.clone(),
            clock: self.clock.clone(),
            feeds: BTreeMap::new(),
            sent: Vec::new(),
            ..*self
        }
    }

    /// The device's own time.
    pub fn now(&self) -> Ms {
        server::clock::Clock::Manual(self.clock.clone()).now().plus(self.ahead)
    }

    /// The public key as it is registered.
    pub fn public_key(&self) -> String {
        wire::base64url(self.key.verifying_key().to_sec1_point(false).as_bytes())
    }

    /// Signs in; on success the device knows its person and its chain.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Reply {
        let body = json!({
            "name": name, "password": password, "device": self.id, "label": "test",
            "public_key": self.public_key(),
        });
        let reply = self.post("/api/session", &body).await;
        if reply.status == 200 {
            let session: Session = serde_json::from_str(&reply.text).unwrap();
            self.person = session.person;
            self.cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
            self.site = session.sites.first().unwrap().code.to_string();
            (self.n, self.prev) = match session.chain {
                Some(head) => (head.n, head.hash),
                None => (0, GENESIS.to_owned()),
            };
        }
        reply
    }

    /// Sends a request with the session's cookie.
    pub async fn request(&self, method: &str, path: &str, body: Option<String>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !self.cookie.is_empty() {
            request = request.header(header::COOKIE, &self.cookie);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        Reply::of(&self.router, request.body(body.map_or_else(Body::empty, Body::from)).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.request("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.request("POST", path, Some(body.to_string())).await
    }

    /// An id as a device makes it.
    pub fn new_id(&self) -> Uuid {
        let now = self.now().0.unsigned_abs();
        let mut random = [0; 10];
        random[2..].copy_from_slice(&unique().to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(now, &random).into_uuid()
    }

    pub fn new_case(&self) -> CaseId {
        CaseId(self.new_id())
    }

    /// An envelope that goes on this device's chain, not yet in it. The device has just heard from the server.
    pub fn envelope(&self, kind: &str, aggregate: Uuid, body: Value) -> Envelope {
        Envelope {
            id: CommandId(self.new_id()),
            device: self.id,
            author: self.person,
            n: self.n + 1,
            prev: self.prev.clone(),
            kind: kind.to_owned(),
            v: 1,
            site: self.site.as_str().into(),
            aggregate,
            base: None,
            at: self.now(),
            heard: Some(Heard { server: self.now().plus(-self.ahead), device: self.now() }),
            mends: Vec::new(),
            body,
        }
    }

    /// Takes a text into the chain.
    pub fn chain(&mut self, text: String) -> String {
        self.n += 1;
        self.prev = wire::hash(&text);
        text
    }

    /// Makes a command.
    pub fn make(&mut self, kind: &str, aggregate: impl Aggregate, body: Value) -> String {
        let envelope = self.envelope(kind, aggregate.id(), body);
        self.chain(envelope.write())
    }

    /// A push of texts, signed.
    pub fn pack(&self, commands: Vec<String>) -> PushRequest {
        let last = commands.last().map(|text| wire::hash(text)).unwrap_or_default();
        let signature: Signature = self.key.sign(&wire::signing_bytes(&last));
        PushRequest {
            v: VERSION,
            device: self.id,
            author: self.person,
            sent_at: self.now(),
            commands,
            signature: wire::base64url(&signature.to_bytes()),
            had: Vec::new(),
            gap: None,
        }
    }

    /// A push of everything that was answered, from `n` on, as after a restore: with the answers that there were.
    pub fn again(&self, n: u64) -> PushRequest {
        let sent: Vec<&Sent> = self.sent.iter().filter(|sent| sent.had.n >= n).collect();
        PushRequest {
            had: sent.iter().map(|sent| sent.had.clone()).collect(),
            ..self.pack(sent.iter().map(|sent| sent.text.clone()).collect())
        }
    }

    /// Says that nobody has what comes before the first command of a push.
    pub fn with_gap(&self, request: PushRequest, epoch: &str) -> PushRequest {
        let signature: Signature = self.key.sign(&wire::gap_bytes(epoch, &wire::hash(&request.commands[0])));
        PushRequest { gap: Some(wire::base64url(&signature.to_bytes())), ..request }
    }

    /// Sends a push and answers with whatever comes.
    pub async fn try_push(&self, request: &PushRequest) -> Reply {
        self.post("/api/push", &serde_json::to_value(request).unwrap()).await
    }

    /// Pushes texts; the push as a whole must be taken.
    pub async fn push(&self, commands: Vec<String>) -> Vec<Verdict> {
        self.take(&self.pack(commands)).await
    }

    /// Sends a push that must be taken as a whole.
    pub async fn take(&self, request: &PushRequest) -> Vec<Verdict> {
        let reply = self.try_push(request).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let response: PushResponse = serde_json::from_str(&reply.text).unwrap();
        assert_eq!(response.answers.len(), request.commands.len());
        response.answers.into_iter().map(|answer| answer.verdict).collect()
    }

    /// Makes and pushes one command.
    pub async fn send(&mut self, kind: &str, aggregate: impl Aggregate, body: Value) -> Verdict {
        let envelope = self.envelope(kind, aggregate.id(), body);
        self.send_envelope(envelope).await
    }

    /// Pushes a command that goes on this device's chain.
    pub async fn send_envelope(&mut self, envelope: Envelope) -> Verdict {
        let text = self.chain(envelope.write());
        let verdict = self.push(vec![text.clone()]).await.remove(0);
        let had = Had { n: self.n, verdict: verdict.clone(), at: self.now().plus(-self.ahead), number: None };
        self.sent.push(Sent { text, had });
        verdict
    }

    /// The same for one that must be taken.
    pub async fn accepted(&mut self, kind: &str, aggregate: impl Aggregate, body: Value) {
        let verdict = self.send(kind, aggregate, body).await;
        assert!(matches!(verdict, Verdict::Accepted { .. }), "{kind}: {verdict:?}");
    }

    /// Reports a leak in the lobby of building 1.
    pub async fn report(&mut self) -> CaseId {
        let case = self.new_case();
        self.accepted("case.report", case, leak()).await;
        case
    }

    /// Pulls everything that has changed at this device's site.
    pub async fn pull(&mut self) -> &Feed {
        let site = self.site.clone();
        self.pull_by(&site, 200).await
    }

    /// Pulls everything that has changed at a site, in pages of `limit`.
    pub async fn pull_by(&mut self, site: &str, limit: usize) -> &Feed {
        let mut feed = self.feeds.remove(site).unwrap_or_default();
        feed.changed.clear();
        feed.gone.clear();
        loop {
            let cursor = feed.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let reply =
                self.get(&format!("/api/pull?site={site}&limit={limit}&reads={}{cursor}", self.reads)).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            let page: PullResponse = serde_json::from_str(&reply.text).unwrap();
            assert!(page.docs.len() + page.gone.len() <= limit);
            for doc in page.docs {
                feed.changed.insert(doc.key());
                feed.gone.remove(&doc.key());
                feed.docs.insert(doc.key(), doc);
            }
            for key in page.gone {
                feed.changed.insert(key);
                feed.gone.insert(key);
                feed.docs.remove(&key);
            }
            feed.cursor = Some(page.cursor);
            feed.epoch = page.epoch;
            feed.stable_seq = page.stable_seq;
            if !page.more {
                break;
            }
        }
        self.feeds.entry(site.to_owned()).or_insert(feed)
    }
}

/// A report of a leak in the lobby of building 1.
pub fn leak() -> Value {
    json!({ "category": "leak", "place": "B1-1-LOBBY", "text": "水从顶棚滴下来", "source": "found" })
}

/// A complaint of a customer, about somebody.
pub fn complaint(about: PersonId) -> Value {
    json!({
        "category": "complaint", "place": "B1-1-LOBBY", "text": "态度不好", "accused": about,
        "source": { "customer": { "name": "王女士", "phone": "13800000000", "flat": "1-0203" } },
    })
}
