//! Which cases the list shows: by what the person is to them, and by what was typed. The address says both, so that
//! whoever comes back to the list finds it as they left it; and whose words they are, because a phone that is handed on
//! keeps its history.

use std::sync::Arc;

use shared::{
    case::{Case, CaseView, Words},
    ids::PersonId,
    site::{Member, Role},
    time::Ms,
};

use crate::{address, order, state::Property};

/// What a person is to the cases of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// First asked (B1), or passed on.
    FirstAsked,
    /// Has or had the work.
    Handled,
    /// Everything that the person may see.
    All,
}

impl Part {
    /// The part as the value of its tile.
    pub const fn as_str(self) -> &'static str {
        match self {
            Part::FirstAsked => "first-asked",
            Part::Handled => "handled",
            Part::All => "all",
        }
    }

    /// Where somebody begins: whoever is sent to work is seldom the one who was asked first.
    pub fn usual(me: &Member) -> Part {
        if me.is(Role::Technician) { Part::Handled } else { Part::FirstAsked }
    }

    /// The part of a tile.
    pub fn find(text: &str) -> Option<Part> {
        [Part::FirstAsked, Part::Handled, Part::All].into_iter().find(|part| part.as_str() == text)
    }
}

/// The address of the list.
pub const CASES: &str = "/cases";
/// How many cases are shown at first, and how many more at each tap.
pub const PAGE: usize = 50;

/// What is looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sought {
    /// What was typed.
    pub typed: String,
    /// The part that was chosen; `None` for the person's usual one.
    pub part: Option<Part>,
    /// With those that have ended, though nothing was typed.
    pub ended: bool,
    /// How many are shown at most, of those still going on and of those ended.
    pub most: usize,
}

impl Sought {
    /// What an address says to this person.
    pub fn read(address: &str, me: Option<PersonId>) -> Self {
        let asked = |name| address::asked(address, name);
        let mine = asked("by").is_some_and(|by| me.is_some_and(|me| me.to_string() == by));
        Sought {
            typed: asked("q").filter(|_| mine).unwrap_or_default(),
            part: asked("part").and_then(|part| Part::find(&part)),
            ended: asked("ended").is_some(),
            most: asked("most").and_then(|most| most.parse().ok()).unwrap_or(PAGE),
        }
    }

    /// The address that says it to this person.
    pub fn address(&self, me: Option<PersonId>) -> String {
        let most = self.most.to_string();
        let me = me.map(|me| me.to_string()).unwrap_or_default();
        let typed = [("q", self.typed.as_str()), ("by", me.as_str())];
        let typed = typed.into_iter().filter(|_| !self.typed.is_empty());
        let part = self.part.map(|part| ("part", part.as_str()));
        let ended = self.ended.then_some(("ended", "1"));
        let most = (self.most != PAGE).then_some(("most", most.as_str()));
        let said: Vec<_> = typed.chain(part).chain(ended).chain(most).collect();
        address::with(CASES, &said)
    }
}

/// The cases that fit, those still going on apart from those that have ended, the latest first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// Still going on.
    pub open: Vec<Arc<CaseView>>,
    /// Closed or cancelled.
    pub ended: Vec<Arc<CaseView>>,
}

/// Finds the cases of a part that fit what was typed.
pub fn find<'a>(
    cases: impl Iterator<Item = &'a Arc<CaseView>>,
    property: &Property,
    part: Part,
    typed: &str,
) -> Found {
    let words = Words::of(typed);
    let fit = |view: &CaseView| words.fit(view, &property.site, &property.places, &property.people);
    let mut found = Found::default();
    for view in cases.filter(|view| belongs(view, property.me.id, part) && fit(view)) {
        let list = if view.stage().ended() { &mut found.ended } else { &mut found.open };
        list.push(view.clone());
    }
    let latest_first = |view: &Arc<CaseView>| [-latest(view).0, 0, 0];
    Found { open: order::by(found.open, latest_first), ended: order::by(found.ended, latest_first) }
}

fn belongs(view: &CaseView, me: PersonId, part: Part) -> bool {
    match (part, view.full()) {
        (Part::All, _) => true,
        (Part::FirstAsked, Some(case)) => case.first_asked.person == me || case.relay == Some(me),
        // An outline is shown to nobody else (R9).
        (Part::FirstAsked, None) => true,
        (Part::Handled, Some(case)) => handled(case, me),
        (Part::Handled, None) => false,
    }
}

fn handled(case: &Case, me: PersonId) -> bool {
    case.stage.handler() == Some(me) || case.past_handlers.contains(&me)
}

