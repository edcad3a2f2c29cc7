//! A round: one walk of a [`Route`](crate::route::Route), from its beginning to its review.
//!
//! A round is what there is to do, frozen when it is made ([`Task`]), and a log of what people did, in the order of the
//! events' times whatever the order in which they arrived. Everything else follows from these: how each stop stands
//! ([`Round::stop`]), how far the round is ([`Round::stage`]), what speaks for and against each tick ([`trust`]). So two
//! phones without a network and the server come to the same round, and whoever was there in time was, however late it is
//! delivered (R3).
//!
//! The three functions are those of a case: [`Round::decide`] judges, [`Round::evolve`] folds, [`Round::view`] shows.
//! What people saw and did is a fact: nobody entitled to it is ever refused one for coming late, and none is refused for
//! being doubtful. Doubts lower a visible trust and are explained.

pub mod command;
mod decide;
pub mod event;
mod evolve;
pub mod report;
mod standing;
pub mod trust;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use command::RoundCommand;
pub use decide::{Context, Yield, decide_start};
pub use event::{RoundChange, RoundEvent};
pub use standing::{LOOK_AFTER, Standing, Standings};

use crate::{
    ids::{AttachmentId, CaseId, CompanyCode, ItemCode, PersonId, PlaceCode, RoundId, RouteCode, StopCode},
    route::{Item, Occurrence, Reading, RouteKind, Who},
    time::{EventTime, Ms},
};

/// One walk of a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Round {
    /// Follows from site, route and occurrence.
    pub id: RoundId,
    /// The number of events so far.
    pub version: u32,
    /// What there is to do.
    pub task: Task,
    /// What people did, in the order of the events' times.
    pub log: Vec<RoundEvent>,
    /// The server has noted that the window is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// The photos that the server holds, with right hashes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kept: BTreeSet<AttachmentId>,
}

/// What there is to do in a round, as the route was when it began: a change of the route takes effect from the next one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Task {
    /// Of which route.
    pub route: RouteCode,
    /// Of which version.
    pub route_version: u32,
    /// Which of its rounds.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub occurrence: Occurrence,
    /// When it begins.
    pub from: Ms,
    /// When its window ends.
    pub until: Ms,
    /// The route's name.
    pub name: String,
    /// What kind of round.
    pub kind: RouteKind,
    /// The stops are walked in their order.
    pub ordered: bool,
    /// By whom.
    pub who: Who,
    /// Where, and what is looked at there.
    pub stops: Vec<RoundStop>,
    /// The subcontractors whose people walk it: their on-site leads see it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub companies: BTreeSet<CompanyCode>,
}

/// A stop of a round.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoundStop {
    /// Which.
    pub code: StopCode,
    /// Where.
    pub place: PlaceCode,
    /// What is looked at.
    pub items: Vec<Item>,
    /// Late after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Ms>,
    /// Who was planned, where that is not just anybody of a role.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub planned: BTreeSet<PersonId>,
    /// The version of the route that brought it.
    pub added: u32,
}

impl RoundStop {
    /// Whether an answer to an item says that something is wrong. What another version of the route asked for says so by
    /// itself, or cannot be judged.
    pub fn is_abnormal(&self, item: &ItemCode, reading: &Reading) -> bool {
        let item = self.items.iter().find(|one| one.code == *item);
        item.map_or(matches!(reading, Reading::Ok(false)), |item| item.abnormal(reading))
    }
}

/// How far a round is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoundStage {
    /// Nobody has begun.
    Planned,
    /// Somebody walks it.
    UnderWay,
    /// Every stop is seen to, somebody has finished early, or the window is over.
    Over,
    /// A supervisor has looked at it.
    Reviewed,
}

impl RoundStage {
    /// Every stage, in the order of a round's life.
    pub const ALL: [RoundStage; 4] =
        [RoundStage::Planned, RoundStage::UnderWay, RoundStage::Over, RoundStage::Reviewed];

    /// The name as it travels and as it is translated.
    pub const fn as_str(self) -> &'static str {
        match self {
            RoundStage::Planned => "planned",
            RoundStage::UnderWay => "under_way",
            RoundStage::Over => "over",
            RoundStage::Reviewed => "reviewed",
        }
    }
}

