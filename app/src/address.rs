//! Where in the app somebody is: the page's address as a signal, and the ways to another one.

use leptos::prelude::*;

use crate::{
    platform::history,
    reactive::{RwSignal, Signal},
};

/// The address, path and query; from `expect_context::<Address>()`.
#[derive(Clone, Copy)]
pub struct Address {
    shown: RwSignal<String>,
}

impl Address {
    /// Follows the browser's address, its history and the links of the page, as long as this part of the page lives.
    pub fn follow() -> Self {
        let address = Address { shown: RwSignal::new(history::here()) };
        let back = history::on_back(move || address.shown.set(history::here()));
        let link = history::on_link(move |followed| address.to(followed));
        // Without a window nothing is shown either.
        StoredValue::new_local((back, link));
        address
    }

    /// The path.
    pub fn path(self) -> Signal<String> {
        Signal::derive(move || {
            self.shown.with(|address| address.split('?').next().unwrap_or_default().to_owned())
        })
    }

    /// What the query says under this name, as it was written by this app: ids, which need no decoding.
    pub fn asked(self, name: &str) -> Option<String> {
        self.shown.with_untracked(|address| {
            let (_, query) = address.split_once('?')?;
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        })
    }

    /// Goes on to an address.
    pub fn to(self, address: &str) {
        self.go(address, false);
    }

    /// Goes to an address in place of the present one, to which no way back will lead.
    pub fn instead(self, address: &str) {
        self.go(address, true);
    }

    fn go(self, address: &str, replace: bool) {
        // Where the browser keeps no history the page is shown all the same.
        let _ = history::go(address, replace);
        self.shown.set(address.to_owned());
    }
}
