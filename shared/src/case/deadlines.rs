//! Every clock of a case, each naming its rule. All are folds over events; none ticks.

use serde::{Deserialize, Serialize};

use super::{Case, Stage, StageName, event::Ladder};
use crate::time::Ms;

/// Which rule a deadline comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The handler accepts (R4).
    Accept,
    /// Somebody is with the customer (C7).
    Attend,
    /// Somebody is on site (C8).
    OnSite,
    /// Post 1 of the ladder hears of it (C2, C3).
    Step1,
    /// Post 2 of the ladder hears of it (C2, C3).
    Step2,
    /// The promised time (C4).
    Promise,
    /// The pause ends (A17).
    Pause,
    /// The first-asked person looks at it (B2).
    Check,
    /// The customer hears the result (B4).
    Feedback,
}

/// When something falls due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Deadline {
    /// By which rule.
    pub rule: Rule,
    /// When.
    pub at: Ms,
    /// When its clock started.
    pub started: Ms,
}

impl Case {
    /// The ladder in force: that of the report, moved by a promise that has been told (R2).
    pub fn ladder(&self) -> Ladder {
        match self.told_ladder {
            Some(told) if told.step1 > self.clocks.ladder.step1 => {
                Ladder { step1: told.step1, step2: told.step2.max(self.clocks.ladder.step2) }
            }
            Some(_) | None => self.clocks.ladder,
        }
    }

    /// The next step of the ladder after `now`, or the last one if both are past; `None` once the work is done.
    pub fn next_step(&self, now: Ms) -> Option<Deadline> {
        let ladder = self.ladder();
        self.stage.name().open().then(|| {
            if now < ladder.step1 {
                Deadline { rule: Rule::Step1, at: ladder.step1, started: self.reported.fair() }
            } else {
                Deadline { rule: Rule::Step2, at: ladder.step2, started: self.reported.fair() }
            }
        })
    }

    /// Every deadline that is not met yet, past or ahead, soonest first.
    ///
    /// The ladder stops at completion and resumes from the original day after a reopening; pauses do not move it (R2).
    pub fn deadlines(&self) -> Vec<Deadline> {
        let mut deadlines = Vec::new();
        let mut add = |rule, at: Option<Ms>, started| {
            deadlines.extend(at.map(|at| Deadline { rule, at, started }));
        };
        let reported = self.reported.fair();
        let start = self.reported.start();
        let stage = self.stage.name();
        if stage.open() {
            let ladder = self.ladder();
            add(Rule::Step1, Some(ladder.step1), reported);
            add(Rule::Step2, Some(ladder.step2), reported);
            add(Rule::Promise, self.promise.as_ref().map(|promise| promise.until), reported);
            if !self.attended {
                add(Rule::OnSite, self.clocks.arrive_by, start);
                add(Rule::Attend, self.clocks.attend_by, start);
            }
        }
        if let Stage::Dispatched { accept_by, since, .. } = self.stage {
            add(Rule::Accept, Some(accept_by), since);
        }
        if let Stage::Paused { until, since, .. } = self.stage {
            add(Rule::Pause, Some(until), since);
        }
        if !stage.ended() && !self.confidential() {
            add(Rule::Check, Some(self.check_by), reported);
        }
        if stage != StageName::Cancelled && !self.result_told {
            add(Rule::Feedback, self.clocks.feedback_by, start);
        }
        deadlines.sort_by_key(|deadline| deadline.at);
        deadlines
    }
}
