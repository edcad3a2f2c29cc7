//! A few words with photos, begun and not yet saved as a command: on the device from the first letter or photo on, so that
//! neither a page killed behind the camera nor a tap beside the sheet loses anything. They are written in the tab in which
//! their form was opened last; in the others it closes.

use std::rc::Rc;

use leptos::{ev, prelude::*, reactive::spawn_local_scoped_with_cancellation};
use serde::{Deserialize, Serialize};
use shared::{Rejection, case::command::PhotoRef};

use super::toast;
use crate::{
    platform::{clock, photo},
    reactive::RwSignal,
    state::{Hold, State},
};

/// How often to look whether photos are made small by now.
const WAIT_MS: u32 = 100;

/// What is begun.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Jotting {
    /// What was done, a remark, or a reason.
    pub text: String,
    /// Taken so far.
    pub photos: Vec<PhotoRef>,
}

impl Jotting {
    /// Whether there is nothing in it that would be missed.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.photos.is_empty()
    }

    /// Goes on with what was kept; what was begun meanwhile stays, behind it.
    fn resume(&mut self, kept: Jotting, first: &Jotting) {
        if self == first {
            *self = kept;
            return;
        }
        let mut photos = kept.photos;
        photos.retain(|photo| self.photos.iter().all(|there| there.id != photo.id));
        photos.append(&mut self.photos);
        self.photos = photos;
        if self.text.trim().is_empty() {
            self.text = kept.text;
        } else if !kept.text.trim().is_empty() {
            self.text = format!("{}\n{}", kept.text, self.text);
        }
    }
}

/// What the form of a jotting does with it.
#[derive(Clone, Copy)]
pub struct Form {
    /// It is being saved as a command, which ends the draft.
    pub busy: RwSignal<bool>,
    /// Photos for it are being made small: until they are kept, it is not sent.
    pub taking: RwSignal<bool>,
    /// Says why something could not be kept.
    pub say: Callback<Rejection>,
    /// Closes the form.
    pub close: Callback<()>,
}

/// A jotting on screen, together with where it is kept. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Jotter {
    state: State,
    form: Form,
    key: StoredValue<String>,
    /// As it is on screen.
    pub jotting: RwSignal<Jotting>,
    /// What was kept is on screen, and no other tab writes it: before, nothing is kept or sent.
    pub ready: RwSignal<bool>,
    /// Something on screen is not kept.
    changed: StoredValue<bool>,
    /// That no other tab writes it; what still writes when the form has been closed takes it along until it is through.
    hold: StoredValue<Option<Rc<Hold>>, LocalStorage>,
}

impl Jotter {
    /// Goes on with what is kept under a key, else with `first`.
    pub fn open(state: State, form: Form, key: String, first: Jotting) -> Self {
        let jotter = Jotter {
            state,
            form,
            key: StoredValue::new(key.clone()),
            jotting: RwSignal::new(first.clone()),
            ready: RwSignal::new(false),
            changed: StoredValue::new(false),
            hold: StoredValue::new_local(None),
        };
        // Whoever closes the form asks for it no longer.
        spawn_local_scoped_with_cancellation(async move {
            // A photo that was begun before the form was closed and opened again is in the draft by then.
            while form.taking.try_get_untracked() == Some(true) {
                clock::sleep(WAIT_MS).await;
            }
            let hold = state.hold(key.clone(), move || jotter.is_wanted()).await;
            if jotter.hold.try_set_value(Some(Rc::new(hold))).is_some() {
                return;
            }
            // Without the draft the form is as it would be without one.
            if let Ok(Some(kept)) = state.draft::<Jotting>(&key).await {
                let _ = jotter.jotting.try_update(|jotting| jotting.resume(kept, &first));
            }
            let _ = jotter.ready.try_set(true);
            if jotter.changed.try_get_value() == Some(true) {
                jotter.keep().await;
            }
        });
        jotter
    }

    /// The key under which it is kept.
    pub fn key(self) -> String {
        self.key.get_value()
    }

    /// Writes its words.
    pub fn write(self, text: String) {
        self.jotting.update(|jotting| jotting.text = text);
        self.changed.set_value(true);
        leptos::task::spawn_local(self.keep());
    }

    /// Keeps it, but while it is being saved as a command, for that ends the draft, or with a photo, which is kept with it.
    /// What cannot be kept now stays on the screen, and is kept with the next letter.
    async fn keep(self) {
        let (false, Some(key), Some(jotting)) =
            (self.waits(), self.key.try_get_value(), self.jotting.try_get_untracked())
        else {
            return;
        };
        let hold = self.hold.try_get_value();
        if self.state.keep_draft(&key, &jotting).await.is_ok() {
            self.is_kept(&jotting);
        }
        drop(hold);
    }

