//! The live view as data: the strip of each round, a cell for each stop, and what is said of it in words.

use shared::{
    ids::{RoundId, RouteCode},
    round::{StopState, StopStateName, trust},
    time::Ms,
};

use crate::{
    i18n::*,
    state::{Property, Turn, Walk, Watched},
    ui::Tone,
    words::{self, round as said},
};

/// How a stop may stand, in the order of the legend.
pub const STATES: [StopStateName; 6] = [
    StopStateName::OnTime,
    StopStateName::Late,
    StopStateName::OutOfWindow,
    StopStateName::Missed,
    StopStateName::Skipped,
    StopStateName::Pending,
];

/// A stop in a strip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// How it stands.
    pub state: StopStateName,
    /// Something was found there.
    pub abnormal: bool,
}

/// A round as a strip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strip {
    /// Which round.
    pub id: RoundId,
    /// `22:00–22:40`
    pub when: String,
    /// Who walks it; where nobody does yet, who is to.
    pub who: String,
    /// How much time is left, when it begins, or how it ended.
    pub left: String,
    /// Its stops in the order of the route.
    pub cells: Vec<Cell>,
    /// What somebody should look at.
    pub marks: Vec<(String, Tone)>,
    /// The strip in words: how many stops stand how, and which of them need a look.
    pub spoken: String,
}

/// The rounds of a route in this shift.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouteStrips {
    /// Which route.
    pub route: RouteCode,
    /// Its name.
    pub name: String,
    /// In the order in which they begin.
    pub strips: Vec<Strip>,
}

/// How many cells stand how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// By [`STATES`].
    states: [usize; 6],
    /// With something wrong, however they stand.
    pub abnormal: usize,
}

impl Tally {
    /// Of some cells.
    pub fn of<'a>(cells: impl Iterator<Item = &'a Cell>) -> Tally {
        let mut tally = Tally::default();
        for cell in cells {
            if let Some(at) = STATES.iter().position(|state| *state == cell.state) {
                tally.states[at] += 1;
            }
            tally.abnormal += usize::from(cell.abnormal);
        }
        tally
    }

    /// How many stand so; of an abnormal one how many are abnormal, however they stand.
    pub fn count(&self, cell: Cell) -> usize {
        if cell.abnormal {
            return self.abnormal;
        }
        STATES.iter().zip(self.states).find(|(state, _)| **state == cell.state).map_or(0, |(_, count)| count)
    }

    /// How many were missed.
    pub fn missed(&self) -> usize {
        self.count(Cell { state: StopStateName::Missed, abnormal: false })
    }
}

/// The strips of what somebody looks after, who last heard the server at `heard`.
pub fn strips(
    locale: Locale,
    property: &Property,
    watched: &[Watched],
    heard: Option<Ms>,
    now: Ms,
) -> Vec<RouteStrips> {
    let route = |of: &Watched| RouteStrips {
        route: of.route.clone(),
        name: of.name.clone(),
        strips: of.walks.iter().map(|walk| strip(locale, property, walk, heard, now)).collect(),
    };
    watched.iter().map(route).collect()
}

