//! Events, documents and named photos of cases, routes and rounds in the database.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    case::command::PhotoRef,
    ids::{AttachmentId, CommandId, PersonId, SiteCode},
    wire::DocKey,
};
use sqlx::Row;

use super::{Aggregate, Pictured};
use crate::{
    db::{Conn, damaged, look_up, put},
    feed,
};

/// Those of some that exist, each with the sequence number of its latest change.
pub async fn load<A: Aggregate>(
    conn: &mut Conn,
    site: &SiteCode,
    ids: &[A::Id],
) -> sqlx::Result<BTreeMap<A::Id, (A, i64)>> {
    let keys: Vec<DocKey> = ids.iter().copied().map(A::key).collect();
    let mut docs = feed::store::docs(conn, site, &keys).await?;
    let mut states = BTreeMap::new();
    for id in ids {
        let key = A::key(*id);
        let Some(row) = docs.remove(&key) else { continue };
        let state = serde_json::from_str(&row.body)
            .map_err(|error| damaged("docs", format_args!("{site}/{key}"), error))?;
        states.insert(*id, (state, row.seq));
    }
    Ok(states)
}

/// One of them.
pub async fn find<A: Aggregate>(conn: &mut Conn, site: &SiteCode, id: A::Id) -> sqlx::Result<Option<A>> {
    Ok(load::<A>(conn, site, &[id]).await?.remove(&id).map(|(state, _)| state))
}

/// The events of one, oldest first.
pub async fn events<A: Aggregate>(
    conn: &mut Conn,
    site: &SiteCode,
    id: A::Id,
) -> sqlx::Result<Vec<A::Event>> {
    let bodies: Vec<String> = sqlx::query_scalar(
        "select body from events where site = $1 and kind = $2 and aggregate = $3 order by version",
    )
    .bind(site.as_str())
    .bind(A::KIND)
    .bind(id.to_string())
    .fetch_all(conn)
    .await?;
    bodies
        .iter()
        .map(|body| serde_json::from_str(body).map_err(|error| damaged("events", id, error)))
        .collect()
}

/// An event to be written.
#[derive(Clone, Debug)]
pub struct Event {
    /// Of which case or other aggregate.
    pub aggregate: String,
    /// The version that it has after it.
    pub version: i64,
    /// The sequence number.
    pub seq: i64,
    /// Its JSON.
    pub body: String,
    /// The command that caused it.
    pub command: Option<CommandId>,
}

/// Appends events. Two writers that began from the same version cannot both do so: the version is part of the key.
pub async fn append(conn: &mut Conn, site: &SiteCode, kind: &str, events: &[Event]) -> sqlx::Result<()> {
    let sql = ["insert into events (site, kind, aggregate, version, seq, body, command)", ""];
    put(conn, sql, events, |row, event| {
        Ok(row
            .bind(site.as_str())
            .bind(kind)
            .bind(event.aggregate.as_str())
            .bind(event.version)
            .bind(event.seq)
            .bind(event.body.as_str())
            .bind(event.command.map(|id| id.to_string())))
    })
    .await
}

/// That a photo is named.
#[derive(Clone, Debug)]
pub struct Named {
    /// By which case or round.
    pub aggregate: String,
    /// Whose photo.
    pub author: PersonId,
    /// Which.
    pub photo: PhotoRef,
}

/// Notes that photos are named.
pub async fn name_photos<A: Pictured>(conn: &mut Conn, site: &SiteCode, named: &[Named]) -> sqlx::Result<()> {
    let [table, id] = A::NAMES;
    let head = format!("insert into {table} (site, photo, author, {id}, sha256)");
    let tail = format!("on conflict (site, photo, author, {id}) do nothing");
    put(conn, [&head, &tail], named, |row, Named { aggregate, author, photo }| {
        Ok(row
            .bind(site.as_str())
            .bind(photo.id.to_string())
            .bind(author.to_string())
            .bind(aggregate.as_str())
            .bind(photo.sha256.as_str()))
    })
    .await
}

/// Those that name photos of some authors, in their order; a photo that none names is missing.
pub async fn naming<A: Pictured>(
    conn: &mut Conn,
    site: &SiteCode,
    photos: &[(PersonId, AttachmentId)],
) -> sqlx::Result<BTreeMap<(PersonId, AttachmentId), Vec<A::Id>>> {
    let [table, id] = A::NAMES;
    let mut naming: BTreeMap<_, Vec<A::Id>> = BTreeMap::new();
    let ids: BTreeSet<AttachmentId> = photos.iter().map(|(_, photo)| *photo).collect();
    let ids: Vec<AttachmentId> = ids.into_iter().collect();
    let sql = format!(
        "select photo, author, {id} as named_by from {table} where site = $1 and photo in ({{keys}}) order by {id}"
    );
    for row in look_up(conn, &sql, &[site.as_str()], &ids).await? {
        let (photo, author): (&str, &str) = (row.try_get("photo")?, row.try_get("author")?);
        let named_by: &str = row.try_get("named_by")?;
        let key = (
            author.parse().map_err(|error| damaged(table, photo, error))?,
            photo.parse().map_err(|error| damaged(table, photo, error))?,
        );
        if photos.contains(&key) {
            let named_by = named_by.parse().map_err(|error| damaged(table, named_by, error))?;
            naming.entry(key).or_default().push(named_by);
        }
    }
    Ok(naming)
}
