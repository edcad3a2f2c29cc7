//! A draft is written in one tab at a time: in the one that was opened last.
//!
//! Whoever opens a draft asks the other tabs for it. The one that has it keeps what is written and lets go, and the other
//! reads it from there. What two tabs wrote at once, each over what the other had kept, would be lost with one of them.

use futures::{
    future::{Either, select},
    pin_mut,
};
use serde::{Deserialize, Serialize};

use super::State;
use crate::platform::{
    clock,
    tabs::{Channel, Lock},
};

/// How long an answer is waited for before the other tabs are asked again: they may be making photos small, or sending.
const PATIENCE_MS: u32 = 500;
/// After so many times without an answer the tab that has it is taken for stuck.
const TIMES: u32 = 6;

/// What a tab asks of the others: to let go of the draft under this key.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wanted {
    key: String,
}

/// A draft that is this tab's to write, until this is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the draft back"]
pub struct Hold {
    /// `None` if another tab did not let go.
    _lock: Option<Lock>,
    /// `None` where the browser has no channels between tabs.
    _channel: Option<Channel<Wanted>>,
}

impl State {
    /// Takes hold of a draft. `wanted` is called whenever another tab asks for it.
    pub async fn hold(self, key: String, mut wanted: impl FnMut() + 'static) -> Hold {
        let Ok(local) = self.local() else { return Hold { _lock: None, _channel: None } };
        let name = format!("draft {} {key}", local.name());
        let ask = Wanted { key: key.clone() };
        let hear = move |asked: Wanted| {
            if asked.key == key {
                wanted();
            }
        };
        let channel = Channel::open(&format!("drafts {}", local.name()), hear).ok();
        let mut lock = None;
        for _ in 0..TIMES {
            if let Some(channel) = &channel {
                // A tab that does not hear it is asked again.
                let _ = channel.post(&ask);
            }
            let (granted, late) = (Lock::acquire(&name), clock::sleep(PATIENCE_MS));
            pin_mut!(granted, late);
            if let Either::Left((granted, _)) = select(granted, late).await {
                lock = granted.ok();
                break;
            }
        }
        Hold { _lock: lock, _channel: channel }
    }
}
