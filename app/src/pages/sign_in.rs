//! Signing in.

use leptos::prelude::*;

/// The page for somebody who is not known on this device.
#[component]
pub fn SignIn(
    /// After it.
    #[prop(into)]
    on_done: Callback<()>,
) -> impl IntoView {
    let _ = on_done;
}

/// The form, also for signing in again.
#[component]
pub fn SignInForm(
    /// After it.
    #[prop(into)]
    on_done: Callback<()>,
) -> impl IntoView {
    let _ = on_done;
}
