//! Signing in: the one thing that needs a network. The page is for somebody who is not known on this device; the form
//! alone also lies in a sheet when a session has ended.

use leptos::prelude::*;
use shared::{Code, Rejection};

use crate::{
    i18n::*,
    platform::device,
    prefs::Prefs,
    reactive::{RwSignal, Signal},
    state::State,
    ui::{Banner, Button, ButtonKind, Choice, Field, FieldKind, Glyph, Picks, PicksLayout, Tone, view},
    words,
};

/// The page for somebody who is not known on this device.
#[component]
pub fn SignIn(
    /// After it.
    #[prop(into)]
    on_done: Callback<()>,
) -> impl IntoView {
    let i18n = use_i18n();
    device::set_title(None);
    view! {
        <main class="main">
            <div class="solo">
                <div class="masthead">
                    <img class="mark" src="/icons/icon.svg" alt="" width="76" height="76" />
                    <h1>{t_string!(i18n, common.app)}</h1>
                    <p class="s">{t_string!(i18n, field.motto)}</p>
                </div>
                <SignInForm on_done=on_done />
                <LanguagePicks />
            </div>
        </main>
    }
    .into_any()
}

/// The form, also for signing in again.
#[component]
pub fn SignInForm(
    /// After it.
    #[prop(into)]
    on_done: Callback<()>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let name = RwSignal::new(known_name(state));
    let password = RwSignal::new(String::new());
    let shown = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let refused = RwSignal::new(None::<Rejection>);
    state.unkept.hold(move || !password.with(String::is_empty));

    let sentence = move |rejection: Rejection| match rejection.code {
        // Elsewhere recording goes on without a network.
        Code::DeviceOffline => t_string!(i18n, field.sign_in_offline).to_owned(),
        _ => words::sentence(i18n.get_locale(), &rejection, None),
    };
    let failed = move || {
        refused.get().map(|rejection| {
            view! { <Banner text=sentence(rejection) tone=Tone::Urgent glyph=Glyph::Warn /> }
        })
    };
    let submit = move || {
        if busy.get_untracked() {
            return;
        }
        let (name, password) = (name.get_untracked(), password.get_untracked());
        if name.trim().is_empty() || password.is_empty() {
            refused.set(Some(Code::AuthWrong.into()));
            return;
        }
        busy.set(true);
        refused.set(None);
        leptos::task::spawn_local(async move {
            let done = state.sign_in(name, password).await;
            // The form is gone as soon as somebody is known.
            let _ = busy.try_set(false);
            match done {
                Ok(()) => drop(on_done.try_run(())),
                Err(rejection) => drop(refused.try_set(Some(rejection))),
            }
        });
    };
    let password_field = move || {
        let kind = if shown.get() { FieldKind::Text } else { FieldKind::Password };
        view! {
            <Field
                id="sign-in-password"
                label=t_string!(i18n, field.password)
                value=password
                on_input=move |text: String| password.set(text)
                kind=kind
                autocomplete="current-password"
                required=true
                disabled=busy
            />
        }
    };
    view! {
        <form
            class="col"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <Field
                id="sign-in-name"
                label=t_string!(i18n, field.account)
                value=name
                on_input=move |text: String| name.set(text)
                hint=t_string!(i18n, field.account_hint)
                autocomplete="username"
                required=true
                disabled=busy
            />
            {password_field}
            <div class="row end">
                <button
                    type="button"
                    class="link"
                    aria-pressed=move || shown.get().to_string()
                    on:click=move |_| shown.update(|shown| *shown = !*shown)
                >
                    {move || {
                        if shown.get() {
                            t_string!(i18n, field.hide_password)
                        } else {
                            t_string!(i18n, field.show_password)
                        }
                    }}
                </button>
            </div>
            <div role="alert">{failed}</div>
            <Button label=t_string!(i18n, frame.sign_in) busy=busy submit=true kind=ButtonKind::Main />
            <p class="xs center">{t_string!(i18n, field.sign_in_note)}</p>
        </form>
    }
    .into_any()
}

/// Which name to offer: the staff code of whoever is known here.
fn known_name(state: State) -> String {
    let code =
        state.property.with_untracked(|property| property.as_ref().map(|property| property.me.code.clone()));
    code.unwrap_or_default()
}

/// The choice of the language; each is named in itself.
#[component]
pub fn LanguagePicks() -> impl IntoView {
    let i18n = use_i18n();
    let prefs = expect_context::<Prefs>();
    let selected = Signal::derive(move || match prefs.locale.get() {
        Locale::zh => "zh".to_owned(),
        Locale::en => "en".to_owned(),
    });
    let pick = move |value: String| {
        prefs.choose_locale(if value == "en" { Locale::en } else { Locale::zh });
    };
    view! {
        <Picks
            name="language"
            legend=t_string!(i18n, field.language)
            hide_legend=true
            choices=vec![Choice::new("zh", "中文"), Choice::new("en", "English")]
            selected=selected
            on_pick=pick
            layout=PicksLayout::Stretch
        />
    }
    .into_any()
}
