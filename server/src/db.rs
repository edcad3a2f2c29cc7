//! The database: one SQL text for SQLite and PostgreSQL, and everything in which the two differ.
//!
//! A writer takes [`Db::write`], locks its site's row first, writes and commits; what is not committed is undone and
//! its connection thrown away, so that nothing unfinished lingers in it. A reader who needs several consistent looks
//! takes [`Db::read`], others [`Db::connection`].
//!
//! Only TEXT, BIGINT and DOUBLE PRECISION columns: booleans are 0 and 1, instants milliseconds, JSON is text.

mod migrations;

use std::{
    borrow::Cow,
    ops::{Deref, DerefMut},
    path::Path,
    time::Duration,
};

use anyhow::Context;
use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, Executor,
    any::{AnyArguments, AnyPoolOptions, AnyRow, install_default_drivers},
    pool::PoolConnection,
    postgres::{PgConnection, PgListener},
    query::Query,
};
use tokio::sync::mpsc;

/// What every function of a `store.rs` works on.
pub type Conn = AnyConnection;

/// How long a request waits for a connection before it is told to come again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// A connection that was in use so shortly before is taken for a live one: asking it costs as much as a look into the database.
const FRESH: Duration = Duration::from_secs(1);

/// After so many commits SQLite's log is put into its file.
const SETTLED_COMMITS: usize = 8;
/// Or so long after a commit.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Sqlite,
    Postgres,
}

/// The database.
#[derive(Clone, Debug)]
pub struct Db {
    kind: Kind,
    url: String,
    readers: AnyPool,
    writers: AnyPool,
    /// Told after each commit to SQLite: see [`settle_steadily`].
    committed: Option<mpsc::Sender<()>>,
}

impl Db {
    /// Connects and brings the tables up to date.
    ///
    /// # Errors
    /// If the address is neither SQLite nor PostgreSQL, the database cannot be reached, or a migration fails.
    pub async fn open(url: &str, connections: u32) -> anyhow::Result<Db> {
        install_default_drivers();
        let kind = if url.starts_with("sqlite:") {
            Kind::Sqlite
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Kind::Postgres
        } else {
            anyhow::bail!("a database is sqlite:PATH or postgres://…");
        };
        let connections = connections.max(1);
        let db = match kind {
            Kind::Sqlite => {
                let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
                let path = path.split('?').next().unwrap_or(path);
                // SQLite has one writer; more connections would only wait for each other inside it.
                let writers = pool(1, SQLITE_WRITER).connect(&format!("sqlite:{path}?mode=rwc")).await?;
                let readers =
                    pool(connections, SQLITE_READER).connect(&format!("sqlite:{path}?mode=rw")).await?;
                let (committed, commits) = mpsc::channel(SETTLED_COMMITS);
                tokio::spawn(settle_steadily(readers.clone(), commits));
                Db { kind, url: url.to_owned(), readers, writers, committed: Some(committed) }
            }
            Kind::Postgres => {
                // Apart, for what one writer after the other prepares on its connection the next one finds there.
                let writers = pool(connections, POSTGRES_WRITER).connect(url).await?;
                let readers = pool(connections, POSTGRES_READER).connect(url).await?;
                Db { kind, url: url.to_owned(), readers, writers, committed: None }
            }
        };
        migrations::migrator(kind)
            .run(&db.writers)
            .await
            .context("the tables cannot be brought up to date")?;
        Ok(db)
    }

    /// Begins to write.
    ///
    /// # Errors
    /// If no connection gets free in time.
    pub async fn write(&self) -> sqlx::Result<WriteTx> {
        let conn = self.writers.acquire().await?;
        let mut tx = WriteTx { conn, committed: false, told: self.committed.clone() };
        let begin = match self.kind {
            // Taken at once: a lock that is taken later can fail half way.
            Kind::Sqlite => "begin immediate",
            Kind::Postgres => "begin",
        };
        tx.conn.execute(begin).await?;
        Ok(tx)
    }

