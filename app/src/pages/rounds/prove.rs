//! Showing that one is there: the camera looks for the label's code, a tag is held to the phone, or the short code is typed.
//! Whichever label it is says by itself which stop is ticked; one of none of them is taken all the same if the walker says so.

use std::rc::Rc;

use leptos::{html, prelude::*};
use shared::{
    Rejection,
    ids::{RoundId, StopCode},
    label::{self, Shown},
    round::command::{Proof, Via},
    time::{Ms, SECOND},
};

use super::walk::Page;
use crate::{
    components::toast,
    i18n::*,
    platform::{
        clock,
        events::Listener,
        nfc::{self, Tags},
        scan::{Camera, Reader},
    },
    reactive::{RwSignal, Signal, effect},
    state::Hangs,
    ui::{Banner, Button, ButtonKind, Field, Glyph, Show, Tone, view},
    words::{self, round as said},
};

/// From one look at the camera's picture to the next.
const PAUSE_MS: u32 = 120;
/// A label that could not be saved and is still in the picture is tried again after this.
const AGAIN: i64 = 3 * SECOND;
/// So many looks in a row may fail before somebody is told to type.
const TRIES: u32 = 3;

/// How the camera is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Eye {
    Starting,
    Open { light: bool },
    Shut,
}

/// What was read last, so that what stays in the picture is looked at once.
#[derive(Clone, Default, PartialEq, Debug)]
struct Last {
    text: String,
    /// It could not be saved then.
    failed: Option<Ms>,
}

impl Last {
    /// Whether this is to be looked at.
    fn is_news(&self, text: &str, now: Ms) -> bool {
        self.text != text || self.failed.is_some_and(|failed| now.since(failed).abs() >= AGAIN)
    }
}

/// A label that is none of this round's, or cannot be told.
#[derive(Clone, PartialEq, Debug)]
struct Stray {
    why: String,
    /// What to tick the open stop with all the same; `None` where it was no label at all.
    proof: Option<Proof>,
    /// Where it hangs in another round of this person's that is on.
    elsewhere: Option<(RoundId, StopCode)>,
}

/// The sheet's inside.
#[component]
pub fn Prove(
    /// The page.
    page: Page,
) -> impl IntoView {
    let i18n = use_i18n();
    page.locate();
    let stray = RwSignal::new(None::<Stray>);
    let last = StoredValue::new(Last::default());
    effect(move || {
        if page.error.with(Option::is_some) {
            last.update_value(|last| last.failed = Some(page.now()));
        }
    });
    let read = Callback::new(move |(via, text): (Via, String)| {
        if page.busy.get_untracked() || !last.with_value(|last| last.is_news(&text, page.now())) {
            return;
        }
        last.set_value(Last { text: text.clone(), failed: None });
        match label::read_link(&text) {
            Some(token) => offer(page, stray, Proof::Token { via, token: token.to_owned() }),
            None => {
                let why = td_string!(i18n.get_locale_untracked(), rounds.not_here).to_owned();
                stray.set(Some(Stray { why, proof: None, elsewhere: None }));
            }
        }
    });
    view! {
        <Viewfinder on_read=read />
        <Tag on_read=read />
        {move || stray.get().map(|found| view! { <Other page=page stray=found /> })}
        <Code page=page stray=stray />
    }
    .into_any()
}

/// Ticks the stop at which the label hangs; where none of the round's does, says so.
fn offer(page: Page, stray: RwSignal<Option<Stray>>, proof: Proof) {
    let shown = match &proof {
        Proof::Token { token, .. } => Shown::Token(token),
        Proof::Code(code) => Shown::Code(code),
        Proof::Photo { .. } => return,
    };
    let now = page.now();
    let focus = page.focus.get_untracked();
    let hangs =
        page.walk.with_untracked(|walk| walk.as_ref().map(|walk| walk.hangs(shown, focus.as_ref(), now)));
    // Of this round alone it is known at once; what else is on is looked through only then.
    let elsewhere = match hangs {
        Some(Hangs::At(_)) | None => None,
        Some(Hangs::Astray(_) | Hangs::Unknown(_)) => untrack(|| page.state.labelled(shown)),
    };
    let elsewhere = elsewhere.filter(|(round, _)| *round != page.id);
    let locale = page.i18n.get_locale_untracked();
    match hangs {
        Some(Hangs::At(stop)) => {
            stray.set(None);
            page.tick(stop, proof, None);
        }
        Some(Hangs::Unknown(stop)) if elsewhere.is_none() => {
            stray.set(None);
            toast(Ok(td_string!(locale, rounds.unchecked).to_owned()));
            page.tick(stop, proof, None);
        }
        Some(found @ (Hangs::Astray(_) | Hangs::Unknown(_))) => {
            let why = page.state.property.with_untracked(|property| match (property, &found) {
                (Some(property), Hangs::Astray(label)) => said::not_here(locale, property, label),
                _ => td_string!(locale, rounds.not_here).to_owned(),
            });
            stray.set(Some(Stray { why, proof: Some(proof), elsewhere }));
        }
        None => {}
    }
}

