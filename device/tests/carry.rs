//! What one person left unsent on a device goes out with the session of the next, under the first one's signature.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use device::{
    Ask, Body, Engine, Local, Nudge, Photo, PlatformError, Request, Response, Subject, accounts,
    left_by_others,
    memory::{MemoryKey, MemoryStore},
    platform::Platform,
};
use futures::executor::block_on;
use shared::{
    Code,
    case::{CaseCommand, command::PhotoRef},
    ids::{AttachmentId, PersonId, SiteCode},
    session::{Session, SessionSite, SignIn},
    sync::{Delivery, UploadState},
    time::{Heard, Ms},
    wire::{self, Answer, Envelope, Problem, PullResponse, PushRequest, PushResponse, Verdict},
};
use uuid::Uuid;

const GUARD: PersonId = PersonId(Uuid::from_u128(1));
const CLEANER: PersonId = PersonId(Uuid::from_u128(2));
const NOW: Ms = Ms(1_795_312_800_000);

/// What the server says to a push, instead of accepting it.
type Says = Option<(u16, Code)>;

/// A phone in memory, and a server that accepts what it is sent.
#[derive(Clone, Default)]
struct Phone {
    stores: Rc<RefCell<BTreeMap<String, MemoryStore>>>,
    sent: Rc<RefCell<Vec<Request>>>,
    ids: Rc<Cell<u64>>,
    says: Rc<RefCell<Says>>,
    /// Where the cleaner serves.
    elsewhere: Rc<Cell<bool>>,
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
        NOW
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
            "/api/pull" => ok(&PullResponse {
                site: SiteCode("jinzhou".to_owned()),
                epoch: String::new(),
                docs: Vec::new(),
                gone: Vec::new(),
                cursor: "1".to_owned(),
                more: false,
                stable_seq: None,
                server_time: NOW,
            }),
            "/api/push" => match *self.says.borrow() {
                Some((status, code)) => problem(status, code),
                None => ok(&accepted(&text(request))),
            },
            _ => Response {
                status: 201,
                upload_offset: header(request, "Upload-Length"),
                ..Response::default()
            },
        }
    }

    fn session(&self, text: &str) -> Session {
        let sign_in: SignIn = serde_json::from_str(text).unwrap();
        let person = if sign_in.name == "guard" { GUARD } else { CLEANER };
        let code = if person == CLEANER && self.elsewhere.get() { "wanjing" } else { "jinzhou" };
        Session {
            person,
            name: sign_in.name,
            sites: vec![SessionSite { code: SiteCode(code.to_owned()), name: String::new() }],
            chain: None,
            server_time: NOW,
            epoch: String::new(),
            relay_key: None,
        }
    }

    /// The pushes so far.
    fn pushes(&self) -> Vec<PushRequest> {
        let sent = self.sent.borrow();
        let pushes = sent.iter().filter(|request| request.url == "/api/push");
        pushes.map(|request| serde_json::from_str(&text(request)).unwrap()).collect()
    }

    /// What was announced of uploads so far: name and author.
    fn uploads(&self) -> Vec<(String, String)> {
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
    async fn sign_in(&self, name: &str) -> Local<Phone> {
        let session = accounts::sign_in(self, name, "password").await.unwrap();
        self.local(session.person).await
    }

    async fn local(&self, person: PersonId) -> Local<Phone> {
        Local::open(self, &Local::<Phone>::name_of(person)).await.unwrap()
    }

    /// The guard makes a comment with a photo, and signs out before it is sent.
    async fn left_by_the_guard(&self) -> PhotoRef {
        let guard = self.sign_in("guard").await;
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
        guard.keep_photo("draft", &"", &photo, taken).await.unwrap();
        let comment = CaseCommand::Comment { text: "漏水".to_owned(), photos: vec![photo.clone()] };
        guard.commit(&subject(GUARD), &[Ask::from(&comment)], &[], Some("draft")).await.unwrap();
        accounts::sign_out(self, &guard).await.unwrap();
        self.sent.borrow_mut().clear();
        photo
    }
}

