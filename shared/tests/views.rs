//! Who sees what of a case, and in whose feed it lies: complaints (R9), customers' data (R10), those who are told
//! (A8, A10, A11, R12).

use std::collections::BTreeSet;

use crate::kit::story as kit;
use kit::{
    Story, TEXT,
    cast::{
        ADMIN, CAPTAIN, CLEANER, CLEANERS_LEAD, CONTROL, CUSTOMER_FLAT, CUSTOMER_NAME, CUSTOMER_PHONE, DESK,
        DIRECTOR, EVERYBODY, FLOOR, GUARD, GUARDS_LEAD, LEAVER, SECOND_DESK, SECOND_TECHNICIAN, SUPERVISOR,
        TAP, TECHNICIAN, UNIT, World,
    },
    classify, complete, confirm, customers, dispatch, found, names, photo, reopen,
};
use rstest::rstest;
use shared::{
    Code,
    case::{Case, CaseCommand, CaseView, Stage, StageName, Standing, command::Report, command::Source},
    ids::{PersonId, Principal},
    site::Role,
    time::HOUR,
};

const MORNING: &str = "2026-11-22 10:00";

fn report_of(world: &World, by: PersonId, report: Report) -> Story {
    Story::begin(world, by, report, MORNING)
}

/// A complaint about the cleaner, heard by the guard.
fn complaint() -> Story {
    report_of(&World::new(), GUARD, Report { accused: Some(CLEANER), ..customers("complaint") })
}

fn readers(story: &Story) -> BTreeSet<PersonId> {
    EVERYBODY.into_iter().filter(|person| story.view(*person).is_some()).collect()
}

/// Those at the site in whose feed the case lies.
fn addressed(story: &Story) -> BTreeSet<PersonId> {
    let audience = story.case.audience(&story.world.people);
    EVERYBODY
        .into_iter()
        .filter(|person| !story.world.member(*person).principals().is_disjoint(&audience))
        .collect()
}

fn serialised(story: &Story, reader: PersonId) -> String {
    serde_json::to_string(&story.view(reader)).unwrap_or_else(|error| panic!("{error}"))
}

// --- R9: complaints ---

#[test]
fn r9_a_complaint_is_seen_by_the_office_and_in_outline_by_who_heard_it() {
    let story = complaint();
    assert_eq!(readers(&story), BTreeSet::from([GUARD, DESK, SECOND_DESK, SUPERVISOR, DIRECTOR]));
    for person in [DESK, SECOND_DESK, SUPERVISOR, DIRECTOR] {
        assert_eq!(story.full(person), story.case, "nothing is masked for the office");
    }
}

