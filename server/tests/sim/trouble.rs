//! What befalls the server and its property: people come and go, it dies over its own work, and is put back.

use anyhow::Context as _;
use serde_json::{Value, json};
use server::sites::import::{FirstPassword, import, read};
use shared::time::HOUR;

use crate::{
    backend::{self, SITES, demo},
    check,
    dice::Dice,
    world::{CAST, World},
};

impl World {
    /// Somebody leaves, comes back, or becomes something else.
    pub(super) fn import(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let code = *dice.pick(&CAST).context("no cast")?;
        let site = if code.starts_with("P5") { SITES[1] } else { SITES[0] };
        let roles = *dice
            .pick(&["guard", "desk", "technician", "supervisor", "director", "cleaner"])
            .context("no roles")?;
        let leaves = dice.percent(35);
        let original = original(site, code)?;
        let change = move |file: &mut Value| {
            let Some(people) = file["people"].as_array_mut() else { return };
            let at = people.iter().position(|person| person["code"] == code);
            match at {
                Some(at) if leaves => drop(people.remove(at)),
                Some(at) => people[at]["roles"] = json!([roles]),
                None => people.push(original.clone()),
            }
            if at.is_none() || !leaves {
                return;
            }
            // Nobody is named who is not there.
            let mut lists: Vec<&mut Value> = Vec::new();
            if let Some(file) = file.as_object_mut() {
                for (name, value) in file.iter_mut() {
                    match name.as_str() {
                        "control_room" | "ladder" => lists.push(value),
                        "groups" => lists
                            .extend(value.as_object_mut().into_iter().flat_map(|groups| groups.values_mut())),
                        "routes" => forget_at_stops(value, code),
                        _ => {}
                    }
                }
            }
            for list in lists.into_iter().filter_map(Value::as_array_mut) {
                list.retain(|one| one != code);
            }
        };
        if dice.percent(10) && self.backend.app.mutation.is_none() {
            self.die_importing(site, 1 + dice.below(60), &change)?;
        }
        let done = self.backend.reimport(site, change)?;
        self.ledger.note_people(&self.backend);
        self.note_labels()?;
        self.note(format!(
            "{code} {}{}",
            if leaves { "leaves, or comes back".to_owned() } else { format!("becomes {roles}") },
            if done { "" } else { " – which the file does not allow" }
        ));
        Ok(())
    }

    /// The property's file says otherwise of a route than before; or it is walked no more, or again.
    pub(super) fn reroute(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let site = SITES[usize::from(dice.percent(20))];
        let was = demo(site)?["routes"].clone();
        let mut dice = dice.clone();
        let mut what = String::new();
        let done = self.backend.reimport(site, |file| what = change_a_route(file, &was, &mut dice))?;
        self.note_labels()?;
        self.note(format!("{what} at {site}{}", if done { "" } else { " – which the file does not allow" }));
        Ok(())
    }

    /// A label is lost, and another one is hung in its place.
    pub(super) fn relabel(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let places: Vec<_> = self.hanging.keys().cloned().collect();
        let Some((site, place)) = dice.pick(&places).cloned() else { return Ok(()) };
        // After a restore the server may not know of the one that hangs there.
        let done = self.backend.relabel(&site, &place);
        self.note_labels()?;
        self.note(format!("the label at {place} of {site} is {}", if done { "replaced" } else { "unknown" }));
        Ok(())
    }

    /// The server does what is due by the plan; now and then it does so later, or dies over it.
    pub(super) fn keep_mostly(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        match dice.below(100) {
            0..75 => self.keep(),
            75..80 if self.backend.app.mutation.is_none() => {
                let statements = 1 + dice.below(40);
                self.note(format!("the server dies over the plan at statement {statements}"));
                self.backend.die(statements, |app, _| async move {
                    // Whatever came of it.
                    let _ = backend::keep(&app).await;
                })
            }
            _ => Ok(()),
        }
    }

    /// The server dies over an import; whoever imports does it again.
    fn die_importing(
        &mut self,
        site: &str,
        statements: usize,
        change: impl FnOnce(&mut Value),
    ) -> anyhow::Result<()> {
        let mut file = self.backend.files.get(site).context("no such property")?.clone();
        change(&mut file);
        let Ok(plan) = read(&file.to_string()) else { return Ok(()) };
        self.note(format!("the server dies over an import at statement {statements}"));
        self.backend.die(statements, |app, _| async move {
            // Whatever came of it.
            let _ = import(&app, &plan, FirstPassword::None).await;
        })
    }

