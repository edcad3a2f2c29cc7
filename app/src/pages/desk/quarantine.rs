//! What somebody who has left had made, and the office has to look at: who asked what and when, with the photos, to be
//! taken or discarded with a reason.

use std::{collections::BTreeSet, sync::Arc};

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::{
    case::CaseCommand,
    ids::{CaseId, CommandId},
    quarantine::Ruling,
    wire::{Envelope, Part, Quarantined},
};

use crate::{
    components::{asked as asks, minute, picture, said, toast},
    i18n::*,
    order,
    reactive::{RwSignal, Signal, effect, memo},
    state::{Property, State},
    ui::{
        Button, ButtonKind, Card, Field, FieldKind, For, Lightbox, Photo, PhotoStrip, Picture, Sheet, Show,
        Tone, view,
    },
    words,
};

/// The longest reason, as the rules have it.
const REASON_MAX: u32 = 2_000;

/// A command in quarantine, as a row of the list.
#[derive(Clone, PartialEq, Debug)]
struct Row {
    quarantined: Arc<Quarantined>,
    kind: String,
    case: CaseId,
    /// Something on the same case, made before on the same device, stands above it.
    follows: bool,
}

/// The rows: by case and in the order in which they were made, the case that has waited longest first.
fn rows(quarantine: &[Arc<Quarantined>]) -> Vec<Row> {
    let read = |quarantined: &Arc<Quarantined>| {
        Some((Envelope::read(&quarantined.text).ok()?, Arc::clone(quarantined)))
    };
    let all: Vec<(Envelope, Arc<Quarantined>)> = quarantine.iter().filter_map(read).collect();
    let made = order::by(all, |(envelope, quarantined)| {
        [quarantined.time.at.0, i64::try_from(envelope.n).unwrap_or(i64::MAX), 0]
    });
    let cases: Vec<_> = made.iter().map(|(envelope, of)| (envelope.aggregate, of.time.received.0)).collect();
    let sorted = order::by(made, |(envelope, _)| {
        let of_case = || cases.iter().enumerate().filter(|(_, (case, _))| *case == envelope.aggregate);
        let since = of_case().map(|(_, (_, received))| *received).min();
        // Two cases that came together are told apart by where they stand.
        let place = of_case().map(|(place, _)| i64::try_from(place).unwrap_or(i64::MAX)).min();
        [since.unwrap_or(0), place.unwrap_or(0), 0]
    });
    let mut seen = BTreeSet::new();
    sorted
        .into_iter()
        .map(|(envelope, quarantined)| Row {
            quarantined,
            kind: envelope.kind.clone(),
            case: CaseId(envelope.aggregate),
            follows: !seen.insert((envelope.device, envelope.author, envelope.aggregate)),
        })
        .collect()
}

/// What is to be decided.
#[derive(Clone, PartialEq, Debug)]
struct Asked {
    command: CommandId,
    take: bool,
    who: String,
}

/// The list; nothing where nothing is in quarantine.
#[component]
pub fn Quarantine() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let asked = RwSignal::new(None::<Asked>);
    let rows = memo(move |_| state.quarantine.with(|quarantine| rows(quarantine)));
    view! {
        <Show when=move || rows.with(|rows| !rows.is_empty())>
            <Card tone=Tone::Warn>
                <h3>{t_string!(i18n, desk.quarantine)}</h3>
                <p class="s">{t_string!(i18n, desk.quarantine_why)}</p>
                <ul class="col">
                    <For
                        each=move || rows.get()
                        key=|row| (row.quarantined.id, row.follows)
                        let(row)
                    >
                        <QuarantineRow row=row asked=asked />
                    </For>
                </ul>
            </Card>
        </Show>
        <RulingSheet asked=asked />
    }
    .into_any()
}

/// Which case it is about: what it reports, or the case's own heading where this person has it.
fn about(locale: Locale, property: &Property, state: State, row: &Row) -> Option<String> {
    match asks(&row.quarantined.text) {
        Some(CaseCommand::Report(report)) => {
            let category = property.site.category(&report.category);
            let name = category.map_or(report.category.as_str(), |known| words::category(locale, known));
            Some(format!("{name} · {}", property.place(&report.place)))
        }
        Some(_) | None => state.case(row.case).map(|view| words::heading(locale, property, &view)),
    }
}

