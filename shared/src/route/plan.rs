//! When a route's rounds are: a series per date, by the site's wall clock.
//!
//! A round belongs to the date on which its series starts (R13), so its time is counted from that date's midnight: the
//! 02:00 round of a night that began on the 22nd is `2026-11-22/26:00`. Times are read off a clock on the wall. Where that
//! is set forward over a round's beginning, it begins when the clock has moved; where two of a series would then begin
//! together, the later one stands for both. Where it is set back, a round begins at the first of the two times.

use std::{collections::BTreeSet, fmt};

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use crate::{
    Code, Rejection,
    time::{MINUTE, Ms, Zone},
};

/// Minutes of a day on the wall.
const DAY: u32 = 1_440;
/// The shortest time between two rounds of a series, in minutes.
const EVERY_MIN: u32 = 5;

/// A day of the week.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    /// Every day, from Monday.
    pub const ALL: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

    /// The day of a date.
    pub fn of(date: Date) -> Weekday {
        let place = date.weekday().to_monday_zero_offset();
        Weekday::ALL[usize::from(place.unsigned_abs()).min(6)]
    }
}

/// A series of rounds per date.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Plan {
    /// The first round begins so many minutes after midnight of its date.
    pub start: u32,
    /// The last one begins no later than so many minutes after the same midnight; beyond 1,440 it is the next day.
    pub last: u32,
    /// Minutes from one beginning to the next.
    pub every_min: u32,
    /// A round is walked within so many minutes of its beginning.
    pub window_min: u32,
    /// The days on which a series starts.
    pub weekdays: BTreeSet<Weekday>,
}

/// Which of a route's rounds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Occurrence {
    /// The date on which its series starts, to which it belongs (R13).
    pub date: Date,
    /// The beginning by the wall clock, in minutes since that date's midnight.
    pub minute: u32,
}

/// A round by plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Slot {
    /// When it begins.
    pub from: Ms,
    /// When its window ends.
    pub until: Ms,
    /// Which it is.
    pub occurrence: Occurrence,
}

impl Occurrence {
    /// When it begins.
    pub fn begins(&self, zone: &Zone) -> Ms {
        let mut date = self.date;
        for _ in 0..self.minute / DAY {
            date = date.tomorrow().unwrap_or(date);
        }
        let (hour, minute) = (self.minute % DAY / 60, self.minute % 60);
        let small = |number: u32| i8::try_from(number).unwrap_or(0);
        let time = Time::new(small(hour), small(minute), 0, 0).unwrap_or_default();
        zone.instant(date.to_datetime(time))
    }
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Occurrence { date, minute } = self;
        let (year, month, day) = (date.year(), date.month(), date.day());
        write!(f, "{year:04}-{month:02}-{day:02}/{:02}:{:02}", minute / 60, minute % 60)
    }
}

impl std::str::FromStr for Occurrence {
    type Err = Code;

    fn from_str(text: &str) -> Result<Self, Code> {
        let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
        let read = || {
            let small = |range| i8::try_from(part(range)?).ok();
            let date = Date::new(part(0..4)?, small(5..7)?, small(8..10)?).ok()?;
            let minute = u32::try_from(part(11..13)?).ok()? * 60 + u32::try_from(part(14..16)?).ok()?;
            Some(Occurrence { date, minute })
        };
        // Written otherwise it would be another name, and so another round, for the same beginning.
        read().filter(|read| read.to_string() == text && read.minute < 2 * DAY).ok_or(Code::RequestBadBody)
    }
}

impl Serialize for Occurrence {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Occurrence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom(format_args!("no occurrence: {text}")))
    }
}

impl Plan {
    /// The rounds whose series starts on a date, soonest first (R13).
    pub fn rounds_on(&self, date: Date, zone: &Zone) -> Vec<Slot> {
        if !self.weekdays.contains(&Weekday::of(date)) {
            return Vec::new();
        }
        let every = usize::try_from(self.every_min.max(EVERY_MIN)).unwrap_or(usize::MAX);
        let last = self.last.min(self.start.saturating_add(DAY - 1));
        let mut slots: Vec<Slot> = (self.start..=last)
            .step_by(every)
            .map(|minute| {
                let occurrence = Occurrence { date, minute };
                let from = occurrence.begins(zone);
                Slot { from, until: from.plus(i64::from(self.window_min) * MINUTE), occurrence }
            })
            .collect();
        // Where the clock is set forward, beginnings may fall together or change places.
        slots.sort_unstable();
        let mut rounds: Vec<Slot> = Vec::with_capacity(slots.len());
        for slot in slots {
            match rounds.last_mut() {
                Some(before) if before.from == slot.from => *before = slot,
                Some(before) => {
                    before.until = before.until.min(slot.from);
                    rounds.push(slot);
                }
                None => rounds.push(slot),
            }
        }
        rounds
    }

    /// The rounds whose windows share an instant with `from..until`, soonest first.
    pub fn rounds_between(&self, from: Ms, until: Ms, zone: &Zone) -> Vec<Slot> {
        let last = zone.day(until);
        // A round may begin on the day after its date, and its window end on the day after that.
        let mut date = zone.day(from);
        for _ in 0..2 {
            date = date.yesterday().unwrap_or(date);
        }
        let mut rounds = Vec::new();
        while date <= last {
            let of_date = self.rounds_on(date, zone);
            rounds.extend(of_date.into_iter().filter(|slot| slot.from < until && from < slot.until));
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        rounds.sort_unstable();
        rounds
    }

    /// The first round that begins at or after an instant, within the next eight days.
    pub fn next_round(&self, after: Ms, zone: &Zone) -> Option<Slot> {
        let today = zone.day(after);
        let mut date = today.yesterday().unwrap_or(today);
        for _ in 0..10 {
            let next = self.rounds_on(date, zone).into_iter().find(|slot| slot.from >= after);
            if next.is_some() {
                return next;
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Whether it can be kept.
    pub(super) fn check(&self) -> Result<(), Rejection> {
        let wrong = |field: &str| Err(Rejection::new(Code::RouteBadTime).with("field", field));
        if self.start >= DAY {
            return wrong("start");
        }
        if self.last < self.start || self.last - self.start >= DAY {
            return wrong("last");
        }
        if self.every_min < EVERY_MIN || self.every_min > DAY {
            return wrong("every_min");
        }
        if self.window_min == 0 {
            return wrong("window_min");
        }
        if self.weekdays.is_empty() {
            return wrong("weekdays");
        }
        // What is scanned at one time belongs to one round.
        let turns = (self.last - self.start) / self.every_min;
        let rest = DAY - turns * self.every_min;
        let room = if turns == 0 { DAY } else { self.every_min.min(rest) };
        if self.window_min > room {
            return Err(Rejection::new(Code::RouteWindowsOverlap).with("max", room));
        }
        Ok(())
    }
}
