//! What ought to have come of rounds, by a model that shares no code with the rules: it knows the property's first file, the
//! commands word for word, and when each was made, whatever its phone thought. Documents and events it reads as JSON.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use server::{App, db::Conn};
use shared::{
    ids::{CommandId, SiteCode},
    time::{HOUR, MINUTE, Ms},
    wire::{Envelope, Verdict},
};

use crate::{
    backend::{START, demo},
    check::{Invariant, Known},
    world::World,
};

/// Both properties are in China, where the clock is never set otherwise.
const OFFSET: i64 = 8 * HOUR;
const DAY: i64 = 24 * HOUR;
/// By how much the time of a command may be wrong though nothing speaks against it: a request that takes a minute looks
/// like a clock that was moved by one, and so does that of the command before it.
const SLACK: i64 = 2 * MINUTE;
/// Ids of routes and rounds follow from their names in this space, for ever.
const NAMES: uuid::Uuid = uuid::Uuid::from_u128(0x52d4_7c1f_91c4_5a0e_b6a7_3f0d_8e24_c915);

/// A command that took effect in a round or from one of its stops, and what events say of it.
struct Done<'a> {
    known: &'a Known,
    envelope: Envelope,
    /// When it was made.
    made: Ms,
    /// The time that the server gave it is near that.
    sound: bool,
    /// Its entries in rounds.
    entries: Vec<(String, Value)>,
}

/// A round as its document says, with the names by which stops stand now.
pub struct Shown {
    pub body: Value,
    /// By stop, as the rules name it.
    pub stops: BTreeMap<String, String>,
}

impl Shown {
    fn name(&self) -> (String, String) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&self.body["task"]["route"]), text(&self.body["task"]["occurrence"]))
    }
}

/// All that is to hold of the rounds of a site. `rounds` are by id.
pub async fn rounds_are_right(
    world: &World,
    app: &App,
    site: &SiteCode,
    commands: &[Known],
    rounds: &BTreeMap<String, Shown>,
) -> anyhow::Result<()> {
    let mut conn = app.db.connection().await?;
    rounds_are_once(site, rounds).map_err(of(Invariant::Plan))?;
    let routes = docs(&mut conn, site, "route:").await?;
    the_plan_is_kept(world, site, rounds, &routes).map_err(of(Invariant::Plan))?;
    let done = done(world, &mut conn, site, commands).await?;
    who_was_there_in_time_has_missed_nothing(world, rounds, &done).map_err(of(Invariant::Timely))?;
    what_was_done_is_said_once(&done).map_err(of(Invariant::Walked))?;
    labels_are_what_they_were(world, site, &done).map_err(of(Invariant::Walked))?;
    let cases = docs(&mut conn, site, "case:").await?;
    cases_and_rounds_name_each_other(world, site, rounds, &cases, &done).map_err(of(Invariant::Linked))
}

fn of(invariant: Invariant) -> impl Fn(anyhow::Error) -> anyhow::Error {
    move |error| error.context(invariant)
}

async fn docs(conn: &mut Conn, site: &SiteCode, kind: &str) -> anyhow::Result<BTreeMap<String, Value>> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("select doc, body from docs where site = $1 and doc like $2 order by doc")
            .bind(site.as_str())
            .bind(format!("{kind}%"))
            .fetch_all(conn)
            .await?;
    rows.into_iter()
        .map(|(doc, body)| {
            let id = doc.strip_prefix(kind).unwrap_or_default().to_owned();
            Ok((id, serde_json::from_str(&body)?))
        })
        .collect()
}

