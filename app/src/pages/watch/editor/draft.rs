//! A route as it is typed, how it becomes a command, and where in the form something is wrong.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared::{
    Code, Rejection,
    ids::{ItemCode, PersonId, PlaceCode, RouteCode, StopCode},
    route::{
        Choice, Design, Item, ItemKind, Milli, Plan, Route, RouteCommand, RouteKind, Slot, Stop, Weekday, Who,
    },
    site::{People, Places, Role},
    time::{Ms, Zone},
};

/// Minutes of a day.
const DAY: u32 = 1_440;

/// A route as it is typed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// Which.
    pub code: RouteCode,
    /// The version that is changed; 0 makes a new one.
    pub version: u32,
    /// What that version was, by its [`Route::stamp`]: an own change that was refused had the number of somebody else's.
    pub from: Option<String>,
    /// Its name.
    pub name: String,
    /// What kind of round.
    pub kind: RouteKind,
    /// The stops are walked in their order.
    pub ordered: bool,
    /// How it is said who walks it.
    pub by: By,
    /// The roles, where it is said by roles.
    pub roles: BTreeSet<Role>,
    /// The persons, where it is said by names.
    pub persons: BTreeSet<PersonId>,
    /// Of which role, where it is whoever answers for the area.
    pub area: Role,
    /// When the first round begins, `22:00`.
    pub start: String,
    /// When the last round begins; on the next day where that is before the first.
    pub last: String,
    /// Minutes from one beginning to the next.
    pub every: String,
    /// Minutes in which a round is walked.
    pub window: String,
    /// On which days the first round begins.
    pub weekdays: BTreeSet<Weekday>,
    /// Where.
    pub stops: Vec<StopDraft>,
}

/// A draft as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// What was typed.
    pub draft: Draft,
    /// When it was last changed.
    pub at: Ms,
}

/// What somebody goes on with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// What is shown.
    pub draft: Draft,
    /// What was shown if nothing were typed.
    pub without: Draft,
    /// When it was typed, where it was left unsaved before.
    pub left: Option<Ms>,
}

impl Begun {
    /// What is kept is gone on with, unless it says no more than there is without it.
    pub fn with(without: Draft, kept: Option<Kept>) -> Begun {
        let kept = kept.filter(|kept| kept.draft != without);
        let left = kept.as_ref().map(|kept| kept.at);
        Begun { draft: kept.map_or_else(|| without.clone(), |kept| kept.draft), without, left }
    }
}

/// How it is said who walks a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum By {
    /// By roles.
    Roles,
    /// By names.
    Persons,
    /// By the area that somebody answers for.
    Area,
}

impl By {
    /// Every way, in the order in which they are offered.
    pub const ALL: [By; 3] = [By::Roles, By::Persons, By::Area];
}

/// A stop as it is typed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StopDraft {
    /// Which; it stays when the route changes around it.
    pub code: StopCode,
    /// Where.
    pub place: Option<PlaceCode>,
    /// Minutes after the beginning by which it is due; empty for the end of the window.
    pub due: String,
    /// Who sees to it, where that is not just whoever walks.
    pub persons: BTreeSet<PersonId>,
    /// What is looked at.
    pub items: Vec<ItemDraft>,
}

/// A check item as it is typed: what other kinds would ask stays while the kind is changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ItemDraft {
    /// Which; it stays, so that readings can be compared over time.
    pub code: ItemCode,
    /// What.
    pub text: String,
    /// What is answered.
    pub kind: Kind,
    /// Of a number.
    pub unit: String,
    /// Of a number.
    pub low: String,
    /// Of a number.
    pub high: String,
    /// Of a choice.
    pub options: Vec<Choice>,
    /// Of a photo: in so many of a hundred rounds.
    pub percent: String,
}

/// What is answered to an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// It is so, or not.
    OkOrNot,
    /// A number.
    Number,
    /// One of a few.
    Choice,
    /// A few words.
    Text,
    /// A photo.
    Photo,
}

impl Kind {
    /// Every kind, in the order in which they are offered.
    pub const ALL: [Kind; 5] = [Kind::OkOrNot, Kind::Number, Kind::Choice, Kind::Text, Kind::Photo];

