//! One case on the board.

use leptos::{html, prelude::*};
use shared::{
    case::{Case, CaseView, Rule, StageName, command::Source},
    ids::CaseId,
    time::{HOUR, Ms},
};

use super::board::{Column, Mark, marks, photos};
use crate::{
    components::{Thumb, minute},
    i18n::*,
    reactive::{RwSignal, Signal, effect, memo},
    state::{Property, State},
    ui::{Chip, Show, Tone, view},
    words,
};

/// A chip's words and colour.
fn said(locale: Locale, property: &Property, mark: &Mark, now: Ms) -> (String, Tone) {
    let plain = |text: &str, tone| (text.to_owned(), tone);
    match mark {
        Mark::Urgent => plain(td_string!(locale, case.urgent), Tone::Urgent),
        Mark::Complaint => plain(td_string!(locale, desk.complaint), Tone::Warn),
        Mark::Normal => plain(td_string!(locale, case.not_urgent), Tone::Neutral),
        Mark::Late => plain(td_string!(locale, desk.late), Tone::Warn),
        Mark::Declined => plain(td_string!(locale, desk.declined), Tone::Urgent),
        Mark::Reopened => plain(td_string!(locale, desk.reopened), Tone::Urgent),
        Mark::Stage(stage) => {
            let tone = match stage {
                StageName::Completed => Tone::Ok,
                StageName::Accepted | StageName::Arrived => Tone::Info,
                _ => Tone::Neutral,
            };
            plain(words::stage(locale, *stage), tone)
        }
        Mark::Clock { rule, at, started } => {
            let left = at.since(now);
            let tone = if left < 0 {
                Tone::Urgent
            } else if left <= at.since(*started) / 3 {
                Tone::Warn
            } else {
                Tone::Info
            };
            let name = words::rule(locale, property, *rule);
            // Minutes run before one's eyes; what is further off is said as a time of day.
            let text = if left < 0 {
                td_string!(locale, desk.clock_over).replace("{span}", &words::left(locale, left))
            } else if left < HOUR && !matches!(rule, Rule::Promise) {
                td_string!(locale, desk.clock_left).replace("{span}", &words::countdown(left))
            } else {
                format!("{{rule}} {}", words::end(locale, &property.zone, *at, now))
            };
            (text.replace("{rule}", &name), tone)
        }
    }
}

/// Whose it is, and what is going on: the line below the title.
fn line(locale: Locale, property: &Property, case: &Case) -> String {
    let first = property.name(case.first_asked.person);
    match Column::of(case.stage.name()) {
        Some(Column::Waiting) => {
            let mut parts = vec![first];
            if case.first_asked.subcontractor {
                let company = property.site.company(&case.first_asked.company);
                parts.extend(company.map(|company| company.name.clone()));
            }
            parts.push(
                match case.source {
                    Source::Found => td_string!(locale, case.source_found),
                    Source::Customer(_) => td_string!(locale, case.source_customer),
                }
                .to_owned(),
            );
            let (kept, all) = photos(case);
            if kept < all {
                parts.push(
                    td_string!(locale, desk.photos_coming)
                        .replace("{kept}", &kept.to_string())
                        .replace("{all}", &all.to_string()),
                );
            }
            parts.join(" · ")
        }
        Some(Column::Going) => td_string!(locale, desk.first_asked).replace("{who}", &first),
        Some(Column::Confirm) => td_string!(locale, desk.waits_for).replace("{who}", &first),
        None => td_string!(locale, desk.first_asked).replace("{who}", &first),
    }
}

