//! The receipt ladder: how far a report and what was done to it got, and what was refused on the way.

mod rungs;

use leptos::{prelude::*, text_prop::TextProp};
use shared::{
    Rejection,
    case::{Case, StageName},
    ids::CaseId,
    sync::{Delivery, OutboxRow},
    time::Ms,
};

use rungs::{End, Rung, Work, refused, refused_photos, rungs};

use super::{
    actions::{Action, Asking, offered},
    minute::minute,
    unsent::{children, is_mendable},
    withdraw::{Loss, RefusedPhotos, WithdrawSheet},
};
use crate::{
    address::Address,
    i18n::*,
    reactive::{RwSignal, Signal, memo},
    state::{Property, State},
    ui::{Button, ButtonKind, Card, For, Show, Step, StepTone, Steps, view},
    words,
};

/// A rung in words.
#[derive(Clone, PartialEq, Debug, Default)]
struct Said {
    title: String,
    sub: String,
    aside: String,
    bar: Option<f64>,
}

struct Speaker<'a> {
    locale: Locale,
    property: &'a Property,
    now: Ms,
}

impl Speaker<'_> {
    fn second(&self, at: Ms) -> String {
        let zone = &self.property.zone;
        let clock = words::second(zone, at);
        if zone.day(at) == zone.day(self.now) {
            clock
        } else {
            format!("{} {clock}", words::day(self.locale, zone, at, self.now))
        }
    }

    fn moment(&self, at: Ms) -> String {
        words::moment(self.locale, &self.property.zone, at, self.now)
    }

    fn until(&self, at: Ms) -> String {
        words::end(self.locale, &self.property.zone, at, self.now)
    }

    fn name(&self, who: Option<shared::ids::PersonId>) -> String {
        who.map(|who| self.property.name(who)).unwrap_or_default()
    }

    fn say(&self, case: &Case, rung: &Rung) -> Said {
        let locale = self.locale;
        match rung {
            Rung::Phone { at } => {
                let mut sub = vec![self.second(*at), td_string!(locale, case.phone_keeps).to_owned()];
                if case.reported.uncertain {
                    sub.push(td_string!(locale, case.time_uncertain).to_owned());
                }
                Said {
                    title: td_string!(locale, case.on_phone).to_owned(),
                    sub: join(sub),
                    ..Said::default()
                }
            }
            Rung::Text { received, late_by, held } => self.text(case, *received, *late_by, *held),
            Rung::Photos { kept, all, sent, bytes, refused } => {
                let done = kept == all;
                let title = td_string!(locale, case.photos_verified)
                    .replace("{kept}", &kept.to_string())
                    .replace("{all}", &all.to_string());
                let sub = match refused {
                    Some(code) => words::sentence(locale, &Rejection::from(*code), Some(self.property)),
                    None if done => String::new(),
                    None => td_string!(locale, case.photos_under_way).to_owned(),
                };
                let aside = if done {
                    words::bytes(*bytes)
                } else {
                    format!("{} / {}", words::bytes(*sent), words::bytes(*bytes))
                };
                // A photo is far below the 2^53 bytes that f64 counts exactly.
                let bar = (!done && *bytes > 0).then(|| *sent as f64 / *bytes as f64);
                Said { title, sub, aside, bar }
            }
            Rung::Unsent { kinds } => {
                let names: Vec<&str> = kinds.iter().map(|kind| words::action(locale, kind)).collect();
                Said {
                    title: td_string!(locale, case.steps_on_phone).replace("{n}", &kinds.len().to_string()),
                    sub: join([names.join("、"), td_string!(locale, case.sent_later).to_owned()]),
                    ..Said::default()
                }
            }
            Rung::Desk { taken: Some(taken), .. } => Said {
                title: join([td_string!(locale, case.desk_has_taken).to_owned(), self.name(taken.by)]),
                sub: join([
                    self.moment(taken.at),
                    td_string!(locale, case.given_to).replace("{to}", &self.property.name(taken.to)),
                ]),
                ..Said::default()
            },
            Rung::Desk { taken: None, again } => Said {
                title: td_string!(locale, case.desk_takes).to_owned(),
                sub: match (*again, case.number.is_some()) {
                    (true, _) => td_string!(locale, case.desk_again).to_owned(),
                    (false, true) if self.property.control_room_stands_in(self.now) => {
                        td_string!(locale, case.control_room_waits).to_owned()
                    }
                    (false, true) => td_string!(locale, case.desk_waits).to_owned(),
                    // The desk knows nothing of it yet.
                    (false, false) => String::new(),
                },
                ..Said::default()
            },
            Rung::Work(work) => self.work(work),
            Rung::End(end) => self.end(end),
        }
    }

    fn text(
        &self,
        case: &Case,
        received: Option<Ms>,
        late_by: Option<i64>,
        held: Option<shared::Code>,
    ) -> Said {
        let locale = self.locale;
        let Some(received) = received else {
            let sub = match held {
                Some(code) => words::sentence(locale, &Rejection::from(code), Some(self.property)),
                None => td_string!(locale, case.sent_later).to_owned(),
            };
            return Said {
                title: td_string!(locale, case.desk_gets_text).to_owned(),
                sub,
                ..Said::default()
            };
        };
        let mut sub = vec![self.second(received)];
        if case.number.is_some() {
            let year = self.property.zone.day(self.now).year();
            let number = words::number(locale, case.number.as_ref(), case.id, year);
            sub.push(td_string!(locale, case.numbered).replace("{number}", &number));
        }
        if let Some(late) = late_by {
            sub.push(td_string!(locale, case.arrived_late).replace("{span}", &words::span(locale, late)));
        }
        Said { title: td_string!(locale, case.desk_got_text).to_owned(), sub: join(sub), ..Said::default() }
    }

    fn work(&self, work: &Work) -> Said {
        let locale = self.locale;
        match work {
            Work::Open { stage, handler, promise, paused } => {
                let mut sub = Vec::new();
                if let Some(promise) = promise {
                    sub.push(
                        td_string!(locale, case.promised_until).replace("{until}", &self.until(*promise)),
                    );
                } else {
                    sub.push(td_string!(locale, case.not_promised).to_owned());
                }
                if *stage != StageName::Reported {
                    sub.push(format!("{} {}", self.name(*handler), words::stage(locale, *stage)));
                }
                if let Some(until) = paused {
                    sub.push(td_string!(locale, case.paused_until).replace("{until}", &self.until(*until)));
                }
                Said {
                    title: td_string!(locale, case.work_done).to_owned(),
                    sub: join(sub),
                    ..Said::default()
                }
            }
            Work::Done { by, at, result } => {
                let sub = join([self.moment(*at), self.name(*by), result.clone()]);
                Said { title: td_string!(locale, case.work_done).to_owned(), sub, ..Said::default() }
            }
        }
    }

    fn end(&self, end: &End) -> Said {
        let locale = self.locale;
        match end {
            End::ToConfirm { by } => {
                let sub = match by {
                    Some(by) => td_string!(locale, case.waits_for).replace("{who}", &self.property.name(*by)),
                    None => td_string!(locale, case.desk_will_confirm).to_owned(),
                };
                Said { title: td_string!(locale, case.confirmed).to_owned(), sub, ..Said::default() }
            }
            End::Closed { by, at, satisfied } => {
                let answer = match satisfied {
                    Some(true) => td_string!(locale, case.satisfied),
                    Some(false) => td_string!(locale, case.dissatisfied),
                    None => "",
                };
                Said {
                    title: td_string!(locale, case.confirmed).to_owned(),
                    sub: join([self.moment(*at), self.name(*by), answer.to_owned()]),
                    ..Said::default()
                }
            }
            End::Cancelled { by, at, reason } => Said {
                title: td_string!(locale, case.called_off).to_owned(),
                sub: join([self.moment(*at), self.name(*by), reason.clone()]),
                ..Said::default()
            },
        }
    }
}

