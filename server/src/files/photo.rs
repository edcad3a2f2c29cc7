//! Whether bytes are a photo that can be shown, and what of them is handed out.
//!
//! Three formats are taken: JPEG, PNG and WebP, told apart by their content. The size in pixels is read from the header
//! and judged before anything is decoded, so that a small file cannot ask for a lot of memory. Then every pixel has to be
//! there, because a photo that stops half way is worth nothing to whoever opens it in three months.
//!
//! What is kept never carries metadata, whatever was sent: no position, no device, no comment, no colour profile. A
//! JPEG that stands upright keeps its pixels bit by bit and loses everything that is not needed to decode it; what is
//! turned by its metadata is turned for good; PNG and WebP are written anew.
//!
//! Start at [`Checker::check`].

mod entropy;
mod jpeg;

use std::{fmt, io::Cursor, sync::Arc};

use bytes::Bytes;
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngDecoder, PngEncoder},
        webp::WebPDecoder,
    },
    metadata::Orientation,
};
use sha2::{Digest, Sha256};
use shared::{Code, Rejection, wire};
use tokio::sync::Semaphore;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// The quality at which a photo that had to be turned is written again.
const QUALITY: u8 = 85;
/// The most bytes that a decoder takes for a pixel: four channels of 16 bits.
const PIXEL_BYTES: u64 = 8;
/// What a decoder may take besides its pixels: rows, tables and text chunks.
const DECODER_BYTES: u64 = 8 << 20;

/// A photo that can be shown.
#[derive(Clone)]
pub struct Checked {
    /// The type of [`bytes`](Checked::bytes).
    pub mime: &'static str,
    /// Pixels from left to right, upright.
    pub width: u32,
    /// Pixels from top to bottom, upright.
    pub height: u32,
    /// The photo without metadata, to be stored and handed out.
    pub bytes: Bytes,
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}x{} in {} bytes", self.mime, self.width, self.height, self.bytes.len())
    }
}

/// Checks photos, a few at a time: what is decoded at once stays within twice the largest photo allowed.
#[derive(Clone, Debug)]
pub struct Checker {
    max_pixels: u64,
    megapixels: Arc<Semaphore>,
}

impl Checker {
    /// A checker that refuses photos of more than `max_megapixels`.
    pub fn new(max_megapixels: u32) -> Self {
        let max_megapixels = max_megapixels.max(1);
        let room = usize::try_from(max_megapixels).unwrap_or(usize::MAX).saturating_mul(2);
        Checker {
            max_pixels: u64::from(max_megapixels) * 1_000_000,
            megapixels: Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// The photo of some bytes, hashed and gone through on a thread that may block.
    ///
    /// # Errors
    /// `file.wrong_hash` if this is not their SHA-256, whatever else they are; `file.not_a_photo` for another type, and for
    /// what is damaged or cut off; `file.too_many_pixels`.
    pub async fn check(&self, bytes: Bytes, sha256: &str) -> Result<Checked, Rejection> {
        let measured = measure(&bytes, self.max_pixels);
        let pixels = measured.as_ref().map_or(0, Measured::pixels);
        let weight = u32::try_from(pixels / 1_000_000 + 1).unwrap_or(u32::MAX);
        // The semaphore is never closed; without a permit the photo would be checked all the same.
        let permit = Arc::clone(&self.megapixels).acquire_many_owned(weight).await;
        let sha256 = sha256.to_owned();
        let checked = tokio::task::spawn_blocking(move || {
            if wire::hex(&Sha256::digest(&bytes)) != sha256 {
                return Err(Code::FileWrongHash.into());
            }
            let checked = measured?.check(&bytes);
            drop(permit);
            checked
        });
        // A decoder that panics over bytes from outside has said as much as one that refuses them.
        checked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a photo's decoder failed");
            Err(Code::FileNotAPhoto.into())
        })
    }
}

/// What bytes say of themselves before they are decoded.
#[derive(Debug)]
struct Measured {
    width: u32,
    height: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Jpeg(jpeg::Stripped),
    Png,
    WebP,
}

/// Reads type and size, without decoding a pixel.
///
/// # Errors
/// `file.not_a_photo` for another type, or a JPEG that does not reach its end; `file.too_many_pixels`.
fn measure(bytes: &[u8], max_pixels: u64) -> Result<Measured, Rejection> {
    let format = image::guess_format(bytes).map_err(|_| Code::FileNotAPhoto)?;
    let (width, height, kind) = match format {
        ImageFormat::Jpeg => {
            let stripped = jpeg::strip(bytes).ok_or(Code::FileNotAPhoto)?;
            (stripped.width.into(), stripped.height.into(), Kind::Jpeg(stripped))
        }
        ImageFormat::Png | ImageFormat::WebP => {
            let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
            let mut limits = Limits::default();
            limits.max_alloc = Some(DECODER_BYTES);
            reader.limits(limits);
            let (width, height) = reader.into_dimensions().map_err(|_| Code::FileNotAPhoto)?;
            (width, height, if format == ImageFormat::Png { Kind::Png } else { Kind::WebP })
        }
        // `ImageFormat` is not exhaustive: whatever else it learns to guess is no photo of ours.
        _ => return Err(Code::FileNotAPhoto.into()),
    };
    let measured = Measured { width, height, kind };
    match measured.pixels() {
        0 => Err(Code::FileNotAPhoto.into()),
        pixels if pixels > max_pixels => {
            Err(Rejection::new(Code::FileTooManyPixels).with("max", max_pixels / 1_000_000))
        }
        _ => Ok(measured),
    }
}

