//! Choosing a colleague out of a list that a few letters narrow down.

use leptos::prelude::*;
use shared::ids::PersonId;

use super::candidates::Candidate;
use crate::{
    i18n::*,
    reactive::{RwSignal, Signal, memo},
    ui::{Choice, Field, Glyph, Icon, Picks, PicksLayout, Show, view},
};

/// So many are shown before somebody types a name.
pub const SHOWN: usize = 6;
/// And so many of those that are found.
const FOUND: usize = 12;

/// How many stand there before anybody typed: those of the case's own role or group, as long as they are not too many.
fn unasked(people: &[Candidate], most: usize) -> usize {
    match people.iter().filter(|candidate| candidate.first).count() {
        0 => most,
        firsts => firsts.min(most),
    }
}

/// The colleague that is chosen.
#[component]
pub fn PersonPick(
    /// Name of the group, unique on the page.
    name: &'static str,
    /// Id of the search field, unique on the page.
    field: &'static str,
    /// What the person is chosen for.
    #[prop(into)]
    legend: TextProp,
    /// Whom there is, the likeliest first.
    #[prop(into)]
    people: Signal<Vec<Candidate>>,
    /// Says how many open cases each has.
    #[prop(optional)]
    load: bool,
    /// How many are shown before somebody types a name or asks for more.
    #[prop(default = SHOWN)]
    few: usize,
    /// Who is chosen; kept by the caller.
    chosen: RwSignal<Option<PersonId>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let query = RwSignal::new(String::new());
    let more = RwSignal::new(false);
    let note = move |candidate: &Candidate| {
        if candidate.declined {
            return t_string!(i18n, case.has_declined).to_owned();
        }
        let open = match candidate.open {
            0 => t_string!(i18n, case.free).to_owned(),
            open => t_string!(i18n, case.has_open).replace("{n}", &open.to_string()),
        };
        if candidate.done_before { format!("{} · {open}", t_string!(i18n, case.done_before)) } else { open }
    };
    let choices = Signal::derive(move || {
        let query = query.get();
        let picked = chosen.get();
        people.with(|people| {
            let most = match query.trim().is_empty() {
                false => FOUND,
                true if more.get() => unasked(people, SHOWN),
                true => unasked(people, few),
            };
            let mut shown: Vec<&Candidate> =
                people.iter().filter(|candidate| candidate.matches(&query)).take(most).collect();
            // Whoever is chosen stays in sight.
            let hidden = picked.filter(|picked| shown.iter().all(|candidate| candidate.person != *picked));
            shown.extend(people.iter().filter(|candidate| Some(candidate.person) == hidden));
            shown
                .into_iter()
                .map(|candidate| {
                    let label = format!("{} · {}", candidate.name, candidate.post);
                    let choice = Choice::new(candidate.person.to_string(), label).icon(Glyph::User);
                    if load { choice.note(note(candidate)) } else { choice }
                })
                .collect::<Vec<_>>()
        })
    });
    let hides_some = memo(move |_| {
        let unasked = |most| people.with(|people| unasked(people, most).min(people.len()));
        !more.get() && query.with(|query| query.trim().is_empty()) && unasked(few) < unasked(SHOWN)
    });
    let selected = Signal::derive(move || chosen.get().map(|person| person.to_string()).unwrap_or_default());
    view! {
        <Picks
            name=name
            legend=legend
            choices=choices
            selected=selected
            layout=PicksLayout::Stack
            on_pick=move |value: String| chosen.set(value.parse().ok())
        />
        <Show when=move || hides_some.get()>
            <button type="button" class="link" on:click=move |_| more.set(true)>
                <Icon glyph=Glyph::Dots />
                {t_string!(i18n, case.more)}
            </button>
        </Show>
        <Field
            id=field
            label=t_string!(i18n, case.find_person)
            value=query
            on_input=move |typed| query.set(typed)
            autocomplete="off"
        />
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::office_kit::{DESK, person};

    #[test]
    fn those_of_the_trade_stand_there_unasked_but_not_too_many() {
        let candidate = |first: bool| Candidate {
            person: person(DESK),
            name: String::new(),
            post: String::new(),
            open: 0,
            first,
            declined: false,
            done_before: false,
        };
        let people = [true, true, true, true, false].map(candidate);
        assert_eq!((unasked(&people, 3), unasked(&people, SHOWN)), (3, 4));
        assert_eq!(unasked(&people[4..], 3), 3);
    }
}
