//! What each command does and what it needs: reporting (A4–A9, B6), handing on and taking over (R4, R5), confirming
//! (R6, B3), facts that come too late, and the limits of what may be sent.

use crate::kit::story as kit;
use kit::{
    Story,
    cast::{
        CAPTAIN, CLEANER, CUSTOMER_FLAT, DESK, DIRECTOR, GUARD, GUARDS_LEAD, LEAVER, SECOND_DESK,
        SECOND_TECHNICIAN, SUPERVISOR, TECHNICIAN, World,
    },
    classify, complete, confirm, customers, dispatch, found, pause, photo, reopen,
};
use rstest::rstest;
use shared::{
    Code, Rejection,
    case::{
        Case, CaseChange, CaseCommand, Context, Stage, StageName,
        command::{
            CASE_PHOTOS_MAX, Customer, NAME_MAX, PHOTOS_MAX, PhotoRef, Report, Source, TEXT_MAX, Urgency,
        },
        decide_report,
        event::LateFact,
    },
    time::{EventTime, HOUR},
};

const MORNING: &str = "2026-11-22 10:00";

fn reported(report: Report) -> Story {
    Story::begin(&World::new(), GUARD, report, MORNING)
}

fn refused(report: &Report) -> Rejection {
    let world = World::new();
    let context = Context {
        actor: world.member(GUARD),
        site: &world.site,
        zone: &world.zone,
        places: &world.places,
        people: &world.people,
        now: EventTime::exact(world.at(MORNING)),
        number: None,
    };
    match decide_report(report, &context) {
        Ok(events) => panic!("not refused: {events:?}"),
        Err(refusal) => refusal,
    }
}

fn fix() -> CaseCommand {
    CaseCommand::Fix { result: "picked up".to_owned(), photos: vec![photo(1)] }
}

fn comment(photos: usize) -> CaseCommand {
    CaseCommand::Comment { text: "look".to_owned(), photos: (0..photos as u128).map(photo).collect() }
}

// --- reporting ---

#[test]
fn b1_b6_who_reports_is_first_asked_with_name_and_company() {
    let story = reported(found("leak"));
    let first = &story.case.first_asked;
    assert_eq!((first.person, first.company.as_str(), first.subcontractor), (GUARD, "guards", true));
    assert_eq!(story.case.relay, None);
    let own = Story::begin(&World::new(), TECHNICIAN, found("leak"), MORNING).case.first_asked;
    assert_eq!((own.person, own.company.as_str(), own.subcontractor), (TECHNICIAN, "office", false));
}

#[test]
fn a7_who_was_first_stays_first_when_a_colleague_passes_it_on() {
    let report = Report { on_behalf_of: Some(GUARD), ..found("leak") };
    let story = Story::begin(&World::new(), CAPTAIN, report, MORNING);
    assert_eq!(story.case.first_asked.person, GUARD);
    assert_eq!(story.case.relay, Some(CAPTAIN));
}

#[test]
fn a4_a16_the_report_is_kept_as_it_was_made() {
    let report = Report {
        since: "since yesterday".to_owned(),
        isolated: true,
        photos: vec![photo(1), photo(2)],
        ..customers("leak")
    };
    let case = reported(report.clone()).case;
    assert_eq!((case.place, case.text, case.since), (report.place, report.text, report.since));
    assert_eq!((case.source, case.isolated, case.category), (report.source, true, report.category));
    assert_eq!(case.photos.iter().map(|photo| photo.photo.clone()).collect::<Vec<_>>(), report.photos);
    assert!(case.photos.iter().all(|photo| photo.by == Some(GUARD) && !photo.after && !photo.kept));
    assert_eq!(case.number.map(|number| number.0).as_deref(), Some("20261122-001"));
}

fn customer(name: &str, phone: &str, flat: &str) -> Source {
    Source::Customer(Some(Customer { name: name.to_owned(), phone: phone.to_owned(), flat: flat.to_owned() }))
}

fn urgency(reason: &str) -> Option<Urgency> {
    Some(Urgency { urgent: true, reason: reason.to_owned() })
}

fn damaged(change: impl Fn(&mut PhotoRef)) -> Vec<PhotoRef> {
    let mut photo = photo(1);
    change(&mut photo);
    vec![photo]
}

