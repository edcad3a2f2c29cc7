//! Every clock of a case: the ladder (R2), the customer's and the handler's clocks (R4), promises and the one
//! postponement (C4, C6, R7), the daily check (B2) and the customer's answer (B4), across the calendar's edges.

use crate::kit::story as kit;
use kit::{
    Story,
    cast::{
        CLEANER, CONTROL, DESK, DIRECTOR, GUARD, GUARDS_LEAD, SECOND_TECHNICIAN, SUPERVISOR, TECHNICIAN,
        World,
    },
    classify, complete, confirm, customers, dispatch, found, pause, postpone, promise, reopen, tell,
};
use rstest::rstest;
use shared::{
    Code,
    case::{
        Case, CaseChange, CaseCommand, Deadline, Rule, StageName,
        command::{About, Means, Report, Told, Urgency},
    },
    time::{EventTime, HOUR, MINUTE},
};

/// Reported in Shanghai by the guard who found it.
fn reported(category: &str, at: &str) -> Story {
    Story::begin(&World::new(), GUARD, found(category), at)
}

/// Reported in Shanghai by the guard whom a customer told.
fn asked(category: &str, at: &str) -> Story {
    Story::begin(&World::new(), GUARD, customers(category), at)
}

fn ladder(story: &Story) -> [String; 2] {
    [Rule::Step1, Rule::Step2].map(|rule| story.due_wall(rule).unwrap_or_default())
}

fn told_promise(story: Story, until: &str) -> Story {
    let until = story.world.at(until);
    story.then(DESK, promise(until)).then(DESK, tell(About::Promise))
}

// --- C1, C2, C3, R2: the ladder ---

#[rstest]
#[case::during_the_day("leak", "2026-11-22 10:00", ["2026-11-23 00:00", "2026-11-24 00:00"])]
#[case::as_the_day_begins("leak", "2026-11-22 00:00", ["2026-11-23 00:00", "2026-11-24 00:00"])]
#[case::four_hours_before_midnight("leak", "2026-11-22 20:00", ["2026-11-23 00:00", "2026-11-24 00:00"])]
#[case::less_than_four("leak", "2026-11-22 20:01", ["2026-11-23 00:01", "2026-11-24 00:00"])]
#[case::ten_to_midnight("leak", "2026-11-22 23:50", ["2026-11-23 03:50", "2026-11-24 00:00"])]
#[case::ten_past_midnight("leak", "2026-11-23 00:10", ["2026-11-24 00:00", "2026-11-25 00:00"])]
#[case::at_a_months_end("leak", "2026-11-30 10:00", ["2026-12-01 00:00", "2026-12-02 00:00"])]
#[case::before_a_leap_day("leak", "2028-02-28 10:00", ["2028-02-29 00:00", "2028-03-01 00:00"])]
#[case::on_a_leap_day("leak", "2028-02-29 10:00", ["2028-03-01 00:00", "2028-03-02 00:00"])]
#[case::where_there_is_none("leak", "2027-02-28 10:00", ["2027-03-01 00:00", "2027-03-02 00:00"])]
#[case::at_a_years_end("leak", "2026-12-31 23:50", ["2027-01-01 03:50", "2027-01-02 00:00"])]
fn c2_r2_an_urgent_case_climbs_on_day_1_and_2(
    #[case] category: &str,
    #[case] at: &str,
    #[case] steps: [&str; 2],
) {
    assert_eq!(ladder(&reported(category, at)), steps);
}

#[rstest]
#[case::during_the_day("door", "2026-11-22 10:00", ["2026-11-24 00:00", "2026-11-25 00:00"])]
#[case::ten_to_midnight_needs_no_grace("door", "2026-11-22 23:50", ["2026-11-24 00:00", "2026-11-25 00:00"])]
#[case::at_a_months_end("door", "2026-11-30 10:00", ["2026-12-02 00:00", "2026-12-03 00:00"])]
#[case::before_a_leap_day("door", "2028-02-28 10:00", ["2028-03-01 00:00", "2028-03-02 00:00"])]
#[case::on_a_leap_day("door", "2028-02-29 10:00", ["2028-03-02 00:00", "2028-03-03 00:00"])]
#[case::at_a_years_end("door", "2026-12-30 10:00", ["2027-01-01 00:00", "2027-01-02 00:00"])]
fn c3_r2_any_other_case_climbs_on_day_2_and_3(
    #[case] category: &str,
    #[case] at: &str,
    #[case] steps: [&str; 2],
) {
    assert_eq!(ladder(&reported(category, at)), steps);
}

