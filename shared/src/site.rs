//! The property as its staff see it: settings, companies, places, people, roles.
//!
//! Three documents, addressed to everybody at the site, so that a phone can judge by the same settings as the server:
//! [`Site`], [`Places`] and [`People`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{CategoryCode, CompanyCode, PersonId, PlaceCode, Principal, SiteCode},
    time::{HOUR, MINUTE, Ms, Zone},
};

/// What a person is at a site. Several may be held at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Patrols, gates, order.
    Guard,
    /// Cleaning and greening.
    Cleaner,
    /// Repairs and equipment rooms.
    Technician,
    /// The service desk.
    Desk,
    /// The desk's deputy outside desk hours (A6, R12).
    ControlRoom,
    /// Supervisor of the general group and others.
    Supervisor,
    /// The head of the management office.
    Director,
    /// Keeps accounts and settings; no say in cases.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 8] = [
        Role::Guard,
        Role::Cleaner,
        Role::Technician,
        Role::Desk,
        Role::ControlRoom,
        Role::Supervisor,
        Role::Director,
        Role::Admin,
    ];

    /// The role as it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Guard => "guard",
            Role::Cleaner => "cleaner",
            Role::Technician => "technician",
            Role::Desk => "desk",
            Role::ControlRoom => "control_room",
            Role::Supervisor => "supervisor",
            Role::Director => "director",
            Role::Admin => "admin",
        }
    }

    /// Desk, supervisor and director: those who see complaints and customers' data (R9, R10).
    pub const fn office(self) -> bool {
        match self {
            Role::Desk | Role::Supervisor | Role::Director => true,
            Role::Guard | Role::Cleaner | Role::Technician | Role::ControlRoom | Role::Admin => false,
        }
    }
}

/// Which clocks and whose eyes a category of problems has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// Something broke: somebody on site within 15 minutes (C8).
    Repair,
    /// Litter, stains, greening, order: seen to on the spot.
    OnSite,
    /// A customer wants something: somebody with the customer within 3 minutes (C7).
    Service,
    /// Confidential (R9).
    Complaint,
    /// An idea; classified and answered like the rest (A14).
    Suggestion,
}

/// A kind of problem, with the figures of its clocks (R4, R11).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Category {
    /// Stable within the site.
    pub code: CategoryCode,
    /// Shown in Chinese.
    pub name: String,
    /// Shown in English.
    pub name_en: String,
    /// Climbs by C2 instead of C3.
    pub urgent: bool,
    /// Clocks and confidentiality.
    pub kind: CaseKind,
    /// The handler accepts within so many minutes of dispatch (R4).
    pub accept_min: u32,
    /// Somebody is on site within so many minutes of the request (C8).
    pub arrive_min: u32,
    /// Somebody is with the customer within so many minutes of the request (C7).
    pub attend_min: u32,
    /// Whom the desk is offered first: a role, or a group of the site's.
    pub dispatch_to: String,
    /// Roles that hear of it at once (A10, A11).
    #[serde(default)]
    pub also_tell: Vec<Role>,
}

/// The management office or a subcontractor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Company {
    /// Stable within the site.
    pub code: CompanyCode,
    /// Shown.
    pub name: String,
    /// Its people report to their on-site lead too (A8).
    pub subcontractor: bool,
}

/// Figures of the rules that a site may set (R11); the defaults are the rules' own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Figures {
    /// Days after which step 1 and step 2 of the ladder fall due, urgent (C2). Day 1 is the day of the event.
    pub urgent_days: [u32; 2],
    /// The same for the rest (C3).
    pub other_days: [u32; 2],
    /// Step 1 is never due earlier than this after the event, in milliseconds (R2).
    pub grace: i64,
    /// The customer hears the result by the end of this day (B4).
    pub feedback_days: u32,
    /// A promise of more days than this needs a reason (C4).
    pub promise_days: u32,
}

impl Default for Figures {
    fn default() -> Self {
        Figures {
            urgent_days: [1, 2],
            other_days: [2, 3],
            grace: 4 * HOUR,
            feedback_days: 2,
            promise_days: 7,
        }
    }
}

/// A site's settings, addressed to everybody at the site.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Site {
    /// Stable, on the whole server.
    pub code: SiteCode,
    /// Shown.
    pub name: String,
    /// The IANA name of the time zone (R1).
    pub zone: String,
    /// The zone's own TZif file, base64, so that no device needs the whole database.
    pub tzif: String,
    /// Minutes since midnight at which the desk opens and closes (D1); closing may be 1,440.
    pub desk_hours: [u32; 2],
    /// Posts 1 and 2 of the ladder (R2).
    pub ladder: Vec<PersonId>,
    /// Named groups, such as `general` (A12).
    #[serde(default)]
    pub groups: BTreeMap<String, Vec<PersonId>>,
    /// The kinds of problems, in the order in which they are offered.
    pub categories: Vec<Category>,
    /// The companies on site.
    pub companies: Vec<Company>,
    /// The figures of the rules.
    #[serde(default)]
    pub figures: Figures,
}

impl Site {
    /// The site's calendar. UTC if the file carried by the document is damaged, which an import cannot produce.
    pub fn calendar(&self) -> Zone {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD
            .decode(&self.tzif)
            .ok()
            .and_then(|bytes| Zone::from_tzif(&self.zone, &bytes))
            .unwrap_or_else(Zone::utc)
    }

    /// The category of a code.
    pub fn category(&self, code: &CategoryCode) -> Option<&Category> {
        self.categories.iter().find(|category| category.code == *code)
    }

    /// The company of a code.
    pub fn company(&self, code: &CompanyCode) -> Option<&Company> {
        self.companies.iter().find(|company| company.code == *code)
    }

