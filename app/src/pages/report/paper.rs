//! The sheet of paper that a report is written on: every change is kept on the device at once or a moment later, so
//! that a killed page reopens on the same report.

use std::rc::Rc;

use leptos::prelude::*;
use shared::{Rejection, case::command::PhotoRef};

use crate::{
    platform::{clock, photo},
    reactive::RwSignal,
    state::{Hold, ReportDraft, State},
};

/// How long a change waits for the next one before both are kept.
const PAUSE_MS: u32 = 250;

/// How far the latest change got.
#[derive(Clone, PartialEq, Debug)]
pub enum Kept {
    /// Not on the device yet.
    Not,
    /// On the device.
    Yes,
    /// The device did not take it.
    Failed(Rejection),
}

/// A draft on screen together with where it is kept. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Paper {
    state: State,
    /// What is written on it.
    pub draft: RwSignal<ReportDraft>,
    /// How far the latest change got.
    pub kept: RwSignal<Kept>,
    /// Photos are being made small: until they are on the device, the paper is neither sent nor thrown away.
    pub adding: RwSignal<bool>,
    key: StoredValue<String>,
    change: StoredValue<u32>,
    over: StoredValue<bool>,
    /// A photo is being stored together with the draft that shows it, which is on the paper only after that.
    storing: StoredValue<bool>,
    /// That no other tab writes on it; whatever still writes when the page has been left takes it along until it is through.
    hold: StoredValue<Option<Rc<Hold>>, LocalStorage>,
}

impl Paper {
    /// A paper with a draft that is kept under a key.
    pub fn new(state: State, key: String, draft: ReportDraft, hold: Hold) -> Self {
        Paper {
            state,
            draft: RwSignal::new(draft),
            kept: RwSignal::new(Kept::Yes),
            adding: RwSignal::new(false),
            key: StoredValue::new(key),
            change: StoredValue::new(0),
            over: StoredValue::new(false),
            storing: StoredValue::new(false),
            hold: StoredValue::new_local(Some(Rc::new(hold))),
        }
    }

    /// The key under which the draft is kept.
    pub fn key(self) -> String {
        self.key.get_value()
    }

    /// Writes on it.
    pub fn write(self, change: impl FnOnce(&mut ReportDraft)) {
        self.draft.update(change);
        self.kept.set(Kept::Not);
        let turn = self.change.get_value().wrapping_add(1);
        self.change.set_value(turn);
        leptos::task::spawn_local(async move {
            clock::sleep(PAUSE_MS).await;
            // Gone with its page, which keeps it on its way out.
            if self.change.try_get_value() == Some(turn) {
                self.keep().await;
            }
        });
    }

    /// Keeps it now, unless it has been sent or thrown away; or unless a photo is being stored with it, which would not be
    /// in it any more: then it is kept after that.
    pub async fn keep(self) {
        let (false, Some(key), Some(draft)) =
            (self.is_being_stored(), self.key.try_get_value(), self.draft.try_get_untracked())
        else {
            return;
        };
        let turn = self.change.try_get_value();
        let kept = match self.state.keep_draft(&key, &draft).await {
            // What was written meanwhile is kept by its own turn.
            Ok(()) if self.change.try_get_value() == turn => Kept::Yes,
            Ok(()) => return,
            Err(rejection) => Kept::Failed(rejection),
        };
        let _ = self.kept.try_set(kept);
    }

    /// The same for a page that is going away: it takes along what it needs before the page's signals are gone.
    pub fn keep_on_the_way_out(self) {
        if self.is_being_stored() || self.kept.try_get_untracked() == Some(Kept::Yes) {
            return;
        }
        let (Some(key), Some(draft)) = (self.key.try_get_value(), self.draft.try_get_untracked()) else {
            return;
        };
        let state = self.state;
        let hold = self.hold.try_get_value();
        leptos::task::spawn_local(async move {
            // Nobody is there any more to be told.
            let _ = state.keep_draft(&key, &draft).await;
            drop(hold);
        });
    }

