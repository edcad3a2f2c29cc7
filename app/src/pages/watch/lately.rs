//! What an item was lately: its readings as a line with their limits, and one by one. Only the server has them.

mod line;

use leptos::prelude::*;
use shared::{
    Code, Rejection,
    round::report::{Point, Readings},
    route::Item,
    time::{Ms, Zone},
};

use self::line::{Chart, EDGE, HEIGHT, WIDTH, chart};
use crate::{
    address::{self, Address},
    i18n::*,
    reactive::{RwSignal, Signal, effect, memo},
    state::{Property, ReadingsAsked, State},
    ui::{
        Button, ButtonKind, Chip, Choice, EmptyState, Glyph, Picks, PicksLayout, Show, Skeleton, Tone,
        TopBar, live, view,
    },
    words::{self, round as said},
};

/// How many days back one may look; the server has the last as its limit.
const DAYS: [u32; 3] = [7, 30, 92];

/// The days from so many back to today, and the instants between which they lie.
fn days(zone: &Zone, now: Ms, count: u32) -> (String, String, [Ms; 2]) {
    let today = zone.day(now);
    let first = (1..count).fold(today, |day, _| day.yesterday().unwrap_or(day));
    let begins = zone.instant(first.to_datetime(jiff::civil::Time::midnight()));
    (first.to_string(), today.to_string(), [begins, zone.end_of_day(now, 1)])
}

/// What the page is of.
#[derive(Clone, PartialEq, Debug)]
struct Of {
    route: String,
    stop: String,
    item: String,
}

/// The readings.
#[component]
pub fn ReadingsPage() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let here = address.here();
    let asks = |name: &str| address::asked(&here, name).unwrap_or_default();
    let of = StoredValue::new(Of { route: asks("route"), stop: asks("stop"), item: asks("item") });
    let count = RwSignal::new(DAYS[1]);
    let turn = RwSignal::new(0_u32);
    // `None` while it is on its way; with the instants between which it is drawn.
    let answer = RwSignal::new(None::<Result<(Readings, [Ms; 2]), Rejection>>);
    let ready = memo(move |_| state.property.with(Option::is_some));
    effect(move || {
        let asked = (count.get(), turn.get());
        if !ready.get() {
            return;
        }
        let Some(property) = state.property.get_untracked() else { return };
        let (day, until, between) = days(&property.zone, state.now_ms(), asked.0);
        let Of { route, stop, item } = of.get_value();
        let wanted = ReadingsAsked {
            day,
            until,
            route: route.as_str().into(),
            stop: stop.as_str().into(),
            item: item.as_str().into(),
        };
        answer.set(None);
        leptos::task::spawn_local(async move {
            let came = state.rounds_readings(wanted).await.map(|readings| (readings, between));
            if (count.try_get_untracked(), turn.try_get_untracked()) == (Some(asked.0), Some(asked.1)) {
                let _ = answer.try_set(Some(came));
            }
        });
    });
    let title = move || {
        let item = answer.with(|answer| match answer {
            Some(Ok((readings, _))) => readings.item.as_ref().map(|item| item.text.clone()),
            Some(Err(_)) | None => None,
        });
        item.unwrap_or_else(|| t_string!(i18n, rounds.lately).to_owned())
    };
    let sub = move || {
        let property = state.property.get();
        property.map(|property| of.with_value(|of| place_of(state, &property, of))).unwrap_or_default()
    };
    let choices: Vec<Choice> = DAYS
        .map(|days| {
            Choice::new(days.to_string(), move || {
                said::counted(t_string!(i18n, rounds.last_days), usize::try_from(days).unwrap_or_default())
            })
        })
        .into();
    let pick = move |days: String| {
        if let Ok(days) = days.parse() {
            count.set(days);
        }
    };
    let body = live(move || match answer.get() {
        None => view! { <Skeleton label=t_string!(i18n, frame.loading) /> }.into_any(),
        Some(Ok((readings, _))) if readings.points.is_empty() => view! {
            <EmptyState
                glyph=Glyph::List
                title=t_string!(i18n, rounds.lately_none)
                text=t_string!(i18n, rounds.lately_none_text)
            />
        }
        .into_any(),
        Some(Ok((readings, between))) => view! { <Drawn readings=readings between=between /> }.into_any(),
        Some(Err(rejection)) => {
            let offline = matches!(rejection.code, Code::DeviceOffline | Code::DeviceTimeout);
            let why = if offline {
                t_string!(i18n, rounds.lately_offline).to_owned()
            } else {
                words::sentence(i18n.get_locale(), &rejection, state.property.get().as_deref())
            };
            let glyph = if offline { Glyph::CloudOff } else { Glyph::Warn };
            view! {
                <div role="alert">
                    <EmptyState glyph=glyph title=t_string!(i18n, rounds.lately_failed) text=why>
                        <Button
                            label=t_string!(i18n, frame.try_again)
                            kind=ButtonKind::Ghost
                            on_click=move || turn.update(|turn| *turn += 1)
                        />
                    </EmptyState>
                </div>
            }
            .into_any()
        }
    });
    view! {
        <TopBar
            title=title
            sub=TextProp::from(sub)
            back=t_string!(i18n, rounds.back)
            on_back=move || address.back("/watch")
        />
        <main class="main wide" tabindex="-1">
            <Picks
                name="days"
                legend=t_string!(i18n, rounds.lately_days)
                hide_legend=true
                layout=PicksLayout::Wrap
                choices=choices
                selected=Signal::derive(move || count.get().to_string())
                on_pick=pick
            />
            {body}
        </main>
    }
    .into_any()
}

