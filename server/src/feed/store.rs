//! Documents and feeds in the database.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use shared::{
    ids::{CaseId, SiteCode},
    time::Ms,
    wire::DocKey,
};
use sqlx::Row;

use crate::db::{Conn, damaged, look_up, put};

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
    Ok(docs(conn, site, &[key]).await?.remove(&key))
}

/// Those of some documents that exist.
pub async fn docs(
    conn: &mut Conn,
    site: &SiteCode,
    keys: &[DocKey],
) -> sqlx::Result<BTreeMap<DocKey, DocRow>> {
    let mut docs = BTreeMap::new();
    let sql = "select doc, version, born, seq, body from docs where site = $1 and doc in ({keys})";
    for row in look_up(conn, sql, &[site.as_str()], keys).await? {
        let doc: &str = row.try_get("doc")?;
        let key = doc.parse().map_err(|error| damaged("docs", doc, error))?;
        let row = DocRow {
            version: row.try_get("version")?,
            born: row.try_get("born")?,
            seq: row.try_get("seq")?,
            body: row.try_get("body")?,
        };
        docs.insert(key, row);
    }
    Ok(docs)
}

/// When some documents last changed; those that do not exist are missing.
pub async fn seqs(conn: &mut Conn, site: &SiteCode, keys: &[DocKey]) -> sqlx::Result<Vec<(String, i64)>> {
    let sql = "select doc, seq from docs where site = $1 and doc in ({keys}) order by doc";
    let rows = look_up(conn, sql, &[site.as_str()], keys).await?;
    rows.iter().map(|row| Ok((row.try_get("doc")?, row.try_get("seq")?))).collect()
}

/// A document to be written.
#[derive(Clone, Debug)]
pub struct NewDoc {
    /// Which.
    pub key: DocKey,
    /// How often it has changed.
    pub version: i64,
    /// When it came to be, if it is new.
    pub born: i64,
    /// When it last changed.
    pub seq: i64,
    /// Its JSON.
    pub body: String,
}

/// Writes documents, each once.
pub async fn put_docs(conn: &mut Conn, site: &SiteCode, docs: &[NewDoc]) -> sqlx::Result<()> {
    let sql = [
        "insert into docs (site, doc, version, born, seq, body)",
        "on conflict (site, doc) do update set version = excluded.version, seq = excluded.seq, \
         body = excluded.body",
    ];
    put(conn, sql, docs, |row, doc| {
        Ok(row
            .bind(site.as_str())
            .bind(doc.key.to_string())
            .bind(doc.version)
            .bind(doc.born)
            .bind(doc.seq)
            .bind(doc.body.as_str()))
    })
    .await
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
    Ok(audiences(conn, site, &[key]).await?.remove(&key).unwrap_or_default())
}

/// To whom some documents are addressed now; those that nobody sees are missing.
pub async fn audiences(
    conn: &mut Conn,
    site: &SiteCode,
    keys: &[DocKey],
) -> sqlx::Result<BTreeMap<DocKey, BTreeSet<String>>> {
    let mut audiences: BTreeMap<DocKey, BTreeSet<String>> = BTreeMap::new();
    let sql = "select doc, principal from feed where site = $1 and gone = 0 and doc in ({keys})";
    for row in look_up(conn, sql, &[site.as_str()], keys).await? {
        let doc: &str = row.try_get("doc")?;
        let key = doc.parse().map_err(|error| damaged("feed", doc, error))?;
        audiences.entry(key).or_default().insert(row.try_get("principal")?);
    }
    Ok(audiences)
}

/// That a document is addressed to a principal, or taken from it.
#[derive(Clone, Debug)]
pub struct Address {
    /// Which document.
    pub key: DocKey,
    /// The sequence number of that.
    pub seq: i64,
    /// To or from whom.
    pub principal: String,
    /// It is taken away.
    pub gone: bool,
}

/// Addresses documents, each to a principal once.
pub async fn address(conn: &mut Conn, site: &SiteCode, rows: &[Address]) -> sqlx::Result<()> {
    let sql = [
        "insert into feed (site, doc, principal, seq, gone)",
        "on conflict (site, doc, principal) do update set seq = excluded.seq, gone = excluded.gone",
    ];
    put(conn, sql, rows, |row, address| {
        Ok(row
            .bind(site.as_str())
            .bind(address.key.to_string())
            .bind(address.principal.as_str())
            .bind(address.seq)
            .bind(i64::from(address.gone)))
    })
    .await
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
         and gone = 0 union all \
         select doc, seq, gone from feed where site = $1 and principal = $2 and seq > $5 and seq <= $4 \
         and gone = 1 order by seq limit $6",
    )
    .bind(site.as_str())
    .bind(principal)
    .bind(stretch.start)
    .bind(stretch.end)
    // One bound and not two: SQLite walks its index from the one that it is told first.
    .bind(fresh.max(stretch.start))
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
