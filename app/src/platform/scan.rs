//! The camera as a scanner of QR codes: the browser's own detector where there is one, else one of ours.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    CanvasRenderingContext2d, HtmlCanvasElement, HtmlVideoElement, MediaStream, MediaStreamConstraints,
    MediaStreamTrack,
};

use super::{PlatformError, bridge, events::Listener};

/// The side of the square out of the middle of the picture in which our own detector looks, in pixels: larger sees no label
/// from further away than an arm's length, and takes longer.
const SIDE: u32 = 480;

/// The camera at the back, shown in a video element; off when dropped.
#[derive(Debug)]
#[must_use = "dropping the camera switches it off"]
pub struct Camera {
    stream: MediaStream,
    video: HtmlVideoElement,
}

impl Camera {
    /// Switches it on and shows it. The browser asks the person once.
    pub async fn open(video: HtmlVideoElement) -> Result<Self, PlatformError> {
        let unable = |_: JsValue| PlatformError::Unsupported("camera");
        let devices = bridge::window()?.navigator().media_devices().map_err(unable)?;
        let wanted = MediaStreamConstraints::new();
        // Only a wish: a tablet with one camera still scans.
        let facing = bridge::object(&[("facingMode", "environment".into()), ("width", 1_280.into())]);
        wanted.set_video(&facing);
        let asked = devices.get_user_media_with_constraints(&wanted).map_err(unable)?;
        let stream: MediaStream = JsFuture::from(asked).await.map_err(unable)?.unchecked_into();
        let camera = Camera { stream, video };
        camera.video.set_muted(true);
        camera.video.set_src_object(Some(&camera.stream));
        let playing = camera.video.play().map_err(unable)?;
        JsFuture::from(playing).await.map_err(unable)?;
        Ok(camera)
    }

    fn track(&self) -> Option<MediaStreamTrack> {
        self.stream.get_video_tracks().get(0).dyn_into().ok()
    }

    /// Calls when the picture ends that nobody switched off: the system has given the camera to something else.
    pub fn on_end(&self, mut callback: impl FnMut() + 'static) -> Option<Listener> {
        Some(Listener::new(self.track()?, "ended", move |_| callback()))
    }

    /// Whether it has a light that can be switched on.
    #[must_use]
    pub fn has_light(&self) -> bool {
        let able = self.track().and_then(|track| bridge::call(&track, "getCapabilities", &[]).ok());
        able.is_some_and(|able| bridge::property(&able, "torch").is_some_and(|torch| torch.is_truthy()))
    }

    /// Switches its light.
    pub fn light(&self, on: bool) {
        let Some(track) = self.track() else { return };
        let torch = bridge::object(&[("torch", on.into())]);
        let wanted = bridge::object(&[("advanced", Array::of1(&torch).into())]);
        // Who has no light looks without.
        if let Ok(done) = bridge::call(&track, "applyConstraints", &[&wanted]) {
            wasm_bindgen_futures::spawn_local(async move {
                let _ = JsFuture::from(done.unchecked_into::<Promise>()).await;
            });
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        for track in self.stream.get_tracks() {
            track.unchecked_into::<MediaStreamTrack>().stop();
        }
        self.video.set_src_object(None);
    }
}

/// What finds a code in the camera's picture.
#[derive(Debug)]
pub struct Reader {
    /// The browser's, if it has one that reads QR codes and has not failed.
    native: Option<JsValue>,
    canvas: Option<(HtmlCanvasElement, CanvasRenderingContext2d)>,
}

impl Reader {
    /// The best one that there is here.
    pub async fn new() -> Self {
        Reader { native: native().await, canvas: None }
    }

    /// The text of a code that is in the picture now, if one is.
    pub async fn read(&mut self, camera: &Camera) -> Option<String> {
        if let Some(detector) = &self.native {
            match detect(detector, &camera.video).await {
                Ok(found) => return found,
                // Some browsers have a detector whose service is missing.
                Err(_) => self.native = None,
            }
        }
        let (width, height) = (camera.video.video_width(), camera.video.video_height());
        let side = width.min(height);
        if side == 0 {
            return None;
        }
        let shown = side.min(SIDE);
        let (_, context) = self.canvas(shown)?;
        let [left, top] = [width, height].map(|length| f64::from((length - side) / 2));
        let (side, to) = (f64::from(side), f64::from(shown));
        context
            .draw_image_with_html_video_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
                &camera.video,
                left,
                top,
                side,
                side,
                0.0,
                0.0,
                to,
                to,
            )
            .ok()?;
        let pixels = context.get_image_data(0.0, 0.0, to, to).ok()?.data();
        decode(shown as usize, &pixels)
    }

    fn canvas(&mut self, side: u32) -> Option<&(HtmlCanvasElement, CanvasRenderingContext2d)> {
        if self.canvas.as_ref().is_none_or(|(canvas, _)| canvas.width() != side) {
            let canvas: HtmlCanvasElement =
                bridge::document().ok()?.create_element("canvas").ok()?.dyn_into().ok()?;
            canvas.set_width(side);
            canvas.set_height(side);
            // It is read again and again: kept where the processor reaches it.
            let often = bridge::object(&[("willReadFrequently", true.into())]);
            let context = canvas.get_context_with_context_options("2d", &often).ok()??.dyn_into().ok()?;
            self.canvas = Some((canvas, context));
        }
        self.canvas.as_ref()
    }
}

async fn native() -> Option<JsValue> {
    let window = bridge::window().ok()?;
    let class: Function = bridge::property(&window, "BarcodeDetector")?.dyn_into().ok()?;
    let asked = bridge::call(&class, "getSupportedFormats", &[]).ok()?;
    let formats: Array = JsFuture::from(asked.unchecked_into::<Promise>()).await.ok()?.dyn_into().ok()?;
    let qr = JsValue::from_str("qr_code");
    if !formats.includes(&qr, 0) {
        return None;
    }
    let options = bridge::object(&[("formats", Array::of1(&qr).into())]);
    Reflect::construct(&class, &Array::of1(&options)).ok()
}

async fn detect(detector: &JsValue, video: &HtmlVideoElement) -> Result<Option<String>, JsValue> {
    let asked = bridge::call(detector, "detect", &[video])?;
    let found = JsFuture::from(asked.unchecked_into::<Promise>()).await?;
    let first = Array::from(&found).get(0);
    Ok(bridge::property(&first, "rawValue").and_then(|text| text.as_string()))
}

/// The text of a code in a square picture of RGBA pixels.
fn decode(side: usize, pixels: &[u8]) -> Option<String> {
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
