//! The one place that asks the machine for the time.
//!
//! Whoever needs to know the time gets a [`Clock`]: the system's on a server, one moved by hand in a test.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use shared::time::Ms;

/// What time it is.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that stands until it is moved.
    Manual(ManualClock),
}

impl Clock {
    /// The present instant.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Ms {
        match self {
            Clock::System => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            Clock::Manual(clock) => Ms(clock.0.load(Ordering::SeqCst)),
        }
    }
}

/// A clock that is moved by hand. Its clones are the same clock.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at an instant.
    pub fn at(now: Ms) -> Self {
        ManualClock(Arc::new(AtomicI64::new(now.0)))
    }

    /// Sets the clock.
    pub fn set(&self, now: Ms) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

/// How long something takes, for figures only: it decides nothing.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        Stopwatch(std::time::Instant::now())
    }

    /// The time since the start.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
