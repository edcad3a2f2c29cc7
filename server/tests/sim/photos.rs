//! Small photos, each with pixels of its own; one in ten is too large for one request.

use std::sync::LazyLock;

use device::Photo;
use image::{ImageEncoder, codecs::jpeg::JpegEncoder};

use crate::dice::Dice;

/// Noise does not compress: some 300 KiB, more than a device sends at once.
static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| jpeg(&mut Dice::of(7, 7), 560, 420));

/// Shoots one.
pub fn take(dice: &mut Dice) -> Photo {
    let thumb = jpeg(dice, 8, 8);
    if dice.percent(10) {
        return Photo { full: LARGE.clone(), width: 560, height: 420, thumb };
    }
    Photo { full: jpeg(dice, 24, 16), width: 24, height: 16, thumb }
}

fn jpeg(dice: &mut Dice, width: u32, height: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height * 3).map(|_| dice.next().to_le_bytes()[0]).collect();
    let mut bytes = Vec::new();
    // Into memory, of pixels that are as many as they should be: it cannot fail.
    let _ = JpegEncoder::new_with_quality(&mut bytes, 90).write_image(
        &pixels,
        width,
        height,
        image::ExtendedColorType::Rgb8,
    );
    bytes
}
