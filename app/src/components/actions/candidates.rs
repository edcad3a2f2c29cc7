//! Whom the desk can give a case to, the likeliest first.

use std::collections::BTreeSet;

use shared::{
    case::{Case, CaseChange, CaseEvent, CaseView},
    ids::PersonId,
    site::{Member, Role, Site},
};

use crate::{order, state::Property};

/// A colleague to choose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Who.
    pub person: PersonId,
    /// The name.
    pub name: String,
    /// The trade, else the post.
    pub post: String,
    /// How many open cases the person has.
    pub open: usize,
    /// Of the role or group that this kind of case goes to.
    pub first: bool,
    /// Has said before that this case cannot be taken.
    pub declined: bool,
    /// Has finished a case of this kind: a trade is a word of the site's own, which no kind of problem names, but who has
    /// done such work has the hands for it.
    pub done_before: bool,
}

impl Candidate {
    /// Whether name, post or trade contain what was typed.
    pub fn matches(&self, query: &str) -> bool {
        let query = query.trim().to_lowercase();
        query.is_empty()
            || self.name.to_lowercase().contains(&query)
            || self.post.to_lowercase().contains(&query)
    }
}

/// The colleagues to whom a case may be dispatched: those of its category first, those who declined it last; of the rest
/// those first who have finished such cases before, and among equals whoever has least to do.
pub fn candidates<'a>(
    property: &Property,
    cases: impl Iterator<Item = &'a CaseView>,
    case: &Case,
) -> Vec<Candidate> {
    let (mut busy, mut done) = (Vec::new(), BTreeSet::new());
    for other in cases.filter_map(CaseView::full) {
        if other.stage.name().open() {
            busy.extend(other.stage.handler());
        }
        if other.category == case.category {
            let finished = |event: &&CaseEvent| matches!(event.change, CaseChange::Completed { .. });
            done.extend(other.trail.iter().filter(finished).filter_map(|event| event.by));
        }
    }
    let to = property.site.category(&case.category).map_or("", |category| category.dispatch_to.as_str());
    let declined: Vec<PersonId> = case
        .trail
        .iter()
        .filter(|event| matches!(event.change, CaseChange::Declined { .. }))
        .filter_map(|event| event.by)
        .collect();
    let list: Vec<Candidate> = property
        .people
        .people
        .iter()
        .filter(|member| !member.gone && may_have(member, case))
        .map(|member| Candidate {
            person: member.id,
            name: member.name.clone(),
            post: member.trade.clone().unwrap_or_else(|| member.post.clone()),
            open: busy.iter().filter(|person| **person == member.id).count(),
            first: belongs(member, to, &property.site),
            declined: declined.contains(&member.id),
            done_before: done.contains(&member.id),
        })
        .collect();
    // Stable: equals stay in the order of the staff list.
    order::by(list, |candidate| {
        // Nobody has more cases in hand than fit.
        let open = i64::try_from(candidate.open).unwrap_or(i64::MAX);
        let fit = i64::from(candidate.declined) * 2 + i64::from(!candidate.done_before);
        [i64::from(!candidate.first), fit, open]
    })
}

/// Everybody present, as those who can be named in a case.
pub fn everybody(property: &Property) -> Vec<Candidate> {
    let present = property.people.people.iter().filter(|member| !member.gone);
    present
        .map(|member| Candidate {
            person: member.id,
            name: member.name.clone(),
            post: member.post.clone(),
            open: 0,
            first: false,
            declined: false,
            done_before: false,
        })
        .collect()
}

/// A complaint goes to the office only, and never to the accused or that person's lead (R9).
fn may_have(member: &Member, case: &Case) -> bool {
    if !case.confidential() {
        return true;
    }
    let concerned = case.accused.as_ref().is_some_and(|accused| {
        accused.person == member.id
            || accused.subcontractor.as_ref().is_some_and(|company| member.lead_of.contains(company))
    });
    member.office() && !concerned
}

