//! Giving a case to a handler, with the promise in the same breath.

use leptos::prelude::*;
use shared::{
    case::CaseCommand,
    ids::{CaseId, PersonId},
};

use super::{
    asking::Asking,
    candidates::candidates,
    form::{ActionForm, TEXT_MAX},
    person::{PersonPick, SHOWN},
    when::{When, promises},
};
use crate::{
    i18n::*,
    reactive::{RwSignal, memo},
    state::State,
    ui::{Field, Show, view},
};

/// Names and ids of the form's fields, so that one may stand in the sheet and one in the page.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    person: &'static str,
    search: &'static str,
    note: &'static str,
    promise: &'static str,
    time: &'static str,
    /// How many colleagues stand there at first.
    few: usize,
}

impl Names {
    /// In the sheet.
    pub const SHEET: Names = Names {
        person: "dispatch-to",
        search: "dispatch-search",
        note: "dispatch-note",
        promise: "dispatch-promise",
        time: "dispatch-time",
        few: SHOWN,
    };
    /// In the desk's pane.
    pub const PANE: Names = Names {
        person: "pane-dispatch-to",
        search: "pane-dispatch-search",
        note: "pane-dispatch-note",
        promise: "pane-dispatch-promise",
        time: "pane-dispatch-time",
        // The button below them stays in sight on a tablet.
        few: 3,
    };
}

/// The form.
#[component]
pub fn DispatchForm(
    /// The case.
    case: CaseId,
    /// Whom the refused command named, where this one mends it.
    #[prop(optional_no_strip)]
    to: Option<PersonId>,
    /// What it said.
    #[prop(optional)]
    note: String,
    /// Where it stands.
    names: Names,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let chosen = RwSignal::new(to);
    let note = RwSignal::new(note);
    let until = RwSignal::new(None);
    let view = memo(move |_| state.cases.with(|cases| cases.get(&case).cloned()));
    let people = memo(move |_| {
        let Some(property) = state.property.get() else { return Vec::new() };
        view.with(|view| {
            let Some(case) = view.as_ref().and_then(|view| view.full()) else { return Vec::new() };
            state.cases.with(|cases| candidates(&property, cases.values().map(AsRef::as_ref), case))
        })
    });
    let promised = memo(move |_| {
        view.with(|view| {
            view.as_ref().and_then(|view| view.full()).is_some_and(|case| case.promise.is_some())
        })
    });
    let first = memo(move |_| {
        view.with(|view| view.as_ref().is_some_and(|view| view.stage() == shared::case::StageName::Reported))
    });
    let usual = state.property.with_untracked(|property| {
        let view = view.get_untracked();
        let case = view.as_ref().and_then(|view| view.full());
        property.as_ref().map(|property| promises(property, case, state.now_ms())).unwrap_or_default()
    });
    let send = move |()| {
        let Some(to) = chosen.get_untracked() else { return };
        let mut commands = vec![CaseCommand::Dispatch { to, note: note.get_untracked().trim().to_owned() }];
        commands
            .extend(until.get_untracked().map(|until| CaseCommand::Promise { until, reason: String::new() }));
        asking.send(case, commands, None);
    };
    let label = move || {
        if first.get() { t_string!(i18n, case.take_and_dispatch) } else { t_string!(i18n, case.redispatch) }
    };
    view! {
        <ActionForm label=label incomplete=move || chosen.get().is_none() on_send=send>
            <PersonPick
                name=names.person
                field=names.search
                legend=t_string!(i18n, case.dispatch_to)
                people=people
                load=true
                few=names.few
                chosen=chosen
            />
            <Show when=move || !promised.get()>
                <When
                    name=names.promise
                    field=names.time
                    legend=t_string!(i18n, case.promise_done_by)
                    usual=usual.clone()
                    optional=true
                    at=until
                />
            </Show>
            <Field
                id=names.note
                label=t_string!(i18n, case.note_for_handler)
                value=note
                on_input=move |typed| note.set(typed)
                max=TEXT_MAX
                autocomplete="off"
            />
        </ActionForm>
    }
    .into_any()
}
