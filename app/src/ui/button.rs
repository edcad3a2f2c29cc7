//! Buttons: 56 px high, small ones 44 px.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

use super::{Glyph, Icon, view, words};

use crate::reactive::Signal;

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one thing to do next; at most one per view.
    #[default]
    Main,
    /// Everything else.
    Ghost,
    /// What cannot easily be undone.
    Danger,
}

/// A button with a text.
#[component]
pub fn Button(
    /// What it does, as a verb.
    #[prop(into)]
    label: TextProp,
    /// Main, ghost or danger.
    #[prop(optional)]
    kind: ButtonKind,
    /// 44 px instead of 56 px, and only as wide as its text.
    #[prop(optional)]
    small: bool,
    /// Further classes: `"hero"`, `"grow"`, `"grow-2"`, `"keep"`.
    #[prop(optional)]
    class: &'static str,
    /// An icon before the text.
    #[prop(optional)]
    icon: Option<Glyph>,
    /// A name for screen readers where the text alone does not say enough ("Accept: leak in the lobby").
    #[prop(optional, into)]
    aria: Option<TextProp>,
    /// Cannot be pressed now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// Is at work: shows a turning ring and cannot be pressed.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Submits the form around it.
    #[prop(optional)]
    submit: bool,
    /// Called when pressed. Not needed where the form handles `submit`.
    #[prop(optional, into)]
    on_click: Option<Callback<()>>,
) -> impl IntoView {
    let kind = match kind {
        ButtonKind::Main => "",
        ButtonKind::Ghost => "ghost",
        ButtonKind::Danger => "danger",
    };
    let size = if small { "small" } else { "" };
    let mark = move || {
        if busy.get() {
            Some(view! { <span class="spin" aria-hidden="true"></span> }.into_any())
        } else {
            icon.map(|glyph| view! { <Icon glyph/> }.into_any())
        }
    };
    view! {
        <button
            type=if submit { "submit" } else { "button" }
            class=format!("btn {kind} {size} {class}")
            aria-label=aria.map(|text| move || text.get())
            aria-busy=move || busy.get().then_some("true")
            disabled=move || disabled.get() || busy.get()
            on:click=move |_| {
                if let Some(on_click) = on_click {
                    on_click.run(());
                }
            }
        >
            {mark}
            <span>{words(label)}</span>
        </button>
    }
    .into_any()
}

/// A button that is only an icon, 44 px square.
#[component]
pub fn IconButton(
    /// The icon.
    glyph: Glyph,
    /// What it does: the name for screen readers and the tooltip.
    #[prop(into)]
    label: TextProp,
    /// Further classes.
    #[prop(optional)]
    class: &'static str,
    /// Cannot be pressed now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// Called when pressed.
    #[prop(into)]
    on_click: Callback<()>,
) -> impl IntoView {
    let title = label.clone();
    view! {
        <button
            type="button"
            class=format!("icon-btn {class}")
            aria-label=move || label.get()
            title=move || title.get()
            disabled=move || disabled.get()
            on:click=move |_| on_click.run(())
        >
            <Icon glyph/>
        </button>
    }
    .into_any()
}
