//! What may be done to a case: the bar at the foot with the next action, the rest under "more", and the sheet that
//! asks what has to be said.

pub mod asking;
pub mod candidates;
mod dispatch;
mod form;
mod forms;
pub mod offer;
mod person;
pub mod when;
pub mod work;

use leptos::prelude::*;
use shared::{
    case::{CaseCommand, CaseView, StageName},
    ids::CaseId,
};

pub use asking::{Asked, Asking, What};
pub use dispatch::{DispatchForm, Names};
pub use form::Usual;
pub use offer::{Action, Offer, offer};

use crate::{
    components::{Jotting, minute::minute},
    i18n::*,
    reactive::{Memo, Signal, memo},
    state::State,
    ui::{Button, ButtonKind, Glyph, Icon, IconButton, Sheet, Show, view},
    words,
};
use forms::{ClassifyForm, ConfirmForm, PauseForm, PromiseForm, ReasonForm, SucceedForm, TellForm};
use work::{DRAFTED, WorkForm, draft_key};

/// What an action is called on a button; some are called differently as the next step than in the history.
pub fn label(locale: Locale, action: Action, stage: Option<StageName>) -> &'static str {
    match action {
        Action::Dispatch if stage == Some(StageName::Reported) => td_string!(locale, case.take_and_dispatch),
        Action::Dispatch => td_string!(locale, case.redispatch),
        Action::Reopen => td_string!(locale, case.not_solved),
        Action::Comment => td_string!(locale, case.add_photo),
        Action::Tell => td_string!(locale, case.tell_short),
        _ => words::action(locale, action.kind()),
    }
}

/// What this person is offered on a case now.
pub fn offered(state: State, case: Signal<Option<CaseId>>) -> Memo<Offer> {
    let now = minute(state);
    memo(move |_| {
        let view = case.get().and_then(|id| state.case(id));
        let (Some(view), Some(property)) = (view, state.property.get()) else { return Offer::default() };
        match view.as_ref() {
            CaseView::Full(full) => {
                let now = now.get();
                let who = property.standings(full, now);
                offer(full, who, property.me.id, &property.zone, now, |command: &CaseCommand| {
                    state.may(&view, command)
                })
            }
            // Of a complaint its first-asked person sees little, and adds what is left to say (R9).
            CaseView::Outline(_) => Offer { main: Some(Action::Comment), ..Offer::default() },
        }
    })
}

/// The next action, its counterpart, and the way to the rest; nothing where nothing may be done.
#[component]
pub fn CaseActions(
    /// The case.
    #[prop(into)]
    case: Signal<Option<CaseId>>,
    /// The next action has its form on the page already.
    #[prop(optional, into)]
    without: Signal<Option<Action>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let offer = offered(state, case);
    let stage = memo(move |_| case.get().and_then(|id| state.case(id)).map(|view| view.stage()));
    let begin = move |action: Action| {
        if let Some(case) = case.get_untracked() {
            asking.begin(case, action);
        }
    };
    let button = move |action: Action, kind: ButtonKind, class: &'static str| {
        view! {
            <Button
                label=move || label(i18n.get_locale(), action, stage.get())
                kind=kind
                class=class
                busy=asking.busy
                on_click=move |()| begin(action)
            />
        }
        .into_any()
    };
    let row = move || {
        let Offer { main, second, more } = offer.get();
        let main = main.filter(|main| Some(*main) != without.get());
        let rest = (!more.is_empty()).then(|| {
            view! {
                <IconButton
                    glyph=Glyph::Dots
                    class="keep"
                    label=t_string!(i18n, case.more)
                    on_click=move |()| {
                        if let Some(case) = case.get_untracked() {
                            asking.more(case);
                        }
                    }
                />
            }
        });
        view! {
            <div class="actions">
                {rest} {second.map(|action| button(action, ButtonKind::Ghost, ""))}
                {main.map(|action| button(action, ButtonKind::Main, "grow-2"))}
            </div>
        }
        .into_any()
    };
    let any = memo(move |_| offer.get() != Offer::default());
    view! { <Show when=move || any.get()>{row}</Show> }.into_any()
}

/// The sheet of the page: what has to be said for an action, or the list of them.
#[component]
pub fn ActionSheet() -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let asked = asking.asked;
    let title = move || match asked.get() {
        Some(Asked { case, what: What::Do(action), .. }) => {
            let stage = state.cases.with(|cases| cases.get(&case).map(|view| view.stage()));
            label(i18n.get_locale(), action, stage)
        }
        Some(Asked { what: What::More, .. }) | None => t_string!(i18n, case.more),
    };
    let body = move || asked.get().map(|asked| question(state, asked));
    view! {
        <Sheet
            id="case-action"
            title=title
            close=t_string!(i18n, frame.close)
            open=move || asked.get().is_some()
            on_close=move |()| asking.close()
        >
            {body}
        </Sheet>
    }
    .into_any()
}