#[rstest]
#[case::the_night_is_an_hour_short(
    "America/New_York", "2027-03-13 23:50", ["2027-03-14 04:50", "2027-03-15 00:00"]
)]
#[case::the_night_is_an_hour_long(
    "America/New_York", "2026-10-31 23:50", ["2026-11-01 02:50", "2026-11-02 00:00"]
)]
#[case::a_day_of_25_hours("Europe/Berlin", "2026-10-25 00:30", ["2026-10-26 00:00", "2026-10-27 00:00"])]
#[case::a_day_of_23_hours("Europe/Berlin", "2027-03-28 00:30", ["2027-03-29 00:00", "2027-03-30 00:00"])]
#[case::a_midnight_that_is_skipped("Africa/Cairo", "2026-04-23 10:00", ["2026-04-24 01:00", "2026-04-25 00:00"])]
fn r1_r2_the_ladder_follows_the_sites_calendar(
    #[case] zone: &str,
    #[case] at: &str,
    #[case] steps: [&str; 2],
) {
    let world = World::in_zone(zone);
    assert_eq!(ladder(&Story::begin(&world, GUARD, found("leak"), at)), steps);
}

#[test]
fn r2_the_grace_is_four_hours_even_where_the_clock_jumps() {
    for (zone, at) in [("America/New_York", "2027-03-13 23:50"), ("America/New_York", "2026-10-31 23:50")] {
        let story = Story::begin(&World::in_zone(zone), GUARD, found("leak"), at);
        assert_eq!(story.due(Rule::Step1), Some(story.case.reported.at.plus(4 * HOUR)));
    }
}

#[rstest]
#[case::urgent_against_its_category("door", true, ["2026-11-23 00:00", "2026-11-24 00:00"])]
#[case::not_urgent_against_its_category("leak", false, ["2026-11-24 00:00", "2026-11-25 00:00"])]
fn c1_r2_urgency_may_differ_from_the_categorys_with_a_reason(
    #[case] category: &str,
    #[case] urgent: bool,
    #[case] steps: [&str; 2],
) {
    let urgency = Urgency { urgent, reason: "it drips on the stairs".to_owned() };
    let report = Report { urgency: Some(urgency), ..found(category) };
    let story = Story::begin(&World::new(), GUARD, report, "2026-11-22 10:00");
    assert_eq!(ladder(&story), steps);
    assert_eq!(story.case.urgency_reason, "it drips on the stairs");
}

#[test]
fn r2_the_next_step_is_the_one_ahead_and_none_once_the_work_is_done() {
    let story = reported("leak", "2026-11-22 10:00");
    let step = |rule, at: &str| {
        Some(Deadline { rule, at: story.world.at(at), started: story.world.at("2026-11-22 10:00") })
    };
    let (first, second) = (step(Rule::Step1, "2026-11-23 00:00"), step(Rule::Step2, "2026-11-24 00:00"));
    assert_eq!(story.case.next_step(story.world.at("2026-11-22 23:59")), first);
    assert_eq!(story.case.next_step(story.world.at("2026-11-23 00:00")), second);
    assert_eq!(
        story.case.next_step(story.world.at("2026-11-25 00:00")),
        second,
        "the last, if both are past"
    );
    let done = story.worked_on().then(TECHNICIAN, complete());
    assert_eq!(done.case.next_step(done.now.at), None);
}

#[test]
fn r2_pauses_do_not_move_the_ladder() {
    let story = reported("leak", "2026-11-22 10:00").worked_on();
    let until = story.world.at("2026-11-26 10:00");
    let before = ladder(&story);
    let paused = story.then(TECHNICIAN, pause(until));
    assert_eq!(ladder(&paused), before);
    assert_eq!(paused.due(Rule::Pause), Some(until));
    let resumed = paused.on("2026-11-26 10:00").then(TECHNICIAN, CaseCommand::Resume {});
    assert_eq!(ladder(&resumed), before);
    assert_eq!(resumed.due(Rule::Pause), None);
}

