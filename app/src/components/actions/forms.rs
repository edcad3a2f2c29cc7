//! The forms of the smaller actions: a reason, a time, an answer.

use leptos::prelude::*;
use shared::{
    case::{
        Case, CaseCommand, Standing,
        command::{About, Means, Told, Urgency},
    },
    ids::{CaseId, CategoryCode, PersonId},
    site::CaseKind,
    time::Ms,
};

use super::{
    asking::Asking,
    candidates::everybody,
    form::{ActionForm, Reason, TEXT_MAX, blank},
    offer::{Action, tellable},
    person::PersonPick,
    when::{When, pauses, promises},
};
use crate::{
    components::{
        minute::minute,
        trail::{about_word, means_word, whom_word},
    },
    i18n::*,
    reactive::{RwSignal, Signal, memo},
    state::State,
    ui::{Banner, Choice, Field, Glyph, Picks, PicksLayout, Show, Tone, view},
    words,
};

/// The case as it is when a form opens.
fn now_shown(state: State, id: CaseId) -> Option<Case> {
    state.cases.with_untracked(|cases| cases.get(&id).and_then(|view| view.full().cloned()))
}

/// A reason and nothing else: decline, reopen, cancel.
#[component]
pub fn ReasonForm(
    /// The case.
    case: CaseId,
    /// Which of them.
    action: Action,
    /// What the refused command said.
    #[prop(optional)]
    text: String,
) -> impl IntoView {
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let text = RwSignal::new(text);
    let usual = Signal::derive(move || match action {
        Action::Decline => vec![
            t_string!(i18n, case.decline_busy),
            t_string!(i18n, case.decline_trade),
            t_string!(i18n, case.decline_off),
            t_string!(i18n, case.decline_material),
        ],
        Action::Cancel => vec![
            t_string!(i18n, case.cancel_twice),
            t_string!(i18n, case.cancel_nothing),
            t_string!(i18n, case.cancel_mistake),
        ],
        _ => vec![t_string!(i18n, case.reopen_again), t_string!(i18n, case.reopen_partly)],
    });
    let label = move || match action {
        Action::Decline => t_string!(i18n, case.why_decline),
        Action::Cancel => t_string!(i18n, case.why_cancel),
        _ => t_string!(i18n, case.why_reopen),
    };
    let button = move || match action {
        Action::Decline => t_string!(i18n, case.decline_now),
        Action::Cancel => t_string!(i18n, case.cancel_now),
        _ => t_string!(i18n, case.reopen_now),
    };
    let send = move |()| {
        let reason = text.get_untracked().trim().to_owned();
        let command = match action {
            Action::Decline => CaseCommand::Decline { reason },
            Action::Cancel => CaseCommand::Cancel { reason },
            _ => CaseCommand::Reopen { reason },
        };
        asking.send(case, vec![command], None);
    };
    view! {
        <ActionForm label=button incomplete=blank(text) on_send=send>
            <Reason name="reason" field="reason-text" label=label usual=usual text=text />
        </ActionForm>
    }
    .into_any()
}

