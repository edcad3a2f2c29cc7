//! The part of the app that a start does not need: how far it has got, and trying again until it is here.
//!
//! The pages and the engine that syncs are in it, and both wait here: neither loads it by itself, so that there is one
//! rhythm of trying again and one place that may load the page anew.

use futures::{
    FutureExt as _, StreamExt as _,
    channel::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
        oneshot,
    },
    future::{Either, LocalBoxFuture, select},
};
use leptos::prelude::*;
use wasm_split_helpers::SplitLoaderError;

use crate::{
    platform::{clock, device, http},
    reactive::RwSignal,
    state::{Link, State},
};

/// How long the first page is left alone with the network and the processor.
const REST_MS: u32 = 250;
/// What could not be loaded is tried again after so long, if nothing happens before.
const AGAIN_MS: u32 = 15_000;

/// How far it has got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Got {
    /// It is on its way, or will be in a moment.
    Coming,
    /// It could not be loaded, and is tried again.
    Failed,
    /// It is here.
    Whole,
}

/// Why to try again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Something has happened: perhaps there is a network.
    Perhaps,
    /// A person wants it now.
    Asked,
}

type Load = fn() -> LocalBoxFuture<'static, Result<(), SplitLoaderError>>;

/// The part, wherever it is waited for.
#[derive(Clone, Copy)]
pub struct Part {
    got: RwSignal<Got>,
    load: Load,
    ask: StoredValue<UnboundedSender<Why>, LocalStorage>,
    asked: StoredValue<Option<UnboundedReceiver<Why>>, LocalStorage>,
    waiting: StoredValue<Vec<oneshot::Sender<()>>, LocalStorage>,
}

impl Part {
    /// A part that is loaded like this, each time within a limit.
    pub fn new(load: Load) -> Self {
        let (ask, asked) = unbounded();
        Part {
            got: RwSignal::new(Got::Coming),
            load,
            ask: StoredValue::new_local(ask),
            asked: StoredValue::new_local(Some(asked)),
            waiting: StoredValue::new_local(Vec::new()),
        }
    }

    /// How far it has got; whoever asks reactively asks again when it changes.
    pub fn got(self) -> Got {
        self.got.get()
    }

    /// Tries again at once.
    pub fn again(self, why: Why) {
        // Nobody listens once it is here.
        self.ask.with_value(|ask| drop(ask.unbounded_send(why)));
    }

    /// Waits until it is here.
    pub async fn here(self) {
        if self.got.get_untracked() == Got::Whole {
            return;
        }
        let (tell, told) = oneshot::channel();
        self.waiting.update_value(|waiting| waiting.push(tell));
        // It is only dropped with the app.
        let _ = told.await;
    }

    /// Loads it, as often as that takes; called once, when the app has shown who is there.
    pub async fn load(self, state: State) {
        let Some(mut asked) = self.asked.try_update_value(Option::take).flatten() else { return };
        pause(REST_MS, &mut asked).await;
        let (mut failed, mut wanted) = (false, false);
        let mut why = Why::Perhaps;
        while (self.load)().await.is_err() {
            failed = true;
            self.got.set(Got::Failed);
            let answers = http::server_answers().await;
            state.link.set(if answers { Link::Failing } else { Link::Offline });
            wanted |= why == Why::Asked;
            if answers && wanted && state.may_reload() {
                // The server is there and has no such part: it is of another version by now, and so is its page. While a
                // form holds what is kept nowhere, the part is tried again.
                device::reload();
            }
            why = pause(AGAIN_MS, &mut asked).await;
            if why == Why::Asked {
                self.got.set(Got::Coming);
            }
        }
        if failed {
            // What was said of the network was about this part; from now on the engine says it.
            state.link.set(Link::Unknown);
            state.ask_other_tabs();
        }
        self.got.set(Got::Whole);
        for tell in self.waiting.try_update_value(std::mem::take).unwrap_or_default() {
            // Who has signed out meanwhile waits no more.
            let _ = tell.send(());
        }
    }
}

/// Waits so long, or until somebody has a reason not to; a person's wish counts for the next try alone.
async fn pause(ms: u32, asked: &mut UnboundedReceiver<Why>) -> Why {
    let mut why = match select(Box::pin(clock::sleep(ms)), asked.next()).await {
        Either::Left(_) => Why::Perhaps,
        Either::Right((why, _)) => why.unwrap_or(Why::Perhaps),
    };
    while let Some(Some(next)) = asked.next().now_or_never() {
        if next == Why::Asked {
            why = next;
        }
    }
    why
}
