//! What this device has to say of itself: that its room runs out, and that it still carries what colleagues left.

use leptos::prelude::*;

use crate::{
    i18n::*,
    platform::device::Room,
    reactive::memo,
    state::State,
    ui::{Banner, Glyph, Show, Tone, view},
};

/// Less room than this is worth a warning: some forty photos.
const LITTLE_ROOM: u64 = 20 * 1_024 * 1_024;

/// A warning before the room runs out; nothing while there is enough, or where the browser does not say.
#[component]
pub fn LittleRoom() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let little = memo(move |_| state.room.get().and_then(Room::left).is_some_and(|left| left < LITTLE_ROOM));
    view! {
        <Show when=move || little.get()>
            <Banner text=t_string!(i18n, field.little_room) tone=Tone::Warn glyph=Glyph::Warn />
        </Show>
    }
    .into_any()
}

/// How many records of colleagues go out from this device: that there are some, and nothing of what they say (R9, R10).
#[component]
pub fn LeftByOthers() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let text = move || {
        t_string!(i18n, field.left_by_others).replace("{count}", &state.left_by_others.get().to_string())
    };
    view! {
        <Show when=move || { state.left_by_others.get() > 0 }>
            <Banner text=text tone=Tone::Info glyph=Glyph::Up />
        </Show>
    }
    .into_any()
}
