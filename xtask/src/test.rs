//! `cargo xtask test`: everything that a change must pass, in stages, each with its duration at the end.
//!
//! The stages share their builds: one profile, one selection of packages, and clippy looks on while these are compiled, so
//! that no crate is compiled for clippy alone. All stages run even after one has failed, so that one run says everything
//! that is wrong; only what clippy refuses is not built.

mod foreign;
mod words;

use std::fmt::Write as _;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::postgres::{Durability, Postgres};
use crate::process::{call, cargo, program, timed};
use crate::site::{self, Site};
use crate::tools::{self, Tool};
use crate::{build, load, workspace};
use foreign::Foreign;

/// The test that runs tens of thousands of seeds of the simulator.
const SEEDS: &str = "tens_of_thousands_of_seeds_hold";

#[derive(clap::Args)]
pub struct Options {
    /// Also what takes too long for every change: the tests that are marked as ignored, the figures, rustdoc, the
    /// dependencies' licences and tens of thousands of seeds.
    #[arg(long)]
    long: bool,
    /// Only these stages; without any, all, of which those that take long need `--long`.
    stages: Vec<Stage>,
}

/// A part of the tests, in the order in which they run: what fails soon comes first.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// rustfmt has nothing to change.
    Format,
    /// No tracked file names this machine or a mirror.
    Words,
    /// Everything is built for this machine, with its tests, and clippy has nothing to say.
    Clippy,
    /// Rules, wire, API on SQLite and on a PostgreSQL and an S3 store of its own, the app's units and these chores.
    Cargo,
    /// Every scenario of the load, with little of everything: nothing is lost.
    Load,
    /// The site can be built, the compiler warns of nothing, and the shell weighs no more than it may.
    Site,
    /// The journeys in a real Chromium.
    End2end,
    /// What the app takes, measured in the same Chromium with nothing beside it.
    Figures,
    /// rustdoc has nothing to say. It needs every dependency checked as well as built.
    Docs,
    /// Bans, licences and sources of the dependencies. It needs cargo-deny, which is built where it is missing.
    Deny,
    /// Tens of thousands of seeds of the simulator, optimised: hours.
    Seeds,
}

impl Stage {
    /// Whether every change would wait too long for it.
    fn is_long(self) -> bool {
        matches!(self, Stage::Figures | Stage::Docs | Stage::Deny | Stage::Seeds)
    }
}

pub fn test(options: &Options) -> Result<()> {
    let asked = |stage: &Stage| match options.stages.as_slice() {
        [] => options.long || !stage.is_long(),
        stages => stages.contains(stage),
    };
    let stages: Vec<Stage> = Stage::value_variants().iter().copied().filter(asked).collect();
    prepare(&stages)?;
    let mut beside = Beside::begin(&stages);

    let mut table = String::new();
    let mut total = Duration::ZERO;
    let mut failed = Vec::new();
    for stage in stages {
        println!("\n== {}", name(stage));
        let (result, duration) = timed(|| run(stage, options.long, &mut beside));
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        if let Err(error) = result {
            eprintln!("{error:#}");
            failed.push(name(stage));
        }
        total += duration;
        writeln!(table, "{:<10}{:>8.1} s  {verdict}", name(stage), duration.as_secs_f64())?;
    }
    println!("\n{table}{:<10}{:>8.1} s", "together", total.as_secs_f64());
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// What is made ready while other stages run, because each of them leaves a core idle now and then.
struct Beside {
    site: Option<Later<Site>>,
    foreign: Option<Later<Foreign>>,
    /// The load is begun with the tests that run before it, for it waits more than it works.
    load_is_asked: bool,
    load: Option<Later<String>>,
    journeys: Option<Later<()>>,
}

impl Beside {
    fn begin(stages: &[Stage]) -> Beside {
        let asked = |stage: Stage| stages.contains(&stage);
        let drives_browser = asked(Stage::End2end) || asked(Stage::Figures);
        Beside {
            site: (asked(Stage::Site) || drives_browser).then(|| Later::of("the site", site::ensure)),
            foreign: asked(Stage::Cargo).then(|| Later::of("the foreign clients", Foreign::start)),
            load_is_asked: asked(Stage::Load),
            load: None,
            journeys: drives_browser.then(|| Later::of("the journeys", install_journeys)),
        }
    }

    /// The site, once it is built.
    fn site(&mut self) -> Result<Site> {
        self.site.take().map_or_else(site::ensure, Later::ready)
    }
}

/// Something that is made beside other work.
struct Later<T> {
    what: &'static str,
    making: JoinHandle<Result<T>>,
}

impl<T: Send + 'static> Later<T> {
    fn of(what: &'static str, make: fn() -> Result<T>) -> Later<T> {
        Later { what, making: thread::spawn(make) }
    }

    /// Waits until it is made.
    fn ready(self) -> Result<T> {
        self.making.join().unwrap_or_else(|_| bail!("making {} ready ended in a panic", self.what))
    }
}

