//! The camera as a scanner of QR codes: the browser's own detector where there is one, else ours, which looks in a worker
//! (`public/scanner.js`), so that the page never stands still for it.

use futures::future::{Either, select};
use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    CanvasRenderingContext2d, HtmlCanvasElement, HtmlVideoElement, MediaStream, MediaStreamConstraints,
    MediaStreamTrack, Worker, WorkerOptions, WorkerType,
};

use super::{PlatformError, bridge, clock, events::Listener};

/// The side of the square out of the middle of the picture in which our own detector looks, in pixels: larger sees no label
/// from further away than an arm's length, and takes longer.
const SIDE: u32 = 480;
/// A worker that has not answered for so long never will: what it loads does not come.
const LIMIT_MS: u32 = 20_000;

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

/// What finds a code in the camera's picture. It does not hold the camera, so that whoever switches that off need not wait.
#[derive(Debug)]
pub struct Reader {
    video: HtmlVideoElement,
    /// The browser's, if it has one that reads QR codes and has not failed.
    native: Option<JsValue>,
    /// Ours, once it was needed.
    scanner: Option<Scanner>,
    canvas: Option<(HtmlCanvasElement, CanvasRenderingContext2d)>,
}

impl Reader {
    /// The best one that there is here, for a video element in which a [`Camera`] is shown.
    pub async fn new(video: HtmlVideoElement) -> Self {
        Reader { video, native: native().await, scanner: None, canvas: None }
    }

    /// The text of a code that is in the picture now, if one is.
    ///
    /// # Errors
    /// If it could not be looked for; whoever asks again gets another try.
    pub async fn read(&mut self) -> Result<Option<String>, PlatformError> {
        if let Some(detector) = &self.native {
            match detect(detector, &self.video).await {
                Ok(found) => return Ok(found),
                // Some browsers have a detector whose service is missing.
                Err(_) => self.native = None,
            }
        }
        let Some((side, pixels)) = self.picture() else { return Ok(None) };
        let scanner = match self.scanner.take() {
            Some(scanner) => scanner,
            None => Scanner::start()?,
        };
        let found = scanner.find(side, &pixels).await?;
        self.scanner = Some(scanner);
        Ok(found)
    }

    /// The square out of the middle of the picture: its side, and the buffer of its pixels.
    fn picture(&mut self) -> Option<(u32, JsValue)> {
        let (width, height) = (self.video.video_width(), self.video.video_height());
        let side = width.min(height);
        if side == 0 {
            return None;
        }
        let shown = side.min(SIDE);
        let video = self.video.clone();
        let (_, context) = self.canvas(shown)?;
        let [left, top] = [width, height].map(|length| f64::from((length - side) / 2));
        let (side, to) = (f64::from(side), f64::from(shown));
        context
            .draw_image_with_html_video_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
                &video, left, top, side, side, 0.0, 0.0, to, to,
            )
            .ok()?;
        // Not by way of `ImageData::data`, which copies them into the app's memory: they go on as they are.
        let image = context.get_image_data(0.0, 0.0, to, to).ok()?;
        Some((shown, bridge::property(&bridge::property(&image, "data")?, "buffer")?))
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

/// Our own detector, in a worker; ended when dropped. It is asked one thing at a time.
#[derive(Debug)]
struct Scanner(Worker);

impl Scanner {
    fn start() -> Result<Self, PlatformError> {
        let named = bridge::document()?.query_selector("meta[name=scanner]").ok().flatten();
        let address = named.and_then(|meta| meta.get_attribute("content"));
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = address.and_then(|address| Worker::new_with_options(&address, &options).ok());
        worker.map(Scanner).ok_or(UNABLE)
    }

    /// The text of a code in a square of RGBA bytes, whose buffer it takes.
    async fn find(&self, side: u32, pixels: &JsValue) -> Result<Option<String>, PlatformError> {
        let Scanner(worker) = self;
        let answer = bridge::promise(|answered, failed| {
            worker.set_onmessage(Some(answered));
            worker.set_onerror(Some(failed));
        });
        let question = bridge::object(&[("side", side.into()), ("pixels", pixels.clone())]);
        worker.post_message_with_transfer(&question, &Array::of1(pixels)).map_err(|_| UNABLE)?;
        let limit = Box::pin(clock::sleep(LIMIT_MS));
        let Either::Left((Ok(message), _)) = select(JsFuture::from(answer), limit).await else {
            return Err(UNABLE);
        };
        let answer = bridge::property(&message, "data").ok_or(UNABLE)?;
        if bridge::property(&answer, "failed").is_some() {
            return Err(UNABLE);
        }
        Ok(bridge::property(&answer, "text").and_then(|text| text.as_string()))
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.0.terminate();
    }
}

const UNABLE: PlatformError = PlatformError::Unsupported("scanner");
