//! One thing to look at: an answer with one tap, shown at once and saved as it is given; one beyond its limits says so and
//! offers a report. What is typed or shot is on the device before it is in a command.

use std::collections::BTreeMap;

use leptos::{ev, prelude::*};
use serde::{Deserialize, Serialize};
use shared::{
    case::command::PhotoRef,
    ids::{RoundId, StopCode},
    round::RoundCommand,
    route::{Item, ItemKind, Milli, Reading},
};

use super::walk::Page;
use crate::{
    components::toast,
    i18n::*,
    platform::{events, photo},
    reactive::{Memo, RwSignal, memo},
    state::Walk,
    ui::{Button, ButtonKind, Glyph, Icon, PhotoAdd, Show, view},
    words::round as said,
};

/// What is begun at an item and in no command yet: a text from its first letter on, photos from the camera on.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
struct Begun {
    photos: Vec<PhotoRef>,
    #[serde(default)]
    text: String,
}

/// The key of what is begun at an item. No code holds a slash.
fn begun_key(round: RoundId, stop: &StopCode, item: &Item) -> String {
    format!("round/{round}/item/{stop}/{}", item.code)
}

/// The answer that was given last, until it is on this device: it is shown before.
#[derive(Clone, Default, PartialEq, Debug)]
struct Given {
    turn: u32,
    reading: Option<Reading>,
}

impl Given {
    fn give(&mut self, reading: Reading) -> u32 {
        *self = Given { turn: self.turn.wrapping_add(1), reading: Some(reading) };
        self.turn
    }

    /// It is saved, or cannot be; a later one stays.
    fn end(&mut self, turn: u32) {
        if self.turn == turn {
            self.reading = None;
        }
    }
}

/// What a typed text means beside the answer that is on this device.
#[derive(Clone, PartialEq, Debug)]
enum Meant {
    /// Nothing is typed: the answer stays as it was.
    Nothing,
    /// The answer that is on this device.
    Saved,
    /// The one that is on its way there.
    OnItsWay,
    /// No number, where one is asked for.
    NoNumber,
    /// Another one.
    Another(Reading),
}

fn meant(item: &Item, text: &str, saved: Option<&Reading>, given: Option<&Reading>) -> Meant {
    if text.trim().is_empty() {
        return Meant::Nothing;
    }
    let reading = match item.kind {
        ItemKind::Number { .. } => match text.parse() {
            Ok(number) => Reading::Number(number),
            Err(()) => return Meant::NoNumber,
        },
        ItemKind::OkOrNot | ItemKind::Choice { .. } | ItemKind::Text | ItemKind::Photo { .. } => {
            Reading::Text(text.to_owned())
        }
    };
    if given == Some(&reading) {
        Meant::OnItsWay
    } else if given.is_none() && saved == Some(&reading) {
        Meant::Saved
    } else {
        Meant::Another(reading)
    }
}

/// The answers to one item. Cheap to copy.
#[derive(Clone, Copy)]
struct Answers {
    page: Page,
    of: StoredValue<(StopCode, Item)>,
    given: RwSignal<Given>,
    /// Why the last one could not be saved.
    error: RwSignal<Option<String>>,
    /// The one on this device.
    saved: Memo<Option<Reading>>,
    /// The one that is shown.
    shown: Memo<Option<Reading>>,
}

impl Answers {
    fn of(page: Page, stop: StopCode, item: Item) -> Self {
        let of = StoredValue::new((stop, item));
        let given = RwSignal::new(Given::default());
        let saved = memo(move |_| {
            page.walk.with(|walk| {
                of.with_value(|(stop, item)| {
                    walk.as_ref().and_then(|walk| walk.round.readings(stop).get(&item.code).cloned().cloned())
                })
            })
        });
        let shown = memo(move |_| given.with(|given| given.reading.clone()).or_else(|| saved.get()));
        Answers { page, of, given, error: RwSignal::new(None), saved, shown }
    }

    fn key(self) -> String {
        self.of.with_value(|(stop, item)| begun_key(self.page.id, stop, item))
    }

