//! The app as WebAssembly with the JavaScript that starts it.
//!
//! wasm-bindgen runs as a library of the version that the app links: no tool to install, none to match.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::{Files, read_folder, remove_folder};
use crate::process::{call, cargo};
use crate::workspace;

/// Builds the app: `app.js`, `app.wasm` and the scripts that crates bring along under `snippets/`.
pub fn build() -> Result<Files> {
    let target = "wasm32-unknown-unknown";
    call(
        cargo()
            .args(["build", "--package", "firsthand-app", "--lib"])
            .args(["--target", target, "--profile", "wasm"])
            .env("CARGO_ENCODED_RUSTFLAGS", remaps()),
    )?;

    let folder = workspace::target("bindgen");
    remove_folder(&folder)?;
    Bindgen::new()
        .input_path(workspace::target(target).join("wasm/app.wasm"))
        .out_name("app")
        .web(true)?
        .typescript(false)
        // The page says where the module lies, under its hashed name.
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
        .context("wasm-bindgen refused the app")?;
    let module = folder.join("app_bg.wasm");
    fs::rename(&module, folder.join("app.wasm"))
        .with_context(|| format!("{} is missing", module.display()))?;

    let mut files = Files::new();
    read_folder(&folder, "", &mut files)?;
    Ok(files)
}

/// Has messages of the app name files by crate and not by where they lie on the machine that built it: less to load,
/// and the same bytes from every machine.
fn remaps() -> String {
    let home = env::home_dir().unwrap_or_default().join(".cargo");
    let registry = env::var_os("CARGO_HOME").map_or(home, PathBuf::from).join("registry/src");
    let from = [registry, workspace::path("")];
    // Flags are parted by this character, so that a path may hold spaces.
    from.map(|from| format!("--remap-path-prefix={}=", from.display())).join("\u{1f}")
}
