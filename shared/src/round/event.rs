//! What has happened in a round. Events are appended, never changed; a round is the fold of its events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Task,
    command::{Position, Via},
};
use crate::{
    case::command::PhotoRef,
    ids::{AttachmentId, CaseId, ItemCode, PersonId, PlaceCode, StopCode},
    label::Match,
    route::Reading,
    time::EventTime,
};

/// One thing that happened, with when and by whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoundEvent {
    /// When (R3).
    pub time: EventTime,
    /// Who; `None` for the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// What.
    pub change: RoundChange,
}

/// What became of the proof that somebody is at a stop: what was shown stays in the command, so that nobody learns a label's
/// token from a round.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Proven {
    /// By the label's token.
    Token {
        /// Read how.
        via: Via,
        /// What it turned out to be.
        label: Match,
    },
    /// By the label's short code.
    Code(Match),
    /// By a photo.
    Photo {
        /// Why not by the label.
        reason: String,
        /// What it looked like there.
        photos: Vec<PhotoRef>,
    },
}

/// Somebody was at a stop.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Ticked {
    /// Which.
    pub stop: StopCode,
    /// Where that is.
    pub place: PlaceCode,
    /// How they showed it.
    pub proof: Proven,
    /// What they found.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub readings: BTreeMap<ItemCode, Reading>,
    /// Where the phone was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The phone's clock was moved between making and sending.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clock_moved: bool,
    /// Commands that the phone made before are lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chain_gap: bool,
}

/// The changes of a round.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoundChange {
    /// It exists.
    Planned(Box<Task>),
    /// Somebody walks it.
    Started {
        /// The version of the route that they know.
        route_version: u32,
    },
    /// Somebody was at a stop.
    Ticked(Box<Ticked>),
    /// Something was looked at.
    Read {
        /// At which stop.
        stop: StopCode,
        /// What was found.
        readings: BTreeMap<ItemCode, Reading>,
    },
    /// A stop was left out.
    Skipped {
        /// Which.
        stop: StopCode,
        /// Why.
        reason: String,
        /// What it looked like.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        photos: Vec<PhotoRef>,
    },
    /// A problem at a stop became a case.
    Reported {
        /// Which stop.
        stop: StopCode,
        /// The case.
        case: CaseId,
    },
    /// A colleague goes on.
    HandedOver {
        /// Who.
        to: PersonId,
        /// Why.
        reason: String,
    },
    /// Nobody goes on.
    Finished {
        /// Why.
        reason: String,
    },
    /// The window is over.
    WindowEnded {
        /// What was not known to have been seen to by then.
        missed: Vec<StopCode>,
    },
    /// A supervisor has looked at it.
    Reviewed {
        /// What there was to say.
        note: String,
    },
    /// The server holds a photo's bytes, and their hash is right.
    PhotoKept {
        /// Which.
        photo: AttachmentId,
    },
}

impl RoundChange {
    /// The stop that it is about.
    pub fn stop(&self) -> Option<&StopCode> {
        match self {
            RoundChange::Ticked(tick) => Some(&tick.stop),
            RoundChange::Read { stop, .. }
            | RoundChange::Skipped { stop, .. }
            | RoundChange::Reported { stop, .. } => Some(stop),
            RoundChange::Planned(_)
            | RoundChange::Started { .. }
            | RoundChange::HandedOver { .. }
            | RoundChange::Finished { .. }
            | RoundChange::WindowEnded { .. }
            | RoundChange::Reviewed { .. }
            | RoundChange::PhotoKept { .. } => None,
        }
    }

    /// What was found, by item.
    pub fn readings(&self) -> impl Iterator<Item = (&ItemCode, &Reading)> + Clone {
        let readings = match self {
            RoundChange::Ticked(tick) => Some(&tick.readings),
            RoundChange::Read { readings, .. } => Some(readings),
            RoundChange::Planned(_)
            | RoundChange::Started { .. }
            | RoundChange::Skipped { .. }
            | RoundChange::Reported { .. }
            | RoundChange::HandedOver { .. }
            | RoundChange::Finished { .. }
            | RoundChange::WindowEnded { .. }
            | RoundChange::Reviewed { .. }
            | RoundChange::PhotoKept { .. } => None,
        };
        readings.into_iter().flatten()
    }

    /// The photos that it brings.
    pub fn photos(&self) -> impl Iterator<Item = &PhotoRef> {
        let own = match self {
            RoundChange::Skipped { photos, .. } => &photos[..],
            RoundChange::Ticked(tick) => match &tick.proof {
                Proven::Photo { photos, .. } => &photos[..],
                Proven::Token { .. } | Proven::Code(_) => &[],
            },
            RoundChange::Planned(_)
            | RoundChange::Started { .. }
            | RoundChange::Read { .. }
            | RoundChange::Reported { .. }
            | RoundChange::HandedOver { .. }
            | RoundChange::Finished { .. }
            | RoundChange::WindowEnded { .. }
            | RoundChange::Reviewed { .. }
            | RoundChange::PhotoKept { .. } => &[],
        };
        self.readings().flat_map(|(_, reading)| reading.photos()).chain(own)
    }

    /// The tick, if it is one.
    pub fn tick(&self) -> Option<&Ticked> {
        if let RoundChange::Ticked(tick) = self { Some(tick) } else { None }
    }

    /// The version of the route that somebody knew who began.
    pub fn known(&self) -> Option<u32> {
        if let RoundChange::Started { route_version } = self { Some(*route_version) } else { None }
    }

    /// Whom it was handed to.
    pub fn handed_to(&self) -> Option<PersonId> {
        if let RoundChange::HandedOver { to, .. } = self { Some(*to) } else { None }
    }

    /// The case that a problem became.
    pub fn case(&self) -> Option<CaseId> {
        if let RoundChange::Reported { case, .. } = self { Some(*case) } else { None }
    }

    /// Whether somebody is on the way with it.
    pub fn is_walking(&self) -> bool {
        match self {
            RoundChange::Started { .. }
            | RoundChange::Ticked(_)
            | RoundChange::Read { .. }
            | RoundChange::Skipped { .. }
            | RoundChange::Reported { .. } => true,
            RoundChange::Planned(_)
            | RoundChange::HandedOver { .. }
            | RoundChange::Finished { .. }
            | RoundChange::WindowEnded { .. }
            | RoundChange::Reviewed { .. }
            | RoundChange::PhotoKept { .. } => false,
        }
    }
}
