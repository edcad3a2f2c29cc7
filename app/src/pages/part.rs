//! What is shown in place of a page whose part of the app is not here yet.

use futures::FutureExt as _;
use leptos::prelude::*;
use wasm_split_helpers::SplitLoaderError;

use crate::{
    i18n::*,
    part::{Got, Part, Why},
    ui::{Button, ButtonKind, EmptyState, Glyph, Skeleton, view},
};

/// A page of the part; until that is here, what is to be said about it.
pub fn show<F>(part: Part, i18n: I18n, page: impl FnOnce() -> F) -> AnyView
where
    F: Future<Output = Result<AnyView, SplitLoaderError>>,
{
    match part.got() {
        // What is here is not waited for.
        Got::Whole => page().now_or_never().and_then(Result::ok).into_any(),
        Got::Failed => view! { <Missing part=part /> }.into_any(),
        Got::Coming => {
            part.again(Why::Perhaps);
            view! { <main class="main"><Skeleton label=t_string!(i18n, frame.loading) /></main> }.into_any()
        }
    }
}

/// Something of the part that a page does without until it is here.
pub fn once_here<F>(part: Part, piece: impl FnOnce() -> F) -> AnyView
where
    F: Future<Output = Result<AnyView, SplitLoaderError>>,
{
    match part.got() {
        Got::Whole => piece().now_or_never().and_then(Result::ok).into_any(),
        Got::Coming | Got::Failed => ().into_any(),
    }
}

/// In place of a page whose part could not be loaded. Trying again may load the app anew; what was typed is in drafts.
#[component]
fn Missing(
    /// What is missing.
    part: Part,
) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <main class="main">
            <div role="alert">
                <EmptyState
                    glyph=Glyph::CloudOff
                    title=t_string!(i18n, frame.missing)
                    text=t_string!(i18n, frame.missing_text)
                >
                    <Button
                        label=t_string!(i18n, frame.try_again)
                        kind=ButtonKind::Ghost
                        on_click=move || part.again(Why::Asked)
                    />
                </EmptyState>
            </div>
        </main>
    }
    .into_any()
}
