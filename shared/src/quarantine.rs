//! Commands of somebody who has left: they take no effect until the office has looked at them.
//!
//! Whoever leaves may have made something before, that was on a phone without a network and arrives only now. It is not
//! thrown away and not believed either: it waits in **quarantine**, where the office sees it as a document and rules on
//! each, with a reason. What is taken is judged as its author's, who counts as still being what they were; what is
//! discarded is refused with the ruler's name and reason. What is about a complaint, or may be, is shown to persons only,
//! never to the one complained about nor to that person's lead (R9).

use std::collections::BTreeSet;

use crate::{
    Code, Rejection,
    case::command::TEXT_MAX,
    ids::{PersonId, Principal},
    site::{Member, People, Site},
};

/// What somebody of the office makes of a command in quarantine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruling {
    /// Judged as its author's; otherwise it is discarded.
    pub take: bool,
    /// Why. The author reads it, should they come back.
    pub reason: String,
}

/// What a command in quarantine is about, as far as that decides who may see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Matter {
    /// Anything but a complaint.
    Ordinary,
    /// A complaint, or what may be one (R9).
    Confidential {
        /// Who is, or may be, complained about.
        accused: BTreeSet<PersonId>,
    },
}

impl Matter {
    /// Whether it is shown to persons only.
    pub fn confidential(&self) -> bool {
        matches!(self, Matter::Confidential { .. })
    }

    /// Whether a member of the site is shown it: the office, without those complained about and their leads.
    pub fn shown_to(&self, member: &Member, people: &People, site: &Site) -> bool {
        let concerns = |id: &PersonId| {
            let theirs = people.get(*id).map(|accused| &accused.company);
            let subcontractor =
                theirs.and_then(|company| site.company(company)).filter(|of| of.subcontractor);
            *id == member.id || subcontractor.is_some_and(|company| member.lead_of.contains(&company.code))
        };
        !member.gone
            && member.office()
            && match self {
                Matter::Ordinary => true,
                Matter::Confidential { accused } => !accused.iter().any(concerns),
            }
    }

    /// Whose feed it belongs in.
    pub fn audience(&self, people: &People, site: &Site) -> BTreeSet<Principal> {
        match self {
            Matter::Ordinary => BTreeSet::from([Principal::Quarantine(None)]),
            Matter::Confidential { .. } => people
                .people
                .iter()
                .filter(|member| self.shown_to(member, people, site))
                .map(|member| Principal::Quarantine(Some(member.id)))
                .collect(),
        }
    }
}

/// Whether somebody may rule so on a command of an author's.
///
/// # Errors
/// `quarantine.not_there` for whoever is not shown it, `quarantine.own`, `case.field_missing` and
/// `case.field_too_long` for the reason.
pub fn judge(
    ruling: &Ruling,
    actor: &Member,
    author: PersonId,
    matter: &Matter,
    people: &People,
    site: &Site,
) -> Result<(), Rejection> {
    if !matter.shown_to(actor, people, site) {
        return Err(Code::QuarantineNotThere.into());
    }
    if actor.id == author {
        return Err(Code::QuarantineOwn.into());
    }
    if ruling.reason.trim().is_empty() {
        return Err(Rejection::new(Code::CaseFieldMissing).with("field", "reason"));
    }
    if ruling.reason.chars().count() > TEXT_MAX {
        return Err(Rejection::new(Code::CaseFieldTooLong).with("field", "reason").with("max", TEXT_MAX));
    }
    Ok(())
}
