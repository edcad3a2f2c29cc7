//! Cards and chips: what content lies on and what labels it.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

use super::{Glyph, Icon, Tone, view, words};

use crate::reactive::Signal;

/// A card: one thing that belongs together, laid out as a column.
#[component]
pub fn Card(
    /// A tinted card for warnings and good news; white if left out.
    #[prop(optional)]
    tone: Tone,
    /// Further classes: `"brand-edge"`, `"urgent-edge"`.
    #[prop(optional)]
    class: &'static str,
    /// What lies on it.
    children: Children,
) -> impl IntoView {
    let tint = match tone {
        Tone::Neutral => "",
        Tone::Brand => "t-bg-brand",
        Tone::Ok => "t-bg-ok",
        Tone::Info => "t-bg-info",
        Tone::Warn => "t-bg-warn",
        Tone::Urgent => "t-bg-urgent",
    };
    view! { <div class=format!("card col {tint} {class}")>{children()}</div> }.into_any()
}

/// A small label: a state, a deadline, a count.
#[component]
pub fn Chip(
    /// What it says.
    #[prop(into)]
    label: TextProp,
    /// Its colour.
    #[prop(optional, into)]
    tone: Signal<Tone>,
    /// An icon before the text.
    #[prop(optional)]
    icon: Option<Glyph>,
) -> impl IntoView {
    view! {
        <span class=move || format!("chip {}", tone.get().class())>
            {icon.map(|glyph| view! { <Icon glyph/> })}
            <span>{words(label)}</span>
        </span>
    }
    .into_any()
}
