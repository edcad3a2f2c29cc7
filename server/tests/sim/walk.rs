//! What a person does in rounds with a phone, as the app does it: a round is known from the plan, and begun with the first
//! thing that is done in it. Also what a supervisor does to a route.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use device::{Ask, Local, Photo, PlatformError, Subject, platform::Platform as _};
use shared::{
    case::command::{Origin, PhotoRef},
    ids::{AttachmentId, PersonId, PlaceCode, RoundId, SiteCode},
    label,
    round::{
        Round, RoundCommand, RoundStop, StopStateName,
        command::{Proof, Tick, Via},
    },
    route::{self, Design, Item, ItemKind, Milli, Reading, Route, RouteCommand, Slot, Stop, Who},
    sync::OutboxRow,
    time::{EventTime, HOUR, MINUTE, Ms},
    wire::Doc,
};

use crate::{
    act::{self, Deed, Draft, Shown},
    dice::Dice,
    machine::Machine,
    photos,
};

/// A label as it hangs at a place.
#[derive(Clone, Debug)]
pub struct Hung {
    pub token: String,
    /// When another one took its place.
    pub until: Option<Ms>,
}

/// The labels that people find at places: all that ever hung there, the newest last.
pub type Hanging = BTreeMap<(SiteCode, PlaceCode), Vec<Hung>>;

/// What a person at a phone acts by.
pub struct Walker<'a> {
    shown: &'a Shown,
    outbox: &'a [OutboxRow],
    routes: Vec<Arc<Route>>,
    /// As the server last showed them.
    rounds: BTreeMap<RoundId, Arc<Round>>,
    hanging: &'a Hanging,
    offset: i64,
    now: Ms,
    /// Asks for more than the rules let it.
    daring: bool,
}

/// A round as a phone shows it.
struct Walk {
    round: Round,
    /// It is known that it exists.
    there: bool,
    route: Option<Route>,
}

impl Walk {
    fn versions(&self) -> &[Route] {
        self.route.as_slice()
    }

    fn begun_by(&self, person: PersonId) -> bool {
        let began =
            |event: &shared::round::RoundEvent| event.by == Some(person) && event.change.known().is_some();
        self.there && self.round.log.iter().any(began)
    }

    fn start(&self) -> RoundCommand {
        let task = &self.round.task;
        RoundCommand::Start {
            route: task.route.clone(),
            occurrence: task.occurrence,
            route_version: self.route.as_ref().map_or(task.route_version, |route| route.version),
        }
    }
}