/// Parts of a line, without those that say nothing.
fn join(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

fn tone_word(locale: Locale, tone: StepTone) -> &'static str {
    match tone {
        StepTone::Done => td_string!(locale, case.step_done),
        StepTone::Going => td_string!(locale, case.step_going),
        StepTone::Waiting => td_string!(locale, case.step_waiting),
        StepTone::Bad => td_string!(locale, case.step_bad),
    }
}

/// The ladder of a case.
#[component]
pub fn Receipt(
    /// The case.
    #[prop(into)]
    case: Signal<Case>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let now = minute(state);
    let id = case.with_untracked(|case| case.id);
    let ladder = memo(move |_| {
        let (locale, now) = (i18n.get_locale(), now.get());
        let Some(property) = state.property.get() else { return Vec::new() };
        let speaker = Speaker { locale, property: &property, now };
        case.with(|case| {
            state.outbox.with(|rows| {
                state.uploads.with(|uploads| {
                    let sending = state.busy.get();
                    let rungs = rungs(case, rows, uploads, sending);
                    rungs.iter().map(|(rung, tone)| (speaker.say(case, rung), *tone)).collect::<Vec<_>>()
                })
            })
        })
    });
    let number = move || {
        let property = state.property.get()?;
        let year = property.zone.day(now.get()).year();
        case.with(|case| Some(words::number(i18n.get_locale(), case.number.as_ref(), case.id, year)))
    };
    let count = memo(move |_| ladder.with(Vec::len));
    // Each rung is a place that stays: a bar grows in it, instead of being drawn anew.
    let steps = move || {
        (0..count.get())
            .map(|index| {
                let said = memo(move |_| {
                    ladder.with(|ladder| ladder.get(index).map(|rung| rung.0.clone()).unwrap_or_default())
                });
                let tone = memo(move |_| {
                    ladder.with(|ladder| ladder.get(index).map_or(StepTone::Waiting, |rung| rung.1))
                });
                view! {
                    <Step
                        title=move || said.with(|said| said.title.clone())
                        tone=tone
                        state=move || tone_word(i18n.get_locale(), tone.get())
                        sub=TextProp::from(move || said.with(|said| said.sub.clone()))
                        aside=TextProp::from(move || said.with(|said| said.aside.clone()))
                        progress=Signal::derive(move || said.with(|said| said.bar))
                    />
                }
                .into_any()
            })
            .collect_view()
    };
    view! {
        <Card>
            <div class="row between">
                <h2>{t_string!(i18n, case.how_far)}</h2>
                <span class="s num">{number}</span>
            </div>
            <Steps label=t_string!(i18n, case.how_far)>{steps}</Steps>
            <Refused case=id />
        </Card>
    }
    .into_any()
}

