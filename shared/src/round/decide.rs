//! Judging commands on a round: who may do what, when, with which content.
//!
//! Judged in this order, as for a case: may the actor see it, may the actor do this, does the stage allow it, is the content
//! right. Facts (start, tick, read, skip, report) of somebody entitled to them are taken in every stage and however doubtful:
//! what speaks against them is shown beside them. What was looked at by another version of the route is a fact too.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Round, RoundChange, RoundCommand, RoundEvent, RoundStage, RoundStop, Standing, Standings, StopState,
    Task,
    command::{ENTRIES_MAX, Proof, ROUND_PHOTOS_MAX, Tick},
    event::{Proven, Ticked},
};
use crate::{
    Code, Rejection,
    case::{
        self, CaseEvent, check_text,
        command::{PHOTOS_MAX, PhotoRef, Report},
        decide_any_report, require,
    },
    ids::{AttachmentId, CaseId, CaseNumber, ItemCode, PersonId, PlaceCode, RoundId, StopCode},
    label::{self, Labels, Match, Shown},
    route::{self, Reading, Route, Slot, Who},
    site::{CaseKind, Member, People, Places, Site},
    time::{EventTime, HOUR, MINUTE, Ms, Zone},
};

use Standing::*;

/// So long before it begins a round may be started, in milliseconds.
const AHEAD: i64 = 24 * HOUR;
/// The most answers in one command.
const READINGS_MAX: usize = 2 * route::ITEMS_MAX;

/// What a decision depends on besides the round itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Who asks.
    pub actor: &'a Member,
    /// The site's settings.
    pub site: &'a Site,
    /// The site's calendar.
    pub zone: &'a Zone,
    /// The site's places.
    pub places: &'a Places,
    /// Everybody at the site.
    pub people: &'a People,
    /// The time of the event (R3).
    pub now: EventTime,
    /// The versions of the round's route that the judge has, oldest first: the server all, a phone one. The labels are those
    /// of the last.
    pub routes: &'a [Route],
    /// The device's clock was moved between making and sending; only the server can tell.
    pub clock_moved: bool,
    /// Commands that the device made before this one are lost; only the server can tell.
    pub chain_gap: bool,
}

/// What a problem found at a stop makes: both are written in one transaction, or neither.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Yield {
    /// The events of the new case; the first makes it.
    pub case: Vec<CaseEvent>,
    /// The events of the round.
    pub round: Vec<RoundEvent>,
}

/// Judges a command on a round that there is not yet: only a start makes one. It answers with two events, the plan and the
/// start.
///
/// # Errors
/// `round.not_there` for any other command, `round.not_planned`, and those of [`Round::decide`].
pub fn decide_start(
    id: RoundId,
    command: &RoundCommand,
    context: &Context<'_>,
) -> Result<Vec<RoundEvent>, Rejection> {
    let RoundCommand::Start { occurrence, route_version, .. } = command else {
        return Err(Code::RoundNotThere.into());
    };
    let begins = occurrence.begins(context.zone);
    let found = route::for_round(context.routes, *occurrence, *route_version, context.zone)
        .filter(|_| begins <= context.now.received.plus(AHEAD));
    let (route, slot) = found.ok_or_else(|| Rejection::new(Code::RoundNotPlanned).with("until", begins.0))?;
    let plan = Round::plan(route, slot, context.site, context.places, context.people, context.now.received);
    let Some(round) = Round::begin(id, &plan) else { return Err(Code::RoundNotThere.into()) };
    let mut events = vec![plan];
    events.extend(round.decide(command, context)?);
    Ok(events)
}

/// The standings that may give a command. `Other` is nowhere.
const fn entitled(command: &RoundCommand) -> Standings {
    match command {
        RoundCommand::Start { .. }
        | RoundCommand::Tick(_)
        | RoundCommand::Read { .. }
        | RoundCommand::Skip { .. } => REPORTERS,
        RoundCommand::HandOver { .. } => Standings::of(&[Walker, Lead, Desk, Supervisor, Director]),
        RoundCommand::Finish { .. } => Standings::of(&[Walker, Lead, Supervisor, Director]),
        RoundCommand::Review { .. } => Standings::of(&[Supervisor, Director]),
    }
}

/// Who may say what they saw and did.
const REPORTERS: Standings = Standings::of(&[Walker, FormerWalker]);

impl Round {
    /// The event that makes the round of a route; the server's own, when the round begins or when somebody starts it.
    pub fn plan(
        route: &Route,
        slot: Slot,
        site: &Site,
        places: &Places,
        people: &People,
        now: Ms,
    ) -> RoundEvent {
        let task = Task::of(route, slot, site, places, people);
        RoundEvent { time: EventTime::exact(now), by: None, change: RoundChange::Planned(Box::new(task)) }
    }