    /// Begins to read: everything read is of one instant.
    ///
    /// # Errors
    /// If no connection gets free in time.
    pub async fn read(&self) -> sqlx::Result<sqlx::Transaction<'static, Any>> {
        let (readers, kind) = (self.readers.clone(), self.kind);
        // A task of its own: whoever hangs up while a transaction begins would otherwise leave it open on its connection,
        // and the next one to use that would look at what was then.
        let begun = tokio::spawn(async move {
            readers
                .begin_with(match kind {
                    Kind::Sqlite => "begin",
                    Kind::Postgres => "begin isolation level repeatable read, read only",
                })
                .await
        });
        begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }

    /// A connection for single looks.
    ///
    /// # Errors
    /// If none gets free in time.
    pub async fn connection(&self) -> sqlx::Result<PoolConnection<Any>> {
        self.readers.acquire().await
    }

    /// Whether several processes may serve it at the same time.
    pub fn serves_several(&self) -> bool {
        match self.kind {
            Kind::Sqlite => false,
            Kind::Postgres => true,
        }
    }

    /// Hears what other processes tell on a channel; only of a database that [serves several](Self::serves_several).
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn listen(&self, channel: &str) -> sqlx::Result<Listening> {
        let mut listener = PgListener::connect(&self.url).await?;
        listener.listen(channel).await?;
        Ok(Listening(listener))
    }

    /// Tells other processes something, on a connection of its own: those of the pools may all be busy.
    pub fn teller(&self) -> Teller {
        Teller { url: self.url.clone(), conn: None }
    }

    /// Whether the database is a file that [`copy_to`](Db::copy_to) copies.
    pub fn is_file(&self) -> bool {
        self.kind == Kind::Sqlite
    }

    /// Copies SQLite's database, as it is at one instant, to a file that is not there yet, while others write.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub async fn copy_to(&self, path: &Path) -> anyhow::Result<()> {
        let path = path.to_str().with_context(|| format!("{} is no UTF-8", path.display()))?;
        let mut conn = self.writers.acquire().await?;
        sqlx::query("vacuum into $1").bind(path).execute(&mut *conn).await?;
        Ok(())
    }

    /// Lets go of every connection, after those who use them.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

/// What other processes tell.
#[derive(Debug)]
pub struct Listening(PgListener);

impl Listening {
    /// The next thing; `None` if the connection was lost and what was told meanwhile is lost with it.
    ///
    /// # Errors
    /// If the database cannot be reached again.
    pub async fn next(&mut self) -> sqlx::Result<Option<String>> {
        Ok(self.0.try_recv().await?.map(|told| told.payload().to_owned()))
    }
}

/// Tells other processes.
#[derive(Debug)]
pub struct Teller {
    url: String,
    conn: Option<PgConnection>,
}

impl Teller {
    /// Tells whoever listens on a channel; once more on a new connection if the old one was lost.
    ///
    /// # Errors
    /// If the database cannot be reached, or refuses it.
    pub async fn tell(&mut self, channel: &str, text: &str) -> sqlx::Result<()> {
        if let Some(conn) = &mut self.conn {
            if notify(conn, channel, text).await.is_ok() {
                return Ok(());
            }
            self.conn = None;
        }
        let conn = self.conn.insert(PgConnection::connect(&self.url).await?);
        notify(conn, channel, text).await
    }
}

async fn notify(conn: &mut PgConnection, channel: &str, text: &str) -> sqlx::Result<()> {
    sqlx::query("select pg_notify($1, $2)").bind(channel).bind(text).execute(conn).await?;
    Ok(())
}

/// Puts all of a SQLite database into its one file, for which nobody else may use it.
///
/// # Errors
/// If somebody does: a server that still runs.
pub async fn settle(path: &Path) -> anyhow::Result<()> {
    install_default_drivers();
    let url = format!("{}?mode=rw", crate::config::sqlite_url(path));
    let mut conn = AnyConnection::connect(&url).await?;
    let mode: String = sqlx::query_scalar("pragma journal_mode = delete")
        .fetch_one(&mut conn)
        .await
        .with_context(|| format!("{} is in use: stop the server first", path.display()))?;
    conn.close().await?;
    anyhow::ensure!(mode == "delete", "{} is in use: stop the server first", path.display());
    Ok(())
}

