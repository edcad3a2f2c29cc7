//! Chains and the journal of commands in the database.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use shared::{
    ids::{CommandId, DeviceId, PersonId, SiteCode},
    time::{EventTime, Ms},
    wire::{Had, Verdict},
};
use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use uuid::Uuid;

use crate::db::{Conn, damaged, list_after, look_up, lookups, pieces, put, rows_of_placeholders, storable};

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

/// Whose chain on which device.
pub type ChainKey = (DeviceId, PersonId);

/// Where a chain stands.
pub async fn find_head(conn: &mut Conn, (device, author): ChainKey) -> sqlx::Result<Head> {
    let row = sqlx::query("select n, hash, last_at from chains where device = $1 and author = $2")
        .bind(device.to_string())
        .bind(author.to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map_or_else(|| Ok(Head::start()), head)
}

/// Where chains stand, held until the end of the transaction, so that a push that arrives twice at once is judged once.
///
/// They come in their order, in which everybody takes them: nobody waits for somebody who waits in turn.
pub async fn lock_heads(
    conn: &mut Conn,
    chains: &BTreeSet<ChainKey>,
) -> sqlx::Result<BTreeMap<ChainKey, Head>> {
    let start = Head::start();
    let chains: Vec<ChainKey> = chains.iter().copied().collect();
    let mut heads = BTreeMap::new();
    for chains in pieces(&chains) {
        let sql = format!(
            "insert into chains (device, author, n, hash, last_at, lock_count) values {} \
             on conflict (device, author) do update set lock_count = chains.lock_count + 1 \
             returning device, author, n, hash, last_at",
            rows_of_placeholders(conn, chains.len(), 6)
        );
        // Made of placeholders only.
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (device, author) in chains {
            query = query
                .bind(device.to_string())
                .bind(author.to_string())
                .bind(start.n)
                .bind(start.hash.as_str())
                .bind(None::<i64>)
                .bind(0_i64);
        }
        for row in query.fetch_all(&mut *conn).await? {
            heads.insert(chain_key("chains", &row)?, head(&row)?);
        }
    }
    Ok(heads)
}

fn chain_key(table: &str, row: &sqlx::any::AnyRow) -> sqlx::Result<ChainKey> {
    let (device, author): (&str, &str) = (row.try_get("device")?, row.try_get("author")?);
    Ok((
        device.parse().map_err(|error| damaged(table, device, error))?,
        author.parse().map_err(|error| damaged(table, author, error))?,
    ))
}

/// Notes where chains stand that are held.
pub async fn advance(conn: &mut Conn, heads: &[(ChainKey, Head)]) -> sqlx::Result<()> {
    let sql = [
        "insert into chains (device, author, n, hash, last_at, lock_count)",
        "on conflict (device, author) do update set n = excluded.n, hash = excluded.hash, \
         last_at = excluded.last_at",
    ];
    put(conn, sql, heads, |row, ((device, author), head)| {
        Ok(row
            .bind(device.to_string())
            .bind(author.to_string())
            .bind(head.n)
            .bind(head.hash.as_str())
            .bind(head.last_at.map(|at| at.0))
            .bind(0_i64))
    })
    .await
}

/// What is known of an author on a device.
#[derive(Clone, Debug)]
pub struct Author {
    /// The keys that the device registered, latest first.
    pub keys: Vec<String>,
    /// When it first registered one.
    pub registered: Ms,
    /// The sites where the author is or was.
    pub sites: BTreeSet<SiteCode>,
}

/// What is known of some authors on devices that have keys of them.
pub async fn find_authors(conn: &mut Conn, chains: &[ChainKey]) -> sqlx::Result<BTreeMap<ChainKey, Author>> {
    let mut authors: BTreeMap<ChainKey, Author> = BTreeMap::new();
    for chains in lookups(chains) {
        let sql = format!(
            "select d.device, d.account as author, d.public_key, d.registered, m.site from devices d \
             left join memberships m on m.account = d.account where d.device in ({}) and d.account in ({}) \
             order by d.registered desc",
            list_after(0, chains.len()),
            list_after(chains.len(), chains.len())
        );
        // Made of placeholders only.
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (device, _) in &chains {
            query = query.bind(device.to_string());
        }
        for (_, author) in &chains {
            query = query.bind(author.to_string());
        }
        for row in query.fetch_all(&mut *conn).await? {
            let (key, registered): (String, i64) = (row.try_get("public_key")?, row.try_get("registered")?);
            let author = authors.entry(chain_key("devices", &row)?).or_insert_with(|| Author {
                keys: Vec::new(),
                registered: Ms(registered),
                sites: BTreeSet::new(),
            });
            author.registered = author.registered.min(Ms(registered));
            if !author.keys.contains(&key) {
                author.keys.push(key);
            }
            author.sites.extend(row.try_get::<Option<String>, _>("site")?.map(SiteCode));
        }
    }
    Ok(authors)
}

/// How far a command is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Accepted or recorded.
    Done,
    /// Refused.
    Rejected,
    /// What it belongs to, or comes from, has not arrived.
    Held,
    /// Its author has left: the office rules on it.
    Quarantined,
    /// It came after a restore, and what it follows may come yet.
    Collected,
}

