//! The interface as devices use it: the real router, both databases, a clock moved by hand.
//!
//! Every test runs once on SQLite and once on PostgreSQL. Without `TEST_POSTGRES_URL`, which `cargo xtask test` sets,
//! the latter are listed as ignored. `kit` has the world that tests live in.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod account;
mod bad_input;
mod binary;

mod files;
mod import;
mod kit;
mod live;
mod outside;
mod pull;
mod push;
mod quarantine;
mod story;

use kit::{On, Test};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let tests: Vec<Test> = [
        account::tests(),
        bad_input::tests(),
        binary::tests(),
        files::tests(),
        import::tests(),
        live::tests(),
        outside::tests(),
        pull::tests(),
        push::tests(),
        quarantine::tests(),
        story::tests(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let missing = kit::postgres_url().is_none();
    let trials = tests
        .into_iter()
        .flat_map(|test| {
            let trial = |on: On, name: &str| {
                Trial::test(format!("{}::{name}", test.name), move || {
                    kit::run(test, on);
                    Ok(())
                })
            };
            [trial(On::Sqlite, "sqlite"), trial(On::Postgres, "postgres").with_ignored_flag(missing)]
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
