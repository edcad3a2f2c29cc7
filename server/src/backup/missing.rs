//! What a restore has cost, as far as it can be known: for the terminal of whoever had to restore.

use std::fmt::Write;

use shared::time::Ms;

use super::store::{self, RestoredSite};
use crate::{App, Error, rounds};

/// Says what has come back since the last restore, and names what has not.
///
/// # Errors
/// If the database fails.
pub async fn missing(app: &App) -> Result<String, Error> {
    let mut tx = app.db.read().await?;
    let Some(restore) = store::last_restore(&mut tx).await? else {
        return Ok("this database was never restored\n".to_owned());
    };
    let mut said = String::new();
    let mut line = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(said, "{text}");
    };
    line(format!("restored {} to the backup of {}", time(restore.at), time(restore.point)));
    let sites = store::restored_sites(&mut tx).await?;
    for site in sites.iter().filter(|site| site.collecting) {
        line(format!("{}: commands are still being collected; ask again later", site.code));
    }
    let came_back = store::came_back(&mut tx).await?;
    let all: i64 = came_back.values().sum();
    let taken = came_back.get("done").copied().unwrap_or(0);
    line(format!("commands that devices brought back: {all}, taken again: {taken}"));

    for site in &sites {
        for number in holes(site) {
            line(format!("missing: case {number} of {}", site.code));
        }
    }
    for command in store::not_again(&mut tx).await? {
        let store::Named { id, author, kind, aggregate, verdict } = command;
        line(format!("not taken again: {kind} by {author}, of {aggregate}, command {id}: {verdict}"));
    }
    for command in store::all_the_same(&mut tx).await? {
        let store::Named { id, author, kind, aggregate, .. } = command;
        line(format!(
            "mended or withdrawn, and counts all the same: {kind} by {author}, of {aggregate}, command {id}"
        ));
    }
    for command in store::waiting(&mut tx).await? {
        let store::Waiting { id, author, kind, what, round } = command;
        let (missing, of) = if round { ("round", "round") } else { ("report", "case") };
        line(format!("waits for its {missing}: {kind} by {author}, {of} {what}, command {id}"));
    }
    for store::Lost { author, device, first, last } in store::lost(&mut tx).await? {
        line(format!("lost: commands {first} to {last} of {author} on device {device}"));
    }
    for photo in store::without_bytes(&mut tx).await? {
        let store::NoBytes { site, shown, author, photo } = photo;
        line(format!("without its bytes: photo {photo} by {author}, {shown} of {site}"));
    }
    for (site, place) in rounds::store::labels_since(&mut tx, restore.at).await? {
        line(format!(
            "label made after the restore: {place} of {site}; print it, if an older one hangs there"
        ));
    }
    for store::Silent { person, label, seen } in store::silent(&mut tx, restore.at, app.clock.now()).await? {
        line(format!("not heard of yet: {person} ({label}), last on {}", time(seen)));
    }
    tx.commit().await?;
    Ok(said)
}

fn time(at: Ms) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}

/// The numbers that must have been given before the restore, because later ones are there.
fn holes(site: &RestoredSite) -> Vec<String> {
    let mut holes = Vec::new();
    let mut last = site.last.clone();
    for number in &site.numbers {
        let first = if number.day == last.day { last.count + 1 } else { 1 };
        holes.extend((first..number.count).map(|count| format!("{}-{count:03}", number.day)));
        last = last.max(number.clone());
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::{super::store::Counted, *};

    fn counted(day: &str, count: i64) -> Counted {
        Counted { day: day.to_owned(), count }
    }

    #[test]
    fn numbers_between_those_that_came_back_are_named() {
        let site = |numbers: &[(&str, i64)]| RestoredSite {
            code: "jinzhou".into(),
            last: counted("20261123", 4),
            numbers: numbers.iter().map(|(day, count)| counted(day, *count)).collect(),
            collecting: false,
        };
        assert!(holes(&site(&[("20261123", 3), ("20261123", 4), ("20261123", 5)])).is_empty());
        let lost = site(&[("20261123", 4), ("20261123", 7), ("20261124", 2)]);
        assert_eq!(holes(&lost), ["20261123-005", "20261123-006", "20261124-001"]);
        assert!(holes(&site(&[])).is_empty());
    }
}