#[rstest]
#[case::no_such_category(Report { category: "ufo".into(), ..found("leak") }, Code::CaseUnknownCategory)]
#[case::no_such_place(Report { place: "moon".into(), ..found("leak") }, Code::CaseUnknownPlace)]
#[case::nothing_said(Report { text: " ".to_owned(), ..found("leak") }, Code::CaseFieldMissing)]
#[case::too_much_said(Report { text: "x".repeat(TEXT_MAX + 1), ..found("leak") }, Code::CaseFieldTooLong)]
#[case::since_too_long(Report { since: "x".repeat(TEXT_MAX + 1), ..found("leak") }, Code::CaseFieldTooLong)]
#[case::a_customer_unnamed(Report { source: customer("", " ", ""), ..found("leak") }, Code::CaseFieldMissing)]
#[case::a_customer_masked(Report { source: Source::Customer(None), ..found("leak") }, Code::CaseFieldMissing)]
#[case::a_flat_too_long(
    Report { source: customer("W", "", &"x".repeat(NAME_MAX + 1)), ..found("leak") }, Code::CaseFieldTooLong
)]
#[case::a_colleague_who_left(Report { on_behalf_of: Some(LEAVER), ..found("leak") }, Code::CaseUnknownPerson)]
#[case::urgent_without_reason(Report { urgency: urgency(""), ..found("leak") }, Code::CaseFieldMissing)]
#[case::too_many_photos(
    Report { photos: vec![photo(1); PHOTOS_MAX + 1], ..found("leak") }, Code::CaseTooManyPhotos
)]
#[case::a_hash_cut_off(
    Report { photos: damaged(|photo| photo.sha256.truncate(63)), ..found("leak") }, Code::CaseBadPhoto
)]
#[case::a_hash_in_capitals(
    Report { photos: damaged(|photo| photo.sha256 = "F".repeat(64)), ..found("leak") }, Code::CaseBadPhoto
)]
#[case::a_photo_of_nothing(
    Report { photos: damaged(|photo| photo.bytes = 0), ..found("leak") }, Code::CaseBadPhoto
)]
#[case::a_thumbnail_too_large(
    Report { photos: damaged(|photo| photo.thumb_bytes = 16_385), ..found("leak") }, Code::CaseBadPhoto
)]
fn a_report_needs(#[case] report: Report, #[case] code: Code) {
    assert_eq!(refused(&report).code, code);
}

#[rstest]
#[case::a_photo_for_words(Report { text: String::new(), photos: vec![photo(1)], ..found("leak") })]
#[case::the_longest_text(Report { text: "水".repeat(TEXT_MAX), ..found("leak") })]
#[case::a_flat_for_a_name(Report { source: customer("", "", CUSTOMER_FLAT), ..found("leak") })]
#[case::the_most_photos(Report { photos: vec![photo(1); PHOTOS_MAX], ..found("leak") })]
fn a_report_is_content_with(#[case] report: Report) {
    assert_eq!(reported(report).case.stage.name(), StageName::Reported);
}

#[test]
fn a_refusal_names_what_its_sentence_mentions() {
    let refusal = refused(&Report { text: "x".repeat(TEXT_MAX + 1), ..found("leak") });
    let field = |name: &str| refusal.fields.get(name).map(String::as_str);
    assert_eq!((field("field"), field("max")), (Some("text"), Some("2000")));
    let story = reported(found("leak")).worked_on();
    let Err(refusal) = story.judge(TECHNICIAN, &CaseCommand::Accept {}) else { panic!("accepted twice") };
    assert_eq!(refusal.fields.get("stage").map(String::as_str), Some("arrived"));
}

// --- on the spot ---

#[test]
fn a9_what_was_found_and_fixed_on_the_spot_is_closed() {
    let story = reported(found("litter")).then(GUARD, fix());
    let Stage::Closed { by, on_the_spot, result, .. } = &story.case.stage else {
        panic!("{:?}", story.case.stage)
    };
    assert_eq!((*by, *on_the_spot, result.as_str()), (Some(GUARD), true, "picked up"));
    assert!(story.case.photos.iter().all(|photo| photo.after));
}

#[test]
fn a9_b3_what_was_fixed_for_a_customer_waits_for_the_customers_answer() {
    let story = reported(customers("litter")).then(GUARD, fix());
    assert_eq!(story.case.stage.name(), StageName::Completed);
    assert_eq!(story.refusal(GUARD, &confirm(None)), Code::CaseCustomerAnswerMissing);
    assert_eq!(story.then(GUARD, confirm(Some(true))).case.stage.name(), StageName::Closed);
}

