//! The service desk: three columns and a detail pane, live, by hand or by keys.

mod board;
mod card;
mod pane;
mod quarantine;
mod refusals;

use std::collections::BTreeSet;

use leptos::{html, prelude::*};
use shared::ids::CaseId;

use board::{Board, Column, board};
use card::DeskCard;
use pane::Pane;
use quarantine::Quarantine;
use refusals::Refusals;

use crate::{
    components::{
        NetChip,
        actions::{Action, ActionSheet, Asking, offered},
    },
    i18n::*,
    platform::events,
    reactive::{Memo, RwSignal, Signal, effect, memo},
    state::State,
    ui::{For, Glyph, Icon, Show, Skeleton, TopBar, view},
};

/// The service desk.
#[component]
pub fn Desk() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let asking = Asking::provide();
    let query = RwSignal::new(String::new());
    let open = RwSignal::new(None::<CaseId>);
    let cursor = RwSignal::new(None::<CaseId>);
    let search = NodeRef::<html::Input>::new();
    let all = memo(move |_| {
        let Some(property) = state.property.get() else { return Board::default() };
        query.with(|query| state.cases.with(|cases| board(cases.values(), &property, query)))
    });
    let looked_at = looked_at(state, open);
    let offer = offered(state, open.into());
    let heard = events::on_key(move |key| {
        match key {
            "j" | "J" | "k" | "K" => {
                let by = if key.eq_ignore_ascii_case("j") { 1 } else { -1 };
                if let Some(next) = all.with_untracked(|all| all.beside(cursor.get_untracked(), by)) {
                    cursor.set(Some(next));
                }
            }
            "d" | "D" => {
                if let Some(case) = open.get_untracked()
                    && offer.with_untracked(|offer| offer.has(Action::Dispatch))
                {
                    asking.begin(case, Action::Dispatch);
                }
            }
            "/" => {
                if let Some(field) = search.get_untracked() {
                    field.focus().ok();
                }
            }
            "Escape" => open.set(None),
            _ => return false,
        }
        true
    });
    // Without the keys everything is still done by hand.
    let _heard = StoredValue::new_local(heard.ok());
    let site =
        move || state.property.with(|property| property.as_ref().map(|property| property.site.name.clone()));
    let me = move || {
        state.property.with(|property| {
            property.as_ref().map(|property| format!("{} · {}", property.me.name, property.me.post))
        })
    };
    let ready = memo(move |_| state.property.with(Option::is_some));
    let columns =
        Column::ALL.map(|column| view! { <ColumnView column all open cursor looked_at ready /> }.into_any());
    view! {
        <TopBar
            title=move || {
                t_string!(i18n, desk.heading).replace("{site}", &site().unwrap_or_default())
            }
            sub=TextProp::from(move || me().unwrap_or_default())
        >
            <NetChip />
            <div class="search grow">
                <Icon glyph=Glyph::Search />
                <input
                    node_ref=search
                    class="input"
                    type="search"
                    autocomplete="off"
                    aria-label=t_string!(i18n, desk.search)
                    placeholder=t_string!(i18n, desk.search_hint)
                    prop:value=move || query.get()
                    on:input=move |event| query.set(event_target_value(&event))
                    on:keydown=move |event| {
                        if event.key() == "Escape" {
                            query.set(String::new());
                            if let Some(field) = search.get_untracked() {
                                field.blur().ok();
                            }
                        }
                    }
                />
            </div>
        </TopBar>
        <main class="desk" tabindex="-1">
            {columns}
            <Pane open=open />
        </main>
        <Arrivals all=all looked_at=looked_at />
        <ActionSheet />
    }
}

/// The cases that somebody has had a chance to see: those that stood there when the page opened, and those that were
/// opened since. Nothing before the first board.
fn looked_at(state: State, open: RwSignal<Option<CaseId>>) -> RwSignal<Option<BTreeSet<CaseId>>> {
    let looked_at = RwSignal::new(None::<BTreeSet<CaseId>>);
    effect(move || {
        let there = state.property.with(Option::is_some);
        if there && looked_at.with_untracked(Option::is_none) {
            let ids = state.cases.with_untracked(|cases| cases.keys().copied().collect());
            looked_at.set(Some(ids));
        }
    });
    effect(move || {
        if let Some(id) = open.get() {
            looked_at.update(|looked_at| {
                looked_at.get_or_insert_default().insert(id);
            });
        }
    });
    looked_at
}

/// Says aloud how many cases have come.
#[component]
fn Arrivals(
    /// The board.
    all: Memo<Board>,
    /// What somebody has had a chance to see.
    looked_at: RwSignal<Option<BTreeSet<CaseId>>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let fresh = memo(move |_| {
        looked_at.with(|looked_at| {
            looked_at.as_ref().map_or(0, |looked_at| {
                all.with(|all| {
                    all.column(Column::Waiting).iter().filter(|id| !looked_at.contains(id)).count()
                })
            })
        })
    });
    let text = move || {
        let fresh = fresh.get();
        (fresh > 0).then(|| t_string!(i18n, desk.arrived).replace("{n}", &fresh.to_string()))
    };
    view! {
        <div class="sr" role="status" aria-live="polite">
            {text}
        </div>
    }
    .into_any()
}

#[component]
fn ColumnView(
    /// Which.
    column: Column,
    /// The board.
    all: Memo<Board>,
    /// The case that is open in the pane.
    open: RwSignal<Option<CaseId>>,
    /// The case that the keys have come to.
    cursor: RwSignal<Option<CaseId>>,
    /// What somebody has had a chance to see.
    looked_at: RwSignal<Option<BTreeSet<CaseId>>>,
    /// The property has been read.
    ready: Memo<bool>,
) -> impl IntoView {
    let i18n = use_i18n();
    let ids = memo(move |_| all.with(|all| all.column(column).to_vec()));
    let count = memo(move |_| ids.with(Vec::len));
    let name = move || match column {
        Column::Waiting => t_string!(i18n, desk.column_waiting),
        Column::Going => t_string!(i18n, desk.column_going),
        Column::Confirm => t_string!(i18n, desk.column_confirm),
    };
    let nothing = move || match column {
        Column::Waiting => t_string!(i18n, desk.none_waiting),
        Column::Going => t_string!(i18n, desk.none_going),
        Column::Confirm => t_string!(i18n, desk.none_confirm),
    };
    let figure = move || {
        if column == Column::Waiting && count.get() > 0 {
            view! { <span class="badge">{move || count.get()}</span> }.into_any()
        } else {
            view! { <span class="s num strong">{move || count.get()}</span> }.into_any()
        }
    };
    view! {
        <section class="column" aria-label=name>
            <div class="column-head">
                <h2>{name}</h2>
                {figure}
            </div>
            <div class="column-list">
                {(column == Column::Waiting)
                    .then(|| {
                        view! {
                            <Quarantine />
                            <Refusals />
                        }
                    })}
                <Show when=move || !ready.get()>
                    <Skeleton label=t_string!(i18n, frame.loading) rows=2 />
                </Show>
                <Show when=move || ready.get() && count.get() == 0>
                    <p class="s center">{nothing}</p>
                </Show>
                <For each=move || ids.get() key=|id| *id let(id)>
                    <DeskCard
                        id=id
                        open=open
                        cursor=cursor
                        fresh=Signal::derive(move || {
                            column == Column::Waiting
                                && looked_at
                                    .with(|looked_at| {
                                        looked_at.as_ref().is_some_and(|looked_at| !looked_at.contains(&id))
                                    })
                        })
                    />
                </For>
            </div>
        </section>
    }
    .into_any()
}
