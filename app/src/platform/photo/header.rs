//! The size of an image from its first bytes, without decoding it.

/// Width and height that a JPEG, PNG, WebP, GIF or BMP claims; `None` for anything else, and where these bytes
/// do not reach far enough. The orientation is not applied.
pub fn dimensions(head: &[u8]) -> Option<(u32, u32)> {
    match head {
        [0xFF, 0xD8, ..] => jpeg(head),
        [0x89, b'P', b'N', b'G', ..] => Some((be32(head, 16)?, be32(head, 20)?)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp(head),
        [b'G', b'I', b'F', b'8', ..] => Some((le16(head, 6)?, le16(head, 8)?)),
        [b'B', b'M', ..] => {
            let height = le32(head, 22)?.cast_signed().unsigned_abs();
            Some((le32(head, 18)?, height))
        }
        _ => None,
    }
}

/// Walks the segments up to the start of frame.
fn jpeg(head: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        match (*head.get(at)?, *head.get(at + 1)?) {
            // Fill bytes may stand before a marker.
            (0xFF, 0xFF) => at += 1,
            // Markers without a length.
            (0xFF, 0x01 | 0xD0..=0xD8) => at += 2,
            // Every kind of frame; C4, C8 and CC are tables.
            (0xFF, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF) => {
                return Some((be16(head, at + 7)?, be16(head, at + 5)?));
            }
            (0xFF, 0xD9 | 0xDA) => return None,
            (0xFF, _) => at += 2 + usize::try_from(be16(head, at + 2)?).ok()?,
            _ => return None,
        }
    }
}

/// Simple lossy, lossless and extended files.
fn webp(head: &[u8]) -> Option<(u32, u32)> {
    match head.get(12..16)? {
        b"VP8 " => Some((le16(head, 26)? & 0x3FFF, le16(head, 28)? & 0x3FFF)),
        b"VP8L" => {
            let bits = le32(head, 21)?;
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8X" => Some(((le32(head, 24)? & 0xFF_FFFF) + 1, (le32(head, 26)? >> 8) + 1)),
        _ => None,
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?).into())
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?).into())
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::dimensions;

    const SOF: [u8; 9] = [0xFF, 0xC2, 0x00, 0x11, 0x08, 0x0B, 0xB8, 0x0F, 0xA0];

    #[test]
    fn a_jpeg_tells_its_size_after_other_segments_and_fill_bytes() {
        let mut file = vec![0xFF, 0xD8, 0xFF, 0xE1, 0x00, 0x04, 0xFF, 0xC0, 0xFF];
        file.extend(SOF);
        assert_eq!(dimensions(&file), Some((4000, 3000)));
    }

    #[test]
    fn a_jpeg_that_ends_before_its_frame_tells_nothing() {
        let mut file = vec![0xFF, 0xD8];
        file.extend(&SOF[..6]);
        assert_eq!(dimensions(&file), None);
        assert_eq!(dimensions(&[0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xFF]), None);
    }

    #[test]
    fn a_png_tells_the_size_of_its_header() {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        file.extend([0, 0, 0x9C, 0x40, 0, 0, 0x9C, 0x41]);
        assert_eq!(dimensions(&file), Some((40_000, 40_001)));
    }

    #[test]
    fn each_kind_of_webp_tells_its_size() {
        let riff = |kind: &[u8; 4], rest: &[u8]| [b"RIFF\0\0\0\0WEBP", &kind[..], rest].concat();
        let lossy = riff(b"VP8 ", &[0, 0, 0, 0, 0, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x42, 0x38, 0x04]);
        assert_eq!(dimensions(&lossy), Some((640, 1080)));
        let lossless = riff(b"VP8L", &[0, 0, 0, 0, 0x2F, 0x7F, 0xC2, 0x3B, 0x00]);
        assert_eq!(dimensions(&lossless), Some((640, 240)));
        let extended = riff(b"VP8X", &[0, 0, 0, 0, 0, 0, 0, 0, 0x3F, 0x9C, 0x00, 0x40, 0x9C, 0x00]);
        assert_eq!(dimensions(&extended), Some((40_000, 40_001)));
    }

    #[test]
    fn a_gif_and_a_bmp_tell_their_size() {
        assert_eq!(dimensions(b"GIF89a\x40\x01\xF0\x00"), Some((320, 240)));
        let mut bmp = b"BM".to_vec();
        bmp.resize(18, 0);
        bmp.extend(320_i32.to_le_bytes());
        bmp.extend((-240_i32).to_le_bytes());
        assert_eq!(dimensions(&bmp), Some((320, 240)));
    }

    #[test]
    fn what_is_no_image_tells_nothing() {
        assert_eq!(dimensions(b""), None);
        assert_eq!(dimensions(b"<!doctype html>"), None);
    }
}
