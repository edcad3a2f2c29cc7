//! Photos: the strip to shoot into, and the full-size view.

use leptos::{ev, prelude::*, text_prop::TextProp};

use super::dialog::{closed, modal};
use super::{Glyph, Icon, IconButton, Progress, Tone, view, words};

use crate::reactive::{RwSignal, Signal, memo};

/// A row of [`Photo`]s that scrolls sideways, or a grid.
#[component]
pub fn PhotoStrip(
    /// Name of the group for screen readers.
    #[prop(into)]
    label: TextProp,
    /// As a grid.
    #[prop(optional)]
    grid: bool,
    /// The photos, and at the end perhaps a [`PhotoAdd`].
    children: Children,
) -> impl IntoView {
    view! {
        <div class="photos" class:grid=grid role="group" aria-label=move || label.get()>
            {children()}
        </div>
    }
    .into_any()
}

/// One small photo that opens on tap.
#[component]
pub fn Photo(
    /// Where its thumbnail is; `None` while it has not arrived.
    #[prop(into)]
    src: Signal<Option<String>>,
    /// What it shows, as the name of the button that opens it.
    #[prop(into)]
    alt: TextProp,
    /// When it was taken, `14:32`.
    #[prop(optional, into)]
    time: Option<TextProp>,
    /// From when in the story it is, in a word: reported, after the work.
    #[prop(optional, into)]
    tag: Option<TextProp>,
    /// The colour of that word.
    #[prop(optional)]
    tone: Tone,
    /// How much of it is sent, from 0 to 1, while a bar is to be shown; its name is `alt`.
    #[prop(optional, into)]
    progress: Signal<Option<f64>>,
    /// Called to see it in full.
    #[prop(into)]
    on_open: Callback<()>,
    /// Name of the button that removes it; shown together with `on_remove`.
    #[prop(optional, into)]
    remove: Option<TextProp>,
    /// Called to remove it.
    #[prop(optional, into)]
    on_remove: Option<Callback<()>>,
) -> impl IntoView {
    let picture = move || match src.get() {
        Some(src) => view! { <img src=src alt="" decoding="async"/> }.into_any(),
        None => view! { <Icon glyph=Glyph::Gallery/> }.into_any(),
    };
    let has_bar = memo(move |_| progress.get().is_some());
    let bar_name = alt.clone();
    let bar = move || {
        let label = bar_name.clone();
        has_bar.get().then(|| {
            let value = Signal::derive(move || progress.get().unwrap_or(0.0));
            view! { <Progress label value/> }.into_any()
        })
    };
    let drop = remove.zip(on_remove).map(|(name, on_remove)| {
        view! {
            <button
                type="button"
                class="photo-drop"
                aria-label=move || name.get()
                on:click=move |_| on_remove.run(())
            >
                <span>
                    <Icon glyph=Glyph::X/>
                </span>
            </button>
        }
    });
    view! {
        <div class="photo">
            <button
                type="button"
                class="photo-open"
                aria-label=move || alt.get()
                on:click=move |_| on_open.run(())
            >
                {picture}
            </button>
            {tag.map(|tag| view! { <span class=format!("photo-tag {}", tone.class())>{words(tag)}</span> })}
            {time.map(|time| view! { <span class="photo-time">{words(time)}</span> })}
            {bar}
            {drop}
        </div>
    }
    .into_any()
}

/// Takes photos: with the camera or from the gallery, several at once.
#[component]
pub fn PhotoAdd(
    /// What it says.
    #[prop(into)]
    label: TextProp,
    /// Opens the camera straight away; else the phone offers its gallery.
    #[prop(optional)]
    camera: bool,
    /// How it looks: `"photo-add"`, the tile at the end of a strip, or a button such as `"btn hero"`.
    #[prop(default = "photo-add")]
    class: &'static str,
    /// Called with the change event of the file input, which has the files.
    #[prop(into)]
    on_files: Callback<ev::Event>,
) -> impl IntoView {
    let glyph = if camera { Glyph::Cam } else { Glyph::Gallery };
    view! {
        <label class=format!("shoot {class}")>
            <Icon glyph/>
            <span>{words(label)}</span>
            <input
                type="file"
                accept="image/*"
                multiple=true
                capture=camera.then_some("environment")
                on:change=move |event| on_files.run(event)
            />
        </label>
    }
    .into_any()
}