impl<'a> Walker<'a> {
    /// Somebody who looks at rounds: only then are they read.
    pub fn of(
        shown: &'a Shown,
        docs: &[(SiteCode, Doc)],
        outbox: &'a [OutboxRow],
        hanging: &'a Hanging,
        offset: i64,
        now: Ms,
        daring: bool,
    ) -> Walker<'a> {
        let (mut routes, mut rounds) = (Vec::new(), BTreeMap::new());
        for (_, doc) in docs.iter().filter(|(site, _)| *site == shown.code) {
            match doc {
                Doc::Route(route) => routes.extend(route.read().cloned()),
                Doc::Round(round) => rounds.extend(round.read().map(|round| (round.id, Arc::clone(round)))),
                Doc::Site(_)
                | Doc::Places(_)
                | Doc::People(_)
                | Doc::Case(_)
                | Doc::Refusal(_)
                | Doc::Quarantine(_) => {}
            }
        }
        Walker { shown, outbox, routes, rounds, hanging, offset, now, daring }
    }

    /// A round that is on, if there is one that this person may know of; now and then one that is over or yet to come.
    fn some(&self, dice: &mut Dice) -> Option<Walk> {
        let Shown { code, zone, .. } = self.shown;
        let Walker { routes, rounds, .. } = self;
        let mut known: BTreeMap<RoundId, (Slot, Option<&Arc<Route>>)> = BTreeMap::new();
        for route in routes {
            for slot in route.rounds_between(self.now.plus(-HOUR), self.now.plus(20 * MINUTE), zone) {
                known.insert(RoundId::of(code, &route.code, slot.occurrence), (slot, Some(route)));
            }
        }
        for (id, round) in rounds {
            let task = &round.task;
            let slot = Slot { from: task.from, until: task.until, occurrence: task.occurrence };
            let route = routes.iter().find(|route| route.code == task.route);
            known.insert(*id, (slot, route));
        }
        let weighted: Vec<(usize, RoundId)> = known
            .iter()
            .map(|(id, (slot, _))| {
                let on = slot.from <= self.now && self.now < slot.until;
                let lately = self.now.since(slot.until).saturating_abs() < 12 * HOUR;
                (if on { 12 } else { usize::from(lately) }, *id)
            })
            .collect();
        let id = dice.weighted(&weighted)?;
        let (slot, route) = known.get(&id)?;
        self.walk(id, *slot, *route)
    }

    fn walk(&self, id: RoundId, slot: Slot, route: Option<&Arc<Route>>) -> Option<Walk> {
        let judge = self.shown.judge(self.offset);
        let route = route.map(|route| (**route).clone());
        let base = self.rounds.get(&id).map(|round| (**round).clone());
        let rows = self.outbox.iter().filter(|row| row.site == self.shown.code);
        match judge.overlay_round(id, base, route.as_slice(), rows) {
            Some(round) => Some(Walk { round, there: true, route }),
            None => {
                let round = judge.planned(id, route.as_ref()?, slot, self.now)?;
                Some(Walk { round, there: false, route })
            }
        }
    }

    /// A stop at which this person, who walks there, may find something.
    pub fn at_a_stop(&self, dice: &mut Dice) -> Option<(Origin, PlaceCode)> {
        let walk = self.some(dice)?;
        let stop = dice.pick(&walk.round.task.stops)?;
        let may = walk.begun_by(self.shown.me.id) || (self.daring && walk.there);
        let origin = Origin { round: walk.round.id, stop: stop.code.clone() };
        may.then(|| (origin, stop.place.clone()))
    }

    /// Does something in a round; `None` if there is nothing to do.
    pub async fn act(
        &self,
        local: &Local<Machine>,
        dice: &mut Dice,
        words: &str,
    ) -> Result<Option<Deed>, PlatformError> {
        let Some(walk) = self.some(dice) else { return Ok(None) };
        let mut possible = self.possible(&walk, dice, words);
        possible.retain(|(_, command)| self.daring || self.may(&walk, command));
        let weighted: Vec<(usize, usize)> =
            possible.iter().enumerate().map(|(at, (weight, _))| (*weight, at)).collect();
        let Some(at) = dice.weighted(&weighted) else { return Ok(None) };
        let mut command = possible.swap_remove(at).1;
        let mut deed = Deed { what: command.kind().to_owned(), ..Deed::default() };
        let draft = format!("draft:{}", walk.round.id);
        if dice.percent(30) && takes_photos(&command) {
            deed.photos = shoot(local, dice, &draft).await?;
            put_photos(&mut command, deed.photos.iter().map(|(photo, _)| photo.clone()).collect());
            deed.what = format!("{} with {} photos", deed.what, deed.photos.len());
        }
        if command.body().to_string().contains(&format!("{words:?}")) {
            deed.words = words.to_owned();
        }
        let commands = self.with_start(&walk, command);
        let asks: Vec<Ask> = commands.iter().map(Ask::from).collect();
        let subject = Subject {
            author: self.shown.me.id,
            site: self.shown.code.clone(),
            aggregate: walk.round.id.0,
            base: walk.there.then_some(walk.round.version),
        };
        local.commit(&subject, &asks, &[], Some(&draft)).await?;
        let task = &walk.round.task;
        deed.what = format!("{} in {} of {}", deed.what, task.occurrence, task.route);
        deed.commands = asks.len();
        Ok(Some(deed))
    }

    /// Whether the rules let this person do it, as far as this phone can tell.
    fn may(&self, walk: &Walk, command: &RoundCommand) -> bool {
        let known = walk.there.then(|| walk.round.clone());
        let commands = self.with_start(walk, command.clone());
        let judge = self.shown.judge(self.offset);
        judge.walk(walk.round.id, known, walk.versions(), &commands, self.now).is_ok()
    }

    /// A command with the start that has to come before it.
    fn with_start(&self, walk: &Walk, command: RoundCommand) -> Vec<RoundCommand> {
        let begins = match &command {
            RoundCommand::Start { .. } => false,
            RoundCommand::Tick(_) | RoundCommand::Read { .. } | RoundCommand::Skip { .. } => {
                !walk.begun_by(self.shown.me.id)
            }
            RoundCommand::HandOver { .. } | RoundCommand::Finish { .. } | RoundCommand::Review { .. } => {
                !walk.there
            }
        };
        begins.then(|| walk.start()).into_iter().chain([command]).collect()
    }

    fn possible(&self, walk: &Walk, dice: &mut Dice, words: &str) -> Vec<(usize, RoundCommand)> {
        let mut commands = vec![
            (1, walk.start()),
            (1, RoundCommand::Finish { reason: words.to_owned() }),
            (2, RoundCommand::Review { note: words.to_owned() }),
        ];
        let colleague = act::somebody(self.shown, dice).unwrap_or(self.shown.me.id);
        commands.push((1, RoundCommand::HandOver { to: colleague, reason: words.to_owned() }));
        let pending =
            |stop: &&RoundStop| walk.round.stop(stop, self.now).state.name() == StopStateName::Pending;
        let stops: Vec<&RoundStop> = if dice.percent(70) {
            walk.round.task.stops.iter().filter(pending).collect()
        } else {
            walk.round.task.stops.iter().collect()
        };
        if let Some(stop) = dice.pick(&stops) {
            commands.push((12, RoundCommand::Tick(Box::new(self.tick(stop, dice, words)))));
            let readings = readings(&stop.items, dice, words);
            commands.push((3, RoundCommand::Read { stop: stop.code.clone(), readings }));
            let (stop, reason, photos) = (stop.code.clone(), words.to_owned(), Vec::new());
            commands.push((2, RoundCommand::Skip { stop, reason, photos }));
        }
        commands
    }

    fn tick(&self, stop: &RoundStop, dice: &mut Dice, words: &str) -> Tick {
        let place = (self.shown.code.clone(), stop.place.clone());
        let mut labels: Vec<&Hung> = self.hanging.get(&place).into_iter().flatten().collect();
        if dice.percent(5) {
            // Somebody scans the label next door.
            labels = self.hanging.values().flatten().collect();
        }
        let token = if dice.percent(85) { labels.last().copied() } else { dice.pick(&labels).copied() };
        let proof = match (token, dice.below(10)) {
            (Some(Hung { token, .. }), 0..6) => {
                let via = *dice.pick(&[Via::Qr, Via::Nfc, Via::Link]).unwrap_or(&Via::Qr);
                Proof::Token { via, token: token.clone() }
            }
            (Some(Hung { token, .. }), 6..8) => Proof::Code(label::printed(&label::code(token))),
            (Some(_) | None, _) => Proof::Photo { reason: words.to_owned(), photos: Vec::new() },
        };
        let readings = if dice.percent(60) { readings(&stop.items, dice, words) } else { BTreeMap::new() };
        let position = dice.percent(30).then_some(shared::round::command::Position {
            lat: 22_540_000,
            lon: 114_050_000,
            accuracy: 8,
            age: 1,
        });
        Tick { stop: stop.code.clone(), place: stop.place.clone(), proof, readings, position }
    }

    /// Changes a route, as a supervisor does; `None` if this person may not.
    pub async fn redesign(
        &self,
        local: &Local<Machine>,
        dice: &mut Dice,
    ) -> Result<Option<Deed>, PlatformError> {
        let Shown { code: site, places, people, me, .. } = self.shown;
        let Some(route) = dice.pick(&self.routes) else { return Ok(None) };
        let code = route.code.clone();
        let command = if dice.percent(8) {
            RouteCommand::Retire { code }
        } else {
            let mut design = route.design.clone();
            self.change(&mut design, dice);
            RouteCommand::Save { code, version: route.version, from: Some(route.stamp()), design }
        };
        let now = EventTime::exact(self.now);
        let context = route::Context { actor: Some(me), site, places, people, now };
        if !self.daring && command.decide(route.id, Some(&**route), &context).is_err() {
            return Ok(None);
        }
        let subject =
            Subject { author: me.id, site: site.clone(), aggregate: route.id.0, base: Some(route.version) };
        local.commit(&subject, &[Ask::from(&command)], &[], None).await?;
        let what = format!("{} of {}", command.kind(), route.code);
        Ok(Some(Deed { what, commands: 1, ..Deed::default() }))
    }

    fn change(&self, design: &mut Design, dice: &mut Dice) {
        match dice.below(5) {
            0 if design.stops.len() > 1 => drop(design.stops.remove(dice.below(design.stops.len()))),
            1 => {
                let place = dice.pick(self.shown.places.all()).map(|place| place.id.clone());
                let free =
                    |place: &PlaceCode| !design.stops.iter().any(|stop| stop.code.as_str() == place.as_str());
                if let Some(place) = place.filter(free) {
                    design.stops.push(Stop {
                        code: place.as_str().into(),
                        place,
                        items: Vec::new(),
                        due_min: None,
                        persons: BTreeSet::new(),
                    });
                }
            }
            2 => {
                let minutes = 10 + u32::try_from(dice.below(60)).unwrap_or_default();
                design.plan.window_min =
                    minutes.max(design.stops.iter().filter_map(|stop| stop.due_min).max().unwrap_or(0));
            }
            3 => {
                if let Some(stop) = design.stops.last_mut() {
                    stop.due_min = Some(design.plan.window_min / 2);
                }
            }
            _ => {
                let cast = self.shown.people.people.iter().filter(|member| {
                    !member.gone
                        && crate::world::CAST.contains(&member.code.as_str())
                        && design.who != Who::Persons(BTreeSet::from([member.id]))
                });
                let cast: BTreeSet<PersonId> =
                    cast.map(|member| member.id).filter(|_| dice.percent(40)).collect();
                if !cast.is_empty() {
                    design.who = Who::Persons(cast);
                }
            }
        }
    }
}