#[component]
fn QuarantineRow(
    /// What it shows.
    row: Row,
    /// The question to open.
    asked: RwSignal<Option<Asked>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let follows = row.follows;
    let row = StoredValue::new(row);
    let head = move || {
        let property = state.property.get()?;
        let locale = i18n.get_locale();
        row.with_value(|row| {
            let when = words::moment(locale, &property.zone, row.quarantined.time.at, now.get());
            let made = t_string!(i18n, desk.quarantine_made).replace("{when}", &when);
            let name = property.name(row.quarantined.author);
            Some(format!("{name} · {} · {made}", words::action(locale, &row.kind)))
        })
    };
    let about = move || {
        let property = state.property.get()?;
        row.with_value(|row| about(i18n.get_locale(), &property, state, row))
    };
    let words = row.with_value(|row| said(&row.quarantined.text));
    let ask = move |take: bool| {
        let who = state.property.with_untracked(|property| {
            row.with_value(|row| property.as_ref().map(|property| property.name(row.quarantined.author)))
        });
        let command = row.with_value(|row| row.quarantined.id);
        asked.set(Some(Asked { command, take, who: who.unwrap_or_default() }));
    };
    view! {
        <li class="col tighter">
            <b class="s">{head}</b>
            <span class="s">{about}</span>
            {words.map(|words| view! { <p class="s">{words}</p> })}
            <Photos row=row />
            <div class="row end tight wrap">
                <Show when=move || follows>
                    <span class="xs grow">{t_string!(i18n, desk.quarantine_after)}</span>
                </Show>
                <Button
                    label=t_string!(i18n, desk.discard)
                    kind=ButtonKind::Ghost
                    small=true
                    on_click=move |()| ask(false)
                />
                <Button
                    label=t_string!(i18n, desk.take)
                    small=true
                    disabled=follows
                    on_click=move |()| ask(true)
                />
            </div>
        </li>
    }
    .into_any()
}

/// Its photos, as far as they have arrived.
#[component]
fn Photos(
    /// Whose.
    row: StoredValue<Row>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let shown = RwSignal::new(None::<usize>);
    let (case, photos) = row.with_value(|row| {
        let photos = asks(&row.quarantined.text).map(|asked| asked.photos().to_vec());
        (row.case, photos.unwrap_or_default())
    });
    if photos.is_empty() {
        return ().into_any();
    }
    let alt =
        move |index: usize| t_string!(i18n, desk.quarantine_photo).replace("{n}", &(index + 1).to_string());
    let small: Vec<_> = photos.iter().map(|photo| picture(state, case, photo.id, Part::Thumb)).collect();
    let strip = small
        .iter()
        .copied()
        .enumerate()
        .map(|(index, src)| view! { <Photo src=src alt=alt(index) on_open=move || shown.set(Some(index)) /> })
        .collect_view();
    // Full-size photos are fetched when somebody looks.
    let open = memo(move |_| shown.get().is_some());
    let full = memo(move |_| {
        let wanted = if open.get() { photos.clone() } else { Vec::new() };
        wanted.iter().map(|photo| picture(state, case, photo.id, Part::Full)).collect::<Vec<_>>()
    });
    let pictures = Signal::derive(move || {
        let full = full.get();
        let pictures = full.iter().zip(&small).enumerate().map(|(index, (full, small))| Picture {
            src: full.get().or_else(|| small.get()).unwrap_or_default(),
            alt: alt(index),
            caption: String::new(),
        });
        pictures.collect::<Vec<_>>()
    });
    view! {
        <PhotoStrip label=t_string!(i18n, case.photos)>{strip}</PhotoStrip>
        <Lightbox
            pictures=pictures
            shown=shown
            label=t_string!(i18n, case.photos)
            close=t_string!(i18n, frame.close)
            previous=t_string!(i18n, frame.previous)
            next=t_string!(i18n, frame.next)
        />
    }
    .into_any()
}

