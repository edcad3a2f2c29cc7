//! One choice out of a few, as tiles. Real radio buttons lie below them, so arrow keys and screen readers work.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

use super::{Glyph, Icon, view, words};

use crate::reactive::{Signal, memo};

/// One of the things to choose from.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What the caller gets back.
    pub value: String,
    /// What it says.
    pub label: TextProp,
    /// A smaller remark at its end, such as a distance or a count.
    pub note: Option<TextProp>,
    /// An icon before the text.
    pub icon: Option<Glyph>,
}

impl Choice {
    /// A choice with a text only.
    pub fn new(value: impl Into<String>, label: impl Into<TextProp>) -> Self {
        Self { value: value.into(), label: label.into(), note: None, icon: None }
    }

    /// The same with an icon.
    pub fn icon(self, glyph: Glyph) -> Self {
        Self { icon: Some(glyph), ..self }
    }

    /// The same with a remark.
    pub fn note(self, note: impl Into<TextProp>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

/// How the tiles of a group lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PicksLayout {
    /// As wide as their texts, wrapping.
    #[default]
    Wrap,
    /// In a row, sharing the width.
    Stretch,
    /// One below the other over the whole width.
    Stack,
}

/// A group of tiles of which one is chosen.
#[component]
pub fn Picks(
    /// Name of the group in its form, unique on the page.
    name: &'static str,
    /// What is being chosen.
    #[prop(into)]
    legend: TextProp,
    /// Only read out, not shown: where the heading above already says it.
    #[prop(optional)]
    hide_legend: bool,
    /// The choices, in order.
    #[prop(into)]
    choices: Signal<Vec<Choice>>,
    /// The value chosen now; empty while none is.
    #[prop(into)]
    selected: Signal<String>,
    /// Called with the value of the tile that was chosen.
    #[prop(into)]
    on_pick: Callback<String>,
    /// How the tiles lie.
    #[prop(optional)]
    layout: PicksLayout,
) -> impl IntoView {
    let (group, tile) = match layout {
        PicksLayout::Wrap => ("picks", "pick"),
        PicksLayout::Stretch => ("picks stretch", "pick"),
        PicksLayout::Stack => ("picks stack", "pick block"),
    };
    let tiles = move || {
        choices.get().into_iter().map(|choice| tile_of(choice, name, tile, selected, on_pick)).collect_view()
    };
    view! {
        <fieldset class=group>
            <legend class:sr=hide_legend>{words(legend)}</legend>
            <div class="picks-row">{tiles}</div>
        </fieldset>
    }
    .into_any()
}

fn tile_of(
    choice: Choice,
    name: &'static str,
    class: &'static str,
    selected: Signal<String>,
    on_pick: Callback<String>,
) -> AnyView {
    let Choice { value, label, note, icon } = choice;
    let compare = value.clone();
    let checked = memo(move |_| selected.with(|selected| *selected == compare));
    let picked = value.clone();
    view! {
        <label class=class class:on=move || checked.get()>
            <input
                type="radio"
                name=name
                value=value
                prop:checked=move || checked.get()
                on:change=move |_| on_pick.run(picked.clone())
            />
            <span class="row tight">
                {icon.map(|glyph| view! { <Icon glyph/> })} <span>{words(label)}</span>
            </span>
            {note.map(|note| view! { <span class="xs num">{words(note)}</span> })}
        </label>
    }
    .into_any()
}
