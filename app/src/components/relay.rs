//! Handing over what is unsent, and taking over what somebody else has (A7): two cards, each with how it went.

use leptos::{ev, prelude::*, reactive::spawn_local_scoped};
use shared::{Code, Rejection, relay::Receipt, time::Ms};

use super::unsent_count;
use crate::{
    i18n::*,
    platform::files,
    reactive::{RwSignal, Signal, memo},
    state::State,
    ui::{Banner, Button, ButtonKind, Card, Glyph, Icon, Progress, Show, Tone, live, view},
    words,
};

/// What a relay file is called: whose it is and when it was made, so that several are told apart.
fn file_name(code: &str, now: Ms) -> String {
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("firsthand-{code}-{}.relay", now.0 / 1_000)
}

/// Hands over what is unsent; nothing where nothing is.
#[component]
pub fn HandOver() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let unsent = unsent_count(state);
    let busy = RwSignal::new(false);
    let said = RwSignal::new(None::<Result<String, Rejection>>);
    leptos::task::spawn_local(async move { state.learn_relay_key().await });
    let hand_over = move || {
        busy.set(true);
        let text = t_string!(i18n, field.handed_over).to_owned();
        spawn_local_scoped(async move {
            let code = state.property.with_untracked(|property| {
                property.as_ref().map(|property| property.me.code.clone()).unwrap_or_default()
            });
            let handed = match state.hand_over().await {
                Ok(handed) => {
                    let name = file_name(&code, state.now_ms());
                    files::save(&name, shared::relay::MIME, &handed.file).map_err(Rejection::from).map(|()| {
                        text.replace("{name}", &name)
                            .replace("{count}", &handed.commands.to_string())
                            .replace("{photos}", &handed.photos.to_string())
                            .replace("{size}", &words::bytes(handed.file.len() as u64))
                    })
                }
                Err(rejection) => Err(rejection),
            };
            let _ = busy.try_set(false);
            let _ = said.try_set(Some(handed));
        });
    };
    view! {
        <Show when=move || { unsent.get().waiting > 0 }>
            <Card>
                <h2>{t_string!(i18n, field.hand_over)}</h2>
                <p class="s">{t_string!(i18n, field.hand_over_text)}</p>
                <Said said=said />
                <Button
                    label=t_string!(i18n, field.hand_over_now)
                    kind=ButtonKind::Ghost
                    busy=busy
                    on_click=hand_over
                />
            </Card>
        </Show>
    }
    .into_any()
}

/// Takes over a colleague's file.
#[component]
pub fn TakeOver() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let busy = RwSignal::new(None::<(usize, usize)>);
    let said = RwSignal::new(None::<Result<String, Rejection>>);
    let take_over = move |event: ev::Event| {
        spawn_local_scoped(async move {
            let file = match files::chosen(event).await {
                Ok(Some(file)) => file,
                Ok(None) => return,
                Err(_) => {
                    let _ = said.try_set(Some(Err(Code::RelayUnreadable.into())));
                    return;
                }
            };
            let _ = said.try_set(None);
            let progress = |done, of| {
                let _ = busy.try_set(Some((done, of)));
            };
            let taken = state.take_over(&file, progress).await;
            let _ = busy.try_set(None);
            let taken = taken.map(|receipt| receipt_in_words(i18n.get_locale_untracked(), state, &receipt));
            let _ = said.try_set(Some(taken));
        });
    };
    let going = memo(move |_| busy.with(Option::is_some));
    let part = Signal::derive(move || {
        // Counts of pieces are far inside what f64 holds exactly.
        busy.get().map_or(0.0, |(done, of)| done as f64 / of.max(1) as f64)
    });
    view! {
        <Card>
            <h2>{t_string!(i18n, field.take_over)}</h2>
            <p class="s">{t_string!(i18n, field.take_over_text)}</p>
            <Said said=said />
            <Show
                when=move || !going.get()
                fallback=move || view! { <Progress label=t_string!(i18n, field.taking_over) value=part /> }
            >
                <label class="shoot btn ghost">
                    <Icon glyph=Glyph::Gallery />
                    <span>{t_string!(i18n, field.take_over_now)}</span>
                    <input type="file" on:change=take_over />
                </label>
            </Show>
        </Card>
    }
    .into_any()
}

/// How it went: the receipt, or what is to be done.
#[component]
fn Said(
    /// What is said; nothing before anything was tried.
    said: RwSignal<Option<Result<String, Rejection>>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    live(move || {
        let (text, tone, glyph) = match said.get()? {
            Ok(text) => (text, Tone::Ok, Glyph::Check),
            Err(rejection) => {
                let property = state.property.get();
                let text = words::sentence(i18n.get_locale(), &rejection, property.as_deref());
                (text, Tone::Urgent, Glyph::Warn)
            }
        };
        Some(view! { <Banner text=text tone=tone glyph=glyph /> })
    })
}

/// What became of a file, in words: that it arrived, and nothing of what is in it.
fn receipt_in_words(locale: Locale, state: State, receipt: &Receipt) -> String {
    let who = state.property.with_untracked(|property| {
        property.as_ref().map(|property| property.name(receipt.author)).unwrap_or_default()
    });
    let count = receipt.taken + receipt.waiting + receipt.refused;
    // Thumbnail and photo.
    let photos = receipt.photos / 2;
    let mut text = td_string!(locale, field.taken_over)
        .replace("{who}", &who)
        .replace("{count}", &count.to_string())
        .replace("{photos}", &photos.to_string());
    for (number, more) in [
        (receipt.waiting, td_string!(locale, field.taken_waiting)),
        (receipt.refused, td_string!(locale, field.taken_refused)),
        (receipt.again, td_string!(locale, field.taken_again)),
    ] {
        if number > 0 {
            text.push_str(&more.replace("{count}", &number.to_string()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_author_and_time_without_what_no_file_may_be_called() {
        assert_eq!(file_name("P023", Ms(1_795_312_800_123)), "firsthand-P023-1795312800.relay");
        assert_eq!(file_name("../保安/7", Ms(0)), "firsthand-7-0.relay");
    }
}
