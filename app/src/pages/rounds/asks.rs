//! What is asked before something is done: why a stop cannot be scanned or is left out, why nobody goes on, who does.

use leptos::{ev, prelude::*};
use shared::{
    case::command::TEXT_MAX,
    ids::{PersonId, RoundId, StopCode},
    round::{RoundCommand, command::Proof},
};

use super::walk::Page;
use crate::{
    address::Address,
    components::{Form, Jotter, Jotting, PersonPicker, TakenPhotos, toast},
    i18n::*,
    reactive::{RwSignal, Signal, memo},
    ui::{Button, ButtonKind, Choice, Field, FieldKind, Glyph, PhotoAdd, Picks, view},
    words::round as said,
};

/// What is to be done otherwise than planned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// A stop is ticked without its label.
    CannotScan(StopCode),
    /// A stop is left out.
    Skip(StopCode),
    /// Nobody goes on.
    Finish,
}

impl Why {
    /// The key of what is begun to be said. No code holds a slash.
    fn key(&self, round: RoundId) -> String {
        match self {
            Why::CannotScan(stop) => format!("round/{round}/scan/{stop}"),
            Why::Skip(stop) => format!("round/{round}/skip/{stop}"),
            Why::Finish => format!("round/{round}/finish"),
        }
    }
}

/// Why something is done otherwise than planned, with photos where they help.
#[component]
pub fn ReasonForm(
    /// The page.
    page: Page,
    /// What for.
    why: Why,
) -> impl IntoView {
    let i18n = use_i18n();
    let form = Form {
        busy: page.busy,
        taking: page.taking,
        say: Callback::new(move |rejection| page.say(rejection)),
        close: Callback::new(move |()| page.close()),
    };
    let note = Jotter::open(page.state, form, why.key(page.id), Jotting::default());
    if matches!(why, Why::CannotScan(_)) {
        page.locate();
    }
    let (text, reasons) = match &why {
        Why::CannotScan(_) => (
            t_string!(i18n, rounds.cannot_text),
            [
                t_string!(i18n, rounds.why_label_gone),
                t_string!(i18n, rounds.why_label_broken),
                t_string!(i18n, rounds.why_camera),
                t_string!(i18n, rounds.why_no_way),
            ]
            .to_vec(),
        ),
        Why::Skip(_) => (
            t_string!(i18n, rounds.skip_text),
            [
                t_string!(i18n, rounds.why_locked),
                t_string!(i18n, rounds.why_works),
                t_string!(i18n, rounds.why_danger),
            ]
            .to_vec(),
        ),
        Why::Finish => (
            t_string!(i18n, rounds.finish_text),
            [
                t_string!(i18n, rounds.why_called),
                t_string!(i18n, rounds.why_weather),
                t_string!(i18n, rounds.why_unwell),
            ]
            .to_vec(),
        ),
    };
    let photos = match &why {
        Why::CannotScan(_) | Why::Skip(_) => Some(view! { <Shots page=page note=note /> }),
        Why::Finish => None,
    };
    let choices: Vec<Choice> = reasons.into_iter().map(|reason| Choice::new(reason, reason)).collect();
    let reason = Signal::derive(move || note.jotting.with(|jotting| jotting.text.clone()));
    let say = move |reason: String| note.write(reason);
    let send = move || {
        let Jotting { photos, text } = note.jotting.get_untracked();
        let (draft, reason) = (Some(note.key()), text.trim().to_owned());
        let close = move || page.close();
        match why.clone() {
            Why::CannotScan(stop) => page.tick(stop, Proof::Photo { reason, photos }, draft),
            Why::Skip(stop) => page.act(RoundCommand::Skip { stop, reason, photos }, draft, close),
            Why::Finish => page.act(RoundCommand::Finish { reason }, draft, close),
        }
    };
    view! {
        <p class="s">{text}</p>
        {photos}
        <Picks
            name="why"
            legend=t_string!(i18n, rounds.reason)
            hide_legend=true
            choices=choices
            selected=reason
            on_pick=say
        />
        <Field
            id="why-text"
            label=t_string!(i18n, rounds.reason)
            kind=FieldKind::Area
            value=reason
            on_input=say
            max=longest()
            required=true
        />
        <Button
            label=t_string!(i18n, rounds.done)
            busy=page.busy
            disabled=Signal::derive(move || {
                page.taking.get() || !note.ready.get() || reason.with(|reason| reason.trim().is_empty())
            })
            on_click=send
        />
    }
    .into_any()
}

