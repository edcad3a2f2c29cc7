//! A draft is written in one tab at a time: in the one that was opened last.
//!
//! Whoever opens a draft asks the other tabs for it. The one that has it keeps what is written and lets go, and the other
//! reads it from there. What two tabs wrote at once, each over what the other had kept, would be lost with one of them.
//!
//! A tab that is busy with it says so, and is asked again. One that says nothing is stopped by the phone: it is not waited
//! for, and lets go as soon as it wakes up and hears that it was asked. Nor is one waited for that stays busy too long.

use std::{cell::Cell, rc::Rc};

use futures::{
    future::{Either, select},
    pin_mut,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::State;
use crate::platform::{
    clock, ids,
    tabs::{Channel, Lock},
};

/// How long an answer is waited for before the other tabs are asked again.
const PATIENCE_MS: u32 = 500;
/// After so many times without any the tab that has it is taken for stopped.
const SILENT: u32 = 6;
/// After so many times in all it is taken for stuck: a minute.
const TIMES: u32 = 120;

/// What tabs say to each other of a draft.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Said {
    /// Let go of the one under this key.
    Wanted { key: String, by: Uuid },
    /// Not yet: it is being kept or sent, or photos are being added to it.
    Busy { key: String, to: Uuid },
}

/// A draft that is this tab's to write, until this is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the draft back"]
pub struct Hold {
    /// `None` if the tab that has it did not let go.
    _lock: Option<Lock>,
    /// `None` where the browser has no channels between tabs.
    _channel: Option<Channel<Said>>,
}

impl State {
    /// Takes hold of a draft. `wanted` is called whenever another tab asks for what is held, and answers whether that has
    /// to wait.
    pub async fn hold(self, key: String, mut wanted: impl FnMut() -> bool + 'static) -> Hold {
        let (Ok(local), Ok(this)) = (self.local(), ids::new_id()) else {
            return Hold { _lock: None, _channel: None };
        };
        let (name, lock) = (format!("drafts {}", local.name()), format!("draft {} {key}", local.name()));
        let (held, busy) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let hear = {
            let (name, key, held, busy) = (name.clone(), key.clone(), Rc::clone(&held), Rc::clone(&busy));
            move |said| match said {
                // Who waits for it as well has nothing to say.
                Said::Wanted { key: asked, by } if asked == key && held.get() => {
                    if wanted() {
                        tell(&name, &Said::Busy { key: asked, to: by });
                    }
                }
                Said::Busy { key: asked, to } if asked == key && to == this => busy.set(true),
                Said::Wanted { .. } | Said::Busy { .. } => {}
            }
        };
        let channel = Channel::open(&name, hear).ok();
        let (mut silent, mut times, mut granted) = (0, 0, None);
        while silent < SILENT && times < TIMES {
            if let Some(channel) = &channel {
                // A tab that does not hear it is asked again.
                let _ = channel.post(&Said::Wanted { key: key.clone(), by: this });
            }
            let (turn, late) = (Lock::acquire(&lock), clock::sleep(PATIENCE_MS));
            pin_mut!(turn, late);
            if let Either::Left((turn, _)) = select(turn, late).await {
                granted = turn.ok();
                break;
            }
            silent = if busy.replace(false) { 0 } else { silent + 1 };
            times += 1;
        }
        held.set(true);
        Hold { _lock: granted, _channel: channel }
    }
}

/// Says something on a channel of its own: whoever hears has none to answer on.
fn tell(name: &str, said: &Said) {
    if let Ok(channel) = Channel::open(name, |_: Said| ()) {
        // What is not heard is asked for again.
        let _ = channel.post(said);
    }
}
