//! The machine that a device of the load lives on: its database is in memory, and what it sends goes to the server.

use std::{
    cell::{Cell, RefCell},
    io::Read,
    rc::Rc,
    time::Duration,
};

use device::{
    Body, NetworkError, PlatformError, Request, Response,
    memory::{MemoryKey, MemoryStore},
    platform::Platform,
};
use flate2::read::GzDecoder;
use hyper::header;
use server::clock::Clock;
use sha2::{Digest, Sha256};
use shared::time::{Heard, Ms};

use crate::{
    client::Client,
    figures::{now, since},
};

/// A machine. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Machine(Rc<Parts>);

#[derive(Debug)]
struct Parts {
    number: u64,
    store: MemoryStore,
    client: RefCell<Option<Client>>,
    cookie: String,
    heard: Cell<Option<Heard>>,
    made: Cell<u64>,
    did: RefCell<Did>,
}

/// What a machine has sent.
#[derive(Clone, Debug, Default)]
pub struct Did {
    /// How long pushes took.
    pub pushes: Vec<Duration>,
    /// How long pulls took.
    pub pulls: Vec<Duration>,
    /// Requests that were answered with anything but success, or not at all.
    pub errors: usize,
    /// Bytes of bodies, both ways.
    pub bytes: usize,
}

impl Machine {
    /// A machine with a session, and without a network.
    pub fn new(number: u64, cookie: String) -> Machine {
        Machine(Rc::new(Parts {
            number,
            store: MemoryStore::default(),
            client: RefCell::default(),
            cookie,
            heard: Cell::default(),
            made: Cell::default(),
            did: RefCell::default(),
        }))
    }

    /// The cookie of its session.
    pub fn cookie(&self) -> &str {
        &self.0.cookie
    }

    /// Gives it a network.
    pub fn connect(&self, client: &Client) {
        *self.0.client.borrow_mut() = Some(client.clone());
    }

    /// What it has sent since this was last asked.
    pub fn did(&self) -> Did {
        self.0.did.take()
    }
}

impl Platform for Machine {
    type Store = MemoryStore;
    type Key = MemoryKey;
    type Lock = ();

    async fn open(&self, _: &str) -> Result<MemoryStore, PlatformError> {
        Ok(self.0.store.clone())
    }

    async fn key(&self, store: &MemoryStore) -> Result<MemoryKey, PlatformError> {
        MemoryKey::load_or_create(store, self.random()?).await
    }

    async fn send(&self, request: Request) -> Result<Response, PlatformError> {
        let client = self.0.client.borrow().clone().ok_or(NetworkError::Offline)?;
        let mut headers = request.headers;
        // As a browser does.
        headers.push(("accept-encoding", "gzip".to_owned()));
        let body = match request.body {
            None => Vec::new(),
            Some(Body::Text(text)) => text.into_bytes(),
            Some(Body::Bytes(bytes)) => bytes,
        };
        let (path, sent) = (request.url, body.len());
        let start = now();
        let reply = client.send(request.method, &path, &self.0.cookie, &headers, body.into()).await;
        let mut did = self.0.did.borrow_mut();
        let reply = reply.map_err(|error| {
            did.errors += 1;
            NetworkError::Unreachable(format!("{error:#}"))
        })?;
        match path.split('?').next() {
            Some("/api/push") => did.pushes.push(since(start)),
            Some("/api/pull") => did.pulls.push(since(start)),
            Some(_) | None => {}
        }
        did.errors += usize::from(!reply.status.is_success());
        did.bytes += sent + reply.body.len();
        let header = |name: &str| Some(reply.headers.get(name)?.to_str().ok()?.to_owned());
        let zipped = reply.headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
        let mut body = Vec::new();
        if zipped {
            let unreadable = |error: std::io::Error| NetworkError::Unreadable(error.to_string());
            GzDecoder::new(&reply.body[..]).read_to_end(&mut body).map_err(unreadable)?;
        } else {
            body.extend_from_slice(&reply.body);
        }
        Ok(Response {
            status: reply.status.as_u16(),
            body,
            retry_after: header("retry-after"),
            upload_offset: header("upload-offset"),
            upload_seq: header("upload-seq"),
        })
    }

    async fn lock(&self, _: &str) -> Result<(), PlatformError> {
        Ok(())
    }

    fn now(&self) -> Ms {
        Clock::System.now()
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], PlatformError> {
        self.0.made.set(self.0.made.get() + 1);
        let mut bytes = [0; N];
        for (block, piece) in bytes.chunks_mut(32).enumerate() {
            let chance = Sha256::digest(format!("{} {} {block}", self.0.number, self.0.made.get()));
            piece.copy_from_slice(&chance[..piece.len()]);
        }
        Ok(bytes)
    }

    fn heard(&self) -> Option<Heard> {
        self.0.heard.get()
    }

    fn keep_heard(&self, heard: Heard) {
        self.0.heard.set(Some(heard));
    }

    async fn room(&self) -> Option<u64> {
        None
    }

    fn label(&self) -> String {
        "load".to_owned()
    }
}
