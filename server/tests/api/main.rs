//! The interface as devices use it: the real router, both databases, a clock moved by hand.
//!
//! Every test runs once on SQLite and once on PostgreSQL, but for those about several processes, which only the latter
//! serves; they need nginx. Without `TEST_POSTGRES_URL`, which `cargo xtask test` sets,
//! the latter are listed as ignored. `kit` has the world that tests live in.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod account;
mod bad_input;
mod binary;

mod files;
mod import;
mod kit;
mod live;
mod many;
mod outside;
mod pull;
mod push;
mod quarantine;
mod relay;
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
        many::tests(),
        outside::tests(),
        pull::tests(),
        push::tests(),
        quarantine::tests(),
        relay::tests(),
        story::tests(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let missing = kit::postgres_url().is_none();
    let trials = tests
        .into_iter()
        .flat_map(|test| {
            test.on.iter().map(move |on| {
                let (name, ignored) = match on {
                    On::Sqlite => ("sqlite", false),
                    On::Postgres => ("postgres", missing),
                };
                let trial = Trial::test(format!("{}::{name}", test.name), move || {
                    kit::run(test, *on);
                    Ok(())
                });
                trial.with_ignored_flag(ignored)
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