#[test]
fn r2_the_ladder_stops_at_completion_and_resumes_from_the_original_day() {
    let story = reported("door", "2026-11-22 10:00").worked_on().then(TECHNICIAN, complete());
    assert_eq!((story.due(Rule::Step1), story.due(Rule::Step2)), (None, None));
    let story = story.on("2026-11-30 10:00").then(GUARD, reopen());
    assert_eq!(ladder(&story), ["2026-11-24 00:00", "2026-11-25 00:00"]);
    let story = story.worked_on().then(TECHNICIAN, complete()).then(GUARD, confirm(None));
    assert_eq!(story.case.stage.name(), StageName::Closed);
    assert_eq!(story.case.next_step(story.now.at), None);
    let story = story.then(DESK, reopen());
    assert_eq!(ladder(&story), ["2026-11-24 00:00", "2026-11-25 00:00"]);
}

#[test]
fn r2_reclassifying_keeps_the_original_day() {
    let story =
        reported("door", "2026-11-22 10:00").on("2026-11-24 10:00").then(DESK, classify("leak", None));
    assert_eq!(ladder(&story), ["2026-11-23 00:00", "2026-11-24 00:00"]);
}

// --- R2: promises move the ladder once they are told ---

#[test]
fn r2_a_promise_that_nobody_was_told_moves_nothing() {
    let story = reported("door", "2026-11-22 10:00");
    let before = ladder(&story);
    let until = story.world.at("2026-11-26 15:00");
    let story = story.then(DESK, promise(until));
    assert_eq!(ladder(&story), before);
    assert_eq!(story.due(Rule::Promise), Some(until));
}

#[rstest]
#[case::later("2026-11-26 15:00", ["2026-11-27 00:00", "2026-11-28 00:00"])]
#[case::by_midnight_is_by_the_end_of_the_day_before("2026-11-27 00:00", ["2026-11-27 00:00", "2026-11-28 00:00"])]
#[case::a_minute_later_is_the_next_day("2026-11-27 00:01", ["2026-11-28 00:00", "2026-11-29 00:00"])]
#[case::within_day_1("2026-11-22 18:00", ["2026-11-24 00:00", "2026-11-25 00:00"])]
#[case::within_day_2("2026-11-23 18:00", ["2026-11-24 00:00", "2026-11-25 00:00"])]
#[case::on_day_3("2026-11-24 09:00", ["2026-11-25 00:00", "2026-11-26 00:00"])]
fn r2_a_told_promise_moves_step_1_if_it_is_later_and_step_2_to_the_day_after(
    #[case] until: &str,
    #[case] steps: [&str; 2],
) {
    let story = told_promise(reported("door", "2026-11-22 10:00"), until);
    assert_eq!(ladder(&story), steps);
}

#[test]
fn r2_telling_the_first_asked_person_moves_it_too() {
    let story = reported("door", "2026-11-22 10:00");
    let until = story.world.at("2026-11-26 15:00");
    let telling = CaseCommand::Tell {
        whom: Told::FirstAsked,
        about: About::Promise,
        means: Means::Message,
        consent: None,
        note: String::new(),
    };
    let story = story.then(DESK, promise(until)).then(DESK, telling);
    assert_eq!(ladder(&story), ["2026-11-27 00:00", "2026-11-28 00:00"]);
}

#[test]
fn r2_an_urgent_promise_within_the_grace_leaves_the_grace() {
    let story = told_promise(reported("leak", "2026-11-22 23:00"), "2026-11-23 00:00");
    assert_eq!(ladder(&story), ["2026-11-23 03:00", "2026-11-24 00:00"]);
}

#[test]
fn r2_its_one_postponement_moves_the_ladder_once_more() {
    let story = told_promise(reported("door", "2026-11-22 10:00"), "2026-11-26 15:00");
    let until = story.world.at("2026-11-28 15:00");
    let story = story.then(DESK, postpone(until));
    assert_eq!(ladder(&story), ["2026-11-27 00:00", "2026-11-28 00:00"], "the new time is not told yet");
    let story = story.then(DESK, tell(About::Promise));
    assert_eq!(ladder(&story), ["2026-11-29 00:00", "2026-11-30 00:00"]);
}

#[test]
fn r2_a_told_promise_outlasts_completion_and_reopening() {
    let story = told_promise(reported("door", "2026-11-22 10:00"), "2026-11-26 15:00")
        .worked_on()
        .then(TECHNICIAN, complete())
        .on("2026-12-05 10:00")
        .then(GUARD, reopen());
    assert_eq!(ladder(&story), ["2026-11-27 00:00", "2026-11-28 00:00"]);
}

