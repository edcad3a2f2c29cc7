//! What befalls the server and its property: people come and go, it dies over its own work, and is put back.

use anyhow::Context as _;
use serde_json::{Value, json};
use server::sites::import::{FirstPassword, import, read};
use shared::time::HOUR;

use crate::{
    backend::{self, SITES},
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
        self.note(format!(
            "{code} {}{}",
            if leaves { "leaves, or comes back".to_owned() } else { format!("becomes {roles}") },
            if done { "" } else { " – which the file does not allow" }
        ));
        Ok(())
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
        Ok(())
    }
}

/// Somebody as the property's file first had them.
fn original(site: &str, code: &str) -> anyhow::Result<Value> {
    let file = crate::backend::demo(site)?;
    let people = file["people"].as_array().context("no people")?;
    people.iter().find(|person| person["code"] == code).cloned().context("no such person")
}
