//! The trail of one round: who was where when, what was found and shown there, how far that is trusted and why no further;
//! and its review.

mod story;

use std::collections::BTreeMap;

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::{
    Code,
    case::command::TEXT_MAX,
    ids::{RoundId, StopCode},
    round::{RoundCommand, RoundStage, Standing, StopStateName, trust::Trust},
    time::Ms,
    wire::Part,
};

use self::story::{Found, Line, Shot, events, stops, tone};
use super::{Cell, Sign, heard};
use crate::{
    address::{self, Address},
    components::{CaseLink, minute, picture, toast},
    i18n::*,
    reactive::{Memo, RwSignal, Signal, effect, memo},
    state::{DaysAsked, Link, State, Turn, Walk},
    ui::{
        Banner, Button, ButtonKind, Card, Chip, EmptyState, Field, FieldKind, For, Glyph, Icon, Lightbox,
        Photo, PhotoStrip, Picture, Show, Skeleton, Tone, TopBar, view,
    },
    words::{self, round as said},
};

/// What the parts of the page share. Cheap to copy.
#[derive(Clone, Copy)]
struct Page {
    state: State,
    id: RoundId,
    walk: Memo<Option<Walk>>,
    lines: Memo<Vec<Line>>,
    /// As of when it is told.
    at: Memo<Ms>,
}

/// The trail of a round.
#[component]
pub fn TrailPage(
    /// Which one; `None` where the address names none.
    id: Option<RoundId>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let minute = minute(state);
    let walk = memo(move |_| {
        minute.track();
        state.walk(id?, state.now_ms())
    });
    let heard = heard(state);
    let at = told_at(state, walk, heard);
    let there = memo(move |_| walk.with(Option::is_some));
    let ready = memo(move |_| state.property.with(Option::is_some));
    let title = move || {
        let property = state.property.get();
        let title = walk.with(|walk| {
            let (walk, property) = (walk.as_ref()?, property.as_ref()?);
            Some(said::title(i18n.get_locale(), &walk.round, walk.route.as_deref(), &property.zone))
        });
        title.unwrap_or_else(|| t_string!(i18n, rounds.watch_title).to_owned())
    };
    let when = move || {
        let property = state.property.get();
        let when = walk.with(|walk| {
            let (walk, property) = (walk.as_ref()?, property.as_ref()?);
            let task = &walk.round.task;
            let from = words::moment(i18n.get_locale(), &property.zone, task.from, minute.get());
            Some(format!("{from}–{}", words::clock(&property.zone, task.until)))
        });
        when.unwrap_or_default()
    };
    let stage = memo(move |_| walk.with(|walk| walk.as_ref().map(|walk| walk.round.stage(at.get()))));
    let stage = move || {
        stage.get().map(|stage| {
            let tone = match stage {
                RoundStage::Planned | RoundStage::Over => Tone::Neutral,
                RoundStage::UnderWay => Tone::Brand,
                RoundStage::Reviewed => Tone::Ok,
            };
            view! { <Chip label=said::stage(i18n.get_locale(), stage) tone=tone /> }
        })
    };
    let body = move || match id {
        _ if !ready.get() => view! { <Skeleton label=t_string!(i18n, frame.loading) /> }.into_any(),
        Some(id) if there.get() => view! { <Trail id=id walk=walk heard=heard at=at /> }.into_any(),
        Some(_) | None => view! {
            <EmptyState
                glyph=Glyph::Walk
                title=t_string!(i18n, rounds.trail_gone)
                text=t_string!(i18n, rounds.trail_gone_text)
            >
                <a class="btn ghost" href="/watch/days">
                    {t_string!(i18n, rounds.watch_days)}
                </a>
            </EmptyState>
        }
        .into_any(),
    };
    view! {
        <TopBar
            title=title
            sub=TextProp::from(when)
            back=t_string!(i18n, rounds.back)
            on_back=move || address.back("/watch")
        >
            {stage}
        </TopBar>
        <main class="main" tabindex="-1">
            {body}
        </main>
    }
    .into_any()
}

