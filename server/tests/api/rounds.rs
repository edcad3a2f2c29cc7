//! Routes and rounds: how they come about, who may do and see what, and what becomes of what arrives late.

use std::collections::BTreeMap;

use axum::{body::Body, http::Request};
use calamine::Reader;
use serde_json::json;
use server::{
    config::Settings,
    rounds::{keeper, labels, sheet, store, usual},
};
use shared::{
    Rejection,
    case::{CaseView, command::PhotoRef},
    ids::{PlaceCode, RoundId, RouteCode, RouteId, StopCode},
    label::{self, Match},
    round::{
        Round, RoundChange, RoundCommand, StopStateName,
        command::{Position, Proof, Tick, Via},
        event::Proven,
        report::{DaysReport, Readings, Tally},
        trust::{Doubt, Level},
    },
    route::{Milli, Occurrence, Reading, Route, RouteCommand},
    wire::{DISCARD, Doc, DocKey, Envelope, Part, TAKE, Verdict},
};

use crate::{
    files::{Announced, litter, named, new_photo, read},
    import::without,
    kit::{Device, On, Reply, TestApp, cast, leak, tests},
};

tests![
    f2_the_rounds_of_a_route_begin_by_its_plan_and_reach_who_walks_them,
    f2_a_problem_found_at_a_stop_becomes_a_case_at_the_desk_and_the_round_says_so,
    f2_a_problem_found_before_its_round_is_known_waits_for_it_with_all_that_follows,
    f4_who_was_at_a_stop_shows_it_by_its_label,
    g1_a_lobby_is_planned_for_its_cleaner_and_a_colleague_may_help_out,
    r3_what_was_missed_and_arrives_late_was_in_time,
    r3_a_tick_by_a_clock_that_was_moved_says_so,
    r13_a_night_round_belongs_to_the_evening_before_and_is_the_same_on_phone_and_server,
    a_round_is_made_once_however_many_make_it,
    what_began_while_nobody_served_is_made_by_the_version_of_then,
    what_somebody_does_whose_start_was_refused_is_refused_with_it,
    a_route_is_changed_by_its_supervisor_and_takes_effect_from_the_next_round,
    nobodys_change_of_a_route_vanishes_under_one_that_was_made_offline,
    a_round_is_handed_to_a_colleague_who_then_sees_it,
    where_a_colleagues_phone_was_is_for_who_answers_for_them,
    a_round_says_that_its_photo_is_kept_and_shows_it_to_its_readers,
    a_label_that_was_replaced_is_noticed,
    labels_are_printed_for_supervisors_and_not_for_guards,
    an_app_that_cannot_read_rounds_is_sent_none_and_gets_all_once_it_can,
    a_round_leaves_the_feed_after_a_week_and_comes_back_with_what_arrives_late,
    what_somebody_walked_who_has_left_waits_for_the_office,
    what_was_walked_in_a_round_whose_start_is_discarded_is_refused_with_it,
    who_is_back_and_starts_again_goes_on_behind_what_is_in_quarantine,
    a_hand_over_by_who_is_back_waits_though_the_plan_has_made_the_round,
    what_a_label_is_recognised_by_stands_in_no_document,
    what_is_damaged_at_one_site_keeps_no_other_from_its_rounds,
    importing_the_routes_again_changes_what_the_file_says_otherwise,
    a_route_that_cannot_be_walked_is_not_imported,
    r13_a_days_report_says_how_its_rounds_stand_by_stop_route_and_person,
    a_report_is_a_table_for_who_wants_one,
    f2_the_readings_of_an_item_are_told_over_time,
    what_takes_much_less_than_usual_on_a_route_is_noticed,
];

const SITE: &str = "jinzhou";
/// Guards, in order, every two hours from 22:00 to 04:00, an hour each.
const NIGHT: &str = "R-N";
/// Technicians, every four hours from 08:00 to 20:00, two hours each.
const EQUIPMENT: &str = "R-E";
/// Cleaners by their areas, every three hours from 07:00 to 19:00, an hour and a half each.
const LOBBIES: &str = "R-C1";
const GATE: &str = "G-GATE1";
const LOBBY: &str = "B1-1-LOBBY";
const PUMP: &str = "P-PUMP";

/// The minutes from the beginning of a test, 10:00, to a time of that day.
fn until(hour: u64, minute: u64) -> u64 {
    (hour - 10) * 60 + minute
}

fn occurrence(text: &str) -> Occurrence {
    text.parse().unwrap()
}

fn round_id(route: &str, at: &str) -> RoundId {
    RoundId::of(&SITE.into(), &route.into(), occurrence(at))
}

fn route_id(route: &str) -> RouteId {
    RouteId::of(&SITE.into(), &route.into())
}

fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted { .. } => "accepted",
        Verdict::Recorded { .. } => "recorded",
        Verdict::Rejected(Rejection { code, .. }) | Verdict::Held { code } => code.as_str(),
    }
}

/// Somebody with an app that reads rounds.
async fn walker(app: &TestApp, who: &str) -> Device {
    let mut device = app.sign_in(who).await;
    device.reads = "quarantine,rounds";
    device
}

fn start(route: &str, at: &str) -> RoundCommand {
    RoundCommand::Start { route: route.into(), occurrence: occurrence(at), route_version: 1 }
}

fn tick(place: &str, proof: Proof) -> Tick {
    let readings = BTreeMap::new();
    Tick { stop: place.into(), place: place.into(), proof, readings, position: None }
}

fn skip(place: &str) -> RoundCommand {
    RoundCommand::Skip { stop: place.into(), reason: "门锁了".to_owned(), photos: Vec::new() }
}

async fn token(app: &TestApp, place: &str) -> String {
    let mut conn = app.app.db.connection().await.unwrap();
    let labels = store::hanging(&mut conn, &SITE.into()).await.unwrap();
    labels.into_iter().find(|label| label.place.as_str() == place).unwrap().token
}

/// The tick of somebody who scans the label that hangs at a stop.
async fn scan(app: &TestApp, place: &str) -> RoundCommand {
    let proof = Proof::Token { via: Via::Qr, token: token(app, place).await };
    RoundCommand::Tick(Box::new(tick(place, proof)))
}

async fn send(device: &mut Device, round: RoundId, command: &RoundCommand) -> &'static str {
    verdict(&device.send(command.kind(), round.0, command.body()).await)
}

fn make(device: &mut Device, round: RoundId, command: &RoundCommand) -> String {
    device.make(command.kind(), round.0, command.body())
}

async fn round(device: &mut Device, id: RoundId) -> Option<Round> {
    match device.pull().await.docs.get(&DocKey::Round(id)) {
        Some(Doc::Round(round)) => round.read().map(|round| (**round).clone()),
        Some(_) | None => None,
    }
}

async fn route(device: &mut Device, code: &str) -> Option<Route> {
    match device.pull().await.docs.get(&DocKey::Route(route_id(code))) {
        Some(Doc::Route(route)) => route.read().map(|route| (**route).clone()),
        Some(_) | None => None,
    }
}

fn stop<'a>(round: &'a Round, place: &str) -> &'a shared::round::RoundStop {
    round.find(&StopCode::from(place)).unwrap()
}

/// How a stop stands for whoever looks now.
fn stands(app: &TestApp, round: &Round, place: &str) -> StopStateName {
    round.stop(stop(round, place), app.now()).state.name()
}

