//! Rounds as they are walked: the server's rounds and those that only the plan knows yet, with what was done on this device
//! on top. Who asks is judged by the rules, as for cases; a round is begun with the first thing that is done in it.

#[cfg(test)]
pub(crate) mod kit;

use std::{collections::BTreeSet, sync::Arc};

use shared::{
    Code, Rejection,
    ids::{PersonId, RoundId, StopCode},
    label::{Match, Shown, find},
    round::{Round, RoundChange, RoundCommand, RoundEvent, RoundStage, RoundStop, Standing, StopState},
    route::{Route, Slot},
    sync::OutboxRow,
    time::{EventTime, HOUR, Ms},
};

use ::device::Ask;

use super::{Property, State};
use crate::order;

/// Rounds that ended so long ago, or begin so much later, are not of this shift.
pub const SHIFT: i64 = 12 * HOUR;

/// A round on this device.
#[derive(Clone, PartialEq, Debug)]
pub struct Walk {
    /// The round, with what is not sent yet; as it will be where nobody has begun it.
    pub round: Round,
    /// It is known that somebody has begun it, or that the server has made it.
    pub there: bool,
    /// Its route, where this device has it: that has the labels.
    pub route: Option<Arc<Route>>,
}

/// What rounds follow from. Everything here is a function of it, so that tests need no device.
#[derive(Clone, Copy, Debug)]
pub struct Rounds<'a> {
    /// The property.
    pub property: &'a Property,
    /// Its routes.
    pub routes: &'a [Arc<Route>],
    /// Its rounds as the server last showed them.
    pub rounds: &'a [Arc<Round>],
    /// This device's commands of this site.
    pub outbox: &'a [OutboxRow],
    /// How far the server's clock is ahead of this device's.
    pub offset: i64,
    /// Now.
    pub now: Ms,
}

impl Rounds<'_> {
    /// The rounds of this shift that are this person's to walk, and those handed to them: what is on now first, in the order in
    /// which the windows end, then what comes, then what is over, the latest first.
    pub fn mine(&self) -> Vec<Walk> {
        let mut ids: BTreeSet<RoundId> = BTreeSet::new();
        let mut walks = Vec::new();
        for route in self.routes {
            let slots = self.slots(route);
            // Whom a route means does not differ from round to round.
            let means =
                slots.first().is_some_and(|slot| self.planned(route, *slot).is_some_and(|r| self.walker(&r)));
            for slot in slots.into_iter().filter(|_| means) {
                let id = RoundId::of(&self.property.site.code, &route.code, slot.occurrence);
                if ids.insert(id) {
                    walks.extend(self.of_slot(id, route, slot));
                }
            }
        }
        for round in self.rounds.iter().filter(|round| self.in_shift(round.task.from, round.task.until)) {
            if ids.insert(round.id) {
                walks.extend(self.find(round.id));
            }
        }
        walks.retain(|walk| self.walker(&walk.round));
        order::by(walks, |walk| match walk.turn(self.now) {
            Turn::Now => [0, walk.round.task.until.0, walk.round.task.from.0],
            Turn::Next => [1, walk.round.task.from.0, walk.round.task.until.0],
            Turn::Over => [2, -walk.round.task.until.0, 0],
        })
    }

    /// A round by its id: one that is there, or one of this shift by plan.
    pub fn find(&self, id: RoundId) -> Option<Walk> {
        let base = self.rounds.iter().find(|round| round.id == id);
        if let Some(base) = base {
            let route = self.routes.iter().find(|route| route.code == base.task.route);
            return self.of_base(id, Some(base.as_ref().clone()), route);
        }
        self.routes.iter().find_map(|route| {
            let of = |slot: &Slot| RoundId::of(&self.property.site.code, &route.code, slot.occurrence) == id;
            let slot = self.slots(route).into_iter().find(of)?;
            self.of_slot(id, route, slot)
        })
    }

    /// The stops of this person's rounds at which a label hangs that is shown now; the round that is on first.
    pub fn labelled(&self, shown: Shown<'_>) -> Vec<(RoundId, StopCode)> {
        let walks = self.mine().into_iter().filter(|walk| walk.turn(self.now) == Turn::Now);
        walks.filter_map(|walk| Some((walk.round.id, walk.labelled(shown, None, self.now)?))).collect()
    }

    fn slots(&self, route: &Route) -> Vec<Slot> {
        route.rounds_between(self.now.plus(-SHIFT), self.now.plus(SHIFT), &self.property.zone)
    }

    fn in_shift(&self, from: Ms, until: Ms) -> bool {
        from < self.now.plus(SHIFT) && self.now.plus(-SHIFT) < until
    }

    fn planned(&self, route: &Route, slot: Slot) -> Option<Round> {
        let id = RoundId::of(&self.property.site.code, &route.code, slot.occurrence);
        self.property.judge(self.offset).planned(id, route, slot, self.now)
    }

    fn of_slot(&self, id: RoundId, route: &Arc<Route>, slot: Slot) -> Option<Walk> {
        let base = self.rounds.iter().find(|round| round.id == id).map(|round| round.as_ref().clone());
        self.of_base(id, base, Some(route)).or_else(|| {
            let round = self.planned(route, slot)?;
            Some(Walk { round, there: false, route: Some(route.clone()) })
        })
    }

    fn of_base(&self, id: RoundId, base: Option<Round>, route: Option<&Arc<Route>>) -> Option<Walk> {
        let judge = self.property.judge(self.offset);
        let round = judge.overlay_round(id, base, versions(route), self.outbox)?;
        Some(Walk { round, there: true, route: route.cloned() })
    }

    /// Whether this person may walk it, and has not handed it over.
    fn walker(&self, round: &Round) -> bool {
        let Property { me, site, zone, .. } = self.property;
        round.standings(me, site, zone, self.now).has(Standing::Walker)
    }
}

