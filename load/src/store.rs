//! What the load asks of the database itself: copies of rows, a site filled at once, and counts.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use anyhow::Context;
use server::db::{Conn, pieces, put, rows_of_placeholders};
use shared::round::Round;
use sqlx::{AssertSqlSafe, Row, any::AnyRow};

/// A value of a row.
#[derive(Clone, Debug)]
pub enum Value {
    /// TEXT, or nothing.
    Text(Option<String>),
    /// BIGINT, or nothing.
    Number(Option<i64>),
}

/// A table that a report leaves rows in.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns; those of numbers begin with `#`.
    columns: &'static [&'static str],
    /// The column that says of which case a row is.
    case: &'static str,
}

/// Every table that a report leaves rows in, in the order in which the server writes them.
pub const TABLES: [Table; 5] = [
    Table {
        name: "commands",
        columns: &[
            "device",
            "author",
            "#n",
            "hash",
            "id",
            "site",
            "aggregate",
            "kind",
            "text",
            "#event_at",
            "#uncertain",
            "#received",
            "status",
            "verdict",
            "#private",
            "had",
            "#had_seq",
        ],
        case: "aggregate",
    },
    Table {
        name: "events",
        columns: &["site", "kind", "aggregate", "#version", "#seq", "body", "command"],
        case: "aggregate",
    },
    Table {
        name: "case_facts",
        columns: &[
            "site",
            "case_id",
            "number",
            "category",
            "kind",
            "#urgent",
            "#confidential",
            "stage",
            "#stage_since",
            "#reported_at",
            "first_asked",
            "company",
            "handler",
        ],
        case: "case_id",
    },
    Table { name: "docs", columns: &["site", "doc", "#version", "#born", "#seq", "body"], case: "doc" },
    Table { name: "feed", columns: &["site", "principal", "doc", "#seq", "#gone"], case: "doc" },
];

impl Table {
    fn names(&self) -> String {
        self.columns.iter().map(|column| column.trim_start_matches('#')).collect::<Vec<_>>().join(", ")
    }

    fn read(&self, row: &AnyRow) -> sqlx::Result<Vec<Value>> {
        let value = |(i, column): (usize, &&str)| {
            Ok(match column.strip_prefix('#') {
                Some(_) => Value::Number(row.try_get(i)?),
                None => Value::Text(row.try_get(i)?),
            })
        };
        self.columns.iter().enumerate().map(value).collect()
    }
}

/// The rows of some reports, by table.
pub type Rows = BTreeMap<&'static str, Vec<Vec<Value>>>;

/// The rows that reports have left, in lots of so many reports, in the order in which those were taken.
pub async fn lots(conn: &mut Conn, size: usize) -> anyhow::Result<Vec<Rows>> {
    let mut order: HashMap<String, usize> = HashMap::new();
    // Routes and rounds come with the property: whoever writes the lots elsewhere has them already.
    let cases = sqlx::query(
        "select aggregate, min(seq) as first from events where kind = 'case' group by aggregate order by first",
    );
    for (i, row) in cases.fetch_all(&mut *conn).await?.iter().enumerate() {
        order.insert(row.try_get("aggregate")?, i);
    }
    let mut lots: Vec<Rows> = vec![Rows::new(); order.len().div_ceil(size)];
    for table in TABLES {
        let sql = format!("select {}, {} as of_case from {}", table.names(), table.case, table.name);
        // Of constants only.
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *conn).await? {
            let case: String = row.try_get("of_case")?;
            let Some(i) = order.get(case.trim_start_matches("case:")) else { continue };
            lots[i / size].entry(table.name).or_default().push(table.read(&row)?);
        }
    }
    Ok(lots)
}

/// Writes the rows of a lot, and moves a chain for each of its commands and the site, as any writer must.
pub async fn write(conn: &mut Conn, rows: &Rows) -> anyhow::Result<()> {
    sqlx::query("update sites set head = head + 1").execute(&mut *conn).await?;
    for table in TABLES {
        insert(conn, &table, rows.get(table.name).map_or(&[], Vec::as_slice)).await?;
    }
    let mut chains: BTreeMap<(String, String), (i64, String)> = BTreeMap::new();
    for row in rows.get("commands").into_iter().flatten() {
        if let [
            Value::Text(Some(device)),
            Value::Text(Some(author)),
            Value::Number(Some(n)),
            Value::Text(Some(hash)),
            ..,
        ] = row.as_slice()
        {
            chains.insert((device.clone(), author.clone()), (*n, hash.clone()));
        }
    }
    let chains: Vec<_> = chains.into_iter().collect();
    let sql = [
        "insert into chains (device, author, n, hash, last_at, lock_count)",
        "on conflict (device, author) do update set n = excluded.n, hash = excluded.hash",
    ];
    let moved = put(conn, sql, &chains, |row, ((device, author), (n, hash))| {
        Ok(row
            .bind(device.as_str())
            .bind(author.as_str())
            .bind(*n)
            .bind(hash.as_str())
            .bind(0_i64)
            .bind(0_i64))
    });
    Ok(moved.await?)
}

async fn insert(conn: &mut Conn, table: &Table, rows: &[Vec<Value>]) -> sqlx::Result<()> {
    let head = format!("insert into {} ({})", table.name, table.names());
    put(conn, [&head, ""], rows, |row, values| {
        Ok(values.iter().fold(row, |row, value| match value {
            Value::Text(text) => row.bind(text.as_deref()),
            Value::Number(number) => row.bind(*number),
        }))
    })
    .await
}