fn belongs(member: &Member, to: &str, site: &Site) -> bool {
    match Role::ALL.into_iter().find(|role| role.as_str() == to) {
        Some(role) => member.is(role),
        None => site.groups.get(to).is_some_and(|group| group.contains(&member.id)),
    }
}

#[cfg(test)]
mod tests {
    use shared::case::CaseCommand;

    use super::*;
    use crate::components::office_kit::{
        DESK, GUARD, MORNING, SECOND, SUPERVISOR, TECHNICIAN, at_server, dispatched, person, property,
        report, then,
    };

    fn names(list: &[Candidate]) -> Vec<PersonId> {
        list.iter().map(|candidate| candidate.person).collect()
    }

    #[test]
    fn the_role_of_the_category_comes_first_and_whoever_has_least_to_do() {
        let busy =
            CaseView::Full(Box::new(dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING)));
        let case = at_server(11, &report("leak", 0), MORNING, 0);
        let list = candidates(&property(DESK), [&busy].into_iter(), &case);
        assert_eq!(names(&list)[..2], [person(SECOND), person(TECHNICIAN)]);
        assert_eq!((list[0].open, list[1].open), (0, 1));
        assert_eq!(list.iter().filter(|candidate| candidate.first).count(), 2);
        assert_eq!(list.len(), 6);
    }

    #[test]
    fn whoever_has_finished_such_a_case_comes_first_also_with_more_to_do() {
        let complete = CaseCommand::Complete { result: "修好了".to_owned(), photos: Vec::new() };
        let finished = |kind: &str| {
            let case = dispatched(&at_server(9, &report(kind, 0), MORNING, 0), MORNING);
            CaseView::Full(Box::new(then(&case, TECHNICIAN, &complete, MORNING)))
        };
        let busy =
            CaseView::Full(Box::new(dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING)));
        let case = at_server(11, &report("leak", 0), MORNING, 0);
        let first = |done: &CaseView| {
            let list = candidates(&property(DESK), [done, &busy].into_iter(), &case);
            (list[0].person, list[0].done_before)
        };
        assert_eq!(first(&finished("leak")), (person(TECHNICIAN), true));
        // Another kind of work says nothing of this one.
        assert_eq!(first(&finished("notice")), (person(SECOND), false));
    }

    #[test]
    fn a_group_is_as_good_as_a_role() {
        let case = at_server(11, &report("notice", 0), MORNING, 0);
        let list = candidates(&property(DESK), std::iter::empty(), &case);
        assert_eq!(list[0].person, person(SUPERVISOR));
        assert_eq!(list.iter().filter(|candidate| candidate.first).count(), 1);
    }

    #[test]
    fn whoever_declined_it_comes_after_the_others_of_the_trade() {
        let case = dispatched(&at_server(11, &report("leak", 0), MORNING, 0), MORNING);
        let decline = CaseCommand::Decline { reason: "手上有急活".to_owned() };
        let case = then(&case, TECHNICIAN, &decline, MORNING);
        let list = candidates(&property(DESK), std::iter::empty(), &case);
        assert_eq!(names(&list)[..2], [person(SECOND), person(TECHNICIAN)]);
        assert!(list[1].declined);
    }

    #[test]
    fn r9_a_complaint_goes_to_the_office_without_the_accused() {
        let mut complaint = report("complaint", 0);
        complaint.accused = Some(person(SUPERVISOR));
        let case = at_server(11, &complaint, MORNING, 0);
        let list = candidates(&property(DESK), std::iter::empty(), &case);
        assert_eq!(names(&list), [person(DESK)]);
        assert!(list.iter().all(|candidate| candidate.person != person(GUARD)));
    }

    #[test]
    fn a_few_letters_find_somebody_by_name_or_trade() {
        let case = at_server(11, &report("leak", 0), MORNING, 0);
        let list = candidates(&property(DESK), std::iter::empty(), &case);
        let found = |query: &str| list.iter().filter(|candidate| candidate.matches(query)).count();
        assert_eq!((found("师傅"), found("刘"), found(" "), found("x")), (2, 1, 6, 0));
    }
}
