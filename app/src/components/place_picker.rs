//! Choosing a place: a search over the names along the way to each place, and a tree that builds only what is open.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use shared::{
    ids::PlaceCode,
    site::{PlaceKind, Places},
};

use crate::{
    i18n::*,
    reactive::{Memo, RwSignal, Signal, memo},
    state::State,
    ui::{Glyph, Icon, Show, view},
};

/// The most hits of a search that are shown; a longer word makes them fewer.
const HITS: usize = 50;

/// The places prepared for searching and for opening branch by branch.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Atlas {
    entries: Vec<Entry>,
    inside: BTreeMap<Option<PlaceCode>, Vec<usize>>,
}

#[derive(Clone, PartialEq, Debug)]
struct Entry {
    id: PlaceCode,
    name: String,
    /// The names around it, from the building down, as shown: `北区 › 5 号楼 › 1 层`.
    around: String,
    /// The names on the way to it, its own last, folded for comparing.
    names: Vec<String>,
    /// All of them in one.
    way: String,
    /// The building that it is or lies in.
    building: Option<PlaceCode>,
}

impl Atlas {
    /// Prepares the places of a site. The site itself is no branch: what is in it stands at the top.
    pub fn new(places: &Places) -> Self {
        let mut atlas = Atlas::default();
        let top = |place: Option<&PlaceCode>| {
            place
                .and_then(|id| places.get(id))
                .filter(|place| place.kind != PlaceKind::Site)
                .map(|place| place.id.clone())
        };
        for place in places.all() {
            let path = places.path(&place.id);
            let names: Vec<&str> = path
                .iter()
                .filter(|around| around.kind != PlaceKind::Site || around.id == place.id)
                .map(|around| around.name.as_str())
                .collect();
            let around = names.split_last().map(|(_, around)| around.join(" › ")).unwrap_or_default();
            let at = atlas.entries.len();
            atlas.entries.push(Entry {
                id: place.id.clone(),
                name: place.name.clone(),
                around,
                way: names.iter().map(|name| fold(name)).collect(),
                names: names.iter().map(|name| fold(name)).collect(),
                building: path
                    .iter()
                    .find(|around| around.kind == PlaceKind::Building)
                    .map(|building| building.id.clone()),
            });
            atlas.inside.entry(top(place.parent.as_ref())).or_default().push(at);
        }
        atlas
    }

    /// The places that fit what was typed, the best first, at most [`HITS`].
    ///
    /// Each word has to be found: in the place's own name, in the names on the way to it, or with its characters in
    /// order along that way, so that `5大堂` and `81203` find what they mean.
    ///
    /// Of places that fit equally well those come first that are known already, then what lies near these, in the same
    /// building, and then the shorter name.
    pub fn search(&self, typed: &str, known: &[PlaceCode]) -> Vec<&PlaceCode> {
        let words: Vec<String> = typed.split_whitespace().map(fold).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Vec::new();
        }
        let near: Vec<&PlaceCode> = known.iter().filter_map(|id| self.entry(id)?.building.as_ref()).collect();
        let distance = |entry: &Entry| match known.iter().position(|id| *id == entry.id) {
            Some(at) => at,
            None if entry.building.as_ref().is_some_and(|building| near.contains(&building)) => known.len(),
            None => known.len() + 1,
        };
        let mut hits: Vec<([usize; 3], usize)> = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| {
                let worst = words
                    .iter()
                    .map(|word| entry.rank(word))
                    .try_fold(0, |worst, rank| rank.map(|rank| worst.max(rank)))?;
                Some(([worst, distance(entry), entry.own().chars().count()], at))
            })
            .collect();
        hits.sort_unstable();
        hits.into_iter().take(HITS).map(|(_, at)| &self.entries[at].id).collect()
    }

    fn inside(&self, place: Option<&PlaceCode>) -> impl Iterator<Item = &Entry> {
        self.inside.get(&place.cloned()).into_iter().flatten().map(|at| &self.entries[*at])
    }

    fn entry(&self, id: &PlaceCode) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }
}

