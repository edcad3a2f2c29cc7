//! What is asked before something is done: why a stop cannot be scanned or is left out, why nobody goes on, who does.

use leptos::{ev, prelude::*};
use serde::{Deserialize, Serialize};
use shared::{
    case::command::{PhotoRef, TEXT_MAX},
    ids::{PersonId, RoundId, StopCode},
    round::{RoundCommand, command::Proof},
};

use super::walk::Page;
use crate::{
    address::Address,
    components::{PersonPicker, TakenPhotos, toast},
    i18n::*,
    platform::{clock, photo},
    reactive::{RwSignal, Signal, memo},
    ui::{Button, ButtonKind, Choice, Field, FieldKind, Glyph, PhotoAdd, Picks, view},
    words::round as said,
};

/// How often to look whether photos are made small by now.
const WAIT_MS: u32 = 100;

/// What is to be done otherwise than planned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// A stop is ticked without its label.
    CannotScan(StopCode),
    /// A stop is left out.
    Skip(StopCode),
    /// Nobody goes on.
    Finish,
}

impl Why {
    /// The key of what is begun to be said. No code holds a slash.
    fn key(&self, round: RoundId) -> String {
        match self {
            Why::CannotScan(stop) => format!("round/{round}/scan/{stop}"),
            Why::Skip(stop) => format!("round/{round}/skip/{stop}"),
            Why::Finish => format!("round/{round}/finish"),
        }
    }
}

/// What was begun to be said; on the device from the first letter or photo on, so that neither a page killed behind the
/// camera nor a tap beside the sheet loses anything.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
struct Noted {
    photos: Vec<PhotoRef>,
    reason: String,
}

impl Noted {
    /// Goes on with what was kept; what was begun meanwhile stays.
    fn resume(&mut self, kept: Noted) {
        let mut photos = kept.photos;
        photos.retain(|photo| self.photos.iter().all(|there| there.id != photo.id));
        photos.append(&mut self.photos);
        self.photos = photos;
        if self.reason.trim().is_empty() {
            self.reason = kept.reason;
        }
    }
}

/// A reason being said, together with where it is kept.
#[derive(Clone, Copy)]
struct Note {
    page: Page,
    key: StoredValue<String>,
    noted: RwSignal<Noted>,
}

impl Note {
    fn begin(page: Page, key: String) -> Self {
        let note = Note { page, key: StoredValue::new(key), noted: RwSignal::new(Noted::default()) };
        leptos::task::spawn_local(async move {
            // A photo that was begun before the sheet was closed and opened again is in the draft by then.
            while page.taking.try_get_untracked() == Some(true) {
                clock::sleep(WAIT_MS).await;
            }
            let Some(key) = note.key.try_get_value() else { return };
            // Without the draft the form is empty, as it would be without one.
            if let Ok(Some(kept)) = page.state.draft::<Noted>(&key).await {
                let _ = note.noted.try_update(|noted| noted.resume(kept));
            }
        });
        note
    }

    /// Keeps it, but while it is being saved as a command, for that ends the draft, or with a photo, which is kept with it.
    fn keep(self) {
        let Page { busy, taking, .. } = self.page;
        let waits = busy.try_get_untracked().unwrap_or(true) || taking.try_get_untracked().unwrap_or(true);
        let (Some(key), Some(noted)) = (self.key.try_get_value(), self.noted.try_get_untracked()) else {
            return;
        };
        if waits {
            return;
        }
        leptos::task::spawn_local(async move {
            // What cannot be kept now stays on the screen, and is kept with the next letter.
            let _ = self.page.state.keep_draft(&key, &noted).await;
        });
    }

    fn say(self, reason: String) {
        self.noted.update(|noted| noted.reason = reason);
        self.keep();
    }

    /// Adds photos, one after the other.
    fn take(self, chosen: Vec<photo::Chosen>) {
        let Page { state, taking, busy, .. } = self.page;
        if taking.get_untracked() || busy.get_untracked() {
            return;
        }
        taking.set(true);
        let (key, mut latest) = (self.key.get_value(), self.noted.get_untracked());
        leptos::task::spawn_local(async move {
            for chosen in chosen {
                let add = |photo: PhotoRef| {
                    // With what was typed, and taken out, while the photo was made small; the sheet may be closed by now.
                    latest = self.noted.try_get_untracked().unwrap_or_else(|| latest.clone());
                    latest.photos.push(photo);
                    latest.clone()
                };
                match state.take_photo(&key, &chosen, add).await {
                    Ok(photo) => drop(self.noted.try_update(|noted| noted.photos.push(photo))),
                    Err(rejection) => self.page.say(rejection),
                }
            }
            let _ = taking.try_set(false);
            // With what was typed since.
            self.keep();
        });
    }

