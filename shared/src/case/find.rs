//! Finding a case by what somebody types: its number or its code on the phone, words of it, its place, its category, or
//! who was first asked.
//!
//! What is looked through is a [`CaseView`], so that nobody finds a case by what is hidden from that person (R9, R10).

use super::CaseView;
use crate::site::{People, Places, Site};

/// The most words that are looked for: more say nothing more.
const WORDS_MAX: usize = 8;

/// What was typed, in words that all have to be there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Words(Vec<String>);

impl Words {
    /// The words of a text.
    pub fn of(typed: &str) -> Words {
        Words(typed.split_whitespace().map(fold).filter(|word| !word.is_empty()).take(WORDS_MAX).collect())
    }

    /// Nothing was typed: every case fits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a case fits, as it is shown to whoever looks for it.
    pub fn fit(&self, view: &CaseView, site: &Site, places: &Places, people: &People) -> bool {
        if self.is_empty() {
            return true;
        }
        let about = about(view, site, places, people);
        self.0.iter().all(|word| about.contains(word.as_str()))
    }
}

/// Everything by which a case is found, line by line.
fn about(view: &CaseView, site: &Site, places: &Places, people: &People) -> String {
    let mut about = fold(&view.id().offline_code());
    let mut add = |text: &str| {
        about.push('\n');
        about.push_str(&fold(text));
    };
    if let Some(number) = view.number() {
        add(&number.0);
    }
    if let Some(case) = view.full() {
        add(&case.text);
        for place in places.path(&case.place) {
            add(&place.name);
        }
        if let Some(category) = site.category(&case.category) {
            add(&category.name);
            add(&category.name_en);
        }
        if let Some(member) = people.get(case.first_asked.person) {
            add(&member.name);
        }
    }
    about
}

/// Without what people leave out: case, spaces, the sign before a number.
fn fold(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace() && *char != '#').flat_map(char::to_lowercase).collect()
}
