//! A route: what is walked by plan, and by whom. Patrols, cleaning and equipment rooms are one idea (F2, F4, G1, G2, D13).
//!
//! A route is a [`Design`] with a history: each change makes a new version, which is in force from its own time on, so that
//! it takes effect from the next round and never changes one that has begun. [`plan`] says when its rounds are; what comes
//! of each is a [`Round`](crate::round::Round).

mod decide;
pub mod item;
pub mod plan;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use decide::{Context, ITEMS_MAX, OPTIONS_MAX, RouteChange, RouteCommand, RouteEvent, STOPS_MAX};
pub use item::{Choice, Item, ItemKind, Milli, Reading};
pub use plan::{Occurrence, Plan, Slot, Weekday};

use crate::{
    ids::{CompanyCode, PersonId, PlaceCode, Principal, RouteCode, RouteId, StopCode},
    label::Labels,
    site::{Member, People, Role, Site},
    time::{Ms, Zone},
    wire,
};

/// A route as it is now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Route {
    /// Follows from site and code.
    pub id: RouteId,
    /// Stable within the site.
    pub code: RouteCode,
    /// Counted from 1 with every change.
    pub version: u32,
    /// Since when this version is in force.
    pub since: Ms,
    /// Is walked no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    /// What is walked, when and by whom.
    pub design: Design,
    /// The version that brought each stop.
    pub added: BTreeMap<StopCode, u32>,
    /// What the labels at its places are recognised by. They are replaced without a new version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: Labels,
}

/// What is walked, when and by whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Design {
    /// Shown.
    pub name: String,
    /// What kind of round.
    pub kind: RouteKind,
    /// The stops are walked in their order; else as it suits.
    pub ordered: bool,
    /// By whom.
    pub who: Who,
    /// When.
    pub plan: Plan,
    /// Where, and what is looked at there.
    pub stops: Vec<Stop>,
}

/// What kind of round a route makes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RouteKind {
    /// Guards walk it.
    Patrol,
    /// Cleaners do it (G1, G2).
    Cleaning,
    /// Technicians read it (F4, D13).
    Equipment,
}

/// Who walks a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Anybody of these roles.
    Roles(BTreeSet<Role>),
    /// These persons.
    Persons(BTreeSet<PersonId>),
    /// Whoever of the role answers for the area in which a stop lies (G1); anybody of the role, where nobody does.
    Area(Role),
}

/// A place on a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Stop {
    /// Stable within the route.
    pub code: StopCode,
    /// Where.
    pub place: PlaceCode,
    /// What is looked at.
    #[serde(default)]
    pub items: Vec<Item>,
    /// Due so many minutes after the round's beginning; without it, by the end of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_min: Option<u32>,
    /// Who sees to this stop, where that differs from the route's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub persons: BTreeSet<PersonId>,
}

impl Route {
    /// The route as phones may have it: its labels without their codes.
    pub fn view(&self) -> Route {
        let mut route = self.clone();
        for label in route.labels.values_mut().flatten() {
            *label = label.public();
        }
        route
    }

    /// What tells this version from any other, also from one of the same number: on a device that has changed a route, a version
    /// may be its own that the server refuses, because somebody else's has taken the number.
    pub fn stamp(&self) -> String {
        // A design serialises whatever it holds.
        wire::hash(&serde_json::to_string(&(self.retired, &self.design)).unwrap_or_default())
    }

    /// Whose feed the route belongs in: whoever may be meant by it, and who answers for them or looks after its rounds.
    pub fn audience(&self, site: &Site, people: &People) -> BTreeSet<Principal> {
        let persons: BTreeSet<PersonId> =
            self.design.stops.iter().flat_map(|stop| &stop.persons).copied().collect();
        let meant = |member: &Member| self.design.who.means(member) || persons.contains(&member.id);
        audience(&self.design.who, persons.iter().copied(), &companies(site, people, meant))
    }

    /// The rounds whose series starts on a date (R13).
    pub fn rounds_on(&self, date: jiff::civil::Date, zone: &Zone) -> Vec<Slot> {
        if self.retired {
            return Vec::new();
        }
        self.design.plan.rounds_on(date, zone).into_iter().filter(|slot| self.has(slot)).collect()
    }

    /// The round of an occurrence, if the plan has it.
    pub fn slot(&self, occurrence: Occurrence, zone: &Zone) -> Option<Slot> {
        self.rounds_on(occurrence.date, zone).into_iter().find(|slot| slot.occurrence == occurrence)
    }

