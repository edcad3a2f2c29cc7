//! Who may do what in a round: every command in every stage by every standing, with its answer.
//!
//! The grid is written from the rules, by hand. Rows are standings, columns stages, cells answers:
//!
//! | cell | answer |
//! |---|---|
//! | `+` | accepted: it takes effect, for a fact however late |
//! | `x` | `round.not_allowed` |
//! | `s` | `round.wrong_stage` |
//! | `-` | `round.not_visible` |

use std::collections::{BTreeMap, BTreeSet};

use crate::kit::walk as kit;
use kit::{
    GATE, Walk,
    cast::{
        ADMIN, CAPTAIN, CONTROL, DESK, DIRECTOR, GUARD, GUARDS_LEAD, LOBBY, SECOND_TECHNICIAN, SUPERVISOR,
        TECHNICIAN,
    },
    finish, found, hand_over, names, night, property, read, review, skip, ticks,
};
use shared::{
    Code, Rejection,
    ids::{CaseId, PersonId},
    round::{RoundCommand, RoundStage, Standing},
    route::{Reading, Who},
    site::Role,
};
use uuid::Uuid;

const GRID: &str = "
                  planned under_way over reviewed
round.start
  walker          + + + +
  former_walker   + + + +
  lead            x x x x
  desk            x x x x
  control_room    x x x x
  supervisor      x x x x
  director        x x x x
  other           - - - -
round.tick
  walker          + + + +
  former_walker   + + + +
  lead            x x x x
  desk            x x x x
  control_room    x x x x
  supervisor      x x x x
  director        x x x x
  other           - - - -
round.read
  walker          + + + +
  former_walker   + + + +
  lead            x x x x
  desk            x x x x
  control_room    x x x x
  supervisor      x x x x
  director        x x x x
  other           - - - -
round.skip
  walker          + + + +
  former_walker   + + + +
  lead            x x x x
  desk            x x x x
  control_room    x x x x
  supervisor      x x x x
  director        x x x x
  other           - - - -
case.report
  walker          + + + +
  former_walker   + + + +
  lead            x x x x
  desk            x x x x
  control_room    x x x x
  supervisor      x x x x
  director        x x x x
  other           - - - -
round.hand_over
  walker          + + s s
  former_walker   x x x x
  lead            + + s s
  desk            + + s s
  control_room    x x x x
  supervisor      + + s s
  director        + + s s
  other           - - - -
round.finish
  walker          + + s s
  former_walker   x x x x
  lead            + + s s
  desk            x x x x
  control_room    x x x x
  supervisor      + + s s
  director        + + s s
  other           - - - -
round.review
  walker          x x x x
  former_walker   x x x x
  lead            x x x x
  desk            x x x x
  control_room    x x x x
  supervisor      s s + +
  director        s s + +
  other           - - - -
";

