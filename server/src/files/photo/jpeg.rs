//! A JPEG without anything that is not needed to decode it.
//!
//! A JPEG is a list of segments, each with a marker and a length, and of scans, which run to the next marker. Frame,
//! tables and scans are kept as they are; application segments and comments are dropped, wherever they stand, and so
//! is whatever follows the end of the image (a second picture, a video, a maker's notes). Two application segments
//! decide how colours are decoded and are written anew from the one bit of theirs that matters.

use image::metadata::Orientation;
use memchr::memchr_iter;

/// What is left of a JPEG.
#[derive(Debug)]
pub(super) struct Stripped {
    /// The file without metadata.
    pub(super) bytes: Vec<u8>,
    /// Of the pixels as they are stored.
    pub(super) width: u16,
    /// Of the pixels as they are stored.
    pub(super) height: u16,
    /// 1 for grey, 3 or 4 for colours.
    pub(super) components: u8,
    /// Each block of pixels is coded at once, with 8 bits for each.
    pub(super) sequential: bool,
    /// How the pixels have to be turned to stand upright; it was in the metadata that is dropped.
    pub(super) orientation: Orientation,
}

/// The marker that a JPEG begins with.
pub(super) const SOI: [u8; 2] = [0xFF, 0xD8];
/// The marker that it ends with.
pub(super) const EOI: [u8; 2] = [0xFF, 0xD9];
/// "The three components are luminance and chrominance": JFIF 1.1, one pixel by one, no thumbnail.
const JFIF: &[u8] = b"\xFF\xE0\x00\x10JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00";
/// The same question answered by Adobe, but for its last byte: how the components are transformed.
const ADOBE: &[u8] = b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00";

/// Takes a JPEG apart; `None` if it is damaged, does not reach its end, or is of a kind that no browser shows.
pub(super) fn strip(bytes: &[u8]) -> Option<Stripped> {
    let mut rest = bytes.strip_prefix(&SOI)?;
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend(SOI);
    let mut frame = None;
    let mut orientation = None;
    let mut scans = 0;
    loop {
        // Some cameras leave stray bytes between segments, and any number of 0xFF may stand before a marker.
        rest = rest.get(rest.iter().position(|byte| *byte == 0xFF)?..)?;
        rest = rest.get(rest.iter().position(|byte| *byte != 0xFF)?..)?;
        let (&marker, after) = rest.split_first()?;
        if marker == EOI[1] {
            kept.extend(EOI);
            break;
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        let segment = after.get(..length)?;
        let payload = segment.get(2..)?;
        rest = after.get(length..)?;
        match marker {
            // Baseline, extended and progressive frames, coded by Huffman.
            0xC0..=0xC2 if frame.is_none() => {
                let (&[precision, h1, h0, w1, w0, components], _) = payload.split_first_chunk()?;
                let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
                frame = Some((width, height, components, marker != 0xC2 && precision == 8));
            }
            // Huffman and quantisation tables, restart intervals.
            0xC4 | 0xDB | 0xDD => {}
            0xDA if frame.is_some() => {
                let end = scan_end(rest)?;
                let (scan, behind) = rest.split_at_checked(end)?;
                kept.extend([0xFF, marker]);
                kept.extend(segment);
                kept.extend(scan);
                rest = behind;
                scans += 1;
                continue;
            }
            0xE0 => {
                if payload.starts_with(b"JFIF\0") && kept.len() == SOI.len() {
                    kept.extend(JFIF);
                }
                continue;
            }
            0xE1 => {
                if let Some(exif) = payload.strip_prefix(b"Exif\0\0") {
                    orientation = orientation.or_else(|| Orientation::from_exif_chunk(exif));
                }
                continue;
            }
            0xEE => {
                if let Some(transform) = payload.strip_prefix(b"Adobe").and_then(|adobe| adobe.get(6)) {
                    kept.extend(ADOBE);
                    kept.push(*transform);
                }
                continue;
            }
            0xE2..=0xEF | 0xFE => continue,
            // A second frame, lossless or arithmetic coding, a marker out of place.
            _ => return None,
        }
        kept.extend([0xFF, marker]);
        kept.extend(segment);
    }
    let (width, height, components, sequential) = frame.filter(|_| scans > 0)?;
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    Some(Stripped { bytes: kept, width, height, components, sequential, orientation })
}

/// Where the marker after a scan stands: in a scan, 0xFF is followed by 0x00 or is part of a restart marker.
pub(super) fn scan_end(bytes: &[u8]) -> Option<usize> {
    memchr_iter(0xFF, bytes).find(|at| !matches!(bytes.get(at + 1), None | Some(0x00 | 0xD0..=0xD7 | 0xFF)))
}
