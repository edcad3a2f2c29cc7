//! A phone as people have it: the app's own store, commands and engine, with this machine's memory in place of a browser.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use axum::{Router, body::Body, http};
use device::{
    Ask, Engine, Local, Photo, PlatformError, Request, Response, Subject, accounts,
    memory::{MemoryKey, MemoryStore},
    platform::Platform,
};
use serde_json::{Value, json};
use server::clock::{Clock, ManualClock};
use sha2::{Digest, Sha256};
use shared::{
    case::{Case, CaseCommand, CaseView, command::PhotoRef},
    ids::{AttachmentId, CaseId, PersonId},
    sync::{Delivery, UploadState},
    time::{Heard, Ms},
    wire::{self, Doc, DocKey},
};

use super::{PASSWORD, Reply, TestApp, leak, world::unique};

/// The machine that a phone is.
#[derive(Clone, Debug)]
pub struct Machine(Rc<Parts>);

#[derive(Debug)]
struct Parts {
    router: RefCell<Router>,
    cookie: RefCell<String>,
    clock: ManualClock,
    databases: RefCell<BTreeMap<String, MemoryStore>>,
    heard: Cell<Option<Heard>>,
    room: Cell<Option<u64>>,
}

impl Platform for Machine {
    type Store = MemoryStore;
    type Key = MemoryKey;
    type Lock = ();

    async fn open(&self, name: &str) -> Result<MemoryStore, PlatformError> {
        Ok(self.0.databases.borrow_mut().entry(name.to_owned()).or_default().clone())
    }

    async fn key(&self, store: &MemoryStore) -> Result<MemoryKey, PlatformError> {
        MemoryKey::load_or_create(store, self.random()?).await
    }

    async fn send(&self, request: Request) -> Result<Response, PlatformError> {
        let mut asked = http::Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            asked = asked.header(*name, value);
        }
        let cookie = self.0.cookie.borrow().clone();
        if !cookie.is_empty() {
            asked = asked.header(http::header::COOKIE, cookie);
        }
        let body = match request.body {
            Some(device::Body::Text(text)) => Body::from(text),
            Some(device::Body::Bytes(bytes)) => Body::from(bytes),
            None => Body::empty(),
        };
        let router = self.0.router.borrow().clone();
        let reply = Reply::of(&router, asked.body(body).unwrap()).await;
        if let Some(cookie) = reply.headers.get(http::header::SET_COOKIE) {
            *self.0.cookie.borrow_mut() = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        let header = |name: &str| Some(reply.header(name).to_owned()).filter(|value| !value.is_empty());
        Ok(Response {
            status: reply.status,
            retry_after: header("retry-after"),
            upload_offset: header("upload-offset"),
            upload_seq: header(wire::UPLOAD_SEQ),
            body: reply.text.clone().into_bytes(),
        })
    }

    async fn lock(&self, _: &str) -> Result<(), PlatformError> {
        Ok(())
    }

    fn now(&self) -> Ms {
        Clock::Manual(self.0.clock.clone()).now()
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], PlatformError> {
        let hash = Sha256::digest(unique().to_be_bytes());
        Ok(std::array::from_fn(|place| hash[place]))
    }

    fn heard(&self) -> Option<Heard> {
        self.0.heard.get()
    }

    fn keep_heard(&self, heard: Heard) {
        self.0.heard.set(Some(heard));
    }

    async fn room(&self) -> Option<u64> {
        self.0.room.get()
    }

    fn label(&self) -> String {
        "phone".to_owned()
    }
}

/// A phone of somebody who is signed in.
pub struct Phone {
    machine: Machine,
    engine: Engine<Machine>,
    person: PersonId,
}

impl Phone {
    /// A new phone, on which somebody signs in.
    pub async fn sign_in(app: &TestApp, name: &str) -> Phone {
        let machine = Machine(Rc::new(Parts {
            router: RefCell::new(app.router.clone()),
            cookie: RefCell::default(),
            clock: app.clock.clone(),
            databases: RefCell::default(),
            heard: Cell::new(None),
            room: Cell::new(None),
        }));
        let session = accounts::sign_in(&machine, name, PASSWORD).await.unwrap();
        let local = Local::open(&machine, &Local::<Machine>::name_of(session.person)).await.unwrap();
        Phone { engine: Engine::new(local), machine, person: session.person }
    }

    /// Reaches the server that runs now.
    pub fn serve(&self, app: &TestApp) {
        *self.machine.0.router.borrow_mut() = app.router.clone();
    }

