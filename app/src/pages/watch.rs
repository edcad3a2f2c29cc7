//! Rounds for those who look after them: how tonight's are going, live; the trail of each; what there is to say of days
//! that are over; readings over time; and the routes themselves.

mod days;
mod editor;
mod lately;
mod routes;
mod strip;
mod trail;

use leptos::prelude::*;
use shared::{
    ids::{RoundId, RouteCode},
    round::StopStateName,
    site::{Member, Role},
    time::Ms,
};

use self::strip::{Cell, Strip, Tally, strips};
pub use self::{
    days::DaysPage, editor::EditorPage, lately::ReadingsPage, routes::RoutesPage, trail::TrailPage,
};
use crate::{
    components::{NetChip, minute},
    i18n::*,
    reactive::{Memo, RwSignal, effect, memo},
    state::State,
    ui::{Chip, EmptyState, For, Glyph, Icon, Show, Skeleton, Tone, TopBar, view},
    words::round as said,
};

/// Whether somebody makes and changes routes, and has their labels.
fn manages(me: &Member) -> bool {
    me.is(Role::Supervisor) || me.is(Role::Director)
}

/// When the server was last heard of the site that is shown; read again whenever something has come or was made.
fn heard(state: State) -> RwSignal<Option<Ms>> {
    let heard = RwSignal::new(None);
    effect(move || {
        state.site.track();
        // Every pull has outbox and uploads read again, also one that brings no document, and in every tab.
        state.outbox.track();
        leptos::task::spawn_local(async move {
            let at = state.heard_of_site().await;
            if heard.try_get_untracked().is_some_and(|old| old != at) {
                let _ = heard.try_set(at);
            }
        });
    });
    heard
}

/// The ways between the pages for rounds; the one that is shown is marked.
#[component]
fn Ways(
    /// The path of the page that is shown.
    here: &'static str,
) -> impl IntoView {
    let i18n = use_i18n();
    let ways = [
        ("/watch", t_string!(i18n, rounds.watch_live)),
        ("/watch/days", t_string!(i18n, rounds.watch_days)),
        ("/watch/routes", t_string!(i18n, rounds.watch_routes)),
    ];
    let ways: Vec<AnyView> = ways
        .into_iter()
        .map(|(to, name)| {
            let current = (to == here).then_some("page");
            view! {
                <a class="pick" href=to aria-current=current>
                    {name}
                </a>
            }
            .into_any()
        })
        .collect();
    view! {
        <nav class="row tight wrap off-paper" aria-label=t_string!(i18n, rounds.watch_ways)>
            {ways}
        </nav>
    }
    .into_any()
}

/// Tonight's rounds, a card for each route.
#[component]
pub fn WatchPage() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let minute = minute(state);
    let heard = heard(state);
    let shown = memo(move |_| {
        minute.track();
        let now = state.now_ms();
        let Some(property) = state.property.get() else { return Vec::new() };
        strips(i18n.get_locale(), &property, &state.watched(now), heard.get(), now)
    });
    let ready = memo(move |_| state.property.with(Option::is_some));
    let routes =
        memo(move |_| shown.with(|shown| shown.iter().map(|route| route.route.clone()).collect::<Vec<_>>()));
    let tally = memo(move |_| {
        shown.with(|shown| Tally::of(shown.iter().flat_map(|route| &route.strips).flat_map(|one| &one.cells)))
    });
    let none = move || {
        view! {
            <EmptyState
                glyph=Glyph::Walk
                title=t_string!(i18n, rounds.watch_none)
                text=t_string!(i18n, rounds.watch_none_text)
            >
                <a class="btn ghost" href="/watch/routes">
                    {t_string!(i18n, rounds.watch_routes)}
                </a>
            </EmptyState>
        }
        .into_any()
    };
    view! {
        <TopBar title=t_string!(i18n, rounds.watch_title)>
            <NetChip />
        </TopBar>
        <main class="main wide" tabindex="-1">
            <Ways here="/watch" />
            <Show when=move || !ready.get()>
                <Skeleton label=t_string!(i18n, frame.loading) />
            </Show>
            <Show when=move || { ready.get() && routes.with(Vec::is_empty) }>{none}</Show>
            <Show when=move || !routes.with(Vec::is_empty)>
                <Legend tally=tally />
            </Show>
            <For each=move || routes.get() key=|route| route.clone() let(route)>
                <RouteCard route=route shown=shown />
            </For>
        </main>
    }
    .into_any()
}

