//! What is on this device and not at the server: what waits for the network, and what was refused and waits for a
//! person.

use std::sync::Arc;

use leptos::prelude::*;
use shared::{
    Rejection,
    case::CaseCommand,
    ids::{CommandId, RoundId},
    route::Route,
    wire::Envelope,
};

use crate::{
    address::Address,
    components::{
        Entry, Got, HandOver, LeftByOthers, Loss, Mend, Photos, RefusedPhotos, TakeOver, Unsent as Count,
        WithdrawSheet, asked, at_stop, mend, of_state, said, text_of,
    },
    i18n::*,
    reactive::{RwSignal, Signal, memo},
    state::{Link, State},
    ui::{
        Banner, Button, ButtonKind, Card, Chip, EmptyState, For, Glyph, Progress, Show, Tone, TopBar, view,
    },
    words,
};

/// What is on this device and not at the server.
#[component]
pub fn Unsent() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let back = move || address.back("/");
    let entries = memo(move |_| of_state(state));
    let count = memo(move |_| entries.with(|entries| Count::of(entries)));
    let waiting = memo(move |_| count.get().waiting);
    let oldest = move || {
        let age = state.now.get().since(count.get().oldest?.plus(state.offset()));
        let age = words::span(i18n.get_locale(), age.max(0));
        Some(t_string!(i18n, field.oldest_unsent).replace("{age}", &age))
    };
    let offline = memo(move |_| state.link.with(|link| *link == Link::Offline));
    let note = move || {
        if offline.get() { t_string!(i18n, field.safe_offline) } else { t_string!(i18n, field.safe) }
    };
    let losing = RwSignal::new(None::<Loss>);
    let none = memo(move |_| entries.with(Vec::is_empty));
    view! {
        <TopBar
            title=t_string!(i18n, field.unsent)
            back=t_string!(i18n, field.back)
            on_back=back
        />
        <main class="main">
            <Show
                when=move || !none.get()
                fallback=move || {
                    view! {
                        <EmptyState
                            glyph=Glyph::Check
                            title=t_string!(i18n, field.all_sent)
                            text=t_string!(i18n, field.all_sent_text)
                        />
                    }
                }
            >
                <Banner text=note tone=Tone::Info glyph=Glyph::Shield />
                <p class="s num">{oldest}</p>
                <For
                    each=move || entries.get()
                    key=|entry| (entry.command, entry.got.turn(), entry.children.len())
                    let(entry)
                >
                    <Row entry=entry losing=losing />
                </For>
            </Show>
            <LeftByOthers />
            <HandOver />
            <TakeOver />
        </main>
        <Show when=move || { waiting.get() > 0 }>
            <div class="foot">
                <Button
                    label=t_string!(i18n, frame.try_again)
                    icon=Glyph::Refresh
                    busy=state.busy
                    on_click=move || state.try_again()
                />
            </div>
        </Show>
        <WithdrawSheet asked=losing />
    }
    .into_any()
}

