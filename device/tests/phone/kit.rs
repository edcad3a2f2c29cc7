//! A phone in memory, and a server that accepts what it is sent.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use device::{
    Ask, Body, Engine, Local, Photo, PlatformError, Request, Response, Subject, accounts,
    memory::{MemoryKey, MemoryStore},
    platform::Platform,
};
use shared::{
    Code,
    case::{CaseCommand, command::PhotoRef},
    ids::{AttachmentId, PersonId, SiteCode},
    session::{Session, SessionSite, SignIn},
    site::People,
    time::{Heard, Ms},
    wire::{Answer, Doc, Envelope, Problem, PullResponse, PushRequest, PushResponse, Verdict},
};
use uuid::Uuid;

pub const GUARD: PersonId = PersonId(Uuid::from_u128(1));
pub const CLEANER: PersonId = PersonId(Uuid::from_u128(2));
const BEGIN: Ms = Ms(1_795_312_800_000);
/// Where everybody serves to begin with.
pub const HERE: &str = "jinzhou";
/// Where the cleaner may serve instead.
const ELSEWHERE: &str = "wanjing";
/// The sequence number of whatever the server takes.
pub const TAKEN: i64 = 1;

/// What the server says to a push, instead of accepting it.
pub type Says = Option<(u16, Code)>;

/// A phone in memory, and a server that accepts what it is sent. Clones are the same one.
#[derive(Clone, Default)]
pub struct Phone {
    pub stores: Rc<RefCell<BTreeMap<String, MemoryStore>>>,
    pub sent: Rc<RefCell<Vec<Request>>>,
    pub says: Rc<RefCell<Says>>,
    /// The cleaner serves elsewhere, and not here any more.
    pub elsewhere: Rc<Cell<bool>>,
    /// The server holds what it is sent, and knows nothing of its photos.
    pub holds: Rc<Cell<bool>>,
    /// In which life of its database the server is.
    pub epoch: Rc<Cell<u64>>,
    /// How far the server's backups reach.
    pub stable: Rc<Cell<Option<i64>>>,
    /// How many milliseconds have passed.
    pub passed: Rc<Cell<i64>>,
    ids: Rc<Cell<u64>>,
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a phone")
    }
}

impl Platform for Phone {
    type Store = MemoryStore;
    type Key = MemoryKey;
    type Lock = ();

    async fn open(&self, name: &str) -> Result<MemoryStore, PlatformError> {
        Ok(self.stores.borrow_mut().entry(name.to_owned()).or_default().clone())
    }

    async fn key(&self, store: &MemoryStore) -> Result<MemoryKey, PlatformError> {
        MemoryKey::load_or_create(store, self.random()?).await
    }

    async fn send(&self, request: Request) -> Result<Response, PlatformError> {
        let answer = self.answer(&request);
        self.sent.borrow_mut().push(request);
        Ok(answer)
    }

    async fn lock(&self, _: &str) -> Result<(), PlatformError> {
        Ok(())
    }

    fn now(&self) -> Ms {
        BEGIN.plus(self.passed.get())
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], PlatformError> {
        self.ids.set(self.ids.get() + 1);
        let number = self.ids.get().to_le_bytes();
        Ok(std::array::from_fn(|place| number[place % 8]))
    }

    fn heard(&self) -> Option<Heard> {
        None
    }

    fn keep_heard(&self, _: Heard) {}

    async fn room(&self) -> Option<u64> {
        None
    }

    fn label(&self) -> String {
        String::new()
    }
}

impl Phone {
    fn answer(&self, request: &Request) -> Response {
        let path = request.url.split('?').next().unwrap_or_default();
        match path {
            "/api/session" if request.method == "POST" => ok(&self.session(&text(request))),
            "/api/session" => Response { status: 204, ..Response::default() },
            "/api/pull" => ok(&self.page(&request.url)),
            "/api/push" => match *self.says.borrow() {
                Some((status, code)) => problem(status, code),
                None => ok(&self.accepted(&text(request))),
            },
            _ if self.holds.get() => problem(403, Code::SiteNotMember),
            _ => Response {
                status: 201,
                upload_offset: header(request, "Upload-Length"),
                upload_seq: Some(TAKEN.to_string()),
                ..Response::default()
            },
        }
    }

    /// What a person sees of a site: who is there, once, as long as that person is.
    fn page(&self, url: &str) -> PullResponse {
        let site = url.split(['?', '&']).find_map(|part| part.strip_prefix("site=")).unwrap();
        let left = site == HERE && self.elsewhere.get();
        let people = Doc::People(People { people: Vec::new() });
        let seen = url.contains("cursor=2");
        PullResponse {
            site: SiteCode(site.to_owned()),
            epoch: self.epoch.get().to_string(),
            docs: if left || seen { Vec::new() } else { vec![people] },
            gone: Vec::new(),
            cursor: if left { "1" } else { "2" }.to_owned(),
            more: false,
            stable_seq: self.stable.get(),
            server_time: self.now(),
        }
    }

