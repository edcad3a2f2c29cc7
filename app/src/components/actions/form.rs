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

/// The usual answers to what was done, of which several may hold: a tap writes one into the text, and another takes it out.
#[component]
pub fn Usual(
    /// The answers, in the language of the person.
    #[prop(into)]
    answers: Signal<Vec<&'static str>>,
    /// The text; kept by the caller.
    #[prop(into)]
    text: Signal<String>,
    /// Called with the text as it is after a tap.
    #[prop(into)]
    on_text: Callback<String>,
) -> impl IntoView {
    let i18n = use_i18n();
    let tiles = move || {
        let tile = |answer: &'static str| {
            let tap = move |_| {
                let between = t_string!(i18n, case.between_answers);
                on_text.run(text.with_untracked(|text| turned(text, answer, between)));
            };
            view! {
                <button
                    type="button"
                    class="pick"
                    aria-pressed=move || text.with(|text| says(text, answer)).to_string()
                    on:click=tap
                >
                    {answer}
                </button>
            }
            .into_any()
        };
        answers.get().into_iter().map(tile).collect_view()
    };
    view! {
        <fieldset class="picks">
            <legend>{t_string!(i18n, case.usual_answers)}</legend>
            <div class="picks-row">{tiles}</div>
        </fieldset>
    }
    .into_any()
}

/// What stands between two answers, however it was typed.
const BETWEEN: [char; 7] = ['，', ',', '；', ';', '。', '.', '\n'];

/// Whether a text gives this answer among others.
fn says(text: &str, answer: &str) -> bool {
    text.split(BETWEEN).any(|part| part.trim() == answer)
}

/// A text with an answer at its end, or without it where it has it; the rest stays as it was typed.
fn turned(text: &str, answer: &str, between: &str) -> String {
    if says(text, answer) {
        let rest =
            text.split_inclusive(BETWEEN).filter(|part| part.trim_end_matches(BETWEEN).trim() != answer);
        let rest: String = rest.collect();
        return rest
            .trim_end_matches(|char: char| char.is_whitespace() || BETWEEN.contains(&char))
            .to_owned();
    }
    let text = text.trim_end();
    match text.chars().next_back() {
        None => answer.to_owned(),
        // Only between words of English a space follows.
        Some(last) if BETWEEN.contains(&last) && last.is_ascii() => format!("{text} {answer}"),
        Some(last) if BETWEEN.contains(&last) => format!("{text}{answer}"),
        Some(_) => format!("{text}{between}{answer}"),
    }
}

/// Whether nothing is written.
pub fn blank(text: RwSignal<String>) -> Signal<bool> {
    Signal::derive(move || text.with(|text| text.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_answers_are_written_one_after_another_and_taken_out_again() {
        let one = turned("", "修好了", "，");
        let two = turned(&one, "换了配件", "，");
        assert_eq!(two, "修好了，换了配件");
        assert!(says(&two, "修好了") && says(&two, "换了配件") && !says(&two, "修好"));
        assert_eq!(turned(&two, "修好了", "，"), "换了配件");
        assert_eq!(turned(&two, "换了配件", "，"), "修好了");
        assert_eq!(turned("修好了", "修好了", "，"), "");
    }

    #[test]
    fn what_was_typed_stays_beside_the_usual_answers() {
        assert_eq!(turned("接头拧紧。", "修好了", "，"), "接头拧紧。修好了");
        assert_eq!(turned("接头拧紧。修好了", "修好了", "，"), "接头拧紧");
        assert_eq!(turned("Tightened; fixed, tested", "fixed", "; "), "Tightened; tested");
        assert_eq!(turned("Tightened.", "fixed", "; "), "Tightened. fixed");
        assert_eq!(turned("0.5 MPa. fixed", "fixed", "; "), "0.5 MPa");
        assert!(!says("还没修好了一半", "修好了"));
    }
}