impl Status {
    /// As it is stored.
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
    /// The round without which it cannot be judged, where that is not what it is about. Only of what is held.
    pub lacks: Option<Uuid>,
    /// The device's clock was moved between making and sending.
    pub clock_moved: bool,
    /// Commands that its device made before it are lost.
    pub chain_gap: bool,
}

impl Kept {
    /// What a command that is held waits for.
    pub fn waits_for(&self) -> Option<Uuid> {
        self.lacks.or(self.aggregate).filter(|_| self.status == Status::Held)
    }

    /// In which chain it stands.
    pub fn chain(&self) -> ChainKey {
        (self.device, self.author)
    }

    /// The sequence number that it had before the server was restored.
    fn had_seq(&self) -> Option<i64> {
        match self.had.as_ref()?.verdict {
            Verdict::Accepted { seq, .. } | Verdict::Recorded { seq, .. } => Some(seq),
            Verdict::Rejected(_) | Verdict::Held { .. } => None,
        }
    }
}

/// Keeps commands with their verdicts.
pub async fn keep(conn: &mut Conn, kept: &[Kept]) -> sqlx::Result<()> {
    let sql = [
        "insert into commands (device, author, n, hash, id, site, aggregate, kind, text, event_at, uncertain, \
         received, status, verdict, private, had, had_seq, lacks, clock_moved, chain_gap)",
        "",
    ];
    put(conn, sql, kept, |row, kept| {
        Ok(row
            .bind(kept.device.to_string())
            .bind(kept.author.to_string())
            .bind(kept.n)
            .bind(kept.hash.as_str())
            .bind(kept.id.to_string())
            .bind(kept.site.as_ref().map(SiteCode::as_str))
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
            .bind(kept.lacks.map(|id| id.to_string()))
            .bind(i64::from(kept.clock_moved))
            .bind(i64::from(kept.chain_gap)))
    })
    .await
}

/// The verdict of a command that was held or in quarantine.
pub async fn decide(conn: &mut Conn, kept: &Kept) -> sqlx::Result<()> {
    sqlx::query("update commands set status = $1, verdict = $2, private = $3, lacks = $4 where id = $5")
        .bind(kept.status.as_str())
        .bind(verdict_text(&kept.verdict)?)
        .bind(i64::from(kept.private))
        .bind(kept.lacks.map(|id| id.to_string()))
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

/// A place of a chain.
pub type Place = (ChainKey, i64);

/// The command at a place of a chain.
#[derive(Clone, Debug)]
pub struct At {
    /// The hash of its text.
    pub hash: String,
    /// Its id.
    pub id: CommandId,
    /// What became of it.
    pub verdict: Verdict,
}

/// Those of some ids that there are, each with its place.
pub async fn with_ids(conn: &mut Conn, ids: &[CommandId]) -> sqlx::Result<Vec<(Place, At)>> {
    let mut found = Vec::new();
    let sql = "select device, author, n, hash, id, verdict from commands where id in ({keys})";
    for row in look_up(conn, sql, &[], ids).await? {
        let id: &str = row.try_get("id")?;
        let verdict: &str = row.try_get("verdict")?;
        let at = At {
            hash: row.try_get("hash")?,
            id: id.parse().map_err(|error| damaged("commands", id, error))?,
            verdict: serde_json::from_str(verdict).map_err(|error| damaged("commands", id, error))?,
        };
        found.push(((chain_key("commands", &row)?, row.try_get("n")?), at));
    }
    Ok(found)
}

/// Those of some ids that are taken, on whatever device.
pub async fn taken(conn: &mut Conn, ids: &[CommandId]) -> sqlx::Result<BTreeSet<CommandId>> {
    let taken = |row: &AnyRow| {
        let id: &str = row.try_get("id")?;
        id.parse().map_err(|error| damaged("commands", id, error))
    };
    let rows = look_up(conn, "select id from commands where id in ({keys})", &[], ids).await?;
    rows.iter().map(taken).collect()
}

/// A refused command.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Which.
    pub id: CommandId,
    /// Whose.
    pub author: PersonId,
    /// When it arrived.
    pub received: Ms,
    /// Only its author may see it.
    pub private: bool,
}

