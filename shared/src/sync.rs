//! What a device does next: the sync engine without its IO.
//!
//! The driver takes a [`Snapshot`] of what the device holds, asks [`plan`] for the next [`Step`], carries it out, and
//! stores what [`verdicts`] or [`react`] make of the answer, in one transaction. Everything here is a function of its
//! arguments, so that a simulator can run thousands of devices through it.
//!
//! After a restore of the server ([`OutboxRow::after_restore`]) a device sends again what no backup had when it was answered.
//!
//! In this order: commands (text never waits for a photo), then what is new, then photos, thumbnails first.

mod round;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Code, Rejection,
    case::{Case, CaseCommand, CaseView, Context, decide_any_report},
    ids::{AttachmentId, CaseId, CaseNumber, CommandId, PersonId, SiteCode},
    site::{Member, People, Places, Site},
    time::{EventTime, MINUTE, Ms, SECOND, Zone},
    wire::{self, Answer, DocKey, Envelope, Had, Part, Verdict},
};

/// While the app is visible, what is new is asked for at least this often.
pub const PULL_EVERY: i64 = 45 * SECOND;
/// A held command is sent again after this.
pub const HELD_AGAIN: i64 = MINUTE;
/// The longest first wait after a failure.
pub const BACKOFF_MIN: i64 = 2 * SECOND;
/// The longest wait after many failures.
pub const BACKOFF_MAX: i64 = 5 * MINUTE;

/// A command in the outbox, stored ready to send.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Its place in the chain; the row's key.
    pub n: u64,
    /// The command.
    pub id: CommandId,
    /// By whom.
    pub author: PersonId,
    /// At which site.
    pub site: SiteCode,
    /// Of which case or other aggregate.
    pub aggregate: Uuid,
    /// What is asked.
    pub kind: String,
    /// The device's wall time when it was made.
    pub at: Ms,
    /// The envelope as it is sent; never written again.
    pub text: String,
    /// Its hash.
    pub hash: String,
    /// The author's signature over that hash, for when it is the last of a push.
    pub signature: String,
    /// How far it got.
    pub delivery: Delivery,
}

/// How far a command got.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// On this device only.
    Pending,
    /// The server waits for something else first.
    Held {
        /// For what.
        code: Code,
        /// When the server said so.
        since: Ms,
    },
    /// The server has it.
    Done {
        /// The version of the case that has it.
        version: u32,
        /// It came too late to change the state.
        recorded: bool,
        /// When the server's receipt came.
        at: Ms,
        /// The site's sequence number, which backups pass one after the other.
        #[serde(default)]
        seq: i64,
    },
    /// The server refused it. It stays until a person mends or withdraws it.
    Refused {
        /// Why.
        rejection: Rejection,
        /// When.
        at: Ms,
    },
    /// The server had given its final word, and was restored to a time before that: it is sent again, with what was said.
    Again(Had),
}

impl OutboxRow {
    /// The document that shows what it has done.
    pub fn doc(&self) -> DocKey {
        DocKey::changed_by(&self.kind, self.aggregate)
    }

    /// Whether the server has not given its final word, or has lost it.
    pub fn unsent(&self) -> bool {
        matches!(self.delivery, Delivery::Pending | Delivery::Held { .. } | Delivery::Again(_))
    }

    /// The row once the server was restored, if that changes it: what had been answered is sent again, and what was held
    /// at once. `number` is that of its case, and `offset` says how far the server's clock is ahead of the device's.
    pub fn after_restore(&self, number: Option<CaseNumber>, offset: i64) -> Option<OutboxRow> {
        let (verdict, at) = match &self.delivery {
            Delivery::Done { version, recorded, at, seq } => {
                let (seq, version) = (*seq, *version);
                let taken = if *recorded {
                    Verdict::Recorded { seq, version }
                } else {
                    Verdict::Accepted { seq, version }
                };
                (taken, at)
            }
            Delivery::Refused { rejection, at } => (Verdict::Rejected(rejection.clone()), at),
            Delivery::Held { .. } => return Some(OutboxRow { delivery: Delivery::Pending, ..self.clone() }),
            Delivery::Pending | Delivery::Again(_) => return None,
        };
        let number = number.filter(|_| self.kind == "case.report");
        let had = Had { n: self.n, verdict, at: at.plus(offset), number };
        Some(OutboxRow { delivery: Delivery::Again(had), ..self.clone() })
    }

