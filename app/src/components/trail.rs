//! The story of a case, newest first, with the photos that came on the way.

mod lines;

use leptos::prelude::*;
use shared::{case::Case, ids::CaseId};

use lines::{Line, lines};
pub use lines::{about_word, means_word, whom_word};

use super::{case_photo::Thumb, minute::minute};
use crate::{
    i18n::*,
    reactive::{Signal, memo},
    state::State,
    ui::{Card, Chip, Tone, view},
};

/// The story.
#[component]
pub fn Trail(
    /// The case.
    #[prop(into)]
    case: Signal<Case>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let story = memo(move |_| {
        let Some(property) = state.property.get() else { return Vec::new() };
        case.with(|case| lines(i18n.get_locale(), &property, case, now.get()))
    });
    let id = case.with_untracked(|case| case.id);
    let items = move || {
        let item = |line| view! { <LineItem case=id line=line /> }.into_any();
        story.get().into_iter().map(item).collect_view()
    };
    view! {
        <Card>
            <h2>{t_string!(i18n, case.story)}</h2>
            <ol class="history">{items}</ol>
        </Card>
    }
    .into_any()
}

#[component]
fn LineItem(
    /// The case.
    case: CaseId,
    /// What it says.
    line: Line,
) -> impl IntoView {
    let i18n = use_i18n();
    let Line { clock, day, late, uncertain, what, said, photos } = line;
    let photos =
        photos.into_iter().map(|photo| view! { <Thumb case=case photo=Some(photo.id) /> }).collect_view();
    view! {
        <li>
            <time>{clock}</time>
            <div class="col tighter">
                <div>
                    <b>{what}</b>
                    {day.map(|day| view! { <span class="xs">" "{day}</span> })}
                </div>
                {(!said.is_empty()).then(|| view! { <div class="pre">{said}</div> })}
                <div class="row tight wrap">
                    {late.map(|late| view! { <Chip label=late tone=Tone::Warn /> })}
                    {uncertain
                        .then(|| {
                            view! {
                                <Chip label=t_string!(i18n, case.time_uncertain) tone=Tone::Warn />
                            }
                        })} {photos}
                </div>
            </div>
        </li>
    }
    .into_any()
}
