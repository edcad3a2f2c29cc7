//! The whole story of a case, and who sees what of it on the way.

use serde_json::json;
use shared::{
    case::{Case, CaseEvent, CaseView, StageName, command::Source},
    time::HOUR,
    wire::{DocKey, Verdict},
};

use crate::kit::{On, TestApp, cast, complaint, tests};

tests![
    a_leak_goes_from_the_guard_to_its_end,
    a8_the_lead_of_a_subcontractor_hears_of_it,
    r9_a_complaint_never_reaches_the_person_complained_about,
    r9_a_case_that_becomes_a_complaint_is_taken_back,
    r10_a_customer_is_shown_to_the_office_and_the_handler_only,
    r12_the_control_room_stands_in_for_the_desk_at_night,
    c6_of_two_postponements_made_offline_the_first_to_arrive_stands,
    cases_are_numbered_by_day,
    two_sites_know_nothing_of_each_other,
    a_document_is_the_fold_of_its_events,
];

async fn a_leak_goes_from_the_guard_to_its_end(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.report().await;
    let view = team.desk.pull().await.case(case).unwrap().clone();
    assert_eq!(view.number().unwrap().0, "20261123-001");
    app.advance(1);
    let technician = team.technician.person;
    team.desk.accepted("case.dispatch", case, json!({ "to": technician })).await;
    assert!(team.technician.pull().await.case(case).is_some());
    team.technician.accepted("case.accept", case, json!({})).await;
    team.technician.accepted("case.arrive", case, json!({})).await;
    app.advance(30);
    team.technician.accepted("case.complete", case, json!({ "result": "换了接头" })).await;
    assert_eq!(team.guard.pull().await.case(case).unwrap().stage(), StageName::Completed);
    team.guard.accepted("case.confirm", case, json!({})).await;
    let late = team.technician.send("case.arrive", case, json!({})).await;
    assert!(matches!(late, Verdict::Recorded { version: 7, .. }), "{late:?}");
    assert_eq!(team.desk.pull().await.case(case).unwrap().stage(), StageName::Closed);
}

async fn a8_the_lead_of_a_subcontractor_hears_of_it(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut lead) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::LEAD).await);
    let mut other = app.sign_in(cast::OTHER_GUARD).await;
    let case = guard.report().await;
    assert!(lead.pull().await.case(case).is_some());
    assert!(other.pull().await.case(case).is_none());
    lead.accepted("case.see", case, json!({})).await;
    let CaseView::Full(seen) = guard.pull().await.case(case).unwrap().clone() else { panic!("no outline") };
    assert!(seen.seen.contains_key(&lead.person));
}

async fn r9_a_complaint_never_reaches_the_person_complained_about(on: On) {
    let app = TestApp::start(on).await;
    let mut reporter = app.sign_in(cast::CLEANER).await;
    let (mut accused, mut lead) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::LEAD).await);
    let (mut desk, mut control) = (app.sign_in(cast::DESK).await, app.sign_in(cast::CONTROL_ROOM).await);
    let mut technician = app.sign_in(cast::TECHNICIAN).await;
    let case = reporter.new_case();
    reporter.accepted("case.report", case, complaint(accused.person)).await;
    desk.accepted("case.comment", case, json!({ "text": "已了解" })).await;
    for stranger in [&mut accused, &mut lead, &mut control, &mut technician] {
        let feed = stranger.pull().await;
        assert!(!feed.changed.contains(&DocKey::Case(case)), "not even that it is gone");
    }
    assert!(matches!(desk.pull().await.case(case), Some(CaseView::Full(_))));
    assert!(matches!(reporter.pull().await.case(case), Some(CaseView::Outline(_))));
    // Whoever guesses the id is told as much as about a case that does not exist.
    let refused = accused.send("case.comment", case, json!({ "text": "?" })).await;
    let Verdict::Rejected(rejection) = refused else { panic!("{refused:?}") };
    assert_eq!(rejection.code.as_str(), "case.not_visible");
    // The refusal does not show it to the desk either.
    assert!(desk.pull().await.refusals().is_empty());
}