// --- C4: giving a time ---

#[rstest]
#[case::the_end_of_the_seventh_day("2026-11-29 00:00", None)]
#[case::a_minute_more("2026-11-29 00:01", Some(Code::CasePromiseNeedsReason))]
fn c4_more_than_a_week_needs_a_reason(#[case] until: &str, #[case] refused: Option<Code>) {
    let story = reported("door", "2026-11-22 10:00");
    let until = story.world.at(until);
    let answer = story.judge(DESK, &promise(until)).err().map(|refusal| refusal.code);
    assert_eq!(answer, refused);
    let reasoned = CaseCommand::Promise { until, reason: "the part is made to order".to_owned() };
    assert!(story.judge(DESK, &reasoned).is_ok());
}

#[test]
fn c4_there_is_one_promise() {
    let story = reported("door", "2026-11-22 10:00");
    let now = story.now.at;
    assert_eq!(story.refusal(DESK, &postpone(now.plus(HOUR))), Code::CaseNoPromise);
    assert_eq!(story.refusal(DESK, &tell(About::Promise)), Code::CaseNoPromise);
    assert_eq!(story.refusal(DESK, &promise(now)), Code::CaseTimePast);
    let story = story.then(DESK, promise(now.plus(24 * HOUR)));
    assert_eq!(story.refusal(DESK, &promise(now.plus(48 * HOUR))), Code::CasePromisedAlready);
    assert_eq!(story.refusal(DESK, &postpone(now.plus(24 * HOUR))), Code::CaseNotLater);
    assert_eq!(story.refusal(DESK, &postpone(now.plus(2 * HOUR))), Code::CaseNotLater);
}

#[test]
fn r2_an_urgent_promise_beyond_day_1_needs_a_supervisor() {
    let story = reported("leak", "2026-11-22 10:00").worked_on();
    let day_1 = story.world.at("2026-11-23 00:00");
    let beyond = day_1.plus(1);
    for person in [TECHNICIAN, DESK] {
        assert!(story.judge(person, &promise(day_1)).is_ok());
        assert_eq!(story.refusal(person, &promise(beyond)), Code::CasePromiseNeedsSupervisor);
    }
    for person in [SUPERVISOR, DIRECTOR] {
        assert!(story.judge(person, &promise(beyond)).is_ok());
    }
    let promised = story.then(TECHNICIAN, promise(day_1));
    assert_eq!(promised.refusal(DESK, &postpone(beyond)), Code::CasePromiseNeedsSupervisor);
    assert_eq!(promised.refusal(TECHNICIAN, &pause(beyond)), Code::CasePromiseNeedsSupervisor);
    assert!(promised.judge(SUPERVISOR, &postpone(beyond)).is_ok());
}

#[test]
fn r2_day_1_of_an_urgent_promise_is_the_day_of_the_event() {
    let story = reported("leak", "2026-11-22 23:50").on("2026-11-23 09:00");
    let today = story.world.at("2026-11-23 18:00");
    assert_eq!(story.refusal(DESK, &promise(today)), Code::CasePromiseNeedsSupervisor);
}

// --- C6, R6, R7: one postponement ---

fn postponed() -> Story {
    let story = reported("door", "2026-11-22 10:00").worked_on();
    let (first, second) = (story.world.at("2026-11-24 10:00"), story.world.at("2026-11-25 10:00"));
    story.then(TECHNICIAN, promise(first)).then(TECHNICIAN, postpone(second))
}

#[test]
fn c6_second_postponement_is_refused() {
    let story = postponed();
    let until = story.world.at("2026-11-26 10:00");
    for person in [TECHNICIAN, DESK, SUPERVISOR, DIRECTOR] {
        assert_eq!(story.refusal(person, &postpone(until)), Code::CasePostponedOnce, "whoever asks (R7)");
    }
    assert_eq!(story.due_wall(Rule::Promise).as_deref(), Some("2026-11-25 10:00"));
}

