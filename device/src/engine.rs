//! The driver of the sync engine: carries out what [`shared::sync::plan`] says and stores what came back.
//!
//! Whoever owns an [`Engine`] calls [`plan`](Engine::plan) and [`take`](Engine::take) in turn, and sleeps only when
//! that says until when. A step stores its result in one transaction before the next begins, so that the device may be
//! killed at any time.

mod carry;
mod steps;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use shared::{
    Code, Rejection,
    case::CaseView,
    ids::{RoundId, SiteCode},
    sync::{
        BACKOFF_MAX, Delivery, Fault, OutboxRow, Pulled, Reaction, Retry, Snapshot, Step, UploadRow,
        UploadState, plan, react,
    },
    time::Ms,
    wire::{self, DocKey},
};

use crate::{Local, Mutant, NetworkError, PlatformError, Request, Response, local, platform::Platform};
use steps::Ahead;

pub use carry::left_by_others;

/// A site whose pull failed is left alone for so long, while the rest goes on.
const SPARE: i64 = 60_000;
/// It stands for ever: something will nudge before.
const HOUR: i64 = 3_600_000;

/// Why the engine should look again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nudge {
    /// Something was saved here.
    Saved,
    /// Another user of this database saved something or signed in.
    Told,
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
}

/// How the network was when it was last needed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Link {
    /// Not tried yet.
    Unknown,
    /// The server answered.
    Online,
    /// The server was not reached.
    Offline,
    /// The server answered with an error that trying again may mend.
    Failing,
    /// The server refuses what this device sends; the sentence says what to do. Everything is kept.
    Refused(Rejection),
}

/// What is to be done next, with the rows that it is about.
#[derive(Debug)]
pub struct Planned {
    step: Step,
    outbox: Vec<OutboxRow>,
    uploads: Vec<UploadRow>,
}

impl Planned {
    /// Whether something is to be sent or fetched.
    pub fn is_busy(&self) -> bool {
        !matches!(self.step, Step::Wait(_))
    }
}

/// The site that is on screen, and its cases as they are shown there.
pub type Shown = (SiteCode, Vec<Arc<CaseView>>);

/// What came of a step.
#[derive(Debug, Default)]
pub struct Taken {
    /// What the screen should read again: outbox and uploads, and these documents. `None` if nothing has changed.
    pub changed: Option<Vec<(SiteCode, DocKey)>>,
    /// How the network was, if it was needed.
    pub link: Option<Link>,
    /// How many records of other people lie unsent on this device, if that has changed.
    pub left: Option<usize>,
    /// Until when to wait, unless something nudges before; `None` to go on at once.
    pub wait: Option<Ms>,
}

/// What a step has changed besides outbox and uploads.
struct Changes(Vec<(SiteCode, DocKey)>);

impl Changes {
    fn none() -> Self {
        Changes(Vec::new())
    }
}

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

/// Syncs one person's database.
#[derive(Debug)]
pub struct Engine<P: Platform> {
    local: Local<P>,
    retry: Retry,
    /// Nothing is sent until somebody signs in.
    expired: bool,
    /// The server has said that the session that carried a request has ended, whosever rows were in it.
    session_ended: bool,
    poked: BTreeSet<SiteCode>,
    /// Sites that are not asked before then, because asking failed in a way that would fail again.
    spare: BTreeMap<SiteCode, Ms>,
    /// The upload that is under way and how much of it the server has.
    under_way: Option<(String, usize)>,
    /// Uploads that arrived with another hash once.
    damaged: BTreeSet<String>,
    /// Photos to be fetched ahead, the next one last; `None` until it has been looked what there is.
    ahead: Option<Vec<Ahead>>,
    /// This engine sends somebody else's rows, with the session of a person who serves at these sites.
    carried_at: Option<Vec<SiteCode>>,
    /// Engines for what others left unsent here; `None` until it has been looked who there is.
    others: Option<Vec<Engine<P>>>,
    /// How many records of others were last found.
    left: Option<usize>,
}

