//! A handler's dispatches.

use leptos::prelude::*;

use crate::state::State;

/// How many dispatches wait for this person's answer.
pub fn waiting(_state: State) -> usize {
    0
}

/// A handler's dispatches.
#[component]
pub fn Jobs() -> impl IntoView {}
