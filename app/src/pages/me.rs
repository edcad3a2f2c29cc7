//! The person's own page: who I am here, how the app looks, the desk's telephone numbers, what is stored on this
//! device, where I am signed in, and the way out.

mod password;
mod sessions;

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::{site::Role, time::Ms};

use self::{password::ChangePassword, sessions::Sessions};
use super::sign_in::LanguagePicks;
use crate::{
    address::Address,
    components::{HandOver, LeftByOthers, LittleRoom, Net, TakeOver, toast, unsent_count},
    i18n::*,
    platform::{device, device::Room},
    prefs::{Prefs, Theme},
    reactive::{Memo, RwSignal, Signal, memo},
    state::State,
    ui::{
        Banner, Button, ButtonKind, Card, Chip, Choice, Glyph, Icon, Picks, PicksLayout, Sheet, Show, Tone,
        TopBar, view,
    },
    words,
};

/// The person's own page.
#[component]
pub fn Me() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let changing = RwSignal::new(false);
    let closed = memo(move |_| {
        state.property.with(|property| {
            property
                .as_ref()
                .is_some_and(|property| !property.site.desk_open(&property.zone, state.now.get()))
        })
    });
    view! {
        <TopBar title=t_string!(i18n, field.me) />
        <main class="main">
            <Person />
            <InstallHint />
            <Show when=move || closed.get()>
                <Telephones closed=closed />
            </Show>
            <Looks />
            <Device />
            <Show when=move || !closed.get()>
                <Telephones closed=closed />
            </Show>
            <HandOver />
            <TakeOver />
            <Sessions />
            <div class="col">
                <Button
                    label=t_string!(i18n, field.change_password)
                    kind=ButtonKind::Ghost
                    on_click=move || changing.set(true)
                />
                <SignOut />
            </div>
            <p class="xs center num">
                {move || t_string!(i18n, field.version).replace("{version}", env!("CARGO_PKG_VERSION"))}
            </p>
            <ChangePassword open=changing />
        </main>
    }
    .into_any()
}

/// Name, post, company, roles, staff code.
#[component]
fn Person() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let name = move || {
        state.session.with(|session| session.as_ref().map(|session| session.name.clone())).unwrap_or_default()
    };
    let rows = move || {
        let property = state.property.get()?;
        let locale = i18n.get_locale();
        let me = &property.me;
        let roles: Vec<&str> = me.roles.iter().map(|role| words::role(locale, *role)).collect();
        let company = property.site.company(&me.company).map(|company| company.name.clone());
        let lead: Vec<String> = me
            .lead_of
            .iter()
            .filter_map(|code| property.site.company(code))
            .map(|company| company.name.clone())
            .collect();
        let lead = (!lead.is_empty()).then(|| {
            view! {
                <dt>{t_string!(i18n, field.lead_of)}</dt>
                <dd>{lead.join(" · ")}</dd>
            }
        });
        Some(view! {
            <dl class="kv">
                <dt>{t_string!(i18n, field.site)}</dt>
                <dd>{property.site.name.clone()}</dd>
                <dt>{t_string!(i18n, field.company)}</dt>
                <dd>{company}</dd>
                <dt>{t_string!(i18n, field.post)}</dt>
                <dd>{me.post.clone()}</dd>
                <dt>{t_string!(i18n, field.roles)}</dt>
                <dd>{roles.join(" · ")}</dd>
                {lead}
                <dt>{t_string!(i18n, field.code)}</dt>
                <dd class="num">{me.code.clone()}</dd>
            </dl>
        })
    };
    view! {
        <Card>
            <h2>{name}</h2>
            {rows}
        </Card>
    }
    .into_any()
}

/// On an iPhone the app is kept, and may notify, only from the Home Screen.
#[component]
fn InstallHint() -> impl IntoView {
    let i18n = use_i18n();
    (device::is_ios() && !device::is_standalone()).then(|| {
        view! {
            <Card tone=Tone::Info>
                <h2>{t_string!(i18n, field.install)}</h2>
                <p class="s">{t_string!(i18n, field.install_text)}</p>
            </Card>
        }
    })
}

/// The numbers of the desk and the control room (D1, R12): always there, and first of all when nobody sits at the
/// desk.
#[component]
fn Telephones(
    /// Nobody sits at the desk now.
    closed: Memo<bool>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let stands_in = memo(move |_| {
        let now = state.now.get();
        state.property.with(|property| property.as_ref().is_some_and(|one| one.control_room_stands_in(now)))
    });
    let rows = move || {
        let property = state.property.get()?;
        let mut people: Vec<_> = property.people.people.iter().filter(|member| !member.gone).collect();
        // Whoever is there comes first.
        people.sort_by_key(|member| stands_in.get() && !member.is(Role::ControlRoom));
        let rows = people
            .into_iter()
            .filter_map(|member| {
                let phone = member.phone.clone()?;
                let label = format!("{} {} {phone}", t_string!(i18n, field.call), member.name);
                let href = format!("tel:{phone}");
                Some(view! {
                    <li>
                        <a class="list-row" href=href aria-label=label>
                            <Icon glyph=Glyph::Phone />
                            <span class="grow">
                                <span class="strong">{member.name.clone()}</span>
                                <span class="xs">" "{member.post.clone()}</span>
                            </span>
                            <span class="num">{phone}</span>
                        </a>
                    </li>
                })
            })
            .collect::<Vec<_>>();
        (!rows.is_empty()).then(|| view! { <ul class="list">{rows}</ul> })
    };
    view! {
        <h2 class="section">{t_string!(i18n, field.telephones)}</h2>
        <Show when=move || closed.get()>
            <Banner
                text=TextProp::from(move || {
                    if stands_in.get() {
                        t_string!(i18n, field.desk_closed_control_room)
                    } else {
                        t_string!(i18n, field.desk_closed)
                    }
                })
                tone=Tone::Warn
                glyph=Glyph::Moon
            />
        </Show>
        {rows}
    }
    .into_any()
}

