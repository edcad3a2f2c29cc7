//! A handler's dispatches: what waits for an answer, what is in hand, what was done today.

mod lists;

use leptos::prelude::*;
use shared::{
    case::{
        Case, CaseChange, CaseView, Rule, Stage, StageName,
        command::{Customer, Source},
    },
    ids::CaseId,
    site::PlaceKind,
};

use lists::{Lists, lists};

use crate::{
    components::{
        CasePhotos, NetChip, SentMarks,
        actions::{Action, ActionSheet, Asking, reopen_draft},
        minute, sent_marks,
    },
    i18n::*,
    reactive::{Signal, effect, memo},
    state::State,
    ui::{
        Button, ButtonKind, Card, Chip, Countdown, EmptyState, For, Glyph, Icon, LongText, Show, Skeleton,
        TimeLeft, TimeUnit, Tone, TopBar, view,
    },
    words,
};

/// How many dispatches wait for this person's answer.
pub fn waiting(state: State) -> usize {
    let Some(me) = state.property.with(|property| property.as_ref().map(|property| property.me.id)) else {
        return 0;
    };
    state.cases.with(|cases| {
        let stages = cases.values().filter_map(|view| view.full()).map(|case| &case.stage);
        stages.filter(|stage| matches!(stage, Stage::Dispatched { handler, .. } if *handler == me)).count()
    })
}

/// Whether this person has a case in hand, or had one that is still shown.
pub fn has_any(state: State) -> bool {
    let Some(me) = state.property.with(|property| property.as_ref().map(|property| property.me.id)) else {
        return false;
    };
    state.cases.with(|cases| {
        let mut shown = cases.values().filter_map(|view| view.full());
        shown.any(|case| case.stage.handler() == Some(me) || case.past_handlers.contains(&me))
    })
}

/// A handler's dispatches.
#[component]
pub fn Jobs() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let asking = Asking::provide();
    let now = minute(state);
    let all = memo(move |_| {
        let Some(property) = state.property.get() else { return Lists::default() };
        state.cases.with(|cases| lists(cases.values(), property.me.id, &property.zone, now.get()))
    });
    // What was begun before the page was killed behind the camera opens again, once.
    let looked = StoredValue::new(false);
    effect(move || {
        let going = all.with(|all| all.going.clone());
        if !going.is_empty() && !looked.get_value() {
            looked.set_value(true);
            for case in going {
                reopen_draft(state, asking, case);
            }
        }
    });
    let ready = memo(move |_| state.property.with(Option::is_some));
    let empty = memo(move |_| all.with(|all| *all == Lists::default()));
    let nothing_open = memo(move |_| all.with(|all| all.waiting.is_empty() && all.going.is_empty()));
    let sub = move || {
        state.property.with(|property| {
            property.as_ref().map(|property| format!("{} · {}", property.me.name, property.me.post))
        })
    };
    let done = memo(move |_| all.with(|all| all.done.clone()));
    view! {
        <TopBar
            title=t_string!(i18n, desk.my_jobs)
            sub=TextProp::from(move || sub().unwrap_or_default())
        >
            <NetChip />
        </TopBar>
        <main class="main" tabindex="-1">
            <Show when=move || !ready.get()>
                <Skeleton label=t_string!(i18n, frame.loading) />
            </Show>
            <Show when=move || ready.get() && nothing_open.get()>
                <EmptyState
                    glyph=Glyph::Check
                    title=t_string!(i18n, desk.no_jobs)
                    text=TextProp::from(move || t_string!(i18n, desk.no_jobs_why))
                />
            </Show>
            <For each=move || all.with(|all| all.waiting.clone()) key=|id| *id let(id)>
                <Job id=id />
            </For>
            <For each=move || all.with(|all| all.going.clone()) key=|id| *id let(id)>
                <Job id=id />
            </For>
            <Show when=move || !empty.get() && done.with(|done| !done.is_empty())>
                <div class="section">
                    <h2>{t_string!(i18n, desk.done_today)}</h2>
                    <span class="s num">{move || done.with(Vec::len)}</span>
                </div>
                <For each=move || done.get() key=|id| *id let(id)>
                    <Finished id=id />
                </For>
            </Show>
        </main>
        <ActionSheet />
    }
}

/// What is left, in the words of a countdown.
fn left_words(i18n: I18n, left: TimeLeft) -> String {
    let figure = left.figure();
    let text = match left.unit {
        TimeUnit::Seconds => figure,
        TimeUnit::Hours => t_string!(i18n, desk.hours).replace("{n}", &figure),
        TimeUnit::Days => t_string!(i18n, desk.days).replace("{n}", &figure),
    };
    let template = if left.overdue { t_string!(i18n, desk.over) } else { t_string!(i18n, desk.left) };
    template.replace("{span}", &text)
}

