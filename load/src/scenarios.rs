//! The scenarios: what is sent, and what is counted afterwards.

mod devices;
mod growth;
mod photos;
mod rounds;
mod writes;

use anyhow::ensure;
use server::{App, clock::Clock, config::Settings};

use crate::{Options, Scenario, figures::Figures, store, subject::Place};

/// Runs a scenario once.
pub async fn run(options: &Options, scenario: Scenario) -> anyhow::Result<Vec<Figures>> {
    match scenario {
        Scenario::Batches => writes::batches(options).await,
        Scenario::Singles => writes::singles(options).await,
        Scenario::Outage => devices::outage(options).await,
        Scenario::Day => devices::day(options).await,
        Scenario::First => devices::first(options).await,
        Scenario::Idle => devices::idle(options).await,
        Scenario::Photos => photos::photos(options).await,
        Scenario::Documents => growth::documents(options).await,
        Scenario::Growth => growth::growth(options).await,
        Scenario::Wall => growth::wall(options).await,
        Scenario::Plan => rounds::plan(options).await,
        Scenario::Report => rounds::report(options).await,
    }
}

/// Counts at the database what a server has said that it took.
async fn nothing_is_lost(place: &Place, reports: usize) -> anyhow::Result<()> {
    let app = App::open(&place.storage, Settings::default(), Clock::System).await?;
    let mut conn = app.db.connection().await?;
    let accepted = store::accepted(&mut conn).await?;
    let cases = store::count(&mut conn, "case_facts").await?;
    drop(conn);
    app.db.close().await;
    ensure!(accepted == reports, "of {reports} reports {accepted} are there");
    ensure!(cases == reports, "of {reports} reports {cases} are cases");
    Ok(())
}
