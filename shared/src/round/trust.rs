//! What speaks for and against a tick: nothing is blocked, everything doubtful is shown with its reason.
//!
//! A tick begins with full trust. Each [`Doubt`] lowers it by what it weighs. What is merely unknown weighs nothing: no
//! position in a basement, a time that cannot be known for sure (R3), a place that nobody has measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Round, RoundEvent,
    event::{Proven, Ticked},
};
use crate::{
    ids::{PersonId, PlaceCode, StopCode},
    label::Match,
    route::{Item, ItemKind},
    site::{PlaceKind, Places},
    time::{MINUTE, Ms, SECOND},
};

/// Metres in which whatever has a position of its own is found around it.
const AROUND: f64 = 40.0;
/// Metres around the position of something larger, for what lies in it.
const WITHIN: f64 = 120.0;
/// Metres a second that nobody walks, nor rides between buildings.
const SPEED: f64 = 6.0;
/// Metres a second that somebody may have gone since a position was found.
const STROLL: f64 = 2.0;
/// A position older than this, in seconds, says nothing.
const STALE: u32 = 600;
/// Between two places there is at least this.
const STEP: i64 = 3 * SECOND;
/// The same stop again within this is the same visit.
const AGAIN: i64 = 10 * MINUTE;

/// How far a tick is trusted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Somebody should ask.
    Low,
    /// Something is less than could be.
    Medium,
    /// Nothing speaks against it.
    High,
}

/// What speaks against a tick. Screens put each into words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The code was typed: it can be passed on by telephone.
    CodeTyped,
    /// There is a photo and a reason instead of the label.
    NotScanned,
    /// There is not even a photo.
    NothingShown,
    /// The label of another checkpoint.
    Elsewhere(PlaceCode),
    /// No label of this route.
    WrongLabel,
    /// A label that had been replaced.
    OldLabel,
    /// The place has no label that could be compared.
    NoLabel,
    /// The phone was that far away, beyond everything by which the position may be wrong.
    Far {
        /// Metres.
        metres: u32,
    },
    /// The position is too old to say anything.
    StalePosition,
    /// From the stop before nobody gets here in that time.
    Impossible {
        /// Metres between the stops.
        metres: u32,
        /// Seconds between the ticks.
        seconds: u32,
    },
    /// From the stop before it usually takes much longer here.
    Hasty {
        /// Seconds between the ticks.
        seconds: u32,
    },
    /// The same person had just ticked the same stop.
    Again,
    /// The photo that was asked for is missing.
    PhotoMissing,
    /// The phone's clock was moved between making and sending.
    ClockMoved,
    /// Commands that the phone made before are lost.
    ChainGap,
}

impl Doubt {
    /// By how many levels it lowers trust.
    pub const fn weight(&self) -> u32 {
        match self {
            Doubt::StalePosition => 0,
            Doubt::CodeTyped
            | Doubt::NotScanned
            | Doubt::OldLabel
            | Doubt::NoLabel
            | Doubt::Hasty { .. }
            | Doubt::Again
            | Doubt::PhotoMissing
            | Doubt::ClockMoved
            | Doubt::ChainGap => 1,
            Doubt::NothingShown
            | Doubt::Elsewhere(_)
            | Doubt::WrongLabel
            | Doubt::Far { .. }
            | Doubt::Impossible { .. } => 2,
        }
    }
}

/// How far a tick is trusted, and why no further.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Trust {
    /// How far.
    pub level: Level,
    /// Why no further.
    pub doubts: Vec<Doubt>,
}

/// From one stop to the next, the milliseconds that all but the quickest few take on this site.
pub type Usual = BTreeMap<(StopCode, StopCode), i64>;

/// Fewer ticks from one stop to the next say nothing of what is usual.
const ENOUGH: usize = 10;

/// What is usual on a route, as its rounds show: from one stop to the next, what nine of ten took at least. Of uncertain
/// times nothing is concluded (R3), nor from pairs that were seldom walked.
pub fn usual<'a>(rounds: impl IntoIterator<Item = &'a Round>) -> Usual {
    let mut taken: BTreeMap<(StopCode, StopCode), Vec<i64>> = BTreeMap::new();
    for round in rounds {
        let mut last: BTreeMap<PersonId, (Ms, &StopCode)> = BTreeMap::new();
        for event in round.log.iter().filter(|event| !event.time.uncertain) {
            let (Some(by), Some(tick)) = (event.by, event.change.tick()) else { continue };
            if let Some((at, from)) = last.insert(by, (event.time.at, &tick.stop))
                && *from != tick.stop
            {
                let pair = (from.clone(), tick.stop.clone());
                taken.entry(pair).or_default().push(event.time.at.since(at));
            }
        }
    }
    taken.retain(|_, taken| taken.len() >= ENOUGH);
    taken
        .into_iter()
        .map(|(pair, mut taken)| {
            let tenth = taken.len() / 10;
            let (_, usual, _) = taken.select_nth_unstable(tenth);
            (pair, *usual)
        })
        .collect()
}

/// How far a tick of a round is trusted at an instant. `None` if the event is no tick.
pub fn of(round: &Round, event: &RoundEvent, places: &Places, usual: &Usual, now: Ms) -> Option<Trust> {
    let tick = event.change.tick()?;
    let mut doubts = Vec::new();
    doubt_proof(tick, &mut doubts);
    doubt_photo(round, tick, now, &mut doubts);
    doubt_position(tick, places, &mut doubts);
    doubt_pace(round, event, tick, places, usual, &mut doubts);
    if tick.clock_moved {
        doubts.push(Doubt::ClockMoved);
    }
    if tick.chain_gap {
        doubts.push(Doubt::ChainGap);
    }
    let level = match doubts.iter().map(Doubt::weight).sum::<u32>() {
        0 => Level::High,
        1 => Level::Medium,
        _ => Level::Low,
    };
    Some(Trust { level, doubts })
}