/// How a stop stands, with the tick that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopState<'a> {
    /// Nobody has been there yet.
    Pending,
    /// In time, or at a time that is too uncertain to say otherwise (R3).
    OnTime(&'a RoundEvent),
    /// After it was due, inside the window.
    Late(&'a RoundEvent),
    /// Before the round began or after its window.
    OutOfWindow(&'a RoundEvent),
    /// The window is over, and nobody is known to have been there.
    Missed,
    /// Nobody was to go there after all.
    Skipped(Skipped<'a>),
}

/// Why nobody was to go to a stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skipped<'a> {
    /// Somebody said why not.
    Because(&'a RoundEvent),
    /// Somebody finished the round early.
    Finished(&'a RoundEvent),
    /// A change of the route brought it, of which those who walked did not know.
    Unheard,
}

/// The name of a stop's state, without its data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see `StopState`")]
pub enum StopStateName {
    Pending,
    OnTime,
    Late,
    OutOfWindow,
    Missed,
    Skipped,
}

impl StopState<'_> {
    /// The state's name.
    pub const fn name(&self) -> StopStateName {
        match self {
            StopState::Pending => StopStateName::Pending,
            StopState::OnTime(_) => StopStateName::OnTime,
            StopState::Late(_) => StopStateName::Late,
            StopState::OutOfWindow(_) => StopStateName::OutOfWindow,
            StopState::Missed => StopStateName::Missed,
            StopState::Skipped(_) => StopStateName::Skipped,
        }
    }
}

impl<'a> StopState<'a> {
    /// The tick that counts, if somebody was there.
    pub const fn tick(&self) -> Option<&'a RoundEvent> {
        match self {
            StopState::OnTime(tick) | StopState::Late(tick) | StopState::OutOfWindow(tick) => Some(tick),
            StopState::Pending | StopState::Missed | StopState::Skipped(_) => None,
        }
    }
}

/// How a stop stands, and what is to be said beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopStanding<'a> {
    /// How it stands.
    pub state: StopState<'a>,
    /// Something was found there: a reading beyond its limits, or a problem that was reported.
    pub abnormal: bool,
    /// It was in time, and became known only after the window was over (R3).
    pub arrived_late: bool,
    /// The time of its tick cannot be known for sure (R3).
    pub uncertain: bool,
    /// On an ordered route, a stop that comes before it was ticked after it.
    pub out_of_order: bool,
    /// What was asked for and not answered.
    pub unanswered: Vec<&'a Item>,
    /// The cases that were reported from it.
    pub cases: Vec<CaseId>,
}

/// Which rule a deadline of a round comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RoundRule {
    /// A stop is due.
    Due(StopCode),
    /// The window ends: what is pending then is missed.
    WindowEnd,
}

/// When something of a round falls due.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RoundDeadline {
    /// When.
    pub at: Ms,
    /// By which rule.
    pub rule: RoundRule,
}

impl Round {
    /// The stop of a code; `None` for one that another version of the route has.
    pub fn find(&self, stop: &StopCode) -> Option<&RoundStop> {
        self.task.stops.iter().find(|one| one.code == *stop)
    }

    /// What was done at a stop, oldest first.
    pub fn at<'a>(&'a self, stop: &'a StopCode) -> impl Iterator<Item = &'a RoundEvent> + Clone {
        self.log.iter().filter(move |event| event.change.stop() == Some(stop))
    }

    /// The stops that are ticked, read or skipped and that this round does not ask for: another version of the route has them.
    pub fn beyond(&self) -> BTreeSet<&StopCode> {
        let stops = self.log.iter().filter_map(|event| event.change.stop());
        stops.filter(|stop| self.find(stop).is_none()).collect()
    }

    /// How a stop that the round asks for stands at an instant.
    pub fn stop<'a>(&'a self, stop: &'a RoundStop, now: Ms) -> StopStanding<'a> {
        let state = self.state(stop, now);
        let tick = state.tick();
        let readings = self.readings(&stop.code);
        let mut said = self.at(&stop.code).flat_map(|event| event.change.readings());
        let cases: Vec<CaseId> = self.at(&stop.code).filter_map(|event| event.change.case()).collect();
        let unanswered = stop
            .items
            .iter()
            .filter(|item| item.asked(self.id, &stop.code) && !readings.contains_key(&item.code));
        StopStanding {
            abnormal: !cases.is_empty() || said.any(|(code, reading)| stop.is_abnormal(code, reading)),
            arrived_late: tick.is_some_and(|tick| self.arrived_late(&tick.time)),
            uncertain: tick.is_some_and(|tick| tick.time.uncertain),
            out_of_order: tick.is_some_and(|tick| self.out_of_order(stop, tick)),
            unanswered: if tick.is_some() { unanswered.collect() } else { Vec::new() },
            cases,
            state,
        }
    }

