//! `cargo xtask load`: what the server takes, measured on the optimised binary, on SQLite or on a PostgreSQL of its own
//! that writes through to the disk.

use anyhow::Result;

use crate::postgres::{Durability, Postgres};
use crate::process::{call, cargo, output, program};
use crate::{build, tools, workspace};

#[derive(clap::Args)]
pub struct Options {
    /// Measure on a PostgreSQL that is started for it, instead of SQLite.
    #[arg(long)]
    postgres: bool,
    /// What the load itself is told; `cargo xtask load -- --help` lists it.
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub fn load(options: &Options) -> Result<()> {
    // Without the app inside: nobody asks for it.
    call(cargo().args([
        "build",
        "--release",
        "--package",
        "firsthand-server",
        "--package",
        "firsthand-load",
    ]))?;
    let mut load = program(workspace::target("release/firsthand-load"));
    load.arg("--server").arg(workspace::target("release/firsthand"));
    load.args(&options.arguments);
    if !options.postgres {
        return call(load.env_remove("LOAD_POSTGRES_URL"));
    }
    tools::ensure(&[tools::Tool::Postgres])?;
    let postgres = Postgres::start(Durability::Kept)?;
    call(load.env("LOAD_POSTGRES_URL", postgres.url()))
}

/// Every scenario with little of everything, on both databases: whether all of it arrives, not how fast. Answers with what
/// they print.
pub fn smoke() -> Result<String> {
    let postgres = Postgres::start(Durability::Lost)?;
    let tested = build::tested()?;
    let mut said = String::new();
    for url in [None, Some(postgres.url())] {
        let mut load = program(&tested.load);
        load.arg("--server").arg(&tested.server);
        load.args(["--smoke", "--runs", "1"]).env_remove("LOAD_POSTGRES_URL");
        if let Some(url) = url {
            load.env("LOAD_POSTGRES_URL", url);
        }
        said += &output(&mut load)?;
    }
    Ok(said)
}
