//! Instants, the site's calendar, and how an event gets its time (R1, R3).

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// An instant in milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Ms(pub i64);

/// One second in milliseconds.
pub const SECOND: i64 = 1_000;
/// One minute in milliseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour in milliseconds.
pub const HOUR: i64 = 60 * MINUTE;

/// An event that reaches the server later than this after it happened counts as arrived late (R2, R3).
pub const LATE: i64 = MINUTE;

/// A change of the device's clock by more than this makes the time of an event uncertain (R3).
pub const DRIFT: i64 = 60 * SECOND;

impl Ms {
    /// This instant moved by `millis`, which may be negative; saturates.
    pub const fn plus(self, millis: i64) -> Ms {
        Ms(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this instant; saturates.
    pub const fn since(self, earlier: Ms) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What a device knew of the server's clock when it made a command: the time in the last answer that it had from the
/// server, and its own wall time at that moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Heard {
    /// The server's time in that answer.
    pub server: Ms,
    /// The device's wall time when the answer came.
    pub device: Ms,
}

/// When something happened, as far as can be known (R3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventTime {
    /// The corrected time of the event.
    pub at: Ms,
    /// When it reached the server; on the device that makes it, the device's own idea of now.
    pub received: Ms,
    /// The device's clock was moved, or a bound bit, or nothing vouches for a time long before the arrival: the time
    /// decides nothing to anybody's disadvantage, see [`fair`](EventTime::fair).
    pub uncertain: bool,
}

impl EventTime {
    /// An event that is known the moment it happens.
    pub fn exact(at: Ms) -> Self {
        EventTime { at, received: at, uncertain: false }
    }

    /// Whether it reached the server later than it happened by more than [`LATE`].
    pub fn late(&self) -> bool {
        self.received.since(self.at) > LATE
    }

    /// The instant from which clocks run and by which is judged who may do what: when it happened or, where that is
    /// uncertain, when it arrived (R3).
    pub fn fair(&self) -> Ms {
        if self.uncertain { self.received } else { self.at }
    }

    /// The instant from which somebody is waited for, who could not know of it before it arrived (R4).
    pub fn start(&self) -> Ms {
        if self.late() { self.received } else { self.fair() }
    }
}

/// The claims and facts from which the server derives the time of an event (R3).
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The device's wall time when it made the command.
    pub made: Ms,
    /// The device's wall time when it sent the command; `None` where another device did.
    pub sent: Option<Ms>,
    /// The server's time when the push arrived.
    pub received: Ms,
    /// What the device had heard from the server before it made the command.
    pub heard: Option<Heard>,
    /// The time of the device's previous event, below which time does not go back.
    pub previous: Option<Ms>,
    /// When the device first registered a key of the author, by the server's clock: it made nothing before.
    pub registered: Ms,
}

impl Claim {
    /// Event time = made + (received − sent), bounded by the last contact before (at least the registration of the
    /// author's key) and the arrival, never decreasing within one device (R3).
    ///
    /// A clock that is wrong but steady, even by years, gives a certain time. A clock that moved by more than
    /// [`DRIFT`] between making and sending, or a bound that bites, gives an uncertain one; so does a time long before
    /// the arrival without any word of the clock at making, for nothing says then that it was not moved. What another
    /// device sent is as uncertain: its time is the clock's at making, as far as that had heard of the server's.
    ///
    /// ```
    /// use shared::time::{Claim, Heard, Ms};
    /// let day = 86_400_000;
    /// // A phone three years slow made a report ten minutes before it could send it, and had heard from the server
    /// // an hour before that.
    /// let heard = Heard { server: Ms(1_095 * day - 4_200_000), device: Ms(-3_600_000) };
    /// let claim = Claim {
    ///     made: Ms(0),
    ///     sent: Some(Ms(600_000)),
    ///     received: Ms(1_095 * day),
    ///     heard: Some(heard),
    ///     previous: None,
    ///     registered: Ms(day),
    /// };
    /// let time = claim.event_time();
    /// assert_eq!((time.at, time.uncertain), (Ms(1_095 * day - 600_000), false));
    /// ```
    pub fn event_time(&self) -> EventTime {
        let claimed = self.made.plus(self.offset_at_sending().or(self.offset_at_making()).unwrap_or(0));
        let told = self.heard.map(|heard| heard.server);
        let floor = [told, self.previous].into_iter().flatten().fold(self.registered, Ms::max);
        let at = claimed.max(floor).min(self.received);
        // A device's own clock ticks in milliseconds and an answer takes a while: a bound that corrects less than the
        // tolerated drift says nothing.
        let bitten = at.since(claimed).saturating_abs() > DRIFT;
        let unheard = self.heard.is_none() && self.received.since(at) > LATE;
        EventTime {
            at,
            received: self.received,
            uncertain: self.moved() || bitten || unheard || self.sent.is_none(),
        }
    }

    /// Whether the device's clock was moved by more than [`DRIFT`] between making and sending.
    pub fn moved(&self) -> bool {
        self.offset_at_sending()
            .zip(self.offset_at_making())
            .is_some_and(|(sending, making)| sending.saturating_sub(making).saturating_abs() > DRIFT)
    }

    fn offset_at_making(&self) -> Option<i64> {
        self.heard.map(|heard| heard.server.since(heard.device))
    }

    fn offset_at_sending(&self) -> Option<i64> {
        self.sent.map(|sent| self.received.since(sent))
    }
}

/// The calendar of a site (R1).
#[derive(Clone, PartialEq, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of a TZif file's bytes, as the site's document carries them. `None` if the bytes are not TZif.
    pub fn from_tzif(name: &str, bytes: &[u8]) -> Option<Zone> {
        TimeZone::tzif(name, bytes).ok().map(Zone)
    }

    /// Coordinated universal time, for when there is no site.
    pub fn utc() -> Zone {
        Zone(TimeZone::UTC)
    }

    /// The calendar day of an instant.
    pub fn day(&self, at: Ms) -> Date {
        self.0.to_datetime(timestamp(at)).date()
    }

    /// The wall clock at an instant: date, hour, minute, second of the site.
    pub fn wall(&self, at: Ms) -> jiff::civil::DateTime {
        self.0.to_datetime(timestamp(at))
    }

    /// The instant of a wall clock time; the later one where the clock is set forward over it.
    pub fn instant(&self, wall: jiff::civil::DateTime) -> Ms {
        self.0.to_zoned(wall).map(|zoned| Ms(zoned.timestamp().as_millisecond())).unwrap_or(Ms(i64::MAX))
    }

    /// 24:00 of the `nth` day, where day 1 is the day of `at` (R2).
    pub fn end_of_day(&self, at: Ms, nth: u32) -> Ms {
        // Day by day, because a span of days brings half of the library along; no clock runs for more than weeks.
        let next = (0..nth.min(400)).fold(self.day(at), |day, _| day.tomorrow().unwrap_or(day));
        self.instant(next.to_datetime(jiff::civil::Time::midnight()))
    }

    /// Minutes since midnight at an instant.
    pub fn minute_of_day(&self, at: Ms) -> u32 {
        let time = self.0.to_datetime(timestamp(at)).time();
        // Hours and minutes are never negative.
        u32::from(time.hour().unsigned_abs()) * 60 + u32::from(time.minute().unsigned_abs())
    }
}

/// The calendar's instant; what lies beyond the calendar counts as its first or last one.
fn timestamp(at: Ms) -> Timestamp {
    let edge = if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(at.0).unwrap_or(edge)
}
