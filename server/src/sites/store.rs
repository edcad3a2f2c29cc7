//! Sites and memberships in the database.

use shared::{
    ids::{PersonId, SiteCode},
    site::Member,
    time::Ms,
};
use sqlx::Row;

use crate::db::{Conn, damaged};

/// What a writer holds of a site.
#[derive(Clone, Debug)]
pub struct SiteRow {
    /// The last sequence number.
    pub head: i64,
    /// The date of the latest case number.
    pub day: String,
    /// The count of that date.
    pub day_count: i64,
    /// After a restore: how commands are collected.
    pub collecting: Collecting,
}

/// Whether a site that was restored collects commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Collecting {
    /// It does not.
    No,
    /// It will, from the server's next start.
    FromStart,
    /// It does, or did until then and has yet to judge them.
    Until(Ms),
}

/// Takes the site's row, for which every other writer of the site waits until the end of the transaction.
pub async fn lock(conn: &mut Conn, code: &SiteCode) -> sqlx::Result<Option<SiteRow>> {
    let row = sqlx::query(
        "update sites set lock_count = lock_count + 1 where code = $1 returning head, day, day_count, \
         collect_for, collect_until",
    )
    .bind(code.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(SiteRow {
            head: row.try_get("head")?,
            day: row.try_get("day")?,
            day_count: row.try_get("day_count")?,
            collecting: match (row.try_get::<Option<i64>, _>("collect_for")?, row.try_get("collect_until")?) {
                (Some(_), _) => Collecting::FromStart,
                (None, Some(until)) => Collecting::Until(Ms(until)),
                (None, None) => Collecting::No,
            },
        })
    })
    .transpose()
}

/// Creates a site, or notes its new name.
pub async fn create(conn: &mut Conn, code: &SiteCode, name: &str) -> sqlx::Result<()> {
    sqlx::query(
        "insert into sites (code, name, head, lock_count, day, day_count, source) \
         values ($1, $2, 0, 0, '', 0, '') \
         on conflict (code) do update set name = excluded.name",
    )
    .bind(code.as_str())
    .bind(name)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes the file from which a site is imported.
pub async fn set_source(conn: &mut Conn, code: &SiteCode, source: &str) -> sqlx::Result<()> {
    sqlx::query("update sites set source = $1 where code = $2")
        .bind(source)
        .bind(code.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The file from which a site was last imported, nothing before that.
pub async fn source(conn: &mut Conn, code: &SiteCode) -> sqlx::Result<String> {
    sqlx::query_scalar("select source from sites where code = $1").bind(code.as_str()).fetch_one(conn).await
}

/// Notes how far the site is.
pub async fn advance(conn: &mut Conn, code: &SiteCode, row: &SiteRow) -> sqlx::Result<()> {
    sqlx::query("update sites set head = $1, day = $2, day_count = $3 where code = $4")
        .bind(row.head)
        .bind(&row.day)
        .bind(row.day_count)
        .bind(code.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// All sites.
pub async fn all(conn: &mut Conn) -> sqlx::Result<Vec<SiteCode>> {
    let codes: Vec<String> =
        sqlx::query_scalar("select code from sites order by code").fetch_all(conn).await?;
    Ok(codes.into_iter().map(SiteCode).collect())
}

/// How far each site is.
pub async fn heads(conn: &mut Conn) -> sqlx::Result<Vec<(SiteCode, i64)>> {
    let rows = sqlx::query("select code, head from sites order by code").fetch_all(conn).await?;
    rows.iter().map(|row| Ok((SiteCode(row.try_get("code")?), row.try_get("head")?))).collect()
}

/// How far the site is.
pub async fn head(conn: &mut Conn, code: &SiteCode) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("select head from sites where code = $1")
        .bind(code.as_str())
        .fetch_optional(conn)
        .await
}

/// What a person is at a site, also after having left.
pub async fn member(conn: &mut Conn, site: &SiteCode, person: PersonId) -> sqlx::Result<Option<Member>> {
    let text: Option<String> =
        sqlx::query_scalar("select member from memberships where site = $1 and account = $2")
            .bind(site.as_str())
            .bind(person.to_string())
            .fetch_optional(conn)
            .await?;
    text.map(|text| read(site, &text)).transpose()
}

/// Whether somebody serves at a site.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Serves {
    /// And may be given work.
    Now,
    /// And has left.
    Before,
    /// Nobody of the site.
    Never,
}

/// Whether each of two people, who may be one, serves at a site.
pub async fn serve(conn: &mut Conn, site: &SiteCode, people: [PersonId; 2]) -> sqlx::Result<[Serves; 2]> {
    let rows = sqlx::query("select account, active from memberships where site = $1 and account in ($2, $3)")
        .bind(site.as_str())
        .bind(people[0].to_string())
        .bind(people[1].to_string())
        .fetch_all(conn)
        .await?;
    let mut serve = [Serves::Never; 2];
    for row in &rows {
        let (account, active): (&str, i64) = (row.try_get("account")?, row.try_get("active")?);
        for (person, serves) in people.iter().zip(&mut serve) {
            if person.to_string() == account {
                *serves = if active != 0 { Serves::Now } else { Serves::Before };
            }
        }
    }
    Ok(serve)
}

fn read(site: &SiteCode, text: &str) -> sqlx::Result<Member> {
    serde_json::from_str(text).map_err(|error| damaged("memberships", site, error))
}

/// Everybody who is or was at a site, by staff code.
pub async fn members(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<Vec<Member>> {
    let texts: Vec<String> =
        sqlx::query_scalar("select member from memberships where site = $1 order by code")
            .bind(site.as_str())
            .fetch_all(conn)
            .await?;
    texts.iter().map(|text| read(site, text)).collect()
}

/// The sites where a person is or was.
pub async fn sites_of(conn: &mut Conn, person: PersonId) -> sqlx::Result<Vec<SiteCode>> {
    let codes: Vec<String> =
        sqlx::query_scalar("select site from memberships where account = $1 order by site")
            .bind(person.to_string())
            .fetch_all(conn)
            .await?;
    Ok(codes.into_iter().map(SiteCode).collect())
}

/// Writes what a person is at a site.
pub async fn save_member(conn: &mut Conn, site: &SiteCode, member: &Member) -> sqlx::Result<()> {
    let text = serde_json::to_string(member).map_err(|error| damaged("memberships", site, error))?;
    sqlx::query(
        "insert into memberships (site, account, code, active, member) values ($1, $2, $3, $4, $5) \
         on conflict (site, account) do update set code = excluded.code, active = excluded.active, \
         member = excluded.member",
    )
    .bind(site.as_str())
    .bind(member.id.to_string())
    .bind(&member.code)
    .bind(i64::from(!member.gone))
    .bind(text)
    .execute(conn)
    .await?;
    Ok(())
}
