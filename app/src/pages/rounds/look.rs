//! What a round's page says of each stop, as words: how it stands, when and how it was ticked, what speaks against that.

use shared::{
    round::{
        RoundStop, Skipped, StopState, StopStateName,
        trust::{self, Level},
    },
    time::Ms,
};

use crate::{
    i18n::*,
    state::{Property, Walk},
    ui::Tone,
    words::{self, round as said},
};

/// One stop in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    /// Where it is.
    pub place: String,
    /// How it stands.
    pub state: StopStateName,
    /// The same in a word, for the chip.
    pub word: &'static str,
    /// The colour of the chip.
    pub tone: Tone,
    /// Something was found there.
    pub abnormal: bool,
    /// When and how it was ticked; by when it is due; why it was left out.
    pub line: String,
    /// What stands beside its state.
    pub beside: Vec<&'static str>,
    /// How far its tick is trusted; `None` where nobody was there.
    pub level: Option<Level>,
    /// Why no further.
    pub doubts: Vec<String>,
}

impl Look {
    /// How far its tick is trusted, and why no further, in one line; `None` where nothing speaks against it.
    pub fn doubted(&self, locale: Locale) -> Option<String> {
        let level = self.level.filter(|_| !self.doubts.is_empty())?;
        Some(said::doubted(locale, said::level(locale, level), &self.doubts))
    }
}

/// A stop in words.
pub fn look(locale: Locale, property: &Property, walk: &Walk, stop: &RoundStop, now: Ms) -> Look {
    let round = &walk.round;
    let standing = round.stop(stop, now);
    let evening = property.zone.day(round.task.from);
    let clock = |at| said::clock_beside(locale, &property.zone, evening, at);
    let mut parts: Vec<String> = Vec::new();
    match &standing.state {
        StopState::Pending => {
            let due = stop.due.unwrap_or(round.task.until);
            parts.push(said::with(td_string!(locale, rounds.until), &clock(due)));
            let asked = stop.items.iter().filter(|item| item.asked(round.id, &stop.code)).count();
            if asked > 0 {
                parts.push(said::counted(td_string!(locale, rounds.to_look), asked));
            }
        }
        StopState::OnTime(event) | StopState::Late(event) | StopState::OutOfWindow(event) => {
            parts.push(clock(event.time.at));
            if let Some(tick) = event.change.tick() {
                parts.push(said::proof(locale, &tick.proof).to_owned());
                if let Some(position) = &tick.position {
                    let metres = position.accuracy.to_string();
                    parts.push(said::with(td_string!(locale, rounds.located), &metres));
                }
            }
            if !standing.unanswered.is_empty() {
                let left = standing.unanswered.len();
                parts.push(said::counted(td_string!(locale, rounds.left_to_look), left));
            }
        }
        StopState::Missed => {}
        StopState::Skipped(Skipped::Because(event)) => {
            parts.push(clock(event.time.at));
            parts.extend(reason(&event.change));
        }
        StopState::Skipped(Skipped::Finished(event)) => {
            let why = reason(&event.change).unwrap_or_default();
            parts.push(said::with(td_string!(locale, rounds.finished_early), &why));
        }
        StopState::Skipped(Skipped::Unheard) => parts.push(td_string!(locale, rounds.unheard).to_owned()),
    }
    if !standing.cases.is_empty() {
        parts.push(said::counted(td_string!(locale, rounds.reported), standing.cases.len()));
    }
    let state = standing.state.name();
    let tick = standing.state.tick();
    let usual = trust::Usual::default();
    let trust = tick.and_then(|tick| trust::of(round, tick, &property.places, &usual, now));
    let doubts = trust.iter().flat_map(|trust| &trust.doubts);
    Look {
        place: words::spot(property, &stop.place),
        state,
        word: said::stop_state(locale, state),
        tone: match state {
            StopStateName::Pending => Tone::Neutral,
            StopStateName::OnTime => Tone::Ok,
            StopStateName::Late | StopStateName::OutOfWindow | StopStateName::Skipped => Tone::Warn,
            StopStateName::Missed => Tone::Urgent,
        },
        abnormal: standing.abnormal,
        line: parts.join(" · "),
        beside: said::beside(locale, &standing),
        doubts: doubts.map(|doubt| said::doubt(locale, property, doubt)).collect(),
        level: trust.map(|trust| trust.level),
    }
}