    /// As the form calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::OkOrNot => "ok_or_not",
            Kind::Number => "number",
            Kind::Choice => "choice",
            Kind::Text => "text",
            Kind::Photo => "photo",
        }
    }
}

/// A part of the form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum At {
    /// The name.
    Name,
    /// Who walks.
    Who,
    /// When the first round begins.
    Start,
    /// When the last round begins.
    Last,
    /// How often.
    Every,
    /// How long.
    Window,
    /// On which days.
    Weekdays,
    /// The list of stops.
    Stops,
    /// One stop.
    Stop(StopCode),
    /// One item of a stop.
    Item(StopCode, ItemCode),
}

impl At {
    /// The id of what is focused there.
    pub fn id(&self) -> String {
        match self {
            At::Name => "route-name".to_owned(),
            At::Who => "route-who".to_owned(),
            At::Start => "route-start".to_owned(),
            At::Last => "route-last".to_owned(),
            At::Every => "route-every".to_owned(),
            At::Window => "route-window".to_owned(),
            At::Weekdays => "route-weekdays".to_owned(),
            At::Stops => "route-stops".to_owned(),
            At::Stop(stop) => format!("stop-{stop}"),
            At::Item(stop, item) => format!("item-{stop}-{item}"),
        }
    }
}

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What.
    pub rejection: Rejection,
    /// Where; `None` for the whole of it.
    pub at: Option<At>,
}

impl Wrong {
    fn new(rejection: impl Into<Rejection>, at: At) -> Self {
        Wrong { rejection: rejection.into(), at: Some(at) }
    }
}

impl From<Rejection> for Wrong {
    fn from(rejection: Rejection) -> Self {
        Wrong { rejection, at: None }
    }
}

impl Draft {
    /// A new route.
    pub fn new(code: RouteCode) -> Draft {
        Draft {
            code,
            version: 0,
            from: None,
            name: String::new(),
            kind: RouteKind::Patrol,
            ordered: true,
            by: By::Roles,
            roles: BTreeSet::from([Role::Guard]),
            persons: BTreeSet::new(),
            area: Role::Cleaner,
            start: "22:00".to_owned(),
            last: "06:00".to_owned(),
            every: "120".to_owned(),
            window: "60".to_owned(),
            weekdays: Weekday::ALL.into(),
            stops: Vec::new(),
        }
    }

    /// A route as it is, to be changed.
    pub fn of(route: &Route) -> Draft {
        Draft {
            from: Some(route.stamp()),
            ..Draft::made_from(route.code.clone(), route.version, &route.design)
        }
    }

    /// What a change was to make of a route that was refused, to be mended and made again; `None` of what changes no design.
    pub fn refused(command: &RouteCommand) -> Option<Draft> {
        match command {
            RouteCommand::Save { code, version, from, design } => {
                Some(Draft { from: from.clone(), ..Draft::made_from(code.clone(), *version, design) })
            }
            RouteCommand::Retire { .. } => None,
        }
    }

    /// Whether it changes this version, and no other of the same number. What does not say what it changes is known by the
    /// number alone.
    pub fn changes(&self, version: u32, stamp: &str) -> bool {
        self.version == version && self.from.as_deref().is_none_or(|from| from == stamp)
    }

    fn made_from(code: RouteCode, version: u32, design: &Design) -> Draft {
        let Design { name, kind, ordered, who, plan, stops } = design;
        let mut draft = Draft {
            version,
            name: name.clone(),
            kind: *kind,
            ordered: *ordered,
            start: clock(plan.start),
            last: clock(plan.last),
            every: plan.every_min.to_string(),
            window: plan.window_min.to_string(),
            weekdays: plan.weekdays.clone(),
            stops: stops.iter().map(StopDraft::of).collect(),
            ..Draft::new(code)
        };
        match who {
            Who::Roles(roles) => (draft.by, draft.roles) = (By::Roles, roles.clone()),
            Who::Persons(persons) => (draft.by, draft.persons) = (By::Persons, persons.clone()),
            Who::Area(role) => (draft.by, draft.area) = (By::Area, *role),
        }
        draft
    }

    /// The stop of a code, to be changed.
    pub fn stop(&mut self, code: &StopCode) -> Option<&mut StopDraft> {
        self.stops.iter_mut().find(|stop| stop.code == *code)
    }

