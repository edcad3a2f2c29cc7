//! The story of a case, newest first, with the photos that came on the way.

mod lines;

use leptos::prelude::*;
use shared::case::Case;

use lines::{Line, lines};
pub use lines::{about_word, means_word, whom_word};

use super::{case_photo::Thumb, minute::minute};
use crate::{
    i18n::*,
    state::State,
    ui::{Card, Chip, Tone},
    words,
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
    let story = Memo::new(move |_| {
        let Some(property) = state.property.get() else { return Vec::new() };
        case.with(|case| lines(i18n.get_locale(), &property, case, now.get()))
    });
    let id = case.with_untracked(|case| case.id);
    let items = move || {
        let Some(property) = state.property.get() else { return Vec::new() };
        let (locale, now) = (i18n.get_locale(), now.get());
        let mut day = String::new();
        story
            .get()
            .into_iter()
            .map(|Line { time, what, said, photos }| {
                let zone = &property.zone;
                let clock = words::clock(zone, time.at);
                // The day stands once over its lines, and not over today's.
                let of = words::day(locale, zone, time.at, now);
                let fresh_day = of != day && (zone.day(time.at) != zone.day(now) || !day.is_empty());
                day.clone_from(&of);
                let late = time.late().then(|| {
                    t_string!(i18n, case.arrived_late)
                        .replace("{span}", &words::span(locale, time.received.since(time.at)))
                });
                view! {
                    <li>
                        <time>{clock}</time>
                        <div class="col tighter">
                            <div>
                                <b>{what}</b>
                                {fresh_day.then(|| view! { <span class="xs">" "{of}</span> })}
                            </div>
                            {(!said.is_empty()).then(|| view! { <div class="pre">{said}</div> })}
                            <div class="row tight wrap">
                                {late.map(|late| view! { <Chip label=late tone=Tone::Warn /> })}
                                {time
                                    .uncertain
                                    .then(|| {
                                        view! {
                                            <Chip
                                                label=move || t_string!(i18n, case.time_uncertain)
                                                tone=Tone::Warn
                                            />
                                        }
                                    })}
                                {photos
                                    .into_iter()
                                    .map(|photo| view! { <Thumb case=id photo=Some(photo.id) /> })
                                    .collect_view()}
                            </div>
                        </div>
                    </li>
                }
                .into_any()
            })
            .collect()
    };
    view! {
        <Card>
            <h2>{move || t_string!(i18n, case.story)}</h2>
            <ol class="history">{items}</ol>
        </Card>
    }
    .into_any()
}