    /// Saves an answer; `draft` ends with it. One that cannot be saved is taken back and says why. Answers whether it is on
    /// this device. Nobody waits for another one: they are saved one after the other.
    fn save(
        self,
        (stop, item): (StopCode, Item),
        reading: Reading,
        draft: Option<String>,
    ) -> impl Future<Output = bool> {
        if item.abnormal(&reading) {
            // The last answer opens the next stop; what is to be said of this one would go unseen.
            let _ = self.page.opened.try_set(Some(stop.clone()));
        }
        let turn = self.given.try_update(|given| given.give(reading.clone())).unwrap_or_default();
        let _ = self.error.try_set(None);
        async move {
            let command = RoundCommand::Read { stop, readings: BTreeMap::from([(item.code, reading)]) };
            let saved = self.page.state.act_in_round(self.page.id, command, draft.as_deref()).await;
            let _ = self.given.try_update(|given| given.end(turn));
            match saved {
                Ok(()) => true,
                Err(rejection) => {
                    if !self.error.try_set(Some(self.page.sentence(&rejection))) {
                        toast(Err(rejection));
                    }
                    false
                }
            }
        }
    }
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
    let answers = Answers::of(page, stop, item.clone());
    let Answers { of, shown, error, .. } = answers;
    let reported = memo(move |_| {
        let since = |walk: &Walk| of.with_value(|(stop, item)| walk.round.reported_since(stop, &item.code));
        page.walk.with(|walk| walk.as_ref().is_some_and(since))
    });
    let wrong = memo(move |_| {
        let locale = i18n.get_locale();
        shown.with(|reading| {
            let wrong =
                |reading| of.with_value(|(_, item)| said::wrong(locale, item, reading, reported.get()));
            reading.as_ref().and_then(wrong)
        })
    });
    let report = move || of.with_value(|(stop, _)| page.report(stop));
    let answered = {
        let item = item.clone();
        move || {
            let locale = i18n.get_locale();
            shown.with(|reading| reading.as_ref().map(|reading| said::reading(locale, Some(&item), reading)))
        }
    };
    let asked = match item.kind.clone() {
        // Whoever does not walk reads what was found.
        _ if !page.mine.get_untracked() => view! { <span class="strong num">{answered}</span> }.into_any(),
        ItemKind::OkOrNot => {
            let options = vec![
                (t_string!(i18n, rounds.yes).to_owned(), Reading::Ok(true)),
                (t_string!(i18n, rounds.no).to_owned(), Reading::Ok(false)),
            ];
            view! { <Taps answers=answers options=options /> }.into_any()
        }
        ItemKind::Choice { options } => {
            let options =
                options.into_iter().map(|one| (one.text.clone(), Reading::Choice(one.text))).collect();
            view! { <Taps answers=answers options=options /> }.into_any()
        }
        ItemKind::Number { .. } | ItemKind::Text => view! { <Typed answers=answers /> }.into_any(),
        ItemKind::Photo { .. } => view! { <Shot answers=answers /> }.into_any(),
    };
    let failed = move || {
        error.get().map(|text| {
            view! {
                <p class="error">
                    <Icon glyph=Glyph::Warn />
                    <span>{text}</span>
                </p>
            }
        })
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
        <div role="alert" hidden=move || error.with(Option::is_none)>
            {failed}
        </div>
        <Show when=move || wrong.with(Option::is_some)>
            <div class="row between wrap" role="alert">
                <p class="error grow">
                    <Icon glyph=Glyph::Warn />
                    <span>{move || wrong.get()}</span>
                </p>
                <Show when=move || page.mine.get() && !reported.get()>
                    <Button
                        label=t_string!(i18n, rounds.report)
                        kind=ButtonKind::Danger
                        class="keep"
                        on_click=report
                    />
                </Show>
            </div>
        </Show>
    }
    .into_any()
}

