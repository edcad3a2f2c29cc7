//! The ceiling: the same rows in the same database, without a server.
//!
//! What reports have left in a server's database is read and written again into an empty one, with the statements of
//! several rows that the server uses, in transactions of as many reports as the server puts into one at most, one after
//! the other over one connection. No server that keeps these rows in this database can be faster.

use anyhow::Context;
use server::{App, clock::Clock, config::Settings, db::Db};

use crate::{
    Options, crew,
    figures::{now, since},
    store,
    subject::Place,
};

/// The reports of a transaction.
const LOT: usize = 200;

/// How many reports a second the database takes whose rows lie in a place.
pub async fn ceiling(options: &Options, full: &Place) -> anyhow::Result<f64> {
    let url = full.storage.database_url()?;
    let db = Db::open(&url, 2).await?;
    let lots = store::lots(&mut *db.connection().await?, LOT).await?;
    db.close().await;

    let empty = Place::new(options).await?;
    crew::hire(&empty, 1, |_| true).await?;
    let app = App::open(&empty.storage, Settings::default(), Clock::System).await?;
    let start = now();
    for lot in &lots {
        let mut tx = app.db.write().await?;
        store::write(&mut tx, lot).await?;
        tx.commit().await?;
    }
    let took = since(start).as_secs_f64();
    let reports = store::count(&mut *app.db.connection().await?, "commands").await.context("the copy")?;
    app.db.close().await;
    Ok(reports as f64 / took)
}
