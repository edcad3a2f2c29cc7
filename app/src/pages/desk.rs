//! The service desk: three columns and a detail pane.

use leptos::prelude::*;

/// The service desk: three columns and a detail pane.
#[component]
pub fn Desk() -> impl IntoView {}