    /// The end of the window, once it is over and has not been noted.
    pub fn end(&self, now: Ms) -> Option<RoundEvent> {
        if self.ended || now < self.task.until {
            return None;
        }
        let missed = self.task.stops.iter().filter(|stop| self.stop(stop, now).state == StopState::Missed);
        let missed = missed.map(|stop| stop.code.clone()).collect();
        Some(RoundEvent {
            time: EventTime::exact(now),
            by: None,
            change: RoundChange::WindowEnded { missed },
        })
    }

    /// Judges a command on this round.
    ///
    /// # Errors
    /// Every `round.*` code, `case.field_*`, `case.unknown_*`, `case.too_many_photos`, `case.bad_photo`.
    pub fn decide(
        &self,
        command: &RoundCommand,
        context: &Context<'_>,
    ) -> Result<Vec<RoundEvent>, Rejection> {
        if let RoundCommand::Start { route, occurrence, .. } = command
            && RoundId::of(&context.site.code, route, *occurrence) != self.id
        {
            return Err(Rejection::new(Code::CommandBadBody).with("detail", "id"));
        }
        self.may(entitled(command), command.kind(), context)?;
        self.fits(command, context)?;
        if !matches!(command, RoundCommand::Tick(_) | RoundCommand::Read { .. } | RoundCommand::Skip { .. }) {
            few(self.log.iter().filter(|event| event.change.stop().is_none()).count())?;
        }
        let change = match command {
            RoundCommand::Start { route_version, .. } => {
                RoundChange::Started { route_version: *route_version }
            }
            RoundCommand::Tick(tick) => self.tick(tick, context)?,
            RoundCommand::Read { stop, readings } => {
                self.check_stop(stop, context)?;
                if readings.is_empty() {
                    return Err(Rejection::new(Code::CaseFieldMissing).with("field", "readings"));
                }
                self.check_readings(readings, &[])?;
                RoundChange::Read { stop: stop.clone(), readings: readings.clone() }
            }
            RoundCommand::Skip { stop, reason, photos } => {
                self.check_stop(stop, context)?;
                require("reason", reason)?;
                self.check_photos(&photos.iter().collect::<Vec<_>>())?;
                RoundChange::Skipped { stop: stop.clone(), reason: reason.clone(), photos: photos.clone() }
            }
            RoundCommand::HandOver { to, reason } => {
                check_text("reason", reason)?;
                if context.people.present(*to).is_none() {
                    return Err(Rejection::new(Code::CaseUnknownPerson).with("person", to));
                }
                RoundChange::HandedOver { to: *to, reason: reason.clone() }
            }
            RoundCommand::Finish { reason } => {
                require("reason", reason)?;
                RoundChange::Finished { reason: reason.clone() }
            }
            RoundCommand::Review { note } => {
                check_text("note", note)?;
                if self.walked(context.actor.id) {
                    return Err(Code::RoundOwn.into());
                }
                RoundChange::Reviewed { note: note.clone() }
            }
        };
        Ok(vec![context.event(change)])
    }

    /// Judges a problem found at a stop, whose report says so: the case that it makes, which names the stop, and what the
    /// round says of it. A complaint is not shown in the round: that is read by more than may know of it (R9).
    ///
    /// # Errors
    /// Those of [`decide_report`](case::decide_report), `round.not_there`, `round.not_visible`, `round.not_allowed`,
    /// `round.unknown_stop`, `round.too_many`.
    pub fn decide_report(
        &self,
        case: CaseId,
        report: &Report,
        number: Option<&CaseNumber>,
        context: &Context<'_>,
    ) -> Result<Yield, Rejection> {
        let Some(origin) = report.from.as_ref().filter(|origin| origin.round == self.id) else {
            return Err(Code::RoundNotThere.into());
        };
        self.may(REPORTERS, "case.report", context)?;
        self.check_stop(&origin.stop, context)?;
        let of_case = case::Context {
            actor: context.actor,
            site: context.site,
            zone: context.zone,
            places: context.places,
            people: context.people,
            now: context.now,
            number,
        };
        let events = decide_any_report(report, &of_case)?;
        let category = context.site.category(&report.category);
        let shown = category.is_some_and(|category| category.kind != CaseKind::Complaint);
        let reported = RoundChange::Reported { stop: origin.stop.clone(), case };
        Ok(Yield { case: events, round: shown.then(|| context.event(reported)).into_iter().collect() })
    }

