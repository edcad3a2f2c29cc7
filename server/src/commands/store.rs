//! Chains and the journal of commands in the database.

use std::borrow::Cow;

use shared::{
    ids::{CommandId, DeviceId, PersonId, SiteCode},
    time::{EventTime, Ms},
    wire::{Had, Verdict},
};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::db::{Conn, damaged, storable};

/// Where a chain stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The place of the last command, 0 before the first.
    pub n: i64,
    /// Its hash.
    pub hash: String,
    /// The time of the last event, below which time does not go back.
    pub last_at: Option<Ms>,
}

impl Head {
    /// Before the first command.
    pub fn start() -> Head {
        Head { n: 0, hash: shared::wire::GENESIS.to_owned(), last_at: None }
    }
}

fn head(row: &sqlx::any::AnyRow) -> sqlx::Result<Head> {
    Ok(Head {
        n: row.try_get("n")?,
        hash: row.try_get("hash")?,
        last_at: row.try_get::<Option<i64>, _>("last_at")?.map(Ms),
    })
}

/// Where a chain stands.
pub async fn find_head(conn: &mut Conn, device: DeviceId, author: PersonId) -> sqlx::Result<Head> {
    let row = sqlx::query("select n, hash, last_at from chains where device = $1 and author = $2")
        .bind(device.to_string())
        .bind(author.to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map_or_else(|| Ok(Head::start()), head)
}

/// Where a chain stands, held until the end of the transaction, so that a push that arrives twice at once is judged once.
pub async fn lock_head(conn: &mut Conn, device: DeviceId, author: PersonId) -> sqlx::Result<Head> {
    let start = Head::start();
    let row = sqlx::query(
        "insert into chains (device, author, n, hash, last_at, lock_count) values ($1, $2, $3, $4, null, 0) \
         on conflict (device, author) do update set lock_count = chains.lock_count + 1 \
         returning n, hash, last_at",
    )
    .bind(device.to_string())
    .bind(author.to_string())
    .bind(start.n)
    .bind(&start.hash)
    .fetch_one(conn)
    .await?;
    head(&row)
}

/// Notes where a chain stands.
pub async fn advance(conn: &mut Conn, device: DeviceId, author: PersonId, head: &Head) -> sqlx::Result<()> {
    sqlx::query("update chains set n = $1, hash = $2, last_at = $3 where device = $4 and author = $5")
        .bind(head.n)
        .bind(&head.hash)
        .bind(head.last_at.map(|at| at.0))
        .bind(device.to_string())
        .bind(author.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// When a device that has a key of an author first registered one.
pub async fn registered(conn: &mut Conn, device: DeviceId, author: PersonId) -> sqlx::Result<Ms> {
    sqlx::query_scalar("select min(registered) from devices where device = $1 and account = $2")
        .bind(device.to_string())
        .bind(author.to_string())
        .fetch_one(conn)
        .await
        .map(Ms)
}

/// How far a command is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Accepted or recorded.
    Done,
    /// Refused.
    Rejected,
    /// Its create has not arrived.
    Held,
    /// Its author has left: the office rules on it.
    Quarantined,
    /// It came after a restore, and what it follows may come yet.
    Collected,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Status::Done => "done",
            Status::Rejected => "rejected",
            Status::Held => "held",
            Status::Quarantined => "quarantined",
            Status::Collected => "collected",
        }
    }
}

/// A command as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// On which device it was made.
    pub device: DeviceId,
    /// By whom.
    pub author: PersonId,
    /// Its place in their chain.
    pub n: i64,
    /// The hash of its text.
    pub hash: String,
    /// Its own id, or one that follows from its place and hash where it has none of its own.
    pub id: CommandId,
    /// For which site, if it names one that is known.
    pub site: Option<SiteCode>,
    /// Of which case or other aggregate.
    pub aggregate: Option<Uuid>,
    /// What it asks.
    pub kind: Option<String>,
    /// As it was made.
    pub text: String,
    /// When it happened.
    pub time: EventTime,
    /// What became of it.
    pub verdict: Verdict,
    /// How far it is.
    pub status: Status,
    /// Only its author may see that it was refused (R9).
    pub private: bool,
    /// What the server had answered before it was restored.
    pub had: Option<Had>,
}

impl Kept {
    /// The sequence number that it had before the server was restored.
    fn had_seq(&self) -> Option<i64> {
        match self.had.as_ref()?.verdict {
            Verdict::Accepted { seq, .. } | Verdict::Recorded { seq, .. } => Some(seq),
            Verdict::Rejected(_) | Verdict::Held { .. } => None,
        }
    }
}

