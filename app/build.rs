//! Has cargo compile the texts again when they change: the macro that reads them does not say so.

fn main() {
    println!("cargo::rerun-if-changed=locales");
}
