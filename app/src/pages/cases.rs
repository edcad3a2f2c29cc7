//! The cases of this person.

use leptos::prelude::*;

/// The cases of this person.
#[component]
pub fn Cases() -> impl IntoView {}
