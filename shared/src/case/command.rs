//! What a person may ask of a case.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AttachmentId, CategoryCode, PersonId, PlaceCode, RoundId, StopCode},
    time::Ms,
    wire,
};

/// The longest text of one field, in characters.
pub const TEXT_MAX: usize = 2_000;
/// The longest name, telephone number or flat, in characters.
pub const NAME_MAX: usize = 60;
/// The most photos in one command.
pub const PHOTOS_MAX: usize = 9;
/// The most photos on one case.
pub const CASE_PHOTOS_MAX: usize = 60;

/// A photo by what identifies its bytes; the bytes travel by themselves and later.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PhotoRef {
    /// Made on the device; the upload's address follows from it.
    pub id: AttachmentId,
    /// SHA-256 of the bytes as sent, in lowercase hex.
    pub sha256: String,
    /// Their number.
    pub bytes: u32,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// SHA-256 of the thumbnail's bytes, in lowercase hex.
    pub thumb_sha256: String,
    /// Their number, at most 16 KiB.
    pub thumb_bytes: u32,
}

impl PhotoRef {
    /// Whether it can name a photo at all: hashes, sizes.
    pub(crate) fn sound(&self) -> bool {
        let hex = |text: &str| {
            text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        hex(&self.sha256) && hex(&self.thumb_sha256) && self.bytes > 0 && self.thumb_bytes <= 16_384
    }

    /// Whether under the same id it names other bytes.
    pub(crate) fn contradicts(&self, other: &PhotoRef) -> bool {
        other.id == self.id && (&other.sha256, &other.thumb_sha256) != (&self.sha256, &self.thumb_sha256)
    }
}

/// A customer, shown only to desk, supervisors, director and the present handler (R10).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Customer {
    /// How the customer is called.
    pub name: String,
    /// Where the customer can be reached.
    pub phone: String,
    /// The customer's flat or office.
    pub flat: String,
}

/// How the reporter came to know (A4).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Found it.
    Found,
    /// A customer told; `None` where the reader may not see which (R10).
    Customer(Option<Customer>),
}

/// A report (A4, A5, A16).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Report {
    /// What kind of problem.
    pub category: CategoryCode,
    /// Where.
    pub place: PlaceCode,
    /// What, in a line; may be empty where a photo says it.
    #[serde(default)]
    pub text: String,
    /// Since when, as told (A16).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub since: String,
    /// Found or told.
    pub source: Source,
    /// Urgent or not, with the reason, where that differs from the category's (R2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// The hazard is taped off or signed (A11).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub isolated: bool,
    /// Whom a complaint is about (R9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accused: Option<PersonId>,
    /// The colleague who was first, where the author only relays (A6, A7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonId>,
    /// What it looks like.
    #[serde(default)]
    pub photos: Vec<PhotoRef>,
    /// The stop of a round at which it was found (F2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Box<Origin>>,
}

/// The stop of a round at which a problem was found (F2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Origin {
    /// The round.
    pub round: RoundId,
    /// The stop.
    pub stop: StopCode,
}

/// An urgency that differs from the category's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Urgency {
    /// Urgent or not.
    pub urgent: bool,
    /// Why.
    pub reason: String,
}

/// Who was told (B4, C5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The customer.
    Customer,
    /// The first-asked person (B7).
    FirstAsked,
}

/// What they were told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The promised time, or its postponement (C4, C5).
    Promise,
    /// That somebody comes later than ruled, and why (C7, C9).
    Delay,
    /// How it ended (B4, B7).
    Result,
}

/// By what means they were told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// Face to face.
    InPerson,
    /// By telephone.
    Phone,
    /// By message or in writing.
    Message,
}