/// As of when a round is told; see [`Walk::told_at`].
fn told_at(state: State, walk: Memo<Option<Walk>>, heard: RwSignal<Option<Ms>>) -> Memo<Ms> {
    let minute = minute(state);
    memo(move |_| {
        minute.track();
        let now = state.now_ms();
        walk.with(|walk| walk.as_ref().map_or(now, |walk| walk.told_at(heard.get(), now)))
    })
}

#[component]
fn Trail(id: RoundId, walk: Memo<Option<Walk>>, heard: RwSignal<Option<Ms>>, at: Memo<Ms>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let minute = minute(state);
    let told = told(state, id, walk);
    let lines = memo(move |_| {
        let Some(property) = state.property.get() else { return Vec::new() };
        let (locale, at) = (i18n.get_locale(), at.get());
        walk.with(|walk| {
            let none = BTreeMap::new();
            let line =
                |walk| told.with(|told| stops(locale, &property, walk, told.as_ref().unwrap_or(&none), at));
            walk.as_ref().map(line).unwrap_or_default()
        })
    });
    let page = Page { state, id, walk, lines, at };
    let codes = move || lines.with(|lines| lines.iter().map(|line| line.stop.clone()).collect::<Vec<_>>());
    let reopened =
        memo(move |_| walk.with(|walk| walk.as_ref().is_some_and(|walk| walk.round.changed_since_review())));
    let alone = memo(move |_| {
        let there = walk.with(|walk| walk.as_ref().is_some_and(|walk| walk.there));
        there && told.with(Option::is_none)
    });
    let not_heard = memo(move |_| {
        let (property, now) = (state.property.get()?, minute.get());
        let on = walk.with(|walk| walk.as_ref().is_some_and(|walk| walk.turn(at.get()) == Turn::Now));
        let unknown = on && at.get() < now;
        unknown.then(|| said::not_heard(i18n.get_locale(), &property.zone, heard.get(), now))
    });
    view! {
        <Show when=move || not_heard.with(Option::is_some)>
            <Banner
                text=TextProp::from(move || not_heard.get().unwrap_or_default())
                tone=Tone::Warn
                glyph=Glyph::CloudOff
            />
        </Show>
        <Show when=move || reopened.get()>
            <Banner
                text=t_string!(i18n, rounds.trail_changed)
                tone=Tone::Warn
                glyph=Glyph::Warn
            />
        </Show>
        <Sum page=page />
        <div class="section">
            <h2>{t_string!(i18n, rounds.trail_stops)}</h2>
        </div>
        <For each=codes key=|code| code.clone() let(code)>
            <StopCard page=page code=code />
        </For>
        <Show when=move || alone.get()>
            <p class="xs">{t_string!(i18n, rounds.trail_alone)}</p>
        </Show>
        <Events page=page />
        <Review page=page />
    }
    .into_any()
}

/// What the server says of the ticks: it knows what is usual between two stops. Asked anew with every version of the round,
/// and when there is a network again; until then the trail stands by what this device knows. What comes back for a version
/// that is not shown any more is let go.
fn told(state: State, id: RoundId, walk: Memo<Option<Walk>>) -> RwSignal<Option<BTreeMap<StopCode, Trust>>> {
    let told = RwSignal::new(None);
    let asked = memo(move |_| {
        walk.with(|walk| {
            let walk = walk.as_ref().filter(|walk| walk.there)?;
            let day = walk.round.task.occurrence.date.to_string();
            let route = Some(walk.round.task.route.clone());
            Some((walk.round.version, DaysAsked { until: day.clone(), day, route, person: None }))
        })
    });
    let online = memo(move |_| state.link.with(|link| *link == Link::Online));
    effect(move || {
        online.track();
        let Some(wanted) = asked.get() else { return };
        leptos::task::spawn_local(async move {
            let Ok(report) = state.rounds_report(wanted.1.clone()).await else { return };
            if asked.try_get_untracked() != Some(Some(wanted)) {
                return;
            }
            let round = report.rounds.into_iter().find(|line| line.round == id);
            let trusts = round.into_iter().flat_map(|line| line.stops);
            let trusts = trusts.filter_map(|stop| Some((stop.stop, stop.trust?))).collect();
            let _ = told.try_set(Some(trusts));
        });
    });
    told
}

