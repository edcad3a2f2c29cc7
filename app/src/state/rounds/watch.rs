//! What those who look after rounds see and do: every round of the shift, the routes with what was changed on this device,
//! and what only the server can tell of days that are over.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::untrack;
use shared::{
    Code, Rejection,
    ids::{CommandId, ItemCode, PersonId, RoundId, RouteCode, RouteId, SiteCode, StopCode},
    round::{
        LOOK_AFTER, Round, RoundCommand,
        report::{DaysReport, Readings, RoundsReport},
    },
    route::{Context, Route, RouteCommand, Slot},
    sync::{Delivery, OutboxRow},
    time::{EventTime, Ms},
    wire::{Command, Envelope},
};

use ::device::{Ask, Request, platform::Platform, problem};

use super::{Rounds, State, Turn, Walk};
use crate::{address, order, state::Property};

/// The rounds of a route in this shift.
#[derive(Clone, PartialEq, Debug)]
pub struct Watched {
    /// Which route.
    pub route: RouteCode,
    /// As its latest round calls it.
    pub name: String,
    /// In the order in which they begin.
    pub walks: Vec<Walk>,
}

/// A route as it is once everything that was changed on this device is at the server.
#[derive(Clone, PartialEq, Debug)]
pub struct Changed {
    /// The route.
    pub route: Route,
    /// Something of it is on this device only.
    pub unsent: bool,
}

impl Walk {
    /// The instant as of which this round is told to those who look after it. That is now, unless its window has ended since
    /// the server was last heard: what was ticked meanwhile and is on the way is not known here then, and nothing is said to
    /// be missed (R3).
    pub fn told_at(&self, heard: Option<Ms>, now: Ms) -> Ms {
        let until = self.round.task.until;
        let known = self.round.ended || heard.is_some_and(|heard| heard >= until);
        if known { now } else { now.min(until.plus(-1)) }
    }
}

impl Rounds<'_> {
    /// The rounds of this shift that this person looks after, by route: those on which something is on now first, then in
    /// the order in which they begin. Of what is to come each route shows its next round.
    ///
    /// The server makes a round when it begins. One whose window is over and that this device has never heard of says
    /// nothing, least of all that its stops were missed.
    pub fn watched(&self) -> Vec<Watched> {
        let mut ids: BTreeSet<RoundId> = BTreeSet::new();
        let mut walks = Vec::new();
        for route in self.routes {
            let begun = |slot: &Slot| slot.from <= self.now;
            let (begun, next): (Vec<Slot>, Vec<Slot>) = self.slots(route).into_iter().partition(begun);
            let begun = begun.into_iter().filter(|slot| route.since <= slot.from);
            for slot in begun.chain(next.into_iter().next()) {
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
        let heard = |walk: &Walk| walk.there || self.now < walk.round.task.until;
        walks.retain(|walk| heard(walk) && self.looks_after(&walk.round));
        let walks = order::by(walks, |walk| [walk.round.task.from.0, walk.round.task.until.0, 0]);
        let mut by_route: BTreeMap<RouteCode, Vec<Walk>> = BTreeMap::new();
        for walk in walks {
            by_route.entry(walk.round.task.route.clone()).or_default().push(walk);
        }
        let watched = by_route.into_iter().filter_map(|(route, walks)| {
            let name = walks.last()?.round.task.name.clone();
            Some(Watched { route, name, walks })
        });
        order::by(watched.collect(), |watched| {
            let on = watched.walks.iter().any(|walk| walk.turn(self.now) == Turn::Now);
            let first = watched.walks.first().map_or(0, |walk| walk.round.task.from.0);
            [i64::from(!on), first, 0]
        })
    }

    /// The routes with what was changed on this device on top, the earliest of a day first.
    pub fn changed(&self) -> Vec<Changed> {
        let mut changed: Vec<Changed> = self
            .routes
            .iter()
            .map(|route| Changed { route: route.as_ref().clone(), unsent: false })
            .collect();
        for row in self.outbox.iter().filter(|row| row.kind.starts_with("route.")) {
            self.change(&mut changed, row);
        }
        order::by(changed, |one| [i64::from(one.route.retired), i64::from(one.route.design.plan.start), 0])
    }

    fn change(&self, changed: &mut Vec<Changed>, row: &OutboxRow) {
        let at = changed.iter().position(|one| one.route.id.0 == row.aggregate);
        let shown = at.map_or(0, |at| changed[at].route.version);
        let unsent = match &row.delivery {
            Delivery::Pending | Delivery::Held { .. } | Delivery::Again(_) => true,
            Delivery::Done { version, .. } if *version > shown => false,
            Delivery::Done { .. } | Delivery::Refused { .. } => return,
        };
        let Ok(Command::Route(command)) = Envelope::read(&row.text).and_then(|envelope| envelope.command())
        else {
            return;
        };
        let route = at.map(|at| changed[at].route.clone());
        let context = context(self.property, row.at.plus(self.offset));
        // What the rules refuse changes nothing; the server's word on it comes with its verdict.
        let Ok(events) = command.decide(RouteId(row.aggregate), route.as_ref(), &context) else { return };
        let after = events.iter().fold(route, |route, event| match route {
            Some(route) => Some(route.evolve(event)),
            None => Route::begin(RouteId(row.aggregate), event),
        });
        match (at, after) {
            (Some(at), Some(route)) => changed[at] = Changed { route, unsent: changed[at].unsent || unsent },
            (None, Some(route)) => changed.push(Changed { route, unsent }),
            (_, None) => {}
        }
    }

    fn looks_after(&self, round: &Round) -> bool {
        let Property { me, site, zone, .. } = self.property;
        round.standings(me, site, zone, self.now).any(LOOK_AFTER)
    }
}

fn context(property: &Property, at: Ms) -> Context<'_> {
    Context {
        actor: Some(&property.me),
        site: &property.site.code,
        places: &property.places,
        people: &property.people,
        now: EventTime::exact(at),
    }
}

