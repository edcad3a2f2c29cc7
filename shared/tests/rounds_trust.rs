//! What speaks for and against a tick, each reason by itself; and that nothing is ever blocked for one.

use std::collections::BTreeMap;

use crate::kit::walk as kit;
use kit::{
    GATE, PUMP, Walk,
    cast::{CAPTAIN, GUARD, LOBBY},
    item, night, photo, property, read, tick, ticks, token,
};
use rstest::rstest;
use shared::{
    label::Label,
    round::{
        Context, RoundChange, RoundCommand,
        command::{Position, Proof, Tick, Via},
        report::RoundsReport,
        trust::{self, Doubt, Level, Trust, Usual},
    },
    route::{ItemKind, Reading},
    site::Places,
    time::MINUTE,
};

fn command(tick: Tick) -> RoundCommand {
    RoundCommand::Tick(Box::new(tick))
}

/// How far the tick of a stop is trusted once the round is over, the last one there.
fn trust_among(walk: &Walk, stop: &str, usual: &Usual) -> Trust {
    let mut ticks = walk
        .round
        .log
        .iter()
        .filter(|event| matches!(&event.change, RoundChange::Ticked(tick) if tick.stop == stop.into()));
    let tick = ticks.next_back().unwrap_or_else(|| panic!("{stop} is not ticked"));
    trust::of(&walk.round, tick, &walk.world.places, usual, walk.round.task.until)
        .unwrap_or_else(|| panic!("no tick"))
}

fn trust(walk: &Walk, stop: &str) -> (Level, Vec<Doubt>) {
    let trust = trust_among(walk, stop, &Usual::new());
    (trust.level, trust.doubts)
}

fn at(wall: &str) -> Walk {
    Walk::night().on(&format!("2026-11-22 {wall}"))
}

fn shown(proof: Proof) -> (Level, Vec<Doubt>) {
    trust(&at("22:05").then(GUARD, command(Tick { proof, ..tick(GATE) })), GATE)
}

fn scanned(of: &str) -> Proof {
    Proof::Token { via: Via::Qr, token: token(of) }
}

#[test]
fn what_was_scanned_tapped_or_followed_is_trusted() {
    for via in [Via::Qr, Via::Nfc, Via::Link] {
        assert_eq!(shown(Proof::Token { via, token: token(GATE) }), (Level::High, vec![]));
    }
}

#[test]
fn what_was_typed_or_only_photographed_is_trusted_less() {
    let code = shared::label::code(&token(GATE));
    let unscanned = |photos| Proof::Photo { reason: "no light".to_owned(), photos };
    assert_eq!(shown(Proof::Code(code)), (Level::Medium, vec![Doubt::CodeTyped]));
    assert_eq!(shown(unscanned(vec![photo(1)])), (Level::Medium, vec![Doubt::NotScanned]));
    assert_eq!(shown(unscanned(vec![])), (Level::Low, vec![Doubt::NothingShown]));
}

#[test]
fn another_label_is_noticed_and_taken_all_the_same() {
    assert_eq!(shown(scanned(PUMP)), (Level::Low, vec![Doubt::Elsewhere(PUMP.into())]));
    assert_eq!(shown(scanned("moon")), (Level::Low, vec![Doubt::WrongLabel]));
    let walk = at("22:05").then(GUARD, command(Tick { proof: scanned(PUMP), ..tick(GATE) }));
    assert_eq!(walk.state(GATE, "2026-11-23 12:00"), shared::round::StopStateName::OnTime);
}

#[test]
fn a_label_that_was_replaced_is_noticed() {
    let mut walk = at("22:05");
    let replaced = Some(walk.now.at.plus(-MINUTE));
    let labels = vec![Label { replaced, ..Label::of(&token(GATE)) }, Label::of(&token("gate anew"))];
    walk.routes[0].labels.insert(GATE.into(), labels);
    assert_eq!(trust(&walk.clone().then(GUARD, ticks(GATE)), GATE), (Level::Medium, vec![Doubt::OldLabel]));
    let walk = walk.on("2026-11-22 22:03").then(GUARD, ticks(GATE));
    assert_eq!(trust(&walk, GATE), (Level::High, vec![]), "it hung there then");
}

#[test]
fn where_no_label_is_known_there_is_nothing_to_compare() {
    let mut walk = at("22:05");
    walk.routes[0].labels.clear();
    assert_eq!(trust(&walk.then(GUARD, ticks(GATE)), GATE), (Level::Medium, vec![Doubt::NoLabel]));
}