/// The card.
#[component]
pub fn DeskCard(
    /// The case.
    id: CaseId,
    /// The case that is open in the pane.
    open: RwSignal<Option<CaseId>>,
    /// The case that the keys have come to.
    cursor: RwSignal<Option<CaseId>>,
    /// It came since somebody last looked.
    fresh: Signal<bool>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let by_minute = minute(state);
    let button = NodeRef::<html::Button>::new();
    let full = memo(move |_| {
        state.cases.with(|cases| cases.get(&id).and_then(|view| CaseView::full(view).cloned()))
    });
    let Some(first) = full.get_untracked() else { return ().into_any() };
    let case = memo(move |_| full.get().unwrap_or_else(|| first.clone()));
    let title = move || {
        let property = state.property.get()?;
        Some(case.with(|case| words::title(i18n.get_locale(), &property, case)))
    };
    let sub = move || {
        let property = state.property.get()?;
        Some(case.with(|case| line(i18n.get_locale(), &property, case)))
    };
    // Every second, but the chips are drawn anew only when a word on them changes.
    let chips = memo(move |_| {
        let Some(property) = state.property.get() else { return Vec::new() };
        let now = state.now.get();
        case.with(|case| {
            marks(case, now)
                .iter()
                .map(|mark| said(i18n.get_locale(), &property, mark, now))
                .collect::<Vec<_>>()
        })
    });
    let chips_view = move || {
        chips
            .get()
            .into_iter()
            .map(|(text, tone)| view! { <Chip label=text tone=tone /> }.into_any())
            .collect_view()
    };
    let aside = move || {
        let property = state.property.get()?;
        let now = by_minute.get();
        let locale = i18n.get_locale();
        Some(case.with(|case| match case.stage.handler() {
            Some(handler) if case.stage.name().open() => property.name(handler),
            _ => {
                let since = match case.stage.name() {
                    StageName::Reported => case.reported.at,
                    _ => case.stage.since(),
                };
                let age = words::span(locale, now.since(since).max(0));
                t_string!(i18n, desk.ago).replace("{span}", &age)
            }
        }))
    };
    // Looked for again once the server has it: a card often stands here before its photo has come.
    let first_photo =
        memo(move |_| case.with(|case| case.photos.first().map(|photo| (photo.photo.id, photo.kept))));
    let thumb =
        move || first_photo.get().map(|(photo, _)| view! { <Thumb case=id photo=Some(photo) /> }.into_any());
    let pressed = move || (open.get() == Some(id)).to_string();
    // The keys move the focus, which also scrolls the card into sight and has it read out.
    // Only when they move: a card that is drawn anew in another column leaves the focus where it is.
    let mut before = None;
    effect(move || {
        let here = cursor.get() == Some(id);
        let was = before.replace(here);
        if here
            && was == Some(false)
            && let Some(button) = button.get_untracked()
        {
            button.focus().ok();
        }
    });
    view! {
        <button
            type="button"
            class="case"
            node_ref=button
            aria-pressed=pressed
            on:click=move |_| {
                cursor.set(Some(id));
                open.set(Some(id));
            }
        >
            <span class="row between">
                <span class="row tight wrap">
                    <Show when=move || fresh.get()>
                        <Chip label=t_string!(i18n, desk.fresh) tone=Tone::Brand />
                    </Show>
                    {chips_view}
                </span>
                <span class="xs num keep">{aside}</span>
            </span>
            <span class="row">
                {thumb}
                <span class="col tighter grow">
                    <b>{title}</b>
                    <span class="xs">{sub}</span>
                </span>
            </span>
        </button>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use shared::time::MINUTE;

    use super::*;
    use crate::components::office_kit::{DESK, MORNING, property};

    #[test]
    fn a_clock_says_what_it_counts_and_whether_that_is_what_is_left() {
        let property = property(DESK);
        let text = |locale, rule, left: i64| {
            let mark = Mark::Clock { rule, at: MORNING.plus(left), started: MORNING };
            said(locale, &property, &mark, MORNING).0
        };
        assert_eq!(text(Locale::zh, Rule::Accept, 72_000), "接单剩 1:12");
        assert_eq!(text(Locale::en, Rule::Accept, 72_000), "Accept: 1:12 left");
        assert_eq!(text(Locale::zh, Rule::Accept, -3 * MINUTE), "接单超 3 分钟");
        assert_eq!(text(Locale::en, Rule::Accept, -3 * MINUTE), "Accept: 3 min late");
        assert_eq!(text(Locale::zh, Rule::Promise, 9 * HOUR), "承诺完成 今天 18:00");
        assert_eq!(text(Locale::en, Rule::Promise, 9 * HOUR), "Promised today 18:00");
    }
}