    fn remove(self, photo: PhotoRef) {
        if self.page.busy.get_untracked() {
            return;
        }
        self.noted.update(|noted| noted.photos.retain(|kept| kept.id != photo.id));
        let (key, rest) = (self.key.get_value(), self.noted.get_untracked());
        leptos::task::spawn_local(async move {
            if let Err(rejection) = self.page.state.drop_photo(&key, &rest, &photo).await {
                self.page.say(rejection);
            }
        });
    }
}

/// Why something is done otherwise than planned, with photos where they help.
#[component]
pub fn ReasonForm(
    /// The page.
    page: Page,
    /// What for.
    why: Why,
) -> impl IntoView {
    let i18n = use_i18n();
    let note = Note::begin(page, why.key(page.id));
    if matches!(why, Why::CannotScan(_)) {
        page.locate();
    }
    let (text, reasons) = match &why {
        Why::CannotScan(_) => (
            t_string!(i18n, rounds.cannot_text),
            [
                t_string!(i18n, rounds.why_label_gone),
                t_string!(i18n, rounds.why_label_broken),
                t_string!(i18n, rounds.why_camera),
                t_string!(i18n, rounds.why_no_way),
            ]
            .to_vec(),
        ),
        Why::Skip(_) => (
            t_string!(i18n, rounds.skip_text),
            [
                t_string!(i18n, rounds.why_locked),
                t_string!(i18n, rounds.why_works),
                t_string!(i18n, rounds.why_danger),
            ]
            .to_vec(),
        ),
        Why::Finish => (
            t_string!(i18n, rounds.finish_text),
            [
                t_string!(i18n, rounds.why_called),
                t_string!(i18n, rounds.why_weather),
                t_string!(i18n, rounds.why_unwell),
            ]
            .to_vec(),
        ),
    };
    let photos = match &why {
        Why::CannotScan(_) | Why::Skip(_) => Some(view! { <Shots note=note /> }),
        Why::Finish => None,
    };
    let choices: Vec<Choice> = reasons.into_iter().map(|reason| Choice::new(reason, reason)).collect();
    let reason = Signal::derive(move || note.noted.with(|noted| noted.reason.clone()));
    let say = move |reason: String| note.say(reason);
    let send = move || {
        let Noted { photos, reason } = note.noted.get_untracked();
        let (draft, reason) = (Some(note.key.get_value()), reason.trim().to_owned());
        let close = move || page.close();
        match why.clone() {
            Why::CannotScan(stop) => page.tick(stop, Proof::Photo { reason, photos }, draft),
            Why::Skip(stop) => page.act(RoundCommand::Skip { stop, reason, photos }, draft, close),
            Why::Finish => page.act(RoundCommand::Finish { reason }, draft, close),
        }
    };
    view! {
        <p class="s">{text}</p>
        {photos}
        <Picks
            name="why"
            legend=t_string!(i18n, rounds.reason)
            hide_legend=true
            choices=choices
            selected=reason
            on_pick=say
        />
        <Field
            id="why-text"
            label=t_string!(i18n, rounds.reason)
            kind=FieldKind::Area
            value=reason
            on_input=say
            max=longest()
            required=true
        />
        <Button
            label=t_string!(i18n, rounds.done)
            busy=page.busy
            disabled=Signal::derive(move || {
                page.taking.get() || reason.with(|reason| reason.trim().is_empty())
            })
            on_click=send
        />
    }
    .into_any()
}

fn longest() -> u32 {
    // The rules' limit is a few thousand.
    u32::try_from(TEXT_MAX).unwrap_or(u32::MAX)
}

