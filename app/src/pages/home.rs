//! The home page of who works on the grounds: report a problem, see what I answer for and what is still on the phone.

mod lists;

use std::sync::Arc;

use futures::future::LocalBoxFuture;
use leptos::{ev, prelude::*, reactive::spawn_local_scoped};
use shared::{
    Code, Rejection,
    case::{CaseCommand, CaseView},
    ids::{CaseId, SiteCode},
};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use self::lists::Lists;
use super::own::own;
use crate::{
    address::Address,
    components::{CaseItem, LittleRoom, Net, NetChip, toast, unsent_count},
    i18n::*,
    part::Why,
    platform::photo,
    reactive::{RwSignal, Signal, effect, memo},
    state::{REPORT_DRAFT, ReportDraft, State, report_address},
    ui::{
        Button, ButtonKind, Card, Chip, Choice, EmptyState, For, Glyph, Icon, IconButton, PhotoAdd, Picks,
        PicksLayout, Sheet, Show, Skeleton, Tone, TopBar, view,
    },
    words,
};

/// The address of the report.
const REPORT: &str = "/report";

/// The home page.
#[component]
pub fn Home(
    /// The round that is on; nothing until the part of the app that knows it is here.
    #[prop(into)]
    round: ViewFn,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    lead_to_first_page(state);
    let title = move || {
        state.property.with(|property| {
            property
                .as_ref()
                .map_or_else(|| t_string!(i18n, common.app).to_owned(), |property| property.site.name.clone())
        })
    };
    let sub = move || {
        let locale = i18n.get_locale();
        state.property.with(|property| {
            property
                .as_ref()
                .map(|property| {
                    let me = &property.me;
                    let roles = me.roles.iter().map(|role| words::role(locale, *role));
                    [me.name.as_str()].into_iter().chain(roles).collect::<Vec<_>>().join(" · ")
                })
                .unwrap_or_default()
        })
    };
    let known = memo(move |_| state.property.with(Option::is_some));
    view! {
        <TopBar title=title sub=sub>
            <SiteSwitch />
            <NetChip />
        </TopBar>
        <main class="main">
            <LittleRoom />
            <Hero />
            {move || round.run()}
            <Unfinished />
            <Waiting />
            {move || {
                if known.get() { view! { <Mine /> }.into_any() } else { view! { <NothingYet /> }.into_any() }
            }}
        </main>
    }
    .into_any()
}

/// Leads whoever has a page of their own to it, once per start and signing in.
fn lead_to_first_page(state: State) {
    let address = expect_context::<Address>();
    effect(move || {
        if state.led.get_untracked() || !state.property.with(Option::is_some) {
            return;
        }
        state.led.set(true);
        let to = state.property.with_untracked(|property| {
            let me = &property.as_ref()?.me;
            state.cases.with_untracked(|cases| own(me, cases.values()))
        });
        if let Some(to) = to {
            address.instead(to);
        }
    });
}

fn counted(template: &str, count: usize) -> String {
    template.replace("{count}", &count.to_string())
}

/// For those who serve at several sites.
#[component]
fn SiteSwitch() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let sites = memo(move |_| {
        state
            .session
            .with(|session| session.as_ref().map(|session| session.sites.clone()).unwrap_or_default())
    });
    let choices = Signal::derive(move || {
        sites.with(|sites| {
            sites.iter().map(|site| Choice::new(site.code.to_string(), site.name.clone())).collect::<Vec<_>>()
        })
    });
    let selected = Signal::derive(move || {
        state.site.with(|site| site.as_ref().map(ToString::to_string).unwrap_or_default())
    });
    let pick = move |code: String| {
        state.show_site(Some(SiteCode(code)));
        open.set(false);
    };
    view! {
        <Show when=move || { sites.with(Vec::len) > 1 }>
            <IconButton
                glyph=Glyph::Pin
                label=t_string!(i18n, field.switch_site)
                on_click=move || open.set(true)
            />
            <Sheet
                id="switch-site"
                title=t_string!(i18n, field.switch_site)
                close=t_string!(i18n, frame.close)
                open=open
                on_close=move || open.set(false)
            >
                <Picks
                    name="site"
                    legend=t_string!(i18n, field.switch_site)
                    hide_legend=true
                    choices=choices
                    selected=selected
                    on_pick=pick
                    layout=PicksLayout::Stack
                />
            </Sheet>
        </Show>
    }
    .into_any()
}

