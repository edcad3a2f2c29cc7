//! What leaves the feed: cases that ended long ago, and rounds sooner, of which there are many.
//!
//! A device holds what is at work and what was done lately; the rest stays in the database. A case that changes after
//! all is addressed anew with its change, like any other, and leaves again with the next sweep if it stays ended.

use std::{collections::BTreeSet, time::Duration};

use shared::{
    ids::SiteCode,
    time::{HOUR, Ms},
    wire::DocKey,
};

use super::store;
use crate::{
    App, Error,
    db::Conn,
    rounds,
    sites::{self, Writer},
    timers,
};

/// A case that has been closed or cancelled for so long leaves the feed, in milliseconds.
const STAYS: i64 = 30 * 24 * HOUR;
/// A round leaves it so long after the end of its window, in milliseconds. What arrives later brings it back for a while.
const ROUNDS_STAY: i64 = 7 * 24 * HOUR;
/// How often it is looked for such cases and rounds.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// What this work is called among the timers.
const WORK: &str = "feed.archive";
/// So many of each leave in one transaction, for which every other writer of the site waits.
const AT_ONCE: i64 = 200;

/// What ended up to this instant is not in the feed.
pub(crate) fn ended_before(now: Ms) -> Ms {
    now.plus(-STAYS)
}

/// Sweeps whenever it is due and no other process does it, until the server stops.
pub async fn keep_swept(app: App) {
    timers::keep(&app, WORK, EVERY, || sweep(&app)).await;
}

/// Takes what ended long ago out of the feeds of all sites.
///
/// # Errors
/// If the database fails; what was swept until then stays swept.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let sites = sites::store::all(&mut *app.db.connection().await?).await?;
    for site in sites {
        while sweep_some(app, &site).await? {}
    }
    Ok(())
}

/// Takes some cases and rounds out of a site's feeds; whether there were any.
async fn sweep_some(app: &App, site: &SiteCode) -> Result<bool, Error> {
    // Mostly there is nothing, for which no writer need wait.
    if ended(&mut *app.db.connection().await?, site, app.clock.now(), 1).await?.is_empty() {
        return Ok(false);
    }
    let Some(mut writer) = Writer::begin(app, site).await? else { return Ok(false) };
    let now = writer.now();
    let ended = ended(writer.conn(), site, now, AT_ONCE).await?;
    for key in &ended {
        writer.readdress(*key, &BTreeSet::new(), &BTreeSet::new()).await?;
    }
    writer.commit().await?;
    Ok(!ended.is_empty())
}

/// What ended long ago and is still in a site's feeds: so many of each kind at most.
async fn ended(conn: &mut Conn, site: &SiteCode, now: Ms, limit: i64) -> sqlx::Result<Vec<DocKey>> {
    let cases = store::ended_cases(conn, site, ended_before(now), limit).await?;
    let rounds = rounds::store::ended_before(conn, site, now.plus(-ROUNDS_STAY), limit).await?;
    Ok(cases.into_iter().map(DocKey::Case).chain(rounds.into_iter().map(DocKey::Round)).collect())
}
