//! Backups and restores in the database.

use std::collections::BTreeMap;

use shared::{
    Code,
    ids::{CommandId, SiteCode},
    time::Ms,
    wire::Verdict,
};
use sqlx::{Row, any::AnyRow};

use crate::db::{Conn, damaged};

/// A restore of this database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restore {
    /// When the backup was begun that it was put back from.
    pub point: Ms,
    /// When it was put back.
    pub at: Ms,
}

/// The last restore of this database, if there was one.
pub async fn last_restore(conn: &mut Conn) -> sqlx::Result<Option<Restore>> {
    let mut read = async |name: &str| -> sqlx::Result<Option<Ms>> {
        let text: Option<String> = sqlx::query_scalar("select value from meta where name = $1")
            .bind(name)
            .fetch_optional(&mut *conn)
            .await?;
        let parse = |text: String| text.parse().map(Ms).map_err(|error| damaged("meta", name, error));
        text.map(parse).transpose()
    };
    Ok(match (read("restored_point").await?, read("restored_at").await?) {
        (Some(point), Some(at)) => Some(Restore { point, at }),
        (None, _) | (_, None) => None,
    })
}

/// Begins a new life of the database.
pub async fn begin_again(conn: &mut Conn, epoch: &str, point: Ms, now: Ms) -> sqlx::Result<()> {
    for (name, value) in [
        ("epoch", epoch.to_owned()),
        ("restored_point", point.0.to_string()),
        ("restored_at", now.0.to_string()),
    ] {
        sqlx::query(
            "insert into meta (name, value) values ($1, $2) \
             on conflict (name) do update set value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// How far each site is.
pub async fn heads(conn: &mut Conn) -> sqlx::Result<BTreeMap<SiteCode, i64>> {
    let rows = sqlx::query("select code, head from sites").fetch_all(conn).await?;
    rows.iter().map(|row| Ok((SiteCode(row.try_get("code")?), row.try_get("head")?))).collect()
}

/// Notes how far a backup of a site reaches. It locks no more than the row, and moves no sequence.
pub async fn set_stable(conn: &mut Conn, site: &SiteCode, seq: i64) -> sqlx::Result<()> {
    sqlx::query("update sites set stable_seq = $1 where code = $2")
        .bind(seq)
        .bind(site.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// How far the last backup of a site reaches; `None` as long as there is none.
pub async fn stable(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("select stable_seq from sites where code = $1")
        .bind(site.as_str())
        .fetch_one(conn)
        .await
}

/// Notes that a site was put back: for so long, from the server's next start, commands are collected.
pub async fn begin_collecting(
    conn: &mut Conn,
    site: &SiteCode,
    stable: i64,
    collect: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "update sites set stable_seq = $1, restored_seq = head, restored_day = day, restored_count = day_count, \
         collect_for = $2, collect_until = null where code = $3",
    )
    .bind(stable)
    .bind(collect)
    .bind(site.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// The server runs: from now on the time counts for which commands are collected. Answers with the earliest end.
pub async fn start_collecting(conn: &mut Conn, now: Ms) -> sqlx::Result<Option<Ms>> {
    sqlx::query(
        "update sites set collect_until = $1 + collect_for, collect_for = null where collect_for is not null",
    )
    .bind(now.0)
    .execute(&mut *conn)
    .await?;
    next_end(conn).await
}

/// When the next site has collected long enough.
pub async fn next_end(conn: &mut Conn) -> sqlx::Result<Option<Ms>> {
    let until: Option<i64> =
        sqlx::query_scalar("select min(collect_until) from sites").fetch_one(conn).await?;
    Ok(until.map(Ms))
}

/// A site collects no more.
pub async fn end_collecting(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<()> {
    sqlx::query("update sites set collect_until = null where code = $1")
        .bind(site.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// A case's number as it is counted: its date, and its place on it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Counted {
    /// As `20261122`.
    pub day: String,
    /// From 1.
    pub count: i64,
}

/// A site that was put back.
#[derive(Clone, Debug)]
pub struct RestoredSite {
    /// Which.
    pub code: SiteCode,
    /// The number that it had given last.
    pub last: Counted,
    /// The numbers given on that day and later, in order.
    pub numbers: Vec<Counted>,
    /// Until when commands are collected, or that they will be from the next start.
    pub collecting: bool,
}

/// The sites that were put back.
pub async fn restored_sites(conn: &mut Conn) -> sqlx::Result<Vec<RestoredSite>> {
    let rows = sqlx::query(
        "select code, restored_day, restored_count, collect_for, collect_until from sites \
         where restored_seq is not null order by code",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut sites = Vec::new();
    for row in rows {
        let code: String = row.try_get("code")?;
        let day: String = row.try_get("restored_day")?;
        let day = day.replace('-', "");
        let numbers: Vec<String> = sqlx::query_scalar(
            "select number from case_facts where site = $1 and number >= $2 order by number",
        )
        .bind(&code)
        .bind(&day)
        .fetch_all(&mut *conn)
        .await?;
        let mut numbers: Vec<Counted> = numbers
            .iter()
            .filter_map(|number| {
                let (day, count) = number.split_once('-')?;
                Some(Counted { day: day.to_owned(), count: count.parse().ok()? })
            })
            .collect();
        numbers.sort();
        sites.push(RestoredSite {
            last: Counted { day, count: row.try_get("restored_count")? },
            numbers,
            collecting: row.try_get::<Option<i64>, _>("collect_for")?.is_some()
                || row.try_get::<Option<i64>, _>("collect_until")?.is_some(),
            code: SiteCode(code),
        });
    }
    Ok(sites)
}

/// How many commands came back, by what became of them: `done`, `rejected`, `held`, `quarantined`, `collected`.
pub async fn came_back(conn: &mut Conn) -> sqlx::Result<BTreeMap<String, i64>> {
    let rows =
        sqlx::query("select status, count(*) as many from commands where had is not null group by status")
            .fetch_all(conn)
            .await?;
    rows.iter().map(|row| Ok((row.try_get("status")?, row.try_get("many")?))).collect()
}

/// A command that is named to whoever had to restore.
#[derive(Clone, Debug)]
pub struct Named {
    /// Which.
    pub id: CommandId,
    /// Whose, by name.
    pub author: String,
    /// What was asked.
    pub kind: String,
    /// Of which case or other aggregate.
    pub aggregate: String,
    /// The answer, as JSON.
    pub verdict: String,
}

/// The commands that had been taken before the restore, and are refused now.
pub async fn not_again(conn: &mut Conn) -> sqlx::Result<Vec<Named>> {
    let rows = sqlx::query(
        "select c.id, a.name, c.kind, c.aggregate, c.verdict from commands c join accounts a on a.id = c.author \
         where c.had_seq is not null and c.status = 'rejected' order by c.had_seq",
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(named).collect()
}

/// The commands that have taken effect although their authors have mended or withdrawn them.
pub async fn all_the_same(conn: &mut Conn) -> sqlx::Result<Vec<Named>> {
    let rows = sqlx::query(
        "select c.id, a.name, c.kind, c.aggregate, c.verdict from taken_back t \
         join commands c on c.id = t.command and c.site = t.site and c.author = t.author \
         join accounts a on a.id = c.author where c.status = 'done' order by c.received, c.id",
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(named).collect()
}

fn named(row: &AnyRow) -> sqlx::Result<Named> {
    let id: &str = row.try_get("id")?;
    Ok(Named {
        id: id.parse().map_err(|error| damaged("commands", id, error))?,
        author: row.try_get("name")?,
        kind: row.try_get::<Option<String>, _>("kind")?.unwrap_or_default(),
        aggregate: row.try_get::<Option<String>, _>("aggregate")?.unwrap_or_default(),
        verdict: row.try_get("verdict")?,
    })
}

/// A command that waits for a report or a round which nobody has brought back.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Which.
    pub id: CommandId,
    /// Whose, by name.
    pub author: String,
    /// What was asked.
    pub kind: String,
    /// For which case or round.
    pub what: String,
    /// For a round.
    pub round: bool,
}

/// The commands that wait for a report or a round which nobody has brought back. What waits for one of these is not among
/// them: it comes with it.
pub async fn waiting(conn: &mut Conn) -> sqlx::Result<Vec<Waiting>> {
    let rows = sqlx::query(
        "select c.id, a.name, c.kind, coalesce(c.lacks, c.aggregate) as what, c.lacks, c.verdict \
         from commands c join accounts a on a.id = c.author \
         where c.status in ('held', 'quarantined') and c.status = 'held' and not exists \
         (select 1 from commands r where r.site = c.site and r.aggregate = coalesce(c.lacks, c.aggregate) \
         and r.status <> 'done' and r.status <> 'rejected' and r.kind in ('case.report', 'round.start')) \
         order by c.received, c.device, c.n",
    )
    .fetch_all(conn)
    .await?;
    let mut waiting = Vec::new();
    for row in &rows {
        let id: &str = row.try_get("id")?;
        let verdict: &str = row.try_get("verdict")?;
        let verdict = serde_json::from_str(verdict).map_err(|error| damaged("commands", id, error))?;
        // Others are held for a ruling on what their authors did before.
        if !matches!(verdict, Verdict::Held { code: Code::CommandCreateMissing }) {
            continue;
        }
        let kind = row.try_get::<Option<String>, _>("kind")?.unwrap_or_default();
        let lacks: Option<String> = row.try_get("lacks")?;
        waiting.push(Waiting {
            id: id.parse().map_err(|error| damaged("commands", id, error))?,
            author: row.try_get("name")?,
            round: lacks.is_some() || kind.starts_with("round."),
            kind,
            what: row.try_get::<Option<String>, _>("what")?.unwrap_or_default(),
        });
    }
    Ok(waiting)
}

/// Commands that their device does not have any more.
#[derive(Clone, Debug)]
pub struct Lost {
    /// Whose, by name.
    pub author: String,
    /// On which device.
    pub device: String,
    /// The place of the first in their chain.
    pub first: i64,
    /// That of the last.
    pub last: i64,
}

/// The commands that nobody has any more.
pub async fn lost(conn: &mut Conn) -> sqlx::Result<Vec<Lost>> {
    let rows = sqlx::query(
        "select a.name, l.device, l.first, l.last from lost_commands l join accounts a on a.id = l.author \
         order by a.name, l.device, l.first",
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Lost {
                author: row.try_get("name")?,
                device: row.try_get("device")?,
                first: row.try_get("first")?,
                last: row.try_get("last")?,
            })
        })
        .collect()
}

/// A device that has not been heard of.
#[derive(Clone, Debug)]
pub struct Silent {
    /// Who is signed in there, by name.
    pub person: String,
    /// What it calls itself.
    pub label: String,
    /// When it was last heard of.
    pub seen: Ms,
}

/// Devices whose sessions still last, and which have not been heard of since the restore.
pub async fn silent(conn: &mut Conn, since: Ms, now: Ms) -> sqlx::Result<Vec<Silent>> {
    let rows = sqlx::query(
        "select a.name, s.label, s.seen from sessions s join accounts a on a.id = s.account \
         where s.seen < $1 and s.expires > $2 order by s.seen desc",
    )
    .bind(since.0)
    .bind(now.0)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Silent {
                person: row.try_get("name")?,
                label: row.try_get("label")?,
                seen: Ms(row.try_get("seen")?),
            })
        })
        .collect()
}

/// A photo that a case or a round names, and whose bytes are not here.
#[derive(Clone, Debug)]
pub struct NoBytes {
    /// At which site.
    pub site: String,
    /// By what it is named: a case's number, or the kind and id.
    pub shown: String,
    /// Whose, by name.
    pub author: String,
    /// The photo.
    pub photo: String,
}

/// The photos that cases and rounds name, and whose bytes are not here.
pub async fn without_bytes(conn: &mut Conn) -> sqlx::Result<Vec<NoBytes>> {
    let rows = sqlx::query(
        "select p.site, p.shown, a.name, p.photo from \
         (select c.site, c.photo, c.author, c.sha256, 'case ' || coalesce(f.number, c.case_id) as shown \
         from case_photos c left join case_facts f on f.site = c.site and f.case_id = c.case_id \
         union all select site, photo, author, sha256, 'round ' || round_id as shown from round_photos) p \
         join accounts a on a.id = p.author \
         left join uploads u on u.site = p.site and u.photo = p.photo and u.author = p.author \
         and u.part = 'full' and u.sha256 = p.sha256 and u.mime is not null \
         where u.photo is null order by p.site, p.shown, p.photo",
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(NoBytes {
                site: row.try_get("site")?,
                shown: row.try_get("shown")?,
                author: row.try_get("name")?,
                photo: row.try_get("photo")?,
            })
        })
        .collect()
}