    /// Whether the desk is staffed at an instant (D1). Hours that close after midnight wrap.
    pub fn desk_open(&self, zone: &Zone, at: Ms) -> bool {
        let now = zone.minute_of_day(at);
        let [open, close] = self.desk_hours;
        if open <= close { (open..close).contains(&now) } else { now >= open || now < close }
    }
}

impl Category {
    /// The handler's time to accept, in milliseconds.
    pub fn accept(&self) -> i64 {
        i64::from(self.accept_min) * MINUTE
    }

    /// The time to be on site, in milliseconds.
    pub fn arrive(&self) -> i64 {
        i64::from(self.arrive_min) * MINUTE
    }

    /// The time to be with the customer, in milliseconds.
    pub fn attend(&self) -> i64 {
        i64::from(self.attend_min) * MINUTE
    }
}

/// What a place is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// The whole property.
    Site,
    /// A part of it.
    Zone,
    /// A building.
    Building,
    /// A floor of a building.
    Floor,
    /// A customer's flat or office: private (R10).
    Unit,
    /// A lobby, a gate, a garden.
    Area,
    /// A plant room.
    Room,
    /// A lift, a pump.
    Equipment,
}

/// Somewhere a problem can be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Place {
    /// Stable within the site.
    pub id: PlaceCode,
    /// The place that it is in; `None` for the site itself.
    pub parent: Option<PlaceCode>,
    /// Shown, within its parent.
    pub name: String,
    /// What it is.
    pub kind: PlaceKind,
    /// Degrees north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
}

/// The site's places, parents before children.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(from = "PlacesWire", into = "PlacesWire")]
pub struct Places {
    list: Vec<Place>,
    index: BTreeMap<PlaceCode, usize>,
}

#[derive(Serialize, Deserialize)]
struct PlacesWire {
    places: Vec<Place>,
}

impl From<PlacesWire> for Places {
    fn from(wire: PlacesWire) -> Self {
        Places::new(wire.places)
    }
}

impl From<Places> for PlacesWire {
    fn from(places: Places) -> Self {
        PlacesWire { places: places.list }
    }
}

impl Places {
    /// The places of a list, in its order.
    pub fn new(list: Vec<Place>) -> Self {
        let index = list.iter().enumerate().map(|(i, place)| (place.id.clone(), i)).collect();
        Places { list, index }
    }

    /// All of them.
    pub fn all(&self) -> &[Place] {
        &self.list
    }

    /// The place of a code.
    pub fn get(&self, id: &PlaceCode) -> Option<&Place> {
        self.index.get(id).and_then(|i| self.list.get(*i))
    }

    /// The place and what it is in, outermost first; stops at a cycle, which an import refuses.
    pub fn path(&self, id: &PlaceCode) -> Vec<&Place> {
        let mut path = Vec::new();
        let mut next = Some(id);
        while let Some(place) = next.and_then(|id| self.get(id)) {
            if path.len() > 16 {
                break;
            }
            path.push(place);
            next = place.parent.as_ref();
        }
        path.reverse();
        path
    }

    /// What may be said of a place without naming a customer's flat: the nearest place around it that neither is one
    /// nor lies in one (R10).
    pub fn public(&self, id: &PlaceCode) -> PlaceCode {
        self.path(id)
            .iter()
            .take_while(|place| place.kind != PlaceKind::Unit)
            .last()
            .map_or_else(|| id.clone(), |place| place.id.clone())
    }
}

/// A person at the site, as colleagues see them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Member {
    /// The account.
    pub id: PersonId,
    /// The staff code.
    pub code: String,
    /// Shown.
    pub name: String,
    /// The job's title, shown.
    pub post: String,
    /// The company that employs them.
    pub company: CompanyCode,
    /// What they are here.
    pub roles: BTreeSet<Role>,
    /// The companies whose on-site lead they are (A8).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lead_of: BTreeSet<CompanyCode>,
    /// A technician's trade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade: Option<String>,
    /// The area a cleaner answers for (G1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<PlaceCode>,
    /// Early, middle or night squad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squad: Option<String>,
    /// Only of the desk and the control room, whom everybody may have to call (D1, R12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Has left, or is locked out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

impl Member {
    /// Whether the person holds the role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the person is of the desk, a supervisor or the director.
    pub fn office(&self) -> bool {
        self.roles.iter().any(|role| role.office())
    }

    /// The principals that the person holds, by which the feed finds them. None for somebody who has left.
    pub fn principals(&self) -> BTreeSet<Principal> {
        if self.gone {
            return BTreeSet::new();
        }
        let mut principals = BTreeSet::from([Principal::All, Principal::Person(self.id)]);
        principals.extend(self.roles.iter().copied().map(Principal::Role));
        principals.extend(self.lead_of.iter().cloned().map(Principal::Company));
        // Nothing of rounds is addressed to everybody.
        let own = principals.iter().filter(|principal| **principal != Principal::All).cloned();
        principals.extend(own.map(Principal::for_rounds).collect::<Vec<_>>());
        if self.office() {
            principals.extend([None, Some(self.id)].map(Principal::Quarantine));
        }
        principals
    }
}

/// Everybody at the site.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct People {
    /// By staff code.
    pub people: Vec<Member>,
}

impl People {
    /// The member of an id, whether gone or not.
    pub fn get(&self, id: PersonId) -> Option<&Member> {
        self.people.iter().find(|member| member.id == id)
    }

    /// The member of an id who still is here.
    pub fn present(&self, id: PersonId) -> Option<&Member> {
        self.get(id).filter(|member| !member.gone)
    }

    /// The on-site leads of a company.
    pub fn leads_of<'a>(&'a self, company: &'a CompanyCode) -> impl Iterator<Item = &'a Member> {
        self.people.iter().filter(move |member| !member.gone && member.lead_of.contains(company))
    }
}