fn doubt_proof(tick: &Ticked, doubts: &mut Vec<Doubt>) {
    let label = match &tick.proof {
        Proven::Token { label, .. } => Some(label),
        Proven::Code(label) => {
            doubts.push(Doubt::CodeTyped);
            Some(label)
        }
        Proven::Photo { photos, .. } if photos.is_empty() => {
            doubts.push(Doubt::NothingShown);
            None
        }
        Proven::Photo { .. } => {
            doubts.push(Doubt::NotScanned);
            None
        }
    };
    match label {
        Some(Match::Current) | None => {}
        Some(Match::Replaced) => doubts.push(Doubt::OldLabel),
        Some(Match::Elsewhere(place)) => doubts.push(Doubt::Elsewhere(place.clone())),
        Some(Match::Wrong) => doubts.push(Doubt::WrongLabel),
        Some(Match::Unknown) => doubts.push(Doubt::NoLabel),
    }
}

/// As long as the round is on, a photo that is asked for may still be taken: nobody is doubted for it who stands there.
fn doubt_photo(round: &Round, tick: &Ticked, now: Ms, doubts: &mut Vec<Doubt>) {
    let Some(stop) = round.find(&tick.stop).filter(|_| !round.is_on(now)) else { return };
    let readings = round.readings(&stop.code);
    let photo = |item: &&Item| matches!(item.kind, ItemKind::Photo { .. });
    let shown = |item: &Item| readings.get(&item.code).is_some_and(|reading| !reading.photos().is_empty());
    if stop.items.iter().filter(photo).any(|item| item.asked(round.id, &stop.code) && !shown(item)) {
        doubts.push(Doubt::PhotoMissing);
    }
}

fn doubt_position(tick: &Ticked, places: &Places, doubts: &mut Vec<Doubt>) {
    let Some(position) = tick.position else { return };
    if position.age > STALE {
        doubts.push(Doubt::StalePosition);
        return;
    }
    let Some(spot) = Spot::of(&tick.place, places) else { return };
    let phone = Spot {
        lat: f64::from(position.lat) / 1e6,
        lon: f64::from(position.lon) / 1e6,
        slack: f64::from(position.accuracy) + f64::from(position.age) * STROLL,
    };
    let beyond = spot.apart(&phone);
    if beyond > 0.0 {
        doubts.push(Doubt::Far { metres: spot.metres(&phone) as u32 });
    }
}

fn doubt_pace(
    round: &Round,
    event: &RoundEvent,
    tick: &Ticked,
    places: &Places,
    usual: &Usual,
    doubts: &mut Vec<Doubt>,
) {
    // Of uncertain times nothing is concluded (R3).
    let certain = |event: &&RoundEvent| event.by.is_some() && !event.time.uncertain;
    if !certain(&event) {
        return;
    }
    let before = round.log.iter().take_while(|one| *one != event);
    let own = before.filter(certain).filter(|one| one.by == event.by);
    let ticks: Vec<_> = own.filter_map(|one| Some((one.time.at, one.change.tick()?))).collect();
    if ticks.iter().any(|(at, one)| one.stop == tick.stop && event.time.at.since(*at) < AGAIN) {
        doubts.push(Doubt::Again);
    }
    let Some((at, last)) = ticks.last().filter(|(_, last)| last.place != tick.place) else { return };
    let elapsed = event.time.at.since(*at);
    let seconds = u32::try_from(elapsed / SECOND).unwrap_or(u32::MAX);
    let spots = Spot::of(&last.place, places).zip(Spot::of(&tick.place, places));
    // Ticks of one phone are made in milliseconds; what is written is in seconds.
    let reach = elapsed as f64 / SECOND as f64 * SPEED;
    if let Some((from, to)) = spots
        && from.apart(&to) > reach
    {
        doubts.push(Doubt::Impossible { metres: from.metres(&to) as u32, seconds });
    } else if elapsed < STEP
        || usual.get(&(last.stop.clone(), tick.stop.clone())).is_some_and(|usual| elapsed < usual / 2)
    {
        doubts.push(Doubt::Hasty { seconds });
    }
}

/// Somewhere on the map, as exactly as is known.
struct Spot {
    lat: f64,
    lon: f64,
    /// Metres by which it may be wrong.
    slack: f64,
}

impl Spot {
    /// Where a place is, by its own position or that of the building or the area that it is in. A whole property, or a
    /// zone of it, is larger than any slack: its pin says nothing of what lies there.
    fn of(place: &PlaceCode, places: &Places) -> Option<Spot> {
        let around = places.path(place);
        let mut near =
            around.iter().rev().take_while(|one| !matches!(one.kind, PlaceKind::Site | PlaceKind::Zone));
        near.find_map(|one| {
            let slack = if one.id == *place { AROUND } else { WITHIN };
            one.lat.zip(one.lon).map(|(lat, lon)| Spot { lat, lon, slack })
        })
    }

    /// Metres between the two; the ground of one property is flat.
    fn metres(&self, other: &Spot) -> f64 {
        const DEGREE: f64 = 111_320.0;
        let north = (self.lat - other.lat) * DEGREE;
        let east = (self.lon - other.lon) * DEGREE * self.lat.to_radians().cos();
        north.hypot(east)
    }

    /// Metres between the two for certain; not more than nothing, where they may be one.
    fn apart(&self, other: &Spot) -> f64 {
        self.metres(other) - self.slack - other.slack
    }
}
