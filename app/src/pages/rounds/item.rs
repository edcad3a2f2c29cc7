//! One thing to look at: an answer with one tap, saved as it is given; one beyond its limits says so and offers a report.

use std::collections::BTreeMap;

use leptos::{ev, prelude::*};
use serde::{Deserialize, Serialize};
use shared::{
    case::command::PhotoRef,
    ids::StopCode,
    round::RoundCommand,
    route::{Item, ItemKind, Milli, Reading},
};

use super::walk::Page;
use crate::{
    components::toast,
    i18n::*,
    platform::photo,
    reactive::{Memo, RwSignal, memo},
    ui::{Button, ButtonKind, Glyph, Icon, PhotoAdd, Show, view},
    words::round as said,
};

/// The photos of an item, from the camera until they are in a command.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
struct Taken {
    photos: Vec<PhotoRef>,
}

/// One thing to look at.
#[component]
pub fn ItemRow(
    /// The page.
    page: Page,
    /// At which stop.
    stop: StopCode,
    /// What.
    item: Item,
) -> impl IntoView {
    let i18n = use_i18n();
    let of = StoredValue::new((stop, item.clone()));
    let reading = memo(move |_| {
        page.walk.with(|walk| {
            of.with_value(|(stop, item)| {
                walk.as_ref().and_then(|walk| walk.round.readings(stop).get(&item.code).cloned().cloned())
            })
        })
    });
    let answer = Callback::new(move |reading: Reading| {
        let (stop, item) = of.get_value();
        page.act(RoundCommand::Read { stop, readings: BTreeMap::from([(item.code, reading)]) }, None, || ());
    });
    let wrong = memo(move |_| {
        let locale = i18n.get_locale();
        reading.with(|reading| {
            reading.as_ref().and_then(|reading| of.with_value(|(_, item)| said::wrong(locale, item, reading)))
        })
    });
    let report = move || of.with_value(|(stop, _)| page.report(stop));
    let asked = match item.kind.clone() {
        ItemKind::OkOrNot => {
            let options = vec![
                (t_string!(i18n, rounds.yes).to_owned(), Reading::Ok(true)),
                (t_string!(i18n, rounds.no).to_owned(), Reading::Ok(false)),
            ];
            view! { <Taps options=options reading=reading answer=answer item=item.clone() /> }.into_any()
        }
        ItemKind::Choice { options } => {
            let options =
                options.into_iter().map(|one| (one.text.clone(), Reading::Choice(one.text))).collect();
            view! { <Taps options=options reading=reading answer=answer item=item.clone() /> }.into_any()
        }
        ItemKind::Number { .. } | ItemKind::Text => {
            view! { <Typed reading=reading answer=answer item=item.clone() /> }.into_any()
        }
        ItemKind::Photo { .. } => view! { <Shot page=page of=of /> }.into_any(),
    };
    view! {
        <div class="item" role="group" aria-label=item.text.clone()>
            <span class="grow">
                {item.text.clone()}
                {said::limits(i18n.get_locale_untracked(), &item)
                    .map(|limits| view! { <span class="xs num">" " {limits}</span> })}
            </span>
            {asked}
        </div>
        <Show when=move || wrong.with(Option::is_some)>
            <div class="row between wrap" role="alert">
                <p class="error grow">
                    <Icon glyph=Glyph::Warn />
                    <span>{move || wrong.get()}</span>
                </p>
                <Button
                    label=t_string!(i18n, rounds.report)
                    kind=ButtonKind::Danger
                    class="keep"
                    on_click=report
                />
            </div>
        </Show>
    }
    .into_any()
}

/// A few answers, side by side.
#[component]
fn Taps(
    options: Vec<(String, Reading)>,
    reading: Memo<Option<Reading>>,
    answer: Callback<Reading>,
    item: Item,
) -> impl IntoView {
    let taps: Vec<AnyView> = options
        .into_iter()
        .map(|(text, option)| {
            let bad = item.abnormal(&option);
            let this = option.clone();
            let chosen = memo(move |_| reading.with(|reading| reading.as_ref() == Some(&this)));
            view! {
                <button
                    type="button"
                    class="pick tap"
                    class:bad=move || bad && chosen.get()
                    aria-pressed=move || chosen.get().to_string()
                    on:click=move |_| answer.run(option.clone())
                >
                    {text}
                </button>
            }
            .into_any()
        })
        .collect();
    view! { <span class="row tight wrap end">{taps}</span> }.into_any()
}