/// Which days of which rounds are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DaysAsked {
    /// The first day, `2026-11-23`.
    pub day: String,
    /// The last.
    pub until: String,
    /// Of which route alone.
    pub route: Option<RouteCode>,
    /// Of which person alone.
    pub person: Option<PersonId>,
}

impl DaysAsked {
    /// The address at which the server answers; as a file where that has a format and the language of its headings.
    pub fn url(&self, site: &SiteCode, file: Option<(&str, &str)>) -> String {
        let person = self.person.map(|person| person.to_string());
        let mut said =
            vec![("site", site.as_str()), ("day", self.day.as_str()), ("until", self.until.as_str())];
        said.extend(self.route.as_ref().map(|route| ("route", route.as_str())));
        said.extend(person.as_deref().map(|person| ("person", person)));
        if let Some((format, language)) = file {
            said.extend([("format", format), ("lang", language)]);
        }
        address::with("/api/rounds/report", &said)
    }
}

/// Which readings are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadingsAsked {
    /// From which day.
    pub day: String,
    /// To which.
    pub until: String,
    /// Of which route.
    pub route: RouteCode,
    /// Of which stop.
    pub stop: StopCode,
    /// Of which item.
    pub item: ItemCode,
}

impl State {
    /// The rounds of this shift that this person looks after; see [`Rounds::watched`].
    pub fn watched(&self, now: Ms) -> Vec<Watched> {
        self.with_rounds(now, |rounds| rounds.watched()).unwrap_or_default()
    }

    /// The routes with what was changed on this device on top; see [`Rounds::changed`].
    pub fn changed_routes(&self) -> Vec<Changed> {
        self.with_rounds(self.now_ms(), |rounds| rounds.changed()).unwrap_or_default()
    }

    /// Makes, changes or ends a route, and with it mends refused commands (`settles`). Returns once it is saved on this
    /// device; `draft` ends with it.
    ///
    /// # Errors
    /// What the rules say against it, or what this device cannot do; then nothing has changed and the draft stays.
    pub async fn change_route(
        &self,
        command: &RouteCommand,
        draft: &str,
        settles: &[CommandId],
    ) -> Result<(), Rejection> {
        let property = self.property.get_untracked().ok_or(Code::SiteNotMember)?;
        let id = RouteId::of(&property.site.code, command.code());
        let route = self.changed_routes().into_iter().find(|one| one.route.id == id).map(|one| one.route);
        command.decide(id, route.as_ref(), &context(&property, self.now_ms()))?;
        let base = route.map(|route| route.version);
        self.store(id.0, base, &[Ask::from(command)], settles, Some(draft)).await
    }

    /// Whether the rules let this person do this in a round now.
    ///
    /// # Errors
    /// What they say against it.
    pub fn may_in_round(&self, walk: &Walk, command: &RoundCommand) -> Result<(), Rejection> {
        let property = self.property.get().ok_or(Code::SiteNotMember)?;
        let judge = property.judge(self.offset());
        let (round, routes) = (walk.there.then(|| walk.round.clone()), super::versions(walk.route.as_ref()));
        let commands = std::slice::from_ref(command);
        judge.walk(walk.round.id, round, routes, commands, self.now_ms()).map(drop)
    }