async fn f2_the_rounds_of_a_route_begin_by_its_plan_and_reach_who_walks_them(on: On) {
    let app = TestApp::start(on).await;
    let mut technician = walker(&app, cast::TECHNICIAN).await;
    let (mut guard, mut desk) = (walker(&app, cast::GUARD).await, walker(&app, cast::DESK).await);
    let id = round_id(EQUIPMENT, "2026-11-23/12:00");
    assert!(route(&mut technician, EQUIPMENT).await.is_some());
    assert!(route(&mut guard, EQUIPMENT).await.is_none(), "others walk it");
    let next = keeper::run_due(&app.app).await.unwrap().unwrap();
    assert_eq!(next.since(app.now()), 2 * 3_600_000, "12:00 is the next of all");
    assert!(round(&mut technician, id).await.is_none());
    app.advance(until(12, 0));
    keeper::run_due(&app.app).await.unwrap();
    let made = round(&mut technician, id).await.unwrap();
    assert_eq!((made.task.from, made.task.until.since(made.task.from)), (app.now(), 2 * 3_600_000));
    assert_eq!(round(&mut desk, id).await.unwrap(), made);
    assert!(round(&mut guard, id).await.is_none());
    // When its window is over, what nobody was at is missed.
    app.advance(120);
    keeper::run_due(&app.app).await.unwrap();
    let ended = round(&mut desk, id).await.unwrap();
    assert!(ended.ended);
    assert!(
        ended.task.stops.iter().all(|stop| ended.stop(stop, app.now()).state.name() == StopStateName::Missed)
    );
}

async fn f2_a_problem_found_at_a_stop_becomes_a_case_at_the_desk_and_the_round_says_so(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut desk) = (walker(&app, cast::GUARD).await, walker(&app, cast::DESK).await);
    let id = round_id(NIGHT, "2026-11-23/22:00");
    app.advance(until(22, 5));
    let case = guard.new_case();
    let mut report = leak();
    report["from"] = json!({ "round": id, "stop": LOBBY });
    let found = [
        make(&mut guard, id, &start(NIGHT, "2026-11-23/22:00")),
        make(&mut guard, id, &scan(&app, LOBBY).await),
        guard.make("case.report", case, report.clone()),
    ];
    app.advance(20);
    let verdicts = guard.push(found.to_vec()).await;
    assert_eq!(verdicts.iter().map(verdict).collect::<Vec<_>>(), ["accepted"; 3]);
    let CaseView::Full(view) = desk.pull().await.case(case).unwrap().clone() else { panic!("an outline") };
    assert_eq!(view.from.as_ref().map(|from| (from.round, from.stop.as_str())), Some((id, LOBBY)));
    assert!(view.number.is_some());
    let walked = round(&mut desk, id).await.unwrap();
    let lobby = stop(&walked, LOBBY);
    let standing = walked.stop(lobby, app.now());
    assert!(standing.abnormal);
    assert_eq!(standing.cases, [case]);
    // A stop that no version of the route has makes neither a case nor an entry.
    report["from"]["stop"] = json!("nowhere");
    let other = guard.new_case();
    let refused = guard.send("case.report", other, report).await;
    assert_eq!(verdict(&refused), "round.unknown_stop");
    assert!(desk.pull().await.case(other).is_none());
    assert_eq!(round(&mut desk, id).await.unwrap().version, walked.version);
}

async fn f2_a_problem_found_before_its_round_is_known_waits_for_it_with_all_that_follows(on: On) {
    let app = TestApp::start(on).await;
    let (mut first, mut second) = (walker(&app, cast::GUARD).await, walker(&app, cast::OTHER_GUARD).await);
    let mut desk = walker(&app, cast::DESK).await;
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    let begun = make(&mut first, id, &start(NIGHT, at));
    let case = second.new_case();
    let mut report = leak();
    report["from"] = json!({ "round": id, "stop": LOBBY });
    let texts = vec![
        make(&mut second, id, &scan(&app, LOBBY).await),
        second.make("case.report", case, report),
        second.make("case.comment", case, json!({ "text": "还在滴" })),
    ];
    let verdicts = second.push(texts.clone()).await;
    assert_eq!(verdicts.iter().map(verdict).collect::<Vec<_>>(), ["command.create_missing"; 3]);
    assert!(desk.pull().await.case(case).is_none());
    assert_eq!(verdict(&first.push(vec![begun]).await[0]), "accepted");
    let again = second.push(texts.clone()).await;
    assert_eq!(again.iter().map(verdict).collect::<Vec<_>>(), ["accepted"; 3]);
    assert_eq!(second.push(texts).await, again, "for ever");
    let CaseView::Full(view) = desk.pull().await.case(case).unwrap().clone() else { panic!("an outline") };
    assert_eq!(view.version, 2);
    let walked = round(&mut desk, id).await.unwrap();
    assert_eq!(walked.stop(stop(&walked, LOBBY), app.now()).cases, [case]);
}

async fn f4_who_was_at_a_stop_shows_it_by_its_label(on: On) {
    let app = TestApp::start(on).await;
    let mut technician = walker(&app, cast::TECHNICIAN).await;
    let at = "2026-11-23/12:00";
    let id = round_id(EQUIPMENT, at);
    app.advance(until(12, 1));
    let known = route(&mut technician, EQUIPMENT).await.unwrap();
    let here = token(&app, PUMP).await;
    // What phones are given recognises the token, and gives neither it nor its code away.
    let labels = &known.labels[&PlaceCode::from(PUMP)];
    assert_eq!(labels.iter().map(|label| &label.code).collect::<Vec<_>>(), [&None]);
    assert_eq!(labels[0].hash, shared::wire::hash(&here));
    assert_eq!(send(&mut technician, id, &start(EQUIPMENT, at)).await, "accepted");
    let elsewhere = token(&app, "P-HV").await;
    let proofs = [
        (Proof::Token { via: Via::Qr, token: here.clone() }, Some(Match::Current)),
        (Proof::Code(label::printed(&label::code(&here))), Some(Match::Current)),
        (Proof::Code("7K3M-9QPX".to_owned()), Some(Match::Wrong)),
        (Proof::Token { via: Via::Nfc, token: elsewhere }, Some(Match::Elsewhere("P-HV".into()))),
        (Proof::Token { via: Via::Link, token: "made-up".to_owned() }, Some(Match::Wrong)),
        (Proof::Photo { reason: "标签脱落".to_owned(), photos: Vec::new() }, None),
    ];
    let item = known.design.stops.iter().find(|stop| stop.code.as_str() == PUMP).unwrap().items[0].clone();
    for (proof, _) in &proofs {
        let readings = BTreeMap::from([(item.code.clone(), Reading::Number(Milli(900)))]);
        let ticked = RoundCommand::Tick(Box::new(Tick { readings, ..tick(PUMP, proof.clone()) }));
        assert_eq!(send(&mut technician, id, &ticked).await, "accepted", "however doubtful");
    }
    let walked = round(&mut technician, id).await.unwrap();
    let said: Vec<Option<Match>> = walked
        .log
        .iter()
        .filter_map(|event| event.change.tick())
        .map(|tick| match &tick.proof {
            Proven::Token { label, .. } | Proven::Code(label) => Some(label.clone()),
            Proven::Photo { .. } => None,
        })
        .collect();
    assert_eq!(said, proofs.map(|(_, expected)| expected));
    assert!(!serde_json::to_string(&walked).unwrap().contains(&here), "nobody learns a token from a round");
    // 0.9 MPa is beyond what the file allows.
    assert!(walked.stop(stop(&walked, PUMP), app.now()).abnormal);
}

