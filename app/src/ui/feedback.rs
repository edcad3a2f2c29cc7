//! What the app says about itself: banners, toasts, empty pages, pages still loading.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

use super::{Glyph, Icon, IconButton, Tone, view, words};

use crate::reactive::Signal;

/// A line over the page for what holds for the whole of it: no network, an update, a failed send.
#[component]
pub fn Banner(
    /// What it says.
    #[prop(into)]
    text: TextProp,
    /// Its colour.
    #[prop(optional, into)]
    tone: Signal<Tone>,
    /// Its icon.
    glyph: Glyph,
    /// At its end: a small button or a link.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class=move || format!("banner {}", tone.get().class()) role="status">
            <Icon glyph/>
            <span class="grow">{words(text)}</span>
            {children.map(|children| children())}
        </div>
    }
    .into_any()
}

/// The place where toasts appear. It stands on every page from the start, or screen readers miss the first one.
#[component]
pub fn Toasts(
    /// The [`Toast`]s shown now.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="toasts" role="status" aria-live="polite">
            {children()}
        </div>
    }
    .into_any()
}

/// A short word on what was just done. The caller takes it away after a while; nothing that a person must not miss
/// goes here.
#[component]
pub fn Toast(
    /// What it says.
    #[prop(into)]
    text: TextProp,
    /// [`Tone::Urgent`] for what failed.
    #[prop(optional)]
    tone: Tone,
    /// Name of its close button.
    #[prop(into)]
    close: TextProp,
    /// Called when it is closed.
    #[prop(into)]
    on_close: Callback<()>,
) -> impl IntoView {
    let glyph = if tone == Tone::Urgent { Glyph::Warn } else { Glyph::Check };
    view! {
        <div class=format!("toast {}", tone.class())>
            <Icon glyph/>
            <span class="grow">{words(text)}</span>
            <IconButton glyph=Glyph::X label=close on_click=on_close/>
        </div>
    }
    .into_any()
}

/// A page or a list with nothing in it: says why, and what to do.
#[component]
pub fn EmptyState(
    /// Its picture.
    glyph: Glyph,
    /// What is empty, or what went wrong.
    #[prop(into)]
    title: TextProp,
    /// Why, and what comes next.
    #[prop(optional, into)]
    text: Option<TextProp>,
    /// A button, if there is something to do.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <span class="empty-icon">
                <Icon glyph/>
            </span>
            <h2>{words(title)}</h2>
            {text.map(|text| view! { <p>{words(text)}</p> })}
            {children.map(|children| children())}
        </div>
    }
    .into_any()
}

/// Grey cards in place of a list that is being read.
#[component]
pub fn Skeleton(
    /// What is being read, for screen readers.
    #[prop(into)]
    label: TextProp,
    /// How many cards.
    #[prop(default = 3)]
    rows: usize,
) -> impl IntoView {
    let cards = (0..rows)
        .map(|_| {
            view! {
                <div class="skeleton">
                    <i></i>
                    <i></i>
                    <i></i>
                    <i></i>
                </div>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <div class="skeletons" role="status">
            <span class="sr">{words(label)}</span>
            {cards}
        </div>
    }
    .into_any()
}
