//! Text fields with their label, hint and error.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

use super::{Glyph, Icon, view, words};

use crate::reactive::Signal;

/// What is typed into a field; decides the keyboard that a phone shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldKind {
    /// One line.
    #[default]
    Text,
    /// Several lines.
    Area,
    /// A telephone number.
    Tel,
    /// A password.
    Password,
    /// A whole number.
    Number,
    /// A local date and time, `2026-11-22T14:32`.
    DateTime,
}

/// One labelled field. The value lives with the caller: `value` shows it, `on_input` reports each keystroke.
#[component]
pub fn Field(
    /// The id of the input, unique on the page: ties label, hint and error to it.
    id: &'static str,
    /// Its label.
    #[prop(into)]
    label: TextProp,
    /// What it holds now.
    #[prop(into)]
    value: Signal<String>,
    /// Called with the new text at every change.
    #[prop(into)]
    on_input: Callback<String>,
    /// What is typed into it.
    #[prop(optional)]
    kind: FieldKind,
    /// A line below it that helps.
    #[prop(optional, into)]
    hint: Option<TextProp>,
    /// What is wrong with it; `None` while nothing is.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// Shown while it is empty; an example, never the label.
    #[prop(optional, into)]
    placeholder: Option<TextProp>,
    /// The browser's autofill token, such as `"username"`, `"current-password"`, `"off"`.
    #[prop(optional)]
    autocomplete: Option<&'static str>,
    /// Most characters it takes.
    #[prop(optional)]
    max: Option<u32>,
    /// Must not stay empty.
    #[prop(optional)]
    required: bool,
    /// Cannot be changed now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let has_hint = hint.is_some();
    let described = move || match (error.with(Option::is_some), has_hint) {
        (true, _) => Some(format!("{id}-error")),
        (false, true) => Some(format!("{id}-hint")),
        (false, false) => None,
    };
    let invalid = move || error.with(Option::is_some).then_some("true");
    let placeholder = placeholder.map(|text| move || text.get());
    let input = if kind == FieldKind::Area {
        view! {
            <textarea
                id=id
                class="input"
                rows="3"
                placeholder=placeholder
                autocomplete=autocomplete
                maxlength=max
                aria-required=required.then_some("true")
                aria-invalid=invalid
                aria-describedby=described
                disabled=move || disabled.get()
                prop:value=move || value.get()
                on:input=move |event| on_input.run(event_target_value(&event))
            ></textarea>
        }
        .into_any()
    } else {
        let (kind, mode) = match kind {
            FieldKind::Text | FieldKind::Area => ("text", None),
            FieldKind::Tel => ("tel", Some("tel")),
            FieldKind::Password => ("password", None),
            FieldKind::Number => ("text", Some("numeric")),
            FieldKind::DateTime => ("datetime-local", None),
        };
        view! {
            <input
                id=id
                class="input"
                type=kind
                inputmode=mode
                placeholder=placeholder
                autocomplete=autocomplete
                autocapitalize="off"
                maxlength=max
                aria-required=required.then_some("true")
                aria-invalid=invalid
                aria-describedby=described
                disabled=move || disabled.get()
                prop:value=move || value.get()
                on:input=move |event| on_input.run(event_target_value(&event))
            />
        }
        .into_any()
    };
    let error_line = move || {
        error.get().map(|text| {
            view! {
                <p class="error" id=format!("{id}-error")>
                    <Icon glyph=Glyph::Warn/>
                    <span>{text}</span>
                </p>
            }
            .into_any()
        })
    };
    view! {
        <div class="field">
            <label class="label" for=id>
                {words(label)}
            </label>
            {input}
            {hint
                .map(|text| {
                    view! {
                        <p class="hint" id=format!("{id}-hint")>
                            {words(text)}
                        </p>
                    }
                })}
            <div role="alert">{error_line}</div>
        </div>
    }
    .into_any()
}