async fn g1_a_lobby_is_planned_for_its_cleaner_and_a_colleague_may_help_out(on: On) {
    let app = TestApp::start(on).await;
    let (mut cleaner, mut colleague) = (walker(&app, cast::CLEANER).await, walker(&app, "P012").await);
    let mut guard = walker(&app, cast::GUARD).await;
    let at = "2026-11-23/13:00";
    let id = round_id(LOBBIES, at);
    app.advance(until(13, 0));
    keeper::run_due(&app.app).await.unwrap();
    let made = round(&mut cleaner, id).await.unwrap();
    assert_eq!(stop(&made, LOBBY).planned, [cleaner.person].into());
    assert_eq!(stop(&made, "B2-1-LOBBY").planned, [colleague.person].into());
    assert_eq!(send(&mut colleague, id, &start(LOBBIES, at)).await, "accepted");
    assert_eq!(send(&mut colleague, id, &scan(&app, LOBBY).await).await, "accepted");
    assert_eq!(send(&mut guard, id, &start(LOBBIES, at)).await, "round.not_visible");
    let made = round(&mut cleaner, id).await.unwrap();
    assert_eq!(stands(&app, &made, LOBBY), StopStateName::OnTime);
}

async fn r3_what_was_missed_and_arrives_late_was_in_time(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut supervisor) = (walker(&app, cast::GUARD).await, walker(&app, cast::SUPERVISOR).await);
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 0));
    keeper::run_due(&app.app).await.unwrap();
    let mut texts = vec![make(&mut guard, id, &start(NIGHT, at))];
    app.advance(10);
    texts.push(make(&mut guard, id, &scan(&app, GATE).await));
    app.advance(60);
    keeper::run_due(&app.app).await.unwrap();
    let missed = round(&mut supervisor, id).await.unwrap();
    assert!(missed.ended);
    assert_eq!(stands(&app, &missed, GATE), StopStateName::Missed);
    assert!(guard.push(texts).await.iter().all(|answer| verdict(answer) == "accepted"));
    let late = round(&mut supervisor, id).await.unwrap();
    assert_eq!(stands(&app, &late, GATE), StopStateName::OnTime);
    assert!(late.stop(stop(&late, GATE), app.now()).arrived_late);
    assert_eq!(stands(&app, &late, LOBBY), StopStateName::Missed);
}

async fn r3_a_tick_by_a_clock_that_was_moved_says_so(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = walker(&app, cast::GUARD).await;
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    let before = scan(&app, GATE).await;
    // Its round is not known yet: that the clock was moved is remembered until it is judged.
    let moved = make(&mut guard, id, &before);
    guard.ahead = 30 * 60_000;
    assert_eq!(verdict(&guard.push(vec![moved]).await[0]), "command.create_missing");
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    assert_eq!(send(&mut guard, id, &scan(&app, LOBBY).await).await, "accepted");
    let walked = round(&mut guard, id).await.unwrap();
    let moved: BTreeMap<&str, bool> = walked
        .log
        .iter()
        .filter_map(|event| event.change.tick())
        .map(|tick| (tick.stop.as_str(), tick.clock_moved))
        .collect();
    assert_eq!(moved, [(GATE, true), (LOBBY, false)].into());
}

async fn r13_a_night_round_belongs_to_the_evening_before_and_is_the_same_on_phone_and_server(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = walker(&app, cast::GUARD).await;
    let at = "2026-11-23/26:00";
    let id = round_id(NIGHT, at);
    app.advance(until(26, 0));
    keeper::run_due(&app.app).await.unwrap();
    let by_server = round(&mut guard, id).await.unwrap();
    assert_eq!(by_server.task.occurrence, occurrence(at));
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    let begun = round(&mut guard, id).await.unwrap();
    assert_eq!((begun.id, begun.version), (by_server.id, by_server.version + 1));
    // The same time by the date of the calendar is no round of the plan, and another one's id is nobody's to use.
    let other = round_id(NIGHT, "2026-11-24/02:00");
    assert_eq!(send(&mut guard, other, &start(NIGHT, "2026-11-24/02:00")).await, "round.not_planned");
    assert_eq!(send(&mut guard, id, &start(NIGHT, "2026-11-23/22:00")).await, "command.bad_body");
}

async fn a_round_is_made_once_however_many_make_it(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut desk) = (walker(&app, cast::GUARD).await, walker(&app, cast::DESK).await);
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    // A phone whose clock is a little ahead begins before the server does.
    app.advance(until(21, 59));
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    app.advance(1);
    let runs = futures::future::join_all((0..4).map(|_| keeper::run_due(&app.app))).await;
    assert!(runs.iter().all(Result::is_ok));
    assert_eq!(round(&mut desk, id).await.unwrap().version, 2, "the plan and the start");
    app.advance(60);
    let runs = futures::future::join_all((0..4).map(|_| keeper::run_due(&app.app))).await;
    assert!(runs.iter().all(Result::is_ok));
    assert_eq!(round(&mut desk, id).await.unwrap().version, 3, "and the end");
    let plans = |round: &Round| {
        round.log.iter().filter(|event| matches!(event.change, RoundChange::Planned(_))).count()
    };
    assert_eq!(plans(&round(&mut desk, id).await.unwrap()), 0, "a plan makes a round and is no entry of it");
}

async fn what_began_while_nobody_served_is_made_by_the_version_of_then(on: On) {
    let app = TestApp::start(on).await;
    let mut supervisor = walker(&app, cast::SUPERVISOR).await;
    let known = route(&mut supervisor, NIGHT).await.unwrap();
    app.advance(until(23, 0));
    // Nobody has looked since ten in the morning; then the route loses its gate.
    let mut design = known.design.clone();
    design.stops.remove(0);
    let save = RouteCommand::Save { code: NIGHT.into(), version: 1, from: None, design };
    supervisor.accepted(save.kind(), route_id(NIGHT).0, save.body()).await;
    app.advance(24 * 60 + 90);
    keeper::run_due(&app.app).await.unwrap();
    let versions = [("2026-11-23/22:00", 1), ("2026-11-23/24:00", 2), ("2026-11-24/22:00", 2)];
    for (at, version) in versions {
        let made = round(&mut supervisor, round_id(NIGHT, at)).await.unwrap();
        assert_eq!(
            (made.task.route_version, made.task.stops.len()),
            (version, 10 - version as usize),
            "{at}"
        );
    }
    let made = round(&mut supervisor, round_id(NIGHT, "2026-11-24/22:00")).await.unwrap();
    assert!(made.ended, "its window is over, too");
    assert!(round(&mut supervisor, round_id(NIGHT, "2026-11-22/28:00")).await.is_none(), "before the route");
}

async fn what_somebody_does_whose_start_was_refused_is_refused_with_it(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut technician) = (walker(&app, cast::GUARD).await, walker(&app, cast::TECHNICIAN).await);
    let (mut desk, mut old_desk) = (walker(&app, cast::DESK).await, app.sign_in(cast::DESK).await);
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    assert_eq!(send(&mut technician, id, &start(NIGHT, at)).await, "round.not_visible");
    assert_eq!(send(&mut technician, id, &skip(GATE)).await, "command.parent_rejected");
    // Who may walk it starts it all the same.
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    assert_eq!(send(&mut guard, id, &skip(GATE)).await, "accepted");
    // The desk is shown what was refused; an app that does not know of rounds could not read why.
    let mut refused: Vec<String> = desk.pull().await.refusals().into_iter().map(|(_, code)| code).collect();
    refused.sort();
    assert_eq!(refused, ["command.parent_rejected", "round.not_visible"]);
    assert!(old_desk.pull().await.refusals().is_empty());
    assert_eq!(technician.pull().await.refusals().len(), 2);
}

