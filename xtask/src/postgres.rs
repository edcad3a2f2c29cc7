//! A PostgreSQL server for one run of the tests or of the load: in a temporary folder, on a free port, and gone
//! afterwards.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{call, output, program, succeeds};
use crate::tools;

const FOLDER: &str = "firsthand-postgres-";

/// Files here are in memory.
const MEMORY: &str = "/dev/shm";

/// The least free memory, in KiB, with which the tests' databases are held there: together they come to 3 GiB.
const PLENTY: u64 = 8 << 20;

/// What becomes of what a commit has written when the machine loses its power.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It may be lost: what the tests hold is thrown away.
    Lost,
    /// It lasts, as it does where people work with it.
    Kept,
}

/// A server that runs as long as this value lives.
pub struct Postgres {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Missing until it was started, so that a failed start is cleaned up too.
    server: Option<Child>,
}

impl Postgres {
    /// Makes an empty cluster and starts it.
    pub fn start(durability: Durability) -> Result<Postgres> {
        remove_leftovers();
        let bin = tools::postgres_bin().context("missing: PostgreSQL (Debian's package postgresql)")?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        // One process may have several, each at a port of its own.
        let folder = place(durability).join(format!("{FOLDER}{}-{port}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut postgres = Postgres { bin, folder, port, server: None };
        if tools::is_root() {
            call(program("chown").arg("postgres").arg(&postgres.folder))?;
        }

        let data = postgres.folder.join("data");
        let mut initdb = postgres.program("initdb");
        initdb.args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        output(initdb.arg("--pgdata").arg(&data))?;

        let log = fs::File::create(postgres.folder.join("log"))?;
        let mut server = postgres.program("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(&postgres.folder).args(["-p", &port.to_string()]);
        // Many tests connect at once.
        let everywhere = ["listen_addresses=127.0.0.1", "max_connections=300"];
        let lost: &[&str] = match durability {
            Durability::Lost => &["fsync=off", "synchronous_commit=off", "full_page_writes=off"],
            Durability::Kept => &[],
        };
        for setting in everywhere.iter().chain(lost) {
            server.args(["-c", setting]);
        }
        server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        postgres.server = Some(server.spawn().context("PostgreSQL does not start")?);
        postgres.wait()?;
        Ok(postgres)
    }

    /// Where the tests find it; the user may make databases.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// One of PostgreSQL's programs. It refuses to run as root, so root lends it the user of Debian's
    /// package; and it is interrupted when this process dies, however that happens.
    fn program(&self, name: &str) -> Command {
        let mut command = program("setpriv");
        command.current_dir(&self.folder).args(["--pdeathsig", "INT"]);
        if tools::is_root() {
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
        }
        command.arg(self.bin.join(name));
        command
    }

    fn wait(&mut self) -> Result<()> {
        loop {
            if let Some(status) = self.server.as_mut().map(Child::try_wait).transpose()?.flatten() {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                bail!("PostgreSQL ended at its start: {status}\n{log}");
            }
            let mut ready = self.program("pg_isready");
            ready.args([
                "--quiet",
                "--host=127.0.0.1",
                "--username=postgres",
                "--port",
                &self.port.to_string(),
            ]);
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() && succeeds(&mut ready) {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let mut stop = self.program("pg_ctl");
            stop.args(["stop", "--mode=immediate", "--pgdata"]).arg(self.folder.join("data"));
            if succeeds(&mut stop) || server.kill().is_ok() {
                server.wait().ok();
            }
        }
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Where the folder is made. What may be lost is in memory, on a machine with plenty of it: a database is three hundred
/// files, and every test has one of its own.
fn place(durability: Durability) -> PathBuf {
    match durability {
        Durability::Lost if free_memory().min(free_in(MEMORY)) >= PLENTY => MEMORY.into(),
        Durability::Lost | Durability::Kept => std::env::temp_dir(),
    }
}

/// What programs may still ask for, in KiB; nothing where the system does not say so.
fn free_memory() -> u64 {
    let known = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = known.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// What a folder still has room for, in KiB: in a container that may be much less than the machine's memory.
fn free_in(folder: &str) -> u64 {
    let told = output(program("df").args(["--output=avail", "-k", folder])).unwrap_or_default();
    told.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

/// Removes the folders of runs that were killed: those whose process is no more.
fn remove_leftovers() {
    let places = [std::env::temp_dir(), MEMORY.into()];
    for entry in places.iter().flat_map(fs::read_dir).flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        let process = rest.and_then(|rest| rest.split('-').next());
        if process.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
