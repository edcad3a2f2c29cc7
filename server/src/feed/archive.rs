//! What leaves the feed: cases that ended long ago.
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
    sites::{self, Writer},
    timers,
};

/// A case that has been closed or cancelled for so long leaves the feed, in milliseconds.
const STAYS: i64 = 30 * 24 * HOUR;
/// How often it is looked for such cases.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How often it is looked whether that is due.
const LOOK: Duration = Duration::from_secs(5 * 60);
/// What this work is called among the timers.
const WORK: &str = "feed.archive";
/// So many cases leave in one transaction, for which every other writer of the site waits.
const AT_ONCE: i64 = 200;

/// What ended up to this instant is not in the feed.
pub(crate) fn ended_before(now: Ms) -> Ms {
    now.plus(-STAYS)
}

/// Sweeps whenever it is due and no other process does it, until the server stops.
pub async fn keep_swept(app: App) {
    let mut stopping = app.stopping.subscribe();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        if let Err(error) = sweep_if_due(&app).await {
            tracing::error!(%error, "cases that ended long ago stay in the feed for now");
        }
    }
}

async fn sweep_if_due(app: &App) -> Result<(), Error> {
    if timers::claim(app, WORK, EVERY).await? { sweep(app).await } else { Ok(()) }
}

/// Takes the cases that ended long ago out of the feeds of all sites.
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

/// Takes some cases out of a site's feeds; whether there were any.
async fn sweep_some(app: &App, site: &SiteCode) -> Result<bool, Error> {
    let before = ended_before(app.clock.now());
    // Mostly there is nothing, for which no writer need wait.
    if store::ended_cases(&mut *app.db.connection().await?, site, before, 1).await?.is_empty() {
        return Ok(false);
    }
    let Some(mut writer) = Writer::begin(app, site).await? else { return Ok(false) };
    let cases = store::ended_cases(writer.conn(), site, before, AT_ONCE).await?;
    for case in &cases {
        writer.readdress(DocKey::Case(*case), &BTreeSet::new(), &BTreeSet::new()).await?;
    }
    writer.commit().await?;
    Ok(!cases.is_empty())
}