/// The rows of a table.
pub async fn count(conn: &mut Conn, table: &str) -> anyhow::Result<usize> {
    // Of a name in this program only.
    let sql = AssertSqlSafe(format!("select cast(count(*) as bigint) as n from {table}"));
    let rows: i64 = sqlx::query_scalar(sql).fetch_one(conn).await?;
    usize::try_from(rows).context("a count")
}

/// How many commands have been accepted, and how many different ids those have.
pub async fn accepted(conn: &mut Conn) -> anyhow::Result<usize> {
    let rows: i64 = sqlx::query_scalar(
        "select cast(count(distinct id) as bigint) from commands where status = 'done' and verdict like '%accepted%'",
    )
    .fetch_one(conn)
    .await?;
    usize::try_from(rows).context("a count")
}

/// How many photos cases have confirmed.
pub async fn photos_kept(conn: &mut Conn) -> anyhow::Result<usize> {
    let rows: i64 =
        sqlx::query_scalar("select cast(count(*) as bigint) from events where body like '%photo_kept%'")
            .fetch_one(conn)
            .await?;
    usize::try_from(rows).context("a count")
}

/// Fills a site, by SQL, with cases that ended long ago: copies of the one that is there, each with its facts, its
/// document, and the row of the desk's feed that says that it has left.
pub async fn fill(conn: &mut Conn, from: usize, to: usize) -> anyhow::Result<()> {
    let body: String = sqlx::query_scalar("select body from docs where doc like 'case:%' limit 1")
        .fetch_one(&mut *conn)
        .await?;
    let count = i64::try_from(to - from)?;
    let head: i64 =
        sqlx::query_scalar("update sites set head = head + $1 where code = 'jinzhou' returning head - $1")
            .bind(count)
            .fetch_one(&mut *conn)
            .await?;
    let numbers: Vec<(usize, i64)> = (from..to).zip(head + 1..).collect();
    for numbers in pieces(&numbers) {
        let statement = |start: &str, columns| {
            AssertSqlSafe(format!("{start} values {}", rows_of_placeholders(conn, numbers.len(), columns)))
        };
        // Of constants and placeholders only.
        let mut facts = sqlx::query(statement(
            "insert into case_facts (site, case_id, category, kind, urgent, confidential, stage, stage_since, \
             reported_at, first_asked, company)",
            11,
        ));
        let mut docs = sqlx::query(statement("insert into docs (site, doc, version, born, seq, body)", 6));
        let mut feed = sqlx::query(statement("insert into feed (site, principal, doc, seq, gone)", 5));
        for (number, seq) in numbers {
            // Spread over the keys as ids that devices make are.
            let id = (*number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let id = uuid::Uuid::from_u128(id).to_string();
            let doc = format!("case:{id}");
            facts = facts.bind("jinzhou").bind(id).bind("leak").bind("repair").bind(0_i64).bind(0_i64);
            facts = facts.bind("closed").bind(1_i64).bind(1_i64).bind("nobody").bind("none");
            docs =
                docs.bind("jinzhou").bind(doc.clone()).bind(9_i64).bind(*seq).bind(*seq).bind(body.as_str());
            feed = feed.bind("jinzhou").bind("role:desk").bind(doc).bind(*seq).bind(1_i64);
        }
        facts.execute(&mut *conn).await?;
        docs.execute(&mut *conn).await?;
        feed.execute(&mut *conn).await?;
    }
    Ok(())
}

/// The date of the rounds that [`fill_rounds`] has put on a day, counted from the day of the one that it copies.
pub fn day_of(round: &Round, day: usize) -> anyhow::Result<jiff::civil::Date> {
    (0..day).try_fold(round.task.occurrence.date, |date, _| Ok(date.tomorrow()?))
}

/// Fills a site, by SQL, with copies of a round, so many on each of the days after it: their facts and documents.
pub async fn fill_rounds(
    conn: &mut Conn,
    round: &Round,
    numbers: Range<usize>,
    a_day: usize,
) -> anyhow::Result<()> {
    let body = serde_json::to_string(round)?;
    let (id, date) = (round.id.to_string(), round.task.occurrence.date.to_string());
    let numbers: Vec<usize> = numbers.collect();
    for numbers in pieces(&numbers) {
        let statement = |start: &str, columns| {
            AssertSqlSafe(format!("{start} values {}", rows_of_placeholders(conn, numbers.len(), columns)))
        };
        // Of constants and placeholders only.
        let mut facts = sqlx::query(statement(
            "insert into round_facts (site, round_id, route, day, minute, until_at, ended)",
            7,
        ));
        let mut docs = sqlx::query(statement("insert into docs (site, doc, version, born, seq, body)", 6));
        for number in numbers {
            let own = (*number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let own = uuid::Uuid::from_u128(own).to_string();
            let day = day_of(round, number / a_day + 1)?.to_string();
            let body = body.replace(&id, &own).replace(&date, &day);
            let route = format!("R-{:02}", number % 20);
            facts = facts.bind("jinzhou").bind(own.clone()).bind(route).bind(day).bind(1_320_i64);
            facts = facts.bind(1_i64).bind(1_i64);
            docs = docs.bind("jinzhou").bind(format!("round:{own}")).bind(9_i64).bind(1_i64).bind(1_i64);
            docs = docs.bind(body);
        }
        facts.execute(&mut *conn).await?;
        docs.execute(&mut *conn).await?;
    }
    Ok(())
}