async fn a_route_is_changed_by_its_supervisor_and_takes_effect_from_the_next_round(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut supervisor) = (walker(&app, cast::GUARD).await, walker(&app, cast::SUPERVISOR).await);
    app.advance(until(22, 0));
    keeper::run_due(&app.app).await.unwrap();
    let known = route(&mut guard, NIGHT).await.unwrap();
    let mut design = known.design.clone();
    design.plan.every_min = 60;
    design.stops.retain(|stop| stop.code.as_str() == GATE);
    let save =
        |version| RouteCommand::Save { code: NIGHT.into(), version, from: None, design: design.clone() };
    let body = save(known.version).body();
    assert_eq!(
        verdict(&guard.send("route.save", route_id(NIGHT).0, body.clone()).await),
        "route.not_allowed"
    );
    assert_eq!(verdict(&supervisor.send("route.save", route_id(NIGHT).0, body.clone()).await), "accepted");
    assert_eq!(
        verdict(&supervisor.send("route.save", route_id(NIGHT).0, body).await),
        "route.changed_meanwhile"
    );
    let misplaced = save(known.version + 1).body();
    let other = route_id(EQUIPMENT).0;
    assert_eq!(verdict(&supervisor.send("route.save", other, misplaced).await), "command.bad_body");
    assert_eq!(route(&mut guard, NIGHT).await.unwrap().version, known.version + 1);
    let under_way = round(&mut guard, round_id(NIGHT, "2026-11-23/22:00")).await.unwrap();
    assert_eq!((under_way.task.route_version, under_way.task.stops.len()), (1, 9));
    // A stop that the change has removed is still there for who walks by the plan of then.
    let at = "2026-11-23/22:00";
    assert_eq!(send(&mut guard, under_way.id, &start(NIGHT, at)).await, "accepted");
    assert_eq!(send(&mut guard, under_way.id, &scan(&app, LOBBY).await).await, "accepted");
    let walked = round(&mut guard, under_way.id).await.unwrap();
    assert_eq!(stands(&app, &walked, LOBBY), StopStateName::OnTime);
    let lobby = walked.log.iter().find_map(|event| event.change.tick()).unwrap();
    let current = Proven::Token { via: Via::Qr, label: Match::Current };
    assert_eq!(lobby.proof, current, "its label still hangs");
    app.advance(60);
    keeper::run_due(&app.app).await.unwrap();
    let next = round(&mut guard, round_id(NIGHT, "2026-11-23/23:00")).await.unwrap();
    assert_eq!((next.task.route_version, next.task.stops.len()), (2, 1));
    // What is retired is walked no more.
    let retire = RouteCommand::Retire { code: NIGHT.into() };
    supervisor.accepted(retire.kind(), route_id(NIGHT).0, retire.body()).await;
    app.advance(60);
    keeper::run_due(&app.app).await.unwrap();
    assert!(round(&mut guard, round_id(NIGHT, "2026-11-23/24:00")).await.is_none());
}

async fn nobodys_change_of_a_route_vanishes_under_one_that_was_made_offline(on: On) {
    let app = TestApp::start(on).await;
    let (mut offline, mut other) = (walker(&app, cast::SUPERVISOR).await, walker(&app, cast::DIRECTOR).await);
    let known = route(&mut offline, NIGHT).await.unwrap();
    let called = |route: &Route, name: &str| {
        let design = shared::route::Design { name: name.to_owned(), ..route.design.clone() };
        let (version, from) = (route.version, Some(route.stamp()));
        (Route { version: version + 1, design: design.clone(), ..route.clone() }, {
            RouteCommand::Save { code: NIGHT.into(), version, from, design }.body()
        })
    };
    // Two changes without a network, the second made from the first.
    let (mine, first) = called(&known, "mine");
    let (_, second) = called(&mine, "mine anew");
    let mut save = |body| offline.make("route.save", route_id(NIGHT).0, body);
    let made = vec![save(first), save(second)];
    let (_, theirs) = called(&known, "theirs");
    assert_eq!(verdict(&other.send("route.save", route_id(NIGHT).0, theirs).await), "accepted");
    let verdicts = offline.push(made).await;
    assert_eq!(verdicts.iter().map(verdict).collect::<Vec<_>>(), ["route.changed_meanwhile"; 2]);
    let stands = route(&mut offline, NIGHT).await.unwrap();
    assert_eq!((stands.version, stands.design.name.as_str()), (2, "theirs"));
    // Made from what they have changed, it is taken.
    let (_, mended) = called(&stands, "mine anew");
    assert_eq!(verdict(&offline.send("route.save", route_id(NIGHT).0, mended).await), "accepted");
}

async fn a_round_is_handed_to_a_colleague_who_then_sees_it(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut technician) = (walker(&app, cast::GUARD).await, walker(&app, cast::TECHNICIAN).await);
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    assert!(round(&mut technician, id).await.is_none());
    let hand_over = RoundCommand::HandOver { to: technician.person, reason: "去处理停电".to_owned() };
    assert_eq!(send(&mut guard, id, &hand_over).await, "accepted");
    assert!(round(&mut technician, id).await.is_some());
    assert_eq!(send(&mut technician, id, &scan(&app, GATE).await).await, "accepted");
    let walked = round(&mut guard, id).await.unwrap();
    assert_eq!(walked.walker(app.now()), Some(technician.person));
}

async fn where_a_colleagues_phone_was_is_for_who_answers_for_them(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut colleague) = (walker(&app, cast::GUARD).await, walker(&app, cast::OTHER_GUARD).await);
    let (mut lead, mut control) = (walker(&app, cast::LEAD).await, walker(&app, cast::CONTROL_ROOM).await);
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    let position = Some(Position { lat: 22_540_000, lon: 114_050_000, accuracy: 8, age: 1 });
    let proof = Proof::Token { via: Via::Qr, token: token(&app, GATE).await };
    let ticked = RoundCommand::Tick(Box::new(Tick { position, ..tick(GATE, proof) }));
    assert_eq!(send(&mut guard, id, &ticked).await, "accepted");
    let seen = |round: Option<Round>| {
        round.unwrap().log.iter().find_map(|event| event.change.tick()).unwrap().position
    };
    assert_eq!(seen(round(&mut guard, id).await), position);
    assert_eq!(seen(round(&mut lead, id).await), position);
    assert_eq!(seen(round(&mut colleague, id).await), None);
    // Once the desk has closed the control room stands in for it (R12), without any change of the round.
    assert_eq!(seen(round(&mut control, id).await), None);
    app.advance(120);
    assert_eq!(seen(round(&mut control, id).await), position);
}

