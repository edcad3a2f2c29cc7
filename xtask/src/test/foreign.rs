//! What the tests of photos ask for besides the server: clients of tus that are not ours, and an S3 store.
//!
//! All of it is installed from the lists in `server/tests/foreign`: Node's packages beside them, Python's in a folder of
//! the target.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{call, program, succeeds};
use crate::workspace;

/// Clients and store, as long as this value lives.
pub struct Foreign {
    python: PathBuf,
    store: Child,
    /// Where the store is.
    address: String,
}

impl Foreign {
    /// Installs what is missing, and starts the store.
    pub fn start() -> Result<Foreign> {
        let folder = workspace::path("server/tests/foreign");
        call(program("npm").current_dir(&folder).args(["ci", "--silent"]))?;
        let python = python(&folder)?;
        let mut store = program(&python);
        store.arg(folder.join("s3.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut store = store.spawn().context("the S3 store does not start")?;
        let mut address = String::new();
        let said = store.stdout.take().context("the S3 store has no output")?;
        BufReader::new(said).read_line(&mut address)?;
        let address = address.trim().to_owned();
        let foreign = Foreign { python, store, address };
        if foreign.address.is_empty() {
            bail!("the S3 store ended at its start");
        }
        Ok(foreign)
    }

    /// Tells the tests where all of it is; the store's keys as a server finds them.
    pub fn tell(&self, tests: &mut Command) {
        tests
            .env("TEST_NODE", "node")
            .env("TEST_PYTHON", &self.python)
            .env("TEST_S3_URL", "s3://firsthand")
            .env("AWS_ENDPOINT", &self.address)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "tests")
            .env("AWS_SECRET_ACCESS_KEY", "tests");
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // It ends with its input; what it holds is in its memory.
        drop(self.store.stdin.take());
        self.store.wait().ok();
    }
}

/// A Python of our own that has what `requirements.txt` lists, made anew when the list has changed.
fn python(folder: &Path) -> Result<PathBuf> {
    let list = folder.join("requirements.txt");
    let wanted = fs::read_to_string(&list).with_context(|| format!("{} cannot be read", list.display()))?;
    let own = workspace::target("foreign-python");
    let (python, installed) = (own.join("bin/python"), own.join("installed.txt"));
    let is_there = fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted);
    if is_there && succeeds(program(&python).arg("--version")) {
        return Ok(python);
    }
    call(program("python3").args(["-m", "venv", "--clear"]).arg(&own))?;
    call(program(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&list))?;
    fs::write(&installed, wanted).with_context(|| format!("{} cannot be written", installed.display()))?;
    Ok(python)
}