fn reason(change: &shared::round::RoundChange) -> Option<String> {
    use shared::round::RoundChange::{Finished, Skipped};
    match change {
        Skipped { reason, .. } | Finished { reason } => Some(reason.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        ids::RoundId,
        round::{
            Round, RoundCommand,
            command::{Position, Proof, Tick},
        },
        route::{Item, ItemKind},
        time::EventTime,
    };
    use std::sync::Arc;

    use super::*;
    use crate::state::rounds_kit::{Made, TEN, TOKENS, minutes, night, property, rounds, tick};

    fn looks(made: &Made, base: &[Arc<Round>], minute: i64) -> Vec<Look> {
        let (guard, routes) = (property(1), [night(true)]);
        let now = minutes(minute);
        let walk = rounds(&guard, &routes, base, &made.0, now).find(first()).unwrap();
        let stops = &walk.round.task.stops;
        stops.iter().map(|stop| look(Locale::zh, &guard, &walk, stop, now)).collect()
    }

    fn first() -> RoundId {
        let (guard, routes) = (property(1), [night(true)]);
        rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id
    }

    fn does(made: &mut Made, command: RoundCommand, minute: i64) {
        made.done(&property(1), &[night(true)], first(), command, minutes(minute));
    }

    fn words(looks: &[Look]) -> Vec<&'static str> {
        looks.iter().map(|look| look.word).collect()
    }

    #[test]
    fn each_stop_says_how_it_stands() {
        let mut made = Made::default();
        assert_eq!(words(&looks(&made, &[], 1)), ["还没到", "还没到", "还没到"]);
        assert_eq!(looks(&made, &[], 1)[2].line, "22:20 前 · 到点看 1 项");
        does(&mut made, tick("gate", TOKENS[0]), 1);
        does(
            &mut made,
            RoundCommand::Skip { stop: "hall".into(), reason: "门锁着".to_owned(), photos: vec![] },
            9,
        );
        does(&mut made, tick("pump", TOKENS[2]), 25);
        let seen = looks(&made, &[], 26);
        assert_eq!(words(&seen), ["按时", "没去", "晚到"]);
        assert_eq!(seen[0].line, "22:01 · 二维码");
        assert_eq!(seen[1].line, "22:09 · 门锁着");
        assert_eq!(seen[2].line, "22:25 · 二维码 · 还有 1 项没看");
        assert_eq!((seen[0].level, seen[0].doubted(Locale::zh)), (Some(Level::High), None));
        assert_eq!(seen[1].level, None);
    }

    #[test]
    fn what_nobody_went_to_is_missed_and_what_came_after_the_window_says_so() {
        let mut made = Made::default();
        does(&mut made, tick("gate", TOKENS[0]), 1);
        does(&mut made, tick("hall", TOKENS[1]), 45);
        assert_eq!(words(&looks(&made, &[], 46)), ["按时", "不在时段内", "漏点"]);
    }

    #[test]
    fn a_doubtful_tick_says_why() {
        let mut made = Made::default();
        let proof = Proof::Photo { reason: "标签不见了".to_owned(), photos: Vec::new() };
        let position = Some(Position { lat: 0, lon: 0, accuracy: 8, age: 1 });
        let (stop, place) = ("gate".into(), "GATE".into());
        let bare = Tick { stop, place, proof, readings: Default::default(), position };
        does(&mut made, RoundCommand::Tick(Box::new(bare)), 1);
        let seen = &looks(&made, &[], 2)[0];
        assert_eq!(seen.line, "22:01 · 只有说明 · 定位 ±8 米");
        assert_eq!(seen.doubted(Locale::zh).as_deref(), Some("要核实：没扫标签，也没有照片"));
        does(&mut made, tick("hall", "AQIDBAUGBwgJCgsMDQ4PEA"), 9);
        let seen = &looks(&made, &[], 10)[1];
        assert_eq!(seen.doubted(Locale::zh).as_deref(), Some("要核实：扫到的不是这条路线的标签"));
    }

    #[test]
    fn nobody_is_doubted_for_a_photo_that_may_still_be_taken() {
        let mut route = (*night(true)).clone();
        let kind = ItemKind::Photo { percent: 100 };
        route.design.stops[0].items = vec![Item { code: "lane".into(), text: "通道".to_owned(), kind }];
        let (guard, routes) = (property(1), [Arc::new(route)]);
        let mut made = Made::default();
        let code = shared::label::code(TOKENS[0]);
        let (stop, place) = ("gate".into(), "GATE".into());
        let typed =
            Tick { stop, place, proof: Proof::Code(code), readings: Default::default(), position: None };
        made.done(&guard, &routes, first(), RoundCommand::Tick(Box::new(typed)), minutes(1));
        let trust = |minute| {
            let now = minutes(minute);
            let walk = rounds(&guard, &routes, &[], &made.0, now).find(first()).unwrap();
            let gate = walk.round.task.stops[0].clone();
            look(Locale::zh, &guard, &walk, &gate, now).doubted(Locale::zh).unwrap()
        };
        assert_eq!(trust(2), "有一点疑问：短码是手输的，可能是别人报的");
        assert_eq!(trust(41), "要核实：短码是手输的，可能是别人报的；要拍的照片没拍");
    }

    #[test]
    fn what_was_in_time_and_came_late_or_at_an_uncertain_time_is_said_beside_it() {
        let mut made = Made::default();
        does(&mut made, tick("gate", TOKENS[0]), 1);
        does(&mut made, tick("hall", TOKENS[1]), 9);
        let (guard, routes) = (property(1), [night(true)]);
        let walk = rounds(&guard, &routes, &[], &made.0, minutes(10)).find(first()).unwrap();
        let mut delivered = walk.round;
        for event in &mut delivered.log {
            event.time = EventTime { received: minutes(90), ..event.time };
        }
        if let Some(last) = delivered.log.last_mut() {
            last.time.uncertain = true;
        }
        let seen = looks(&Made::default(), &[Arc::new(delivered)], 100);
        assert_eq!(words(&seen), ["按时", "按时", "漏点"]);
        assert_eq!(seen[0].beside, ["网络晚到，打点按时"]);
        assert!(seen[1].beside.contains(&"时间不确定，不算晚"));
    }
}
