//! `cargo xtask build`: the site in `target/site`, and the server; with `--release` the server holds the
//! site, so that one file is all there is to deploy.

use std::fs;
use std::path::PathBuf;

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
    // The whole workspace is selected so that features resolve as they do for the tests, and nothing is
    // compiled twice.
    call(cargo().args(["build", "--workspace", "--bin", "firsthand"]))?;
    Ok(workspace::target("debug/firsthand"))
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