/// The camera first: the photo is on the device before the report's page opens.
#[component]
fn Hero() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    // It outlives this page: whoever goes on to the report meanwhile must not write on an older draft.
    let busy = state.taking;
    let shoot = move |event: ev::Event| {
        let chosen = photo::chosen(&event);
        if chosen.is_empty() || busy.get_untracked() {
            return;
        }
        busy.set(true);
        let (began, done) = (address.here(), t_string!(i18n, field.photo_kept).to_owned());
        spawn_local_scoped(async move {
            let kept = keep_first(state, chosen).await;
            busy.set(false);
            match kept {
                Ok(()) if address.here() == began => address.to(REPORT),
                // Whoever has gone to the report by themselves sees the photos there.
                Ok(()) if address.here() == REPORT => {}
                Ok(()) => toast(Ok(done)),
                Err(rejection) => toast(Err(rejection)),
            }
        });
    };
    view! {
        <PhotoAdd
            label=move || {
                if busy.get() { t_string!(i18n, field.keeping_photo) } else { t_string!(i18n, field.report_photo) }
            }
            camera=true
            class="btn hero"
            on_files=Callback::new(shoot)
        />
        <div class="actions">
            <PhotoAdd
                label=t_string!(i18n, field.from_gallery)
                class="btn ghost"
                on_files=Callback::new(shoot)
            />
            <a class="btn ghost" href="/report">
                {t_string!(i18n, field.without_photo)}
            </a>
        </div>
    }
    .into_any()
}

/// Keeps the photos in the draft of the report, which begins with them.
async fn keep_first(state: State, chosen: Vec<photo::Chosen>) -> Result<(), shared::Rejection> {
    // The photos are in it before anybody else gets it.
    let _hold = state.hold(REPORT_DRAFT.to_owned(), || true).await;
    let mut draft = match state.draft::<ReportDraft>(REPORT_DRAFT).await? {
        Some(draft) => draft,
        None => ReportDraft::new()?,
    };
    for chosen in chosen {
        let before = draft.clone();
        let photo = state
            .take_photo(REPORT_DRAFT, &chosen, move |photo| {
                let mut with = before;
                with.photos.push(photo);
                with
            })
            .await?;
        draft.photos.push(photo);
    }
    Ok(())
}

/// The reports that were begun: by themselves, and at stops of rounds.
#[component]
fn Unfinished() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let drafts = RwSignal::new(Vec::<ReportDraft>::new());
    leptos::task::spawn_local(async move {
        // Without them the cards are missing; the drafts themselves stay.
        let mut found = state.reports().await.unwrap_or_default();
        found.retain(|draft| !draft.is_empty());
        let _ = drafts.try_set(found);
    });
    view! {
        <For each=move || drafts.get() key=|draft| draft.case let(draft)>
            {
                let place = state.property.with_untracked(|property| {
                    draft.from.as_ref()?;
                    Some(words::spot(property.as_ref()?, draft.place.as_ref()?))
                });
                let photos = counted(t_string!(i18n, field.photo_count), draft.photos.len());
                let text = Some(draft.text.trim().to_owned()).filter(|text| !text.is_empty());
                let about: Vec<String> = place.into_iter().chain([photos]).chain(text).collect();
                view! {
                    <Card tone=Tone::Warn>
                        <div class="row between">
                            <div class="grow">
                                <h2>{t_string!(i18n, field.unfinished)}</h2>
                                <p class="s one-line">{about.join(" · ")}</p>
                            </div>
                            <a class="btn small ghost" href=report_address(draft.from.as_ref())>
                                {t_string!(i18n, field.go_on)}
                            </a>
                        </div>
                    </Card>
                }
            }
        </For>
    }
    .into_any()
}

