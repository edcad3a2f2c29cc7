//! Where in the app somebody is: the page's address as a signal, and the ways to another one and back.

use leptos::{prelude::*, task::spawn_local};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{
    platform::{clock, history},
    reactive::{RwSignal, Signal},
};

/// A page that was come to stands a moment later, and is as long as it was a few moments after that.
const ARRIVE_MS: u32 = 30;
const ARRIVE_TRIES: u32 = 10;

/// The address, path and query; from `expect_context::<Address>()`.
#[derive(Clone, Copy)]
pub struct Address {
    shown: RwSignal<String>,
    trail: StoredValue<Trail, LocalStorage>,
}

impl Address {
    /// Follows the browser's address, its history and the links of the page, as long as this part of the page lives.
    pub fn follow() -> Self {
        let trail = StoredValue::new_local(Trail::from(history::depth()));
        let address = Address { shown: RwSignal::new(history::here()), trail };
        let back = history::on_back(move || {
            let depth = history::depth();
            // What lies over the page is gone back from first. It has no entry of its own, so that none is left when it is
            // closed in another way: the browser, which has left the page's entry, is sent there again.
            let away = address.trail.with_value(|trail| trail.away(depth));
            if away != 0 && history::close_dialog() && history::by(away).is_ok() {
                address.trail.update_value(|trail| trail.returning = true);
                return;
            }
            let returned = address.trail.try_update_value(|trail| trail.returned(depth));
            if returned == Some(true) {
                return;
            }
            let left = history::top();
            let top = address.trail.try_update_value(|trail| trail.to(depth, left));
            address.shown.set(history::here());
            address.arrive(top.unwrap_or_default());
        });
        let link = history::on_link(move |followed| address.to(followed));
        // Without a window nothing is shown either.
        StoredValue::new_local((back, link));
        address
    }

    /// Path and query.
    pub fn shown(self) -> Signal<String> {
        self.shown.into()
    }

    /// The path.
    pub fn path(self) -> Signal<String> {
        Signal::derive(move || self.shown.with(|address| path(address).to_owned()))
    }

    /// Path and query as they are now.
    pub fn here(self) -> String {
        self.shown.get_untracked()
    }

    /// Goes on to an address.
    pub fn to(self, address: &str) {
        self.go(address, false);
    }

    /// Goes to an address in place of the present one, to which no way back will lead.
    pub fn instead(self, address: &str) {
        self.go(address, true);
    }

    /// Goes back to where somebody came from; to this address where the app was opened here.
    pub fn back(self, otherwise: &str) {
        let (depth, going) = self.trail.with_value(|trail| (trail.depth, trail.going));
        if going {
            // The second tap of two must not lead out of the app.
            return;
        }
        if depth > 0 && history::back().is_ok() {
            self.trail.update_value(|trail| trail.going = true);
        } else {
            self.instead(otherwise);
        }
    }

    fn go(self, address: &str, replace: bool) {
        let before = self.shown.get_untracked();
        let replace = replace || before == address;
        let left = history::top();
        let depth = self.trail.with_value(|trail| trail.depth) + usize::from(!replace);
        // A browser may keep no history, or refuse an entry because many came at once: the page is shown all the same.
        let kept = history::go(address, replace, depth).is_ok();
        self.trail.update_value(|trail| {
            trail.going = false;
            if kept && !replace {
                trail.on(left);
            }
        });
        self.shown.set(address.to_owned());
        if path(&before) != path(address) {
            self.arrive(0);
        }
    }

    /// Has the page that was come to read out, and shown from where it was left.
    fn arrive(self, top: i32) {
        let here = self.shown.get_untracked();
        spawn_local(async move {
            let (mut said, mut scrolled) = (false, false);
            for _ in 0..ARRIVE_TRIES {
                clock::sleep(ARRIVE_MS).await;
                if self.shown.with_untracked(|shown| *shown != here) {
                    return;
                }
                said = said || history::say_heading();
                scrolled = scrolled || history::scroll(top);
                if said && scrolled {
                    return;
                }
            }
        });
    }
}

/// The entries of the browser's history that this app has made, one on top of the other, and how far down their pages
/// were scrolled when they were left.
#[derive(Debug)]
struct Trail {
    /// How many of them lie below the present one; the entry itself says so, also after the app was loaded anew.
    depth: usize,
    tops: Vec<i32>,
    /// On the way to the entry below, which the browser comes to a moment later.
    going: bool,
    /// On the way back to the present entry, which the browser had left.
    returning: bool,
}