/// What the full-size view knows of one photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Where the photo in full size is.
    pub src: String,
    /// What it shows.
    pub alt: String,
    /// By whom and when it was taken.
    pub caption: String,
}

/// Photos over the whole screen, one at a time. A tap switches between fitting the screen and full size; the arrow
/// keys turn the pages.
#[component]
pub fn Lightbox(
    /// The photos, in order.
    #[prop(into)]
    pictures: Signal<Vec<Picture>>,
    /// Which one is shown; `None` while it is closed.
    shown: RwSignal<Option<usize>>,
    /// Name of the view for screen readers.
    #[prop(into)]
    label: TextProp,
    /// Name of the button that closes it.
    #[prop(into)]
    close: TextProp,
    /// Name of the button to the photo before.
    #[prop(into)]
    previous: TextProp,
    /// Name of the button to the photo after.
    #[prop(into)]
    next: TextProp,
) -> impl IntoView {
    let open = Signal::derive(move || shown.get().is_some());
    let on_close = Callback::new(move |()| shown.set(None));
    let dialog = modal(open);
    let zoomed = RwSignal::new(false);
    let count = Signal::derive(move || pictures.with(Vec::len));
    let turn = move |by: isize| {
        let target = shown.get_untracked().and_then(|at| at.checked_add_signed(by));
        if let Some(target) = target.filter(|target| *target < count.get_untracked()) {
            zoomed.set(false);
            shown.set(Some(target));
        }
    };
    let caption = move || picture_at(pictures, shown).map(|picture| picture.caption);
    let stage = move || {
        picture_at(pictures, shown).map(|Picture { src, alt, .. }| {
            view! {
                <button
                    type="button"
                    class="lightbox-zoom"
                    aria-pressed=move || zoomed.get().to_string()
                    on:click=move |_| zoomed.update(|zoomed| *zoomed = !*zoomed)
                >
                    <img src=src alt=alt/>
                </button>
            }
            .into_any()
        })
    };
    let position = move || shown.get().map(|at| format!("{} / {}", at + 1, count.get()));
    let at_start = Signal::derive(move || shown.get().is_none_or(|at| at == 0));
    let at_end = Signal::derive(move || shown.get().is_none_or(|at| at + 1 >= count.get()));
    view! {
        <dialog
            class="lightbox"
            node_ref=dialog
            tabindex="-1"
            aria-label=move || label.get()
            on:close=move |_| {
                zoomed.set(false);
                closed(open, on_close);
            }
            on:keydown=move |event| match event.key().as_str() {
                "ArrowLeft" => turn(-1),
                "ArrowRight" => turn(1),
                _ => {}
            }
        >
            <div class="lightbox-bar">
                <span class="grow one-line">{caption}</span>
                <IconButton glyph=Glyph::X label=close on_click=on_close/>
            </div>
            <div class="lightbox-stage">{stage}</div>
            <div class="lightbox-foot">
                <IconButton
                    glyph=Glyph::ArrowLeft
                    label=previous
                    disabled=at_start
                    on_click=move || turn(-1)
                />
                <span class="num" aria-live="polite">
                    {position}
                </span>
                <IconButton glyph=Glyph::ArrowRight label=next disabled=at_end on_click=move || turn(1)/>
            </div>
        </dialog>
    }
    .into_any()
}

fn picture_at(pictures: Signal<Vec<Picture>>, shown: RwSignal<Option<usize>>) -> Option<Picture> {
    let at = shown.get()?;
    pictures.with(|pictures| pictures.get(at).cloned())
}
