//! Folding events into a case. Nothing here can fail: what is stored has been decided.

use super::{
    Case, CaseChange, CaseEvent, Photo, Promise, Stage,
    command::{About, PhotoRef},
    event::Classified,
};
use crate::{
    ids::{CaseId, PersonId},
    site::CaseKind,
    time::Ms,
};

impl Case {
    /// The case that its first event makes. `None` if the event is not a report.
    pub fn begin(id: CaseId, event: &CaseEvent) -> Option<Case> {
        let CaseChange::Reported { report, public_place, number, first_asked, classified, check_by } =
            &event.change
        else {
            return None;
        };
        let mut case = Case {
            id,
            number: number.clone(),
            version: 1,
            reported: event.time,
            relay: event.by.filter(|by| *by != first_asked.person),
            first_asked: first_asked.clone(),
            category: classified.category.clone(),
            kind: classified.kind,
            urgent: classified.urgent,
            urgency_reason: classified.urgency_reason.clone(),
            place: report.place.clone(),
            public_place: public_place.clone(),
            text: report.text.clone(),
            since: report.since.clone(),
            source: report.source.clone(),
            isolated: report.isolated,
            accused: classified.accused.clone(),
            also_tell: classified.also_tell.clone(),
            from: report.from.as_deref().cloned(),
            photos: Vec::new(),
            stage: Stage::Reported { since: event.time.at },
            past_handlers: Default::default(),
            found_complaint: false,
            clocks: classified.clocks,
            attended: false,
            result_told: false,
            promise: None,
            postponed: false,
            told_ladder: None,
            check_by: *check_by,
            seen: Default::default(),
            trail: Vec::new(),
        };
        case.add_photos(&report.photos, event, false);
        Some(case)
    }

    /// The case after an event.
    pub fn evolve(mut self, event: &CaseEvent) -> Case {
        let at = event.time.at;
        self.version += 1;
        match &event.change {
            // A report makes a case and never changes one.
            CaseChange::Reported { .. } => {}
            CaseChange::Fixed { result, photos } => {
                self.add_photos(photos, event, true);
                self.finish(event.by, at, result, true);
                if !self.customers() {
                    self.close(event.by, at, None);
                }
            }
            CaseChange::Classified { classified, recalled } => {
                match (self.confidential(), classified.kind == CaseKind::Complaint) {
                    (true, false) => self.leave_confidence(),
                    (false, true) => self.found_complaint = true,
                    (true, true) | (false, false) => {}
                }
                self.classify(classified);
                if *recalled {
                    self.back_to_desk(at);
                }
            }
            CaseChange::Dispatched { to, accept_by, .. } => {
                self.leave_handler();
                self.stage =
                    Stage::Dispatched { handler: *to, by: event.by, since: at, accept_by: *accept_by };
            }
            CaseChange::Accepted => {
                if let Some(handler) = self.stage.handler() {
                    self.stage = Stage::Accepted { handler, since: at };
                }
            }
            CaseChange::Declined { .. } => self.back_to_desk(at),
            CaseChange::Arrived => {
                if let Some(handler) = self.stage.handler() {
                    self.attended = true;
                    self.stage = Stage::Arrived { handler, since: at };
                }
            }
            CaseChange::Paused { reason, until } => {
                if let Some(handler) = self.stage.handler() {
                    let arrived = matches!(self.stage, Stage::Arrived { .. });
                    self.stage =
                        Stage::Paused { handler, since: at, reason: reason.clone(), until: *until, arrived };
                }
            }
            CaseChange::Resumed => {
                if let Stage::Paused { handler, arrived, .. } = self.stage {
                    self.stage = if arrived {
                        Stage::Arrived { handler, since: at }
                    } else {
                        Stage::Accepted { handler, since: at }
                    };
                }
            }
            CaseChange::Promised { until, ladder, .. } => {
                self.promise = Some(Promise { until: *until, by: event.by, told: false, ladder: *ladder });
            }
            CaseChange::Postponed { until, ladder, .. } => {
                self.promise = Some(Promise { until: *until, by: event.by, told: false, ladder: *ladder });
                self.postponed = true;
            }
            CaseChange::Told { about, whom, .. } => match about {
                About::Promise => {
                    if let Some(promise) = &mut self.promise {
                        promise.told = true;
                        self.told_ladder = Some(promise.ladder);
                    }
                }
                About::Result => self.result_told |= *whom == super::command::Told::Customer,
                About::Delay => {}
            },
            CaseChange::Completed { result, photos } => {
                self.add_photos(photos, event, true);
                self.finish(event.by, at, result, false);
            }
            CaseChange::Confirmed { satisfied, .. } => {
                self.result_told |= satisfied.is_some();
                self.close(event.by, at, *satisfied);
            }
            CaseChange::Reopened { .. } => {
                self.result_told = false;
                self.attended = false;
                self.stage = Stage::Reported { since: at };
            }
            CaseChange::Checked { check_by } => self.check_by = *check_by,
            CaseChange::Succeeded { first_asked, .. } => self.first_asked = first_asked.clone(),
            CaseChange::Commented { photos, .. } | CaseChange::Recorded { photos, .. } => {
                self.add_photos(photos, event, false);
            }
            CaseChange::Cancelled { reason } => {
                self.leave_handler();
                self.stage = Stage::Cancelled { by: event.by, since: at, reason: reason.clone() };
            }
            CaseChange::Seen => {
                if let Some(by) = event.by {
                    self.seen.entry(by).or_insert(at);
                }
            }
            CaseChange::PhotoKept { photo, author, sha256 } => {
                for shown in self.photos.iter_mut().filter(|shown| shown.is(*author, *photo, sha256)) {
                    shown.kept = true;
                }
            }
        }
        // Who has looked and which bytes are kept stands in `seen` and `photos`; the trail tells the story.
        if !matches!(event.change, CaseChange::Seen | CaseChange::PhotoKept { .. }) {
            self.trail.push(event.clone());
        }
        self
    }

