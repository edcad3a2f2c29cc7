//! The tables, as a list of steps. A step that has been released never changes: what comes later is a step of its own.
//!
//! They are named here one by one, and not gathered by `sqlx::migrate!`: that macro would compile a second SQLite and a
//! second sqlx, for itself.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

use super::Kind;

/// A step.
struct Step {
    number: i64,
    name: &'static str,
    text: Text,
}

/// What a step does.
enum Text {
    /// The same on both databases: `NUMBER_name.sql`.
    Same(&'static str),
    /// What one of the two cannot do as the other does: `NUMBER_name.sqlite.sql` and `NUMBER_name.postgres.sql`.
    Each { sqlite: &'static str, postgres: &'static str },
}

const fn step(number: i64, name: &'static str, text: &'static str) -> Step {
    Step { number, name, text: Text::Same(text) }
}

/// The steps, in the folder `migrations`.
const STEPS: [Step; 13] = [
    step(1, "foundation", include_str!("../../migrations/0001_foundation.sql")),
    step(2, "uploads", include_str!("../../migrations/0002_uploads.sql")),
    step(3, "numbers", include_str!("../../migrations/0003_numbers.sql")),
    step(4, "archive", include_str!("../../migrations/0004_archive.sql")),
    step(5, "segments", include_str!("../../migrations/0005_segments.sql")),
    step(6, "restore", include_str!("../../migrations/0006_restore.sql")),
    step(8, "waiting", include_str!("../../migrations/0008_waiting.sql")),
    step(9, "timers", include_str!("../../migrations/0009_timers.sql")),
    step(10, "live feed", include_str!("../../migrations/0010_live_feed.sql")),
    step(11, "search", include_str!("../../migrations/0011_search.sql")),
    step(12, "rounds", include_str!("../../migrations/0012_rounds.sql")),
    Step {
        number: 13,
        name: "lean",
        text: Text::Each {
            sqlite: include_str!("../../migrations/0013_lean.sqlite.sql"),
            postgres: include_str!("../../migrations/0013_lean.postgres.sql"),
        },
    },
    step(14, "taken back", include_str!("../../migrations/0014_taken_back.sql")),
];

/// What brings a database up to date, from whichever step it is at.
pub(super) fn migrator(kind: Kind) -> Migrator {
    let migration = |step: &Step| {
        let text = match (&step.text, kind) {
            (Text::Same(text), _) => text,
            (Text::Each { sqlite, .. }, Kind::Sqlite) => sqlite,
            (Text::Each { postgres, .. }, Kind::Postgres) => postgres,
        };
        let text = text.into_sql_str();
        Migration::new(step.number, step.name.into(), MigrationType::Simple, text, false)
    };
    Migrator::with_migrations(STEPS.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};

    use super::*;

    #[test]
    fn every_file_in_the_folder_is_a_step_under_its_number_and_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut steps = Vec::new();
        for Step { number, name, text } in STEPS {
            let name = format!("{number:04}_{}", name.replace(' ', "_"));
            steps.extend(match text {
                Text::Same(_) => vec![format!("{name}.sql")],
                Text::Each { .. } => vec![format!("{name}.postgres.sql"), format!("{name}.sqlite.sql")],
            });
        }
        assert_eq!(files, steps);
    }

    /// What a table holds, as text.
    async fn rows(conn: &mut AnyConnection, table: &str, columns: &[(String, String)]) -> Vec<Vec<String>> {
        let text = |(name, _): &(String, String)| format!("coalesce(cast({name} as text), 'nothing')");
        let texts: Vec<String> = columns.iter().map(text).collect();
        let sql = format!("select {} from {table} order by 1, 2, 3", texts.join(", "));
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(conn).await.unwrap();
        rows.iter().map(|row| (0..row.len()).map(|i| row.get(i)).collect()).collect()
    }

    #[tokio::test]
    async fn tables_that_are_copied_keep_their_rows() {
        const COPIED: [&str; 7] =
            ["feed", "events", "docs", "case_facts", "case_photos", "chains", "commands"];
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}?mode=rwc", folder.path().join("old.db").display());
        let mut conn = AnyConnection::connect(&url).await.unwrap();
        let all = migrator(Kind::Sqlite);
        let before = all.iter().filter(|step| step.version < 13).cloned().collect();
        Migrator::with_migrations(before).run(&mut conn).await.unwrap();
        let site = "insert into sites (code, name, head, lock_count, day, day_count, source) \
                    values ('s', '', 0, 0, '', 0, '')";
        conn.execute(site).await.unwrap();

        let mut held = Vec::new();
        for table in COPIED {
            let sql = format!("select name, type from pragma_table_info('{table}')");
            let columns: Vec<(String, String)> =
                sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
            let sql = format!("select name from pragma_table_info('{table}') where \"notnull\" = 0");
            let optional: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
            for row in 1..=3 {
                let value = |(place, (name, kind)): (usize, &(String, String))| match (&**name, &**kind) {
                    ("site", _) => "'s'".to_owned(),
                    _ if row == 3 && optional.contains(name) => "null".to_owned(),
                    (_, "TEXT" | "text") => format!("'{name} {row}'"),
                    _ => format!("{row}{place}"),
                };
                let values: Vec<String> = columns.iter().enumerate().map(value).collect();
                let names: Vec<&str> = columns.iter().map(|(name, _)| &**name).collect();
                let sql =
                    format!("insert into {table} ({}) values ({})", names.join(", "), values.join(", "));
                conn.execute(AssertSqlSafe(sql)).await.unwrap();
            }
            let rows = rows(&mut conn, table, &columns).await;
            assert_eq!(rows.len(), 3);
            held.push((table, columns, rows));
        }
        let indexes = "select name from sqlite_master where type = 'index' and sql is not null order by name";
        let mut named: Vec<String> = sqlx::query_scalar(indexes).fetch_all(&mut conn).await.unwrap();
        all.run(&mut conn).await.unwrap();
        named.retain(|name| name != "feed_doc");
        assert_eq!(sqlx::query_scalar::<_, String>(indexes).fetch_all(&mut conn).await.unwrap(), named);
        for (table, columns, before) in held {
            assert_eq!(rows(&mut conn, table, &columns).await, before, "{table}");
        }
    }
}
