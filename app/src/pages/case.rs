//! One case: where it stands, its story, and what may be done.

use leptos::prelude::*;
use shared::{ids::CaseId, sync::Delivery};

use crate::{
    address::Address,
    components::{
        CaseDetail, Refused,
        actions::{ActionSheet, Asking, CaseActions, reopen_draft},
    },
    i18n::*,
    reactive::{effect, memo},
    state::State,
    ui::{Button, ButtonKind, Chip, EmptyState, Glyph, Show, Tone, TopBar, view},
    words,
};

/// One case: where it stands, its story, and what may be done.
#[component]
pub fn CasePage(
    /// Which one; `None` where the address names none.
    id: Option<CaseId>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let asking = Asking::provide();
    let there = memo(move |_| id.is_some_and(|id| state.cases.with(|cases| cases.contains_key(&id))));
    effect(move || {
        if let Some(id) = id {
            reopen_draft(state, asking, id);
        }
    });
    let view = memo(move |_| id.and_then(|id| state.case(id)));
    let title = move || {
        let property = state.property.get();
        let title = view.with(|view| {
            view.as_ref()
                .zip(property.as_ref())
                .map(|(view, property)| words::heading(i18n.get_locale(), property, view))
        });
        title.unwrap_or_else(|| t_string!(i18n, case.one_case).to_owned())
    };
    let urgent = memo(move |_| {
        view.with(|view| view.as_ref().and_then(|view| view.full()).is_some_and(|case| case.urgent))
    });
    let complaint = memo(move |_| {
        view.with(|view| view.as_ref().and_then(|view| view.full()).is_some_and(|case| case.confidential()))
    });
    let address = expect_context::<Address>();
    let back = move |()| {
        // Where the app was opened on this page there is nothing to go back to.
        address.to(home(state));
    };
    let detail = move || {
        let id = id?;
        Some(if there.get() {
            view! { <CaseDetail case=id /> }.into_any()
        } else {
            view! { <Missing case=id /> }.into_any()
        })
    };
    view! {
        <TopBar
            title=title
            back=TextProp::from(move || t_string!(i18n, case.back))
            on_back=Callback::new(back)
        >
            <Show when=move || urgent.get()>
                <Chip label=t_string!(i18n, case.urgent) tone=Tone::Urgent />
            </Show>
            <Show when=move || complaint.get()>
                <Chip label=t_string!(i18n, case.confidential) tone=Tone::Warn icon=Glyph::Shield />
            </Show>
        </TopBar>
        <main class="main" tabindex="-1">
            {detail}
        </main>
        <Show when=move || there.get()>
            <div class="foot">
                <CaseActions case=id />
            </div>
        </Show>
        <ActionSheet />
    }
}

/// The page that lists the cases of this person.
fn home(state: State) -> &'static str {
    use shared::site::Role;
    let me = state.property.get_untracked().map(|property| property.me.clone());
    match me {
        Some(me) if me.office() || me.is(Role::ControlRoom) => "/desk",
        Some(me) if me.is(Role::Technician) => "/jobs",
        Some(_) | None => "/cases",
    }
}

/// A case that is not this person's, or not any more; or one whose report was refused and still lies here.
#[component]
fn Missing(
    /// The case.
    case: CaseId,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let refused = memo(move |_| {
        state.outbox.with(|rows| {
            let mut of_case = rows.iter().filter(|row| row.aggregate == case.0);
            of_case.any(|row| matches!(row.delivery, Delivery::Refused { .. }))
        })
    });
    let to_list = Callback::new(move |()| address.to(home(state)));
    view! {
        <Refused case=case />
        <Show when=move || !refused.get()>
            <EmptyState
                glyph=Glyph::Search
                title=t_string!(i18n, case.not_here)
                text=TextProp::from(move || t_string!(i18n, case.not_here_why))
            >
                <Button
                    label=t_string!(i18n, case.to_list)
                    kind=ButtonKind::Ghost
                    small=true
                    on_click=to_list
                />
            </EmptyState>
        </Show>
    }
    .into_any()
}
