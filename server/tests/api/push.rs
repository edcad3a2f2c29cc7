//! Pushing commands: repeats, gaps, what waits and what is refused, and the time of events.

use serde_json::json;
use server::clock::ManualClock;
use shared::{
    Code, Rejection,
    case::CaseView,
    ids::CommandId,
    time::{HOUR, Ms},
    wire::{self, Envelope, PushResponse, SETTLE, Verdict},
};

use crate::kit::{Device, On, PASSWORD, Reply, TestApp, cast, complaint, leak, tests};

tests![
    a_repeat_gets_the_first_verdicts_again,
    a_repeat_that_goes_on_is_judged_from_where_it_is_new,
    a_gap_waits_for_what_is_missing,
    a_command_waits_for_its_create_and_is_judged_when_it_comes,
    refusing_a_create_refuses_its_children,
    anybody_may_carry_a_push,
    an_older_key_of_the_device_still_vouches,
    a_push_for_two_sites_is_judged_at_both,
    a_refused_command_is_shown_to_its_author_and_the_desk_until_it_is_settled,
    r9_a_refused_complaint_is_shown_to_its_author_only,
    r3_a_clock_three_years_off_gives_the_right_time,
    r3_without_contact_a_report_climbs_from_its_arrival,
    r3_time_never_goes_back_on_one_device,
    r3_what_follows_a_command_with_a_used_id_keeps_its_time,
    pushes_at_the_same_time_all_arrive,
    seeing_a_case_twice_changes_nothing,
    no_number_is_given_twice_around_midnight,
    a_hundred_commands_fit,
    what_comes_before_a_failure_of_the_database_is_kept,
];

fn code(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted { .. } => "accepted",
        Verdict::Recorded { .. } => "recorded",
        Verdict::Rejected(Rejection { code, .. }) | Verdict::Held { code } => code.as_str(),
    }
}

fn codes(verdicts: &[Verdict]) -> Vec<&'static str> {
    verdicts.iter().map(code).collect()
}

/// The verdicts of a push that somebody else has carried.
fn verdicts(reply: &Reply) -> Vec<Verdict> {
    let response: PushResponse = serde_json::from_str(&reply.text).unwrap();
    response.answers.into_iter().map(|answer| answer.verdict).collect()
}

async fn a_repeat_gets_the_first_verdicts_again(on: On) {
    let mut app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let texts = vec![
        guard.make("case.report", case, leak()),
        guard.make("case.confirm", case, json!({})),
        guard.make("case.comment", case, json!({ "text": "x" })),
    ];
    let first = guard.push(texts.clone()).await;
    assert_eq!(codes(&first), ["accepted", "case.wrong_stage", "accepted"]);
    app.advance(60);
    assert_eq!(guard.push(texts.clone()).await, first);
    app.restart().await;
    guard.router = app.router.clone();
    assert_eq!(guard.push(texts).await, first);
    assert_eq!(guard.pull().await.case(case).unwrap().version(), 2);
}

async fn a_repeat_that_goes_on_is_judged_from_where_it_is_new(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let first = guard.make("case.report", case, leak());
    let before = guard.push(vec![first.clone()]).await;
    let second = guard.make("case.comment", case, json!({ "text": "x" }));
    let both = guard.push(vec![first, second]).await;
    assert_eq!(both[0], before[0]);
    assert!(matches!(both[1], Verdict::Accepted { version: 2, .. }));
}

async fn a_gap_waits_for_what_is_missing(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let first = guard.make("case.report", case, leak());
    let second = guard.make("case.comment", case, json!({ "text": "x" }));
    assert_eq!(codes(&guard.push(vec![second.clone()]).await), ["command.predecessor_missing"]);
    assert_eq!(codes(&guard.push(vec![first]).await), ["accepted"]);
    assert_eq!(codes(&guard.push(vec![second]).await), ["accepted"]);
}

async fn a_command_waits_for_its_create_and_is_judged_when_it_comes(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut desk) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::DESK).await);
    let case = guard.new_case();
    let report = guard.make("case.report", case, leak());
    let comment = desk.make("case.comment", case, json!({ "text": "马上来" }));
    let wrong = desk.make("case.confirm", case, json!({}));
    let held = desk.push(vec![comment.clone(), wrong.clone()]).await;
    assert_eq!(codes(&held), ["command.create_missing", "command.create_missing"]);
    // The chain goes on meanwhile.
    desk.report().await;
    app.advance(5);
    assert_eq!(codes(&guard.push(vec![report]).await), ["accepted"]);
    let last = desk.make("case.see", case, json!({}));
    let verdicts = desk.push(vec![comment, wrong]).await;
    assert_eq!(codes(&verdicts), ["accepted", "case.wrong_stage"]);
    assert_eq!(codes(&desk.push(vec![last]).await), ["accepted"]);
    let feed = desk.pull().await;
    let CaseView::Full(case) = feed.case(case).unwrap() else { panic!("an outline") };
    // It happened when the desk said it, not when it could be judged.
    assert_eq!(case.trail[0].time.at, app.now().plus(-5 * 60_000));
    assert_eq!(feed.refusals().len(), 1);
}

