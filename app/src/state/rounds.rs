//! Rounds as they are walked: the server's rounds and those that only the plan knows yet, with what was done on this device
//! on top. Who asks is judged by the rules, as for cases; a round is begun with the first thing that is done in it.

#[cfg(test)]
pub(crate) mod kit;
mod watch;

use std::{collections::BTreeSet, sync::Arc};

use serde::de::DeserializeOwned;
use shared::{
    Code, Rejection,
    ids::{PersonId, PlaceCode, RoundId, SiteCode, StopCode},
    label::{Labels, Match, Shown, find},
    round::{
        Round, RoundChange, RoundCommand, RoundEvent, RoundStage, RoundStop, Standing, StopState,
        command::{Position, Proof, Tick},
    },
    route::{Route, Slot},
    sync::OutboxRow,
    time::{EventTime, HOUR, MINUTE, Ms},
    unread::Unread,
};

use ::device::Ask;

use super::{Link, Property, State};
use crate::order;

pub use watch::{Changed, DaysAsked, ReadingsAsked, Watched};

/// Rounds that ended so long ago, or begin so much later, are not of this shift.
pub const SHIFT: i64 = 12 * HOUR;
/// Whoever follows a label's link stands before it; so much later that is not known any more.
const FOLLOWED: i64 = MINUTE;

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
    /// This device's commands.
    pub outbox: &'a [OutboxRow],
    /// How far the server's clock is ahead of this device's.
    pub offset: i64,
    /// Now.
    pub now: Ms,
}

