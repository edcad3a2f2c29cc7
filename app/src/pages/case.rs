//! One case: where it stands, its story, and what may be done.

use leptos::prelude::*;

/// One case: where it stands, its story, and what may be done.
#[component]
pub fn CasePage() -> impl IntoView {}
