//! Documents and feeds in the database.

use std::{collections::BTreeSet, ops::Range};

use shared::{
    ids::{CaseId, SiteCode},
    time::Ms,
    wire::DocKey,
};
use sqlx::{AssertSqlSafe, Row};

use crate::db::{Conn, damaged, rows_of_placeholders};

/// The key that seals cursors, in base64url.
pub async fn seal_key(conn: &mut Conn) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("select value from meta where name = 'seal_key'").fetch_optional(conn).await
}

/// Sets the key if there is none.
pub async fn begin_seal_key(conn: &mut Conn, key: &str) -> sqlx::Result<()> {
    sqlx::query("insert into meta (name, value) values ('seal_key', $1) on conflict (name) do nothing")
        .bind(key)
        .execute(conn)
        .await?;
    Ok(())
}

/// The key that relay files are sealed to, in base64url.
pub async fn relay_key(conn: &mut Conn) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("select value from meta where name = 'relay_key'").fetch_optional(conn).await
}

/// Sets that key if there is none.
pub async fn begin_relay_key(conn: &mut Conn, key: &str) -> sqlx::Result<()> {
    sqlx::query("insert into meta (name, value) values ('relay_key', $1) on conflict (name) do nothing")
        .bind(key)
        .execute(conn)
        .await?;
    Ok(())
}

/// A document.
#[derive(Clone, Debug)]
pub struct DocRow {
    /// How often it has changed.
    pub version: i64,
    /// When it came to be.
    pub born: i64,
    /// When it last changed.
    pub seq: i64,
    /// Its JSON.
    pub body: String,
}

/// A document, if it exists.
pub async fn doc(conn: &mut Conn, site: &SiteCode, key: DocKey) -> sqlx::Result<Option<DocRow>> {
    let row = sqlx::query("select version, born, seq, body from docs where site = $1 and doc = $2")
        .bind(site.as_str())
        .bind(key.to_string())
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        Ok(DocRow {
            version: row.try_get("version")?,
            born: row.try_get("born")?,
            seq: row.try_get("seq")?,
            body: row.try_get("body")?,
        })
    })
    .transpose()
}

/// When some documents last changed; those that do not exist are missing.
pub async fn seqs(conn: &mut Conn, site: &SiteCode, keys: &[DocKey]) -> sqlx::Result<Vec<(String, i64)>> {
    let mut seqs = Vec::with_capacity(keys.len());
    for key in keys {
        let seq: Option<i64> = sqlx::query_scalar("select seq from docs where site = $1 and doc = $2")
            .bind(site.as_str())
            .bind(key.to_string())
            .fetch_optional(&mut *conn)
            .await?;
        seqs.extend(seq.map(|seq| (key.to_string(), seq)));
    }
    Ok(seqs)
}

