//! Choosing a colleague: everybody who is still here, found by name, post, company or staff code.

use leptos::prelude::*;
use shared::{
    ids::PersonId,
    route::Who,
    site::{Member, Site},
};

use crate::{
    i18n::*,
    reactive::{RwSignal, Signal},
    state::State,
    ui::{Glyph, Icon, view},
};

/// The most people that are shown at once.
const SHOWN: usize = 60;

/// Those who are here and fit what was typed, without one of them; those whom `first` means come first.
pub fn matching<'a>(
    people: &'a [Member],
    site: &Site,
    typed: &str,
    without: Option<PersonId>,
    first: Option<&Who>,
) -> Vec<&'a Member> {
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<&Member> = people
        .iter()
        .filter(|member| !member.gone && Some(member.id) != without)
        .filter(|member| {
            let company = site.company(&member.company).map_or("", |company| company.name.as_str());
            let about = format!("{} {} {} {company}", member.name, member.code, member.post).to_lowercase();
            words.iter().all(|word| about.contains(word.as_str()))
        })
        .collect();
    found.sort_by_key(|member| !first.is_some_and(|first| first.means(member)));
    found.truncate(SHOWN);
    found
}

/// Chooses a colleague; lies in a sheet.
#[component]
pub fn PersonPicker(
    /// Somebody who is not offered.
    #[prop(optional_no_strip)]
    without: Option<PersonId>,
    /// Who is offered before the others.
    #[prop(optional_no_strip)]
    first: Option<Who>,
    /// Who is chosen now.
    #[prop(into)]
    selected: Signal<Option<PersonId>>,
    /// Called with the choice.
    #[prop(into)]
    on_pick: Callback<PersonId>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let typed = RwSignal::new(String::new());
    let rows = move || {
        let Some(property) = state.property.get() else { return ().into_any() };
        let found = typed.with(|typed| {
            matching(&property.people.people, &property.site, typed, without, first.as_ref())
                .into_iter()
                .map(|member| {
                    let id = member.id;
                    let company = property.site.company(&member.company).map(|company| company.name.clone());
                    view! {
                        <li>
                            <button
                                type="button"
                                class="list-row"
                                aria-pressed=move || (selected.get() == Some(id)).to_string()
                                on:click=move |_| on_pick.run(id)
                            >
                                <Icon glyph=Glyph::User />
                                <span class="grow">
                                    <span class="strong">{member.name.clone()}</span>
                                    <span class="xs">
                                        " "{member.post.clone()} " · " {company.unwrap_or_default()}
                                    </span>
                                </span>
                                <span class="xs num">{member.code.clone()}</span>
                            </button>
                        </li>
                    }
                })
                .collect::<Vec<_>>()
        });
        if found.is_empty() {
            return view! { <p class="s center">{t_string!(i18n, field.no_person)}</p> }.into_any();
        }
        view! { <ul class="list">{found}</ul> }.into_any()
    };
    view! {
        <div class="search">
            <Icon glyph=Glyph::Search />
            <input
                class="input"
                type="search"
                autocomplete="off"
                aria-label=t_string!(i18n, field.search_person)
                placeholder=t_string!(i18n, field.search_person_hint)
                prop:value=move || typed.get()
                on:input=move |event| typed.set(event_target_value(&event))
            />
        </div>
        <div aria-live="polite">{rows}</div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::site::{Company, Figures};
    use uuid::Uuid;

    use super::*;

    fn member(number: u128, name: &str, post: &str, company: &str, gone: bool) -> Member {
        Member {
            id: PersonId(Uuid::from_u128(number)),
            code: format!("P{number:03}"),
            name: name.to_owned(),
            post: post.to_owned(),
            company: company.into(),
            roles: BTreeSet::new(),
            lead_of: BTreeSet::new(),
            trade: None,
            area: None,
            squad: None,
            phone: None,
            gone,
        }
    }

    #[test]
    fn people_are_found_by_what_colleagues_know_of_them() {
        let site = Site {
            code: "jinzhou".into(),
            name: String::new(),
            zone: "UTC".to_owned(),
            tzif: String::new(),
            desk_hours: [0, 1_440],
            ladder: Vec::new(),
            groups: Default::default(),
            categories: Vec::new(),
            companies: vec![Company {
                code: "anda".into(),
                name: "安达保安公司".to_owned(),
                subcontractor: true,
            }],
            figures: Figures::default(),
        };
        let people = [
            member(1, "王建国", "保安", "anda", false),
            member(2, "李伟", "文员", "own", false),
            member(3, "赵强", "保安", "anda", true),
        ];
        let found = |typed: &str, without| -> Vec<String> {
            matching(&people, &site, typed, without, None)
                .into_iter()
                .map(|member| member.name.clone())
                .collect()
        };
        assert_eq!(found("", None), ["王建国", "李伟"]);
        assert_eq!(found("安达 王", None), ["王建国"]);
        assert_eq!(found("p002", None), ["李伟"]);
        assert_eq!(found("", Some(people[0].id)), ["李伟"]);
        let meant = Who::Persons(BTreeSet::from([people[1].id]));
        let found = matching(&people, &site, "", None, Some(&meant));
        assert_eq!(found.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["李伟", "王建国"]);
    }
}