/// One dispatch: all that is needed to go there, and the next step.
#[component]
fn Job(
    /// The case.
    id: CaseId,
) -> impl IntoView {
    let state = expect_context::<State>();
    let full = memo(move |_| {
        state
            .cases
            .with(|cases| cases.get(&id).and_then(|view: &std::sync::Arc<CaseView>| view.full().cloned()))
    });
    let Some(first) = full.get_untracked() else { return ().into_any() };
    let case: Signal<Case> = memo(move |_| full.get().unwrap_or_else(|| first.clone())).into();
    let stage = memo(move |_| case.with(|case| case.stage.name()));
    // Each stage has a card of its own; within one, only what changes is drawn anew.
    (move || match stage.get() {
        StageName::Dispatched => view! { <JobCard case=case class="urgent-edge" /> }.into_any(),
        StageName::Arrived => view! { <JobCard case=case class="brand-edge" /> }.into_any(),
        _ => view! { <JobCard case=case class="" /> }.into_any(),
    })
    .into_any()
}

/// The clock that runs at this stage: which rule, until when, since when.
fn running(case: &Case) -> Option<(Rule, i64, i64)> {
    let rules: &[Rule] = match case.stage.name() {
        StageName::Dispatched => &[Rule::Accept],
        StageName::Accepted => &[Rule::OnSite, Rule::Attend],
        StageName::Paused => &[Rule::Pause],
        _ => &[Rule::Promise],
    };
    let deadline = case.deadlines().into_iter().find(|deadline| rules.contains(&deadline.rule))?;
    Some((deadline.rule, deadline.at.0, deadline.at.since(deadline.started)))
}