async fn a_round_says_that_its_photo_is_kept_and_shows_it_to_its_readers(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut supervisor) = (walker(&app, cast::GUARD).await, walker(&app, cast::SUPERVISOR).await);
    let technician = app.sign_in(cast::TECHNICIAN).await;
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    let bytes = litter();
    let (first, second) = (new_photo(&guard), new_photo(&guard));
    let photo = |id| -> PhotoRef { serde_json::from_value(named(id, &bytes)).unwrap() };
    // One comes before its bytes, one after them.
    let by_photo = |photo| Proof::Photo { reason: "扫不了".to_owned(), photos: vec![photo] };
    let ticked = RoundCommand::Tick(Box::new(tick(GATE, by_photo(photo(first)))));
    assert_eq!(send(&mut guard, id, &ticked).await, "accepted");
    assert!(round(&mut guard, id).await.unwrap().kept.is_empty());
    for photo in [first, second] {
        let announced = Announced::of(&guard, photo, Part::Full, &bytes);
        assert_eq!(announced.post_with(&guard, &bytes).await.status, 201);
    }
    let skipped =
        RoundCommand::Skip { stop: LOBBY.into(), reason: "施工".to_owned(), photos: vec![photo(second)] };
    assert_eq!(send(&mut guard, id, &skipped).await, "accepted");
    assert_eq!(round(&mut supervisor, id).await.unwrap().kept, [first, second].into());
    for photo in [first, second] {
        let path = format!("/api/rounds/{id}/photos/{photo}?site={SITE}");
        assert_eq!(read(&supervisor, &path, None).await.0, 200);
        assert_eq!(read(&technician, &path, None).await.0, 404);
        let elsewhere =
            format!("/api/rounds/{}/photos/{photo}?site={SITE}", round_id(NIGHT, "2026-11-23/24:00"));
        assert_eq!(read(&supervisor, &elsewhere, None).await.0, 404, "through its own round only");
    }
}

async fn a_label_that_was_replaced_is_noticed(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = walker(&app, cast::GUARD).await;
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    let before = route(&mut guard, NIGHT).await.unwrap();
    let (old, hangs) = (scan(&app, GATE).await, token(&app, GATE).await);
    let in_time = make(&mut guard, id, &old);
    app.advance(5);
    let replace = async |places: &[&str]| {
        let places = places.iter().map(|place| PlaceCode::from(*place)).collect();
        labels::replace(&app.app, &SITE.into(), &places).await
    };
    assert!(replace(&[GATE, "moon"]).await.is_err());
    assert_eq!(token(&app, GATE).await, hangs, "none is replaced with one that is not there");
    replace(&[GATE]).await.unwrap();
    let known = route(&mut guard, NIGHT).await.unwrap();
    assert_eq!(known.version, before.version, "no round is planned anew");
    assert_eq!(known.labels[&PlaceCode::from(GATE)].len(), 2);
    assert_eq!(verdict(&guard.push(vec![in_time]).await[0]), "accepted");
    for command in [old, scan(&app, GATE).await] {
        assert_eq!(send(&mut guard, id, &command).await, "accepted");
    }
    let walked = round(&mut guard, id).await.unwrap();
    let said: Vec<Match> = walked
        .log
        .iter()
        .filter_map(|event| match &event.change.tick()?.proof {
            Proven::Token { label, .. } => Some(label.clone()),
            Proven::Code(_) | Proven::Photo { .. } => None,
        })
        .collect();
    assert_eq!(said, [Match::Current, Match::Replaced, Match::Current], "by when each was shown");
}

async fn labels_are_printed_for_supervisors_and_not_for_guards(on: On) {
    let app = TestApp::start(on).await;
    let (guard, supervisor) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::SUPERVISOR).await);
    let refused = guard.get("/api/labels?site=jinzhou").await;
    assert_eq!(refused.problem(), (422, "route.not_allowed".to_owned()));
    assert_eq!(supervisor.get("/api/labels?site=wanjing").await.problem().1, "site.not_member");
    let nowhere = supervisor.get("/api/labels?site=jinzhou&place=moon").await;
    assert_eq!(nowhere.problem(), (404, "label.none".to_owned()), "no blank page");
    // What is printed hangs for years: behind a proxy nobody guesses the address.
    let proxied = TestApp::with(on, Settings { behind_proxy: true, ..Settings::default() }).await;
    let other = proxied.sign_in(cast::SUPERVISOR).await;
    assert_eq!(other.get("/api/labels?site=jinzhou").await.problem(), (422, "label.no_address".to_owned()));
    let gate = token(&app, GATE).await;
    let code = label::printed(&label::code(&gate));
    let asked = Request::get(format!("/api/labels?site=jinzhou&place={GATE}"))
        .header("host", "firsthand.example")
        .header("cookie", &supervisor.cookie)
        .body(Body::empty());
    let one = Reply::of(&supervisor.router, asked.unwrap()).await;
    assert_eq!((one.status, one.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(one.text.matches("<article").count(), 1);
    assert!(one.text.contains(&code) && one.text.contains("<svg"), "{}", one.text);
    assert!(!one.text.contains(&gate), "the token stands in the QR code only");
    let all = sheet::sheets(&app.app, &SITE.into(), "https://firsthand.example", &[]).await.unwrap();
    let mut conn = app.app.db.connection().await.unwrap();
    let labels = store::hanging(&mut conn, &SITE.into()).await.unwrap();
    assert_eq!(all.matches("<article").count(), labels.len());
    assert_eq!(all.matches("class=\"page\"").count(), labels.len().div_ceil(8));
    for label in &labels {
        assert!(all.contains(&label::printed(&label::code(&label.token))));
    }
    assert!(
        sheet::sheets(&app.app, &SITE.into(), "https://firsthand.example", &["moon".into()]).await.is_err()
    );
}

async fn an_app_that_cannot_read_rounds_is_sent_none_and_gets_all_once_it_can(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    app.advance(until(22, 0));
    keeper::run_due(&app.app).await.unwrap();
    let of_rounds = |feed: &crate::kit::Feed| {
        let of = |key: &&DocKey| matches!(key, DocKey::Route(_) | DocKey::Round(_));
        feed.docs.keys().chain(&feed.gone).filter(of).count()
    };
    assert_eq!(of_rounds(guard.pull().await), 0);
    guard.reads = "rounds";
    // Both night patrols, and the round of each that has begun.
    assert_eq!(of_rounds(guard.pull().await), 4);
    guard.reads = "quarantine";
    guard.feeds.get_mut(SITE).unwrap().docs.clear();
    app.advance(60);
    keeper::run_due(&app.app).await.unwrap();
    assert_eq!(of_rounds(guard.pull().await), 0, "not even that they are gone");
}

async fn a_round_leaves_the_feed_after_a_week_and_comes_back_with_what_arrives_late(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut desk) = (walker(&app, cast::GUARD).await, walker(&app, cast::DESK).await);
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    keeper::run_due(&app.app).await.unwrap();
    let ticked = [make(&mut guard, id, &start(NIGHT, at)), make(&mut guard, id, &scan(&app, GATE).await)];
    app.advance(7 * 24 * 60 - 60);
    keeper::run_due(&app.app).await.unwrap();
    server::feed::archive::sweep(&app.app).await.unwrap();
    assert!(round(&mut desk, id).await.is_some());
    app.advance(2 * 60);
    server::feed::archive::sweep(&app.app).await.unwrap();
    assert!(desk.pull().await.gone.contains(&DocKey::Round(id)));
    assert!(guard.push(ticked.to_vec()).await.iter().all(|answer| verdict(answer) == "accepted"));
    let late = round(&mut desk, id).await.unwrap();
    assert_eq!(stands(&app, &late, GATE), StopStateName::OnTime);
    server::feed::archive::sweep(&app.app).await.unwrap();
    assert!(round(&mut desk, id).await.is_none());
}