    /// Whether it was refused because what it was to take the place of has taken effect.
    pub fn is_superseded(&self) -> bool {
        matches!(&self.delivery, Delivery::Refused { rejection, .. }
            if rejection.code == Code::CommandOriginalDone)
    }

    /// Whether it was made without anybody's doing, to note that a case was seen or a refusal settled: while it waits
    /// it is not worth a word.
    pub fn is_quiet(&self) -> bool {
        matches!(self.kind.as_str(), wire::SETTLE | "case.see")
    }
}

/// A photo's part that is on its way; the bytes lie beside it under the same name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct UploadRow {
    /// The photo.
    pub photo: AttachmentId,
    /// Which bytes of it.
    pub part: Part,
    /// The command that names it.
    pub command: CommandId,
    /// Whose.
    pub author: PersonId,
    /// At which site.
    pub site: SiteCode,
    /// Of which case; of a photo of a round that round's id, under the name by which devices keep it.
    pub case: CaseId,
    /// SHA-256 of the bytes, lowercase hex.
    pub sha256: String,
    /// Their number.
    pub bytes: u32,
    /// How many of them the server is known to have.
    pub offset: u32,
    /// How far it got.
    pub state: UploadState,
}

/// How far an upload got.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Not all of it is at the server.
    Waiting,
    /// The server has it all, and the hash is right.
    Done {
        /// When its receipt came.
        at: Ms,
        /// How far the site was then, which backups pass one after the other.
        #[serde(default)]
        seq: i64,
    },
    /// The server refused it.
    Refused {
        /// Why.
        code: Code,
    },
}

impl UploadRow {
    /// The key of the row and of its bytes, and the last segment of its address.
    pub fn name(&self) -> String {
        wire::file_name(self.photo, self.part)
    }

    /// The row once the server was restored, if that changes it: the server is asked whether it still has all of it.
    pub fn after_restore(&self) -> Option<UploadRow> {
        let done = matches!(self.state, UploadState::Done { .. });
        done.then(|| UploadRow { offset: self.bytes, state: UploadState::Waiting, ..self.clone() })
    }
}

/// How a site stands on this device.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Pulled {
    /// Where to go on.
    pub cursor: Option<String>,
    /// When an answer last came.
    pub at: Option<Ms>,
    /// The server has more, or said that something is new.
    pub more: bool,
    /// How far the site's last backup reaches, as of the last answer; `None` as long as there is none.
    #[serde(default)]
    pub stable: Option<i64>,
    /// What has come since all is sent from nothing, until that is through. What has not come then is not this person's
    /// any more: without a cursor nobody says what is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anew: Option<BTreeSet<DocKey>>,
}

impl Pulled {
    /// Whether what the server has had since this sequence number cannot be lost any more, or nothing is done about it:
    /// without backups nothing is kept longer than until its receipt.
    pub fn is_stable(&self, seq: i64) -> bool {
        self.stable.is_none_or(|stable| seq <= stable)
    }
}

/// After failures: how many, and when to try again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Retry {
    /// Failures in a row.
    pub failures: u32,
    /// Not before then.
    pub not_before: Ms,
}

