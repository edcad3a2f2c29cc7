//! Rounds on the phone: those of this shift, the walk itself, and the round that is on as a card on the home page.

mod asks;
mod fix;
mod item;
mod label;
mod look;
mod prove;
mod stop;
mod walk;

use leptos::prelude::*;
use shared::{
    ids::RoundId,
    round::{RoundStage, StopState},
    site::Member,
    time::Ms,
};

pub use self::{
    label::LabelPage,
    look::{Look, look},
    walk::WalkPage,
};
use super::own::at_desk;
use crate::{
    components::minute,
    i18n::*,
    reactive::{Memo, Signal, memo},
    state::{Property, State, Turn, Walk},
    ui::{Chip, EmptyState, For, Glyph, Icon, Progress, Show, Tone, TopBar, view},
    words::{self, round as said},
};

/// A round in a list, in words.
#[derive(Clone, PartialEq, Debug)]
struct Row {
    id: RoundId,
    title: String,
    /// `22:00–22:40 · 还有 18 分钟`
    when: String,
    /// Where to go next.
    next: Option<String>,
    chip: String,
    tone: Tone,
    /// How much of it is walked, from 0 to 1.
    share: f64,
    turn: Turn,
    /// What is missed, what was left out and what is abnormal.
    marks: Vec<(String, Tone)>,
}

fn row(locale: Locale, property: &Property, walk: &Walk, now: Ms) -> Row {
    let (round, turn) = (&walk.round, walk.turn(now));
    let task = &round.task;
    let (done, of) = walk.progress(now);
    let clock = |at| words::clock(&property.zone, at);
    let mut when = format!("{}–{}", clock(task.from), clock(task.until));
    if turn == Turn::Now {
        when = format!("{when} · {}", words::left(locale, task.until.since(now)));
    }
    let next = walk.next(now).filter(|_| turn == Turn::Now).map(|stop| {
        let place = words::spot(property, &stop.place);
        let due = said::with(td_string!(locale, rounds.until), &clock(stop.due.unwrap_or(task.until)));
        format!("{} · {due}", said::with(td_string!(locale, rounds.next_stop), &place))
    });
    let chip = match turn {
        Turn::Now => format!("{done} / {of}"),
        Turn::Next => said::begins(locale, &property.zone, task.from, now),
        Turn::Over => said::stage(locale, round.stage(now).max(RoundStage::Over)).to_owned(),
    };
    let standings = || task.stops.iter().map(|stop| round.stop(stop, now));
    let missed = standings().filter(|one| one.state == StopState::Missed).count();
    let skipped = standings().filter(|one| matches!(one.state, StopState::Skipped(_))).count();
    let abnormal = standings().filter(|one| one.abnormal).count();
    let marks = [
        (missed, td_string!(locale, rounds.missed_count), Tone::Urgent),
        (skipped, td_string!(locale, rounds.skipped_count), Tone::Warn),
        (abnormal, td_string!(locale, rounds.abnormal_count), Tone::Warn),
    ];
    Row {
        id: round.id,
        title: said::title(locale, round, walk.route.as_deref(), &property.zone),
        when,
        next,
        chip,
        tone: match turn {
            Turn::Now => Tone::Brand,
            Turn::Next => Tone::Neutral,
            Turn::Over if missed > 0 => Tone::Urgent,
            Turn::Over if skipped > 0 => Tone::Warn,
            Turn::Over => Tone::Ok,
        },
        // A round has some thirty stops.
        share: if of == 0 { 0.0 } else { done as f64 / of as f64 },
        turn,
        marks: marks
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, text, tone)| (said::counted(text, count), tone))
            .collect(),
    }
}

/// The rounds of this shift that are this person's, in words; computed anew with every change and once a minute.
fn rows(state: State) -> Memo<Vec<Row>> {
    let i18n = use_i18n();
    let minute = minute(state);
    memo(move |_| {
        minute.track();
        let now = state.now_ms();
        let Some(property) = state.property.get() else { return Vec::new() };
        let locale = i18n.get_locale();
        state.walks(now).iter().map(|walk| row(locale, &property, walk, now)).collect()
    })
}

/// Whether somebody looks after the rounds of a subcontractor's people without working at the desk (A8).
fn leads(me: &Member) -> bool {
    !me.lead_of.is_empty() && !at_desk(me)
}

/// The rounds of this shift.
#[component]
pub fn RoundsPage() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let rows = rows(state);
    // Who works at the desk has a tab for it.
    let looks_after =
        memo(move |_| state.property.with(|property| property.as_ref().is_some_and(|one| leads(&one.me))));
    let of = move |turn: Turn| {
        move || rows.with(|rows| rows.iter().filter(|row| row.turn == turn).cloned().collect::<Vec<_>>())
    };
    let section = move |turn: Turn, title: Signal<String>| {
        let list = of(turn);
        view! {
            <Show when=move || rows.with(|rows| rows.iter().any(|row| row.turn == turn))>
                <div class="section">
                    <h2>{move || title.get()}</h2>
                </div>
            </Show>
            <For each=list key=key let(row)>
                <RoundRow row=row />
            </For>
        }
        .into_any()
    };
    view! {
        <TopBar title=t_string!(i18n, rounds.title) />
        <main class="main" tabindex="-1">
            <Show when=move || looks_after.get()>
                <a class="btn ghost" href="/watch">
                    <Icon glyph=Glyph::Walk />
                    <span>{t_string!(i18n, rounds.watch_title)}</span>
                </a>
            </Show>
            <Show when=move || rows.with(Vec::is_empty)>
                <EmptyState
                    glyph=Glyph::Walk
                    title=t_string!(i18n, rounds.none)
                    text=t_string!(i18n, rounds.none_text)
                />
            </Show>
            {section(Turn::Now, Signal::derive(move || t_string!(i18n, rounds.now).to_owned()))}
            {section(Turn::Next, Signal::derive(move || t_string!(i18n, rounds.next).to_owned()))}
            {section(Turn::Over, Signal::derive(move || t_string!(i18n, rounds.over).to_owned()))}
        </main>
    }
    .into_any()
}