fn readings(items: &[Item], dice: &mut Dice, words: &str) -> BTreeMap<shared::ids::ItemCode, Reading> {
    let mut readings = BTreeMap::new();
    for item in items {
        let reading = match &item.kind {
            ItemKind::OkOrNot => Some(Reading::Ok(dice.percent(85))),
            // Within the limits of some, and beyond those of others.
            ItemKind::Number { .. } => {
                Some(Reading::Number(Milli(i64::try_from(dice.below(60_000)).unwrap_or_default())))
            }
            ItemKind::Choice { options } => {
                dice.pick(options).map(|option| Reading::Choice(option.text.clone()))
            }
            ItemKind::Text => Some(Reading::Text(words.to_owned())),
            // They are taken once it is known what is said.
            ItemKind::Photo { .. } => None,
        };
        readings.extend(reading.filter(|_| dice.percent(80)).map(|reading| (item.code.clone(), reading)));
    }
    readings
}

fn takes_photos(command: &RoundCommand) -> bool {
    match command {
        RoundCommand::Tick(_) | RoundCommand::Read { .. } | RoundCommand::Skip { .. } => true,
        RoundCommand::Start { .. }
        | RoundCommand::HandOver { .. }
        | RoundCommand::Finish { .. }
        | RoundCommand::Review { .. } => false,
    }
}

