//! Where things lie in this checkout.

use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// A path inside the workspace.
pub fn path(relative: impl AsRef<Path>) -> PathBuf {
    root().join(relative)
}

/// A path inside the folder into which Cargo builds.
pub fn target(relative: impl AsRef<Path>) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| path("target"), |dir| root().join(dir));
    target.join(relative)
}