impl Measured {
    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Goes through all of it and makes what is handed out.
    ///
    /// # Errors
    /// `file.not_a_photo` where a decoder stumbles.
    fn check(self, bytes: &[u8]) -> Result<Checked, Rejection> {
        let mut limits = Limits::default();
        limits.max_alloc = Some(self.pixels() * PIXEL_BYTES + DECODER_BYTES);
        let source = Cursor::new(bytes);
        let checked = match self.kind {
            Kind::Jpeg(stripped) => from_jpeg(stripped),
            Kind::Png => PngDecoder::with_limits(source, limits)
                .ok()
                .and_then(upright)
                .and_then(|image| encode(&image, ImageFormat::Png)),
            Kind::WebP => WebPDecoder::new(source).ok().and_then(upright).and_then(|image| {
                // There is no lossy writer for WebP, and a lossless one would multiply the size of a photo.
                let format = if image.color().has_alpha() { ImageFormat::Png } else { ImageFormat::Jpeg };
                encode(&image, format)
            }),
        };
        checked.ok_or_else(|| Code::FileNotAPhoto.into())
    }
}

/// What is handed out of a JPEG, if all of it is there.
fn from_jpeg(stripped: jpeg::Stripped) -> Option<Checked> {
    let (width, height) = (stripped.width.into(), stripped.height.into());
    if stripped.orientation == Orientation::NoTransforms {
        let checked = |bytes: Vec<u8>| Checked { mime: "image/jpeg", width, height, bytes: bytes.into() };
        return is_whole(&stripped).then(|| checked(stripped.bytes));
    }
    let mut image = if stripped.components == 1 {
        let pixels = decoder(&stripped, ColorSpace::Luma).decode().ok()?;
        image::GrayImage::from_raw(width, height, pixels).map(DynamicImage::from)
    } else {
        let pixels = decoder(&stripped, ColorSpace::RGB).decode().ok()?;
        image::RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
    }?;
    image.apply_orientation(stripped.orientation);
    encode(&image, ImageFormat::Jpeg)
}

/// Whether all of a JPEG is there whose pixels are not written again: the cheapest way to know.
fn is_whole(stripped: &jpeg::Stripped) -> bool {
    let mut head = decoder(stripped, ColorSpace::RGB);
    if head.decode_headers().is_err() {
        return false;
    }
    match (head.input_colorspace(), stripped.components) {
        (Some(ColorSpace::Luma), 1) | (Some(ColorSpace::YCbCr | ColorSpace::RGB), 3)
            if stripped.sequential =>
        {
            entropy::is_whole(&stripped.bytes)
        }
        // The file is read to its end either way, but of colours that can be left out only the brightness is turned into
        // pixels.
        (Some(ColorSpace::Luma | ColorSpace::YCbCr), _) => {
            decoder(stripped, ColorSpace::Luma).decode().is_ok()
        }
        _ => decoder(stripped, ColorSpace::RGB).decode().is_ok(),
    }
}

/// Decodes strictly: `image` reads a JPEG as browsers do, which paint grey over what is missing.
fn decoder(stripped: &jpeg::Stripped, space: ColorSpace) -> JpegDecoder<ZCursor<&Vec<u8>>> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(stripped.width.into())
        .set_max_height(stripped.height.into())
        .jpeg_set_out_colorspace(space);
    JpegDecoder::new_with_options(ZCursor::new(&stripped.bytes), options)
}

fn upright(mut decoder: impl ImageDecoder) -> Option<DynamicImage> {
    let orientation = decoder.orientation().ok()?;
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    image.apply_orientation(orientation);
    Some(image)
}

/// Writes pixels and nothing else.
fn encode(image: &DynamicImage, format: ImageFormat) -> Option<Checked> {
    let mut bytes = Vec::new();
    let written = if format == ImageFormat::Jpeg {
        image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))
    } else {
        let (compression, filter) = (CompressionType::Default, FilterType::Adaptive);
        image.write_with_encoder(PngEncoder::new_with_quality(&mut bytes, compression, filter))
    };
    written.ok()?;
    Some(Checked {
        mime: format.to_mime_type(),
        width: image.width(),
        height: image.height(),
        bytes: bytes.into(),
    })
}

#[cfg(test)]
mod tests;
