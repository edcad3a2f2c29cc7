//! Changing the password, which ends the person's sessions on other devices.

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::Rejection;

use crate::{
    components::toast,
    i18n::*,
    reactive::RwSignal,
    state::State,
    ui::{Banner, Button, Field, FieldKind, Glyph, Sheet, Tone, view},
    words,
};

/// The form, in a sheet.
#[component]
pub fn ChangePassword(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Sheet
            id="change-password"
            title=t_string!(i18n, field.change_password)
            close=t_string!(i18n, frame.close)
            open=open
            on_close=move || open.set(false)
        >
            <Form open=open />
        </Sheet>
    }
    .into_any()
}

#[component]
fn Form(open: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let old = RwSignal::new(String::new());
    let new = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let refused = RwSignal::new(None::<Rejection>);
    state.unkept.hold(move || old.with(|old| !old.is_empty()) || new.with(|new| !new.is_empty()));
    let submit = move || {
        if busy.get_untracked() || new.with_untracked(String::is_empty) {
            return;
        }
        busy.set(true);
        refused.set(None);
        let done = t_string!(i18n, field.password_changed).to_owned();
        spawn_local_scoped(async move {
            let changed = state.change_password(old.get_untracked(), new.get_untracked()).await;
            let _ = busy.try_set(false);
            match changed {
                Ok(()) => {
                    toast(Ok(done));
                    open.set(false);
                }
                Err(rejection) => drop(refused.try_set(Some(rejection))),
            }
        });
    };
    let failed = move || {
        refused.get().map(|rejection| {
            let text = words::sentence(i18n.get_locale(), &rejection, None);
            view! { <Banner text=text tone=Tone::Urgent glyph=Glyph::Warn /> }
        })
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
                id="password-old"
                label=t_string!(i18n, field.password_old)
                value=old
                on_input=move |text: String| old.set(text)
                kind=FieldKind::Password
                autocomplete="current-password"
                required=true
                disabled=busy
            />
            <Field
                id="password-new"
                label=t_string!(i18n, field.password_new)
                value=new
                on_input=move |text: String| new.set(text)
                kind=FieldKind::Password
                hint=t_string!(i18n, field.password_hint)
                autocomplete="new-password"
                required=true
                disabled=busy
            />
            <div role="alert">{failed}</div>
            <Button label=t_string!(i18n, field.change_password) busy=busy submit=true />
        </form>
    }
    .into_any()
}
