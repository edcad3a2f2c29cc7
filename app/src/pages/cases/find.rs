//! Which cases the list shows: by what the person is to them, and by what was typed.

use std::sync::Arc;

use shared::{
    case::{Case, CaseView, Words},
    ids::PersonId,
    site::{Member, Role},
    time::Ms,
};

use crate::{order, state::Property};

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
    pub fn find(text: &str) -> Part {
        match text {
            "handled" => Part::Handled,
            "all" => Part::All,
            _ => Part::FirstAsked,
        }
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