/// Puts what was committed to SQLite from its log into its file, beside the writer, who would otherwise do so in the middle of
/// its work: on a connection of a reader, for this changes nothing that anybody reads. What the writer finds left when the
/// log is long, it puts there itself.
async fn settle_steadily(readers: AnyPool, mut commits: mpsc::Receiver<()>) {
    while commits.recv().await.is_some() {
        let more = async {
            for _ in 1..SETTLED_COMMITS {
                commits.recv().await;
            }
        };
        // The others of as many as are settled together, or whatever came meanwhile.
        let _ = tokio::time::timeout(SETTLED_AFTER, more).await;
        let settled = async { readers.acquire().await?.execute("pragma wal_checkpoint(passive)").await };
        match settled.await {
            Ok(_) => {}
            Err(sqlx::Error::PoolClosed) => return,
            // A full disk, say, which those hear of who write.
            Err(error) => tracing::debug!(%error, "SQLite's log stays as it is"),
        }
    }
}

/// Runs on each new connection to a SQLite file that writes. FULL: what was answered survives a power cut. A transaction of
/// 400 commands fits into 8 MB of pages in memory. The log is put into the file by [`settle_steadily`], and by the writer
/// itself where it is longer than 64 MB. What undoes a single statement of many rows, and what a migration sorts, is kept
/// in memory, not in a file that is thrown away.
const SQLITE_WRITER: &str = "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; \
                             pragma busy_timeout = 10000; pragma cache_size = -8192; \
                             pragma wal_autocheckpoint = 16000; pragma temp_store = memory";
/// The same for one that reads.
///
/// A megabyte of pages each: what they hold is read anew after every commit of the writer.
const SQLITE_READER: &str = "pragma foreign_keys = on; pragma busy_timeout = 10000; pragma query_only = on; \
                             pragma cache_size = -1024";

/// Runs on each new connection to PostgreSQL that writes.
const POSTGRES_WRITER: &str = "set statement_timeout = '60s'";
/// The same for one that reads.
const POSTGRES_READER: &str = "set statement_timeout = '60s'; set default_transaction_read_only = on";

fn pool(connections: u32, at_first: &'static str) -> AnyPoolOptions {
    // Waiting for one's turn is no fault while it comes: everybody back at once would fill the log with it.
    let options = AnyPoolOptions::new().acquire_timeout(PATIENCE).acquire_slow_threshold(PATIENCE);
    options
        .max_connections(connections)
        .after_connect(move |conn, _| {
            Box::pin(async move {
                conn.execute(at_first).await?;
                Ok(())
            })
        })
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move {
                if meta.idle_for > FRESH {
                    conn.ping().await?;
                }
                Ok(true)
            })
        })
}

/// Writing in progress. Dropped without [`commit`](WriteTx::commit), it never happened, and its connection is closed.
#[derive(Debug)]
pub struct WriteTx {
    conn: PoolConnection<Any>,
    committed: bool,
    told: Option<mpsc::Sender<()>>,
}

impl WriteTx {
    /// Makes it last.
    ///
    /// # Errors
    /// If the database cannot; then it is not known whether it lasts, and a repeat has to find out.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        self.conn.execute("commit").await?;
        self.committed = true;
        if let Some(told) = &self.told {
            // If it is full, enough were committed.
            let _ = told.try_send(());
        }
        Ok(())
    }
}

impl Drop for WriteTx {
    fn drop(&mut self) {
        if !self.committed {
            self.conn.close_on_drop();
        }
    }
}

impl Deref for WriteTx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

/// The most rows of one statement. With at most 20 columns they stay far below the parameters that SQLite (32,766) and
/// PostgreSQL (65,535) take.
const ROWS_MAX: usize = 256;
/// What sqlx calls SQLite.
const SQLITE: &str = "SQLite";

/// Cuts rows into pieces of 256, 64, 16, 4 or 1: so few different lengths that each statement is prepared once for a
/// connection and then found again, however many rows there happen to be.
pub fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let mut length = ROWS_MAX;
        while length > rows.len() {
            length /= 4;
        }
        if length == 0 {
            return None;
        }
        let (piece, rest) = rows.split_at(length);
        rows = rest;
        Some(piece)
    })
}

