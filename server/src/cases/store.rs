//! Events, facts and photos of cases in the database.

use shared::{
    case::{Case, command::PhotoRef},
    ids::{AttachmentId, CaseId, CaseNumber, CommandId, PersonId, SiteCode},
    wire::DocKey,
};

use crate::{
    db::{Conn, damaged},
    feed,
};

/// A case with the sequence number of its latest change.
pub async fn load(conn: &mut Conn, site: &SiteCode, id: CaseId) -> sqlx::Result<Option<(Case, i64)>> {
    let key = DocKey::Case(id);
    let Some(row) = feed::store::doc(conn, site, key).await? else { return Ok(None) };
    let case = serde_json::from_str(&row.body)
        .map_err(|error| damaged("docs", format_args!("{site}/{key}"), error))?;
    Ok(Some((case, row.seq)))
}

/// A case.
pub async fn find(conn: &mut Conn, site: &SiteCode, id: CaseId) -> sqlx::Result<Option<Case>> {
    Ok(load(conn, site, id).await?.map(|(case, _)| case))
}

/// An event to be written.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The version that the case has after it.
    pub version: i64,
    /// The sequence number.
    pub seq: i64,
    /// Its JSON.
    pub body: &'a str,
    /// The command that caused it.
    pub command: Option<CommandId>,
}

/// Appends an event. Two writers that began from the same version cannot both do so: the version is part of the key.
pub async fn append(conn: &mut Conn, site: &SiteCode, case: CaseId, event: &Event<'_>) -> sqlx::Result<()> {
    sqlx::query(
        "insert into events (site, kind, aggregate, version, seq, body, command) \
         values ($1, 'case', $2, $3, $4, $5, $6)",
    )
    .bind(site.as_str())
    .bind(case.to_string())
    .bind(event.version)
    .bind(event.seq)
    .bind(event.body)
    .bind(event.command.map(|id| id.to_string()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what statistics ask of a case.
pub async fn put_facts(conn: &mut Conn, site: &SiteCode, case: &Case) -> sqlx::Result<()> {
    let kind = serde_json::to_value(case.kind).map_err(|error| damaged("case_facts", case.id, error))?;
    sqlx::query(
        "insert into case_facts (site, case_id, number, category, kind, urgent, confidential, stage, \
         stage_since, reported_at, first_asked, company, handler) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         on conflict (site, case_id) do update set category = excluded.category, kind = excluded.kind, \
         urgent = excluded.urgent, confidential = excluded.confidential, stage = excluded.stage, \
         stage_since = excluded.stage_since, first_asked = excluded.first_asked, \
         company = excluded.company, handler = excluded.handler",
    )
    .bind(site.as_str())
    .bind(case.id.to_string())
    .bind(case.number.as_ref().map(|number| number.0.clone()))
    .bind(case.category.as_str())
    .bind(kind.as_str().unwrap_or_default())
    .bind(i64::from(case.urgent))
    .bind(i64::from(case.confidential()))
    .bind(case.stage.name().as_str())
    .bind(case.stage.since().0)
    .bind(case.reported.at.0)
    .bind(case.first_asked.person.to_string())
    .bind(case.first_asked.company.as_str())
    .bind(case.stage.handler().map(|id| id.to_string()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a case of a site has this number.
pub async fn number_taken(conn: &mut Conn, site: &SiteCode, number: &CaseNumber) -> sqlx::Result<bool> {
    let case: Option<String> =
        sqlx::query_scalar("select case_id from case_facts where site = $1 and number = $2")
            .bind(site.as_str())
            .bind(&number.0)
            .fetch_optional(conn)
            .await?;
    Ok(case.is_some())
}

/// Notes that a case names a photo.
pub async fn name_photo(
    conn: &mut Conn,
    site: &SiteCode,
    case: CaseId,
    author: PersonId,
    photo: &PhotoRef,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into case_photos (site, photo, author, case_id, sha256) values ($1, $2, $3, $4, $5) \
         on conflict (site, photo, author, case_id) do nothing",
    )
    .bind(site.as_str())
    .bind(photo.id.to_string())
    .bind(author.to_string())
    .bind(case.to_string())
    .bind(&photo.sha256)
    .execute(conn)
    .await?;
    Ok(())
}

/// The cases that name an author's photo.
pub async fn cases_of_photo(
    conn: &mut Conn,
    site: &SiteCode,
    author: PersonId,
    photo: AttachmentId,
) -> sqlx::Result<Vec<CaseId>> {
    let ids: Vec<String> = sqlx::query_scalar(
        "select case_id from case_photos where site = $1 and photo = $2 and author = $3 order by case_id",
    )
    .bind(site.as_str())
    .bind(photo.to_string())
    .bind(author.to_string())
    .fetch_all(conn)
    .await?;
    ids.iter().map(|id| id.parse().map_err(|error| damaged("case_photos", id, error))).collect()
}