#[test]
fn e5_a_complaint_is_not_settled_by_who_hears_it_not_even_at_the_desk() {
    let report = Report { accused: Some(CLEANER), ..customers("complaint") };
    for person in [GUARD, DESK, SUPERVISOR] {
        let story = Story::begin(&World::new(), person, report.clone(), MORNING);
        assert_eq!(story.refusal(person, &fix()), Code::CaseComplaintNeedsDesk);
    }
}

#[test]
fn a9_a_fix_after_a_handler_took_it_on_is_recorded() {
    let story = reported(found("litter")).worked_on().then(GUARD, fix());
    assert_eq!(story.case.stage.name(), StageName::Arrived);
    assert_eq!(story.case.photos.len(), 1, "what it shows is kept");
}

// --- handing on ---

#[test]
fn a_declined_dispatch_is_back_at_the_desk_and_another_may_have_it() {
    let story = reported(found("leak"))
        .then(DESK, dispatch(SECOND_TECHNICIAN))
        .then(SECOND_TECHNICIAN, CaseCommand::Decline { reason: "in the lift".to_owned() });
    assert_eq!(story.case.stage.name(), StageName::Reported);
    let story = story.then(DESK, dispatch(TECHNICIAN));
    assert_eq!(story.case.stage.handler(), Some(TECHNICIAN));
    assert_eq!(story.refusal(SECOND_TECHNICIAN, &CaseCommand::Accept {}), Code::CaseNotAllowed);
}

#[test]
fn a_pause_returns_to_where_it_began() {
    let story =
        reported(found("door")).then(DESK, dispatch(TECHNICIAN)).then(TECHNICIAN, CaseCommand::Accept {});
    let until = story.now.at.plus(HOUR);
    let pause_and_resume =
        |story: Story| story.then(TECHNICIAN, pause(until)).then(TECHNICIAN, CaseCommand::Resume {});
    let story = pause_and_resume(story);
    assert_eq!(story.case.stage.name(), StageName::Accepted);
    let story = pause_and_resume(story.then(TECHNICIAN, CaseCommand::Arrive {}));
    assert_eq!(story.case.stage.name(), StageName::Arrived);
}

#[test]
fn a_pause_ends_in_the_future() {
    let story = reported(found("door")).worked_on();
    assert_eq!(story.refusal(TECHNICIAN, &pause(story.now.at)), Code::CaseTimePast);
}

#[test]
fn r5_no_dispatch_changes_who_was_first_asked() {
    let story = reported(found("leak"));
    let first = story.case.first_asked.clone();
    let story = story
        .then(DESK, dispatch(SECOND_TECHNICIAN))
        .worked_on()
        .then(DESK, classify("door", None))
        .then(TECHNICIAN, complete())
        .then(GUARD, reopen())
        .then(DESK, dispatch(CLEANER));
    assert_eq!(story.case.first_asked, first);
}

#[test]
fn r5_a_supervisor_makes_the_succession_and_it_is_logged() {
    let succeed = |reason: &str, to| CaseCommand::Succeed { to, reason: reason.to_owned() };
    let story = reported(found("leak"));
    assert_eq!(story.refusal(DESK, &succeed("leave", CLEANER)), Code::CaseNotAllowed);
    assert_eq!(story.refusal(SUPERVISOR, &succeed("", CLEANER)), Code::CaseFieldMissing);
    assert_eq!(story.refusal(SUPERVISOR, &succeed("leave", LEAVER)), Code::CaseUnknownPerson);
    let story = story.then(SUPERVISOR, succeed("leave", CLEANER));
    let first = &story.case.first_asked;
    assert_eq!((first.person, first.company.as_str()), (CLEANER, "cleaners"));
    let last = story.case.trail.last();
    assert_eq!(last.and_then(|event| event.by), Some(SUPERVISOR));
    assert!(matches!(
        last.map(|event| &event.change),
        Some(CaseChange::Succeeded { reason, .. }) if reason == "leave"
    ));
}

// --- confirming ---

fn done(report: Report) -> Story {
    reported(report).worked_on().then(TECHNICIAN, complete())
}

fn without_reason(satisfied: Option<bool>) -> CaseCommand {
    CaseCommand::Confirm { satisfied, reason: String::new() }
}

