//! From a file that a person chose to a photo that may be sent: upright, at most 1,600 pixels, JPEG, and a
//! thumbnail small enough to go ahead of it.
//!
//! Both are drawn anew from pixels, so no metadata of the file survives. Before the browser decodes anything,
//! the size is read from the file's first bytes, so that a small file which unpacks to gigabytes is refused
//! without being unpacked.

use ::device::Photo;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, CanvasRenderingContext2d, File, HtmlCanvasElement, HtmlInputElement, ImageBitmap,
    ImageBitmapOptions, ImageEncodeOptions, ImageOrientation, OffscreenCanvas,
};

use super::{MediaError, PlatformError, bridge, error};

mod header;

/// The long side of a photo.
pub const LONG_SIDE: u32 = 1_600;
/// The most that a thumbnail may weigh.
pub const THUMB_BYTES: usize = 16 * 1_024;
/// More pixels than this are not decoded.
pub const MAX_PIXELS: u64 = 64_000_000;

const QUALITY: f64 = 0.8;
/// Long side and quality of the thumbnail, tried in this order until one fits.
const THUMB_STEPS: [(u32, f64); 6] = [(320, 0.7), (320, 0.5), (240, 0.5), (240, 0.3), (160, 0.4), (160, 0.1)];
/// How much of the file is searched for its size: EXIF, profiles and a preview come before it.
const HEAD_BYTES: i32 = 512 * 1_024;

/// A file that a person chose or shot.
#[derive(Debug, Clone)]
pub struct Chosen(File);

/// The files of an `<input type="file">` whose `change` event this is. Empties the input, so that choosing the
/// same file again is a change again.
#[must_use]
pub fn chosen(event: &web_sys::Event) -> Vec<Chosen> {
    let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else {
        return Vec::new();
    };
    let files = match input.files() {
        Some(list) => (0..list.length()).filter_map(|index| list.get(index)).map(Chosen).collect(),
        None => Vec::new(),
    };
    input.set_value("");
    files
}

impl Chosen {
    /// The file's name, to say which one of several could not be used.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Makes the photo and its thumbnail.
    pub async fn shrink(&self) -> Result<Photo, PlatformError> {
        let bitmap = decode(&self.0).await?;
        let photo = render(&bitmap).await;
        // Gives the pixels back at once; the garbage collector does not know how many they are.
        bitmap.close();
        photo
    }
}

async fn decode(file: &File) -> Result<ImageBitmap, PlatformError> {
    let head = file.slice_with_i32_and_i32(0, HEAD_BYTES).map_err(undecodable)?;
    let head = read(&head).await.map_err(undecodable)?;
    if let Some((width, height)) = header::dimensions(&head) {
        check(width, height)?;
    }
    let options = ImageBitmapOptions::new();
    options.set_image_orientation(ImageOrientation::FromImage);
    let decoding = bridge::window()?
        .create_image_bitmap_with_blob_and_image_bitmap_options(file, &options)
        .map_err(undecodable)?;
    let bitmap: ImageBitmap = JsFuture::from(decoding).await.map_err(undecodable)?.unchecked_into();
    check(bitmap.width(), bitmap.height())?;
    Ok(bitmap)
}

fn check(width: u32, height: u32) -> Result<(), MediaError> {
    match u64::from(width) * u64::from(height) {
        1..=MAX_PIXELS => Ok(()),
        _ => Err(MediaError::Dimensions { width, height }),
    }
}

async fn render(bitmap: &ImageBitmap) -> Result<Photo, PlatformError> {
    let (full_width, full_height) = fit(bitmap.width(), bitmap.height(), LONG_SIDE);
    let full = Canvas::draw(bitmap, full_width, full_height)?.jpeg(QUALITY).await?;
    for (side, quality) in THUMB_STEPS {
        let (width, height) = fit(bitmap.width(), bitmap.height(), side);
        let thumb = Canvas::draw(bitmap, width, height)?.jpeg(quality).await?;
        if thumb.len() <= THUMB_BYTES {
            return Ok(Photo { full, width: full_width, height: full_height, thumb });
        }
    }
    Err(MediaError::Encoding("the thumbnail does not get small enough".to_owned()).into())
}

/// The size with this long side at most, in the same proportion, at least one pixel each way.
fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= side {
        return (width, height);
    }
    let scale = |length: u32| {
        let scaled = (u64::from(length) * u64::from(side) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(scaled).unwrap_or(side).max(1)
    };
    (scale(width), scale(height))
}

/// A canvas, off the page where the browser can (Safari from 16.4 on).
enum Canvas {
    Offscreen(OffscreenCanvas),
    Element(HtmlCanvasElement),
}

impl Canvas {
    fn draw(bitmap: &ImageBitmap, width: u32, height: u32) -> Result<Self, PlatformError> {
        let (canvas, context) = match OffscreenCanvas::new(width, height) {
            Ok(canvas) => {
                let context = canvas.get_context("2d");
                (Self::Offscreen(canvas), context)
            }
            Err(_) => {
                let canvas: HtmlCanvasElement =
                    bridge::document()?.create_element("canvas").map_err(encoding)?.unchecked_into();
                canvas.set_width(width);
                canvas.set_height(height);
                let context = canvas.get_context("2d");
                (Self::Element(canvas), context)
            }
        };
        let context = context
            .map_err(encoding)?
            .ok_or_else(|| MediaError::Encoding("no canvas context".to_owned()))?
            // Both kinds of context have the methods used here under the same names.
            .unchecked_into::<CanvasRenderingContext2d>();
        let (width, height) = (f64::from(width), f64::from(height));
        // JPEG knows no transparency: what lets the ground through would turn black.
        context.set_fill_style_str("#fff");
        context.fill_rect(0.0, 0.0, width, height);
        // Only a wish, and web-sys has it only behind a compiler flag.
        let _ = js_sys::Reflect::set(&context, &"imageSmoothingQuality".into(), &"high".into());
        context
            .draw_image_with_image_bitmap_and_dw_and_dh(bitmap, 0.0, 0.0, width, height)
            .map_err(encoding)?;
        Ok(canvas)
    }

    async fn jpeg(&self, quality: f64) -> Result<Vec<u8>, PlatformError> {
        let encoded = match self {
            Self::Offscreen(canvas) => {
                let options = ImageEncodeOptions::new();
                options.set_type("image/jpeg");
                options.set_quality(quality);
                canvas.convert_to_blob_with_options(&options).map_err(encoding)?
            }
            Self::Element(canvas) => {
                let mut begun = Ok(());
                let promise = bridge::promise(|resolve, _| {
                    begun =
                        canvas.to_blob_with_type_and_encoder_options(resolve, "image/jpeg", &quality.into());
                });
                begun.map_err(encoding)?;
                promise
            }
        };
        let blob = JsFuture::from(encoded).await.map_err(encoding)?;
        // An element's canvas answers null when it runs out of memory.
        let blob: Blob =
            blob.dyn_into().map_err(|_| MediaError::Encoding("the canvas gave nothing".to_owned()))?;
        Ok(read(&blob).await.map_err(encoding)?)
    }
}

async fn read(blob: &Blob) -> Result<Vec<u8>, JsValue> {
    JsFuture::from(blob.array_buffer()).await.map(|buffer| bridge::bytes(&buffer))
}

fn undecodable(thrown: JsValue) -> MediaError {
    MediaError::Undecodable(error::words(&thrown))
}

fn encoding(thrown: JsValue) -> MediaError {
    MediaError::Encoding(error::words(&thrown))
}
