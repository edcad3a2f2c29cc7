//! What holds over any sequence of commands by anybody, in whatever order and however late: nothing panics, nothing
//! leaks, nothing that the rules forbid comes about.

use std::{cell::RefCell, collections::BTreeSet};

use crate::kit::story as kit;
use kit::{
    Story, TEXT,
    cast::{
        CAPTAIN, CLEANER, CUSTOMER_FLAT, CUSTOMER_NAME, CUSTOMER_PHONE, DESK, EVERYBODY, GUARD, SECOND_DESK,
        SUPERVISOR, TECHNICIAN, UNIT, World,
    },
    classify, complete, confirm, customers, dispatch, found, name, pause, photo, postpone, reopen, tell,
};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use shared::{
    case::{
        Case, CaseChange, CaseCommand, CaseView, Stage, StageName,
        command::{About, Means, Report, Told},
    },
    ids::PersonId,
    site::Role,
    time::{EventTime, HOUR, Ms},
};

/// One thing that somebody tries.
#[derive(Clone, Debug)]
struct Try {
    by: Author,
    what: What,
    /// Since the try before, in milliseconds.
    pause: i64,
    /// How long it took to arrive, in milliseconds.
    late: i64,
}

/// Who tries it: anybody, or whoever has the case, so that stories get somewhere.
#[derive(Clone, Debug)]
enum Author {
    Anybody(PersonId),
    Handler,
}

/// A command; times are relative to when it is made.
#[derive(Clone, Debug)]
enum What {
    Plain(Box<CaseCommand>),
    Pause(i64),
    Promise(i64, String),
    Postpone(i64),
}

fn person() -> impl Strategy<Value = PersonId> {
    select(EVERYBODY.to_vec())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("  ".to_owned()), Just(TEXT.to_owned()), ".{0,8}"]
}

fn span() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => -HOUR..240 * HOUR,
        1 => Just(i64::MAX),
        1 => Just(i64::MIN),
    ]
}

fn category() -> impl Strategy<Value = &'static str> {
    select(vec!["leak", "door", "litter", "playground", "water", "complaint", "idea", "unheard of"])
}

fn what() -> impl Strategy<Value = What> {
    let plain = prop_oneof![
        Just(CaseCommand::Report(found("leak"))),
        text().prop_map(|result| CaseCommand::Fix { result, photos: vec![] }),
        (category(), proptest::option::of(person())).prop_map(|(code, accused)| classify(code, accused)),
        person().prop_map(dispatch),
        Just(dispatch(TECHNICIAN)),
        Just(dispatch(SECOND_DESK)),
        Just(CaseCommand::Accept {}),
        text().prop_map(|reason| CaseCommand::Decline { reason }),
        Just(CaseCommand::Arrive {}),
        Just(CaseCommand::Resume {}),
        select(vec![About::Promise, About::Delay, About::Result]).prop_map(tell),
        text().prop_map(|note| CaseCommand::Tell {
            whom: Told::FirstAsked,
            about: About::Promise,
            means: Means::InPerson,
            consent: None,
            note,
        }),
        Just(complete()),
        (0..12_u128).prop_map(|n| CaseCommand::Complete {
            result: "done".to_owned(),
            photos: (0..n).map(photo).collect(),
        }),
        proptest::option::of(any::<bool>()).prop_map(confirm),
        Just(confirm(Some(true))),
        Just(reopen()),
        Just(CaseCommand::Check {}),
        (person(), text()).prop_map(|(to, reason)| CaseCommand::Succeed { to, reason }),
        (text(), 0..12_u128)
            .prop_map(|(text, n)| CaseCommand::Comment { text, photos: (0..n).map(photo).collect() }),
        text().prop_map(|reason| CaseCommand::Cancel { reason }),
        Just(CaseCommand::See {}),
    ];
    prop_oneof![
        22 => plain.prop_map(|command| What::Plain(Box::new(command))),
        2 => span().prop_map(What::Pause),
        2 => (span(), text()).prop_map(|(until, reason)| What::Promise(until, reason)),
        3 => span().prop_map(What::Postpone),
    ]
}

fn any_try() -> impl Strategy<Value = Try> {
    let by = prop_oneof![
        2 => person().prop_map(Author::Anybody),
        2 => select(vec![DESK, SUPERVISOR, GUARD]).prop_map(Author::Anybody),
        3 => Just(Author::Handler),
    ];
    let late = prop_oneof![4 => Just(0), 1 => 0..100 * HOUR, 1 => Just(i64::MAX)];
    (by, what(), (0..20 * HOUR), late).prop_map(|(by, what, pause, late)| Try { by, what, pause, late })
}