/// A few answers, side by side.
#[component]
fn Taps(answers: Answers, options: Vec<(String, Reading)>) -> impl IntoView {
    let Answers { of, shown, .. } = answers;
    let taps: Vec<AnyView> = options
        .into_iter()
        .map(|(text, option)| {
            let bad = of.with_value(|(_, item)| item.abnormal(&option));
            let this = option.clone();
            let chosen = memo(move |_| shown.with(|reading| reading.as_ref() == Some(&this)));
            let tap = move |_| {
                let saving = answers.save(of.get_value(), option.clone(), None);
                leptos::task::spawn_local(async move {
                    saving.await;
                });
            };
            view! {
                <button
                    type="button"
                    class="pick tap"
                    class:bad=move || bad && chosen.get()
                    aria-pressed=move || chosen.get().to_string()
                    on:click=tap
                >
                    {text}
                </button>
            }
            .into_any()
        })
        .collect();
    view! { <span class="row tight wrap end">{taps}</span> }.into_any()
}

/// A number or a few words: kept from the first letter on, saved when the field is left, with Enter, or when the page is no
/// longer seen. Until then it says that it is not.
#[component]
fn Typed(answers: Answers) -> impl IntoView {
    let i18n = use_i18n();
    let Answers { page, of, given, saved, shown, .. } = answers;
    let item = of.with_value(|(_, item)| item.clone());
    let number = matches!(item.kind, ItemKind::Number { .. });
    // The keyboard of digits has no minus on some phones.
    let below_zero =
        matches!(&item.kind, ItemKind::Number { low, .. } if low.is_none_or(|low| low < Milli(0)));
    let mode = match (number, below_zero) {
        (true, false) => Some("decimal"),
        (true, true) | (false, _) => None,
    };
    // What is typed and not on this device as an answer.
    let typed = RwSignal::new(None::<String>);
    let no_number = RwSignal::new(false);
    leptos::task::spawn_local(async move {
        let Some((stop, item)) = of.try_get_value() else { return };
        let kept = page.state.draft::<Begun>(&begun_key(page.id, &stop, &item)).await.ok().flatten();
        if let Some(kept) = kept.filter(|kept| !kept.text.trim().is_empty()) {
            let _ = typed.try_update(|typed| {
                typed.get_or_insert(kept.text);
            });
        }
    });
    let means = move |text: &str| {
        saved.with(|saved| {
            given.with(|given| {
                of.with_value(|(_, item)| meant(item, text, saved.as_ref(), given.reading.as_ref()))
            })
        })
    };
    let keep = move |key: String, text: String| {
        let begun = Begun { photos: Vec::new(), text };
        leptos::task::spawn_local(async move {
            // What cannot be kept now stays on the screen, and is kept with the next letter.
            let _ = page.state.keep_draft(&key, &begun).await;
        });
    };
    let write = move |event: ev::Event| {
        let text = event_target_value(&event);
        no_number.set(false);
        typed.set(Some(text.clone()));
        keep(answers.key(), text);
    };
    let save = move || {
        let Some(Some(text)) = typed.try_get_untracked() else { return };
        let key = answers.key();
        match untrack(|| means(&text)) {
            Meant::Nothing | Meant::Saved => {
                no_number.set(false);
                typed.set(None);
                leptos::task::spawn_local(async move {
                    // A draft that stays says the same, or nothing.
                    let _ = page.state.drop_draft(&key, &[]).await;
                });
            }
            Meant::OnItsWay => {}
            Meant::NoNumber => no_number.set(true),
            Meant::Another(reading) => {
                no_number.set(false);
                let saving = answers.save(of.get_value(), reading, Some(key.clone()));
                leptos::task::spawn_local(async move {
                    if !saving.await {
                        return;
                    }
                    let rest = typed.try_update(|now| {
                        now.take_if(|now| *now == text);
                        now.clone()
                    });
                    // The draft has ended; what was typed since is another one.
                    if let Some(Some(rest)) = rest {
                        keep(key, rest);
                    }
                });
            }
        }
    };
    // Some phones end a hidden page without a word.
    let leaving = events::on_page_hide(save).ok();
    let hiding = events::on_visibility(move |visible| {
        if !visible {
            save();
        }
    });
    let _leaving = StoredValue::new_local((leaving, hiding.ok()));
    let value = move || {
        typed.get().unwrap_or_else(|| {
            shown.with(|reading| match reading {
                Some(Reading::Number(number)) => number.to_string(),
                Some(Reading::Text(text)) => text.clone(),
                Some(Reading::Ok(_) | Reading::Choice(_) | Reading::Photos(_)) | None => String::new(),
            })
        })
    };
    let unsaved = memo(move |_| {
        typed.with(|typed| {
            let means = typed.as_deref().map(means);
            matches!(means, Some(Meant::OnItsWay | Meant::NoNumber | Meant::Another(_)))
        })
    });
    let bad = memo(move |_| {
        shown.with(|reading| {
            reading.as_ref().is_some_and(|reading| of.with_value(|(_, item)| item.abnormal(reading)))
        })
    });
    let enter = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && !event.is_composing() {
            save();
        }
    };
    let note = of.with_value(|(stop, item)| format!("note-{stop}-{}", item.code));
    let described = note.clone();
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
                aria-label=item.text
                aria-describedby=described
                aria-invalid=move || (bad.get() || no_number.get()).then_some("true")
                prop:value=value
                on:input=write
                on:blur=move |_| save()
                on:keydown=enter
            />
            <span id=note class="col tighter end">
                <Show when=move || no_number.get()>
                    <span class="error" role="alert">
                        {t_string!(i18n, rounds.not_a_number)}
                    </span>
                </Show>
                <Show when=move || unsaved.get()>
                    <button type="button" class="link" on:click=move |_| save()>
                        {t_string!(i18n, rounds.not_saved)}
                    </button>
                </Show>
            </span>
        </span>
    }
    .into_any()
}

