//! A reported problem, from its report to its end.
//!
//! Three functions make up the rules, the same on the server and on every phone:
//! [`Case::decide`] judges a command and answers with events or a [`Rejection`](crate::Rejection),
//! [`Case::evolve`] folds an event into the state and cannot fail, [`Case::view`] is what one reader may see.
//! [`Case::deadlines`] derives every clock from the events.

pub mod command;
mod deadlines;
mod decide;
pub mod event;
mod evolve;
mod find;
mod standing;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use command::CaseCommand;
pub use deadlines::{Deadline, Rule};
pub use decide::{Context, decide_report};
pub(crate) use decide::{check_text, decide_any_report, require};
pub use event::{CaseChange, CaseEvent};
pub use find::Words;
pub use standing::{Standing, Standings};
pub use view::{CaseView, Outline};

use command::{Origin, PhotoRef, Source};
use event::{Accused, Clocks, FirstAsked, Ladder};

use crate::{
    ids::{AttachmentId, CaseId, CaseNumber, CategoryCode, PersonId, PlaceCode},
    site::{CaseKind, Role},
    time::{EventTime, Ms},
};

/// A reported problem.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Case {
    /// Made on the reporter's device.
    pub id: CaseId,
    /// Given by the server at acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<CaseNumber>,
    /// The number of events so far.
    pub version: u32,
    /// When it was reported; the day of its fair instant is day 1 of the ladder (R2, R3).
    pub reported: EventTime,
    /// Whose it stays (B1, R5).
    pub first_asked: FirstAsked,
    /// Who passed it on, if not the first-asked person (A6, A7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<PersonId>,
    /// What kind of problem.
    pub category: CategoryCode,
    /// Which clocks; whether confidential.
    pub kind: CaseKind,
    /// Climbs by C2 instead of C3.
    pub urgent: bool,
    /// Why, where that differs from the category's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub urgency_reason: String,
    /// Where.
    pub place: PlaceCode,
    /// What may be said of the place without naming a flat (R10).
    pub public_place: PlaceCode,
    /// What, in a line.
    pub text: String,
    /// Since when, as told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub since: String,
    /// Found or told.
    pub source: Source,
    /// Taped off or signed (A11).
    pub isolated: bool,
    /// Whom a complaint is about (R9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accused: Option<Accused>,
    /// Roles that hear of it (A10, A11).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub also_tell: BTreeSet<Role>,
    /// The stop of a round at which it was found (F2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Origin>,
    /// All photos, in the order in which they came.
    pub photos: Vec<Photo>,
    /// How far it is.
    pub stage: Stage,
    /// Who had it before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub past_handlers: BTreeSet<PersonId>,
    /// It was reported as something else and found to be a complaint: what was said before is no secret (R9).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found_complaint: bool,
    /// The clocks of the report or its latest classification.
    pub clocks: Clocks,
    /// Somebody has been on site since the report or the last reopening (C7, C8).
    pub attended: bool,
    /// The customer has heard the result (B4).
    pub result_told: bool,
    /// The time that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<Promise>,
    /// The one postponement is used up; a reopening does not restore it (C6, R6).
    pub postponed: bool,
    /// The ladder of the latest promise that has been told (R2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_ladder: Option<Ladder>,
    /// The first-asked person's next daily check (B2).
    pub check_by: Ms,
    /// Who has opened it, and when first (R12).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seen: BTreeMap<PersonId, Ms>,
    /// What has happened since the report, oldest first.
    pub trail: Vec<CaseEvent>,
}

/// How far a case is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// At the desk.
    Reported {
        /// Since when.
        since: Ms,
    },
    /// Given to a handler.
    Dispatched {
        /// Whom.
        handler: PersonId,
        /// By whom.
        by: Option<PersonId>,
        /// Since when.
        since: Ms,
        /// To be accepted by then.
        accept_by: Ms,
    },
    /// Taken on.
    Accepted {
        /// By whom.
        handler: PersonId,
        /// Since when.
        since: Ms,
    },
    /// The handler is on site.
    Arrived {
        /// Who.
        handler: PersonId,
        /// Since when.
        since: Ms,
    },
    /// Waiting for something.
    Paused {
        /// Who has it.
        handler: PersonId,
        /// Since when.
        since: Ms,
        /// For what.
        reason: String,
        /// Until when.
        until: Ms,
        /// The handler was on site.
        arrived: bool,
    },
    /// Done; to be confirmed.
    Completed {
        /// By whom.
        by: Option<PersonId>,
        /// Since when.
        since: Ms,
        /// What was done.
        result: String,
        /// On the spot, by the first-asked person.
        on_the_spot: bool,
    },
    /// Solved.
    Closed {
        /// Confirmed by whom.
        by: Option<PersonId>,
        /// Since when.
        since: Ms,
        /// What was done.
        result: String,
        /// The customer's answer.
        satisfied: Option<bool>,
        /// On the spot, by the first-asked person.
        on_the_spot: bool,
    },
    /// No problem after all.
    Cancelled {
        /// By whom.
        by: Option<PersonId>,
        /// Since when.
        since: Ms,
        /// Why.
        reason: String,
    },
}

