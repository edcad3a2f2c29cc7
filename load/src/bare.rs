//! The ceilings: the same rows in the same database without a server, requests that ask for nothing, and signatures alone.
//!
//! What reports have left in a server's database is read and written again into an empty one, with the statements of
//! several rows that the server uses, in transactions of as many reports as the server puts into one at most, one after
//! the other over one connection. A server that keeps these rows in this database can hardly be faster: it saves no more
//! than what it makes ready on another core meanwhile.

use anyhow::{Context, ensure};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use server::{App, clock::Clock, commands::vouches, config::Settings, db::Db};
use shared::wire;
use tokio::task::JoinSet;

use crate::{
    Options,
    client::Client,
    crew,
    figures::{now, since},
    store,
    subject::Place,
};

/// So many requests that ask for nothing are counted, after a tenth of them that are not.
const REQUESTS: usize = 20_000;

/// How many reports a second the database takes whose rows lie in a place.
pub async fn ceiling(options: &Options, full: &Place) -> anyhow::Result<f64> {
    let url = full.storage.database_url()?;
    let db = Db::open(&url, 2).await?;
    let lot = usize::try_from(Settings::default().transaction_commands)?;
    let lots = store::lots(&mut *db.connection().await?, lot).await?;
    db.close().await;

    let empty = Place::new(options).await?;
    crew::hire(&empty, 1, |_| true).await?;
    let app = App::open(&empty.storage, Settings::default(), Clock::System).await?;
    // The first ones are not counted, like those of the server: see `Load::before`.
    let (first, counted) = lots.split_at(lots.len() / 9);
    write(&app.db, first).await?;
    empty.analyze().await?;
    let before = store::count(&mut *app.db.connection().await?, "commands").await.context("the copy")?;
    let start = now();
    write(&app.db, counted).await?;
    let took = since(start).as_secs_f64();
    let reports = store::count(&mut *app.db.connection().await?, "commands").await.context("the copy")?;
    app.db.close().await;
    Ok((reports - before) as f64 / took)
}

async fn write(db: &Db, lots: &[store::Rows]) -> anyhow::Result<()> {
    for lot in lots {
        let mut tx = db.write().await?;
        store::write(&mut tx, lot).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// How many requests a second are answered that ask for nothing, over so many connections.
pub async fn requests(options: &Options, client: &Client, connections: usize) -> anyhow::Result<f64> {
    let count = if options.smoke { 10 * connections } else { REQUESTS };
    ask(client, connections, count / 10).await?;
    let start = now();
    let asked = ask(client, connections, count).await?;
    Ok(asked as f64 / since(start).as_secs_f64())
}

async fn ask(client: &Client, connections: usize, count: usize) -> anyhow::Result<usize> {
    let each = count.div_ceil(connections);
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let client = client.clone();
        tasks.spawn(async move {
            for _ in 0..each {
                let reply = client.get("/healthz", "").await?;
                ensure!(reply.status == 200, "/healthz: {}", reply.status);
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.context("a task of the load")??;
    }
    Ok(each * connections)
}

/// How many signatures of pushes one core verifies a second.
pub fn signatures() -> anyhow::Result<f64> {
    const COUNT: u32 = 2_000;
    let key = SigningKey::from_slice(&[7; 32])?;
    let public = wire::base64url(key.verifying_key().to_sec1_point(false).as_bytes());
    let signed = wire::signing_bytes(wire::GENESIS);
    let signature: Signature = key.sign(&signed);
    let signature = wire::base64url(&signature.to_bytes());
    let start = now();
    for _ in 0..COUNT {
        ensure!(vouches(&public, &signed, &signature), "a signature is not that of its key");
    }
    Ok(f64::from(COUNT) / since(start).as_secs_f64())
}
