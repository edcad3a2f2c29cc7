//! What there is to say of rounds: per stop, route and person.

use std::collections::{BTreeMap, BTreeSet};

use crate::kit::walk as kit;
use kit::{
    GATE, NIGHT, PUMP, Walk,
    cast::{CAPTAIN, CLEANER, GUARD, LOBBY, SUPERVISOR},
    finish, found, hand_over, night, property, read, review, skip, ticks, versions,
};
use shared::{
    ids::{CaseId, PersonId},
    round::{
        RoundCommand, RoundStage, StopStateName,
        command::{Proof, Tick},
        report::{RoundsReport, Tally},
        trust::{Doubt, Level, Usual, usual},
    },
    route::{Design, Milli, Reading, Who},
    time::SECOND,
};
use uuid::Uuid;

fn report(walk: &Walk, wall: &str) -> RoundsReport {
    let (places, usual) = (&walk.world.places, BTreeMap::from([(NIGHT.into(), Usual::new())]));
    RoundsReport::of([&walk.round], places, &usual, walk.world.at(wall))
}

#[test]
fn f2_every_stop_stands_in_the_report_as_the_round_has_it() {
    let walk = Walk::night().on("2026-11-22 22:05");
    let walk = walk.clone().then(GUARD, walk.start(1)).then(GUARD, ticks(GATE));
    let mut walk = walk.then(GUARD, read(GATE, "calm", Reading::Ok(false)));
    let case = CaseId(Uuid::from_u128(7));
    let made =
        walk.round.decide_report(case, &found(walk.round.id, GATE, "leak"), None, &walk.context(GUARD));
    walk.apply(&made.unwrap_or_else(|refusal| panic!("{refusal:?}")).round);
    let walk = walk.then(GUARD, skip(PUMP)).on("2026-11-22 23:30").then(SUPERVISOR, review());
    let report = report(&walk, "2026-11-22 23:30");
    let [line] = &report.rounds[..] else { panic!("{report:?}") };
    assert_eq!((line.stage, &line.walkers), (RoundStage::Reviewed, &BTreeSet::from([GUARD])));
    assert_eq!(line.reviewed.as_deref(), Some("looked at"));
    let states: Vec<_> = line.stops.iter().map(|stop| (stop.stop.as_str(), stop.state, stop.by)).collect();
    assert_eq!(
        states,
        [
            (GATE, StopStateName::OnTime, Some(GUARD)),
            (LOBBY, StopStateName::Missed, None),
            (PUMP, StopStateName::Skipped, Some(GUARD)),
        ]
    );
    let gate = &line.stops[0];
    assert!(gate.abnormal && gate.readings[0].abnormal);
    assert_eq!(
        (&gate.cases[..], gate.trust.as_ref().map(|trust| trust.level)),
        (&[case][..], Some(Level::High))
    );
    assert_eq!(line.stops[2].reason, "locked");
    assert!(gate.unanswered.is_empty(), "it was looked at");
    let tally = Tally { stops: 3, on_time: 1, missed: 1, skipped: 1, abnormal: 1, ..Tally::default() };
    assert_eq!((report.routes[0].rounds, report.routes[0].tally), (1, tally));
    assert_eq!(people(&report), [(GUARD, tally)], "whoever walked it answers for what they missed");
}

fn people(report: &RoundsReport) -> Vec<(PersonId, Tally)> {
    report.people.iter().map(|line| (line.person, line.tally)).collect()
}

/// Nobody has been at this many stops.
fn missed(stops: u32) -> Tally {
    Tally { stops, missed: stops, ..Tally::default() }
}