#[test]
fn c6_r7_pausing_beyond_the_promise_is_the_one_postponement() {
    let story = reported("door", "2026-11-22 10:00").worked_on();
    let (promised, beyond) = (story.world.at("2026-11-24 10:00"), story.world.at("2026-11-25 10:00"));
    let story = story.then(TECHNICIAN, promise(promised)).then(TECHNICIAN, pause(beyond));
    let last: Vec<_> = story.changes().skip(5).collect();
    assert!(
        matches!(last[..], [CaseChange::Postponed { .. }, CaseChange::Paused { .. }]),
        "both are in the history: {last:?}"
    );
    assert_eq!(story.due(Rule::Promise), Some(beyond));
    assert_eq!(story.refusal(SUPERVISOR, &postpone(beyond.plus(HOUR))), Code::CasePostponedOnce);
    let story = story.then(TECHNICIAN, CaseCommand::Resume {});
    assert_eq!(story.refusal(TECHNICIAN, &pause(beyond.plus(HOUR))), Code::CasePostponedOnce);
    assert!(story.judge(TECHNICIAN, &pause(beyond)).is_ok(), "up to the promise one may pause again");
}

#[test]
fn c6_r7_pausing_up_to_the_promise_postpones_nothing() {
    let story = reported("door", "2026-11-22 10:00").worked_on();
    let promised = story.world.at("2026-11-24 10:00");
    let story = story.then(TECHNICIAN, promise(promised)).then(TECHNICIAN, pause(promised));
    assert!(!story.case.postponed);
    assert!(story.judge(TECHNICIAN, &postpone(promised.plus(HOUR))).is_ok());
}

#[test]
fn r7_of_two_postponements_made_offline_the_first_to_reach_the_server_stands() {
    let story = reported("door", "2026-11-22 10:00").worked_on();
    let promised = story.world.at("2026-11-24 10:00");
    let mut story = story.then(TECHNICIAN, promise(promised)).on("2026-11-23 12:00");
    let arrival = story.now.received;
    story.now = EventTime { at: arrival.plus(-HOUR), received: arrival, uncertain: false };
    let mut story = story.then(DESK, postpone(promised.plus(HOUR)));
    // Made an hour before the other, but it arrives after it.
    story.now = EventTime { at: arrival.plus(-2 * HOUR), received: arrival.plus(MINUTE), uncertain: false };
    assert_eq!(story.refusal(TECHNICIAN, &postpone(promised.plus(2 * HOUR))), Code::CasePostponedOnce);
    assert_eq!(story.due(Rule::Promise), Some(promised.plus(HOUR)));
}

#[test]
fn c6_r6_a_reopening_restores_no_postponement() {
    let story = postponed()
        .then(TECHNICIAN, complete())
        .then(GUARD, CaseCommand::Confirm { satisfied: Some(false), reason: "wet again".to_owned() });
    assert_eq!(story.case.stage.name(), StageName::Reported);
    let until = story.world.at("2026-11-27 10:00");
    assert_eq!(story.refusal(DIRECTOR, &postpone(until)), Code::CasePostponedOnce);
    assert_eq!(story.refusal(DIRECTOR, &promise(until)), Code::CasePromisedAlready);
}

#[test]
fn c6_what_was_not_postponed_may_still_be_after_a_reopening() {
    let story = told_promise(reported("door", "2026-11-22 10:00"), "2026-11-24 10:00")
        .worked_on()
        .then(TECHNICIAN, complete())
        .then(GUARD, reopen());
    let until = story.world.at("2026-11-25 10:00");
    assert!(story.judge(DESK, &postpone(until)).is_ok());
}

// --- C7, C8, R4: the customer's clocks ---

#[rstest]
#[case::a_repair_on_site("leak", Rule::OnSite, Some("2026-11-22 10:15"))]
#[case::a_service_at_the_customers("water", Rule::Attend, Some("2026-11-22 10:03"))]
#[case::a_repair_is_no_service("leak", Rule::Attend, None)]
#[case::a_service_is_no_repair("water", Rule::OnSite, None)]
#[case::litter_has_neither("litter", Rule::OnSite, None)]
fn c7_c8_somebody_is_there_in_time(#[case] category: &str, #[case] rule: Rule, #[case] due: Option<&str>) {
    let story = asked(category, "2026-11-22 10:00");
    assert_eq!(story.due_wall(rule).as_deref(), due);
}

#[test]
fn c7_without_a_customer_nobody_waits() {
    assert_eq!(reported("water", "2026-11-22 10:00").due(Rule::Attend), None);
}