async fn refusing_a_create_refuses_its_children(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut desk) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::DESK).await);
    let case = guard.new_case();
    let early = desk.make("case.comment", case, json!({ "text": "先到" }));
    assert_eq!(codes(&desk.push(vec![early.clone()]).await), ["command.create_missing"]);
    let nowhere = json!({ "category": "leak", "place": "nowhere", "text": "x", "source": "found" });
    let texts = vec![
        guard.make("case.report", case, nowhere),
        guard.make("case.comment", case, json!({ "text": "x" })),
    ];
    let verdicts = guard.push(texts.clone()).await;
    assert_eq!(codes(&verdicts), ["case.unknown_place", "command.parent_rejected"]);
    let Verdict::Rejected(rejection) = &verdicts[1] else { unreachable!() };
    let parent = wire::Envelope::read(&texts[0]).unwrap().id;
    assert_eq!(rejection.fields["parent"], parent.to_string());
    // What had waited is refused with it.
    assert_eq!(codes(&desk.push(vec![early]).await), ["command.parent_rejected"]);
    // Mended, under a new id.
    guard.report().await;
}

async fn anybody_may_carry_a_push(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let carrier = app.sign_in(cast::FOREIGN_GUARD).await;
    let case = guard.new_case();
    let text = guard.make("case.report", case, leak());
    let reply = carrier.try_push(&guard.pack(vec![text.clone()])).await;
    assert_eq!(codes(&verdicts(&reply)), ["accepted"]);
    let CaseView::Full(case) = guard.pull().await.case(case).unwrap().clone() else { panic!() };
    assert_eq!(case.first_asked.person, guard.person);
    let nobody = Device::new(&app);
    assert_eq!(nobody.try_push(&guard.pack(vec![text])).await.problem().0, 401);
}

async fn an_older_key_of_the_device_still_vouches(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let text = guard.make("case.report", guard.new_case(), leak());
    let signed_before = guard.pack(vec![text]);
    guard.key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let (n, prev) = (guard.n, guard.prev.clone());
    guard.sign_in(cast::GUARD, PASSWORD).await;
    assert_eq!(guard.try_push(&signed_before).await.status, 200);
    (guard.n, guard.prev) = (n, prev);
    guard.report().await;
}

async fn a_push_for_two_sites_is_judged_at_both(on: On) {
    let app = TestApp::start(on).await;
    app.reimport("wanjing", |file| {
        file["people"][4]["code"] = json!("P599");
        file["people"][4]["phone"] = json!("13900000023");
        file["people"][4]["name"] = json!("杨敏");
    })
    .await;
    let mut guard = app.sign_in("13900000023").await;
    let mut texts = Vec::new();
    for (site, place) in [("jinzhou", "B1-1-LOBBY"), ("wanjing", "W1-LOBBY"), ("jinzhou", "B2-ROOF")] {
        guard.site = site.to_owned();
        let report = json!({ "category": "leak", "place": place, "text": "x", "source": "found" });
        texts.push(guard.make("case.report", guard.new_case(), report));
    }
    assert_eq!(codes(&guard.push(texts.clone()).await), ["accepted"; 3]);
    assert_eq!(codes(&guard.push(texts).await), ["accepted"; 3]);
    assert_eq!(guard.pull_by("jinzhou", 200).await.docs.len(), 3 + 2);
    assert_eq!(guard.pull_by("wanjing", 200).await.docs.len(), 3 + 1);
}