/// A number or a few words; saved when the field is left.
#[component]
fn Typed(reading: Memo<Option<Reading>>, answer: Callback<Reading>, item: Item) -> impl IntoView {
    let i18n = use_i18n();
    let error = RwSignal::new(false);
    let number = matches!(item.kind, ItemKind::Number { .. });
    // The keyboard of digits has no minus on some phones.
    let below_zero =
        matches!(&item.kind, ItemKind::Number { low, .. } if low.is_none_or(|low| low < Milli(0)));
    let mode = match (number, below_zero) {
        (true, false) => Some("decimal"),
        (true, true) | (false, _) => None,
    };
    let value = move || {
        reading.with(|reading| match reading {
            Some(Reading::Number(number)) => number.to_string(),
            Some(Reading::Text(text)) => text.clone(),
            _ => String::new(),
        })
    };
    let bad =
        memo(move |_| reading.with(|reading| reading.as_ref().is_some_and(|reading| item.abnormal(reading))));
    let typed = move |event: ev::Event| {
        let text = event_target_value(&event);
        if text.trim().is_empty() {
            error.set(false);
            return;
        }
        let new = if number { text.parse().ok().map(Reading::Number) } else { Some(Reading::Text(text)) };
        error.set(new.is_none());
        if let Some(new) = new.filter(|new| reading.with_untracked(|old| old.as_ref() != Some(new))) {
            answer.run(new);
        }
    };
    view! {
        <span class="col tighter end">
            <input
                class="input tap"
                class:bad=move || bad.get()
                class:words=!number
                type="text"
                inputmode=mode
                autocomplete="off"
                enterkeyhint="done"
                aria-invalid=move || (bad.get() || error.get()).then_some("true")
                prop:value=value
                on:change=typed
            />
            <Show when=move || error.get()>
                <span class="error" role="alert">
                    {t_string!(i18n, rounds.not_a_number)}
                </span>
            </Show>
        </span>
    }
    .into_any()
}

/// A photo, saved with the tap of the camera's button.
#[component]
fn Shot(page: Page, of: StoredValue<(StopCode, Item)>) -> impl IntoView {
    let i18n = use_i18n();
    let taken = memo(move |_| {
        page.walk.with(|walk| {
            of.with_value(|(stop, item)| {
                let answers =
                    walk.iter().flat_map(|walk| walk.round.at(stop)).flat_map(|one| one.change.readings());
                answers
                    .filter(|(code, _)| **code == item.code)
                    .map(|(_, reading)| reading.photos().len())
                    .sum()
            })
        })
    });
    let shoot = Callback::new(move |event: ev::Event| {
        let Some(chosen) = photo::chosen(&event).into_iter().next() else { return };
        let (stop, item) = of.get_value();
        let key = format!("round-{}-{stop}-{}", page.id, item.code);
        leptos::task::spawn_local(async move {
            let kept = page.state.take_photo(&key, &chosen, |photo| Taken { photos: vec![photo] }).await;
            match kept {
                Ok(photo) => {
                    let readings = BTreeMap::from([(item.code, Reading::Photos(vec![photo]))]);
                    let command = RoundCommand::Read { stop, readings };
                    if let Err(rejection) = page.state.act_in_round(page.id, command, Some(&key)).await {
                        toast(Err(rejection));
                    }
                }
                Err(rejection) => toast(Err(rejection)),
            }
        });
    });
    view! {
        <span class="row tight end">
            <Show when=move || { taken.get() > 0 }>
                <span class="s t-ok">{move || said::counted(t_string!(i18n, rounds.photo_taken), taken.get())}</span>
            </Show>
            <PhotoAdd
                label=t_string!(i18n, rounds.take)
                camera=true
                class="btn ghost keep"
                on_files=shoot
            />
        </span>
    }
    .into_any()
}