    /// Whose it is.
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// Has only so much room left.
    pub fn room(&self, bytes: u64) {
        self.machine.0.room.set(Some(bytes));
    }

    fn local(&self) -> &Local<Machine> {
        self.engine.local()
    }

    /// Saves a command about a case.
    pub async fn give(&mut self, case: CaseId, command: Value) {
        let command: CaseCommand = serde_json::from_value(command).unwrap();
        let subject = Subject { author: self.person, site: "jinzhou".into(), aggregate: case.0, base: None };
        self.local().commit(&subject, &[Ask::from(&command)], &[], None).await.unwrap();
    }

    /// Saves a report with photos.
    pub async fn report(&mut self, photos: &[Vec<u8>]) -> CaseId {
        let thumb = thumb();
        let sha256 = |bytes: &[u8]| wire::hex(&Sha256::digest(bytes));
        let mut named = Vec::new();
        for full in photos {
            let photo = PhotoRef {
                id: AttachmentId(self.machine.new_id().unwrap()),
                sha256: sha256(full),
                bytes: u32::try_from(full.len()).unwrap(),
                width: 1_000,
                height: 800,
                thumb_sha256: sha256(&thumb),
                thumb_bytes: u32::try_from(thumb.len()).unwrap(),
            };
            let taken = Photo { full: full.clone(), width: 1_000, height: 800, thumb: thumb.clone() };
            self.local().keep_photo("draft", &json!({ "photos": [photo] }), &photo, taken).await.unwrap();
            named.push(photo);
        }
        let case = CaseId(self.machine.new_id().unwrap());
        let mut report = leak();
        report["photos"] = json!(named);
        self.give(case, json!({ "case.report": report })).await;
        self.local().drop_draft("draft", &[]).await.unwrap();
        case
    }

    /// Syncs until there is nothing more to do for now.
    pub async fn sync(&mut self) {
        self.engine.nudged(device::Nudge::Asked).await.unwrap();
        for _ in 0..1_000 {
            let planned = self.engine.plan(true).await.unwrap();
            let taken = self.engine.take(planned, || None).await.unwrap();
            if taken.wait.is_some() {
                return;
            }
            assert!(!self.engine.expired(), "somebody has to sign in");
        }
        panic!("it never comes to rest");
    }

    /// How many commands and photos the server has not finally answered.
    pub async fn unsent(&self) -> usize {
        let rows = self.local().outbox().await.unwrap();
        let uploads = self.local().uploads().await.unwrap();
        rows.iter().filter(|row| row.unsent()).count()
            + uploads.iter().filter(|upload| !matches!(upload.state, UploadState::Done { .. })).count()
    }

    /// How many commands it keeps that the server has, and how many parts of photos.
    pub async fn kept(&self) -> (usize, usize) {
        let rows = self.local().outbox().await.unwrap();
        let uploads = self.local().uploads().await.unwrap();
        (
            rows.iter().filter(|row| matches!(row.delivery, Delivery::Done { .. })).count(),
            uploads.iter().filter(|upload| matches!(upload.state, UploadState::Done { .. })).count(),
        )
    }

    /// How many of its commands are refused.
    pub async fn refused(&self) -> usize {
        let rows = self.local().outbox().await.unwrap();
        rows.iter().filter(|row| matches!(row.delivery, Delivery::Refused { .. })).count()
    }

    /// A case as it is shown: the server's document, or of an own report that is not there yet, what it will be.
    pub async fn case(&self, case: CaseId) -> Option<Case> {
        let site = "jinzhou".into();
        let doc = |key| self.local().doc(&site, key);
        let base = match doc(DocKey::Case(case)).await.unwrap() {
            Some(Doc::Case(view)) => Some(view),
            Some(_) | None => None,
        };
        let (Some(Doc::Site(site)), Some(Doc::Places(places)), Some(Doc::People(people))) = (
            doc(DocKey::Site).await.unwrap(),
            doc(DocKey::Places).await.unwrap(),
            doc(DocKey::People).await.unwrap(),
        ) else {
            return None;
        };
        let zone = site.calendar();
        let judge = shared::sync::Judge {
            me: people.get(self.person).unwrap(),
            site: &site,
            zone: &zone,
            places: &places,
            people: &people,
            offset: 0,
        };
        let rows = self.local().outbox().await.unwrap();
        match judge.overlay(case, base, &rows) {
            Some(CaseView::Full(case)) => Some(*case),
            Some(CaseView::Outline(_)) | None => None,
        }
    }
}

fn thumb() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(64, 48).write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}