fn longest() -> u32 {
    // The rules' limit is a few thousand.
    u32::try_from(TEXT_MAX).unwrap_or(u32::MAX)
}

/// Photos of the place.
#[component]
fn Shots(page: Page, note: Jotter) -> impl IntoView {
    let i18n = use_i18n();
    let photos = memo(move |_| note.jotting.with(|jotting| jotting.photos.clone()));
    let shoot = Callback::new(move |event: ev::Event| note.take(&event));
    view! {
        <TakenPhotos
            photos=photos
            of=page.id
            saving=page.taking
            on_remove=move |photo| note.remove(photo)
        >
            <PhotoAdd label=t_string!(i18n, rounds.add_photo) camera=true on_files=shoot />
        </TakenPhotos>
    }
    .into_any()
}

/// Who goes on: chosen, and then confirmed, so that no slip of the thumb gives a round away.
#[component]
pub fn HandOverForm(
    /// The page.
    page: Page,
) -> impl IntoView {
    let i18n = use_i18n();
    let chosen = RwSignal::new(None::<PersonId>);
    let planned = page.walk.with_untracked(|walk| walk.as_ref().map(|walk| walk.round.task.who.clone()));
    let form = move || match chosen.get() {
        Some(to) => view! { <HandTo page=page to=to chosen=chosen /> }.into_any(),
        None => view! {
            <PersonPicker
                without=page.me()
                first=planned.clone()
                selected=chosen
                on_pick=move |to| chosen.set(Some(to))
            />
        }
        .into_any(),
    };
    view! {
        <p class="s">{t_string!(i18n, rounds.hand_text)}</p>
        {form}
    }
    .into_any()
}

/// The colleague who was chosen, and the tap that hands the round over.
#[component]
fn HandTo(page: Page, to: PersonId, chosen: RwSignal<Option<PersonId>>) -> impl IntoView {
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let reason = RwSignal::new(String::new());
    let name = page
        .state
        .property
        .with_untracked(|property| property.as_ref().map(|property| property.name(to)).unwrap_or_default());
    let done = said::with(t_string!(i18n, rounds.handed), &name);
    let hand = move || {
        let (done, reason) = (done.clone(), reason.with_untracked(|reason| reason.trim().to_owned()));
        page.act(RoundCommand::HandOver { to, reason }, None, move || {
            page.close();
            toast(Ok(done));
            address.to("/rounds");
        });
    };
    view! {
        <Field
            id="hand-reason"
            label=t_string!(i18n, rounds.hand_reason)
            value=reason
            on_input=move |text: String| reason.set(text)
            max=longest()
        />
        <Button
            label=said::with(t_string!(i18n, rounds.hand_to), &name)
            icon=Glyph::Users
            busy=page.busy
            on_click=hand
        />
        <Button
            label=t_string!(i18n, rounds.hand_other)
            kind=ButtonKind::Ghost
            disabled=page.busy
            on_click=move || chosen.set(None)
        />
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_reason_of_each_stop_is_kept_by_itself() {
        let round = RoundId(Uuid::from_u128(1));
        let all = [
            Why::CannotScan("gate".into()),
            Why::CannotScan("hall".into()),
            Why::Skip("gate".into()),
            Why::Skip("hall".into()),
            Why::Finish,
        ];
        let keys: BTreeSet<String> = all.iter().map(|why| why.key(round)).collect();
        assert_eq!(keys.len(), all.len());
        let other = RoundId(Uuid::from_u128(2));
        assert!(all.iter().all(|why| !keys.contains(&why.key(other))));
    }
}
