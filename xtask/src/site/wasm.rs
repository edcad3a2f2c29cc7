//! The app as WebAssembly with the JavaScript that starts it, and the decoder that its scanner loads, a module by itself.
//!
//! The app marks those of its functions that are not needed for a start with `wasm_split`. What only they reach is cut
//! out of the linked module into parts of their own, which `parts.js` loads when they are asked for. wasm-bindgen and
//! the splitter run as libraries of the versions that the app links: no tool to install, none to match.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

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

/// What is compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the app: `app.js`, `app.wasm`, `parts.js`, the other parts and the scripts that crates bring along under
/// `snippets/`; and `decoder.js` with `decoder.wasm`. The files know one another by these names.
pub fn build() -> Result<Files> {
    call(
        cargo()
            .args(["rustc", "--package", "firsthand-app", "--lib"])
            .args(["--target", TARGET, "--profile", "wasm"])
            // The splitter learns from these which function needs which.
            .args(["--", "-Clink-arg=--emit-relocs"])
            .env("CARGO_ENCODED_RUSTFLAGS", remaps()),
    )?;

    let folder = workspace::target("bindgen");
    remove_folder(&folder)?;
    let whole = workspace::target(TARGET).join("wasm/app.wasm");
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

    // The parts share the table of functions with the first one.
    bind(&first, "app", &folder, |bindgen| bindgen.keep_lld_exports(true))?;
    build_decoder(&folder)?;
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

/// Builds the decoder, of which nothing is in the app.
fn build_decoder(folder: &Path) -> Result<()> {
    call(
        cargo()
            .args(["build", "--package", "firsthand-decoder", "--lib"])
            .args(["--target", TARGET, "--profile", "wasm"])
            .env("CARGO_ENCODED_RUSTFLAGS", remaps()),
    )?;
    let module = workspace::target(TARGET).join("wasm/decoder.wasm");
    bind(&module, "decoder", folder, |bindgen| bindgen)
}

/// Writes `<name>.js` and `<name>.wasm` of a linked module into a folder.
fn bind(
    module: &Path,
    name: &str,
    folder: &Path,
    more: impl FnOnce(&mut Bindgen) -> &mut Bindgen,
) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name(name)
        .web(true)?
        .typescript(false)
        // Whoever loads the module says where it lies, under its hashed name.
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    more(&mut bindgen).generate(folder).with_context(|| format!("wasm-bindgen refused {name}"))?;
    let made = folder.join(format!("{name}_bg.wasm"));
    fs::rename(&made, folder.join(format!("{name}.wasm")))
        .with_context(|| format!("{} is missing", made.display()))
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
