//! The cases of this person: first asked, handled, or all that may be seen; found by number, code, place or words.

mod find;
mod older;

use std::sync::Arc;

use leptos::prelude::*;
use shared::case::CaseView;

use self::{
    find::{CASES, Found, PAGE, Part, Sought},
    older::Older,
};
use crate::{
    address::{self, Address},
    components::CaseItem,
    i18n::*,
    reactive::{Signal, memo},
    state::State,
    ui::{
        Button, ButtonKind, Choice, EmptyState, For, Glyph, Icon, Picks, PicksLayout, Show, Skeleton, TopBar,
        view,
    },
};

/// The cases of this person.
#[component]
pub fn Cases() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let me = state.session.with_untracked(|session| session.as_ref().map(|session| session.person));
    let sought = memo(move |old: Option<&Sought>| {
        address.shown().with(|shown| match old {
            // On the way to another page.
            Some(old) if address::path(shown).trim_end_matches('/') != CASES => old.clone(),
            Some(_) | None => Sought::read(shown, me),
        })
    });
    // Looking for something else is no step that one would want to go back by.
    let seek = move |change: &dyn Fn(&mut Sought)| {
        let mut next = sought.get_untracked();
        change(&mut next);
        address.instead(&next.address(me));
    };
    let part = memo(move |_| {
        let usual = || {
            state.property.with(|property| {
                property.as_ref().map_or(Part::FirstAsked, |property| Part::usual(&property.me))
            })
        };
        sought.with(|sought| sought.part).unwrap_or_else(usual)
    });
    let typed = memo(move |_| sought.with(|sought| sought.typed.clone()));
    let with_ended = memo(move |_| sought.with(|sought| sought.ended));
    let most = memo(move |_| sought.with(|sought| sought.most));
    let found = memo(move |_| {
        let Some(property) = state.property.get() else { return Found::default() };
        typed.with(|typed| state.cases.with(|cases| find::find(cases.values(), &property, part.get(), typed)))
    });
    let known = memo(move |_| state.property.with(Option::is_some));
    let choices = Signal::derive(move || {
        vec![
            Choice::new(Part::FirstAsked.as_str(), move || t_string!(i18n, field.part_first_asked)),
            Choice::new(Part::Handled.as_str(), move || t_string!(i18n, field.part_handled)),
            Choice::new(Part::All.as_str(), move || t_string!(i18n, field.part_all)),
        ]
    });
    let searching = memo(move |_| typed.with(|typed| !typed.trim().is_empty()));
    // Who searches wants everything that fits, ended or not.
    let ended_shown = memo(move |_| with_ended.get() || searching.get());
    let shown = memo(move |_| {
        found.with(|found| {
            let ended = if ended_shown.get() { found.ended.as_slice() } else { &[] };
            (found.open.clone(), ended.iter().take(most.get()).cloned().collect::<Vec<Arc<CaseView>>>())
        })
    });
    let none = memo(move |_| found.with(|found| found.open.is_empty() && found.ended.is_empty()));
    let ended_count = memo(move |_| found.with(|found| found.ended.len()));
    let ended_title = move || t_string!(i18n, field.ended).replace("{count}", &ended_count.get().to_string());
    let list = move || {
        if none.get() {
            let (title, text) = if searching.get() {
                (t_string!(i18n, field.nothing_found), t_string!(i18n, field.nothing_found_text))
            } else {
                (t_string!(i18n, field.nothing_here), t_string!(i18n, field.nothing_here_text))
            };
            return view! { <EmptyState glyph=Glyph::List title=title text=text /> }.into_any();
        }
        view! {
            <For
                each=move || shown.with(|(open, _)| open.iter().take(most.get()).cloned().collect::<Vec<_>>())
                key=|view| (view.id(), view.version())
                let(view)
            >
                <CaseItem view=view />
            </For>
            <Show when=move || { ended_count.get() > 0 }>
                <div class="section">
                    <h2>{ended_title}</h2>
                    <Show when=move || !searching.get()>
                        <button
                            type="button"
                            class="link"
                            aria-expanded=move || with_ended.get().to_string()
                            on:click=move |_| seek(&|sought| sought.ended = !sought.ended)
                        >
                            {move || {
                                if with_ended.get() {
                                    t_string!(i18n, field.hide)
                                } else {
                                    t_string!(i18n, field.show)
                                }
                            }}
                        </button>
                    </Show>
                </div>
            </Show>
            <For
                each=move || shown.with(|(_, ended)| ended.clone())
                key=|view| (view.id(), view.version())
                let(view)
            >
                <CaseItem view=view />
            </For>
            <Show when=move || found.with(|found| {
                found.open.len() > most.get() || (ended_shown.get() && found.ended.len() > most.get())
            })>
                <Button
                    label=t_string!(i18n, field.more_cases)
                    kind=ButtonKind::Ghost
                    on_click=move || seek(&|sought| sought.most += PAGE)
                />
            </Show>
        }
        .into_any()
    };
    view! {
        <TopBar title=t_string!(i18n, field.my_cases) />
        <main class="main">
            <Picks
                name="part"
                legend=t_string!(i18n, field.part)
                hide_legend=true
                choices=choices
                selected=Signal::derive(move || part.get().as_str().to_owned())
                on_pick=move |value: String| {
                    seek(&|sought| {
                        sought.part = Part::find(&value);
                        sought.most = PAGE;
                    });
                }
                layout=PicksLayout::Stretch
            />
            <div class="search">
                <Icon glyph=Glyph::Search />
                <input
                    class="input"
                    type="search"
                    enterkeyhint="search"
                    autocomplete="off"
                    aria-label=t_string!(i18n, field.search_case)
                    placeholder=t_string!(i18n, field.search_case_hint)
                    prop:value=move || typed.get()
                    on:input=move |event| {
                        let typed = event_target_value(&event);
                        seek(&|sought| sought.typed.clone_from(&typed));
                    }
                />
            </div>
            <Show
                when=move || known.get()
                fallback=move || view! { <Skeleton label=t_string!(i18n, frame.loading) /> }
            >
                {list}
                <Show when=move || searching.get()>
                    <Older
                        typed=typed
                        on_look=Callback::new(move |()| seek(&|sought| sought.part = Some(Part::All)))
                        // What is found ended longest ago, and so stands last.
                        on_found=Callback::new(move |found| seek(&|sought| sought.most += found))
                    />
                </Show>
            </Show>
        </main>
    }
    .into_any()
}