/// What a guard walked offline, who then leaves; and the desk, which carries it.
async fn with_leaver(on: On) -> (TestApp, Device, Device, RoundId, Vec<String>) {
    let app = TestApp::start(on).await;
    let (mut guard, desk) = (walker(&app, cast::GUARD).await, walker(&app, cast::DESK).await);
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    let texts = vec![make(&mut guard, id, &start(NIGHT, at)), make(&mut guard, id, &scan(&app, GATE).await)];
    app.reimport(SITE, without(cast::GUARD)).await;
    let reply = desk.try_push(&guard.pack(texts.clone())).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.text.matches("command.author_revoked").count(), 2);
    (app, guard, desk, id, texts)
}

async fn rule(desk: &mut Device, kind: &str, text: &str) -> &'static str {
    let id = Envelope::read(text).unwrap().id;
    verdict(&desk.send(kind, id, json!({ "reason": "核实过" })).await)
}

async fn what_somebody_walked_who_has_left_waits_for_the_office(on: On) {
    let (app, _, mut desk, id, texts) = with_leaver(on).await;
    assert!(round(&mut desk, id).await.is_none());
    assert_eq!(rule(&mut desk, TAKE, &texts[1]).await, "quarantine.earlier_first");
    for text in &texts {
        assert_eq!(rule(&mut desk, TAKE, text).await, "accepted");
    }
    let walked = round(&mut desk, id).await.unwrap();
    assert_eq!(stands(&app, &walked, GATE), StopStateName::OnTime);
}

async fn what_was_walked_in_a_round_whose_start_is_discarded_is_refused_with_it(on: On) {
    // Kept to the end: its folder goes with it.
    let (_app, guard, mut desk, id, texts) = with_leaver(on).await;
    assert_eq!(rule(&mut desk, DISCARD, &texts[0]).await, "accepted");
    assert!(round(&mut desk, id).await.is_none());
    let reply = desk.try_push(&guard.pack(texts.clone())).await;
    assert_eq!(reply.text.matches("command.discarded").count(), 1);
    assert_eq!(reply.text.matches("command.parent_rejected").count(), 1);
    assert_eq!(rule(&mut desk, TAKE, &texts[1]).await, "quarantine.not_there");
}

async fn who_is_back_and_starts_again_goes_on_behind_what_is_in_quarantine(on: On) {
    let (app, guard, mut desk, id, texts) = with_leaver(on).await;
    app.reimport(SITE, |_| ()).await;
    // With another phone: there the round is not begun.
    let mut back = walker(&app, cast::GUARD).await;
    let again = vec![
        make(&mut back, id, &start(NIGHT, "2026-11-23/22:00")),
        make(&mut back, id, &scan(&app, LOBBY).await),
    ];
    let held = ["command.predecessor_missing"; 2];
    assert_eq!(back.push(again.clone()).await.iter().map(verdict).collect::<Vec<_>>(), held);
    assert_eq!(back.push(again.clone()).await.iter().map(verdict).collect::<Vec<_>>(), held);
    for text in &texts {
        assert_eq!(rule(&mut desk, TAKE, text).await, "accepted");
    }
    assert_eq!(back.push(again).await.iter().map(verdict).collect::<Vec<_>>(), ["accepted"; 2]);
    let walked = round(&mut desk, id).await.unwrap();
    for place in [GATE, LOBBY] {
        assert_eq!(stands(&app, &walked, place), StopStateName::OnTime);
    }
    drop(guard);
}

async fn a_hand_over_by_who_is_back_waits_though_the_plan_has_made_the_round(on: On) {
    let (app, mut guard, mut desk, id, texts) = with_leaver(on).await;
    app.reimport(SITE, |_| ()).await;
    guard.sign_in(cast::GUARD, crate::kit::PASSWORD).await;
    let to = app.person(cast::OTHER_GUARD).await;
    let handed = RoundCommand::HandOver { to, reason: String::new() };
    let text = make(&mut guard, id, &handed);
    let now = |answers: Vec<Verdict>| verdict(&answers[0]);
    assert_eq!(now(guard.push(vec![text.clone()]).await), "command.predecessor_missing");
    keeper::run_due(&app.app).await.unwrap();
    assert!(round(&mut desk, id).await.is_some(), "it began by the plan");
    assert_eq!(now(guard.push(vec![text.clone()]).await), "command.predecessor_missing");
    for text in &texts {
        assert_eq!(rule(&mut desk, TAKE, text).await, "accepted");
    }
    assert_eq!(now(guard.push(vec![text]).await), "accepted");
}

async fn what_a_label_is_recognised_by_stands_in_no_document(on: On) {
    let (app, _, mut desk, id, _) = with_leaver(on).await;
    let mut other = walker(&app, cast::OTHER_GUARD).await;
    // One is refused, the other in quarantine: the office sees both.
    let token = token(&app, GATE).await;
    let proof = Proof::Token { via: Via::Qr, token: token.clone() };
    let nowhere = RoundCommand::Tick(Box::new(Tick { stop: "moon".into(), ..tick(GATE, proof) }));
    assert_eq!(send(&mut other, id, &start(NIGHT, "2026-11-23/22:00")).await, "accepted");
    assert_eq!(send(&mut other, id, &nowhere).await, "round.unknown_stop");
    desk.reads = "quarantine,rounds";
    let docs = serde_json::to_string(&desk.pull().await.docs.values().collect::<Vec<_>>()).unwrap();
    assert!(docs.contains("round.tick") && docs.contains("round.unknown_stop"));
    assert!(!docs.contains(&token) && !docs.contains(&label::code(&token)));
}

async fn what_is_damaged_at_one_site_keeps_no_other_from_its_rounds(on: On) {
    let app = TestApp::start(on).await;
    app.advance(until(23, 5));
    let mut tx = app.app.db.write().await.unwrap();
    // That of the site that comes first.
    let damage =
        "update events set body = '{' where site = $1 and aggregate in (select route_id from route_facts)";
    let damaged = sqlx::query(damage).bind(SITE).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert!(damaged.rows_affected() > 0);
    assert!(keeper::run_due(&app.app).await.is_err());
    let made = "select count(*) from docs where doc like 'round:%' and site = $1";
    let mut conn = app.app.db.connection().await.unwrap();
    let made = |site: &'static str| sqlx::query_scalar::<_, i64>(made).bind(site);
    assert_eq!(made(SITE).fetch_one(&mut *conn).await.unwrap(), 0);
    assert_eq!(made("wanjing").fetch_one(&mut *conn).await.unwrap(), 1);
}

async fn importing_the_routes_again_changes_what_the_file_says_otherwise(on: On) {
    let app = TestApp::start(on).await;
    let mut supervisor = walker(&app, cast::SUPERVISOR).await;
    let before = supervisor.pull().await;
    let routes = before.docs.keys().filter(|key| matches!(key, DocKey::Route(_))).count();
    assert_eq!(routes, 4);
    let gate = token(&app, GATE).await;
    app.reimport(SITE, |_| {}).await;
    assert!(supervisor.pull().await.changed.is_empty());
    assert_eq!(token(&app, GATE).await, gate, "labels hang as they did");
    // Changed in the app, and then elsewhere in the file: the change stays.
    let mut design = route(&mut supervisor, NIGHT).await.unwrap().design;
    design.name = "北区夜巡(加密)".to_owned();
    let save = RouteCommand::Save { code: NIGHT.into(), version: 1, from: None, design };
    supervisor.accepted(save.kind(), route_id(NIGHT).0, save.body()).await;
    app.reimport(SITE, |file| file["routes"][2]["name"] = json!("设备房")).await;
    let named = |route: Option<Route>| route.map(|route| (route.design.name, route.version));
    assert_eq!(named(route(&mut supervisor, NIGHT).await), Some(("北区夜巡(加密)".to_owned(), 2)));
    assert_eq!(named(route(&mut supervisor, EQUIPMENT).await), Some(("设备房".to_owned(), 2)));
    // What the file says otherwise than before counts, and what it no longer has is walked no more.
    app.reimport(SITE, |file| {
        file["routes"][0]["name"] = json!("北区");
        file["routes"].as_array_mut().unwrap().truncate(2);
    })
    .await;
    assert_eq!(named(route(&mut supervisor, NIGHT).await), Some(("北区".to_owned(), 3)));
    assert!(route(&mut supervisor, EQUIPMENT).await.unwrap().retired);
    assert!(!route(&mut supervisor, "R-S").await.unwrap().retired);
}

