//! What the server takes, and what bounds it: `cargo xtask load`.
//!
//! A server of its own is started for every measurement, on a free port, with a database that begins with the demo
//! property, and phones whose sessions are put straight into that database: signing in is not what is measured. What a
//! phone would send is made before the clock starts, so that both cores are the server's as far as possible.
//!
//! Every scenario counts at the server what it was told had been taken: a figure of work that was lost is none.

mod bare;
mod client;
mod crew;
mod figures;
mod machine;
mod relay;
mod scenarios;
mod store;
mod subject;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use clap::{Parser, ValueEnum};

use figures::{Figures, Table};
use subject::Place;

/// Measures the server of Firsthand.
#[derive(Parser, Clone, Debug)]
#[command(name = "cargo xtask load")]
pub struct Options {
    /// Only these scenarios; without any, all.
    pub scenarios: Vec<Scenario>,
    /// The server's binary.
    #[arg(long, env = "LOAD_SERVER")]
    pub server: PathBuf,
    /// A PostgreSQL server where databases may be made, `postgres://…/postgres`; without it, SQLite.
    #[arg(long, env = "LOAD_POSTGRES_URL")]
    pub postgres: Option<String>,
    /// How often each scenario is run: what is printed is the median of each figure.
    #[arg(long, default_value_t = 3)]
    pub runs: usize,
    /// A small share of the work: whether it is all done, not how fast.
    #[arg(long)]
    pub smoke: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Places with many files, which are deleted at the end: ext4 without a journal gives no inode out again for a minute
    /// after its file was deleted, and looks for another one by one, in the time of the next run.
    #[arg(skip)]
    pub used: Arc<Mutex<Vec<Place>>>,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Scenario {
    /// Pushes of 50 reports over 16 connections, and the same rows without a server.
    Batches,
    /// Pushes of one report from 200 devices at once, and the same rows without a server.
    Singles,
    /// Reports with a photo each, over 16 connections.
    Photos,
    /// 10,000 documents are handed out.
    Documents,
    /// 1,000 devices come back at once with 50 reports each.
    Outage,
    /// 200 devices report, and read what the others do.
    Day,
    /// A new phone gets its 2,000 documents over 4G.
    First,
    /// A phone on which nothing happens.
    Idle,
    /// Pulls of 100 changes at sites of 10,000, 100,000 and 1,000,000 cases.
    Growth,
    /// Pokes from a commit to 50 listeners.
    Wall,
    /// A day of the plan at 200 sites of 20 routes.
    Plan,
    /// The report of a day's rounds, at a site of 10,000 and of 1,000,000 ticks.
    Report,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(&options)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let mut table = Table::default();
    for scenario in Scenario::value_variants() {
        if !options.scenarios.is_empty() && !options.scenarios.contains(scenario) {
            continue;
        }
        let mut runs: Vec<Vec<Figures>> = Vec::new();
        for _ in 0..options.runs.max(1) {
            runs.push(scenarios::run(options, *scenario).await?);
        }
        for figures in figures::medians(runs) {
            if !options.json {
                println!("{figures}");
            }
            table.add(figures);
        }
    }
    if options.json {
        println!("{}", table.json()?);
    }
    Ok(())
}