/// What is on this device and not at the server, in short.
#[component]
fn Waiting() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let unsent = unsent_count(state);
    let refused = memo(move |_| unsent.get().needs_somebody);
    let count = memo(move |_| unsent.get().waiting);
    let unsent_text = move || {
        let oldest = unsent.get().oldest;
        let age = oldest.map_or(0, |at| state.now.get().since(at.plus(state.offset())));
        let age = words::span(i18n.get_locale(), age.max(0));
        counted(t_string!(i18n, field.unsent_summary), count.get()).replace("{age}", &age)
    };
    let refused_text = move || counted(t_string!(i18n, field.refused_summary), refused.get());
    view! {
        <Show when=move || { refused.get() > 0 }>
            <a class="case refused" href="/unsent">
                <span class="row t-urgent">
                    <Icon glyph=Glyph::Warn />
                    <span class="grow strong">{refused_text}</span>
                    <Icon glyph=Glyph::Chevron />
                </span>
            </a>
        </Show>
        <Show when=move || { count.get() > 0 }>
            <a class="case" href="/unsent">
                <span class="row">
                    <Icon glyph=Glyph::Up />
                    <span class="grow">{unsent_text}</span>
                    <Icon glyph=Glyph::Chevron />
                </span>
            </a>
        </Show>
    }
    .into_any()
}

/// Before the first pull: the report button works, the lists do not exist yet.
#[component]
fn NothingYet() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let offline = memo(move |_| Net::of(state, 0) != Net::Unknown && !state.busy.get());
    move || {
        if offline.get() {
            view! {
                <EmptyState
                    glyph=Glyph::CloudOff
                    title=t_string!(i18n, field.no_property)
                    text=t_string!(i18n, field.no_property_text)
                >
                    <Button
                        label=t_string!(i18n, frame.try_again)
                        kind=ButtonKind::Ghost
                        on_click=move || state.try_again()
                    />
                </EmptyState>
            }
            .into_any()
        } else {
            view! { <Skeleton label=t_string!(i18n, frame.loading) /> }.into_any()
        }
    }
}

/// The lists.
#[component]
fn Mine() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    // What falls due today changes with the day, and the order with what is missed: a minute is often enough.
    let minute = memo(move |_| state.now.get().0 / shared::time::MINUTE);
    let lists = memo(move |_| {
        minute.track();
        let Some(property) = state.property.get() else { return Lists::default() };
        let now = state.now.get_untracked();
        state.cases.with(|cases| lists::lists(cases.values(), &property, now))
    });
    let checks = move || match lists.with(|lists| lists.checks) {
        0 => t_string!(i18n, field.checks_done).to_owned(),
        count => counted(t_string!(i18n, field.checks_left), count),
    };
    let none = memo(move |_| lists.with(|lists| lists.mine.is_empty()));
    view! {
        <div class="section">
            <h2>{t_string!(i18n, field.first_asked)}</h2>
            <Show when=move || !none.get()>
                <span class="s num">{checks}</span>
            </Show>
        </div>
        <Show when=move || none.get()>
            <EmptyState
                glyph=Glyph::Check
                title=t_string!(i18n, field.nothing_mine)
                text=t_string!(i18n, field.nothing_mine_text)
            />
        </Show>
        <For
            each=move || lists.with(|lists| lists.mine.clone())
            key=|view| (view.id(), view.version())
            let(view)
        >
            <MyCase view=view />
        </For>
        <Show when=move || lists.with(|lists| !lists.people.is_empty())>
            <div class="section">
                <h2>{t_string!(i18n, field.my_people)}</h2>
            </div>
            <For
                each=move || lists.with(|lists| lists.people.clone())
                key=|view| (view.id(), view.version())
                let(view)
            >
                <TheirCase view=view />
            </For>
        </Show>
        <Show when=move || lists.with(|lists| !lists.told.is_empty())>
            <div class="section">
                <h2>{t_string!(i18n, field.told)}</h2>
            </div>
            <For
                each=move || lists.with(|lists| lists.told.clone())
                key=|view| (view.id(), view.version())
                let(view)
            >
                <CaseItem view=view />
            </For>
        </Show>
    }
    .into_any()
}