/// Photos of the place.
#[component]
fn Shots(note: Note) -> impl IntoView {
    let i18n = use_i18n();
    let Note { page, noted, .. } = note;
    let photos = memo(move |_| noted.with(|noted| noted.photos.clone()));
    let shoot = Callback::new(move |event: ev::Event| note.take(photo::chosen(&event)));
    view! {
        <TakenPhotos
            photos=photos
            of=page.id
            saving=page.taking
            on_remove=move |photo| note.remove(photo)
        >
            <PhotoAdd label=t_string!(i18n, rounds.add_photo) camera=true on_files=shoot />
        </TakenPhotos>
    }
    .into_any()
}

/// Who goes on: chosen, and then confirmed, so that no slip of the thumb gives a round away.
#[component]
pub fn HandOverForm(
    /// The page.
    page: Page,
) -> impl IntoView {
    let i18n = use_i18n();
    let chosen = RwSignal::new(None::<PersonId>);
    let planned = page.walk.with_untracked(|walk| walk.as_ref().map(|walk| walk.round.task.who.clone()));
    let form = move || match chosen.get() {
        Some(to) => view! { <HandTo page=page to=to chosen=chosen /> }.into_any(),
        None => view! {
            <PersonPicker
                without=page.me()
                first=planned.clone()
                selected=chosen
                on_pick=move |to| chosen.set(Some(to))
            />
        }
        .into_any(),
    };
    view! {
        <p class="s">{t_string!(i18n, rounds.hand_text)}</p>
        {form}
    }
    .into_any()
}

/// The colleague who was chosen, and the tap that hands the round over.
#[component]
fn HandTo(page: Page, to: PersonId, chosen: RwSignal<Option<PersonId>>) -> impl IntoView {
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let reason = RwSignal::new(String::new());
    let name = page
        .state
        .property
        .with_untracked(|property| property.as_ref().map(|property| property.name(to)).unwrap_or_default());
    let done = said::with(t_string!(i18n, rounds.handed), &name);
    let hand = move || {
        let (done, reason) = (done.clone(), reason.with_untracked(|reason| reason.trim().to_owned()));
        page.act(RoundCommand::HandOver { to, reason }, None, move || {
            page.close();
            toast(Ok(done));
            address.to("/rounds");
        });
    };
    view! {
        <Field
            id="hand-reason"
            label=t_string!(i18n, rounds.hand_reason)
            value=reason
            on_input=move |text: String| reason.set(text)
            max=longest()
        />
        <Button
            label=said::with(t_string!(i18n, rounds.hand_to), &name)
            icon=Glyph::Users
            busy=page.busy
            on_click=hand
        />
        <Button
            label=t_string!(i18n, rounds.hand_other)
            kind=ButtonKind::Ghost
            disabled=page.busy
            on_click=move || chosen.set(None)
        />
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::ids::AttachmentId;
    use uuid::Uuid;

    use super::*;

    fn photo(n: u128) -> PhotoRef {
        PhotoRef {
            id: AttachmentId(Uuid::from_u128(n)),
            sha256: String::new(),
            bytes: 1,
            width: 1,
            height: 1,
            thumb_sha256: String::new(),
            thumb_bytes: 1,
        }
    }

    #[test]
    fn what_was_kept_is_gone_on_with_and_what_was_begun_meanwhile_stays() {
        let note = |photos: &[u128], reason: &str| Noted {
            photos: photos.iter().map(|n| photo(*n)).collect(),
            reason: reason.to_owned(),
        };
        let resumed = |mut begun: Noted| {
            begun.resume(note(&[1], "门锁着"));
            begun
        };
        assert_eq!(resumed(Noted::default()), note(&[1], "门锁着"));
        assert_eq!(resumed(note(&[2], "")), note(&[1, 2], "门锁着"));
        assert_eq!(resumed(note(&[], "下雨")), note(&[1], "下雨"));
        assert_eq!(resumed(note(&[1], "下雨")), note(&[1], "下雨"), "no photo is there twice");
    }

    #[test]
    fn each_reason_of_each_stop_is_kept_by_itself() {
        let round = RoundId(Uuid::from_u128(1));
        let all = [
            Why::CannotScan("gate".into()),
            Why::CannotScan("hall".into()),
            Why::Skip("gate".into()),
            Why::Skip("hall".into()),
            Why::Finish,
        ];
        let keys: BTreeSet<String> = all.iter().map(|why| why.key(round)).collect();
        assert_eq!(keys.len(), all.len());
        let other = RoundId(Uuid::from_u128(2));
        assert!(all.iter().all(|why| !keys.contains(&why.key(other))));
    }
}