/// One thing, with why it is still here and what can be done.
#[component]
fn Row(entry: Entry, losing: RwSignal<Option<Loss>>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let Entry { command, case, photos, .. } = entry;
    let at = entry.at;
    let text = text_of(state, command);
    let words_of_it = text.as_deref().and_then(said);
    let kind = entry.kind.clone();
    let what = move || match &kind {
        Some(kind) => words::action(i18n.get_locale(), kind).to_owned(),
        None => t_string!(i18n, field.photos).to_owned(),
    };
    // Of several ticks of a round each says at which stop.
    let stop = text.as_deref().and_then(at_stop).map(|from| from.stop);
    let of_route = entry.kind.as_deref().is_some_and(|kind| kind.starts_with("route."));
    // A refused report has no case to show: its own words name it.
    let reported = text.as_deref().and_then(place_and_category);
    let title = move || {
        let locale = i18n.get_locale();
        let property = state.property.get()?;
        if let Some(view) = state.case(case) {
            return Some(words::heading(locale, &property, &view));
        }
        if let Some(walk) = state.walk(RoundId(case.0), state.now_ms()) {
            let title = words::round::title(locale, &walk.round, walk.route.as_deref(), &property.zone);
            let stop = stop.as_ref().and_then(|stop| walk.round.find(stop));
            return Some(match stop {
                Some(stop) => format!("{title} · {}", words::spot(&property, &stop.place)),
                None => title,
            });
        }
        if let Some(text) = text_of(state, command).filter(|_| of_route) {
            return route_named(&text, &state.known_routes());
        }
        let (place, category) = reported.as_ref()?;
        let category = property.site.category(category)?;
        Some(format!("{} · {}", words::spot(&property, place), words::category(locale, category)))
    };
    let made = move || {
        let at = at?.plus(state.offset());
        let property = state.property.get()?;
        Some(words::moment(i18n.get_locale(), &property.zone, at, state.now.get()))
    };
    let refused = match &entry.got {
        Got::Refused(rejection) => Some(rejection.clone()),
        Got::PhotoRefused(code) => Some(Rejection::new(*code)),
        Got::Here | Got::Held(_) | Got::Photos => None,
    };
    let got = entry.got.clone();
    let chip = move || {
        let (text, tone) = match &got {
            Got::Here => (t_string!(i18n, field.on_device), Tone::Warn),
            Got::Held(_) => (t_string!(i18n, field.held), Tone::Info),
            Got::Photos => (t_string!(i18n, field.photos_on_way), Tone::Info),
            Got::PhotoRefused(_) | Got::Refused(_) => (t_string!(i18n, field.refused), Tone::Urgent),
        };
        view! { <Chip label=text tone=tone /> }
    };
    let held = match entry.got {
        Got::Held(code) => Some(Rejection::new(code)),
        Got::Here | Got::Photos | Got::PhotoRefused(_) | Got::Refused(_) => None,
    };
    let sentence = move |rejection: &Rejection| {
        let property = state.property.get();
        words::sentence(i18n.get_locale(), rejection, property.as_deref())
    };
    let why = refused.clone().map(|rejection| {
        view! { <p class="t-urgent">{move || sentence(&rejection)}</p> }
    });
    let waits = held.map(|rejection| view! { <p class="s">{move || sentence(&rejection)}</p> });
    let progress = memo(move |_| state.uploads.with(|uploads| Photos::of(command, uploads)));
    let bar = (photos > 0).then(|| {
        let text = move || {
            progress.with(|progress| {
                t_string!(i18n, field.photo_bytes)
                    .replace("{count}", &photos.to_string())
                    .replace("{sent}", &words::bytes(progress.sent))
                    .replace("{bytes}", &words::bytes(progress.bytes))
            })
        };
        // Photos are a few megabytes: far inside what f64 holds exactly.
        let value = Signal::derive(move || {
            progress.with(|progress| progress.sent as f64 / progress.bytes.max(1) as f64)
        });
        view! {
            <div class="col tighter">
                <span class="xs num">{text}</span>
                <Progress label=t_string!(i18n, field.photos) value=value />
            </div>
        }
    });
    let elsewhere =
        (!entry.here).then(|| view! { <p class="xs">{t_string!(i18n, field.from_other_device)}</p> });
    let may_withdraw = matches!(entry.got, Got::Refused(_));
    let mend = may_withdraw.then(|| mend(&entry, state.case(case).is_some()));
    let mend = match mend {
        Some(Mend::At(href)) => Some(view! {
            <a class="btn small" href=href>
                {t_string!(i18n, field.mend)}
            </a>
        }),
        Some(Mend::No) | None => None,
    };
    let of_round = entry.kind.as_deref().is_some_and(|kind| kind.starts_with("round."));
    let round = RoundId(case.0);
    let to_round = move || {
        let there = of_round && state.walk(round, state.now_ms()).is_some();
        there.then(|| {
            view! {
                <a class="btn small ghost" href=format!("/rounds/{round}")>
                    {t_string!(i18n, rounds.route)}
                </a>
            }
        })
    };
    let children = entry.children.clone();
    let listed = (!children.is_empty()).then(|| {
        let lines = children.iter().map(|child| view! { <Child command=*child /> }.into_any()).collect_view();
        view! {
            <div class="col tighter">
                <p class="s">{t_string!(i18n, field.refused_with_it)}</p>
                <ul class="list">{lines}</ul>
            </div>
        }
    });
    let photo_buttons = matches!(entry.got, Got::PhotoRefused(_))
        .then(|| view! { <RefusedPhotos command=command asked=losing /> });
    let buttons = may_withdraw.then(|| {
        view! {
            <div class="row tight wrap">
                {mend}
                <Button
                    label=t_string!(i18n, field.withdraw)
                    kind=ButtonKind::Danger
                    small=true
                    on_click=move || losing.set(Some(Loss::Command(command, children.clone())))
                />
            </div>
        }
    });
    let class = if refused.is_some() { "urgent-edge" } else { "" };
    view! {
        <Card class=class>
            <div class="row between top">
                <div class="grow">
                    <h2>{what}</h2>
                    <p class="s">{title}</p>
                </div>
                {chip}
            </div>
            {words_of_it.map(|said| view! { <p class="pre">{said}</p> })}
            {why}
            {waits}
            {bar}
            <p class="xs num">{made}</p>
            {elsewhere}
            {listed}
            {to_round}
            {buttons}
            {photo_buttons}
        </Card>
    }
    .into_any()
}

