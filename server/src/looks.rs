//! Looking the same kind of thing up for several requests at once.
//!
//! A look into the database wakes another thread, or another process, and that costs many times what is read. So whoever asks
//! while a look is on its way waits for the next one, and all who do share it. Who comes alone looks at once, and nobody is
//! told what was read before they asked.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::{
    accounts::store::{Session, find_sessions},
    commands::store::{Author, ChainKey, find_authors},
    db::{self, Conn, Db, PATIENCE},
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
    /// How long a look may take, once it has a connection.
    patience: Duration,
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
        Looking { look, patience: PATIENCE, queue: Arc::new(Queue(Mutex::new(None))) }
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
                    tokio::spawn(drain(db.clone(), self.look, self.patience, Arc::clone(&self.queue)));
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
async fn drain<K: Ord + Clone, V: Clone>(
    db: Db,
    look: Look<K, V>,
    patience: Duration,
    queue: Arc<Queue<K, V>>,
) {
    let leave = Leave(&queue);
    loop {
        let askers = queue.take();
        if askers.is_empty() {
            // Somebody else may have begun.
            std::mem::forget(leave);
            return;
        }
        let keys: Vec<K> = askers.iter().map(|(key, _)| key.clone()).collect();
        match in_time(&db, look, patience, &keys).await {
            Ok(found) => {
                for (key, told) in askers {
                    // Who hung up wants no answer.
                    let _ = told.send(Ok(found.get(&key).cloned()));
                }
            }
            Err(error) => each_alone(&db, look, patience, askers, error).await,
        }
    }
}

/// Looks for each by themselves, after the look that they shared has failed: a row that cannot be read concerns nobody but who
/// asked for it. Where the database is not to be had there is nothing to try.
async fn each_alone<K: Ord, V: Clone>(
    db: &Db,
    look: Look<K, V>,
    patience: Duration,
    mut askers: Vec<Asker<K, V>>,
    error: sqlx::Error,
) {
    let mut nothing_to_try = db::is_unavailable(&error);
    if askers.len() == 1
        && let Some((_, told)) = askers.pop()
    {
        let _ = told.send(Err(error));
        return;
    }
    tracing::warn!(%error, askers = askers.len(), "looked up again, each by itself");
    for (key, told) in askers {
        let found = if nothing_to_try {
            Err(sqlx::Error::PoolTimedOut)
        } else if told.is_closed() {
            continue;
        } else {
            in_time(db, look, patience, std::slice::from_ref(&key)).await
        };
        nothing_to_try |= found.as_ref().is_err_and(db::is_unavailable);
        let _ = told.send(found.map(|found| found.get(&key).cloned()));
    }
}

