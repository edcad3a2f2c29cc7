//! The desk's board as data: which case stands in which column, in which order, and what its card says.

use std::sync::Arc;

use shared::{
    case::{Case, CaseChange, CaseView, Rule, Stage, StageName},
    ids::CaseId,
    time::Ms,
};

use crate::{order, state::Property, words};

/// The columns, from left to right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// To be taken on by the desk.
    Waiting,
    /// With a handler.
    Going,
    /// Done, to be confirmed.
    Confirm,
}

impl Column {
    /// Every column.
    pub const ALL: [Column; 3] = [Column::Waiting, Column::Going, Column::Confirm];

    /// The column of a stage; `None` once nothing more is expected.
    pub const fn of(stage: StageName) -> Option<Column> {
        match stage {
            StageName::Reported => Some(Column::Waiting),
            StageName::Dispatched | StageName::Accepted | StageName::Arrived | StageName::Paused => {
                Some(Column::Going)
            }
            StageName::Completed => Some(Column::Confirm),
            StageName::Closed | StageName::Cancelled => None,
        }
    }
}

/// The cases of each column, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Board {
    /// By [`Column::ALL`].
    pub columns: [Vec<CaseId>; 3],
}

impl Board {
    /// The cases of a column.
    pub fn column(&self, column: Column) -> &[CaseId] {
        let [waiting, going, confirm] = &self.columns;
        match column {
            Column::Waiting => waiting,
            Column::Going => going,
            Column::Confirm => confirm,
        }
    }

    /// All cases, column by column: the way of the keys J and K.
    pub fn all(&self) -> impl Iterator<Item = CaseId> + '_ {
        self.columns.iter().flatten().copied()
    }

    /// The case `by` places further on from this one; the first where there is none yet.
    pub fn beside(&self, from: Option<CaseId>, by: isize) -> Option<CaseId> {
        let all: Vec<CaseId> = self.all().collect();
        let at = from.and_then(|from| all.iter().position(|id| *id == from));
        match at {
            Some(at) => all.get(at.checked_add_signed(by)?).copied(),
            None => all.first().copied(),
        }
    }
}

/// The board of all cases that match what is searched. While something is searched, what has ended is found too, at
/// the end of the last column.
pub fn board<'a>(cases: impl Iterator<Item = &'a Arc<CaseView>>, property: &Property, query: &str) -> Board {
    let query = query.trim().to_lowercase();
    let mut columns: [Vec<([i64; 3], CaseId)>; 3] = Default::default();
    let [waiting, going, confirm] = &mut columns;
    for case in cases.filter_map(|view| view.full()) {
        if !matches(case, property, &query) {
            continue;
        }
        let at = case.reported.at.0;
        let key = ([i64::from(!case.urgent), next_due(case).0, at], case.id);
        match Column::of(case.stage.name()) {
            Some(Column::Waiting) => waiting.push(key),
            Some(Column::Going) => going.push(key),
            Some(Column::Confirm) => confirm.push(key),
            None if !query.is_empty() => confirm.push(([2, 0, at], case.id)),
            None => {}
        }
    }
    Board {
        columns: columns
            .map(|column| order::by(column, |(key, _)| *key).into_iter().map(|(_, id)| id).collect()),
    }
}

/// The next time by which the desk has to have seen to something: the first-asked person's daily look is not its own.
fn next_due(case: &Case) -> Ms {
    let due = case.deadlines().into_iter().find(|deadline| deadline.rule != Rule::Check);
    due.map_or(Ms(i64::MAX), |deadline| deadline.at)
}

fn matches(case: &Case, property: &Property, query: &str) -> bool {
    if query.is_empty() {
        return true;
    }
    let number = case.number.as_ref().map(|number| number.0.clone()).unwrap_or_default();
    let category = property.site.category(&case.category);
    [
        number,
        case.id.offline_code().to_lowercase(),
        case.text.to_lowercase(),
        property.place(&case.place).to_lowercase(),
        words::spot(property, &case.place).to_lowercase(),
        property.name(case.first_asked.person).to_lowercase(),
        category.map(|category| category.name.to_lowercase()).unwrap_or_default(),
        category.map(|category| category.name_en.to_lowercase()).unwrap_or_default(),
    ]
    .iter()
    .any(|text| text.contains(query.trim_start_matches('#')))
}