impl<P: Platform> Engine<P> {
    /// An engine that has not done anything yet.
    pub fn new(local: Local<P>) -> Self {
        Engine {
            local,
            retry: Retry::default(),
            expired: false,
            session_ended: false,
            poked: BTreeSet::new(),
            spare: BTreeMap::new(),
            under_way: None,
            damaged: BTreeSet::new(),
            ahead: None,
            carried_at: None,
            others: None,
            left: None,
        }
    }

    /// The database that it syncs.
    pub fn local(&self) -> &Local<P> {
        &self.local
    }

    /// Whether somebody has to sign in before anything is sent.
    pub fn expired(&self) -> bool {
        self.expired
    }

    /// Whether there is a session, and nothing has failed that is waited for.
    pub fn at_ease(&self) -> bool {
        let wait = self.retry.not_before.since(self.now());
        let failing = self.retry.failures > 0 && (1..=BACKOFF_MAX).contains(&wait);
        !failing && !self.expired
    }

    fn mutated(&self, mutant: Mutant) -> bool {
        self.local.platform().mutant() == Some(mutant)
    }

    fn now(&self) -> Ms {
        self.local.platform().now()
    }

    async fn send(&self, request: Request) -> Result<Response, PlatformError> {
        self.local.platform().send(request).await
    }

    /// Notes that something has happened.
    ///
    /// # Errors
    /// Of storage; then what is new is asked for later.
    pub async fn nudged(&mut self, nudge: Nudge) -> Result<(), PlatformError> {
        match nudge {
            Nudge::Saved => Ok(()),
            // Perhaps somebody has signed in there; if not, the next request says so again.
            Nudge::Told => {
                self.expired = false;
                Ok(())
            }
            Nudge::Online | Nudge::Visible | Nudge::SignedIn | Nudge::Asked => {
                if nudge == Nudge::SignedIn {
                    self.expired = false;
                }
                self.retry = Retry::default();
                self.spare.clear();
                self.others = None;
                self.ask_everywhere().await
            }
            Nudge::Hearing => self.ask_everywhere().await,
            Nudge::Poked(site) => {
                self.poked.insert(site);
                Ok(())
            }
        }
    }

    async fn ask_everywhere(&mut self) -> Result<(), PlatformError> {
        let sites = self.sites().await?;
        self.poked.extend(sites.into_iter().flatten());
        Ok(())
    }

    /// The sites of whoever is signed in; `None` once they have signed out.
    async fn sites(&self) -> Result<Option<Vec<SiteCode>>, PlatformError> {
        let session = self.local.session().await?;
        Ok(session.map(|session| session.sites.into_iter().map(|site| site.code).collect()))
    }

    /// Looks what is to be done. `visible`: the app is on screen.
    ///
    /// # Errors
    /// Of storage; see [`unable`](Self::unable).
    pub async fn plan(&mut self, visible: bool) -> Result<Planned, PlatformError> {
        let (outbox, mut uploads) = (self.local.outbox().await?, self.local.uploads().await?);
        let own = self.sites().await?;
        let unsent = |upload: &UploadRow| outbox.iter().any(|row| row.id == upload.command && row.unsent());
        let codes = match &self.carried_at {
            Some(served) => {
                // Of others the server takes photos from those who serve at the site, and after the command.
                uploads.retain(|upload| served.contains(&upload.site) && !unsent(upload));
                Some(Vec::new())
            }
            None => {
                // At a site that was left it knows one's own photos by their command alone.
                let serves = |site: &SiteCode| own.as_ref().is_none_or(|codes| codes.contains(site));
                uploads.retain(|upload| serves(&upload.site) || !unsent(upload));
                own
            }
        };
        let signed_in = !self.expired && codes.is_some();
        let now = self.now();
        let mut sites = Vec::new();
        let mut codes = codes.unwrap_or_default();
        if self.carried_at.is_none() {
            let mut left = self.local.pulled_sites().await?;
            // What the server has waits for a backup, also at a site that its author has left meanwhile.
            left.extend(done_at(&outbox, &uploads).cloned());
            left.sort_unstable();
            left.dedup();
            left.retain(|site| !codes.contains(site));
            codes.extend(left);
        }
        for code in codes {
            let pulled = self.local.pulled(&code).await?;
            let more = pulled.more || self.poked.contains(&code);
            // Not by a clock that has been set back since.
            let spared = self.spare.get(&code).is_some_and(|until| (1..=SPARE).contains(&until.since(now)));
            let pulled = if spared {
                Pulled { at: Some(now), more: false, ..pulled }
            } else {
                Pulled { more, ..pulled }
            };
            sites.push((code, pulled));
        }
        let snapshot = Snapshot {
            signed_in,
            visible,
            outbox: &outbox,
            uploads: &uploads,
            sites: &sites,
            retry: self.retry,
        };
        let step = match plan(&snapshot, now) {
            Step::Push(mut batch) if self.mutated(Mutant::RefusedBlocks) => {
                let refused = outbox.iter().find(|row| matches!(row.delivery, Delivery::Refused { .. }));
                batch.retain(|n| refused.is_none_or(|refused| *n < refused.n));
                if batch.is_empty() { Step::Wait(None) } else { Step::Push(batch) }
            }
            step => step,
        };
        Ok(Planned { step, outbox, uploads })
    }

