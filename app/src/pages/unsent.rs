//! What is on this device and not at the server: what waits for the network, and what was refused and waits for a
//! person.

mod entries;

use leptos::{prelude::*, reactive::spawn_local_scoped};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use shared::{Rejection, case::CaseCommand, ids::CommandId, wire};

use self::entries::{Entry, Got, Mend, Photos};
use crate::{
    components::toast,
    i18n::*,
    state::{Link, State},
    sync::Nudge,
    ui::{
        Banner, Button, ButtonKind, Card, Chip, EmptyState, Glyph, Progress, Sheet, Show, Tone, TopBar, memo,
    },
    words,
};

/// What is on this device and not at the server.
#[component]
pub fn Unsent() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let navigate = StoredValue::new_local(use_navigate());
    let home = move || navigate.with_value(|navigate| navigate("/", NavigateOptions::default()));
    let entries = memo(move |_| {
        let Some(me) = state.session.with(|session| session.as_ref().map(|session| session.person)) else {
            return Vec::new();
        };
        state.outbox.with(|outbox| {
            state.uploads.with(|uploads| {
                state.refusals.with(|refusals| {
                    let refusals: Vec<&wire::Refusal> = refusals.iter().map(AsRef::as_ref).collect();
                    entries::entries(outbox, uploads, &refusals, me)
                })
            })
        })
    });
    let waiting =
        memo(move |_| entries.with(|entries| entries.iter().filter(|entry| !entry.needs_somebody()).count()));
    let offline = memo(move |_| state.link.with(|link| *link == Link::Offline));
    let note = move || {
        if offline.get() { t_string!(i18n, field.safe_offline) } else { t_string!(i18n, field.safe) }
    };
    let withdrawing = RwSignal::new(None::<CommandId>);
    let busy = RwSignal::new(false);
    let withdraw = move || {
        let Some(command) = withdrawing.get_untracked() else { return };
        busy.set(true);
        let done = t_string!(i18n, field.withdrawn).to_owned();
        spawn_local_scoped(async move {
            let withdrawn = state.withdraw(command).await;
            let _ = busy.try_set(false);
            let _ = withdrawing.try_set(None);
            toast(withdrawn.map(|()| done));
        });
    };
    let none = memo(move |_| entries.with(Vec::is_empty));
    view! {
        <TopBar
            title=t_string!(i18n, field.unsent)
            back=t_string!(i18n, field.back)
            on_back=home
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
                <For each=move || entries.get() key=|entry| (entry.command, entry.got.turn()) let(entry)>
                    <Row entry=entry on_withdraw=move |command| withdrawing.set(Some(command)) />
                </For>
            </Show>
        </main>
        <Show when=move || { waiting.get() > 0 }>
            <div class="foot">
                <Button
                    label=t_string!(i18n, frame.try_again)
                    icon=Glyph::Refresh
                    busy=state.busy
                    on_click=move || state.nudge(Nudge::Asked)
                />
            </div>
        </Show>
        <Sheet
            id="withdraw"
            title=t_string!(i18n, field.withdraw_title)
            close=t_string!(i18n, frame.close)
            open=Signal::derive(move || withdrawing.get().is_some())
            on_close=move || withdrawing.set(None)
        >
            <p>{t_string!(i18n, field.withdraw_text)}</p>
            <div class="actions">
                <Button
                    label=t_string!(i18n, field.keep_it)
                    kind=ButtonKind::Ghost
                    on_click=move || withdrawing.set(None)
                />
                <Button
                    label=t_string!(i18n, field.withdraw)
                    kind=ButtonKind::Danger
                    busy=busy
                    on_click=withdraw
                />
            </div>
        </Sheet>
    }
    .into_any()
}

/// One thing, with why it is still here and what can be done.
#[component]
fn Row(entry: Entry, #[prop(into)] on_withdraw: Callback<CommandId>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let Entry { command, case, photos, .. } = entry;
    let at = entry.at;
    let text = text_of(state, command);
    let said = text.as_deref().and_then(entries::said);
    let kind = entry.kind.clone();
    let what = move || match &kind {
        Some(kind) => words::action(i18n.get_locale(), kind).to_owned(),
        None => t_string!(i18n, field.photos).to_owned(),
    };
    // A refused report has no case to show: its own words name it.
    let reported = text.as_deref().and_then(place_and_category);
    let title = move || {
        let locale = i18n.get_locale();
        let property = state.property.get()?;
        if let Some(view) = state.case(case) {
            return Some(words::heading(locale, &property, &view));
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
    let mend = may_withdraw.then(|| entries::mend(&entry, state.case(case).is_some()));
    let mend = match mend {
        Some(Mend::At(href)) => Some(view! {
            <a class="btn small" href=href>
                {t_string!(i18n, field.mend)}
            </a>
        }),
        Some(Mend::No) | None => None,
    };
    let buttons = may_withdraw.then(|| {
        view! {
            <div class="row tight wrap">
                {mend}
                <Button
                    label=t_string!(i18n, field.withdraw)
                    kind=ButtonKind::Danger
                    small=true
                    on_click=move || on_withdraw.run(command)
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
            {said.map(|said| view! { <p class="pre">{said}</p> })}
            {why}
            {waits}
            {bar}
            <p class="xs num">{made}</p>
            {elsewhere}
            {buttons}
        </Card>
    }
    .into_any()
}

/// The text of a command, from this device or from the server's copy of what it refused.
fn text_of(state: State, command: CommandId) -> Option<String> {
    let here = state
        .outbox
        .with_untracked(|rows| rows.iter().find(|row| row.id == command).map(|row| row.text.clone()));
    here.or_else(|| {
        state.refusals.with_untracked(|refusals| {
            refusals.iter().find(|refusal| refusal.id == command).map(|refusal| refusal.text.clone())
        })
    })
}

fn place_and_category(text: &str) -> Option<(shared::ids::PlaceCode, shared::ids::CategoryCode)> {
    match wire::Envelope::read(text).and_then(|envelope| envelope.command()).ok()? {
        wire::Command::Case(command) => match *command {
            CaseCommand::Report(report) => Some((report.place, report.category)),
            _ => None,
        },
        wire::Command::Settle => None,
    }
}
