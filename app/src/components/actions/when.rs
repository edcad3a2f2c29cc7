//! Choosing a time: the usual ones with one tap, any other by date and clock.

use jiff::civil::{Date, Time};
use leptos::prelude::*;
use shared::{
    case::{Case, Standing, Standings},
    time::{HOUR, MINUTE, Ms, Zone},
};

use crate::{
    i18n::*,
    reactive::{RwSignal, Signal},
    state::{Property, State},
    ui::{Choice, Field, FieldKind, Picks, Show, view},
    words,
};

/// A usual time must lie at least this far ahead to be offered.
const AHEAD: i64 = 30 * MINUTE;

const CUSTOM: &str = "custom";
const NONE: &str = "none";

/// The usual times for a promise: the end of today's work, the evening, the middle and the end of tomorrow's work; none
/// that the rules would refuse this person (R2: an urgent case is promised for day 1, unless by a supervisor).
pub fn promises(property: &Property, case: Option<&Case>, now: Ms) -> Vec<Ms> {
    let zone = &property.zone;
    let today = zone.day(now);
    let mut times = [18, 22].map(|clock| zone.instant(today.to_datetime(hour(clock)))).to_vec();
    if let Ok(tomorrow) = today.tomorrow() {
        times.extend([12, 18].map(|clock| zone.instant(tomorrow.to_datetime(hour(clock)))));
    }
    let last = case.filter(|case| case.urgent && !may_promise_beyond(property, case, now));
    let last = last.map(|case| zone.end_of_day(case.reported.at, 1));
    times.retain(|at| at.since(now) >= AHEAD && last.is_none_or(|last| *at <= last));
    times
}

fn may_promise_beyond(property: &Property, case: &Case, now: Ms) -> bool {
    property.standings(case, now).any(Standings::of(&[Standing::Supervisor, Standing::Director]))
}

/// The usual lengths of a pause, counted from the next full five minutes, and tomorrow morning.
pub fn pauses(zone: &Zone, now: Ms) -> Vec<Ms> {
    const STEP: i64 = 5 * MINUTE;
    let round = Ms(now.0.div_euclid(STEP).saturating_mul(STEP)).plus(STEP);
    let mut times: Vec<Ms> = [AHEAD, HOUR, 2 * HOUR].map(|wait| round.plus(wait)).to_vec();
    times.extend(zone.day(now).tomorrow().ok().map(|day| zone.instant(day.to_datetime(hour(9)))));
    times
}

fn hour(hour: i8) -> Time {
    Time::midnight().with().hour(hour).build().unwrap_or_default()
}

/// An instant as a date field shows it: `2026-11-22T18:00`.
pub fn field_text(zone: &Zone, at: Ms) -> String {
    let wall = zone.wall(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}",
        wall.year(),
        wall.month(),
        wall.day(),
        wall.hour(),
        wall.minute()
    )
}

/// The instant that a date field says; `None` while it is not complete.
pub fn field_time(zone: &Zone, text: &str) -> Option<Ms> {
    // HTML has one form for it, `2026-11-22T18:00`, with or without seconds.
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?, time.next()?);
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    Some(zone.instant(date.to_datetime(time)))
}

/// The time that is chosen.
#[component]
pub fn When(
    /// Name of the group, unique on the page.
    name: &'static str,
    /// Id of the field for another time, unique on the page.
    field: &'static str,
    /// What the time is for.
    #[prop(into)]
    legend: TextProp,
    /// The usual times.
    usual: Vec<Ms>,
    /// A choice of no time at all.
    #[prop(optional)]
    optional: bool,
    /// What is chosen; kept by the caller.
    at: RwSignal<Option<Ms>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let zone =
        move || state.property.with(|property| property.as_ref().map(|property| property.zone.clone()));
    let begun = at.get_untracked();
    let first = match begun {
        Some(at) if usual.contains(&at) => at.0.to_string(),
        Some(_) => CUSTOM.to_owned(),
        None if optional => NONE.to_owned(),
        None => String::new(),
    };
    let chosen = RwSignal::new(first);
    let text = RwSignal::new(zone().zip(begun).map(|(zone, at)| field_text(&zone, at)).unwrap_or_default());
    let choices = Signal::derive(move || {
        let locale = i18n.get_locale();
        let now = state.now.get_untracked();
        let mut choices = Vec::new();
        if optional {
            choices.push(Choice::new(NONE, t_string!(i18n, case.no_promise_now)));
        }
        if let Some(zone) = zone() {
            choices.extend(
                usual.iter().map(|at| Choice::new(at.0.to_string(), words::end(locale, &zone, *at, now))),
            );
        }
        choices.push(Choice::new(CUSTOM, t_string!(i18n, case.another_time)));
        choices
    });
    let pick = move |value: String| {
        at.set(match value.as_str() {
            CUSTOM => zone().and_then(|zone| field_time(&zone, &text.get_untracked())),
            _ => value.parse().ok().map(Ms),
        });
        chosen.set(value);
    };
    view! {
        <Picks name=name legend=legend choices=choices selected=chosen on_pick=pick />
        <Show when=move || chosen.get() == CUSTOM>
            <Field
                id=field
                label=t_string!(i18n, case.date_and_time)
                kind=FieldKind::DateTime
                value=text
                on_input=move |typed: String| {
                    at.set(zone().and_then(|zone| field_time(&zone, &typed)));
                    text.set(typed);
                }
            />
        </Show>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::office_kit;

    fn at(day: i64, hour: i64, minute: i64) -> Ms {
        Ms(day * 24 * HOUR + hour * HOUR + minute * MINUTE)
    }

    #[test]
    fn promises_are_offered_only_ahead() {
        let property = Property { zone: Zone::utc(), ..office_kit::property(office_kit::DESK) };
        let all = [at(0, 18, 0), at(0, 22, 0), at(1, 12, 0), at(1, 18, 0)];
        assert_eq!(promises(&property, None, at(0, 9, 0)), all);
        assert_eq!(promises(&property, None, at(0, 17, 45)), all[1..]);
    }

    #[test]
    fn pauses_end_at_round_times() {
        let zone = Zone::utc();
        assert_eq!(pauses(&zone, at(0, 9, 2)), [at(0, 9, 35), at(0, 10, 5), at(0, 11, 5), at(1, 9, 0)]);
    }

    #[test]
    fn a_date_field_shows_what_it_reads() {
        let zone = Zone::utc();
        let text = field_text(&zone, at(0, 18, 5));
        assert_eq!(text, "1970-01-01T18:05");
        assert_eq!(field_time(&zone, &text), Some(at(0, 18, 5)));
        assert_eq!(field_time(&zone, "1970-01-01"), None);
        assert_eq!(field_time(&zone, ""), None);
    }
}
