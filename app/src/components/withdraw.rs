//! The question before something of this device is thrown away: a refused command, or its refused photos.

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::{Rejection, ids::CommandId};

use super::toast;
use crate::{
    i18n::*,
    reactive::{RwSignal, Signal, memo},
    state::State,
    ui::{Button, ButtonKind, Sheet, Show, view},
};

/// What is asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Loss {
    /// A refused command, and what was refused with it.
    Command(CommandId, Vec<CommandId>),
    /// The refused photos of a command.
    Photos(CommandId),
}

/// Withdraws a command with what was refused because of it: that first, or it would stand there without its report.
async fn withdraw(state: State, command: CommandId, children: &[CommandId]) -> Result<(), Rejection> {
    for child in children {
        state.withdraw(*child).await?;
    }
    state.withdraw(command).await
}

/// The question; what it asks about is set by whoever opens it.
#[component]
pub fn WithdrawSheet(
    /// About what; `None` while it is closed.
    asked: RwSignal<Option<Loss>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let busy = RwSignal::new(false);
    let photos = memo(move |_| asked.with(|asked| matches!(asked, Some(Loss::Photos(_)))));
    let children = memo(move |_| {
        asked.with(|asked| match asked {
            Some(Loss::Command(_, children)) => children.len(),
            Some(Loss::Photos(_)) | None => 0,
        })
    });
    let title = move || {
        if photos.get() {
            t_string!(i18n, field.give_up_title)
        } else {
            t_string!(i18n, field.withdraw_title)
        }
    };
    let text = move || {
        if photos.get() { t_string!(i18n, field.give_up_text) } else { t_string!(i18n, field.withdraw_text) }
    };
    let button = move || {
        if photos.get() { t_string!(i18n, field.give_up_photos) } else { t_string!(i18n, field.withdraw) }
    };
    let lose = move || {
        let Some(loss) = asked.get_untracked() else { return };
        busy.set(true);
        let said = match loss {
            Loss::Command(..) => t_string!(i18n, field.withdrawn),
            Loss::Photos(_) => t_string!(i18n, field.photos_given_up),
        };
        spawn_local_scoped(async move {
            let lost = match &loss {
                Loss::Command(command, children) => withdraw(state, *command, children).await,
                Loss::Photos(command) => state.give_up_photos(*command).await,
            };
            // The list in which it stood may be gone with its last line.
            let _ = busy.try_set(false);
            let _ = asked.try_set(None);
            toast(lost.map(|()| said.to_owned()));
        });
    };
    view! {
        <Sheet
            id="withdraw"
            title=title
            close=t_string!(i18n, frame.close)
            open=Signal::derive(move || asked.with(Option::is_some))
            on_close=move || asked.set(None)
        >
            <p>{text}</p>
            <Show when=move || { children.get() > 0 }>
                <p>
                    {move || {
                        t_string!(i18n, field.withdraw_children)
                            .replace("{count}", &children.get().to_string())
                    }}
                </p>
            </Show>
            <div class="actions">
                <Button
                    label=t_string!(i18n, field.keep_it)
                    kind=ButtonKind::Ghost
                    on_click=move || asked.set(None)
                />
                <Button label=button kind=ButtonKind::Danger busy=busy on_click=lose />
            </div>
        </Sheet>
    }
    .into_any()
}

/// What may be done about refused photos: another try, or without them.
#[component]
pub fn RefusedPhotos(
    /// The command that brought them.
    command: CommandId,
    /// The question to open.
    asked: RwSignal<Option<Loss>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let busy = RwSignal::new(false);
    let again = move || {
        busy.set(true);
        let said = t_string!(i18n, field.photos_again).to_owned();
        spawn_local_scoped(async move {
            let tried = state.retry_photos(command).await;
            let _ = busy.try_set(false);
            toast(tried.map(|()| said));
        });
    };
    view! {
        <div class="row tight wrap">
            <Button label=t_string!(i18n, field.retry_photos) small=true busy=busy on_click=again />
            <Button
                label=t_string!(i18n, field.give_up_photos)
                kind=ButtonKind::Danger
                small=true
                on_click=move || asked.set(Some(Loss::Photos(command)))
            />
        </div>
    }
    .into_any()
}
