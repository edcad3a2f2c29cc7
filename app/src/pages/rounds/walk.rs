//! The walk: the stops one below the other, the one to go to large, and at the foot the two ways to tick it.

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::{
    Rejection,
    ids::{PersonId, RoundId, StopCode},
    round::{
        RoundCommand, Standing,
        command::{Position, Proof, Tick},
    },
    sync::{Delivery, OutboxRow},
    time::{MINUTE, Ms},
};

use super::{
    asks::{HandOverForm, ReasonForm},
    prove::Prove,
    stop::StopCard,
};
use crate::{
    address::Address,
    components::{LittleRoom, minute, toast},
    i18n::*,
    platform::{awake::Awake, clock, device, position},
    reactive::{Memo, RwSignal, Signal, memo},
    state::{State, Turn, Walk},
    ui::{
        Banner, Button, ButtonKind, Chip, EmptyState, For, Glyph, Progress, Sheet, Show, Tone, TopBar, view,
    },
    words::{self, round as said},
};

/// A position older than this says nothing.
const STALE_MS: i64 = 10 * MINUTE;

/// What the sheet asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// To scan, tap or type.
    Prove,
    /// Why a stop cannot be scanned.
    CannotScan(StopCode),
    /// Why a stop is left out.
    Skip(StopCode),
    /// Who goes on.
    HandOver,
    /// Why nobody goes on.
    Finish,
}

/// What the parts of the page share. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Page {
    pub state: State,
    pub i18n: I18n,
    pub id: RoundId,
    /// The round with what is not sent yet.
    pub walk: Memo<Option<Walk>>,
    /// The stop that is open.
    pub focus: Memo<Option<StopCode>>,
    /// The stop that somebody opened by hand.
    pub opened: RwSignal<Option<StopCode>>,
    pub asked: RwSignal<Option<Asked>>,
    /// Something is being saved.
    pub busy: RwSignal<bool>,
    /// Where the phone is, asked for once per tick.
    found: RwSignal<Option<position::Found>>,
    address: Address,
}

impl Page {
    /// Now, for what is judged at this moment.
    pub fn now(self) -> Ms {
        self.state.now_ms()
    }

    /// Asks where the phone is, for the next tick.
    pub fn locate(self) {
        leptos::task::spawn_local(async move {
            if let Some(found) = position::find().await {
                let _ = self.found.try_set(Some(found));
            }
        });
    }

    /// Where the phone is as far as is known by now: a tick waits for no satellite.
    fn position(self) -> Option<Position> {
        let found = self.found.try_get_untracked().flatten()?;
        let _ = self.found.try_set(None);
        let age = clock::now_ms().saturating_sub(found.at).max(0);
        (age <= STALE_MS).then(|| Position {
            // Degrees are within ±180, so millionths fit; casts of floats saturate.
            lat: (found.lat * 1e6).round() as i32,
            lon: (found.lon * 1e6).round() as i32,
            accuracy: found.accuracy.ceil() as u32,
            age: u32::try_from(age / 1_000).unwrap_or(u32::MAX),
        })
    }

    /// Saves what somebody did; `then` is called once it is on this device.
    pub fn act(self, command: RoundCommand, draft: Option<String>, then: impl FnOnce() + 'static) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        leptos::task::spawn_local(async move {
            let saved = self.state.act_in_round(self.id, command, draft.as_deref()).await;
            // The page may have been left meanwhile.
            let _ = self.busy.try_set(false);
            match saved {
                Ok(()) => then(),
                Err(rejection) => toast(Err(rejection)),
            }
        });
    }

    /// Ticks a stop with what shows that somebody is there.
    pub fn tick(self, stop: StopCode, proof: Proof, draft: Option<String>) {
        let place = self.walk.with_untracked(|walk| {
            let stop = walk.as_ref()?.round.find(&stop)?;
            Some(stop.place.clone())
        });
        let Some(place) = place else { return };
        let state = self.state;
        let named = state.property.with_untracked(|property| {
            property.as_ref().map(|property| words::spot(property, &place)).unwrap_or_default()
        });
        let done = said::with(td_string!(self.i18n.get_locale_untracked(), rounds.ticked), &named);
        let tick = Tick { stop, place, proof, readings: Default::default(), position: self.position() };
        self.act(RoundCommand::Tick(Box::new(tick)), draft, move || {
            device::vibrate(60);
            let _ = self.asked.try_set(None);
            let _ = self.opened.try_set(None);
            toast(Ok(done));
        });
    }

    /// Goes on to the report of a problem found at a stop; the round is begun by then.
    pub fn report(self, stop: &StopCode) {
        let at = self
            .walk
            .with_untracked(|walk| walk.as_ref()?.round.task.stops.iter().position(|one| one.code == *stop));
        let Some(at) = at else { return };
        spawn_local_scoped(async move {
            match self.state.begin_round(self.id).await {
                Ok(()) => self.address.to(&format!("/report?round={}&at={at}", self.id)),
                Err(rejection) => toast(Err(rejection)),
            }
        });
    }

    /// What the device says against something, in words.
    pub fn sentence(self, rejection: &Rejection) -> String {
        let property = self.state.property.get_untracked();
        words::sentence(self.i18n.get_locale_untracked(), rejection, property.as_deref())
    }

    /// Who walks.
    pub fn me(self) -> Option<PersonId> {
        me(self.state)
    }
}

