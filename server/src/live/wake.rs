//! Who is told of a commit: the streams of this process at once, other processes by what `across` sends them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use shared::ids::SiteCode;
use tokio::sync::{Notify, broadcast};

/// Commits that a slow stream may fall behind before it is told to pull everything.
const BEHIND: usize = 1_024;

/// A commit, and whom it touched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Touched {
    /// At which site.
    pub site: SiteCode,
    /// How far the site was before.
    pub before: i64,
    /// How far the site is.
    pub seq: i64,
    /// The principals whose feeds have changed; `None` where that is not known, so that anybody's may have.
    pub principals: Option<BTreeSet<String>>,
}

impl Touched {
    /// Both as one.
    fn with(self, later: Touched) -> Touched {
        let principals = self.principals.zip(later.principals).map(|(mut all, more)| {
            all.extend(more);
            all
        });
        let (before, seq) = (self.before.min(later.before), self.seq.max(later.seq));
        Touched { site: self.site, before, seq, principals }
    }
}

/// Passes commits on: its own process's to everybody, those of other processes to the streams of this one.
#[derive(Clone, Debug)]
pub struct Wake(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    streams: broadcast::Sender<Arc<Touched>>,
    /// How far each site is, as far as it is known here.
    heads: Mutex<HashMap<SiteCode, i64>>,
    /// Somebody passes on what is outgoing.
    outward: AtomicBool,
    /// What other processes are to hear, one entry per site however many commits there were.
    outgoing: Mutex<BTreeMap<SiteCode, Touched>>,
    waiting: Notify,
}

impl Default for Wake {
    fn default() -> Self {
        Wake(Arc::new(Parts {
            streams: broadcast::Sender::new(BEHIND),
            heads: Mutex::default(),
            outward: AtomicBool::new(false),
            outgoing: Mutex::default(),
            waiting: Notify::new(),
        }))
    }
}

impl Wake {
    /// A commit of this process.
    pub fn touched(&self, touched: Touched) {
        if self.0.outward.load(Ordering::Relaxed) {
            let mut outgoing = self.0.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
            let both = match outgoing.remove(&touched.site) {
                Some(before) => before.with(touched.clone()),
                None => touched.clone(),
            };
            outgoing.insert(touched.site.clone(), both);
            self.0.waiting.notify_one();
        }
        self.reached(&touched);
        self.tell(touched);
    }

    /// A commit of another process. Where something is missing before it, anybody's feed may have changed.
    pub(super) fn heard(&self, touched: Touched) {
        let before = self.reached(&touched);
        let principals = touched.principals.filter(|_| before.is_none_or(|before| touched.before <= before));
        self.tell(Touched { principals, ..touched });
    }

    /// How far a site is, as somebody who looked has found. If that is further than was heard of, everybody is told.
    pub(super) fn found(&self, site: SiteCode, seq: i64) {
        let found = Touched { site, before: seq, seq, principals: None };
        if self.reached(&found).is_none_or(|before| before < seq) {
            self.tell(found);
        }
    }

    /// Notes how far a site is; answers how far it was known to be before.
    fn reached(&self, touched: &Touched) -> Option<i64> {
        let mut heads = self.0.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let before = heads.get(&touched.site).copied();
        let seq = before.map_or(touched.seq, |before| before.max(touched.seq));
        heads.insert(touched.site.clone(), seq);
        before
    }

    fn tell(&self, touched: Touched) {
        // Nobody listening is no error.
        let _ = self.0.streams.send(Arc::new(touched));
    }

    /// Hears of every commit from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Touched>> {
        self.0.streams.subscribe()
    }

    /// From now on somebody asks for what is [`outgoing`](Self::outgoing).
    pub(super) fn go_outward(&self) {
        self.0.outward.store(true, Ordering::Relaxed);
    }

    /// What other processes have not been told, as soon as there is anything.
    pub(super) async fn outgoing(&self) -> Vec<Touched> {
        loop {
            let outgoing =
                std::mem::take(&mut *self.0.outgoing.lock().unwrap_or_else(PoisonError::into_inner));
            if !outgoing.is_empty() {
                return outgoing.into_values().collect();
            }
            self.0.waiting.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(before: i64, seq: i64, whom: &[&str]) -> Touched {
        let principals = Some(whom.iter().map(|name| (*name).to_owned()).collect());
        Touched { site: "jinzhou".into(), before, seq, principals }
    }

    fn next(commits: &mut broadcast::Receiver<Arc<Touched>>) -> Touched {
        commits.try_recv().map(|touched| (*touched).clone()).unwrap()
    }

    #[test]
    fn what_another_process_says_is_passed_on_as_it_is() {
        let wake = Wake::default();
        let mut commits = wake.subscribe();
        for commit in [touched(4, 5, &["role:desk"]), touched(5, 7, &["all"])] {
            wake.heard(commit.clone());
            assert_eq!(next(&mut commits), commit);
        }
    }

    #[test]
    fn where_something_was_not_heard_of_everybody_looks() {
        let wake = Wake::default();
        let mut commits = wake.subscribe();
        wake.heard(touched(4, 5, &["role:desk"]));
        wake.heard(touched(6, 7, &["all"]));
        next(&mut commits);
        assert_eq!(next(&mut commits).principals, None);
        // What was missing comes after all, and is heard of like anything else.
        wake.heard(touched(5, 6, &["person:1"]));
        assert_eq!(next(&mut commits), touched(5, 6, &["person:1"]));
    }

    #[test]
    fn who_looks_tells_everybody_of_what_nobody_heard_of_and_of_nothing_else() {
        let wake = Wake::default();
        let mut commits = wake.subscribe();
        wake.touched(touched(4, 5, &["all"]));
        next(&mut commits);
        wake.found("jinzhou".into(), 5);
        wake.found("jinzhou".into(), 4);
        assert!(commits.try_recv().is_err());
        wake.found("jinzhou".into(), 6);
        assert_eq!((next(&mut commits).seq, commits.len()), (6, 0));
        wake.found("jinzhou".into(), 6);
        assert!(commits.try_recv().is_err());
    }

    #[tokio::test]
    async fn commits_that_wait_to_be_passed_on_are_one_per_site() {
        let wake = Wake::default();
        wake.touched(touched(3, 4, &["nobody asks yet"]));
        wake.go_outward();
        wake.touched(touched(4, 5, &["role:desk"]));
        wake.touched(touched(5, 6, &["all"]));
        wake.touched(Touched { site: "wanjing".into(), ..touched(1, 2, &["all"]) });
        let outgoing = wake.outgoing().await;
        assert_eq!(outgoing[0], touched(4, 6, &["all", "role:desk"]));
        assert_eq!(outgoing.len(), 2);
    }
}
