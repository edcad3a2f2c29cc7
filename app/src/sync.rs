//! Runs the engine of the crate `device` for one person while the app is open, and shows what it does.
//!
//! One tab of a person syncs at a time; the others follow by the database. The loop sleeps only when there is nothing to
//! do, until a moment that the engine names or something that is worth looking again for.
//!
//! The engine is not needed for a start: it is in the part of the build that is loaded once the home page stands. What is
//! made before lies in the outbox, where the engine finds it.

use ::device::{Engine, Nudge, PlatformError, Taken, left_by_others, platform::Platform};
use futures::{
    FutureExt, StreamExt,
    channel::mpsc::UnboundedReceiver,
    future::{Either, LocalBoxFuture, select},
};
use shared::{time::Ms, wire::Poke};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::{
    part::Why,
    platform::{
        Browser, clock, events,
        live::{Live, LiveEvent},
    },
    state::{Local, State},
};

/// Why the loop should look again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wake {
    /// The engine is to know of it.
    Nudge(Nudge),
    /// The server ended the stream of pokes.
    Deaf,
}

/// A stream that the server ended is not opened again sooner: meanwhile news are asked for.
const LISTEN_AGAIN: i64 = 15_000;

struct Driver {
    state: State,
    engine: Engine<Browser>,
    live: Option<Live>,
    listen_from: Ms,
}

/// Waits for the engine, and syncs one person's database until its wakes end.
pub async fn run(state: State, local: Local, mut wakes: UnboundedReceiver<Wake>) {
    let mut here = Box::pin(state.part.here());
    loop {
        match select(here, wakes.next()).await {
            Either::Left(_) => break,
            Either::Right((Some(wake), waiting)) => {
                let asked = wake == Wake::Nudge(Nudge::Asked);
                state.part.again(if asked { Why::Asked } else { Why::Perhaps });
                here = waiting;
            }
            Either::Right((None, _)) => return,
        }
    }
    if let Ok(syncing) = engine(state, local, wakes).await {
        syncing.await;
    }
}

/// What is reached through this function alone comes with the pages' part; see `further` in `app/src/pages.rs`.
#[wasm_split(pages, fallible)]
fn engine(
    state: State,
    local: Local,
    wakes: UnboundedReceiver<Wake>,
) -> Result<LocalBoxFuture<'static, ()>, SplitLoaderError> {
    Ok(Box::pin(drive(state, local, wakes)))
}

async fn drive(state: State, local: Local, mut wakes: UnboundedReceiver<Wake>) {
    leptos::task::spawn_local(count_left(state, local.clone()));
    // A browser without locks has every tab sync: verdicts are idempotent, so that this costs requests and no more.
    let _lock = local.platform().lock(&format!("{}-sync", local.name())).await.ok();
    // The database may have been closed while it was waited for.
    if !state.is_open(&local) {
        return;
    }
    state.syncs();
    let mut driver = Driver { state, engine: Engine::new(local), live: None, listen_from: Ms(0) };
    loop {
        while let Some(wake) = wakes.next().now_or_never() {
            match wake {
                Some(wake) => driver.woken(wake).await,
                None => return,
            }
        }
        // Somebody else may have signed in: what is theirs is theirs to sync.
        if !state.is_open(driver.engine.local()) {
            return;
        }
        let taken = match driver.step().await {
            Ok(taken) => taken,
            Err(error) => driver.engine.unable(error),
        };
        // They may have signed out meanwhile: how their last request went is no news to whoever is here then.
        if !state.is_open(driver.engine.local()) {
            return;
        }
        let Some(until) = driver.show(taken) else { continue };
        let millis = until.since(Ms(clock::now_ms())).clamp(0, 3_600_000);
        let sleep = clock::sleep(u32::try_from(millis).unwrap_or(u32::MAX));
        match select(Box::pin(sleep), wakes.next()).await {
            Either::Left(_) => {}
            Either::Right((Some(wake), _)) => driver.woken(wake).await,
            Either::Right((None, _)) => return,
        }
    }
}

/// Shows how many records of others lie here; the engine says so again whenever it has changed.
async fn count_left(state: State, local: Local) {
    let me = state.session.with_untracked(|session| session.as_ref().map(|session| session.person));
    let Some(me) = me else { return };
    if let Ok(count) = left_by_others(local.platform(), me).await {
        state.left_by_others.set(count);
    }
}

impl Driver {
    async fn woken(&mut self, wake: Wake) {
        match wake {
            Wake::Nudge(nudge) => {
                if matches!(nudge, Nudge::Online | Nudge::Visible | Nudge::SignedIn | Nudge::Asked) {
                    self.live = None;
                    self.listen_from = Ms(0);
                }
                // What could not be read now is asked for when its time has come.
                let _ = self.engine.nudged(nudge).await;
            }
            Wake::Deaf => {
                self.live = None;
                self.listen_from = Ms(clock::now_ms()).plus(LISTEN_AGAIN);
            }
        }
    }

    /// Takes one step, and has the screen read what it changed.
    async fn step(&mut self) -> Result<Taken, PlatformError> {
        let planned = self.engine.plan(events::is_visible()).await?;
        self.state.busy.set(planned.is_busy());
        if !planned.is_busy() && self.engine.at_ease() {
            self.listen();
        }
        let state = self.state;
        let shown = || {
            let cases = state.cases.with_untracked(|cases| cases.values().cloned().collect());
            state.site.get_untracked().map(|site| (site, cases))
        };
        let mut taken = self.engine.take(planned, shown).await?;
        if let Some(count) = taken.left {
            self.state.tell_left(count);
        }
        if let Some(docs) = taken.changed.take() {
            self.state.changed(docs).await?;
        }
        Ok(taken)
    }

    /// Shows how it went; answers until when to wait, or `None` to go on at once.
    fn show(&mut self, taken: Taken) -> Option<Ms> {
        self.state.tell_expired(self.engine.expired());
        if self.engine.expired() {
            self.live = None;
        }
        if let Some(link) = taken.link {
            self.state.tell_link(link);
        }
        if taken.wait.is_some() {
            self.state.busy.set(false);
        }
        taken.wait
    }

    fn listen(&mut self) {
        if self.live.is_some() || !events::is_visible() || Ms(clock::now_ms()) < self.listen_from {
            return;
        }
        let state = self.state;
        let live = Live::open("/api/live", move |event: LiveEvent<Poke>| match event {
            LiveEvent::Message(poke) => state.wake(Wake::Nudge(Nudge::Poked(poke.site))),
            LiveEvent::Open => state.wake(Wake::Nudge(Nudge::Hearing)),
            LiveEvent::Closed => state.wake(Wake::Deaf),
            // The browser connects again by itself; whether the server is there at all is found out by asking it.
            LiveEvent::Broken => state.wake(Wake::Nudge(Nudge::Hearing)),
        });
        self.live = live.ok();
    }
}
