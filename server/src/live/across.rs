//! Several processes on one PostgreSQL: each hears of the others' commits.
//!
//! After a commit its process sends a notification, never within the transaction that writes: PostgreSQL lets only one
//! transaction with a notification commit at a time. The others listen on a connection of their own. A notification may
//! be lost, with its sender or with the listener's connection. So each says how far the site was before it, which
//! shows a gap; after losing its connection, and now and then anyway, each process looks how far every site is. SQLite
//! has one process, and none of this.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wake::Touched;
use crate::{App, Error, random, sites};

/// The channel of the notifications.
const CHANNEL: &str = "firsthand_touched";
/// The most bytes of a notification; PostgreSQL takes fewer than 8,000.
const BYTES_MAX: usize = 7_900;
/// How often each process looks how far the sites are, whatever it has heard.
const LOOK: Duration = Duration::from_secs(10);
/// After a failure of the connection.
const AGAIN: Duration = Duration::from_secs(1);

/// A notification.
#[derive(Serialize, Deserialize)]
struct Notice {
    /// Which process sends it: it hears itself, too.
    from: String,
    touched: Touched,
}

/// Tells other processes of this one's commits and hears of theirs, until the server stops.
///
/// # Errors
/// If the machine has no random numbers.
pub async fn keep_in_touch(app: App) -> anyhow::Result<()> {
    if !app.db.serves_several() {
        return Ok(());
    }
    let me = shared::wire::hex(&random::bytes::<8>()?);
    app.wake.go_outward();
    let mut stopping = app.stopping.subscribe();
    tokio::select! {
        () = tell(&app, &me) => {}
        () = listen(&app, &me) => {}
        () = keep_looking(&app) => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    Ok(())
}

async fn tell(app: &App, me: &str) {
    let mut teller = app.db.teller();
    loop {
        for touched in app.wake.outgoing().await {
            if let Err(error) = teller.tell(CHANNEL, &notice(me, touched)).await {
                // The others find out when they look.
                tracing::warn!(%error, "other processes are not told of a commit");
            }
        }
    }
}

fn notice(me: &str, touched: Touched) -> String {
    let write = |touched| serde_json::to_string(&Notice { from: me.to_owned(), touched }).unwrap_or_default();
    let text = write(touched.clone());
    if text.len() <= BYTES_MAX { text } else { write(Touched { principals: None, ..touched }) }
}

async fn listen(app: &App, me: &str) {
    loop {
        let error = match app.db.listen(CHANNEL).await {
            Ok(mut listening) => {
                // What was sent while nobody listened.
                look(app).await;
                loop {
                    match listening.next().await {
                        Ok(Some(text)) => hear(app, me, &text),
                        // The connection was lost and is there again.
                        Ok(None) => look(app).await,
                        Err(error) => break error,
                    }
                }
            }
            Err(error) => error,
        };
        tracing::warn!(%error, "what other processes commit is not heard of at once");
        tokio::time::sleep(AGAIN).await;
    }
}

fn hear(app: &App, me: &str, text: &str) {
    match serde_json::from_str::<Notice>(text) {
        Ok(notice) if notice.from == me => {}
        Ok(notice) => app.wake.heard(notice.touched),
        // Of another version: whoever looks finds out.
        Err(error) => tracing::warn!(%error, "a notification cannot be read"),
    }
}

async fn keep_looking(app: &App) {
    let mut times = tokio::time::interval(LOOK);
    loop {
        times.tick().await;
        look(app).await;
    }
}

async fn look(app: &App) {
    if let Err(error) = catch_up(app).await {
        tracing::warn!(%error, "how far the sites are cannot be looked up");
    }
}

/// Looks how far every site is, and tells the streams of what nobody has heard of.
///
/// # Errors
/// If the database fails.
pub async fn catch_up(app: &App) -> Result<(), Error> {
    let heads = sites::store::heads(&mut *app.db.connection().await?).await?;
    for (site, seq) in heads {
        app.wake.found(site, seq);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_that_would_be_too_long_names_nobody() {
        let touched = |people: usize| Touched {
            site: "jinzhou".into(),
            before: 1,
            seq: 2,
            principals: Some((0..people).map(|person| format!("person:{person:036}")).collect()),
        };
        let read = |text: &str| serde_json::from_str::<Notice>(text).unwrap().touched;
        assert_eq!(read(&notice("me", touched(100))), touched(100));
        let text = notice("me", touched(1_000));
        assert!(text.len() <= BYTES_MAX);
        assert_eq!(read(&text), Touched { principals: None, ..touched(0) });
    }
}
