//! What ought to have come of commands, by a small model that shares no code with the rules: of a case it knows only how
//! far it is, of a person only whether they serve and what they have been, and of a restore only what it must say.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use anyhow::{Context as _, ensure};
use shared::{
    Code,
    ids::{CaseId, CommandId, SiteCode},
    wire::{Envelope, Verdict},
};

use crate::{
    check::{Database, Invariant, Known},
    world::World,
};

const TAKE: &str = "quarantine.take";
const DISCARD: &str = "quarantine.discard";
/// Who may classify and dispatch.
const OFFICE: [&str; 3] = ["desk", "supervisor", "director"];
/// Who may do so at night.
const NIGHT: &str = "control_room";

/// The first answer to a command: what somebody has made who has left waits for the office, and what somebody has made
/// who serves does not.
pub fn first_answer(world: &World, envelope: &Envelope, verdict: &Verdict) -> anyhow::Result<()> {
    let (id, author) = (envelope.id, envelope.author);
    let serves = world.serves(&envelope.site, author);
    match verdict {
        Verdict::Held { code: Code::CommandAuthorRevoked } => {
            ensure!(!serves, Invariant::Quarantine.broken(format!("{id} is kept from {author}, who serves")));
        }
        Verdict::Accepted { .. } | Verdict::Recorded { .. } => {
            let room = envelope.kind.split('.').next().unwrap_or_default();
            let matters = matches!(room, "case" | "round" | "route") && envelope.kind != "case.see";
            ensure!(
                serves || !matters,
                Invariant::Quarantine.broken(format!("{id} of {author}, who has left, takes effect"))
            );
        }
        Verdict::Held { .. } | Verdict::Rejected(_) => {}
    }
    Ok(())
}

/// What was in quarantine became what the office said, once.
pub fn quarantine_is_ruled_on(world: &World, commands: &[Known]) -> anyhow::Result<()> {
    let by_id: BTreeMap<CommandId, &Known> = commands.iter().map(|known| (known.id, known)).collect();
    let mut ruled = BTreeSet::new();
    for ruling in commands.iter().filter(|known| known.status == "done") {
        let envelope = Envelope::read(&ruling.text)?;
        let taken = envelope.kind == TAKE;
        if !taken && envelope.kind != DISCARD {
            continue;
        }
        let id = CommandId(envelope.aggregate);
        let subject = by_id.get(&id).with_context(|| format!("{} rules on nothing", ruling.id))?;
        ensure!(ruled.insert(id), "{id} was ruled on twice");
        ensure!(subject.author != ruling.author, "{id} was ruled on by its author");
        let discarded =
            matches!(&subject.verdict, Verdict::Rejected(why) if why.code == Code::CommandDiscarded);
        ensure!(taken != discarded, "{id} was ruled on (taken: {taken}), and is {:?}", subject.verdict);
        ensure!(subject.verdict.is_final(), "{id} was ruled on, and is {:?}", subject.verdict);
    }
    for known in commands {
        let discarded =
            matches!(&known.verdict, Verdict::Rejected(why) if why.code == Code::CommandDiscarded);
        // A restored server believes a phone that it was discarded, and may have lost the ruling.
        ensure!(
            !discarded || ruled.contains(&known.id) || world.ledger.restored,
            "{} was discarded by nobody",
            known.id
        );
    }
    Ok(())
}

/// How far a case can be, as far as the model knows.
type Stages = BTreeSet<&'static str>;

const OPEN: [&str; 6] = ["reported", "dispatched", "accepted", "arrived", "paused", "paused on site"];

