//! Whose case it is to its end: the first-asked person, who was told, and how the ladder climbs.

use leptos::prelude::*;
use shared::{
    case::{Case, Rule},
    ids::PersonId,
    time::Ms,
};

use crate::{
    components::minute::minute,
    i18n::*,
    reactive::{Signal, memo},
    state::{Property, State},
    ui::{Card, Chip, Progress, Show, Tone, view},
    words,
};

/// How far the ladder has climbed: the words at both ends of the bar, and how full it is.
#[derive(Clone, PartialEq, Debug)]
struct Climb {
    from: String,
    to: String,
    part: f64,
    over: bool,
}

fn climb(locale: Locale, property: &Property, case: &Case, now: Ms) -> Option<Climb> {
    let step = case.next_step(now)?;
    let zone = &property.zone;
    let whole = step.at.since(step.started).max(1);
    let gone = now.since(step.started).clamp(0, whole);
    Some(Climb {
        from: td_string!(locale, case.reported_at)
            .replace("{at}", &words::moment(locale, zone, step.started, now)),
        to: format!(
            "{} {}",
            words::end(locale, zone, step.at, now),
            words::rule(locale, property, step.rule)
        ),
        // Days in milliseconds: far inside what f64 holds exactly.
        part: gone as f64 / whole as f64,
        over: now >= step.at,
    })
}

/// What happens if nothing happens, with the site's own posts (C2, C3).
fn ladder_words(locale: Locale, property: &Property, case: &Case) -> String {
    let template = if case.urgent {
        td_string!(locale, case.ladder_urgent)
    } else {
        td_string!(locale, case.ladder_other)
    };
    let post = |rule| words::rule(locale, property, rule);
    template.replace("{step1}", &post(Rule::Step1)).replace("{step2}", &post(Rule::Step2))
}

fn promise_words(locale: Locale, property: &Property, case: &Case, now: Ms) -> Option<String> {
    let promise = case.promise.as_ref()?;
    let until = words::end(locale, &property.zone, promise.until, now);
    let promised = td_string!(locale, case.promised_until).replace("{until}", &until);
    if !case.stage.name().open() {
        return Some(promised);
    }
    let told = if promise.told {
        td_string!(locale, case.promise_told)
    } else {
        td_string!(locale, case.promise_untold)
    };
    let moved = if case.postponed {
        td_string!(locale, case.postponed_once)
    } else {
        td_string!(locale, case.postponed_none)
    };
    Some(format!("{promised} · {told} · {moved}"))
}

/// The first-asked person's leads, and whether each has seen it (A8, R12).
fn leads_words(locale: Locale, property: &Property, case: &Case, now: Ms) -> Vec<(PersonId, String, bool)> {
    let tell = |lead: &PersonId| {
        let seen = case.seen.get(lead);
        let template = match seen {
            Some(_) => td_string!(locale, case.lead_seen),
            None if case.number.is_some() => td_string!(locale, case.lead_told),
            // Only the server tells anybody.
            None => td_string!(locale, case.lead_later),
        };
        let at = seen.map(|at| words::moment(locale, &property.zone, *at, now)).unwrap_or_default();
        let said = template.replace("{lead}", &property.name(*lead)).replace("{at}", &at);
        (*lead, said, seen.is_some())
    };
    case.first_asked.leads.iter().map(tell).collect()
}

/// The card.
#[component]
pub fn FirstAskedCard(
    /// The case.
    #[prop(into)]
    case: Signal<Case>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let with = move |say: &dyn Fn(Locale, &Property, &Case, Ms) -> String| {
        let property = state.property.get();
        let property = property.as_deref()?;
        Some(case.with(|case| say(i18n.get_locale(), property, case, now.get())))
    };
    let mine = memo(move |_| {
        state.property.with(|property| {
            property
                .as_ref()
                .is_some_and(|property| case.with(|case| case.first_asked.person == property.me.id))
        })
    });
    let name = move || {
        if mine.get() {
            return Some(t_string!(i18n, case.me).to_owned());
        }
        with(&|_, property, case, _| property.name(case.first_asked.person))
    };
    let company = move || {
        with(&|_, property, case, _| {
            let company = property.site.company(&case.first_asked.company);
            company.map_or_else(|| case.first_asked.company.to_string(), |company| company.name.clone())
        })
    };
    let climbing = memo(move |_| {
        let property = state.property.get();
        let property = property.as_deref()?;
        case.with(|case| climb(i18n.get_locale(), property, case, now.get()))
    });
    let open = memo(move |_| climbing.with(Option::is_some));
    let leads = move || {
        let property = state.property.get()?;
        let leads = case.with(|case| leads_words(i18n.get_locale(), &property, case, now.get()));
        Some(
            leads
                .into_iter()
                .map(|(_, said, seen)| {
                    let tone = if seen { Tone::Ok } else { Tone::Neutral };
                    view! { <Chip label=said tone=tone /> }.into_any()
                })
                .collect_view(),
        )
    };
    let promise = move || {
        let property = state.property.get()?;
        let said = case.with(|case| promise_words(i18n.get_locale(), &property, case, now.get()))?;
        Some(view! { <p class="s">{said}</p> })
    };
    let relay = move || {
        let property = state.property.get()?;
        let relay = case.with(|case| case.relay)?;
        Some(view! {
            <p class="s">{t_string!(i18n, case.relayed_by).replace("{who}", &property.name(relay))}</p>
        })
    };
    let ladder = move || with(&|locale, property, case, _| ladder_words(locale, property, case));
    let part = Signal::derive(move || climbing.with(|climb| climb.as_ref().map_or(0.0, |climb| climb.part)));
    let tone = Signal::derive(move || {
        let (part, over) =
            climbing.with(|climb| climb.as_ref().map_or((0.0, false), |climb| (climb.part, climb.over)));
        if over || part > 0.9 {
            Tone::Urgent
        } else if part > 0.66 {
            Tone::Warn
        } else {
            Tone::Brand
        }
    });
    let from = move || climbing.with(|climb| climb.as_ref().map(|climb| climb.from.clone()));
    let to = move || climbing.with(|climb| climb.as_ref().map(|climb| climb.to.clone()));
    view! {
        <Card>
            <div class="row between">
                <h2>{t_string!(i18n, case.first_asked)}</h2>
                <Chip
                    label=move || name().unwrap_or_default()
                    tone=Signal::derive(move || if mine.get() { Tone::Brand } else { Tone::Neutral })
                />
            </div>
            <p class="s">{company}</p>
            {relay}
            <div class="row tight wrap">{leads}</div>
            <Show when=move || open.get()>
                <p class="s">{ladder}</p>
                <Progress label=t_string!(i18n, case.ladder) value=part tone=tone />
                <div class="row between xs num">
                    <span>{from}</span>
                    <span>{to}</span>
                </div>
            </Show>
            {promise}
        </Card>
    }
    .into_any()
}
