//! What a person is to a case. Everything that a person may see or do follows from it.

use serde::{Deserialize, Serialize};

use super::Case;
use crate::{
    site::{Member, Role, Site},
    time::{Ms, Zone},
};

/// What an actor is to a case. One person may be several at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Stays with it until it is solved (B1).
    FirstAsked,
    /// Passed it on for a colleague (A6, A7).
    Relay,
    /// On-site lead of the first-asked person's company (A8, B5).
    Lead,
    /// Has it now.
    Handler,
    /// Had it before; may still record facts.
    FormerHandler,
    /// The service desk, or the control room outside desk hours (R12).
    Desk,
    /// The control room while the desk is open: sees, comments.
    ControlRoom,
    /// A supervisor.
    Supervisor,
    /// The director.
    Director,
    /// Of a role that hears of this category (A10, A11).
    Told,
    /// Complained about, or that person's lead: nothing at all (R9).
    Accused,
    /// None of these.
    Other,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Standing; 12] = [
        Standing::FirstAsked,
        Standing::Relay,
        Standing::Lead,
        Standing::Handler,
        Standing::FormerHandler,
        Standing::Desk,
        Standing::ControlRoom,
        Standing::Supervisor,
        Standing::Director,
        Standing::Told,
        Standing::Accused,
        Standing::Other,
    ];
}

/// A set of standings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standings(u16);

impl Standings {
    /// The set of a list.
    pub const fn of(list: &[Standing]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < list.len() {
            bits |= 1 << list[i] as u16;
            i += 1;
        }
        Standings(bits)
    }

    /// Whether the set holds a standing.
    pub const fn has(self, standing: Standing) -> bool {
        self.0 & (1 << standing as u16) != 0
    }

    /// Whether the sets share a standing.
    pub const fn any(self, other: Standings) -> bool {
        self.0 & other.0 != 0
    }

    /// Desk, supervisor or director.
    pub const fn office(self) -> bool {
        self.any(Standings::of(&[Standing::Desk, Standing::Supervisor, Standing::Director]))
    }

    fn add(&mut self, standing: Standing) {
        self.0 |= 1 << standing as u16;
    }
}

impl Case {
    /// What a member of the site is to this case at an instant.
    ///
    /// Being accused outweighs everything else. Somebody who has left is `Other`.
    pub fn standings(&self, member: &Member, site: &Site, zone: &Zone, now: Ms) -> Standings {
        let mut set = Standings::default();
        if let Some(accused) = &self.accused
            && (accused.person == member.id
                || accused.subcontractor.as_ref().is_some_and(|company| member.lead_of.contains(company)))
        {
            return Standings::of(&[Standing::Accused]);
        }
        if member.gone {
            return Standings::of(&[Standing::Other]);
        }
        if self.first_asked.person == member.id {
            set.add(Standing::FirstAsked);
        }
        if self.relay == Some(member.id) {
            set.add(Standing::Relay);
        }
        if self.first_asked.subcontractor && member.lead_of.contains(&self.first_asked.company) {
            set.add(Standing::Lead);
        }
        if self.stage.handler() == Some(member.id) {
            set.add(Standing::Handler);
        } else if self.past_handlers.contains(&member.id) {
            set.add(Standing::FormerHandler);
        }
        for role in &member.roles {
            match role {
                Role::Desk => set.add(Standing::Desk),
                Role::Supervisor => set.add(Standing::Supervisor),
                Role::Director => set.add(Standing::Director),
                // A complaint is never the control room's, at whatever hour (R9).
                Role::ControlRoom if !self.confidential() => {
                    set.add(if site.desk_open(zone, now) { Standing::ControlRoom } else { Standing::Desk })
                }
                Role::Guard | Role::Cleaner | Role::Technician | Role::ControlRoom | Role::Admin => {}
            }
            if self.also_tell.contains(role) && !self.confidential() {
                set.add(Standing::Told);
            }
        }
        if set == Standings::default() { Standings::of(&[Standing::Other]) } else { set }
    }
}