    /// The answers at a stop, the last one to each item.
    pub fn readings<'a>(&'a self, stop: &'a StopCode) -> BTreeMap<&'a ItemCode, &'a Reading> {
        self.at(stop).flat_map(|event| event.change.readings()).collect()
    }

    /// Whether something was reported from a stop since an item there was answered last.
    pub fn reported_since(&self, stop: &StopCode, item: &ItemCode) -> bool {
        self.at(stop).fold(false, |reported, event| match event.change {
            RoundChange::Reported { .. } => true,
            _ => reported && event.change.readings().all(|(code, _)| code != item),
        })
    }

    /// The answers at a stop that say that something is wrong and that another one took the place of, by item, oldest first:
    /// whether they were mistyped or put right, they are why a stop is abnormal whose last answers are not.
    pub fn superseded<'a>(&'a self, stop: &'a RoundStop) -> BTreeMap<&'a ItemCode, Vec<&'a Reading>> {
        let mut answers: BTreeMap<&ItemCode, Vec<&Reading>> = BTreeMap::new();
        for (code, reading) in self.at(&stop.code).flat_map(|event| event.change.readings()) {
            answers.entry(code).or_default().push(reading);
        }
        for (code, answers) in &mut answers {
            answers.dedup();
            answers.pop();
            answers.retain(|reading| stop.is_abnormal(code, reading));
        }
        answers.retain(|_, answers| !answers.is_empty());
        answers
    }

    fn state(&self, stop: &RoundStop, now: Ms) -> StopState<'_> {
        let ticks = self
            .log
            .iter()
            .filter(|event| matches!(&event.change, RoundChange::Ticked(tick) if tick.stop == stop.code));
        // The one that speaks best for whoever was there; of equal ones the first.
        let best = ticks.map(|tick| (self.timing(stop, &tick.time), tick)).min_by_key(|(timing, _)| *timing);
        match best {
            Some((Timing::OnTime, tick)) => return StopState::OnTime(tick),
            Some((Timing::Late, tick)) => return StopState::Late(tick),
            Some((Timing::Outside, tick)) => return StopState::OutOfWindow(tick),
            None => {}
        }
        let in_time = |event: &&RoundEvent| !self.is_over(&event.time);
        let skipped = self.log.iter().filter(in_time).find(
            |event| matches!(&event.change, RoundChange::Skipped { stop: skipped, .. } if *skipped == stop.code),
        );
        if let Some(event) = skipped {
            return StopState::Skipped(Skipped::Because(event));
        }
        let finished = self
            .log
            .iter()
            .filter(in_time)
            .find(|event| matches!(event.change, RoundChange::Finished { .. }));
        if let Some(event) = finished {
            return StopState::Skipped(Skipped::Finished(event));
        }
        if now < self.task.until {
            return StopState::Pending;
        }
        // Those who walked by an older version did what they could know of.
        let known = self.log.iter().filter_map(|event| event.change.known());
        match known.max() {
            Some(known) if stop.added > known => StopState::Skipped(Skipped::Unheard),
            Some(_) | None => StopState::Missed,
        }
    }

    /// How a time stands to a stop. An uncertain one decides nothing to anybody's disadvantage: it is in time unless it had
    /// reached the server before the round began (R3).
    fn timing(&self, stop: &RoundStop, time: &EventTime) -> Timing {
        if time.uncertain {
            return if time.received < self.task.from { Timing::Outside } else { Timing::OnTime };
        }
        if time.at < self.task.from || self.is_over(time) {
            Timing::Outside
        } else if stop.due.is_some_and(|due| time.at > due) {
            Timing::Late
        } else {
            Timing::OnTime
        }
    }

    /// Whether something certainly happened after the window.
    fn is_over(&self, time: &EventTime) -> bool {
        !time.uncertain && time.at >= self.task.until
    }

    fn arrived_late(&self, time: &EventTime) -> bool {
        !self.is_over(time) && time.received >= self.task.until
    }

    fn out_of_order(&self, stop: &RoundStop, tick: &RoundEvent) -> bool {
        let before = self.task.stops.iter().take_while(|one| one.code != stop.code);
        let mut others = before.filter_map(|one| self.state(one, self.task.from).tick());
        self.task.ordered
            && !tick.time.uncertain
            && others.any(|other| !other.time.uncertain && other.time.at > tick.time.at)
    }

    /// How far the round is at an instant.
    pub fn stage(&self, now: Ms) -> RoundStage {
        let any = |of: fn(&RoundChange) -> bool| self.log.iter().any(|event| of(&event.change));
        let settled = |stop| match self.state(stop, now) {
            StopState::Pending => false,
            StopState::OnTime(_)
            | StopState::Late(_)
            | StopState::OutOfWindow(_)
            | StopState::Missed
            | StopState::Skipped(_) => true,
        };
        if any(|change| matches!(change, RoundChange::Reviewed { .. })) {
            RoundStage::Reviewed
        } else if self.ended || now >= self.task.until || self.task.stops.iter().all(settled) {
            RoundStage::Over
        } else if any(RoundChange::is_walking) {
            RoundStage::UnderWay
        } else {
            RoundStage::Planned
        }
    }

    /// Whether there is more to be done in it at an instant: its window is not over, and nobody has finished it early.
    pub fn is_on(&self, now: Ms) -> bool {
        let finished = |event: &RoundEvent| matches!(event.change, RoundChange::Finished { .. });
        !self.ended && now < self.task.until && !self.log.iter().any(finished)
    }

    /// Who walks it, as far as is known at an instant: whoever last began, or was handed it.
    pub fn walker(&self, now: Ms) -> Option<PersonId> {
        let mut until = self.log.iter().rev().filter(|event| event.time.at <= now);
        until.find_map(|event| match event.change.known() {
            Some(_) => event.by,
            None => event.change.handed_to(),
        })
    }

    /// Who answers for a stop where nobody has been: those whom the plan means for it in particular, and whoever took the round
    /// over from one of them; else whoever walks the round, or walked it last. Of several who are named for the whole round, and
    /// of those of a role, nobody knows who was to come where nobody has: then it is nobody's.
    pub fn answerable(&self, stop: &RoundStop) -> BTreeSet<PersonId> {
        let of_all = matches!(&self.task.who, Who::Persons(all) if *all == stop.planned);
        if of_all || stop.planned.is_empty() {
            let only = stop.planned.first().copied().filter(|_| stop.planned.len() == 1);
            return self.walker(self.task.until).or(only).into_iter().collect();
        }
        self.log.iter().fold(stop.planned.clone(), |mut persons, event| {
            if let (Some(to), Some(from)) = (event.change.handed_to(), event.by)
                && persons.remove(&from)
            {
                persons.insert(to);
            }
            persons
        })
    }

    /// Whether something became known after a review.
    pub fn changed_since_review(&self) -> bool {
        let reviews = self.log.iter().filter(|event| matches!(event.change, RoundChange::Reviewed { .. }));
        let last = reviews.map(|event| event.time.received).max();
        last.is_some_and(|last| {
            self.log.iter().any(|event| event.change.is_walking() && event.time.received > last)
        })
    }

    /// What is due at an instant or later, soonest first. The server's timer waits for the end of the window.
    pub fn deadlines(&self, now: Ms) -> Vec<RoundDeadline> {
        let mut deadlines = Vec::new();
        if !self.ended {
            deadlines.push(RoundDeadline { at: self.task.until, rule: RoundRule::WindowEnd });
        }
        for stop in &self.task.stops {
            if let (Some(due), StopState::Pending) = (stop.due, self.state(stop, now)) {
                deadlines.push(RoundDeadline { at: due, rule: RoundRule::Due(stop.code.clone()) });
            }
        }
        deadlines.sort();
        deadlines
    }
}

/// How the time of a tick stands to its stop, the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timing {
    OnTime,
    Late,
    Outside,
}
