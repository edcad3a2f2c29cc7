//! Uploads that were begun and never finished: after a while they are forgotten, with what was staged of them.
//!
//! A device that comes back later finds nothing at the upload's address, and sends the photo from its first byte. What
//! is complete never expires: its device may have let go of it.

use std::{collections::BTreeSet, time::Duration};

use shared::{
    ids::SiteCode,
    time::{HOUR, Ms},
};

use super::store::{self, State, Upload};
use crate::{
    App, Error,
    sites::{self, Writer},
};

/// An upload expires so long after bytes of it last arrived, in milliseconds: longer than a weekend in a basement.
const STAYS: i64 = 7 * 24 * HOUR;
/// What is staged and claimed by no row is left by a server that was killed, once it is older than any request can be.
const UNCLAIMED: i64 = 24 * HOUR;
/// After a failure it is tried again.
const AGAIN: i64 = HOUR;
/// So many are forgotten in one transaction, for which every other writer of the site waits.
const AT_ONCE: i64 = 200;

/// When an upload expires, if it may.
pub(super) fn expires(upload: &Upload) -> Option<Ms> {
    match upload.state {
        State::Receiving { .. } => Some(upload.changed.plus(STAYS)),
        State::Kept { .. } | State::Refused(_) => None,
    }
}

/// Forgets what has expired, sleeps until the next upload may, and so on until the server stops.
///
/// Nobody needs to wake it: what is announced while it sleeps expires later than all that was there.
pub async fn keep_swept(app: App) {
    let mut stopping = app.stopping.subscribe();
    loop {
        let now = app.clock.now();
        let next = match sweep(&app).await {
            Ok(next) => next.unwrap_or(now.plus(STAYS)),
            Err(error) => {
                tracing::error!(%error, "abandoned uploads stay for now");
                now.plus(AGAIN)
            }
        };
        let wait = Duration::from_millis(next.since(now).clamp(1_000, STAYS).unsigned_abs());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

/// Forgets the uploads that have expired and what no upload claims; answers when the next one expires.
///
/// # Errors
/// If the database or the store of the photos fails; what was forgotten until then stays forgotten.
pub async fn sweep(app: &App) -> Result<Option<Ms>, Error> {
    let before = app.clock.now().plus(-STAYS);
    let sites = sites::store::all(&mut *app.db.connection().await?).await?;
    for site in sites {
        while sweep_some(app, &site, before).await? {}
    }
    sweep_unclaimed(app).await?;
    let earliest = store::earliest_unfinished(&mut *app.db.connection().await?).await?;
    Ok(earliest.map(|changed| changed.plus(STAYS)))
}

/// Forgets some expired uploads of a site; whether there were any.
async fn sweep_some(app: &App, site: &SiteCode, before: Ms) -> Result<bool, Error> {
    // Mostly there is nothing, for which no writer need wait.
    if store::unfinished_since(&mut *app.db.connection().await?, site, before, 1).await?.is_empty() {
        return Ok(false);
    }
    let Some(mut writer) = Writer::begin(app, site).await? else { return Ok(false) };
    let expired = store::unfinished_since(writer.conn(), site, before, AT_ONCE).await?;
    for upload in &expired {
        store::remove(writer.conn(), &upload.key).await?;
    }
    writer.commit().await?;
    for upload in &expired {
        app.files.depot.discard(&upload.key, upload.segments()).await;
    }
    Ok(!expired.is_empty())
}

/// Removes staged objects that belong to nothing. A row claims an object soon after it was staged or never, so that
/// what is old and not claimed when the rows are read can go.
async fn sweep_unclaimed(app: &App) -> Result<(), Error> {
    let old = app.files.depot.staged_before(app.clock.now().plus(-UNCLAIMED)).await?;
    if old.is_empty() {
        return Ok(());
    }
    let claimed: BTreeSet<String> = store::unfinished(&mut *app.db.connection().await?)
        .await?
        .iter()
        .flat_map(|upload| upload.segments().iter().map(|segment| segment.object.clone()))
        .collect();
    for staged in old.into_iter().filter(|staged| !claimed.contains(staged.object())) {
        app.files.depot.forget(staged).await;
    }
    Ok(())
}
