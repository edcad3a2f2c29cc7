//! Rounds: how their stops stand over windows, midnight, month end and clock changes; what is delivered late; changes of
//! the route under way; problems found at a stop; and that the order of arrival leaves no trace.

use std::collections::BTreeSet;

use crate::kit::walk as kit;
use kit::{
    GATE, NIGHT, PUMP, Walk,
    cast::{
        CAPTAIN, CLEANER, CLEANERS_LEAD, DESK, EVERYBODY, GUARD, GUARDS_LEAD, LOBBY, SECOND_DESK, SUPERVISOR,
        TECHNICIAN, UNIT,
    },
    finish, found, hand_over, item, night, photo, property, read, review, skip, stop, tick, ticks, versions,
};
use proptest::{prelude::*, sample::select};
use rstest::rstest;
use shared::{
    Code,
    case::{Case, CaseView, command::Report, decide_report},
    ids::{CaseId, ItemCode, PersonId, Principal, RoundId},
    label::Match,
    round::{
        Round, RoundChange, RoundCommand, RoundEvent, RoundRule, RoundStage, Skipped, StopState,
        StopStateName,
        command::{ENTRIES_MAX, Position, Proof, Tick, Via},
        event::Proven,
    },
    route::{Choice, ItemKind, Milli, Reading, Who},
    site::Role,
    time::{EventTime, HOUR, MINUTE},
};
use uuid::Uuid;

use StopStateName::*;

const DAY_AFTER: &str = "2026-11-23 12:00";

#[rstest]
#[case::before_it_begins("21:59:59", OutOfWindow)]
#[case::as_it_begins("22:00", OnTime)]
#[case::when_it_is_due("22:10", OnTime)]
#[case::after_it_was_due("22:10:01", Late)]
#[case::as_the_window_ends("22:59:59", Late)]
#[case::after_the_window("23:00", OutOfWindow)]
fn f2_a_stop_is_on_time_late_or_out_of_window(#[case] at: &str, #[case] expected: StopStateName) {
    let walk = Walk::night().on(&format!("2026-11-22 {at}")).then(GUARD, ticks(GATE));
    assert_eq!(walk.state(GATE, DAY_AFTER), expected);
}

#[test]
fn f2_without_an_offset_a_stop_is_on_time_until_the_window_ends() {
    let walk = Walk::night().on("2026-11-22 22:59").then(GUARD, ticks(PUMP));
    assert_eq!(walk.state(PUMP, DAY_AFTER), OnTime);
}

#[rstest]
#[case::over_midnight("Asia/Shanghai", "2026-11-22/24:00", "2026-11-23 00:09", "2026-11-23 01:01")]
#[case::over_the_end_of_a_month("Asia/Shanghai", "2026-11-30/26:00", "2026-12-01 02:09", "2026-12-01 03:01")]
#[case::over_the_end_of_a_year("Asia/Shanghai", "2026-12-31/26:00", "2027-01-01 02:09", "2027-01-01 03:01")]
#[case::the_clock_is_set_forward("Europe/Berlin", "2026-03-28/26:00", "2026-03-29 03:09", "2026-03-29 04:01")]
#[case::the_clock_is_set_back("Europe/Berlin", "2026-10-24/24:00", "2026-10-25 00:09", "2026-10-25 01:01")]
fn r13_the_window_is_the_sites(
    #[case] zone: &str,
    #[case] occurrence: &str,
    #[case] at: &str,
    #[case] over: &str,
) {
    let world = property(zone);
    let routes = versions(&world, vec![(world.at("2026-01-01 00:00"), night())]);
    let walk = Walk::among(&world, routes, occurrence).on(at).then(GUARD, ticks(GATE));
    assert_eq!(walk.state(GATE, at), OnTime);
    assert_eq!(walk.state(LOBBY, at), Pending);
    assert_eq!(walk.state(LOBBY, over), Missed);
}

#[test]
fn the_timer_notes_the_end_of_the_window_once() {
    let mut walk = Walk::night().on("2026-11-22 22:05").then(GUARD, ticks(GATE));
    let end = walk.world.at("2026-11-22 23:00");
    assert_eq!(walk.round.end(end.plus(-1)), None);
    let event = walk.round.end(end).unwrap();
    assert_eq!(event.change, RoundChange::WindowEnded { missed: vec![LOBBY.into(), PUMP.into()] });
    assert_eq!(event.by, None);
    walk.apply(&[event]);
    assert_eq!(walk.round.end(end.plus(HOUR)), None);
}