/// Keys to look up, in pieces of the lengths of [`pieces`]: the last one is filled up by repeating its last key, which
/// finds nothing more, so that few keys are one statement.
pub fn lookups<T: Clone>(keys: &[T]) -> impl Iterator<Item = Vec<T>> + use<'_, T> {
    keys.chunks(ROWS_MAX).map(|chunk| {
        let mut length = 1;
        while length < chunk.len() {
            length *= 4;
        }
        let mut keys = chunk.to_vec();
        if let Some(last) = chunk.last() {
            keys.resize(length, last.clone());
        }
        keys
    })
}

/// The rows of a question about all of these keys, however many, in pieces: `{keys}` in it stands for their list, and
/// `before` are the values of the parameters before them. A row may come once for each piece, if it is of several keys.
///
/// # Errors
/// If the database fails.
pub async fn look_up<T: Clone + ToString + Sync>(
    conn: &mut Conn,
    sql: &str,
    before: &[&str],
    keys: &[T],
) -> sqlx::Result<Vec<AnyRow>> {
    let mut rows = Vec::new();
    for keys in lookups(keys) {
        // Whoever asks writes it out, and puts nothing into it that came from outside.
        let sql = AssertSqlSafe(sql.replace("{keys}", &list_after(before.len(), keys.len())));
        let mut query = sqlx::query(sql);
        for value in before {
            query = query.bind((*value).to_owned());
        }
        for key in &keys {
            query = query.bind(key.to_string());
        }
        rows.extend(query.fetch_all(&mut *conn).await?);
    }
    Ok(rows)
}

/// A statement with the values for it.
pub type Statement = Query<'static, Any, AnyArguments>;

/// Runs a statement of several rows for all of these, however many, in [`pieces`]: `head` up to the list of columns, the
/// rows, then `tail`. While the database works on a piece, the next one is made ready.
///
/// # Errors
/// If the database fails, or a value cannot be written.
pub async fn put<T: Sync>(
    conn: &mut Conn,
    [head, tail]: [&str; 2],
    rows: &[T],
    bind: impl Fn(Statement, &T) -> sqlx::Result<Statement> + Sync,
) -> sqlx::Result<()> {
    let named = conn.backend_name() != SQLITE;
    let columns = head.matches(',').count() + 1;
    let ready = |rows: &[T]| {
        let sql = format!("{head} values {} {tail}", placeholders(named, rows.len(), columns));
        // Made of constants and placeholders only.
        rows.iter().try_fold(sqlx::query(AssertSqlSafe(sql)), &bind)
    };
    let mut pieces = pieces(rows);
    let mut next = pieces.next().map(ready).transpose()?;
    while let Some(statement) = next {
        let (done, after) = futures::join!(statement.execute(&mut *conn), async { pieces.next().map(ready) });
        done?;
        next = after.transpose()?;
    }
    Ok(())
}

/// The placeholders of so many rows of so many columns, for a statement that has no other parameters: `($1,$2),($3,$4)`,
/// on SQLite `(?,?),(?,?)`. Binding a parameter that has a name walks past the names of all before it, which for
/// thousands of parameters costs more than what they write.
pub fn rows_of_placeholders(conn: &Conn, rows: usize, columns: usize) -> String {
    placeholders(conn.backend_name() != SQLITE, rows, columns)
}

fn placeholders(named: bool, rows: usize, columns: usize) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(rows * (columns * 6 + 3));
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 1..=columns {
            text.push_str(if column == 1 { "" } else { "," });
            if named {
                // Writing to a string cannot fail.
                let _ = write!(text, "${}", row * columns + column);
            } else {
                text.push('?');
            }
        }
        text.push(')');
    }
    text
}

/// The placeholders of a list, for a statement that has some parameters before them: `$2,$3,$4`.
pub fn list_after(before: usize, length: usize) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(length * 6);
    for place in 1..=length {
        let comma = if place == 1 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}${}", before + place);
    }
    text
}

/// Whether the database could not write for lack of room.
pub fn is_full(error: &sqlx::Error) -> bool {
    // SQLITE_FULL, SQLITE_IOERR_SHMSIZE where its shared memory has no room to grow, and PostgreSQL's disk_full.
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| matches!(&*code, "13" | "4874" | "53100"))
}