fn question(state: State, asked: Asked) -> AnyView {
    let Asked { case, what, mends } = asked;
    let What::Do(action) = what else { return view! { <More case=case /> }.into_any() };
    let old = mends.and_then(|command| state.refused_command(command));
    let photos = old.as_ref().map(|old| old.photos().to_vec()).unwrap_or_default();
    let (text, to) = old.map_or_else(Default::default, said);
    match action {
        Action::Dispatch => view! { <DispatchForm case to note=text names=Names::SHEET /> }.into_any(),
        Action::Decline | Action::Reopen | Action::Cancel => {
            view! { <ReasonForm case action text /> }.into_any()
        }
        Action::Pause => view! { <PauseForm case text /> }.into_any(),
        Action::Promise => view! { <PromiseForm case postpone=false text /> }.into_any(),
        Action::Postpone => view! { <PromiseForm case postpone=true text /> }.into_any(),
        Action::Tell => view! { <TellForm case text /> }.into_any(),
        Action::Confirm => view! { <ConfirmForm case text /> }.into_any(),
        Action::Classify => view! { <ClassifyForm case text /> }.into_any(),
        Action::Succeed => view! { <SucceedForm case to text /> }.into_any(),
        // The last four never come here: they are done with one tap.
        Action::Complete
        | Action::Fix
        | Action::Comment
        | Action::Accept
        | Action::Arrive
        | Action::Resume
        | Action::Check => view! { <WorkForm case action mends text photos /> }.into_any(),
    }
}

/// What a refused command said, and whom it named.
fn said(command: CaseCommand) -> (String, Option<shared::ids::PersonId>) {
    match command {
        CaseCommand::Dispatch { to, note } => (note, Some(to)),
        CaseCommand::Succeed { to, reason } => (reason, Some(to)),
        CaseCommand::Decline { reason }
        | CaseCommand::Pause { reason, .. }
        | CaseCommand::Promise { reason, .. }
        | CaseCommand::Postpone { reason, .. }
        | CaseCommand::Confirm { reason, .. }
        | CaseCommand::Reopen { reason }
        | CaseCommand::Cancel { reason } => (reason, None),
        CaseCommand::Tell { note, .. } => (note, None),
        CaseCommand::Fix { result, .. } | CaseCommand::Complete { result, .. } => (result, None),
        CaseCommand::Comment { text, .. } => (text, None),
        CaseCommand::Classify { urgency, .. } => {
            (urgency.map(|urgency| urgency.reason).unwrap_or_default(), None)
        }
        CaseCommand::Report(_)
        | CaseCommand::Accept {}
        | CaseCommand::Arrive {}
        | CaseCommand::Resume {}
        | CaseCommand::Check {}
        | CaseCommand::See {} => (String::new(), None),
    }
}

/// The list of the other actions.
#[component]
fn More(
    /// The case.
    case: CaseId,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let offer = offered(state, Signal::derive(move || Some(case)));
    let stage = memo(move |_| state.case(case).map(|view| view.stage()));
    let rows = move || {
        offer
            .get()
            .more
            .into_iter()
            .map(|action| {
                view! {
                    <li>
                        <button
                            type="button"
                            class="list-row"
                            on:click=move |_| {
                                asking.close();
                                asking.begin(case, action);
                            }
                        >
                            <Icon glyph=action.glyph() />
                            <span class="grow">
                                {move || label(i18n.get_locale(), action, stage.get())}
                            </span>
                            <Icon glyph=Glyph::Chevron />
                        </button>
                    </li>
                }
                .into_any()
            })
            .collect_view()
    };
    view! { <ul class="list">{rows}</ul> }.into_any()
}

/// Opens the form again whose words or photos are still on this device: the page was killed behind the camera.
pub fn reopen_draft(state: State, asking: Asking, case: CaseId) {
    leptos::task::spawn_local(async move {
        for action in DRAFTED {
            let Ok(Some(draft)) = state.draft::<Jotting>(&draft_key(action, case, None)).await else {
                continue;
            };
            let free = asking.asked.try_with_untracked(Option::is_none) == Some(true);
            if !draft.is_empty() && free {
                asking.begin(case, action);
                return;
            }
        }
    });
}