#[test]
fn c8_whoever_arrives_stops_the_clock_until_a_reopening() {
    let story = asked("leak", "2026-11-22 10:00")
        .then(DESK, dispatch(TECHNICIAN))
        .then(TECHNICIAN, CaseCommand::Accept {});
    assert!(story.due(Rule::OnSite).is_some(), "accepting is not arriving");
    let story = story.then(TECHNICIAN, CaseCommand::Arrive {});
    assert_eq!(story.due(Rule::OnSite), None);
    let story = story.then(DESK, dispatch(SECOND_TECHNICIAN));
    assert_eq!(story.due(Rule::OnSite), None, "somebody has been there");
    let story = story.then(SECOND_TECHNICIAN, complete()).then(GUARD, reopen());
    assert!(story.due(Rule::OnSite).is_some(), "and has to come again");
}

#[test]
fn c5_c9_telling_of_a_delay_is_recorded_with_the_consent_and_moves_no_clock() {
    let before = asked("leak", "2026-11-22 10:00");
    let after = before.clone().then(DESK, tell(About::Delay));
    assert_eq!(after.case.deadlines(), before.case.deadlines());
    assert!(matches!(
        after.case.trail.last().map(|event| &event.change),
        Some(CaseChange::Told { about: About::Delay, consent: Some(true), whom: Told::Customer, .. })
    ));
}

#[test]
fn r4_the_handler_accepts_within_three_minutes_of_dispatch() {
    let story = reported("door", "2026-11-22 10:00").on("2026-11-22 11:00").then(DESK, dispatch(TECHNICIAN));
    assert_eq!(story.due_wall(Rule::Accept).as_deref(), Some("2026-11-22 11:03"));
    let again = story.clone().on("2026-11-22 11:10").then(DESK, dispatch(SECOND_TECHNICIAN));
    assert_eq!(again.due_wall(Rule::Accept).as_deref(), Some("2026-11-22 11:13"), "the next one's own");
    let accepted = story.then(TECHNICIAN, CaseCommand::Accept {});
    assert_eq!(accepted.due(Rule::Accept), None);
}

#[test]
fn r4_a_dispatch_that_arrived_late_is_accepted_from_its_arrival() {
    let mut story = reported("door", "2026-11-22 10:00");
    let arrival = story.world.at("2026-11-22 12:00");
    story.now = EventTime { at: arrival.plus(-HOUR), received: arrival, uncertain: false };
    let story = story.then(DESK, dispatch(TECHNICIAN));
    assert_eq!(story.due(Rule::Accept), Some(arrival.plus(3 * MINUTE)));
}

// --- R3, R4: late arrival ---

fn late(report: Report, at: &str, received: &str) -> Story {
    let world = World::new();
    let now = EventTime { at: world.at(at), received: world.at(received), uncertain: false };
    Story::begin_at(&world, GUARD, &report, now)
}

#[test]
fn r3_r4_a_late_report_climbs_from_its_event_and_its_customer_waits_from_its_arrival() {
    let story = late(customers("leak"), "2026-11-21 23:00", "2026-11-23 08:00");
    assert_eq!(ladder(&story), ["2026-11-22 03:00", "2026-11-23 00:00"], "both past: they fire at once");
    assert_eq!(story.due_wall(Rule::OnSite).as_deref(), Some("2026-11-23 08:15"));
    assert_eq!(story.due_wall(Rule::Feedback).as_deref(), Some("2026-11-25 00:00"));
    let onsite = story.case.deadlines().into_iter().find(|deadline| deadline.rule == Rule::OnSite);
    assert_eq!(onsite.map(|deadline| deadline.started), Some(story.case.reported.received));
    let service = late(customers("water"), "2026-11-21 23:00", "2026-11-23 08:00");
    assert_eq!(service.due_wall(Rule::Attend).as_deref(), Some("2026-11-23 08:03"));
    assert!(story.case.reported.late());
}

#[test]
fn r3_an_uncertain_time_starts_no_clock_earlier_than_its_arrival() {
    let world = World::new();
    let received = world.at("2026-11-23 08:00");
    let uncertain = EventTime { at: world.at("2026-11-20 23:00"), received, uncertain: true };
    for report in [found("leak"), customers("leak"), customers("water")] {
        let story = Story::begin_at(&world, GUARD, &report, uncertain);
        let exact = Story::begin_at(&world, GUARD, &report, EventTime::exact(received));
        assert_eq!(story.case.deadlines(), exact.case.deadlines());
        assert_eq!(story.case.next_step(received), exact.case.next_step(received));
        let classified = story.clone().then(DESK, classify("door", None));
        assert_eq!(classified.case.deadlines(), exact.then(DESK, classify("door", None)).case.deadlines());
        // A promise for the day of arrival needs no supervisor.
        story.then(DESK, promise(world.at("2026-11-23 18:00")));
    }
    let mut story = reported("leak", "2026-11-23 07:00");
    story.now = uncertain;
    let checked = story.clone().then(GUARD, CaseCommand::Check {});
    assert_eq!(checked.due_wall(Rule::Check).as_deref(), Some("2026-11-25 00:00"));
    let dispatched = story.then(DESK, dispatch(TECHNICIAN));
    assert_eq!(dispatched.due(Rule::Accept), Some(received.plus(3 * MINUTE)));
}

