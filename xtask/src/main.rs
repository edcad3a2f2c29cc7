//! The chores of Firsthand: run it, test it, build what is deployed.
//!
//! Start with [`site`], which turns the app and `public/` into the site that the server hands out; the
//! other commands stand on it. Nothing here is part of the product, so the machine may be asked for what
//! the product gets as a parameter: processes, the time, the environment.

mod build;
mod load;
mod postgres;
mod process;
mod run;
mod site;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The chores of Firsthand.")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build the PWA and the server, load the demo property on first use, and serve it.
    Run(run::Options),
    /// Build the site and the server; with --release the one binary that is deployed.
    Build(build::Options),
    /// Everything that a change must pass, or the stages named.
    Test(test::Options),
    /// What the server takes, and what bounds it.
    Load(load::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().chore {
        Chore::Run(options) => run::run(&options),
        Chore::Build(options) => build::build(&options),
        Chore::Test(options) => test::test(&options),
        Chore::Load(options) => load::load(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace: what went wrong is another program or a file, and is named.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