/// What a command that took effect makes of a stage; nothing where it could not have. `found`: no customer is to be told.
fn after(envelope: &Envelope, stage: &'static str, found: bool) -> Vec<&'static str> {
    let open = OPEN.contains(&stage);
    let on = |fits: bool, next: &'static str| if fits { vec![next] } else { Vec::new() };
    match envelope.kind.as_str() {
        "case.fix" => {
            on(matches!(stage, "reported" | "dispatched"), if found { "closed" } else { "completed" })
        }
        // The handler may have to give it back.
        "case.classify" if open => vec![stage, "reported"],
        "case.dispatch" => on(open, "dispatched"),
        "case.accept" => on(stage == "dispatched", "accepted"),
        "case.decline" => on(stage == "dispatched", "reported"),
        "case.arrive" => on(matches!(stage, "dispatched" | "accepted"), "arrived"),
        "case.pause" => match stage {
            "accepted" => vec!["paused"],
            "arrived" => vec!["paused on site"],
            _ => Vec::new(),
        },
        "case.resume" => match stage {
            "paused" => vec!["accepted"],
            "paused on site" => vec!["arrived"],
            _ => Vec::new(),
        },
        "case.complete" => on(open, "completed"),
        "case.confirm" if envelope.body["satisfied"] == false => on(stage == "completed", "reported"),
        "case.confirm" => on(stage == "completed", "closed"),
        "case.reopen" => on(!open, "reported"),
        "case.cancel" => on(open, "cancelled"),
        "case.promise" | "case.postpone" => on(open, stage),
        "case.check" | "case.succeed" | "case.comment" => on(!matches!(stage, "closed" | "cancelled"), stage),
        "case.tell" => on(stage != "cancelled", stage),
        _ => Vec::new(),
    }
}

/// Whether a command can be refused because of the stage, whoever gives it.
fn refusable(kind: &str, stage: &str) -> bool {
    let open = OPEN.contains(&stage);
    match kind {
        "case.classify" | "case.dispatch" | "case.promise" | "case.postpone" => !open,
        "case.accept" | "case.decline" => stage != "dispatched",
        "case.pause" => !matches!(stage, "accepted" | "arrived"),
        "case.resume" => stage != "paused",
        "case.confirm" => stage != "completed",
        "case.reopen" => open,
        "case.check" | "case.succeed" => matches!(stage, "closed" | "cancelled"),
        "case.tell" => stage == "cancelled",
        "case.cancel" => stage != "reported",
        // Facts are never too late, and nothing is too late to be said.
        _ => false,
    }
}

/// Commands took effect only in stages where they can, and were refused only where they may be.
pub fn refusals_are_right(world: &World, commands: &[Known]) -> anyhow::Result<()> {
    let mut done: Vec<(i64, &Known, Envelope)> = Vec::new();
    let mut refused: Vec<(&Known, Envelope)> = Vec::new();
    for known in commands {
        let envelope = Envelope::read(&known.text)?;
        match &known.verdict {
            Verdict::Accepted { seq, .. } if known.status == "done" && envelope.kind.starts_with("case.") => {
                done.push((*seq, known, envelope));
            }
            Verdict::Rejected(_) => refused.push((known, envelope)),
            Verdict::Accepted { .. } | Verdict::Recorded { .. } | Verdict::Held { .. } => {}
        }
    }
    done.sort_by_key(|(seq, _, envelope)| (envelope.site.clone(), *seq));
    let mut now: BTreeMap<CaseId, Stages> = BTreeMap::new();
    let mut found: BTreeSet<CaseId> = BTreeSet::new();
    let mut ever: BTreeMap<CaseId, Stages> = BTreeMap::new();
    for (_, known, envelope) in &done {
        if envelope.kind == "case.see" {
            continue;
        }
        let id = CaseId(envelope.aggregate);
        if envelope.kind == "case.report" && envelope.body["source"] == "found" {
            found.insert(id);
        }
        let next: Stages = match now.get(&id) {
            None if envelope.kind == "case.report" => Stages::from(["reported"]),
            None => Stages::new(),
            Some(stages) => {
                stages.iter().flat_map(|stage| after(envelope, stage, found.contains(&id))).collect()
            }
        };
        ensure!(
            !next.is_empty(),
            "{} ({}) took effect on a case that was {:?}",
            known.id,
            envelope.kind,
            now.get(&id)
        );
        ever.entry(id).or_default().extend(next.iter().copied());
        now.insert(id, next);
        if matches!(envelope.kind.as_str(), "case.classify" | "case.dispatch") {
            ensure!(may_have_been_office(world, envelope), "{} was never of the office", known.author);
        }
    }
    for (known, envelope) in refused {
        let Verdict::Rejected(why) = &known.verdict else { continue };
        let stage = why.fields.get("stage").map(String::as_str).unwrap_or_default();
        match why.code {
            Code::CaseWrongStage => {
                ensure!(
                    refusable(&envelope.kind, stage),
                    "{} ({}) was refused for {stage}",
                    known.id,
                    envelope.kind
                );
                let stages = ever.get(&CaseId(envelope.aggregate));
                let was = stages.is_some_and(|stages| stages.iter().any(|one| one.starts_with(stage)));
                // What was refused before a restore stays so, whatever became of the case.
                ensure!(
                    was || world.ledger.restored,
                    "{} was refused for {stage}, which its case never was: {stages:?}",
                    known.id
                );
            }
            Code::CaseNotAllowed if matches!(envelope.kind.as_str(), "case.classify" | "case.dispatch") => {
                ensure!(!always_office(world, &envelope), "{} was refused to the office", known.id);
            }
            _ => {}
        }
    }
    Ok(())
}

fn roles<'a>(world: &'a World, envelope: &Envelope) -> Option<&'a BTreeSet<String>> {
    let code = world.codes.get(&(envelope.site.clone(), envelope.author))?;
    world.ledger.roles.get(&(envelope.site.to_string(), code.clone()))
}

