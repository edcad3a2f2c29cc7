//! Below the cases of this device: those that ended long ago and lie at the server, looked up when somebody asks.

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::Rejection;

use crate::{
    i18n::*,
    reactive::{Memo, RwSignal, Signal},
    state::{LookedUp, State},
    ui::{Button, ButtonKind, Glyph, live, view},
    words,
};

/// Looks further back than this device does. What is found joins the list above.
#[component]
pub fn Older(
    /// What is looked for.
    typed: Memo<String>,
    /// Before the first look: what is found may be of any part.
    on_look: Callback<()>,
    /// After each: so many more cases are to be shown.
    on_found: Callback<usize>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let busy = RwSignal::new(false);
    // How far it has come, and for which words: others begin anew.
    let come = RwSignal::new(None::<(String, LookedUp)>);
    // Why the last look failed, for those words: it goes on from where it was.
    let failed = RwSignal::new(None::<(String, Rejection)>);
    let same = move |of: &str| typed.with(|typed| of == typed.trim());
    let here = move || come.get().filter(|(of, _)| same(of)).map(|(_, looked)| looked);
    let look = move || {
        let of = typed.with_untracked(|typed| typed.trim().to_owned());
        let after = come.with_untracked(|come| match come {
            Some((words, LookedUp { next: Some((next, _)), .. })) if *words == of => Some(next.clone()),
            Some(_) | None => None,
        });
        let before = untrack(here).map_or(0, |looked| looked.found);
        on_look.run(());
        busy.set(true);
        spawn_local_scoped(async move {
            let looked = state.look_up(of.clone(), after).await;
            let _ = busy.try_set(false);
            let _ = failed.try_set(looked.as_ref().err().cloned().map(|rejection| (of.clone(), rejection)));
            if let Ok(looked) = looked {
                on_found.try_run(looked.found);
                let found = before + looked.found;
                let _ = come.try_set(Some((of, LookedUp { found, ..looked })));
            }
        });
    };
    let said = live(move || {
        let property = state.property.get()?;
        let text = if let Some((_, rejection)) = failed.get().filter(|(of, _)| same(of)) {
            words::sentence(i18n.get_locale(), &rejection, Some(&property))
        } else {
            let LookedUp { found, next } = here()?;
            let text = if let Some((_, back_to)) = next {
                let day = words::day(i18n.get_locale(), &property.zone, back_to, state.now_ms());
                t_string!(i18n, field.older_so_far).replace("{day}", &day)
            } else {
                t_string!(i18n, field.older_all).to_owned()
            };
            text.replace("{count}", &found.to_string())
        };
        Some(view! { <p class="s">{text}</p> })
    });
    let all = move || matches!(here(), Some(LookedUp { next: None, .. }));
    let label = move || {
        if here().is_some() { t_string!(i18n, field.older_further) } else { t_string!(i18n, field.older) }
    };
    view! {
        <div role="status">{said}</div>
        {live(move || {
            (!all()).then(|| view! {
                <Button
                    label=label
                    kind=ButtonKind::Ghost
                    icon=Glyph::Search
                    busy=Signal::derive(move || busy.get())
                    on_click=look
                />
            })
        })}
    }
    .into_any()
}
