//! Death of the server between two statements.
//!
//! What a process leaves behind when it dies is what its database has been told until then, and that nobody hears of
//! it. So a server that is to die counts the statements of its database: after the last one that it lives to see, that
//! thread of the database waits, whatever does not need it goes on as far as it can, and then everything is dropped at
//! once: requests, what they have spawned, connections. The next statement, if one was on its way, still arrives, as it
//! may when a process is killed.
//!
//! Statements are heard of by what sqlx tells of each of them. As that does not say whose they are, nobody else works
//! at a server while one dies.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Condvar, Mutex, MutexGuard, Once, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tokio::{runtime::Runtime, sync::Notify, task::yield_now};
use tracing::{
    Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};

/// Where sqlx tells of statements.
const STATEMENTS: &str = "sqlx::query";

/// Held by whoever works at a server: shared, or by the one that dies alone.
static WORK: RwLock<()> = RwLock::new(());
/// A server is to die.
static DOOMED: AtomicBool = AtomicBool::new(false);
static FATE: Mutex<Fate> = Mutex::new(Fate { left: 0, reached: false });
/// The dead are buried, and their threads go on.
static BURIED: Condvar = Condvar::new();
/// The last statement has been carried out.
static REACHED: Notify = Notify::const_new();

struct Fate {
    left: usize,
    reached: bool,
}

fn fate() -> MutexGuard<'static, Fate> {
    FATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Works at a server that lives.
pub fn live<T>(runtime: &Runtime, work: impl Future<Output = T>) -> T {
    let _shared = WORK.read().unwrap_or_else(PoisonError::into_inner);
    runtime.block_on(work)
}

/// Works at a server until it has carried out so many statements, or has done the work; and then it is dead.
pub fn die(runtime: Runtime, statements: usize, work: impl Future<Output = ()>) {
    static HEARS: Once = Once::new();
    // Nobody else has one in this process.
    HEARS.call_once(|| drop(tracing::subscriber::set_global_default(Counter)));
    let _alone = WORK.write().unwrap_or_else(PoisonError::into_inner);
    *fate() = Fate { left: statements, reached: false };
    DOOMED.store(true, Ordering::SeqCst);
    runtime.block_on(async {
        // It may have been reached the last time when the work was just done.
        let _ = REACHED.notified().now_or_never();
        let mut work = pin!(work);
        tokio::select! {
            () = REACHED.notified() => {}
            () = &mut work => return,
        }
        // What does not wait for the database goes as far as it can, however quick its thread is.
        for _ in 0..64 {
            tokio::select! {
                biased;
                () = &mut work => return,
                () = yield_now() => {}
            }
        }
    });
    drop(runtime);
    DOOMED.store(false, Ordering::SeqCst);
    fate().reached = false;
    BURIED.notify_all();
    // Lest the last statement of the dead is taken for one of the next to die.
    std::thread::sleep(Duration::from_millis(2));
}

/// Hears of statements.
struct Counter;

impl Counter {
    fn count() {
        let mut fate = fate();
        if !DOOMED.load(Ordering::SeqCst) {
            return;
        }
        if !fate.reached {
            fate.left = fate.left.saturating_sub(1);
            if fate.left > 0 {
                return;
            }
            fate.reached = true;
            REACHED.notify_one();
        }
        let _buried = BURIED.wait_while(fate, |fate| fate.reached);
    }
}

impl Subscriber for Counter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target() == STATEMENTS { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == STATEMENTS && DOOMED.load(Ordering::SeqCst)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, _: &Event<'_>) {
        Counter::count();
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