    /// The item of a code, to be changed.
    pub fn item(&mut self, stop: &StopCode, item: &ItemCode) -> Option<&mut ItemDraft> {
        self.stop(stop)?.items.iter_mut().find(|one| one.code == *item)
    }

    /// Moves a stop up or down by one; answers whether it moved.
    pub fn shift(&mut self, code: &StopCode, down: bool) -> bool {
        let at = self.stops.iter().position(|stop| stop.code == *code);
        let to = at.and_then(|at| at.checked_add_signed(if down { 1 } else { -1 }));
        match at.zip(to.filter(|to| *to < self.stops.len())) {
            Some((at, to)) => {
                self.stops.swap(at, to);
                true
            }
            None => false,
        }
    }

    /// The plan, if its figures are some.
    ///
    /// # Errors
    /// Which of them is none.
    pub fn plan(&self) -> Result<Plan, Wrong> {
        let bad =
            |field: &str, at: At| Wrong::new(Rejection::new(Code::RouteBadTime).with("field", field), at);
        let start = minute(&self.start).ok_or_else(|| bad("start", At::Start))?;
        let last = minute(&self.last).ok_or_else(|| bad("last", At::Last))?;
        let every_min = figure(&self.every).ok_or_else(|| bad("every_min", At::Every))?;
        let window_min = figure(&self.window).ok_or_else(|| bad("window_min", At::Window))?;
        let last = if last < start { last + DAY } else { last };
        Ok(Plan { start, last, every_min, window_min, weekdays: self.weekdays.clone() })
    }

    /// The command that makes the route so.
    ///
    /// # Errors
    /// What cannot be walked, and where it stands in the form.
    pub fn command(&self, places: &Places, people: &People) -> Result<RouteCommand, Wrong> {
        let plan = self.plan()?;
        let stops = self.stops.iter().map(StopDraft::stop).collect::<Result<_, Wrong>>()?;
        let design = Design {
            name: self.name.trim().to_owned(),
            kind: self.kind,
            ordered: self.ordered,
            who: match self.by {
                By::Roles => Who::Roles(self.roles.clone()),
                By::Persons => Who::Persons(self.persons.clone()),
                By::Area => Who::Area(self.area),
            },
            plan,
            stops,
        };
        design.check(places, people).map_err(|rejection| {
            let at = place_of(&design, &rejection, places, people);
            Wrong { rejection, at }
        })?;
        let (code, from) = (self.code.clone(), self.from.clone());
        Ok(RouteCommand::Save { code, version: self.version, from, design })
    }

    /// The first round of the plan as it is typed, from which on it takes effect.
    pub fn first_round(&self, now: Ms, zone: &Zone) -> Option<Slot> {
        self.plan().ok()?.next_round(now, zone)
    }
}

impl StopDraft {
    /// A new stop at a place.
    pub fn new(code: StopCode, place: PlaceCode) -> StopDraft {
        StopDraft {
            code,
            place: Some(place),
            due: String::new(),
            persons: BTreeSet::new(),
            items: Vec::new(),
        }
    }

    fn of(stop: &Stop) -> StopDraft {
        StopDraft {
            code: stop.code.clone(),
            place: Some(stop.place.clone()),
            due: stop.due_min.map(|minutes| minutes.to_string()).unwrap_or_default(),
            persons: stop.persons.clone(),
            items: stop.items.iter().map(ItemDraft::of).collect(),
        }
    }

    fn stop(&self) -> Result<Stop, Wrong> {
        let at = || At::Stop(self.code.clone());
        let no_place = || Wrong::new(Rejection::new(Code::CaseFieldMissing).with("field", "place"), at());
        let due_min = match self.due.trim() {
            "" => None,
            typed => Some(figure(typed).ok_or_else(|| {
                Wrong::new(Rejection::new(Code::RouteBadDue).with("stop", &self.code), at())
            })?),
        };
        Ok(Stop {
            code: self.code.clone(),
            place: self.place.clone().ok_or_else(no_place)?,
            items: self.items.iter().map(|item| item.item(&self.code)).collect::<Result<_, Wrong>>()?,
            due_min,
            persons: self.persons.clone(),
        })
    }
}