/// What a person was first asked about, with the daily look and the confirmation.
#[component]
fn MyCase(view: Arc<CaseView>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let id = view.id();
    let full = view.full().cloned();
    let (seen_as, case) = (view.clone(), full.clone());
    // Of an outline the device cannot judge what the server allows: it has no buttons.
    let to_confirm = full.as_ref().is_some_and(|case| case.stage.to_confirm());
    let look = memo(move |_| {
        let (Some(case), Some(property)) = (&case, state.property.get()) else { return Look::No };
        let now = state.now.get();
        if lists::check_due(case, &property.zone, now) && state.may(&seen_as, &CaseCommand::Check {}) {
            Look::Due
        } else if lists::checked_today(case, &property.zone, now) {
            Look::Done
        } else {
            Look::No
        }
    });
    let busy = RwSignal::new(false);
    let check = move || {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let done = t_string!(i18n, field.checked).to_owned();
        spawn_local_scoped(async move {
            let kept = looked_at(state, id).await;
            let _ = busy.try_set(false);
            toast(kept.map(|()| done));
        });
    };
    let buttons = move || match look.get() {
        Look::Due => view! {
            <Button
                label=t_string!(i18n, field.check)
                kind=ButtonKind::Ghost
                small=true
                icon=Glyph::Check
                busy=busy
                on_click=check
            />
        }
        .into_any(),
        Look::Done => view! {
            <Chip label=t_string!(i18n, field.checked) tone=Tone::Ok icon=Glyph::Check />
        }
        .into_any(),
        Look::No => ().into_any(),
    };
    let confirm = to_confirm.then(|| {
        view! {
            <a class="btn small" href=format!("/cases/{id}")>
                {t_string!(i18n, field.confirm)}
            </a>
        }
    });
    let has_actions = memo(move |_| to_confirm || look.get() != Look::No);
    let actions = view! {
        <div class="row tight wrap" hidden=move || !has_actions.get()>
            {confirm}
            {buttons}
        </div>
    };
    view! { <CaseItem view=view>{actions}</CaseItem> }.into_any()
}

/// Says that whoever answers for a case has looked at it today (B2). Where the part is not here yet, it waits for that and the
/// button shows it; the page is not loaded anew meanwhile, or the tap would be lost.
async fn looked_at(state: State, case: CaseId) -> Result<(), Rejection> {
    state.part.again(Why::Perhaps);
    state.part.here().await;
    match check(state, case).await {
        Ok(checked) => checked.await,
        // What is here does not fail.
        Err(_) => Err(Code::DeviceOffline.into()),
    }
}

/// Nothing else on this page makes a command, and how that is done comes with the pages' part; see `further` in
/// `app/src/pages.rs`.
#[wasm_split(pages, fallible)]
fn check(
    state: State,
    case: CaseId,
) -> Result<LocalBoxFuture<'static, Result<(), Rejection>>, SplitLoaderError> {
    Ok(Box::pin(async move { state.act(case, &[CaseCommand::Check {}], None, &[]).await }))
}

/// Whether the case is to be looked at today (B2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Due,
    Done,
    No,
}

/// What somebody of this person's company was first asked about (A8).
#[component]
fn TheirCase(view: Arc<CaseView>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let by = state.property.with_untracked(|property| {
        let case = view.full()?;
        property.as_ref().map(|property| property.name(case.first_asked.person))
    });
    let unseen = state
        .property
        .with_untracked(|property| property.as_ref().is_some_and(|property| lists::unseen(&view, property)));
    let chip = unseen.then(|| view! { <Chip label=t_string!(i18n, field.unseen) tone=Tone::Brand /> });
    view! {
        <CaseItem view=view>
            <div class="row tight wrap">
                {chip} <span class="s">{by}</span>
            </div>
        </CaseItem>
    }
    .into_any()
}
