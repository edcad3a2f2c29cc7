//! The driver of the sync engine: carries out what [`shared::sync::plan`] says and stores what came back.
//!
//! One tab of a person syncs at a time; the others follow by the database. The loop reads what the device holds, asks
//! for the next step, takes it, and begins again; it sleeps only when there is nothing to do, until a moment that the
//! plan names or a [`Nudge`]. A step stores its result in one transaction before the next begins, so that a page may
//! be killed at any time.

mod steps;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use futures::{
    FutureExt, StreamExt,
    channel::mpsc::UnboundedReceiver,
    future::{Either, select},
};
use shared::{
    Code, Rejection,
    ids::SiteCode,
    sync::{Fault, Pulled, Reaction, Retry, Snapshot, Step, UploadState, plan, react},
    time::Ms,
    wire::{Poke, Problem},
};

use crate::{
    local::Local,
    platform::{
        NetworkError, PlatformError, clock, device, events,
        http::Response,
        ids,
        live::{Live, LiveEvent},
        tabs::Lock,
    },
    state::{Link, State, refusal},
};
use steps::Ahead;

/// Why the engine should look again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nudge {
    /// Something was saved here or in another tab.
    Saved,
    /// The network may be back.
    Online,
    /// The app is on screen again.
    Visible,
    /// Somebody has signed in.
    SignedIn,
    /// A person wants it now.
    Asked,
    /// The server said that a site has moved on.
    Poked(SiteCode),
    /// The stream that says so is open, and may have missed something before.
    Hearing,
    /// The server ended that stream.
    Deaf,
}

/// A stream that the server ended is not opened again sooner: meanwhile news are asked for.
const LISTEN_AGAIN: i64 = 15_000;

/// What ended a step.
#[derive(Debug)]
enum Stop {
    /// The request failed.
    Fault(Fault),
    /// The device failed.
    Device(PlatformError),
}

impl From<PlatformError> for Stop {
    fn from(error: PlatformError) -> Self {
        match error {
            PlatformError::Network(NetworkError::Aborted | NetworkError::Offline)
            | PlatformError::Network(NetworkError::Timeout)
            | PlatformError::Network(NetworkError::Unreachable(_))
            | PlatformError::Network(NetworkError::Unreadable(_)) => Stop::Fault(Fault::Unreachable),
            PlatformError::Storage(_)
            | PlatformError::Crypto(_)
            | PlatformError::Media(_)
            | PlatformError::Unsupported(_)
            | PlatformError::Json(_) => Stop::Device(error),
        }
    }
}

struct Driver {
    state: State,
    local: Local,
    retry: Retry,
    poked: Rc<RefCell<BTreeSet<SiteCode>>>,
    live: Option<Live>,
    listen_from: Ms,
    /// Sites that are not asked before then, because asking failed in a way that would fail again.
    spare: BTreeMap<SiteCode, Ms>,
    /// The upload that is under way and how much of it the server has.
    under_way: Option<(String, usize)>,
    /// Uploads that arrived with another hash once.
    damaged: BTreeSet<String>,
    /// Photos to be fetched ahead, the next one last.
    ahead: Vec<Ahead>,
    fetched: bool,
}

/// A site whose pull failed is left alone for so long, while the rest goes on.
const SPARE: i64 = 60_000;
/// Below this many bytes of room nothing is fetched ahead.
const LITTLE_ROOM: u64 = 50 * 1024 * 1024;

/// Syncs one person's database until its nudges end.
pub async fn run(state: State, local: Local, mut nudges: UnboundedReceiver<Nudge>) {
    // A browser without locks has every tab sync: verdicts are idempotent, so that this costs requests and no more.
    let _lock = Lock::acquire(&format!("{}-sync", local.name())).await.ok();
    let mut driver = Driver {
        state,
        local,
        retry: Retry::default(),
        poked: Rc::default(),
        live: None,
        listen_from: Ms(0),
        spare: BTreeMap::new(),
        under_way: None,
        damaged: BTreeSet::new(),
        ahead: Vec::new(),
        fetched: false,
    };
    loop {
        while let Some(nudge) = nudges.next().now_or_never() {
            match nudge {
                Some(nudge) => driver.nudged(nudge),
                None => return,
            }
        }
        // Somebody else may have signed in: what is theirs is theirs to sync.
        if !state.is_open(&driver.local) {
            return;
        }
        let wait = match driver.step().await {
            Ok(wait) => wait,
            // The rows stay as they were, and a later look finds them so.
            Err(error) => Some(driver.unable(error)),
        };
        let Some(until) = wait else { continue };
        let millis = until.since(Ms(clock::now_ms())).clamp(0, 3_600_000);
        let sleep = clock::sleep(u32::try_from(millis).unwrap_or(u32::MAX));
        match select(Box::pin(sleep), nudges.next()).await {
            Either::Left(_) => {}
            Either::Right((Some(nudge), _)) => driver.nudged(nudge),
            Either::Right((None, _)) => return,
        }
    }
}

