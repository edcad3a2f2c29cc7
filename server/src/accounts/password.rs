//! Hashing passwords: Argon2id, a few at a time, on threads that may block.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::anyhow;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use shared::Code;
use tokio::sync::Semaphore;

use crate::{Error, random};

/// Hashes at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// How many may wait before whoever comes is told to come again.
const WAITING: usize = 64;

/// Hashes and verifies passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// The hash of no password, one for the process, so that an unknown name takes as long as a wrong password.
    nobody: Arc<str>,
}

impl Passwords {
    /// Ready to hash.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new() -> anyhow::Result<Passwords> {
        static NOBODY: OnceLock<Arc<str>> = OnceLock::new();
        let nobody = match NOBODY.get() {
            Some(nobody) => Arc::clone(nobody),
            None => {
                let nobody = hash(&random::word(20)?)?.into();
                Arc::clone(NOBODY.get_or_init(|| nobody))
            }
        };
        Ok(Passwords { permits: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::default(), nobody })
    }

    /// The hash of a password, in PHC format.
    ///
    /// # Errors
    /// `server.unavailable` if too many wait.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        Ok(self.run(move || hash(&password)).await??)
    }

    /// Whether a password is the one of a hash; without a hash it is not, which takes as long.
    ///
    /// # Errors
    /// `server.unavailable` if too many wait.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let right = self
            .run(move || {
                let parsed =
                    PasswordHash::new(&hash).map_err(|error| anyhow!("a password's hash: {error}"))?;
                Ok::<_, anyhow::Error>(argon2()?.verify_password(password.as_bytes(), &parsed).is_ok())
            })
            .await??;
        Ok(right && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _waiting = Waiting::begin(&self.waiting).ok_or(Code::ServerUnavailable)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(anyhow::Error::from)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        Ok(done.await.map_err(anyhow::Error::from)?)
    }
}

/// One of those who wait; no longer when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Option<Waiting<'a>> {
        let before = count.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(count);
        (before < WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    // 19 MiB and two passes: the least that OWASP recommends, for a small server.
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| anyhow!("argon2: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of a password, in PHC format, on this thread.
pub(super) fn hash(password: &str) -> anyhow::Result<String> {
    let salt = random::bytes::<16>()?;
    let hash = argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| anyhow!("a password cannot be hashed: {error}"))?;
    Ok(hash.to_string())
}
