//! Looking the same kind of thing up for several requests at once.
//!
//! A look into the database wakes another thread, or another process, and that costs many times what is read. So whoever asks
//! while a look is on its way waits for the next one, and all who do share it. Who comes alone looks at once, and nobody is
//! told what was read before they asked.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::{
    accounts::store::{Session, find_sessions},
    commands::store::{Author, ChainKey, find_authors},
    db::{self, Conn, Db},
};

/// What nearly every request looks up.
#[derive(Debug)]
pub struct Looks {
    /// The session of a token's hash, of an account that is active; it may be over.
    pub sessions: Looking<String, Session>,
    /// What is known of an author on a device, if the device has a key of the author.
    pub authors: Looking<ChainKey, Author>,
}

impl Default for Looks {
    fn default() -> Self {
        Looks {
            sessions: Looking::new(|conn, keys| Box::pin(find_sessions(conn, keys))),
            authors: Looking::new(|conn, keys| Box::pin(find_authors(conn, keys))),
        }
    }
}

/// How keys are looked up: those that there are.
type Look<K, V> = for<'a> fn(&'a mut Conn, &'a [K]) -> BoxFuture<'a, sqlx::Result<BTreeMap<K, V>>>;

/// Looks one kind of thing up.
#[derive(Debug)]
pub struct Looking<K, V> {
    look: Look<K, V>,
    queue: Arc<Queue<K, V>>,
}

/// Somebody who waits, and for what.
type Asker<K, V> = (K, oneshot::Sender<sqlx::Result<Option<V>>>);

/// Those who wait for the next look; `None` while nobody looks.
struct Queue<K, V>(Mutex<Option<Vec<Asker<K, V>>>>);

impl<K, V> fmt::Debug for Queue<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl<K, V> Queue<K, V> {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<Asker<K, V>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who share the next look; without any, nobody looks any more.
    fn take(&self) -> Vec<Asker<K, V>> {
        let mut queue = self.lock();
        let askers = queue.as_mut().map(std::mem::take).unwrap_or_default();
        if askers.is_empty() {
            *queue = None;
        }
        askers
    }
}

impl<K, V> Looking<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    fn new(look: Look<K, V>) -> Self {
        Looking { look, queue: Arc::new(Queue(Mutex::new(None))) }
    }

    /// What there is under a key. Who no longer waits for the answer stops nobody else's.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ask(&self, db: &Db, key: K) -> sqlx::Result<Option<V>> {
        let (told, answer) = oneshot::channel();
        {
            let mut queue = self.queue.lock();
            match &mut *queue {
                Some(waiting) => waiting.push((key, told)),
                None => {
                    *queue = Some(vec![(key, told)]);
                    tokio::spawn(drain(db.clone(), self.look, Arc::clone(&self.queue)));
                }
            }
        }
        answer.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }
}

/// Lets somebody else begin, should a look end otherwise than by having nobody left: those who wait are told that it failed.
struct Leave<'a, K, V>(&'a Queue<K, V>);

impl<K, V> Drop for Leave<'_, K, V> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// Looks until nobody waits.
async fn drain<K: Ord + Clone, V: Clone>(db: Db, look: Look<K, V>, queue: Arc<Queue<K, V>>) {
    let leave = Leave(&queue);
    loop {
        let askers = queue.take();
        if askers.is_empty() {
            // Somebody else may have begun.
            std::mem::forget(leave);
            return;
        }
        let keys: Vec<K> = askers.iter().map(|(key, _)| key.clone()).collect();
        let looked = async { look(&mut *db.connection().await?, &keys).await };
        match looked.await {
            Ok(found) => {
                for (key, told) in askers {
                    // Who hung up wants no answer.
                    let _ = told.send(Ok(found.get(&key).cloned()));
                }
            }
            Err(error) => {
                for (_, told) in askers {
                    let _ = told.send(Err(db::same(&error)));
                }
            }
        }
    }
}
