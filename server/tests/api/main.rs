//! The interface as devices use it: the real router, both databases, a clock moved by hand.
//!
//! Every test runs once on SQLite and once on PostgreSQL, but for those about several processes, which share the latter
//! and an S3 store; they need nginx. Those of photos also run with an S3 store, and some with clients that are not ours. What
//! `cargo xtask test` does not provide (`TEST_POSTGRES_URL`, `TEST_S3_URL`, `TEST_NODE`, `TEST_PYTHON`), and what only
//! root can do, has its tests listed as ignored. `kit` has the world that tests live in.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod account;
mod backup;
mod bad_input;
mod binary;

mod files;
mod foreign;
mod full_disk;
mod gather;
mod import;
mod kills;
mod kit;
mod live;
mod many;
mod outside;
mod pull;
mod push;
mod quarantine;
mod race;
mod relay;
mod rounds;
mod search;
mod story;

use std::thread;

use kit::{On, Test};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // A test waits now and then: for a disk, for a server that was killed, for what happens after some time.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(cores + cores.div_ceil(2));
    let tests: Vec<Test> = [
        account::tests(),
        backup::tests(),
        bad_input::tests(),
        binary::tests(),
        files::tests(),
        foreign::tests(),
        full_disk::tests(),
        gather::tests(),
        import::tests(),
        kills::tests(),
        live::tests(),
        many::tests(),
        outside::tests(),
        pull::tests(),
        push::tests(),
        quarantine::tests(),
        race::tests(),
        relay::tests(),
        rounds::tests(),
        search::tests(),
        story::tests(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let trial = |test: Test, on: On| {
        let (name, missing) = match on {
            On::Sqlite => ("sqlite", false),
            On::Postgres => ("postgres", kit::postgres_url().is_none()),
            On::S3 => ("s3", kit::s3_url().is_none()),
            On::PostgresAndS3 => ("postgres_s3", kit::postgres_url().is_none() || kit::s3_url().is_none()),
        };
        let run = move || {
            kit::run(test, on);
            Ok(())
        };
        Trial::test(format!("{}::{name}", test.name), run).with_ignored_flag(missing || test.asks.missing())
    };
    let photos = [backup::tests(), files::tests(), foreign::tests()].into_iter().flatten();
    let trials = tests
        .into_iter()
        .flat_map(|test| test.on.iter().map(move |on| trial(test, *on)))
        .chain(photos.map(|test| trial(test, On::S3)))
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