    /// Notes that this is kept; what was written meanwhile is kept by its own turn.
    fn is_kept(self, kept: &Jotting) {
        if self.jotting.try_with_untracked(|latest| latest == kept) == Some(true) {
            let _ = self.changed.try_set_value(false);
        }
    }

    fn waits(self) -> bool {
        let Form { busy, taking, .. } = self.form;
        let busy = [busy, taking].iter().any(|busy| busy.try_get_untracked().unwrap_or(true));
        busy || self.ready.try_get_untracked() != Some(true)
    }

    /// Says why something could not be kept: where the form is gone, in passing.
    fn say(self, rejection: Rejection) {
        if self.form.say.try_run(rejection.clone()).is_none() {
            toast(Err(rejection));
        }
    }

    /// Another tab asks for it: it gets it as soon as this one is through with it.
    fn is_wanted(self) -> bool {
        if !self.waits() {
            leptos::task::spawn_local(async move {
                // What is kept already may have been gone on with elsewhere, if this tab was stopped meanwhile.
                if self.changed.try_get_value() == Some(true) {
                    self.keep().await;
                }
                let kept = self.changed.try_get_value() == Some(false);
                if kept && !self.waits() && self.hold.try_set_value(None).is_none() {
                    self.form.close.run(());
                }
            });
        }
        true
    }

    /// Adds the photos that were chosen, one after the other.
    pub fn take(self, event: &ev::Event) {
        let Form { busy, taking, .. } = self.form;
        let chosen = photo::chosen(event);
        if chosen.is_empty() || taking.get_untracked() || busy.get_untracked() {
            return;
        }
        taking.set(true);
        let key = self.key.get_value();
        leptos::task::spawn_local(async move {
            while self.ready.try_get_untracked() == Some(false) {
                clock::sleep(WAIT_MS).await;
            }
            // Closed before it was ready.
            let Some(mut latest) = self.jotting.try_get_untracked() else {
                let _ = taking.try_set(false);
                return;
            };
            let hold = self.hold.try_get_value();
            for chosen in chosen {
                let add = |photo: PhotoRef| {
                    // With what was typed, and taken out, while the photo was made small; the form may be closed by now.
                    latest = self.jotting.try_get_untracked().unwrap_or_else(|| latest.clone());
                    latest.photos.push(photo);
                    latest.clone()
                };
                match self.state.take_photo(&key, &chosen, add).await {
                    Ok(photo) => drop(self.jotting.try_update(|jotting| jotting.photos.push(photo))),
                    Err(rejection) => self.say(rejection),
                }
            }
            let _ = taking.try_set(false);
            // With what was typed since.
            self.keep().await;
            drop(hold);
        });
    }

    /// Takes a photo out.
    pub fn remove(self, photo: PhotoRef) {
        if self.form.busy.get_untracked() || !self.ready.get_untracked() {
            return;
        }
        self.jotting.update(|jotting| jotting.photos.retain(|kept| kept.id != photo.id));
        self.changed.set_value(true);
        let (key, jotting) = (self.key.get_value(), self.jotting.get_untracked());
        let hold = self.hold.get_value();
        leptos::task::spawn_local(async move {
            match self.state.drop_photo(&key, &jotting, &photo).await {
                Ok(()) => self.is_kept(&jotting),
                Err(rejection) => self.say(rejection),
            }
            drop(hold);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::office_kit::photo;

    fn jotting(photos: &[u128], text: &str) -> Jotting {
        Jotting { photos: photos.iter().map(|n| photo(*n)).collect(), text: text.to_owned() }
    }

    #[test]
    fn what_was_kept_is_gone_on_with_and_what_was_begun_meanwhile_stays() {
        let resumed = |mut begun: Jotting, first: &Jotting| {
            begun.resume(jotting(&[1], "门锁着"), first);
            begun
        };
        let nothing = Jotting::default();
        assert_eq!(resumed(nothing.clone(), &nothing), jotting(&[1], "门锁着"));
        assert_eq!(resumed(jotting(&[2], ""), &nothing), jotting(&[1, 2], "门锁着"));
        let both = jotting(&[1], "门锁着\n下雨");
        assert_eq!(resumed(jotting(&[], "下雨"), &nothing), both);
        assert_eq!(resumed(jotting(&[1], "下雨"), &nothing), both, "no photo is there twice");
        let refused = jotting(&[7], "写错了");
        assert_eq!(resumed(refused.clone(), &refused), jotting(&[1], "门锁着"), "as it was mended so far");
    }
}
