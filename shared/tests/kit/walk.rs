//! What the tests of routes and rounds share: a night patrol of three stops at the property of [`cast`], and [`Walk`], a
//! round that comes about by real commands only.

pub use super::cast;

use std::collections::{BTreeMap, BTreeSet};

use cast::{LOBBY, World};
use shared::{
    Code, Rejection,
    case::command::{Origin, PhotoRef, Report, Source},
    ids::{AttachmentId, PersonId, RoundId, RouteId},
    label::{self, Label},
    round::{
        Context, Round, RoundCommand, RoundEvent, RoundStage, Standing, Standings, StopStateName,
        command::{Proof, Tick, Via},
        decide_start,
    },
    route::{
        self, Design, Item, ItemKind, Milli, Occurrence, Plan, Reading, Route, RouteCommand, RouteKind, Stop,
        Weekday, Who,
    },
    site::{Place, PlaceKind, Places, Role},
    time::{EventTime, Ms},
};
use uuid::Uuid;

/// At the gate, which has a position.
pub const GATE: &str = "gate";
/// The pump room, 300 m north of the gate.
pub const PUMP: &str = "pump";
/// The code of the route.
pub const NIGHT: &str = "R-N";

/// The property with places that a patrol passes.
pub fn property(zone: &str) -> World {
    let mut world = World::in_zone(zone);
    let mut places = world.places.all().to_vec();
    let place = |id: &str, lat: f64| Place {
        id: id.into(),
        parent: Some("all".into()),
        name: id.to_owned(),
        kind: PlaceKind::Area,
        lat: Some(lat),
        lon: Some(114.0),
    };
    places.extend([place(GATE, 22.5), place(PUMP, 22.502_7)]);
    world.places = Places::new(places);
    world
}

/// An item with its code as its text.
pub fn item(code: &str, kind: ItemKind) -> Item {
    Item { code: code.into(), text: code.to_owned(), kind }
}

/// A stop at a place, with the place's code.
pub fn stop(place: &str, due_min: Option<u32>, items: Vec<Item>) -> Stop {
    Stop { code: place.into(), place: place.into(), items, due_min, persons: BTreeSet::new() }
}

/// Every two hours from 22:00 to 04:00, each within an hour.
pub fn nights() -> Plan {
    Plan { start: 1_320, last: 1_680, every_min: 120, window_min: 60, weekdays: Weekday::ALL.into() }
}

/// Guards walk gate, lobby and pump room, in this order.
pub fn night() -> Design {
    let pressure = ItemKind::Number { unit: "MPa".to_owned(), low: Some(Milli(300)), high: Some(Milli(800)) };
    Design {
        name: "Night patrol".to_owned(),
        kind: RouteKind::Patrol,
        ordered: true,
        who: Who::Roles(BTreeSet::from([Role::Guard])),
        plan: nights(),
        stops: vec![
            stop(GATE, Some(10), vec![item("calm", ItemKind::OkOrNot)]),
            stop(LOBBY, Some(20), vec![item("light", ItemKind::OkOrNot)]),
            stop(PUMP, None, vec![item("pressure", pressure)]),
        ],
    }
}

/// The token of a place's label in the tests.
pub fn token(place: &str) -> String {
    label::token(format!("{place:-<16}").as_bytes()).unwrap_or_else(|| panic!("{place}: short"))
}

/// A route as it comes about by saving designs, each at a time.
pub fn versions(world: &World, designs: Vec<(Ms, Design)>) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for (at, design) in designs {
        let last = routes.last();
        let version = last.map_or(0, |route| route.version);
        let from = last.map(Route::stamp);
        let command = RouteCommand::Save { code: NIGHT.into(), version, from, design };
        let context = route::Context {
            actor: Some(world.member(cast::SUPERVISOR)),
            site: &world.site.code,
            places: &world.places,
            people: &world.people,
            now: EventTime::exact(at),
        };
        let id = RouteId::of(&world.site.code, &NIGHT.into());
        let events = command.decide(id, last, &context).unwrap_or_else(|refusal| panic!("save: {refusal:?}"));
        let next = match last {
            Some(route) => route.clone().evolve(&events[0]),
            None => {
                let mut route = Route::begin(id, &events[0]).unwrap_or_else(|| panic!("{events:?}"));
                route.labels =
                    [GATE, LOBBY, PUMP].map(|place| (place.into(), vec![Label::of(&token(place))])).into();
                route
            }
        };
        routes.push(next);
    }
    routes
}

