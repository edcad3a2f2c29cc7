//! After a restore: what devices push again is judged in the order in which it was judged before.
//!
//! For a while after the server's first start, each command is kept and answered `held` (`command.restoring`), also what
//! is new: it may follow something that another device has yet to bring. Then all of it is judged, by the sequence numbers
//! that the devices were once told, and what is new after that. Whatever comes later is judged when it comes.
//!
//! What a device says of its old answers is believed from its author's own session only, and decides nothing but the
//! order, the time of arrival (between the backup and the restore), a free number of a day between the two, that what
//! was refused stays so, and that the refusal of something that is not here was settled; and of what was made after the
//! restore nothing is believed.
//! The rules judge everything anew.

use shared::{
    ids::{CaseNumber, SiteCode},
    time::{EventTime, Ms},
    wire::Had,
};

use super::judge;
use crate::{
    App, Error,
    backup::store::{self, Restore},
    sites::{Known, Writer},
};

/// No site gives so many numbers on a day.
const COUNT_MAX: u32 = 10_000;
/// So many commands are judged in one transaction, for which every other writer of the site waits.
const AT_ONCE: i64 = 200;

/// When a command arrived that had arrived before, as far as its device can be believed.
pub(super) fn arrived_before(time: EventTime, had: &Had, restore: Restore) -> EventTime {
    // Whatever was lost had arrived between the two.
    let received = Ms(had.at.0.clamp(restore.point.0, restore.at.0.max(restore.point.0)));
    EventTime { at: time.at.min(received), received, ..time }
}

/// The number that a case had got before, if it can be one that was lost: of a date between the backup and the restore.
pub(super) fn number_before(writer: &Writer, known: &Known, had: Option<&Had>) -> Option<CaseNumber> {
    let (restore, number) = (writer.restore()?, had?.number.clone()?);
    let (date, count) = number.date_and_count()?;
    let days = known.zone.day(restore.point)..=known.zone.day(restore.at);
    (days.contains(&date) && (1..COUNT_MAX).contains(&count)).then_some(number)
}

/// Judges what was collected, at every site where the time for that is over, and sleeps until the next one's is; ends when
/// no site collects any more, or the server stops.
pub async fn keep_judged(app: App) {
    let mut stopping = app.stopping.subscribe();
    loop {
        let wait = match judge_due(&app).await {
            Ok(None) => return,
            Ok(Some(until)) => until.since(app.clock.now()),
            Err(error) => {
                tracing::error!(%error, "what was collected after the restore is judged later");
                shared::time::MINUTE
            }
        };
        let wait = std::time::Duration::from_millis(wait.max(1_000).unsigned_abs());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

/// Judges what was collected, at every site where the time for that is over. Answers when the next one's is.
///
/// # Errors
/// If the database fails; what was judged until then stays judged.
pub async fn judge_due(app: &App) -> Result<Option<Ms>, Error> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let next = store::start_collecting(&mut tx, now).await?;
    tx.commit().await?;
    if next.is_none_or(|next| next > now) {
        return Ok(next);
    }
    let sites = crate::sites::store::all(&mut *app.db.connection().await?).await?;
    for site in sites {
        judge_collected(app, &site).await?;
    }
    let mut conn = app.db.connection().await?;
    Ok(store::next_end(&mut conn).await?)
}

/// Judges what a site has collected, if the time for that is over.
///
/// # Errors
/// If the database fails.
pub(crate) async fn judge_collected(app: &App, site: &SiteCode) -> Result<(), Error> {
    loop {
        let Some(mut writer) = Writer::begin(app, site).await? else { return Ok(()) };
        if !writer.has_collected() {
            return Ok(());
        }
        let rows = super::store::collected(writer.conn(), site, AT_ONCE).await?;
        if rows.is_empty() {
            store::end_collecting(writer.conn(), site).await?;
            return writer.commit().await;
        }
        judge::again(writer, rows).await?;
    }
}