/// What counts of a tag: the first that is a label's link, for a tag may say its name before it; else what it says first.
fn of_tag(texts: Vec<String>) -> Option<String> {
    let link = texts.iter().position(|text| label::read_link(text).is_some());
    texts.into_iter().nth(link.unwrap_or(0))
}

/// What the camera sees.
#[component]
fn Viewfinder(
    /// Called with what a code says.
    on_read: Callback<(Via, String)>,
) -> impl IntoView {
    let i18n = use_i18n();
    let video = NodeRef::<html::Video>::new();
    let eye = RwSignal::new(Eye::Starting);
    let lit = RwSignal::new(false);
    // It is off when the sheet closes, for then nothing holds it.
    let held: StoredValue<Option<Rc<Camera>>, LocalStorage> = StoredValue::new_local(None);
    let ending: StoredValue<Option<Listener>, LocalStorage> = StoredValue::new_local(None);
    let again = RwSignal::new(0_u32);
    effect(move || {
        again.track();
        let Some(element) = video.get() else { return };
        eye.set(Eye::Starting);
        // A camera that is opened is dark.
        lit.set(false);
        let owner = Owner::current().unwrap_or_default();
        leptos::task::spawn_local(async move {
            let Ok(camera) = Camera::open(element.clone()).await else {
                let _ = eye.try_set(Eye::Shut);
                return;
            };
            let camera = Rc::new(camera);
            let seeing = Rc::downgrade(&camera);
            let light = camera.has_light();
            // A call, or the system, takes the camera away: a picture that stays black shows nothing for ever.
            let ended = camera.on_end(move || {
                let _ = held.try_set_value(None);
                let _ = eye.try_set(Eye::Shut);
            });
            let _ = ending.try_set_value(ended);
            if held.try_set_value(Some(camera)).is_some() {
                return;
            }
            let _ = eye.try_set(Eye::Open { light });
            let mut reader = Reader::new(element).await;
            let mut failed = 0;
            // Closing the sheet switches it off.
            while seeing.strong_count() > 0 && failed < TRIES {
                match reader.read().await {
                    Ok(Some(text)) if seeing.strong_count() > 0 => {
                        failed = 0;
                        owner.with(|| on_read.run((Via::Qr, text)));
                    }
                    Ok(_) => failed = 0,
                    Err(_) => failed += 1,
                }
                clock::sleep(PAUSE_MS).await;
            }
            if seeing.strong_count() > 0 {
                // Whoever looks into a picture that nobody reads would wait for ever.
                let _ = held.try_set_value(None);
                let _ = eye.try_set(Eye::Shut);
            }
        });
    });
    let word = move || match eye.get() {
        Eye::Starting => Some(t_string!(i18n, rounds.camera_starting)),
        Eye::Shut => Some(t_string!(i18n, rounds.camera_none)),
        Eye::Open { .. } => None,
    };
    let switch = move || {
        let on = !lit.get_untracked();
        lit.set(on);
        held.with_value(|camera| camera.iter().for_each(|camera| camera.light(on)));
    };
    let light =
        move || if lit.get() { t_string!(i18n, rounds.torch_off) } else { t_string!(i18n, rounds.torch_on) };
    view! {
        <div class="scan" hidden=move || eye.get() == Eye::Shut>
            <video node_ref=video playsinline=true aria-hidden="true"></video>
            <span class="scan-frame" aria-hidden="true"></span>
        </div>
        <p class="s" role="status">
            {word}
        </p>
        <Show when=move || eye.get() == Eye::Shut>
            <Button
                label=t_string!(i18n, rounds.camera_again)
                icon=Glyph::Refresh
                kind=ButtonKind::Ghost
                on_click=move || again.update(|again| *again += 1)
            />
        </Show>
        <Show when=move || eye.get() == Eye::Open { light: true }>
            <Button label=light icon=Glyph::Bulb kind=ButtonKind::Ghost on_click=switch />
        </Show>
    }
    .into_any()
}