#[test]
fn what_is_due_is_the_next_stops_and_the_end_of_the_window() {
    let walk = Walk::night().on("2026-11-22 22:05").then(GUARD, ticks(GATE));
    let due: Vec<_> = walk
        .round
        .deadlines(walk.now.at)
        .into_iter()
        .map(|deadline| (walk.world.zone.wall(deadline.at).strftime("%H:%M").to_string(), deadline.rule))
        .collect();
    assert_eq!(
        due,
        [("22:20".to_owned(), RoundRule::Due(LOBBY.into())), ("23:00".to_owned(), RoundRule::WindowEnd)]
    );
}

#[test]
fn r3_what_was_in_time_and_arrives_late_is_no_longer_missed() {
    let mut walk = Walk::night();
    let end = walk.round.end(walk.world.at("2026-11-22 23:00")).unwrap();
    walk.apply(&[end]);
    assert_eq!(walk.standing(GATE, DAY_AFTER), (Missed, [false; 4]));
    let walk = walk.on("2026-11-22 22:05").arriving("2026-11-23 07:00").then(GUARD, ticks(GATE));
    assert_eq!(walk.standing(GATE, DAY_AFTER), (OnTime, [false, true, false, false]));
    let walk = walk.on("2026-11-22 22:50").arriving("2026-11-23 07:00").then(GUARD, ticks(LOBBY));
    assert_eq!(
        walk.standing(LOBBY, DAY_AFTER),
        (Late, [false, true, false, false]),
        "late, and arrived late"
    );
    let walk = walk.on("2026-11-23 06:00").arriving("2026-11-23 07:00").then(GUARD, ticks(PUMP));
    assert_eq!(walk.standing(PUMP, DAY_AFTER), (OutOfWindow, [false; 4]), "it was never in time");
}

#[test]
fn r3_what_arrives_before_the_window_ends_has_not_arrived_late() {
    let walk = Walk::night().on("2026-11-22 22:05").arriving("2026-11-22 22:58").then(GUARD, ticks(GATE));
    assert_eq!(walk.standing(GATE, DAY_AFTER), (OnTime, [false; 4]));
}

#[rstest]
#[case::it_says_the_next_day("2026-11-23 06:00", "2026-11-23 07:00", OnTime)]
#[case::it_says_before("2026-11-22 20:00", "2026-11-22 22:01", OnTime)]
#[case::it_had_arrived_before("2026-11-22 20:00", "2026-11-22 21:59", OutOfWindow)]
fn r3_an_uncertain_time_decides_nothing_to_anybodys_disadvantage(
    #[case] at: &str,
    #[case] arrives: &str,
    #[case] expected: StopStateName,
) {
    let walk = Walk::night().on(at).arriving(arrives).uncertain().then(GUARD, ticks(GATE));
    let (state, [_, _, uncertain, _]) = walk.standing(GATE, DAY_AFTER);
    assert_eq!(state, expected);
    assert!(uncertain, "it is shown");
}

#[test]
fn of_several_ticks_the_one_counts_that_speaks_best_for_the_walker() {
    let walk = Walk::night()
        .on("2026-11-22 21:50")
        .then(GUARD, ticks(GATE))
        .on("2026-11-22 22:15")
        .then(CAPTAIN, ticks(GATE))
        .on("2026-11-22 22:09")
        .then(GUARD, ticks(GATE));
    let gate = walk.round.find(&GATE.into()).unwrap();
    let StopState::OnTime(tick) = walk.round.stop(gate, walk.now.at).state else { panic!("not on time") };
    assert_eq!(tick.time.at, walk.world.at("2026-11-22 22:09"));
}

#[test]
fn a_stop_ticked_before_one_that_comes_before_it_is_out_of_order() {
    let walk = Walk::night()
        .on("2026-11-22 22:02")
        .then(GUARD, ticks(LOBBY))
        .on("2026-11-22 22:08")
        .then(GUARD, ticks(GATE));
    assert_eq!(walk.standing(LOBBY, DAY_AFTER), (OnTime, [false, false, false, true]));
    assert_eq!(walk.standing(GATE, DAY_AFTER), (OnTime, [false; 4]));
    let mut free = night();
    free.ordered = false;
    let walk = Walk::of(&property("Asia/Shanghai"), free)
        .on("2026-11-22 22:08")
        .then(GUARD, ticks(GATE))
        .on("2026-11-22 22:02")
        .then(GUARD, ticks(LOBBY));
    assert_eq!(walk.standing(LOBBY, DAY_AFTER), (OnTime, [false; 4]));
}

#[test]
fn a_skipped_stop_says_why_and_a_tick_outweighs_it() {
    let walk = Walk::night().on("2026-11-22 22:30").then(GUARD, skip(PUMP));
    let pump = walk.round.find(&PUMP.into()).unwrap();
    let StopState::Skipped(Skipped::Because(event)) = walk.round.stop(pump, walk.now.at).state else {
        panic!("not skipped")
    };
    assert!(matches!(&event.change, RoundChange::Skipped { reason, .. } if reason == "locked"));
    let walk = walk.on("2026-11-22 22:40").then(GUARD, ticks(PUMP));
    assert_eq!(walk.state(PUMP, DAY_AFTER), OnTime);
}