/// Photos, saved with the tap of the camera's button. Those that could not be saved wait, and are saved when somebody comes
/// back.
#[component]
fn Shot(answers: Answers) -> impl IntoView {
    let i18n = use_i18n();
    let Answers { page, of, .. } = answers;
    let taken = memo(move |_| {
        page.walk.with(|walk| {
            of.with_value(|(stop, item)| {
                let readings =
                    walk.iter().flat_map(|walk| walk.round.at(stop)).flat_map(|one| one.change.readings());
                readings
                    .filter(|(code, _)| **code == item.code)
                    .map(|(_, reading)| reading.photos().len())
                    .sum()
            })
        })
    });
    // On this device, and in no command yet.
    let waiting = RwSignal::new(Vec::<PhotoRef>::new());
    // Until it is known what waits, nothing is added to it.
    let taking = RwSignal::new(true);
    page.state.unkept.hold(move || taking.get());
    // Also of a stop that is left meanwhile: a photo is saved wherever somebody goes on to.
    let save = move |key: String, of: (StopCode, Item), photos: Vec<PhotoRef>| {
        let _ = waiting.try_set(photos.clone());
        (!photos.is_empty()).then(|| answers.save(of, Reading::Photos(photos), Some(key)))
    };
    let (kept_as, kept_of) = (answers.key(), of.get_value());
    leptos::task::spawn_local(async move {
        let kept = page.state.draft::<Begun>(&kept_as).await.ok().flatten().unwrap_or_default();
        settle(save(kept_as, kept_of, kept.photos), waiting, taking).await;
    });
    let shoot = Callback::new(move |event: ev::Event| {
        let chosen = photo::chosen(&event);
        if chosen.is_empty() || taking.get_untracked() {
            return;
        }
        taking.set(true);
        let (key, of, mut photos) = (answers.key(), of.get_value(), waiting.get_untracked());
        leptos::task::spawn_local(async move {
            for chosen in chosen {
                let add = |photo: PhotoRef| {
                    let photos = photos.iter().cloned().chain([photo]).collect();
                    Begun { photos, text: String::new() }
                };
                match page.state.take_photo(&key, &chosen, add).await {
                    Ok(photo) => photos.push(photo),
                    Err(rejection) => toast(Err(rejection)),
                }
            }
            settle(save(key, of, photos), waiting, taking).await;
        });
    });
    let again = move || {
        if taking.get_untracked() {
            return;
        }
        taking.set(true);
        let saving = save(answers.key(), of.get_value(), waiting.get_untracked());
        leptos::task::spawn_local(settle(saving, waiting, taking));
    };
    view! {
        <span class="row tight wrap end">
            <Show when=move || { taken.get() > 0_usize }>
                <span class="s t-ok">{move || said::counted(t_string!(i18n, rounds.photo_taken), taken.get())}</span>
            </Show>
            <Show
                when=move || !taking.get()
                fallback=move || {
                    view! {
                        <span class="s" role="status">
                            {t_string!(i18n, field.keeping_photo)}
                        </span>
                    }
                    .into_any()
                }
            >
                <Show when=move || !waiting.with(Vec::is_empty)>
                    <button type="button" class="link" on:click=move |_| again()>
                        {t_string!(i18n, rounds.not_saved)}
                    </button>
                </Show>
                <PhotoAdd
                    label=t_string!(i18n, rounds.take)
                    camera=true
                    class="btn ghost keep"
                    on_files=shoot
                />
            </Show>
        </span>
    }
    .into_any()
}

