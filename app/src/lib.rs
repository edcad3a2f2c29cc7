//! The field app of Firsthand: a Leptos PWA that works without a network.
//!
//! Arrows point one way: `pages → components → ui`, and `pages → state → sync → platform`. Pages and components show
//! [`state`] and never wait for a network; [`sync`] runs the engine of the crate `device`, which keeps a person's data
//! and sends it; only [`platform`] touches the browser.

pub mod address;
pub mod components;
pub mod i18n;
pub mod order;
pub mod pages;
pub mod part;
pub mod platform;
pub mod prefs;
pub mod reactive;
pub mod state;
pub mod sync;
pub mod ui;
pub mod words;

use wasm_bindgen::prelude::wasm_bindgen;

/// Mounts the app; the page's start script calls it.
#[wasm_bindgen(start)]
pub fn start() {
    leptos::mount::mount_to_body(pages::App);
}