impl Entry {
    /// How well a word fits, 0 best; `None` if it does not.
    fn rank(&self, word: &str) -> Option<usize> {
        let own = self.own();
        if own == word {
            Some(0)
        } else if own.starts_with(word) {
            Some(1)
        } else if begins(&self.names, word) {
            Some(2)
        } else if own.contains(word) {
            Some(3)
        } else if self.way.contains(word) {
            Some(4)
        } else if in_order(&self.way, word) {
            Some(5)
        } else {
            None
        }
    }

    fn own(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }
}

/// Whether a word is made of the beginnings of names, one after the other: `5大堂` of `5号楼` and `大堂`, and not of
/// `15号楼`.
fn begins(names: &[String], word: &str) -> bool {
    names.iter().enumerate().any(|(at, name)| {
        let common =
            name.chars().zip(word.chars()).take_while(|(one, other)| one == other).map(|(one, _)| one);
        // The longest beginning first: mostly that is it.
        let mut length: usize = common.map(char::len_utf8).sum();
        while length > 0 {
            if word.is_char_boundary(length) {
                let rest = &word[length..];
                if rest.is_empty() || begins(&names[at + 1..], rest) {
                    return true;
                }
            }
            length -= 1;
        }
        false
    })
}

/// Without what people leave out or write differently: case, spaces, dashes, the full width of digits.
fn fold(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_whitespace() && !matches!(char, '-' | '－' | '—' | '#'))
        .map(|char| match char {
            '０'..='９' => char::from_u32(u32::from(char) - 0xFEE0).unwrap_or(char),
            _ => char,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether all characters of a word occur along a text in this order.
fn in_order(text: &str, word: &str) -> bool {
    let mut along = text.chars();
    word.chars().all(|wanted| along.any(|char| char == wanted))
}

/// Chooses a place; lies in a sheet.
#[component]
pub fn PlacePicker(
    /// The places chosen last, on top.
    #[prop(into)]
    recent: Signal<Vec<PlaceCode>>,
    /// What is chosen now.
    #[prop(into)]
    selected: Signal<Option<PlaceCode>>,
    /// Called with the choice.
    #[prop(into)]
    on_pick: Callback<PlaceCode>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let atlas = memo(move |_| {
        state.property.with(|property| {
            property.as_ref().map(|property| Atlas::new(&property.places)).unwrap_or_default()
        })
    });
    let typed = RwSignal::new(String::new());
    let open = RwSignal::new(BTreeSet::<PlaceCode>::new());
    let row = move |entry: &Entry, around: bool| named(entry, around, selected, on_pick);
    let hits = move || {
        atlas.with(|atlas| {
            let hits = typed.with(|typed| {
                recent
                    .with(|recent| atlas.search(typed, recent))
                    .into_iter()
                    .filter_map(|id| atlas.entry(id))
                    .collect::<Vec<_>>()
            });
            if hits.is_empty() {
                return view! { <p class="s center">{t_string!(i18n, field.no_place)}</p> }.into_any();
            }
            let rows = hits
                .into_iter()
                .map(|entry| view! { <li class="tree-row">{row(entry, true)}</li> })
                .collect_view();
            view! { <ul class="tree">{rows}</ul> }.into_any()
        })
    };
    let recents = move || {
        let rows = atlas.with(|atlas| {
            recent.with(|recent| {
                recent
                    .iter()
                    .filter_map(|id| atlas.entry(id))
                    .map(|entry| view! { <li class="tree-row">{row(entry, true)}</li> })
                    .collect::<Vec<_>>()
            })
        });
        (!rows.is_empty()).then(|| {
            view! {
                <h3 class="label">{t_string!(i18n, field.recent_places)}</h3>
                <ul class="tree">{rows}</ul>
                <h3 class="label">{t_string!(i18n, field.all_places)}</h3>
            }
        })
    };
    view! {
        <div class="search">
            <Icon glyph=Glyph::Search />
            <input
                class="input"
                type="search"
                enterkeyhint="search"
                autocomplete="off"
                aria-label=t_string!(i18n, field.search_place)
                placeholder=t_string!(i18n, field.search_place_hint)
                prop:value=move || typed.get()
                on:input=move |event| typed.set(event_target_value(&event))
            />
        </div>
        <Show
            when=move || typed.with(|typed| typed.trim().is_empty())
            fallback=move || view! { <div aria-live="polite">{hits}</div> }
        >
            {recents}
            {move || branch(atlas, None, open, selected, on_pick, i18n)}
        </Show>
    }
    .into_any()
}

/// What lies in a place, as rows; the rows below an open one are built with it and dropped when it closes.
fn branch(
    atlas: Memo<Atlas>,
    of: Option<PlaceCode>,
    open: RwSignal<BTreeSet<PlaceCode>>,
    selected: Signal<Option<PlaceCode>>,
    on_pick: Callback<PlaceCode>,
    i18n: I18n,
) -> AnyView {
    let rows = atlas.with_untracked(|known| {
        known
            .inside(of.as_ref())
            .map(|entry| {
                let id = entry.id.clone();
                let has_more = known.inside(Some(&id)).next().is_some();
                let name = named(entry, false, selected, on_pick);
                let toggle = if has_more {
                    let (asked, turned) = (id.clone(), id.clone());
                    let label = entry.name.clone();
                    view! {
                        <button
                            type="button"
                            class="tree-toggle"
                            aria-expanded=move || open.with(|open| open.contains(&asked)).to_string()
                            aria-label=move || {
                                t_string!(i18n, field.open_place).replace("{place}", &label)
                            }
                            on:click=move |_| {
                                open.update(|open| {
                                    if !open.remove(&turned) {
                                        open.insert(turned.clone());
                                    }
                                });
                            }
                        >
                            <Icon glyph=Glyph::Chevron />
                        </button>
                    }
                    .into_any()
                } else {
                    view! { <span class="tree-gap"></span> }.into_any()
                };
                let shown = {
                    let id = id.clone();
                    memo(move |_| open.with(|open| open.contains(&id)))
                };
                let below = move || {
                    shown.get().then(|| branch(atlas, Some(id.clone()), open, selected, on_pick, i18n))
                };
                view! {
                    <li>
                        <div class="tree-row">{toggle} {name}</div>
                        {below}
                    </li>
                }
                .into_any()
            })
            .collect_view()
    });
    if of.is_none() {
        view! { <ul class="tree">{rows}</ul> }.into_any()
    } else {
        view! { <ul>{rows}</ul> }.into_any()
    }
}

/// The button that takes a place.
fn named(
    entry: &Entry,
    around: bool,
    selected: Signal<Option<PlaceCode>>,
    on_pick: Callback<PlaceCode>,
) -> AnyView {
    let (id, asked) = (entry.id.clone(), entry.id.clone());
    let around = (around && !entry.around.is_empty()).then(|| entry.around.clone());
    view! {
        <button
            type="button"
            class="tree-name"
            aria-pressed=move || {
                selected.with(|selected| selected.as_ref() == Some(&asked)).to_string()
            }
            on:click=move |_| on_pick.run(id.clone())
        >
            <span>{entry.name.clone()}</span>
            {around.map(|around| view! { <span class="xs">{around}</span> })}
        </button>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use shared::site::Place;

    use super::*;

    fn places() -> Places {
        let place = |id: &str, parent: Option<&str>, name: &str, kind| Place {
            id: id.into(),
            parent: parent.map(PlaceCode::from),
            name: name.to_owned(),
            kind,
            lat: None,
            lon: None,
        };
        Places::new(vec![
            place("S", None, "金洲花园", PlaceKind::Site),
            place("N", Some("S"), "北区", PlaceKind::Zone),
            place("B5", Some("N"), "5 号楼", PlaceKind::Building),
            place("B5-1", Some("B5"), "1 层", PlaceKind::Floor),
            place("B5-LOBBY", Some("B5-1"), "大堂", PlaceKind::Area),
            place("B5-1203", Some("B5"), "5-1203", PlaceKind::Unit),
            place("B8", Some("N"), "8 号楼", PlaceKind::Building),
            place("B8-LOBBY", Some("B8"), "大堂", PlaceKind::Area),
            place("B8-1203", Some("B8"), "8-1203", PlaceKind::Unit),
            place("PUMP", Some("S"), "水泵房 A", PlaceKind::Room),
            place("B15", Some("S"), "15 号楼", PlaceKind::Building),
            place("B15-LOBBY", Some("B15"), "大堂", PlaceKind::Area),
        ])
    }

    fn found(typed: &str) -> Vec<String> {
        found_by(typed, &[])
    }

    /// By somebody who knows these places.
    fn found_by(typed: &str, known: &[&str]) -> Vec<String> {
        let known: Vec<PlaceCode> = known.iter().copied().map(PlaceCode::from).collect();
        Atlas::new(&places()).search(typed, &known).into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn digits_find_flats_and_a_building_before_them_one_flat() {
        assert_eq!(found("1203"), ["B5-1203", "B8-1203"]);
        assert_eq!(found("8-1203"), ["B8-1203"]);
        assert_eq!(found("８１２０３"), ["B8-1203"]);
    }

    #[test]
    fn words_are_found_along_the_way_to_a_place() {
        assert_eq!(found("5大堂"), ["B5-LOBBY", "B15-LOBBY"]);
        assert_eq!(found("大堂 8 号"), ["B8-LOBBY"]);
        assert_eq!(found("大堂"), ["B5-LOBBY", "B8-LOBBY", "B15-LOBBY"]);
        assert_eq!(found("泵房a"), ["PUMP"]);
    }

    #[test]
    fn a_name_of_its_own_comes_before_what_lies_in_it() {
        assert_eq!(found("5 号楼").first().map(String::as_str), Some("B5"));
    }

    #[test]
    fn beginnings_of_names_come_before_what_only_has_the_same_signs() {
        // The building, what begins so, what lies in it, and only then another one with the same digit.
        assert_eq!(found("5")[..4], ["B5", "B5-1203", "B5-1", "B5-LOBBY"]);
        assert!(found("5")[4..].contains(&"B15".to_owned()));
        let names = ["北区".to_owned(), "5号楼".to_owned(), "1层".to_owned(), "大堂".to_owned()];
        assert!(begins(&names, "5大堂") && begins(&names, "5号楼1层") && begins(&names, "大"));
        assert!(!begins(&names, "号楼") && !begins(&names, "大堂5") && !begins(&names, "5号大门"));
    }

    #[test]
    fn places_that_somebody_knows_come_before_others_and_then_what_is_near_them() {
        assert_eq!(found_by("大堂", &["B15-LOBBY"]), ["B15-LOBBY", "B5-LOBBY", "B8-LOBBY"]);
        assert_eq!(found_by("大堂", &["B8-1203"]), ["B8-LOBBY", "B5-LOBBY", "B15-LOBBY"]);
        // What fits better comes first all the same.
        assert_eq!(found_by("5大堂", &["B15-LOBBY"])[0], "B5-LOBBY");
    }

    #[test]
    fn nothing_typed_and_nothing_there_find_nothing() {
        assert!(found("  ").is_empty());
        assert!(found("-").is_empty());
        assert!(found("游泳池").is_empty());
    }

    #[test]
    fn a_search_shows_no_more_than_a_screen_can() {
        let many = (0..200).map(|n| Place {
            id: PlaceCode(format!("R{n}")),
            parent: None,
            name: format!("房 {n}"),
            kind: PlaceKind::Room,
            lat: None,
            lon: None,
        });
        assert_eq!(Atlas::new(&Places::new(many.collect())).search("房", &[]).len(), HITS);
    }

    #[test]
    fn the_tree_begins_below_the_site() {
        let atlas = Atlas::new(&places());
        let ids = |of: Option<&str>| -> Vec<String> {
            let of = of.map(PlaceCode::from);
            atlas.inside(of.as_ref()).map(|entry| entry.id.to_string()).collect()
        };
        assert_eq!(ids(None), ["S", "N", "PUMP", "B15"]);
        assert_eq!(ids(Some("N")), ["B5", "B8"]);
        assert!(ids(Some("PUMP")).is_empty());
    }
}