impl Retry {
    /// After one more failure: full jitter between nothing and a bound that doubles from [`BACKOFF_MIN`] to
    /// [`BACKOFF_MAX`]; `random` is in `0.0..1.0`. What the server asked for (`Retry-After`) is kept to.
    pub fn failed(self, now: Ms, random: f64, retry_after: Option<i64>) -> Retry {
        let bound = BACKOFF_MIN.saturating_mul(1 << self.failures.min(16)).min(BACKOFF_MAX);
        // At most five minutes in milliseconds: far inside what f64 holds exactly.
        let wait = (random.clamp(0.0, 1.0) * bound as f64) as i64;
        let wait = wait.max(SECOND).max(retry_after.unwrap_or(0).clamp(0, BACKOFF_MAX));
        Retry { failures: self.failures.saturating_add(1), not_before: now.plus(wait) }
    }
}

/// What a device holds, as far as the next step depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// The session still holds; without one nothing can be sent, and everything is kept.
    pub signed_in: bool,
    /// The app is on screen.
    pub visible: bool,
    /// By `n`.
    pub outbox: &'a [OutboxRow],
    /// In the order in which they were made.
    pub uploads: &'a [UploadRow],
    /// The person's sites.
    pub sites: &'a [(SiteCode, Pulled)],
    /// After failures.
    pub retry: Retry,
}

/// What to do next.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Send these commands, by `n`.
    Push(Vec<u64>),
    /// Ask what is new at a site.
    Pull(SiteCode),
    /// Send a photo's part.
    Upload(String),
    /// Nothing now; look again then, or when something happens.
    Wait(Option<Ms>),
}

/// The next step of a device.
pub fn plan(snapshot: &Snapshot<'_>, now: Ms) -> Step {
    if !snapshot.signed_in {
        return Step::Wait(None);
    }
    // A wait that is longer than any there is was begun before the clock was set back.
    let wait = snapshot.retry.not_before.since(now);
    if wait > 0 && wait <= BACKOFF_MAX && snapshot.retry.failures > 0 {
        return Step::Wait(Some(snapshot.retry.not_before));
    }
    let batch = batch(snapshot.outbox, now);
    if !batch.is_empty() {
        return Step::Push(batch);
    }
    let due = |pulled: &Pulled| {
        pulled.more
            || pulled.at.is_none_or(|at| snapshot.visible && (now.since(at) >= PULL_EVERY || now < at))
    };
    if let Some((site, _)) = snapshot.sites.iter().find(|(_, pulled)| due(pulled)) {
        return Step::Pull(site.clone());
    }
    // The photos of what came too late may be those of what took effect in its place, which has no row here.
    let unwanted =
        |row: &&OutboxRow| matches!(row.delivery, Delivery::Refused { .. }) && !row.is_superseded();
    let refused: BTreeSet<CommandId> = snapshot.outbox.iter().filter(unwanted).map(|row| row.id).collect();
    let waiting = |part| {
        snapshot.uploads.iter().find(move |upload| {
            upload.part == part && upload.state == UploadState::Waiting && !refused.contains(&upload.command)
        })
    };
    let waiting = waiting.clone()(Part::Thumb).or_else(|| waiting(Part::Full));
    if let Some(upload) = waiting {
        return Step::Upload(upload.name());
    }
    let next_pull = snapshot.visible.then(|| {
        snapshot.sites.iter().filter_map(|(_, pulled)| pulled.at.map(|at| at.plus(PULL_EVERY))).min()
    });
    let next_held = snapshot
        .outbox
        .iter()
        .filter_map(|row| match row.delivery {
            Delivery::Held { since, .. } => Some(since.plus(HELD_AGAIN)),
            Delivery::Pending | Delivery::Again(_) | Delivery::Done { .. } | Delivery::Refused { .. } => None,
        })
        .min();
    Step::Wait(next_pull.flatten().into_iter().chain(next_held).min())
}

/// The next commands to send: in the order of `n` and without a hole, because the signature vouches for a chain only;
/// within the wire's limits.
fn batch(outbox: &[OutboxRow], now: Ms) -> Vec<u64> {
    let mut bytes = 0;
    let mut batch: Vec<u64> = Vec::new();
    for row in outbox {
        let due = match row.delivery {
            Delivery::Pending | Delivery::Again(_) => true,
            Delivery::Held { since, .. } => now.since(since) >= HELD_AGAIN || now < since,
            Delivery::Done { .. } | Delivery::Refused { .. } => false,
        };
        if !due {
            continue;
        }
        bytes += row.text.len();
        let full = bytes > wire::PUSH_BYTES || batch.len() >= wire::PUSH_COMMANDS;
        if batch.last().is_some_and(|last| full || row.n != last + 1) {
            break;
        }
        batch.push(row.n);
    }
    batch
}

