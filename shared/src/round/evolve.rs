//! Folding events into a round. Nothing here can fail: what is stored has been decided.

use super::{Round, RoundChange, RoundEvent};
use crate::ids::RoundId;

impl Round {
    /// The round that its first event makes. `None` if the event makes none.
    pub fn begin(id: RoundId, event: &RoundEvent) -> Option<Round> {
        let RoundChange::Planned(task) = &event.change else { return None };
        Some(Round {
            id,
            version: 1,
            task: (**task).clone(),
            log: Vec::new(),
            ended: false,
            kept: Default::default(),
        })
    }

    /// The round after an event. In the log it takes its place by its time, so that the order of arrival leaves no trace.
    pub fn evolve(mut self, event: &RoundEvent) -> Round {
        self.version += 1;
        match &event.change {
            // A plan makes a round and never changes one.
            RoundChange::Planned(_) => {}
            RoundChange::WindowEnded { .. } => self.ended = true,
            RoundChange::PhotoKept { photo } => {
                self.kept.insert(*photo);
            }
            RoundChange::Started { .. }
            | RoundChange::Ticked(_)
            | RoundChange::Read { .. }
            | RoundChange::Skipped { .. }
            | RoundChange::Reported { .. }
            | RoundChange::HandedOver { .. }
            | RoundChange::Finished { .. }
            | RoundChange::Reviewed { .. } => {
                let key = |event: &RoundEvent| (event.time.at, event.time.received, event.by);
                let place = self.log.partition_point(|before| key(before) <= key(event));
                self.log.insert(place, event.clone());
            }
        }
        self
    }
}
