//! The routes: what is walked, when and by whom; the way to change each, and to print the labels of their places.

use leptos::prelude::*;
use shared::time::Ms;

use super::{Ways, manages};
use crate::{
    address,
    components::minute,
    i18n::*,
    reactive::memo,
    state::{Changed, Property, State},
    ui::{Chip, EmptyState, For, Glyph, Icon, Show, Skeleton, Tone, TopBar, view},
    words::{self, round as said},
};

/// A route in words.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Row {
    code: String,
    name: String,
    kind: &'static str,
    plan: String,
    who: String,
    /// How many stops, and when the next round begins.
    next: String,
    unsent: bool,
    retired: bool,
}

fn row(locale: Locale, property: &Property, changed: &Changed, now: Ms) -> Row {
    let Changed { route, unsent } = changed;
    let stops = said::counted(td_string!(locale, rounds.stops_count), route.design.stops.len());
    let next = route.next_round(now, &property.zone).map(|slot| {
        let when = words::moment(locale, &property.zone, slot.from, now);
        said::with(td_string!(locale, rounds.next_round), &when)
    });
    Row {
        code: route.code.to_string(),
        name: route.design.name.clone(),
        kind: said::kind(locale, route.design.kind),
        plan: said::plan(locale, &route.design.plan),
        who: said::who(locale, property, &route.design.who),
        next: [Some(stops), next].into_iter().flatten().collect::<Vec<_>>().join(" · "),
        unsent: *unsent,
        retired: route.retired,
    }
}

/// The routes.
#[component]
pub fn RoutesPage() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let minute = minute(state);
    let ready = memo(move |_| state.property.with(Option::is_some));
    let may =
        memo(move |_| state.property.with(|property| property.as_ref().is_some_and(|one| manages(&one.me))));
    let rows = memo(move |_| {
        let Some(property) = state.property.get() else { return Vec::new() };
        let (locale, now) = (i18n.get_locale(), minute.get());
        let changed = state.changed_routes();
        changed.iter().map(|changed| row(locale, &property, changed, now)).collect::<Vec<_>>()
    });
    let labels = move || {
        let site = state.site.get()?;
        Some(address::with("/api/labels", &[("site", site.as_str())]))
    };
    view! {
        <TopBar title=t_string!(i18n, rounds.watch_routes) />
        <main class="main wide" tabindex="-1">
            <Ways here="/watch/routes" />
            <Show when=move || may.get()>
                <div class="row tight wrap off-paper">
                    <a class="btn small" href="/watch/route">
                        {t_string!(i18n, rounds.new_route)}
                    </a>
                    <a class="btn ghost small" href=labels target="_blank" rel="noopener">
                        <Icon glyph=Glyph::Qr />
                        <span>{t_string!(i18n, rounds.print_labels)}</span>
                    </a>
                </div>
            </Show>
            <Show when=move || !ready.get()>
                <Skeleton label=t_string!(i18n, frame.loading) />
            </Show>
            <Show when=move || { ready.get() && rows.with(Vec::is_empty) }>
                <EmptyState
                    glyph=Glyph::Walk
                    title=t_string!(i18n, rounds.routes_none)
                    text=t_string!(i18n, rounds.routes_none_text)
                />
            </Show>
            <div class="cards">
                // A row is built anew for everything that it says.
                <For each=move || rows.get() key=|row| row.clone() let(row)>
                    <RouteRow row=row may=may.get_untracked() />
                </For>
            </div>
        </main>
    }
    .into_any()
}

/// One route; a link to change it, for whoever may.
#[component]
fn RouteRow(row: Row, may: bool) -> impl IntoView {
    let i18n = use_i18n();
    let Row { code, name, kind, plan, who, next, unsent, retired } = row;
    let chips = vec![
        view! { <Chip label=kind /> }.into_any(),
        retired.then(|| view! { <Chip label=t_string!(i18n, rounds.retired) tone=Tone::Warn /> }).into_any(),
        unsent
            .then(|| view! { <Chip label=t_string!(i18n, rounds.route_unsent) tone=Tone::Info icon=Glyph::Up /> })
            .into_any(),
    ];
    let said = view! {
        <span class="row between top">
            <span class="strong grow">{name}</span>
            <span class="row tight wrap end">{chips}</span>
        </span>
        <span class="s num">{plan}</span>
        <span class="s">{who}</span>
        <span class="s num">{next}</span>
    };
    if may {
        let to = address::with("/watch/route", &[("code", code.as_str())]);
        view! {
            <a class="case" href=to>
                {said}
            </a>
        }
        .into_any()
    } else {
        view! { <div class="case">{said}</div> }.into_any()
    }
}

#[cfg(test)]
mod tests {
    use shared::time::HOUR;

    use super::*;
    use crate::state::rounds_kit::{night, property};

    /// After the last round of the night.
    const MORNING: Ms = Ms(6 * HOUR);

    #[test]
    fn a_route_is_said_in_a_few_lines() {
        let changed = Changed { route: night(true).as_ref().clone(), unsent: true };
        let row = row(Locale::zh, &property(1), &changed, MORNING);
        assert_eq!((row.name.as_str(), row.kind, row.who.as_str()), ("夜巡", "巡逻", "保安"));
        assert_eq!(row.next, "3 个点 · 下一轮 今天 22:00");
        let retired = Changed {
            route: {
                let mut route = changed.route;
                route.retired = true;
                route
            },
            unsent: false,
        };
        assert_eq!(super::row(Locale::zh, &property(1), &retired, MORNING).next, "3 个点");
    }
}