/// What the server's answers make of the commands that were sent.
///
/// Answers are matched by place; an answer that names another command changes nothing.
pub fn verdicts(sent: &[OutboxRow], answers: &[Answer], now: Ms) -> Vec<OutboxRow> {
    let answered = sent.iter().zip(answers).filter(|(row, answer)| answer.id.is_none_or(|id| id == row.id));
    answered
        .map(|(row, answer)| {
            let delivery = match &answer.verdict {
                Verdict::Accepted { version, seq } => {
                    Delivery::Done { version: *version, recorded: false, at: now, seq: *seq }
                }
                Verdict::Recorded { version, seq } => {
                    Delivery::Done { version: *version, recorded: true, at: now, seq: *seq }
                }
                Verdict::Rejected(rejection) => Delivery::Refused { rejection: rejection.clone(), at: now },
                Verdict::Held { code } => Delivery::Held { code: *code, since: now },
            };
            OutboxRow { delivery, ..row.clone() }
        })
        .collect()
}

/// Why a request did not succeed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It did not reach the server, or the answer was lost.
    Unreachable,
    /// The server answered with an error.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The problem's code, if there was one.
        code: Option<Code>,
        /// Milliseconds to wait, if the server said so.
        retry_after: Option<i64>,
    },
}

/// What to do after a fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reaction {
    /// The same again, later.
    Retry {
        /// Milliseconds that the server asked to wait.
        after: Option<i64>,
    },
    /// Somebody has to sign in; everything is kept.
    SignIn,
    /// The cursor is of no use: ask from the beginning.
    Restart,
    /// It will not succeed as it is; say so and keep it.
    Refused(Code),
}

/// What to do after a fault. Whatever may be the server's or the network's passing trouble is tried again.
pub fn react(fault: &Fault) -> Reaction {
    match fault {
        Fault::Unreachable => Reaction::Retry { after: None },
        Fault::Answered { status: 401, .. } => Reaction::SignIn,
        Fault::Answered { status: 408 | 429, retry_after, .. } => Reaction::Retry { after: *retry_after },
        Fault::Answered { status: 507, .. } => Reaction::Retry { after: Some(MINUTE) },
        Fault::Answered { status, retry_after, .. } if *status >= 500 => {
            Reaction::Retry { after: *retry_after }
        }
        Fault::Answered { code, retry_after, .. } => match code {
            // The server does not know this device's key (any more): signing in registers it.
            Some(Code::PushUnknownDevice | Code::AuthRequired | Code::AuthRevoked) => Reaction::SignIn,
            Some(Code::CursorUnreadable | Code::CursorFuture | Code::CursorForeign) => Reaction::Restart,
            Some(code) => Reaction::Refused(*code),
            // An answer that is not ours: a captive portal, a proxy.
            None => Reaction::Retry { after: *retry_after },
        },
    }
}

/// Everything by which a device judges its own commands, as the server will.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    /// The person whose device it is.
    pub me: &'a Member,
    /// The site's settings.
    pub site: &'a Site,
    /// The site's calendar.
    pub zone: &'a Zone,
    /// The site's places.
    pub places: &'a Places,
    /// Everybody at the site.
    pub people: &'a People,
    /// How far the server's clock is ahead of the device's, in milliseconds.
    pub offset: i64,
}