    fn classify(&mut self, classified: &Classified) {
        self.category = classified.category.clone();
        self.kind = classified.kind;
        self.urgent = classified.urgent;
        self.urgency_reason = classified.urgency_reason.clone();
        self.accused = classified.accused.clone();
        self.also_tell = classified.also_tell.clone();
        self.clocks = classified.clocks;
    }

    /// It was no complaint after all, and more people see it from here on, perhaps the person whom it was about. What was
    /// said and shown while only the office saw it, and about whom, is taken out: the trail since then with its photos,
    /// and what a pause waits for. What was reported as a complaint loses its words and photos too; the office says in a
    /// comment what may be known of it. The events themselves are kept (R9).
    fn leave_confidence(&mut self) {
        let became = |event: &CaseEvent| {
            matches!(&event.change, CaseChange::Classified { classified, .. }
                if classified.kind == CaseKind::Complaint)
        };
        // Of what was reported as a complaint it may have been said again that it is one.
        let began = self.trail.iter().position(became).filter(|_| self.found_complaint);
        self.found_complaint = false;
        let confidential = self.trail.split_off(began.unwrap_or(0));
        let shown: usize = confidential.iter().map(|event| event.change.photos().len()).sum();
        // Photos stand in the order in which they came.
        self.photos.truncate(self.photos.len().saturating_sub(shown));
        if began.is_none() {
            self.text.clear();
            self.since.clear();
            self.photos.clear();
            self.from = None;
        }
        if let Stage::Paused { reason, .. } = &mut self.stage {
            reason.clear();
        }
    }

    fn add_photos(&mut self, photos: &[PhotoRef], event: &CaseEvent, after: bool) {
        self.photos.extend(photos.iter().map(|photo| Photo {
            photo: photo.clone(),
            by: event.by,
            at: event.time.at,
            after,
            kept: false,
        }));
    }

    fn leave_handler(&mut self) {
        self.past_handlers.extend(self.stage.handler());
    }

    fn back_to_desk(&mut self, at: Ms) {
        self.leave_handler();
        self.stage = Stage::Reported { since: at };
    }

    fn finish(&mut self, by: Option<PersonId>, at: Ms, result: &str, on_the_spot: bool) {
        self.leave_handler();
        self.past_handlers.extend(by.filter(|_| !on_the_spot));
        self.attended = true;
        self.stage = Stage::Completed { by, since: at, result: result.to_owned(), on_the_spot };
    }

    fn close(&mut self, by: Option<PersonId>, at: Ms, satisfied: Option<bool>) {
        if let Stage::Completed { result, on_the_spot, .. } = &mut self.stage {
            self.stage = Stage::Closed {
                by,
                since: at,
                result: std::mem::take(result),
                satisfied,
                on_the_spot: *on_the_spot,
            };
        }
    }
}