async fn a_route_that_cannot_be_walked_is_not_imported(on: On) {
    let app = TestApp::start(on).await;
    let wrong = |change: fn(&mut serde_json::Value)| {
        let mut file: serde_json::Value = serde_json::from_str(&crate::kit::demo(SITE)).unwrap();
        change(&mut file["routes"][0]);
        let wrong = server::sites::import::read(&file.to_string()).unwrap_err();
        wrong.iter().map(server::sites::import::sentence).collect::<Vec<_>>().join("\n")
    };
    let overlapping = wrong(|route| route["window_min"] = json!(300));
    assert!(
        overlapping.contains("route R-N") && overlapping.contains("route.windows_overlap"),
        "{overlapping}"
    );
    let limits = wrong(|route| route["stops"][4]["items"][1]["low"] = json!(1.000_05));
    assert!(limits.contains("import.bad_value: route limit cannot be 1.00005"), "{limits}");
    let time = wrong(|route| route["start"] = json!("25:00"));
    assert!(time.contains("route time cannot be 25:00"), "{time}");
    let area = wrong(|route| {
        route["by_area"] = json!(true);
        route["roles"] = json!(["guard", "cleaner"]);
    });
    assert!(area.contains("route by_area cannot be R-N"), "{area}");
    let person = wrong(|route| route["persons"] = json!(["P999"]));
    assert!(person.contains("P999"), "{person}");
    let code = RouteCode::from("R-N");
    let mut guard = walker(&app, cast::GUARD).await;
    assert_eq!(route(&mut guard, code.as_str()).await.unwrap().version, 1);
}

/// Two stops of the first round of a night, the second with something wrong, and the end of its window.
async fn walked(app: &TestApp) -> (Device, RoundId) {
    let mut guard = walker(app, cast::GUARD).await;
    let at = "2026-11-23/22:00";
    let id = round_id(NIGHT, at);
    app.advance(until(22, 5));
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    assert_eq!(send(&mut guard, id, &scan(app, GATE).await).await, "accepted");
    app.advance(10);
    let known = route(&mut guard, NIGHT).await.unwrap();
    let item = known.design.stops[1].items[1].clone();
    let readings = BTreeMap::from([(item.code, Reading::Ok(false))]);
    let proof = Proof::Token { via: Via::Qr, token: token(app, LOBBY).await };
    let dark = RoundCommand::Tick(Box::new(Tick { readings, ..tick(LOBBY, proof) }));
    assert_eq!(send(&mut guard, id, &dark).await, "accepted");
    app.advance(60);
    keeper::run_due(&app.app).await.unwrap();
    (guard, id)
}