fn standing(name: &str) -> Standing {
    serde_json::from_value(name.into()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows of the grid by command and standing; a command's rows are unique.
fn rows() -> BTreeMap<(String, Standing), Vec<char>> {
    let mut lines = GRID.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<_> = lines.next().map(|line| line.split_whitespace().collect()).unwrap_or_default();
    assert_eq!(header, RoundStage::ALL.map(RoundStage::as_str), "the columns are the stages");
    let mut kind = String::new();
    let mut rows = BTreeMap::new();
    for line in lines {
        match line.strip_prefix("  ").and_then(|row| row.split_once(' ')) {
            Some((name, row)) => {
                let row: Vec<char> = row.split_whitespace().flat_map(str::chars).collect();
                assert_eq!(row.len(), RoundStage::ALL.len(), "{kind}, {name}");
                let twice = rows.insert((kind.clone(), standing(name)), row);
                assert!(twice.is_none(), "{kind}, {name} stands twice");
            }
            None => kind = line.trim().to_owned(),
        }
    }
    rows
}

/// The patrol of two named guards, one of whom has handed it to the other; their lead does not walk.
fn round(stage: RoundStage) -> Walk {
    let mut world = property("Asia/Shanghai");
    world.member_mut(GUARDS_LEAD).roles = BTreeSet::new();
    let mut design = night();
    design.who = Who::Persons(BTreeSet::from([GUARD, CAPTAIN]));
    let planned = Walk::of(&world, design).on("2026-11-22 22:01").then(CAPTAIN, hand_over(GUARD));
    let planned = planned.on("2026-11-22 22:05");
    let reached = match stage {
        RoundStage::Planned => planned,
        RoundStage::UnderWay => planned.then(GUARD, ticks(GATE)),
        RoundStage::Over => planned.then(GUARD, ticks(GATE)).on("2026-11-23 10:00"),
        RoundStage::Reviewed => {
            planned.then(GUARD, ticks(GATE)).on("2026-11-23 10:00").then(SUPERVISOR, review())
        }
    };
    assert_eq!(reached.round.stage(reached.now.at), stage);
    // In the evening the control room is not the desk.
    assert!(reached.world.site.desk_open(&reached.world.zone, reached.now.at));
    reached
}

fn who(standing: Standing) -> PersonId {
    match standing {
        Standing::Walker => GUARD,
        Standing::FormerWalker => CAPTAIN,
        Standing::Lead => GUARDS_LEAD,
        Standing::Desk => DESK,
        Standing::ControlRoom => CONTROL,
        Standing::Supervisor => SUPERVISOR,
        Standing::Director => DIRECTOR,
        Standing::Other => ADMIN,
    }
}

/// What the rules say to a sound command of a kind, such that only who asks and when decides.
fn judge(walk: &Walk, by: PersonId, kind: &str) -> Result<(), Rejection> {
    let command = match kind {
        "case.report" => {
            let report = found(walk.round.id, GATE, "leak");
            let case = CaseId(Uuid::from_u128(1));
            return walk.round.decide_report(case, &report, None, &walk.context(by)).map(drop);
        }
        "round.start" => walk.start(1),
        "round.tick" => ticks(LOBBY),
        "round.read" => read(LOBBY, "light", Reading::Ok(true)),
        "round.skip" => skip(LOBBY),
        "round.hand_over" => hand_over(TECHNICIAN),
        "round.finish" => finish(),
        "round.review" => review(),
        other => panic!("no kind: {other}"),
    };
    assert_eq!(command.kind(), kind);
    walk.judge(by, &command).map(drop)
}

fn answer(walk: &Walk, by: PersonId, kind: &str) -> char {
    match judge(walk, by, kind).map_err(|refusal| refusal.code) {
        Ok(()) => '+',
        Err(Code::RoundNotAllowed) => 'x',
        Err(Code::RoundWrongStage) => 's',
        Err(Code::RoundNotVisible) => '-',
        Err(_) => '?',
    }
}

#[test]
fn f2_r12_every_command_in_every_stage_by_every_standing() {
    let rows = rows();
    let kinds: BTreeSet<_> = rows.keys().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, RoundCommand::KINDS.into_iter().chain(["case.report"]).collect(), "every kind");
    let mut wrong = Vec::new();
    let mut triples = 0;
    for (column, stage) in RoundStage::ALL.into_iter().enumerate() {
        let walk = round(stage);
        for kind in &kinds {
            for standing in Standing::ALL {
                let by = who(standing);
                assert_eq!(names(walk.standings(by)), [standing]);
                let expected = rows[&((*kind).to_owned(), standing)][column];
                let is = answer(&walk, by, kind);
                if is != expected {
                    wrong.push(format!(
                        "{kind} by {standing:?} in {}: ruled {expected}, is {is}",
                        stage.as_str()
                    ));
                }
                triples += 1;
            }
        }
    }
    assert_eq!(triples, rows.len() * RoundStage::ALL.len(), "every row has been compared");
    assert!(wrong.is_empty(), "{} of {triples}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn r12_outside_desk_hours_the_control_room_may_do_what_the_desk_may() {
    let world = property("Asia/Shanghai");
    let routes = kit::versions(&world, vec![(world.at("2026-11-15 12:00"), night())]);
    let walk = Walk::among(&world, routes, "2026-11-22/26:00").on("2026-11-23 02:05");
    assert_eq!(names(walk.standings(CONTROL)), [Standing::Desk]);
    assert_eq!(answer(&walk, CONTROL, "round.hand_over"), '+');
    assert_eq!(answer(&walk, CONTROL, "round.finish"), 'x');
}

#[test]
fn whoever_is_handed_a_round_and_hands_it_on_may_still_record_facts() {
    let walk = round(RoundStage::Planned)
        .then(GUARD, hand_over(TECHNICIAN))
        .on("2026-11-22 22:06")
        .then(TECHNICIAN, hand_over(SECOND_TECHNICIAN))
        .on("2026-11-22 22:07");
    assert_eq!(names(walk.standings(TECHNICIAN)), [Standing::FormerWalker]);
    assert_eq!(names(walk.standings(SECOND_TECHNICIAN)), [Standing::Walker]);
    assert_eq!(answer(&walk, TECHNICIAN, "round.tick"), '+');
}

#[test]
fn whoever_has_left_is_nothing_to_a_round() {
    let mut walk = round(RoundStage::UnderWay);
    walk.world.member_mut(GUARD).gone = true;
    assert_eq!(names(walk.standings(GUARD)), [Standing::Other]);
    assert!(walk.world.member(GUARD).is(Role::Guard));
}
