//! Who may do what: every command in every stage by every standing, with its answer.
//!
//! The grids are written from the rules, by hand. Rows are standings, columns stages, cells answers:
//!
//! | cell | answer |
//! |---|---|
//! | `+` | accepted: it takes effect |
//! | `r` | recorded: a fact that changes the stage no more |
//! | `x` | `case.not_allowed` |
//! | `s` | `case.wrong_stage` |
//! | `-` | `case.not_visible` |
//! | `e` | `case.exists` |
//! | `n` | `case.complaint_needs_desk` |
//! | `d` | `case.desk_confirms` |
//! | `.` | nobody can be that to a case in this stage |

use std::collections::{BTreeMap, BTreeSet};

use crate::kit::story as kit;
use kit::{
    Story,
    cast::{
        ADMIN, CAPTAIN, CLEANER, CONTROL, DESK, DIRECTOR, GUARD, GUARDS_LEAD, SECOND_DESK, SECOND_TECHNICIAN,
        SUPERVISOR, TECHNICIAN, World,
    },
    classify, complete, confirm, customers, dispatch, names, pause, postpone, promise, reopen, tell,
};
use shared::{
    Code,
    case::{
        Case, CaseCommand, StageName, Standing,
        command::{About, Report},
    },
    ids::PersonId,
    site::Role,
    time::{HOUR, Ms},
};

/// Any matter but a complaint. The row of the accused is a complaint's: nobody is accused in anything else.
const ORDINARY: &str = "
                 reported dispatched accepted arrived paused completed closed cancelled
case.report
  first_asked    e e e e e e e e
  relay          e e e e e e e e
  lead           e e e e e e e e
  handler        . e e e e e . .
  former_handler e e e e e e e e
  desk           e e e e e e e e
  control_room   e e e e e e e e
  supervisor     e e e e e e e e
  director       e e e e e e e e
  told           e e e e e e e e
  accused        e e e e e e e e
  other          e e e e e e e e
case.fix
  first_asked    + + r r r r r r
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . x x x x x . .
  former_handler x x x x x x x x
  desk           x x x x x x x x
  control_room   x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.classify
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . x x x x x . .
  former_handler x x x x x x x x
  desk           + + + + + s s s
  control_room   x x x x x x x x
  supervisor     + + + + + s s s
  director       + + + + + s s s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.dispatch
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . x x x x x . .
  former_handler x x x x x x x x
  desk           + + + + + s s s
  control_room   x x x x x x x x
  supervisor     + + + + + s s s
  director       + + + + + s s s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.accept
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . + s s s s . .
  former_handler x x x x x x x x
  desk           x x x x x x x x
  control_room   x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.decline
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . + s s s s . .
  former_handler x x x x x x x x
  desk           x x x x x x x x
  control_room   x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.arrive
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . + + r r r . .
  former_handler r r r r r r r r
  desk           x x x x x x x x
  control_room   x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.pause
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . s + + s s . .
  former_handler x x x x x x x x
  desk           s s + + s s s s
  control_room   x x x x x x x x
  supervisor     s s + + s s s s
  director       s s + + s s s s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.resume
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . s s s + s . .
  former_handler x x x x x x x x
  desk           s s s s + s s s
  control_room   x x x x x x x x
  supervisor     s s s s + s s s
  director       s s s s + s s s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.promise
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . + + + + s . .
  former_handler x x x x x x x x
  desk           + + + + + s s s
  control_room   x x x x x x x x
  supervisor     + + + + + s s s
  director       + + + + + s s s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.postpone
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . + + + + s . .
  former_handler x x x x x x x x
  desk           + + + + + s s s
  control_room   x x x x x x x x
  supervisor     + + + + + s s s
  director       + + + + + s s s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.tell
  first_asked    + + + + + + + s
  relay          x x x x x x x x
  lead           + + + + + + + s
  handler        . + + + + + . .
  former_handler x x x x x x x x
  desk           + + + + + + + s
  control_room   x x x x x x x x
  supervisor     + + + + + + + s
  director       + + + + + + + s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.complete
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . + + + + r . .
  former_handler r r r r r r r r
  desk           + + + + + r r r
  control_room   x x x x x x x x
  supervisor     + + + + + r r r
  director       + + + + + r r r
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.confirm
  first_asked    s s s s s + s s
  relay          x x x x x x x x
  lead           s s s s s + s s
  handler        . x x x x x . .
  former_handler x x x x x x x x
  desk           s s s s s + s s
  control_room   x x x x x x x x
  supervisor     s s s s s + s s
  director       s s s s s + s s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.reopen
  first_asked    s s s s s + + +
  relay          x x x x x x x x
  lead           s s s s s + + +
  handler        . x x x x x . .
  former_handler x x x x x x x x
  desk           s s s s s + + +
  control_room   x x x x x x x x
  supervisor     s s s s s + + +
  director       s s s s s + + +
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.check
  first_asked    + + + + + + s s
  relay          x x x x x x x x
  lead           + + + + + + s s
  handler        . x x x x x . .
  former_handler x x x x x x x x
  desk           x x x x x x x x
  control_room   x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.succeed
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . x x x x x . .
  former_handler x x x x x x x x
  desk           x x x x x x x x
  control_room   x x x x x x x x
  supervisor     + + + + + + s s
  director       + + + + + + s s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.comment
  first_asked    + + + + + + r r
  relay          + + + + + + r r
  lead           + + + + + + r r
  handler        . + + + + + . .
  former_handler + + + + + + r r
  desk           + + + + + + r r
  control_room   + + + + + + r r
  supervisor     + + + + + + r r
  director       + + + + + + r r
  told           + + + + + + r r
  accused        - - - - - - - -
  other          - - - - - - - -
