//! One stop of the walk: how it stands, and for the one that is open what is looked at there.

use leptos::{html, prelude::*};
use shared::{case::command::Origin, ids::StopCode, round::StopStateName, route::Item};

use super::{
    asks::Why,
    item::ItemRow,
    look::{Look, look},
    walk::{Asked, Page},
};
use crate::{
    components::{CaseLink, minute},
    i18n::*,
    platform::device,
    reactive::{Memo, RwSignal, effect, memo},
    state::{ReportDraft, report_key},
    ui::{Button, ButtonKind, Chip, For, Glyph, Icon, Show, Tone, view},
};

/// One stop.
#[component]
pub fn StopCard(
    /// The page.
    page: Page,
    /// Its place on the route, from 1.
    number: usize,
    /// Which.
    code: StopCode,
) -> impl IntoView {
    let i18n = use_i18n();
    let minute = minute(page.state);
    let of = StoredValue::new(code);
    let seen = memo(move |_| {
        minute.track();
        let property = page.state.property.get()?;
        let locale = i18n.get_locale();
        page.walk.with(|walk| {
            let walk = walk.as_ref()?;
            let stop = of.with_value(|code| walk.round.find(code))?;
            Some(look(locale, &property, walk, stop, page.now()))
        })
    });
    let open = memo(move |_| page.focus.with(|focus| of.with_value(|code| focus.as_ref() == Some(code))));
    // The stop that comes next stays open until another one is opened.
    let fixed =
        memo(move |_| open.get() && page.next.with(|next| of.with_value(|code| next.as_ref() == Some(code))));
    let toggle = move |_| {
        if fixed.get_untracked() {
            return;
        }
        let this = Some(of.get_value());
        page.opened.update(|opened| *opened = if *opened == this { None } else { this });
    };
    let class = move || if open.get() { "card col brand-edge" } else { "card col" };
    let card = NodeRef::<html::Div>::new();
    effect(move || {
        if !open.get() {
            return;
        }
        // What is in it is laid out by then.
        request_animation_frame(move || {
            if let Some(card) = card.try_get_untracked().flatten() {
                device::reveal(&card);
            }
        });
    });
    let head = move || seen.get().map(|seen| view! { <Head seen=seen number=number open=open /> });
    view! {
        <div class=class node_ref=card>
            <button
                type="button"
                class="stop-head"
                aria-expanded=move || open.get().to_string()
                aria-disabled=move || fixed.get().then_some("true")
                on:click=toggle
            >
                {head}
            </button>
            <Show when=move || open.get()>
                <Inside page=page stop=of.get_value() />
            </Show>
        </div>
    }
    .into_any()
}

#[component]
fn Head(seen: Look, number: usize, open: Memo<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let (state, found) = (seen.state, seen.abnormal);
    let dot = move || match (state, found) {
        (StopStateName::Missed, _) | (_, true) => "dot bad",
        (StopStateName::Pending, false) if open.get() => "dot go",
        (StopStateName::Pending, false) => "dot wait",
        (StopStateName::Skipped, false) => "dot go",
        (StopStateName::OnTime | StopStateName::Late | StopStateName::OutOfWindow, false) => "dot",
    };
    let trust = seen.doubted(i18n.get_locale_untracked());
    // Where the number is in the mark already, or nothing is to be said yet, it is not said again.
    let waits = state == StopStateName::Pending;
    let title = if waits { seen.place } else { format!("{number} · {}", seen.place) };
    let chip = (!waits).then(|| view! { <Chip label=seen.word tone=seen.tone /> });
    let mark = match (seen.state, seen.abnormal) {
        (StopStateName::Pending, _) => number.to_string().into_any(),
        (_, true) | (StopStateName::Missed, _) => view! { <Icon glyph=Glyph::Warn /> }.into_any(),
        (StopStateName::Skipped, _) => view! { <Icon glyph=Glyph::ArrowRight /> }.into_any(),
        _ => view! { <Icon glyph=Glyph::Check /> }.into_any(),
    };
    let abnormal =
        seen.abnormal.then(|| view! { <Chip label=t_string!(i18n, rounds.abnormal) tone=Tone::Urgent /> });
    let beside = seen.beside.join(" · ");
    let beside = (!beside.is_empty()).then(|| view! { <span class="xs t-info">{beside}</span> });
    let trust = trust.map(|trust| view! { <span class="xs t-warn">{trust}</span> });
    view! {
        <span class=dot aria-hidden="true">
            {mark}
        </span>
        <span class="col tighter grow">
            <span class="strong">{title}</span>
            <span class="xs num">{seen.line}</span>
            {beside}
            {trust}
        </span>
        <span class="col tighter end">
            {chip}
            {abnormal}
        </span>
    }
    .into_any()
}

/// What is looked at there, and what else may be done.
#[component]
fn Inside(page: Page, stop: StopCode) -> impl IntoView {
    let i18n = use_i18n();
    let of = StoredValue::new(stop);
    let items = memo(move |_| {
        page.walk.with(|walk| {
            let found = walk.as_ref().and_then(|walk| of.with_value(|code| walk.round.find(code)));
            let items = found.iter().flat_map(|stop| &stop.items);
            items
                .filter(|item| of.with_value(|code| item.asked(page.id, code)))
                .cloned()
                .collect::<Vec<Item>>()
        })
    });
    let pending = memo(move |_| {
        page.walk.with(|walk| {
            let Some(walk) = walk else { return false };
            let found = of.with_value(|code| walk.round.find(code));
            let state = found.map(|stop| walk.round.stop(stop, page.now()).state.name());
            matches!(state, Some(StopStateName::Pending | StopStateName::Missed))
        })
    });
    // Those that whoever looks may see: a colleague's may not be among them.
    let cases = memo(move |_| {
        let all = page.walk.with(|walk| {
            let found = walk.as_ref().and_then(|walk| {
                let stop = of.with_value(|code| walk.round.find(code))?;
                Some(walk.round.stop(stop, page.now()).cases)
            });
            found.unwrap_or_default()
        });
        all.into_iter().filter(|case| page.state.case(*case).is_some()).collect::<Vec<_>>()
    });
    let begun = RwSignal::new(false);
    let from = Origin { round: page.id, stop: of.get_value() };
    leptos::task::spawn_local(async move {
        // Without it the button says less; the draft itself opens all the same.
        let kept = page.state.draft::<ReportDraft>(&report_key(&from)).await.ok().flatten();
        let _ = begun.try_set(kept.is_some_and(|draft| !draft.is_empty()));
    });
    let report = move || {
        if begun.get() { t_string!(i18n, rounds.report_begun) } else { t_string!(i18n, rounds.report) }
    };
    view! {
        <For each=move || items.get() key=|item| item.code.clone() let(item)>
            <ItemRow page=page stop=of.get_value() item=item />
        </For>
        <For each=move || cases.get() key=|case| *case let(case)>
            <CaseLink case=case />
        </For>
        <Show when=move || page.mine.get()>
            <div class="actions">
                <Button
                    label=report
                    kind=ButtonKind::Ghost
                    icon=Glyph::Cam
                    on_click=move || page.report(&of.get_value())
                />
                <Show when=move || pending.get()>
                    <Button
                        label=t_string!(i18n, rounds.skip)
                        kind=ButtonKind::Ghost
                        on_click=move || page.ask(Asked::Reason(Why::Skip(of.get_value())))
                    />
                </Show>
            </div>
        </Show>
    }
    .into_any()
}
