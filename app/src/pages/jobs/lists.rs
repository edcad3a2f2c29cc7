//! A handler's cases, sorted into what waits for an answer, what is in hand, and what is done today.

use std::sync::Arc;

use shared::{
    case::{Case, CaseChange, CaseView, Rule, StageName},
    ids::{CaseId, PersonId},
    time::{Ms, Zone},
};

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
            StageName::Dispatched if mine => waiting.push((accept_by(case), case.id)),
            stage @ (StageName::Arrived | StageName::Accepted | StageName::Paused) if mine => {
                let rank = match stage {
                    StageName::Arrived => 0,
                    StageName::Accepted => 1,
                    _ => 2,
                };
                going.push((rank, !case.urgent, due(case), case.id));
            }
            StageName::Completed | StageName::Closed => {
                let finished = finished_by(case, me).filter(|at| zone.day(*at) == zone.day(now));
                done.extend(finished.map(|at| (at, case.id)));
            }
            _ => {}
        }
    }
    waiting.sort();
    going.sort();
    done.sort_by(|a, b| b.cmp(a));
    Lists {
        waiting: waiting.into_iter().map(|(_, id)| id).collect(),
        going: going.into_iter().map(|(.., id)| id).collect(),
        done: done.into_iter().map(|(_, id)| id).collect(),
    }
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