case.cancel
  first_asked    + s s s s s s s
  relay          x x x x x x x x
  lead           x x x x x x x x
  handler        . x x x x x . .
  former_handler x x x x x x x x
  desk           + + + + + s s s
  control_room   x x x x x x x x
  supervisor     + + + + + s s s
  director       + + + + + s s s
  told           x x x x x x x x
  accused        - - - - - - - -
  other          - - - - - - - -
case.see
  first_asked    + + + + + + + +
  relay          + + + + + + + +
  lead           + + + + + + + +
  handler        . + + + + + . .
  former_handler + + + + + + + +
  desk           + + + + + + + +
  control_room   + + + + + + + +
  supervisor     + + + + + + + +
  director       + + + + + + + +
  told           + + + + + + + +
  accused        - - - - - - - -
  other          - - - - - - - -
";

/// A complaint, where only three rows differ from `-`: those who hear its state, and the office (R9, E5). The rows
/// that are not written for a command are the same for all of them and stand first.
const COMPLAINT: &str = "
                 reported dispatched accepted arrived paused completed closed cancelled
case.report
  first_asked    e e e e e e e e
  relay          e e e e e e e e
  desk           e e e e e e e e
  supervisor     e e e e e e e e
  director       e e e e e e e e
case.fix
  first_asked    n n n n n n n n
  relay          x x x x x x x x
  desk           x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
case.classify
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           + + + + + s s s
  supervisor     + + + + + s s s
  director       + + + + + s s s
case.dispatch
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           + + + + + s s s
  supervisor     + + + + + s s s
  director       + + + + + s s s
case.accept
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
case.decline
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
case.arrive
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
case.pause
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           s s + + s s s s
  supervisor     s s + + s s s s
  director       s s + + s s s s
case.resume
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           s s s s + s s s
  supervisor     s s s s + s s s
  director       s s s s + s s s
case.promise
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           + + + + + s s s
  supervisor     + + + + + s s s
  director       + + + + + s s s
case.postpone
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           + + + + + s s s
  supervisor     + + + + + s s s
  director       + + + + + s s s
case.tell
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           + + + + + + + s
  supervisor     + + + + + + + s
  director       + + + + + + + s
case.complete
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           + + + + + r r r
  supervisor     + + + + + r r r
  director       + + + + + r r r
