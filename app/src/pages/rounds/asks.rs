//! What is asked before something is done: why a stop cannot be scanned or is left out, why nobody goes on, who does.

use leptos::{ev, prelude::*};
use serde::{Deserialize, Serialize};
use shared::{
    case::command::{PhotoRef, TEXT_MAX},
    ids::{CaseId, PersonId},
    round::{RoundCommand, command::Proof},
    wire::Part,
};

use super::walk::{Asked, Page};
use crate::{
    address::Address,
    components::{PersonPicker, picture, toast},
    i18n::*,
    platform::photo,
    reactive::{RwSignal, Signal, memo},
    ui::{Button, Choice, Field, FieldKind, For, Photo, PhotoAdd, PhotoStrip, Picks, view},
    words::round as said,
};

/// What was begun to be said; on the device from the first photo on, so that a page killed behind the camera loses nothing.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
struct Noted {
    photos: Vec<PhotoRef>,
    reason: String,
}

/// Why something is done otherwise than planned, with photos where they help.
#[component]
pub fn ReasonForm(
    /// The page.
    page: Page,
    /// What for.
    asked: Asked,
) -> impl IntoView {
    let i18n = use_i18n();
    let (what, stop) = match &asked {
        Asked::CannotScan(stop) => ("scan", Some(stop)),
        Asked::Skip(stop) => ("skip", Some(stop)),
        Asked::Finish | Asked::Prove | Asked::HandOver => ("finish", None),
    };
    let key = StoredValue::new(format!("round-{}-{what}-{}", page.id, stop.map_or("", |stop| stop.as_str())));
    let with_photos = stop.is_some();
    if matches!(asked, Asked::CannotScan(_)) {
        page.locate();
    }
    let noted = RwSignal::new(Noted::default());
    leptos::task::spawn_local(async move {
        let found = page.state.draft::<Noted>(&key.get_value()).await.ok().flatten();
        if let Some(found) = found {
            let _ = noted.try_set(found);
        }
    });
    let (text, reasons) = match &asked {
        Asked::CannotScan(_) => (
            t_string!(i18n, rounds.cannot_text),
            [
                t_string!(i18n, rounds.why_label_gone),
                t_string!(i18n, rounds.why_label_broken),
                t_string!(i18n, rounds.why_camera),
                t_string!(i18n, rounds.why_no_way),
            ]
            .to_vec(),
        ),
        Asked::Skip(_) => (
            t_string!(i18n, rounds.skip_text),
            [
                t_string!(i18n, rounds.why_locked),
                t_string!(i18n, rounds.why_works),
                t_string!(i18n, rounds.why_danger),
            ]
            .to_vec(),
        ),
        Asked::Finish | Asked::Prove | Asked::HandOver => (
            t_string!(i18n, rounds.finish_text),
            [
                t_string!(i18n, rounds.why_called),
                t_string!(i18n, rounds.why_weather),
                t_string!(i18n, rounds.why_unwell),
            ]
            .to_vec(),
        ),
    };
    let choices: Vec<Choice> = reasons.into_iter().map(|reason| Choice::new(reason, reason)).collect();
    let reason = Signal::derive(move || noted.with(|noted| noted.reason.clone()));
    let say = move |reason: String| noted.update(|noted| noted.reason = reason);
    let send = move || {
        let Noted { photos, reason } = noted.get_untracked();
        let (draft, reason) = (Some(key.get_value()), reason.trim().to_owned());
        let close = move || {
            let _ = page.asked.try_set(None);
            let _ = page.opened.try_set(None);
        };
        match asked.clone() {
            Asked::CannotScan(stop) => page.tick(stop, Proof::Photo { reason, photos }, draft),
            Asked::Skip(stop) => page.act(RoundCommand::Skip { stop, reason, photos }, draft, close),
            Asked::Finish | Asked::Prove | Asked::HandOver => {
                page.act(RoundCommand::Finish { reason }, draft, close);
            }
        }
    };
    let photos = with_photos.then(|| view! { <Shots page=page key=key noted=noted /> });
    view! {
        <p class="s">{text}</p>
        {photos}
        <Picks
            name="why"
            legend=t_string!(i18n, rounds.reason)
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
            // The rules' limit is a few thousand.
            max=u32::try_from(TEXT_MAX).unwrap_or(u32::MAX)
            required=true
        />
        <Button
            label=t_string!(i18n, rounds.done)
            busy=page.busy
            disabled=Signal::derive(move || reason.with(|reason| reason.trim().is_empty()))
            on_click=send
        />
    }
    .into_any()
}

/// Photos of the place.
#[component]
fn Shots(page: Page, key: StoredValue<String>, noted: RwSignal<Noted>) -> impl IntoView {
    let i18n = use_i18n();
    let photos = memo(move |_| noted.with(|noted| noted.photos.clone()));
    let shoot = Callback::new(move |event: ev::Event| {
        let chosen = photo::chosen(&event);
        leptos::task::spawn_local(async move {
            for chosen in chosen {
                let (Some(key), Some(before)) = (key.try_get_value(), noted.try_get_untracked()) else {
                    return;
                };
                let taken = page.state.take_photo(&key, &chosen, move |photo| {
                    let mut with = before;
                    with.photos.push(photo);
                    with
                });
                match taken.await {
                    Ok(photo) => drop(noted.try_update(|noted| noted.photos.push(photo))),
                    Err(rejection) => return toast(Err(rejection)),
                }
            }
        });
    });
    let drop_photo = move |photo: PhotoRef| {
        noted.update(|noted| noted.photos.retain(|kept| kept.id != photo.id));
        let (key, rest) = (key.get_value(), noted.get_untracked());
        leptos::task::spawn_local(async move {
            if let Err(rejection) = page.state.drop_photo(&key, &rest, &photo).await {
                toast(Err(rejection));
            }
        });
    };
    view! {
        <PhotoStrip label=t_string!(i18n, case.photos)>
            <For each=move || photos.get() key=|photo| photo.id let(photo)>
                {
                    let src = picture(page.state, CaseId(page.id.0), photo.id, Part::Thumb);
                    let gone = photo.clone();
                    view! {
                        <Photo
                            src=src
                            alt=t_string!(i18n, case.photo)
                            on_open=|()| ()
                            remove=t_string!(i18n, case.remove_photo)
                            on_remove=move |()| drop_photo(gone.clone())
                        />
                    }
                }
            </For>
            <PhotoAdd label=t_string!(i18n, rounds.add_photo) camera=true on_files=shoot />
        </PhotoStrip>
    }
    .into_any()
}

/// Who goes on.
#[component]
pub fn HandOverForm(
    /// The page.
    page: Page,
) -> impl IntoView {
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let hand = move |to: PersonId| {
        let named = page.state.property.with_untracked(|property| {
            property.as_ref().map(|property| property.name(to)).unwrap_or_default()
        });
        let done = said::with(td_string!(i18n.get_locale_untracked(), rounds.handed), &named);
        page.act(RoundCommand::HandOver { to, reason: String::new() }, None, move || {
            let _ = page.asked.try_set(None);
            toast(Ok(done));
            address.to("/rounds");
        });
    };
    view! {
        <p class="s">{t_string!(i18n, rounds.hand_text)}</p>
        <PersonPicker
            without=page.me()
            selected=Signal::derive(|| None::<PersonId>)
            on_pick=hand
        />
    }
    .into_any()
}