fn refused(row: &sqlx::any::AnyRow) -> sqlx::Result<Refused> {
    let id: &str = row.try_get("id")?;
    let author: &str = row.try_get("author")?;
    Ok(Refused {
        id: id.parse().map_err(|error| damaged("commands", id, error))?,
        author: author.parse().map_err(|error| damaged("commands", id, error))?,
        received: Ms(row.try_get("received")?),
        private: row.try_get::<i64, _>("private")? != 0,
    })
}

/// Those of some commands that are refused ones of a site.
pub async fn find_refused(conn: &mut Conn, site: &SiteCode, ids: &[CommandId]) -> sqlx::Result<Vec<Refused>> {
    let mut found = BTreeMap::new();
    let sql = "select id, author, received, private from commands where site = $1 and status = 'rejected' \
               and id in ({keys})";
    for row in look_up(conn, sql, &[site.as_str()], ids).await? {
        let refused = refused(&row)?;
        found.insert(refused.id, refused);
    }
    Ok(found.into_values().collect())
}

/// Notes which commands their authors have mended or withdrawn, at which site.
pub async fn take_back(conn: &mut Conn, taken: &[(SiteCode, CommandId, PersonId)]) -> sqlx::Result<()> {
    let sql =
        ["insert into taken_back (site, command, author)", "on conflict (site, command, author) do nothing"];
    put(conn, sql, taken, |row, (site, id, author)| {
        Ok(row.bind(site.as_str().to_owned()).bind(id.to_string()).bind(author.to_string()))
    })
    .await
}

/// Those of some commands that somebody has mended or withdrawn, and who.
pub async fn taken_back(
    conn: &mut Conn,
    site: &SiteCode,
    ids: &[CommandId],
) -> sqlx::Result<Vec<(CommandId, PersonId)>> {
    let sql = "select command, author from taken_back where site = $1 and command in ({keys})";
    let read = |row: &AnyRow| {
        let (id, author): (&str, &str) = (row.try_get("command")?, row.try_get("author")?);
        Ok((
            id.parse().map_err(|error| damaged("taken_back", id, error))?,
            author.parse().map_err(|error| damaged("taken_back", id, error))?,
        ))
    };
    look_up(conn, sql, &[site.as_str()], ids).await?.iter().map(read).collect()
}

/// Whether one of some commands of an author took effect.
pub async fn any_done(conn: &mut Conn, author: PersonId, ids: &[CommandId]) -> sqlx::Result<bool> {
    let sql = "select id from commands where author = $1 and status = 'done' and id in ({keys})";
    Ok(!look_up(conn, sql, &[&author.to_string()], ids).await?.is_empty())
}

/// The kinds of commands that make what they are about.
pub const CREATES: [&str; 2] = ["case.report", "round.start"];

/// What there is of a case or round besides itself.
#[derive(Clone, Debug, Default)]
pub struct Absent {
    /// The refused commands that should have made it, in the order in which they came.
    pub refused: Vec<Refused>,
    /// A report that was refused, or is in quarantine, is or may be a complaint.
    pub private: bool,
    /// The commands that wait for it, in the order in which they came.
    pub held: Vec<Kept>,
}

/// What there is of some cases and rounds besides themselves.
pub async fn absent(
    conn: &mut Conn,
    site: &SiteCode,
    aggregates: &[Uuid],
) -> sqlx::Result<BTreeMap<Uuid, Absent>> {
    let mut found: BTreeMap<Uuid, Absent> = BTreeMap::new();
    let sql = format!(
        "select {KEPT}, aggregate as what from commands where {UNDONE} and site = $1 \
         and status in ('held', 'rejected', 'quarantined') and (status = 'held' and lacks is null \
         or status <> 'held' and kind in ('case.report', 'round.start')) and aggregate in ({{keys}}) \
         union all select {KEPT}, lacks as what from commands where site = $1 \
         and status = 'held' and lacks in ({{keys}}) order by received, device, author, n"
    );
    for row in look_up(conn, &sql, &[site.as_str()], aggregates).await? {
        let what: &str = row.try_get("what")?;
        let what = what.parse().map_err(|error| damaged("commands", what, error))?;
        let absent = found.entry(what).or_default();
        let status: &str = row.try_get("status")?;
        if status == Status::Held.as_str() {
            absent.held.push(waiting(&row)?);
            continue;
        }
        absent.private |= row.try_get::<i64, _>("private")? != 0;
        if status == Status::Rejected.as_str() {
            absent.refused.push(refused(&row)?);
        }
    }
    Ok(found)
}

