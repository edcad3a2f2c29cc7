//! What there is to say of the rounds of some days, per route, person and stop: to look at, to print, and as a file.

mod sheet;

use leptos::{ev, prelude::*};
use shared::{
    Code, Rejection,
    ids::{RoundId, RouteCode},
    round::report::{PersonLine, RoundLine, RoundsReport, RouteLine, Tally},
    time::Ms,
};

use self::sheet::{
    DAYS, STOPS_MAX, address_of, begin_on, choices, end_on, heading, only, read, row, share, sum,
};
use super::{Sign, Ways};
use crate::{
    address::{self, Address},
    components::minute,
    i18n::*,
    platform::device,
    reactive::{Memo, RwSignal, effect, memo},
    state::{DaysAsked, State},
    ui::{Banner, Button, ButtonKind, EmptyState, For, Glyph, Show, Skeleton, Tone, TopBar, live, view},
    words::{self, round as said},
};

/// How far the answer is.
#[derive(Clone, PartialEq, Debug)]
enum Answer {
    /// On its way.
    Coming,
    /// The server's.
    Here(RoundsReport),
    /// What this device holds, as the server is out of reach, and as of when.
    Held(RoundsReport, Ms),
    /// Refused.
    Failed(Rejection),
}

/// The report.
#[component]
pub fn DaysPage() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let asked = memo(move |old: Option<&Option<DaysAsked>>| {
        let property = state.property.get()?;
        address.shown().with(|shown| match old {
            // On the way to another page.
            Some(Some(old)) if address::path(shown).trim_end_matches('/') != DAYS => Some(old.clone()),
            Some(_) | None => Some(read(shown, &property.zone, state.now_ms())),
        })
    });
    let turn = RwSignal::new(0_u32);
    let answer = ask(state, asked, turn);
    let again = move || turn.update(|turn| *turn += 1);
    // An answer is let go once something else is asked for.
    let of = move || asked.get_untracked().unwrap_or_default();
    let body = live(move || match answer.get() {
        Answer::Coming => view! { <Skeleton label=t_string!(i18n, frame.loading) /> }.into_any(),
        Answer::Failed(rejection) => {
            let why = words::sentence(i18n.get_locale(), &rejection, state.property.get().as_deref());
            view! {
                <div role="alert">
                    <EmptyState glyph=Glyph::Warn title=t_string!(i18n, rounds.days_failed) text=why>
                        <Button
                            label=t_string!(i18n, frame.try_again)
                            kind=ButtonKind::Ghost
                            on_click=again
                        />
                    </EmptyState>
                </div>
            }
            .into_any()
        }
        Answer::Here(report) => view! { <Sheet report=report of=of() held=None /> }.into_any(),
        Answer::Held(report, heard) => view! {
            <Banner
                text=TextProp::from(move || held(i18n.get_locale(), state, heard))
                tone=Tone::Warn
                glyph=Glyph::CloudOff
            >
                <Button
                    label=t_string!(i18n, frame.try_again)
                    kind=ButtonKind::Ghost
                    small=true
                    on_click=again
                />
            </Banner>
            <Sheet report=report of=of() held=Some(heard) />
        }
        .into_any(),
    });
    let sub = move || asked.get().map(|asked| span(&asked)).unwrap_or_default();
    view! {
        <TopBar title=t_string!(i18n, rounds.days_title) sub=TextProp::from(sub) />
        <main class="main wide" tabindex="-1">
            <Ways here=DAYS />
            <Show when=move || asked.with(Option::is_some)>
                <Wanted asked=asked />
                <Files asked=asked answer=answer again=Callback::new(move |()| again()) />
            </Show>
            {body}
        </main>
    }
    .into_any()
}

/// That this is what the device holds, and as of when.
fn held(locale: Locale, state: State, heard: Ms) -> String {
    let Some(property) = state.property.get() else { return String::new() };
    let when = words::moment(locale, &property.zone, heard, state.now_ms());
    said::with(td_string!(locale, rounds.days_held), &when)
}

/// `2026-11-23`, or from one day to another.
fn span(asked: &DaysAsked) -> String {
    if asked.day == asked.until { asked.day.clone() } else { format!("{} – {}", asked.day, asked.until) }
}