fn me(state: State) -> Option<PersonId> {
    state.session.with_untracked(|session| session.as_ref().map(|session| session.person))
}

/// A round.
#[component]
pub fn WalkPage(
    /// Which one; `None` where the address names none.
    id: Option<RoundId>,
    /// To scan at once.
    scan: bool,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let minute = minute(state);
    let walk = memo(move |_| {
        minute.track();
        state.walk(id?, state.now_ms())
    });
    let there = memo(move |_| walk.with(Option::is_some));
    // The screen stays on while a round is open.
    let _awake = StoredValue::new_local(Awake::begin());
    move || match id {
        Some(id) if there.get() => {
            let opened = RwSignal::new(None::<StopCode>);
            let focus = memo(move |_| {
                if let Some(opened) = opened.get() {
                    return Some(opened);
                }
                minute.track();
                let me = me(state)?;
                walk.with(|walk| Some(walk.as_ref()?.focus(me, state.now_ms())?.code.clone()))
            });
            let asked = RwSignal::new(scan.then_some(Asked::Prove));
            let (busy, found) = (RwSignal::new(false), RwSignal::new(None));
            let page = Page { state, i18n, id, walk, focus, opened, asked, busy, found, address };
            view! { <Walking page=page /> }.into_any()
        }
        Some(_) | None => view! { <Gone /> }.into_any(),
    }
}

/// A round that is not this person's, or not here.
#[component]
fn Gone() -> impl IntoView {
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    view! {
        <TopBar
            title=t_string!(i18n, rounds.title)
            back=t_string!(i18n, rounds.back)
            on_back=move || address.back("/rounds")
        />
        <main class="main">
            <EmptyState
                glyph=Glyph::Walk
                title=t_string!(i18n, rounds.gone)
                text=t_string!(i18n, rounds.gone_text)
            >
                <Button
                    label=t_string!(i18n, rounds.to_rounds)
                    kind=ButtonKind::Ghost
                    on_click=move || address.to("/rounds")
                />
            </EmptyState>
        </main>
    }
    .into_any()
}

#[component]
fn Walking(page: Page) -> impl IntoView {
    let i18n = use_i18n();
    let Page { state, walk, address, .. } = page;
    let minute = minute(state);
    let title = move || {
        let locale = i18n.get_locale();
        let property = state.property.get();
        walk.with(|walk| {
            let (walk, property) = (walk.as_ref()?, property.as_ref()?);
            Some(said::title(locale, &walk.round, walk.route.as_deref(), &property.zone))
        })
        .unwrap_or_default()
    };
    let seen =
        memo(move |_| walk.with(|walk| walk.as_ref().map_or((0, 0), |walk| walk.progress(page.now()))));
    let count = move || {
        let (done, of) = seen.get();
        format!("{done} / {of}")
    };
    let share = Signal::derive(move || {
        let (done, of) = seen.get();
        if of == 0 { 0.0 } else { done as f64 / of as f64 }
    });
    let when = move || {
        minute.track();
        let (locale, now) = (i18n.get_locale(), page.now());
        let property = state.property.get();
        walk.with(|walk| {
            let (walk, property) = (walk.as_ref()?, property.as_ref()?);
            let task = &walk.round.task;
            let clock = |at| words::clock(&property.zone, at);
            let left = match walk.turn(now) {
                Turn::Now => words::left(locale, task.until.since(now)),
                Turn::Next => said::with(td_string!(locale, rounds.begins), &clock(task.from)),
                Turn::Over => said::stage(locale, walk.round.stage(now)).to_owned(),
            };
            Some(format!("{}–{} · {left}", clock(task.from), clock(task.until)))
        })
        .unwrap_or_default()
    };
    let stops = memo(move |_| {
        walk.with(|walk| {
            let stops = walk.iter().flat_map(|walk| &walk.round.task.stops);
            stops.enumerate().map(|(at, stop)| (at + 1, stop.code.clone())).collect::<Vec<_>>()
        })
    });
    let back = move || address.back("/rounds");
    view! {
        <TopBar title=title back=t_string!(i18n, rounds.back) on_back=back>
            <Chip label=count tone=Tone::Brand />
        </TopBar>
        <main class="main walk" tabindex="-1">
            <LittleRoom />
            <Sending page=page />
            <Progress label=title value=share />
            <p class="s num">{when}</p>
            <For each=move || stops.get() key=|(_, code)| code.clone() let(stop)>
                {
                    let (number, code) = stop;
                    view! { <StopCard page=page number=number code=code /> }
                }
            </For>
            <Ends page=page />
        </main>
        <Foot page=page />
        <Asking page=page />
    }
    .into_any()
}