#[component]
fn JobCard(
    /// The case.
    case: Signal<Case>,
    /// The card's edge.
    class: &'static str,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let now = minute(state);
    let id = case.with_untracked(|case| case.id);
    let stage = case.with_untracked(|case| case.stage.name());
    let title = move || {
        let property = state.property.get()?;
        Some(case.with(|case| words::title(i18n.get_locale(), &property, case)))
    };
    let clock = memo(move |_| case.with(running));
    let countdown = move || {
        let (_, at, total) = clock.get()?;
        // The clocks of phone and server may be a moment apart; nobody has more time than there is.
        let remaining = Signal::derive(move || at.saturating_sub(state.now.get().0).min(total));
        let phrase = Callback::new(move |left| left_words(i18n, left));
        Some(if stage == StageName::Dispatched {
            view! { <Countdown remaining_ms=remaining total_ms=total phrase=phrase /> }.into_any()
        } else {
            view! { <Countdown remaining_ms=remaining total_ms=total phrase=phrase little=true /> }.into_any()
        })
    };
    let clock_name = move || {
        let property = state.property.get()?;
        let (rule, ..) = clock.get()?;
        Some(words::rule(i18n.get_locale(), &property, rule))
    };
    let place = move || {
        let property = state.property.get()?;
        Some(case.with(|case| property.place(&case.place)))
    };
    let text = move || case.with(|case| case.text.clone());
    let has_text = memo(move |_| case.with(|case| !case.text.is_empty()));
    let note = memo(move |_| {
        case.with(|case| {
            case.trail.iter().rev().find_map(|event| match &event.change {
                CaseChange::Dispatched { note, .. } => Some(note.clone()),
                _ => None,
            })
        })
        .filter(|note| !note.is_empty())
    });
    let first_asked = move || {
        let property = state.property.get()?;
        let name = case.with(|case| property.name(case.first_asked.person));
        Some(t_string!(i18n, desk.first_asked).replace("{who}", &name))
    };
    let promised = move || {
        let property = state.property.get()?;
        let until = case.with(|case| case.promise.as_ref().map(|promise| promise.until))?;
        let until = words::end(i18n.get_locale(), &property.zone, until, now.get());
        Some(t_string!(i18n, case.promised_until).replace("{until}", &until))
    };
    let paused = move || {
        let property = state.property.get()?;
        case.with(|case| match &case.stage {
            Stage::Paused { reason, until, .. } => {
                let until = words::end(i18n.get_locale(), &property.zone, *until, now.get());
                Some(format!("{reason} · {}", t_string!(i18n, case.paused_until).replace("{until}", &until)))
            }
            _ => None,
        })
    };
    // At a customer's door: ring, greet, say who and why, show the badge, wait for consent (D3).
    let at_door = memo(move |_| {
        stage == StageName::Accepted
            && state.property.with(|property| {
                property.as_ref().is_some_and(|property| {
                    let place = case.with(|case| case.place.clone());
                    property.places.path(&place).iter().any(|place| place.kind == PlaceKind::Unit)
                })
            })
    });
    let urgent = memo(move |_| case.with(|case| case.urgent));
    let buttons: &[(Action, ButtonKind, &'static str)] = match stage {
        StageName::Dispatched => {
            &[(Action::Decline, ButtonKind::Ghost, ""), (Action::Accept, ButtonKind::Main, "grow-2")]
        }
        StageName::Accepted => {
            &[(Action::Pause, ButtonKind::Ghost, ""), (Action::Arrive, ButtonKind::Main, "grow-2")]
        }
        StageName::Arrived => {
            &[(Action::Pause, ButtonKind::Ghost, ""), (Action::Complete, ButtonKind::Main, "grow-2")]
        }
        _ => &[(Action::Comment, ButtonKind::Ghost, ""), (Action::Resume, ButtonKind::Main, "grow-2")],
    };
    let buttons = buttons
        .iter()
        .map(|(action, kind, class)| {
            let action = *action;
            let name = move || crate::components::actions::label(i18n.get_locale(), action, Some(stage));
            view! {
                <Button
                    label=name
                    aria=TextProp::from(move || format!("{}: {}", name(), title().unwrap_or_default()))
                    kind=*kind
                    class=*class
                    busy=asking.busy
                    on_click=move |()| asking.begin(id, action)
                />
            }
            .into_any()
        })
        .collect_view();
    let customer = move || case.with(|case| customer_line(&case.source));
    view! {
        <Card class=class>
            <div class="row between">
                <div class="row tight wrap">
                    <Chip
                        label=move || words::stage(i18n.get_locale(), stage)
                        tone=if stage == StageName::Dispatched { Tone::Warn } else { Tone::Info }
                    />
                    <Show when=move || urgent.get()>
                        <Chip label=t_string!(i18n, case.urgent) tone=Tone::Urgent />
                    </Show>
                    <SentMarks case=id />
                </div>
                <div class="col tighter end">
                    {countdown} <span class="xs">{clock_name}</span>
                </div>
            </div>
            <h2>
                <a class="link" href=format!("/cases/{id}")>
                    {title}
                </a>
            </h2>
            <Show when=move || has_text.get()>
                <LongText
                    text=Signal::derive(text)
                    more=t_string!(i18n, case.read_on)
                    less=t_string!(i18n, case.read_less)
                />
            </Show>
            <CasePhotos case=case />
            <div class="row tight s">
                <Icon glyph=Glyph::Pin size="little" />
                <span>{place}</span>
            </div>
            {move || {
                note.get()
                    .map(|note| {
                        view! {
                            <div class="row tight top s">
                                <Icon glyph=Glyph::Notice size="little" />
                                <div class="col tighter">
                                    <LongText
                                        text=move || note.clone()
                                        more=t_string!(i18n, case.read_on)
                                        less=t_string!(i18n, case.read_less)
                                    />
                                </div>
                            </div>
                        }
                    })
            }}
            <div class="row between wrap s">
                <span>{first_asked}</span>
                <span class="num">{promised}</span>
            </div>
            {customer}
            {move || paused().map(|paused| view! { <p class="s">{paused}</p> })}
            <Show when=move || at_door.get()>
                <p class="s">{t_string!(i18n, desk.at_door)}</p>
            </Show>
            <div class="actions stay">{buttons}</div>
        </Card>
    }
    .into_any()
}

/// The customer to go to, with the number to call (R10: the present handler sees both).
fn customer_line(source: &Source) -> Option<AnyView> {
    let Source::Customer(Some(Customer { name, phone, flat })) = source else { return None };
    let who: Vec<&str> = [name.as_str(), flat.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    let who = who.join(" · ");
    let call = (!phone.is_empty()).then(|| {
        let shown = phone.clone();
        view! {
            <a class="link" href=format!("tel:{phone}")>
                <Icon glyph=Glyph::Phone />
                <span class="num">{shown}</span>
            </a>
        }
    });
    Some(
        view! {
            <div class="row between wrap">
                <span class="row tight">
                    <Icon glyph=Glyph::User size="little" />
                    <span>{who}</span>
                </span>
                {call}
            </div>
        }
        .into_any(),
    )
}

/// A case that this person finished today.
#[component]
fn Finished(
    /// The case.
    id: CaseId,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let case = memo(move |_| state.case(id));
    let title = move || {
        let property = state.property.get()?;
        case.with(|case| case.as_ref().map(|case| words::heading(i18n.get_locale(), &property, case)))
    };
    let stage =
        move || case.with(|case| case.as_ref().map(|case| words::stage(i18n.get_locale(), case.stage())));
    // Nothing is done for anybody else before they can know of it.
    let known = memo(move |_| sent_marks(state, id).is_empty());
    let chip = move || {
        let tone = if known.get() { Tone::Ok } else { Tone::Neutral };
        view! { <Chip label=move || stage().unwrap_or_default() tone=tone /> }
    };
    view! {
        <a class="case" href=format!("/cases/{id}")>
            <span class="row between">
                <b class="grow">{title}</b>
                <SentMarks case=id />
                {chip}
            </span>
        </a>
    }
    .into_any()
}