#[test]
fn what_was_missed_is_with_whoever_walked_and_not_with_those_who_were_off() {
    let named = Design { who: Who::Persons([GUARD, CAPTAIN, CLEANER].into()), ..night() };
    for design in [night(), named] {
        let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:05");
        let nobody = report(&walk, "2026-11-23 00:00");
        assert_eq!((people(&nobody), nobody.routes[0].tally), (vec![], missed(3)), "nobody knows whose");
        let walk = walk.clone().then(GUARD, walk.start(1)).then(GUARD, ticks(GATE));
        let own = Tally { on_time: 1, missed: 2, ..missed(3) };
        assert_eq!(people(&report(&walk, "2026-11-23 00:00")), [(GUARD, own)]);
        // Whoever takes it over takes over what is still to be walked.
        let walk = walk.then(GUARD, hand_over(CAPTAIN));
        let told = report(&walk, "2026-11-23 00:00");
        let walked = Tally { stops: 1, on_time: 1, ..Tally::default() };
        assert_eq!(people(&told), [(GUARD, walked), (CAPTAIN, missed(2))]);
        assert_eq!(told.only(CAPTAIN).rounds[0].stops.len(), 2);
    }
    let alone = Design { who: Who::Persons([GUARD].into()), ..night() };
    let walk = Walk::of(&property("Asia/Shanghai"), alone);
    assert_eq!(people(&report(&walk, "2026-11-23 00:00")), [(GUARD, missed(3))]);
    let walk = walk.on("2026-11-22 22:05").then(SUPERVISOR, hand_over(CAPTAIN));
    assert_eq!(people(&report(&walk, "2026-11-23 00:00")), [(CAPTAIN, missed(3))], "who was off is spared");
}

#[test]
fn g1_whoever_takes_a_round_over_answers_for_the_stops_of_whom_they_have_it_from() {
    let mut design = night();
    design.stops[0].persons = [CLEANER].into();
    design.stops[1].persons = [CAPTAIN].into();
    let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:05");
    let walk = walk.clone().then(GUARD, walk.start(1)).then(CLEANER, hand_over(GUARD));
    let told = report(&walk, "2026-11-23 00:00");
    assert_eq!(people(&told), [(GUARD, missed(2)), (CAPTAIN, missed(1))]);
    assert_eq!(told.rounds[0].stops[0].planned, BTreeSet::from([CLEANER]), "the plan stays what it was");
}

#[test]
fn g1_what_was_planned_for_somebody_by_name_and_is_missed_is_theirs() {
    let mut design = night();
    design.stops[1].persons = BTreeSet::from([CLEANER]);
    let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:05");
    let walk = walk.clone().then(GUARD, walk.start(1)).then(CAPTAIN, ticks(GATE));
    let all = report(&walk, "2026-11-23 00:00");
    let cleaner = all.people.iter().find(|line| line.person == CLEANER).map(|line| line.tally);
    assert_eq!(cleaner, Some(missed(1)));
    let own = all.only(CLEANER);
    assert_eq!(own.rounds[0].stops.iter().map(|stop| stop.stop.as_str()).collect::<Vec<_>>(), [LOBBY]);
    assert_eq!((own.routes[0].tally, own.people.len()), (missed(1), 1));
    assert_eq!(report(&walk, "2026-11-23 00:00").only(SUPERVISOR), RoundsReport::default());
}

#[test]
fn a_stop_that_nobody_who_walked_could_know_of_is_counted_with_nobody() {
    let world = property("Asia/Shanghai");
    let mut without = night();
    let mut last = without.stops.pop().unwrap_or_else(|| panic!("no stop"));
    last.persons = [CLEANER].into();
    let mut with = without.clone();
    with.stops.push(last);
    let saved = ["2026-11-15 12:00", "2026-11-22 21:00"].map(|wall| world.at(wall));
    let routes = versions(&world, saved.into_iter().zip([without, with]).collect());
    let walk = Walk::among(&world, routes, "2026-11-22/22:00").on("2026-11-22 22:05");
    let walk = walk.clone().then(GUARD, walk.start(1)).then(GUARD, ticks(GATE));
    let told = report(&walk, "2026-11-22 22:30");
    assert!(!told.rounds[0].stops[2].unheard, "somebody may still hear of it");
    let told = report(&walk, "2026-11-22 23:30");
    let pump = &told.rounds[0].stops[2];
    assert_eq!((pump.unheard, pump.state, &pump.whose), (true, StopStateName::Skipped, &BTreeSet::new()));
    assert_eq!(told.rounds[0].stops.iter().filter(|stop| stop.unheard).count(), 1);
    let own = Tally { stops: 2, on_time: 1, missed: 1, ..Tally::default() };
    assert_eq!(people(&told), [(GUARD, own)]);
    let asked = told.rounds[0].stops[0].unanswered.iter().map(|item| item.text.as_str());
    assert_eq!(asked.collect::<Vec<_>>(), ["calm"], "who was there and did not look is told what at");
}