/// The commands of a site that took effect in rounds.
async fn done<'a>(
    world: &World,
    conn: &mut Conn,
    site: &SiteCode,
    commands: &'a [Known],
) -> anyhow::Result<Vec<Done<'a>>> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "select aggregate, command, body from events where site = $1 and kind = 'round' \
         and command is not null order by seq, version",
    )
    .bind(site.as_str())
    .fetch_all(conn)
    .await?;
    let mut entries: BTreeMap<CommandId, Vec<(String, Value)>> = BTreeMap::new();
    for (round, command, body) in rows {
        let event: Value = serde_json::from_str(&body)?;
        // Whoever starts a round first makes it, too.
        if event["change"]["planned"].is_null() {
            entries.entry(command.parse()?).or_default().push((round, event));
        }
    }
    let mut done = Vec::new();
    for known in commands {
        let taken = matches!(known.verdict, Verdict::Accepted { .. } | Verdict::Recorded { .. });
        if known.status != "done" || !taken {
            continue;
        }
        let envelope = Envelope::read(&known.text)?;
        let from_stop = envelope.kind == "case.report" && !envelope.body["from"].is_null();
        if envelope.site != *site || !(envelope.kind.starts_with("round.") || from_stop) {
            continue;
        }
        let made = *world.ledger.made.get(&known.id).context("nobody made a command")?;
        let saved = world.ledger.saved.get(&known.id).context("nobody made a command")?;
        let sound = !known.uncertain && !world.ledger.restored && !world.ledger.moved.contains(&saved.phone);
        let entries = entries.remove(&known.id).unwrap_or_default();
        done.push(Done { known, envelope, made, sound, entries });
    }
    let left = entries.keys().next();
    ensure!(left.is_none(), Invariant::Walked.broken(format!("{left:?} is in a round, and was not taken")));
    Ok(done)
}

/// A round is once, under the id that follows from its name.
fn rounds_are_once(site: &SiteCode, rounds: &BTreeMap<String, Shown>) -> anyhow::Result<()> {
    for (id, round) in rounds {
        let (route, occurrence) = round.name();
        let right = uuid::Uuid::new_v5(&NAMES, format!("{site}/{route}/{occurrence}").as_bytes()).to_string();
        ensure!(*id == right, "round {occurrence} of {route} is {id} and not {right}");
    }
    Ok(())
}

/// What a route of the first file asks for: when its rounds of a day begin, in minutes, and how long each may take.
fn slots(route: &Value) -> Option<(Vec<i64>, i64)> {
    let minute = |name: &str| {
        let (hours, minutes) = route[name].as_str()?.split_once(':')?;
        Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
    };
    let (start, last) = (minute("start")?, minute("last")?);
    let last = if last < start { last + 24 * 60 } else { last };
    let every = usize::try_from(route["every_min"].as_i64()?).ok()?;
    Some(((start..=last).step_by(every).collect(), route["window_min"].as_i64()?))
}