async fn a_refused_command_is_shown_to_its_author_and_the_desk_until_it_is_settled(on: On) {
    let (_app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.report().await;
    let refused = team.guard.send("case.confirm", case, json!({})).await;
    assert_eq!(code(&refused), "case.wrong_stage");
    let refusals = team.guard.pull().await.refusals();
    assert_eq!(team.desk.pull().await.refusals(), refusals);
    assert!(team.technician.pull().await.refusals().is_empty());
    let [(id, code_of)] = &refusals[..] else { panic!("{refusals:?}") };
    assert_eq!(code_of, "case.wrong_stage");
    let not_theirs = team.technician.send(SETTLE, *id, json!({})).await;
    assert_eq!(code(&not_theirs), "case.not_visible");
    team.guard.accepted(SETTLE, *id, json!({})).await;
    team.desk.accepted(SETTLE, *id, json!({})).await;
    for device in [&mut team.guard, &mut team.desk, &mut team.technician] {
        assert!(device.pull().await.refusals().is_empty());
    }
    let unknown = team.guard.send(SETTLE, CommandId(team.guard.new_id()), json!({})).await;
    assert_eq!(code(&unknown), "case.not_visible");
}

async fn r9_a_refused_complaint_is_shown_to_its_author_only(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let about = app.person(cast::CLEANER).await;
    let case = team.guard.new_case();
    let mut nowhere = complaint(about);
    nowhere["place"] = json!("nowhere");
    let refused = team.guard.send("case.report", case, nowhere).await;
    assert_eq!(code(&refused), "case.unknown_place");
    let child = team.guard.send("case.comment", case, json!({ "text": "她说了难听的话" })).await;
    assert_eq!(code(&child), "command.parent_rejected");
    // Too damaged to tell what it is about.
    let damaged = json!({ "category": "complaint", "place": 7 });
    assert_eq!(
        code(&team.guard.send("case.report", team.guard.new_case(), damaged).await),
        "command.bad_body"
    );
    let refusals = team.guard.pull().await.refusals();
    assert_eq!(refusals.len(), 3);
    assert!(team.desk.pull().await.refusals().is_empty());
    assert_eq!(code(&team.desk.send(SETTLE, refusals[0].0, json!({})).await), "case.not_visible");
    team.guard.accepted(SETTLE, refusals[0].0, json!({})).await;
}

async fn r3_a_clock_three_years_off_gives_the_right_time(on: On) {
    let app = TestApp::start(on).await;
    for years in [-3, 3] {
        let mut guard = app.sign_in(cast::GUARD).await;
        guard.ahead = years * 365 * 24 * HOUR;
        let case = guard.new_case();
        let text = guard.make("case.report", case, leak());
        let made = app.now();
        app.advance(40);
        assert_eq!(codes(&guard.push(vec![text]).await), ["accepted"]);
        let CaseView::Full(case) = guard.pull().await.case(case).unwrap().clone() else { panic!() };
        assert_eq!((case.reported.at, case.reported.uncertain), (made, false));
        assert_eq!(case.reported.received, app.now());
    }
}

async fn r3_without_contact_a_report_climbs_from_its_arrival(on: On) {
    let app = TestApp::start(on).await;
    let registered = app.now();
    let (mut guard, mut other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    app.advance(72 * 60);
    let case = guard.new_case();
    // Made after the clock fell back to 1970, and sent when it was right again.
    let envelope = Envelope { at: Ms(0), heard: None, ..guard.envelope("case.report", case.0, leak()) };
    let text = guard.chain(envelope.write());
    assert_eq!(codes(&guard.push(vec![text]).await), ["accepted"]);
    let CaseView::Full(case) = guard.pull().await.case(case).unwrap().clone() else { panic!() };
    assert_eq!((case.reported.at, case.reported.uncertain), (registered, true));
    let prompt = other.report().await;
    let CaseView::Full(prompt) = other.pull().await.case(prompt).unwrap().clone() else { panic!() };
    assert_eq!((case.clocks, case.check_by), (prompt.clocks, prompt.check_by));
}

async fn r3_time_never_goes_back_on_one_device(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.report().await;
    let mut envelope = guard.envelope("case.comment", case.0, json!({ "text": "x" }));
    envelope.at = Ms(i64::MIN);
    let text = guard.chain(envelope.write());
    assert_eq!(codes(&guard.push(vec![text]).await), ["accepted"]);
    let CaseView::Full(case) = guard.pull().await.case(case).unwrap().clone() else { panic!() };
    assert_eq!((case.trail[0].time.at, case.trail[0].time.uncertain), (case.reported.at, true));
}

async fn r3_what_follows_a_command_with_a_used_id_keeps_its_time(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let report = guard.make("case.report", case, leak());
    let id = Envelope::read(&report).unwrap().id;
    let reused = Envelope { id, ..guard.envelope("case.comment", case.0, json!({ "text": "x" })) };
    let reused = guard.chain(reused.write());
    let foreign = Envelope { device: Device::new(&app).id, ..guard.envelope("case.see", case.0, json!({})) };
    let foreign = guard.chain(foreign.write());
    app.advance(1);
    let comment = guard.make("case.comment", case, json!({ "text": "y" }));
    let made = app.now();
    app.advance(60);
    let verdicts = guard.push(vec![report, reused, foreign, comment]).await;
    assert_eq!(codes(&verdicts), ["accepted", "command.id_reused", "command.foreign", "accepted"]);
    let CaseView::Full(case) = guard.pull().await.case(case).unwrap().clone() else { panic!() };
    assert_eq!((case.trail[0].time.at, case.trail[0].time.uncertain), (made, false));
}

async fn pushes_at_the_same_time_all_arrive(on: On) {
    let app = TestApp::start(on).await;
    let mut reader = app.sign_in(cast::DESK).await;
    let mut tasks = tokio::task::JoinSet::new();
    for name in ["P023", "P024", "P025", "P026"] {
        let mut guard = app.sign_in(name).await;
        tasks.spawn(async move {
            for _ in 0..10 {
                let text = guard.make("case.report", guard.new_case(), leak());
                // The same push twice at once, as two tabs would send it.
                let (one, two) = tokio::join!(guard.push(vec![text.clone()]), guard.push(vec![text]));
                assert_eq!(one, two);
                assert_eq!(codes(&one), ["accepted"]);
            }
        });
    }
    // A reader who pulls all the while misses nothing.
    while !tasks.is_empty() {
        tokio::select! {
            done = tasks.join_next() => { done.unwrap().unwrap(); }
            feed = reader.pull() => { assert!(feed.docs.len() <= 43); }
        }
    }
    let feed = reader.pull().await;
    assert_eq!(feed.docs.len(), 3 + 40);
    let mut numbers: Vec<String> = feed
        .docs
        .values()
        .filter_map(|doc| match doc {
            wire::Doc::Case(view) => Some(view.number().unwrap().0.clone()),
            wire::Doc::Site(_)
            | wire::Doc::Places(_)
            | wire::Doc::People(_)
            | wire::Doc::Route(_)
            | wire::Doc::Round(_)
            | wire::Doc::Refusal(_)
            | wire::Doc::Quarantine(_) => None,
        })
        .collect();
    numbers.sort();
    let expected: Vec<String> = (1..=40).map(|n| format!("20261123-{n:03}")).collect();
    assert_eq!(numbers, expected);
}

async fn seeing_a_case_twice_changes_nothing(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut desk) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::DESK).await);
    let case = guard.report().await;
    let first = desk.send("case.see", case, json!({})).await;
    let second = desk.send("case.see", case, json!({})).await;
    let (Verdict::Accepted { seq: first, version: 2 }, Verdict::Accepted { seq: second, version: 2 }) =
        (&first, &second)
    else {
        panic!("{first:?}, {second:?}")
    };
    assert!(first < second, "a backup that has the first need not have the second");
}

