//! No tracked file may name the machine it was written on, nor the mirror that somebody downloads from:
//! such a name works nowhere else.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::process::{output, program};
use crate::workspace;

/// The registry that every lock file may name.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Fails with the file and line of everything that is found.
pub fn check() -> Result<()> {
    let checkout = workspace::root().to_string_lossy();
    let mut found = Vec::new();
    for name in output(program("git").args(["ls-files", "-z"]))?.split_terminator('\0') {
        let path = workspace::path(name);
        if !path.is_file() {
            continue; // Deleted, and not yet committed so.
        }
        let bytes = fs::read(&path).with_context(|| format!("{name} cannot be read"))?;
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        for (index, line) in text.lines().enumerate() {
            if let Some(reason) = objection(name, line, &checkout) {
                found.push(format!("{name}:{}: {reason}: {}", index + 1, line.trim()));
            }
        }
    }
    if !found.is_empty() {
        bail!("{}", found.join("\n"));
    }
    Ok(())
}

fn objection(name: &str, line: &str, checkout: &str) -> Option<&'static str> {
    // Written in two pieces, so that this file does not object to itself.
    let homes = [concat!("/ro", "ot/"), concat!("/Use", "rs/"), concat!("C:\\Use", "rs")];
    let locked_elsewhere = match name.rsplit('/').next() {
        Some("Cargo.lock") => line.starts_with("source = ") && !line.contains(CRATES_IO),
        Some("package-lock.json") => line.trim_start().starts_with("\"resolved\": "),
        _ => false,
    };
    if locked_elsewhere {
        Some("a mirror or a source outside the registry")
    } else if homes.iter().any(|home| line.contains(home)) {
        Some("the path of somebody's home")
    } else if checkout.matches('/').count() > 1 && line.contains(checkout) {
        // A checkout directly below the root, such as `/app`, is too common a word to look for.
        Some("the path of this checkout")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_machine_are_found() {
        assert!(objection("README.md", "cd /srv/checkout/firsthand", "/srv/checkout").is_some());
        assert!(objection("README.md", concat!("cd /ro", "ot/firsthand"), "/srv/checkout").is_some());
        assert!(objection("README.md", "open /app/home", "/app").is_none());
    }

    #[test]
    fn lock_files_name_only_the_public_registry() {
        let elsewhere = r#"source = "registry+https://mirror.example/index""#;
        assert!(objection("Cargo.lock", elsewhere, "/srv/checkout").is_some());
        assert!(objection("Cargo.lock", &format!("source = \"{CRATES_IO}\""), "/srv/checkout").is_none());
        let resolved = r#"      "resolved": "https://mirror.example/a.tgz","#;
        assert!(objection("end2end/package-lock.json", resolved, "/srv/checkout").is_some());
    }
}
