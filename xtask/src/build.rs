//! `cargo xtask build`: the site in `target/site`, and the server; with `--release` the server holds the
//! site, so that one file is all there is to deploy.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{call, cargo};
use crate::site::{self, Site};
use crate::workspace;

#[derive(clap::Args)]
pub struct Options {
    /// Build what is deployed: optimised, the site embedded and precompressed.
    #[arg(long)]
    release: bool,
}

pub fn build(options: &Options) -> Result<()> {
    let site = site::ensure()?;
    let binary = if options.release { release(&site)? } else { server()? };
    println!("\n{}", site.sizes()?);
    println!("site: {}\nserver: {}", site.folder.display(), binary.display());
    Ok(())
}

/// Builds the server for development; it reads the site from its folder.
pub fn server() -> Result<PathBuf> {
    call(cargo().args(["build", "--package", "firsthand-server"]))?;
    Ok(workspace::target("debug/firsthand"))
}

/// The server, and what measures it, as `cargo test` builds them.
pub struct Tested {
    /// The server; it reads the site from a folder.
    pub server: PathBuf,
    /// The load's program.
    pub load: PathBuf,
}

/// The product with its tests: everything but these chores.
pub const PRODUCT: &[&str] = &["--workspace", "--exclude", "xtask"];

/// Cargo, with clippy in place of the compiler for what is written here: it compiles as that does, and refuses what the
/// lints say a word about. Whatever tests build, they build with it, so that nothing is built twice.
pub fn looked_at() -> Command {
    let mut cargo = cargo();
    cargo.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
    // How `cargo clippy -- -D warnings` says it to clippy: each word with this mark behind it.
    let arguments = ["-D", "warnings"].map(|word| format!("{word}__CLIPPY_HACKERY__"));
    cargo.env("CLIPPY_ARGS", arguments.concat());
    // To note down what a next build may use again takes an eighth of the time in which the workspace is built, for a
    // saving that is small beside the time that the tests run.
    cargo.env("CARGO_INCREMENTAL", "0");
    cargo
}

/// Builds the programs that tests start from outside.
pub fn tested() -> Result<Tested> {
    // With the tests, because what only they depend on changes the features of hundreds of crates: without them, all of
    // these would be compiled once more.
    call(looked_at().arg("build").args(PRODUCT).args([
        "--tests",
        "--bin",
        "firsthand",
        "--bin",
        "firsthand-load",
    ]))?;
    Ok(Tested {
        server: workspace::target("debug/firsthand"),
        load: workspace::target("debug/firsthand-load"),
    })
}

/// Builds the server with this site inside.
fn release(site: &Site) -> Result<PathBuf> {
    // Cargo watches the files that were embedded, but not the folder: a file that is new goes unnoticed.
    let stamp = workspace::target("release/site-embedded");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&site.build) {
        call(cargo().args(["clean", "--release", "--package", "firsthand-server"]))?;
    }
    call(cargo().args(["build", "--release", "--package", "firsthand-server"]))?;
    fs::write(&stamp, &site.build).with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(workspace::target("release/firsthand"))
}
