//! What is usual on each route: how long people take from one stop to the next. It is looked at once a day, over the last
//! four weeks.

use std::time::Duration;

use jiff::civil::Date;
use shared::{ids::SiteCode, round::trust};

use super::store;
use crate::{
    App, Error,
    sites::{self, Writer},
    timers,
};

/// What this work is called among the timers.
const WORK: &str = "rounds.usual";
/// How often it is done.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// Over so many days.
const DAYS: usize = 28;

/// Looks at what is usual whenever that is due and no other process does it, until the server stops.
pub async fn keep_refreshed(app: App) {
    timers::keep(&app, WORK, EVERY, || refresh(&app)).await;
}

/// Looks at what is usual on the routes of all sites.
///
/// # Errors
/// If something could not be looked at, after all that could be: what is damaged at one site keeps no other from it.
pub async fn refresh(app: &App) -> Result<(), Error> {
    let sites = sites::store::all(&mut *app.db.connection().await?).await?;
    let mut failed = Ok(());
    for site in sites {
        if let Err(error) = refresh_site(app, &site).await {
            tracing::error!(%error, %site, "what is usual on the routes of a site is looked at later");
            failed = Err(error);
        }
    }
    failed
}

async fn refresh_site(app: &App, site: &SiteCode) -> Result<(), Error> {
    let mut usual = Vec::new();
    {
        let mut conn = app.db.connection().await?;
        let Some(known) = app.directory.get(&mut conn, site).await? else { return Ok(()) };
        let today = known.zone.day(app.clock.now());
        let days = days_before(today, DAYS)..=today;
        // One route after the other: not all rounds of four weeks are in memory at once.
        for route in store::codes(&mut conn, site).await? {
            let rounds = store::rounds_of_days(&mut conn, site, days.clone(), Some(&route)).await?;
            usual.push((route, trust::usual(&rounds)));
        }
    }
    let Some(mut writer) = Writer::begin(app, site).await? else { return Ok(()) };
    for (route, usual) in usual {
        store::set_usual(writer.conn(), site, &route, &usual).await?;
    }
    writer.commit().await
}

/// So many days before a date.
fn days_before(date: Date, days: usize) -> Date {
    (0..days).fold(date, |date, _| date.yesterday().unwrap_or(date))
}
