//! What the server does by the plan: makes each round when it begins, and notes what was missed when its window is over.
//!
//! Whoever holds the site's row looks again at what is due, so that of several processes one does it. Rows say when the next
//! thing is due; a process sleeps until then, or until the plan may have changed elsewhere. What fell due while nobody
//! served is done once somebody does, by the versions of the routes that were in force then.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use shared::{
    ids::{RoundId, RouteCode, RouteId, SiteCode},
    round::Round,
    route,
    time::{HOUR, Ms},
};

use super::store;
use crate::{App, Error, Mutant, commands::Court, ledger::Ledgers, sites::Writer};

/// It is looked at least this often whether a plan has changed.
const LOOK: Duration = Duration::from_secs(15);
/// So many routes, and so many rounds, in one transaction, for which every other writer of the site waits.
const AT_ONCE: i64 = 50;
/// Of what fell due while nobody served, so much in one transaction.
const STRETCH: i64 = 24 * HOUR;

/// Does what is due, sleeps until something is, and so on until the server stops.
pub async fn keep(app: App) {
    let mut stopping = app.stopping.subscribe();
    loop {
        let wait = match run_due(&app).await {
            Ok(next) => {
                let wait = next.map_or(i64::MAX, |next| next.since(app.clock.now()));
                LOOK.min(Duration::from_millis(wait.max(100).unsigned_abs()))
            }
            Err(error) => {
                tracing::error!(%error, "rounds begin and end later");
                LOOK
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

/// Makes the rounds that begin and ends those whose windows are over, at every site. Answers when the next thing is due.
///
/// # Errors
/// If something could not be done, after all that could be: what is damaged at one site keeps no other from its rounds.
pub async fn run_due(app: &App) -> Result<Option<Ms>, Error> {
    // Mostly nothing is, for which no writer need wait.
    let sites = store::due_sites(&mut *app.db.connection().await?, app.clock.now()).await?;
    let mut failed = None;
    for site in sites {
        if let Err(error) = run_site(app, &site).await {
            tracing::error!(%error, %site, "rounds of a site begin and end later");
            failed = Some(error);
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(store::next_due(&mut *app.db.connection().await?).await?),
    }
}

async fn run_site(app: &App, site: &SiteCode) -> Result<(), Error> {
    while run_some(app, site).await? {}
    Ok(())
}

/// Does some of what is due at a site; whether there was anything.
async fn run_some(app: &App, site: &SiteCode) -> Result<bool, Error> {
    let Some(mut writer) = Writer::begin(app, site).await? else { return Ok(false) };
    let now = writer.now();
    let beginning = store::beginning(writer.conn(), site, now, AT_ONCE).await?;
    let ending = store::ending(writer.conn(), site, now, AT_ONCE).await?;
    if beginning.is_empty() && ending.is_empty() {
        return Ok(false);
    }
    let mut ledgers = Ledgers::default();
    let mut court = Court::convene(&mut writer, &mut ledgers).await?;
    for (route, planned_until) in beginning {
        court.plan(route, planned_until, now).await?;
    }
    court.end(&ending, now).await?;
    court.close().await?;
    ledgers.write(&mut writer).await?;
    writer.commit().await?;
    Ok(true)
}

impl Court<'_> {
    /// Makes the rounds of a route that began since an instant.
    async fn plan(&mut self, id: RouteId, since: Ms, now: Ms) -> Result<(), Error> {
        let known = Arc::clone(&self.known);
        let until = now.min(since.plus(STRETCH));
        let versions = super::versions(self.writer, self.ledgers, id).await?;
        let begun = route::begun(&versions, since, until, &known.zone);
        let twice = self.writer.mutated(Mutant::RoundTwice);
        let plans = begun.into_iter().map(|(route, slot)| {
            let code = if twice { RouteCode(format!("{}+", route.code)) } else { route.code.clone() };
            let round = RoundId::of(&known.site.code, &code, slot.occurrence);
            (round, Round::plan(route, slot, &known.site, &known.places, &known.people, now))
        });
        self.make_rounds(plans.collect()).await?;
        let next = if until < now {
            Some(until)
        } else {
            let last = versions.last();
            last.and_then(|route| route.next_round(until.plus(1), &known.zone)).map(|slot| slot.from)
        };
        let site = self.writer.code().clone();
        store::planned(self.writer.conn(), &site, id, until, next).await?;
        Ok(())
    }

    /// Notes that the windows of some rounds are over.
    async fn end(&mut self, ids: &[RoundId], now: Ms) -> Result<(), Error> {
        self.ledgers.rounds.load(self.writer, ids.iter().copied()).await?;
        for id in ids {
            // It is due, so it is there and not ended: else it would be found again at once, for ever.
            let end = self.ledgers.rounds.get(*id).and_then(|round| round.end(now));
            let end = end.with_context(|| format!("round {id} is due to end, and its document is not"))?;
            self.ledgers.rounds.append(self.writer, *id, &[end], None)?;
        }
        Ok(())
    }
}
