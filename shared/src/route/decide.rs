//! Changing a route: who may, and whether what they ask for can be walked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Design, Item, ItemKind, Route, Who};
use crate::{
    Code, Rejection,
    case::{check_text, command::NAME_MAX, require},
    ids::{PersonId, RouteCode, RouteId, SiteCode},
    site::{Member, People, Places, Role},
    time::EventTime,
    wire,
};

/// The most stops of a route.
pub const STOPS_MAX: usize = 100;
/// The most items of a stop.
pub const ITEMS_MAX: usize = 20;
/// The most options of a choice.
pub const OPTIONS_MAX: usize = 12;
/// The longest code, in bytes.
const CODE_MAX: usize = 40;

/// Everything that a person may ask of a route. Its one field in JSON is the kind, and its value the body of the envelope,
/// whose aggregate is [`RouteId::of`](crate::ids::RouteId::of) site and code.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RouteCommand {
    /// Makes or changes it.
    #[serde(rename = "route.save")]
    Save {
        /// Which.
        code: RouteCode,
        /// The version that was changed; 0 makes a new one.
        version: u32,
        /// What that version was, by its [`Route::stamp`]; not said where a new one is made, and by apps that do not know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// How it is to be.
        design: Design,
    },
    /// It is walked no more.
    #[serde(rename = "route.retire")]
    Retire {
        /// Which.
        code: RouteCode,
    },
}

impl RouteCommand {
    /// The kinds of version 1 of the wire.
    pub const KINDS: [&str; 2] = ["route.save", "route.retire"];

    /// The kind, as it travels in the envelope.
    pub const fn kind(&self) -> &'static str {
        match self {
            RouteCommand::Save { .. } => "route.save",
            RouteCommand::Retire { .. } => "route.retire",
        }
    }

    /// The body, as it travels in the envelope.
    pub fn body(&self) -> serde_json::Value {
        wire::body(self, self.kind())
    }

    /// Which route.
    pub const fn code(&self) -> &RouteCode {
        match self {
            RouteCommand::Save { code, .. } | RouteCommand::Retire { code } => code,
        }
    }
}

/// One thing that happened to a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RouteEvent {
    /// When (R3).
    pub time: EventTime,
    /// Who; `None` for an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// What.
    pub change: RouteChange,
}

/// The changes of a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RouteChange {
    /// It is so from now on.
    Saved {
        /// Which.
        code: RouteCode,
        /// How.
        design: Box<Design>,
    },
    /// It is walked no more.
    Retired,
}

/// What a decision depends on besides the route itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Who asks; `None` for an import, by whoever runs the server.
    pub actor: Option<&'a Member>,
    /// At which site.
    pub site: &'a SiteCode,
    /// The site's places.
    pub places: &'a Places,
    /// Everybody at the site.
    pub people: &'a People,
    /// The time of the event (R3).
    pub now: EventTime,
}

impl RouteCommand {
    /// Judges the command on the route of an id, or on none yet.
    ///
    /// # Errors
    /// `command.bad_body` for another route's id, `route.not_allowed`, `route.not_there`, `route.changed_meanwhile`, and what
    /// [`Design::check`] refuses.
    pub fn decide(
        &self,
        id: RouteId,
        route: Option<&Route>,
        context: &Context<'_>,
    ) -> Result<Vec<RouteEvent>, Rejection> {
        if RouteId::of(context.site, self.code()) != id {
            return Err(Rejection::new(Code::CommandBadBody).with("detail", "id"));
        }
        let manages =
            |member: &Member| !member.gone && (member.is(Role::Supervisor) || member.is(Role::Director));
        if !context.actor.is_none_or(manages) {
            return Err(Rejection::new(Code::RouteNotAllowed).with("command", self.kind()));
        }
        let change = match (self, route) {
            (RouteCommand::Save { code, version, from, design }, route) => {
                // Somebody else's change would vanish under one that was made without it; also under one that was made from an
                // own change that was refused, though that had the same number.
                let same = |from: &String| route.is_some_and(|route| route.stamp() == *from);
                if route.map_or(0, |route| route.version) != *version || !from.as_ref().is_none_or(same) {
                    return Err(Code::RouteChangedMeanwhile.into());
                }
                check_code("route", code.as_str())?;
                design.check(context.places, context.people)?;
                RouteChange::Saved { code: code.clone(), design: Box::new(design.clone()) }
            }
            (RouteCommand::Retire { .. }, Some(route)) if route.retired => return Ok(Vec::new()),
            (RouteCommand::Retire { .. }, Some(_)) => RouteChange::Retired,
            (RouteCommand::Retire { .. }, None) => return Err(Code::RouteNotThere.into()),
        };
        Ok(vec![RouteEvent { time: context.now, by: context.actor.map(|actor| actor.id), change }])
    }
}

impl Route {
    /// The route that its first event makes, in force like every version from when it reached the server: nobody can have
    /// walked by it before. `None` if the event makes none.
    pub fn begin(id: RouteId, event: &RouteEvent) -> Option<Route> {
        let RouteChange::Saved { code, design } = &event.change else { return None };
        Some(Route {
            id,
            code: code.clone(),
            version: 1,
            since: event.time.received,
            retired: false,
            design: (**design).clone(),
            added: design.stops.iter().map(|stop| (stop.code.clone(), 1)).collect(),
            labels: Default::default(),
        })
    }