async fn no_number_is_given_twice_around_midnight(on: On) {
    let mut app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    app.advance(14 * 60 - 1);
    let before_midnight = app.now();
    app.advance(2);
    let after_midnight = app.now();
    let mut numbers = Vec::new();
    // Two servers whose clocks differ, or one whose clock is set back: arrivals out of order.
    for now in [before_midnight, after_midnight, before_midnight, after_midnight] {
        app.clock = ManualClock::at(now);
        app.restart().await;
        guard.router = app.router.clone();
        let case = guard.report().await;
        numbers.push(guard.pull().await.case(case).unwrap().number().unwrap().0.clone());
    }
    assert_eq!(numbers, ["20261123-001", "20261124-001", "20261124-002", "20261124-003"]);
}

async fn a_hundred_commands_fit(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let mut texts = vec![guard.make("case.report", case, leak())];
    texts.extend((1..100).map(|n| guard.make("case.comment", case, json!({ "text": n.to_string() }))));
    let verdicts = guard.push(texts).await;
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Accepted { .. })));
    assert!(matches!(verdicts[99], Verdict::Accepted { version: 100, .. }));
    let one_more = guard.make("case.comment", case, json!({ "text": "101" }));
    let too_many = guard.pack(vec![one_more; 101]);
    let (status, code) = guard.try_push(&too_many).await.problem();
    assert_eq!((status, code.as_str()), (413, Code::PushTooLarge.as_str()));
}

async fn what_comes_before_a_failure_of_the_database_is_kept(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    // The database refuses a second case of the same category.
    let mut tx = app.app.db.write().await.unwrap();
    sqlx::raw_sql("create unique index odd on case_facts (site, category)").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let light = json!({ "category": "power", "place": "B1-1-LOBBY", "text": "灯不亮", "source": "found" });
    let texts = vec![
        guard.make("case.report", guard.new_case(), leak()),
        guard.make("case.report", guard.new_case(), light),
        guard.make("case.report", guard.new_case(), leak()),
        guard.make("case.report", guard.new_case(), complaint(guard.person)),
    ];
    let verdicts = guard.push(texts.clone()).await;
    let missing = "command.predecessor_missing";
    assert_eq!(codes(&verdicts), ["accepted", "accepted", "server.failed", missing]);
    let reply = guard.try_push(&guard.pack(texts[2..].to_vec())).await;
    assert_eq!(reply.problem(), (500, "server.failed".to_owned()));
    // Once the database is in order again, the repeat goes on where it stopped.
    let mut tx = app.app.db.write().await.unwrap();
    sqlx::raw_sql("drop index odd").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let again = guard.push(texts).await;
    assert_eq!(again[..2], verdicts[..2]);
    assert_eq!(codes(&again), ["accepted"; 4]);
}