#[test]
fn r3_an_uncertain_time_gives_nobody_powers_that_have_ended() {
    // While the desk is closed the control room has its powers (R12); this came when it was open.
    let mut story = reported("leak", "2026-11-23 07:00");
    let received = story.world.at("2026-11-23 12:00");
    let night = story.world.at("2026-11-23 03:00");
    story.now = EventTime { at: night, received, uncertain: true };
    assert_eq!(story.refusal(CONTROL, &dispatch(TECHNICIAN)), Code::CaseNotAllowed);
    story.now.uncertain = false;
    story.then(CONTROL, dispatch(TECHNICIAN));
}

#[test]
fn r4_a_report_that_took_a_minute_is_not_late() {
    let story = late(customers("leak"), "2026-11-22 10:00", "2026-11-22 10:01");
    assert_eq!(story.due_wall(Rule::OnSite).as_deref(), Some("2026-11-22 10:15"));
}

#[test]
fn r4_reclassifying_a_late_report_keeps_its_starts() {
    let story = late(customers("door"), "2026-11-21 23:00", "2026-11-23 08:00")
        .on("2026-11-23 09:00")
        .then(DESK, classify("leak", None));
    assert_eq!(ladder(&story), ["2026-11-22 03:00", "2026-11-23 00:00"]);
    assert_eq!(story.due_wall(Rule::OnSite).as_deref(), Some("2026-11-23 08:15"));
}

// --- B2, B4 ---

#[test]
fn b2_the_first_asked_person_looks_every_day() {
    let story = reported("door", "2026-11-22 10:00");
    assert_eq!(story.due_wall(Rule::Check).as_deref(), Some("2026-11-24 00:00"), "day 1 is the report's own");
    let story = story.on("2026-11-23 09:00").then(GUARD, CaseCommand::Check {});
    assert_eq!(story.due_wall(Rule::Check).as_deref(), Some("2026-11-25 00:00"));
    let story = story.on("2026-11-24 23:59").then(GUARDS_LEAD, CaseCommand::Check {});
    assert_eq!(story.due_wall(Rule::Check).as_deref(), Some("2026-11-26 00:00"), "the lead may instead (B5)");
    let story = story.worked_on().then(TECHNICIAN, complete());
    assert!(story.due(Rule::Check).is_some(), "until it is confirmed");
    let story = story.then(GUARD, confirm(None));
    assert_eq!(story.due(Rule::Check), None);
}

#[test]
fn b2_nobody_checks_a_complaint_but_the_office() {
    let report = Report { accused: Some(CLEANER), ..customers("complaint") };
    let story = Story::begin(&World::new(), GUARD, report, "2026-11-22 10:00");
    assert_eq!(story.due(Rule::Check), None);
}

#[rstest]
#[case::during_the_day("2026-11-22 10:00", "2026-11-24 00:00")]
#[case::ten_to_midnight("2026-11-22 23:50", "2026-11-24 00:00")]
#[case::before_a_leap_day("2028-02-28 10:00", "2028-03-01 00:00")]
#[case::at_a_years_end("2026-12-31 10:00", "2027-01-02 00:00")]
fn b4_the_customer_hears_the_result_within_two_days(#[case] at: &str, #[case] due: &str) {
    assert_eq!(asked("door", at).due_wall(Rule::Feedback).as_deref(), Some(due));
}