/// What each sign means, and how often it is there tonight. What is new among what matters is read out.
#[component]
fn Legend(tally: Memo<Tally>) -> impl IntoView {
    let i18n = use_i18n();
    let entry = move |cell: Cell, word: &'static str| {
        let count = move || tally.get().count(cell);
        view! {
            <li class="row tight">
                <Sign cell=cell />
                <span class="s">{word}</span>
                <b class="num">{count}</b>
            </li>
        }
        .into_any()
    };
    let locale = i18n.get_locale_untracked();
    let mut entries: Vec<AnyView> = strip::STATES
        .map(|state| entry(Cell { state, abnormal: false }, said::stop_state(locale, state)))
        .into();
    let abnormal = Cell { state: StopStateName::Pending, abnormal: true };
    entries.push(entry(abnormal, td_string!(locale, rounds.abnormal)));
    let news = move || {
        let tally = tally.get();
        let (missed, abnormal) = (tally.missed(), tally.abnormal);
        let missed = said::counted(t_string!(i18n, rounds.missed_count), missed);
        format!("{missed} · {}", said::counted(t_string!(i18n, rounds.abnormal_count), abnormal))
    };
    view! {
        <ul class="legend" aria-label=t_string!(i18n, rounds.watch_legend)>
            {entries}
        </ul>
        <div class="sr" role="status">
            {news}
        </div>
    }
    .into_any()
}

/// One route: its rounds of this shift, one below the other.
#[component]
fn RouteCard(route: RouteCode, shown: Memo<Vec<strip::RouteStrips>>) -> impl IntoView {
    let of = memo(move |_| shown.with(|shown| shown.iter().find(|one| one.route == route).cloned()));
    let name = move || of.with(|of| of.as_ref().map(|of| of.name.clone()));
    let ids =
        move || of.with(|of| of.iter().flat_map(|of| &of.strips).map(|strip| strip.id).collect::<Vec<_>>());
    view! {
        <section class="card col tight">
            <h2>{name}</h2>
            <For each=ids key=|id| *id let(id)>
                <StripRow id=id of=of />
            </For>
        </section>
    }
    .into_any()
}

/// One round: when, by whom, how each stop stands. A link to its trail, which stays as it is while what it says changes.
#[component]
fn StripRow(id: RoundId, of: Memo<Option<strip::RouteStrips>>) -> impl IntoView {
    let i18n = use_i18n();
    let strip = memo(move |_| {
        of.with(|of| of.iter().flat_map(|of| &of.strips).find(|strip| strip.id == id).cloned())
    });
    let text = move |said: fn(&Strip) -> &String| {
        move || strip.with(|strip| strip.as_ref().map(|strip| said(strip).clone()))
    };
    let cells = memo(move |_| strip.with(|strip| strip.as_ref().map(|strip| strip.cells.clone())));
    let marks = memo(move |_| strip.with(|strip| strip.as_ref().map(|strip| strip.marks.clone())));
    let cells = move || {
        let cell = |cell: Cell| view! { <Sign cell=cell /> }.into_any();
        cells.get().unwrap_or_default().into_iter().map(cell).collect::<Vec<_>>()
    };
    let marks = move || {
        let mark = |(text, tone): (String, Tone)| view! { <Chip label=text tone=tone /> }.into_any();
        marks.get().unwrap_or_default().into_iter().map(mark).collect::<Vec<_>>()
    };
    view! {
        <a class="watch-row" href=format!("/watch/{id}")>
            <span class="col tighter">
                <b class="num">{text(|strip| &strip.when)}</b>
                <span class="xs">{text(|strip| &strip.left)}</span>
            </span>
            <span class="col tighter">
                <span class="strip" aria-hidden="true">
                    {cells}
                </span>
                <span class="sr">{text(|strip| &strip.spoken)}</span>
            </span>
            <span class="col tighter">
                <span class="s">{text(|strip| &strip.who)}</span>
                <span class="row tight wrap">{marks}</span>
            </span>
            <span class="sr">{t_string!(i18n, rounds.watch_open)}</span>
        </a>
    }
    .into_any()
}

/// How a stop stands, told by its sign, its edge and its colour.
#[component]
fn Sign(cell: Cell) -> impl IntoView {
    let class = match cell.state {
        StopStateName::Pending => "cell pending",
        StopStateName::OnTime => "cell on-time",
        StopStateName::Late => "cell late",
        StopStateName::OutOfWindow => "cell outside",
        StopStateName::Missed => "cell missed",
        StopStateName::Skipped => "cell skipped",
    };
    let glyph = match cell.state {
        StopStateName::Pending => None,
        StopStateName::OnTime => Some(Glyph::Check),
        StopStateName::Late | StopStateName::OutOfWindow => Some(Glyph::Clock),
        StopStateName::Missed => Some(Glyph::X),
        StopStateName::Skipped => Some(Glyph::ArrowRight),
    };
    let abnormal = cell.abnormal;
    view! {
        <span class=class class:abnormal=abnormal aria-hidden="true">
            {glyph.map(|glyph| view! { <Icon glyph=glyph /> })}
            {abnormal.then(|| view! { <Icon glyph=Glyph::Warn /> })}
        </span>
    }
    .into_any()
}
