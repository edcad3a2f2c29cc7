//! A case in a line: its number, what it is about and where, as a way to its page.

use leptos::prelude::*;
use shared::ids::CaseId;

use crate::{
    i18n::*,
    state::State,
    ui::{Glyph, Icon, view},
    words,
};

/// A case that was reported from a stop. Where this device does not have it, it goes by its code.
#[component]
pub fn CaseLink(
    /// Which.
    case: CaseId,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let name = move || {
        let property = state.property.get();
        let year = property.as_ref().map_or(0, |property| property.zone.day(state.now_ms()).year());
        let locale = i18n.get_locale();
        match state.case(case).zip(property) {
            Some((view, property)) => {
                let number = words::number(locale, view.number(), case, year);
                format!("{number} {}", words::heading(locale, &property, &view))
            }
            None => words::number(locale, None, case, year),
        }
    };
    view! {
        <a class="link" href=format!("/cases/{case}")>
            <Icon glyph=Glyph::Warn size="little" />
            <span>{name}</span>
        </a>
    }
    .into_any()
}
