//! What a person is to a round. Everything that a person may see or do follows from it.

use serde::{Deserialize, Serialize};

use super::Round;
use crate::{
    site::{Member, Role, Site},
    time::{Ms, Zone},
};

/// What an actor is to a round. One person may be several at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// May walk it: planned by role, name or area, or handed it.
    Walker,
    /// Has handed it over; may still record facts.
    FormerWalker,
    /// On-site lead of a subcontractor whose people walk it (A8).
    Lead,
    /// The service desk, or the control room outside desk hours (R12).
    Desk,
    /// The control room while the desk is open: sees.
    ControlRoom,
    /// A supervisor.
    Supervisor,
    /// The director.
    Director,
    /// None of these.
    Other,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Standing; 8] = [
        Standing::Walker,
        Standing::FormerWalker,
        Standing::Lead,
        Standing::Desk,
        Standing::ControlRoom,
        Standing::Supervisor,
        Standing::Director,
        Standing::Other,
    ];
}

/// A set of standings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standings(u8);

impl Standings {
    /// The set of a list.
    pub const fn of(list: &[Standing]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < list.len() {
            bits |= 1 << list[i] as u8;
            i += 1;
        }
        Standings(bits)
    }

    /// Whether the set holds a standing.
    pub const fn has(self, standing: Standing) -> bool {
        self.0 & (1 << standing as u8) != 0
    }

    /// Whether the sets share a standing.
    pub const fn any(self, other: Standings) -> bool {
        self.0 & other.0 != 0
    }

    fn add(&mut self, standing: Standing) {
        self.0 |= 1 << standing as u8;
    }
}

/// Who looks after a round: it is shown to them while it is walked, and told afterwards.
pub const LOOK_AFTER: Standings = Standings::of(&[
    Standing::Lead,
    Standing::Desk,
    Standing::ControlRoom,
    Standing::Supervisor,
    Standing::Director,
]);

impl Round {
    /// What a member of the site is to this round at an instant. What was handed over after it does not count yet, so that
    /// a command is judged by what held when it was made. Somebody who has left is `Other`.
    pub fn standings(&self, member: &Member, site: &Site, zone: &Zone, now: Ms) -> Standings {
        let mut set = Standings::default();
        if member.gone {
            return Standings::of(&[Standing::Other]);
        }
        let mut handed = self.log.iter().filter(|event| event.time.at <= now).filter_map(|event| {
            let to_them = event.change.handed_to()? == member.id;
            (to_them || event.by == Some(member.id)).then_some(to_them)
        });
        // The office hands over what it never had.
        match (handed.next_back(), self.task.plans(member)) {
            (Some(true), _) | (None, true) => set.add(Standing::Walker),
            (Some(false), true) => set.add(Standing::FormerWalker),
            (Some(false), false) if self.was_handed(member) => set.add(Standing::FormerWalker),
            (Some(false) | None, false) => {}
        }
        if !member.lead_of.is_disjoint(&self.task.companies) {
            set.add(Standing::Lead);
        }
        for role in &member.roles {
            match role {
                Role::Desk => set.add(Standing::Desk),
                Role::Supervisor => set.add(Standing::Supervisor),
                Role::Director => set.add(Standing::Director),
                Role::ControlRoom => {
                    set.add(if site.desk_open(zone, now) { Standing::ControlRoom } else { Standing::Desk })
                }
                Role::Guard | Role::Cleaner | Role::Technician | Role::Admin => {}
            }
        }
        if set == Standings::default() { Standings::of(&[Standing::Other]) } else { set }
    }

    fn was_handed(&self, member: &Member) -> bool {
        self.log.iter().any(|event| event.change.handed_to() == Some(member.id))
    }
}