#[rstest]
#[case::the_first_asked_person(GUARD, None)]
#[case::b5_their_on_site_lead(GUARDS_LEAD, None)]
#[case::the_desk_without_a_reason(DESK, Some(Code::CaseFieldMissing))]
#[case::the_director_without_a_reason(DIRECTOR, Some(Code::CaseFieldMissing))]
#[case::who_did_the_work(TECHNICIAN, Some(Code::CaseNotAllowed))]
fn r6_it_is_confirmed_by(#[case] person: shared::ids::PersonId, #[case] refused: Option<Code>) {
    let story = done(found("leak"));
    let answer = story.judge(person, &without_reason(None)).err().map(|refusal| refusal.code);
    assert_eq!(answer, refused);
}

#[test]
fn r6_the_desk_stands_in_with_a_reason() {
    let story = done(found("leak")).then(DESK, confirm(None));
    let Stage::Closed { by, .. } = story.case.stage else { panic!("{:?}", story.case.stage) };
    assert_eq!(by, Some(DESK));
}

#[test]
fn r6_b3_a_customers_matter_needs_the_customers_answer() {
    let story = done(customers("leak"));
    for person in [GUARD, GUARDS_LEAD, DESK, SUPERVISOR] {
        assert_eq!(story.refusal(person, &confirm(None)), Code::CaseCustomerAnswerMissing);
    }
    let story = story.then(GUARD, without_reason(Some(true)));
    assert!(matches!(story.case.stage, Stage::Closed { satisfied: Some(true), .. }));
}

#[test]
fn r6_a_dissatisfied_answer_reopens_it() {
    let story = done(customers("leak"));
    assert_eq!(story.refusal(GUARD, &without_reason(Some(false))), Code::CaseFieldMissing);
    let story = story.then(GUARD, confirm(Some(false)));
    assert_eq!(story.case.stage.name(), StageName::Reported);
    assert!(matches!(story.changes().last(), Some(CaseChange::Reopened { dissatisfied: true, .. })));
}

#[test]
fn r9_e5_the_office_confirms_a_complaint_in_the_first_asked_persons_place() {
    let story = reported(customers("complaint"))
        .then(DESK, dispatch(SECOND_DESK))
        .then(SECOND_DESK, CaseCommand::Accept {})
        .then(SECOND_DESK, complete());
    assert_eq!(story.refusal(GUARD, &confirm(Some(true))), Code::CaseDeskConfirms);
    assert_eq!(story.refusal(DESK, &without_reason(None)), Code::CaseCustomerAnswerMissing);
    let story = story.then(DESK, without_reason(Some(true)));
    assert_eq!(story.case.stage.name(), StageName::Closed);
}

#[test]
fn e1_who_hears_a_complaint_does_not_call_it_off() {
    let story = reported(Report { accused: Some(CLEANER), ..customers("complaint") });
    let cancel = CaseCommand::Cancel { reason: "nothing".to_owned() };
    assert_eq!(story.refusal(GUARD, &cancel), Code::CaseNotAllowed);
    assert!(story.judge(DESK, &cancel).is_ok());
}

// --- facts that come too late ---

#[rstest]
#[case::arrival(CaseCommand::Arrive {}, LateFact::Arrived)]
#[case::completion(complete(), LateFact::Completed)]
fn a_former_handlers_late(#[case] command: CaseCommand, #[case] fact: LateFact) {
    let story = reported(found("leak")).then(DESK, dispatch(SECOND_TECHNICIAN)).worked_on();
    let events = story.judge(SECOND_TECHNICIAN, &command).expect("facts are not refused");
    assert!(Case::only_recorded(&events));
    assert!(matches!(events[..], [ref event] if matches!(
        event.change, CaseChange::Recorded { fact: recorded, .. } if recorded == fact
    )));
    let before = story.case.stage.clone();
    let story = story.then(SECOND_TECHNICIAN, command);
    assert_eq!(story.case.stage, before);
    assert_eq!(story.case.trail.last().and_then(|event| event.by), Some(SECOND_TECHNICIAN));
}

#[test]
fn photos_of_a_closed_case_are_recorded() {
    let story = done(found("leak")).then(GUARD, confirm(None)).then(TECHNICIAN, comment(2));
    assert_eq!(story.case.stage.name(), StageName::Closed);
    assert_eq!(story.case.photos.len(), 2);
    assert!(matches!(story.changes().last(), Some(CaseChange::Recorded { fact: LateFact::Commented, .. })));
}

#[test]
fn nothing_happened_is_not_recorded() {
    assert!(!Case::only_recorded(&[]));
}

