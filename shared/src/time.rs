//! Instants, the site's calendar, and how an event gets its time (R1, R3).

mod zone;

use serde::{Deserialize, Serialize};

pub use zone::Zone;

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
        let offset_at_making = self.heard.map(|heard| heard.server.since(heard.device));
        let offset_at_sending = self.sent.map(|sent| self.received.since(sent));
        let claimed = self.made.plus(offset_at_sending.or(offset_at_making).unwrap_or(0));
        let moved = offset_at_sending
            .zip(offset_at_making)
            .is_some_and(|(sending, making)| sending.saturating_sub(making).saturating_abs() > DRIFT);
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
            uncertain: moved || bitten || unheard || self.sent.is_none(),
        }
    }
}
