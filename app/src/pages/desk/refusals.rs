//! Commands that the server refused and keeps for the desk: who asked what, why not, and that it is seen to.

use std::sync::Arc;

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::{
    ids::{CaseId, PersonId},
    wire::{Envelope, Refusal},
};

use crate::{
    components::{minute, toast},
    i18n::*,
    reactive::memo,
    state::{Property, State},
    ui::{Button, ButtonKind, Card, For, Show, Tone, view},
    words,
};

/// The list; nothing where nothing was refused.
#[component]
pub fn Refusals() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let refusals = state.refusals;
    view! {
        <Show when=move || refusals.with(|refusals| !refusals.is_empty())>
            <Card tone=Tone::Urgent>
                <h3>{t_string!(i18n, desk.refusals)}</h3>
                <ul class="col">
                    <For each=move || refusals.get() key=|refusal| refusal.id let(refusal)>
                        <RefusalRow refusal=refusal />
                    </For>
                </ul>
            </Card>
        </Show>
    }
    .into_any()
}

/// Whose the refused command is, for whoever looks at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whose {
    /// Their own: it lies on a device of theirs.
    Mine,
    /// A colleague's, who can mend it.
    Theirs,
    /// Of somebody who works here no more.
    Gone,
}

impl Whose {
    fn of(property: &Property, author: PersonId) -> Self {
        if author == property.me.id {
            Whose::Mine
        } else if property.people.present(author).is_some() {
            Whose::Theirs
        } else {
            Whose::Gone
        }
    }
}

#[component]
fn RefusalRow(
    /// What was refused.
    refusal: Arc<Refusal>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let id = refusal.id;
    let envelope = Envelope::read(&refusal.text).ok();
    let kind = envelope.as_ref().map(|envelope| envelope.kind.clone()).unwrap_or_default();
    let about = envelope.map(|envelope| CaseId(envelope.aggregate));
    let (author, received) = (refusal.author, refusal.received);
    let rejection = refusal.rejection.clone();
    let head = move || {
        let property = state.property.get()?;
        let locale = i18n.get_locale();
        let when = words::moment(locale, &property.zone, received, now.get());
        Some(format!("{} · {} · {when}", property.name(author), words::action(locale, &kind)))
    };
    let whose = memo(move |_| {
        state.property.with(|property| property.as_ref().map(|property| Whose::of(property, author)))
    });
    let name =
        move || state.property.with(|property| property.as_ref().map(|property| property.name(author)));
    let why = move || {
        let locale = i18n.get_locale();
        let sentence =
            state.property.with(|property| words::sentence(locale, &rejection, property.as_deref()));
        match whose.get() {
            // The sentence speaks to whoever made it.
            Some(Whose::Mine) | None => sentence,
            Some(Whose::Theirs | Whose::Gone) => t_string!(i18n, desk.refused_told)
                .replace("{who}", &name().unwrap_or_default())
                .replace("{why}", &sentence),
        }
    };
    let what_now = move || {
        let text = match whose.get()? {
            Whose::Mine => t_string!(i18n, desk.refused_mine),
            Whose::Theirs => t_string!(i18n, desk.refused_theirs),
            Whose::Gone => t_string!(i18n, desk.refused_gone),
        };
        Some(text.replace("{who}", &name()?))
    };
    // Of a report that was refused there is no case.
    let case = memo(move |_| about.filter(|id| state.cases.with(|cases| cases.contains_key(id))));
    let look = move || {
        case.get().map(|case| {
            view! {
                <a class="link" href=format!("/cases/{case}")>
                    {t_string!(i18n, desk.refused_look)}
                </a>
            }
            .into_any()
        })
    };
    let settle = move |()| {
        spawn_local_scoped(async move {
            let done = state.withdraw(id).await;
            toast(done.map(|()| t_string!(i18n, desk.settled).to_owned()));
        });
    };
    view! {
        <li class="col tighter">
            <b class="s">{head}</b>
            <span class="s">{why}</span>
            <span class="s">{what_now}</span>
            <div class="row end">
                {look}
                <Button
                    label=t_string!(i18n, desk.settle)
                    kind=ButtonKind::Ghost
                    small=true
                    on_click=settle
                />
            </div>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::office_kit::{DESK, GUARD, TECHNICIAN, person, property};

    #[test]
    fn the_desk_knows_its_own_from_those_of_others_and_of_those_who_have_left() {
        let mut property = property(DESK);
        property.people.people.iter_mut().filter(|member| member.id == person(GUARD)).for_each(|member| {
            member.gone = true;
        });
        let whose = [DESK, TECHNICIAN, GUARD, 99].map(|who| Whose::of(&property, person(who)));
        assert_eq!(whose, [Whose::Mine, Whose::Theirs, Whose::Gone, Whose::Gone]);
    }
}