/// Asks the server whenever something else is asked for, or once more; what comes back for what was asked before is let go.
fn ask(state: State, asked: Memo<Option<DaysAsked>>, turn: RwSignal<u32>) -> RwSignal<Answer> {
    let answer = RwSignal::new(Answer::Coming);
    effect(move || {
        let (Some(wanted), count) = (asked.get(), turn.get()) else { return };
        answer.set(Answer::Coming);
        leptos::task::spawn_local(async move {
            let came = match state.rounds_report(wanted.clone()).await {
                Ok(report) => Answer::Here(report),
                Err(rejection) if matches!(rejection.code, Code::DeviceOffline | Code::DeviceTimeout) => {
                    let heard = state.heard_of_site().await.unwrap_or_else(|| state.now_ms());
                    Answer::Held(state.held_report(&wanted, heard), heard)
                }
                Err(rejection) => Answer::Failed(rejection),
            };
            let still = (asked.try_get_untracked(), turn.try_get_untracked());
            if still == (Some(Some(wanted)), Some(count)) {
                let _ = answer.try_set(came);
            }
        });
    });
    answer
}

/// Which days, which route, which person.
#[component]
fn Wanted(asked: Memo<Option<DaysAsked>>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let change = move |change: &dyn Fn(&mut DaysAsked)| {
        let Some(mut next) = asked.get_untracked() else { return };
        change(&mut next);
        address.instead(&address_of(&next));
    };
    let day = move |of: fn(&DaysAsked) -> &String| {
        move || asked.with(|asked| asked.as_ref().map(|asked| of(asked).clone()))
    };
    let first = move |event: ev::Event| {
        let day = event_target_value(&event);
        if !day.is_empty() {
            change(&|asked| begin_on(asked, &day));
        }
    };
    let last = move |event: ev::Event| {
        let day = event_target_value(&event);
        if !day.is_empty() {
            change(&|asked| end_on(asked, &day));
        }
    };
    // What is chosen follows the address, which may change under the page, and what there is to choose follows the pulls.
    let route_asked = memo(move |_| {
        asked.with(|asked| Some(asked.as_ref()?.route.as_ref()?.to_string())).unwrap_or_default()
    });
    let person_asked = memo(move |_| {
        asked.with(|asked| Some(asked.as_ref()?.person.as_ref()?.to_string())).unwrap_or_default()
    });
    let routes = memo(move |_| {
        let known = state.known_routes();
        let known = known.iter().map(|route| (route.code.to_string(), route.design.name.clone()));
        let chosen = Some(route_asked.get()).filter(|code| !code.is_empty());
        choices(t_string!(i18n, rounds.all_routes), known, chosen)
    });
    let people = memo(move |_| {
        state.property.with(|property| {
            let members = property.iter().flat_map(|property| &property.people.people);
            let known = members.map(|one| (one.id.to_string(), format!("{} · {}", one.name, one.post)));
            let chosen = Some(person_asked.get()).filter(|id| !id.is_empty());
            choices(t_string!(i18n, rounds.all_people), known, chosen)
        })
    });
    let option = |(code, name): (String, String), chosen: Memo<String>| {
        let value = code.clone();
        let selected = move || chosen.with(|chosen| *chosen == code);
        view! {
            <option value=value prop:selected=selected>
                {name}
            </option>
        }
        .into_any()
    };
    let route = move |event: ev::Event| {
        let code = event_target_value(&event);
        change(&|asked| asked.route = (!code.is_empty()).then(|| RouteCode(code.clone())));
    };
    let person = move |event: ev::Event| {
        let person = event_target_value(&event);
        change(&|asked| asked.person = person.parse().ok());
    };
    view! {
        <div class="wanted off-paper" role="group" aria-label=t_string!(i18n, rounds.days_wanted)>
            <label class="field">
                <span class="label">{t_string!(i18n, rounds.from_day)}</span>
                <input class="input" type="date" prop:value=day(|asked| &asked.day) on:change=first />
            </label>
            <label class="field">
                <span class="label">{t_string!(i18n, rounds.to_day)}</span>
                <input class="input" type="date" prop:value=day(|asked| &asked.until) on:change=last />
            </label>
            <label class="field">
                <span class="label">{t_string!(i18n, rounds.which_route)}</span>
                <select class="input" on:change=route>
                    <For each=move || routes.get() key=|choice| choice.clone() let(choice)>
                        {option(choice, route_asked)}
                    </For>
                </select>
            </label>
            <label class="field">
                <span class="label">{t_string!(i18n, rounds.which_person)}</span>
                <select class="input" on:change=person>
                    <For each=move || people.get() key=|choice| choice.clone() let(choice)>
                        {option(choice, person_asked)}
                    </For>
                </select>
            </label>
        </div>
    }
    .into_any()
}