/// Who walks it, and the strip.
#[component]
fn Sum(page: Page) -> impl IntoView {
    let Page { state, walk, at, .. } = page;
    let i18n = use_i18n();
    let minute = minute(state);
    let who = move || {
        minute.track();
        let property = state.property.get()?;
        let locale = i18n.get_locale();
        walk.with(|walk| {
            let walk = walk.as_ref()?;
            let nobody = || {
                let planned = said::who(locale, &property, &walk.round.task.who);
                said::with(td_string!(locale, rounds.watch_nobody), &planned)
            };
            let walker = walk.round.walker(state.now_ms());
            Some(walker.map_or_else(nobody, |walker| property.name(walker)))
        })
    };
    // As on the strip of the live view, by the order of the route.
    let cells = memo(move |_| {
        let at = at.get();
        walk.with(|walk| {
            let stops =
                walk.iter().flat_map(|walk| walk.round.task.stops.iter().map(move |stop| (walk, stop)));
            stops
                .map(|(walk, stop)| {
                    let standing = walk.round.stop(stop, at);
                    Cell { state: standing.state.name(), abnormal: standing.abnormal }
                })
                .collect::<Vec<_>>()
        })
    });
    let cells = move || {
        cells.get().into_iter().map(|cell| view! { <Sign cell=cell /> }.into_any()).collect::<Vec<_>>()
    };
    let mine = memo(move |_| {
        let Some(property) = state.property.get() else { return false };
        walk.with(|walk| {
            walk.as_ref().is_some_and(|walk| {
                let now = state.now_ms();
                let who = walk.round.standings(&property.me, &property.site, &property.zone, now);
                who.has(Standing::Walker)
            })
        })
    });
    let to_walk = format!("/rounds/{}", page.id);
    view! {
        <Card>
            <div class="row between wrap">
                <span class="row tight">
                    <Icon glyph=Glyph::User />
                    <b>{who}</b>
                </span>
                <Show when=move || mine.get()>
                    <a class="link off-paper" href=to_walk.clone()>
                        {t_string!(i18n, rounds.trail_walk)}
                    </a>
                </Show>
            </div>
            <div class="strip" aria-hidden="true">
                {cells}
            </div>
        </Card>
    }
    .into_any()
}

/// One stop.
#[component]
fn StopCard(page: Page, code: StopCode) -> impl IntoView {
    let i18n = use_i18n();
    let of = code.clone();
    let line = memo(move |_| page.lines.with(|lines| lines.iter().find(|line| line.stop == of).cloned()));
    let shots = memo(move |_| line.with(|line| line.iter().flat_map(|line| line.photos.clone()).collect()));
    let code = StoredValue::new(code);
    let told = move || {
        let line = line.get()?;
        Some(view! { <Told page=page line=line code=code.get_value() /> })
    };
    view! {
        <section class="card col tight">
            {told} <Shots round=page.id shots=shots label=t_string!(i18n, case.photos) />
        </section>
    }
    .into_any()
}