impl ItemDraft {
    /// A new item, answered by yes or no.
    pub fn new(code: ItemCode) -> ItemDraft {
        ItemDraft {
            code,
            text: String::new(),
            kind: Kind::OkOrNot,
            unit: String::new(),
            low: String::new(),
            high: String::new(),
            options: Vec::new(),
            percent: "100".to_owned(),
        }
    }

    fn of(item: &Item) -> ItemDraft {
        let mut draft = ItemDraft { text: item.text.clone(), ..ItemDraft::new(item.code.clone()) };
        let written = |number: &Option<Milli>| number.map(|number| number.to_string()).unwrap_or_default();
        draft.kind = match &item.kind {
            ItemKind::OkOrNot => Kind::OkOrNot,
            ItemKind::Number { unit, low, high } => {
                (draft.unit, draft.low, draft.high) = (unit.clone(), written(low), written(high));
                Kind::Number
            }
            ItemKind::Choice { options } => {
                draft.options.clone_from(options);
                Kind::Choice
            }
            ItemKind::Text => Kind::Text,
            ItemKind::Photo { percent } => {
                draft.percent = percent.to_string();
                Kind::Photo
            }
        };
        draft
    }

    fn item(&self, stop: &StopCode) -> Result<Item, Wrong> {
        let bad = || {
            let rejection = Rejection::new(Code::RouteBadItem).with("item", self.text.trim());
            Wrong::new(rejection, At::Item(stop.clone(), self.code.clone()))
        };
        let limit = |typed: &str| match typed.trim() {
            "" => Ok(None),
            typed => typed.parse::<Milli>().map(Some).map_err(|()| bad()),
        };
        let kind = match self.kind {
            Kind::OkOrNot => ItemKind::OkOrNot,
            Kind::Number => ItemKind::Number {
                unit: self.unit.trim().to_owned(),
                low: limit(&self.low)?,
                high: limit(&self.high)?,
            },
            Kind::Choice => {
                let trimmed = |one: &Choice| Choice { text: one.text.trim().to_owned(), ..one.clone() };
                ItemKind::Choice { options: self.options.iter().map(trimmed).collect() }
            }
            Kind::Text => ItemKind::Text,
            Kind::Photo => ItemKind::Photo { percent: self.percent.trim().parse().map_err(|_| bad())? },
        };
        Ok(Item { code: self.code.clone(), text: self.text.trim().to_owned(), kind })
    }
}

/// Where in the form stands what the rules refuse: each stop and each item is tried alone.
fn place_of(design: &Design, rejection: &Rejection, places: &Places, people: &People) -> Option<At> {
    let says = |name: &str| rejection.fields.get(name).map(String::as_str);
    match rejection.code {
        Code::RouteNobody => return Some(At::Who),
        Code::RouteEmpty => return Some(At::Stops),
        Code::RouteWindowsOverlap => return Some(At::Window),
        Code::RouteBadTime => {
            return match says("field") {
                Some("start") => Some(At::Start),
                Some("last") => Some(At::Last),
                Some("every_min") => Some(At::Every),
                Some("window_min") => Some(At::Window),
                Some("weekdays") => Some(At::Weekdays),
                Some(_) | None => None,
            };
        }
        Code::RouteBadDue => return Some(At::Stop(says("stop")?.into())),
        _ => {}
    }
    if says("field") == Some("name") {
        return Some(At::Name);
    }
    let alone = |stop: &Stop, item: Option<&Item>| {
        // When it is due depends on the others, and is no question any more.
        let stop = Stop { items: item.cloned().into_iter().collect(), due_min: None, ..stop.clone() };
        Design { stops: vec![stop], ..design.clone() }.check(places, people).is_err()
    };
    for stop in &design.stops {
        if alone(stop, None) {
            let who = matches!(&design.who, Who::Persons(ids) if says("person").is_some_and(|person| {
                ids.iter().any(|id| id.to_string() == person)
            }));
            return Some(if who { At::Who } else { At::Stop(stop.code.clone()) });
        }
        if let Some(item) = stop.items.iter().find(|item| alone(stop, Some(item))) {
            return Some(At::Item(stop.code.clone(), item.code.clone()));
        }
    }
    Some(At::Stops)
}

