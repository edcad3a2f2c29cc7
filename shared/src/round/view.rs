//! What one reader may see of a round, and who is told of it at all.

use std::collections::BTreeSet;

use super::{Round, RoundChange, Standing, Standings};
use crate::{
    ids::{PersonId, Principal},
    route::Who,
    site::Role,
};

impl Round {
    /// Whether a reader of these standings may see it.
    pub fn visible(&self, who: Standings) -> bool {
        !who.has(Standing::Other)
    }

    /// What a reader of these standings may see: `None` for nothing at all. Where a colleague's phone was is for whoever
    /// answers for them, and for the colleague.
    pub fn view(&self, reader: PersonId, who: Standings) -> Option<Round> {
        if !self.visible(who) {
            return None;
        }
        let mut round = self.clone();
        if !who.any(Standings::of(&[
            Standing::Lead,
            Standing::Desk,
            Standing::Supervisor,
            Standing::Director,
        ])) {
            for event in &mut round.log {
                if let RoundChange::Ticked(tick) = &mut event.change
                    && event.by != Some(reader)
                {
                    tick.position = None;
                }
            }
        }
        Some(round)
    }

    /// Whose feed the round belongs in.
    pub fn audience(&self) -> BTreeSet<Principal> {
        let mut audience = BTreeSet::from(
            [Role::Desk, Role::ControlRoom, Role::Supervisor, Role::Director].map(Principal::Role),
        );
        match &self.task.who {
            Who::Roles(roles) => audience.extend(roles.iter().copied().map(Principal::Role)),
            Who::Persons(persons) => audience.extend(persons.iter().copied().map(Principal::Person)),
            Who::Area(role) => {
                audience.insert(Principal::Role(*role));
            }
        }
        audience
            .extend(self.task.stops.iter().flat_map(|stop| &stop.planned).copied().map(Principal::Person));
        audience.extend(self.task.companies.iter().cloned().map(Principal::Company));
        audience.extend(self.log.iter().filter_map(|event| event.change.handed_to()).map(Principal::Person));
        audience
    }
}