#[test]
fn an_excuse_after_the_window_is_kept_and_does_not_undo_that_a_stop_was_missed() {
    let walk = Walk::night().on("2026-11-22 23:30").then(GUARD, skip(PUMP));
    assert_eq!(walk.state(PUMP, DAY_AFTER), Missed);
    assert_eq!(walk.round.at(&PUMP.into()).count(), 1);
}

#[test]
fn i3_whoever_leaves_a_round_early_says_why_and_the_rest_is_left_out() {
    let walk = Walk::night().on("2026-11-22 22:05").then(GUARD, ticks(GATE)).then(GUARD, finish());
    assert_eq!(walk.state(GATE, DAY_AFTER), OnTime);
    assert_eq!([LOBBY, PUMP].map(|stop| walk.state(stop, DAY_AFTER)), [Skipped; 2]);
    assert_eq!(walk.stage("2026-11-22 22:06"), RoundStage::Over);
    let silent = RoundCommand::Finish { reason: " ".to_owned() };
    assert_eq!(walk.refusal(GUARD, &silent), Code::CaseFieldMissing);
}

#[test]
fn nobody_ends_a_round_for_the_others_before_it_begins() {
    let walk = Walk::night().on("2026-11-22 21:59");
    assert_eq!(walk.refusal(GUARD, &finish()), Code::RoundWrongStage);
    assert!(walk.judge(GUARD, &hand_over(TECHNICIAN)).is_ok());
    let doubtful = walk.clone().uncertain();
    assert_eq!(doubtful.refusal(GUARD, &finish()), Code::RoundWrongStage, "it has arrived before that");
    assert!(doubtful.arriving("2026-11-22 22:01").judge(GUARD, &finish()).is_ok(), "R3");
    assert!(walk.on("2026-11-22 22:00").judge(GUARD, &finish()).is_ok());
}

#[test]
fn a_round_is_over_when_every_stop_is_seen_to_or_the_window_has_ended() {
    let walk = Walk::night();
    assert_eq!(walk.stage("2026-11-22 22:01"), RoundStage::Planned);
    let walk = walk.on("2026-11-22 22:02").then(GUARD, ticks(GATE)).then(GUARD, ticks(LOBBY));
    assert_eq!(walk.stage("2026-11-22 22:03"), RoundStage::UnderWay);
    assert_eq!(walk.stage("2026-11-22 23:00"), RoundStage::Over);
    let walk = walk.then(GUARD, skip(PUMP));
    assert_eq!(walk.stage("2026-11-22 22:03"), RoundStage::Over);
    let walk = walk.on("2026-11-22 22:10").then(SUPERVISOR, review());
    assert_eq!(walk.stage("2026-11-22 22:11"), RoundStage::Reviewed);
    assert!(!walk.round.changed_since_review());
    let walk = walk.on("2026-11-22 22:05").arriving("2026-11-22 22:30").then(GUARD, ticks(PUMP));
    assert!(walk.round.changed_since_review(), "whoever reviewed it should look again");
}

#[test]
fn nobody_reviews_what_they_walked() {
    let mut walk = Walk::night();
    walk.world.member_mut(SUPERVISOR).roles.insert(Role::Guard);
    let walk = walk.on("2026-11-22 22:05").then(SUPERVISOR, ticks(GATE)).on(DAY_AFTER);
    assert_eq!(walk.refusal(SUPERVISOR, &review()), Code::RoundOwn);
}

#[test]
fn d13_readings_beyond_their_limits_make_a_stop_abnormal_whoever_was_in_time() {
    let high = read(PUMP, "pressure", Reading::Number(Milli(900)));
    let walk = Walk::night().on("2026-11-22 22:30").then(GUARD, ticks(PUMP)).then(GUARD, high);
    assert_eq!(walk.standing(PUMP, DAY_AFTER), (OnTime, [true, false, false, false]));
    let again = read(PUMP, "pressure", Reading::Number(Milli(500)));
    let walk = walk.on("2026-11-22 22:31").then(GUARD, again);
    assert!(walk.standing(PUMP, DAY_AFTER).1[0], "that it was beyond is not undone");
    assert_eq!(walk.round.readings(&PUMP.into())[&ItemCode::from("pressure")], &Reading::Number(Milli(500)));
}

