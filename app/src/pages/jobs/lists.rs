//! A handler's cases, sorted into what waits for an answer, what is in hand, and what is done today.

use std::sync::Arc;

use shared::{
    case::{Case, CaseChange, CaseView, Rule, StageName},
    ids::{CaseId, PersonId},
    time::{Ms, Zone},
};

use crate::order;

/// The lists, each in the order in which it is to be done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lists {
    /// Dispatched: to be accepted, the soonest deadline first.
    pub waiting: Vec<CaseId>,
    /// On site, accepted, paused; in this order.
    pub going: Vec<CaseId>,
    /// Done by this person today, the latest first.
    pub done: Vec<CaseId>,
}

/// The lists of one person.
pub fn lists<'a>(
    cases: impl Iterator<Item = &'a Arc<CaseView>>,
    me: PersonId,
    zone: &Zone,
    now: Ms,
) -> Lists {
    let mut waiting = Vec::new();
    let mut going = Vec::new();
    let mut done = Vec::new();
    for case in cases.filter_map(|view| view.full()) {
        let mine = case.stage.handler() == Some(me);
        match case.stage.name() {
            StageName::Dispatched if mine => waiting.push(([accept_by(case).0, 0, 0], case.id)),
            stage @ (StageName::Arrived | StageName::Accepted | StageName::Paused) if mine => {
                let rank = match stage {
                    StageName::Arrived => 0,
                    StageName::Accepted => 1,
                    _ => 2,
                };
                going.push(([rank, i64::from(!case.urgent), due(case).0], case.id));
            }
            StageName::Completed | StageName::Closed => {
                let finished = finished_by(case, me).filter(|at| zone.day(*at) == zone.day(now));
                done.extend(finished.map(|at| ([-at.0, 0, 0], case.id)));
            }
            _ => {}
        }
    }
    let ids = |list: Vec<([i64; 3], CaseId)>| {
        order::by(list, |(key, _)| *key).into_iter().map(|(_, id)| id).collect()
    };
    Lists { waiting: ids(waiting), going: ids(going), done: ids(done) }
}

fn accept_by(case: &Case) -> Ms {
    deadline(case, &[Rule::Accept]).unwrap_or(case.stage.since())
}

fn due(case: &Case) -> Ms {
    deadline(case, &[Rule::OnSite, Rule::Attend, Rule::Promise, Rule::Step1, Rule::Step2, Rule::Pause])
        .unwrap_or(Ms(i64::MAX))
}

/// The soonest deadline by one of these rules.
fn deadline(case: &Case, rules: &[Rule]) -> Option<Ms> {
    case.deadlines().into_iter().find(|deadline| rules.contains(&deadline.rule)).map(|deadline| deadline.at)
}

/// When this person last finished the work on a case.
fn finished_by(case: &Case, me: PersonId) -> Option<Ms> {
    let finished = case.trail.iter().rev().find(|event| matches!(event.change, CaseChange::Completed { .. }));
    finished.filter(|event| event.by == Some(me)).map(|event| event.time.at)
}

#[cfg(test)]
mod tests {
    use shared::{
        case::CaseCommand,
        time::{HOUR, MINUTE},
    };

    use super::*;
    use crate::components::office_kit::{
        MORNING, SECOND, TECHNICIAN, at_server, dispatched, person, report, then,
    };

    fn of(cases: &[&Case], who: u128, now: Ms) -> Lists {
        let views: Vec<Arc<CaseView>> =
            cases.iter().map(|case| Arc::new(CaseView::Full(Box::new((*case).clone())))).collect();
        lists(views.iter(), person(who), &Zone::utc(), now)
    }

    #[test]
    fn what_waits_for_an_answer_comes_by_its_deadline_and_what_is_begun_by_its_stage() {
        let new = |id| at_server(id, &report("leak", 0), MORNING, 0);
        let later = dispatched(&new(10), MORNING.plus(MINUTE));
        let sooner = dispatched(&new(11), MORNING);
        let accepted = then(&dispatched(&new(12), MORNING), TECHNICIAN, &CaseCommand::Accept {}, MORNING);
        let arrived = then(&dispatched(&new(13), MORNING), TECHNICIAN, &CaseCommand::Arrive {}, MORNING);
        let all = of(&[&later, &accepted, &sooner, &arrived, &new(14)], TECHNICIAN, MORNING);
        assert_eq!(all.waiting, [sooner.id, later.id]);
        assert_eq!(all.going, [arrived.id, accepted.id]);
        assert_eq!(of(&[&later, &accepted], SECOND, MORNING), Lists::default());
    }

    #[test]
    fn what_was_finished_shows_until_the_day_is_over() {
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING);
        let complete = CaseCommand::Complete { result: "换了接头".to_owned(), photos: Vec::new() };
        let case = then(&case, TECHNICIAN, &complete, MORNING);
        assert_eq!(of(&[&case], TECHNICIAN, MORNING.plus(HOUR)).done, [case.id]);
        assert_eq!(of(&[&case], TECHNICIAN, MORNING.plus(24 * HOUR)).done, []);
        assert_eq!(of(&[&case], SECOND, MORNING).done, []);
    }
}