/// Everything that a person may ask of a case. Its one field in JSON is the kind, and its value the body of the
/// envelope.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum CaseCommand {
    /// Creates the case (A4, A5).
    #[serde(rename = "case.report")]
    Report(Report),
    /// The first-asked person solved it on the spot (A9–A12).
    #[serde(rename = "case.fix")]
    Fix {
        /// What was done.
        result: String,
        /// What it looks like now.
        #[serde(default)]
        photos: Vec<PhotoRef>,
    },
    /// The desk corrects category, urgency or the person complained about (A14, A15).
    #[serde(rename = "case.classify")]
    Classify {
        /// The right category.
        category: CategoryCode,
        /// An urgency that differs from the category's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        urgency: Option<Urgency>,
        /// Whom a complaint is about (R9).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accused: Option<PersonId>,
    },
    /// Gives it to a handler, or to another one (A15, A17).
    #[serde(rename = "case.dispatch")]
    Dispatch {
        /// The handler.
        to: PersonId,
        /// A line for the handler.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
    /// The handler takes it on (R4).
    #[serde(rename = "case.accept")]
    Accept {},
    /// The handler cannot take it.
    #[serde(rename = "case.decline")]
    Decline {
        /// Why.
        reason: String,
    },
    /// The handler is on site (C8). A fact: recorded however late.
    #[serde(rename = "case.arrive")]
    Arrive {},
    /// Waiting for something (A17, C9). Beyond the promise, it is the one postponement (R7).
    #[serde(rename = "case.pause")]
    Pause {
        /// For what.
        reason: String,
        /// Until when.
        until: Ms,
    },
    /// Goes on.
    #[serde(rename = "case.resume")]
    Resume {},
    /// Gives a time (C4).
    #[serde(rename = "case.promise")]
    Promise {
        /// Done by then.
        until: Ms,
        /// Needed beyond a week (C4).
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Moves the promise, once (C6).
    #[serde(rename = "case.postpone")]
    Postpone {
        /// Done by then.
        until: Ms,
        /// Why.
        reason: String,
    },
    /// Records that somebody was told (B4, C5, C7, C9).
    #[serde(rename = "case.tell")]
    Tell {
        /// Who.
        whom: Told,
        /// Of what.
        about: About,
        /// By what means.
        means: Means,
        /// Their consent, where it was asked for (C7).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        consent: Option<bool>,
        /// What was said.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
    /// The work is done (B7). A fact: recorded however late.
    #[serde(rename = "case.complete")]
    Complete {
        /// What was done.
        result: String,
        /// What it looks like now.
        #[serde(default)]
        photos: Vec<PhotoRef>,
    },
    /// It is solved, and the customer content (R6).
    #[serde(rename = "case.confirm")]
    Confirm {
        /// The customer's answer; needed for a customer's matter. `false` reopens.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        satisfied: Option<bool>,
        /// Needed from the desk, which stands in for the first-asked person.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// It is not solved after all (R6).
    #[serde(rename = "case.reopen")]
    Reopen {
        /// What is wrong.
        reason: String,
    },
    /// The first-asked person has looked at it today (B2).
    #[serde(rename = "case.check")]
    Check {},
    /// Another first-asked person (R5).
    #[serde(rename = "case.succeed")]
    Succeed {
        /// Who takes over.
        to: PersonId,
        /// Leave, resignation.
        reason: String,
    },
    /// A word or photos. A fact: recorded however late.
    #[serde(rename = "case.comment")]
    Comment {
        /// What.
        #[serde(default)]
        text: String,
        /// What it looks like.
        #[serde(default)]
        photos: Vec<PhotoRef>,
    },
    /// It was no problem, or reported twice.
    #[serde(rename = "case.cancel")]
    Cancel {
        /// Why.
        reason: String,
    },
    /// This person has opened it (R12).
    #[serde(rename = "case.see")]
    See {},
}

impl CaseCommand {
    /// The kinds of version 1 of the wire.
    pub const KINDS: [&str; 20] = [
        "case.report",
        "case.fix",
        "case.classify",
        "case.dispatch",
        "case.accept",
        "case.decline",
        "case.arrive",
        "case.pause",
        "case.resume",
        "case.promise",
        "case.postpone",
        "case.tell",
        "case.complete",
        "case.confirm",
        "case.reopen",
        "case.check",
        "case.succeed",
        "case.comment",
        "case.cancel",
        "case.see",
    ];

    /// The kind, as it travels in the envelope.
    pub const fn kind(&self) -> &'static str {
        match self {
            CaseCommand::Report(_) => "case.report",
            CaseCommand::Fix { .. } => "case.fix",
            CaseCommand::Classify { .. } => "case.classify",
            CaseCommand::Dispatch { .. } => "case.dispatch",
            CaseCommand::Accept {} => "case.accept",
            CaseCommand::Decline { .. } => "case.decline",
            CaseCommand::Arrive {} => "case.arrive",
            CaseCommand::Pause { .. } => "case.pause",
            CaseCommand::Resume {} => "case.resume",
            CaseCommand::Promise { .. } => "case.promise",
            CaseCommand::Postpone { .. } => "case.postpone",
            CaseCommand::Tell { .. } => "case.tell",
            CaseCommand::Complete { .. } => "case.complete",
            CaseCommand::Confirm { .. } => "case.confirm",
            CaseCommand::Reopen { .. } => "case.reopen",
            CaseCommand::Check {} => "case.check",
            CaseCommand::Succeed { .. } => "case.succeed",
            CaseCommand::Comment { .. } => "case.comment",
            CaseCommand::Cancel { .. } => "case.cancel",
            CaseCommand::See {} => "case.see",
        }
    }

    /// The body, as it travels in the envelope.
    pub fn body(&self) -> serde_json::Value {
        wire::body(self, self.kind())
    }

    /// The photos that the command brings.
    pub fn photos(&self) -> &[PhotoRef] {
        match self {
            CaseCommand::Report(report) => &report.photos,
            CaseCommand::Fix { photos, .. }
            | CaseCommand::Complete { photos, .. }
            | CaseCommand::Comment { photos, .. } => photos,
            CaseCommand::Classify { .. }
            | CaseCommand::Dispatch { .. }
            | CaseCommand::Accept {}
            | CaseCommand::Decline { .. }
            | CaseCommand::Arrive {}
            | CaseCommand::Pause { .. }
            | CaseCommand::Resume {}
            | CaseCommand::Promise { .. }
            | CaseCommand::Postpone { .. }
            | CaseCommand::Tell { .. }
            | CaseCommand::Confirm { .. }
            | CaseCommand::Reopen { .. }
            | CaseCommand::Check {}
            | CaseCommand::Succeed { .. }
            | CaseCommand::Cancel { .. }
            | CaseCommand::See {} => &[],
        }
    }
}
