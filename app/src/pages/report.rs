//! Reporting a problem.

use leptos::prelude::*;

/// Reporting a problem.
#[component]
pub fn Report() -> impl IntoView {}