impl Driver {
    fn nudged(&mut self, nudge: Nudge) {
        match nudge {
            Nudge::Saved => {}
            Nudge::Online | Nudge::Visible | Nudge::SignedIn | Nudge::Asked => {
                self.retry = Retry::default();
                self.live = None;
                self.listen_from = Ms(0);
                self.spare.clear();
                self.ask_everywhere();
            }
            Nudge::Hearing => self.ask_everywhere(),
            Nudge::Deaf => {
                self.live = None;
                self.listen_from = Ms(clock::now_ms()).plus(LISTEN_AGAIN);
            }
            Nudge::Poked(site) => drop(self.poked.borrow_mut().insert(site)),
        }
    }

    fn ask_everywhere(&self) {
        let session = self.state.session.get_untracked();
        let sites = session.into_iter().flat_map(|session| session.sites);
        self.poked.borrow_mut().extend(sites.map(|site| site.code));
    }

    /// Takes one step; answers until when to wait, or `None` to go on at once.
    async fn step(&mut self) -> Result<Option<Ms>, PlatformError> {
        let (outbox, uploads) = (self.local.outbox().await?, self.local.uploads().await?);
        let codes: Vec<SiteCode> = self.state.session.with_untracked(|session| {
            session.iter().flat_map(|session| session.sites.iter().map(|site| site.code.clone())).collect()
        });
        let mut sites = Vec::with_capacity(codes.len());
        for code in codes {
            let pulled = self.local.pulled(&code).await?;
            let more = pulled.more || self.poked.borrow().contains(&code);
            let now = Ms(clock::now_ms());
            let spared = self.spare.get(&code).is_some_and(|until| *until > now);
            let pulled = if spared {
                Pulled { at: Some(now), more: false, ..pulled }
            } else {
                Pulled { more, ..pulled }
            };
            sites.push((code, pulled));
        }
        let snapshot = Snapshot {
            signed_in: !self.state.expired.get_untracked(),
            visible: events::is_visible(),
            outbox: &outbox,
            uploads: &uploads,
            sites: &sites,
            retry: self.retry,
        };
        let step = plan(&snapshot, Ms(clock::now_ms()));
        self.state.busy.set(!matches!(step, Step::Wait(_)));
        let done = match step {
            Step::Push(batch) => {
                let rows: Vec<_> = outbox.into_iter().filter(|row| batch.contains(&row.n)).collect();
                self.push(&rows).await
            }
            Step::Pull(site) => {
                self.fetched = false;
                let done = self.pull(&site, &outbox).await;
                let for_good = match &done {
                    Err(Stop::Device(_)) => true,
                    Err(Stop::Fault(fault)) => matches!(react(fault), Reaction::Refused(_)),
                    Ok(()) => false,
                };
                if for_good {
                    self.spare.insert(site, Ms(clock::now_ms()).plus(SPARE));
                }
                done
            }
            Step::Upload(name) => match uploads.into_iter().find(|upload| upload.name() == name) {
                Some(upload) => self.upload(upload).await,
                None => Ok(()),
            },
            Step::Wait(until) => return Ok(self.rest(until).await),
        };
        match done {
            Ok(()) => {
                self.retry = Retry::default();
                self.state.link.set(Link::Online);
                Ok(None)
            }
            Err(Stop::Device(error)) => Err(error),
            Err(Stop::Fault(fault)) => Ok(self.failed(&fault)),
        }
    }

