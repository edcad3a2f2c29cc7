//! The app as WebAssembly with the JavaScript that starts it.
//!
//! The app marks those of its functions that are not needed for a start with `wasm_split`. What only they reach is cut
//! out of the linked module into parts of their own, which `parts.js` loads when they are asked for. wasm-bindgen and
//! the splitter run as libraries of the versions that the app links: no tool to install, none to match.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use wasm_bindgen_cli_support::Bindgen;
use wasm_encoder::RawSection;
use wasm_split_cli_support::Options;
use wasmparser::Parser;

use super::{Files, read_folder, remove_folder};
use crate::process::{call, cargo};
use crate::workspace;

/// The first part: what a phone must load before anything works.
pub const FIRST_PART: &str = "app.wasm";

/// The script that loads the others.
const PARTS: &str = "parts.js";

/// Builds the app: `app.js`, `app.wasm`, `parts.js`, the other parts and the scripts that crates bring along under
/// `snippets/`. The files know one another by these names.
pub fn build() -> Result<Files> {
    let target = "wasm32-unknown-unknown";
    call(
        cargo()
            .args(["rustc", "--package", "firsthand-app", "--lib"])
            .args(["--target", target, "--profile", "wasm"])
            // The splitter learns from these which function needs which.
            .args(["--", "-Clink-arg=--emit-relocs"])
            .env("CARGO_ENCODED_RUSTFLAGS", remaps()),
    )?;

    let folder = workspace::target("bindgen");
    remove_folder(&folder)?;
    let whole = workspace::target(target).join("wasm/app.wasm");
    let whole = fs::read(&whole).with_context(|| format!("{} is missing", whole.display()))?;
    let first = folder.with_extension("wasm");
    let mut options = Options::new(&whole);
    options.output_dir = &folder;
    options.main_out_path = &first;
    let parts = format!("./{PARTS}");
    options.link_name = &parts;
    options.main_module = "./app.js";
    let split = wasm_split_cli_support::transform(options)
        .map_err(|report| anyhow!("the app cannot be split: {report:#}"))?;

    Bindgen::new()
        .input_path(&first)
        .out_name("app")
        .web(true)?
        .typescript(false)
        // The page says where the module lies, under its hashed name.
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        // The parts share the table of functions with the first one.
        .keep_lld_exports(true)
        .generate(&folder)
        .context("wasm-bindgen refused the app")?;
    let module = folder.join("app_bg.wasm");
    fs::rename(&module, folder.join(FIRST_PART))
        .with_context(|| format!("{} is missing", module.display()))?;
    for part in split.split_modules {
        let module = fs::read(&part).with_context(|| format!("{} is missing", part.display()))?;
        fs::write(&part, without_custom_sections(&module)?)
            .with_context(|| format!("{} cannot be written", part.display()))?;
    }

    let mut files = Files::new();
    read_folder(&folder, "", &mut files)?;
    let loader = files.get_mut(PARTS).with_context(|| format!("{PARTS} is missing"))?;
    *loader = within_a_limit(std::str::from_utf8(loader)?)?.into_bytes();
    Ok(files)
}

/// The loader of the parts, with `fetch_part.js` in place of the fetch that it would wait for without end.
fn within_a_limit(loader: &str) -> Result<String> {
    const FETCH: &str = "fetch(new URL(";
    ensure!(loader.contains(FETCH), "{PARTS} does not fetch as it did: look at what the splitter writes");
    let loader = loader.replace(FETCH, "fetchPart(new URL(");
    Ok(format!("{loader}{}", include_str!("fetch_part.js")))
}

/// A module without what only tools read: the names of its functions alone would double it.
fn without_custom_sections(module: &[u8]) -> Result<Vec<u8>> {
    const CUSTOM: u8 = 0;
    let mut stripped = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Some((id, range)) = payload?.as_section().filter(|(id, _)| *id != CUSTOM) {
            stripped.section(&RawSection { id, data: &module[range] });
        }
    }
    Ok(stripped.finish())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_fetched_within_a_limit_and_a_loader_that_has_changed_is_noticed() {
        let loader =
            "load(() => {\n    const src = fetch(new URL(\"./split.wasm\", import.meta.url));\n});\n";
        let limited = within_a_limit(loader).unwrap();
        assert!(limited.contains("const src = fetchPart(new URL(\"./split.wasm\", import.meta.url));"));
        assert!(limited.contains("const fetchPart = "));
        assert!(within_a_limit("load(() => import(\"./split.wasm\"));").is_err());
    }
}