fn always_office(world: &World, envelope: &Envelope) -> bool {
    roles(world, envelope).is_some_and(|roles| roles.iter().all(|role| OFFICE.contains(&role.as_str())))
}

fn may_have_been_office(world: &World, envelope: &Envelope) -> bool {
    let office = |role: &String| role == NIGHT || OFFICE.contains(&role.as_str());
    roles(world, envelope).is_some_and(|roles| roles.iter().any(office))
}

/// Commands of which the server says after a restore that they are lost.
#[derive(Debug)]
pub struct Lost {
    pub device: String,
    pub places: RangeInclusive<u64>,
}

/// The lost ones, in what the server says is missing.
pub fn lost(missing: &str) -> anyhow::Result<Vec<Lost>> {
    let lines = missing.lines().filter_map(|line| line.strip_prefix("lost: commands "));
    lines
        .map(|line| {
            let (first, rest) = line.split_once(" to ").context("no range")?;
            let (last, rest) = rest.split_once(" of ").context("no range")?;
            let (_, device) = rest.rsplit_once(" on device ").context("no device")?;
            Ok(Lost { device: device.to_owned(), places: first.parse()?..=last.parse()? })
        })
        .collect()
}

/// After a restore, what has not come back is named, and what is named has not come back.
pub fn what_is_missing_is_named(
    world: &World,
    commands: &[Known],
    databases: &[Database],
    numbers: &BTreeMap<CaseId, (SiteCode, String)>,
    missing: &str,
) -> anyhow::Result<()> {
    for Lost { device, places } in lost(missing)? {
        let here = commands.iter().find(|known| known.device == device && places.contains(&known.n));
        ensure!(here.is_none(), "commands {places:?} of {device} are named as lost, and are here");
        let rows = databases.iter().flat_map(|database| &database.outbox);
        for row in rows.filter(|row| row.unsent() && places.contains(&row.n)) {
            let own = Envelope::read(&row.text)?.device.to_string() == device;
            ensure!(!own, "command {} of {device} is named as lost, and its phone has it", row.n);
        }
    }
    let here: BTreeSet<&(SiteCode, String)> = numbers.values().collect();
    let named: BTreeSet<(SiteCode, String)> = missing
        .lines()
        .filter_map(|line| line.strip_prefix("missing: case ")?.split_once(" of "))
        .map(|(number, site)| (SiteCode::from(site), number.to_owned()))
        .collect();
    for (site, number) in &named {
        ensure!(!here.contains(&(site.clone(), number.clone())), "case {number} of {site} is not missing");
    }
    for lost in world.ledger.numbers.values().filter(|number| !here.contains(number)) {
        let (site, number) = lost;
        // Of those after the last one that came back nobody can know.
        let day = number.split('-').next().unwrap_or_default();
        let later = here.iter().any(|(of, other)| of == site && other.starts_with(day) && other > number);
        ensure!(!later || named.contains(lost), "case {number} of {site} is missing, and nobody says so");
    }
    Ok(())
}