/// The name of a stage, without its data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// At the desk.
    Reported,
    /// Given to a handler.
    Dispatched,
    /// Taken on.
    Accepted,
    /// The handler is on site.
    Arrived,
    /// Waiting for something.
    Paused,
    /// Done; to be confirmed.
    Completed,
    /// Solved.
    Closed,
    /// No problem after all.
    Cancelled,
}

impl StageName {
    /// Every stage, in the order of a case's life.
    pub const ALL: [StageName; 8] = [
        StageName::Reported,
        StageName::Dispatched,
        StageName::Accepted,
        StageName::Arrived,
        StageName::Paused,
        StageName::Completed,
        StageName::Closed,
        StageName::Cancelled,
    ];

    /// The name as it travels and as it is translated.
    pub const fn as_str(self) -> &'static str {
        match self {
            StageName::Reported => "reported",
            StageName::Dispatched => "dispatched",
            StageName::Accepted => "accepted",
            StageName::Arrived => "arrived",
            StageName::Paused => "paused",
            StageName::Completed => "completed",
            StageName::Closed => "closed",
            StageName::Cancelled => "cancelled",
        }
    }

    /// Still to be worked on.
    pub const fn open(self) -> bool {
        match self {
            StageName::Reported
            | StageName::Dispatched
            | StageName::Accepted
            | StageName::Arrived
            | StageName::Paused => true,
            StageName::Completed | StageName::Closed | StageName::Cancelled => false,
        }
    }

    /// Nothing more is expected.
    pub const fn ended(self) -> bool {
        matches!(self, StageName::Closed | StageName::Cancelled)
    }
}

impl Stage {
    /// The stage's name.
    pub const fn name(&self) -> StageName {
        match self {
            Stage::Reported { .. } => StageName::Reported,
            Stage::Dispatched { .. } => StageName::Dispatched,
            Stage::Accepted { .. } => StageName::Accepted,
            Stage::Arrived { .. } => StageName::Arrived,
            Stage::Paused { .. } => StageName::Paused,
            Stage::Completed { .. } => StageName::Completed,
            Stage::Closed { .. } => StageName::Closed,
            Stage::Cancelled { .. } => StageName::Cancelled,
        }
    }

    /// Who has it now; while it waits to be confirmed, who did the work and still has to explain it (B7).
    pub const fn handler(&self) -> Option<PersonId> {
        match self {
            Stage::Completed { by, .. } => *by,
            Stage::Dispatched { handler, .. }
            | Stage::Accepted { handler, .. }
            | Stage::Arrived { handler, .. }
            | Stage::Paused { handler, .. } => Some(*handler),
            Stage::Reported { .. } | Stage::Closed { .. } | Stage::Cancelled { .. } => None,
        }
    }

    /// Since when the case is in this stage.
    pub const fn since(&self) -> Ms {
        match self {
            Stage::Reported { since }
            | Stage::Dispatched { since, .. }
            | Stage::Accepted { since, .. }
            | Stage::Arrived { since, .. }
            | Stage::Paused { since, .. }
            | Stage::Completed { since, .. }
            | Stage::Closed { since, .. }
            | Stage::Cancelled { since, .. } => *since,
        }
    }
}

/// A time that was given (C4).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Promise {
    /// Done by then.
    pub until: Ms,
    /// By whom it was given.
    pub by: Option<PersonId>,
    /// Customer or first-asked person have been told.
    pub told: bool,
    /// The ladder, once it is told (R2).
    pub ladder: Ladder,
}

/// A photo of a case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Photo {
    /// What identifies its bytes.
    pub photo: PhotoRef,
    /// Who sent it.
    pub by: Option<PersonId>,
    /// When the command was made that brought it.
    pub at: Ms,
    /// Whether it shows the work done.
    pub after: bool,
    /// The server holds the bytes, and their hash is right.
    pub kept: bool,
}

impl Photo {
    /// Whether it is that of an author, with these bytes.
    pub(crate) fn is(&self, author: PersonId, photo: AttachmentId, sha256: &str) -> bool {
        self.by == Some(author) && self.photo.id == photo && self.photo.sha256 == sha256
    }
}

impl Case {
    /// Whether only the office sees it, each as a person (R9).
    pub fn confidential(&self) -> bool {
        self.kind == CaseKind::Complaint
    }

    /// Whether a customer waits for an answer.
    pub fn customers(&self) -> bool {
        matches!(self.source, Source::Customer(_))
    }
}
