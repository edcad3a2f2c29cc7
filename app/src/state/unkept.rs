//! Whether the page may be loaded anew: not while a form holds what is kept nowhere, nor while photos are made small.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use leptos::prelude::on_cleanup;

use super::State;
use crate::reactive::{RwSignal, effect};

/// How many forms hold something that would be lost, or that nobody is to be disturbed over.
#[derive(Clone, Copy)]
pub struct Unkept(RwSignal<usize>);

impl Default for Unkept {
    fn default() -> Self {
        Unkept(RwSignal::new(0))
    }
}

impl Unkept {
    /// Counts a form for as long as this holds and this part of the page is there.
    pub fn hold(self, holds: impl Fn() -> bool + 'static) {
        let counted = Arc::new(AtomicBool::new(false));
        let at_the_end = counted.clone();
        effect(move || self.count(&counted, holds()));
        on_cleanup(move || self.count(&at_the_end, false));
    }

    fn count(self, counted: &AtomicBool, holds: bool) {
        match (counted.swap(holds, Ordering::Relaxed), holds) {
            (false, true) => self.0.update(|forms| *forms += 1),
            (true, false) => self.0.update(|forms| *forms -= 1),
            (true, true) | (false, false) => {}
        }
    }
}

impl State {
    /// Whether nothing is lost and nobody disturbed if the page is loaded anew; whoever asks reactively asks again when
    /// it changes.
    pub fn may_reload(&self) -> bool {
        let free = self.unkept.0.with(|forms| *forms == 0);
        free && !self.taking.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_goes_takes_away_what_it_held_and_no_more() {
        let owner = leptos::prelude::Owner::new();
        owner.with(|| {
            let unkept = Unkept::default();
            let forms = || unkept.0.get_untracked();
            let (sign_in, password) = (AtomicBool::new(false), AtomicBool::new(false));
            unkept.count(&sign_in, true);
            unkept.count(&sign_in, true);
            unkept.count(&password, true);
            assert_eq!(forms(), 2);
            unkept.count(&sign_in, false);
            unkept.count(&sign_in, false);
            assert_eq!(forms(), 1);
            unkept.count(&password, false);
            assert_eq!(forms(), 0);
        });
    }
}
