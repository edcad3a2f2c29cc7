//! The person's own page.

use leptos::prelude::*;

/// The person's own page.
#[component]
pub fn Me() -> impl IntoView {}