/// The versions of a route that this device has: none or one.
fn versions(route: Option<&Arc<Route>>) -> &[Route] {
    route.map_or(&[], |route| std::slice::from_ref(route.as_ref()))
}

/// When a round is on, as seen from now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Its window is open, and there is something left to do.
    Now,
    /// It has not begun.
    Next,
    /// Its window is over, every stop is seen to, or somebody has finished it.
    Over,
}

impl Walk {
    /// When it is on.
    pub fn turn(&self, now: Ms) -> Turn {
        let finished = |event: &RoundEvent| matches!(event.change, RoundChange::Finished { .. });
        let through = now >= self.round.task.until || self.round.log.iter().any(finished);
        let unanswered = |stop| !self.round.stop(stop, now).unanswered.is_empty();
        // Where every stop is ticked, something may still be left to look at.
        let rest = !through && self.round.task.stops.iter().any(unanswered);
        if self.round.stage(now) >= RoundStage::Over && !rest {
            Turn::Over
        } else if now < self.round.task.from {
            Turn::Next
        } else {
            Turn::Now
        }
    }

    /// Whether somebody has begun to walk it here, so that no start is needed before what comes next.
    fn started_by(&self, person: PersonId) -> bool {
        let started = |change: &RoundChange| matches!(change, RoundChange::Started { .. });
        self.there && self.round.log.iter().any(|event| event.by == Some(person) && started(&event.change))
    }

    /// The stop to go to next: on an ordered route the first that is pending, else the one that is due first.
    pub fn next(&self, now: Ms) -> Option<&RoundStop> {
        let pending = |stop: &&RoundStop| self.round.stop(stop, now).state == StopState::Pending;
        let mut pending = self.round.task.stops.iter().filter(pending);
        if self.round.task.ordered {
            return pending.next();
        }
        // Of those due at the same time the first in the list.
        pending.min_by_key(|stop| stop.due.unwrap_or(self.round.task.until))
    }

    /// The stop that is open before the walker: where they were last, as long as something there is not answered; else the
    /// next one.
    pub fn focus(&self, me: PersonId, now: Ms) -> Option<&RoundStop> {
        let own = self.round.log.iter().filter(|event| event.by == Some(me));
        let last = own.filter_map(|event| event.change.tick()).next_back();
        let last = last.and_then(|tick| self.round.find(&tick.stop));
        let unanswered = |stop: &&RoundStop| !self.round.stop(stop, now).unanswered.is_empty();
        last.filter(unanswered).or_else(|| self.next(now))
    }

    /// How many stops are seen to, of how many.
    pub fn progress(&self, now: Ms) -> (usize, usize) {
        let seen = |stop: &&RoundStop| match self.round.stop(stop, now).state {
            StopState::OnTime(_) | StopState::Late(_) | StopState::OutOfWindow(_) | StopState::Skipped(_) => {
                true
            }
            StopState::Pending | StopState::Missed => false,
        };
        let stops = &self.round.task.stops;
        (stops.iter().filter(seen).count(), stops.len())
    }

