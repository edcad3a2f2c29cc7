//! The seams between a device and the machine that it lives on.
//!
//! A page has one thread, and so has every device elsewhere: no future here need be `Send`.

use std::fmt::Debug;

use shared::time::{Heard, Ms};
use uuid::Uuid;

use crate::{Mutant, PlatformError, Request, Response, Store};

/// The machine that a device lives on: a browser, or a simulator's memory.
///
/// Clones are handles of the same machine.
#[expect(async_fn_in_trait, reason = "a page has one thread")]
pub trait Platform: Clone + Debug {
    /// A database on this machine.
    type Store: Store;
    /// A key that signs.
    type Key: SigningKey;
    /// A lock that is given back when dropped.
    type Lock;

    /// Opens the database of this name, and creates it where it is missing.
    async fn open(&self, name: &str) -> Result<Self::Store, PlatformError>;

    /// The key of a database; made and stored where there is none. Whoever does this at once gets the same key.
    async fn key(&self, store: &Self::Store) -> Result<Self::Key, PlatformError>;

    /// Sends a request to our server, with the session that this machine has, and reads the whole answer.
    ///
    /// Any answer with a status is `Ok`, also 401 or 503. Only the lack of an answer is an error.
    async fn send(&self, request: Request) -> Result<Response, PlatformError>;

    /// Waits for a lock that only one user of this machine's databases holds at a time. Where there are no locks it is
    /// granted at once: nothing may depend on it but thrift, and what two users do in the same moment.
    async fn lock(&self, name: &str) -> Result<Self::Lock, PlatformError>;

    /// The machine's wall time. It may be wrong and may jump; the server corrects it.
    fn now(&self) -> Ms;

    /// Random bytes that nobody can guess.
    fn random<const N: usize>(&self) -> Result<[u8; N], PlatformError>;

    /// What was last heard of the server's clock (R3). Losing it is harmless.
    fn heard(&self) -> Option<Heard>;

    /// Keeps what was heard of the server's clock.
    fn keep_heard(&self, heard: Heard);

    /// How many bytes of room are left, where the machine says so.
    async fn room(&self) -> Option<u64>;

    /// What this machine calls itself in the list of a person's sessions.
    fn label(&self) -> String;

    /// A mistake that a simulator wants made. Where this is not overridden, none is compiled.
    fn mutant(&self) -> Option<Mutant> {
        None
    }

    /// A new `UUIDv7`: sorts by the machine's wall time, and is unique however wrong that is.
    fn new_id(&self) -> Result<Uuid, PlatformError> {
        Ok(id(self.now(), &self.random()?))
    }

    /// Notes the server's time from an answer (R3).
    fn hear(&self, server: Ms) {
        self.keep_heard(Heard { server, device: self.now() });
    }
}

/// The `UUIDv7` of a time and random bytes.
pub fn id(now: Ms, random: &[u8; 10]) -> Uuid {
    let ms = u64::try_from(now.0).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(ms, random).into_uuid()
}

/// The key of a device and a person: ECDSA on the curve P-256.
#[expect(async_fn_in_trait, reason = "a page has one thread")]
pub trait SigningKey: Clone + Debug {
    /// Signs these bytes (with SHA-256): r and s, 32 bytes each.
    async fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], PlatformError>;

    /// The public key as an uncompressed point: 0x04, x, y.
    async fn public_point(&self) -> Result<[u8; 65], PlatformError>;
}