/// What was refused together with its report.
#[component]
fn Child(command: CommandId) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let text = text_of(state, command);
    let kind = text.as_deref().and_then(asked).map(|asked| asked.kind());
    let what = move || kind.map(|kind| words::action(i18n.get_locale(), kind).to_owned());
    let words_of_it = text.as_deref().and_then(said);
    let photos = memo(move |_| state.uploads.with(|uploads| Photos::of(command, uploads).count));
    let photos = move || match photos.get() {
        0 => None,
        count => Some(t_string!(i18n, field.photo_count).replace("{count}", &count.to_string())),
    };
    view! {
        <li class="list-row">
            <span class="grow">
                <span class="strong">{what}</span>
                " "
                <span class="pre">{words_of_it}</span>
            </span>
            <span class="xs num keep">{photos}</span>
        </li>
    }
    .into_any()
}

/// Which route a command changes, by the name that it gives it, else by the one it has.
fn route_named(text: &str, routes: &[Arc<Route>]) -> Option<String> {
    let envelope = Envelope::read(text).ok()?;
    let given = envelope.body.get("design").and_then(|design| design.get("name")?.as_str());
    given.map(str::to_owned).or_else(|| {
        routes.iter().find(|route| route.id.0 == envelope.aggregate).map(|route| route.design.name.clone())
    })
}

fn place_and_category(text: &str) -> Option<(shared::ids::PlaceCode, shared::ids::CategoryCode)> {
    match asked(text)? {
        CaseCommand::Report(report) => Some((report.place, report.category)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use shared::route::RouteCommand;

    use super::*;
    use crate::state::rounds_kit::{Made, TEN, night};

    #[test]
    fn what_is_not_sent_of_a_route_names_it() {
        let routes = [night(true)];
        let named = |command: &RouteCommand| {
            let mut made = Made::default();
            made.add(4, routes[0].id.0, command.kind(), command.body(), TEN);
            route_named(&made.0[0].text, &routes)
        };
        let mut design = routes[0].design.clone();
        design.name = "北区夜巡".to_owned();
        let save = RouteCommand::Save { code: "night".into(), version: 3, from: None, design };
        assert_eq!(named(&save).as_deref(), Some("北区夜巡"));
        assert_eq!(named(&RouteCommand::Retire { code: "night".into() }).as_deref(), Some("夜巡"));
    }
}
