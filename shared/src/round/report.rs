//! What there is to say of rounds that are over or under way: per stop, per route and per person, for a day or more.
//!
//! A report is a function of the rounds, so that a tablet may draw from what it holds what the server prints.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Round, RoundChange, RoundStage, RoundStop, Skipped, StopState, StopStateName,
    trust::{self, Level, Trust, Usual},
};
use crate::{
    ids::{CaseId, PersonId, PlaceCode, RoundId, RouteCode, SiteCode, StopCode},
    route::{Item, Occurrence, Reading, RouteKind, Who},
    site::Places,
    time::{EventTime, Ms},
};

/// How a stop of a round stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StopLine {
    /// Which.
    pub stop: StopCode,
    /// Where.
    pub place: PlaceCode,
    /// How it stands.
    pub state: StopStateName,
    /// Who was planned for it in particular; where nobody was, whoever the round's `who` says.
    pub planned: BTreeSet<PersonId>,
    /// Who was there, or said why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// With whom it is counted: who was there, or said why not; where nobody did, who answers for it; with nobody where
    /// nobody could.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub whose: BTreeSet<PersonId>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<EventTime>,
    /// Why it was left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A change of the route brought it, of which those who walked did not know: it is nobody's omission.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unheard: bool,
    /// Something was found there.
    pub abnormal: bool,
    /// It was in time, and became known only after the window was over (R3).
    pub arrived_late: bool,
    /// A stop that comes before it was ticked after it.
    pub out_of_order: bool,
    /// How far the tick is trusted, and why no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    /// What was found, by item as it was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Found>,
    /// What was asked for and not answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<Item>,
    /// The cases that were reported from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseId>,
}

/// An answer to an item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Found {
    /// What was asked.
    pub item: Item,
    /// What was found.
    pub reading: Reading,
    /// It says that something is wrong.
    pub abnormal: bool,
    /// The answers before it that said so, oldest first ([`Round::superseded`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Reading>,
}

/// A round with its stops.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoundLine {
    /// Which.
    pub round: RoundId,
    /// Of which route.
    pub route: RouteCode,
    /// The route's name.
    pub name: String,
    /// What kind of round.
    pub kind: RouteKind,
    /// Which of its rounds.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub occurrence: Occurrence,
    /// When it began.
    pub from: Ms,
    /// When its window ends.
    pub until: Ms,
    /// Whose it is by the plan.
    pub who: Who,
    /// How far it is.
    pub stage: RoundStage,
    /// Who began it, who it was handed to.
    pub walkers: BTreeSet<PersonId>,
    /// Why it was finished early.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub finished: String,
    /// What a supervisor said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<String>,
    /// Its stops, in the route's order.
    pub stops: Vec<StopLine>,
}

/// How many stops stand how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Tally {
    /// All.
    pub stops: u32,
    /// In time.
    pub on_time: u32,
    /// After they were due.
    pub late: u32,
    /// Outside the window.
    pub out_of_window: u32,
    /// Not at all.
    pub missed: u32,
    /// Left out with a reason.
    pub skipped: u32,
    /// Not yet.
    pub pending: u32,
    /// With something wrong.
    pub abnormal: u32,
    /// With a tick that somebody should ask about.
    pub doubtful: u32,
}

/// The rounds of a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RouteLine {
    /// Which.
    pub route: RouteCode,
    /// Its name.
    pub name: String,
    /// How many rounds.
    pub rounds: u32,
    /// How their stops stand.
    pub tally: Tally,
}

/// What a person did, and what they answer for and is missed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PersonLine {
    /// Who.
    pub person: PersonId,
    /// The stops that they ticked or left out, and those that they answer for ([`Round::answerable`]) and that are missed or
    /// pending.
    pub tally: Tally,
}

/// What there is to say of some rounds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoundsReport {
    /// The rounds, by when they began.
    pub rounds: Vec<RoundLine>,
    /// The same by route.
    pub routes: Vec<RouteLine>,
    /// The same by person.
    pub people: Vec<PersonLine>,
}

/// The rounds of a day or more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DaysReport {
    /// Of which site.
    pub site: SiteCode,
    /// From which day.
    pub day: String,
    /// To which.
    pub until: String,
    /// What there is to say.
    pub report: RoundsReport,
    /// The server's time.
    pub server_time: Ms,
}

/// The answers to one item over time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Readings {
    /// The item as it was asked last, with its limits; `None` if it never was.
    pub item: Option<Item>,
    /// The answers, oldest first: of each round the last, which took the place of those before it.
    pub points: Vec<Point>,
}

/// An answer to an item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Point {
    /// In which round.
    pub round: RoundId,
    /// When.
    pub time: EventTime,
    /// By whom.
    pub by: Option<PersonId>,
    /// What was found.
    pub reading: Reading,
    /// It was beyond the limits of then.
    pub abnormal: bool,
}

impl Tally {
    fn add(&mut self, line: &StopLine) {
        self.stops += 1;
        let count = match line.state {
            StopStateName::Pending => &mut self.pending,
            StopStateName::OnTime => &mut self.on_time,
            StopStateName::Late => &mut self.late,
            StopStateName::OutOfWindow => &mut self.out_of_window,
            StopStateName::Missed => &mut self.missed,
            StopStateName::Skipped => &mut self.skipped,
        };
        *count += 1;
        self.abnormal += u32::from(line.abnormal);
        self.doubtful += u32::from(line.trust.as_ref().is_some_and(|trust| trust.level == Level::Low));
    }
}

