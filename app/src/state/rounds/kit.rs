//! A night patrol and what its walkers do, for the tests of rounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use shared::{
    ids::{CommandId, DeviceId, RoundId, RouteId, SiteCode},
    label::Label,
    round::{
        Round, RoundCommand,
        command::{Proof, Tick, Via},
    },
    route::{Design, Item, ItemKind, Plan, Route, RouteKind, Stop, Weekday, Who},
    site::{Place, PlaceKind, Places, Role},
    sync::{Delivery, OutboxRow},
    time::{HOUR, MINUTE, Ms},
    wire::{self, Envelope},
};
use uuid::Uuid;

use super::{Rounds, commands};
use crate::{components::kit, state::Property};

/// 22:00 on the first of January 1970, when the first round of the night begins.
pub const TEN: Ms = Ms(22 * HOUR);
/// The tokens of the three labels.
pub const TOKENS: [&str; 3] = ["q83vEjRWeJCrze8SNFZ4kA", "AAAAAAAAAAAAAAAAAAAAAA", "_____________________w"];

/// Guards 1 and 4, technician 2, at three checkpoints.
pub fn property(me: u128) -> Property {
    let mut property = kit::property(me);
    let place = |id: &str, parent: Option<&str>, kind| Place {
        id: id.into(),
        parent: parent.map(Into::into),
        name: id.to_owned(),
        kind,
        lat: None,
        lon: None,
    };
    let checkpoints = ["GATE", "HALL", "PUMP"].map(|id| place(id, Some("S"), PlaceKind::Area));
    property.places =
        Places::new([place("S", None, PlaceKind::Site)].into_iter().chain(checkpoints).collect());
    property
}

/// Every hour from 22:00 to 02:00, within forty minutes; the pump room after twenty.
pub fn night(ordered: bool) -> Arc<Route> {
    let site = SiteCode("jinzhou".to_owned());
    let stop = |place: &str, due_min| Stop {
        code: place.to_lowercase().as_str().into(),
        place: place.into(),
        items: Vec::new(),
        due_min,
        persons: BTreeSet::new(),
    };
    let mut pump = stop("PUMP", Some(20));
    pump.items = vec![Item { code: "dry".into(), text: "地面干".to_owned(), kind: ItemKind::OkOrNot }];
    let labels = ["GATE", "HALL", "PUMP"].into_iter().zip(TOKENS);
    let route = Route {
        id: RouteId::of(&site, &"night".into()),
        code: "night".into(),
        version: 3,
        since: Ms(0),
        retired: false,
        design: Design {
            name: "夜巡".to_owned(),
            kind: RouteKind::Patrol,
            ordered,
            who: Who::Roles(BTreeSet::from([Role::Guard])),
            plan: Plan {
                start: 22 * 60,
                last: 26 * 60,
                every_min: 60,
                window_min: 40,
                weekdays: Weekday::ALL.into(),
            },
            stops: vec![stop("GATE", None), stop("HALL", None), pump],
        },
        added: BTreeMap::new(),
        labels: labels.map(|(place, token)| (place.into(), vec![Label::of(token)])).collect(),
    };
    Arc::new(route.view())
}

/// A device's commands, in the order in which they are made.
#[derive(Default)]
pub struct Made(pub Vec<OutboxRow>);

impl Made {
    /// A command of whatever kind.
    pub fn add(&mut self, me: u128, aggregate: Uuid, kind: &str, body: serde_json::Value, at: Ms) {
        let n = self.0.len() as u64 + 1;
        let site = SiteCode("jinzhou".to_owned());
        let (id, author) = (CommandId(Uuid::from_u128(n.into())), kit::person(me));
        let envelope = Envelope {
            id,
            device: DeviceId(Uuid::nil()),
            author,
            n,
            prev: wire::GENESIS.to_owned(),
            kind: kind.to_owned(),
            v: 1,
            site: site.clone(),
            aggregate,
            base: None,
            at,
            heard: None,
            mends: Vec::new(),
            body,
        };
        self.0.push(OutboxRow {
            n,
            id,
            author,
            site,
            aggregate,
            kind: kind.to_owned(),
            at,
            text: envelope.write(),
            hash: String::new(),
            signature: String::new(),
            delivery: Delivery::Pending,
        });
    }

    /// What somebody does in a round, with the start before it where that is needed.
    pub fn done(
        &mut self,
        property: &Property,
        routes: &[Arc<Route>],
        id: RoundId,
        command: RoundCommand,
        at: Ms,
    ) {
        let walk = rounds(property, routes, &[], &self.0, at).find(id).unwrap();
        for command in commands(&walk, property.me.id, command) {
            self.add(property.me.id.0.as_u128(), id.0, command.kind(), command.body(), at);
        }
    }
}

/// What rounds follow from, on a device whose clock is right.
pub fn rounds<'a>(
    property: &'a Property,
    routes: &'a [Arc<Route>],
    rounds: &'a [Arc<Round>],
    outbox: &'a [OutboxRow],
    now: Ms,
) -> Rounds<'a> {
    Rounds { property, routes, rounds, outbox, offset: 0, now }
}

/// A tick of a stop by a label's code.
pub fn tick(stop: &str, token: &str) -> RoundCommand {
    RoundCommand::Tick(Box::new(Tick {
        stop: stop.into(),
        place: stop.to_uppercase().as_str().into(),
        proof: Proof::Token { via: Via::Qr, token: token.to_owned() },
        readings: BTreeMap::new(),
        position: None,
    }))
}

/// So many minutes after ten.
pub fn minutes(minutes: i64) -> Ms {
    TEN.plus(minutes * MINUTE)
}