/// Of a route that was never changed there are the rounds that its plan has, and no others.
fn the_plan_is_kept(
    world: &World,
    site: &SiteCode,
    rounds: &BTreeMap<String, Shown>,
    routes: &BTreeMap<String, Value>,
) -> anyhow::Result<()> {
    let there: BTreeMap<(String, String), &Shown> =
        rounds.values().map(|round| (round.name(), round)).collect();
    let file = demo(site.as_str())?;
    for route in routes.values().filter(|route| route["version"] == 1) {
        let code = route["code"].as_str().unwrap_or_default();
        let routes = file["routes"].as_array().into_iter().flatten();
        let Some((minutes, window)) = routes.filter(|route| route["code"] == code).find_map(slots) else {
            // A supervisor made it.
            continue;
        };
        let mut planned: BTreeMap<String, (Ms, Ms)> = BTreeMap::new();
        // The run began on a Monday, and phones may be some days ahead or behind.
        let monday = (START.0 + OFFSET) / DAY;
        for week in -1..=(world.backend.now().since(START) / (7 * DAY) + 1) {
            let midnight = Ms((monday + 7 * week) * DAY - OFFSET);
            let date =
                jiff::Timestamp::from_millisecond(midnight.0 + OFFSET)?.strftime("%Y-%m-%d").to_string();
            for minute in &minutes {
                let from = midnight.plus(minute * MINUTE);
                let name = format!("{date}/{:02}:{:02}", minute / 60, minute % 60);
                planned.insert(name, (from, from.plus(window * MINUTE)));
            }
        }
        for (name, (from, until)) in &planned {
            let round = there.get(&(code.to_owned(), name.clone()));
            let began = START < *from && *from <= world.kept;
            ensure!(!began || round.is_some(), "there is no round {name} of {code}, though it has begun");
            if let Some(round) = round {
                let task = &round.body["task"];
                ensure!(
                    task["from"] == from.0 && task["until"] == until.0,
                    "round {name} of {code} is from {} until {}, and not from {from:?} until {until:?}",
                    task["from"],
                    task["until"]
                );
            }
        }
        let other = there.keys().find(|(of, name)| of == code && !planned.contains_key(name));
        ensure!(other.is_none(), "{other:?} is no round of the plan");
    }
    for round in rounds.values() {
        let until = round.body["task"]["until"].as_i64().unwrap_or_default();
        ensure!(
            round.body["ended"] == true || world.kept.0 < until,
            "round {:?} has not ended",
            round.name()
        );
    }
    Ok(())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// What an entry of a round ought to say, of a command's body; with what the server finds out left out.
fn says(envelope: &Envelope) -> Value {
    let body = &envelope.body;
    let or = |name: &str, otherwise: Value| if body[name].is_null() { otherwise } else { body[name].clone() };
    match envelope.kind.as_str() {
        "round.start" => json!({ "started": { "route_version": body["route_version"] } }),
        "round.tick" => {
            let proof = &body["proof"];
            let proof = if let Some(photo) = proof.get("photo") {
                let photos = if photo["photos"].is_null() { json!([]) } else { photo["photos"].clone() };
                json!({ "photo": { "reason": photo["reason"], "photos": photos } })
            } else if let Some(token) = proof.get("token") {
                json!({ "token": { "via": token["via"] } })
            } else {
                json!({ "code": null })
            };
            json!({ "ticked": {
                "stop": body["stop"], "proof": proof, "readings": or("readings", json!({})),
                "position": body["position"],
            } })
        }
        "round.read" => json!({ "read": { "stop": body["stop"], "readings": body["readings"] } }),
        "round.skip" => json!({ "skipped": {
            "stop": body["stop"], "reason": body["reason"], "photos": or("photos", json!([])),
        } }),
        "round.hand_over" => {
            json!({ "handed_over": { "to": body["to"], "reason": or("reason", json!("")) } })
        }
        "round.finish" => json!({ "finished": { "reason": body["reason"] } }),
        "round.review" => json!({ "reviewed": { "note": or("note", json!("")) } }),
        _ => json!({ "reported": { "stop": body["from"]["stop"], "case": envelope.aggregate.to_string() } }),
    }
}

/// The same of an entry that there is.
fn said(change: &Value) -> Value {
    let mut change = change.clone();
    if let Some(tick) = change.get("ticked").cloned() {
        let or =
            |name: &str, otherwise: Value| if tick[name].is_null() { otherwise } else { tick[name].clone() };
        let mut proof = tick["proof"].clone();
        if let Some(token) = proof.get_mut("token").and_then(Value::as_object_mut) {
            token.remove("label");
        } else if proof.get("code").is_some() {
            proof = json!({ "code": null });
        }
        change = json!({ "ticked": {
            "stop": tick["stop"], "proof": proof, "readings": or("readings", json!({})),
            "position": tick["position"],
        } });
    }
    if let Some(skip) = change.get_mut("skipped").and_then(Value::as_object_mut) {
        skip.entry("photos").or_insert(json!([]));
    }
    change
}

/// What somebody did in a round is in it once, as it was done, when and by whom. A complaint is not in it: that is read by
/// more than may know of it.
fn what_was_done_is_said_once(done: &[Done<'_>]) -> anyhow::Result<()> {
    for Done { known, envelope, made, sound, entries } in done {
        let reported = envelope.kind == "case.report";
        if reported && entries.is_empty() {
            // Whether it ought to be there is for another check to judge.
            continue;
        }
        let round = if reported {
            text(&envelope.body["from"], "round").to_owned()
        } else {
            envelope.aggregate.to_string()
        };
        let [(of, entry)] = &entries[..] else {
            anyhow::bail!("{} ({}) is {} times in its round", known.id, envelope.kind, entries.len());
        };
        ensure!(*of == round, "{} ({}) of round {round} is in round {of}", known.id, envelope.kind);
        let (right, is) = (says(envelope), said(&entry["change"]));
        ensure!(right == is, "{} is {is} in its round, and not {right}", known.id);
        ensure!(entry["by"] == known.author.to_string(), "{} is {}'s in its round", known.id, entry["by"]);
        let time = &entry["time"];
        let at = time["at"].as_i64().map(Ms).context("an entry without its time")?;
        ensure!(
            at == known.event_at && time["uncertain"] == known.uncertain,
            "{} has another time in its round: {time}",
            known.id
        );
        ensure!(
            !sound || (0..=SLACK).contains(&at.since(*made)),
            "{} was made at {made:?}, and is told to have been at {at:?}",
            known.id
        );
    }
    Ok(())
}

/// A label that hung at a stop when it was scanned there was the right one, and one that hung there before was not.
fn labels_are_what_they_were(world: &World, site: &SiteCode, done: &[Done<'_>]) -> anyhow::Result<()> {
    for Done { known, envelope, made, sound, entries } in done {
        let (Some(token), [(_, entry)]) = (envelope.body["proof"]["token"]["token"].as_str(), &entries[..])
        else {
            continue;
        };
        let tick = &entry["change"]["ticked"];
        let place = (site.clone(), text(tick, "place").into());
        let found = &tick["proof"]["token"]["label"];
        let hung = world.hanging.get(&place).into_iter().flatten().find(|label| label.token == token);
        ensure!(
            hung.is_some() || world.ledger.restored || (found != "current" && found != "replaced"),
            "{}: a label that never hung at {} is {found}",
            known.id,
            place.1
        );
        let Some(label) = hung.filter(|_| *sound) else { continue };
        let right = match label.until {
            Some(until) if *made >= until => "replaced",
            Some(until) if *made < until.plus(-SLACK) => "current",
            Some(_) => continue,
            None => "current",
        };
        ensure!(found == right, "{}: the label at {} is {found}, and not {right}", known.id, place.1);
    }
    Ok(())
}

/// Whoever was at a stop in time is told to have been there in time, however late that arrived; it was missed only where
/// nobody was, and nobody said why not.
fn who_was_there_in_time_has_missed_nothing(
    world: &World,
    rounds: &BTreeMap<String, Shown>,
    done: &[Done<'_>],
) -> anyhow::Result<()> {
    let mut of_round: BTreeMap<String, Vec<&Done<'_>>> = BTreeMap::new();
    for one in done.iter().filter(|one| one.envelope.kind != "case.report") {
        of_round.entry(one.envelope.aggregate.to_string()).or_default().push(one);
    }
    let gone = of_round.keys().find(|id| !rounds.contains_key(*id));
    ensure!(gone.is_none(), "something was done in round {gone:?}, which there is not");
    let now = world.backend.now();
    for (id, round) in rounds {
        let acts = of_round.get(id).map(Vec::as_slice).unwrap_or_default();
        let task = &round.body["task"];
        let at = |value: &Value| value.as_i64().map(Ms);
        let from = at(&task["from"]).context("a round without its beginning")?;
        let until = at(&task["until"]).context("a round without its end")?;
        let known = acts.iter().filter_map(|one| one.envelope.body["route_version"].as_u64()).max();
        for stop in task["stops"].as_array().into_iter().flatten() {
            let code = text(stop, "code");
            let name = round.stops.get(code).map(String::as_str).context("a stop without a state")?;
            let wrong =
                |why: &str| anyhow::anyhow!("stop {code} of round {:?} is {name}: {why}", round.name());
            let here = |kind: &'static str| {
                acts.iter()
                    .filter(move |one| one.envelope.kind == kind && text(&one.envelope.body, "stop") == code)
            };
            let ticks: Vec<&&Done<'_>> = here("round.tick").collect();
            // Surely before the end of the window, or not surely after it.
            let before =
                |one: &&Done<'_>| one.known.uncertain || (one.sound && one.made < until.plus(-SLACK));
            let ways_out =
                here("round.skip").chain(acts.iter().filter(|one| one.envelope.kind == "round.finish"));
            if ticks.is_empty() {
                let right: &[&str] =
                    if now < until { &["pending", "skipped"] } else { &["missed", "skipped"] };
                ensure!(right.contains(&name), wrong("nobody was there"));
                let unheard = known.is_some_and(|known| stop["added"].as_u64() > Some(known)) && now >= until;
                ensure!(
                    name != "skipped" || unheard || ways_out.clone().next().is_some(),
                    wrong("nobody said why not")
                );
                ensure!(name == "skipped" || !ways_out.clone().any(before), wrong("somebody said why not"));
                continue;
            }
            ensure!(["on_time", "late", "out_of_window"].contains(&name), wrong("somebody was there"));
            let due = at(&stop["due"]).unwrap_or(until);
            // Where its time is uncertain, nobody can say that it was late.
            let there = |last: Ms| {
                ticks.iter().any(|tick| {
                    let in_time = tick.sound && tick.made < last.plus(-SLACK);
                    let doubted = tick.known.uncertain && !world.ledger.restored;
                    from <= tick.made && (in_time || doubted)
                })
            };
            ensure!(!there(until) || name != "out_of_window", wrong("somebody was there before its end"));
            ensure!(!there(due) || name == "on_time", wrong("somebody was there in time"));
            let surely_late = |tick: &&&Done<'_>| {
                let early = tick.made < from.plus(-SLACK);
                tick.sound && !tick.known.uncertain && (tick.made > due.plus(SLACK) || early)
            };
            ensure!(
                name != "on_time" || !ticks.iter().all(surely_late),
                wrong("nobody was there by the time it was due")
            );
            let outside =
                |tick: &&&Done<'_>| tick.sound && (tick.made >= until || tick.made < from.plus(-SLACK));
            ensure!(
                name == "out_of_window" || !ticks.iter().all(outside),
                wrong("nobody was there in its window")
            );
        }
    }
    Ok(())
}

/// A case that was found at a stop says so, and its round names it; unless it was reported as a complaint.
fn cases_and_rounds_name_each_other(
    world: &World,
    site: &SiteCode,
    rounds: &BTreeMap<String, Shown>,
    cases: &BTreeMap<String, Value>,
    done: &[Done<'_>],
) -> anyhow::Result<()> {
    let mut named: BTreeSet<(String, String, String)> = BTreeSet::new();
    for (id, round) in rounds {
        for entry in round.body["log"].as_array().into_iter().flatten() {
            let Some(reported) = entry["change"].get("reported") else { continue };
            let (case, stop) = (text(reported, "case").to_owned(), text(reported, "stop").to_owned());
            ensure!(
                cases.contains_key(&case),
                "round {:?} names case {case}, which there is not",
                round.name()
            );
            let first = named.insert((case.clone(), id.clone(), stop));
            ensure!(first, "round {:?} names case {case} twice", round.name());
        }
    }
    let file = world.backend.files.get(site.as_str()).context("no such property")?;
    let complaints: BTreeSet<&str> = file["categories"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|category| category["kind"] == "complaint")
        .filter_map(|category| category["code"].as_str())
        .collect();
    let mut linked = BTreeSet::new();
    for one in done.iter().filter(|one| one.envelope.kind == "case.report") {
        let (id, from) = (one.envelope.aggregate.to_string(), &one.envelope.body["from"]);
        let case = cases.get(&id).with_context(|| format!("{} made no case", one.known.id))?;
        let complaint = complaints.contains(text(&one.envelope.body, "category"));
        // What was reported in confidence is taken out of what is found to be no complaint, and does not come back.
        let left = complaint && (case["kind"] != "complaint" || case["found_complaint"] == true);
        let right = if left { &Value::Null } else { from };
        ensure!(case["from"] == *right, "case {id} is from {}, and not from {right}", case["from"]);
        let link = (id, text(from, "round").to_owned(), text(from, "stop").to_owned());
        ensure!(
            named.contains(&link) != complaint,
            "{link:?} is a complaint: {complaint}; its round says otherwise"
        );
        linked.insert(link);
    }
    let other = named.iter().find(|link| !linked.contains(*link));
    ensure!(other.is_none(), "a round names {other:?}, which nobody reported from it");
    let from = cases
        .iter()
        .find(|(id, case)| !case["from"].is_null() && !linked.iter().any(|(linked, ..)| linked == *id));
    ensure!(from.is_none(), "case {:?} is from a stop, and nobody said so", from.map(|(id, _)| id));
    Ok(())
}