/// A photo whose reference is sound.
pub fn photo(n: u128) -> PhotoRef {
    PhotoRef {
        id: AttachmentId(Uuid::from_u128(n)),
        sha256: "0f".repeat(32),
        bytes: 200_000,
        width: 1_600,
        height: 1_200,
        thumb_sha256: "f0".repeat(32),
        thumb_bytes: 9_000,
    }
}

/// A tick of a stop by the label's QR code.
pub fn tick(stop: &str) -> Tick {
    Tick {
        stop: stop.into(),
        place: stop.into(),
        proof: Proof::Token { via: Via::Qr, token: token(stop) },
        readings: BTreeMap::new(),
        position: None,
    }
}

/// The command of a tick.
pub fn ticks(stop: &str) -> RoundCommand {
    RoundCommand::Tick(Box::new(tick(stop)))
}

/// One answer at a stop.
pub fn read(stop: &str, item: &str, reading: Reading) -> RoundCommand {
    RoundCommand::Read { stop: stop.into(), readings: BTreeMap::from([(item.into(), reading)]) }
}

/// Leaves a stop out.
pub fn skip(stop: &str) -> RoundCommand {
    RoundCommand::Skip { stop: stop.into(), reason: "locked".to_owned(), photos: Vec::new() }
}

/// Hands over.
pub fn hand_over(to: PersonId) -> RoundCommand {
    RoundCommand::HandOver { to, reason: "called away".to_owned() }
}

/// Finishes early.
pub fn finish() -> RoundCommand {
    RoundCommand::Finish { reason: "typhoon".to_owned() }
}

/// Reviews.
pub fn review() -> RoundCommand {
    RoundCommand::Review { note: "looked at".to_owned() }
}

/// A problem found at a stop.
pub fn found(round: RoundId, stop: &str, category: &str) -> Report {
    Report {
        category: category.into(),
        place: stop.into(),
        text: "Words-of-the-report".to_owned(),
        since: String::new(),
        source: Source::Found,
        urgency: None,
        isolated: false,
        accused: None,
        on_behalf_of: None,
        photos: vec![photo(77)],
        from: Some(Box::new(Origin { round, stop: stop.into() })),
    }
}

/// A round as it comes about by commands.
#[derive(Clone, Debug)]
pub struct Walk {
    /// Where it happens.
    pub world: World,
    /// The versions of its route.
    pub routes: Vec<Route>,
    /// The round so far.
    pub round: Round,
    /// The time of the next command.
    pub now: EventTime,
}

impl Walk {
    /// The round at 22:00 of the 22nd, made by the server when it begins; the route is a week old.
    pub fn of(world: &World, design: Design) -> Walk {
        let routes = versions(world, vec![(world.at("2026-11-15 12:00"), design)]);
        Walk::among(world, routes, "2026-11-22/22:00")
    }

    /// The patrol in Shanghai.
    pub fn night() -> Walk {
        Walk::of(&property("Asia/Shanghai"), night())
    }

    /// The round of an occurrence, made by the server when it begins.
    pub fn among(world: &World, routes: Vec<Route>, occurrence: &str) -> Walk {
        let occurrence: Occurrence = occurrence.parse().unwrap_or_else(|code| panic!("{occurrence}: {code}"));
        let (route, slot) = route::for_round(&routes, occurrence, 0, &world.zone)
            .unwrap_or_else(|| panic!("{occurrence} is not planned"));
        let plan = Round::plan(route, slot, &world.site, &world.places, &world.people, slot.from);
        let id = RoundId::of(&world.site.code, &route.code, occurrence);
        let round = Round::begin(id, &plan).unwrap_or_else(|| panic!("{plan:?}"));
        Walk { world: world.clone(), round, now: EventTime::exact(slot.from), routes }
    }

