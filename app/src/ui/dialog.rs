//! Dialogs. The browser's own `<dialog>` holds the focus inside, gives it back afterwards, and closes on Escape and
//! on Android's back gesture; on the browser's way back it is closed by `app/src/address.rs`.

use leptos::{ev, html, prelude::*, text_prop::TextProp};

use super::{Glyph, IconButton, view, words};

use crate::reactive::{Signal, effect};

/// A sheet that rises from below on phones and lies in the middle of wide screens.
///
/// Its children are built when it opens and dropped when it closes.
#[component]
pub fn Sheet(
    /// The id of its heading, unique on the page.
    id: &'static str,
    /// What it is about.
    #[prop(into)]
    title: TextProp,
    /// Name of its close button.
    #[prop(into)]
    close: TextProp,
    /// Whether it is open.
    #[prop(into)]
    open: Signal<bool>,
    /// Called when the person closes it, in whatever way; the caller then turns `open` off.
    #[prop(into)]
    on_close: Callback<()>,
    /// What lies in it.
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = modal(open);
    view! {
        <dialog
            class="sheet"
            node_ref=dialog
            tabindex="-1"
            aria-labelledby=id
            on:close=move |_| closed(open, on_close)
            on:click=move |event| {
                if on_veil(&event) {
                    on_close.run(());
                }
            }
        >
            <div class="sheet-in">
                <div class="sheet-head">
                    <h2 id=id>{words(title)}</h2>
                    <IconButton glyph=Glyph::X label=close on_click=on_close/>
                </div>
                <div class="sheet-body">{move || open.get().then(|| children())}</div>
            </div>
        </dialog>
    }
    .into_any()
}

/// A dialog element that is shown, above everything and alone in reach, while `open` holds.
pub(super) fn modal(open: Signal<bool>) -> NodeRef<html::Dialog> {
    let dialog = NodeRef::<html::Dialog>::new();
    effect(move || {
        let open = open.get();
        if let Some(dialog) = dialog.get()
            && open != dialog.open()
        {
            if !open {
                dialog.close();
                return;
            }
            if dialog.show_modal().is_err() {
                // Not in the document yet: shown in place rather than not at all.
                dialog.set_open(true);
            }
            // The dialog itself and not its first button, so that its name is read out first. Should this fail,
            // the focus stays where the browser put it, inside.
            dialog.focus().ok();
        }
    });
    dialog
}

/// Tells the caller that the browser closed the dialog, unless the caller did so itself.
pub(super) fn closed(open: Signal<bool>, on_close: Callback<()>) {
    if open.get_untracked() {
        on_close.run(());
    }
}

/// Whether a click hit the veil around the dialog: only then is the dialog itself the target.
fn on_veil(event: &ev::MouseEvent) -> bool {
    event.target() == event.current_target()
}