/// Pausing: for what, until when.
#[component]
pub fn PauseForm(
    /// The case.
    case: CaseId,
    /// What the refused command said.
    #[prop(optional)]
    text: String,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let text = RwSignal::new(text);
    let until = RwSignal::new(None::<Ms>);
    let usual = state.property.with_untracked(|property| {
        property.as_ref().map(|property| pauses(&property.zone, state.now_ms())).unwrap_or_default()
    });
    let reasons = Signal::derive(move || {
        vec![
            t_string!(i18n, case.pause_parts),
            t_string!(i18n, case.pause_customer),
            t_string!(i18n, case.pause_contractor),
            t_string!(i18n, case.pause_urgent),
        ]
    });
    let shown = now_shown(state, case);
    let promise = shown.as_ref().and_then(|case| case.promise.clone()).map(|promise| promise.until);
    let postponed = shown.is_some_and(|case| case.postponed);
    let beyond = memo(move |_| promise.zip(until.get()).is_some_and(|(promise, until)| until > promise));
    let warning = move || {
        if postponed { t_string!(i18n, case.pause_beyond_again) } else { t_string!(i18n, case.pause_beyond) }
    };
    let send = move |()| {
        let Some(until) = until.get_untracked() else { return };
        let reason = text.get_untracked().trim().to_owned();
        asking.send(case, vec![CaseCommand::Pause { reason, until }], None);
    };
    let incomplete = Signal::derive(move || blank(text).get() || until.get().is_none());
    view! {
        <ActionForm label=t_string!(i18n, case.pause_now) incomplete=incomplete on_send=send>
            <Reason
                name="pause-reason"
                field="pause-text"
                label=t_string!(i18n, case.why_pause)
                usual=reasons
                text=text
            />
            <When
                name="pause-until"
                field="pause-time"
                legend=t_string!(i18n, case.pause_until)
                usual=usual
                at=until
            />
            <Show when=move || beyond.get()>
                <Banner text=warning tone=Tone::Warn glyph=Glyph::Warn />
            </Show>
        </ActionForm>
    }
    .into_any()
}

/// A promise, or its one postponement.
#[component]
pub fn PromiseForm(
    /// The case.
    case: CaseId,
    /// Moves the promise that there is.
    postpone: bool,
    /// What the refused command said.
    #[prop(optional)]
    text: String,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let now = minute(state);
    let text = RwSignal::new(text);
    let until = RwSignal::new(None::<Ms>);
    let old = now_shown(state, case).and_then(|case| case.promise).map(|promise| promise.until);
    let mut usual = state.property.with_untracked(|property| {
        let case = now_shown(state, case);
        property
            .as_ref()
            .map(|property| promises(property, case.as_ref(), state.now_ms()))
            .unwrap_or_default()
    });
    usual.retain(|at| old.is_none_or(|old| *at > old));
    let standing = move || {
        let old = old?;
        state.property.with(|property| {
            let zone = &property.as_ref()?.zone;
            let when = words::end(i18n.get_locale(), zone, old, now.get());
            Some(t_string!(i18n, case.promised_until).replace("{until}", &when))
        })
    };
    let send = move |()| {
        let Some(until) = until.get_untracked() else { return };
        let reason = text.get_untracked().trim().to_owned();
        let command = if postpone {
            CaseCommand::Postpone { until, reason }
        } else {
            CaseCommand::Promise { until, reason }
        };
        asking.send(case, vec![command], None);
    };
    let incomplete = Signal::derive(move || until.get().is_none() || (postpone && blank(text).get()));
    let button = move || {
        if postpone { t_string!(i18n, case.postpone_now) } else { t_string!(i18n, case.promise_now) }
    };
    let label = move || {
        if postpone { t_string!(i18n, case.why_postpone) } else { t_string!(i18n, case.why_so_long) }
    };
    view! {
        <ActionForm label=button incomplete=incomplete on_send=send>
            {postpone
                .then(|| {
                    view! {
                        <p class="s">
                            {standing} " · " {t_string!(i18n, case.postponed_none)}
                        </p>
                    }
                })}
            <When
                name="promise-until"
                field="promise-time"
                legend=t_string!(i18n, case.promise_done_by)
                usual=usual
                at=until
            />
            <Reason name="promise-reason" field="promise-text" label=label text=text />
        </ActionForm>
    }
    .into_any()
}

fn whom_value(whom: Told) -> &'static str {
    match whom {
        Told::Customer => "customer",
        Told::FirstAsked => "first_asked",
    }
}

fn about_value(about: About) -> &'static str {
    match about {
        About::Promise => "promise",
        About::Delay => "delay",
        About::Result => "result",
    }
}

fn means_value(means: Means) -> &'static str {
    match means {
        Means::InPerson => "in_person",
        Means::Phone => "phone",
        Means::Message => "message",
    }
}

