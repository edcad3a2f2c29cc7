//! What a person may ask of a round.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    case::command::PhotoRef,
    ids::{ItemCode, PersonId, PlaceCode, RouteCode, StopCode},
    route::{Occurrence, Reading},
    wire,
};

/// The most entries about one stop of one round, and the most about none.
pub const ENTRIES_MAX: usize = 60;
/// The most photos of one round.
pub const ROUND_PHOTOS_MAX: usize = 300;

/// How somebody shows that they are there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The label's token.
    Token {
        /// Read how.
        via: Via,
        /// The token.
        token: String,
    },
    /// The label's short code, typed.
    Code(String),
    /// Neither, and why; a photo instead.
    Photo {
        /// Why it cannot be scanned.
        reason: String,
        /// What it looks like there.
        #[serde(default)]
        photos: Vec<PhotoRef>,
    },
}

/// How a token was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The QR code, inside the app.
    Qr,
    /// The NFC tag.
    Nfc,
    /// The link, by the phone's own camera.
    Link,
}

/// Where the phone was, as it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Position {
    /// Millionths of a degree north.
    pub lat: i32,
    /// Millionths of a degree east.
    pub lon: i32,
    /// Metres by which it may be wrong.
    pub accuracy: u32,
    /// Seconds since it was found.
    pub age: u32,
}

/// Somebody is at a stop.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tick {
    /// Which.
    pub stop: StopCode,
    /// Where that is, for when the stop is another version's.
    pub place: PlaceCode,
    /// How they show it.
    pub proof: Proof,
    /// What they have found so far.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub readings: BTreeMap<ItemCode, Reading>,
    /// Where the phone was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// Everything that a person may ask of a round. Its one field in JSON is the kind, and its value the body of the envelope.
/// A problem is reported from a stop by `case.report`, which says so: see [`Origin`](crate::case::command::Origin).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RoundCommand {
    /// Begins, or joins. Makes the round where there is none yet. A fact.
    #[serde(rename = "round.start")]
    Start {
        /// Of which route.
        route: RouteCode,
        /// Which of its rounds.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        occurrence: Occurrence,
        /// The version of the route that the walker knows.
        route_version: u32,
    },
    /// Is at a stop. A fact.
    #[serde(rename = "round.tick")]
    Tick(Box<Tick>),
    /// Has looked at something at a stop. A fact.
    #[serde(rename = "round.read")]
    Read {
        /// Which stop.
        stop: StopCode,
        /// What was found.
        readings: BTreeMap<ItemCode, Reading>,
    },
    /// Does not go to a stop. A fact.
    #[serde(rename = "round.skip")]
    Skip {
        /// Which.
        stop: StopCode,
        /// Why not.
        reason: String,
        /// What it looks like.
        #[serde(default)]
        photos: Vec<PhotoRef>,
    },
    /// A colleague goes on.
    #[serde(rename = "round.hand_over")]
    HandOver {
        /// Who.
        to: PersonId,
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Nobody goes on.
    #[serde(rename = "round.finish")]
    Finish {
        /// Why.
        reason: String,
    },
    /// A supervisor has looked at it.
    #[serde(rename = "round.review")]
    Review {
        /// What there is to say.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
}

impl RoundCommand {
    /// The kinds of version 1 of the wire.
    pub const KINDS: [&str; 7] = [
        "round.start",
        "round.tick",
        "round.read",
        "round.skip",
        "round.hand_over",
        "round.finish",
        "round.review",
    ];

    /// The kind, as it travels in the envelope.
    pub const fn kind(&self) -> &'static str {
        match self {
            RoundCommand::Start { .. } => "round.start",
            RoundCommand::Tick(_) => "round.tick",
            RoundCommand::Read { .. } => "round.read",
            RoundCommand::Skip { .. } => "round.skip",
            RoundCommand::HandOver { .. } => "round.hand_over",
            RoundCommand::Finish { .. } => "round.finish",
            RoundCommand::Review { .. } => "round.review",
        }
    }

    /// The body, as it travels in the envelope.
    pub fn body(&self) -> serde_json::Value {
        wire::body(self, self.kind())
    }

    /// The photos that the command brings.
    pub fn photos(&self) -> Vec<&PhotoRef> {
        fn of(readings: &BTreeMap<ItemCode, Reading>) -> Vec<&PhotoRef> {
            readings.values().flat_map(Reading::photos).collect()
        }
        match self {
            RoundCommand::Tick(tick) => {
                let mut photos = of(&tick.readings);
                if let Proof::Photo { photos: proof, .. } = &tick.proof {
                    photos.extend(proof);
                }
                photos
            }
            RoundCommand::Read { readings, .. } => of(readings),
            RoundCommand::Skip { photos, .. } => photos.iter().collect(),
            RoundCommand::Start { .. }
            | RoundCommand::HandOver { .. }
            | RoundCommand::Finish { .. }
            | RoundCommand::Review { .. } => Vec::new(),
        }
    }
}