    /// Whether it is not kept yet, photos are being made small for it, or it is being sent or thrown away: no other tab gets
    /// it meanwhile.
    pub fn is_busy(self) -> bool {
        self.is_taken() || self.kept.try_get_untracked() != Some(Kept::Yes)
    }

    /// Whether it is being sent, thrown away, or stored with a photo.
    fn is_being_stored(self) -> bool {
        self.over.try_get_value() != Some(false) || self.storing.try_get_value() != Some(false)
    }

    fn is_taken(self) -> bool {
        self.adding.try_get_untracked() != Some(false) || self.over.try_get_value() != Some(false)
    }

    /// Keeps what is not kept yet and lets another tab go on, unless the paper is busy, or gets so meanwhile. Whether it
    /// did.
    pub async fn hand_over(self) -> bool {
        if !self.is_taken() && self.kept.try_get_untracked() != Some(Kept::Yes) {
            self.keep().await;
        }
        // What could not be kept, or was written meanwhile, is not left behind.
        let ready = !self.is_busy();
        if ready && self.close() {
            let _ = self.hold.try_set_value(None);
        }
        ready
    }

    /// Nothing is kept from here on: it is being sent or thrown away. Whether it was not already.
    pub fn close(self) -> bool {
        self.over.try_update_value(|over| !std::mem::replace(over, true)).unwrap_or(false)
    }

    /// It was not sent after all.
    pub fn reopen(self) {
        let _ = self.over.try_set_value(false);
    }

    /// Takes a photo off; its bytes leave the device, unless what was refused or waits needs them. Not of a paper that is
    /// being sent with it, or thrown away.
    pub fn remove(self, photo: PhotoRef) {
        if self.over.try_get_value() != Some(false) {
            return;
        }
        self.draft.update(|draft| draft.photos.retain(|kept| kept.id != photo.id));
        let (state, key, draft) = (self.state, self.key.get_value(), self.draft.get_untracked());
        let hold = self.hold.get_value();
        leptos::task::spawn_local(async move {
            if let Err(rejection) = state.drop_photo(&key, &draft, &photo).await {
                let _ = self.kept.try_set(Kept::Failed(rejection));
            }
            drop(hold);
        });
    }

    /// Adds photos, one after another; each is on the device with the draft before the next one begins.
    ///
    /// # Errors
    /// Of the first one that cannot be used; those before it stay.
    pub async fn add(self, chosen: Vec<photo::Chosen>) -> Result<(), Rejection> {
        let _ = self.adding.try_set(true);
        let hold = self.hold.try_get_value();
        let added = self.add_each(chosen).await;
        drop(hold);
        let _ = self.adding.try_set(false);
        added
    }

    async fn add_each(self, chosen: Vec<photo::Chosen>) -> Result<(), Rejection> {
        for chosen in chosen {
            // A photo is kept together with its draft: it would bring back one that is sent or thrown away.
            if self.over.try_get_value() != Some(false) {
                return Ok(());
            }
            let Some(key) = self.key.try_get_value() else { return Ok(()) };
            let Some(draft) = self.draft.try_get_untracked() else { return Ok(()) };
            let photo = self
                .state
                .take_photo(&key, &chosen, move |photo| {
                    // What was typed while the photo was made small is on the paper by now.
                    let mut draft = self.draft.try_get_untracked().unwrap_or(draft);
                    draft.photos.push(photo);
                    let _ = self.storing.try_set_value(true);
                    draft
                })
                .await;
            let _ = self.storing.try_set_value(false);
            if self.draft.is_disposed() {
                return Ok(());
            }
            // Also without the photo: what was typed meanwhile is not kept yet.
            self.write(|draft| draft.photos.extend(photo.as_ref().ok().cloned()));
            photo?;
        }
        Ok(())
    }
}
