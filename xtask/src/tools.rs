//! What a chore needs besides Rust: installed where that is possible (root on Debian), otherwise named
//! together with the command that installs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{call, cargo, output, program, succeeds};
use crate::workspace;

/// The version of cargo-deny that reads `deny.toml`.
const CARGO_DENY: &str = "0.20.2";

/// The oldest Node that runs the journeys.
const NODE: u32 = 20;

/// A program of the system that a chore needs, and the Debian package that holds it.
#[derive(Clone, Copy)]
pub enum Tool {
    Chromium,
    ChineseFonts,
    Git,
    Nginx,
    Postgres,
    PythonVenv,
}

impl Tool {
    fn package(self) -> &'static str {
        match self {
            Tool::Chromium => "chromium",
            Tool::ChineseFonts => "fonts-noto-cjk",
            Tool::Git => "git",
            Tool::Nginx => "nginx",
            Tool::Postgres => "postgresql",
            Tool::PythonVenv => "python3-venv",
        }
    }

    fn is_there(self) -> bool {
        match self {
            Tool::Chromium => chromium().is_file(),
            // Debian's path first: there `fc-list` is a package of its own, and may be missing.
            Tool::ChineseFonts => {
                Path::new("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc").is_file()
                    || output(program("fc-list").arg(":lang=zh")).is_ok_and(|fonts| !fonts.trim().is_empty())
            }
            Tool::Git => succeeds(program("git").arg("--version")),
            Tool::Nginx => nginx().is_file(),
            Tool::Postgres => postgres_bin().is_some(),
            // Debian keeps what fills a new environment in a package of its own.
            Tool::PythonVenv => succeeds(program("python3").args(["-c", "import venv, ensurepip"])),
        }
    }
}

/// Makes sure that all of these are there.
pub fn ensure(tools: &[Tool]) -> Result<()> {
    let missing =
        || tools.iter().filter(|tool| !tool.is_there()).map(|tool| tool.package()).collect::<Vec<_>>();
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    if !Path::new("/etc/debian_version").exists() || !is_root() {
        bail!(
            "missing: {}. Install with `sudo {by_hand}` or what your system has for it",
            packages.join(", ")
        );
    }
    println!("missing: {}; installing", packages.join(", "));
    let apt = || {
        let mut apt = program("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    call(apt().arg("update"))?;
    call(apt().args(["install", "-y", "--no-install-recommends"]).args(&packages))?;
    let missing = missing();
    if !missing.is_empty() {
        bail!("`{by_hand}` succeeded, but this is still missing: {}", missing.join(", "));
    }
    Ok(())
}

/// Makes sure that Rust can build for the browser.
pub fn ensure_wasm_target() -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let folder = output(program("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    call(program("rustup").args(["target", "add", TARGET]))
        .with_context(|| format!("Rust cannot build for {TARGET} yet, and rustup did not add it"))
}

/// Makes sure that `cargo <subcommand>` is there, which is a component of the Rust toolchain.
pub fn ensure_component(component: &str, subcommand: &str) -> Result<()> {
    if succeeds(cargo().args([subcommand, "--version"])) {
        return Ok(());
    }
    call(program("rustup").args(["component", "add", component]))
        .with_context(|| format!("`cargo {subcommand}` is missing, and rustup did not add it"))
}

/// Makes sure that Node and npm are there and new enough.
pub fn ensure_node() -> Result<()> {
    let version = output(program("node").arg("--version"))
        .with_context(|| format!("missing: Node {NODE} or newer, with npm"))?;
    let major =
        version.trim().trim_start_matches('v').split('.').next().and_then(|part| part.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE) {
        bail!("Node {NODE} or newer is needed, and this is {}", version.trim());
    }
    if !succeeds(program("npm").arg("--version")) {
        bail!("missing: npm, which comes with Node or as Debian's package npm");
    }
    Ok(())
}

/// Makes sure that there is a cargo-deny: builds one into the target folder where none is installed.
pub fn ensure_deny() -> Result<()> {
    if succeeds(deny().arg("--version")) {
        return Ok(());
    }
    // Unoptimised and without lines, because it is built more often than its speed is noticed.
    let mut build = cargo();
    build.env("CARGO_PROFILE_DEV_DEBUG", "false");
    build.args([
        "install",
        "--quiet",
        "--locked",
        "--debug",
        "cargo-deny",
        "--version",
        CARGO_DENY,
        "--root",
    ]);
    call(build.arg(workspace::target("tools"))).context("cargo-deny is missing, and could not be built")
}

/// The cargo-deny to call: the project's own, else one that is installed.
pub fn deny() -> Command {
    let own = workspace::target("tools/bin/cargo-deny");
    program(if own.is_file() { own } else { "cargo-deny".into() })
}

/// The Chromium in which the journeys run.
pub fn chromium() -> PathBuf {
    std::env::var_os("CHROMIUM").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from)
}

/// The nginx that stands before several processes in a test. Debian has it where only root's shell looks.
pub fn nginx() -> PathBuf {
    std::env::var_os("NGINX").map_or_else(|| "/usr/sbin/nginx".into(), PathBuf::from)
}

/// The folder with the programs of the newest PostgreSQL server.
pub fn postgres_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max();
    newest.map(|(_, bin)| bin).or_else(|| {
        let configured = output(program("pg_config").arg("--bindir")).ok()?;
        Some(PathBuf::from(configured.trim())).filter(|bin| bin.join("initdb").is_file())
    })
}

/// Whether this program may do everything on this machine, which PostgreSQL refuses to run with.
pub fn is_root() -> bool {
    output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
