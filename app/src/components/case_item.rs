//! A case in a list.

use std::sync::Arc;

use leptos::prelude::*;
use shared::case::CaseView;

/// A case in a list.
#[component]
pub fn CaseItem(
    /// The case.
    view: Arc<CaseView>,
) -> impl IntoView {
    let _ = view;
}