/// As files and on paper; files come from the server alone.
#[component]
fn Files(asked: Memo<Option<DaysAsked>>, answer: RwSignal<Answer>, again: Callback<()>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let to = move |format: &'static str| {
        move || {
            let site = state.site.get()?;
            let language = match i18n.get_locale() {
                Locale::zh => "zh",
                Locale::en => "en",
            };
            asked.with(|asked| Some(asked.as_ref()?.url(&site, Some((format, language)))))
        }
    };
    let reachable = memo(move |_| answer.with(|answer| matches!(answer, Answer::Here(_))));
    view! {
        <div class="row tight wrap off-paper">
            <Show when=move || reachable.get()>
                <a class="btn ghost small" href=to("xlsx") download="">
                    {t_string!(i18n, rounds.as_xlsx)}
                </a>
                <a class="btn ghost small" href=to("csv") download="">
                    {t_string!(i18n, rounds.as_csv)}
                </a>
            </Show>
            <Button
                label=t_string!(i18n, rounds.print)
                kind=ButtonKind::Ghost
                small=true
                on_click=|()| device::print()
            />
            <Button
                label=t_string!(i18n, rounds.refresh)
                kind=ButtonKind::Ghost
                small=true
                icon=Glyph::Refresh
                on_click=again
            />
        </div>
    }
    .into_any()
}

/// The figures, by route, by person, and stop by stop.
#[component]
fn Sheet(report: RoundsReport, of: DaysAsked, held: Option<Ms>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    if report.rounds.is_empty() {
        return view! {
            <EmptyState
                glyph=Glyph::Walk
                title=t_string!(i18n, rounds.days_none)
                text=t_string!(i18n, rounds.days_none_text)
            />
        }
        .into_any();
    }
    let total = sum(&report);
    let stops: usize = report.rounds.iter().map(|round| round.stops.len()).sum();
    let figure = |name: &'static str, figure: String, tone: &'static str| {
        view! {
            <div class="card col tighter">
                <span class="s">{name}</span>
                <b class=format!("count {tone}")>{figure}</b>
            </div>
        }
        .into_any()
    };
    let bad = |count: u32| if count > 0 { "urgent" } else { "" };
    let share = share(&total).map_or_else(|| "–".to_owned(), |share| format!("{share}%"));
    let figures = vec![
        figure(t_string!(i18n, rounds.figure_share), share, ""),
        figure(t_string!(i18n, rounds.figure_stops), total.stops.to_string(), ""),
        figure(t_string!(i18n, rounds.missed), total.missed.to_string(), bad(total.missed)),
        figure(t_string!(i18n, rounds.abnormal), total.abnormal.to_string(), bad(total.abnormal)),
        figure(t_string!(i18n, rounds.trust_low), total.doubtful.to_string(), bad(total.doubtful)),
    ];
    let by_route: Vec<AnyView> = report
        .routes
        .iter()
        .map(|RouteLine { name, rounds, tally, .. }| tally_row(name.clone(), Some(*rounds), tally))
        .collect();
    let by_person: Vec<AnyView> = state.property.with_untracked(|property| {
        let named = report.people.iter().map(|PersonLine { person, tally }| {
            let name = property.as_ref().map(|property| property.name(*person)).unwrap_or_default();
            tally_row(name, None, tally)
        });
        named.collect()
    });
    let only = state.property.with_untracked(|property| {
        property.as_ref().map(|property| only(i18n.get_locale_untracked(), property, &report, &of))
    });
    let only = only.unwrap_or_default();
    let held_rounds: Vec<RoundId> =
        state.rounds.with_untracked(|rounds| rounds.iter().map(|round| RoundId(round.id)).collect());
    let details = if stops > STOPS_MAX {
        let text = said::counted(t_string!(i18n, rounds.days_too_many), stops);
        view! { <p class="s">{text}</p> }.into_any()
    } else {
        let round = |line: RoundLine| {
            let known = held_rounds.contains(&line.round);
            view! { <RoundTable line=line known=known /> }.into_any()
        };
        report.rounds.into_iter().map(round).collect::<Vec<_>>().into_any()
    };
    view! {
        <PrintedOn only=only held=held />
        <div class="figures">{figures}</div>
        <TallyTable title=t_string!(i18n, rounds.by_route) rounds=true rows=by_route />
        <TallyTable title=t_string!(i18n, rounds.by_person) rounds=false rows=by_person />
        {details}
    }
    .into_any()
}

/// On paper only: of which site it is, of what alone, and when it was printed.
#[component]
fn PrintedOn(only: Vec<String>, held: Option<Ms>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let minute = minute(state);
    let text = move || {
        let property = state.property.get()?;
        let (day, clock) = (property.zone.day(minute.get()), words::clock(&property.zone, minute.get()));
        let printed = said::with(t_string!(i18n, rounds.printed), &format!("{day} {clock}"));
        let held = held.map(|heard| self::held(i18n.get_locale(), state, heard)).unwrap_or_default();
        let mut parts = vec![property.site.name.clone()];
        parts.extend(only.clone());
        parts.extend([printed, held]);
        parts.retain(|part| !part.is_empty());
        Some(parts.join(" · "))
    };
    view! { <p class="xs only-paper">{text}</p> }.into_any()
}