/// Whether the database may be back soon.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        // SQLITE_BUSY, and PostgreSQL starting, stopping, out of connections, or a lock not free within its time.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| matches!(&*code, "5" | "57P01" | "57P02" | "57P03" | "53300" | "57014")),
        // `sqlx::Error` is not exhaustive; whatever else it learns is a failure like the rest.
        _ => false,
    }
}

/// A text that both databases can hold: PostgreSQL has no place for NUL, which only damage or malice sends.
pub fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// A value of a row that is not what was written, with where it lies.
pub fn damaged(table: &str, key: impl std::fmt::Display, error: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("{table} {key}: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_is_cut_into_few_lengths() {
        for count in [0, 1, 3, 4, 5, 255, 256, 1_000] {
            let rows: Vec<usize> = (0..count).collect();
            let cut: Vec<&[usize]> = pieces(&rows).collect();
            assert_eq!(cut.concat(), rows);
            assert!(cut.iter().all(|piece| [1, 4, 16, 64, 256].contains(&piece.len())));
        }
    }

    #[test]
    fn keys_are_looked_up_in_one_statement_where_they_fit() {
        assert_eq!(lookups(&[1, 2, 3, 4, 5]).collect::<Vec<_>>()[0].len(), 16);
        assert_eq!(lookups(&[1]).collect::<Vec<_>>(), [[1]]);
        assert_eq!(lookups::<i64>(&[]).count(), 0);
        let many: Vec<usize> = (0..300).collect();
        assert_eq!(lookups(&many).map(|keys| keys.len()).collect::<Vec<_>>(), [256, 64]);
    }

    async fn open(folder: &Path) -> Db {
        Db::open(&crate::config::sqlite_url(&folder.join("test.db")), 2).await.unwrap()
    }

    #[tokio::test]
    async fn any_number_of_rows_is_written_and_with_one_that_cannot_be_none() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(folder.path()).await;
        let rows: Vec<i64> = (0..1_000).collect();
        let written = async |conn: &mut Conn| -> Vec<(String, i64)> {
            sqlx::query_as("select work, due from timers order by due").fetch_all(conn).await.unwrap()
        };
        let sql = ["insert into timers (work, due)", ""];
        let mut tx = db.write().await.unwrap();
        put(&mut tx, sql, &rows, |row, n| Ok(row.bind(n.to_string()).bind(*n))).await.unwrap();
        tx.commit().await.unwrap();
        let all: Vec<(String, i64)> = rows.iter().map(|n| (n.to_string(), *n)).collect();
        assert_eq!(written(&mut db.connection().await.unwrap()).await, all);
        let mut tx = db.write().await.unwrap();
        let wrong = put(&mut tx, sql, &rows, |row, n| {
            let n = Some(*n).filter(|n| *n < 900).ok_or(sqlx::Error::RowNotFound)?;
            Ok(row.bind(format!("more {n}")).bind(n))
        });
        assert!(matches!(wrong.await, Err(sqlx::Error::RowNotFound)));
        drop(tx);
        assert_eq!(written(&mut db.connection().await.unwrap()).await, all);
    }

    #[tokio::test]
    async fn sqlites_log_reaches_the_file_without_the_writer() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(folder.path()).await;
        let in_file = || {
            let file = std::fs::read(folder.path().join("test.db")).unwrap();
            file.windows(8).any(|bytes| bytes == b"MARKED 0")
        };
        for n in 0..SETTLED_COMMITS {
            let mut tx = db.write().await.unwrap();
            let sql = "insert into timers (work, due) values ($1, 0)";
            sqlx::query(sql).bind(format!("MARKED {n}")).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        // Long before it would be there for the time alone.
        for _ in 0..100 {
            if in_file() {
                return db.close().await;
            }
            tokio::time::sleep(SETTLED_AFTER / 200).await;
        }
        panic!("it is still in the log");
    }

    #[test]
    fn placeholders_count_on() {
        assert_eq!(placeholders(true, 2, 2), "($1,$2),($3,$4)");
        assert_eq!(placeholders(false, 2, 2), "(?,?),(?,?)");
        assert_eq!(list_after(1, 3), "$2,$3,$4");
    }
}