    /// Before its first version a route had no rounds. What was before a later one, an earlier one says.
    fn has(&self, slot: &Slot) -> bool {
        self.version > 1 || self.since <= slot.from
    }

    /// The rounds whose windows share an instant with `from..until`, soonest first.
    pub fn rounds_between(&self, from: Ms, until: Ms, zone: &Zone) -> Vec<Slot> {
        if self.retired {
            return Vec::new();
        }
        let slots = self.design.plan.rounds_between(from, until, zone).into_iter();
        slots.filter(|slot| self.has(slot)).collect()
    }

    /// The first round that begins at or after an instant, within the next eight days.
    pub fn next_round(&self, after: Ms, zone: &Zone) -> Option<Slot> {
        if self.retired { None } else { self.design.plan.next_round(after, zone) }
    }
}

impl Who {
    /// Whether somebody may walk it.
    pub fn means(&self, member: &Member) -> bool {
        match self {
            Who::Roles(roles) => !roles.is_disjoint(&member.roles),
            Who::Persons(persons) => persons.contains(&member.id),
            // A colleague may always help out.
            Who::Area(role) => member.is(*role),
        }
    }
}

/// The subcontractors whose people are meant: their on-site leads see it.
pub(crate) fn companies(
    site: &Site,
    people: &People,
    meant: impl Fn(&Member) -> bool,
) -> BTreeSet<CompanyCode> {
    let walkers = people.people.iter().filter(|member| !member.gone && meant(member));
    walkers
        .filter_map(|member| site.company(&member.company))
        .filter(|company| company.subcontractor)
        .map(|company| company.code.clone())
        .collect()
}

/// Whose feed belongs what is walked by somebody: theirs, that of the persons who are planned for a stop, of their on-site
/// leads, and of those who look after it.
pub(crate) fn audience(
    who: &Who,
    planned: impl IntoIterator<Item = PersonId>,
    companies: &BTreeSet<CompanyCode>,
) -> BTreeSet<Principal> {
    let mut audience = BTreeSet::from(
        [Role::Desk, Role::ControlRoom, Role::Supervisor, Role::Director].map(Principal::Role),
    );
    match who {
        Who::Roles(roles) => audience.extend(roles.iter().copied().map(Principal::Role)),
        Who::Persons(persons) => audience.extend(persons.iter().copied().map(Principal::Person)),
        Who::Area(role) => {
            audience.insert(Principal::Role(*role));
        }
    }
    audience.extend(planned.into_iter().map(Principal::Person));
    audience.extend(companies.iter().cloned().map(Principal::Company));
    audience.into_iter().map(Principal::for_rounds).collect()
}

/// The rounds that began after an instant and up to another, each with the version that was in force when it began, soonest
/// first. `versions` are all that there are, oldest first.
pub fn begun<'a>(versions: &'a [Route], after: Ms, until: Ms, zone: &Zone) -> Vec<(&'a Route, Slot)> {
    let replaced = versions.iter().skip(1).map(|next| next.since).chain([Ms(i64::MAX)]);
    let mut begun: Vec<(&Route, Slot)> = Vec::new();
    for (route, replaced) in versions.iter().zip(replaced) {
        let slots = route.rounds_between(after, until.plus(1), zone).into_iter();
        let in_force = |slot: &Slot| route.since <= slot.from && slot.from < replaced;
        begun.extend(slots.filter(|slot| after < slot.from && in_force(slot)).map(|slot| (route, slot)));
    }
    begun.sort_by_key(|(_, slot)| *slot);
    begun
}

/// The version of a route from which a round is made: the one in force when the round begins, if that has it; else the one
/// that whoever starts it knew.
///
/// `versions` are those that the judge has, oldest first; a phone has one.
pub fn for_round<'a>(
    versions: &'a [Route],
    occurrence: Occurrence,
    known: u32,
    zone: &Zone,
) -> Option<(&'a Route, Slot)> {
    let begins = occurrence.begins(zone);
    let in_force = versions.iter().rev().find(|route| route.since <= begins);
    let known = versions.iter().find(|route| route.version == known);
    [in_force, known]
        .into_iter()
        .flatten()
        .find_map(|route| route.slot(occurrence, zone).map(|slot| (route, slot)))
}