// --- limits ---

#[test]
fn a_case_holds_so_many_photos_and_no_more() {
    let mut story = reported(found("leak"));
    while story.case.photos.len() + PHOTOS_MAX <= CASE_PHOTOS_MAX {
        story = story.then(GUARD, comment(PHOTOS_MAX));
    }
    let room = CASE_PHOTOS_MAX - story.case.photos.len();
    assert_eq!(story.refusal(GUARD, &comment(room + 1)), Code::CaseTooManyPhotos);
    let full = story.then(GUARD, comment(room));
    assert_eq!(full.case.photos.len(), CASE_PHOTOS_MAX);
    assert!(full.judge(GUARD, &comment(0)).is_ok(), "words still fit");
}

#[rstest]
#[case::declining(TECHNICIAN, CaseCommand::Decline { reason: " ".to_owned() })]
#[case::completing(TECHNICIAN, CaseCommand::Complete { result: String::new(), photos: vec![photo(1)] })]
#[case::cancelling(DESK, CaseCommand::Cancel { reason: String::new() })]
#[case::fixing(GUARD, CaseCommand::Fix { result: String::new(), photos: vec![photo(1)] })]
#[case::commenting(GUARD, CaseCommand::Comment { text: String::new(), photos: vec![] })]
fn saying_nothing_is_refused(#[case] person: shared::ids::PersonId, #[case] command: CaseCommand) {
    let story = reported(found("leak")).then(DESK, dispatch(TECHNICIAN));
    assert_eq!(story.refusal(person, &command), Code::CaseFieldMissing);
}

#[test]
fn pausing_postponing_and_reopening_need_a_reason() {
    let story = reported(found("door")).worked_on();
    let until = story.now.at.plus(HOUR);
    let silent = CaseCommand::Pause { reason: String::new(), until };
    assert_eq!(story.refusal(TECHNICIAN, &silent), Code::CaseFieldMissing);
    let promised = story.clone().then(DESK, kit::promise(until));
    let silent = CaseCommand::Postpone { until: until.plus(HOUR), reason: String::new() };
    assert_eq!(promised.refusal(DESK, &silent), Code::CaseFieldMissing);
    let done = story.then(TECHNICIAN, complete());
    assert_eq!(done.refusal(GUARD, &CaseCommand::Reopen { reason: " ".to_owned() }), Code::CaseFieldMissing);
}

#[test]
fn a_photo_is_kept_once_its_bytes_are() {
    let mut story = reported(Report { photos: vec![photo(1), photo(2)], ..found("leak") });
    let kept =
        |story: &Story, author, n| story.case.photo_kept(author, photo(n).id, &photo(n).sha256, story.now.at);
    let shown = |story: &Story| story.case.photos.iter().map(|photo| photo.kept).collect::<Vec<_>>();
    assert_eq!(kept(&story, DESK, 1), None, "another's upload under the same id");
    let other_hash = "1e".repeat(32);
    let claimed = story.case.photo_kept(GUARD, photo(1).id, &other_hash, story.now.at);
    assert_eq!(claimed, None, "other bytes");
    let event = kept(&story, GUARD, 1).expect("it is the case's");
    story.apply(vec![event]);
    assert_eq!(shown(&story), [true, false]);
    assert_eq!(kept(&story, GUARD, 1), None, "known already");
    assert_eq!(kept(&story, GUARD, 3), None, "not this case's");
    // The same photo shown by somebody else is kept when that person's upload is.
    let said = CaseCommand::Comment { text: String::new(), photos: vec![photo(2)] };
    let mut story = story.then(DESK, said);
    let event = kept(&story, DESK, 2).expect("it is the desk's");
    story.apply(vec![event]);
    assert_eq!(shown(&story), [true, false, true]);
}

#[test]
fn an_id_names_one_photo_only() {
    let story = reported(Report { photos: vec![photo(1)], ..found("leak") });
    let other = PhotoRef { sha256: "1e".repeat(32), ..photo(1) };
    let other_thumb = PhotoRef { thumb_sha256: "1e".repeat(32), ..photo(1) };
    for photos in
        [vec![other.clone()], vec![other_thumb], vec![photo(2), PhotoRef { id: photo(2).id, ..other }]]
    {
        let said = CaseCommand::Comment { text: String::new(), photos };
        assert_eq!(story.refusal(DESK, &said), Code::CaseBadPhoto);
    }
}
