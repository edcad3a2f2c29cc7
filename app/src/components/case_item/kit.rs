//! A small property and its cases, for the tests of lists.

use std::{collections::BTreeSet, sync::Arc};

use shared::{
    case::{
        Case, CaseCommand, CaseView, Context,
        command::{Report, Source},
        decide_report,
    },
    ids::{CaseId, CompanyCode, PersonId},
    site::{CaseKind, Category, Company, Figures, Member, People, Place, PlaceKind, Places, Role, Site},
    time::{EventTime, HOUR, Ms, Zone},
};
use uuid::Uuid;

use crate::state::Property;

/// A day in milliseconds.
pub const DAY: i64 = 24 * HOUR;

/// The id of a number.
pub fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

fn member(number: u128, role: Role, company: &str) -> Member {
    Member {
        id: person(number),
        code: format!("P{number:03}"),
        name: format!("人{number}"),
        post: String::new(),
        company: company.into(),
        roles: BTreeSet::from([role]),
        lead_of: BTreeSet::new(),
        trade: None,
        area: None,
        squad: None,
        phone: None,
        gone: false,
    }
}

/// A property whose person 1 is a guard of a subcontractor, 2 a technician, 3 the guards' on-site lead, and 4 a guard of
/// the office's own; one of them is who looks.
pub fn property(me: u128) -> Property {
    let mut lead = member(3, Role::Guard, "anda");
    lead.lead_of = BTreeSet::from([CompanyCode::from("anda")]);
    let people = vec![
        member(1, Role::Guard, "anda"),
        member(2, Role::Technician, "own"),
        lead,
        member(4, Role::Guard, "own"),
    ];
    let me = people.iter().find(|member| member.id == person(me)).unwrap().clone();
    Property {
        site: Site {
            code: "jinzhou".into(),
            name: String::new(),
            zone: "UTC".to_owned(),
            tzif: String::new(),
            desk_hours: [0, 1_440],
            ladder: Vec::new(),
            groups: Default::default(),
            categories: vec![Category {
                code: "loose".into(),
                name: String::new(),
                name_en: String::new(),
                urgent: false,
                kind: CaseKind::OnSite,
                accept_min: 3,
                arrive_min: 15,
                attend_min: 3,
                dispatch_to: String::new(),
                also_tell: vec![Role::Guard],
            }],
            companies: vec![Company { code: "anda".into(), name: String::new(), subcontractor: true }],
            figures: Figures::default(),
        },
        zone: Zone::utc(),
        places: Places::new(vec![Place {
            id: "S".into(),
            parent: None,
            name: String::new(),
            kind: PlaceKind::Site,
            lat: None,
            lon: None,
        }]),
        people: People { people },
        me,
    }
}

fn context(property: &Property, at: Ms) -> Context<'_> {
    Context {
        actor: &property.me,
        site: &property.site,
        zone: &property.zone,
        places: &property.places,
        people: &property.people,
        now: EventTime::exact(at),
        number: None,
    }
}

/// A case that one of them found.
pub fn reported(by: u128, id: u128, at: Ms) -> Case {
    let property = property(by);
    let report = Report {
        category: "loose".into(),
        place: "S".into(),
        text: "松了".to_owned(),
        since: String::new(),
        source: Source::Found,
        urgency: None,
        isolated: false,
        accused: None,
        on_behalf_of: None,
        photos: Vec::new(),
        from: None,
    };
    let events = decide_report(&report, &context(&property, at)).unwrap();
    Case::begin(CaseId(Uuid::from_u128(id)), &events[0]).unwrap()
}

/// The case after somebody did something to it.
pub fn done(by: u128, case: Case, command: &CaseCommand, at: Ms) -> Case {
    let property = property(by);
    case.decide(command, &context(&property, at)).unwrap().iter().fold(case.clone(), Case::evolve)
}

/// Cases as they are seen whole.
pub fn views(cases: &[Case]) -> Vec<Arc<CaseView>> {
    cases.iter().map(|case| Arc::new(CaseView::Full(Box::new(case.clone())))).collect()
}

/// Which cases a list holds.
pub fn ids(list: &[Arc<CaseView>]) -> Vec<u128> {
    list.iter().map(|view| view.id().0.as_u128()).collect()
}