fn any_report() -> impl Strategy<Value = (PersonId, Report)> {
    let kind = select(vec!["leak", "door", "litter", "water", "complaint", "complaint", "idea"]);
    let on_behalf_of = proptest::option::of(select(vec![GUARD, CLEANER, TECHNICIAN]));
    let accused = proptest::option::of(select(vec![CLEANER, DESK, SUPERVISOR, GUARD, TECHNICIAN]));
    let by = select(vec![GUARD, CAPTAIN, DESK, CLEANER]);
    (by, kind, any::<bool>(), on_behalf_of, accused).prop_map(
        |(by, kind, customer, on_behalf_of, accused)| {
            let report =
                if customer { customers(kind) } else { Report { place: UNIT.into(), ..found(kind) } };
            (by, Report { on_behalf_of, accused, ..report })
        },
    )
}

/// A report and what is tried on it, at 10:00 of a day that is a few hours long for some.
fn any_story() -> impl Strategy<Value = (PersonId, Report, Vec<Try>)> {
    any_report()
        .prop_flat_map(|(by, report)| (Just(by), Just(report), proptest::collection::vec(any_try(), 0..40)))
}

/// What is said while only the office listens.
const CONFIDENCE: &str = "Said-in-confidence";

fn command(what: What, now: Ms) -> CaseCommand {
    match what {
        What::Plain(command) => *command,
        What::Pause(by) => pause(now.plus(by)),
        What::Promise(by, reason) => CaseCommand::Promise { until: now.plus(by), reason },
        What::Postpone(by) => postpone(now.plus(by)),
    }
}

/// Plays a story; after every step that changes something, `check` sees it.
fn play(
    (by, report, tries): (PersonId, Report, Vec<Try>),
    mut check: impl FnMut(&Story, Option<&Case>) -> Result<(), TestCaseError>,
) -> Result<Story, TestCaseError> {
    let mut story = Story::begin(&World::new(), by, report, "2026-11-22 10:00");
    check(&story, None)?;
    for one in tries {
        let received = story.now.received.plus(one.pause);
        story.now = EventTime { at: received.plus(-one.late), received, uncertain: false };
        let by = match one.by {
            Author::Anybody(person) => person,
            Author::Handler => story.case.stage.handler().unwrap_or(DESK),
        };
        let mut command = command(one.what, story.now.at);
        if let (true, CaseCommand::Comment { text, .. }) = (story.case.confidential(), &mut command) {
            CONFIDENCE.clone_into(text);
        }
        let answer = story.judge(by, &command);
        prop_assert_eq!(&answer, &story.judge(by, &command), "the same question has the same answer");
        if let Ok(events) = answer {
            let before = story.case.clone();
            story.apply(events);
            check(&story, Some(&before))?;
        }
    }
    Ok(story)
}

/// Whether a person may see the customer, from what R9, R10 and R12 say of persons.
fn may_see_customer(story: &Story, person: PersonId) -> bool {
    let member = story.world.member(person);
    let office = [Role::Desk, Role::Supervisor, Role::Director].iter().any(|role| member.is(*role));
    let minute = story.world.zone.minute_of_day(story.now.at);
    let deputy =
        member.is(Role::ControlRoom) && !(7 * 60..23 * 60).contains(&minute) && !story.case.confidential();
    let handler = story.case.stage.handler() == Some(person) && !story.case.confidential();
    !member.gone && !accused(story, person) && (office || deputy || handler)
}

/// Whether a complaint is about a person or one of the company that the person leads (R9).
fn accused(story: &Story, person: PersonId) -> bool {
    story.case.accused.as_ref().is_some_and(|accused| {
        let company = &story.world.member(accused.person).company;
        let subcontractor = story.world.site.company(company).is_some_and(|company| company.subcontractor);
        let leads = story.world.member(person).lead_of.contains(company);
        accused.person == person || (subcontractor && leads)
    })
}