/// Gets what the stages need before the first of them, so that nothing turns out missing half an hour later.
fn prepare(stages: &[Stage]) -> Result<()> {
    let mut missing = Vec::new();
    for stage in stages {
        match stage {
            Stage::Format => tools::ensure_component("rustfmt", "fmt")?,
            Stage::Words => missing.push(Tool::Git),
            Stage::Clippy => tools::ensure_component("clippy", "clippy")?,
            Stage::Cargo => {
                tools::ensure_component("clippy", "clippy")?;
                tools::ensure_node()?;
                missing.extend([Tool::Nginx, Tool::Postgres, Tool::PythonVenv]);
            }
            Stage::Load => {
                tools::ensure_component("clippy", "clippy")?;
                missing.push(Tool::Postgres);
            }
            Stage::Docs | Stage::Seeds => {}
            Stage::Site => tools::ensure_wasm_target()?,
            Stage::Deny => tools::ensure_deny()?,
            Stage::End2end | Stage::Figures => {
                tools::ensure_component("clippy", "clippy")?;
                tools::ensure_wasm_target()?;
                tools::ensure_node()?;
                missing.extend([Tool::Chromium, Tool::ChineseFonts, Tool::PythonVenv]);
            }
        }
    }
    tools::ensure(&missing)
}

fn run(stage: Stage, long: bool, beside: &mut Beside) -> Result<()> {
    match stage {
        Stage::Format => call(cargo().args(["fmt", "--all", "--check"])),
        Stage::Words => words::check(),
        // The app without its tests is built with the site.
        Stage::Clippy => each_selection(|selection| {
            call(build::looked_at().arg("build").args(selection).args(["--tests", "--bins"]))
        }),
        Stage::Cargo => {
            let foreign = beside.foreign.take().context("nobody began to make the foreign clients ready")?;
            let foreign = foreign.ready()?;
            beside.load = beside.load_is_asked.then(|| Later::of("the load", load::smoke));
            cargo_test(long, &foreign)
        }
        Stage::Load => {
            println!("{}", beside.load.take().map_or_else(load::smoke, Later::ready)?);
            Ok(())
        }
        Stage::Docs => {
            let mut docs = cargo();
            docs.env("RUSTDOCFLAGS", "-D warnings");
            call(docs.args(["doc", "--workspace", "--no-deps", "--document-private-items"]))
        }
        Stage::Deny => {
            call(tools::deny().args(["--log-level", "error", "check", "bans", "licenses", "sources"]))
        }
        Stage::Seeds => {
            let mut seeds = cargo();
            seeds.args([
                "test",
                "--profile",
                "seeds",
                "--package",
                "firsthand-server",
                "--test",
                "sim",
                "--",
            ]);
            call(seeds.args([SEEDS, "--ignored", "--nocapture"]))
        }
        Stage::Site => {
            let site = beside.site()?;
            println!("{}", site.sizes()?);
            let weight = site.check_weight();
            site::check_warnings()?;
            weight
        }
        Stage::End2end => end2end(beside, "test"),
        Stage::Figures => end2end(beside, "figures"),
    }
}

fn cargo_test(long: bool, foreign: &Foreign) -> Result<()> {
    let postgres = Postgres::start(Durability::Lost)?;
    each_selection(|selection| {
        let mut command = build::looked_at();
        command.arg("test").args(selection).arg("--no-fail-fast");
        // `CI` lets insta refuse a snapshot that is new instead of writing it beside the old one.
        command.env("CI", "true").env("TEST_POSTGRES_URL", postgres.url()).env("NGINX", tools::nginx());
        foreign.tell(&mut command);
        if long {
            command.args(["--", "--include-ignored", "--skip", SEEDS]);
        }
        call(&mut command)
    })
}

/// These chores, and then the product. Together they would have crates that both use compiled with other features than those
/// with which the chores were started: all that the chores link a second time.
fn each_selection(call: impl Fn(&[&str]) -> Result<()>) -> Result<()> {
    let chores = call(&["--package", "xtask"]);
    call(build::PRODUCT)?;
    chores
}

fn npm() -> Command {
    let mut npm = program("npm");
    npm.current_dir(workspace::path("end2end")).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    npm
}

fn install_journeys() -> Result<()> {
    call(npm().args(["ci", "--silent"]))?;
    call(npm().args(["run", "--silent", "check"]))
}

/// Runs a script of the journeys.
fn end2end(beside: &mut Beside, script: &str) -> Result<()> {
    // Installed again where that failed before, to fail in the same way.
    beside.journeys.take().map_or_else(install_journeys, Later::ready)?;
    let (site, server) = (beside.site()?, build::tested()?.server);
    // `CI` has a journey refused that was left as the only one to run.
    let mut journeys = npm();
    journeys.env("CI", "true").env("CHROMIUM", tools::chromium());
    journeys.env("END2END_SERVER", &server).env("END2END_SITE", &site.folder);
    call(journeys.args(["run", script]))
}

fn name(stage: Stage) -> String {
    stage.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_of_many_seeds_has_the_name_by_which_it_is_called() {
        let sim = std::fs::read_to_string(workspace::path("server/tests/sim/main.rs")).unwrap_or_default();
        assert!(sim.contains(&format!("fn {SEEDS}()")), "nothing would be run");
    }
}
