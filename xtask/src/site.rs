//! The site in `target/site`: what a browser gets from the server.
//!
//! The app becomes WebAssembly and its glue ([`wasm`]), the files of `public/` are joined to it under names
//! that carry a hash of their content ([`assemble`]), and everything that shrinks is compressed beforehand
//! ([`compress`]). A site is only built again when something that goes into it has changed.

mod assemble;
mod compress;
mod wasm;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::process::{output, program, timed};
use crate::{tools, workspace};

/// Files by their path inside a folder, with `/` between its parts.
type Files = BTreeMap<String, Vec<u8>>;

/// What the shell may weigh in brotli.
const SHELL_LIMIT: usize = 350 * 1024;

/// A site that was built.
pub struct Site {
    /// The folder that holds it.
    pub folder: PathBuf,
    /// Which build it is: the same input gives the same id on every machine.
    pub build: String,
}

/// Which input a finished site was made from.
#[derive(Serialize, Deserialize)]
struct Stamp {
    inputs: String,
    build: String,
}

/// The site of the present sources, built if it is not there yet.
pub fn ensure() -> Result<Site> {
    tools::ensure_wasm_target()?;
    // The server embeds this folder, wherever Cargo is told to build.
    let folder = workspace::path("target/site");
    let stamp_path = folder.with_extension("json");
    let inputs = inputs()?;
    let stamp = fs::read(&stamp_path).ok().and_then(|bytes| serde_json::from_slice::<Stamp>(&bytes).ok());
    if let Some(stamp) = stamp.filter(|stamp| stamp.inputs == inputs && folder.join("index.html").is_file()) {
        return Ok(Site { folder, build: stamp.build });
    }

    let (build, duration) = timed(|| build(&folder));
    let build = build?;
    let stamp = Stamp { inputs, build };
    fs::write(&stamp_path, serde_json::to_vec(&stamp)?)
        .with_context(|| format!("{} cannot be written", stamp_path.display()))?;
    println!("site {} built in {:.1} s", stamp.build, duration.as_secs_f64());
    Ok(Site { folder, build: stamp.build })
}

/// Refuses sources of which the compiler has something to say.
pub fn check_warnings() -> Result<()> {
    let warnings = wasm::warnings()?;
    ensure!(warnings.is_empty(), "the compiler warns of the app:\n{}", warnings.concat());
    Ok(())
}

fn build(folder: &Path) -> Result<String> {
    let generated = wasm::build()?;
    let mut public = Files::new();
    read_folder(&workspace::path("public"), "", &mut public)?;
    let site = assemble::assemble(generated, public)?;

    // Built beside the old one and then put in its place: a server that is running sees one or the other.
    let fresh = folder.with_extension("new");
    remove_folder(&fresh)?;
    for (name, bytes) in &site.files {
        write(&fresh.join(name), bytes)?;
    }
    compress::compress(&fresh, &site.files)?;
    remove_folder(folder)?;
    fs::rename(&fresh, folder).with_context(|| format!("{} cannot be put in place", folder.display()))?;
    Ok(site.build)
}

/// What a file weighs: compressed, plain, and its name.
type Weight = (usize, usize, String);

fn sum(weights: &[Weight]) -> usize {
    weights.iter().map(|(compressed, ..)| compressed).sum()
}

impl Site {
    /// What the app weighs on its way to the browser, biggest first: the shell, which must be there before the home page
    /// works, and what is loaded after it.
    pub fn sizes(&self) -> Result<String> {
        let (shell, later) = self.weighed()?;
        let mut text = format!("build {}, in bytes:\n    brotli      plain\n", self.build);
        let mut list = |weights: &[Weight], sum: usize, word: &str| {
            for (compressed, plain, name) in weights {
                writeln!(text, "{compressed:>10} {plain:>10}  {name}")?;
            }
            writeln!(text, "{sum:>10}             {word}: {:.1} KB", sum as f64 / 1024.0)
        };
        let limit = SHELL_LIMIT / 1024;
        list(&shell, sum(&shell), &format!("the shell, of at most {limit} KB"))?;
        list(&later, sum(&later), "loaded after it")?;
        list(&[], sum(&shell) + sum(&later), "together")?;
        Ok(text.trim_end().to_owned())
    }

    /// Refuses a shell that is heavier than it may be.
    pub fn check_weight(&self) -> Result<()> {
        let (shell, _) = self.weighed()?;
        let weight = sum(&shell);
        ensure!(weight <= SHELL_LIMIT, "the shell weighs {weight} bytes and may weigh {SHELL_LIMIT}");
        Ok(())
    }

    fn weighed(&self) -> Result<(Vec<Weight>, Vec<Weight>)> {
        const KINDS: [&str; 5] = [".html", ".js", ".wasm", ".css", ".json"];
        let mut files = Files::new();
        read_folder(&self.folder, "", &mut files)?;
        let of_kind = |name: &str| KINDS.iter().any(|extension| name.ends_with(extension));
        let mut weights: Vec<Weight> = files
            .iter()
            .filter(|(name, _)| of_kind(name))
            .map(|(name, plain)| {
                let compressed = files.get(&format!("{name}.br")).unwrap_or(plain);
                (compressed.len(), plain.len(), name.clone())
            })
            .collect();
        weights.sort_by(|left, right| right.cmp(left));
        let is_first = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or(path);
            // The scanner and its decoder come when something is scanned.
            let scans = name.starts_with("scanner") || name.starts_with("decoder");
            !scans && (!name.ends_with(".wasm") || name == wasm::FIRST_PART)
        };
        Ok(weights.into_iter().partition(|(.., path)| is_first(path)))
    }
}

/// One hash over everything that a site is made from: sources, manifests, this tool and the compiler.
fn inputs() -> Result<String> {
    let mut files = Files::new();
    for folder in ["app", "device", "shared", "public", "xtask/src/site"] {
        read_folder(&workspace::path(folder), folder, &mut files)?;
    }
    for file in ["Cargo.toml", "Cargo.lock", "xtask/src/site.rs"] {
        files.insert(file.to_owned(), fs::read(workspace::path(file)).with_context(|| file.to_owned())?);
    }
    files.insert("rustc".to_owned(), output(program("rustc").arg("-vV"))?.into_bytes());
    Ok(hash_of_files(&files))
}

fn hash_of_files(files: &Files) -> String {
    let mut hasher = Sha256::new();
    for (name, bytes) in files {
        for part in [name.as_bytes(), bytes] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hex(&hasher.finalize())
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds every file below the folder under its name with the prefix; hidden ones are left out.
fn read_folder(folder: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if path.is_dir() {
            read_folder(&path, &name, files)?;
        } else {
            let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            files.insert(name, bytes);
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

fn remove_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    Ok(())
}
