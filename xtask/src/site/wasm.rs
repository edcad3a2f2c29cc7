//! The app as WebAssembly with the JavaScript that starts it, and the decoder that its scanner loads, a module by itself.
//!
//! The app marks those of its functions that are not needed for a start with `wasm_split`. What only they reach is cut
//! out of the linked module into parts of their own, which `parts.js` loads when they are asked for. wasm-bindgen and
//! the splitter run as libraries of the versions that the app links: no tool to install, none to match.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, ensure};
use wasm_bindgen_cli_support::Bindgen;
use wasm_encoder::RawSection;
use wasm_split_cli_support::Options;
use wasmparser::Parser;

use super::{Files, read_folder, remove_folder};
use crate::process::{call, cargo, output};
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
    call(&mut compile())?;

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
    let decoder = workspace::target(TARGET).join("wasm/decoder.wasm");
    bind(&decoder, "decoder", &folder, |bindgen| bindgen)?;
    for part in split.split_modules {
        strip(&part)?;
    }

    let mut files = Files::new();
    read_folder(&folder, "", &mut files)?;
    let loader = files.get_mut(PARTS).with_context(|| format!("{PARTS} is missing"))?;
    *loader = within_a_limit(std::str::from_utf8(loader)?)?.into_bytes();
    Ok(files)
}

/// The compiler's call for the app and the decoder.
fn compile() -> Command {
    let mut cargo = cargo();
    cargo.args(["build", "--package", "firsthand-app", "--package", "firsthand-decoder", "--lib"]);
    cargo.args(["--target", TARGET, "--profile", "wasm"]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags());
    cargo
}

/// What the compiler warned of when it built the app, such as code that nothing but a test uses. Of what is built already
/// Cargo says it once more.
pub fn warnings() -> Result<Vec<String>> {
    let said = output(compile().arg("--message-format=json"))?;
    let mut warnings = Vec::new();
    for line in said.lines() {
        let line: serde_json::Value = serde_json::from_str(line).context("Cargo says what is no JSON")?;
        warnings.extend(line["message"]["rendered"].as_str().map(str::to_owned));
    }
    Ok(warnings)
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
        .with_context(|| format!("{} is missing", made.display()))?;
    strip(&folder.join(format!("{name}.wasm")))
}

/// Takes what only tools read out of a module that is in a file: the names of its functions alone would double it.
fn strip(module: &Path) -> Result<()> {
    let whole = fs::read(module).with_context(|| format!("{} is missing", module.display()))?;
    fs::write(module, without_custom_sections(&whole)?)
        .with_context(|| format!("{} cannot be written", module.display()))
}

/// The loader of the parts, with `fetch_part.js` in place of the fetch that it would wait for without end.
fn within_a_limit(loader: &str) -> Result<String> {
    const FETCH: &str = "fetch(new URL(";
    ensure!(loader.contains(FETCH), "{PARTS} does not fetch as it did: look at what the splitter writes");
    let loader = loader.replace(FETCH, "fetchPart(new URL(");
    Ok(format!("{loader}{}", include_str!("fetch_part.js")))
}

/// A module without what only tools read.
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

/// What the compiler is told. The splitter learns from relocations which function needs which. Messages of the app name
/// files by crate and not by where they lie on the machine that built it: less to load, and the same bytes from every
/// machine.
fn flags() -> String {
    let home = env::home_dir().unwrap_or_default().join(".cargo");
    let registry = env::var_os("CARGO_HOME").map_or(home, PathBuf::from).join("registry/src");
    let from = [registry, workspace::path("")];
    // Flags are parted by this character, so that a path may hold spaces.
    let [registry, workspace] = from.map(|from| format!("--remap-path-prefix={}=", from.display()));
    [registry, workspace, "-Clink-arg=--emit-relocs".to_owned()].join("\u{1f}")
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