#[rstest]
// The gate is at 22.5 N; a millionth of a degree is 11 cm.
#[case::here(22_500_050, 8, 0, None)]
#[case::as_far_as_it_may_be_wrong(22_501_300, 110, 0, None)]
#[case::beyond_that(22_502_700, 110, 0, Some(300))]
#[case::found_on_the_way(22_502_700, 20, 300, None)]
#[case::far(22_590_000, 110, 60, Some(10_018))]
fn a_position_is_judged_with_its_accuracy_and_age_as_slack(
    #[case] lat: i32,
    #[case] accuracy: u32,
    #[case] age: u32,
    #[case] far: Option<u32>,
) {
    let position = Some(Position { lat, lon: 114_000_000, accuracy, age });
    let walk = at("22:05").then(GUARD, command(Tick { position, ..tick(GATE) }));
    let doubts: Vec<_> = far.map(|metres| Doubt::Far { metres }).into_iter().collect();
    let level = if far.is_some() { Level::Low } else { Level::High };
    assert_eq!(trust(&walk, GATE), (level, doubts));
}

#[test]
fn an_old_position_says_nothing_and_none_is_no_doubt() {
    let position = Some(Position { lat: 0, lon: 0, accuracy: 8, age: 601 });
    let walk = at("22:05").then(GUARD, command(Tick { position, ..tick(GATE) }));
    assert_eq!(trust(&walk, GATE), (Level::High, vec![Doubt::StalePosition]));
    let nowhere = Some(Position { lat: 0, lon: 0, accuracy: 8, age: 1 });
    let walk = at("22:05").then(GUARD, command(Tick { position: nowhere, ..tick(LOBBY) }));
    assert_eq!(trust(&walk, LOBBY), (Level::High, vec![]), "nobody has measured where the lobby is");
}

/// A lobby 300 m north of the pin of `place`; nobody has measured the lobby itself.
fn lobby_far_from_the_pin_of(place: &str) -> Walk {
    let mut walk = at("22:05");
    let mut places = walk.world.places.all().to_vec();
    for one in places.iter_mut().filter(|one| one.id.as_str() == place) {
        (one.lat, one.lon) = (Some(22.497_3), Some(114.0));
    }
    walk.world.places = Places::new(places);
    let position = Some(Position { lat: 22_500_000, lon: 114_000_000, accuracy: 8, age: 1 });
    walk.then(GUARD, command(Tick { position, ..tick(LOBBY) }))
}

#[test]
fn the_pin_of_a_building_says_where_its_lobby_is_and_that_of_the_property_nothing() {
    assert_eq!(
        trust(&lobby_far_from_the_pin_of("b1"), LOBBY),
        (Level::Low, vec![Doubt::Far { metres: 300 }])
    );
    assert_eq!(trust(&lobby_far_from_the_pin_of("all"), LOBBY), (Level::High, vec![]));
}

#[rstest]
#[case(30, vec![Doubt::Impossible { metres: 300, seconds: 30 }])]
#[case(60, vec![])]
fn nobody_gets_from_stop_to_stop_faster_than_can_be(#[case] seconds: i64, #[case] doubts: Vec<Doubt>) {
    let mut walk = at("22:05").then(GUARD, ticks(GATE));
    walk.now.at = walk.now.at.plus(seconds * 1_000);
    walk.now.received = walk.now.at;
    let other = walk.clone().then(CAPTAIN, ticks(PUMP));
    assert_eq!(trust(&other, PUMP), (Level::High, vec![]), "somebody else");
    assert_eq!(trust(&walk.clone().then(GUARD, ticks(PUMP)), PUMP).1, doubts);
    let unsure = walk.uncertain().then(GUARD, ticks(PUMP));
    assert_eq!(trust(&unsure, PUMP), (Level::High, vec![]), "R3: of uncertain times nothing is concluded");
}

#[test]
fn what_takes_much_less_than_is_usual_here_is_noticed() {
    let walk = at("22:05").then(GUARD, ticks(GATE)).on("2026-11-22 22:07").then(GUARD, ticks(LOBBY));
    let usual = |minutes| Usual::from([((GATE.into(), LOBBY.into()), minutes * MINUTE)]);
    let judged = |minutes| trust_among(&walk, LOBBY, &usual(minutes)).doubts;
    assert_eq!(judged(4), vec![]);
    assert_eq!(judged(5), vec![Doubt::Hasty { seconds: 120 }]);
}