fn put_photos(command: &mut RoundCommand, taken: Vec<PhotoRef>) {
    match command {
        RoundCommand::Tick(tick) => match &mut tick.proof {
            Proof::Photo { photos, .. } => *photos = taken,
            Proof::Token { .. } | Proof::Code(_) => {
                tick.readings.insert("photo".into(), Reading::Photos(taken));
            }
        },
        RoundCommand::Read { readings, .. } => {
            readings.insert("photo".into(), Reading::Photos(taken));
        }
        RoundCommand::Skip { photos, .. } => *photos = taken,
        RoundCommand::Start { .. }
        | RoundCommand::HandOver { .. }
        | RoundCommand::Finish { .. }
        | RoundCommand::Review { .. } => {}
    }
}

/// Takes a photo or two, and keeps them with a draft.
pub async fn shoot(
    local: &Local<Machine>,
    dice: &mut Dice,
    draft: &str,
) -> Result<Vec<(PhotoRef, Photo)>, PlatformError> {
    let mut taken: Vec<(PhotoRef, Photo)> = Vec::new();
    for _ in 0..=dice.below(2) {
        let shot = photos::take(dice);
        let photo = act::photo_ref(AttachmentId(local.platform().new_id()?), &shot);
        let mut all: Vec<PhotoRef> = taken.iter().map(|(photo, _)| photo.clone()).collect();
        all.push(photo.clone());
        local.keep_photo(draft, &Draft { photos: all }, &photo, shot.clone()).await?;
        taken.push((photo, shot));
    }
    Ok(taken)
}