#[test]
fn g2_a_cleaning_task_that_could_not_be_done_makes_the_stop_abnormal_and_one_left_open_is_named() {
    let supplies = [("refilled", false), ("none left", true)];
    let options = supplies.map(|(text, abnormal)| Choice { text: text.to_owned(), abnormal }).into();
    let mut design = night();
    design.who = Who::Roles([Role::Cleaner].into());
    design.stops[0].items = vec![
        item("swept", ItemKind::OkOrNot),
        item("disinfected", ItemKind::OkOrNot),
        item("supplies", ItemKind::Choice { options }),
        item("waste", ItemKind::OkOrNot),
    ];
    let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:05").then(CLEANER, ticks(GATE));
    let done = |walk: Walk, task: &str, reading| walk.then(CLEANER, read(GATE, task, reading));
    let walk = done(walk, "swept", Reading::Ok(true));
    let walk = done(walk, "disinfected", Reading::Ok(true));
    assert!(!walk.standing(GATE, DAY_AFTER).1[0]);
    let walk = done(walk, "supplies", Reading::Choice("none left".to_owned()));
    assert!(walk.standing(GATE, DAY_AFTER).1[0]);
    let gate = walk.round.find(&GATE.into()).unwrap();
    let open: Vec<_> = walk.round.stop(gate, walk.now.at).unanswered.iter().map(|item| &item.code).collect();
    assert_eq!(open, [&ItemCode::from("waste")]);
}