async fn report(device: &Device, asked: &str) -> DaysReport {
    let reply = device.get(&format!("/api/rounds/report?site={SITE}&{asked}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    serde_json::from_str(&reply.text).unwrap()
}

async fn r13_a_days_report_says_how_its_rounds_stand_by_stop_route_and_person(on: On) {
    let app = TestApp::start(on).await;
    let (guard, id) = walked(&app).await;
    let (supervisor, lead) = (app.sign_in(cast::SUPERVISOR).await, app.sign_in(cast::LEAD).await);
    app.advance(until(26, 30) - until(23, 15));
    keeper::run_due(&app.app).await.unwrap();
    let told = report(&supervisor, "day=2026-11-23").await;
    let night: Vec<String> = told
        .report
        .rounds
        .iter()
        .filter(|round| round.route.as_str() == NIGHT)
        .map(|round| round.occurrence.to_string())
        .collect();
    assert_eq!(night, ["2026-11-23/22:00", "2026-11-23/24:00", "2026-11-23/26:00"], "all of the evening's");
    let line = told.report.rounds.iter().find(|round| round.round == id).unwrap();
    let states: Vec<_> = line.stops.iter().take(3).map(|stop| (stop.state, stop.by)).collect();
    let there = (StopStateName::OnTime, Some(guard.person));
    assert_eq!(states, [there, there, (StopStateName::Missed, None)]);
    assert!(line.stops[1].abnormal && !line.stops[0].abnormal);
    let of_route = told.report.routes.iter().find(|line| line.route.as_str() == NIGHT).unwrap();
    let Tally { stops, on_time, missed, pending, abnormal, .. } = of_route.tally;
    assert_eq!((of_route.rounds, stops, on_time, missed, pending, abnormal), (3, 27, 2, 16, 9, 1));
    let of_guard = told.report.people.iter().find(|line| line.person == guard.person).unwrap();
    let Tally { stops, on_time, missed, .. } = of_guard.tally;
    assert_eq!((stops, on_time, missed), (9, 2, 7), "what the walker missed is the walker's");
    // The next day has none of the night's, the route or person alone nothing of others.
    let next = report(&supervisor, "day=2026-11-24").await;
    assert!(next.report.rounds.iter().all(|round| round.route.as_str() != NIGHT));
    let only = report(&supervisor, &format!("day=2026-11-23&route={NIGHT}&person={}", guard.person)).await;
    assert_eq!(only.report.rounds.iter().flat_map(|round| &round.stops).count(), 9);
    // The lead of the guards has theirs, whoever walks has none.
    let led = report(&lead, "day=2026-11-22&until=2026-11-23").await;
    assert!(!led.report.rounds.is_empty());
    assert!(
        led.report
            .rounds
            .iter()
            .all(|round| round.route.as_str().starts_with("R-N") || round.route.as_str() == "R-S")
    );
    assert!(report(&guard, "day=2026-11-23").await.report.rounds.is_empty());
    for (wrong, status, code) in [
        ("day=today", 400, "request.bad_body"),
        ("day=2026-11-23&until=2026-11-22", 422, "round.bad_days"),
        ("day=2026-10-23&until=2026-11-23", 422, "round.bad_days"),
    ] {
        let reply = supervisor.get(&format!("/api/rounds/report?site={SITE}&{wrong}")).await;
        assert_eq!(reply.problem(), (status, code.to_owned()), "{wrong}");
    }
    assert_eq!(report(&supervisor, "day=2026-10-24&until=2026-11-23").await.until, "2026-11-23", "31 days");
    let foreign = app.sign_in(cast::FOREIGN_DESK).await;
    let reply = foreign.get(&format!("/api/rounds/report?site={SITE}&day=2026-11-23")).await;
    assert_eq!(reply.problem().1, "site.not_member");
}

async fn a_report_is_a_table_for_who_wants_one(on: On) {
    let app = TestApp::start(on).await;
    let (guard, id) = walked(&app).await;
    let mut supervisor = app.sign_in(cast::SUPERVISOR).await;
    let review = RoundCommand::Review { note: "已提醒".to_owned() };
    assert_eq!(send(&mut supervisor, id, &review).await, "accepted");
    let path =
        |format: &str| format!("/api/rounds/report?site={SITE}&day=2026-11-23&route={NIGHT}&format={format}");
    let csv = supervisor.get(&path("csv&lang=en")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let mut lines = csv.text.trim_start_matches('\u{feff}').lines();
    assert!(lines.next().unwrap().starts_with("Date,Round,Route,Stop,Planned,State,Time,By,"));
    let gate = lines.next().unwrap();
    assert!(gate.starts_with("2026-11-23,22:00,R-N 北区夜巡,"), "{gate}");
    assert!(gate.contains(",On time,2026-11-23 22:05,"), "{gate}");
    assert!(gate.ends_with(",Reviewed,已提醒"), "{gate}");
    assert!(gate.contains(",岗亭无异常,"), "what was not looked at is told: {gate}");
    let lobby = lines.next().unwrap();
    assert!(lobby.contains(",Yes,") && lobby.contains("照明正常: No ⚠"), "{lobby}");
    assert_eq!(lines.count(), 7);
    let (status, headers, bytes) = read(&supervisor, &path("xlsx"), None).await;
    assert_eq!(status, 200);
    let saved_as = |headers: &axum::http::HeaderMap| {
        let said = headers["content-disposition"].to_str().unwrap().to_owned();
        let (plain, coded) = said.split_once("; filename*=UTF-8''").unwrap();
        let coded = url::form_urlencoded::parse(coded.as_bytes()).next().unwrap().0.into_owned();
        (plain.trim_start_matches("attachment; filename=").to_owned(), coded)
    };
    let name = "rounds-2026-11-23-2026-11-23-R-N.xlsx";
    assert_eq!(saved_as(&headers), (format!("\"{name}\""), name.to_owned()));
    let mut book = calamine::Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
    assert_eq!(book.sheet_names(), ["巡查明细", "按路线", "按人员"]);
    let stops = book.worksheet_range("巡查明细").unwrap();
    assert_eq!(stops.height(), 10);
    assert_eq!(stops.get_value((1, 5)).unwrap().to_string(), "按时");
    let routes = book.worksheet_range("按路线").unwrap();
    assert_eq!(routes.get_value((1, 0)).unwrap().to_string(), "R-N 北区夜巡");
    assert_eq!(routes.get_value((1, 2)).unwrap().to_string(), "9");
    // A part says on paper and by its name what it is a part of.
    let (_, headers, bytes) =
        read(&supervisor, &format!("{}&person={}", path("xlsx"), guard.person), None).await;
    assert_eq!(saved_as(&headers).1, "rounds-2026-11-23-2026-11-23-R-N-杨敏.xlsx");
    for head in page_heads(&bytes) {
        assert!(head.contains(" · 2026-11-23 · R-N 北区夜巡 · 杨敏&amp;R"), "{head}");
    }
}

/// What stands at the head of each printed page, by sheet.
fn page_heads(book: &[u8]) -> [String; 3] {
    let mut book = zip::ZipArchive::new(std::io::Cursor::new(book)).unwrap();
    [1, 2, 3].map(|sheet| {
        let sheet = book.by_name(&format!("xl/worksheets/sheet{sheet}.xml")).unwrap();
        let sheet = std::io::read_to_string(sheet).unwrap();
        sheet.split("oddHeader>").nth(1).unwrap().to_owned()
    })
}

async fn f2_the_readings_of_an_item_are_told_over_time(on: On) {
    let app = TestApp::start(on).await;
    let mut technician = walker(&app, cast::TECHNICIAN).await;
    let (supervisor, guard) = (app.sign_in(cast::SUPERVISOR).await, app.sign_in(cast::GUARD).await);
    let known = route(&mut technician, EQUIPMENT).await.unwrap();
    let item = known.design.stops.iter().find(|stop| stop.code.as_str() == PUMP).unwrap().items[0].clone();
    app.advance(until(12, 1));
    for (at, value, minutes) in [("2026-11-23/12:00", 500, 240), ("2026-11-23/16:00", 900, 0)] {
        let id = round_id(EQUIPMENT, at);
        assert_eq!(send(&mut technician, id, &start(EQUIPMENT, at)).await, "accepted");
        // What is mistyped and put right is on no line.
        let readings = BTreeMap::from([(item.code.clone(), Reading::Number(Milli(value * 100)))]);
        let mistyped = RoundCommand::Read { stop: PUMP.into(), readings };
        assert_eq!(send(&mut technician, id, &mistyped).await, "accepted");
        let readings = BTreeMap::from([(item.code.clone(), Reading::Number(Milli(value)))]);
        let looked = RoundCommand::Read { stop: PUMP.into(), readings };
        assert_eq!(send(&mut technician, id, &looked).await, "accepted");
        app.advance(minutes);
    }
    let path = format!(
        "/api/rounds/readings?site={SITE}&day=2026-11-01&until=2026-11-23&route={EQUIPMENT}&stop={PUMP}&item={}",
        item.code
    );
    let told: Readings = serde_json::from_str(&supervisor.get(&path).await.text).unwrap();
    let points: Vec<_> = told.points.iter().map(|point| (point.reading.clone(), point.abnormal)).collect();
    assert_eq!(points, [(Reading::Number(Milli(500)), false), (Reading::Number(Milli(900)), true)]);
    assert_eq!(told.item, Some(item.clone()));
    let table = format!("/api/rounds/report?site={SITE}&day=2026-11-23&route={EQUIPMENT}&format=csv&lang=en");
    let table = supervisor.get(&table).await.text;
    assert!(table.contains(&format!("{}: 50 MPa ⚠ → 0.5 MPa", item.text)), "a report says both: {table}");
    let none: Readings = serde_json::from_str(&guard.get(&path).await.text).unwrap();
    assert_eq!((none.item, none.points.len()), (None, 0));
}

async fn what_takes_much_less_than_usual_on_a_route_is_noticed(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = walker(&app, cast::GUARD).await;
    let supervisor = app.sign_in(cast::SUPERVISOR).await;
    let (gate, lobby) = (scan(&app, GATE).await, scan(&app, LOBBY).await);
    app.advance(until(22, 0));
    for day in ["2026-11-23", "2026-11-24", "2026-11-25"] {
        for hour in [22, 24, 26, 28] {
            let at = format!("{day}/{hour}:00");
            let id = round_id(NIGHT, &at);
            assert_eq!(send(&mut guard, id, &start(NIGHT, &at)).await, "accepted");
            assert_eq!(send(&mut guard, id, &gate).await, "accepted");
            app.advance(6);
            assert_eq!(send(&mut guard, id, &lobby).await, "accepted");
            app.advance(114);
        }
        app.advance(16 * 60);
    }
    usual::refresh(&app.app).await.unwrap();
    let at = "2026-11-26/22:00";
    let id = round_id(NIGHT, at);
    assert_eq!(send(&mut guard, id, &start(NIGHT, at)).await, "accepted");
    assert_eq!(send(&mut guard, id, &gate).await, "accepted");
    app.advance(2);
    assert_eq!(send(&mut guard, id, &lobby).await, "accepted");
    let told = report(&supervisor, "day=2026-11-26").await;
    let line = told.report.rounds.iter().find(|round| round.round == id).unwrap();
    let trust = line.stops[1].trust.clone().unwrap();
    assert_eq!(trust.doubts, [Doubt::Hasty { seconds: 120 }]);
    assert_eq!(trust.level, Level::Medium);
}
