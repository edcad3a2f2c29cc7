//! Labels, and facts of routes and rounds, in the database.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use jiff::civil::Date;
use shared::{
    ids::{PlaceCode, RoundId, RouteCode, RouteId, SiteCode, StopCode},
    round::{Round, trust::Usual},
    route::Route,
    time::Ms,
};
use sqlx::{AssertSqlSafe, Row};

use crate::db::{Conn, damaged, look_up, put};

/// A label.
#[derive(Clone, Debug)]
pub struct LabelRow {
    /// Where it hangs, or hung.
    pub place: PlaceCode,
    /// Its secret.
    pub token: String,
    /// When another one took its place.
    pub replaced: Option<Ms>,
}

fn label(row: &sqlx::any::AnyRow) -> sqlx::Result<LabelRow> {
    Ok(LabelRow {
        place: PlaceCode(row.try_get("place")?),
        token: row.try_get("token")?,
        replaced: row.try_get::<Option<i64>, _>("replaced")?.map(Ms),
    })
}

/// The labels at some places, at each the oldest first.
pub async fn labels(
    conn: &mut Conn,
    site: &SiteCode,
    places: &BTreeSet<PlaceCode>,
) -> sqlx::Result<Vec<LabelRow>> {
    let places: Vec<&PlaceCode> = places.iter().collect();
    let sql = "select place, token, replaced from labels where site = $1 and place in ({keys}) \
               order by place, case when replaced is null then 1 else 0 end, replaced, made, token";
    look_up(conn, sql, &[site.as_str()], &places).await?.iter().map(label).collect()
}