/// What a card's chips say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Climbs by C2.
    Urgent,
    /// Confidential.
    Complaint,
    /// None of these.
    Normal,
    /// Arrived late, from a phone without a network.
    Late,
    /// A handler could not take it.
    Declined,
    /// It was not solved.
    Reopened,
    /// A clock that runs.
    Clock {
        /// Its rule.
        rule: Rule,
        /// Its end.
        at: Ms,
        /// Its start.
        started: Ms,
    },
    /// Done, or found by searching: how far it is.
    Stage(StageName),
}

/// The chips of a card.
pub fn marks(case: &Case, now: Ms) -> Vec<Mark> {
    match Column::of(case.stage.name()) {
        Some(Column::Waiting) => {
            let mut marks = vec![if case.confidential() {
                Mark::Complaint
            } else if case.urgent {
                Mark::Urgent
            } else {
                Mark::Normal
            }];
            if case.number.is_some() && case.reported.late() {
                marks.push(Mark::Late);
            }
            marks.extend(back_at_desk(case));
            marks
        }
        Some(Column::Going) => {
            let mut marks = Vec::new();
            if case.urgent {
                marks.push(Mark::Urgent);
            }
            marks.extend(clock(case, now));
            if marks.iter().all(|mark| !matches!(mark, Mark::Clock { .. })) {
                marks.push(Mark::Stage(case.stage.name()));
            }
            marks
        }
        Some(Column::Confirm) | None => vec![Mark::Stage(case.stage.name())],
    }
}

/// Why a case is back at the desk, by the last thing that sent it there.
fn back_at_desk(case: &Case) -> Option<Mark> {
    case.trail.iter().rev().find_map(|event| match event.change {
        CaseChange::Declined { .. } => Some(Mark::Declined),
        CaseChange::Reopened { .. } => Some(Mark::Reopened),
        _ => None,
    })
}

/// The clock that says most about a case in hand: a step of the ladder or a promise that is missed, else that of its
/// stage, else the promise.
fn clock(case: &Case, now: Ms) -> Option<Mark> {
    let deadlines = case.deadlines();
    let by = |rules: &[Rule]| deadlines.iter().find(|deadline| rules.contains(&deadline.rule)).copied();
    let missed = by(&[Rule::Step1, Rule::Step2, Rule::Promise]).filter(|deadline| deadline.at <= now);
    let of_stage = match case.stage {
        Stage::Dispatched { .. } => by(&[Rule::Accept]),
        Stage::Paused { .. } => by(&[Rule::Pause]),
        _ => by(&[Rule::OnSite, Rule::Attend]),
    };
    let chosen = missed.or(of_stage).or_else(|| by(&[Rule::Promise]))?;
    Some(Mark::Clock { rule: chosen.rule, at: chosen.at, started: chosen.started })
}

/// Photos whose bytes the server has, and all.
pub fn photos(case: &Case) -> (usize, usize) {
    (case.photos.iter().filter(|photo| photo.kept).count(), case.photos.len())
}

#[cfg(test)]
mod tests {
    use shared::{
        case::CaseCommand,
        time::{HOUR, MINUTE},
    };

    use super::*;
    use crate::components::office_kit::{
        DESK, MORNING, SUPERVISOR, TECHNICIAN, at_server, dispatched, property, report, then,
    };

    fn of(cases: &[&Case], query: &str) -> Board {
        let views: Vec<Arc<CaseView>> =
            cases.iter().map(|case| Arc::new(CaseView::Full(Box::new((*case).clone())))).collect();
        board(views.iter(), &property(DESK), query)
    }

    fn decline(case: &Case) -> Case {
        let decline = CaseCommand::Decline { reason: "不在岗".to_owned() };
        then(&dispatched(case, MORNING), TECHNICIAN, &decline, MORNING)
    }

