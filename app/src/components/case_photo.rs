//! Photos of a case or a round: from this device where it has them, from the server else.

use ::device::Album;
use leptos::prelude::*;
use shared::{
    case::{Case, Photo as CasePhoto},
    ids::{AttachmentId, CaseId},
    sync::{UploadRow, UploadState},
    wire::Part,
};

use crate::{
    i18n::*,
    platform::device::ObjectUrl,
    reactive::{RwSignal, Signal, effect, memo},
    state::State,
    ui::{Lightbox, Photo, PhotoStrip, Picture, Show, view},
    words,
};

/// The address of a photo's part, as soon as its bytes are there; `None` until then. It is void when the owner that
/// asked for it is gone.
pub fn picture(
    state: State,
    of: impl Into<Album>,
    photo: AttachmentId,
    part: Part,
) -> RwSignal<Option<String>> {
    picture_of(state, of.into(), photo, part)
}

fn picture_of(state: State, of: Album, photo: AttachmentId, part: Part) -> RwSignal<Option<String>> {
    let address = RwSignal::new(None);
    let held: StoredValue<Option<ObjectUrl>, LocalStorage> = StoredValue::new_local(None);
    // The server has the bytes only from some version on: until then it is asked anew with every version.
    let version = memo(move |_| match of {
        Album::Case(case) => state.cases.with(|cases| cases.get(&case).map(|view| view.version())),
        Album::Round(id) => state
            .rounds
            .with(|rounds| rounds.iter().find(|round| round.id == id.0).map(|round| round.version)),
    });
    effect(move || {
        version.get();
        if address.with_untracked(Option::is_some) {
            return;
        }
        leptos::task::spawn_local(async move {
            let Ok(bytes) = state.photo(of, photo, part).await else { return };
            let Ok(url) = ObjectUrl::new(&bytes, "image/jpeg") else { return };
            let text = url.as_str().to_owned();
            // The page may have been left meanwhile: then the address is dropped and nobody sees it.
            if held.try_set_value(Some(url)).is_none() {
                let _ = address.try_set(Some(text));
            }
        });
    });
    address
}

/// The small picture of a case in a list; nothing where it has none.
#[component]
pub fn Thumb(
    /// The case whose first photo is shown.
    case: CaseId,
    /// That photo.
    photo: Option<AttachmentId>,
) -> impl IntoView {
    let state = expect_context::<State>();
    match photo {
        None => ().into_any(),
        Some(photo) => {
            let src = picture(state, case, photo, Part::Thumb);
            view! {
                <span class="thumb" aria-hidden="true">
                    {move || src.get().map(|src| view! { <img src=src alt="" /> })}
                </span>
            }
            .into_any()
        }
    }
}

/// How much of a photo has reached the server, from 0 to 1; `None` where that is no question any more.
fn progress(uploads: &[UploadRow], photo: &CasePhoto) -> Option<f64> {
    uploads
        .iter()
        .find(|upload| upload.photo == photo.photo.id && upload.part == Part::Full && !photo.kept)
        .map(|upload| match upload.state {
            UploadState::Done { .. } => 1.0,
            UploadState::Waiting | UploadState::Refused { .. } => {
                f64::from(upload.offset) / f64::from(upload.bytes.max(1))
            }
        })
}

/// All photos of a case, with a full-size view on tap.
#[component]
pub fn CasePhotos(
    /// The case.
    #[prop(into)]
    case: Signal<Case>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let shown = RwSignal::new(None::<usize>);
    let id = case.with_untracked(|case| case.id);
    let photos = memo(move |_| case.with(|case| case.photos.clone()));
    let time = move |photo: &CasePhoto| {
        state.property.with(|property| {
            property.as_ref().map(|property| words::clock(&property.zone, photo.at)).unwrap_or_default()
        })
    };
    let alt = move |index: usize, photo: &CasePhoto| {
        let after = if photo.after { t_string!(i18n, case.photo_after) } else { t_string!(i18n, case.photo) };
        format!("{after} {}", index + 1)
    };
    let strip = move || {
        photos
            .get()
            .into_iter()
            .enumerate()
            .map(|(index, photo)| {
                let src = picture(state, id, photo.photo.id, Part::Thumb);
                let (label, at) = (alt(index, &photo), time(&photo));
                let progress = Signal::derive(move || state.uploads.with(|rows| progress(rows, &photo)));
                view! { <Photo src=src alt=label time=at progress=progress on_open=move || shown.set(Some(index)) /> }
            })
            .collect_view()
    };
    // Full-size photos are fetched when somebody looks.
    let large = memo(move |_| shown.get().is_some());
    let addresses = memo(move |_| {
        let wanted = if large.get() { photos.get() } else { Vec::new() };
        wanted
            .into_iter()
            .map(|photo| {
                let small = picture(state, id, photo.photo.id, Part::Thumb);
                (picture(state, id, photo.photo.id, Part::Full), small, photo)
            })
            .collect::<Vec<_>>()
    });
    let pictures = Signal::derive(move || {
        addresses.with(|addresses| {
            addresses
                .iter()
                .enumerate()
                .map(|(index, (full, small, photo))| Picture {
                    src: full.get().or_else(|| small.get()).unwrap_or_default(),
                    alt: alt(index, photo),
                    caption: time(photo),
                })
                .collect::<Vec<_>>()
        })
    });
    view! {
        <Show when=move || !photos.with(Vec::is_empty)>
            <PhotoStrip label=t_string!(i18n, case.photos)>{strip}</PhotoStrip>
        </Show>
        <Lightbox
            pictures=pictures
            shown=shown
            label=t_string!(i18n, case.photos)
            close=t_string!(i18n, frame.close)
            previous=t_string!(i18n, frame.previous)
            next=t_string!(i18n, frame.next)
        />
    }
}