/// What of this round is on the phone only, and what was refused of it.
#[component]
fn Sending(page: Page) -> impl IntoView {
    let i18n = use_i18n();
    let count = move |of: fn(&OutboxRow) -> bool| {
        page.state.outbox.with(|rows| rows.iter().filter(|row| row.aggregate == page.id.0 && of(row)).count())
    };
    let unsent = memo(move |_| count(OutboxRow::unsent));
    let refused = memo(move |_| count(|row| matches!(row.delivery, Delivery::Refused { .. })));
    view! {
        <Show when=move || { refused.get() > 0 }>
            <Banner
                text=move || said::counted(t_string!(i18n, rounds.refused), refused.get())
                tone=Tone::Urgent
                glyph=Glyph::Warn
            >
                <a class="link" href="/unsent">
                    {t_string!(i18n, rounds.look)}
                </a>
            </Banner>
        </Show>
        <Show when=move || { unsent.get() > 0 }>
            <div class="row">
                <Chip
                    label=move || said::counted(t_string!(i18n, rounds.on_phone), unsent.get())
                    tone=Tone::Info
                    icon=Glyph::Up
                />
            </div>
        </Show>
    }
    .into_any()
}

/// The two ways to end a round before it is through.
#[component]
fn Ends(page: Page) -> impl IntoView {
    let i18n = use_i18n();
    let minute = minute(page.state);
    let may = memo(move |_| {
        minute.track();
        let Some(property) = page.state.property.get() else { return false };
        let now = page.now();
        page.walk.with(|walk| {
            walk.as_ref().is_some_and(|walk| {
                let who = walk.round.standings(&property.me, &property.site, &property.zone, now);
                who.has(Standing::Walker) && walk.turn(now) != Turn::Over
            })
        })
    });
    view! {
        <Show when=move || may.get()>
            <div class="actions">
                <Button
                    label=t_string!(i18n, rounds.hand_over)
                    kind=ButtonKind::Ghost
                    icon=Glyph::Users
                    on_click=move || page.asked.set(Some(Asked::HandOver))
                />
                <Button
                    label=t_string!(i18n, rounds.finish)
                    kind=ButtonKind::Ghost
                    on_click=move || page.asked.set(Some(Asked::Finish))
                />
            </div>
        </Show>
    }
    .into_any()
}

/// To scan, and what to do where that is not possible.
#[component]
fn Foot(page: Page) -> impl IntoView {
    let i18n = use_i18n();
    let open = memo(move |_| page.focus.with(Option::is_some));
    let cannot = move || {
        if let Some(stop) = page.focus.get_untracked() {
            page.asked.set(Some(Asked::CannotScan(stop)));
        }
    };
    view! {
        <Show when=move || open.get()>
            <div class="foot">
                <Button
                    label=t_string!(i18n, rounds.cannot_scan)
                    kind=ButtonKind::Ghost
                    on_click=cannot
                />
                <Button
                    label=t_string!(i18n, rounds.scan)
                    icon=Glyph::Qr
                    class="grow-2"
                    busy=page.busy
                    on_click=move || page.asked.set(Some(Asked::Prove))
                />
            </div>
        </Show>
    }
    .into_any()
}

/// The sheet in which everything is asked.
#[component]
fn Asking(page: Page) -> impl IntoView {
    let i18n = use_i18n();
    let title = move || match page.asked.get() {
        Some(Asked::Prove) | None => t_string!(i18n, rounds.scan_title),
        Some(Asked::CannotScan(_)) => t_string!(i18n, rounds.cannot_scan),
        Some(Asked::Skip(_)) => t_string!(i18n, rounds.skip),
        Some(Asked::HandOver) => t_string!(i18n, rounds.hand_over),
        Some(Asked::Finish) => t_string!(i18n, rounds.finish),
    };
    let asked = move || match page.asked.get() {
        Some(Asked::Prove) => view! { <Prove page=page /> }.into_any(),
        Some(Asked::HandOver) => view! { <HandOverForm page=page /> }.into_any(),
        Some(asked) => view! { <ReasonForm page=page asked=asked /> }.into_any(),
        None => ().into_any(),
    };
    view! {
        <Sheet
            id="round-asks"
            title=title
            close=t_string!(i18n, frame.close)
            open=Signal::derive(move || page.asked.with(Option::is_some))
            on_close=move || page.asked.set(None)
        >
            {asked}
        </Sheet>
    }
    .into_any()
}