/// What is known of a stop, in words.
#[component]
fn Told(page: Page, line: Line, code: StopCode) -> impl IntoView {
    let i18n = use_i18n();
    let Line { number, look, by, planned, reason, found, unanswered, cases, .. } = line;
    let cell = Cell { state: look.state, abnormal: false };
    let abnormal =
        look.abnormal.then(|| view! { <Chip label=t_string!(i18n, rounds.abnormal) tone=Tone::Urgent /> });
    let missed = matches!(look.state, StopStateName::Missed | StopStateName::Pending);
    let planned = planned.map(|names| {
        let names = said::with(t_string!(i18n, rounds.planned_by), &names);
        view! { <p class=if missed { "s strong" } else { "s" }>{names}</p> }
    });
    let by = by.map(|by| view! { <span class="s strong">{by}</span> });
    let beside = look.beside.join(" · ");
    let beside = (!beside.is_empty()).then(|| view! { <p class="s t-info">{beside}</p> });
    let reason = reason.map(|reason| {
        let reason = said::with(t_string!(i18n, rounds.not_scanned_because), &reason);
        view! { <p class="s">{reason}</p> }
    });
    let trust = look.level.map(|level| {
        let doubts: Vec<_> = look.doubts.into_iter().map(|doubt| view! { <li>{doubt}</li> }).collect();
        view! {
            <div class="col tighter">
                <span class="row">
                    <Chip label=said::level(i18n.get_locale_untracked(), level) tone=tone(level) icon=Glyph::Shield />
                </span>
                <ul class="s doubts">{doubts}</ul>
            </div>
        }
    });
    let found: Vec<_> =
        found.into_iter().map(|one| view! { <FoundRow page=page stop=code.clone() found=one /> }).collect();
    let found = (!found.is_empty()).then(|| view! { <ul class="col tighter">{found}</ul> });
    let unanswered = (!unanswered.is_empty()).then(|| {
        let items = said::listed(i18n.get_locale_untracked(), unanswered);
        view! { <p class="s t-warn">{said::with(t_string!(i18n, rounds.unanswered), &items)}</p> }
    });
    let cases: Vec<_> = cases.into_iter().map(|case| view! { <CaseLink case=case /> }).collect();
    view! {
        <div class="row top">
            <Sign cell=cell />
            <div class="col tighter grow">
                <h3>{format!("{number} · {}", look.place)}</h3>
                <span class="row tight wrap">{by} <span class="s num">{look.line}</span></span>
            </div>
            <span class="col tighter end">
                <Chip label=look.word tone=look.tone />
                {abnormal}
            </span>
        </div>
        {planned}
        {beside}
        {reason}
        {trust}
        {found}
        {unanswered}
        {cases}
    }
    .into_any()
}

/// An answer; a number leads to what it was lately.
#[component]
fn FoundRow(page: Page, stop: StopCode, found: Found) -> impl IntoView {
    let i18n = use_i18n();
    let route = page.walk.with_untracked(|walk| walk.as_ref().map(|walk| walk.round.task.route.clone()));
    let lately = route.filter(|_| found.number).map(|route| {
        let of = [("route", route.as_str()), ("stop", stop.as_str()), ("item", found.item.as_str())];
        let to = address::with("/watch/readings", &of);
        let name = said::with(t_string!(i18n, rounds.lately_of), &found.asked);
        view! {
            <a class="link off-paper" href=to aria-label=name>
                {t_string!(i18n, rounds.lately)}
            </a>
        }
    });
    let bad = found.abnormal;
    let mark = bad.then(
        || view! { <Chip label=t_string!(i18n, rounds.abnormal) tone=Tone::Urgent icon=Glyph::Warn /> },
    );
    let class = if bad { "strong num t-urgent" } else { "strong num" };
    view! {
        <li class="row wrap found">
            <span class="s grow">{found.asked}</span>
            {found.limits.map(|limits| view! { <span class="xs num">{limits}</span> })}
            <span class=class>{found.answer}</span>
            {mark}
            {lately}
        </li>
    }
    .into_any()
}

/// What was shown at a stop; each photo opens in full.
#[component]
fn Shots(round: RoundId, shots: Memo<Vec<Shot>>, label: &'static str) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let shown = RwSignal::new(None::<usize>);
    let alt = move |index: usize| format!("{} {}", t_string!(i18n, case.photo), index + 1);
    let strip = move || {
        let shot = |(index, shot): (usize, Shot)| {
            let src = picture(state, round, shot.photo.id, Part::Thumb);
            view! { <Photo src=src alt=alt(index) on_open=move || shown.set(Some(index)) /> }.into_any()
        };
        shots.get().into_iter().enumerate().map(shot).collect::<Vec<_>>()
    };
    // Full-size photos are fetched when somebody looks.
    let large = memo(move |_| shown.get().is_some());
    let addresses = memo(move |_| {
        let wanted = if large.get() { shots.get() } else { Vec::new() };
        let both = |shot: Shot| {
            let small = picture(state, round, shot.photo.id, Part::Thumb);
            (picture(state, round, shot.photo.id, Part::Full), small, shot.caption)
        };
        wanted.into_iter().map(both).collect::<Vec<_>>()
    });
    let pictures = Signal::derive(move || {
        addresses.with(|addresses| {
            let pictures = addresses.iter().enumerate().map(|(index, (full, small, caption))| Picture {
                src: full.get().or_else(|| small.get()).unwrap_or_default(),
                alt: alt(index),
                caption: caption.clone(),
            });
            pictures.collect::<Vec<_>>()
        })
    });
    view! {
        <Show when=move || !shots.with(Vec::is_empty)>
            <PhotoStrip label=label>{strip}</PhotoStrip>
            <Lightbox
                pictures=pictures
                shown=shown
                label=label
                close=t_string!(i18n, frame.close)
                previous=t_string!(i18n, frame.previous)
                next=t_string!(i18n, frame.next)
            />
        </Show>
    }
    .into_any()
}

