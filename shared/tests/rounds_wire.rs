//! The wire of routes and rounds, frozen: what the golden file holds is read for ever, and is still what this code writes.
//!
//! A difference means that devices in the field and the server no longer understand each other: the answer is a new
//! version, not a new file.

use std::collections::{BTreeMap, BTreeSet};

use crate::kit::walk as kit;
use kit::{
    GATE, NIGHT, PUMP, Walk,
    cast::{CAPTAIN, GUARD, LOBBY, SUPERVISOR, TECHNICIAN},
    finish, found, hand_over, item, night, photo, property, read, review, skip, tick, ticks, token,
};
use rstest::rstest;
use serde_json::{Value, json};
use shared::{
    Code,
    case::CaseCommand,
    ids::{CaseId, CommandId, DeviceId},
    json, label,
    round::{
        Round, RoundChange, RoundCommand,
        command::{Position, Proof, Tick, Via},
    },
    route::{Choice, Design, ItemKind, Milli, Reading, Route, RouteCommand, RouteKind, Weekday, Who},
    site::Role,
    time::Ms,
    unread::Unread,
    wire::{Command, Doc, DocKey, Envelope, GENESIS},
};
use uuid::Uuid;

const GOLDEN: &str = include_str!("golden/rounds_v1.json");

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_else(|error| panic!("{error}"))
}

/// A design that uses everything that there is.
fn design() -> Design {
    let mut design = night();
    let option = |text: &str, abnormal| Choice { text: text.to_owned(), abnormal };
    design.stops[0].items.extend([
        item("floor", ItemKind::Choice { options: vec![option("dry", false), option("wet", true)] }),
        item("words", ItemKind::Text),
        item("front", ItemKind::Photo { percent: 20 }),
        item("counter", ItemKind::Number { unit: String::new(), low: None, high: None }),
    ]);
    design.stops[1].persons = BTreeSet::from([CAPTAIN]);
    design.plan.weekdays = BTreeSet::from([Weekday::Mon, Weekday::Sun]);
    design
}

fn designs() -> Vec<Design> {
    let area = Design { who: Who::Area(Role::Cleaner), kind: RouteKind::Cleaning, ..night() };
    let named =
        Design { who: Who::Persons(BTreeSet::from([TECHNICIAN])), kind: RouteKind::Equipment, ..night() };
    vec![design(), area, named]
}

fn commands() -> Vec<RoundCommand> {
    let position = Some(Position { lat: 22_500_000, lon: -114_000_000, accuracy: 8, age: 2 });
    let all = BTreeMap::from([
        ("calm".into(), Reading::Ok(true)),
        ("counter".into(), Reading::Number(Milli(-27_500))),
        ("floor".into(), Reading::Choice("wet".to_owned())),
        ("words".into(), Reading::Text("首问:地面湿 💧".to_owned())),
        ("front".into(), Reading::Photos(vec![photo(1)])),
    ]);
    let by = |proof| RoundCommand::Tick(Box::new(Tick { proof, ..tick(LOBBY) }));
    vec![
        RoundCommand::Start {
            route: NIGHT.into(),
            occurrence: "2026-11-22/22:00".parse().unwrap_or_else(|code| panic!("{code}")),
            route_version: 1,
        },
        RoundCommand::Tick(Box::new(Tick { readings: all, position, ..tick(GATE) })),
        by(Proof::Token { via: Via::Nfc, token: kit::token(GATE) }),
        by(Proof::Token { via: Via::Link, token: "unheard of".to_owned() }),
        by(Proof::Code(shared::label::code(&kit::token(LOBBY)))),
        by(Proof::Photo { reason: "no light".to_owned(), photos: vec![photo(2)] }),
        read(PUMP, "pressure", Reading::Number(Milli(900))),
        skip(PUMP),
        RoundCommand::Skip { stop: PUMP.into(), reason: "flooded".to_owned(), photos: vec![photo(3)] },
        hand_over(CAPTAIN),
        finish(),
        review(),
    ]
}

fn route_commands() -> Vec<RouteCommand> {
    let save = |(version, design)| RouteCommand::Save { code: NIGHT.into(), version, from: None, design };
    let mut commands: Vec<RouteCommand> = (0..).zip(designs()).map(save).collect();
    commands.push(RouteCommand::Retire { code: NIGHT.into() });
    commands
}