fn latest(view: &CaseView) -> Ms {
    match view {
        CaseView::Full(case) => {
            case.trail.last().map_or(case.reported.at, |event| event.time.at).max(case.stage.since())
        }
        CaseView::Outline(outline) => outline.since,
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        case::{CaseCommand, Outline, StageName},
        ids::{CaseId, CaseNumber},
        time::EventTime,
    };
    use uuid::Uuid;

    use super::*;
    use crate::components::kit::{DAY, done, ids, property, reported, views};

    fn found(cases: &[Arc<CaseView>], me: u128, part: Part, typed: &str) -> (Vec<u128>, Vec<u128>) {
        let found = find(cases.iter(), &property(me), part, typed);
        (ids(&found.open), ids(&found.ended))
    }

    #[test]
    fn an_address_says_what_was_looked_for() {
        let me = Some(PersonId(Uuid::from_u128(1)));
        let nothing = Sought::read("/cases", me);
        assert_eq!(nothing, Sought { typed: String::new(), part: None, ended: false, most: PAGE });
        assert_eq!(nothing.address(me), "/cases");
        for part in [None, Some(Part::FirstAsked), Some(Part::Handled), Some(Part::All)] {
            let sought = Sought { typed: "5 号楼 漏水".to_owned(), part, ended: true, most: 2 * PAGE };
            assert_eq!(Sought::read(&sought.address(me), me), sought);
        }
        assert_eq!(Sought::read("/cases?part=everything&most=all", me), nothing);
    }

    #[test]
    fn what_somebody_has_typed_is_shown_to_nobody_else() {
        let [me, other] = [1, 2].map(|id| Some(PersonId(Uuid::from_u128(id))));
        let sought =
            Sought { typed: "王女士".to_owned(), part: Some(Part::All), ended: false, most: PAGE };
        for who in [other, None] {
            let read = Sought::read(&sought.address(me), who);
            assert_eq!(read, Sought { typed: String::new(), ..sought.clone() });
        }
        assert_eq!(Sought::read("/cases?q=%E7%8E%8B", me).typed, "");
    }

    #[test]
    fn what_i_was_first_asked_and_what_i_see_besides_are_apart() {
        let cancel = CaseCommand::Cancel { reason: "报错了".to_owned() };
        let ended = done(1, reported(1, 12, Ms(0)), &cancel, Ms(DAY));
        let cases = views(&[reported(1, 10, Ms(0)), reported(4, 11, Ms(DAY)), ended]);
        assert_eq!(found(&cases, 1, Part::FirstAsked, ""), (vec![10], vec![12]));
        assert_eq!(found(&cases, 1, Part::All, ""), (vec![11, 10], vec![12]));
        assert_eq!(found(&cases, 1, Part::Handled, ""), (vec![], vec![]));
    }

    #[test]
    fn cases_are_found_by_code_number_place_and_words() {
        let mut numbered = reported(1, 11, Ms(DAY));
        numbered.number = Some(CaseNumber("19700102-014".to_owned()));
        numbered.text = "滑梯 螺丝松动".to_owned();
        let cases = views(&[reported(1, 10, Ms(0)), numbered]);
        let open = |typed| found(&cases, 1, Part::All, typed).0;
        assert_eq!(open("00000a"), [10]);
        assert_eq!(open("#0102-014"), [11]);
        assert_eq!(open("滑梯螺丝"), [11]);
        assert_eq!(open("人1"), [11, 10]);
        assert_eq!(open("人1 螺丝"), [11]);
        assert!(open("电梯").is_empty());
    }

    #[test]
    fn r9_an_outline_is_found_by_its_number_only() {
        let outline = Arc::new(CaseView::Outline(Outline {
            id: CaseId(Uuid::from_u128(20)),
            number: Some(CaseNumber("19700101-003".to_owned())),
            version: 1,
            reported: EventTime::exact(Ms(0)),
            stage: StageName::Reported,
            since: Ms(0),
        }));
        let cases = [outline];
        assert_eq!(found(&cases, 1, Part::FirstAsked, "0101-003").0, [20]);
        assert_eq!(found(&cases, 1, Part::Handled, "").0, [0_u128; 0]);
        assert!(found(&cases, 1, Part::All, "投诉").0.is_empty());
    }

    #[test]
    fn whoever_is_sent_to_work_begins_with_it() {
        assert_eq!(Part::usual(&property(2).me), Part::Handled);
        assert_eq!(Part::usual(&property(1).me), Part::FirstAsked);
    }
}
