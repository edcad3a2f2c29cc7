//! Finds QR codes in pictures of the camera, where the browser has no detector of its own.
//!
//! A module by itself, which only `public/scanner.js` loads: looking at a picture takes longer than a page may stand still, so
//! that is done in a worker, and a worker that loaded the whole app would take as long to begin as the app.

use wasm_bindgen::prelude::wasm_bindgen;

/// The text of a code in a square picture of RGBA pixels; nothing where there is none that can be read.
#[wasm_bindgen]
#[must_use]
pub fn decode(side: usize, pixels: &[u8]) -> Option<String> {
    let luma = |x: usize, y: usize| {
        let at = (y * side + x) * 4;
        let part = |offset: usize| u16::from(pixels.get(at + offset).copied().unwrap_or(u8::MAX));
        // Green counts twice, as in the eye; the sum of four bytes by four is a byte.
        ((part(0) + 2 * part(1) + part(2)) / 4) as u8
    };
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(side, side, luma);
    picture.detect_grids().into_iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use qrcode::{Color, QrCode};

    use super::decode;

    /// A code on grey paper, `scale` pixels a module, in a square picture.
    fn picture(text: &str, side: usize, scale: usize, paper: u8) -> Vec<u8> {
        let code = QrCode::new(text).unwrap();
        let (modules, width) = (code.to_colors(), code.width());
        let margin = (side - width * scale) / 2;
        let mut pixels = Vec::with_capacity(side * side * 4);
        for y in 0..side {
            for x in 0..side {
                let module = |at: usize| at.checked_sub(margin).map(|at| at / scale).filter(|at| *at < width);
                let dark =
                    module(x).zip(module(y)).is_some_and(|(x, y)| modules[y * width + x] == Color::Dark);
                let value = if dark { 30 } else { paper };
                pixels.extend([value, value, value, 255]);
            }
        }
        pixels
    }

    #[test]
    fn a_labels_link_is_read_also_in_the_dusk_and_not_out_of_nothing() {
        let link = "https://firsthand.example/c/q83vEjRWeJCrze8SNFZ4kA";
        for paper in [255, 110] {
            assert_eq!(decode(480, &picture(link, 480, 8, paper)).as_deref(), Some(link));
        }
        assert_eq!(decode(480, &[255; 480 * 480 * 4]), None);
        assert_eq!(decode(480, &[]), None);
    }
}
