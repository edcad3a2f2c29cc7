//! Saying and showing what was done.

use leptos::{prelude::*, reactive::owner::Owner};
use shared::{
    case::{CaseCommand, command::PhotoRef},
    ids::{CaseId, CommandId},
};

use super::{
    asking::Asking,
    form::{ActionForm, TEXT_MAX, Usual},
    offer::Action,
};
use crate::{
    components::{Form, Jotter, Jotting, TakenPhotos},
    i18n::*,
    reactive::{RwSignal, Signal, memo},
    state::State,
    ui::{Field, FieldKind, PhotoAdd, view},
};

/// The actions that keep a draft.
pub const DRAFTED: [Action; 3] = [Action::Complete, Action::Fix, Action::Comment];

/// The key of an action's draft: `complete:0190…`; of one that mends what was refused, `mend-0190…`.
pub fn draft_key(action: Action, case: CaseId, mends: Option<CommandId>) -> String {
    match mends {
        Some(command) => format!("mend-{command}"),
        None => format!("{}:{case}", action.kind().trim_start_matches("case.")),
    }
}

/// The usual answers of an action of [`DRAFTED`]: hands in gloves tap them.
fn usual(i18n: I18n, action: Action) -> Vec<&'static str> {
    match action {
        Action::Complete => vec![
            t_string!(i18n, case.result_mended),
            t_string!(i18n, case.result_part),
            t_string!(i18n, case.result_tested),
            t_string!(i18n, case.result_clean),
            t_string!(i18n, case.result_for_now),
            t_string!(i18n, case.result_nothing),
        ],
        Action::Fix => fixes(i18n),
        _ => vec![
            t_string!(i18n, case.remark_still),
            t_string!(i18n, case.remark_worse),
            t_string!(i18n, case.remark_better),
            t_string!(i18n, case.remark_asked),
        ],
    }
}

/// How a problem is usually solved on the spot.
pub fn fixes(i18n: I18n) -> Vec<&'static str> {
    vec![
        t_string!(i18n, case.fix_clean),
        t_string!(i18n, case.fix_shut),
        t_string!(i18n, case.fix_fastened),
        t_string!(i18n, case.fix_spoken),
    ]
}

/// The form of an action of [`DRAFTED`].
#[component]
pub fn WorkForm(
    /// The case.
    case: CaseId,
    /// Which of them.
    action: Action,
    /// The refused command that this one mends.
    mends: Option<CommandId>,
    /// What that said.
    #[prop(optional)]
    text: String,
    /// What it showed: the photos go with the command that takes its place.
    #[prop(optional)]
    photos: Vec<PhotoRef>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let owner = Owner::current().unwrap_or_default();
    let taking = RwSignal::new(false);
    let form = Form {
        busy: asking.busy,
        taking,
        say: Callback::new(move |rejection| owner.with(|| asking.refused(&rejection))),
        close: Callback::new(move |()| asking.close()),
    };
    let jotter = Jotter::open(state, form, draft_key(action, case, mends), Jotting { text, photos });
    let draft = jotter.jotting;
    let typed = move |text: String| jotter.write(text);
    let take = Callback::new(move |event: leptos::ev::Event| {
        asking.error.set(None);
        jotter.take(&event);
    });
    let send = move |()| {
        let Jotting { text, photos } = draft.get_untracked();
        let text = text.trim().to_owned();
        let command = match action {
            Action::Complete => CaseCommand::Complete { result: text, photos },
            Action::Fix => CaseCommand::Fix { result: text, photos },
            _ => CaseCommand::Comment { text, photos },
        };
        asking.send(case, vec![command], Some(jotter.key()));
    };
    let incomplete = Signal::derive(move || {
        taking.get()
            || !jotter.ready.get()
            || draft.with(|draft| match action {
                Action::Comment => draft.is_empty(),
                _ => draft.text.trim().is_empty(),
            })
    });
    let label = move || match action {
        Action::Complete => t_string!(i18n, case.what_was_done),
        Action::Fix => t_string!(i18n, case.what_was_done),
        _ => t_string!(i18n, case.comment_text),
    };
    let button = move || match action {
        Action::Complete => t_string!(i18n, case.complete_now),
        Action::Fix => t_string!(i18n, case.fix_now),
        _ => t_string!(i18n, case.comment_now),
    };
    let photos = memo(move |_| draft.with(|draft| draft.photos.clone()));
    let text = Signal::derive(move || draft.with(|draft| draft.text.clone()));
    let usual = Signal::derive(move || usual(i18n, action));
    view! {
        <ActionForm label=button incomplete=incomplete on_send=send>
            <TakenPhotos
                photos=photos
                of=case
                saving=taking
                on_remove=move |photo| jotter.remove(photo)
            >
                <PhotoAdd
                    label=t_string!(i18n, case.take_photo)
                    camera=true
                    on_files=take
                />
                <PhotoAdd label=t_string!(i18n, case.choose_photo) on_files=take />
            </TakenPhotos>
            <Usual answers=usual text=text on_text=typed />
            <Field
                id="work-text"
                label=label
                kind=FieldKind::Area
                value=text
                on_input=typed
                max=TEXT_MAX
            />
        </ActionForm>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_mends_something_refused_does_not_write_over_what_was_begun() {
        let (case, refused) = (CaseId(Uuid::from_u128(1)), CommandId(Uuid::from_u128(2)));
        let begun = DRAFTED.map(|action| draft_key(action, case, None));
        let mending = draft_key(Action::Comment, case, Some(refused));
        let other = draft_key(Action::Comment, case, Some(CommandId(Uuid::from_u128(3))));
        let keys: BTreeSet<String> = begun.into_iter().chain([mending, other]).collect();
        assert_eq!(keys.len(), DRAFTED.len() + 2);
    }
}