    /// What there is to say of the rounds of some days.
    ///
    /// # Errors
    /// Of the network and of the server's answer; `auth.required` if somebody else is signed in when it comes.
    pub async fn rounds_report(self, asked: DaysAsked) -> Result<RoundsReport, Rejection> {
        let site = self.site.get_untracked().ok_or(Code::SiteNotMember)?;
        let answer: DaysReport = self.ask_server(asked.url(&site, None)).await?;
        Ok(answer.report)
    }

    /// When the server was last heard of the site that is shown, by the server's clock: what has happened since is not known
    /// here.
    pub async fn heard_of_site(self) -> Option<Ms> {
        let (local, site) = (self.local().ok()?, self.site.get_untracked()?);
        let pulled = local.pulled(&site).await.ok()?;
        Some(pulled.at?.plus(self.offset()))
    }

    /// The same as far as this device knows it: without what is usual between two stops, of rounds that ended in the last
    /// days only, and as of when the server was last heard.
    pub fn held_report(&self, asked: &DaysAsked, heard: Ms) -> RoundsReport {
        let Some(property) = self.property.get_untracked() else { return RoundsReport::default() };
        let days = asked.day.as_str()..=asked.until.as_str();
        let wanted = |round: &Round| {
            let task = &round.task;
            days.contains(&task.occurrence.date.to_string().as_str())
                && asked.route.as_ref().is_none_or(|route| *route == task.route)
        };
        let rounds = untrack(|| self.known_rounds());
        let held = rounds.iter().map(AsRef::as_ref).filter(|round| wanted(round));
        let held = RoundsReport::of(held, &property.places, &BTreeMap::new(), heard);
        match asked.person {
            Some(person) => held.only(person),
            None => held,
        }
    }

    /// The answers to an item over time.
    ///
    /// # Errors
    /// As [`rounds_report`](Self::rounds_report).
    pub async fn rounds_readings(self, asked: ReadingsAsked) -> Result<Readings, Rejection> {
        let site = self.site.get_untracked().ok_or(Code::SiteNotMember)?;
        let said = [
            ("site", site.as_str()),
            ("day", asked.day.as_str()),
            ("until", asked.until.as_str()),
            ("route", asked.route.as_str()),
            ("stop", asked.stop.as_str()),
            ("item", asked.item.as_str()),
        ];
        self.ask_server(address::with("/api/rounds/readings", &said)).await
    }