/// Keeps a command with its verdict.
pub async fn keep(conn: &mut Conn, kept: &Kept) -> sqlx::Result<()> {
    sqlx::query(
        "insert into commands (device, author, n, hash, id, site, aggregate, kind, text, event_at, uncertain, \
         received, status, verdict, private, had, had_seq) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(kept.device.to_string())
    .bind(kept.author.to_string())
    .bind(kept.n)
    .bind(&kept.hash)
    .bind(kept.id.to_string())
    .bind(kept.site.as_ref().map(|site| site.0.clone()))
    .bind(kept.aggregate.map(|id| id.to_string()))
    .bind(kept.kind.as_deref().map(storable).map(Cow::into_owned))
    .bind(storable(&kept.text).into_owned())
    .bind(kept.time.at.0)
    .bind(i64::from(kept.time.uncertain))
    .bind(kept.time.received.0)
    .bind(kept.status.as_str())
    .bind(verdict_text(&kept.verdict)?)
    .bind(i64::from(kept.private))
    .bind(had_text(kept.had.as_ref())?)
    .bind(kept.had_seq())
    .execute(conn)
    .await?;
    Ok(())
}

/// The verdict of a command that was held or in quarantine.
pub async fn decide(conn: &mut Conn, kept: &Kept) -> sqlx::Result<()> {
    sqlx::query("update commands set status = $1, verdict = $2, private = $3 where id = $4")
        .bind(kept.status.as_str())
        .bind(verdict_text(&kept.verdict)?)
        .bind(i64::from(kept.private))
        .bind(kept.id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

fn had_text(had: Option<&Had>) -> sqlx::Result<Option<String>> {
    let text = had.map(serde_json::to_string).transpose();
    text.map_err(|error| damaged("commands", "had", error))
}

fn verdict_text(verdict: &Verdict) -> sqlx::Result<String> {
    serde_json::to_string(verdict).map_err(|error| damaged("commands", "verdict", error))
}

/// The hash and verdict of the command at a place of a chain.
pub async fn at(
    conn: &mut Conn,
    device: DeviceId,
    author: PersonId,
    n: i64,
) -> sqlx::Result<Option<(String, CommandId, Verdict)>> {
    let row =
        sqlx::query("select hash, id, verdict from commands where device = $1 and author = $2 and n = $3")
            .bind(device.to_string())
            .bind(author.to_string())
            .bind(n)
            .fetch_optional(conn)
            .await?;
    row.map(|row| {
        let id: &str = row.try_get("id")?;
        let verdict: &str = row.try_get("verdict")?;
        Ok((
            row.try_get("hash")?,
            id.parse().map_err(|error| damaged("commands", id, error))?,
            serde_json::from_str(verdict).map_err(|error| damaged("commands", id, error))?,
        ))
    })
    .transpose()
}

/// Whether an id is taken, on whatever device.
pub async fn id_taken(conn: &mut Conn, id: CommandId) -> sqlx::Result<bool> {
    let n: Option<i64> = sqlx::query_scalar("select n from commands where id = $1")
        .bind(id.to_string())
        .fetch_optional(conn)
        .await?;
    Ok(n.is_some())
}

/// A refused command.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Which.
    pub id: CommandId,
    /// Whose.
    pub author: PersonId,
    /// Only its author may see it.
    pub private: bool,
}

fn refused(row: &sqlx::any::AnyRow) -> sqlx::Result<Refused> {
    let id: &str = row.try_get("id")?;
    let author: &str = row.try_get("author")?;
    Ok(Refused {
        id: id.parse().map_err(|error| damaged("commands", id, error))?,
        author: author.parse().map_err(|error| damaged("commands", id, error))?,
        private: row.try_get::<i64, _>("private")? != 0,
    })
}

/// The refused report that should have made a case.
pub async fn refused_create(
    conn: &mut Conn,
    site: &SiteCode,
    aggregate: Uuid,
) -> sqlx::Result<Option<Refused>> {
    let row = sqlx::query(
        "select id, author, private from commands where site = $1 and aggregate = $2 and status = 'rejected' \
         and kind = 'case.report' order by received limit 1",
    )
    .bind(site.as_str())
    .bind(aggregate.to_string())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(refused).transpose()
}

/// A refused command of a site.
pub async fn find_refused(conn: &mut Conn, site: &SiteCode, id: CommandId) -> sqlx::Result<Option<Refused>> {
    let row = sqlx::query(
        "select id, author, private from commands where site = $1 and id = $2 and status = 'rejected'",
    )
    .bind(site.as_str())
    .bind(id.to_string())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(refused).transpose()
}

/// The columns of a command that is not judged for good, in a query that `waiting` reads. Written out like in the index,
/// which would not be used otherwise.
const WAITING: &str = "select device, author, n, hash, id, site, aggregate, kind, text, event_at, uncertain, \
                       received, verdict, private, status, had from commands \
                       where status in ('held', 'quarantined')";

fn waiting(row: &sqlx::any::AnyRow) -> sqlx::Result<Kept> {
    let id: &str = row.try_get("id")?;
    let device: &str = row.try_get("device")?;
    let author: &str = row.try_get("author")?;
    let aggregate: &str = row.try_get("aggregate")?;
    let verdict: &str = row.try_get("verdict")?;
    let status: &str = row.try_get("status")?;
    let had: Option<&str> = row.try_get("had")?;
    Ok(Kept {
        device: device.parse().map_err(|error| damaged("commands", id, error))?,
        author: author.parse().map_err(|error| damaged("commands", id, error))?,
        n: row.try_get("n")?,
        hash: row.try_get("hash")?,
        id: id.parse().map_err(|error| damaged("commands", id, error))?,
        site: Some(SiteCode(row.try_get("site")?)),
        aggregate: Some(aggregate.parse().map_err(|error| damaged("commands", id, error))?),
        kind: row.try_get("kind")?,
        text: row.try_get("text")?,
        time: EventTime {
            at: Ms(row.try_get("event_at")?),
            received: Ms(row.try_get("received")?),
            uncertain: row.try_get::<i64, _>("uncertain")? != 0,
        },
        verdict: serde_json::from_str(verdict).map_err(|error| damaged("commands", id, error))?,
        status: [Status::Held, Status::Quarantined, Status::Collected]
            .into_iter()
            .find(|known| known.as_str() == status)
            .ok_or_else(|| damaged("commands", id, "a status that waits for nothing"))?,
        private: row.try_get::<i64, _>("private")? != 0,
        had: had.map(serde_json::from_str).transpose().map_err(|error| damaged("commands", id, error))?,
    })
}

/// The commands that wait for a case, or in quarantine for a ruling, in the order in which they came.
pub async fn waiting_for(
    conn: &mut Conn,
    site: &SiteCode,
    aggregate: Uuid,
    status: Status,
) -> sqlx::Result<Vec<Kept>> {
    let sql = format!(
        "{WAITING} and site = $1 and aggregate = $2 and status = $3 order by received, device, author, n"
    );
    // Made of constants.
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(site.as_str())
        .bind(aggregate.to_string())
        .bind(status.as_str())
        .fetch_all(conn)
        .await?;
    rows.iter().map(waiting).collect()
}

/// The commands of an author that wait for something at a site.
pub async fn waiting_of(conn: &mut Conn, site: &SiteCode, author: PersonId) -> sqlx::Result<Vec<Kept>> {
    let sql = format!("{WAITING} and site = $1 and author = $2 order by received, device, n");
    let rows =
        sqlx::query(AssertSqlSafe(sql)).bind(site.as_str()).bind(author.to_string()).fetch_all(conn).await?;
    rows.iter().map(waiting).collect()
}

/// The commands in quarantine at a site.
pub async fn quarantine(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<Vec<Kept>> {
    let sql =
        format!("{WAITING} and site = $1 and status = 'quarantined' order by received, device, author, n");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(site.as_str()).fetch_all(conn).await?;
    rows.iter().map(waiting).collect()
}

/// Whether anything is in quarantine at a site.
pub async fn anything_quarantined(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<bool> {
    let one: Option<String> = sqlx::query_scalar(
        "select id from commands where status in ('held', 'quarantined') and site = $1 \
         and status = 'quarantined' limit 1",
    )
    .bind(site.as_str())
    .fetch_optional(conn)
    .await?;
    Ok(one.is_some())
}

/// A command in quarantine.
pub async fn quarantined(conn: &mut Conn, site: &SiteCode, id: CommandId) -> sqlx::Result<Option<Kept>> {
    let sql = format!("{WAITING} and site = $1 and id = $2 and status = 'quarantined'");
    let row =
        sqlx::query(AssertSqlSafe(sql)).bind(site.as_str()).bind(id.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(waiting).transpose()
}

/// The texts of reports that should have made a case and were refused or are in quarantine, with whether they are or may
/// be complaints.
pub async fn reports_of(
    conn: &mut Conn,
    site: &SiteCode,
    aggregate: Uuid,
) -> sqlx::Result<Vec<(String, bool)>> {
    let rows = sqlx::query(
        "select text, private from commands where site = $1 and aggregate = $2 \
         and status in ('rejected', 'quarantined') and kind = 'case.report' order by received",
    )
    .bind(site.as_str())
    .bind(aggregate.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("text")?, row.try_get::<i64, _>("private")? != 0))).collect()
}

/// The commands that were collected after a restore: those that had been judged in their old order, then what is new in
/// the order in which it came.
pub async fn collected(conn: &mut Conn, site: &SiteCode, limit: i64) -> sqlx::Result<Vec<Kept>> {
    let rows = sqlx::query(
        "select device, author, n, hash, id, site, aggregate, kind, text, event_at, uncertain, received, \
         verdict, private, status, had from commands where site = $1 and status = 'collected' \
         order by case when had_seq is null then 1 else 0 end, had_seq, received, device, author, n limit $2",
    )
    .bind(site.as_str())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(waiting).collect()
}

/// Notes that nobody has some commands of a chain any more.
pub async fn note_lost(
    conn: &mut Conn,
    device: DeviceId,
    author: PersonId,
    places: std::ops::RangeInclusive<i64>,
    now: Ms,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into lost_commands (device, author, first, last, noted) values ($1, $2, $3, $4, $5) \
         on conflict (device, author, first) do nothing",
    )
    .bind(device.to_string())
    .bind(author.to_string())
    .bind(places.start())
    .bind(places.end())
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}