impl RoundsReport {
    /// What there is to say of some rounds at an instant. `usual` says what is usual on each route.
    pub fn of<'a>(
        rounds: impl IntoIterator<Item = &'a Round>,
        places: &Places,
        usual: &BTreeMap<RouteCode, Usual>,
        now: Ms,
    ) -> RoundsReport {
        let none = Usual::new();
        let mut lines: Vec<RoundLine> = rounds
            .into_iter()
            .map(|round| round.line(places, usual.get(&round.task.route).unwrap_or(&none), now))
            .collect();
        lines.sort_by(|a, b| (a.from, &a.route).cmp(&(b.from, &b.route)));
        let mut routes: BTreeMap<&RouteCode, RouteLine> = BTreeMap::new();
        let mut people: BTreeMap<PersonId, Tally> = BTreeMap::new();
        for line in &lines {
            let route = routes.entry(&line.route).or_insert_with(|| RouteLine {
                route: line.route.clone(),
                name: String::new(),
                rounds: 0,
                tally: Tally::default(),
            });
            // As the latest of them calls it.
            route.name.clone_from(&line.name);
            route.rounds += 1;
            for stop in &line.stops {
                route.tally.add(stop);
                for person in &stop.whose {
                    people.entry(*person).or_default().add(stop);
                }
            }
        }
        RoundsReport {
            routes: routes.into_values().collect(),
            people: people.into_iter().map(|(person, tally)| PersonLine { person, tally }).collect(),
            rounds: lines,
        }
    }

    /// The report without what is not of a person: the stops that are counted with them.
    pub fn only(mut self, person: PersonId) -> RoundsReport {
        for round in &mut self.rounds {
            round.stops.retain(|stop| stop.whose.contains(&person));
        }
        self.rounds.retain(|round| !round.stops.is_empty());
        self.people.retain(|line| line.person == person);
        let routes: BTreeSet<RouteCode> = self.rounds.iter().map(|round| round.route.clone()).collect();
        self.routes.retain(|line| routes.contains(&line.route));
        for line in &mut self.routes {
            line.tally = Tally::default();
            let own = self.rounds.iter().filter(|round| round.route == line.route);
            line.rounds = u32::try_from(own.clone().count()).unwrap_or(u32::MAX);
            own.flat_map(|round| &round.stops).for_each(|stop| line.tally.add(stop));
        }
        self
    }
}

impl Round {
    fn line(&self, places: &Places, usual: &Usual, now: Ms) -> RoundLine {
        let walked = self.log.iter().filter(|event| event.change.known().is_some());
        let handed = self.log.iter().filter_map(|event| event.change.handed_to());
        let said = |of: fn(&RoundChange) -> Option<&str>| {
            self.log.iter().rev().find_map(move |event| of(&event.change))
        };
        let finished =
            said(|change| if let RoundChange::Finished { reason } = change { Some(reason) } else { None });
        let reviewed =
            said(|change| if let RoundChange::Reviewed { note } = change { Some(note) } else { None });
        RoundLine {
            round: self.id,
            route: self.task.route.clone(),
            name: self.task.name.clone(),
            kind: self.task.kind,
            occurrence: self.task.occurrence,
            from: self.task.from,
            until: self.task.until,
            who: self.task.who.clone(),
            stage: self.stage(now),
            walkers: walked.filter_map(|event| event.by).chain(handed).collect(),
            finished: finished.unwrap_or_default().to_owned(),
            reviewed: reviewed.map(str::to_owned),
            stops: self.task.stops.iter().map(|stop| self.stop_line(stop, places, usual, now)).collect(),
        }
    }

    fn stop_line(&self, stop: &RoundStop, places: &Places, usual: &Usual, now: Ms) -> StopLine {
        let standing = self.stop(stop, now);
        let event = match standing.state {
            StopState::OnTime(event)
            | StopState::Late(event)
            | StopState::OutOfWindow(event)
            | StopState::Skipped(Skipped::Because(event) | Skipped::Finished(event)) => Some(event),
            StopState::Pending | StopState::Missed | StopState::Skipped(Skipped::Unheard) => None,
        };
        let reason = event.and_then(|event| match &event.change {
            RoundChange::Skipped { reason, .. } | RoundChange::Finished { reason } => Some(reason.clone()),
            RoundChange::Planned(_)
            | RoundChange::Started { .. }
            | RoundChange::Ticked(_)
            | RoundChange::Read { .. }
            | RoundChange::Reported { .. }
            | RoundChange::HandedOver { .. }
            | RoundChange::WindowEnded { .. }
            | RoundChange::Reviewed { .. }
            | RoundChange::PhotoKept { .. } => None,
        });
        let (readings, mut superseded) = (self.readings(&stop.code), self.superseded(stop));
        let found = stop.items.iter().filter_map(|item| {
            let reading = (*readings.get(&item.code)?).clone();
            let before = superseded.remove(&item.code).unwrap_or_default();
            let before = before.into_iter().cloned().collect();
            Some(Found { abnormal: item.abnormal(&reading), item: item.clone(), reading, before })
        });
        let by = event.and_then(|event| event.by);
        let unheard = standing.state == StopState::Skipped(Skipped::Unheard);
        let whose = match by {
            Some(by) => BTreeSet::from([by]),
            None if unheard => BTreeSet::new(),
            None => self.answerable(stop),
        };
        StopLine {
            stop: stop.code.clone(),
            place: stop.place.clone(),
            state: standing.state.name(),
            planned: stop.planned.clone(),
            by,
            whose,
            time: event.map(|event| event.time),
            reason: reason.unwrap_or_default(),
            unheard,
            abnormal: standing.abnormal,
            arrived_late: standing.arrived_late,
            out_of_order: standing.out_of_order,
            trust: standing.state.tick().and_then(|tick| trust::of(self, tick, places, usual, now)),
            readings: found.collect(),
            unanswered: standing.unanswered.iter().copied().cloned().collect(),
            cases: standing.cases,
        }
    }
}
