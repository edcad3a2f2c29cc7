//! What one reader may see of a case (R9, R10), and who is told of it at all.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Case, StageName, Standing, Standings, command::Source};
use crate::{
    ids::{CaseId, CaseNumber, Principal},
    site::{People, Role},
    time::{EventTime, Ms},
};

/// A case as one reader may see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CaseView {
    /// All of it, but for what is masked: a customer (R10).
    Full(Box<Case>),
    /// Number and state only: a complaint, to the person who heard it first (R9).
    Outline(Outline),
}

/// Number and state of a complaint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Outline {
    /// The case.
    pub id: CaseId,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<CaseNumber>,
    /// The number of events so far.
    pub version: u32,
    /// When it was reported.
    pub reported: EventTime,
    /// How far it is.
    pub stage: StageName,
    /// Since when.
    pub since: Ms,
}

impl CaseView {
    /// The case's id.
    pub fn id(&self) -> CaseId {
        match self {
            CaseView::Full(case) => case.id,
            CaseView::Outline(outline) => outline.id,
        }
    }

    /// The case's number.
    pub fn number(&self) -> Option<&CaseNumber> {
        match self {
            CaseView::Full(case) => case.number.as_ref(),
            CaseView::Outline(outline) => outline.number.as_ref(),
        }
    }

    /// How far it is.
    pub fn stage(&self) -> StageName {
        match self {
            CaseView::Full(case) => case.stage.name(),
            CaseView::Outline(outline) => outline.stage,
        }
    }

    /// The number of events so far.
    pub fn version(&self) -> u32 {
        match self {
            CaseView::Full(case) => case.version,
            CaseView::Outline(outline) => outline.version,
        }
    }

    /// The case, if it may be seen whole.
    pub fn full(&self) -> Option<&Case> {
        match self {
            CaseView::Full(case) => Some(case),
            CaseView::Outline(_) => None,
        }
    }
}

impl Case {
    /// Whether a reader of these standings may see anything of it (R9).
    pub fn visible(&self, who: Standings) -> bool {
        if who.any(Standings::of(&[Standing::Accused, Standing::Other])) {
            return false;
        }
        !self.confidential()
            || who.office()
            || who.any(Standings::of(&[Standing::FirstAsked, Standing::Relay]))
    }

    /// What a reader of these standings may see: `None` for nothing at all.
    pub fn view(&self, who: Standings) -> Option<CaseView> {
        if !self.visible(who) {
            return None;
        }
        if self.confidential() && !who.office() {
            return Some(CaseView::Outline(Outline {
                id: self.id,
                number: self.number.clone(),
                version: self.version,
                reported: self.reported,
                stage: self.stage.name(),
                since: self.stage.since(),
            }));
        }
        let mut case = self.clone();
        if !who.office() && !who.has(Standing::Handler) {
            // A flat is private, whoever found the problem in it (R10).
            if case.place != case.public_place {
                case.place = case.public_place.clone();
                // A stop inside a flat names it.
                case.from = None;
            }
            if self.customers() {
                case.source = Source::Customer(None);
            }
        }
        Some(CaseView::Full(Box::new(case)))
    }

    /// Whose feed the case belongs in.
    ///
    /// A complaint is addressed to persons, never to a role: whoever joins or leaves the office, and whoever is
    /// accused, is looked at each by each (R9).
    pub fn audience(&self, people: &People) -> BTreeSet<Principal> {
        let mut audience = BTreeSet::from([Principal::Person(self.first_asked.person)]);
        audience.extend(self.relay.map(Principal::Person));
        if self.confidential() {
            let office = people.people.iter().filter(|member| !member.gone && member.office());
            audience.extend(office.map(|member| Principal::Person(member.id)));
            if let Some(accused) = &self.accused {
                audience.remove(&Principal::Person(accused.person));
                for lead in accused.subcontractor.iter().flat_map(|company| people.leads_of(company)) {
                    audience.remove(&Principal::Person(lead.id));
                }
            }
            return audience;
        }
        audience
            .extend([Role::Desk, Role::ControlRoom, Role::Supervisor, Role::Director].map(Principal::Role));
        audience.extend(self.also_tell.iter().copied().map(Principal::Role));
        if self.first_asked.subcontractor {
            audience.insert(Principal::Company(self.first_asked.company.clone()));
        }
        audience.extend(self.stage.handler().map(Principal::Person));
        audience.extend(self.past_handlers.iter().copied().map(Principal::Person));
        audience
    }
}