/// Waits until photos are saved, if anything is: then none wait any more.
async fn settle(
    saving: Option<impl Future<Output = bool>>,
    waiting: RwSignal<Vec<PhotoRef>>,
    taking: RwSignal<bool>,
) {
    if let Some(saving) = saving
        && saving.await
    {
        let _ = waiting.try_set(Vec::new());
    }
    let _ = taking.try_set(false);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: ItemKind) -> Item {
        Item { code: "pressure".into(), text: "压力".to_owned(), kind }
    }

    #[test]
    fn what_is_typed_is_not_saved_until_the_answer_on_the_device_says_the_same() {
        let pressure = item(ItemKind::Number { unit: "MPa".to_owned(), low: None, high: None });
        let (old, new) = (Reading::Number(Milli(500)), Reading::Number(Milli(950)));
        let means = |text, saved, given| meant(&pressure, text, saved, given);
        assert_eq!(means("0.95", Some(&old), None), Meant::Another(new.clone()));
        assert_eq!(means("0.95", Some(&old), Some(&new)), Meant::OnItsWay);
        assert_eq!(means("0,950", Some(&new), None), Meant::Saved);
        assert_eq!(means("0.9.5", Some(&old), None), Meant::NoNumber);
        // Corrected back while the wrong one is on its way.
        assert_eq!(means("0.5", Some(&old), Some(&new)), Meant::Another(old.clone()));
    }

    #[test]
    fn an_emptied_field_means_nothing_so_that_the_answer_comes_back() {
        let remark = item(ItemKind::Text);
        let old = Reading::Text("门轴松了".to_owned());
        assert_eq!(meant(&remark, " ", Some(&old), None), Meant::Nothing);
        assert_eq!(meant(&remark, "门轴松了", Some(&old), None), Meant::Saved);
        assert_eq!(meant(&remark, "0.5", None, None), Meant::Another(Reading::Text("0.5".to_owned())));
    }

    #[test]
    fn an_answer_is_shown_at_once_and_the_end_of_an_earlier_one_takes_nothing_back() {
        let mut given = Given::default();
        let first = given.give(Reading::Ok(true));
        assert_eq!(given.reading, Some(Reading::Ok(true)));
        let second = given.give(Reading::Ok(false));
        given.end(first);
        assert_eq!(given.reading, Some(Reading::Ok(false)));
        given.end(second);
        assert_eq!(given.reading, None);
    }

    #[test]
    fn what_is_begun_at_an_item_is_kept_by_round_stop_and_item() {
        let round = RoundId(uuid::Uuid::from_u128(1));
        let dry = item(ItemKind::OkOrNot);
        let key = begun_key(round, &"pump".into(), &dry);
        assert_ne!(key, begun_key(round, &"gate".into(), &dry));
        assert_ne!(key, begun_key(round, &"pump".into(), &Item { code: "calm".into(), ..dry.clone() }));
        assert_ne!(key, begun_key(RoundId(uuid::Uuid::from_u128(2)), &"pump".into(), &dry));
    }

    #[test]
    fn a_draft_of_photos_alone_is_read() {
        let begun: Begun = shared::json::read(r#"{"photos":[]}"#).unwrap();
        assert_eq!(begun, Begun::default());
    }
}