impl Rounds<'_> {
    /// The rounds of this shift that are this person's to walk, and those handed to them: what is on now first, of that what
    /// this person did something in last, then in the order in which the windows end; then what comes, then what is over, the
    /// latest first.
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
        let me = self.property.me.id;
        order::by(walks, |walk| match walk.turn(self.now) {
            Turn::Now => [0, walk.last_by(me).map_or(i64::MAX, |at| -at.0), walk.round.task.until.0],
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

    /// The stop at which a label hangs that is shown now, in a round of this person's that is on: where nobody was yet before
    /// where somebody was.
    pub fn labelled(&self, shown: Shown<'_>) -> Option<(RoundId, StopCode)> {
        let mut hanging = self.hanging(shown);
        hanging.retain(|(walk, _)| walk.turn(self.now) == Turn::Now);
        first(hanging, |(walk, stop)| i64::from(walk.seen(stop, self.now)))
    }

    /// The same in whichever round of this shift is nearest, and only where nobody was yet.
    pub fn nearest(&self, shown: Shown<'_>) -> Option<(RoundId, StopCode)> {
        let mut hanging = self.hanging(shown);
        hanging.retain(|(walk, stop)| !walk.seen(stop, self.now));
        first(hanging, |(walk, _)| walk.apart(self.now))
    }

    fn hanging(&self, shown: Shown<'_>) -> Vec<(Walk, StopCode)> {
        let of = |walk: Walk| walk.labelled(shown, None, self.now).map(|stop| (walk, stop));
        self.mine().into_iter().filter_map(of).collect()
    }

    /// What a label's link leads to that was followed at `opened`. Only then somebody is known to have stood before it: what
    /// becomes known or begins later is ticked by a tap. `told` says that somebody was told so, and `pulled` that this device
    /// knows what there is.
    pub fn led(&self, shown: Shown<'_>, opened: Ms, told: bool, pulled: bool) -> Led {
        if !told && self.now.since(opened) <= FOLLOWED {
            match (Rounds { now: opened, ..*self }.labelled(shown), pulled) {
                (Some((round, stop)), _) => return Led::Tick(round, stop),
                (None, false) => return Led::Wait,
                (None, true) => {}
            }
        }
        self.nearest(shown).map_or(Led::Nowhere, |(round, stop)| Led::Offer(round, stop))
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

fn first(
    hanging: Vec<(Walk, StopCode)>,
    key: impl Fn(&(Walk, StopCode)) -> i64,
) -> Option<(RoundId, StopCode)> {
    let first = order::by(hanging, |one| [key(one), 0, 0]).into_iter().next();
    first.map(|(walk, stop)| (walk.round.id, stop))
}

/// The site at which a label hangs that none of this site's rounds has.
fn site_of<'a>(
    routes: impl IntoIterator<Item = (&'a SiteCode, &'a Labels)>,
    here: Option<&SiteCode>,
    shown: Shown<'_>,
) -> Option<SiteCode> {
    let known = |labels: &Labels| {
        labels.keys().next().is_some_and(|place| {
            matches!(
                find(labels, place, shown, EventTime::exact(Ms(0))),
                Match::Current | Match::Replaced | Match::Elsewhere(_)
            )
        })
    };
    let mut others = routes.into_iter().filter(|(site, _)| Some(*site) != here);
    others.find(|(_, labels)| known(labels)).map(|(site, _)| site.clone())
}

/// What can be read of documents that this device keeps.
fn all_read<T: DeserializeOwned>(documents: &[Arc<Unread<T>>]) -> Vec<Arc<T>> {
    documents.iter().filter_map(|document| document.read().cloned()).collect()
}

/// The versions of a route that this device has: none or one.
fn versions(route: Option<&Arc<Route>>) -> &[Route] {
    route.map_or(&[], |route| std::slice::from_ref(route.as_ref()))
}

/// What a label's link leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Led {
    /// It is not known yet whether something hangs there.
    Wait,
    /// This stop is ticked.
    Tick(RoundId, StopCode),
    /// This stop may be ticked by a tap.
    Offer(RoundId, StopCode),
    /// It hangs at another site of this person's.
    Site(SiteCode),
    /// None of this person's rounds passes there.
    Nowhere,
}

/// What a label that is shown in a round means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hangs {
    /// It hangs at this stop.
    At(StopCode),
    /// This device has no labels to compare it with, as of a route that does not mean this person: it is taken for that of
    /// the stop that is open, and the server looks.
    Unknown(StopCode),
    /// It hangs at none of the round's stops.
    Astray(Match),
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

    /// When somebody last did something in it.
    fn last_by(&self, person: PersonId) -> Option<Ms> {
        self.round.log.iter().filter(|event| event.by == Some(person)).map(|event| event.time.at).max()
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

    /// The stop for which what is shown without its label counts: the one that is open, unless somebody was there already;
    /// then the next.
    pub fn aim(&self, open: Option<&StopCode>, now: Ms) -> Option<&RoundStop> {
        let open = open.and_then(|code| self.round.find(code));
        open.filter(|stop| !self.seen(&stop.code, now)).or_else(|| self.next(now))
    }

    /// At how many stops somebody was, of how many. Where nobody went, whatever the reason, nobody was.
    pub fn progress(&self, now: Ms) -> (usize, usize) {
        let stops = &self.round.task.stops;
        (stops.iter().filter(|stop| self.seen(&stop.code, now)).count(), stops.len())
    }

    /// Whether somebody was at a stop.
    fn seen(&self, stop: &StopCode, now: Ms) -> bool {
        self.round.find(stop).is_some_and(|stop| self.round.stop(stop, now).state.tick().is_some())
    }

    /// How far its window is from an instant, in milliseconds.
    fn apart(&self, now: Ms) -> i64 {
        self.round.task.from.since(now).max(now.since(self.round.task.until)).max(0)
    }

    /// What a label that is shown means, while this stop is open.
    pub fn hangs(&self, shown: Shown<'_>, open: Option<&StopCode>, now: Ms) -> Hangs {
        if let Some(stop) = self.labelled(shown, open, now) {
            return Hangs::At(stop);
        }
        match (&self.route, open.and_then(|open| self.round.find(open))) {
            (None, Some(open)) => Hangs::Unknown(open.code.clone()),
            (Some(route), Some(open)) => {
                Hangs::Astray(find(&route.labels, &open.place, shown, EventTime::exact(now)))
            }
            (_, None) => Hangs::Astray(Match::Unknown),
        }
    }

    /// The stop whose label is shown. Of a short code this device knows too little to tell all of them apart, and one place
    /// may be several stops: `prefer` is taken before others, what is pending before what is not, and where nobody was before
    /// where somebody was.
    pub fn labelled(&self, shown: Shown<'_>, prefer: Option<&StopCode>, now: Ms) -> Option<StopCode> {
        let labels = &self.route.as_ref()?.labels;
        let at = EventTime::exact(now);
        let hangs = |stop: &&RoundStop| {
            matches!(find(labels, &stop.place, shown, at), Match::Current | Match::Replaced)
        };
        let found: Vec<&RoundStop> = self.round.task.stops.iter().filter(hangs).collect();
        let pending = |stop: &RoundStop| self.round.stop(stop, now).state == StopState::Pending;
        let first = order::by(found, |stop| {
            let others = [prefer != Some(&stop.code), !pending(stop), self.seen(&stop.code, now)];
            others.map(i64::from)
        });
        first.first().map(|stop| stop.code.clone())
    }
}

impl State {
    fn with_rounds<T>(&self, now: Ms, read: impl FnOnce(Rounds<'_>) -> T) -> Option<T> {
        let property = self.property.get()?;
        let offset = self.offset();
        // Nothing of the outbox is copied, nor picked by site: a round's id is of one site only.
        let (routes, rounds) = (self.known_routes(), self.known_rounds());
        let (routes, rounds) = (routes.as_slice(), rounds.as_slice());
        let property = &property;
        Some(self.outbox.with(|outbox| read(Rounds { property, routes, rounds, outbox, offset, now })))
    }

    /// The site's routes.
    pub fn known_routes(&self) -> Vec<Arc<Route>> {
        self.routes.with(|routes| all_read(routes))
    }

    /// The site's rounds as the server last showed them.
    pub fn known_rounds(&self) -> Vec<Arc<Round>> {
        self.rounds.with(|rounds| all_read(rounds))
    }

    /// The rounds of this shift that are this person's; see [`Rounds::mine`].
    pub fn walks(&self, now: Ms) -> Vec<Walk> {
        self.with_rounds(now, |rounds| rounds.mine()).unwrap_or_default()
    }

    /// A round; see [`Rounds::find`].
    pub fn walk(&self, id: RoundId, now: Ms) -> Option<Walk> {
        self.with_rounds(now, |rounds| rounds.find(id)).flatten()
    }

    /// The stop at which a label hangs that is shown now; see [`Rounds::labelled`].
    pub fn labelled(&self, shown: Shown<'_>) -> Option<(RoundId, StopCode)> {
        self.with_rounds(self.now_ms(), |rounds| rounds.labelled(shown)).flatten()
    }

    /// What a label's link leads to; see [`Rounds::led`].
    pub fn led(&self, shown: Shown<'_>, opened: Ms, told: bool) -> Led {
        let pulled = !self.busy.get() && self.link.with(|link| *link != Link::Unknown);
        let led = self.with_rounds(self.now_ms(), |rounds| rounds.led(shown, opened, told, pulled));
        match led {
            // There is no property before the first pull.
            None if !told && !pulled && self.now_ms().since(opened) <= FOLLOWED => Led::Wait,
            Some(Led::Nowhere) | None => {
                let (inner, here) = (self.inner(), self.site.get_untracked());
                let inner = inner.borrow();
                let routes = inner.routes.iter().filter_map(|((site, _), route)| Some((site, route.read()?)));
                let labels = routes.map(|(site, route)| (site, &route.labels));
                site_of(labels, here.as_ref(), shown).map_or(Led::Nowhere, Led::Site)
            }
            Some(led) => led,
        }
    }

    /// Ticks a stop with what shows that somebody is there. Answers where that is once it is saved on this device; `draft` ends
    /// with it.
    ///
    /// # Errors
    /// As [`act_in_round`](Self::act_in_round).
    pub async fn tick(
        &self,
        id: RoundId,
        stop: StopCode,
        proof: Proof,
        position: Option<Position>,
        draft: Option<&str>,
    ) -> Result<PlaceCode, Rejection> {
        let walk = self.walk(id, self.now_ms()).ok_or(Code::RoundNotThere)?;
        let found = walk.round.find(&stop).map(|stop| stop.place.clone());
        let place = found.ok_or_else(|| Rejection::new(Code::RoundUnknownStop).with("stop", &stop))?;
        let (at, readings) = (place.clone(), Default::default());
        let tick = Tick { stop, place, proof, readings, position };
        self.act_in_round(id, RoundCommand::Tick(Box::new(tick)), draft).await?;
        Ok(at)
    }

    /// Does something in a round, which is begun with it if this person has not begun it yet. Returns once it is saved on this
    /// device; `draft` ends with it. One after the other: what comes next finds the round begun.
    ///
    /// # Errors
    /// What the rules say against it, or what this device cannot do; then nothing has changed and the draft stays.
    pub async fn act_in_round(
        &self,
        id: RoundId,
        command: RoundCommand,
        draft: Option<&str>,
    ) -> Result<(), Rejection> {
        let turn = self.inner().borrow().in_round.clone();
        let _turn = turn.lock().await;
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
        ids::{CaseId, RouteId},
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
    fn of_two_rounds_that_are_on_the_one_in_hand_comes_first() {
        let guard = property(1);
        let other = Route {
            id: RouteId::of(&SiteCode("jinzhou".to_owned()), &"day".into()),
            ..(*night(true)).clone()
        };
        let routes = [Arc::new(Route { code: "day".into(), ..other }), night(true)];
        let on = |made: &Made| {
            let mine = rounds(&guard, &routes, &[], &made.0, minutes(6)).mine();
            let now = mine.into_iter().filter(|walk| walk.turn(minutes(6)) == Turn::Now);
            now.map(|walk| walk.round.task.route.as_str().to_owned()).collect::<Vec<_>>()
        };
        let mut made = Made::default();
        let first = on(&made);
        assert_eq!(first.len(), 2);
        let second = routes.iter().find(|route| route.code.as_str() == first[1]).unwrap();
        let mine = rounds(&guard, &routes, &[], &made.0, minutes(6)).mine();
        let id = mine.iter().find(|walk| walk.round.task.route == second.code).unwrap().round.id;
        made.done(&guard, &routes, id, tick("gate", TOKENS[0]), minutes(5));
        assert_eq!(on(&made), [first[1].clone(), first[0].clone()]);
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
    fn what_cannot_be_scanned_is_the_stop_that_is_open_unless_somebody_was_there() {
        let (guard, routes) = (property(1), [night(true)]);
        let id = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        made.done(&guard, &routes, id, tick("gate", TOKENS[0]), minutes(1));
        let walk = rounds(&guard, &routes, &[], &made.0, minutes(2)).find(id).unwrap();
        let aim = |open: Option<&str>| {
            let open = open.map(StopCode::from);
            walk.aim(open.as_ref(), minutes(2)).map(|stop| stop.code.as_str().to_owned())
        };
        assert_eq!(aim(Some("pump")).as_deref(), Some("pump"));
        assert_eq!(aim(Some("gate")).as_deref(), Some("hall"));
        assert_eq!(aim(None).as_deref(), Some("hall"));
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
        assert_eq!(found, Some((walk.round.id, StopCode::from("gate"))));
        // Nothing is on at half past nine.
        assert_eq!(rounds(&guard, &routes, &[], &[], minutes(-30)).labelled(Shown::Token(TOKENS[0])), None);
    }

    #[test]
    fn a_followed_link_ticks_what_was_on_when_it_was_followed_and_never_what_begins_later() {
        let (guard, routes) = (property(1), [night(true)]);
        let gate = Shown::Token(TOKENS[0]);
        let first = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let led = |opened, now, told, pulled| {
            rounds(&guard, &routes, &[], &[], minutes(now)).led(gate, minutes(opened), told, pulled)
        };
        let (ticked, offered) = (Led::Tick(first, "gate".into()), Led::Offer(first, "gate".into()));
        assert_eq!(led(5, 5, false, false), ticked, "the device knows the round without a network");
        assert_eq!(led(-10, 0, false, true), offered, "the guard has been away for ten minutes");
        let begins = rounds(&guard, &routes, &[], &[], TEN);
        let just_before = TEN.plus(-1_000);
        assert_eq!(begins.led(gate, just_before, false, true), offered, "nor what begins a second later");
        assert_eq!(led(5, 5, true, true), offered, "who was told otherwise taps");
        assert_eq!(led(5, 7, false, false), offered, "nor after a wait of two minutes");
    }

    #[test]
    fn a_followed_link_waits_for_the_first_pull_and_no_longer() {
        let (guard, routes) = (property(1), [night(true)]);
        let gate = Shown::Token(TOKENS[0]);
        let before = rounds(&guard, &[], &[], &[], minutes(5));
        assert_eq!(before.led(gate, minutes(5), false, false), Led::Wait);
        assert_eq!(before.led(gate, minutes(5), false, true), Led::Nowhere);
        let pulled = rounds(&guard, &routes, &[], &[], minutes(5).plus(2_000));
        assert!(
            matches!(pulled.led(gate, minutes(5), false, false), Led::Tick(_, stop) if stop.as_str() == "gate")
        );
    }

    #[test]
    fn a_label_of_two_routes_is_that_of_the_round_in_which_nobody_was_there_yet() {
        let guard = property(1);
        let mut other = (*night(true)).clone();
        other.code = "doors".into();
        // It ends later than the patrol, whose gate is ticked.
        other.design.plan.window_min = 50;
        let routes = [night(true), Arc::new(other)];
        let gate = Shown::Token(TOKENS[0]);
        let (first, _) = rounds(&guard, &routes, &[], &[], minutes(5)).labelled(gate).unwrap();
        let mut made = Made::default();
        made.done(&guard, &routes, first, tick("gate", TOKENS[0]), minutes(5));
        let (second, stop) = rounds(&guard, &routes, &[], &made.0, minutes(6)).labelled(gate).unwrap();
        assert_ne!(second, first);
        assert_eq!(stop.as_str(), "gate");
        made.done(&guard, &routes, second, tick("gate", TOKENS[0]), minutes(6));
        let again = rounds(&guard, &routes, &[], &made.0, minutes(7)).labelled(gate);
        assert_eq!(
            again.map(|(round, _)| round),
            Some(second),
            "ticked in both, it is that of the round in hand"
        );
    }

    #[test]
    fn outside_every_window_the_nearest_round_is_offered_in_which_nobody_was_there() {
        let (guard, routes) = (property(1), [night(true)]);
        let gate = Shown::Token(TOKENS[0]);
        let mine = rounds(&guard, &routes, &[], &[], TEN).mine();
        let (ten, eleven) = (mine[0].round.id, mine[1].round.id);
        let nearest = |made: &Made, minute| {
            rounds(&guard, &routes, &[], &made.0, minutes(minute)).nearest(gate).map(|(round, _)| round)
        };
        let mut made = Made::default();
        assert_eq!(nearest(&made, -10), Some(ten), "it begins in ten minutes");
        assert_eq!(nearest(&made, 42), Some(ten), "its window ended two minutes ago");
        assert_eq!(nearest(&made, 55), Some(eleven));
        made.done(&guard, &routes, ten, tick("gate", TOKENS[0]), minutes(5));
        assert_eq!(nearest(&made, 42), Some(eleven));
    }

    #[test]
    fn a_label_of_another_site_says_which() {
        let labels = night(true).labels.clone();
        let (here, there) = (SiteCode::from("jinzhou"), SiteCode::from("harbour"));
        let site =
            |token| site_of([(&here, &Labels::new()), (&there, &labels)], Some(&here), Shown::Token(token));
        assert_eq!(site(TOKENS[2]), Some(there.clone()));
        assert_eq!(site("AQIDBAUGBwgJCgsMDQ4PEA"), None);
        assert_eq!(site_of([(&there, &labels)], Some(&there), Shown::Token(TOKENS[2])), None);
    }

    #[test]
    fn who_has_no_labels_of_a_round_has_a_label_taken_for_that_of_the_open_stop() {
        let (guard, routes) = (property(1), [night(true)]);
        let mut walk = rounds(&guard, &routes, &[], &[], minutes(5)).mine().remove(0);
        let hangs =
            |walk: &Walk, token, open: &str| walk.hangs(Shown::Token(token), Some(&open.into()), minutes(5));
        assert_eq!(hangs(&walk, TOKENS[1], "gate"), Hangs::At("hall".into()));
        let foreign = "AQIDBAUGBwgJCgsMDQ4PEA";
        assert_eq!(hangs(&walk, foreign, "gate"), Hangs::Astray(Match::Wrong));
        // What is handed over is not always of a route that means whoever goes on.
        walk.route = None;
        assert_eq!(hangs(&walk, TOKENS[1], "gate"), Hangs::Unknown("gate".into()));
        assert_eq!(walk.hangs(Shown::Token(TOKENS[1]), None, minutes(5)), Hangs::Astray(Match::Unknown));
    }

    #[test]
    fn what_was_left_out_is_not_walked() {
        let (guard, routes) = (property(1), [night(true)]);
        let id = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        made.done(&guard, &routes, id, tick("gate", TOKENS[0]), minutes(1));
        made.done(&guard, &routes, id, RoundCommand::Finish { reason: "台风".to_owned() }, minutes(2));
        let walk = rounds(&guard, &routes, &[], &made.0, minutes(3)).find(id).unwrap();
        assert_eq!(walk.progress(minutes(3)), (1, 3));
        assert_eq!(walk.turn(minutes(3)), Turn::Over);
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
