//! One case: where it stands, its story, and what may be done.

use leptos::prelude::*;
use shared::{ids::CaseId, sync::Delivery};

use super::own::own;
use crate::{
    address::Address,
    components::{
        CaseDetail, Refused,
        actions::{ActionSheet, Asking, CaseActions, reopen_draft},
    },
    i18n::*,
    reactive::{RwSignal, effect, memo},
    state::State,
    ui::{Button, ButtonKind, Chip, EmptyState, Glyph, Show, Skeleton, Tone, TopBar, view},
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
    let back = move |()| address.back(list(state));
    let detail = move || match id.filter(|_| there.get()) {
        Some(id) => view! { <CaseDetail case=id /> }.into_any(),
        None => view! { <Missing case=id /> }.into_any(),
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

/// The page that lists this person's cases.
fn list(state: State) -> &'static str {
    let own = state.property.with_untracked(|property| {
        let me = &property.as_ref()?.me;
        state.cases.with_untracked(|cases| own(me, cases.values()))
    });
    own.unwrap_or("/cases")
}

/// A case that is not on this device: it may lie at the server, if it ended long ago. Else it is not this person's, or not
/// any more; or its report was refused and still lies here; or the address names none.
#[component]
fn Missing(
    /// The case.
    case: Option<CaseId>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let refused = memo(move |_| {
        state.outbox.with(|rows| {
            let mut of_case = rows.iter().filter(|row| case.is_some_and(|case| row.aggregate == case.0));
            of_case.any(|row| matches!(row.delivery, Delivery::Refused { .. }))
        })
    });
    let looking = RwSignal::new(false);
    if let Some(case) = case.filter(|_| !refused.get_untracked()) {
        looking.set(true);
        leptos::task::spawn_local(async move {
            // What is found takes the place of this; why it was not may pass, and does not matter to who opened a link.
            let _ = state.look_for(case).await;
            let _ = looking.try_set(false);
        });
    }
    let to_list = Callback::new(move |()| address.to(list(state)));
    view! {
        {case.map(|case| view! { <Refused case=case /> })}
        <Show when=move || looking.get()>
            <Skeleton label=t_string!(i18n, frame.loading) />
        </Show>
        <Show when=move || !refused.get() && !looking.get()>
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
