//! A round's trail as data: its stops in the order in which somebody was there, with all that is known of each, and what
//! else happened in it.

use std::collections::BTreeMap;

use shared::{
    case::command::PhotoRef,
    ids::{CaseId, ItemCode, PersonId, StopCode},
    round::{
        RoundChange, RoundEvent, RoundStop, Skipped, StopState,
        event::Proven,
        trust::{Level, Trust},
    },
    route::{ItemKind, Reading},
    time::Ms,
};

use crate::{
    i18n::*,
    order,
    pages::rounds::{Look, look},
    state::{Property, Walk},
    ui::Tone,
    words::{self, round as said},
};

/// A stop of the trail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Which.
    pub stop: StopCode,
    /// Its place on the route, from 1.
    pub number: usize,
    /// How it stands.
    pub look: Look,
    /// Who was there, or said why not.
    pub by: Option<String>,
    /// Who was planned, where nobody was there.
    pub planned: Option<String>,
    /// Why somebody did not scan.
    pub reason: Option<String>,
    /// What was found.
    pub found: Vec<Found>,
    /// What was asked for and not answered.
    pub unanswered: Vec<String>,
    /// What was shown.
    pub photos: Vec<Shot>,
    /// What was reported from it.
    pub cases: Vec<CaseId>,
}

/// An answer in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// To which item.
    pub item: ItemCode,
    /// What was asked.
    pub asked: String,
    /// What was found.
    pub answer: String,
    /// What a number may be.
    pub limits: Option<String>,
    /// It says that something is wrong, or one before it did.
    pub abnormal: bool,
    /// It is a number, which has a line over time.
    pub number: bool,
}

/// A photo with by whom and when it was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shot {
    /// Which.
    pub photo: PhotoRef,
    /// By whom and when.
    pub caption: String,
}

/// Something that happened in the round and not at a stop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// `22:01`
    pub clock: String,
    /// What.
    pub what: String,
    /// What was said.
    pub said: String,
}

/// The colour of a trust level.
pub const fn tone(level: Level) -> Tone {
    match level {
        Level::High => Tone::Ok,
        Level::Medium => Tone::Warn,
        Level::Low => Tone::Urgent,
    }
}

/// The stops of a round: where somebody was or said why not by the time of that, then what was missed, then what is still
/// to come. `told` is what the server says of the ticks, which knows what is usual between two stops.
pub fn stops(
    locale: Locale,
    property: &Property,
    walk: &Walk,
    told: &BTreeMap<StopCode, Trust>,
    now: Ms,
) -> Vec<Line> {
    let teller = Teller { locale, property, walk, told, now };
    let stops: Vec<(usize, &RoundStop)> = walk.round.task.stops.iter().enumerate().collect();
    let sorted = order::by(stops, |(at, stop)| {
        let place = i64::try_from(*at).unwrap_or(i64::MAX);
        match walk.round.stop(stop, now).state {
            StopState::OnTime(event) | StopState::Late(event) | StopState::OutOfWindow(event) => {
                [0, event.time.at.0, place]
            }
            StopState::Skipped(Skipped::Because(event)) => [0, event.time.at.0, place],
            StopState::Missed => [1, 0, place],
            StopState::Skipped(Skipped::Finished(_) | Skipped::Unheard) => [1, 1, place],
            StopState::Pending => [2, 0, place],
        }
    });
    sorted.into_iter().map(|(at, stop)| teller.line(at + 1, stop)).collect()
}

/// What happened in a round and not at one of its stops, in the order of time.
pub fn events(locale: Locale, property: &Property, walk: &Walk) -> Vec<Event> {
    let name = |by: Option<PersonId>| by.map(|by| property.name(by)).unwrap_or_default();
    let event = |event: &RoundEvent| {
        let who = name(event.by);
        let (what, said) = match &event.change {
            RoundChange::Started { .. } => (said::with(td_string!(locale, rounds.did_start), &who), ""),
            RoundChange::HandedOver { to, reason } => {
                let handed = td_string!(locale, rounds.did_hand_over).replace("{to}", &property.name(*to));
                (said::with(&handed, &who), reason.as_str())
            }
            RoundChange::Finished { reason } => {
                (said::with(td_string!(locale, rounds.did_finish), &who), reason.as_str())
            }
            RoundChange::Reviewed { note } => {
                (said::with(td_string!(locale, rounds.did_review), &who), note.as_str())
            }
            // A stop that another version of the route has.
            RoundChange::Ticked(tick) if walk.round.find(&tick.stop).is_none() => {
                let place = words::spot(property, &tick.place);
                let ticked = td_string!(locale, rounds.did_tick_beyond).replace("{place}", &place);
                (said::with(&ticked, &who), "")
            }
            RoundChange::Ticked(_)
            | RoundChange::Planned(_)
            | RoundChange::Read { .. }
            | RoundChange::Skipped { .. }
            | RoundChange::Reported { .. }
            | RoundChange::WindowEnded { .. }
            | RoundChange::PhotoKept { .. } => return None,
        };
        Some(Event { clock: clock(locale, property, walk, event.time.at), what, said: said.to_owned() })
    };
    walk.round.log.iter().filter_map(event).collect()
}