/// A round in which everything happened that can.
fn walk() -> Walk {
    let walk = Walk::of(&property("Asia/Shanghai"), design()).on("2026-11-22 22:05");
    let mut walk = commands().into_iter().fold(walk, |walk, command| {
        let by = match command {
            RoundCommand::Review { .. } => SUPERVISOR,
            RoundCommand::Finish { .. } => CAPTAIN,
            _ => GUARD,
        };
        let walk = if by == SUPERVISOR { walk.on("2026-11-23 08:00") } else { walk };
        walk.then(by, command)
    });
    let report = found(walk.round.id, GATE, "leak");
    let made = walk.clone().on("2026-11-22 22:06");
    let made = made.round.decide_report(CaseId(Uuid::from_u128(0xca5e)), &report, None, &made.context(GUARD));
    walk.apply(&made.unwrap_or_else(|refusal| panic!("{refusal:?}")).round);
    let end = walk.round.end(walk.round.task.until);
    walk.apply(&end.into_iter().collect::<Vec<_>>());
    let kept = walk.round.photo_kept(GUARD, photo(1).id, &photo(1).sha256, walk.now.at);
    walk.apply(&kept.into_iter().collect::<Vec<_>>());
    walk
}

fn built() -> Value {
    let walk = walk();
    json!({
        "commands": commands(),
        "route_commands": route_commands(),
        "report": found(walk.round.id, GATE, "leak"),
        "route": walk.routes[0].view(),
        "round": walk.round,
        "planned": Round::plan(
            &walk.routes[0],
            walk.routes[0].slot(walk.round.task.occurrence, &walk.world.zone).unwrap_or_else(|| panic!("no slot")),
            &walk.world.site,
            &walk.world.places,
            &walk.world.people,
            Ms(0),
        ),
        "ended": { "window_ended": { "missed": [PUMP] } },
        "kept": { "photo_kept": { "photo": photo(1).id } },
    })
}

#[test]
fn the_wire_of_rounds_is_frozen() {
    let built = serde_json::to_string_pretty(&built()).unwrap_or_else(|error| panic!("{error}")) + "\n";
    assert!(built == GOLDEN, "the wire has changed; this is what it would be:\n{built}");
}

#[test]
fn the_golden_file_is_read_and_written_again_without_loss() {
    fn again<T: serde::de::DeserializeOwned + serde::Serialize>(value: &Value) {
        let read: T = json::read(&value.to_string()).unwrap_or_else(|error| panic!("{error} in {value}"));
        assert_eq!(self::value(&read), *value);
    }
    let golden: Value = serde_json::from_str(GOLDEN).unwrap_or_else(|error| panic!("{error}"));
    again::<Vec<RoundCommand>>(&golden["commands"]);
    again::<Vec<RouteCommand>>(&golden["route_commands"]);
    again::<shared::case::command::Report>(&golden["report"]);
    again::<Route>(&golden["route"]);
    again::<Round>(&golden["round"]);
    again::<shared::round::RoundEvent>(&golden["planned"]);
    again::<RoundChange>(&golden["ended"]);
    again::<RoundChange>(&golden["kept"]);
}

#[test]
fn the_golden_commands_are_of_every_kind() {
    let kinds: BTreeSet<_> = commands().iter().map(RoundCommand::kind).collect();
    assert_eq!(kinds, BTreeSet::from(RoundCommand::KINDS));
    let kinds: BTreeSet<_> = route_commands().iter().map(RouteCommand::kind).collect();
    assert_eq!(kinds, BTreeSet::from(RouteCommand::KINDS));
    for command in commands() {
        assert_eq!(value(&command), json!({ command.kind(): command.body() }));
    }
    for command in route_commands() {
        assert_eq!(value(&command), json!({ command.kind(): command.body() }));
    }
}

#[test]
fn a_change_of_a_route_may_say_what_it_was_made_from() {
    let from = Some(walk().routes[0].stamp());
    let save = RouteCommand::Save { code: NIGHT.into(), version: 1, from: from.clone(), design: night() };
    let body = save.body();
    assert_eq!(body["from"], json!(from));
    let read: RouteCommand = json::read(&value(&save).to_string()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read, save);
}

#[test]
fn what_a_route_is_told_apart_by_is_the_same_on_every_device() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap_or_else(|error| panic!("{error}"));
    let read: Route = json::read(&golden["route"].to_string()).unwrap_or_else(|error| panic!("{error}"));
    let stamp = "8212aa0367cbfb4554aa5aa284cd709b4b680ef31eccb2b143ba97e76c2aee2a";
    assert_eq!([read.stamp(), walk().routes[0].stamp()], [stamp, stamp]);
}

fn envelope(kind: &str, v: u16, body: Value) -> Envelope {
    Envelope {
        id: CommandId(Uuid::from_u128(1)),
        device: DeviceId(Uuid::from_u128(2)),
        author: GUARD,
        n: 1,
        prev: GENESIS.to_owned(),
        kind: kind.to_owned(),
        v,
        site: "test".into(),
        aggregate: Uuid::from_u128(3),
        base: None,
        at: Ms(0),
        heard: None,
        mends: Vec::new(),
        body,
    }
}

