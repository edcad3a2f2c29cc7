//! Commands that the server refused and keeps for the desk: who asked what, why not, and that it is seen to.

use std::sync::Arc;

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::wire::{Envelope, Refusal};

use crate::{
    components::{minute, toast},
    i18n::*,
    state::State,
    ui::{Button, ButtonKind, Card, For, Show, Tone, view},
    words,
};

/// The list; nothing where nothing was refused.
#[component]
pub fn Refusals() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let refusals = state.refusals;
    view! {
        <Show when=move || refusals.with(|refusals| !refusals.is_empty())>
            <Card tone=Tone::Urgent>
                <h3>{t_string!(i18n, desk.refusals)}</h3>
                <ul class="col">
                    <For each=move || refusals.get() key=|refusal| refusal.id let(refusal)>
                        <RefusalRow refusal=refusal />
                    </For>
                </ul>
            </Card>
        </Show>
    }
    .into_any()
}

#[component]
fn RefusalRow(
    /// What was refused.
    refusal: Arc<Refusal>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let id = refusal.id;
    let kind = Envelope::read(&refusal.text).map(|envelope| envelope.kind).unwrap_or_default();
    let (author, received) = (refusal.author, refusal.received);
    let rejection = refusal.rejection.clone();
    let head = move || {
        let property = state.property.get()?;
        let locale = i18n.get_locale();
        let when = words::moment(locale, &property.zone, received, now.get());
        Some(format!("{} · {} · {when}", property.name(author), words::action(locale, &kind)))
    };
    let why = move || {
        let property = state.property.get();
        words::sentence(i18n.get_locale(), &rejection, property.as_deref())
    };
    let settle = move |()| {
        spawn_local_scoped(async move {
            let done = state.withdraw(id).await;
            toast(done.map(|()| t_string!(i18n, desk.settled).to_owned()));
        });
    };
    view! {
        <li class="col tighter">
            <b class="s">{head}</b>
            <span class="s">{why}</span>
            <div class="row end">
                <Button
                    label=t_string!(i18n, desk.settle)
                    kind=ButtonKind::Ghost
                    small=true
                    on_click=settle
                />
            </div>
        </li>
    }
    .into_any()
}