case.confirm
  first_asked    d d d d d d d d
  relay          x x x x x x x x
  desk           s s s s s + s s
  supervisor     s s s s s + s s
  director       s s s s s + s s
case.reopen
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           s s s s s + + +
  supervisor     s s s s s + + +
  director       s s s s s + + +
case.check
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           x x x x x x x x
  supervisor     x x x x x x x x
  director       x x x x x x x x
case.succeed
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           x x x x x x x x
  supervisor     + + + + + + s s
  director       + + + + + + s s
case.comment
  first_asked    + + + + + + r r
  relay          + + + + + + r r
  desk           + + + + + + r r
  supervisor     + + + + + + r r
  director       + + + + + + r r
case.cancel
  first_asked    x x x x x x x x
  relay          x x x x x x x x
  desk           + + + + + s s s
  supervisor     + + + + + s s s
  director       + + + + + s s s
case.see
  first_asked    + + + + + + + +
  relay          + + + + + + + +
  desk           + + + + + + + +
  supervisor     + + + + + + + +
  director       + + + + + + + +
";

/// Who in a complaint sees nothing, whatever they ask and in whatever stage; `.` where nobody can be that.
const UNSEEING: &str = "
                 reported dispatched accepted arrived paused completed closed cancelled
  lead           - - - - - - - -
  handler        . - - - - - . .
  former_handler - - - - - - - -
  control_room   . . . . . . . .
  told           . . . . . . . .
  accused        - - - - - - - -
  other          - - - - - - - -
";

type Row = Vec<char>;

fn cells(text: &str) -> Row {
    text.split_whitespace()
        .map(|cell| match cell.chars().collect::<Vec<_>>()[..] {
            [cell] => cell,
            _ => panic!("no cell: {cell}"),
        })
        .collect()
}