/// Who was told, of what, how, and whether they agreed.
#[component]
pub fn TellForm(
    /// The case.
    case: CaseId,
    /// What the refused command said.
    #[prop(optional)]
    text: String,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let shown = now_shown(state, case);
    let me = state.session.with_untracked(|session| session.as_ref().map(|session| session.person));
    let whom_all = shown.as_ref().zip(me).map(|(case, me)| tellable(case, me)).unwrap_or_default();
    let promised = shown.as_ref().is_some_and(|case| case.promise.is_some());
    let untold =
        shown.as_ref().is_some_and(|case| case.promise.as_ref().is_some_and(|promise| !promise.told));
    let finished = shown.as_ref().is_some_and(|case| !case.stage.name().open());
    let about_all: Vec<About> = [About::Promise, About::Delay, About::Result]
        .into_iter()
        .filter(|about| match about {
            About::Promise => promised,
            About::Delay => !finished,
            About::Result => finished,
        })
        .collect();
    let first_about = if finished {
        About::Result
    } else if untold {
        About::Promise
    } else {
        About::Delay
    };
    let whom = RwSignal::new(whom_all.first().copied());
    let about = RwSignal::new(first_about);
    let means = RwSignal::new(Means::Phone);
    let consent = RwSignal::new(String::new());
    let note = RwSignal::new(text);
    let whom_list = whom_all.clone();
    let whom_choices = Signal::derive(move || {
        let locale = i18n.get_locale();
        let choice = |whom: &Told| Choice::new(whom_value(*whom), whom_word(locale, *whom));
        whom_list.iter().map(choice).collect::<Vec<_>>()
    });
    let about_list = about_all.clone();
    let about_choices = Signal::derive(move || {
        let locale = i18n.get_locale();
        let choice = |about: &About| Choice::new(about_value(*about), about_word(locale, *about));
        about_list.iter().map(choice).collect::<Vec<_>>()
    });
    const MEANS: [Means; 3] = [Means::Phone, Means::InPerson, Means::Message];
    let means_choices = Signal::derive(move || {
        let locale = i18n.get_locale();
        MEANS
            .iter()
            .map(|means| Choice::new(means_value(*means), means_word(locale, *means)))
            .collect::<Vec<_>>()
    });
    let consent_choices = Signal::derive(move || {
        vec![
            Choice::new("yes", t_string!(i18n, case.consent_yes)),
            Choice::new("no", t_string!(i18n, case.consent_no)),
            Choice::new("", t_string!(i18n, case.consent_unasked)),
        ]
    });
    let send = move |()| {
        let Some(whom) = whom.get_untracked() else { return };
        let about = about.get_untracked();
        let consent = match consent.get_untracked().as_str() {
            _ if about == About::Result => None,
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        let command = CaseCommand::Tell {
            whom,
            about,
            means: means.get_untracked(),
            consent,
            note: note.get_untracked().trim().to_owned(),
        };
        asking.send(case, vec![command], None);
    };
    view! {
        <ActionForm
            label=t_string!(i18n, case.tell_now)
            incomplete=move || whom.get().is_none()
            on_send=send
        >
            <Picks
                name="tell-whom"
                legend=t_string!(i18n, case.tell_whom)
                choices=whom_choices
                selected=move || whom.get().map(|whom| whom_value(whom).to_owned()).unwrap_or_default()
                on_pick=move |value: String| {
                    whom.set(whom_all.iter().copied().find(|whom| whom_value(*whom) == value));
                }
            />
            <Picks
                name="tell-about"
                legend=t_string!(i18n, case.tell_about)
                choices=about_choices
                selected=move || about_value(about.get()).to_owned()
                on_pick=move |value: String| {
                    if let Some(picked) = about_all.iter().copied().find(|one| about_value(*one) == value) {
                        about.set(picked);
                    }
                }
            />
            <Picks
                name="tell-means"
                legend=t_string!(i18n, case.tell_means)
                choices=means_choices
                selected=move || means_value(means.get()).to_owned()
                on_pick=move |value: String| {
                    if let Some(picked) = MEANS.iter().copied().find(|one| means_value(*one) == value) {
                        means.set(picked);
                    }
                }
            />
            <Show when=move || about.get() != About::Result>
                <Picks
                    name="tell-consent"
                    legend=t_string!(i18n, case.tell_consent)
                    choices=consent_choices
                    selected=consent
                    on_pick=move |value| consent.set(value)
                />
            </Show>
            <Field
                id="tell-note"
                label=t_string!(i18n, case.tell_note)
                value=note
                on_input=move |typed| note.set(typed)
                max=TEXT_MAX
                autocomplete="off"
            />
        </ActionForm>
    }
    .into_any()
}

/// It is solved: with the customer's answer, and with a reason from the desk.
#[component]
pub fn ConfirmForm(
    /// The case.
    case: CaseId,
    /// What the refused command said.
    #[prop(optional)]
    text: String,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let shown = now_shown(state, case);
    let customers = shown.as_ref().is_some_and(Case::customers);
    let stands_in = shown.as_ref().is_some_and(|case| {
        state.property.with_untracked(|property| {
            property.as_ref().is_some_and(|property| {
                let who = property.standings(case, state.now_ms());
                !who.has(Standing::FirstAsked) && !who.has(Standing::Lead) && !case.confidential()
            })
        })
    });
    let answer = RwSignal::new(String::new());
    let text = RwSignal::new(text);
    let satisfied = move || match answer.get().as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let choices = Signal::derive(move || {
        vec![
            Choice::new("yes", t_string!(i18n, case.satisfied)).icon(Glyph::Check),
            Choice::new("no", t_string!(i18n, case.dissatisfied)).icon(Glyph::X),
        ]
    });
    let needs_reason = memo(move |_| stands_in || satisfied() == Some(false));
    let incomplete = Signal::derive(move || {
        (customers && satisfied().is_none()) || (needs_reason.get() && blank(text).get())
    });
    let label = move || match satisfied() {
        Some(false) => t_string!(i18n, case.why_dissatisfied),
        Some(true) | None if stands_in => t_string!(i18n, case.why_desk_confirms),
        Some(true) | None => t_string!(i18n, case.confirm_note),
    };
    let button = move || {
        if satisfied() == Some(false) {
            t_string!(i18n, case.reopen_now)
        } else {
            t_string!(i18n, case.confirm_now)
        }
    };
    let send = move |()| {
        let satisfied = if customers { satisfied() } else { None };
        let reason = text.get_untracked().trim().to_owned();
        asking.send(case, vec![CaseCommand::Confirm { satisfied, reason }], None);
    };
    view! {
        <ActionForm label=button incomplete=incomplete on_send=send>
            <p class="s">{t_string!(i18n, case.confirm_means)}</p>
            {customers
                .then(|| {
                    view! {
                        <Picks
                            name="confirm-answer"
                            legend=t_string!(i18n, case.customer_says)
                            choices=choices
                            selected=answer
                            layout=PicksLayout::Stretch
                            on_pick=move |value| answer.set(value)
                        />
                    }
                })}
            <Reason name="confirm-reason" field="confirm-text" label=label text=text />
        </ActionForm>
    }
    .into_any()
}

/// Another category, another urgency, the person complained about.
#[component]
pub fn ClassifyForm(
    /// The case.
    case: CaseId,
    /// What the refused command said.
    #[prop(optional)]
    text: String,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let shown = now_shown(state, case);
    let category =
        RwSignal::new(shown.as_ref().map(|case| case.category.as_str().to_owned()).unwrap_or_default());
    let accused =
        RwSignal::new(shown.as_ref().and_then(|case| case.accused.as_ref()).map(|accused| accused.person));
    let urgency = RwSignal::new(String::new());
    let text = RwSignal::new(text);
    let choices = Signal::derive(move || {
        let locale = i18n.get_locale();
        state.property.with(|property| {
            let categories = property.as_ref().map(|property| property.site.categories.as_slice());
            categories
                .unwrap_or_default()
                .iter()
                .map(|one| Choice::new(one.code.as_str(), words::category(locale, one).to_owned()))
                .collect::<Vec<_>>()
        })
    });
    let complaint = memo(move |_| {
        state.property.with(|property| {
            property.as_ref().is_some_and(|property| {
                property
                    .site
                    .category(&CategoryCode(category.get()))
                    .is_some_and(|category| category.kind == CaseKind::Complaint)
            })
        })
    });
    let people =
        memo(move |_| state.property.with(|property| property.as_deref().map(everybody).unwrap_or_default()));
    let urgencies = Signal::derive(move || {
        vec![
            Choice::new("", t_string!(i18n, case.urgency_of_category)),
            Choice::new("yes", t_string!(i18n, case.urgent)),
            Choice::new("no", t_string!(i18n, case.not_urgent)),
        ]
    });
    let differs = memo(move |_| urgency.with(|urgency| !urgency.is_empty()));
    let incomplete = Signal::derive(move || differs.get() && blank(text).get());
    let send = move |()| {
        let urgent = match urgency.get_untracked().as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        let reason = text.get_untracked().trim().to_owned();
        let command = CaseCommand::Classify {
            category: CategoryCode(category.get_untracked()),
            urgency: urgent.map(|urgent| Urgency { urgent, reason }),
            accused: accused.get_untracked().filter(|_| complaint.get_untracked()),
        };
        asking.send(case, vec![command], None);
    };
    view! {
        <ActionForm label=t_string!(i18n, case.classify_now) incomplete=incomplete on_send=send>
            <Picks
                name="classify-category"
                legend=t_string!(i18n, case.category)
                choices=choices
                selected=category
                on_pick=move |value| category.set(value)
            />
            <Show when=move || complaint.get()>
                <Banner
                    text=t_string!(i18n, case.complaint_hides)
                    tone=Tone::Info
                    glyph=Glyph::Shield
                />
                <PersonPick
                    name="classify-accused"
                    field="classify-search"
                    legend=t_string!(i18n, case.accused)
                    people=people
                    chosen=accused
                />
            </Show>
            <Picks
                name="classify-urgency"
                legend=t_string!(i18n, case.urgency)
                choices=urgencies
                selected=urgency
                on_pick=move |value| urgency.set(value)
            />
            <Show when=move || differs.get()>
                <Reason
                    name="classify-reason"
                    field="classify-text"
                    label=t_string!(i18n, case.why_urgency)
                    text=text
                />
            </Show>
        </ActionForm>
    }
    .into_any()
}

/// Another first-asked person.
#[component]
pub fn SucceedForm(
    /// The case.
    case: CaseId,
    /// Whom the refused command named.
    #[prop(optional_no_strip)]
    to: Option<PersonId>,
    /// What it said.
    #[prop(optional)]
    text: String,
) -> impl IntoView {
    let state = expect_context::<State>();
    let asking = expect_context::<Asking>();
    let i18n = use_i18n();
    let chosen = RwSignal::new(to);
    let text = RwSignal::new(text);
    let people =
        memo(move |_| state.property.with(|property| property.as_deref().map(everybody).unwrap_or_default()));
    let usual = Signal::derive(move || {
        vec![
            t_string!(i18n, case.succeed_leave),
            t_string!(i18n, case.succeed_left),
            t_string!(i18n, case.succeed_post),
        ]
    });
    let incomplete = Signal::derive(move || chosen.get().is_none() || blank(text).get());
    let send = move |()| {
        let Some(to) = chosen.get_untracked() else { return };
        let reason = text.get_untracked().trim().to_owned();
        asking.send(case, vec![CaseCommand::Succeed { to, reason }], None);
    };
    view! {
        <ActionForm label=t_string!(i18n, case.succeed_now) incomplete=incomplete on_send=send>
            <PersonPick
                name="succeed-to"
                field="succeed-search"
                legend=t_string!(i18n, case.succeed_to)
                people=people
                chosen=chosen
            />
            <Reason
                name="succeed-reason"
                field="succeed-text"
                label=t_string!(i18n, case.why_succeed)
                usual=usual
                text=text
            />
        </ActionForm>
    }
    .into_any()
}