fn json(of: &impl serde::Serialize) -> Result<String, TestCaseError> {
    serde_json::to_string(of).map_err(|error| TestCaseError::fail(error.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_case_is_the_fold_of_its_events(story in any_story()) {
        let story = play(story, |story, _| {
            prop_assert_eq!(story.case.version as usize, story.events.len());
            prop_assert!(story.case.deadlines().is_sorted_by_key(|deadline| deadline.at));
            Ok(())
        })?;
        let replayed = story.events.iter().skip(1).fold(
            Case::begin(story.case.id, &story.events[0]).ok_or_else(|| TestCaseError::fail("no report"))?,
            Case::evolve,
        );
        prop_assert_eq!(replayed, story.case);
    }

    #[test]
    fn r9_r10_no_view_leaks(story in any_story()) {
        play(story, |story, _| {
            for person in EVERYBODY {
                let seen = json(&story.view(person))?;
                if !may_see_customer(story, person) {
                    for secret in [CUSTOMER_NAME, CUSTOMER_PHONE, CUSTOMER_FLAT, UNIT] {
                        prop_assert!(!seen.contains(secret), "{} to {}", secret, story.world.member(person).code);
                    }
                    prop_assert!(!seen.contains(CONFIDENCE), "to {}", story.world.member(person).code);
                    if story.case.confidential() {
                        prop_assert!(!seen.contains(TEXT), "the text to {}", story.world.member(person).code);
                    }
                }
                if story.case.confidential() && accused(story, person) {
                    prop_assert_eq!(seen, "null");
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn r9_the_feed_reaches_exactly_those_who_see_a_case(story in any_story()) {
        play(story, |story, _| {
            let audience = story.case.audience(&story.world.people);
            for person in EVERYBODY {
                let member = story.world.member(person);
                prop_assert_eq!(
                    !member.principals().is_disjoint(&audience),
                    story.view(person).is_some(),
                    "{}", member.code
                );
            }
            Ok(())
        })?;
    }

    #[test]
    fn cases_and_views_survive_json(story in any_story()) {
        play(story, |story, _| {
            let again: Case = serde_json::from_str(&json(&story.case)?)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&again, &story.case);
            for person in EVERYBODY {
                let view = story.view(person);
                let again: Option<CaseView> = serde_json::from_str(&json(&view)?)
                    .map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert_eq!(again, view);
            }
            Ok(())
        })?;
    }

    #[test]
    fn c6_r7_no_story_postpones_twice(story in any_story()) {
        let story = play(story, |_, _| Ok(()))?;
        let count = story.changes().filter(|change| matches!(change, CaseChange::Postponed { .. })).count();
        prop_assert!(count <= 1);
        prop_assert_eq!(story.case.postponed, count == 1);
        let promises = story.changes().filter(|change| matches!(change, CaseChange::Promised { .. })).count();
        prop_assert!(promises <= 1, "a second promise would be a postponement by another name");
    }

    #[test]
    fn r5_the_first_asked_person_changes_by_succession_only(story in any_story()) {
        play(story, |story, before| {
            let Some(before) = before else { return Ok(()) };
            let succeeded = story.events[before.version as usize..]
                .iter()
                .any(|event| matches!(event.change, CaseChange::Succeeded { .. }));
            prop_assert!(succeeded || before.first_asked == story.case.first_asked);
            prop_assert_eq!(before.number.as_ref(), story.case.number.as_ref());
            prop_assert_eq!(before.reported, story.case.reported, "day 1 stays day 1 (R2)");
            Ok(())
        })?;
    }

    #[test]
    fn r6_a_case_closes_only_by_a_confirmation(story in any_story()) {
        play(story, |story, before| {
            let Stage::Closed { satisfied, .. } = &story.case.stage else { return Ok(()) };
            if before.is_some_and(|before| before.stage.name() != StageName::Closed) {
                let last = story.events.last().map(|event| &event.change);
                let confirmed = matches!(last, Some(CaseChange::Confirmed { .. }));
                let fixed = matches!(last, Some(CaseChange::Fixed { .. })) && !story.case.customers();
                prop_assert!(confirmed || fixed, "closed by {:?}", last);
                prop_assert!(!story.case.customers() || *satisfied == Some(true), "the customer is content");
            }
            Ok(())
        })?;
    }

    #[test]
    fn r9_nobody_outside_the_office_has_a_complaint(story in any_story()) {
        play(story, |story, _| {
            if story.case.confidential() && story.case.stage.name().open()
                && let Some(handler) = story.case.stage.handler()
            {
                prop_assert!(may_see_customer(story, handler), "{}", story.world.member(handler).code);
            }
            Ok(())
        })?;
    }
}

/// The properties above say something only if the stories get somewhere.
#[test]
fn the_stories_reach_every_stage_and_every_change() {
    let stages = RefCell::new(BTreeSet::new());
    let changes = RefCell::new(BTreeSet::new());
    let mut runner = TestRunner::deterministic();
    let done = runner.run(&any_story(), |story| {
        let story = play(story, |story, _| {
            stages.borrow_mut().insert(story.case.stage.name());
            Ok(())
        })?;
        changes.borrow_mut().extend(story.changes().map(name));
        Ok(())
    });
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(stages.into_inner(), StageName::ALL.into());
    // Every change but that of a photo's bytes, which no command causes.
    assert_eq!(changes.borrow().len(), 21, "{:?}", changes.borrow());
}
