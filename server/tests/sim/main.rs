//! The simulator: phones with the real engine, the real server, and everything that can go wrong between them.
//!
//! One seed draws who does what and what fails; see [`world`]. When faults stop and everything has come to rest,
//! [`check`] asks whether anything is lost, done twice, shown to whom it is not for, or other than it was. [`mutants`]
//! shows that it would notice.
//!
//! `SIM_SEED=17 cargo test -p firsthand-server --test sim one_seed -- --ignored --nocapture` replays one seed; `SIM_STEPS` says
//! how long it is, and `SIM_TRIES` how often a failing run is tried to be made shorter: 0 shows it as it was at once.

mod act;
mod backend;
mod check;
mod deaths;
mod dice;
mod handed_over;
mod machine;
mod mutants;
mod older;
mod oracle;
mod photos;
mod plan;
mod regressions;
mod rest;
mod traffic;
mod trouble;
mod walk;
mod world;

use std::{env, str::FromStr};

use world::{Failure, Run};

/// How many seeds run with every change: always the same, so that whoever sees one fail can run it again.
const SEEDS: u64 = 200;
/// With so many steps each: most of what goes wrong does so early.
const STEPS: u64 = 200;
/// How many run with `cargo xtask test seeds`, as long as they are.
const SEEDS_LONG: u64 = 20_000;

fn set<T: FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

fn report(failure: Failure) -> ! {
    let Run { seed, steps, .. } = failure.run;
    let Failure { run, reason, trace, .. } = world::shrink(failure, set("SIM_TRIES").unwrap_or(120));
    for line in &trace {
        println!("{line}");
    }
    let left_out = run.without.len();
    panic!("SIM_SEED={seed} SIM_STEPS={steps}: {reason}\n{left_out} of {} steps left out", run.steps);
}

fn hold(seeds: impl IntoIterator<Item = u64>, of: impl Fn(u64) -> Run + Sync) {
    let seeds: Vec<u64> = seeds.into_iter().collect();
    assert!(!seeds.is_empty(), "nothing to run");
    if let Some(failure) = world::first_failure(&seeds, of) {
        report(failure);
    }
}

#[test]
fn seeds_hold() {
    hold(0..SEEDS, |seed| Run { steps: STEPS, ..Run::of(seed) });
}

#[test]
#[ignore = "takes hours of two cores: `cargo xtask test seeds`, from SIM_FROM on"]
fn tens_of_thousands_of_seeds_hold() {
    hold(set("SIM_FROM").unwrap_or(0)..SEEDS_LONG, Run::of);
}

#[test]
#[ignore = "replays the seed that SIM_SEED names"]
fn one_seed() {
    let Some(seed) = set("SIM_SEED") else { return };
    let run = Run { steps: set("SIM_STEPS").unwrap_or(Run::of(seed).steps), ..Run::of(seed) };
    match world::run(run) {
        Ok(commands) => println!("seed {seed} holds: {commands} commands"),
        Err(failure) => report(failure),
    }
}