/// The columns of a command that is not judged for good, which `waiting` reads.
const KEPT: &str = "device, author, n, hash, id, site, aggregate, kind, text, event_at, uncertain, received, verdict, \
                    private, status, had, clock_moved, chain_gap";

/// What an index by aggregate has. Written out like in the index, which would not be used otherwise.
const UNDONE: &str = "status <> 'done'";

/// What is not judged for good. Written out like in the index, too.
const WAITING: &str = "status in ('held', 'quarantined')";

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
        lacks: None,
        clock_moved: row.try_get::<i64, _>("clock_moved")? != 0,
        chain_gap: row.try_get::<i64, _>("chain_gap")? != 0,
    })
}

/// The commands in quarantine of a case or other aggregate, in the order in which they came.
pub async fn quarantine_of(conn: &mut Conn, site: &SiteCode, aggregate: Uuid) -> sqlx::Result<Vec<Kept>> {
    let sql = format!(
        "select {KEPT} from commands where {UNDONE} and site = $1 and aggregate = $2 \
         and status = 'quarantined' order by received, device, author, n"
    );
    // Made of constants.
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(site.as_str())
        .bind(aggregate.to_string())
        .fetch_all(conn)
        .await?;
    rows.iter().map(waiting).collect()
}

/// The commands of an author that wait for something at a site.
pub async fn waiting_of(conn: &mut Conn, site: &SiteCode, author: PersonId) -> sqlx::Result<Vec<Kept>> {
    let sql = format!(
        "select {KEPT} from commands where {WAITING} and site = $1 and author = $2 order by received, device, n"
    );
    let rows =
        sqlx::query(AssertSqlSafe(sql)).bind(site.as_str()).bind(author.to_string()).fetch_all(conn).await?;
    rows.iter().map(waiting).collect()
}

/// The commands in quarantine at a site.
pub async fn quarantine(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<Vec<Kept>> {
    let sql = format!(
        "select {KEPT} from commands where {WAITING} and site = $1 and status = 'quarantined' \
         order by received, device, author, n"
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(site.as_str()).fetch_all(conn).await?;
    rows.iter().map(waiting).collect()
}

/// Of which case, by whom and which the commands are that are in quarantine at a site.
pub async fn secluded(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<Vec<(Uuid, PersonId, CommandId)>> {
    let sql = format!(
        "select aggregate, author, id from commands where {WAITING} and site = $1 and status = 'quarantined'"
    );
    // Made of constants.
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(site.as_str()).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let (aggregate, author): (&str, &str) = (row.try_get("aggregate")?, row.try_get("author")?);
            let id: &str = row.try_get("id")?;
            Ok((
                aggregate.parse().map_err(|error| damaged("commands", id, error))?,
                author.parse().map_err(|error| damaged("commands", id, error))?,
                id.parse().map_err(|error| damaged("commands", id, error))?,
            ))
        })
        .collect()
}

/// A command in quarantine.
pub async fn quarantined(conn: &mut Conn, site: &SiteCode, id: CommandId) -> sqlx::Result<Option<Kept>> {
    let sql = format!(
        "select {KEPT} from commands where {WAITING} and site = $1 and id = $2 and status = 'quarantined'"
    );
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
    let sql = format!(
        "select text, private from commands where {UNDONE} and site = $1 and aggregate = $2 \
         and status in ('rejected', 'quarantined') and kind = 'case.report' order by received"
    );
    // Made of constants.
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(site.as_str())
        .bind(aggregate.to_string())
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("text")?, row.try_get::<i64, _>("private")? != 0))).collect()
}

/// The commands that were collected after a restore: those that had been judged in their old order, then what is new in
/// the order in which it came.
pub async fn collected(conn: &mut Conn, site: &SiteCode, limit: i64) -> sqlx::Result<Vec<Kept>> {
    let sql = format!(
        "select {KEPT} from commands where site = $1 and status = 'collected' \
         order by case when had_seq is null then 1 else 0 end, had_seq, received, device, author, n limit $2"
    );
    // Made of constants.
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(site.as_str()).bind(limit).fetch_all(conn).await?;
    rows.iter().map(waiting).collect()
}

/// Notes that nobody has some commands of a chain any more.
pub async fn note_lost(
    conn: &mut Conn,
    (device, author): ChainKey,
    places: RangeInclusive<i64>,
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
