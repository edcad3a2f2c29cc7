//! Brotli and gzip beside each file that gets smaller by them, so that the server never compresses.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use flate2::write::GzEncoder;

use super::{Files, hash, write};
use crate::workspace;

/// What is text, or WebAssembly; images and fonts are compressed already.
const COMPRESSIBLE: [&str; 10] =
    [".html", ".js", ".wasm", ".css", ".json", ".webmanifest", ".svg", ".txt", ".xml", ".ico"];

/// Writes `name.br` and `name.gz` into the folder for every file that is worth it.
pub fn compress(folder: &Path, files: &Files) -> Result<()> {
    for (name, bytes) in files {
        if !COMPRESSIBLE.iter().any(|extension| name.ends_with(extension)) {
            continue;
        }
        // The strongest brotli is slow, so what did not change is taken from an earlier build.
        let cached = workspace::target("precompressed").join(hash(bytes));
        let (br_path, gz_path) = (cached.with_extension("br"), cached.with_extension("gz"));
        let (br, gz) = match (fs::read(&br_path), fs::read(&gz_path)) {
            (Ok(br), Ok(gz)) => (br, gz),
            _ => {
                let (br, gz) = (brotli(bytes)?, gzip(bytes)?);
                write(&br_path, &br)?;
                write(&gz_path, &gz)?;
                (br, gz)
            }
        };
        for (extension, compressed) in [("br", br), ("gz", gz)] {
            if compressed.len() < bytes.len() {
                write(&folder.join(format!("{name}.{extension}")), &compressed)?;
            }
        }
    }
    Ok(())
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &params)?;
    Ok(compressed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