impl<'a> Judge<'a> {
    /// The context of a command made at an instant.
    pub fn context(&self, at: Ms) -> Context<'a> {
        Context {
            actor: self.me,
            site: self.site,
            zone: self.zone,
            places: self.places,
            people: self.people,
            now: EventTime::exact(at),
            number: None,
        }
    }

    /// Judges a command before it is made: what the server will most likely say.
    ///
    /// # Errors
    /// The rules' own; see [`Case::decide`].
    pub fn check(&self, view: Option<&CaseView>, command: &CaseCommand, now: Ms) -> Result<(), Rejection> {
        let context = self.context(now);
        match (command, view) {
            // Where it was found is judged with its round.
            (CaseCommand::Report(report), _) => decide_any_report(report, &context).map(drop),
            (_, Some(CaseView::Full(case))) => case.decide(command, &context).map(drop),
            // Of an outline the device knows too little to judge: the server will.
            (_, Some(CaseView::Outline(_))) => Ok(()),
            (_, None) => Err(Code::CaseNotVisible.into()),
        }
    }

    /// A case as the server showed it, with this device's own commands on top that it does not hold yet.
    ///
    /// Commands that the rules refuse change nothing here; the server's word on them comes with their verdict.
    pub fn overlay<'r>(
        &self,
        id: CaseId,
        base: Option<CaseView>,
        rows: impl IntoIterator<Item = &'r OutboxRow>,
    ) -> Option<CaseView> {
        let shown = base.as_ref().map_or(0, CaseView::version);
        rows.into_iter().filter(|row| row.aggregate == id.0).fold(base, |view, row| {
            let known = match &row.delivery {
                Delivery::Pending | Delivery::Held { .. } | Delivery::Again(_) => false,
                Delivery::Done { version, .. } => *version <= shown,
                Delivery::Refused { .. } => true,
            };
            if known { view } else { self.apply(id, view, row) }
        })
    }

    fn apply(&self, id: CaseId, view: Option<CaseView>, row: &OutboxRow) -> Option<CaseView> {
        let Some(command) = Envelope::read(&row.text).ok().and_then(|envelope| envelope.case_command())
        else {
            return view;
        };
        let context = self.context(row.at.plus(self.offset));
        match (&command, view) {
            (CaseCommand::Report(report), None) => {
                let events = decide_any_report(report, &context).ok()?;
                let (first, rest) = events.split_first()?;
                let case = Case::begin(id, first)?;
                Some(CaseView::Full(Box::new(rest.iter().fold(case, Case::evolve))))
            }
            (_, Some(CaseView::Full(case))) => {
                let events = case.decide(&command, &context).unwrap_or_default();
                Some(CaseView::Full(Box::new(events.iter().fold(*case, Case::evolve))))
            }
            (_, view) => view,
        }
    }
}

/// Whether the first of these rows is to be sent with the word that nobody has what comes before it: the server waits for
/// something that this device, which made all of the chain, does not have.
pub fn has_gap(outbox: &[OutboxRow], first: &OutboxRow) -> bool {
    let waits = matches!(first.delivery, Delivery::Held { code: Code::CommandPredecessorMissing, .. });
    // What waits there for its report, for a ruling or for the end of a restore has its place already. What was held for
    // anything else, a failure of the server say, has none.
    let placed = |row: &OutboxRow| {
        matches!(
            row.delivery,
            Delivery::Held {
                code: Code::CommandCreateMissing | Code::CommandAuthorRevoked | Code::CommandRestoring,
                ..
            }
        )
    };
    waits && !outbox.iter().any(|row| row.n < first.n && row.unsent() && !placed(row))
}

/// Whether a row of the outbox can go: the server has it, the device shows a version that has it, and a backup has it.
pub fn settled(row: &OutboxRow, shown_version: Option<u32>, pulled: &Pulled) -> bool {
    match row.delivery {
        // A case that is not shown any more is not this person's any more.
        Delivery::Done { version, seq, .. } => {
            shown_version.is_none_or(|shown| shown >= version) && pulled.is_stable(seq)
        }
        Delivery::Pending | Delivery::Held { .. } | Delivery::Again(_) | Delivery::Refused { .. } => false,
    }
}
