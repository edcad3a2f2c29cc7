//! What is on this device and not at the server.

use leptos::prelude::*;

/// What is on this device and not at the server.
#[component]
pub fn Unsent() -> impl IntoView {}