    /// Nothing to send or ask: listens, fetches photos ahead, cleans up; then waits.
    async fn rest(&mut self, until: Option<Ms>) -> Option<Ms> {
        let failing = self.retry.failures > 0 && self.retry.not_before > Ms(clock::now_ms());
        if !failing && !self.state.expired.get_untracked() {
            if self.live.is_none() && events::is_visible() && Ms(clock::now_ms()) >= self.listen_from {
                self.live = self.listen();
            }
            if !self.fetched {
                self.fetched = true;
                // What could not be tidied up now is the next time.
                let _ = self.tidy().await;
                let room = device::room().await;
                let little = room.is_some_and(|room| room.quota.saturating_sub(room.used) < LITTLE_ROOM);
                self.ahead = if little { Vec::new() } else { self.look_ahead().await.unwrap_or_default() };
            }
            // One photo at a time: whatever was saved meanwhile goes first.
            if let Some(photo) = self.ahead.pop() {
                // A convenience: what fails now is fetched when it is looked at.
                if self.fetch(&photo).await.is_err() {
                    self.ahead.clear();
                }
                return Some(Ms(clock::now_ms()));
            }
        }
        // An hour stands for ever: something will nudge before.
        Some(until.unwrap_or_else(|| Ms(clock::now_ms()).plus(3_600_000)))
    }

    fn listen(&self) -> Option<Live> {
        let state = self.state;
        Live::open("/api/live", move |event: LiveEvent<Poke>| match event {
            LiveEvent::Message(poke) => state.nudge(Nudge::Poked(poke.site)),
            LiveEvent::Open => state.nudge(Nudge::Hearing),
            LiveEvent::Closed => state.nudge(Nudge::Deaf),
            // The browser connects again by itself.
            LiveEvent::Broken => {}
        })
        .ok()
    }

    /// The device itself failed: says so, and tries again later.
    fn unable(&mut self, error: PlatformError) -> Ms {
        self.state.busy.set(false);
        self.state.link.set(Link::Refused(refusal(error)));
        self.put_off(None)
    }

    fn put_off(&mut self, after: Option<i64>) -> Ms {
        let random = ids::random_bytes::<4>()
            .map_or(0.5, |bytes| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX));
        self.retry = self.retry.failed(Ms(clock::now_ms()), random, after);
        self.retry.not_before
    }

    fn failed(&mut self, fault: &Fault) -> Option<Ms> {
        let (link, after) = match react(fault) {
            Reaction::Retry { after } => match fault {
                Fault::Unreachable => (Link::Offline, after),
                Fault::Answered { .. } => (Link::Failing, after),
            },
            Reaction::SignIn => {
                self.state.expired.set(true);
                self.live = None;
                return None;
            }
            // The cursor was dropped by the step itself.
            Reaction::Restart => return None,
            Reaction::Refused(code) => (Link::Refused(code.into()), None),
        };
        self.state.link.set(link);
        Some(self.put_off(after))
    }

    /// Lets go of uploads that are through. Their bytes stay, to be looked at without a network, until room is needed.
    async fn tidy(&self) -> Result<(), PlatformError> {
        let uploads = self.local.uploads().await?;
        let outbox = self.local.outbox().await?;
        // A photo stays until both its command and its bytes are confirmed; only then is its row of no use.
        let through: Vec<String> = uploads
            .iter()
            .filter(|upload| matches!(upload.state, UploadState::Done { .. }))
            .filter(|upload| !outbox.iter().any(|row| row.id == upload.command))
            .map(|upload| upload.name())
            .collect();
        if !through.is_empty() {
            self.local.forget(&[], &through, &[]).await?;
            self.state.changed(Vec::new()).await?;
        }
        Ok(())
    }
}

/// The fault of an answer that is not a success.
fn fault(response: &Response) -> Fault {
    let problem: Option<Problem> = response.json().ok();
    // Seconds; a date is not used by our server.
    let retry_after = response.header("retry-after").and_then(|text| text.trim().parse::<i64>().ok());
    Fault::Answered {
        status: response.status,
        code: problem.map(|problem| problem.code),
        retry_after: retry_after.map(|seconds| seconds.saturating_mul(1_000)),
    }
}

/// The refusal that an answer carries, for a person to read.
pub fn problem(response: &Response) -> Rejection {
    match response.json::<Problem>() {
        Ok(problem) => Rejection { code: problem.code, fields: problem.fields },
        Err(_) if response.status >= 500 => Code::ServerUnavailable.into(),
        Err(_) => Code::DeviceOffline.into(),
    }
}