    #[test]
    fn urgent_comes_before_the_rest_and_then_what_falls_due_first() {
        let early = at_server(10, &report("notice", 0), MORNING, 0);
        let urgent = at_server(11, &report("leak", 0), MORNING.plus(HOUR), 0);
        let first = at_server(12, &report("leak", 0), MORNING, 0);
        let board = of(&[&early, &urgent, &first], "");
        assert_eq!(board.column(Column::Waiting), [first.id, urgent.id, early.id]);
    }

    #[test]
    fn a_case_moves_through_the_columns_and_comes_back_when_it_is_declined() {
        let new = at_server(10, &report("leak", 0), MORNING, 0);
        let going = dispatched(&new, MORNING);
        let complete = CaseCommand::Complete { result: "换了接头".to_owned(), photos: Vec::new() };
        let done = then(&going, TECHNICIAN, &complete, MORNING);
        let confirm = CaseCommand::Confirm { satisfied: None, reason: "电话里确认".to_owned() };
        let closed = then(&done, SUPERVISOR, &confirm, MORNING);
        assert_eq!(of(&[&going], "").column(Column::Going), [new.id]);
        assert_eq!(of(&[&done], "").column(Column::Confirm), [new.id]);
        assert_eq!(of(&[&closed], ""), Board::default());
        assert_eq!(of(&[&decline(&new)], "").column(Column::Waiting), [new.id]);
        assert_eq!(marks(&decline(&new), MORNING), [Mark::Urgent, Mark::Declined]);
        // Who looks for it finds it after its end, too.
        assert_eq!(of(&[&closed], "滴水").column(Column::Confirm), [new.id]);
    }

    #[test]
    fn a_search_finds_number_offline_code_words_and_place() {
        let case = at_server(10, &report("leak", 0), MORNING, 0);
        for query in ["#0101-010", "19700101-010", "00000a", "滴水", "大堂", "LEAK", "王建国", " "] {
            assert_eq!(of(&[&case], query).all().count(), 1, "{query}");
        }
        assert_eq!(of(&[&case], "电梯").all().count(), 0);
    }

    #[test]
    fn the_keys_walk_the_columns_one_after_another() {
        let waiting = at_server(10, &report("leak", 0), MORNING, 0);
        let going = dispatched(&at_server(11, &report("leak", 0), MORNING, 0), MORNING);
        let board = of(&[&waiting, &going], "");
        assert_eq!(board.beside(None, 1), Some(waiting.id));
        assert_eq!(board.beside(Some(waiting.id), 1), Some(going.id));
        assert_eq!(board.beside(Some(going.id), -1), Some(waiting.id));
        assert_eq!(board.beside(Some(going.id), 1), None);
    }

    #[test]
    fn a_card_shows_the_clock_that_matters() {
        let rule = |case: &Case, now| {
            marks(case, now).into_iter().find_map(|mark| match mark {
                Mark::Clock { rule, .. } => Some(rule),
                _ => None,
            })
        };
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING);
        assert_eq!(rule(&case, MORNING), Some(Rule::Accept));
        let case = then(&case, TECHNICIAN, &CaseCommand::Accept {}, MORNING);
        assert_eq!(rule(&case, MORNING), Some(Rule::OnSite));
        let promise = CaseCommand::Promise { until: MORNING.plus(30 * MINUTE), reason: String::new() };
        let case = then(&case, DESK, &promise, MORNING);
        let case = then(&case, TECHNICIAN, &CaseCommand::Arrive {}, MORNING);
        assert_eq!(rule(&case, MORNING), Some(Rule::Promise));
        // What the ladder has climbed over outweighs the rest (C2).
        assert_eq!(rule(&case, MORNING.plus(48 * HOUR)), Some(Rule::Promise));
        let late = at_server(10, &report("leak", 0), MORNING, 5 * MINUTE);
        assert_eq!(marks(&late, MORNING), [Mark::Urgent, Mark::Late]);
    }
}