#[test]
fn b4_only_telling_the_customer_of_the_result_ends_it() {
    let story = asked("door", "2026-11-22 10:00").worked_on().then(TECHNICIAN, complete());
    assert!(story.due(Rule::Feedback).is_some(), "done is not told");
    let telling = |whom, about| CaseCommand::Tell {
        whom,
        about,
        means: Means::InPerson,
        consent: None,
        note: String::new(),
    };
    let story = story
        .then(TECHNICIAN, telling(Told::FirstAsked, About::Result))
        .then(TECHNICIAN, telling(Told::Customer, About::Delay));
    assert!(story.due(Rule::Feedback).is_some());
    let told = story.clone().then(TECHNICIAN, telling(Told::Customer, About::Result));
    assert_eq!(told.due(Rule::Feedback), None);
    let confirmed = story.then(GUARD, confirm(Some(true)));
    assert_eq!(confirmed.due(Rule::Feedback), None, "a satisfied customer has heard");
    let reopened = confirmed.then(GUARD, reopen());
    assert!(reopened.due(Rule::Feedback).is_some(), "and hears the next result too");
}

#[test]
fn b4_without_a_customer_nobody_hears() {
    assert_eq!(reported("door", "2026-11-22 10:00").due(Rule::Feedback), None);
}

#[test]
fn a_cancelled_case_has_no_deadline() {
    let story =
        asked("leak", "2026-11-22 10:00").then(GUARD, CaseCommand::Cancel { reason: "dew".to_owned() });
    assert_eq!(story.case.deadlines(), []);
}

// --- R4, R11: figures are settings, and frozen ---

#[test]
fn r4_settings_changed_later_rewrite_no_clock() {
    let until = World::new().at("2026-11-26 15:00");
    let mut story = asked("leak", "2026-11-22 10:00")
        .then(DESK, dispatch(TECHNICIAN))
        .then(SUPERVISOR, promise(until))
        .then(DESK, tell(About::Promise));
    let before = story.case.deadlines();
    let figures = &mut story.world.site.figures;
    (figures.urgent_days, figures.grace, figures.feedback_days) = ([5, 6], 9 * HOUR, 9);
    let leak = story.world.category_mut("leak");
    (leak.urgent, leak.accept_min, leak.arrive_min) = (false, 30, 60);
    assert_eq!(story.case.deadlines(), before);
    let replayed = story.events.iter().skip(1).fold(
        Case::begin(story.case.id, &story.events[0]).expect("the first event is the report"),
        Case::evolve,
    );
    assert_eq!(replayed.deadlines(), before, "nor does reading the history again");
    let story = story.then(DESK, dispatch(SECOND_TECHNICIAN));
    assert_eq!(
        story.due(Rule::Accept),
        Some(story.now.at.plus(29 * MINUTE)),
        "a clock that starts now is new"
    );
}

#[test]
fn r11_the_figures_are_the_sites() {
    let mut world = World::new();
    let figures = &mut world.site.figures;
    (figures.urgent_days, figures.other_days) = ([2, 4], [3, 5]);
    (figures.grace, figures.feedback_days, figures.promise_days) = (HOUR, 3, 2);
    let leak = world.category_mut("leak");
    (leak.accept_min, leak.arrive_min) = (5, 20);
    let story = Story::begin(&world, GUARD, customers("leak"), "2026-11-22 10:00");
    assert_eq!(ladder(&story), ["2026-11-24 00:00", "2026-11-26 00:00"]);
    assert_eq!(story.due_wall(Rule::OnSite).as_deref(), Some("2026-11-22 10:20"));
    assert_eq!(story.due_wall(Rule::Feedback).as_deref(), Some("2026-11-25 00:00"));
    let story = story.then(DESK, dispatch(TECHNICIAN));
    assert_eq!(story.due_wall(Rule::Accept).as_deref(), Some("2026-11-22 10:06"));
    let third_day = story.world.at("2026-11-24 00:01");
    assert_eq!(story.refusal(SUPERVISOR, &promise(third_day)), Code::CasePromiseNeedsReason);
    let other = Story::begin(&world, GUARD, found("door"), "2026-11-22 10:00");
    assert_eq!(ladder(&other), ["2026-11-25 00:00", "2026-11-27 00:00"]);
}

#[test]
fn the_deadlines_come_soonest_first_and_name_their_rules() {
    let story = asked("leak", "2026-11-22 10:00").then(DESK, dispatch(TECHNICIAN));
    let rules: Vec<_> = story.case.deadlines().into_iter().map(|deadline| deadline.rule).collect();
    assert_eq!(
        rules,
        [Rule::Accept, Rule::OnSite, Rule::Step1, Rule::Step2, Rule::Check, Rule::Feedback],
        "in the order in which they fall due, then in that of the rules"
    );
}