async fn r9_a_case_that_becomes_a_complaint_is_taken_back(on: On) {
    let app = TestApp::start(on).await;
    let mut reporter = app.sign_in(cast::GUARD).await;
    let (mut desk, mut technician) = (app.sign_in(cast::DESK).await, app.sign_in(cast::TECHNICIAN).await);
    let mut lead = app.sign_in(cast::LEAD).await;
    let case = reporter.report().await;
    desk.accepted("case.dispatch", case, json!({ "to": technician.person })).await;
    assert!(technician.pull().await.case(case).is_some());
    assert!(lead.pull().await.case(case).is_some());
    let about = technician.person;
    desk.accepted("case.classify", case, json!({ "category": "complaint", "accused": about })).await;
    for stranger in [&mut technician, &mut lead] {
        let feed = stranger.pull().await;
        assert!(feed.case(case).is_none());
        assert!(feed.gone.contains(&DocKey::Case(case)));
    }
    assert!(matches!(reporter.pull().await.case(case), Some(CaseView::Outline(_))));
}

async fn r10_a_customer_is_shown_to_the_office_and_the_handler_only(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let mut supervisor = app.sign_in(cast::SUPERVISOR).await;
    let case = team.guard.new_case();
    let report = json!({
        "category": "leak", "place": "B1-1-LOBBY", "text": "厨房漏水",
        "source": { "customer": { "name": "王女士", "phone": "13800000000", "flat": "1-0203" } },
    });
    team.guard.accepted("case.report", case, report).await;
    let technician = team.technician.person;
    team.desk.accepted("case.dispatch", case, json!({ "to": technician })).await;
    let shown = |view: &CaseView| match view {
        CaseView::Full(case) => matches!(case.source, Source::Customer(Some(_))),
        CaseView::Outline(_) => panic!("an outline"),
    };
    assert!(shown(team.desk.pull().await.case(case).unwrap()));
    assert!(shown(supervisor.pull().await.case(case).unwrap()));
    assert!(shown(team.technician.pull().await.case(case).unwrap()));
    assert!(!shown(team.guard.pull().await.case(case).unwrap()));
    // With the next handler the previous one loses it.
    let other = app.person("P045").await;
    team.desk.accepted("case.dispatch", case, json!({ "to": other })).await;
    assert!(!shown(team.technician.pull().await.case(case).unwrap()));
}

async fn r12_the_control_room_stands_in_for_the_desk_at_night(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let mut control = app.sign_in(cast::CONTROL_ROOM).await;
    let case = team.guard.new_case();
    let report = json!({
        "category": "leak", "place": "B1-1-LOBBY", "text": "厨房漏水",
        "source": { "customer": { "name": "王女士", "phone": "", "flat": "" } },
    });
    team.guard.accepted("case.report", case, report).await;
    let name = |view: &CaseView| match &view.full().unwrap().source {
        Source::Customer(customer) => customer.as_ref().map(|customer| customer.name.clone()),
        Source::Found => panic!("found"),
    };
    assert_eq!(name(control.pull().await.case(case).unwrap()), None);
    let to = team.technician.person;
    let refused = control.send("case.dispatch", case, json!({ "to": to })).await;
    assert!(matches!(refused, Verdict::Rejected(_)), "{refused:?}");
    // 23:30: the desk is closed, and nothing about the case has changed.
    app.advance(13 * 60 + 30);
    assert_eq!(name(control.pull().await.case(case).unwrap()).as_deref(), Some("王女士"));
    control.accepted("case.dispatch", case, json!({ "to": to })).await;
    // 07:30: open again.
    app.advance(8 * 60);
    assert_eq!(name(control.pull().await.case(case).unwrap()), None);
}

async fn c6_of_two_postponements_made_offline_the_first_to_arrive_stands(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.new_case();
    let report = json!({ "category": "green", "place": "B1-1-LOBBY", "text": "树枝", "source": "found" });
    team.guard.accepted("case.report", case, report).await;
    let to = team.technician.person;
    team.desk.accepted("case.dispatch", case, json!({ "to": to })).await;
    team.technician.accepted("case.accept", case, json!({})).await;
    let until = |hours: i64| app.now().plus(hours * HOUR).0;
    team.desk.accepted("case.promise", case, json!({ "until": until(5) })).await;
    let by_desk = json!({ "until": until(9), "reason": "缺料" });
    let by_technician = json!({ "until": until(8), "reason": "下雨" });
    let first = team.desk.make("case.postpone", case, by_desk);
    app.advance(10);
    let second = team.technician.make("case.postpone", case, by_technician);
    assert!(matches!(team.technician.push(vec![second]).await[..], [Verdict::Accepted { .. }]));
    let verdicts = team.desk.push(vec![first]).await;
    let [Verdict::Rejected(rejection)] = &verdicts[..] else { panic!("{verdicts:?}") };
    assert_eq!(rejection.code.as_str(), "case.postponed_once");
    assert_eq!(team.desk.pull().await.refusals().len(), 1);
    assert_eq!(team.technician.pull().await.refusals().len(), 0);
}