    /// Takes a step. `shown` are the cases at the site that is on screen, of which photos may be fetched ahead.
    ///
    /// # Errors
    /// Of storage; see [`unable`](Self::unable).
    pub async fn take(
        &mut self,
        planned: Planned,
        shown: impl FnOnce() -> Option<Shown>,
    ) -> Result<Taken, PlatformError> {
        match planned.step {
            Step::Wait(until) => self.rest(until, shown).await,
            Step::Push(_) | Step::Pull(_) | Step::Upload(_) => self.act(planned).await,
        }
    }

    /// Carries out a step that asks something of the server.
    async fn act(&mut self, planned: Planned) -> Result<Taken, PlatformError> {
        let Planned { step, outbox, uploads } = planned;
        let done = match step {
            Step::Push(batch) => {
                let rows: Vec<_> = outbox.into_iter().filter(|row| batch.contains(&row.n)).collect();
                self.push(&rows).await
            }
            Step::Pull(site) => {
                self.ahead = None;
                let done = self.pull(&site, &outbox).await;
                let for_good = match &done {
                    Err(Stop::Device(_)) => true,
                    Err(Stop::Fault(fault)) => matches!(react(fault), Reaction::Refused(_)),
                    Ok(_) => false,
                };
                if for_good {
                    self.spare.insert(site, self.now().plus(SPARE));
                }
                done
            }
            Step::Upload(name) => match uploads.into_iter().find(|upload| upload.name() == name) {
                Some(upload) => self.upload(upload).await,
                None => Ok(Changes::none()),
            },
            Step::Wait(_) => return Ok(Taken::default()),
        };
        match done {
            Ok(Changes(docs)) => {
                self.retry = Retry::default();
                Ok(Taken { changed: Some(docs), link: Some(Link::Online), ..Taken::default() })
            }
            Err(Stop::Device(error)) => Err(error),
            Err(Stop::Fault(fault)) => Ok(self.failed(&fault)),
        }
    }

    /// Nothing of one's own to send or ask: carries what others left, cleans up, and fetches photos ahead; then waits.
    async fn rest(
        &mut self,
        until: Option<Ms>,
        shown: impl FnOnce() -> Option<Shown>,
    ) -> Result<Taken, PlatformError> {
        let mut taken = Taken::default();
        let mut until = until;
        if self.at_ease() {
            // What cannot be read of others now is looked for at the next change.
            let carried = self.carry().await.unwrap_or_default();
            taken.left = carried.left;
            if carried.went || self.expired {
                return Ok(taken);
            }
            until = until.into_iter().chain(carried.until).min();
            let mut ahead = match self.ahead.take() {
                Some(ahead) => ahead,
                None => {
                    // What could not be tidied up now is the next time.
                    taken.changed = self.tidy().await.is_ok_and(|tidied| tidied).then(Vec::new);
                    let little =
                        self.local.platform().room().await.is_some_and(|room| room < local::LITTLE_ROOM);
                    match shown().filter(|_| !little) {
                        Some(shown) => self.ahead_of(&shown).await.unwrap_or_default(),
                        None => Vec::new(),
                    }
                }
            };
            // One photo at a time: whatever was saved meanwhile goes first.
            let next = ahead.pop();
            if let Some(Ahead { site, case, photo, part }) = &next
                && self.local.photo(site, (*case).into(), *photo, *part).await.is_err()
            {
                // A convenience: what fails now is fetched when it is looked at.
                ahead.clear();
            }
            self.ahead = Some(ahead);
            if next.is_some() {
                return Ok(taken);
            }
        }
        taken.wait = Some(until.unwrap_or_else(|| self.now().plus(HOUR)));
        Ok(taken)
    }