    /// The stop whose label is shown. Of a short code this device knows too little to tell all of them apart, and one place
    /// may be several stops: `prefer` is taken before others, what is pending before what was seen to.
    pub fn labelled(&self, shown: Shown<'_>, prefer: Option<&StopCode>, now: Ms) -> Option<StopCode> {
        let labels = &self.route.as_ref()?.labels;
        let at = EventTime::exact(now);
        let hangs = |stop: &&RoundStop| {
            matches!(find(labels, &stop.place, shown, at), Match::Current | Match::Replaced)
        };
        let found: Vec<&RoundStop> = self.round.task.stops.iter().filter(hangs).collect();
        let pending = |stop: &RoundStop| self.round.stop(stop, now).state == StopState::Pending;
        let first =
            order::by(found, |stop| [i64::from(prefer != Some(&stop.code)), i64::from(!pending(stop)), 0]);
        first.first().map(|stop| stop.code.clone())
    }
}

impl State {
    fn with_rounds<T>(&self, now: Ms, read: impl FnOnce(Rounds<'_>) -> T) -> Option<T> {
        let site = self.site.get_untracked()?;
        let property = self.property.get()?;
        // Only what is about rounds is looked through, and copied.
        let outbox: Vec<OutboxRow> = self.outbox.with(|rows| {
            let about = |row: &&OutboxRow| {
                row.site == site && (row.kind.starts_with("round.") || row.kind == "case.report")
            };
            rows.iter().filter(about).cloned().collect()
        });
        let offset = self.offset();
        Some(self.routes.with(|routes| {
            self.rounds.with(|rounds| {
                let property = &property;
                read(Rounds { property, routes, rounds, outbox: &outbox, offset, now })
            })
        }))
    }

    /// The rounds of this shift that are this person's; see [`Rounds::mine`].
    pub fn walks(&self, now: Ms) -> Vec<Walk> {
        self.with_rounds(now, |rounds| rounds.mine()).unwrap_or_default()
    }

    /// A round; see [`Rounds::find`].
    pub fn walk(&self, id: RoundId, now: Ms) -> Option<Walk> {
        self.with_rounds(now, |rounds| rounds.find(id)).flatten()
    }

    /// Where a label that is shown hangs; see [`Rounds::labelled`].
    pub fn labelled(&self, shown: Shown<'_>, now: Ms) -> Vec<(RoundId, StopCode)> {
        self.with_rounds(now, |rounds| rounds.labelled(shown)).unwrap_or_default()
    }

    /// Does something in a round, which is begun with it if this person has not begun it yet. Returns once it is saved on this
    /// device; `draft` ends with it.
    ///
    /// # Errors
    /// What the rules say against it, or what this device cannot do; then nothing has changed and the draft stays.
    pub async fn act_in_round(
        &self,
        id: RoundId,
        command: RoundCommand,
        draft: Option<&str>,
    ) -> Result<(), Rejection> {
        let property = self.property.get_untracked().ok_or(Code::SiteNotMember)?;
        let now = self.now_ms();
        let walk = self.walk(id, now).ok_or(Code::RoundNotThere)?;
        let commands = commands(&walk, property.me.id, command);
        let judge = property.judge(self.offset());
        let known = walk.there.then(|| walk.round.clone());
        judge.walk(id, known, versions(walk.route.as_ref()), &commands, now)?;
        let base = walk.there.then_some(walk.round.version);
        let asks: Vec<Ask> = commands.iter().map(Ask::from).collect();
        self.store(id.0, base, &asks, &[], draft).await
    }

    /// Begins a round, unless this person has begun it. Returns once that is saved on this device.
    ///
    /// # Errors
    /// As [`act_in_round`](Self::act_in_round).
    pub async fn begin_round(&self, id: RoundId) -> Result<(), Rejection> {
        let property = self.property.get_untracked().ok_or(Code::SiteNotMember)?;
        let walk = self.walk(id, self.now_ms()).ok_or(Code::RoundNotThere)?;
        if walk.started_by(property.me.id) {
            return Ok(());
        }
        self.act_in_round(id, start(&walk), None).await
    }
}

/// A command with the start that has to come before it: nobody does anything in a round that they have not begun, and what
/// the server has not made yet is made by that.
fn commands(walk: &Walk, me: PersonId, command: RoundCommand) -> Vec<RoundCommand> {
    let begins = match &command {
        RoundCommand::Start { .. } => false,
        RoundCommand::Tick(_) | RoundCommand::Read { .. } | RoundCommand::Skip { .. } => !walk.started_by(me),
        RoundCommand::HandOver { .. } | RoundCommand::Finish { .. } | RoundCommand::Review { .. } => {
            !walk.there
        }
    };
    begins.then(|| start(walk)).into_iter().chain([command]).collect()
}

/// The command that begins a round, or joins it.
fn start(walk: &Walk) -> RoundCommand {
    let task = &walk.round.task;
    RoundCommand::Start {
        route: task.route.clone(),
        occurrence: task.occurrence,
        route_version: walk.route.as_ref().map_or(task.route_version, |route| route.version),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared::{
        case::{
            CaseCommand,
            command::{Origin, Report, Source},
        },
        ids::CaseId,
        route::Reading,
        sync::Delivery,
        time::MINUTE,
    };
    use uuid::Uuid;

    use super::{
        kit::{Made, TEN, TOKENS, minutes, night, property, rounds, tick},
        *,
    };

    #[test]
    fn the_rounds_of_a_shift_are_known_from_the_plan_alone_what_is_on_first() {
        let (guard, routes) = (property(1), [night(true)]);
        let mine = rounds(&guard, &routes, &[], &[], minutes(70)).mine();
        let begins: Vec<i64> = mine.iter().map(|walk| walk.round.task.from.since(TEN) / MINUTE).collect();
        assert_eq!(begins, [60, 120, 180, 240, 0]);
        let turns: Vec<Turn> = mine.iter().map(|walk| walk.turn(minutes(70))).collect();
        assert_eq!(turns, [Turn::Now, Turn::Next, Turn::Next, Turn::Next, Turn::Over]);
        assert!(mine.iter().all(|walk| !walk.there));
    }

    #[test]
    fn a_round_is_nobodys_whom_its_route_does_not_mean() {
        let (technician, routes) = (property(2), [night(true)]);
        assert!(rounds(&technician, &routes, &[], &[], TEN).mine().is_empty());
    }

    #[test]
    fn what_is_done_first_in_a_round_begins_it_and_only_that() {
        let (guard, routes) = (property(1), [night(true)]);
        let id = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        made.done(&guard, &routes, id, tick("gate", TOKENS[0]), minutes(1));
        made.done(&guard, &routes, id, tick("hall", TOKENS[1]), minutes(5));
        let kinds: Vec<&str> = made.0.iter().map(|row| row.kind.as_str()).collect();
        assert_eq!(kinds, ["round.start", "round.tick", "round.tick"]);
        let walk = rounds(&guard, &routes, &[], &made.0, minutes(6)).find(id).unwrap();
        assert!(walk.there);
        assert_eq!(walk.progress(minutes(6)), (2, 3));
        assert_eq!(walk.next(minutes(6)).unwrap().code.as_str(), "pump");
    }

    #[test]
    fn what_the_server_shows_already_is_not_counted_twice_and_what_it_refused_not_at_all() {
        let (guard, routes) = (property(1), [night(true)]);
        let id = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        made.done(&guard, &routes, id, tick("gate", TOKENS[0]), minutes(1));
        let base = [Arc::new(rounds(&guard, &routes, &[], &made.0, minutes(2)).find(id).unwrap().round)];
        for row in &mut made.0 {
            let version = base[0].version;
            row.delivery = Delivery::Done { version, recorded: false, at: minutes(2), seq: 1 };
        }
        made.done(&guard, &routes, id, tick("hall", TOKENS[1]), minutes(3));
        let shown = rounds(&guard, &routes, &base, &made.0, minutes(4)).find(id).unwrap();
        assert_eq!(shown.round.log.iter().filter(|event| event.change.tick().is_some()).count(), 2);
        for row in made.0.iter_mut().filter(|row| row.unsent()) {
            let rejection = Code::RoundTooMany.into();
            row.delivery = Delivery::Refused { rejection, at: minutes(4) };
        }
        let shown = rounds(&guard, &routes, &base, &made.0, minutes(4)).find(id).unwrap();
        assert_eq!(shown.progress(minutes(4)), (1, 3));
    }

    #[test]
    fn a_walker_stays_where_something_is_still_to_be_looked_at() {
        let (guard, routes) = (property(1), [night(false)]);
        let me = guard.me.id;
        let id = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        let at = |made: &Made, minute| {
            let walk = rounds(&guard, &routes, &[], &made.0, minutes(minute)).find(id).unwrap();
            walk.focus(me, minutes(minute)).map(|stop| stop.code.as_str().to_owned())
        };
        // What is due first comes first where the order is free.
        assert_eq!(at(&made, 0).as_deref(), Some("pump"));
        made.done(&guard, &routes, id, tick("pump", TOKENS[2]), minutes(1));
        assert_eq!(at(&made, 2).as_deref(), Some("pump"));
        let readings = BTreeMap::from([("dry".into(), Reading::Ok(true))]);
        made.done(&guard, &routes, id, RoundCommand::Read { stop: "pump".into(), readings }, minutes(3));
        assert_eq!(at(&made, 4).as_deref(), Some("gate"));
    }

    #[test]
    fn a_round_that_is_handed_over_is_the_colleagues_at_once() {
        let (guard, colleague, routes) = (property(1), property(2), [night(true)]);
        let id = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        let hand = RoundCommand::HandOver { to: colleague.me.id, reason: String::new() };
        made.done(&guard, &routes, id, hand, minutes(2));
        assert_eq!(made.0[0].kind, "round.start");
        let left = rounds(&guard, &routes, &[], &made.0, minutes(3)).mine();
        assert!(left.iter().all(|walk| walk.round.id != id));
        let base = [Arc::new(rounds(&guard, &routes, &[], &made.0, minutes(3)).find(id).unwrap().round)];
        let theirs = rounds(&colleague, &routes, &base, &[], minutes(3)).mine();
        assert_eq!(theirs.iter().map(|walk| walk.round.id).collect::<Vec<_>>(), [id]);
    }

    #[test]
    fn a_label_says_which_stop_is_ticked_also_by_its_short_code_and_a_foreign_one_says_none() {
        let (guard, routes) = (property(1), [night(true)]);
        let of_shift = rounds(&guard, &routes, &[], &[], minutes(5));
        let walk = &of_shift.mine()[0];
        let stop = |shown| walk.labelled(shown, None, minutes(5)).map(|stop| stop.as_str().to_owned());
        assert_eq!(stop(Shown::Token(TOKENS[1])).as_deref(), Some("hall"));
        let code = shared::label::code(TOKENS[2]);
        assert_eq!(stop(Shown::Code(&code)).as_deref(), Some("pump"));
        assert_eq!(stop(Shown::Token("AQIDBAUGBwgJCgsMDQ4PEA")), None);
        let found = of_shift.labelled(Shown::Token(TOKENS[0]));
        assert_eq!(found, [(walk.round.id, StopCode::from("gate"))]);
        // Nothing is on at half past nine.
        assert!(rounds(&guard, &routes, &[], &[], minutes(-30)).labelled(Shown::Token(TOKENS[0])).is_empty());
    }

    #[test]
    fn a_problem_reported_from_a_stop_makes_it_abnormal_before_it_is_sent() {
        let (guard, routes) = (property(1), [night(true)]);
        let id = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        made.done(&guard, &routes, id, tick("gate", TOKENS[0]), minutes(1));
        let report = CaseCommand::Report(Report {
            category: "loose".into(),
            place: "GATE".into(),
            text: "门轴松了".to_owned(),
            since: String::new(),
            source: Source::Found,
            urgency: None,
            isolated: false,
            accused: None,
            on_behalf_of: None,
            photos: Vec::new(),
            from: Some(Box::new(Origin { round: id, stop: "gate".into() })),
        });
        let case = CaseId(Uuid::from_u128(77));
        made.add(1, case.0, report.kind(), report.body(), minutes(2));
        let walk = rounds(&guard, &routes, &[], &made.0, minutes(3)).find(id).unwrap();
        let standing = walk.round.stop(&walk.round.task.stops[0], minutes(3));
        assert!(standing.abnormal);
        assert_eq!(standing.cases, [case]);
        // The rules that a device judges by take the report, wherever it comes from.
        assert_eq!(guard.judge(0).check(None, &report, minutes(2)), Ok(()));
    }

    #[test]
    fn a_round_is_on_until_what_was_ticked_last_is_looked_at_or_its_window_ends() {
        let (guard, routes) = (property(1), [night(true)]);
        let id = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        for (minute, (stop, token)) in (1..).zip(["gate", "hall", "pump"].into_iter().zip(TOKENS)) {
            made.done(&guard, &routes, id, tick(stop, token), minutes(minute));
        }
        let turn = |made: &Made, minute| {
            rounds(&guard, &routes, &[], &made.0, minutes(minute)).find(id).unwrap().turn(minutes(minute))
        };
        assert_eq!(turn(&made, 5), Turn::Now);
        assert_eq!(turn(&made, 40), Turn::Over);
        let readings = BTreeMap::from([("dry".into(), Reading::Ok(true))]);
        made.done(&guard, &routes, id, RoundCommand::Read { stop: "pump".into(), readings }, minutes(6));
        assert_eq!(turn(&made, 7), Turn::Over);
    }
}