/// When something happened: with the day where it is another one than that on which the round began.
fn clock(locale: Locale, property: &Property, walk: &Walk, at: Ms) -> String {
    said::clock_beside(locale, &property.zone, property.zone.day(walk.round.task.from), at)
}

struct Teller<'a> {
    locale: Locale,
    property: &'a Property,
    walk: &'a Walk,
    told: &'a BTreeMap<StopCode, Trust>,
    now: Ms,
}

impl Teller<'_> {
    fn line(&self, number: usize, stop: &RoundStop) -> Line {
        let (locale, property, round) = (self.locale, self.property, &self.walk.round);
        let standing = round.stop(stop, self.now);
        let mut look = look(locale, property, self.walk, stop, self.now);
        let tick = standing.state.tick();
        if let Some(trust) = self.told.get(&stop.code).filter(|_| tick.is_some()) {
            look.level = Some(trust.level);
            look.doubts = trust.doubts.iter().map(|doubt| said::doubt(locale, property, doubt)).collect();
        }
        let event = tick.or(match standing.state {
            StopState::Skipped(Skipped::Because(event) | Skipped::Finished(event)) => Some(event),
            _ => None,
        });
        // Who could not know of a stop was not to be there; whose the round is, is said of the round until one is missed.
        let known = standing.state != StopState::Skipped(Skipped::Unheard);
        let missed = standing.state == StopState::Missed;
        let planned = (tick.is_none() && known && (missed || !stop.planned.is_empty()))
            .then(|| said::planned(locale, property, &stop.planned, &round.task.who));
        let (readings, superseded) = (round.readings(&stop.code), round.superseded(stop));
        let found = readings.iter().map(|(code, reading)| {
            let before = superseded.get(code).map(Vec::as_slice).unwrap_or_default();
            self.found(stop, code, before, reading)
        });
        let shots = round.at(&stop.code).flat_map(|event| {
            let caption = self.caption(event);
            event.change.photos().map(move |photo| Shot { photo: photo.clone(), caption: caption.clone() })
        });
        Line {
            stop: stop.code.clone(),
            number,
            by: event.and_then(|event| event.by).map(|by| property.name(by)),
            planned,
            reason: tick.and_then(|tick| match &tick.change.tick()?.proof {
                Proven::Photo { reason, .. } => Some(reason.clone()),
                Proven::Token { .. } | Proven::Code(_) => None,
            }),
            found: found.collect(),
            unanswered: standing.unanswered.iter().map(|item| said::asked(locale, item)).collect(),
            photos: shots.collect(),
            cases: standing.cases,
            look,
        }
    }

    /// An answer; one to an item of another version of the route is called by its code.
    fn found(&self, stop: &RoundStop, code: &ItemCode, before: &[&Reading], reading: &Reading) -> Found {
        let item = stop.items.iter().find(|item| item.code == *code);
        Found {
            item: code.clone(),
            asked: item.map_or_else(|| code.to_string(), |item| said::asked(self.locale, item)),
            answer: said::corrected(self.locale, item, before.iter().copied(), reading),
            limits: item.and_then(|item| said::limits(self.locale, item)),
            abnormal: !before.is_empty() || stop.is_abnormal(code, reading),
            number: item.is_some_and(|item| matches!(item.kind, ItemKind::Number { .. })),
        }
    }

    fn caption(&self, event: &RoundEvent) -> String {
        let clock = clock(self.locale, self.property, self.walk, event.time.at);
        match event.by {
            Some(by) => format!("{clock} · {}", self.property.name(by)),
            None => clock,
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::round::{RoundCommand, trust::Doubt};

    use super::*;
    use crate::{
        components::{kit::person, office_kit::photo},
        state::rounds_kit::{Made, TEN, TOKENS, minutes, night, property, rounds, tick},
    };

    fn walk(done: &[(RoundCommand, i64)], minute: i64) -> Walk {
        let (guard, routes) = (property(1), [night(false)]);
        let first = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        for (command, minute) in done {
            made.done(&guard, &routes, first, command.clone(), minutes(*minute));
        }
        rounds(&guard, &routes, &[], &made.0, minutes(minute)).find(first).unwrap()
    }

    fn told(walk: &Walk, told: &BTreeMap<StopCode, Trust>, minute: i64) -> Vec<Line> {
        stops(Locale::zh, &property(1), walk, told, minutes(minute))
    }

    #[test]
    fn stops_stand_in_the_order_in_which_somebody_was_there_and_what_was_missed_below_them() {
        let walk = walk(&[(tick("pump", TOKENS[2]), 3), (tick("gate", TOKENS[0]), 9)], 60);
        let lines = told(&walk, &BTreeMap::new(), 60);
        let stops: Vec<_> = lines.iter().map(|line| (line.number, line.look.word)).collect();
        assert_eq!(stops, [(3, "按时"), (1, "按时"), (2, "漏点")]);
        assert_eq!(lines[0].by.as_deref(), Some("人1"));
        assert_eq!(lines[0].unanswered, ["地面干"]);
        assert_eq!(lines[0].look.level, Some(Level::High));
        assert_eq!((lines[2].by.as_deref(), lines[2].look.level), (None, None));
    }

    #[test]
    fn who_was_planned_for_what_was_missed_is_named() {
        let mut walk = walk(&[(tick("gate", TOKENS[0]), 1)], 60);
        let planned = |walk: &Walk, minute| -> Vec<Option<String>> {
            told(walk, &BTreeMap::new(), minute).into_iter().map(|line| line.planned).collect()
        };
        let guards = Some("保安".to_owned());
        assert_eq!(planned(&walk, 60), [None, guards.clone(), guards], "nobody in particular");
        assert_eq!(planned(&walk, 10), [None, None, None], "nothing is missed yet");
        for stop in &mut walk.round.task.stops {
            stop.planned = [4, 2].map(person).into();
        }
        let lines = told(&walk, &BTreeMap::new(), 60);
        let planned: Vec<_> = lines.iter().map(|line| line.planned.as_deref()).collect();
        assert_eq!(planned, [None, Some("人2、人4"), Some("人2、人4")]);
        walk.round.task.stops[1].added = 9;
        let lines = told(&walk, &BTreeMap::new(), 60);
        let planned: Vec<_> = lines.iter().map(|line| (line.number, line.planned.is_some())).collect();
        assert_eq!(planned, [(1, false), (3, true), (2, false)], "nobody could know of the second");
    }

    #[test]
    fn what_was_found_and_shown_at_a_stop_is_told_with_it() {
        let readings = BTreeMap::from([("dry".into(), Reading::Ok(false))]);
        let shown = BTreeMap::from([("x".into(), Reading::Photos(vec![photo(7)]))]);
        let read = |readings| RoundCommand::Read { stop: "pump".into(), readings };
        let walk = walk(&[(tick("pump", TOKENS[2]), 3), (read(readings), 4), (read(shown), 5)], 10);
        let line = &told(&walk, &BTreeMap::new(), 10)[0];
        let found: Vec<_> = line.found.iter().map(|one| (one.asked.as_str(), one.abnormal)).collect();
        assert_eq!(found, [("地面干", true), ("x", false)]);
        assert_eq!(line.found[0].answer, "否");
        assert_eq!(line.photos.iter().map(|shot| shot.caption.as_str()).collect::<Vec<_>>(), ["22:05 · 人1"]);
        assert!(line.look.abnormal && line.unanswered.is_empty());
    }

    #[test]
    fn a_wrong_answer_that_was_put_right_is_told_with_the_right_one() {
        let read = |dry| {
            let readings = BTreeMap::from([("dry".into(), Reading::Ok(dry))]);
            RoundCommand::Read { stop: "pump".into(), readings }
        };
        let walk = walk(&[(tick("pump", TOKENS[2]), 3), (read(false), 4), (read(true), 5)], 10);
        let line = &told(&walk, &BTreeMap::new(), 10)[0];
        assert_eq!(line.found[0].answer, "先填 否，后改成 是");
        assert!(line.found[0].abnormal, "it is why the stop is");
    }

    #[test]
    fn what_the_server_says_of_a_tick_takes_the_place_of_what_this_device_knows() {
        let walk = walk(&[(tick("gate", TOKENS[0]), 1)], 10);
        let hasty = Trust { level: Level::Medium, doubts: vec![Doubt::Hasty { seconds: 5 }] };
        let lines = told(&walk, &BTreeMap::from([("gate".into(), hasty)]), 10);
        assert_eq!(lines[0].look.level, Some(Level::Medium));
        assert_eq!(lines[0].look.doubts, ["离上一点只有 5 秒，比平时快得多"]);
    }

    #[test]
    fn what_happened_beside_the_stops_is_told_in_words() {
        let hand = RoundCommand::HandOver { to: person(4), reason: "换班".to_owned() };
        let walk = walk(&[(tick("gate", TOKENS[0]), 1), (hand, 5)], 60);
        let events = events(Locale::zh, &property(1), &walk);
        let told: Vec<_> = events.iter().map(|event| format!("{} {}", event.clock, event.what)).collect();
        assert_eq!(told, ["22:01 人1 开始走", "22:05 人1 交给人4"]);
        assert_eq!(events[1].said, "换班");
    }
}