#[test]
fn r9_the_first_asked_person_sees_number_and_state_only() {
    let story = complaint().then(DESK, dispatch(SECOND_DESK));
    let Some(CaseView::Outline(outline)) = story.view(GUARD) else { panic!("{:?}", story.view(GUARD)) };
    assert_eq!(outline.number, story.case.number);
    assert_eq!(outline.stage, StageName::Dispatched);
    let text = serialised(&story, GUARD);
    let accused = CLEANER.to_string();
    let handler = SECOND_DESK.to_string();
    for secret in [TEXT, CUSTOMER_NAME, CUSTOMER_PHONE, CUSTOMER_FLAT, UNIT, &accused, &handler, "complaint"]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[rstest]
#[case::the_accused(CLEANER)]
#[case::the_accuseds_lead(CLEANERS_LEAD)]
#[case::a_guard(CAPTAIN)]
#[case::the_first_asked_persons_lead(GUARDS_LEAD)]
#[case::a_technician(TECHNICIAN)]
#[case::the_control_room(CONTROL)]
#[case::who_keeps_accounts(ADMIN)]
#[case::who_has_left(LEAVER)]
fn r9_a_complaint_is_nothing_to(#[case] person: PersonId) {
    let by_day = complaint();
    assert_eq!(by_day.view(person), None);
    assert_eq!(by_day.clone().on("2026-11-22 23:30").view(person), None, "nor at night");
    assert_eq!(by_day.refusal(person, &CaseCommand::See {}), Code::CaseNotVisible);
    assert!(!addressed(&by_day).contains(&person));
}

#[test]
fn r9_being_accused_outweighs_the_office_and_having_heard_it() {
    let mut world = World::new();
    world.member_mut(DESK).lead_of.insert("cleaners".into());
    let about_desk = report_of(&world, GUARD, Report { accused: Some(SUPERVISOR), ..customers("complaint") });
    assert_eq!(about_desk.view(SUPERVISOR), None, "a supervisor complained about");
    assert!(about_desk.view(DESK).is_some());
    let about_cleaner = report_of(&world, GUARD, Report { accused: Some(CLEANER), ..customers("complaint") });
    assert_eq!(about_cleaner.view(DESK), None, "a desk member who is the cleaner's lead");
    let about_guard = report_of(&world, GUARD, Report { accused: Some(GUARD), ..customers("complaint") });
    assert_eq!(about_guard.view(GUARD), None, "who heard a complaint about himself");
    for story in [about_desk, about_cleaner, about_guard] {
        assert_eq!(addressed(&story), readers(&story));
    }
}

#[test]
fn r9_the_lead_of_an_accused_of_the_office_itself_is_no_subcontractors_lead() {
    let mut world = World::new();
    world.member_mut(SUPERVISOR).lead_of.insert("office".into());
    let story = report_of(&world, GUARD, Report { accused: Some(TECHNICIAN), ..customers("complaint") });
    assert!(story.view(SUPERVISOR).is_some());
    assert_eq!(story.view(TECHNICIAN), None);
}

#[test]
fn r9_a_complaint_is_addressed_to_persons_never_to_a_role() {
    let story = complaint().then(DESK, dispatch(SECOND_DESK));
    let audience = story.case.audience(&story.world.people);
    assert_eq!(
        audience,
        [GUARD, DESK, SECOND_DESK, SUPERVISOR, DIRECTOR].map(Principal::Person).into(),
        "each as a person"
    );
}

#[test]
fn r9_reclassifying_to_a_complaint_recalls_it_from_a_technician() {
    let story = report_of(&World::new(), GUARD, customers("door")).worked_on();
    assert!(story.view(TECHNICIAN).is_some());
    let story = story.then(DESK, classify("complaint", Some(CLEANER)));
    assert_eq!(story.case.stage.name(), StageName::Reported);
    assert_eq!(story.view(TECHNICIAN), None);
    assert_eq!(story.view(CLEANER), None, "told before, accused now");
    assert_eq!(addressed(&story), readers(&story));
    assert_eq!(story.refusal(TECHNICIAN, &complete()), Code::CaseNotVisible);
}

#[test]
fn r9_reclassifying_leaves_a_complaint_with_a_handler_of_the_office() {
    let story = report_of(&World::new(), GUARD, customers("door"))
        .then(DESK, dispatch(SECOND_DESK))
        .then(DESK, classify("complaint", Some(CLEANER)));
    assert_eq!(story.case.stage.handler(), Some(SECOND_DESK));
    let story = story.then(DESK, classify("complaint", Some(SECOND_DESK)));
    assert_eq!(story.case.stage.name(), StageName::Reported, "unless it is about the handler");
    assert_eq!(story.view(SECOND_DESK), None);
}

#[rstest]
#[case::a_technician(TECHNICIAN)]
#[case::the_accused(CLEANER)]
#[case::the_control_room(CONTROL)]
fn r9_a_complaint_is_not_dispatched_to(#[case] person: PersonId) {
    assert_eq!(complaint().refusal(DESK, &dispatch(person)), Code::CaseComplaintHandler);
}

#[test]
fn r9_what_was_said_in_confidence_stays_with_the_office_when_it_was_no_complaint() {
    let say = |text: &str, n| CaseCommand::Comment { text: text.to_owned(), photos: vec![photo(n)] };
    let report = Report { photos: vec![photo(1)], accused: Some(CLEANER), ..customers("complaint") };
    let born = report_of(&World::new(), GUARD, report);
    let turned = report_of(&World::new(), GUARD, customers("door"))
        .then(GUARD, say("before", 2))
        .then(DESK, classify("complaint", None))
        .then(DESK, classify("complaint", Some(CLEANER)));
    for (story, kept) in [(born, false), (turned, true)] {
        let story = story
            .then(DESK, dispatch(SECOND_DESK))
            .then(SECOND_DESK, CaseCommand::Accept {})
            .then(DESK, say("in confidence", 3));
        let until = story.now.at.plus(HOUR);
        let waits = CaseCommand::Pause { reason: "in confidence".to_owned(), until };
        let story = story.then(SECOND_DESK, waits).then(DESK, classify("door", None));
        let ids: Vec<_> = story.case.photos.iter().map(|shown| shown.photo.id).collect();
        assert_eq!(ids, if kept { vec![photo(2).id] } else { vec![] }, "what was shown before");
        let accused = CLEANER.to_string();
        for person in [GUARD, CLEANER] {
            let text = serialised(&story, person);
            assert_ne!(text, "null", "it is no complaint any more");
            assert!(!text.contains("in confidence") && !text.contains(&accused), "{text}");
            assert_eq!(text.contains("before"), kept, "what was said before is still there");
            assert_eq!(text.contains(TEXT), kept, "as is what was no complaint when it was reported");
        }
        assert!(story.changes().any(|change| format!("{change:?}").contains("in confidence")));
    }
}

#[test]
fn r9_what_was_reported_as_a_complaint_stays_in_confidence_though_it_was_called_one_again() {
    let said = CaseCommand::Comment { text: "Said-in-confidence".to_owned(), photos: Vec::new() };
    let again =
        |category: &str| CaseCommand::Classify { category: category.into(), urgency: None, accused: None };
    let story = complaint().then(DESK, said).then(DESK, again("complaint")).then(DESK, again("leak"));
    assert!(readers(&story).contains(&GUARD), "it is no complaint any more");
    for reader in readers(&story) {
        let seen = serialised(&story, reader);
        assert!(!seen.contains("Said-in-confidence") && !seen.contains(TEXT), "{reader}: {seen}");
    }
}

#[test]
fn r9_only_a_complaint_is_about_somebody() {
    let story = report_of(&World::new(), GUARD, Report { accused: Some(CLEANER), ..customers("door") });
    assert_eq!(story.case.accused, None);
    assert_eq!(names(story.standings(CLEANER)), [Standing::Told]);
}

#[test]
fn r9_no_role_is_told_of_a_complaint() {
    let story =
        report_of(&World::new(), GUARD, Report { accused: Some(TECHNICIAN), ..customers("complaint") });
    assert!(story.case.also_tell.contains(&Role::Cleaner), "as the settings would have it");
    assert_eq!(names(story.standings(CLEANER)), [Standing::Other]);
}

// --- R10: customers' data ---

#[test]
fn r10_a_customers_data_are_shown_to_the_office_and_the_present_handler() {
    let story = report_of(&World::new(), GUARD, customers("leak"))
        .then(DESK, dispatch(SECOND_TECHNICIAN))
        .then(SECOND_TECHNICIAN, CaseCommand::Decline { reason: "busy".to_owned() })
        .worked_on();
    let shown = [DESK, SECOND_DESK, SUPERVISOR, DIRECTOR, TECHNICIAN];
    let masked = [GUARD, GUARDS_LEAD, CLEANER, CLEANERS_LEAD, SECOND_TECHNICIAN, CONTROL];
    assert_eq!(readers(&story), shown.into_iter().chain(masked).collect());
    for person in shown {
        assert_eq!(story.full(person), story.case);
    }
    for person in masked {
        let case = story.full(person);
        assert_eq!(case.source, Source::Customer(None), "that a customer told, not which");
        assert_eq!(case.place.as_str(), FLOOR);
        assert_eq!(case.text, TEXT);
        let text = serialised(&story, person);
        for secret in [CUSTOMER_NAME, CUSTOMER_PHONE, CUSTOMER_FLAT, UNIT] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn r10_whoever_did_the_work_sees_the_customer_until_it_is_confirmed() {
    let story = report_of(&World::new(), GUARD, customers("leak")).worked_on().then(TECHNICIAN, complete());
    assert_eq!(story.full(TECHNICIAN), story.case, "who still has to explain it (B7)");
    let story = story.then(GUARD, confirm(Some(true)));
    assert_eq!(story.full(TECHNICIAN).source, Source::Customer(None));
    let story = story.then(GUARD, reopen());
    assert_eq!(story.full(TECHNICIAN).source, Source::Customer(None));
}

#[test]
fn r10_a_flat_and_what_is_in_it_are_private_whoever_found_it() {
    for place in [UNIT, TAP] {
        let report = Report { place: place.into(), ..found("leak") };
        let story = report_of(&World::new(), GUARD, report);
        assert_eq!(story.full(GUARD).place.as_str(), FLOOR);
        assert_eq!(story.full(DESK).place.as_str(), place);
        assert!(!serialised(&story, CLEANER).contains(UNIT));
    }
}

#[test]
fn r10_a_public_place_is_shown_to_all_who_see_the_case() {
    let story = report_of(&World::new(), GUARD, found("leak"));
    for person in readers(&story) {
        assert_eq!(story.full(person), story.case);
    }
}

// --- A8, A10, A11, B7, R12: those who are told ---

#[test]
fn a8_a_subcontractors_lead_is_told_at_once_and_it_shows_whether_the_lead_has_seen_it() {
    let story = report_of(&World::new(), GUARD, found("idea"));
    let audience = story.case.audience(&story.world.people);
    assert!(audience.contains(&Principal::Company("guards".into())));
    assert_eq!(story.case.first_asked.leads, [GUARDS_LEAD]);
    assert_eq!(names(story.standings(GUARDS_LEAD)), [Standing::Lead]);
    assert_eq!(story.view(CLEANERS_LEAD), None, "another company's lead");
    assert_eq!(story.full(GUARD).seen.get(&GUARDS_LEAD), None, "not seen yet");
    let opened = story.now.at;
    let story = story.then(GUARDS_LEAD, CaseCommand::See {});
    assert_eq!(story.full(GUARD).seen.get(&GUARDS_LEAD), Some(&opened));
    let again = story.judge(GUARDS_LEAD, &CaseCommand::See {});
    assert_eq!(again, Ok(vec![]), "looking again changes nothing");
}

#[test]
fn a8_the_offices_own_people_have_no_lead() {
    let mut world = World::new();
    world.member_mut(SUPERVISOR).lead_of.insert("office".into());
    let story = report_of(&world, TECHNICIAN, found("idea"));
    assert_eq!(story.case.first_asked.leads, []);
    let companies = |principal: &Principal| matches!(principal, Principal::Company(_));
    assert!(!story.case.audience(&story.world.people).iter().any(companies));
}

#[test]
fn a8_the_lead_follows_the_first_asked_person() {
    let story = report_of(&World::new(), GUARD, found("idea"))
        .then(SUPERVISOR, CaseCommand::Succeed { to: CLEANER, reason: "leave".to_owned() });
    assert_eq!(names(story.standings(CLEANERS_LEAD)), [Standing::Lead]);
    assert_eq!(names(story.standings(GUARDS_LEAD)), [Standing::Other]);
}

#[rstest]
#[case::a10_litter_reaches_the_cleaners("litter", Role::Cleaner, CLEANER)]
#[case::a11_loose_play_equipment_reaches_the_guards("playground", Role::Guard, CAPTAIN)]
fn a_category_tells_a_role(#[case] category: &str, #[case] role: Role, #[case] person: PersonId) {
    let story = report_of(&World::new(), TECHNICIAN, found(category));
    assert!(story.case.audience(&story.world.people).contains(&Principal::Role(role)));
    assert_eq!(names(story.standings(person)), [Standing::Told]);
    assert!(story.view(person).is_some());
    let other = report_of(&World::new(), TECHNICIAN, found("idea"));
    assert_eq!(names(other.standings(person)), [Standing::Other]);
    assert_eq!(other.view(person), None);
}

#[rstest]
#[case::the_minute_before_it_opens("2026-11-23 06:59", Standing::Desk)]
#[case::opening("2026-11-23 07:00", Standing::ControlRoom)]
#[case::the_last_minute("2026-11-23 22:59", Standing::ControlRoom)]
#[case::closing("2026-11-23 23:00", Standing::Desk)]
fn r12_the_control_room_is_the_desk_outside_desk_hours(#[case] wall: &str, #[case] is: Standing) {
    let story = report_of(&World::new(), GUARD, customers("leak")).on(wall);
    assert_eq!(names(story.standings(CONTROL)), [is]);
    let shown = story.full(CONTROL).source != Source::Customer(None);
    assert_eq!(shown, is == Standing::Desk, "with the desk's powers come the desk's eyes (R10)");
}

#[rstest]
#[case("2026-11-23 00:59", Standing::ControlRoom)]
#[case("2026-11-23 01:00", Standing::Desk)]
#[case("2026-11-23 08:59", Standing::Desk)]
#[case("2026-11-23 09:00", Standing::ControlRoom)]
fn r12_desk_hours_may_end_after_midnight(#[case] wall: &str, #[case] is: Standing) {
    let mut world = World::new();
    world.site.desk_hours = [9 * 60, 60];
    let story = report_of(&world, GUARD, found("leak")).on(wall);
    assert_eq!(names(story.standings(CONTROL)), [is]);
}

// --- the feed ---

#[test]
fn the_feed_reaches_exactly_those_who_see_a_case() {
    let world = World::new();
    let behalf = Report { on_behalf_of: Some(GUARD), ..customers("leak") };
    let stories = [
        report_of(&world, GUARD, found("idea")),
        report_of(&world, CAPTAIN, behalf.clone()),
        report_of(&world, CAPTAIN, behalf.clone()).worked_on(),
        report_of(&world, CAPTAIN, behalf.clone()).worked_on().then(DESK, dispatch(SECOND_TECHNICIAN)),
        report_of(&world, CAPTAIN, behalf.clone()).worked_on().then(TECHNICIAN, complete()),
        report_of(&world, CAPTAIN, behalf).worked_on().then(DESK, classify("complaint", Some(GUARD))),
        complaint(),
        complaint().then(DESK, dispatch(SECOND_DESK)),
    ];
    for story in stories {
        assert_eq!(addressed(&story), readers(&story), "{:?}", story.changes().last());
    }
}

#[test]
fn a_member_who_has_left_sees_nothing_and_is_sent_nothing() {
    let story = report_of(&World::new(), CAPTAIN, Report { on_behalf_of: Some(GUARD), ..customers("leak") })
        .then(DESK, dispatch(SECOND_TECHNICIAN))
        .worked_on();
    for person in EVERYBODY {
        let mut story = story.clone();
        story.world.member_mut(person).gone = true;
        assert_eq!(names(story.standings(person)), [Standing::Other]);
        assert_eq!(story.view(person), None);
        assert!(!addressed(&story).contains(&person));
        assert_eq!(story.refusal(person, &complete()), Code::CaseNotVisible);
    }
    assert_eq!(story.refusal(DESK, &dispatch(LEAVER)), Code::CaseUnknownPerson);
}

#[test]
fn a_member_may_be_several_things_to_a_case_at_once() {
    let mut world = World::new();
    world.member_mut(SUPERVISOR).roles.insert(Role::Desk);
    let story = report_of(&world, SUPERVISOR, found("leak")).then(DESK, dispatch(SUPERVISOR));
    assert_eq!(
        names(story.standings(SUPERVISOR)),
        [Standing::FirstAsked, Standing::Handler, Standing::Desk, Standing::Supervisor]
    );
}

#[test]
fn a_view_tells_what_its_case_tells() {
    let story = report_of(&World::new(), GUARD, found("leak")).worked_on();
    let outline = complaint();
    for (story, reader) in [(&story, GUARD), (&outline, GUARD)] {
        let Some(view) = story.view(reader) else { panic!("the guard sees it") };
        let case: &Case = &story.case;
        assert_eq!(
            (view.id(), view.number(), view.stage(), view.version()),
            (case.id, case.number.as_ref(), case.stage.name(), case.version)
        );
    }
    assert!(story.view(GUARD).is_some_and(|view| view.full().is_some()));
    assert!(outline.view(GUARD).is_some_and(|view| view.full().is_none()));
    assert!(matches!(story.case.stage, Stage::Arrived { handler: TECHNICIAN, .. }));
}