#[test]
fn a_command_is_read_out_of_its_envelope_as_it_was_put_in() {
    let asked = |kind: &str, body| {
        let text = envelope(kind, 1, body).write();
        Envelope::read(&text).and_then(|envelope| envelope.command())
    };
    for command in commands() {
        assert_eq!(asked(command.kind(), command.body()), Ok(Command::Round(Box::new(command))));
    }
    for command in route_commands() {
        assert_eq!(asked(command.kind(), command.body()), Ok(Command::Route(Box::new(command))));
    }
}

#[rstest]
#[case("round.sing", 1, json!({}), Code::CommandUnknownKind)]
#[case("route.save", 2, json!({}), Code::CommandUnknownKind)]
#[case("route.retire", 1, json!(["R-N"]), Code::CommandBadBody)]
#[case("round.start", 2, json!({}), Code::CommandUnknownKind)]
#[case("round.start", 1, json!({}), Code::CommandBadBody)]
#[case("round.finish", 1, json!(["typhoon"]), Code::CommandBadBody)]
#[case("round.start", 1, json!({ "route": "R", "occurrence": "2026-11-22/2:00", "route_version": 1 }), Code::CommandBadBody)]
fn what_is_no_command_of_a_route_or_round_has_its_code(
    #[case] kind: &str,
    #[case] v: u16,
    #[case] body: Value,
    #[case] expected: Code,
) {
    assert_eq!(envelope(kind, v, body).command().map_err(|refusal| refusal.code), Err(expected));
}

#[test]
fn a_document_is_found_by_what_its_commands_name() {
    let walk = walk();
    for (doc, kind, aggregate) in [
        (Doc::Round(Unread::of(&walk.round).unwrap()), "round.tick", walk.round.id.0),
        (Doc::Route(Unread::of(&walk.routes[0].view()).unwrap()), "route.save", walk.routes[0].id.0),
    ] {
        assert_eq!(doc.key(), DocKey::changed_by(kind, aggregate));
        assert!(doc.version().is_some_and(|version| version > 0));
        let written = value(&doc);
        let again: Doc =
            json::read(&written.to_string()).unwrap_or_else(|error| panic!("{error} in {written}"));
        assert_eq!(again, doc);
    }
}

#[test]
fn what_proves_that_one_stood_before_a_label_is_not_published() {
    let walk = Walk::night();
    let envelope = |command: &RoundCommand| Envelope {
        id: CommandId(Uuid::from_u128(1)),
        device: DeviceId(Uuid::from_u128(2)),
        author: GUARD,
        n: 1,
        prev: GENESIS.to_owned(),
        kind: command.kind().to_owned(),
        v: 1,
        site: "jinzhou".into(),
        aggregate: walk.round.id.0,
        base: None,
        at: Ms(0),
        heard: None,
        mends: Vec::new(),
        body: command.body(),
    };
    let code = label::code(&token(GATE));
    let typed = RoundCommand::Tick(Box::new(Tick { proof: Proof::Code(code.clone()), ..tick(GATE) }));
    for (command, secret) in [(ticks(GATE), token(GATE)), (typed, code)] {
        let text = envelope(&command).write();
        assert!(text.contains(&secret));
        let published = Envelope::published(&text);
        assert!(!published.contains(&secret), "{published}");
        assert!(matches!(Envelope::read(&published).unwrap().command(), Ok(Command::Round(_))));
    }
    let other = envelope(&skip(GATE)).write();
    assert_eq!(Envelope::published(&other), other);
    assert_eq!(Envelope::published("no envelope"), "no envelope");
}

#[test]
fn a_document_that_is_kept_unread_goes_on_as_it_came_and_names_its_photos() {
    let skipped =
        RoundCommand::Skip { stop: GATE.into(), reason: "locked".to_owned(), photos: vec![photo(7)] };
    let walk = Walk::night().on("2026-11-22 22:05").then(GUARD, skipped).then(GUARD, ticks(LOBBY));
    let unread = Unread::of(&walk.round).unwrap();
    assert_eq!(value(&unread), value(&walk.round));
    assert_eq!((unread.id, unread.version), (walk.round.id.0, walk.round.version));
    assert_eq!(unread.photos(), [photo(7).id]);
    assert_eq!(unread.read().map(|round| (**round).clone()), Some(walk.round));
    let other = r#"{"id":"019a0000-0000-7000-8000-000000000001","version":1,"of":"another version"}"#;
    let other: Unread<Round> = json::read(other).unwrap();
    assert_eq!(other.read(), None);
    assert!(json::read::<Unread<Round>>(r#"{"version":1}"#).is_err());
}

#[test]
fn what_is_asked_of_a_case_is_read_without_the_rest() {
    let report = CaseCommand::Report(found(walk().round.id, GATE, "leak"));
    assert_eq!(envelope("case.report", 1, report.body()).case_command(), Some(report));
    assert_eq!(envelope("round.tick", 1, ticks(GATE).body()).case_command(), None);
    assert_eq!(envelope("case.report", 2, json!({})).case_command(), None);
}