    /// The server holds the bytes with this hash of an author's photo. `None` if that is known, or not this round's photo.
    pub fn photo_kept(
        &self,
        author: PersonId,
        photo: AttachmentId,
        sha256: &str,
        now: Ms,
    ) -> Option<RoundEvent> {
        let mut own = self.log.iter().filter(|event| event.by == Some(author));
        let is = |shown: &PhotoRef| shown.id == photo && shown.sha256 == sha256;
        let named = own.any(|event| event.change.photos().any(is));
        (named && !self.kept.contains(&photo)).then(|| RoundEvent {
            time: EventTime::exact(now),
            by: None,
            change: RoundChange::PhotoKept { photo },
        })
    }

    /// Whether the actor may see the round, and give such a command.
    fn may(&self, entitled: Standings, kind: &str, context: &Context<'_>) -> Result<(), Rejection> {
        let who = self.standings(context.actor, context.site, context.zone, context.now.fair());
        if !self.visible(who) {
            return Err(Code::RoundNotVisible.into());
        }
        if !who.any(entitled) {
            return Err(Rejection::new(Code::RoundNotAllowed).with("command", kind));
        }
        Ok(())
    }

    fn fits(&self, command: &RoundCommand, context: &Context<'_>) -> Result<(), Rejection> {
        let fits = match command {
            RoundCommand::Start { .. }
            | RoundCommand::Tick(_)
            | RoundCommand::Read { .. }
            | RoundCommand::Skip { .. } => true,
            // Until the window is over, by the time at which it was done: that the end was noted in between is no reason.
            RoundCommand::HandOver { .. } => !self.is_over(&context.now),
            // Nor does anybody end for all the others what has not begun.
            RoundCommand::Finish { .. } => {
                !self.is_over(&context.now) && context.now.fair() >= self.task.from
            }
            RoundCommand::Review { .. } => self.stage(context.now.received) >= RoundStage::Over,
        };
        if fits {
            return Ok(());
        }
        Err(Rejection::new(Code::RoundWrongStage).with("command", command.kind()))
    }

    fn tick(&self, tick: &Tick, context: &Context<'_>) -> Result<RoundChange, Rejection> {
        self.check_stop(&tick.stop, context)?;
        let place = self.place(tick, context);
        let proof = match &tick.proof {
            Proof::Token { via, token } => {
                if token.len() > label::TOKEN_MAX {
                    return Err(Rejection::new(Code::CaseFieldTooLong)
                        .with("field", "token")
                        .with("max", label::TOKEN_MAX));
                }
                Proven::Token { via: *via, label: find_label(place, Shown::Token(token), context) }
            }
            Proof::Code(code) => {
                if code.len() > label::TOKEN_MAX {
                    return Err(Rejection::new(Code::LabelBadCode));
                }
                Proven::Code(find_label(place, Shown::Code(code), context))
            }
            Proof::Photo { reason, photos } => {
                require("reason", reason)?;
                Proven::Photo { reason: reason.clone(), photos: photos.clone() }
            }
        };
        let shown = match &tick.proof {
            Proof::Photo { photos, .. } => &photos[..],
            Proof::Token { .. } | Proof::Code(_) => &[],
        };
        self.check_readings(&tick.readings, shown)?;
        Ok(RoundChange::Ticked(Box::new(Ticked {
            stop: tick.stop.clone(),
            place: place.clone(),
            proof,
            readings: tick.readings.clone(),
            position: tick.position,
            clock_moved: context.clock_moved,
            chain_gap: context.chain_gap,
        })))
    }

    /// Where a stop is: where the phone says, if some version of the route has it there, else where this round has it.
    fn place<'a>(&'a self, tick: &'a Tick, context: &'a Context<'_>) -> &'a PlaceCode {
        let routed = context.routes.iter().flat_map(|route| &route.design.stops);
        let routed = routed.filter(|stop| stop.code == tick.stop).map(|stop| &stop.place);
        let mut places = self.find(&tick.stop).map(|stop| &stop.place).into_iter().chain(routed);
        let known = places.clone().find(|place| **place == tick.place);
        known.or_else(|| places.next()).unwrap_or(&tick.place)
    }

    /// A stop of this round, or of any version of its route.
    fn check_stop(&self, stop: &StopCode, context: &Context<'_>) -> Result<(), Rejection> {
        let mut routed = context.routes.iter().flat_map(|route| &route.design.stops);
        if self.find(stop).is_none() && !routed.any(|one| one.code == *stop) {
            return Err(Rejection::new(Code::RoundUnknownStop).with("stop", stop));
        }
        few(self.at(stop).count())
    }