#[test]
fn a_round_that_was_finished_early_says_why_at_each_stop_that_it_left_out() {
    let walk = Walk::night().on("2026-11-22 22:05");
    let walk = walk.clone().then(GUARD, walk.start(1)).then(GUARD, finish());
    let report = report(&walk, "2026-11-22 23:30");
    assert_eq!(report.rounds[0].finished, "typhoon");
    assert!(report.rounds[0].stops.iter().all(|stop| stop.reason == "typhoon" && stop.by == Some(GUARD)));
}

#[test]
fn what_should_be_asked_about_is_counted() {
    let nothing = Proof::Photo { reason: "no light".to_owned(), photos: Vec::new() };
    let walk = Walk::night().on("2026-11-22 22:05");
    let tick = RoundCommand::Tick(Box::new(Tick { proof: nothing, ..kit::tick(GATE) }));
    let walk = walk.clone().then(GUARD, walk.start(1)).then(GUARD, tick);
    let report = report(&walk, "2026-11-22 22:10");
    assert_eq!(report.routes[0].tally.doubtful, 1);
    let trust = report.rounds[0].stops[0].trust.as_ref().map(|trust| trust.doubts.clone());
    assert_eq!(trust, Some(vec![Doubt::NothingShown]));
    let reading = read(PUMP, "pressure", Reading::Number(Milli(900)));
    let walk = walk.then(GUARD, reading);
    let line = &self::report(&walk, "2026-11-22 22:10").rounds[0].stops[2];
    assert!(line.abnormal && line.readings[0].abnormal, "0.9 is more than 0.8");
}

#[test]
fn a_stop_whose_wrong_answer_was_put_right_says_what_was_wrong() {
    let pressure = |value| read(PUMP, "pressure", Reading::Number(Milli(value)));
    let walk = Walk::night().on("2026-11-22 22:05");
    let walk =
        walk.clone().then(GUARD, walk.start(1)).then(GUARD, pressure(500)).then(GUARD, pressure(2_700));
    let walk = walk.then(GUARD, pressure(2_700)).then(GUARD, pressure(900)).then(GUARD, pressure(270));
    let mended = walk.clone().then(GUARD, pressure(400));
    let found = |walk: &Walk| {
        let line = report(walk, "2026-11-22 22:10").rounds[0].stops[2].clone();
        assert!(line.abnormal);
        line.readings[0].clone()
    };
    let readings = |values: &[i64]| -> Vec<_> { values.iter().map(|n| Reading::Number(Milli(*n))).collect() };
    let wrong = found(&walk);
    assert_eq!(
        (wrong.abnormal, wrong.before),
        (true, readings(&[2_700, 900])),
        "each once, the last beside them"
    );
    let right = found(&mended);
    assert_eq!((right.abnormal, right.before), (false, readings(&[2_700, 900, 270])));
}

#[test]
fn what_nine_of_ten_take_at_least_is_usual_where_enough_have_walked() {
    let walked = |seconds: i64| {
        let walk = Walk::night().on("2026-11-22 22:05");
        let mut walk = walk.clone().then(GUARD, walk.start(1)).then(GUARD, ticks(GATE));
        walk.now.at = walk.now.at.plus(seconds * SECOND);
        walk.now.received = walk.now.at;
        walk.then(GUARD, ticks(LOBBY)).round
    };
    let rounds: Vec<_> = (0..20).map(|n| walked(100 + n)).collect();
    let pair = (GATE.into(), LOBBY.into());
    assert_eq!(usual(&rounds), BTreeMap::from([(pair, 102 * SECOND)]));
    assert_eq!(usual(&rounds[..9]), Usual::new(), "too few");
    // Of uncertain times nothing is concluded.
    let mut uncertain = rounds;
    for round in &mut uncertain {
        round.log.iter_mut().for_each(|event| event.time.uncertain = true);
    }
    assert_eq!(usual(&uncertain), Usual::new());
}
