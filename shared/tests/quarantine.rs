//! Who may rule on what is in quarantine, and who is shown it: by hand from the rules, everybody by every matter.
//!
//! | cell | answer |
//! |---|---|
//! | `+` | may take or discard it |
//! | `o` | `quarantine.own` |
//! | `-` | `quarantine.not_there`: not even shown |

use std::collections::BTreeSet;

use crate::kit::cast;
use cast::{
    ADMIN, CAPTAIN, CLEANER, CONTROL, DESK, DIRECTOR, GUARD, GUARDS_LEAD, LEAVER, SECOND_DESK, SUPERVISOR,
    TECHNICIAN, World,
};
use rstest::rstest;
use shared::{
    Code, Rejection,
    case::command::TEXT_MAX,
    ids::PersonId,
    quarantine::{Matter, Ruling, judge},
    site::Role,
};

/// The last column is a matter of somebody of the desk who has come back.
const GRID: &str = "
              ordinary nobody desk guard technician own
desk          +        +      +    +     +          o
second_desk   +        +      -    +     +          +
supervisor    +        +      +    +     +          +
director      +        +      +    +     +          +
leads_guards  +        +      +    -     +          +
control_room  -        -      -    -     -          -
admin         -        -      -    -     -          -
technician    -        -      -    -     -          -
guard         -        -      -    -     -          -
guards_lead   -        -      -    -     -          -
leaver        -        -      -    -     -          -
";

/// A supervisor who leads the guards' company on site, too.
const LEADS_GUARDS: PersonId = CAPTAIN;

fn world() -> World {
    let mut world = World::new();
    let lead = world.member_mut(LEADS_GUARDS);
    lead.roles = [Role::Supervisor].into();
    lead.lead_of = [lead.company.clone()].into();
    world
}

fn who(row: &str) -> PersonId {
    match row {
        "desk" => DESK,
        "second_desk" => SECOND_DESK,
        "supervisor" => SUPERVISOR,
        "director" => DIRECTOR,
        "leads_guards" => LEADS_GUARDS,
        "control_room" => CONTROL,
        "admin" => ADMIN,
        "technician" => TECHNICIAN,
        "guard" => GUARD,
        "guards_lead" => GUARDS_LEAD,
        "leaver" => LEAVER,
        unknown => panic!("nobody is {unknown}"),
    }
}

fn matter(column: &str) -> Matter {
    let about = |accused: &[PersonId]| Matter::Confidential { accused: accused.iter().copied().collect() };
    match column {
        "ordinary" | "own" => Matter::Ordinary,
        "nobody" => about(&[]),
        "desk" => about(&[SECOND_DESK]),
        "guard" => about(&[GUARD]),
        "technician" => about(&[TECHNICIAN]),
        unknown => panic!("no matter {unknown}"),
    }
}

fn author(column: &str) -> PersonId {
    if column == "own" { DESK } else { CLEANER }
}

fn ruling(take: bool) -> Ruling {
    Ruling { take, reason: "seen on site".to_owned() }
}

fn cells() -> Vec<(PersonId, &'static str, char)> {
    let mut lines = GRID.trim().lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let mut cells = Vec::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let row = words.next().unwrap_or_default();
        for column in &columns {
            let cell = words.next().and_then(|word| word.chars().next());
            cells.push((who(row), *column, cell.unwrap_or_else(|| panic!("no cell {row} {column}"))));
        }
    }
    cells
}

#[test]
fn r9_the_office_rules_and_nobody_on_what_is_about_them_or_theirs() {
    let world = world();
    let cells = cells();
    assert_eq!(cells.len(), 11 * 6);
    let mut wrong = Vec::new();
    for (person, column, expected) in cells {
        for take in [true, false] {
            let member = world.member(person);
            let (about, author) = (matter(column), author(column));
            let is = match judge(&ruling(take), member, author, &about, &world.people, &world.site) {
                Ok(()) => '+',
                Err(refusal) if refusal.code == Code::QuarantineOwn => 'o',
                Err(refusal) if refusal.code == Code::QuarantineNotThere => '-',
                Err(refusal) => panic!("{refusal:?}"),
            };
            if is != expected {
                wrong.push(format!("{} on {column}: ruled {expected}, is {is}", member.code));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn r9_a_feed_holds_exactly_what_its_reader_may_rule_on_or_has_made() {
    let world = world();
    for (person, column, expected) in cells() {
        let audience = matter(column).audience(&world.people, &world.site);
        let member = world.member(person);
        let reached = !audience.is_disjoint(&member.principals());
        assert_eq!(reached, expected != '-', "{} and {column}", member.code);
    }
}

#[test]
fn r9_what_may_be_a_complaint_has_no_row_that_a_role_would_read() {
    let world = world();
    let everybody = matter("ordinary").audience(&world.people, &world.site);
    assert_eq!(everybody.len(), 1);
    let each: BTreeSet<_> = matter("nobody").audience(&world.people, &world.site);
    assert_eq!(each.len(), 5, "one by one: {each:?}");
    assert!(each.is_disjoint(&everybody));
}

#[test]
fn who_leaves_the_office_or_the_site_holds_no_row_of_the_quarantine() {
    let mut world = world();
    let audience = matter("nobody").audience(&world.people, &world.site);
    world.member_mut(DESK).roles = [Role::Guard].into();
    world.member_mut(DIRECTOR).gone = true;
    for person in [DESK, DIRECTOR] {
        assert!(audience.is_disjoint(&world.member(person).principals()));
    }
}

#[rstest]
#[case::none("", Rejection::new(Code::CaseFieldMissing).with("field", "reason"))]
#[case::blank(" \n ", Rejection::new(Code::CaseFieldMissing).with("field", "reason"))]
#[case::too_long(
    &"长".repeat(TEXT_MAX + 1),
    Rejection::new(Code::CaseFieldTooLong).with("field", "reason").with("max", TEXT_MAX)
)]
fn a_ruling_has_a_reason(#[case] reason: &str, #[case] refusal: Rejection) {
    let world = world();
    let ruling = Ruling { take: true, reason: reason.to_owned() };
    let judged = judge(&ruling, world.member(DESK), CLEANER, &Matter::Ordinary, &world.people, &world.site);
    assert_eq!(judged, Err(refusal));
}
