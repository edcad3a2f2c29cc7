//! A property with a desk, two technicians, a guard of a subcontractor and that guard's lead, for the tests of what
//! they see and may do.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    case::{
        Case, CaseCommand, Context,
        command::{Customer, PhotoRef, Report, Source},
        decide_report,
    },
    ids::{AttachmentId, CaseId, CaseNumber, CompanyCode, PersonId},
    site::{CaseKind, Category, Company, Figures, Member, People, Place, PlaceKind, Places, Role, Site},
    time::{EventTime, HOUR, Ms, Zone},
};
use uuid::Uuid;

use crate::state::Property;

/// The guard who reports; of a subcontractor.
pub const GUARD: u128 = 1;
/// The guard's on-site lead.
pub const LEAD: u128 = 2;
/// A technician.
pub const TECHNICIAN: u128 = 3;
/// Another one.
pub const SECOND: u128 = 4;
/// The service desk.
pub const DESK: u128 = 5;
/// A supervisor, post 1 of the ladder.
pub const SUPERVISOR: u128 = 6;
/// Nine in the morning of the first day.
pub const MORNING: Ms = Ms(9 * HOUR);

/// The id of a number.
pub fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

fn member(number: u128, name: &str, role: Role, company: &str) -> Member {
    Member {
        id: person(number),
        code: format!("P{number:03}"),
        name: name.to_owned(),
        post: name.to_owned(),
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

fn category(code: &str, kind: CaseKind, urgent: bool, to: &str) -> Category {
    Category {
        code: code.into(),
        name: code.to_owned(),
        name_en: code.to_owned(),
        urgent,
        kind,
        accept_min: 3,
        arrive_min: 15,
        attend_min: 3,
        dispatch_to: to.to_owned(),
        also_tell: Vec::new(),
    }
}

fn place(id: &str, parent: Option<&str>, name: &str, kind: PlaceKind) -> Place {
    Place { id: id.into(), parent: parent.map(Into::into), name: name.to_owned(), kind, lat: None, lon: None }
}

/// The property as one of them sees it; its calendar is UTC.
pub fn property(me: u128) -> Property {
    let mut lead = member(LEAD, "孙队长", Role::Guard, "anda");
    lead.lead_of = BTreeSet::from([CompanyCode::from("anda")]);
    let people = vec![
        member(GUARD, "王建国", Role::Guard, "anda"),
        lead,
        member(TECHNICIAN, "李师傅", Role::Technician, "own"),
        member(SECOND, "赵师傅", Role::Technician, "own"),
        member(DESK, "刘敏", Role::Desk, "own"),
        member(SUPERVISOR, "胡刚", Role::Supervisor, "own"),
    ];
    let me = people.iter().find(|member| member.id == person(me)).unwrap().clone();
    Property {
        site: Site {
            code: "jinzhou".into(),
            name: "金洲花园".to_owned(),
            zone: "UTC".to_owned(),
            tzif: String::new(),
            desk_hours: [0, 1_440],
            ladder: vec![person(SUPERVISOR)],
            groups: BTreeMap::from([("general".to_owned(), vec![person(SUPERVISOR)])]),
            categories: vec![
                category("leak", CaseKind::Repair, true, "technician"),
                category("notice", CaseKind::OnSite, false, "general"),
                category("complaint", CaseKind::Complaint, false, "desk"),
            ],
            companies: vec![
                Company { code: "own".into(), name: "管理处".to_owned(), subcontractor: false },
                Company { code: "anda".into(), name: "安达保安公司".to_owned(), subcontractor: true },
            ],
            figures: Figures::default(),
        },
        zone: Zone::utc(),
        places: Places::new(vec![
            place("S", None, "金洲花园", PlaceKind::Site),
            place("B5", Some("S"), "5 号楼", PlaceKind::Building),
            place("B5-L", Some("B5"), "大堂", PlaceKind::Area),
        ]),
        people: People { people },
        me,
    }
}

fn context<'a>(property: &'a Property, now: EventTime, number: Option<&'a CaseNumber>) -> Context<'a> {
    Context {
        actor: &property.me,
        site: &property.site,
        zone: &property.zone,
        places: &property.places,
        people: &property.people,
        now,
        number,
    }
}

/// What the guard reports.
pub fn report(category: &str, photos: u128) -> Report {
    Report {
        category: category.into(),
        place: "B5-L".into(),
        text: "天花板滴水".to_owned(),
        since: String::new(),
        source: Source::Found,
        urgency: None,
        isolated: false,
        accused: None,
        on_behalf_of: None,
        photos: (1..=photos).map(photo).collect(),
        from: None,
    }
}

/// A photo of a thousand bytes.
pub fn photo(number: u128) -> PhotoRef {
    PhotoRef {
        id: AttachmentId(Uuid::from_u128(number)),
        sha256: "a".repeat(64),
        bytes: 1_000,
        width: 4,
        height: 3,
        thumb_sha256: "b".repeat(64),
        thumb_bytes: 100,
    }
}

/// The case of a report as the phone has it, before the server has.
pub fn on_phone(id: u128, report: &Report, at: Ms) -> Case {
    begin(id, report, EventTime::exact(at), None)
}

/// The case of a report as the server has it, which got it `late` milliseconds after it was made.
pub fn at_server(id: u128, report: &Report, at: Ms, late: i64) -> Case {
    let number = CaseNumber(format!("19700101-{id:03}"));
    begin(id, report, EventTime { at, received: at.plus(late), uncertain: false }, Some(&number))
}

fn begin(id: u128, report: &Report, time: EventTime, number: Option<&CaseNumber>) -> Case {
    let property = property(GUARD);
    let events = decide_report(report, &context(&property, time, number)).unwrap();
    Case::begin(CaseId(Uuid::from_u128(id)), &events[0]).unwrap()
}

/// The report of a customer's matter.
pub fn customers(category: &str) -> Report {
    let customer = Customer { name: "周女士".to_owned(), ..Customer::default() };
    Report { source: Source::Customer(Some(customer)), ..report(category, 0) }
}

/// The case after somebody did something to it.
pub fn then(case: &Case, by: u128, command: &CaseCommand, at: Ms) -> Case {
    let property = property(by);
    let events = case.decide(command, &context(&property, EventTime::exact(at), None)).unwrap();
    events.iter().fold(case.clone(), Case::evolve)
}

/// The case in the hands of the technician.
pub fn dispatched(case: &Case, at: Ms) -> Case {
    let command = CaseCommand::Dispatch { to: person(TECHNICIAN), note: "带胶布".to_owned() };
    then(case, DESK, &command, at)
}