/// Writes a document.
pub async fn put_doc(
    conn: &mut Conn,
    site: &SiteCode,
    key: DocKey,
    version: i64,
    seq: i64,
    body: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into docs (site, doc, version, born, seq, body) values ($1, $2, $3, $4, $5, $6) \
         on conflict (site, doc) do update set version = excluded.version, seq = excluded.seq, \
         body = excluded.body",
    )
    .bind(site.as_str())
    .bind(key.to_string())
    .bind(version)
    .bind(seq)
    .bind(seq)
    .bind(body)
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a document; its feed rows stay and say that it is gone.
pub async fn remove_doc(conn: &mut Conn, site: &SiteCode, key: DocKey) -> sqlx::Result<()> {
    sqlx::query("delete from docs where site = $1 and doc = $2")
        .bind(site.as_str())
        .bind(key.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// To whom a document is addressed now.
pub async fn audience(conn: &mut Conn, site: &SiteCode, key: DocKey) -> sqlx::Result<BTreeSet<String>> {
    let principals: Vec<String> =
        sqlx::query_scalar("select principal from feed where site = $1 and doc = $2 and gone = 0")
            .bind(site.as_str())
            .bind(key.to_string())
            .fetch_all(conn)
            .await?;
    Ok(principals.into_iter().collect())
}

/// Addresses a document to some principals, or takes it from them.
pub async fn address(
    conn: &mut Conn,
    site: &SiteCode,
    key: DocKey,
    seq: i64,
    principals: &BTreeSet<String>,
    gone: bool,
) -> sqlx::Result<()> {
    const COLUMNS: usize = 5;
    // SQLite takes 32,766 parameters and PostgreSQL 65,535.
    const ROWS: usize = 1_000;
    let principals: Vec<&String> = principals.iter().collect();
    for rows in principals.chunks(ROWS) {
        let sql = format!(
            "insert into feed (site, principal, doc, seq, gone) values {} on conflict (site, principal, doc) \
             do update set seq = excluded.seq, gone = excluded.gone",
            rows_of_placeholders(rows.len(), COLUMNS)
        );
        // Made of placeholders only.
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for principal in rows {
            query = query
                .bind(site.as_str())
                .bind(principal.as_str())
                .bind(key.to_string())
                .bind(seq)
                .bind(i64::from(gone));
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// A row of the feed.
#[derive(Clone, Debug)]
pub struct FeedRow {
    /// Which document.
    pub doc: DocKey,
    /// When the document or its address last changed.
    pub seq: i64,
    /// It is no longer addressed to this principal.
    pub gone: bool,
}

/// What has changed for a principal after the start of a stretch, up to its end, oldest first; without what was taken
/// from the principal up to `fresh`.
pub async fn changes(
    conn: &mut Conn,
    site: &SiteCode,
    principal: &str,
    stretch: Range<i64>,
    fresh: i64,
    limit: i64,
) -> sqlx::Result<Vec<FeedRow>> {
    let rows = sqlx::query(
        "select doc, seq, gone from feed where site = $1 and principal = $2 and seq > $3 and seq <= $4 \
         and (gone = 0 or seq > $5) order by seq limit $6",
    )
    .bind(site.as_str())
    .bind(principal)
    .bind(stretch.start)
    .bind(stretch.end)
    .bind(fresh)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let doc: &str = row.try_get("doc")?;
            Ok(FeedRow {
                doc: doc.parse().map_err(|error| damaged("feed", doc, error))?,
                seq: row.try_get("seq")?,
                gone: row.try_get::<i64, _>("gone")? != 0,
            })
        })
        .collect()
}

/// The confidential cases of a site, whose audience depends on who its people are (R9): without those that have left
/// the feed with everything else that ended before an instant.
pub async fn confidential_cases(conn: &mut Conn, site: &SiteCode, before: Ms) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select d.body from case_facts f join docs d on d.site = f.site and d.doc = 'case:' || f.case_id \
         where f.site = $1 and f.confidential = 1 and (f.stage not in ('closed', 'cancelled') \
         or f.stage_since > $2 or exists \
         (select 1 from feed r where r.site = d.site and r.doc = d.doc and r.gone = 0)) order by f.case_id",
    )
    .bind(site.as_str())
    .bind(before.0)
    .fetch_all(conn)
    .await
}

/// Cases that ended before an instant and are still addressed to somebody, so many at most.
pub async fn ended_cases(
    conn: &mut Conn,
    site: &SiteCode,
    before: Ms,
    limit: i64,
) -> sqlx::Result<Vec<CaseId>> {
    let ids: Vec<String> = sqlx::query_scalar(
        "select f.case_id from case_facts f where f.site = $1 and f.stage in ('closed', 'cancelled') \
         and f.stage_since <= $2 and exists (select 1 from feed r where r.site = f.site \
         and r.doc = 'case:' || f.case_id and r.gone = 0) order by f.stage_since limit $3",
    )
    .bind(site.as_str())
    .bind(before.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    ids.iter().map(|id| id.parse().map_err(|error| damaged("case_facts", id, error))).collect()
}