/// Waits for a tag, where the browser can.
#[component]
fn Tag(on_read: Callback<(Via, String)>) -> impl IntoView {
    let i18n = use_i18n();
    let there = RwSignal::new(false);
    let held: StoredValue<Option<Tags>, LocalStorage> = StoredValue::new_local(None);
    if nfc::is_there() {
        let owner = Owner::current().unwrap_or_default();
        leptos::task::spawn_local(async move {
            let read = move |texts| {
                if let Some(text) = of_tag(texts) {
                    owner.with(|| on_read.run((Via::Nfc, text)));
                }
            };
            let Some(tags) = nfc::tags(read).await else { return };
            if held.try_set_value(Some(tags)).is_none() {
                let _ = there.try_set(true);
            }
        });
    }
    view! {
        <Show when=move || there.get()>
            <p class="s">{t_string!(i18n, rounds.scan_nfc)}</p>
        </Show>
    }
    .into_any()
}

/// A label that is none of this round's: the walker may know better.
#[component]
fn Other(page: Page, stray: Stray) -> impl IntoView {
    let i18n = use_i18n();
    let Stray { why, proof, elsewhere } = stray;
    let there = elsewhere.zip(proof.clone()).and_then(|((round, stop), proof)| {
        let walk = untrack(|| page.state.walk(round, page.now()))?;
        let property = page.state.property.get_untracked()?;
        let locale = i18n.get_locale_untracked();
        let title = said::title(locale, &walk.round, walk.route.as_deref(), &property.zone);
        let tick = move || page.tick_in(round, stop.clone(), proof.clone(), None);
        Some(view! {
            <Button
                label=said::with(t_string!(i18n, rounds.tick_elsewhere), &title)
                busy=page.busy
                on_click=tick
            />
        })
    });
    let stop = untrack(|| page.aim());
    let place = page.walk.with_untracked(|walk| {
        let stop = walk.as_ref()?.round.find(stop.as_ref()?)?;
        page.state.property.with_untracked(|property| Some(words::spot(property.as_ref()?, &stop.place)))
    });
    let anyway = proof.zip(stop).zip(place).map(|((proof, stop), place)| {
        let tick = move || page.tick(stop.clone(), proof.clone(), None);
        view! {
            <Button
                label=said::with(t_string!(i18n, rounds.tick_anyway), &place)
                kind=ButtonKind::Ghost
                on_click=tick
            />
        }
    });
    view! {
        <div class="col" role="alert">
            <Banner text=why tone=Tone::Warn glyph=Glyph::Warn />
            {there}
            {anyway}
        </div>
    }
    .into_any()
}

/// The label's short code, typed.
#[component]
fn Code(page: Page, stray: RwSignal<Option<Stray>>) -> impl IntoView {
    let i18n = use_i18n();
    let typed = RwSignal::new(String::new());
    let error = RwSignal::new(None::<Rejection>);
    let send = move || match label::read_code(&typed.get_untracked()) {
        Ok(code) => offer(page, stray, Proof::Code(code)),
        Err(rejection) => error.set(Some(rejection)),
    };
    let wrong = Signal::derive(move || error.get().map(|rejection| page.sentence(&rejection)));
    view! {
        <Field
            id="label-code"
            label=t_string!(i18n, rounds.type_code)
            hint=t_string!(i18n, rounds.code_hint)
            value=typed
            on_input=move |text: String| {
                error.set(None);
                typed.set(text);
            }
            error=wrong
            autocomplete="off"
            max=20
        />
        <Button
            label=t_string!(i18n, rounds.use_code)
            kind=ButtonKind::Ghost
            busy=page.busy
            disabled=Signal::derive(move || typed.with(|typed| typed.trim().is_empty()))
            on_click=send
        />
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_tag_that_says_more_than_its_link_the_link_counts() {
        let tag = |texts: &[&str]| of_tag(texts.iter().map(ToString::to_string).collect());
        let link = "https://example.org/c/q83vEjRWeJCrze8SNFZ4kA";
        assert_eq!(tag(&["北门", link]).as_deref(), Some(link));
        assert_eq!(tag(&["北门", "岗亭"]).as_deref(), Some("北门"), "it is said to be no label");
        assert_eq!(tag(&[]), None);
    }

    #[test]
    fn what_stays_in_the_picture_is_looked_at_once_and_again_after_it_could_not_be_saved() {
        let now = Ms(1_000_000);
        let read = Last { text: "gate".to_owned(), failed: None };
        assert!(Last::default().is_news("gate", now));
        assert!(!read.is_news("gate", now.plus(AGAIN)));
        assert!(read.is_news("hall", now));
        let failed = Last { failed: Some(now), ..read };
        assert!(!failed.is_news("gate", now.plus(AGAIN - 1)));
        assert!(failed.is_news("gate", now.plus(AGAIN)));
        assert!(failed.is_news("gate", now.plus(-AGAIN)), "the clock was set back");
    }
}