/// The commands of a case that the server refused, each with its reason and a way out, and a way out for photos of it
/// that were refused.
#[component]
pub fn Refused(
    /// The case.
    case: CaseId,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let rows = memo(move |_| state.outbox.with(|rows| refused(case, rows)));
    let photos = memo(move |_| state.uploads.with(|uploads| refused_photos(case, uploads)));
    let losing = RwSignal::new(None::<Loss>);
    view! {
        <Show when=move || rows.with(|rows| !rows.is_empty())>
            <Steps label=t_string!(i18n, case.refused_steps)>
                <For each=move || rows.get() key=|row| row.id let(row)>
                    <RefusedStep case=case row=row losing=losing />
                </For>
            </Steps>
        </Show>
        <For each=move || photos.get() key=|command| *command let(command)>
            <RefusedPhotos command=command asked=losing />
        </For>
        <WithdrawSheet asked=losing />
    }
    .into_any()
}

#[component]
fn RefusedStep(
    /// The case.
    case: CaseId,
    /// The command.
    row: OutboxRow,
    /// The question before it is withdrawn.
    losing: RwSignal<Option<Loss>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let asking = use_context::<Asking>();
    let address = expect_context::<Address>();
    let command = row.id;
    let action = Action::of_kind(&row.kind);
    let is_report = row.kind == "case.report";
    let kind = row.kind.clone();
    let title = move || {
        t_string!(i18n, case.was_refused).replace("{action}", words::action(i18n.get_locale(), &kind))
    };
    // What was refused because its report was goes the report's way.
    let rejected = matches!(&row.delivery, Delivery::Refused { rejection, .. }
        if rejection.code == shared::Code::CommandParentRejected);
    let may_help = match &row.delivery {
        Delivery::Refused { rejection, .. } => is_mendable(rejection),
        Delivery::Pending | Delivery::Again(_) | Delivery::Held { .. } | Delivery::Done { .. } => true,
    };
    let sub = move || match &row.delivery {
        Delivery::Refused { rejection, .. } => {
            let property = state.property.get();
            words::sentence(i18n.get_locale(), rejection, property.as_deref())
        }
        Delivery::Pending | Delivery::Again(_) | Delivery::Held { .. } | Delivery::Done { .. } => {
            String::new()
        }
    };
    let mend = move |()| {
        if let (Some(asking), Some(action)) = (asking, action) {
            asking.mend(case, action, command);
        } else if is_report {
            // As a new case; the refused one is settled by the report that takes its place.
            address.to(&format!("/report?mend={command}"));
        }
    };
    let withdraw = move |()| losing.set(Some(Loss::Command(command, children(state, command))));
    let aggregate = row.aggregate;
    let alone = move || {
        is_report
            || !rejected
            || state.outbox.with(|rows| {
                rows.iter().all(|other| {
                    other.aggregate != aggregate
                        || other.kind != "case.report"
                        || !matches!(other.delivery, Delivery::Refused { .. })
                })
            })
    };
    // Only what may be done now is worth mending; the rest can be withdrawn.
    let offer = offered(state, Signal::derive(move || Some(case)));
    let mendable = move || {
        let again = |action: Action| {
            asking.is_some() && action.at_once().is_none() && offer.with(|offer| offer.has(action))
        };
        may_help && (is_report || action.is_some_and(again))
    };
    let mend = Callback::new(mend);
    view! {
        <Step
            title=title
            tone=StepTone::Bad
            state=t_string!(i18n, case.step_bad)
            sub=TextProp::from(sub)
        >
            <div class="row tight wrap" hidden=move || !alone()>
                <Show when=mendable>
                    <Button
                        label=t_string!(i18n, case.mend)
                        kind=ButtonKind::Ghost
                        small=true
                        on_click=mend
                    />
                </Show>
                <Button
                    label=t_string!(i18n, case.withdraw)
                    kind=ButtonKind::Danger
                    small=true
                    on_click=withdraw
                />
            </div>
        </Step>
    }
    .into_any()
}
