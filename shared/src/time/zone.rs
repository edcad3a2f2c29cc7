//! The calendar of a site (R1).
//!
//! A zone's file (TZif, RFC 9636) says when which offset from UTC began, and in a line at its end by which rule it goes
//! on. The calendar library reads such files too, but takes a checksum of each, whose tables alone weigh 17 KB of what a
//! phone has to load. So the list is read here, and the rule at its end is the library's, as is the calendar. That both
//! say the same of every zone and each of its changes is tested.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{Offset, TimeZone},
};

use super::Ms;

/// So far before and after a wall clock time its zone is asked for its offset: farther than any is from UTC.
const NEAR: i64 = 24 * 60 * 60;

/// The calendar of a site (R1).
#[derive(Clone, PartialEq, Debug)]
pub struct Zone {
    /// Before the first change.
    first: Offset,
    /// From which second since the epoch which offset holds.
    changes: Vec<(i64, Offset)>,
    /// After the last change, where the file names a rule.
    rule: Option<TimeZone>,
}

impl Zone {
    /// The zone of a TZif file's bytes, as the site's document carries them. `None` if the bytes are not TZif.
    pub fn from_tzif(bytes: &[u8]) -> Option<Zone> {
        let mut file = File(bytes);
        let (version, counts) = file.header()?;
        if version == 0 {
            return file.zone(&counts, 4);
        }
        // What follows first is for readers that know no times after 2037.
        file.take(counts.size(4)?)?;
        let (_, counts) = file.header()?;
        let mut zone = file.zone(&counts, 8)?;
        let rule = std::str::from_utf8(file.0).ok()?.strip_prefix('\n')?.strip_suffix('\n')?;
        if !rule.is_empty() {
            zone.rule = Some(TimeZone::posix(rule).ok()?);
        }
        Some(zone)
    }

    /// Coordinated universal time, for when there is no site.
    pub fn utc() -> Zone {
        Zone { first: Offset::UTC, changes: Vec::new(), rule: None }
    }

    /// The calendar day of an instant.
    pub fn day(&self, at: Ms) -> Date {
        self.wall(at).date()
    }

    /// The wall clock at an instant: date, hour, minute, second of the site.
    pub fn wall(&self, at: Ms) -> DateTime {
        let at = timestamp(at);
        self.offset(at).to_datetime(at)
    }

    /// The instant of a wall clock time; the later one where the clock is set forward over it.
    pub fn instant(&self, wall: DateTime) -> Ms {
        let Ok(utc) = Offset::UTC.to_timestamp(wall) else { return Ms(i64::MAX) };
        let at = |near: i64| {
            let near = Timestamp::from_second(utc.as_second().saturating_add(near));
            let offset = self.offset(near.unwrap_or(utc));
            (offset, offset.to_timestamp(wall))
        };
        let ((before, earlier), (after, later)) = (at(-NEAR), at(NEAR));
        let instant = match (earlier, later) {
            // Where the clock is set back the wall shows a time twice, and the first time counts. Where it is set
            // forward neither offset gives the time, and the one before gives what the clock shows instead.
            (Ok(earlier), Ok(later)) if self.offset(earlier) != before && self.offset(later) == after => {
                later
            }
            (Ok(earlier), _) => earlier,
            (Err(_), _) => return Ms(i64::MAX),
        };
        Ms(instant.as_millisecond())
    }

    /// 24:00 of the `nth` day, where day 1 is the day of `at` (R2).
    pub fn end_of_day(&self, at: Ms, nth: u32) -> Ms {
        // Day by day, because a span of days brings half of the library along; no clock runs for more than weeks.
        let next = (0..nth.min(400)).fold(self.day(at), |day, _| day.tomorrow().unwrap_or(day));
        self.instant(next.to_datetime(jiff::civil::Time::midnight()))
    }

    /// Minutes since midnight at an instant.
    pub fn minute_of_day(&self, at: Ms) -> u32 {
        let time = self.wall(at).time();
        // Hours and minutes are never negative.
        u32::from(time.hour().unsigned_abs()) * 60 + u32::from(time.minute().unsigned_abs())
    }

    fn offset(&self, at: Timestamp) -> Offset {
        let second = at.as_millisecond().div_euclid(1_000);
        let begun = self.changes.partition_point(|(from, _)| *from <= second);
        match &self.rule {
            Some(rule) if begun == self.changes.len() => rule.to_offset(at),
            _ => begun.checked_sub(1).map_or(self.first, |last| self.changes[last].1),
        }
    }
}

/// The calendar's instant; what lies beyond the calendar counts as its first or last one.
fn timestamp(at: Ms) -> Timestamp {
    let edge = if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(at.0).unwrap_or(edge)
}

/// What is left of a TZif file.
struct File<'a>(&'a [u8]);

/// How many there are of what a block of the file lists, in the order of its header.
struct Counts {
    utc: usize,
    standard: usize,
    leaps: usize,
    times: usize,
    types: usize,
    letters: usize,
}

impl Counts {
    /// How many bytes a block has whose times have so many; `None` if no file is that long.
    fn size(&self, time: usize) -> Option<usize> {
        let lists = [
            (self.times, time + 1),
            (self.types, 6),
            (self.letters, 1),
            (self.leaps, time + 4),
            (self.standard, 1),
            (self.utc, 1),
        ];
        lists.iter().try_fold(0_usize, |sum, (count, each)| sum.checked_add(count.checked_mul(*each)?))
    }
}

impl<'a> File<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// The version, and the counts of the block that follows.
    fn header(&mut self) -> Option<(u8, Counts)> {
        self.0 = self.0.strip_prefix(b"TZif")?;
        // The version, and bytes for later.
        let version = *self.take(16)?.first()?;
        let mut count = || usize::try_from(self.number()?).ok();
        let counts = Counts {
            utc: count()?,
            standard: count()?,
            leaps: count()?,
            times: count()?,
            types: count()?,
            letters: count()?,
        };
        Some((version, counts))
    }

    /// The zone of a block whose times have so many bytes, without the rule at the end of the file.
    fn zone(&mut self, counts: &Counts, time: usize) -> Option<Zone> {
        let mut block = File(self.take(counts.size(time)?)?);
        let times = block.take(counts.times * time)?;
        let kinds = block.take(counts.times)?;
        let mut offsets = Vec::new();
        for _ in 0..counts.types {
            offsets.push(Offset::from_seconds(block.number()?).ok()?);
            // Whether it is summer time, and its name.
            block.take(2)?;
        }
        let mut changes = Vec::new();
        for (time, kind) in times.chunks_exact(time).zip(kinds) {
            let second = match *time {
                [a, b, c, d] => i32::from_be_bytes([a, b, c, d]).into(),
                _ => i64::from_be_bytes(time.try_into().ok()?),
            };
            changes.push((second, *offsets.get(usize::from(*kind))?));
        }
        let in_order = changes.is_sorted_by_key(|(second, _)| *second);
        in_order.then_some(Zone { first: *offsets.first()?, changes, rule: None })
    }
}
