//! What the whole app has to say: banners for the state of the network and the session, toasts for what was just done.

use std::sync::OnceLock;

use leptos::prelude::*;
use shared::Rejection;

use super::unsent_count;
use crate::{
    i18n::*,
    platform::{clock, device, update},
    prefs::Prefs,
    reactive::{RwSignal, memo},
    state::{Link, State},
    ui::{Banner, Button, ButtonKind, For, Glyph, Show, Toast, Toasts, Tone, view},
    words,
};

/// How long it stays that something went well: not much longer than it takes to be sent.
const OK_MS: u32 = 3_500;
/// How long it stays that something did not.
const REFUSED_MS: u32 = 6_000;

#[derive(Clone, PartialEq)]
struct Note {
    key: u64,
    text: String,
    tone: Tone,
}

impl Note {
    /// Whether it stays beside a new one. The same said again takes the place of the first, and what went well is news only
    /// until something else went well: whoever does one thing after the other still sees the page.
    fn stays(&self, text: &str, tone: Tone) -> bool {
        self.text != text && !(self.tone == Tone::Ok && tone == Tone::Ok)
    }
}

/// The toasts on screen; from the context.
#[derive(Clone, Copy)]
pub struct Notes {
    list: RwSignal<Vec<Note>>,
    next: StoredValue<u64>,
}

impl Default for Notes {
    fn default() -> Self {
        Notes { list: RwSignal::new(Vec::new()), next: StoredValue::new(0) }
    }
}

impl Notes {
    fn show(self, text: String, tone: Tone) {
        let key = self.next.get_value();
        self.next.set_value(key + 1);
        self.list.update(|list| {
            list.retain(|note| note.stays(&text, tone));
            list.push(Note { key, text, tone });
        });
        leptos::task::spawn_local(async move {
            clock::sleep(if tone == Tone::Ok { OK_MS } else { REFUSED_MS }).await;
            self.close(key);
        });
    }

    fn close(self, key: u64) {
        // The app itself may be gone after the wait.
        let _ = self.list.try_update(|list| list.retain(|note| note.key != key));
    }
}

/// What [`toast`] speaks through. Work that a page began may end after the page was left, and then there is no context
/// to find it in.
static VOICE: OnceLock<(Notes, State, Prefs)> = OnceLock::new();

/// Lets [`toast`] speak, once for the whole app.
pub fn give_voice(notes: Notes, state: State, prefs: Prefs) {
    // There is one app on a page: a second voice would be the same.
    let _ = VOICE.set((notes, state, prefs));
}

/// Shows how something ended: `done` in words, or the refusal's own sentence.
pub fn toast(done: Result<String, Rejection>) {
    let Some((notes, state, prefs)) = VOICE.get() else { return };
    match done {
        Ok(text) => notes.show(text, Tone::Ok),
        Err(rejection) => {
            let property = state.property.get_untracked();
            let locale = prefs.locale.get_untracked();
            notes.show(words::sentence(locale, &rejection, property.as_deref()), Tone::Urgent);
        }
    }
}

/// Banners and toasts, once for the whole app.
#[component]
pub fn Notices(
    /// A new version waits.
    update_ready: RwSignal<bool>,
    /// Opens the form to sign in again.
    #[prop(into)]
    on_sign_in: Callback<()>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let notes = expect_context::<Notes>();
    let i18n = use_i18n();
    let waiting = unsent_count(state);
    let refused = memo(move |_| match state.link.get() {
        Link::Refused(rejection) => {
            let property = state.property.get();
            Some(words::sentence(i18n.get_locale(), &rejection, property.as_deref()))
        }
        Link::Unknown | Link::Online | Link::Offline | Link::Failing => None,
    });
    let offer = memo(move |_| update_ready.get() && state.may_reload());
    let sign_in_text = move || match waiting.get().waiting {
        0 => t_string!(i18n, frame.expired).to_owned(),
        count => t_string!(i18n, frame.expired_waiting).replace("{count}", &count.to_string()),
    };
    view! {
        <div class="banners">
            <Show when=move || state.expired.get()>
                <Banner text=sign_in_text tone=Tone::Warn glyph=Glyph::User>
                    <Button
                        label=t_string!(i18n, frame.sign_in)
                        kind=ButtonKind::Ghost
                        small=true
                        on_click=move || on_sign_in.run(())
                    />
                </Banner>
            </Show>
            <Show when=move || refused.with(Option::is_some)>
                <Banner text=move || refused.get().unwrap_or_default() tone=Tone::Urgent glyph=Glyph::Warn>
                    <Button
                        label=t_string!(i18n, frame.try_again)
                        kind=ButtonKind::Ghost
                        small=true
                        on_click=move || state.try_again()
                    />
                </Banner>
            </Show>
            <Show when=move || offer.get()>
                <Banner text=t_string!(i18n, frame.update_ready) tone=Tone::Info glyph=Glyph::Refresh>
                    <Button
                        label=t_string!(i18n, frame.update_now)
                        kind=ButtonKind::Ghost
                        small=true
                        on_click=move || {
                            leptos::task::spawn_local(async {
                                // Where another tab has it in place already, the page alone is of the old version.
                                if !update::take_over().await {
                                    device::reload();
                                }
                            });
                        }
                    />
                </Banner>
            </Show>
        </div>
        <Toasts>
            <For each=move || notes.list.get() key=|note| note.key let(note)>
                <Toast
                    text=note.text
                    tone=note.tone
                    close=t_string!(i18n, frame.close)
                    on_close=move || notes.close(note.key)
                />
            </For>
        </Toasts>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_well_takes_the_place_of_what_went_well_before_and_a_refusal_stays() {
        let note = |text: &str, tone| Note { key: 0, text: text.to_owned(), tone };
        assert!(!note("gate", Tone::Ok).stays("hall", Tone::Ok));
        assert!(note("full", Tone::Urgent).stays("hall", Tone::Ok));
        assert!(note("gate", Tone::Ok).stays("full", Tone::Urgent));
        assert!(!note("full", Tone::Urgent).stays("full", Tone::Urgent));
    }
}
