//! The server that is measured: a process of its own, on a database of its own.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use server::config::Storage;
use sqlx::Connection;
use tempfile::TempDir;

use crate::Options;

/// The ticks of a second in which the kernel counts a process' time, on every machine that Linux runs on today.
const TICKS: f64 = 100.0;

/// Where a measurement's data lies; gone with this value, but for a database of PostgreSQL, which goes with its server.
#[derive(Debug)]
pub struct Place {
    /// Database and photos.
    pub storage: Storage,
    _folder: TempDir,
}

impl Place {
    /// An empty one.
    pub async fn new(options: &Options) -> anyhow::Result<Place> {
        let folder = tempfile::Builder::new().prefix("firsthand-load-").tempdir()?;
        let database_url = match &options.postgres {
            None => None,
            Some(url) => Some(make_database(url, folder.path()).await?),
        };
        let storage = Storage { data: folder.path().to_owned(), database_url, files_url: None };
        Ok(Place { storage, _folder: folder })
    }

    /// Has PostgreSQL look at how large its tables are by now. It does by itself once a minute, and takes whatever is
    /// younger for empty; a site that is in use is older than that.
    pub async fn analyze(&self) -> anyhow::Result<()> {
        if let Some(url) = &self.storage.database_url {
            let mut conn = sqlx::AnyConnection::connect(url).await?;
            sqlx::raw_sql("analyze").execute(&mut conn).await?;
            conn.close().await?;
        }
        Ok(())
    }

    /// The bytes of the database's files, on SQLite.
    pub fn database_bytes(&self) -> u64 {
        let size = |name: &str| fs::metadata(self.storage.data.join(name)).map_or(0, |file| file.len());
        size("firsthand.db") + size("firsthand.db-wal")
    }
}

/// Makes a database named after a folder, whose name is unique.
async fn make_database(url: &str, folder: &Path) -> anyhow::Result<String> {
    let name = folder.file_name().and_then(|name| name.to_str()).context("a folder has a name")?;
    let name: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    sqlx::any::install_default_drivers();
    let mut admin = sqlx::AnyConnection::connect(url).await?;
    // Of letters and digits.
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await?;
    admin.close().await?;
    let (server, _) = url.rsplit_once('/').context("a database's address has a path")?;
    Ok(format!("{server}/{name}"))
}

/// A server, as long as this value lives.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

/// What a server has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// Seconds of a core.
    pub cpu: f64,
    /// Megabytes of memory, at most.
    pub peak: f64,
    /// Megabytes of memory, now.
    pub memory: f64,
}

impl Server {
    /// Starts the server on a place.
    pub async fn start(options: &Options, place: &Place) -> anyhow::Result<Server> {
        Server::start_with(options, place, &[]).await
    }

    /// The same with some more flags.
    pub async fn start_with(options: &Options, place: &Place, flags: &[&str]) -> anyhow::Result<Server> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(&options.server);
        command.arg("serve").args(["--listen", &address]).arg("--data").arg(&place.storage.data);
        // All requests come from one address, and how many of them there may be is not what is measured.
        command.args(["--requests-per-second", "1000000", "--requests-burst", "10000000"]).args(flags);
        if let Some(url) = &place.storage.database_url {
            command.args(["--database-url", url]);
        }
        command.env("RUST_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::null());
        let child =
            command.spawn().with_context(|| format!("{} does not start", options.server.display()))?;
        let mut subject = Server { child, url: format!("http://{address}") };
        for _ in 0..200 {
            if TcpStream::connect(&address).is_ok() {
                return Ok(subject);
            }
            if let Some(status) = subject.child.try_wait()? {
                bail!("the server ended before it listened: {status}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the server does not listen on {address}")
    }

    /// Counts the peak of its memory from now on.
    pub fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    /// What it has used so far.
    pub fn used(&self) -> anyhow::Result<Used> {
        let folder = format!("/proc/{}", self.child.id());
        let stat = fs::read_to_string(format!("{folder}/stat"))?;
        // The name, in brackets, may hold anything; times in user and kernel mode are the 12th and 13th field after it.
        let (_, fields) = stat.rsplit_once(')').context("/proc has no such process")?;
        let ticks: f64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let megabytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1_024.0
        };
        Ok(Used { cpu: ticks / TICKS, peak: megabytes("VmHWM:"), memory: megabytes("VmRSS:") })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
