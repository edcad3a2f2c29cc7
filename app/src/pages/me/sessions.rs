//! Where a person is signed in, and ending that on a device that was lost.

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::{Rejection, session::SessionEntry};

use crate::{
    components::toast,
    i18n::*,
    reactive::RwSignal,
    state::State,
    ui::{Button, ButtonKind, Chip, Tone, view},
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
                    let label = device_name(&label);
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

/// A device in words that a person knows it by, from what its browser calls the system: `Linux; Android 14; Pixel 7`
/// is an `Android · Pixel 7`. What names no system that is known stays as it is.
fn device_name(label: &str) -> String {
    let parts: Vec<&str> = label.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
    let has = |word: &str| parts.iter().any(|part| part.contains(word));
    let first = |word: &str| parts.first().is_some_and(|part| part.starts_with(word));
    if let Some(at) = parts.iter().position(|part| part.starts_with("Android")) {
        // Browsers that give nothing away call every phone `K`.
        let model = parts.get(at + 1).map(|model| model.split(" Build/").next().unwrap_or(model));
        let model = model.filter(|model| *model != "K" && *model != "Mobile" && *model != "Tablet");
        return model.map_or_else(|| "Android".to_owned(), |model| format!("Android · {model}"));
    }
    let name = if first("iPhone") {
        "iPhone"
    } else if first("iPad") {
        "iPad"
    } else if first("Macintosh") {
        "Mac"
    } else if has("Windows") {
        "Windows"
    } else if has("CrOS") {
        "Chromebook"
    } else if has("Linux") || has("X11") {
        "Linux"
    } else {
        label
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::device_name;

    #[test]
    fn a_device_has_the_name_that_its_person_knows() {
        let named = [
            ("Linux; Android 14; Pixel 7", "Android · Pixel 7"),
            ("Linux; Android 13; 22101316C Build/TP1A", "Android · 22101316C"),
            ("Linux; Android 10; K", "Android"),
            ("Android 14; Mobile; rv:128.0", "Android"),
            ("iPhone; CPU iPhone OS 17_5 like Mac OS X", "iPhone"),
            ("iPad; CPU OS 16_6 like Mac OS X", "iPad"),
            ("Macintosh; Intel Mac OS X 10_15_7", "Mac"),
            ("Windows NT 10.0; Win64; x64", "Windows"),
            ("X11; CrOS x86_64 14541.0.0", "Chromebook"),
            ("X11; Linux x86_64", "Linux"),
            ("前台的平板", "前台的平板"),
        ];
        for (label, name) in named {
            assert_eq!(device_name(label), name);
        }
    }
}