/// Looks once. Others wait for it, so it is given up after a while, with its connection.
async fn in_time<K, V>(
    db: &Db,
    look: Look<K, V>,
    patience: Duration,
    keys: &[K],
) -> sqlx::Result<BTreeMap<K, V>> {
    let mut conn = db.connection().await?;
    match tokio::time::timeout(patience, look(&mut conn, keys)).await {
        Ok(found) => found,
        Err(_) => {
            conn.close_on_drop();
            Err(sqlx::Error::PoolTimedOut)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    type Numbers = Arc<Looking<i64, i64>>;

    /// Which look it is: the first one lasts until somebody opens its gate.
    struct Gate(AtomicUsize, Semaphore);

    impl Gate {
        const fn shut() -> Gate {
            Gate(AtomicUsize::new(0), Semaphore::const_new(0))
        }

        async fn pass(&self) -> i64 {
            let look = self.0.fetch_add(1, Ordering::Relaxed) as i64;
            if look == 0 {
                self.1.acquire().await.unwrap().forget();
            }
            look
        }

        /// Waits until somebody stands before it.
        async fn reached(&self) {
            while self.0.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
        }

        /// Opens it once so many wait for the next look.
        async fn open(&self, numbers: &Numbers, waiting: usize) {
            while numbers.queue.lock().as_ref().map_or(0, Vec::len) < waiting {
                tokio::task::yield_now().await;
            }
            self.1.add_permits(1);
        }
    }

    async fn database() -> (Db, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&crate::config::sqlite_url(&folder.path().join("looks.db")), 2).await.unwrap();
        (db, folder)
    }

    fn ask(db: &Db, numbers: &Numbers, key: i64) -> tokio::task::JoinHandle<sqlx::Result<Option<i64>>> {
        let (db, numbers) = (db.clone(), Arc::clone(numbers));
        tokio::spawn(async move { numbers.ask(&db, key).await })
    }

    #[tokio::test]
    async fn those_who_ask_during_a_look_share_the_next_one_and_none_is_told_what_was_read_before() {
        static GATE: Gate = Gate::shut();
        let (db, _folder) = database().await;
        // What is told is which look it was.
        let numbers: Numbers = Arc::new(Looking::new(|_, keys| {
            Box::pin(async move {
                let look = GATE.pass().await;
                Ok(keys.iter().filter(|key| **key < 5).map(|key| (*key, look)).collect())
            })
        }));
        let first = ask(&db, &numbers, 0);
        GATE.reached().await;
        let others: Vec<_> = (0..10).map(|key| ask(&db, &numbers, key)).collect();
        GATE.open(&numbers, 10).await;
        assert_eq!(first.await.unwrap().unwrap(), Some(0));
        for (key, other) in others.into_iter().enumerate() {
            assert_eq!(other.await.unwrap().unwrap(), (key < 5).then_some(1));
        }
        assert_eq!(numbers.ask(&db, 1).await.unwrap(), Some(2));
    }

    #[tokio::test]
    async fn who_hangs_up_and_what_fails_harm_nobody_else() {
        static GATE: Gate = Gate::shut();
        let (db, _folder) = database().await;
        let numbers: Numbers = Arc::new(Looking::new(|_, keys| {
            Box::pin(async move {
                GATE.pass().await;
                assert!(!keys.contains(&99), "a look that panics");
                if keys.contains(&13) {
                    return Err(sqlx::Error::Decode("damaged".into()));
                }
                Ok(keys.iter().map(|key| (*key, *key)).collect())
            })
        }));
        let first = ask(&db, &numbers, 0);
        GATE.reached().await;
        first.abort();
        let (damaged, whole) = (ask(&db, &numbers, 13), ask(&db, &numbers, 1));
        GATE.open(&numbers, 2).await;
        assert!(matches!(damaged.await.unwrap(), Err(sqlx::Error::Decode(_))));
        assert_eq!(whole.await.unwrap().unwrap(), Some(1));
        assert!(matches!(ask(&db, &numbers, 99).await.unwrap(), Err(sqlx::Error::WorkerCrashed)));
        assert_eq!(ask(&db, &numbers, 2).await.unwrap().unwrap(), Some(2));
    }

    #[tokio::test]
    async fn a_look_that_never_ends_is_given_up() {
        let (db, _folder) = database().await;
        static GATE: Gate = Gate::shut();
        let numbers = Looking::new(|_, keys| {
            Box::pin(async move {
                GATE.pass().await;
                if keys.contains(&7) {
                    std::future::pending::<()>().await;
                }
                Ok(keys.iter().map(|key| (*key, *key)).collect())
            })
        });
        let numbers: Numbers = Arc::new(Looking { patience: Duration::from_secs(1), ..numbers });
        let first = ask(&db, &numbers, 0);
        GATE.reached().await;
        let others = [ask(&db, &numbers, 7), ask(&db, &numbers, 8)];
        GATE.open(&numbers, 2).await;
        assert_eq!(first.await.unwrap().unwrap(), Some(0));
        for other in others {
            assert!(matches!(other.await.unwrap(), Err(sqlx::Error::PoolTimedOut)));
        }
        assert_eq!(numbers.ask(&db, 1).await.unwrap(), Some(1));
    }
}