/// What else happened.
#[component]
fn Events(page: Page) -> impl IntoView {
    let i18n = use_i18n();
    let told = memo(move |_| {
        let Some(property) = page.state.property.get() else { return Vec::new() };
        let locale = i18n.get_locale();
        page.walk.with(|walk| walk.as_ref().map(|walk| events(locale, &property, walk)).unwrap_or_default())
    });
    let rows = move || {
        let row = |event: story::Event| {
            let said = (!event.said.is_empty()).then(|| view! { <div class="pre">{event.said}</div> });
            view! {
                <li>
                    <time>{event.clock}</time>
                    <div class="col tighter">
                        <b>{event.what}</b>
                        {said}
                    </div>
                </li>
            }
            .into_any()
        };
        told.get().into_iter().map(row).collect::<Vec<_>>()
    };
    view! {
        <Show when=move || !told.with(Vec::is_empty)>
            <Card>
                <h2>{t_string!(i18n, rounds.trail_events)}</h2>
                <ol class="history">{rows}</ol>
            </Card>
        </Show>
    }
    .into_any()
}

/// To say that somebody has looked at it; why not yet, where the rules say so.
#[component]
fn Review(page: Page) -> impl IntoView {
    let Page { state, id, walk, .. } = page;
    let i18n = use_i18n();
    let minute = minute(state);
    let note = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    state.unkept.hold(move || note.with(|note| !note.trim().is_empty()));
    let may = memo(move |_| {
        minute.track();
        walk.with(|walk| {
            let walk = walk.as_ref().filter(|walk| walk.there)?;
            Some(state.may_in_round(walk, &RoundCommand::Review { note: String::new() }))
        })
    });
    let allowed = memo(move |_| may.with(|may| matches!(may, Some(Ok(())))));
    // Whoever does not review anyway is told nothing of it.
    let why_not = move || {
        let why = may.with(|may| match may {
            Some(Err(rejection)) if matches!(rejection.code, Code::RoundOwn | Code::RoundWrongStage) => {
                Some(rejection.clone())
            }
            Some(_) | None => None,
        })?;
        let text = match why.code {
            Code::RoundWrongStage => t_string!(i18n, rounds.review_later).to_owned(),
            _ => words::sentence(i18n.get_locale(), &why, state.property.get().as_deref()),
        };
        Some(view! { <p class="s">{text}</p> })
    };
    let send = move || {
        let command = RoundCommand::Review { note: note.get_untracked().trim().to_owned() };
        let done = t_string!(i18n, rounds.review_done).to_owned();
        busy.set(true);
        spawn_local_scoped(async move {
            let saved = state.act_in_round(id, command, None).await;
            let _ = busy.try_set(false);
            if saved.is_ok() {
                let _ = note.try_set(String::new());
            }
            toast(saved.map(|()| done));
        });
    };
    view! {
        {why_not}
        <Show when=move || allowed.get()>
            <Card class="off-paper">
                <h2>{t_string!(i18n, rounds.review)}</h2>
                <Field
                    id="review-note"
                    label=t_string!(i18n, rounds.review_note)
                    hint=t_string!(i18n, rounds.review_hint)
                    kind=FieldKind::Area
                    value=note
                    on_input=move |text| note.set(text)
                    // The rules' limit is a few thousand.
                    max=u32::try_from(TEXT_MAX).unwrap_or(u32::MAX)
                />
                <Button
                    label=t_string!(i18n, rounds.review_send)
                    kind=ButtonKind::Main
                    icon=Glyph::Check
                    busy=busy
                    on_click=send
                />
            </Card>
        </Show>
    }
    .into_any()
}