/// Of which stop of which route it is, as far as this device knows.
fn place_of(state: State, property: &Property, of: &Of) -> String {
    let routes = state.known_routes();
    let route = routes.iter().find(|route| route.code.as_str() == of.route);
    let stop = route.and_then(|route| route.design.stops.iter().find(|stop| stop.code.as_str() == of.stop));
    let name = route.map_or_else(|| of.route.clone(), |route| route.design.name.clone());
    match stop {
        Some(stop) => format!("{name} · {}", words::spot(property, &stop.place)),
        None => name,
    }
}

/// The line, and the readings below it, the latest first.
#[component]
fn Drawn(readings: Readings, between: [Ms; 2]) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let Some(property) = state.property.get_untracked() else { return ().into_any() };
    let Readings { item, points } = readings;
    let [from, until] = between;
    let drawing = chart(item.as_ref(), &points, from, until).map(|chart| {
        let spoken = spoken(locale, item.as_ref(), &points, &chart);
        let days = [from, until.plus(-1)].map(|at| property.zone.day(at).to_string());
        view! { <Drawing chart=chart spoken=spoken days=days /> }
    });
    let now = state.now_ms();
    let row = |point: &Point| {
        let when = words::moment(locale, &property.zone, point.time.at, now);
        let known =
            state.rounds.with_untracked(|rounds| rounds.iter().any(|round| round.id == point.round.0));
        let when = if known {
            view! {
                <a class="link" href=format!("/watch/{}", point.round)>
                    {when}
                </a>
            }
            .into_any()
        } else {
            when.into_any()
        };
        let mark = point.abnormal.then(|| {
            view! { <Chip label=td_string!(locale, rounds.abnormal) tone=Tone::Urgent icon=Glyph::Warn /> }
        });
        let by = point.by.map(|by| property.name(by)).unwrap_or_default();
        view! {
            <tr>
                <th scope="row">{when}</th>
                <td class="num">{said::reading(locale, item.as_ref(), &point.reading)}</td>
                <td>{by}</td>
                <td>{mark}</td>
            </tr>
        }
        .into_any()
    };
    let rows: Vec<AnyView> = points.iter().rev().map(row).collect();
    let limits = item.as_ref().and_then(|item| said::limits(locale, item));
    let has_limits = limits.is_some();
    view! {
        {drawing}
        <section class="card col tight">
            <Show when=has_limits>
                <p class="s num">{said::with(td_string!(locale, rounds.limits), limits.as_deref().unwrap_or_default())}</p>
            </Show>
            <div class="table-wrap" role="region" aria-label=td_string!(locale, rounds.lately) tabindex="0">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(locale, rounds.head_time)}</th>
                            <th scope="col">{td_string!(locale, rounds.head_reading)}</th>
                            <th scope="col">{td_string!(locale, rounds.head_who)}</th>
                            <th scope="col">{td_string!(locale, rounds.head_remarks)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// The drawing in words.
fn spoken(locale: Locale, item: Option<&Item>, points: &[Point], chart: &Chart) -> String {
    let number = |number| said::reading(locale, item, &shared::route::Reading::Number(number));
    let abnormal = points.iter().filter(|point| point.abnormal).count();
    td_string!(locale, rounds.lately_spoken)
        .replace("{n}", &chart.dots.len().to_string())
        .replace("{least}", &number(chart.least))
        .replace("{most}", &number(chart.most))
        .replace("{abnormal}", &abnormal.to_string())
}

#[component]
fn Drawing(chart: Chart, spoken: String, days: [String; 2]) -> impl IntoView {
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let around = format!("-{EDGE} -{EDGE} {} {}", WIDTH + 2 * EDGE, HEIGHT + 2 * EDGE);
    let limit = |limit: Option<(shared::route::Milli, i64)>, word: &'static str| {
        let (number, y) = limit?;
        let (path, said) = (chart.limit(y), said::with(word, &number.to_string()));
        Some((path, said))
    };
    let high = limit(chart.high, td_string!(locale, rounds.limit_high));
    let low = limit(chart.low, td_string!(locale, rounds.limit_low));
    let ((high_path, high_said), (low_path, low_said)) = (high.unwrap_or_default(), low.unwrap_or_default());
    let [first, last] = days;
    let limits: Vec<String> = [high_said, low_said].into_iter().filter(|said| !said.is_empty()).collect();
    view! {
        <section class="card col tight">
            <svg class="chart" viewBox=around role="img" aria-label=spoken>
                <path class="chart-limit" d=high_path></path>
                <path class="chart-limit" d=low_path></path>
                <path class="chart-line" d=chart.line()></path>
                <path class="chart-mark" d=chart.marks(false)></path>
                <path class="chart-mark bad" d=chart.marks(true)></path>
            </svg>
            <div class="row between xs num">
                <span>{first}</span>
                <span>{limits.join(" · ")}</span>
                <span>{last}</span>
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use shared::time::{HOUR, MINUTE};

    use super::*;

    #[test]
    fn so_many_days_end_with_today() {
        let now = Ms(40 * 24 * HOUR + 7 * HOUR);
        let (day, until, [from, to]) = days(&Zone::utc(), now, 7);
        assert_eq!((day.as_str(), until.as_str()), ("1970-02-04", "1970-02-10"));
        assert_eq!(to.since(from), 7 * 24 * HOUR);
        assert!(from < now && now < to.plus(-MINUTE));
    }
}
