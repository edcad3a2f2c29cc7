// The worker that looks for a QR code in pictures of the camera, one at a time, where the browser has no detector of its own:
// the page never stands still for it. It loads the decoder and nothing else of the app.
//
// Asked with `{ side, pixels }`, a square of RGBA bytes, it answers `{ text }`, without one where there is no code, or
// `{ failed }`, if it cannot look at all.

import init, { decode } from "{{decoder.js}}";

const ready = init({ module_or_path: "{{decoder.wasm}}" });
// Whoever asks is told.
ready.catch(() => {});

self.onmessage = async ({ data: { side, pixels } }) => {
  try {
    await ready;
    self.postMessage({ text: decode(side, new Uint8Array(pixels)) });
  } catch (error) {
    self.postMessage({ failed: String(error) });
  }
};
