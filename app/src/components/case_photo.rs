//! Photos of a case or a round: from this device where it has them, from the server else.

use ::device::Album;
use leptos::{prelude::*, text_prop::TextProp};
use shared::{
    case::{Case, Photo as CasePhoto},
    ids::{AttachmentId, CaseId},
    sync::{UploadRow, UploadState},
    wire::Part,
};

use crate::{
    i18n::*,
    order,
    platform::device::ObjectUrl,
    reactive::{RwSignal, Signal, effect, memo},
    state::State,
    ui::{Lightbox, Photo, PhotoStrip, Picture, Show, Tone, view},
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

/// From when in a case's story a photo is; they stand in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum When {
    /// It came with the report.
    Reported,
    /// It was added later.
    Added,
    /// It shows the work done.
    After,
}

impl When {
    fn of(case: &Case, photo: &CasePhoto) -> Self {
        if photo.after {
            When::After
        } else if photo.at == case.reported.at {
            When::Reported
        } else {
            When::Added
        }
    }

    fn word(self, locale: Locale) -> &'static str {
        match self {
            When::Reported => td_string!(locale, case.photo_reported),
            When::Added => td_string!(locale, case.photo_added),
            When::After => td_string!(locale, case.photo_done),
        }
    }

    const fn tone(self) -> Tone {
        match self {
            When::Reported | When::Added => Tone::Neutral,
            When::After => Tone::Ok,
        }
    }
}

/// The photos of a case, those of the report first and those of the work done last.
fn grouped(case: &Case) -> Vec<(When, CasePhoto)> {
    let photos = case.photos.iter().map(|photo| (When::of(case, photo), photo.clone())).collect();
    order::by(photos, |(when, _)| [*when as i64, 0, 0])
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
    let photos = memo(move |_| case.with(grouped));
    let time = move |photo: &CasePhoto| {
        state.property.with(|property| {
            property.as_ref().map(|property| words::clock(&property.zone, photo.at)).unwrap_or_default()
        })
    };
    let alt = move |index: usize, when: When| {
        let after =
            if when == When::After { t_string!(i18n, case.photo_after) } else { t_string!(i18n, case.photo) };
        format!("{after} {}", index + 1)
    };
    let strip = move || {
        photos
            .get()
            .into_iter()
            .enumerate()
            .map(|(index, (when, photo))| {
                let src = picture(state, id, photo.photo.id, Part::Thumb);
                let (label, at) = (alt(index, when), time(&photo));
                let progress = Signal::derive(move || state.uploads.with(|rows| progress(rows, &photo)));
                view! {
                    <Photo
                        src=src
                        alt=label
                        time=at
                        tag=TextProp::from(move || when.word(i18n.get_locale()))
                        tone=when.tone()
                        progress=progress
                        on_open=move || shown.set(Some(index))
                    />
                }
            })
            .collect_view()
    };
    // Full-size photos are fetched when somebody looks.
    let large = memo(move |_| shown.get().is_some());
    let addresses = memo(move |_| {
        let wanted = if large.get() { photos.get() } else { Vec::new() };
        wanted
            .into_iter()
            .map(|(when, photo)| {
                let small = picture(state, id, photo.photo.id, Part::Thumb);
                (picture(state, id, photo.photo.id, Part::Full), small, when, photo)
            })
            .collect::<Vec<_>>()
    });
    let pictures = Signal::derive(move || {
        addresses.with(|addresses| {
            addresses
                .iter()
                .enumerate()
                .map(|(index, (full, small, when, photo))| Picture {
                    src: full.get().or_else(|| small.get()).unwrap_or_default(),
                    alt: alt(index, *when),
                    caption: format!("{} · {}", when.word(i18n.get_locale()), time(photo)),
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

#[cfg(test)]
mod tests {
    use shared::{case::CaseCommand, time::MINUTE};

    use super::*;
    use crate::components::office_kit::{
        GUARD, MORNING, TECHNICIAN, at_server, dispatched, photo, report, then,
    };

    #[test]
    fn photos_stand_by_when_they_are_from_and_the_work_done_comes_last() {
        let case = dispatched(&at_server(10, &report("leak", 2), MORNING, 0), MORNING);
        let later = |minutes: i64| MORNING.plus(minutes * MINUTE);
        let done = CaseCommand::Complete { result: "修好了".to_owned(), photos: vec![photo(7)] };
        let case = then(&case, TECHNICIAN, &done, later(1));
        let remark = CaseCommand::Comment { text: String::new(), photos: vec![photo(8)] };
        let case = then(&case, GUARD, &remark, later(2));
        let shown: Vec<(When, AttachmentId)> =
            grouped(&case).into_iter().map(|(when, photo)| (when, photo.photo.id)).collect();
        let expected = [(When::Reported, 1), (When::Reported, 2), (When::Added, 8), (When::After, 7)];
        assert_eq!(shown, expected.map(|(when, number)| (when, photo(number).id)));
    }
}
