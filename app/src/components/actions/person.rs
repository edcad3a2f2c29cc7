//! Choosing a colleague out of a list that a few letters narrow down.

use leptos::prelude::*;
use shared::ids::PersonId;

use super::candidates::Candidate;
use crate::{
    i18n::*,
    ui::{Choice, Field, Glyph, Picks, PicksLayout},
};

/// So many are shown before somebody types a name.
const SHOWN: usize = 6;
/// And so many of those that are found.
const FOUND: usize = 12;

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
    /// Who is chosen; kept by the caller.
    chosen: RwSignal<Option<PersonId>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let query = RwSignal::new(String::new());
    let note = move |candidate: &Candidate| {
        if candidate.declined {
            return t_string!(i18n, case.has_declined).to_owned();
        }
        match candidate.open {
            0 => t_string!(i18n, case.free).to_owned(),
            open => t_string!(i18n, case.has_open).replace("{n}", &open.to_string()),
        }
    };
    let choices = Signal::derive(move || {
        let query = query.get();
        let picked = chosen.get();
        people.with(|people| {
            let firsts = people.iter().filter(|candidate| candidate.first).count();
            let most = match (query.trim().is_empty(), firsts) {
                (false, _) => FOUND,
                (true, 0) => SHOWN,
                (true, firsts) => firsts.min(SHOWN),
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