async fn cases_are_numbered_by_day(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let mut numbers = Vec::new();
    for minutes in [0, 1, 13 * 60 + 58, 2] {
        app.advance(minutes);
        let case = guard.report().await;
        // A refused report takes no number.
        let unknown = json!({ "category": "no such", "place": "B1-1-LOBBY", "text": "x", "source": "found" });
        let refused = guard.send("case.report", guard.new_case(), unknown).await;
        assert!(matches!(refused, Verdict::Rejected(_)));
        numbers.push(guard.pull().await.case(case).unwrap().number().unwrap().0.clone());
    }
    assert_eq!(numbers, ["20261123-001", "20261123-002", "20261123-003", "20261124-001"]);
}

async fn two_sites_know_nothing_of_each_other(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let mut stranger = app.sign_in(cast::FOREIGN_GUARD).await;
    let mut foreign_desk = app.sign_in(cast::FOREIGN_DESK).await;
    let case = guard.report().await;
    assert_eq!(stranger.pull().await.docs.len(), 3);
    assert_eq!(foreign_desk.pull().await.docs.len(), 3);
    let reply = stranger.get("/api/pull?site=jinzhou").await;
    assert_eq!(reply.problem(), (403, "site.not_member".to_owned()));
    assert_eq!(stranger.get("/api/pull?site=nowhere").await.problem(), reply.problem());

    // Addressed to the other site, with the id of its case: the answer says nothing of either.
    stranger.site = "jinzhou".to_owned();
    let refused = stranger.send("case.comment", case, json!({ "text": "x" })).await;
    let Verdict::Rejected(rejection) = refused else { panic!("{refused:?}") };
    assert_eq!(rejection.code.as_str(), "command.unknown_site");
    // At the own site the id is free.
    stranger.site = "wanjing".to_owned();
    let report = json!({ "category": "leak", "place": "W1-LOBBY", "text": "x", "source": "found" });
    stranger.accepted("case.report", case, report).await;
    let own = stranger.pull().await.case(case).unwrap().clone();
    assert_eq!(own.full().unwrap().place.as_str(), "W1-LOBBY");
    assert_eq!(guard.pull().await.case(case).unwrap().full().unwrap().place.as_str(), "B1-1-LOBBY");
}

async fn a_document_is_the_fold_of_its_events(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.report().await;
    let to = team.technician.person;
    team.desk.accepted("case.see", case, json!({})).await;
    team.desk.accepted("case.dispatch", case, json!({ "to": to })).await;
    team.technician.accepted("case.accept", case, json!({})).await;
    let (until, later) = (app.now().plus(HOUR).0, app.now().plus(3 * HOUR).0);
    team.technician.accepted("case.promise", case, json!({ "until": until })).await;
    // One command, two events: the postponement and the pause (R7).
    team.technician.accepted("case.pause", case, json!({ "until": later, "reason": "缺料" })).await;
    team.guard.accepted("case.comment", case, json!({ "text": "还在滴" })).await;

    let mut conn = app.app.db.connection().await.unwrap();
    let bodies: Vec<String> =
        sqlx::query_scalar("select body from events where aggregate = $1 order by version")
            .bind(case.to_string())
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    let mut events = bodies.iter().map(|body| serde_json::from_str::<CaseEvent>(body).unwrap());
    let first = Case::begin(case, &events.next().unwrap()).unwrap();
    let folded = events.fold(first, |case, event| case.evolve(&event));
    assert_eq!(folded.version, 8);
    let stored = server::cases::store::find(&mut conn, &"jinzhou".into(), case).await.unwrap();
    assert_eq!(stored, Some(folded));
}
