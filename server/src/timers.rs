//! What is done now and then, once by however many processes serve a database.
//!
//! Each kind of work has a row that says when it is due next. A process claims it by moving that on, which only one of
//! them can; if it dies over its work, another one does it when it is due again. So such work may be repeated from its
//! beginning, and stops half way without harm.

pub mod store;

use std::{future::Future, time::Duration};

use crate::{App, Error};

/// It is looked this often whether work is due.
const LOOK: Duration = Duration::from_secs(5 * 60);

/// Does work whenever it is due and no other process does it, until the server stops.
pub async fn keep<F>(app: &App, work: &str, every: Duration, act: impl Fn() -> F)
where
    F: Future<Output = Result<(), Error>>,
{
    let mut stopping = app.stopping.subscribe();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        let done = match claim(app, work, every).await {
            Ok(true) => act().await,
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::error!(%error, work, "what is done now and then is done later");
        }
    }
}

/// Whether work is due and this process is to do it; then it is due again after `every`.
///
/// # Errors
/// If the database fails.
pub async fn claim(app: &App, work: &str, every: Duration) -> Result<bool, Error> {
    let now = app.clock.now();
    // Mostly it is not due, for which no writer need wait.
    if store::due(&mut *app.db.connection().await?, work).await?.is_some_and(|due| due > now) {
        return Ok(false);
    }
    let next = now.plus(i64::try_from(every.as_millis()).unwrap_or(i64::MAX));
    let mut tx = app.db.write().await?;
    let claimed = store::claim(&mut tx, work, now, next).await?;
    tx.commit().await?;
    Ok(claimed)
}
