//! The chosen case beside the board, with its dispatch at hand.

use leptos::{html, prelude::*};
use shared::ids::CaseId;

use crate::{
    components::{
        CaseDetail,
        actions::{Action, CaseActions, DispatchForm, Names, offered},
        minute,
    },
    i18n::*,
    reactive::{RwSignal, Signal, effect, memo},
    state::State,
    ui::{Card, Chip, EmptyState, Glyph, IconButton, Show, Tone, view},
    words,
};

/// The pane; on small screens it covers the board while a case is open.
#[component]
pub fn Pane(
    /// The case that is open.
    open: RwSignal<Option<CaseId>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let heading = NodeRef::<html::H2>::new();
    let view = memo(move |_| open.get().and_then(|id| state.case(id)));
    let title = move || {
        let property = state.property.get()?;
        view.with(|view| view.as_ref().map(|view| words::heading(i18n.get_locale(), &property, view)))
    };
    let number = move || {
        let property = state.property.get()?;
        let year = property.zone.day(now.get()).year();
        view.with(|view| {
            view.as_ref().map(|view| words::number(i18n.get_locale(), view.number(), view.id(), year))
        })
    };
    let urgent = memo(move |_| {
        view.with(|view| view.as_ref().and_then(|view| view.full()).is_some_and(|case| case.urgent))
    });
    let complaint = memo(move |_| {
        view.with(|view| view.as_ref().and_then(|view| view.full()).is_some_and(|case| case.confidential()))
    });
    let offer = offered(state, open.into());
    // What waits at the desk is dispatched right here; afterwards it is one action among others.
    let inline =
        memo(move |_| offer.with(|offer| offer.main == Some(Action::Dispatch)).then(|| open.get()).flatten());
    let without = Signal::derive(move || inline.get().map(|_| Action::Dispatch));
    let shown = memo(move |_| open.get().filter(|_| view.with(Option::is_some)));
    // Whoever opens a case with the keyboard goes on reading in it.
    effect(move || {
        if open.get().is_some()
            && let Some(heading) = heading.get()
        {
            heading.focus().ok();
        }
    });
    let dispatch = move || {
        inline.get().map(|case| {
            view! {
                <Card class="brand-edge">
                    <DispatchForm case=case to=None names=Names::PANE />
                </Card>
            }
            .into_any()
        })
    };
    let body = move || match shown.get() {
        None => view! {
            <EmptyState
                glyph=Glyph::List
                title=t_string!(i18n, desk.none_open)
                text=TextProp::from(move || t_string!(i18n, desk.none_open_why))
            />
            <p class="xs center">{t_string!(i18n, desk.shortcuts)}</p>
        }
        .into_any(),
        Some(id) => view! {
            <div class="row between top">
                <div class="col tighter grow">
                    <h2 tabindex="-1" node_ref=heading>
                        {title}
                    </h2>
                    <div class="row tight wrap">
                        <span class="s num">{number}</span>
                        <Show when=move || urgent.get()>
                            <Chip label=t_string!(i18n, case.urgent) tone=Tone::Urgent />
                        </Show>
                        <Show when=move || complaint.get()>
                            <Chip
                                label=t_string!(i18n, case.confidential)
                                tone=Tone::Warn
                                icon=Glyph::Shield
                            />
                        </Show>
                    </div>
                </div>
                <IconButton
                    glyph=Glyph::X
                    class="pane-close"
                    label=t_string!(i18n, frame.close)
                    on_click=move |()| open.set(None)
                />
            </div>
            <CaseDetail case=id facts_first=true>
                {dispatch}
            </CaseDetail>
            <div class="pane-foot">
                <CaseActions case=open without=without />
            </div>
            <p class="xs">{t_string!(i18n, desk.shortcuts)}</p>
        }
        .into_any(),
    };
    view! {
        <aside
            class="pane"
            class:open=move || shown.get().is_some()
            aria-label=t_string!(i18n, desk.pane)
        >
            {body}
        </aside>
    }
    .into_any()
}
