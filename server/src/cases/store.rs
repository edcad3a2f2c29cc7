//! Facts of cases in the database, and cases by their latest report.

use shared::{
    case::Case,
    ids::{CaseId, CaseNumber, Principal, SiteCode},
    site::Member,
    time::Ms,
};
use sqlx::{AssertSqlSafe, Row};

use super::search::Position;
use crate::{
    db::{Conn, damaged, list_after, put},
    ledger,
};

/// A case.
pub async fn find(conn: &mut Conn, site: &SiteCode, id: CaseId) -> sqlx::Result<Option<Case>> {
    ledger::store::find(conn, site, id).await
}

/// The cases of a site before a position, or the latest, that have left the feed of somebody who may have to do with
/// them, the latest first, each with its position.
///
/// Who belongs to the office may have to do with all of them; of anybody else it is those that were ever addressed to
/// them. What they may see of each is asked of the rules.
pub(super) async fn before(
    conn: &mut Conn,
    site: &SiteCode,
    member: &Member,
    position: Option<Position>,
    count: i64,
) -> sqlx::Result<Vec<(Case, Position)>> {
    let principals: Vec<String> = member.principals().iter().map(Principal::to_string).collect();
    let held = list_after(4, principals.len());
    let candidates = if member.office() {
        "case_facts f".to_owned()
    } else {
        // Few, however large the archive is.
        format!(
            "(select distinct substr(doc, 6) as case_id from feed where site = $1 and principal in ({held}) \
             and gone = 1 and doc like 'case:%') own \
             join case_facts f on f.case_id = own.case_id"
        )
    };
    let sql = format!(
        "select found.case_id, found.reported_at, d.body from \
         (select f.case_id, f.reported_at from {candidates} where f.site = $1 \
         and (f.reported_at, f.case_id) < ($2, $3) \
         and not exists (select 1 from feed live where live.site = $1 and live.doc = 'case:' || f.case_id \
         and live.principal in ({held}) and live.gone = 0) \
         order by f.reported_at desc, f.case_id desc limit $4) found \
         join docs d on d.site = $1 and d.doc = 'case:' || found.case_id \
         order by found.reported_at desc, found.case_id desc"
    );
    let start = Position { reported: Ms(i64::MAX), case: CaseId(uuid::Uuid::max()) };
    let position = position.unwrap_or(start);
    // Made of constants and placeholders only.
    let mut query = sqlx::query(AssertSqlSafe(sql))
        .bind(site.as_str())
        .bind(position.reported.0)
        .bind(position.case.to_string())
        .bind(count);
    for principal in &principals {
        query = query.bind(principal.as_str());
    }
    let rows = query.fetch_all(conn).await?;
    let mut cases = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, reported, body): (String, i64, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let case = serde_json::from_str(&body)
            .map_err(|error| damaged("docs", format_args!("{site}/case:{id}"), error))?;
        let case_id = id.parse().map_err(|error| damaged("case_facts", &id, error))?;
        cases.push((case, Position { reported: Ms(reported), case: case_id }));
    }
    Ok(cases)
}

/// Writes what statistics ask of cases, each of them once.
pub async fn put_facts(conn: &mut Conn, site: &SiteCode, cases: &[Case]) -> sqlx::Result<()> {
    let sql = [
        "insert into case_facts (site, case_id, number, category, kind, urgent, confidential, stage, \
         stage_since, reported_at, first_asked, company, handler)",
        "on conflict (site, case_id) do update set category = excluded.category, kind = excluded.kind, \
         urgent = excluded.urgent, confidential = excluded.confidential, stage = excluded.stage, \
         stage_since = excluded.stage_since, first_asked = excluded.first_asked, \
         company = excluded.company, handler = excluded.handler",
    ];
    put(conn, sql, cases, |row, case| {
        let kind = serde_json::to_value(case.kind).map_err(|error| damaged("case_facts", case.id, error))?;
        Ok(row
            .bind(site.as_str())
            .bind(case.id.to_string())
            .bind(case.number.as_ref().map(|number| number.0.clone()))
            .bind(case.category.as_str())
            .bind(kind.as_str().unwrap_or_default().to_owned())
            .bind(i64::from(case.urgent))
            .bind(i64::from(case.confidential()))
            .bind(case.stage.name().as_str())
            .bind(case.stage.since().0)
            .bind(case.reported.at.0)
            .bind(case.first_asked.person.to_string())
            .bind(case.first_asked.company.as_str())
            .bind(case.stage.handler().map(|id| id.to_string())))
    })
    .await
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