/// How many stops stand how, a line for each of something.
#[component]
fn TallyTable(title: &'static str, rounds: bool, rows: Vec<AnyView>) -> impl IntoView {
    let i18n = use_i18n();
    let mut heads = vec![title];
    heads.extend(rounds.then(|| t_string!(i18n, rounds.title)));
    heads.extend([
        t_string!(i18n, rounds.figure_stops),
        t_string!(i18n, rounds.on_time),
        t_string!(i18n, rounds.late),
        t_string!(i18n, rounds.out_of_window),
        t_string!(i18n, rounds.missed),
        t_string!(i18n, rounds.skipped),
        t_string!(i18n, rounds.pending),
        t_string!(i18n, rounds.abnormal),
        t_string!(i18n, rounds.trust_low),
    ]);
    let heads: Vec<AnyView> = heads
        .into_iter()
        .enumerate()
        .map(|(at, head)| {
            let class = if at == 0 { "" } else { "right" };
            view! {
                <th scope="col" class=class>
                    {head}
                </th>
            }
            .into_any()
        })
        .collect();
    view! {
        <section class="card">
            <div class="table-wrap" role="region" aria-label=title tabindex="0">
                <table class="table">
                    <thead>
                        <tr>{heads}</tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn tally_row(name: String, rounds: Option<u32>, tally: &Tally) -> AnyView {
    let figure = |(count, tone): (u32, &'static str)| {
        let class = if count > 0 { format!("right {tone}") } else { "right".to_owned() };
        view! { <td class=class>{count}</td> }.into_any()
    };
    let figures = rounds.map(|rounds| (rounds, "")).into_iter().chain([
        (tally.stops, ""),
        (tally.on_time, ""),
        (tally.late, ""),
        (tally.out_of_window, ""),
        (tally.missed, "strong t-urgent"),
        (tally.skipped, ""),
        (tally.pending, ""),
        (tally.abnormal, "strong t-urgent"),
        (tally.doubtful, "strong t-warn"),
    ]);
    let figures: Vec<AnyView> = figures.map(figure).collect();
    view! {
        <tr>
            <th scope="row">{name}</th>
            {figures}
        </tr>
    }
    .into_any()
}

/// A round, stop by stop; a link to its trail where this device has it.
#[component]
fn RoundTable(line: RoundLine, known: bool) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let Some(property) = state.property.get_untracked() else { return ().into_any() };
    let title = heading(locale, &property, &line);
    let mut notes = vec![said::stage(locale, line.stage).to_owned()];
    if !line.finished.is_empty() {
        notes.push(said::with(td_string!(locale, rounds.finished_early), &line.finished));
    }
    notes.extend(line.reviewed.iter().filter(|note| !note.is_empty()).cloned());
    let heads = [
        td_string!(locale, rounds.head_stop),
        td_string!(locale, rounds.head_state),
        td_string!(locale, rounds.head_who),
        td_string!(locale, rounds.head_time),
        td_string!(locale, rounds.head_remarks),
    ];
    let heads: Vec<AnyView> =
        heads.into_iter().map(|head| view! { <th scope="col">{head}</th> }.into_any()).collect();
    let stops = line.stops.iter().map(|stop| {
        let row = row(locale, &property, &line, stop);
        view! {
            <tr>
                <th scope="row">{row.place}</th>
                <td class="whole">
                    <span class="row tight">
                        <Sign cell=row.cell />
                        <span>{row.state}</span>
                    </span>
                </td>
                <td class="whole">{row.who}</td>
                <td class="num whole">{row.clock}</td>
                <td>{row.remarks.join(" · ")}</td>
            </tr>
        }
        .into_any()
    });
    let stops: Vec<AnyView> = stops.collect();
    let trail = known.then(|| {
        let to = format!("/watch/{}", line.round);
        let name = said::with(td_string!(locale, rounds.trail_of), &title);
        view! {
            <a class="link off-paper keep" href=to aria-label=name>
                {td_string!(locale, rounds.trail)}
            </a>
        }
    });
    let label = title.clone();
    view! {
        <section class="card col tight round-sheet">
            <div class="row between wrap">
                <div class="col tighter grow">
                    <h2>{title}</h2>
                    <span class="s">{notes.join(" · ")}</span>
                </div>
                {trail}
            </div>
            <div class="table-wrap" role="region" aria-label=label tabindex="0">
                <table class="table">
                    <thead>
                        <tr>{heads}</tr>
                    </thead>
                    <tbody>{stops}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}