/// The labels that hang at a site.
pub async fn hanging(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<Vec<LabelRow>> {
    let rows = sqlx::query(
        "select place, token, replaced from labels where site = $1 and replaced is null order by place",
    )
    .bind(site.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(label).collect()
}

/// Hangs a label at a place where none hangs.
pub async fn add_label(
    conn: &mut Conn,
    site: &SiteCode,
    place: &PlaceCode,
    token: &str,
    now: Ms,
) -> sqlx::Result<()> {
    sqlx::query("insert into labels (site, place, token, made, replaced) values ($1, $2, $3, $4, null)")
        .bind(site.as_str())
        .bind(place.as_str())
        .bind(token)
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// The places whose labels were made since an instant, by site.
pub async fn labels_since(conn: &mut Conn, since: Ms) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as(
        "select site, place from labels where made >= $1 and replaced is null order by site, place",
    )
    .bind(since.0)
    .fetch_all(conn)
    .await
}

/// Takes down the label that hangs at a place; whether there was one.
pub async fn replace_label(
    conn: &mut Conn,
    site: &SiteCode,
    place: &PlaceCode,
    now: Ms,
) -> sqlx::Result<bool> {
    let done =
        sqlx::query("update labels set replaced = $1 where site = $2 and place = $3 and replaced is null")
            .bind(now.0)
            .bind(site.as_str())
            .bind(place.as_str())
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes when the next round of a changed route begins. One that has begun and was not made yet comes before it; without
/// such, all that were to be made by now have been.
pub async fn put_route(
    conn: &mut Conn,
    site: &SiteCode,
    route: &Route,
    next: Option<Ms>,
    now: Ms,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into route_facts (site, route_id, code, planned_until, next_at) values ($1, $2, $3, $4, $5) \
         on conflict (site, route_id) do update set code = excluded.code, \
         planned_until = case when route_facts.next_at <= excluded.planned_until \
         then route_facts.planned_until else excluded.planned_until end, \
         next_at = case when route_facts.next_at <= excluded.planned_until \
         then route_facts.next_at else excluded.next_at end",
    )
    .bind(site.as_str())
    .bind(route.id.to_string())
    .bind(route.code.as_str())
    .bind(now.0)
    .bind(next.map(|at| at.0))
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that the rounds of a route have been made up to an instant, and when it is to be looked again.
pub async fn planned(
    conn: &mut Conn,
    site: &SiteCode,
    route: RouteId,
    until: Ms,
    next: Option<Ms>,
) -> sqlx::Result<()> {
    sqlx::query("update route_facts set planned_until = $1, next_at = $2 where site = $3 and route_id = $4")
        .bind(until.0)
        .bind(next.map(|at| at.0))
        .bind(site.as_str())
        .bind(route.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// Some of the routes of a site of which a round begins by now, each with the instant up to which they have been made.
pub async fn beginning(
    conn: &mut Conn,
    site: &SiteCode,
    now: Ms,
    limit: i64,
) -> sqlx::Result<Vec<(RouteId, Ms)>> {
    let rows = sqlx::query(
        "select route_id, planned_until from route_facts where site = $1 and next_at <= $2 \
         order by next_at, route_id limit $3",
    )
    .bind(site.as_str())
    .bind(now.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let id: &str = row.try_get("route_id")?;
            let route = id.parse().map_err(|error| damaged("route_facts", id, error))?;
            Ok((route, Ms(row.try_get("planned_until")?)))
        })
        .collect()
}

/// Writes what is asked of rounds without reading them.
pub async fn put_rounds(conn: &mut Conn, site: &SiteCode, rounds: &[Round]) -> sqlx::Result<()> {
    let sql = [
        "insert into round_facts (site, round_id, route, day, minute, until_at, ended)",
        "on conflict (site, round_id) do update set ended = excluded.ended",
    ];
    put(conn, sql, rounds, |row, round| {
        Ok(row
            .bind(site.as_str())
            .bind(round.id.to_string())
            .bind(round.task.route.as_str())
            .bind(round.task.occurrence.date.to_string())
            .bind(i64::from(round.task.occurrence.minute))
            .bind(round.task.until.0)
            .bind(i64::from(round.ended)))
    })
    .await
}

/// Some of the rounds of a site whose windows are over by now, which is not noted yet.
pub async fn ending(conn: &mut Conn, site: &SiteCode, now: Ms, limit: i64) -> sqlx::Result<Vec<RoundId>> {
    let ids: Vec<String> = sqlx::query_scalar(
        "select round_id from round_facts where ended = 0 and until_at <= $1 and site = $2 \
         order by until_at, round_id limit $3",
    )
    .bind(now.0)
    .bind(site.as_str())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    ids.iter().map(|id| id.parse().map_err(|error| damaged("round_facts", id, error))).collect()
}

/// The sites where a round begins or a window ends by now.
pub async fn due_sites(conn: &mut Conn, now: Ms) -> sqlx::Result<Vec<SiteCode>> {
    let codes: Vec<String> = sqlx::query_scalar(
        "select site from route_facts where next_at <= $1 \
         union select site from round_facts where ended = 0 and until_at <= $1 order by site",
    )
    .bind(now.0)
    .fetch_all(conn)
    .await?;
    Ok(codes.into_iter().map(SiteCode).collect())
}

/// When the next round begins or window ends, at whatever site.
pub async fn next_due(conn: &mut Conn) -> sqlx::Result<Option<Ms>> {
    let begins: Option<i64> =
        sqlx::query_scalar("select min(next_at) from route_facts").fetch_one(&mut *conn).await?;
    let ends: Option<i64> = sqlx::query_scalar("select min(until_at) from round_facts where ended = 0")
        .fetch_one(&mut *conn)
        .await?;
    Ok(begins.into_iter().chain(ends).min().map(Ms))
}

/// Rounds whose windows ended before an instant and that are still addressed to somebody, so many at most.
pub async fn ended_before(
    conn: &mut Conn,
    site: &SiteCode,
    before: Ms,
    limit: i64,
) -> sqlx::Result<Vec<RoundId>> {
    let ids: Vec<String> = sqlx::query_scalar(
        "select f.round_id from round_facts f where f.site = $1 and f.ended = 1 and f.until_at <= $2 \
         and exists (select 1 from feed r where r.site = f.site and r.doc = 'round:' || f.round_id \
         and r.gone = 0) order by f.until_at limit $3",
    )
    .bind(site.as_str())
    .bind(before.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    ids.iter().map(|id| id.parse().map_err(|error| damaged("round_facts", id, error))).collect()
}

/// The rounds of some days, of one route if it is named, in the order of their dates.
pub async fn rounds_of_days(
    conn: &mut Conn,
    site: &SiteCode,
    days: RangeInclusive<Date>,
    route: Option<&RouteCode>,
) -> sqlx::Result<Vec<Round>> {
    let of_route = if route.is_some() { "and f.route = $4 " } else { "" };
    let sql = format!(
        "select f.round_id, d.body from round_facts f \
         join docs d on d.site = f.site and d.doc = 'round:' || f.round_id \
         where f.site = $1 and f.day >= $2 and f.day <= $3 {of_route}order by f.day, f.route, f.minute"
    );
    // Made of constants.
    let mut query = sqlx::query(AssertSqlSafe(sql))
        .bind(site.as_str())
        .bind(days.start().to_string())
        .bind(days.end().to_string());
    if let Some(route) = route {
        query = query.bind(route.as_str());
    }
    let rows = query.fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let (id, body): (&str, &str) = (row.try_get("round_id")?, row.try_get("body")?);
            serde_json::from_str(body)
                .map_err(|error| damaged("docs", format_args!("{site}/round:{id}"), error))
        })
        .collect()
}

/// What is usual on a route, as it is stored: from which stop to which, how long.
type UsualRow = (StopCode, StopCode, i64);

/// What is usual on the routes of a site.
pub async fn usual(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<BTreeMap<RouteCode, Usual>> {
    let rows = sqlx::query("select code, usual from route_facts where site = $1 and usual is not null")
        .bind(site.as_str())
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let (code, usual): (&str, &str) = (row.try_get("code")?, row.try_get("usual")?);
            let legs: Vec<UsualRow> =
                serde_json::from_str(usual).map_err(|error| damaged("route_facts", code, error))?;
            Ok((code.into(), legs.into_iter().map(|(from, to, millis)| ((from, to), millis)).collect()))
        })
        .collect()
}

/// Notes what is usual on a route.
pub async fn set_usual(
    conn: &mut Conn,
    site: &SiteCode,
    route: &RouteCode,
    usual: &Usual,
) -> sqlx::Result<()> {
    let legs: Vec<UsualRow> =
        usual.iter().map(|((from, to), millis)| (from.clone(), to.clone(), *millis)).collect();
    let text = serde_json::to_string(&legs).map_err(|error| damaged("route_facts", route, error))?;
    sqlx::query("update route_facts set usual = $1 where site = $2 and code = $3")
        .bind(text)
        .bind(site.as_str())
        .bind(route.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The codes of a site's routes.
pub async fn codes(conn: &mut Conn, site: &SiteCode) -> sqlx::Result<Vec<RouteCode>> {
    let codes: Vec<String> = sqlx::query_scalar("select code from route_facts where site = $1 order by code")
        .bind(site.as_str())
        .fetch_all(conn)
        .await?;
    Ok(codes.into_iter().map(RouteCode).collect())
}
