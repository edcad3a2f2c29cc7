//! Where a person is signed in, and ending that on a device that was lost.

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::{Rejection, session::SessionEntry};

use crate::{
    components::toast,
    i18n::*,
    state::State,
    ui::{Button, ButtonKind, Chip, Tone},
    words,
};

/// The person's sessions; read from the server when asked for.
#[component]
pub fn Sessions() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let listed = RwSignal::new(None::<Result<Vec<SessionEntry>, Rejection>>);
    let busy = RwSignal::new(false);
    let read = move || {
        busy.set(true);
        leptos::task::spawn_local(async move {
            let sessions = state.sessions().await;
            let _ = listed.try_set(Some(sessions));
            let _ = busy.try_set(false);
        });
    };
    let revoke = move |id: String| {
        let done = t_string!(i18n, field.session_ended).to_owned();
        spawn_local_scoped(async move {
            let ended = state.revoke(&id).await;
            if ended.is_ok() {
                let _ = listed.try_update(|listed| {
                    if let Some(Ok(sessions)) = listed {
                        sessions.retain(|session| session.id != id);
                    }
                });
            }
            toast(ended.map(|()| done));
        });
    };
    let sentence = move |rejection: &Rejection| words::sentence(i18n.get_locale(), rejection, None);
    let rows = move || match listed.get() {
        None => view! {
            <Button
                label=t_string!(i18n, field.show_sessions)
                kind=ButtonKind::Ghost
                busy=busy
                on_click=read
            />
        }
        .into_any(),
        Some(Err(rejection)) => view! {
            <p class="t-urgent" role="alert">{move || sentence(&rejection)}</p>
            <Button
                label=t_string!(i18n, frame.try_again)
                kind=ButtonKind::Ghost
                busy=busy
                on_click=read
            />
        }
        .into_any(),
        Some(Ok(sessions)) => {
            let rows = sessions
                .into_iter()
                .map(|session| {
                    let SessionEntry { id, label, seen, current, .. } = session;
                    let last = move || {
                        let property = state.property.get();
                        let moment = property.map(|property| {
                            words::moment(i18n.get_locale(), &property.zone, seen, state.now.get())
                        });
                        t_string!(i18n, field.last_used).replace("{time}", &moment.unwrap_or_default())
                    };
                    let end = if current {
                        view! { <Chip label=t_string!(i18n, field.this_device) tone=Tone::Brand /> }
                            .into_any()
                    } else {
                        let name = label.clone();
                        view! {
                            <Button
                                label=t_string!(i18n, field.end_session)
                                aria=move || {
                                    format!("{}: {name}", t_string!(i18n, field.end_session))
                                }
                                kind=ButtonKind::Danger
                                small=true
                                class="keep"
                                on_click=move || revoke(id.clone())
                            />
                        }
                        .into_any()
                    };
                    view! {
                        <li class="list-row">
                            <span class="grow">
                                <span>{label}</span>
                                <br />
                                <span class="xs num">{last}</span>
                            </span>
                            {end}
                        </li>
                    }
                })
                .collect_view();
            view! { <ul class="list">{rows}</ul> }.into_any()
        }
    };
    view! {
        <h2 class="section">{t_string!(i18n, field.sessions)}</h2>
        {rows}
    }
    .into_any()
}
