//! Rebuilds the server when a migration is added: Cargo watches only files that existed at the last build.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
