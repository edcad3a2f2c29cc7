//! The walk: the stops one below the other, the one to go to large, and at the foot the two ways to tick it.

use leptos::{prelude::*, reactive::spawn_local_scoped};
use shared::{
    Rejection,
    case::command::Origin,
    ids::{PersonId, RoundId, StopCode},
    round::{RoundCommand, Standing, command::Proof},
    time::Ms,
};

use super::{
    asks::{HandOverForm, ReasonForm, Why},
    fix::Fix,
    prove::Prove,
    stop::StopCard,
};
use crate::{
    address::Address,
    components::{LittleRoom, minute, of_round, of_state, text_of, toast},
    i18n::*,
    platform::{awake::Awake, clock, device, position},
    reactive::{Memo, RwSignal, Signal, effect, memo},
    state::{State, Turn, Walk, report_address},
    ui::{
        Banner, Button, ButtonKind, Chip, EmptyState, For, Glyph, Icon, Progress, Sheet, Show, Tone, TopBar,
        view,
    },
    words::{self, round as said},
};

/// What the sheet asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// To scan, tap or type.
    Prove,
    /// Why something is done otherwise than planned.
    Reason(Why),
    /// Who goes on.
    HandOver,
}

/// What the parts of the page share. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Page {
    pub state: State,
    pub i18n: I18n,
    pub id: RoundId,
    /// The round with what is not sent yet.
    pub walk: Memo<Option<Walk>>,
    /// Whoever looks is one who walks it.
    pub mine: Memo<bool>,
    /// The stop that is open.
    pub focus: Memo<Option<StopCode>>,
    /// The stop that is open as long as nobody opens another one.
    pub next: Memo<Option<StopCode>>,
    /// The stop that somebody opened by hand.
    pub opened: RwSignal<Option<StopCode>>,
    pub asked: RwSignal<Option<Asked>>,
    /// What the sheet is about is being saved.
    pub busy: RwSignal<bool>,
    /// Photos for it are being made small: until they are kept, it is not sent.
    pub taking: RwSignal<bool>,
    /// Why it could not be done.
    pub error: RwSignal<Option<String>>,
    /// Where the phone is, asked for when the page is opened and once per tick.
    fix: RwSignal<Fix>,
    address: Address,
}

impl Page {
    /// Now, for what is judged at this moment.
    pub fn now(self) -> Ms {
        self.state.now_ms()
    }

    /// Asks something in the sheet.
    pub fn ask(self, asked: Asked) {
        self.error.set(None);
        self.asked.set(Some(asked));
    }

    /// Asks nothing any more; the stop that comes next opens.
    pub fn close(self) {
        // The page may have been left meanwhile.
        let _ = self.error.try_set(None);
        let _ = self.asked.try_set(None);
        let _ = self.opened.try_set(None);
    }

    /// Says why something could not be done: in the sheet where one is open, for it lies above everything else.
    pub fn say(self, rejection: Rejection) {
        if self.asked.try_with_untracked(Option::is_some) == Some(true) {
            let _ = self.error.try_set(Some(self.sentence(&rejection)));
        } else {
            toast(Err(rejection));
        }
    }

    /// Asks where the phone is, for the tick that is about to be made.
    pub fn locate(self) {
        let Some(turn) = self.fix.try_update(|fix| fix.ask(clock::now_ms())) else { return };
        leptos::task::spawn_local(async move {
            if let Some(found) = position::find().await {
                let _ = self.fix.try_update(|fix| fix.answer(turn, found));
            }
        });
    }

