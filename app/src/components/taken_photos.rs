//! Photos of something that is begun: on this device, and in no command yet.

use ::device::Album;
use leptos::prelude::*;
use shared::{case::command::PhotoRef, ids::AttachmentId, wire::Part};

use super::{picture, taken};
use crate::{
    i18n::*,
    reactive::{RwSignal, Signal, memo},
    state::State,
    ui::{For, Lightbox, Photo, PhotoStrip, Picture, Show, view},
    words,
};

/// The photos taken so far, full size on tap, and what adds to them while none is being saved.
#[component]
pub fn TakenPhotos(
    /// Those taken so far.
    #[prop(into)]
    photos: Signal<Vec<PhotoRef>>,
    /// What they will be photos of.
    #[prop(into)]
    of: Album,
    /// One is being made small and saved.
    #[prop(into)]
    saving: Signal<bool>,
    /// Called with one that is taken out again.
    #[prop(into)]
    on_remove: Callback<PhotoRef>,
    /// What adds one.
    children: ChildrenFn,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let shown = RwSignal::new(None::<usize>);
    let name = move |index: usize| format!("{} {}", t_string!(i18n, field.photo), index + 1);
    let place_of =
        move |id| photos.with(|photos| photos.iter().position(|photo| photo.id == id)).unwrap_or(0);
    let time = move |id: AttachmentId| {
        state.property.with(|property| {
            let zone = &property.as_ref()?.zone;
            Some(words::clock(zone, taken(id)?.plus(state.offset())))
        })
    };
    // Full-size photos are read when somebody looks.
    let addresses = memo(move |_| {
        let wanted = if shown.get().is_some() { photos.get() } else { Vec::new() };
        wanted
            .into_iter()
            .map(|photo| (picture(state, of, photo.id, Part::Full), photo.id))
            .collect::<Vec<_>>()
    });
    let pictures = Signal::derive(move || {
        addresses.with(|addresses| {
            addresses
                .iter()
                .enumerate()
                .map(|(index, (src, id))| Picture {
                    src: src.get().unwrap_or_default(),
                    alt: name(index),
                    caption: time(*id).unwrap_or_default(),
                })
                .collect::<Vec<_>>()
        })
    });
    view! {
        <PhotoStrip label=t_string!(i18n, field.photos)>
            <For each=move || photos.get() key=|photo| photo.id let(photo)>
                <Photo
                    src=picture(state, of, photo.id, Part::Thumb)
                    alt=move || name(place_of(photo.id))
                    time=move || time(photo.id).unwrap_or_default()
                    on_open=move || shown.set(Some(place_of(photo.id)))
                    remove=move || {
                        format!("{} {}", t_string!(i18n, field.remove_photo), place_of(photo.id) + 1)
                    }
                    on_remove=move || on_remove.run(photo.clone())
                />
            </For>
            <Show when=move || !saving.get()>{children()}</Show>
            <Show when=move || saving.get()>
                <div class="photo-add" role="status">
                    <span class="spin" aria-hidden="true"></span>
                    <span>{t_string!(i18n, field.keeping_photo)}</span>
                </div>
            </Show>
        </PhotoStrip>
        <Lightbox
            pictures=pictures
            shown=shown
            label=t_string!(i18n, field.photos)
            close=t_string!(i18n, frame.close)
            previous=t_string!(i18n, frame.previous)
            next=t_string!(i18n, frame.next)
        />
    }
    .into_any()
}