    /// The route after an event.
    pub fn evolve(mut self, event: &RouteEvent) -> Route {
        self.version += 1;
        self.since = event.time.received;
        match &event.change {
            RouteChange::Saved { design, .. } => {
                let added = design.stops.iter().map(|stop| {
                    let before = self.added.get(&stop.code).copied();
                    (stop.code.clone(), before.unwrap_or(self.version))
                });
                self.added = added.collect();
                self.design = (**design).clone();
                self.retired = false;
            }
            RouteChange::Retired => self.retired = true,
        }
        self
    }
}

impl Design {
    /// Whether it can be walked.
    ///
    /// # Errors
    /// `route.*`, `case.field_*`, `case.unknown_place`, `case.unknown_person`.
    pub fn check(&self, places: &Places, people: &People) -> Result<(), Rejection> {
        name("name", &self.name)?;
        let persons = |ids: &BTreeSet<PersonId>| match ids.iter().find(|id| people.present(**id).is_none()) {
            Some(id) => Err(Rejection::new(Code::CaseUnknownPerson).with("person", id)),
            None => Ok(()),
        };
        match &self.who {
            Who::Roles(roles) if roles.is_empty() => return Err(Code::RouteNobody.into()),
            Who::Persons(ids) if ids.is_empty() => return Err(Code::RouteNobody.into()),
            Who::Persons(ids) => persons(ids)?,
            Who::Roles(_) | Who::Area(_) => {}
        }
        self.plan.check()?;
        if self.stops.is_empty() {
            return Err(Code::RouteEmpty.into());
        }
        few("stop", self.stops.len(), STOPS_MAX)?;
        unique("stop", self.stops.iter().map(|stop| stop.code.as_str()))?;
        let mut due = 0;
        for stop in &self.stops {
            check_code("stop", stop.code.as_str())?;
            if places.get(&stop.place).is_none() {
                return Err(Rejection::new(Code::CaseUnknownPlace).with("place", &stop.place));
            }
            persons(&stop.persons)?;
            if let Some(minutes) = stop.due_min {
                if minutes > self.plan.window_min || (self.ordered && minutes < due) {
                    return Err(Rejection::new(Code::RouteBadDue).with("stop", &stop.code));
                }
                due = minutes;
            }
            few("item", stop.items.len(), ITEMS_MAX)?;
            unique("item", stop.items.iter().map(|item| item.code.as_str()))?;
            for item in &stop.items {
                check_code("item", item.code.as_str())?;
                item.check()?;
            }
        }
        Ok(())
    }
}

impl Item {
    fn check(&self) -> Result<(), Rejection> {
        let wrong = || Err(Rejection::new(Code::RouteBadItem).with("item", &self.text));
        match &self.kind {
            // A photo shows what it is of.
            ItemKind::Photo { percent } => {
                check_text("item", &self.text)?;
                if (1..=100).contains(percent) { Ok(()) } else { wrong() }
            }
            ItemKind::OkOrNot | ItemKind::Text => name("item", &self.text),
            ItemKind::Number { unit, low, high } => {
                name("item", &self.text)?;
                short("unit", unit)?;
                if low.zip(*high).is_some_and(|(low, high)| low > high) { wrong() } else { Ok(()) }
            }
            ItemKind::Choice { options } => {
                name("item", &self.text)?;
                few("option", options.len(), OPTIONS_MAX)?;
                unique("option", options.iter().map(|option| option.text.as_str()))?;
                options.iter().try_for_each(|option| name("option", &option.text))?;
                if options.len() < 2 { wrong() } else { Ok(()) }
            }
        }
    }
}

fn check_code(what: &str, code: &str) -> Result<(), Rejection> {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '#');
    if code.is_empty() || code.len() > CODE_MAX || !code.chars().all(plain) {
        return Err(Rejection::new(Code::RouteBadCode).with("what", what).with("code", code));
    }
    Ok(())
}

fn name(field: &str, text: &str) -> Result<(), Rejection> {
    require(field, text)?;
    short(field, text)
}

fn short(field: &str, text: &str) -> Result<(), Rejection> {
    if text.chars().count() > NAME_MAX {
        return Err(Rejection::new(Code::CaseFieldTooLong).with("field", field).with("max", NAME_MAX));
    }
    Ok(())
}

fn few(what: &str, count: usize, max: usize) -> Result<(), Rejection> {
    if count > max {
        return Err(Rejection::new(Code::RouteTooMany).with("what", what).with("max", max));
    }
    Ok(())
}

fn unique<'a>(what: &str, codes: impl Iterator<Item = &'a str>) -> Result<(), Rejection> {
    let mut seen = BTreeSet::new();
    for code in codes {
        if !seen.insert(code) {
            return Err(Rejection::new(Code::RouteTwice).with("what", what).with("code", code));
        }
    }
    Ok(())
}
