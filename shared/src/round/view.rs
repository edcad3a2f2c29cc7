//! What one reader may see of a round, and who is told of it at all.

use std::collections::BTreeSet;

use super::{Round, RoundChange, Standing, Standings};
use crate::{
    ids::{PersonId, Principal},
    route,
    site::{Member, People},
};

impl Round {
    /// Whether a reader of these standings may see it.
    pub fn visible(&self, who: Standings) -> bool {
        !who.has(Standing::Other)
    }

    /// What a reader of these standings may see: `None` for nothing at all. Where a colleague's phone was is for whoever
    /// answers for them, a lead for the people of their companies alone (A8), and for the colleague.
    pub fn view(&self, reader: &Member, who: Standings, people: &People) -> Option<Round> {
        if !self.visible(who) {
            return None;
        }
        let mut round = self.clone();
        if who.any(Standings::of(&[Standing::Desk, Standing::Supervisor, Standing::Director])) {
            return Some(round);
        }
        let answers_for = |person: PersonId| {
            person == reader.id
                || people.get(person).is_some_and(|member| reader.lead_of.contains(&member.company))
        };
        for event in &mut round.log {
            if let RoundChange::Ticked(tick) = &mut event.change
                && !event.by.is_some_and(answers_for)
            {
                tick.position = None;
            }
        }
        Some(round)
    }

    /// Whose feed the round belongs in.
    pub fn audience(&self) -> BTreeSet<Principal> {
        let planned = self.task.stops.iter().flat_map(|stop| &stop.planned).copied();
        let handed = self.log.iter().filter_map(|event| event.change.handed_to());
        route::audience(&self.task.who, planned.chain(handed), &self.task.companies)
    }
}