/// Minutes since midnight, of `22:00`.
fn minute(typed: &str) -> Option<u32> {
    let (hour, minute) = typed.trim().split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn clock(minute: u32) -> String {
    let minute = minute % DAY;
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn figure(typed: &str) -> Option<u32> {
    typed.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        components::kit::person,
        state::rounds_kit::{TEN, minutes, night, property},
    };

    fn draft() -> Draft {
        Draft::of(&night(true))
    }

    fn command(draft: &Draft) -> Result<RouteCommand, Wrong> {
        let property = property(1);
        draft.command(&property.places, &property.people)
    }

    /// What is wrong with the night patrol after a change, and where.
    fn wrong(change: impl Fn(&mut Draft)) -> (Code, Option<At>) {
        let mut draft = draft();
        change(&mut draft);
        let wrong = command(&draft).unwrap_err();
        (wrong.rejection.code, wrong.at)
    }

    fn item(draft: &mut Draft) -> &mut ItemDraft {
        draft.item(&"pump".into(), &"dry".into()).unwrap()
    }

    #[test]
    fn a_route_that_is_opened_and_saved_is_as_it_was() {
        let mut route = night(true).as_ref().clone();
        let kinds = [
            ItemKind::Number { unit: "℃".to_owned(), low: Some(Milli(-1_500)), high: None },
            ItemKind::Choice {
                options: ["好", "坏"]
                    .map(|text| Choice { text: text.to_owned(), abnormal: text == "坏" })
                    .into(),
            },
            ItemKind::Text,
            ItemKind::Photo { percent: 20 },
        ];
        for (at, kind) in kinds.into_iter().enumerate() {
            let code = ItemCode(format!("i{at}"));
            route.design.stops[0].items.push(Item { code, text: "看".to_owned(), kind });
        }
        for who in [
            Who::Roles(BTreeSet::from([Role::Guard, Role::Technician])),
            Who::Persons([1, 4].map(person).into()),
            Who::Area(Role::Guard),
        ] {
            route.design.who = who;
            let save = RouteCommand::Save {
                code: "night".into(),
                version: 3,
                from: Some(route.stamp()),
                design: route.design.clone(),
            };
            assert_eq!(command(&Draft::of(&route)), Ok(save));
        }
    }

    #[test]
    fn what_was_left_unsaved_is_gone_on_with_and_known_as_such_unless_it_changes_nothing() {
        let mut typed = draft();
        typed.stops.remove(1);
        let kept = |draft: &Draft| Some(Kept { draft: draft.clone(), at: TEN });
        let begun = Begun::with(draft(), kept(&typed));
        assert_eq!((begun.draft, begun.without, begun.left), (typed, draft(), Some(TEN)));
        for nothing in [None, kept(&draft())] {
            assert_eq!(Begun::with(draft(), nothing).left, None);
        }
    }

    #[test]
    fn what_was_refused_is_there_to_be_mended_as_it_was_typed() {
        let mut typed = draft();
        typed.name = "北区夜巡".to_owned();
        assert!(typed.shift(&"gate".into(), true));
        let save = command(&typed).unwrap();
        assert_eq!(Draft::refused(&save), Some(typed));
        assert_eq!(Draft::refused(&RouteCommand::Retire { code: "night".into() }), None);
    }

    #[test]
    fn a_version_of_the_same_number_that_somebody_else_has_made_is_another_one() {
        let (own, mut theirs) = (night(true), night(true).as_ref().clone());
        theirs.design.name = "东区夜巡".to_owned();
        let draft = Draft::of(&own);
        assert!(draft.changes(own.version, &own.stamp()));
        assert!(!draft.changes(theirs.version, &theirs.stamp()));
        assert!(!draft.changes(own.version + 1, &own.stamp()));
        let unsaid = Draft { from: None, ..draft };
        assert!(unsaid.changes(theirs.version, &theirs.stamp()), "the number is all there is");
    }

    #[test]
    fn a_last_round_before_the_first_is_on_the_next_day() {
        let mut draft = draft();
        (draft.start, draft.last) = ("23:30".to_owned(), "05:30".to_owned());
        let plan = draft.plan().unwrap();
        assert_eq!((plan.start, plan.last), (23 * 60 + 30, 29 * 60 + 30));
        draft.last = "23:30".to_owned();
        assert_eq!(draft.plan().unwrap().last, 23 * 60 + 30);
    }

    #[test]
    fn what_is_wrong_is_said_with_where_it_stands() {
        let stop = |code: &str| Some(At::Stop(code.into()));
        let dry = Some(At::Item("pump".into(), "dry".into()));
        assert_eq!(wrong(|draft| draft.name = " ".to_owned()), (Code::CaseFieldMissing, Some(At::Name)));
        assert_eq!(wrong(|draft| draft.roles.clear()), (Code::RouteNobody, Some(At::Who)));
        assert_eq!(wrong(|draft| draft.start = String::new()), (Code::RouteBadTime, Some(At::Start)));
        assert_eq!(wrong(|draft| draft.every = "1".to_owned()), (Code::RouteBadTime, Some(At::Every)));
        assert_eq!(wrong(|draft| draft.every = "x".to_owned()), (Code::RouteBadTime, Some(At::Every)));
        assert_eq!(
            wrong(|draft| draft.window = "90".to_owned()),
            (Code::RouteWindowsOverlap, Some(At::Window))
        );
        assert_eq!(wrong(|draft| draft.weekdays.clear()), (Code::RouteBadTime, Some(At::Weekdays)));
        assert_eq!(wrong(|draft| draft.stops.clear()), (Code::RouteEmpty, Some(At::Stops)));
        assert_eq!(wrong(|draft| draft.stops[1].place = None), (Code::CaseFieldMissing, stop("hall")));
        let gone = |draft: &mut Draft| draft.stops[1].place = Some("GONE".into());
        assert_eq!(wrong(gone), (Code::CaseUnknownPlace, stop("hall")));
        assert_eq!(wrong(|draft| draft.stops[1].due = "-1".to_owned()), (Code::RouteBadDue, stop("hall")));
        assert_eq!(wrong(|draft| draft.stops[0].due = "30".to_owned()), (Code::RouteBadDue, stop("pump")));
        let stranger = |draft: &mut Draft| {
            draft.stops[2].persons.insert(person(99));
        };
        assert_eq!(wrong(stranger), (Code::CaseUnknownPerson, stop("pump")));
        assert_eq!(wrong(|draft| item(draft).text.clear()), (Code::CaseFieldMissing, dry.clone()));
        let crossed = |draft: &mut Draft| {
            let item = item(draft);
            (item.kind, item.low, item.high) = (Kind::Number, "5".to_owned(), "4.5".to_owned());
        };
        assert_eq!(wrong(crossed), (Code::RouteBadItem, dry.clone()));
        let word = |draft: &mut Draft| {
            let item = item(draft);
            (item.kind, item.high) = (Kind::Number, "warm".to_owned());
        };
        assert_eq!(wrong(word), (Code::RouteBadItem, dry.clone()));
        assert_eq!(wrong(|draft| item(draft).kind = Kind::Choice), (Code::RouteBadItem, dry.clone()));
        let never = |draft: &mut Draft| {
            let item = item(draft);
            (item.kind, item.percent) = (Kind::Photo, "0".to_owned());
        };
        assert_eq!(wrong(never), (Code::RouteBadItem, dry));
    }

    #[test]
    fn somebody_who_has_left_is_looked_for_among_who_walks_before_the_stops() {
        let left = |draft: &mut Draft| {
            draft.by = By::Persons;
            draft.persons.insert(person(99));
        };
        assert_eq!(wrong(left), (Code::CaseUnknownPerson, Some(At::Who)));
    }

    #[test]
    fn a_stop_moves_by_one_and_not_beyond_the_ends() {
        let mut draft = draft();
        assert!(draft.shift(&"gate".into(), true));
        assert!(!draft.shift(&"hall".into(), false));
        assert!(!draft.shift(&"pump".into(), true));
        assert!(!draft.shift(&"nowhere".into(), true));
        let order: Vec<_> = draft.stops.iter().map(|stop| stop.code.as_str()).collect();
        assert_eq!(order, ["hall", "gate", "pump"]);
    }

    #[test]
    fn a_change_takes_effect_from_the_next_round() {
        let zone = Zone::utc();
        let begins = |minute| draft().first_round(minutes(minute), &zone).unwrap().from;
        assert_eq!((begins(-10), begins(5)), (TEN, minutes(60)));
        let mut never = draft();
        never.every = "x".to_owned();
        assert_eq!(never.first_round(TEN, &zone), None);
    }
}