    /// The server tidies up: cases that ended long ago, uploads that never ended, and what it has collected.
    pub(super) fn tidy(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        if dice.percent(30) && self.backend.app.mutation.is_none() {
            let statements = 1 + dice.below(40);
            self.note(format!("the server dies over tidying up at statement {statements}"));
            return self.backend.die(statements, |app, _| async move {
                // Whatever came of it.
                let _ = backend::tidy(&app).await;
            });
        }
        self.note("the server tidies up");
        self.backend.tidy()
    }

    /// So long that what ended has left the feed, and every session is over.
    pub(super) fn weeks_pass(&mut self) -> anyhow::Result<()> {
        self.note("five weeks pass");
        self.pass(35 * 24 * HOUR);
        self.keep()?;
        self.backend.tidy()
    }

    /// A backup is made; or one of those that there are is put back, mostly the last one.
    pub(super) fn back_up(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let backups = self.backend.backups.len();
        if backups == 0 || dice.percent(55) {
            self.note("a backup is made");
            self.ledger.at_backups.push(self.ledger.verdicts.clone());
            return self.backend.back_up();
        }
        let number = if dice.percent(75) { backups - 1 } else { dice.below(backups) };
        self.note(format!("backup {number} of {backups} is put back"));
        self.ledger.numbers = check::numbers(self)?;
        self.backend.put_back(number)?;
        // What was said after it holds no longer; what was said before it does.
        let verdicts = self.ledger.at_backups.get(number).cloned().unwrap_or_default();
        let lost = self.ledger.verdicts.keys().filter(|id| !verdicts.contains_key(id)).copied();
        self.ledger.unheard.extend(lost);
        self.ledger.verdicts = verdicts;
        self.ledger.restored = true;
        self.ledger.reached_back |= number + 1 < backups;
        self.ledger.note_people(&self.backend);
        self.note_labels()
    }
}

/// Nobody sees to a stop who is not there.
fn forget_at_stops(routes: &mut Value, code: &str) {
    let routes = routes.as_array_mut().into_iter().flatten();
    for stop in routes.filter_map(|route| route["stops"].as_array_mut()).flatten() {
        if stop["person"] == code
            && let Some(stop) = stop.as_object_mut()
        {
            stop.remove("person");
        }
    }
}

/// Changes one of a file's routes; `was` are those that it had first.
fn change_a_route(file: &mut Value, was: &Value, dice: &mut Dice) -> String {
    let Some(routes) = file["routes"].as_array_mut() else { return String::new() };
    let missing = was
        .as_array()
        .into_iter()
        .flatten()
        .find(|route| !routes.iter().any(|present| present["code"] == route["code"]));
    if let Some(missing) = missing.filter(|_| dice.percent(60)) {
        let mut missing = missing.clone();
        for stop in missing["stops"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            stop.remove("person");
        }
        let code = missing["code"].to_string();
        routes.push(missing);
        return format!("route {code} is walked again");
    }
    if routes.is_empty() {
        return "no route is changed".to_owned();
    }
    let at = dice.below(routes.len());
    let code = routes[at]["code"].to_string();
    let what = match dice.below(5) {
        0 => {
            routes.remove(at);
            "walked no more"
        }
        1 => {
            let stops = routes[at]["stops"].as_array_mut();
            if let Some(stops) = stops.filter(|stops| stops.len() > 1) {
                stops.remove(dice.below(stops.len()));
            }
            "shorter"
        }
        2 => {
            let first =
                was.as_array().into_iter().flatten().find(|route| route["code"] == routes[at]["code"]);
            let mut stops = first.map(|route| route["stops"].clone()).unwrap_or_default();
            for stop in stops.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                stop.remove("person");
            }
            routes[at]["stops"] = stops;
            "as long as at first"
        }
        3 => {
            routes[at]["window_min"] = json!(30 + dice.below(30));
            "walked within another time"
        }
        _ => {
            routes[at]["every_min"] = json!(90 + 30 * dice.below(4));
            "walked at other times"
        }
    };
    format!("route {code} is {what}")
}

/// Somebody as the property's file first had them.
fn original(site: &str, code: &str) -> anyhow::Result<Value> {
    let file = demo(site)?;
    let people = file["people"].as_array().context("no people")?;
    people.iter().find(|person| person["code"] == code).cloned().context("no such person")
}
