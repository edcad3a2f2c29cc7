//! What has happened to a case. Events are appended, never changed; a case is the fold of its events.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::command::{About, Means, PhotoRef, Report, Told};
use crate::{
    ids::{AttachmentId, CaseNumber, CategoryCode, CompanyCode, PersonId, PlaceCode},
    site::{CaseKind, Role},
    time::{EventTime, Ms},
};

/// One thing that happened, with when and by whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CaseEvent {
    /// When (R3).
    pub time: EventTime,
    /// Who; `None` for the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// What.
    pub change: CaseChange,
}

/// The two instants of the ladder (C2, C3, R2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Ladder {
    /// Post 1 hears of it.
    pub step1: Ms,
    /// Post 2 hears of it.
    pub step2: Ms,
}

/// The clocks that a report or its classification starts. The instants are frozen here, so that a changed setting
/// never rewrites history (R4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Clocks {
    /// The ladder without a promise.
    pub ladder: Ladder,
    /// Somebody is on site (C8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrive_by: Option<Ms>,
    /// Somebody is with the customer (C7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attend_by: Option<Ms>,
    /// The customer has heard the result (B4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_by: Option<Ms>,
}

/// What the site's settings make of a category at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Classified {
    /// The category.
    pub category: CategoryCode,
    /// Its kind; a complaint is confidential from here on (R9).
    pub kind: CaseKind,
    /// Urgent, by category or with a reason.
    pub urgent: bool,
    /// The reason, where it differs from the category's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub urgency_reason: String,
    /// Whom a complaint is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accused: Option<Accused>,
    /// Roles that hear of it (A10, A11).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub also_tell: BTreeSet<Role>,
    /// The clocks.
    pub clocks: Clocks,
}

/// The person complained about, with the company whose lead may not see it either (R9).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Accused {
    /// Who.
    pub person: PersonId,
    /// The employer, if a subcontractor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcontractor: Option<CompanyCode>,
}

/// Who stays with a case to its end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FirstAsked {
    /// Who (B1).
    pub person: PersonId,
    /// The employer, recorded with the name (B6).
    pub company: CompanyCode,
    /// The employer is a subcontractor: its on-site leads hear of it and may track it (A8, B5).
    pub subcontractor: bool,
    /// Those leads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leads: Vec<PersonId>,
}

/// A fact that came too late to change the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LateFact {
    /// Was on site.
    Arrived,
    /// Had done the work.
    Completed,
    /// Had something to say or show.
    Commented,
}

/// The changes of a case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CaseChange {
    /// It exists.
    Reported {
        /// What was reported.
        report: Box<Report>,
        /// What may be said of the place without naming a flat (R10).
        public_place: PlaceCode,
        /// The number, given by the server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<CaseNumber>,
        /// Whose it stays.
        first_asked: FirstAsked,
        /// What the settings made of it.
        classified: Classified,
        /// First daily check due (B2).
        check_by: Ms,
    },
    /// Solved on the spot.
    Fixed {
        /// What was done.
        result: String,
        /// Photos after it.
        photos: Vec<PhotoRef>,
    },
    /// Another category, urgency or accused person.
    Classified {
        /// What the settings make of it now.
        classified: Classified,
        /// The handler may not see a complaint: it is back at the desk (R9).
        recalled: bool,
    },
    /// A handler has it.
    Dispatched {
        /// Who.
        to: PersonId,
        /// A line for the handler.
        note: String,
        /// To be accepted by then (R4).
        accept_by: Ms,
    },
    /// The handler took it on.
    Accepted,
    /// The handler cannot.
    Declined {
        /// Why.
        reason: String,
    },
    /// The handler is on site.
    Arrived,
    /// Waiting.
    Paused {
        /// For what.
        reason: String,
        /// Until when.
        until: Ms,
    },
    /// Goes on.
    Resumed,
    /// A time was given.
    Promised {
        /// Done by then.
        until: Ms,
        /// Why it takes so long.
        reason: String,
        /// The ladder, once it is told (R2).
        ladder: Ladder,
    },
    /// The promise was moved, once (C6).
    Postponed {
        /// Done by then.
        until: Ms,
        /// Why.
        reason: String,
        /// The ladder, once it is told (R2).
        ladder: Ladder,
    },
    /// Somebody was told.
    Told {
        /// Who.
        whom: Told,
        /// Of what.
        about: About,
        /// By what means.
        means: Means,
        /// With consent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        consent: Option<bool>,
        /// What was said.
        note: String,
    },
    /// The work is done.
    Completed {
        /// What was done.
        result: String,
        /// Photos after it.
        photos: Vec<PhotoRef>,
    },
    /// Solved: closed.
    Confirmed {
        /// The customer's answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        satisfied: Option<bool>,
        /// Why the desk stood in.
        reason: String,
    },
    /// Not solved: at the desk again.
    Reopened {
        /// What is wrong.
        reason: String,
        /// The customer said so.
        dissatisfied: bool,
    },
    /// Looked at today.
    Checked {
        /// The next check is due (B2).
        check_by: Ms,
    },
    /// Somebody else is first asked.
    Succeeded {
        /// Whose it is now.
        first_asked: FirstAsked,
        /// Why.
        reason: String,
    },
    /// A word or photos.
    Commented {
        /// What.
        text: String,
        /// Photos.
        photos: Vec<PhotoRef>,
    },
    /// It was no problem.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// This person has opened it.
    Seen,
    /// A fact that came too late to change the state.
    Recorded {
        /// Which.
        fact: LateFact,
        /// What was said.
        text: String,
        /// Photos.
        photos: Vec<PhotoRef>,
    },
    /// The server holds a photo's bytes, and their hash is right.
    PhotoKept {
        /// Which.
        photo: AttachmentId,
        /// Whose: an id alone could be claimed by somebody else.
        author: PersonId,
        /// The hash of the bytes that are kept.
        sha256: String,
    },
}

impl CaseChange {
    /// The photos that it brings to a case that exists.
    pub(crate) fn photos(&self) -> &[PhotoRef] {
        match self {
            CaseChange::Fixed { photos, .. }
            | CaseChange::Completed { photos, .. }
            | CaseChange::Commented { photos, .. }
            | CaseChange::Recorded { photos, .. } => photos,
            CaseChange::Reported { .. }
            | CaseChange::Classified { .. }
            | CaseChange::Dispatched { .. }
            | CaseChange::Accepted
            | CaseChange::Declined { .. }
            | CaseChange::Arrived
            | CaseChange::Paused { .. }
            | CaseChange::Resumed
            | CaseChange::Promised { .. }
            | CaseChange::Postponed { .. }
            | CaseChange::Told { .. }
            | CaseChange::Confirmed { .. }
            | CaseChange::Reopened { .. }
            | CaseChange::Checked { .. }
            | CaseChange::Succeeded { .. }
            | CaseChange::Cancelled { .. }
            | CaseChange::Seen
            | CaseChange::PhotoKept { .. } => &[],
        }
    }
}