/// A round as a strip.
fn strip(locale: Locale, property: &Property, walk: &Walk, heard: Option<Ms>, now: Ms) -> Strip {
    let round = &walk.round;
    let at = walk.told_at(heard, now);
    let task = &round.task;
    let standings: Vec<_> = task.stops.iter().map(|stop| (stop, round.stop(stop, at))).collect();
    let cells: Vec<Cell> = standings
        .iter()
        .map(|(_, standing)| Cell { state: standing.state.name(), abnormal: standing.abnormal })
        .collect();
    let tally = Tally::of(cells.iter());
    let doubtful = standings.iter().filter(|(_, standing)| {
        let tick = standing.state.tick();
        let trust =
            tick.and_then(|tick| trust::of(round, tick, &property.places, &trust::Usual::default(), at));
        trust.is_some_and(|trust| trust.level == trust::Level::Low)
    });
    let doubtful = doubtful.count();
    let of_states = STATES.iter().zip(tally.states).filter(|(_, count)| *count > 0);
    let mut spoken: Vec<String> =
        of_states.map(|(state, count)| format!("{} {count}", said::stop_state(locale, *state))).collect();
    let names = |of: fn(&StopState<'_>, bool) -> bool| {
        let named = standings.iter().filter(move |(_, standing)| of(&standing.state, standing.abnormal));
        said::listed(locale, named.map(|(stop, _)| words::spot(property, &stop.place)))
    };
    let missed = names(|state, _| *state == StopState::Missed);
    let abnormal = names(|_, abnormal| abnormal);
    for (word, names) in
        [(td_string!(locale, rounds.missed), missed), (td_string!(locale, rounds.abnormal), abnormal)]
    {
        if !names.is_empty() {
            spoken.push(format!("{word}: {names}"));
        }
    }
    let clock = |at| words::clock(&property.zone, at);
    let marks = [
        (tally.missed(), td_string!(locale, rounds.missed_count), Tone::Urgent),
        (tally.abnormal, td_string!(locale, rounds.abnormal_count), Tone::Urgent),
        (doubtful, td_string!(locale, rounds.doubtful_count), Tone::Warn),
    ];
    Strip {
        id: round.id,
        when: format!("{}–{}", clock(task.from), clock(task.until)),
        who: match round.walker(now) {
            Some(walker) => property.name(walker),
            None => {
                said::with(td_string!(locale, rounds.watch_nobody), &said::who(locale, property, &task.who))
            }
        },
        left: match walk.turn(at) {
            Turn::Now if at < now => said::not_heard(locale, &property.zone, heard, now),
            Turn::Now => words::left(locale, task.until.since(now)),
            Turn::Next => said::begins(locale, &property.zone, task.from, now),
            Turn::Over => said::stage(locale, round.stage(at)).to_owned(),
        },
        cells,
        marks: marks
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, text, tone)| (said::counted(text, count), tone))
            .collect(),
        spoken: spoken.join(" · "),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared::{
        round::{RoundCommand, command::Proof, command::Tick},
        route::Reading,
    };

    use super::*;
    use crate::state::rounds_kit::{Made, TEN, TOKENS, minutes, night, property, rounds, tick};

    /// The first round of the night after what the guard did in it, at a minute at which the server is heard.
    fn seen(done: &[(RoundCommand, i64)], minute: i64) -> Strip {
        seen_by(done, minute, minute)
    }

    /// The same where the server was last heard at a minute before.
    fn seen_by(done: &[(RoundCommand, i64)], heard: i64, minute: i64) -> Strip {
        let (guard, routes) = (property(1), [night(true)]);
        let first = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        for (command, minute) in done {
            made.done(&guard, &routes, first, command.clone(), minutes(*minute));
        }
        let walk = rounds(&guard, &routes, &[], &made.0, minutes(minute)).find(first).unwrap();
        strip(Locale::zh, &guard, &walk, Some(minutes(heard)), minutes(minute))
    }

    fn states(strip: &Strip) -> Vec<StopStateName> {
        strip.cells.iter().map(|cell| cell.state).collect()
    }

    #[test]
    fn before_anybody_has_begun_it_says_who_is_to_walk_and_how_much_time_is_left() {
        let strip = seen(&[], 22);
        assert_eq!(strip.when, "22:00–22:40");
        assert_eq!(strip.left, "还有 18 分钟");
        assert_eq!(strip.who, "还没人走（保安）");
        assert_eq!(states(&strip), [StopStateName::Pending; 3]);
        assert_eq!(strip.spoken, "还没到 3");
        assert!(strip.marks.is_empty());
    }

    #[test]
    fn each_cell_says_how_its_stop_stands_and_the_marks_what_needs_a_look() {
        let skip = RoundCommand::Skip { stop: "hall".into(), reason: "门锁着".to_owned(), photos: vec![] };
        let wet = RoundCommand::Read {
            stop: "pump".into(),
            readings: BTreeMap::from([("dry".into(), Reading::Ok(false))]),
        };
        let done = [(tick("gate", TOKENS[0]), 1), (skip, 9), (tick("pump", TOKENS[2]), 25), (wet, 26)];
        let strip = seen(&done, 30);
        assert_eq!(states(&strip), [StopStateName::OnTime, StopStateName::Skipped, StopStateName::Late]);
        assert_eq!(strip.cells.iter().map(|cell| cell.abnormal).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(strip.who, "人1");
        assert_eq!(strip.left, "已结束");
        assert_eq!(strip.marks, [("异常 1 点".to_owned(), Tone::Urgent)]);
        assert_eq!(strip.spoken, "按时 1 · 晚到 1 · 没去 1 · 异常: PUMP");
    }

    #[test]
    fn what_was_missed_is_named_and_what_is_doubtful_counted() {
        let bare = Tick {
            stop: "gate".into(),
            place: "GATE".into(),
            proof: Proof::Photo { reason: "标签不见了".to_owned(), photos: Vec::new() },
            readings: Default::default(),
            position: None,
        };
        let done = [(RoundCommand::Tick(Box::new(bare)), 1), (tick("hall", TOKENS[1]), 50)];
        let strip = seen(&done, 60);
        assert_eq!(
            states(&strip),
            [StopStateName::OnTime, StopStateName::OutOfWindow, StopStateName::Missed]
        );
        let marks: Vec<&str> = strip.marks.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(marks, ["漏 1 点", "要问 1 点"]);
        assert_eq!(strip.spoken, "按时 1 · 不在时段内 1 · 漏点 1 · 漏点: PUMP");
    }

    #[test]
    fn without_a_network_what_may_have_been_walked_is_not_said_to_be_missed() {
        let strip = seen_by(&[(tick("gate", TOKENS[0]), 1)], 30, 60);
        assert_eq!(states(&strip), [StopStateName::OnTime, StopStateName::Pending, StopStateName::Pending]);
        assert!(strip.marks.is_empty());
        assert_eq!(strip.left, "今天 22:30 以后没有消息");
        assert_eq!(strip.spoken, "按时 1 · 还没到 2");
    }

    #[test]
    fn a_tally_counts_each_state_and_what_is_abnormal_beside_it() {
        let cell = |state, abnormal| Cell { state, abnormal };
        let cells = [
            cell(StopStateName::OnTime, false),
            cell(StopStateName::OnTime, true),
            cell(StopStateName::Missed, false),
        ];
        let tally = Tally::of(cells.iter());
        assert_eq!(tally.count(cell(StopStateName::OnTime, false)), 2);
        assert_eq!(tally.count(cell(StopStateName::Late, false)), 0);
        assert_eq!(tally.count(cell(StopStateName::Pending, true)), 1);
        assert_eq!((tally.missed(), tally.abnormal), (1, 1));
    }
}