#[test]
fn two_places_in_the_same_breath_are_noticed_wherever_they_are() {
    let walk = at("22:05").then(GUARD, ticks(GATE)).on("2026-11-22 22:05:02").then(GUARD, ticks(LOBBY));
    assert_eq!(trust(&walk, LOBBY), (Level::Medium, vec![Doubt::Hasty { seconds: 2 }]));
}

#[test]
fn the_same_tick_twice_is_noticed_once_and_a_later_visit_is_not() {
    let walk = at("22:02").then(GUARD, ticks(GATE)).on("2026-11-22 22:05").then(GUARD, ticks(GATE));
    assert_eq!(trust(&walk, GATE), (Level::Medium, vec![Doubt::Again]));
    let (round, places) = (&walk.round, &walk.world.places);
    let first = trust::of(round, &round.log[0], places, &Usual::new(), walk.now.at).unwrap();
    assert_eq!(first.level, Level::High);
    let walk = walk.on("2026-11-22 22:30").then(GUARD, ticks(GATE));
    assert_eq!(trust(&walk, GATE), (Level::High, vec![]));
}

#[test]
fn a_photo_that_was_asked_for_is_missed_until_it_comes() {
    let mut design = night();
    design.stops[0].items.push(item("front", ItemKind::Photo { percent: 100 }));
    let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:05").then(GUARD, ticks(GATE));
    assert_eq!(trust(&walk, GATE), (Level::Medium, vec![Doubt::PhotoMissing]));
    let walk = walk.then(GUARD, read(GATE, "front", Reading::Photos(vec![photo(1)])));
    assert_eq!(trust(&walk, GATE), (Level::High, vec![]));
}

#[test]
fn nobody_is_doubted_for_a_photo_that_may_still_be_taken() {
    let mut design = night();
    design.stops[0].items.push(item("front", ItemKind::Photo { percent: 100 }));
    let walk = Walk::of(&property("Asia/Shanghai"), design).on("2026-11-22 22:05");
    let code = Proof::Code(shared::label::code(&token(GATE)));
    let walk = walk.then(GUARD, command(Tick { proof: code, ..tick(GATE) }));
    let judged = |walk: &Walk, wall: &str| {
        let (round, places) = (&walk.round, &walk.world.places);
        trust::of(round, &round.log[0], places, &Usual::new(), walk.world.at(wall)).unwrap()
    };
    let (typed, missing) = (vec![Doubt::CodeTyped], vec![Doubt::CodeTyped, Doubt::PhotoMissing]);
    let on = Trust { level: Level::Medium, doubts: typed };
    assert_eq!(judged(&walk, "2026-11-22 22:59"), on);
    assert_eq!(judged(&walk, "2026-11-22 23:00"), Trust { level: Level::Low, doubts: missing.clone() });
    // Whoever finishes early takes no more photos.
    let finished = walk.clone().then(GUARD, kit::finish());
    assert_eq!(judged(&finished, "2026-11-22 22:06").doubts, missing);
    // A report that is drawn meanwhile counts nobody among those who are to be asked.
    let report = |wall| {
        RoundsReport::of([&walk.round], &walk.world.places, &BTreeMap::new(), walk.world.at(wall)).routes[0]
            .tally
            .doubtful
    };
    assert_eq!((report("2026-11-22 22:06"), report("2026-11-22 23:00")), (0, 1));
}

#[test]
fn a_clock_that_was_moved_and_a_gap_in_the_chain_are_noticed() {
    let walk = at("22:05");
    let judged = |clock_moved, chain_gap| {
        let context = Context { clock_moved, chain_gap, ..walk.context(GUARD) };
        let mut walk = walk.clone();
        let events = walk.round.decide(&ticks(GATE), &context).unwrap();
        walk.apply(&events);
        trust(&walk, GATE)
    };
    assert_eq!(judged(false, false), (Level::High, vec![]));
    assert_eq!(judged(true, false), (Level::Medium, vec![Doubt::ClockMoved]));
    assert_eq!(judged(false, true), (Level::Medium, vec![Doubt::ChainGap]));
    assert_eq!(judged(true, true).0, Level::Low);
}

#[test]
fn a_time_that_is_merely_uncertain_lowers_nothing() {
    assert_eq!(trust(&at("22:05").uncertain().then(GUARD, ticks(GATE)), GATE), (Level::High, vec![]));
}

#[test]
fn what_is_no_tick_is_not_judged() {
    let walk = at("22:05").then(GUARD, read(GATE, "calm", Reading::Ok(true)));
    let (round, places) = (&walk.round, &walk.world.places);
    assert_eq!(trust::of(round, &round.log[0], places, &Usual::new(), walk.now.at), None);
}