/// The question why; what it asks about is set by the row.
#[component]
fn RulingSheet(
    /// About what; `None` while it is closed.
    asked: RwSignal<Option<Asked>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let reason = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let take = memo(move |_| asked.with(|asked| asked.as_ref().is_some_and(|asked| asked.take)));
    effect(move || {
        asked.track();
        reason.set(String::new());
        wrong.set(None);
    });
    let title = move || {
        if take.get() { t_string!(i18n, desk.take_title) } else { t_string!(i18n, desk.discard_title) }
    };
    let text = move || {
        let who = asked.with(|asked| asked.as_ref().map(|asked| asked.who.clone()).unwrap_or_default());
        let text =
            if take.get() { t_string!(i18n, desk.take_text) } else { t_string!(i18n, desk.discard_text) };
        text.replace("{who}", &who)
    };
    let button = move || if take.get() { t_string!(i18n, desk.take) } else { t_string!(i18n, desk.discard) };
    let rule = move || {
        let Some(Asked { command, take, .. }) = asked.get_untracked() else { return };
        let ruling = Ruling { take, reason: reason.get_untracked().trim().to_owned() };
        let done = if take { t_string!(i18n, desk.taken) } else { t_string!(i18n, desk.discarded) };
        busy.set(true);
        spawn_local_scoped(async move {
            let ruled = state.rule(command, &ruling).await;
            let _ = busy.try_set(false);
            match ruled {
                Ok(()) => {
                    let _ = asked.try_set(None);
                    toast(Ok(done.to_owned()));
                }
                Err(rejection) => {
                    let sentence = words::sentence(i18n.get_locale_untracked(), &rejection, None);
                    let _ = wrong.try_set(Some(sentence));
                }
            }
        });
    };
    view! {
        <Sheet
            id="ruling"
            title=title
            close=t_string!(i18n, frame.close)
            open=Signal::derive(move || asked.with(Option::is_some))
            on_close=move || asked.set(None)
        >
            <p>{text}</p>
            <Field
                id="ruling-reason"
                label=t_string!(i18n, desk.ruling_reason)
                value=reason
                on_input=move |text| reason.set(text)
                kind=FieldKind::Area
                max=REASON_MAX
                required=true
                error=wrong
            />
            <div class="actions">
                <Button label=button kind=ButtonKind::Main busy=busy on_click=rule />
            </div>
        </Sheet>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::{
        ids::{DeviceId, PersonId},
        time::{EventTime, Ms},
    };
    use uuid::Uuid;

    use super::*;

    /// The `n`th command of somebody's device on a case; received at an instant.
    fn quarantined(n: u64, author: u128, case: u128, received: i64) -> Arc<Quarantined> {
        let id = CommandId(Uuid::from_u128(author << 32 | u128::from(n)));
        let author = PersonId(Uuid::from_u128(author));
        let made = i64::try_from(n).unwrap();
        let envelope = Envelope {
            id,
            device: DeviceId(author.0),
            author,
            n,
            prev: String::new(),
            kind: "case.comment".to_owned(),
            v: 1,
            site: "jinzhou".into(),
            aggregate: Uuid::from_u128(case),
            base: None,
            at: Ms(made),
            heard: None,
            mends: Vec::new(),
            body: json!({ "text": "x" }),
        };
        let time = EventTime { at: Ms(made), received: Ms(received), uncertain: false };
        Arc::new(Quarantined { id, author, time, text: envelope.write() })
    }

    #[test]
    fn what_has_waited_longest_stands_first_and_each_case_in_its_order() {
        let all = [
            quarantined(3, 1, 7, 20),
            quarantined(2, 1, 8, 20),
            quarantined(1, 1, 7, 10),
            quarantined(1, 2, 7, 30),
        ];
        let listed: Vec<(u128, u64, bool)> = rows(&all)
            .iter()
            .map(|row| {
                let envelope = Envelope::read(&row.quarantined.text).unwrap();
                (row.case.0.as_u128(), envelope.n, row.follows)
            })
            .collect();
        assert_eq!(listed.iter().map(|(case, ..)| *case).collect::<Vec<_>>(), [7, 7, 7, 8]);
        assert_eq!(listed.iter().filter(|(_, _, follows)| *follows).collect::<Vec<_>>(), [&(7, 3, true)]);
        assert_eq!(listed[2], (7, 3, true), "after what it follows");
    }
}
