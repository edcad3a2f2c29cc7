//! What the forms of all actions share: the frame with its error and its button, and a reason with its usual answers.

use leptos::{prelude::*, text_prop::TextProp};

use super::asking::Asking;
use crate::{
    i18n::*,
    reactive::{RwSignal, Signal},
    ui::{Button, Choice, Field, FieldKind, Glyph, Icon, Picks, Show, view},
};

/// The longest text that the rules take.
pub const TEXT_MAX: u32 = 2_000;

/// A form: its fields, what is said against it, and the button that does it.
#[component]
pub fn ActionForm(
    /// What its button says.
    #[prop(into)]
    label: TextProp,
    /// Something is still missing.
    #[prop(optional, into)]
    incomplete: Signal<bool>,
    /// Does it.
    #[prop(into)]
    on_send: Callback<()>,
    /// The fields.
    children: Children,
) -> impl IntoView {
    let asking = expect_context::<Asking>();
    let error = move || {
        asking.error.get().map(|text| {
            view! {
                <p class="error">
                    <Icon glyph=Glyph::Warn />
                    <span>{text}</span>
                </p>
            }
            .into_any()
        })
    };
    view! {
        <form
            class="col"
            novalidate=true
            on:submit=move |event| {
                event.prevent_default();
                if !incomplete.get_untracked() && !asking.busy.get_untracked() {
                    on_send.run(());
                }
            }
        >
            {children()}
            <div role="alert">{error}</div>
            <div class="form-foot">
                <Button label=label submit=true disabled=incomplete busy=asking.busy />
            </div>
        </form>
    }
    .into_any()
}

/// A reason: typed, or one of the usual ones with a tap.
#[component]
pub fn Reason(
    /// Name of the group of usual answers, unique on the page.
    name: &'static str,
    /// Id of the field, unique on the page.
    field: &'static str,
    /// What is asked.
    #[prop(into)]
    label: TextProp,
    /// The usual answers, in the language of the person.
    #[prop(optional, into)]
    usual: Signal<Vec<&'static str>>,
    /// The reason; kept by the caller.
    text: RwSignal<String>,
) -> impl IntoView {
    let i18n = use_i18n();
    let choices = Signal::derive(move || {
        usual.get().into_iter().map(|answer| Choice::new(answer, answer)).collect::<Vec<_>>()
    });
    view! {
        <Show when=move || usual.with(|usual| !usual.is_empty())>
            <Picks
                name=name
                legend=t_string!(i18n, case.usual_reasons)
                hide_legend=true
                choices=choices
                selected=text
                on_pick=move |answer| text.set(answer)
            />
        </Show>
        <Field
            id=field
            label=label
            kind=FieldKind::Area
            value=text
            on_input=move |typed| text.set(typed)
            max=TEXT_MAX
        />
    }
    .into_any()
}

/// Whether nothing is written.
pub fn blank(text: RwSignal<String>) -> Signal<bool> {
    Signal::derive(move || text.with(|text| text.trim().is_empty()))
}