    fn check_readings(
        &self,
        readings: &BTreeMap<ItemCode, Reading>,
        others: &[PhotoRef],
    ) -> Result<(), Rejection> {
        if readings.len() > READINGS_MAX {
            return Err(Rejection::new(Code::CaseFieldTooLong)
                .with("field", "readings")
                .with("max", READINGS_MAX));
        }
        for reading in readings.values() {
            match reading {
                Reading::Text(text) | Reading::Choice(text) => check_text("readings", text)?,
                Reading::Ok(_) | Reading::Number(_) | Reading::Photos(_) => {}
            }
        }
        let photos: Vec<_> = readings.values().flat_map(Reading::photos).chain(others).collect();
        self.check_photos(&photos)
    }

    fn check_photos(&self, photos: &[&PhotoRef]) -> Result<(), Rejection> {
        let present: Vec<_> = self.log.iter().flat_map(|event| event.change.photos()).collect();
        for (count, max) in [(photos.len(), PHOTOS_MAX), (present.len() + photos.len(), ROUND_PHOTOS_MAX)] {
            if count > max {
                return Err(Rejection::new(Code::CaseTooManyPhotos).with("max", max));
            }
        }
        let bad = photos.iter().find(|photo| {
            !photo.sound() || present.iter().chain(photos).any(|other| photo.contradicts(other))
        });
        match bad {
            Some(photo) => Err(Rejection::new(Code::CaseBadPhoto).with("photo", photo.id)),
            None => Ok(()),
        }
    }

    /// Whether somebody has walked in this round.
    fn walked(&self, person: PersonId) -> bool {
        self.log.iter().any(|event| event.by == Some(person) && event.change.is_walking())
    }
}

/// Whether there is room for one more entry.
fn few(entries: usize) -> Result<(), Rejection> {
    if entries >= ENTRIES_MAX {
        return Err(Rejection::new(Code::RoundTooMany).with("max", ENTRIES_MAX));
    }
    Ok(())
}

fn find_label(place: &PlaceCode, shown: Shown<'_>, context: &Context<'_>) -> Match {
    let none = Labels::new();
    let labels = context.routes.last().map_or(&none, |route| &route.labels);
    label::find(labels, place, shown, context.now)
}

impl Context<'_> {
    fn event(&self, change: RoundChange) -> RoundEvent {
        RoundEvent { time: self.now, by: Some(self.actor.id), change }
    }
}

impl Task {
    /// What a route asks for in one of its rounds.
    pub fn of(route: &Route, slot: Slot, site: &Site, places: &Places, people: &People) -> Task {
        let design = &route.design;
        let stops = design.stops.iter().map(|stop| RoundStop {
            code: stop.code.clone(),
            place: stop.place.clone(),
            items: stop.items.clone(),
            due: stop.due_min.map(|minutes| slot.from.plus(i64::from(minutes) * MINUTE).min(slot.until)),
            planned: if stop.persons.is_empty() {
                responsible(&design.who, &stop.place, places, people)
            } else {
                stop.persons.clone()
            },
            added: route.added.get(&stop.code).copied().unwrap_or(route.version),
        });
        let mut task = Task {
            route: route.code.clone(),
            route_version: route.version,
            occurrence: slot.occurrence,
            from: slot.from,
            until: slot.until,
            name: design.name.clone(),
            kind: design.kind,
            ordered: design.ordered,
            who: design.who.clone(),
            stops: stops.collect(),
            companies: BTreeSet::new(),
        };
        task.companies = route::companies(site, people, |member| task.plans(member));
        task
    }

    /// Whether the plan means somebody, for all of it or for a stop.
    pub fn plans(&self, member: &Member) -> bool {
        self.who.means(member) || self.stops.iter().any(|stop| stop.planned.contains(&member.id))
    }
}

/// Who is planned for a place (G1): of an area's people those whose area is the smallest around it.
fn responsible(who: &Who, place: &PlaceCode, places: &Places, people: &People) -> BTreeSet<PersonId> {
    match who {
        Who::Roles(_) => BTreeSet::new(),
        Who::Persons(persons) => persons.clone(),
        Who::Area(role) => {
            let of = |area: &PlaceCode| {
                let theirs = people
                    .people
                    .iter()
                    .filter(|member| !member.gone && member.is(*role) && member.area.as_ref() == Some(area));
                theirs.map(|member| member.id).collect::<BTreeSet<_>>()
            };
            let around = places.path(place);
            around.iter().rev().map(|place| of(&place.id)).find(|ids| !ids.is_empty()).unwrap_or_default()
        }
    }
}