/// What a row is built anew for: everything that it says.
fn key(row: &Row) -> String {
    let Row { id, title, when, next, chip, tone, share: _, turn: _, marks } = row;
    let mut key = format!("{id}/{title}/{when}/{chip}/{tone:?}/{}", next.as_deref().unwrap_or_default());
    for (text, tone) in marks {
        key.push_str(&format!("/{text}/{tone:?}"));
    }
    key
}

/// One round of a list, as a link to it.
#[component]
fn RoundRow(row: Row) -> impl IntoView {
    view! {
        <a class="case" href=format!("/rounds/{}", row.id)>
            <Said row=row />
        </a>
    }
    .into_any()
}

/// What is said of a round.
#[component]
fn Said(row: Row) -> impl IntoView {
    let going = (row.turn == Turn::Now).then(|| {
        let share = row.share;
        view! { <Progress label=row.title.clone() value=Signal::derive(move || share) /> }
    });
    let marks = row.marks.into_iter();
    let marks: Vec<_> = marks.map(|(text, tone)| view! { <Chip label=text tone=tone /> }).collect();
    view! {
        <span class="row between">
            <span class="strong grow">{row.title}</span>
            <Chip label=row.chip tone=row.tone />
        </span>
        {going}
        <span class="s num">{row.when}</span>
        {row.next.map(|next| view! { <span class="s num">{next}</span> })}
        <span class="row tight wrap">{marks}</span>
    }
    .into_any()
}

/// The round that is on, on the home page, with the two ways into it.
#[component]
pub fn CurrentRound() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let rows = rows(state);
    let current = memo(move |_| {
        rows.with(|rows| {
            rows.iter().find(|row| row.turn == Turn::Now).cloned().into_iter().collect::<Vec<_>>()
        })
    });
    view! {
        <For each=move || current.get() key=key let(row)>
            {
                let id = row.id;
                let to = format!("/rounds/{id}");
                let scan = to.clone();
                view! {
                    <div class="card col">
                        <Said row=row />
                        <div class="actions">
                            <a class="btn grow-2" href=scan on:click=move |_| state.to_scan.set(Some(id))>
                                <Icon glyph=Glyph::Qr />
                                <span>{t_string!(i18n, rounds.scan_short)}</span>
                            </a>
                            <a class="btn ghost" href=to>
                                {t_string!(i18n, rounds.route)}
                            </a>
                        </div>
                    </div>
                }
            }
        </For>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use shared::{round::RoundCommand, site::Role};

    use super::*;
    use crate::state::rounds_kit::{Made, TEN, TOKENS, minutes, night, property, rounds, tick};

    fn after(commands: Vec<RoundCommand>, minute: i64) -> Row {
        let (guard, routes) = (property(1), [night(true)]);
        let id = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        for (minute, command) in (1..).zip(commands) {
            made.done(&guard, &routes, id, command, minutes(minute));
        }
        let walk = rounds(&guard, &routes, &[], &made.0, minutes(minute)).find(id).unwrap();
        row(Locale::zh, &guard, &walk, minutes(minute))
    }

    fn marks(row: &Row) -> Vec<&str> {
        row.marks.iter().map(|(text, _)| text.as_str()).collect()
    }

    #[test]
    fn the_lead_of_a_subcontractor_has_a_way_to_the_rounds_of_their_people() {
        assert!(!leads(&property(1).me));
        let mut me = property(3).me;
        assert!(leads(&me));
        me.roles.insert(Role::ControlRoom);
        assert!(!leads(&me), "the tab leads there");
    }

    #[test]
    fn what_was_left_out_is_neither_walked_nor_well() {
        let finish = RoundCommand::Finish { reason: "台风".to_owned() };
        let early = after(vec![tick("gate", TOKENS[0]), finish], 50);
        assert_eq!((early.chip.as_str(), early.tone), ("已结束", Tone::Warn));
        assert!(early.share < 0.34, "{}", early.share);
        assert_eq!(marks(&early), ["没去 2 点"]);
        let missed = after(vec![tick("gate", TOKENS[0])], 50);
        assert_eq!((missed.tone, marks(&missed)), (Tone::Urgent, vec!["漏 2 点"]));
        let whole = ["gate", "hall", "pump"].into_iter().zip(TOKENS).map(|(stop, token)| tick(stop, token));
        let whole = after(whole.collect(), 50);
        assert_eq!((whole.tone, marks(&whole)), (Tone::Ok, vec![]));
    }

    #[test]
    fn a_row_is_built_anew_for_everything_that_it_says() {
        let row = after(vec![tick("gate", TOKENS[0])], 50);
        assert_eq!(key(&row), key(&row.clone()));
        let otherwise = Row { marks: vec![("漏 3 点".to_owned(), Tone::Urgent)], ..row.clone() };
        assert_ne!(key(&row), key(&otherwise), "as many marks, with other figures");
        assert_ne!(key(&row), key(&Row { tone: Tone::Ok, ..row.clone() }));
    }
}