    /// Saves what the sheet asked, one thing at a time; `then` is called once it is on this device.
    fn save<T: 'static>(
        self,
        saving: impl Future<Output = Result<T, Rejection>> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.error.set(None);
        leptos::task::spawn_local(async move {
            let saved = saving.await;
            // The page may have been left meanwhile.
            let _ = self.busy.try_set(false);
            match saved {
                Ok(done) => then(done),
                Err(rejection) => self.say(rejection),
            }
        });
    }

    /// Saves what somebody did; `then` is called once it is on this device.
    pub fn act(self, command: RoundCommand, draft: Option<String>, then: impl FnOnce() + 'static) {
        let Page { state, id, .. } = self;
        let saving = async move { state.act_in_round(id, command, draft.as_deref()).await };
        self.save(saving, move |()| then());
    }

    /// Ticks a stop with what shows that somebody is there.
    pub fn tick(self, stop: StopCode, proof: Proof, draft: Option<String>) {
        self.tick_in(self.id, stop, proof, draft);
    }

    /// The same in any round, and goes on in that one.
    pub fn tick_in(self, id: RoundId, stop: StopCode, proof: Proof, draft: Option<String>) {
        let state = self.state;
        let position = self.fix.with_untracked(|fix| fix.position(clock::now_ms()));
        let saving = async move { state.tick(id, stop, proof, position, draft.as_deref()).await };
        let locale = self.i18n.get_locale_untracked();
        self.save(saving, move |place| {
            device::vibrate(60);
            self.close();
            let property = state.property.get_untracked();
            toast(Ok(said::ticked(locale, property.as_deref(), &place)));
            // Whoever has left the page meanwhile stays where they went.
            if id != self.id && self.asked.try_get_untracked().is_some() {
                self.address.to(&format!("/rounds/{id}"));
            }
        });
    }

    /// Goes on to the report of a problem found at a stop; the round is begun by then.
    pub fn report(self, stop: &StopCode) {
        let from = Origin { round: self.id, stop: stop.clone() };
        spawn_local_scoped(async move {
            match self.state.begin_round(self.id).await {
                Ok(()) => self.address.to(&report_address(Some(&from))),
                Err(rejection) => toast(Err(rejection)),
            }
        });
    }

    /// What the device says against something, in words.
    pub fn sentence(self, rejection: &Rejection) -> String {
        let property = self.state.property.get_untracked();
        words::sentence(self.i18n.get_locale_untracked(), rejection, property.as_deref())
    }

    /// The stop for which what is shown without its label counts.
    pub fn aim(self) -> Option<StopCode> {
        let open = self.focus.get();
        let now = self.now();
        self.walk.with(|walk| Some(walk.as_ref()?.aim(open.as_ref(), now)?.code.clone()))
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
    let mine = memo(move |_| {
        minute.track();
        let Some(property) = state.property.get() else { return false };
        walk.with(|walk| {
            walk.as_ref().is_some_and(|walk| {
                let who = walk.round.standings(&property.me, &property.site, &property.zone, state.now_ms());
                who.has(Standing::Walker)
            })
        })
    });
    // The screen stays on while a round is walked.
    let walking = memo(move |_| {
        minute.track();
        walk.with(|walk| walk.as_ref().is_some_and(|walk| walk.turn(state.now_ms()) == Turn::Now))
    });
    let awake = StoredValue::new_local(None::<Awake>);
    effect(move || awake.set_value(walking.get().then(Awake::begin)));
    move || match id {
        Some(id) if there.get() => {
            let opened = RwSignal::new(None::<StopCode>);
            let next = memo(move |_| {
                minute.track();
                let me = me(state).filter(|_| mine.get())?;
                walk.with(|walk| Some(walk.as_ref()?.focus(me, state.now_ms())?.code.clone()))
            });
            let focus = memo(move |_| opened.get().or_else(|| next.get()));
            let scan = state.to_scan.try_update(Option::take).flatten() == Some(id);
            let asked = RwSignal::new((scan && mine.get_untracked()).then_some(Asked::Prove));
            let (busy, taking) = (RwSignal::new(false), RwSignal::new(false));
            let (error, fix) = (RwSignal::new(None), RwSignal::new(Fix::default()));
            state.unkept.hold(move || busy.get() || taking.get());
            let page = Page {
                state,
                i18n,
                id,
                walk,
                mine,
                focus,
                next,
                opened,
                asked,
                busy,
                taking,
                error,
                fix,
                address,
            };
            if walking.get_untracked() && mine.get_untracked() {
                page.locate();
            }
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
                Turn::Next => said::begins(locale, &property.zone, task.from, now),
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
    let entries = memo(move |_| {
        let text = |command| text_of(page.state, command);
        of_round(of_state(page.state), page.id, text)
    });
    let refused =
        memo(move |_| entries.with(|entries| entries.iter().filter(|one| one.needs_somebody()).count()));
    let unsent = memo(move |_| entries.with(Vec::len) - refused.get());
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
    let turn = memo(move |_| {
        minute.track();
        page.walk.with(|walk| walk.as_ref().map(|walk| walk.turn(page.now()))).filter(|_| page.mine.get())
    });
    view! {
        <Show when=move || matches!(turn.get(), Some(Turn::Now | Turn::Next))>
            <div class="actions">
                <Button
                    label=t_string!(i18n, rounds.hand_over)
                    kind=ButtonKind::Ghost
                    icon=Glyph::Users
                    on_click=move || page.ask(Asked::HandOver)
                />
                <Show when=move || turn.get() == Some(Turn::Now)>
                    <Button
                        label=t_string!(i18n, rounds.finish)
                        kind=ButtonKind::Ghost
                        on_click=move || page.ask(Asked::Reason(Why::Finish))
                    />
                </Show>
            </div>
        </Show>
    }
    .into_any()
}

/// To scan, and what to do where that is not possible.
#[component]
fn Foot(page: Page) -> impl IntoView {
    let i18n = use_i18n();
    let aim = memo(move |_| page.aim().filter(|_| page.mine.get()));
    let open = memo(move |_| aim.with(Option::is_some));
    let cannot = move || {
        if let Some(stop) = aim.get_untracked() {
            page.ask(Asked::Reason(Why::CannotScan(stop)));
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
                    on_click=move || page.ask(Asked::Prove)
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
        Some(Asked::Reason(Why::CannotScan(_))) => t_string!(i18n, rounds.cannot_scan),
        Some(Asked::Reason(Why::Skip(_))) => t_string!(i18n, rounds.skip),
        Some(Asked::Reason(Why::Finish)) => t_string!(i18n, rounds.finish),
        Some(Asked::HandOver) => t_string!(i18n, rounds.hand_over),
    };
    let asked = move || match page.asked.get() {
        Some(Asked::Prove) => view! { <Prove page=page /> }.into_any(),
        Some(Asked::HandOver) => view! { <HandOverForm page=page /> }.into_any(),
        Some(Asked::Reason(why)) => view! { <ReasonForm page=page why=why /> }.into_any(),
        None => ().into_any(),
    };
    let error = move || {
        page.error.get().map(|text| {
            view! {
                <p class="error">
                    <Icon glyph=Glyph::Warn />
                    <span>{text}</span>
                </p>
            }
        })
    };
    view! {
        <Sheet
            id="round-asks"
            title=title
            close=t_string!(i18n, frame.close)
            open=Signal::derive(move || page.asked.with(Option::is_some))
            on_close=move || {
                page.error.set(None);
                page.asked.set(None);
            }
        >
            <div role="alert" hidden=move || page.error.with(Option::is_none)>
                {error}
            </div>
            {asked}
        </Sheet>
    }
    .into_any()
}
