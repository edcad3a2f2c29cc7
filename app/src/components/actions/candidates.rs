//! Whom the desk can give a case to, the likeliest first.

use shared::{
    case::{Case, CaseChange, CaseView},
    ids::PersonId,
    site::{Member, Role, Site},
};

use crate::state::Property;

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

/// The colleagues to whom a case may be dispatched: those of its category first, those who declined it last, and among
/// equals whoever has least to do.
pub fn candidates<'a>(
    property: &Property,
    cases: impl Iterator<Item = &'a CaseView>,
    case: &Case,
) -> Vec<Candidate> {
    let busy: Vec<PersonId> = cases
        .filter_map(CaseView::full)
        .filter(|case| case.stage.name().open())
        .filter_map(|case| case.stage.handler())
        .collect();
    let to = property.site.category(&case.category).map_or("", |category| category.dispatch_to.as_str());
    let declined: Vec<PersonId> = case
        .trail
        .iter()
        .filter(|event| matches!(event.change, CaseChange::Declined { .. }))
        .filter_map(|event| event.by)
        .collect();
    let mut list: Vec<Candidate> = property
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
        })
        .collect();
    // Stable: equals stay in the order of the staff list.
    list.sort_by_key(|candidate| (!candidate.first, candidate.declined, candidate.open));
    list
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
