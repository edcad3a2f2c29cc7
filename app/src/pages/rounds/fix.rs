//! Where the phone is when somebody shows that they are at a stop: asked for when the round is opened and anew each time,
//! so that a quick scan has one, too; what was found longer ago than a moment is another stop's, and is forgotten.

use shared::{
    round::command::Position,
    time::{MINUTE, SECOND},
};

use crate::platform::position::Found;

/// A position older than this says nothing.
const STALE_MS: i64 = 10 * MINUTE;
/// Found so long before it was asked for it is still that of this stop.
const BEFORE_MS: i64 = 30 * SECOND;

/// The latest question, and its answer. All times are the device's own, in milliseconds.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Fix {
    turn: u32,
    asked: i64,
    found: Option<Found>,
}

impl Fix {
    /// Asks anew: what was found is forgotten, unless it was a moment ago. Answers with the number of the question.
    pub fn ask(&mut self, now: i64) -> u32 {
        let found = self.found.filter(|found| now.saturating_sub(found.at) <= BEFORE_MS);
        *self = Fix { turn: self.turn.wrapping_add(1), asked: now, found };
        self.turn
    }

    /// Takes the answer to a question, unless it is an earlier one's or was found before anybody came here.
    pub fn answer(&mut self, turn: u32, found: Found) {
        if turn == self.turn && self.asked.saturating_sub(found.at) <= BEFORE_MS {
            self.found = Some(found);
        }
    }

    /// Where the phone is, as far as is known by now: a tick waits for no satellite.
    pub fn position(&self, now: i64) -> Option<Position> {
        let found = self.found?;
        let age = now.saturating_sub(found.at).max(0);
        (age <= STALE_MS).then(|| Position {
            // Degrees are within ±180, so millionths fit; casts of floats saturate.
            lat: (found.lat * 1e6).round() as i32,
            lon: (found.lon * 1e6).round() as i32,
            accuracy: found.accuracy.ceil() as u32,
            age: u32::try_from(age / SECOND).unwrap_or(u32::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000;

    fn found(lat: f64, at: i64) -> Found {
        Found { lat, lon: 114.0, accuracy: 7.2, at }
    }

    #[test]
    fn a_tick_carries_the_position_of_its_own_stop_or_none() {
        let mut fix = Fix::default();
        let first = fix.ask(NOW);
        fix.answer(first, found(22.5, NOW + 900));
        let position = Position { lat: 22_500_000, lon: 114_000_000, accuracy: 8, age: 1 };
        assert_eq!(fix.position(NOW + 2_000), Some(position));
        // Two minutes later at the next stop nothing is known yet.
        let second = fix.ask(NOW + 120_000);
        assert_eq!(fix.position(NOW + 121_000), None);
        fix.answer(second, found(22.6, NOW + 122_000));
        assert_eq!(fix.position(NOW + 122_000).map(|position| position.lat), Some(22_600_000));
    }

    #[test]
    fn what_was_found_a_moment_ago_does_for_a_tick_that_is_quicker_than_the_next_answer() {
        let mut fix = Fix::default();
        let first = fix.ask(NOW);
        fix.answer(first, found(22.5, NOW + 1_000));
        fix.ask(NOW + 20_000);
        assert_eq!(fix.position(NOW + 20_000).map(|position| position.age), Some(19));
        fix.ask(NOW + 31_001);
        assert_eq!(fix.position(NOW + 31_001), None);
    }

    #[test]
    fn the_answer_to_an_earlier_question_is_none_to_this_one() {
        let mut fix = Fix::default();
        let first = fix.ask(NOW);
        let second = fix.ask(NOW + 5_000);
        fix.answer(first, found(22.5, NOW + 6_000));
        assert_eq!(fix.position(NOW + 6_000), None);
        fix.answer(second, found(22.6, NOW + 6_000));
        assert!(fix.position(NOW + 6_000).is_some());
    }

    #[test]
    fn what_was_found_before_anybody_came_here_says_nothing() {
        let mut fix = Fix::default();
        let turn = fix.ask(NOW);
        fix.answer(turn, found(22.5, NOW - 30_001));
        assert_eq!(fix.position(NOW), None);
        fix.answer(turn, found(22.5, NOW - 30_000));
        assert_eq!(fix.position(NOW).map(|position| position.age), Some(30));
        assert_eq!(fix.position(NOW + STALE_MS), None);
    }
}