    fn accepted(&self, text: &str) -> PushResponse {
        let push: PushRequest = serde_json::from_str(text).unwrap();
        let answer = |text: &String| Answer {
            id: Some(Envelope::read(text).unwrap().id),
            verdict: match self.holds.get() {
                true => Verdict::Held { code: Code::CommandRestoring },
                false => Verdict::Accepted { seq: TAKEN, version: 1 },
            },
        };
        PushResponse {
            answers: push.commands.iter().map(answer).collect(),
            server_time: self.now(),
            epoch: self.epoch.get().to_string(),
        }
    }

    fn session(&self, text: &str) -> Session {
        let sign_in: SignIn = serde_json::from_str(text).unwrap();
        let person = if sign_in.name == "guard" { GUARD } else { CLEANER };
        let code = if person == CLEANER && self.elsewhere.get() { ELSEWHERE } else { HERE };
        Session {
            person,
            name: sign_in.name,
            sites: vec![SessionSite { code: SiteCode(code.to_owned()), name: String::new() }],
            chain: None,
            server_time: self.now(),
            epoch: self.epoch.get().to_string(),
            relay_key: None,
        }
    }

    /// The pushes so far.
    pub fn pushes(&self) -> Vec<PushRequest> {
        let sent = self.sent.borrow();
        let pushes = sent.iter().filter(|request| request.url == "/api/push");
        pushes.map(|request| serde_json::from_str(&text(request)).unwrap()).collect()
    }

    /// What was announced of uploads so far: name and author.
    pub fn uploads(&self) -> Vec<(String, String)> {
        let sent = self.sent.borrow();
        let announced = sent.iter().filter(|request| request.url == "/api/files");
        announced
            .map(|request| {
                let metadata = header(request, "Upload-Metadata").unwrap();
                let value = |name: &str| {
                    let pair =
                        metadata.split(',').find_map(|pair| pair.strip_prefix(&format!("{name} "))).unwrap();
                    String::from_utf8(STANDARD.decode(pair).unwrap()).unwrap()
                };
                (value("name"), value("author"))
            })
            .collect()
    }

    /// Signs somebody in, and answers their database.
    pub async fn sign_in(&self, name: &str) -> Local<Phone> {
        let session = accounts::sign_in(self, name, "password").await.unwrap();
        self.local(session.person).await
    }

    pub async fn local(&self, person: PersonId) -> Local<Phone> {
        Local::open(self, &Local::<Phone>::name_of(person)).await.unwrap()
    }

    /// The guard makes a comment with a photo, and signs out before it is sent.
    pub async fn left_by_the_guard(&self) -> PhotoRef {
        let guard = self.sign_in("guard").await;
        let photo = self.comment_with_photo(&guard, GUARD).await;
        accounts::sign_out(self, &guard).await.unwrap();
        self.sent.borrow_mut().clear();
        photo
    }

    /// Somebody makes a comment with a photo.
    pub async fn comment_with_photo(&self, local: &Local<Phone>, author: PersonId) -> PhotoRef {
        let photo = self.take_photo(local).await;
        let comment = CaseCommand::Comment { text: "漏水".to_owned(), photos: vec![photo.clone()] };
        local.commit(&subject(author), &[Ask::from(&comment)], &[], Some("draft")).await.unwrap();
        photo
    }

    /// Somebody takes a photo, which is in their draft then.
    pub async fn take_photo(&self, local: &Local<Phone>) -> PhotoRef {
        let photo = PhotoRef {
            id: AttachmentId(self.new_id().unwrap()),
            sha256: "a".repeat(64),
            bytes: 3,
            width: 1,
            height: 1,
            thumb_sha256: "b".repeat(64),
            thumb_bytes: 1,
        };
        let taken = Photo { full: vec![1, 2, 3], width: 1, height: 1, thumb: vec![1] };
        local.keep_photo("draft", &serde_json::json!({ "photos": [photo] }), &photo, taken).await.unwrap();
        photo
    }
}

/// Lets an engine do what is to be done; answers the counts of what others left that it told of.
pub async fn run(engine: &mut Engine<Phone>) -> Vec<usize> {
    let mut told = Vec::new();
    loop {
        let planned = engine.plan(true).await.unwrap();
        let taken = engine.take(planned, || None).await.unwrap();
        told.extend(taken.left);
        if taken.wait.is_some() || engine.expired() {
            return told;
        }
    }
}

pub fn subject(author: PersonId) -> Subject {
    Subject { author, site: SiteCode(HERE.to_owned()), aggregate: Uuid::from_u128(9), base: None }
}

fn text(request: &Request) -> String {
    match &request.body {
        Some(Body::Text(text)) => text.clone(),
        Some(Body::Bytes(_)) | None => String::new(),
    }
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers.iter().find(|(of, _)| *of == name).map(|(_, value)| value.clone())
}

fn ok<T: serde::Serialize>(body: &T) -> Response {
    Response { status: 200, body: serde_json::to_vec(body).unwrap(), ..Response::default() }
}

fn problem(status: u16, code: Code) -> Response {
    let problem = Problem {
        kind: "about:blank".to_owned(),
        title: String::new(),
        status,
        code,
        fields: Default::default(),
        request_id: String::new(),
    };
    Response { status, ..ok(&problem) }
}