impl Trail {
    fn from(depth: usize) -> Self {
        Trail { depth, tops: Vec::new(), going: false, returning: false }
    }

    /// How many entries the browser has to go to be at the present one again, from the one of this depth; 0 where it is
    /// there, and where the app itself went.
    fn away(&self, depth: usize) -> i32 {
        let from = |depth: usize| i32::try_from(depth).unwrap_or_default();
        if self.going { 0 } else { from(self.depth) - from(depth) }
    }

    /// Whether the browser has come back to the present entry, where it was sent; it is under way no more, wherever it is.
    fn returned(&mut self, depth: usize) -> bool {
        std::mem::take(&mut self.returning) && depth == self.depth
    }

    /// Leaves the present entry for a new one, which takes the place of all above it.
    fn on(&mut self, left: i32) {
        self.leave(left);
        self.depth += 1;
        self.tops.truncate(self.depth);
    }

    /// Leaves the present entry for another one; answers how far down that one's page was.
    fn to(&mut self, depth: usize, left: i32) -> i32 {
        self.leave(left);
        self.depth = depth;
        self.tops.get(depth).copied().unwrap_or_default()
    }

    fn leave(&mut self, left: i32) {
        let known = self.tops.len().max(self.depth + 1);
        self.tops.resize(known, 0);
        self.tops[self.depth] = left;
        self.going = false;
    }
}

/// The path of an address.
pub fn path(address: &str) -> &str {
    address.split('?').next().unwrap_or_default()
}

/// What the query of an address says under this name.
pub fn asked(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, said)| percent_decode_str(said).decode_utf8_lossy().into())
}

/// An address with a query that says this.
pub fn with(path: &str, said: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    for (n, (name, said)) in said.iter().enumerate() {
        address.push(if n == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.extend(utf8_percent_encode(said, NON_ALPHANUMERIC));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_is_made_to_say_is_read_from_it_again() {
        let address = with("/cases", &[("q", "5 号楼&大堂=漏水?+%"), ("part", "all")]);
        assert_eq!(path(&address), "/cases");
        assert_eq!(asked(&address, "q").as_deref(), Some("5 号楼&大堂=漏水?+%"));
        assert_eq!(asked(&address, "part").as_deref(), Some("all"));
        assert_eq!(asked(&address, "most"), None);
        assert_eq!(with("/cases", &[]), "/cases");
    }

    #[test]
    fn an_address_that_somebody_has_cut_says_what_is_left() {
        assert_eq!(asked("/report?mend=%E5%8", "mend").as_deref(), Some("\u{fffd}%8"));
        assert_eq!(asked("/report?mend", "mend"), None);
        assert_eq!(asked("/report?", "mend"), None);
        assert_eq!(asked("/report", "mend"), None);
    }

    #[test]
    fn a_page_is_as_it_was_left_and_a_new_one_begins_at_its_top() {
        let mut trail = Trail::from(0);
        trail.on(120);
        trail.on(40);
        assert_eq!(trail.depth, 2);
        assert_eq!(trail.to(1, 7), 40);
        assert_eq!(trail.to(0, 45), 120);
        // Forward again, and from there to somewhere else.
        assert_eq!(trail.to(2, 120), 7);
        assert_eq!(trail.to(1, 7), 45);
        trail.on(50);
        assert_eq!(trail.depth, 2);
        assert_eq!(trail.to(1, 0), 50);
        assert_eq!(trail.tops, [120, 50, 0]);
    }

    #[test]
    fn the_browser_is_sent_back_to_the_page_that_it_left_below_a_sheet() {
        let mut trail = Trail::from(2);
        assert_eq!((trail.away(1), trail.away(0), trail.away(3), trail.away(2)), (1, 2, -1, 0));
        trail.returning = true;
        assert!(trail.returned(2));
        // Somebody was faster, and is on another page by now.
        trail.returning = true;
        assert!(!trail.returned(0));
        assert!(!trail.returned(2));
        // The page's own way back closes its sheets itself.
        trail.going = true;
        assert_eq!(trail.away(1), 0);
    }

    #[test]
    fn of_what_lay_below_when_the_app_was_loaded_anew_nothing_is_known() {
        let mut trail = Trail::from(2);
        assert_eq!(trail.to(1, 30), 0);
        assert_eq!(trail.to(2, 0), 30);
    }
}
