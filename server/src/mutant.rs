//! Mistakes that this server does not make. A simulator makes it make them, to show that it would notice.
//!
//! Only a build with debug assertions can: in a release [`App::mutated`] is `false` when it is compiled.

use tokio::sync::{Notify, Semaphore};

use crate::App;

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Sequence numbers are drawn before the site's row is locked, as a plain serial would be, so that a row may be
    /// committed after one with a higher number.
    SerialCursor,
    /// A cursor has one position for all principals: what is read of a new one begins there.
    OneCursor,
    /// A command that comes again is not known, and takes effect again.
    LostKey,
    /// A complaint is addressed to the desk as a role.
    ComplaintInRoleFeed,
    /// What somebody did at a stop is forgotten if it arrives once the end of the window has been noted, so that the stop
    /// stays missed.
    LateStaysMissed,
    /// A round that begins by the plan has another id than one that somebody starts.
    RoundTwice,
}

/// A mistake that is being made, and where it needs two requests at once, a gate at which one of them waits.
#[derive(Debug)]
pub struct Mutation {
    mutant: Mutant,
    reached: Notify,
    passes: Semaphore,
}

impl Mutation {
    /// Makes this mistake from now on.
    #[cfg(debug_assertions)]
    pub(crate) fn new(mutant: Mutant) -> Mutation {
        Mutation { mutant, reached: Notify::new(), passes: Semaphore::new(0) }
    }

    /// Returns when a request waits at the gate.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets one request through.
    pub fn pass(&self) {
        self.passes.add_permits(1);
    }

    pub(crate) async fn wait(&self) {
        self.reached.notify_one();
        // It is never closed.
        if let Ok(permit) = self.passes.acquire().await {
            permit.forget();
        }
    }
}

impl App {
    /// Whether this mistake is to be made: never in a release.
    pub(crate) fn mutated(&self, mutant: Mutant) -> bool {
        cfg!(debug_assertions) && self.mutation.as_ref().is_some_and(|mutation| mutation.mutant == mutant)
    }
}