    /// The device itself failed: the rows stay as they were, and a later look finds them so.
    pub fn unable(&mut self, error: PlatformError) -> Taken {
        let wait = Some(self.put_off(None));
        Taken { link: Some(Link::Refused(error.into())), wait, ..Taken::default() }
    }

    fn put_off(&mut self, after: Option<i64>) -> Ms {
        let random = self
            .local
            .platform()
            .random::<4>()
            .map_or(0.5, |bytes| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX));
        self.retry = self.retry.failed(self.now(), random, after);
        self.retry.not_before
    }

    fn failed(&mut self, fault: &Fault) -> Taken {
        let on = Taken::default();
        let (link, after) = match react(fault) {
            Reaction::Retry { after } => match fault {
                Fault::Unreachable => (Link::Offline, after),
                Fault::Answered { .. } => (Link::Failing, after),
            },
            Reaction::SignIn => {
                self.expired = true;
                self.session_ended =
                    !matches!(fault, Fault::Answered { code: Some(Code::PushUnknownDevice), .. });
                return on;
            }
            // The cursor was dropped by the step itself.
            Reaction::Restart => return on,
            Reaction::Refused(code) => (Link::Refused(code.into()), None),
        };
        Taken { link: Some(link), wait: Some(self.put_off(after)), ..on }
    }

    /// Lets go of uploads that are through, and says whether there were any. Their bytes stay, to be looked at without a
    /// network, until room is needed or their case is not shown here any more.
    async fn tidy(&self) -> Result<bool, PlatformError> {
        // The outbox first: a refused command that is made again meanwhile takes its photos with it.
        let outbox = self.local.outbox().await?;
        let uploads = self.local.uploads().await?;
        // A photo stays until both its command and its bytes are confirmed, and a backup has them; only then is its row
        // of no use.
        let (mut through, mut unseen) = (Vec::new(), Vec::new());
        for upload in &uploads {
            let UploadState::Done { seq, .. } = upload.state else { continue };
            if !outbox.iter().any(|row| row.id == upload.command)
                && self.local.pulled(&upload.site).await?.is_stable(seq)
            {
                through.push(upload.name());
                // It is of a case or of a round.
                let (case, round) = (DocKey::Case(upload.case), DocKey::Round(RoundId(upload.case.0)));
                let hidden = match self.local.doc(&upload.site, case).await? {
                    Some(doc) => matches!(doc, wire::Doc::Case(CaseView::Outline(_))),
                    None => self.local.doc(&upload.site, round).await?.is_none(),
                };
                if hidden {
                    unseen.push(upload.name());
                }
            }
        }
        self.local.forget(&[], &through, &unseen).await?;
        Ok(!through.is_empty())
    }
}

/// At which sites the server has all of something that is still kept here, so that a pull is to say when it may go.
fn done_at<'a>(outbox: &'a [OutboxRow], uploads: &'a [UploadRow]) -> impl Iterator<Item = &'a SiteCode> {
    let rows = outbox.iter().filter(|row| matches!(row.delivery, Delivery::Done { .. }));
    let photos = uploads.iter().filter(|upload| matches!(upload.state, UploadState::Done { .. }));
    rows.map(|row| &row.site).chain(photos.map(|upload| &upload.site))
}