#[test]
fn what_is_asked_for_and_not_answered_is_named() {
    let mut design = night();
    design.stops[0].items.push(item("front", ItemKind::Photo { percent: 100 }));
    let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:05");
    let open = |walk: &Walk| {
        let stop = walk.round.find(&GATE.into()).unwrap();
        let standing = walk.round.stop(stop, walk.now.at);
        standing.unanswered.iter().map(|item| item.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(open(&walk), [""; 0], "nobody was there yet");
    let walk = walk.then(GUARD, ticks(GATE));
    assert_eq!(open(&walk), ["calm", "front"]);
    let walk = walk.then(GUARD, read(GATE, "calm", Reading::Ok(true)));
    assert_eq!(open(&walk), ["front"]);
    let walk = walk.then(GUARD, read(GATE, "front", Reading::Photos(vec![photo(1)])));
    assert_eq!(open(&walk), [""; 0]);
}

// --- changes of the route under way, and offline starts ---

#[test]
fn a_stop_removed_from_the_route_stays_valid_for_rounds_under_way() {
    let world = property("Asia/Shanghai");
    let mut without = night();
    without.stops.remove(1);
    let routes = versions(
        &world,
        vec![(world.at("2026-11-15 12:00"), night()), (world.at("2026-11-22 22:02"), without)],
    );
    let walk = Walk::among(&world, routes.clone(), "2026-11-22/22:00").on("2026-11-22 22:05");
    let walk = walk.then(GUARD, ticks(LOBBY));
    assert_eq!(walk.state(LOBBY, DAY_AFTER), OnTime);
    // In the next round a phone that has not heard of it ticks the stop all the same: kept beside what is asked for.
    let next =
        Walk::among(&world, routes, "2026-11-22/24:00").on("2026-11-23 00:05").then(GUARD, ticks(LOBBY));
    assert_eq!(next.round.find(&LOBBY.into()), None);
    assert_eq!(next.round.beyond(), BTreeSet::from([&LOBBY.into()]));
}

#[test]
fn a_stop_that_the_walkers_could_not_know_of_is_not_missed() {
    let world = property("Asia/Shanghai");
    let mut more = night();
    more.stops.push(stop("b1", None, vec![]));
    let routes =
        versions(&world, vec![(world.at("2026-11-15 12:00"), night()), (world.at("2026-11-22 21:00"), more)]);
    let walk = Walk::among(&world, routes, "2026-11-22/22:00");
    assert_eq!(walk.state("b1", DAY_AFTER), Missed, "nobody came at all");
    let by_the_old = walk.clone().on("2026-11-22 22:01").then(GUARD, walk.start(1));
    assert_eq!(by_the_old.state("b1", "2026-11-22 22:02"), Pending, "they may still hear of it");
    assert_eq!(by_the_old.state("b1", DAY_AFTER), Skipped);
    assert_eq!(by_the_old.state(PUMP, DAY_AFTER), Missed, "of that they knew");
    let start = by_the_old.start(2);
    assert_eq!(by_the_old.then(CAPTAIN, start).state("b1", DAY_AFTER), Missed, "one of them knew");
}

#[test]
fn a_round_begun_offline_is_the_one_that_the_server_plans() {
    let walk = Walk::night().on("2026-11-22 22:01").arriving("2026-11-23 06:00");
    let start = walk.start(1);
    let events = walk.judge_start(GUARD, &start).unwrap();
    let [plan, started] = &events[..] else { panic!("{events:?}") };
    let begun = Round::begin(walk.round.id, plan).unwrap();
    assert_eq!(begun.task, walk.round.task, "the same task whoever makes it");
    assert_eq!(started.change, RoundChange::Started { route_version: 1 });
    assert_eq!(walk.then(GUARD, start).round.log, begun.evolve(started).log, "and the same log");
}

#[test]
fn what_the_route_has_no_round_for_is_not_begun() {
    let walk = Walk::night();
    let RoundCommand::Start { route, .. } = walk.start(1) else { unreachable!() };
    let at = |occurrence: &str| RoundCommand::Start {
        route: route.clone(),
        occurrence: occurrence.parse().unwrap(),
        route_version: 1,
    };
    let refused = |walk: &Walk, start| walk.judge_start(GUARD, &start).unwrap_err().code;
    assert_eq!(refused(&walk, at("2026-11-22/22:30")), Code::RoundNotPlanned);
    // Nor what was before there was a route, nor what begins in a year.
    let since = walk.routes[0].since;
    let mut routes = walk.routes.clone();
    routes[0].since = walk.round.task.from.plus(1);
    let young = Walk { routes, ..walk.clone() };
    assert_eq!(refused(&young, walk.start(1)), Code::RoundNotPlanned);
    assert!(since <= walk.round.task.from);
    let early = walk.clone().on("2026-11-21 21:59");
    assert_eq!(refused(&early, walk.start(1)), Code::RoundNotPlanned);
    assert!(walk.clone().on("2026-11-21 22:01").judge_start(GUARD, &walk.start(1)).is_ok());
    assert_eq!(walk.judge_start(GUARD, &ticks(GATE)).unwrap_err().code, Code::RoundNotThere);
    assert_eq!(
        walk.judge_start(GUARD, &at("2026-11-22/24:00")).unwrap_err().code,
        Code::CommandBadBody,
        "another id"
    );
    assert_eq!(walk.judge_start(TECHNICIAN, &walk.start(1)).unwrap_err().code, Code::RoundNotVisible);
}

#[test]
fn a_stop_of_no_version_is_refused_and_so_is_what_is_too_much() {
    let walk = Walk::night().on("2026-11-22 22:05");
    assert_eq!(walk.refusal(GUARD, &ticks("moon")), Code::RoundUnknownStop);
    assert_eq!(walk.refusal(GUARD, &hand_over(kit::cast::LEAVER)), Code::CaseUnknownPerson);
    let unexplained =
        Tick { proof: Proof::Photo { reason: String::new(), photos: vec![photo(1)] }, ..tick(GATE) };
    assert_eq!(walk.refusal(GUARD, &RoundCommand::Tick(Box::new(unexplained))), Code::CaseFieldMissing);
    let photos = read(GATE, "calm", Reading::Photos((0..10).map(photo).collect()));
    assert_eq!(walk.refusal(GUARD, &photos), Code::CaseTooManyPhotos);
    let walk = (0..ENTRIES_MAX).fold(walk, |walk, _| walk.then(GUARD, ticks(GATE)));
    assert_eq!(walk.refusal(GUARD, &ticks(GATE)), Code::RoundTooMany);
}

#[test]
fn a_stop_is_where_some_version_of_the_route_has_it() {
    let world = property("Asia/Shanghai");
    let mut moved = night();
    moved.stops[0].place = PUMP.into();
    let routes = versions(
        &world,
        vec![(world.at("2026-11-15 12:00"), night()), (world.at("2026-11-22 21:00"), moved)],
    );
    let walk = Walk::among(&world, routes, "2026-11-22/22:00").on("2026-11-22 22:05");
    let place = |said: &str, shown: &str| {
        let proof = Proof::Token { via: Via::Qr, token: kit::token(shown) };
        let tick = Tick { place: said.into(), proof, ..tick(GATE) };
        let events = walk.judge(GUARD, &RoundCommand::Tick(Box::new(tick))).unwrap();
        let tick = events[0].change.tick().unwrap();
        (tick.place.to_string(), tick.proof.clone())
    };
    let proven = |label| Proven::Token { via: Via::Qr, label };
    assert_eq!(place(PUMP, PUMP), (PUMP.to_owned(), proven(Match::Current)));
    assert_eq!(
        place(GATE, GATE),
        (GATE.to_owned(), proven(Match::Current)),
        "by the route that the phone knew"
    );
    assert_eq!(place(LOBBY, LOBBY), (PUMP.to_owned(), proven(Match::Elsewhere(LOBBY.into()))));
}

#[test]
fn no_document_holds_what_a_label_says() {
    let walk = Walk::night().on("2026-11-22 22:05").then(GUARD, ticks(GATE));
    let code = shared::label::code(&kit::token(GATE));
    assert!(serde_json::to_string(&walk.routes[0]).unwrap().contains(&code), "the server has it");
    let documents = serde_json::to_string(&(&walk.round, walk.routes[0].view())).unwrap();
    assert!(!documents.contains(&kit::token(GATE)) && !documents.contains(&code));
}

// --- who ---

#[test]
fn g1_a_stop_is_the_one_persons_in_whose_area_it_lies() {
    let mut world = property("Asia/Shanghai");
    world.member_mut(CLEANER).area = Some("b1".into());
    world.member_mut(CLEANERS_LEAD).area = Some("all".into());
    let mut design = night();
    design.who = Who::Area(Role::Cleaner);
    design.stops[2].persons = BTreeSet::from([GUARD]);
    let walk = Walk::of(&world, design);
    let planned = |stop: &str| walk.round.find(&stop.into()).unwrap().planned.clone();
    assert_eq!(planned(LOBBY), BTreeSet::from([CLEANER]), "the smallest area around it");
    assert_eq!(planned(GATE), BTreeSet::from([CLEANERS_LEAD]));
    assert_eq!(planned(PUMP), BTreeSet::from([GUARD]), "named");
    assert_eq!(walk.round.task.companies, BTreeSet::from(["guards".into(), "cleaners".into()]));
    let walk = walk.on("2026-11-22 22:05").then(CLEANER, ticks(GATE));
    assert_eq!(walk.state(GATE, DAY_AFTER), OnTime, "a colleague may help out");
}

#[test]
fn i3_whoever_is_handed_the_round_walks_it_from_then_on() {
    let mut design = night();
    design.who = Who::Persons(BTreeSet::from([GUARD]));
    let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:10");
    assert_eq!(walk.refusal(TECHNICIAN, &ticks(GATE)), Code::RoundNotVisible);
    let walk = walk.then(GUARD, ticks(GATE)).then(GUARD, walk_start()).then(GUARD, hand_over(TECHNICIAN));
    assert_eq!(walk.round.walker(walk.now.at), Some(TECHNICIAN));
    let walk = walk.on("2026-11-22 22:20").then(TECHNICIAN, ticks(LOBBY));
    assert_eq!(walk.refusal(GUARD, &finish()), Code::RoundNotAllowed, "it is the technician's now");
    let walk = walk.on("2026-11-22 22:09").arriving("2026-11-22 22:21").then(GUARD, finish());
    assert_eq!(walk.state(PUMP, DAY_AFTER), Skipped, "made while it was still theirs");
}

fn walk_start() -> RoundCommand {
    RoundCommand::Start {
        route: NIGHT.into(),
        occurrence: "2026-11-22/22:00".parse().unwrap_or_else(|_| panic!("an occurrence")),
        route_version: 1,
    }
}

#[test]
fn what_was_done_in_time_is_judged_so_whenever_the_end_was_noted() {
    let mut walk = Walk::night();
    let end = walk.round.end(walk.world.at("2026-11-22 23:00")).unwrap();
    walk.apply(&[end]);
    let late = walk.clone().on("2026-11-22 22:30").arriving("2026-11-23 06:00");
    assert!(late.judge(GUARD, &hand_over(TECHNICIAN)).is_ok());
    assert!(late.judge(GUARD, &finish()).is_ok());
    assert_eq!(walk.clone().on("2026-11-22 23:00").refusal(GUARD, &finish()), Code::RoundWrongStage);
    assert!(walk.on("2026-11-22 23:30").uncertain().judge(GUARD, &finish()).is_ok(), "R3");
}

#[test]
fn the_feed_reaches_exactly_those_who_see_a_round() {
    let mut area = night();
    area.who = Who::Area(Role::Cleaner);
    let mut named = night();
    named.who = Who::Persons(BTreeSet::from([GUARD, TECHNICIAN]));
    for design in [night(), area, named] {
        let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:10");
        let handed = walk.clone().then(DESK, hand_over(TECHNICIAN)).then(TECHNICIAN, hand_over(CLEANER));
        for walk in [walk, handed] {
            let audience: BTreeSet<Principal> = walk.round.audience();
            for person in EVERYBODY {
                let member = walk.world.member(person);
                let sees = walk.round.view(member, walk.standings(person), &walk.world.people).is_some();
                assert_eq!(!member.principals().is_disjoint(&audience), sees, "{}", member.code);
            }
        }
    }
}

#[test]
fn where_a_phone_was_is_for_whoever_answers_for_its_owner() {
    let position = Some(Position { lat: 22_500_000, lon: 114_000_000, accuracy: 8, age: 1 });
    let located = RoundCommand::Tick(Box::new(Tick { position, ..tick(GATE) }));
    let walk = Walk::night().on("2026-11-22 22:05").then(GUARD, located);
    // Somebody of another company goes on.
    let located = RoundCommand::Tick(Box::new(Tick { position, ..tick(PUMP) }));
    let walk = walk.then(DESK, hand_over(TECHNICIAN)).then(TECHNICIAN, located);
    let sees = |person| {
        let member = walk.world.member(person);
        let round = walk.round.view(member, walk.standings(person), &walk.world.people).unwrap();
        let ticks = round.log.iter().filter_map(|event| event.change.tick());
        ticks.map(|tick| tick.position.is_some()).collect::<Vec<_>>()
    };
    for (person, seen) in [
        (SUPERVISOR, [true, true]),
        (DESK, [true, true]),
        (GUARDS_LEAD, [true, false]),
        (GUARD, [true, false]),
        (TECHNICIAN, [false, true]),
        (CAPTAIN, [false, false]),
    ] {
        assert_eq!(sees(person), seen, "{}", walk.world.member(person).code);
    }
}

#[test]
fn a_photo_is_kept_when_its_author_has_sent_these_bytes() {
    let shown = read(GATE, "calm", Reading::Photos(vec![photo(1)]));
    let mut walk = Walk::night().on("2026-11-22 22:05").then(GUARD, shown);
    let kept = |walk: &Walk, by, n, sha256: &str| walk.round.photo_kept(by, photo(n).id, sha256, walk.now.at);
    let hash = "0f".repeat(32);
    assert_eq!(kept(&walk, CAPTAIN, 1, &hash), None);
    assert_eq!(kept(&walk, GUARD, 2, &hash), None);
    assert_eq!(kept(&walk, GUARD, 1, "00"), None);
    let event = kept(&walk, GUARD, 1, &hash).unwrap();
    walk.apply(&[event]);
    assert_eq!(walk.round.kept, BTreeSet::from([photo(1).id]));
    assert_eq!(kept(&walk, GUARD, 1, &hash), None, "once");
    let other = shared::case::command::PhotoRef { sha256: "aa".repeat(32), ..photo(1) };
    assert_eq!(walk.refusal(GUARD, &read(GATE, "calm", Reading::Photos(vec![other]))), Code::CaseBadPhoto);
}

// --- problems found at a stop ---

const CASE: CaseId = CaseId(Uuid::from_u128(0xca5e));

#[test]
fn f2_a_problem_found_at_a_stop_makes_a_case_and_stands_in_the_round() {
    let mut walk = Walk::night().on("2026-11-22 22:05").then(GUARD, ticks(GATE));
    let report = found(walk.round.id, GATE, "leak");
    let made = walk.round.decide_report(CASE, &report, None, &walk.context(GUARD)).unwrap();
    let case = Case::begin(CASE, &made.case[0]).unwrap();
    assert_eq!((case.from, case.place), (report.from.as_deref().cloned(), GATE.into()));
    assert_eq!(case.photos.len(), 1);
    walk.apply(&made.round);
    let gate = walk.round.find(&GATE.into()).unwrap();
    let standing = walk.round.stop(gate, walk.now.at);
    assert_eq!((standing.cases, standing.abnormal, standing.state.name()), (vec![CASE], true, OnTime));
    let since = |walk: &Walk| walk.round.reported_since(&GATE.into(), &"calm".into());
    assert!(since(&walk));
    let walk = walk.on("2026-11-22 22:06").then(GUARD, read(GATE, "calm", Reading::Ok(false)));
    assert!(!since(&walk), "what is wrong now was not reported then");
}

#[test]
fn f2_neither_is_made_without_the_other() {
    let walk = Walk::night().on("2026-11-22 22:05");
    let judge = |report: &Report| walk.round.decide_report(CASE, report, None, &walk.context(GUARD));
    let sound = found(walk.round.id, GATE, "leak");
    let code =
        |answer: Result<_, shared::Rejection>| answer.map(|_: shared::round::Yield| ()).unwrap_err().code;
    assert_eq!(code(judge(&found(walk.round.id, GATE, "unheard of"))), Code::CaseUnknownCategory);
    assert_eq!(code(judge(&found(walk.round.id, "moon", "leak"))), Code::RoundUnknownStop);
    assert_eq!(code(judge(&found(RoundId(Uuid::nil()), GATE, "leak"))), Code::RoundNotThere);
    let by = |person| code(walk.round.decide_report(CASE, &sound, None, &walk.context(person)));
    assert_eq!(by(DESK), Code::RoundNotAllowed);
    assert_eq!(by(TECHNICIAN), Code::RoundNotVisible);
    let world = &walk.world;
    let alone = shared::case::Context {
        actor: world.member(GUARD),
        site: &world.site,
        zone: &world.zone,
        places: &world.places,
        people: &world.people,
        now: walk.now,
        number: None,
    };
    assert_eq!(
        decide_report(&sound, &alone).unwrap_err().code,
        Code::RoundNotThere,
        "who has no round to look at"
    );
}

#[test]
fn r9_a_complaint_made_at_a_stop_does_not_stand_in_the_round() {
    let walk = Walk::night().on("2026-11-22 22:05");
    let report = found(walk.round.id, GATE, "complaint");
    let made = walk.round.decide_report(CASE, &report, None, &walk.context(GUARD)).unwrap();
    assert_eq!((made.case.len(), made.round), (1, vec![]));
}

#[test]
fn r10_a_stop_inside_a_flat_is_not_named_to_whoever_may_not_know_the_flat() {
    let mut design = night();
    design.stops.push(stop(UNIT, None, vec![]));
    let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:05");
    let report = found(walk.round.id, UNIT, "leak");
    let made = walk.round.decide_report(CASE, &report, None, &walk.context(GUARD)).unwrap();
    let case = Case::begin(CASE, &made.case[0]).unwrap();
    let from = |person| {
        let world = &walk.world;
        let who = case.standings(world.member(person), &world.site, &world.zone, walk.now.at);
        match case.view(who) {
            Some(CaseView::Full(case)) => case.from,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(from(GUARD), None);
    assert_eq!(from(SECOND_DESK), report.from.as_deref().cloned());
}

// --- whatever the order of arrival ---

#[derive(Clone, Debug)]
struct Done {
    by: PersonId,
    what: RoundCommand,
    /// Minutes after the beginning.
    at: i64,
    /// Minutes to arrive.
    late: i64,
    uncertain: bool,
}

fn any_done() -> impl Strategy<Value = Done> {
    let stop = || select(vec![GATE, LOBBY, PUMP]);
    let what = prop_oneof![
        4 => stop().prop_map(ticks),
        1 => Just(walk_start()),
        1 => stop().prop_map(skip),
        1 => Just(finish()),
        2 => (stop(), any::<bool>()).prop_map(|(stop, ok)| read(stop, "calm", Reading::Ok(ok))),
    ];
    (select(vec![GUARD, CAPTAIN]), what, -30..120_i64, 0..600_i64, proptest::bool::weighted(0.1))
        .prop_map(|(by, what, at, late, uncertain)| Done { by, what, at, late, uncertain })
}

/// The round after things were done, in the order of the list.
fn after(done: &[(usize, Done)]) -> Walk {
    let begun = Walk::night();
    let from = begun.round.task.from;
    done.iter().fold(begun, |mut walk, (n, one)| {
        // No two in the same millisecond.
        let at = from.plus(one.at * MINUTE + *n as i64);
        walk.now = EventTime { at, received: at.plus(one.late * MINUTE), uncertain: one.uncertain };
        match walk.judge(one.by, &one.what) {
            Ok(events) => walk.apply(&events),
            // A finish after the window, in whatever order.
            Err(refusal) => assert_eq!(refusal.code, Code::RoundWrongStage),
        }
        walk
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn r3_in_whatever_order_what_was_done_arrives_it_is_the_same_round(
        (done, mixed) in proptest::collection::vec(any_done(), 0..25).prop_flat_map(|done| {
            let done: Vec<_> = done.into_iter().enumerate().collect();
            (Just(done.clone()), Just(done).prop_shuffle())
        })
    ) {
        let one = after(&done);
        let other = after(&mixed);
        prop_assert_eq!(&one.round, &other.round);
        prop_assert!(one.round.log.is_sorted_by_key(|event| event.time.at));
    }

    #[test]
    fn the_end_of_the_window_changes_no_stop_whenever_it_is_noted(
        (done, place) in proptest::collection::vec(any_done(), 1..15).prop_flat_map(|done| {
            let length = done.len();
            (Just(done.into_iter().enumerate().collect::<Vec<_>>()), 0..length)
        })
    ) {
        let plain = after(&done);
        let mut noted = after(&done[..place]);
        let end = noted.round.end(noted.round.task.until);
        noted.apply(&end.into_iter().collect::<Vec<_>>());
        let rest: Vec<RoundEvent> =
            plain.round.log.iter().filter(|event| !noted.round.log.contains(event)).cloned().collect();
        noted.apply(&rest);
        for stop in &plain.round.task.stops {
            prop_assert_eq!(
                plain.round.stop(stop, plain.round.task.until),
                noted.round.stop(stop, noted.round.task.until)
            );
        }
    }

    #[test]
    fn who_was_there_in_time_is_never_missed_and_rounds_survive_json(
        done in proptest::collection::vec(any_done(), 0..25)
    ) {
        let done: Vec<_> = done.into_iter().enumerate().collect();
        let walk = after(&done);
        for stop in &walk.round.task.stops {
            let in_time = done.iter().any(|(_, one)| {
                matches!(&one.what, RoundCommand::Tick(tick) if tick.stop == stop.code)
                    && !one.uncertain && (0..60).contains(&one.at)
            });
            let state = walk.round.stop(stop, walk.round.task.until).state.name();
            prop_assert!(!in_time || matches!(state, OnTime | Late), "{state:?}");
        }
        let text = serde_json::to_string(&walk.round).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let again: Round = shared::json::read(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(again, walk.round);
    }
}