/// Lets an engine do what is to be done; answers the counts of what others left that it told of.
async fn run(engine: &mut Engine<Phone>) -> Vec<usize> {
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

fn subject(author: PersonId) -> Subject {
    Subject { author, site: SiteCode("jinzhou".to_owned()), aggregate: Uuid::from_u128(9), base: None }
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

fn accepted(text: &str) -> PushResponse {
    let push: PushRequest = serde_json::from_str(text).unwrap();
    let answer = |text: &String| Answer {
        id: Some(Envelope::read(text).unwrap().id),
        verdict: Verdict::Accepted { seq: 1, version: 1 },
    };
    PushResponse {
        answers: push.commands.iter().map(answer).collect(),
        server_time: NOW,
        epoch: String::new(),
    }
}

#[test]
fn what_the_one_before_left_goes_under_their_own_name_and_signature() {
    block_on(async {
        let phone = Phone::default();
        let photo = phone.left_by_the_guard().await;
        let guard = phone.local(GUARD).await;
        let row = guard.outbox().await.unwrap().remove(0);
        let cleaner = phone.sign_in("cleaner").await;
        assert_eq!(left_by_others(&phone, CLEANER).await.unwrap(), 1);

        let told = run(&mut Engine::new(cleaner.clone())).await;
        assert_eq!(told, [1, 0]);
        let [push] = &phone.pushes()[..] else { panic!("one push") };
        assert_eq!((push.author, push.device), (GUARD, guard.device));
        assert_eq!((&push.commands, &push.signature), (&vec![row.text], &row.signature));
        let author = GUARD.to_string();
        let names = [wire::Part::Thumb, wire::Part::Full]
            .map(|part| (wire::file_name(photo.id, part), author.clone()));
        assert_eq!(phone.uploads(), names);
        assert_eq!(left_by_others(&phone, CLEANER).await.unwrap(), 0);
        // The receipts wait for their author, who pulls the document; nothing has come to whoever carried.
        let row = guard.outbox().await.unwrap().remove(0);
        assert!(matches!(row.delivery, Delivery::Done { .. }));
        let uploads = guard.uploads().await.unwrap();
        assert!(uploads.iter().all(|upload| matches!(upload.state, UploadState::Done { .. })));
        assert!(cleaner.outbox().await.unwrap().is_empty());
        assert!(cleaner.blobs().await.unwrap().is_empty());
    });
}

#[test]
fn ones_own_goes_before_what_others_left() {
    block_on(async {
        let phone = Phone::default();
        phone.left_by_the_guard().await;
        let cleaner = phone.sign_in("cleaner").await;
        let comment = CaseCommand::Comment { text: "打扫过".to_owned(), photos: Vec::new() };
        cleaner.commit(&subject(CLEANER), &[Ask::from(&comment)], &[], None).await.unwrap();
        run(&mut Engine::new(cleaner)).await;
        let authors: Vec<PersonId> = phone.pushes().iter().map(|push| push.author).collect();
        assert_eq!(authors, [CLEANER, GUARD]);
    });
}

#[test]
fn an_ended_session_is_told_to_whoever_carries_and_all_goes_once_they_have_signed_in() {
    block_on(async {
        let phone = Phone::default();
        phone.left_by_the_guard().await;
        let cleaner = phone.sign_in("cleaner").await;
        let mut engine = Engine::new(cleaner);
        *phone.says.borrow_mut() = Some((401, Code::AuthRequired));
        run(&mut engine).await;
        assert!(engine.expired());
        assert_eq!(phone.pushes().len(), 1);

        *phone.says.borrow_mut() = None;
        engine.nudged(Nudge::SignedIn).await.unwrap();
        run(&mut engine).await;
        assert_eq!(left_by_others(&phone, CLEANER).await.unwrap(), 0);
    });
}

#[test]
fn a_key_that_the_server_does_not_know_waits_for_its_owner_and_asks_nobody_else_to_sign_in() {
    block_on(async {
        let phone = Phone::default();
        phone.left_by_the_guard().await;
        let cleaner = phone.sign_in("cleaner").await;
        let mut engine = Engine::new(cleaner);
        *phone.says.borrow_mut() = Some((403, Code::PushUnknownDevice));
        run(&mut engine).await;
        run(&mut engine).await;
        assert!(!engine.expired());
        assert_eq!(phone.pushes().len(), 1);
        let row = phone.local(GUARD).await.outbox().await.unwrap().remove(0);
        assert_eq!(row.delivery, Delivery::Pending);
    });
}

#[test]
fn whoever_serves_elsewhere_carries_the_text_and_leaves_the_photos() {
    block_on(async {
        let phone = Phone::default();
        phone.elsewhere.set(true);
        phone.left_by_the_guard().await;
        let cleaner = phone.sign_in("cleaner").await;
        run(&mut Engine::new(cleaner)).await;
        assert_eq!(phone.pushes().len(), 1);
        assert_eq!(phone.uploads(), []);
        let uploads = phone.local(GUARD).await.uploads().await.unwrap();
        assert!(uploads.iter().all(|upload| upload.state == UploadState::Waiting));
    });
}