fn standing(name: &str) -> Standing {
    serde_json::from_value(name.into()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows of a grid by command and standing; a command's rows are unique.
fn read(grid: &str) -> BTreeMap<(String, Standing), Row> {
    let mut lines = grid.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<_> = lines.next().map(|line| line.split_whitespace().collect()).unwrap_or_default();
    assert_eq!(header, StageName::ALL.map(StageName::as_str), "the columns are the stages");
    let mut kind = String::new();
    let mut rows = BTreeMap::new();
    for line in lines {
        match line.strip_prefix("  ").and_then(|row| row.split_once(' ')) {
            Some((name, row)) => {
                let row = cells(row);
                assert_eq!(row.len(), StageName::ALL.len(), "{kind}, {name}");
                let twice = rows.insert((kind.clone(), standing(name)), row);
                assert!(twice.is_none(), "{kind}, {name} stands twice");
            }
            None => kind = line.trim().to_owned(),
        }
    }
    rows
}

/// A sound command of a kind, such that only who asks and when decides.
fn command(kind: &str, confidential: bool, now: Ms) -> CaseCommand {
    let reason = || "reason".to_owned();
    match kind {
        "case.report" => CaseCommand::Report(customers("door")),
        "case.fix" => CaseCommand::Fix { result: reason(), photos: vec![] },
        "case.classify" if confidential => classify("complaint", Some(CLEANER)),
        "case.classify" => classify("idea", None),
        "case.dispatch" => dispatch(if confidential { DESK } else { TECHNICIAN }),
        "case.accept" => CaseCommand::Accept {},
        "case.decline" => CaseCommand::Decline { reason: reason() },
        "case.arrive" => CaseCommand::Arrive {},
        "case.pause" => pause(now.plus(HOUR)),
        "case.resume" => CaseCommand::Resume {},
        "case.promise" => promise(now.plus(HOUR)),
        "case.postpone" => postpone(now.plus(48 * HOUR)),
        "case.tell" => tell(About::Result),
        "case.complete" => complete(),
        "case.confirm" => confirm(Some(true)),
        "case.reopen" => reopen(),
        "case.check" => CaseCommand::Check {},
        "case.succeed" => CaseCommand::Succeed { to: CAPTAIN, reason: reason() },
        "case.comment" => CaseCommand::Comment { text: reason(), photos: vec![] },
        "case.cancel" => CaseCommand::Cancel { reason: reason() },
        "case.see" => CaseCommand::See {},
        other => panic!("no kind: {other}"),
    }
}

/// On to a stage, by the desk and the handler.
fn reach(story: Story, stage: StageName, handler: PersonId) -> Story {
    let until = story.now.at.plus(2 * HOUR);
    let dispatched = |story: Story| story.then(DESK, dispatch(handler));
    let accepted = |story: Story| dispatched(story).then(handler, CaseCommand::Accept {});
    let arrived = |story: Story| accepted(story).then(handler, CaseCommand::Arrive {});
    let completed = |story: Story| arrived(story).then(handler, complete());
    let reached = match stage {
        StageName::Reported => story,
        StageName::Dispatched => dispatched(story),
        StageName::Accepted => accepted(story),
        StageName::Arrived => arrived(story),
        StageName::Paused => arrived(story).then(handler, pause(until)),
        StageName::Completed => completed(story),
        StageName::Closed => completed(story).then(DESK, confirm(Some(true))),
        StageName::Cancelled => {
            dispatched(story).then(DESK, CaseCommand::Cancel { reason: "none".to_owned() })
        }
    };
    assert_eq!(reached.case.stage.name(), stage);
    reached
}

/// The guard was first asked, the captain passed it on, the second technician could not come.
fn ordinary(kind: &str, stage: StageName) -> Story {
    let report = Report { on_behalf_of: Some(GUARD), ..customers("door") };
    let story = Story::begin(&World::new(), CAPTAIN, report, "2026-11-22 10:00")
        .then(DESK, dispatch(SECOND_TECHNICIAN))
        .then(SECOND_TECHNICIAN, CaseCommand::Decline { reason: "busy".to_owned() });
    reach(promised(kind, story), stage, TECHNICIAN)
}

/// The same as a complaint about the cleaner. It was taken for a door at first, so that it has a former handler, and
/// its handler has left the office since, so that it has a handler who is nothing else.
fn complaint(kind: &str, stage: StageName) -> Story {
    let mut world = World::new();
    let report = Report { on_behalf_of: Some(GUARD), ..customers("door") };
    world.member_mut(SECOND_DESK).roles.insert(Role::Technician);
    let story = Story::begin(&world, CAPTAIN, report, "2026-11-22 10:00")
        .then(DESK, dispatch(SECOND_TECHNICIAN))
        .then(DESK, classify("complaint", Some(CLEANER)));
    assert_eq!(story.case.stage.name(), StageName::Reported, "recalled from a technician");
    let mut story = reach(promised(kind, story), stage, SECOND_DESK);
    story.world.member_mut(SECOND_DESK).roles.remove(&Role::Desk);
    story
}

/// Only what has a promise can be postponed.
fn promised(kind: &str, story: Story) -> Story {
    let until = story.now.at.plus(24 * HOUR);
    if kind == "case.postpone" { story.then(DESK, promise(until)) } else { story }
}

fn who(standing: Standing, handler: PersonId) -> PersonId {
    match standing {
        Standing::FirstAsked => GUARD,
        Standing::Relay => CAPTAIN,
        Standing::Lead => GUARDS_LEAD,
        Standing::Handler => handler,
        Standing::FormerHandler => SECOND_TECHNICIAN,
        Standing::Desk => DESK,
        Standing::ControlRoom => CONTROL,
        Standing::Supervisor => SUPERVISOR,
        Standing::Director => DIRECTOR,
        // Cleaners hear of doors; the complaint is about this one.
        Standing::Told | Standing::Accused => CLEANER,
        Standing::Other => ADMIN,
    }
}

/// The rules' answer as a cell. What is recorded may not touch the stage, and what takes effect must say so.
fn answer(story: &Story, by: PersonId, command: &CaseCommand) -> char {
    match story.judge(by, command) {
        Ok(events) if events.is_empty() => '0',
        Ok(events) if Case::only_recorded(&events) => {
            let mut after = story.clone();
            after.apply(events);
            if after.case.stage == story.case.stage { 'r' } else { '!' }
        }
        Ok(_) => '+',
        Err(refusal) => match refusal.code {
            Code::CaseNotAllowed => 'x',
            Code::CaseWrongStage => 's',
            Code::CaseNotVisible => '-',
            Code::CaseExists => 'e',
            Code::CaseComplaintNeedsDesk => 'n',
            Code::CaseDeskConfirms => 'd',
            _ => '?',
        },
    }
}

/// Compares one cell; what is wrong goes to the list.
fn compare(
    story: &Story,
    kind: &str,
    standing: Standing,
    handler: PersonId,
    expected: char,
    wrong: &mut Vec<String>,
) {
    let by = who(standing, handler);
    let stage = story.case.stage.name();
    let has = names(story.standings(by));
    let cell = if has != [standing] {
        if has.contains(&standing) { format!("{has:?}") } else { ".".to_owned() }
    } else {
        answer(story, by, &command(kind, story.case.confidential(), story.now.at)).to_string()
    };
    if cell != expected.to_string() {
        wrong.push(format!("{kind} by {standing:?} in {}: ruled {expected}, is {cell}", stage.as_str()));
    }
}

#[test]
fn r5_r6_r7_r9_r12_every_command_in_every_stage_by_every_standing() {
    let rows = read(ORDINARY);
    let kinds: BTreeSet<_> = rows.keys().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, BTreeSet::from(CaseCommand::KINDS), "every kind");
    let mut wrong = Vec::new();
    let mut triples = 0;
    for kind in CaseCommand::KINDS {
        for (column, stage) in StageName::ALL.into_iter().enumerate() {
            let plain = ordinary(kind, stage);
            let accusing = complaint(kind, stage);
            for standing in Standing::ALL {
                let row = rows
                    .get(&(kind.to_owned(), standing))
                    .unwrap_or_else(|| panic!("no row for {standing:?} in {kind}"));
                if standing == Standing::Accused {
                    compare(&accusing, kind, standing, SECOND_DESK, row[column], &mut wrong);
                } else {
                    compare(&plain, kind, standing, TECHNICIAN, row[column], &mut wrong);
                }
                triples += 1;
            }
        }
    }
    assert_eq!(triples, rows.len() * StageName::ALL.len(), "every row has been compared");
    assert!(wrong.is_empty(), "{} of {triples}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn r9_e5_a_complaint_is_the_offices_in_every_stage() {
    let rows = read(COMPLAINT);
    let unseeing = read(UNSEEING);
    let mut wrong = Vec::new();
    let mut seeing = 0;
    for kind in CaseCommand::KINDS {
        for (column, stage) in StageName::ALL.into_iter().enumerate() {
            let story = complaint(kind, stage);
            for standing in Standing::ALL {
                let expected = match unseeing.get(&(String::new(), standing)) {
                    Some(row) if row[column] == '-' && kind == "case.report" => 'e',
                    Some(row) => row[column],
                    None => {
                        seeing += 1;
                        rows.get(&(kind.to_owned(), standing))
                            .unwrap_or_else(|| panic!("no row for {standing:?} in {kind}"))[column]
                    }
                };
                compare(&story, kind, standing, SECOND_DESK, expected, &mut wrong);
            }
        }
    }
    assert_eq!(seeing, rows.len() * StageName::ALL.len(), "every row has been compared");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn r12_outside_desk_hours_the_control_room_may_do_what_the_desk_may() {
    let rows = read(ORDINARY);
    let mut wrong = Vec::new();
    for kind in CaseCommand::KINDS {
        for (column, stage) in StageName::ALL.into_iter().enumerate() {
            let night = ordinary(kind, stage).on("2026-11-22 23:30");
            assert_eq!(names(night.standings(CONTROL)), [Standing::Desk]);
            let expected = rows[&(kind.to_owned(), Standing::Desk)][column];
            let is = answer(&night, CONTROL, &command(kind, false, night.now.at));
            if is != expected {
                wrong.push(format!("{kind} in {}: the desk {expected}, is {is}", stage.as_str()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