    /// Sets the clock to a wall time of the site.
    pub fn on(mut self, wall: &str) -> Walk {
        self.now = EventTime::exact(self.world.at(wall));
        self
    }

    /// What is done at one time and arrives at another.
    pub fn arriving(mut self, wall: &str) -> Walk {
        self.now.received = self.world.at(wall);
        self
    }

    /// The time cannot be known for sure.
    pub fn uncertain(mut self) -> Walk {
        self.now.uncertain = true;
        self
    }

    /// What the rules depend on now.
    pub fn context(&self, by: PersonId) -> Context<'_> {
        let world = &self.world;
        Context {
            actor: world.member(by),
            site: &world.site,
            zone: &world.zone,
            places: &world.places,
            people: &world.people,
            now: self.now,
            routes: &self.routes,
            clock_moved: false,
            chain_gap: false,
        }
    }

    /// What the rules say to a command now.
    pub fn judge(&self, by: PersonId, command: &RoundCommand) -> Result<Vec<RoundEvent>, Rejection> {
        self.round.decide(command, &self.context(by))
    }

    /// What the rules say to a start of a round that there is not yet.
    pub fn judge_start(&self, by: PersonId, command: &RoundCommand) -> Result<Vec<RoundEvent>, Rejection> {
        decide_start(self.round.id, command, &self.context(by))
    }

    /// The code with which the rules refuse a command now.
    pub fn refusal(&self, by: PersonId, command: &RoundCommand) -> Code {
        match self.judge(by, command) {
            Ok(events) => panic!("{} is not refused: {events:?}", command.kind()),
            Err(refusal) => refusal.code,
        }
    }

    /// Goes on with a command that must not be refused.
    pub fn then(mut self, by: PersonId, command: RoundCommand) -> Walk {
        let events = self.judge(by, &command).unwrap_or_else(|refusal| {
            panic!("{} by {}: {refusal:?}", command.kind(), self.world.member(by).code)
        });
        self.apply(&events);
        self
    }

    /// Folds events into the round.
    pub fn apply(&mut self, events: &[RoundEvent]) {
        self.round = events.iter().fold(self.round.clone(), Round::evolve);
    }

    /// A start of this round by a version of its route.
    pub fn start(&self, route_version: u32) -> RoundCommand {
        let (route, occurrence) = (self.round.task.route.clone(), self.round.task.occurrence);
        RoundCommand::Start { route, occurrence, route_version }
    }

    /// How a stop stands at a wall time.
    pub fn state(&self, stop: &str, wall: &str) -> StopStateName {
        self.standing(stop, wall).0
    }

    /// How a stop stands at a wall time, and whether it is abnormal, arrived late, is uncertain, was out of order.
    pub fn standing(&self, stop: &str, wall: &str) -> (StopStateName, [bool; 4]) {
        let stop = self.round.find(&stop.into()).unwrap_or_else(|| panic!("no stop {stop}"));
        let standing = self.round.stop(stop, self.world.at(wall));
        let beside = [standing.abnormal, standing.arrived_late, standing.uncertain, standing.out_of_order];
        (standing.state.name(), beside)
    }

    /// How far the round is at a wall time.
    pub fn stage(&self, wall: &str) -> RoundStage {
        self.round.stage(self.world.at(wall))
    }

    /// What a person is to the round now.
    pub fn standings(&self, who: PersonId) -> Standings {
        let world = &self.world;
        self.round.standings(world.member(who), &world.site, &world.zone, self.now.fair())
    }
}

/// The standings of a set, for comparing and for messages.
pub fn names(who: Standings) -> Vec<Standing> {
    Standing::ALL.into_iter().filter(|standing| who.has(*standing)).collect()
}
