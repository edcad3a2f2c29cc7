//! A label's link, followed from the phone's own camera or a tag: ticks the stop at which the label hangs, in the round that
//! is on.

use leptos::prelude::*;
use shared::{
    label::Shown,
    round::{
        RoundCommand,
        command::{Proof, Tick, Via},
    },
};

use crate::{
    address::Address,
    components::toast,
    i18n::*,
    platform::device,
    reactive::{RwSignal, effect},
    state::State,
    ui::{EmptyState, Glyph, Skeleton, TopBar, view},
    words::{self, round as said},
};

/// The page of a label's link.
#[component]
pub fn LabelPage() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let path = address.path().get_untracked();
    let token = StoredValue::new(shared::label::read_link(&path).map(str::to_owned));
    let busy = RwSignal::new(false);
    // What hangs here may come with the first pull; it is ticked once.
    effect(move || {
        let Some(token) = token.get_value() else { return };
        let now = state.now_ms();
        let found = state.labelled(Shown::Token(&token), now).into_iter().next();
        let Some((id, stop)) = found.filter(|_| !busy.get_untracked()) else { return };
        busy.set(true);
        let place = state.walk(id, now).and_then(|walk| Some(walk.round.find(&stop)?.place.clone()));
        let Some(place) = place else { return };
        let named = state.property.with_untracked(|property| {
            property.as_ref().map(|property| words::spot(property, &place)).unwrap_or_default()
        });
        let done = said::with(td_string!(i18n.get_locale_untracked(), rounds.ticked), &named);
        let proof = Proof::Token { via: Via::Link, token };
        let tick = Tick { stop, place, proof, readings: Default::default(), position: None };
        leptos::task::spawn_local(async move {
            match state.act_in_round(id, RoundCommand::Tick(Box::new(tick)), None).await {
                Ok(()) => {
                    device::vibrate(60);
                    toast(Ok(done));
                }
                Err(rejection) => toast(Err(rejection)),
            }
            // Not to come back to: it would be ticked again.
            address.instead(&format!("/rounds/{id}"));
        });
    });
    let body = move || {
        if busy.get() || state.property.with(Option::is_none) {
            return view! { <Skeleton label=t_string!(i18n, rounds.opening) /> }.into_any();
        }
        view! {
            <EmptyState
                glyph=Glyph::Qr
                title=t_string!(i18n, rounds.label_none)
                text=t_string!(i18n, rounds.label_none_text)
            >
                <a class="btn ghost" href="/rounds">
                    {t_string!(i18n, rounds.to_rounds)}
                </a>
            </EmptyState>
        }
        .into_any()
    };
    view! {
        <TopBar title=t_string!(i18n, rounds.title) />
        <main class="main" tabindex="-1">
            {body}
        </main>
    }
    .into_any()
}