/// Language and theme.
#[component]
fn Looks() -> impl IntoView {
    let i18n = use_i18n();
    let prefs = expect_context::<Prefs>();
    let themes = move || {
        vec![
            Choice::new(Theme::Auto.as_str(), move || t_string!(i18n, field.theme_auto)),
            Choice::new(Theme::Day.as_str(), move || t_string!(i18n, field.theme_day)).icon(Glyph::Sun),
            Choice::new(Theme::Night.as_str(), move || t_string!(i18n, field.theme_night)).icon(Glyph::Moon),
        ]
    };
    let pick = move |value: String| {
        prefs.choose_theme(match value.as_str() {
            "day" => Theme::Day,
            "night" => Theme::Night,
            _ => Theme::Auto,
        });
    };
    view! {
        <h2 class="section">{t_string!(i18n, field.looks)}</h2>
        <LanguagePicks />
        <Picks
            name="theme"
            legend=t_string!(i18n, field.theme)
            hide_legend=true
            choices=Signal::derive(themes)
            selected=Signal::derive(move || prefs.theme.get().as_str().to_owned())
            on_pick=pick
            layout=PicksLayout::Stretch
        />
    }
    .into_any()
}

/// The network, and the room left on this device.
#[component]
fn Device() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let kept = RwSignal::new(None::<bool>);
    state.measure_room();
    leptos::task::spawn_local(async move {
        let _ = kept.try_set(Some(device::persist().await));
    });
    let net = move || Net::of(state, 0).word(i18n);
    let contact = move || {
        // Whatever the link does may be a contact.
        state.link.track();
        let at: Ms = state.heard_at()?;
        let property = state.property.get()?;
        let at = at.plus(state.offset());
        Some(words::moment(i18n.get_locale(), &property.zone, at, state.now.get()))
    };
    let room_text = move || match state.room.get().and_then(Room::left) {
        Some(left) => words::bytes(left),
        None => t_string!(i18n, field.room_unknown).to_owned(),
    };
    let kept_text = move || match kept.get() {
        Some(true) => t_string!(i18n, field.kept_for_good),
        Some(false) => t_string!(i18n, field.kept_if_room),
        None => t_string!(i18n, frame.loading),
    };
    let count = unsent_count(state);
    let waiting_text = move || match count.get().all() {
        0 => t_string!(i18n, field.all_sent).to_owned(),
        count => t_string!(i18n, field.waiting_here).replace("{count}", &count.to_string()),
    };
    view! {
        <h2 class="section">{t_string!(i18n, field.this_phone)}</h2>
        <div class="list">
            <a class="list-row" href="/unsent">
                <Icon glyph=Glyph::Up />
                <span class="grow">{t_string!(i18n, field.unsent)}</span>
                <Chip
                    label=waiting_text
                    tone=Signal::derive(move || {
                        let count = count.get();
                        match (count.needs_somebody, count.all()) {
                            (_, 0) => Tone::Ok,
                            (0, _) => Tone::Warn,
                            _ => Tone::Urgent,
                        }
                    })
                />
                <Icon glyph=Glyph::Chevron size="little" />
            </a>
            <div class="list-row">
                <dl class="kv">
                    <dt>{t_string!(i18n, field.network)}</dt>
                    <dd>{net}</dd>
                    <dt>{t_string!(i18n, field.last_contact)}</dt>
                    <dd class="num">{contact}</dd>
                    <dt>{t_string!(i18n, field.room)}</dt>
                    <dd class="num">{room_text}</dd>
                    <dt>{t_string!(i18n, field.storage)}</dt>
                    <dd>{kept_text}</dd>
                </dl>
            </div>
        </div>
        <LeftByOthers />
        <LittleRoom />
    }
    .into_any()
}

/// The way out: asks first, and says what stays here.
#[component]
fn SignOut() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let asking = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let count = unsent_count(state);
    let text = move || match count.get().here {
        0 => t_string!(i18n, field.sign_out_text).to_owned(),
        count => t_string!(i18n, field.sign_out_unsent).replace("{count}", &count.to_string()),
    };
    let leave = move || {
        busy.set(true);
        spawn_local_scoped(async move {
            let left = state.sign_out().await;
            let _ = busy.try_set(false);
            match left {
                // Whoever signs in next begins with a page of their own.
                Ok(()) => address.instead("/"),
                Err(rejection) => toast(Err(rejection)),
            }
        });
    };
    view! {
        <Button
            label=t_string!(i18n, field.sign_out)
            kind=ButtonKind::Danger
            on_click=move || asking.set(true)
        />
        <Sheet
            id="sign-out"
            title=t_string!(i18n, field.sign_out)
            close=t_string!(i18n, frame.close)
            open=asking
            on_close=move || asking.set(false)
        >
            <p>{text}</p>
            <div class="actions">
                <Button
                    label=t_string!(i18n, field.stay)
                    kind=ButtonKind::Ghost
                    on_click=move || asking.set(false)
                />
                <Button
                    label=t_string!(i18n, field.sign_out)
                    kind=ButtonKind::Danger
                    busy=busy
                    on_click=leave
                />
            </div>
        </Sheet>
    }
    .into_any()
}