    async fn ask_server<T: serde::de::DeserializeOwned>(self, url: String) -> Result<T, Rejection> {
        let local = self.local()?;
        let response = self.browser().send(Request::get(url)).await?;
        if response.status != 200 {
            return Err(problem(&response));
        }
        // On a shared device somebody else may have signed in meanwhile.
        if !self.is_open(&local) {
            return Err(Code::AuthRequired.into());
        }
        Ok(response.json()?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::{
        round::StopState,
        site::Role,
        time::{HOUR, MINUTE},
    };

    use super::{
        super::kit::{Made, TEN, TOKENS, minutes, night, property, rounds, tick},
        *,
    };

    fn supervisor() -> Property {
        let mut property = property(4);
        property.me.roles = BTreeSet::from([Role::Supervisor]);
        property
    }

    /// The first round of the night as the server has it, after the guard was at the gate.
    fn begun() -> Arc<Round> {
        let (guard, routes) = (property(1), [night(true)]);
        let mut made = Made::default();
        let first = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        made.done(&guard, &routes, first, tick("gate", TOKENS[0]), minutes(1));
        Arc::new(rounds(&guard, &routes, &[], &made.0, minutes(2)).find(first).unwrap().round)
    }

    fn begins(watched: &[Watched]) -> Vec<i64> {
        let walks = watched.iter().flat_map(|watched| &watched.walks);
        walks.map(|walk| walk.round.task.from.since(TEN) / MINUTE).collect()
    }

    #[test]
    fn who_looks_after_rounds_sees_those_of_others_and_of_what_is_to_come_the_next() {
        let (supervisor, routes, there) = (supervisor(), [night(true)], [begun()]);
        let watched = rounds(&supervisor, &routes, &there, &[], minutes(70)).watched();
        assert_eq!(begins(&watched), [0, 60, 120]);
        assert_eq!(watched[0].name, "夜巡");
        assert!(watched[0].walks[0].there && !watched[0].walks[1].there);
    }

    #[test]
    fn who_only_walks_looks_after_none() {
        let (guard, routes) = (property(1), [night(true)]);
        assert!(rounds(&guard, &routes, &[begun()], &[], minutes(10)).watched().is_empty());
    }

    #[test]
    fn a_round_that_is_over_and_was_never_heard_of_is_not_said_to_be_missed() {
        let (supervisor, routes) = (supervisor(), [night(true)]);
        assert_eq!(begins(&rounds(&supervisor, &routes, &[], &[], minutes(50)).watched()), [60]);
        assert_eq!(begins(&rounds(&supervisor, &routes, &[], &[], minutes(30)).watched()), [0, 60]);
    }

    #[test]
    fn nothing_is_missed_of_a_round_whose_end_nobody_has_heard_of() {
        let mut walk = Walk { round: begun().as_ref().clone(), there: true, route: None };
        let (five, end) = (minutes(35), walk.round.task.until);
        assert_eq!(walk.told_at(Some(five), minutes(39)), minutes(39), "it is on");
        let pending = |walk: &Walk, heard| {
            let at = walk.told_at(heard, minutes(90));
            walk.round.stop(&walk.round.task.stops[1], at).state == StopState::Pending
        };
        assert!(pending(&walk, Some(five)) && pending(&walk, None));
        assert!(!pending(&walk, Some(end)), "the server was heard after the end");
        walk.round.ended = true;
        assert!(!pending(&walk, Some(five)), "the server has said that it is over");
    }

    #[test]
    fn what_a_route_had_planned_before_it_was_changed_is_not_looked_for() {
        let (supervisor, mut route) = (supervisor(), night(true).as_ref().clone());
        route.since = minutes(10);
        let routes = [Arc::new(route)];
        assert_eq!(begins(&rounds(&supervisor, &routes, &[], &[], minutes(20)).watched()), [60]);
    }

    #[test]
    fn a_route_is_shown_as_it_was_changed_here_until_the_server_shows_it_so() {
        let (supervisor, routes) = (supervisor(), [night(true)]);
        let mut design = routes[0].design.clone();
        design.name = "北区夜巡".to_owned();
        let save = RouteCommand::Save { code: "night".into(), version: 3, from: None, design };
        let mut made = Made::default();
        made.add(4, routes[0].id.0, save.kind(), save.body(), minutes(1));
        let changed = |made: &Made, routes: &[Arc<Route>]| {
            let changed = rounds(&supervisor, routes, &[], &made.0, minutes(2)).changed();
            (changed[0].route.design.name.clone(), changed[0].route.version, changed[0].unsent)
        };
        assert_eq!(changed(&made, &routes), ("北区夜巡".to_owned(), 4, true));
        made.0[0].delivery = Delivery::Done { version: 4, recorded: false, at: minutes(2), seq: 1 };
        assert_eq!(changed(&made, &routes), ("北区夜巡".to_owned(), 4, false));
        let mut newer = routes[0].as_ref().clone();
        (newer.version, newer.design.name) = (4, "东区夜巡".to_owned());
        assert_eq!(changed(&made, &[Arc::new(newer)]), ("东区夜巡".to_owned(), 4, false));
        made.0[0].delivery =
            Delivery::Refused { rejection: Code::RouteChangedMeanwhile.into(), at: minutes(2) };
        assert_eq!(changed(&made, &routes), ("夜巡".to_owned(), 3, false));
    }

    #[test]
    fn a_new_route_is_shown_before_the_server_has_it_and_a_retired_one_last() {
        let (supervisor, routes) = (supervisor(), [night(true)]);
        let mut design = routes[0].design.clone();
        design.plan.start = 23 * 60;
        let save = RouteCommand::Save { code: "late".into(), version: 0, from: None, design };
        let retire = RouteCommand::Retire { code: "night".into() };
        let mut made = Made::default();
        let site = &supervisor.site.code;
        made.add(4, RouteId::of(site, save.code()).0, save.kind(), save.body(), TEN);
        made.add(4, routes[0].id.0, retire.kind(), retire.body(), TEN);
        let changed = rounds(&supervisor, &routes, &[], &made.0, TEN.plus(HOUR)).changed();
        let codes: Vec<_> = changed.iter().map(|one| (one.route.code.as_str(), one.route.retired)).collect();
        assert_eq!(codes, [("late", false), ("night", true)]);
    }

    #[test]
    fn a_review_needs_no_start_of_the_reviewer() {
        let walk = Walk { round: begun().as_ref().clone(), there: true, route: None };
        let review = RoundCommand::Review { note: String::new() };
        assert_eq!(super::super::commands(&walk, supervisor().me.id, review.clone()), [review]);
    }

    #[test]
    fn the_address_of_a_report_says_all_that_is_asked() {
        let asked = DaysAsked {
            day: "2026-11-23".to_owned(),
            until: "2026-11-24".to_owned(),
            route: Some("R 1".into()),
            person: None,
        };
        assert_eq!(
            asked.url(&SiteCode("jinzhou".to_owned()), Some(("xlsx", "en"))),
            "/api/rounds/report?site=jinzhou&day=2026%2D11%2D23&until=2026%2D11%2D24&route=R%201&format=xlsx&lang=en"
        );
    }
}
