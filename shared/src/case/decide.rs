//! Judging commands: who may do what, in which stage, with which content.
//!
//! Judged in this order, so that nobody learns of a case through an error: may the actor see it, may the actor do
//! this, does the stage allow it, is the content right. Facts (arrive, complete, comment, fix) of somebody entitled to
//! them are never refused for coming late: they are recorded.

use super::{
    Case, CaseChange, CaseCommand, CaseEvent, Photo, Stage, StageName, Standing, Standings,
    command::{
        About, CASE_PHOTOS_MAX, Customer, NAME_MAX, PHOTOS_MAX, PhotoRef, Report, Source, TEXT_MAX, Urgency,
    },
    event::{Accused, Classified, Clocks, FirstAsked, Ladder, LateFact},
};
use crate::{
    Code, Rejection,
    ids::{AttachmentId, CaseNumber, CategoryCode, PersonId},
    site::{CaseKind, Category, Member, People, Places, Site},
    time::{EventTime, Ms, Zone},
};

use Standing::*;

/// What a decision depends on besides the case itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Who asks.
    pub actor: &'a Member,
    /// The site's settings.
    pub site: &'a Site,
    /// The site's calendar.
    pub zone: &'a Zone,
    /// The site's places.
    pub places: &'a Places,
    /// Everybody at the site.
    pub people: &'a People,
    /// The time of the event (R3).
    pub now: EventTime,
    /// The number for a new case; only the server has one.
    pub number: Option<&'a CaseNumber>,
}

type Decision = Result<Vec<CaseChange>, Rejection>;

/// Judges a report. It makes the case, so there is none to ask.
///
/// What was found at a stop is the round's to judge, see [`Round::decide_report`](crate::round::Round::decide_report):
/// without the round there is nothing that it could come from.
///
/// # Errors
/// `case.unknown_*`, `case.field_*`, `case.too_many_photos`, `case.bad_photo`, `round.not_there`.
pub fn decide_report(report: &Report, context: &Context<'_>) -> Result<Vec<CaseEvent>, Rejection> {
    if report.from.is_some() {
        return Err(Code::RoundNotThere.into());
    }
    decide_any_report(report, context)
}

/// Judges a report, wherever it comes from.
pub(crate) fn decide_any_report(report: &Report, context: &Context<'_>) -> Result<Vec<CaseEvent>, Rejection> {
    let category = context.category(&report.category)?;
    if context.places.get(&report.place).is_none() {
        return Err(Rejection::new(Code::CaseUnknownPlace).with("place", &report.place));
    }
    check_text("text", &report.text)?;
    check_text("since", &report.since)?;
    check_photos(&report.photos, &[])?;
    if report.text.trim().is_empty() && report.photos.is_empty() {
        return Err(Rejection::new(Code::CaseFieldMissing).with("field", "text"));
    }
    if let Source::Customer(customer) = &report.source {
        let Some(Customer { name, phone, flat }) = customer else {
            return Err(Rejection::new(Code::CaseFieldMissing).with("field", "customer"));
        };
        if [name, phone, flat].iter().all(|field| field.trim().is_empty()) {
            return Err(Rejection::new(Code::CaseFieldMissing).with("field", "customer"));
        }
        for (field, text) in [("name", name), ("phone", phone), ("flat", flat)] {
            if text.chars().count() > NAME_MAX {
                return Err(Rejection::new(Code::CaseFieldTooLong)
                    .with("field", field)
                    .with("max", NAME_MAX));
            }
        }
    }
    let first_asked = match report.on_behalf_of {
        Some(colleague) => context.person(colleague)?,
        None => context.actor,
    };
    // Customer clocks run from the arrival, if the report arrived late (R4).
    let start = context.now.start();
    let customers = matches!(report.source, Source::Customer(_));
    let classified = context.classify(
        category,
        report.urgency.as_ref(),
        report.accused,
        context.now.fair(),
        start,
        customers,
    )?;
    Ok(vec![context.event(CaseChange::Reported {
        report: Box::new(report.clone()),
        public_place: context.places.public(&report.place),
        number: context.number.cloned(),
        first_asked: context.first_asked(first_asked),
        classified,
        check_by: context.zone.end_of_day(context.now.fair(), 2),
    })])
}

impl Context<'_> {
    fn event(&self, change: CaseChange) -> CaseEvent {
        CaseEvent { time: self.now, by: Some(self.actor.id), change }
    }

    fn category(&self, code: &CategoryCode) -> Result<&Category, Rejection> {
        self.site
            .category(code)
            .ok_or_else(|| Rejection::new(Code::CaseUnknownCategory).with("category", code))
    }

    fn person(&self, id: PersonId) -> Result<&Member, Rejection> {
        self.people.present(id).ok_or_else(|| Rejection::new(Code::CaseUnknownPerson).with("person", id))
    }

    fn subcontractor(&self, member: &Member) -> bool {
        self.site.company(&member.company).is_some_and(|company| company.subcontractor)
    }

    fn first_asked(&self, member: &Member) -> FirstAsked {
        let subcontractor = self.subcontractor(member);
        let leads = if subcontractor {
            self.people.leads_of(&member.company).map(|lead| lead.id).filter(|id| *id != member.id).collect()
        } else {
            Vec::new()
        };
        FirstAsked { person: member.id, company: member.company.clone(), subcontractor, leads }
    }

    /// What the settings make of a category now: the clocks, frozen (R2, R4).
    ///
    /// `reported` is day 1 of the ladder, `start` when the customer's clocks begin.
    fn classify(
        &self,
        category: &Category,
        urgency: Option<&Urgency>,
        accused: Option<PersonId>,
        reported: Ms,
        start: Ms,
        customers: bool,
    ) -> Result<Classified, Rejection> {
        if let Some(urgency) = urgency {
            require("urgency_reason", &urgency.reason)?;
        }
        let urgent = urgency.map_or(category.urgent, |urgency| urgency.urgent);
        let figures = &self.site.figures;
        let [days1, days2] = if urgent { figures.urgent_days } else { figures.other_days };
        let ladder = Ladder {
            step1: self.zone.end_of_day(reported, days1).max(reported.plus(figures.grace)),
            step2: self.zone.end_of_day(reported, days2),
        };
        let accused = match accused {
            Some(id) => {
                let member = self.person(id)?;
                Some(Accused {
                    person: id,
                    subcontractor: self.subcontractor(member).then(|| member.company.clone()),
                })
            }
            None => None,
        };
        Ok(Classified {
            category: category.code.clone(),
            kind: category.kind,
            urgent,
            urgency_reason: urgency.map(|urgency| urgency.reason.clone()).unwrap_or_default(),
            // Only a complaint is about somebody (R9).
            accused: accused.filter(|_| category.kind == CaseKind::Complaint),
            also_tell: category.also_tell.iter().copied().collect(),
            clocks: Clocks {
                ladder,
                arrive_by: (category.kind == CaseKind::Repair).then(|| start.plus(category.arrive())),
                attend_by: (customers && category.kind == CaseKind::Service)
                    .then(|| start.plus(category.attend())),
                feedback_by: customers.then(|| self.zone.end_of_day(start, figures.feedback_days)),
            },
        })
    }

    /// The ladder of a promise: step 1 at the end of the promised day, step 2 the day after (R2).
    fn promise_ladder(&self, until: Ms) -> Ladder {
        // Done by midnight is done by the end of the day before it.
        let day = until.plus(-1);
        Ladder { step1: self.zone.end_of_day(day, 1), step2: self.zone.end_of_day(day, 2) }
    }
}

/// The standings that may give a command. `Accused` and `Other` are nowhere.
const fn entitled(command: &CaseCommand) -> Standings {
    match command {
        CaseCommand::Report(_) => Standings::of(&[]),
        CaseCommand::See {} | CaseCommand::Comment { .. } => Standings::of(&[
            FirstAsked,
            Relay,
            Lead,
            Handler,
            FormerHandler,
            Desk,
            ControlRoom,
            Supervisor,
            Director,
            Told,
        ]),
        CaseCommand::Fix { .. } => Standings::of(&[FirstAsked]),
        CaseCommand::Classify { .. } | CaseCommand::Dispatch { .. } => {
            Standings::of(&[Desk, Supervisor, Director])
        }
        CaseCommand::Accept {} | CaseCommand::Decline { .. } => Standings::of(&[Handler]),
        CaseCommand::Arrive {} => Standings::of(&[Handler, FormerHandler]),
        CaseCommand::Pause { .. }
        | CaseCommand::Resume {}
        | CaseCommand::Promise { .. }
        | CaseCommand::Postpone { .. } => Standings::of(&[Handler, Desk, Supervisor, Director]),
        CaseCommand::Tell { .. } => Standings::of(&[FirstAsked, Lead, Handler, Desk, Supervisor, Director]),
        CaseCommand::Complete { .. } => Standings::of(&[Handler, FormerHandler, Desk, Supervisor, Director]),
        CaseCommand::Confirm { .. } | CaseCommand::Reopen { .. } => {
            Standings::of(&[FirstAsked, Lead, Desk, Supervisor, Director])
        }
        CaseCommand::Check {} => Standings::of(&[FirstAsked, Lead]),
        CaseCommand::Succeed { .. } => Standings::of(&[Supervisor, Director]),
        CaseCommand::Cancel { .. } => Standings::of(&[FirstAsked, Desk, Supervisor, Director]),
    }
}

/// What the stage makes of a command that its author may give.
enum Fit {
    /// It takes effect.
    Effect,
    /// It is a fact that changes nothing any more.
    Record,
    /// It makes no sense now.
    No,
}

fn fit(command: &CaseCommand, stage: StageName, who: Standings) -> Fit {
    use StageName as S;
    let office = who.office();
    let effect = match command {
        CaseCommand::Report(_) => false,
        CaseCommand::Fix { .. } => match stage {
            S::Reported | S::Dispatched => true,
            S::Accepted | S::Arrived | S::Paused | S::Completed | S::Closed | S::Cancelled => {
                return Fit::Record;
            }
        },
        CaseCommand::Classify { .. }
        | CaseCommand::Dispatch { .. }
        | CaseCommand::Promise { .. }
        | CaseCommand::Postpone { .. } => stage.open(),
        CaseCommand::Accept {} | CaseCommand::Decline { .. } => stage == S::Dispatched,
        CaseCommand::Arrive {} => {
            if !(who.has(Handler) && matches!(stage, S::Dispatched | S::Accepted)) {
                return Fit::Record;
            }
            true
        }
        CaseCommand::Pause { .. } => matches!(stage, S::Accepted | S::Arrived),
        CaseCommand::Resume {} => stage == S::Paused,
        CaseCommand::Complete { .. } => {
            if !(stage.open() && (who.has(Handler) || office)) {
                return Fit::Record;
            }
            true
        }
        CaseCommand::Comment { .. } => {
            if stage.ended() {
                return Fit::Record;
            }
            true
        }
        CaseCommand::Confirm { .. } => stage == S::Completed,
        CaseCommand::Reopen { .. } => !stage.open(),
        CaseCommand::Tell { .. } => stage != S::Cancelled,
        CaseCommand::Check {} | CaseCommand::Succeed { .. } => !stage.ended(),
        // What the desk has begun on, the reporter does not call off alone.
        CaseCommand::Cancel { .. } => stage == S::Reported || (office && stage.open()),
        CaseCommand::See {} => true,
    };
    if effect { Fit::Effect } else { Fit::No }
}

impl Case {
    /// Judges a command on this case.
    ///
    /// Answers with the events it causes, none if it changes nothing; events of [`CaseChange::Recorded`] only, if it
    /// is a fact that came too late to change the state (see [`only_recorded`](Self::only_recorded)).
    ///
    /// # Errors
    /// Every `case.*` code, in the order: may it be seen, may the actor do this, does the stage allow it, is the
    /// content right.
    pub fn decide(&self, command: &CaseCommand, context: &Context<'_>) -> Result<Vec<CaseEvent>, Rejection> {
        let who = self.standings(context.actor, context.site, context.zone, context.now.fair());
        if let CaseCommand::Report(_) = command {
            // The id is the reporter's own, so that this tells nobody of a case that they may not see.
            return Err(Code::CaseExists.into());
        }
        if !self.visible(who) {
            return Err(Code::CaseNotVisible.into());
        }
        if !who.any(entitled(command)) {
            return Err(not_allowed(command));
        }
        if self.confidential() {
            check_complaint(command, who)?;
        }
        let stage = self.stage.name();
        let changes = match fit(command, stage, who) {
            Fit::Effect => self.effect(command, who, context)?,
            Fit::Record => self.record(command)?,
            Fit::No => {
                return Err(Rejection::new(Code::CaseWrongStage)
                    .with("command", command.kind())
                    .with("stage", stage.as_str()));
            }
        };
        Ok(changes.into_iter().map(|change| context.event(change)).collect())
    }

    /// The server holds the bytes with this hash of an author's photo. `None` if that is known, or not this case's
    /// photo: neither another's of the same id, nor one of which the case names another hash.
    pub fn photo_kept(
        &self,
        author: PersonId,
        photo: AttachmentId,
        sha256: &str,
        now: Ms,
    ) -> Option<CaseEvent> {
        self.photos.iter().any(|one| one.is(author, photo, sha256) && !one.kept).then(|| CaseEvent {
            time: EventTime::exact(now),
            by: None,
            change: CaseChange::PhotoKept { photo, author, sha256: sha256.to_owned() },
        })
    }

    /// Whether events only record facts: the verdict is `recorded`, not `accepted`.
    pub fn only_recorded(events: &[CaseEvent]) -> bool {
        !events.is_empty() && events.iter().all(|event| matches!(event.change, CaseChange::Recorded { .. }))
    }

    fn effect(&self, command: &CaseCommand, who: Standings, context: &Context<'_>) -> Decision {
        match command {
            CaseCommand::Report(_) => Err(Code::CaseExists.into()),
            CaseCommand::Fix { result, photos } => {
                require("result", result)?;
                check_photos(photos, &self.photos)?;
                Ok(vec![CaseChange::Fixed { result: result.clone(), photos: photos.clone() }])
            }
            CaseCommand::Classify { category, urgency, accused } => {
                let category = context.category(category)?;
                let classified = context.classify(
                    category,
                    urgency.as_ref(),
                    *accused,
                    self.reported.fair(),
                    self.reported.start(),
                    self.customers(),
                )?;
                let recalled = category.kind == CaseKind::Complaint
                    && self.stage.handler().is_some_and(|handler| {
                        !may_handle_complaint(handler, classified.accused.as_ref(), context)
                    });
                Ok(vec![CaseChange::Classified { classified, recalled }])
            }
            CaseCommand::Dispatch { to, note } => {
                check_text("note", note)?;
                context.person(*to)?;
                if self.confidential() && !may_handle_complaint(*to, self.accused.as_ref(), context) {
                    return Err(Code::CaseComplaintHandler.into());
                }
                let accept = context.category(&self.category).map(Category::accept).unwrap_or(0);
                // What was dispatched offline is accepted from when the handler could know of it.
                Ok(vec![CaseChange::Dispatched {
                    to: *to,
                    note: note.clone(),
                    accept_by: context.now.start().plus(accept),
                }])
            }
            CaseCommand::Accept {} => Ok(vec![CaseChange::Accepted]),
            CaseCommand::Decline { reason } => {
                require("reason", reason)?;
                Ok(vec![CaseChange::Declined { reason: reason.clone() }])
            }
            CaseCommand::Arrive {} => Ok(vec![CaseChange::Arrived]),
            CaseCommand::Pause { reason, until } => self.pause(reason, *until, who, context),
            CaseCommand::Resume {} => Ok(vec![CaseChange::Resumed]),
            CaseCommand::Promise { until, reason } => self.promise(*until, reason, who, context),
            CaseCommand::Postpone { until, reason } => {
                require("reason", reason)?;
                Ok(vec![self.postpone(*until, reason, who, context)?])
            }
            CaseCommand::Tell { whom, about, means, consent, note } => {
                check_text("note", note)?;
                if *about == About::Promise && self.promise.is_none() {
                    return Err(Code::CaseNoPromise.into());
                }
                Ok(vec![CaseChange::Told {
                    whom: *whom,
                    about: *about,
                    means: *means,
                    consent: *consent,
                    note: note.clone(),
                }])
            }
            CaseCommand::Complete { result, photos } => {
                require("result", result)?;
                check_photos(photos, &self.photos)?;
                Ok(vec![CaseChange::Completed { result: result.clone(), photos: photos.clone() }])
            }
            CaseCommand::Confirm { satisfied, reason } => self.confirm(*satisfied, reason, who),
            CaseCommand::Reopen { reason } => {
                require("reason", reason)?;
                Ok(vec![CaseChange::Reopened { reason: reason.clone(), dissatisfied: false }])
            }
            CaseCommand::Check {} => {
                Ok(vec![CaseChange::Checked { check_by: context.zone.end_of_day(context.now.fair(), 2) }])
            }
            CaseCommand::Succeed { to, reason } => {
                require("reason", reason)?;
                let successor = context.person(*to)?;
                Ok(vec![CaseChange::Succeeded {
                    first_asked: context.first_asked(successor),
                    reason: reason.clone(),
                }])
            }
            CaseCommand::Comment { text, photos } => {
                check_comment(text, photos)?;
                check_photos(photos, &self.photos)?;
                Ok(vec![CaseChange::Commented { text: text.clone(), photos: photos.clone() }])
            }
            CaseCommand::Cancel { reason } => {
                require("reason", reason)?;
                Ok(vec![CaseChange::Cancelled { reason: reason.clone() }])
            }
            CaseCommand::See {} => {
                Ok(if self.seen.contains_key(&context.actor.id) { vec![] } else { vec![CaseChange::Seen] })
            }
        }
    }

    /// A late fact, with what was said and shown.
    fn record(&self, command: &CaseCommand) -> Decision {
        let (fact, text, photos) = match command {
            CaseCommand::Arrive {} => (LateFact::Arrived, String::new(), &[][..]),
            CaseCommand::Complete { result, photos } | CaseCommand::Fix { result, photos } => {
                (LateFact::Completed, result.clone(), &photos[..])
            }
            CaseCommand::Comment { text, photos } => {
                check_comment(text, photos)?;
                (LateFact::Commented, text.clone(), &photos[..])
            }
            CaseCommand::Report(_)
            | CaseCommand::Classify { .. }
            | CaseCommand::Dispatch { .. }
            | CaseCommand::Accept {}
            | CaseCommand::Decline { .. }
            | CaseCommand::Pause { .. }
            | CaseCommand::Resume {}
            | CaseCommand::Promise { .. }
            | CaseCommand::Postpone { .. }
            | CaseCommand::Tell { .. }
            | CaseCommand::Confirm { .. }
            | CaseCommand::Reopen { .. }
            | CaseCommand::Check {}
            | CaseCommand::Succeed { .. }
            | CaseCommand::Cancel { .. }
            | CaseCommand::See {} => return Ok(Vec::new()),
        };
        check_text("text", &text)?;
        check_photos(photos, &self.photos)?;
        Ok(vec![CaseChange::Recorded { fact, text, photos: photos.to_vec() }])
    }

    fn pause(&self, reason: &str, until: Ms, who: Standings, context: &Context<'_>) -> Decision {
        require("reason", reason)?;
        ahead(until, context)?;
        let paused = CaseChange::Paused { reason: reason.to_owned(), until };
        // Waiting beyond the promise is its one postponement (R7).
        match &self.promise {
            Some(promise) if until > promise.until => {
                Ok(vec![self.postpone(until, reason, who, context)?, paused])
            }
            Some(_) | None => Ok(vec![paused]),
        }
    }

    fn promise(&self, until: Ms, reason: &str, who: Standings, context: &Context<'_>) -> Decision {
        check_text("reason", reason)?;
        if self.promise.is_some() {
            return Err(Code::CasePromisedAlready.into());
        }
        ahead(until, context)?;
        self.check_promise(until, reason, who, context)?;
        Ok(vec![CaseChange::Promised {
            until,
            reason: reason.to_owned(),
            ladder: context.promise_ladder(until),
        }])
    }

    /// The one postponement of a promise (C6, R7).
    fn postpone(
        &self,
        until: Ms,
        reason: &str,
        who: Standings,
        context: &Context<'_>,
    ) -> Result<CaseChange, Rejection> {
        let Some(promise) = &self.promise else { return Err(Code::CaseNoPromise.into()) };
        if self.postponed {
            return Err(Code::CasePostponedOnce.into());
        }
        ahead(until, context)?;
        if until <= promise.until {
            return Err(Rejection::new(Code::CaseNotLater).with("until", promise.until.0));
        }
        self.check_promise(until, reason, who, context)?;
        Ok(CaseChange::Postponed { until, reason: reason.to_owned(), ladder: context.promise_ladder(until) })
    }

    fn check_promise(
        &self,
        until: Ms,
        reason: &str,
        who: Standings,
        context: &Context<'_>,
    ) -> Result<(), Rejection> {
        let beyond_day_1 = until > context.zone.end_of_day(self.reported.fair(), 1);
        if self.urgent && beyond_day_1 && !who.any(Standings::of(&[Supervisor, Director])) {
            return Err(Code::CasePromiseNeedsSupervisor.into());
        }
        let days = context.site.figures.promise_days;
        if until > context.zone.end_of_day(context.now.fair(), days) && reason.trim().is_empty() {
            return Err(Rejection::new(Code::CasePromiseNeedsReason).with("days", days));
        }
        Ok(())
    }

    fn confirm(&self, satisfied: Option<bool>, reason: &str, who: Standings) -> Decision {
        check_text("reason", reason)?;
        if self.customers() && satisfied.is_none() {
            return Err(Code::CaseCustomerAnswerMissing.into());
        }
        let stands_in = !who.any(Standings::of(&[FirstAsked, Lead])) && !self.confidential();
        if stands_in || satisfied == Some(false) {
            require("reason", reason)?;
        }
        Ok(vec![if satisfied == Some(false) {
            CaseChange::Reopened { reason: reason.to_owned(), dissatisfied: true }
        } else {
            CaseChange::Confirmed { satisfied, reason: reason.to_owned() }
        }])
    }
}

fn not_allowed(command: &CaseCommand) -> Rejection {
    Rejection::new(Code::CaseNotAllowed).with("command", command.kind())
}

/// A complaint is the office's; its first-asked person only gives it over, adds to it and hears its state (R9, E5).
fn check_complaint(command: &CaseCommand, who: Standings) -> Result<(), Rejection> {
    match command {
        CaseCommand::Fix { .. } => Err(Code::CaseComplaintNeedsDesk.into()),
        CaseCommand::Comment { .. } | CaseCommand::See {} => Ok(()),
        CaseCommand::Confirm { .. } if !who.office() => Err(Code::CaseDeskConfirms.into()),
        CaseCommand::Report(_)
        | CaseCommand::Classify { .. }
        | CaseCommand::Dispatch { .. }
        | CaseCommand::Accept {}
        | CaseCommand::Decline { .. }
        | CaseCommand::Arrive {}
        | CaseCommand::Pause { .. }
        | CaseCommand::Resume {}
        | CaseCommand::Promise { .. }
        | CaseCommand::Postpone { .. }
        | CaseCommand::Tell { .. }
        | CaseCommand::Complete { .. }
        | CaseCommand::Confirm { .. }
        | CaseCommand::Reopen { .. }
        | CaseCommand::Check {}
        | CaseCommand::Succeed { .. }
        | CaseCommand::Cancel { .. } => {
            if who.office() {
                Ok(())
            } else {
                Err(not_allowed(command))
            }
        }
    }
}

/// Complaints are handled by the office only, and not by the accused or that person's lead (R9).
fn may_handle_complaint(id: PersonId, accused: Option<&Accused>, context: &Context<'_>) -> bool {
    context.people.present(id).is_some_and(|member| {
        member.office()
            && !accused.is_some_and(|accused| {
                accused.person == id
                    || accused.subcontractor.as_ref().is_some_and(|company| member.lead_of.contains(company))
            })
    })
}

fn ahead(until: Ms, context: &Context<'_>) -> Result<(), Rejection> {
    if until <= context.now.at {
        return Err(Rejection::new(Code::CaseTimePast).with("until", until.0));
    }
    Ok(())
}

pub(crate) fn require(field: &str, text: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() {
        return Err(Rejection::new(Code::CaseFieldMissing).with("field", field));
    }
    check_text(field, text)
}

pub(crate) fn check_text(field: &str, text: &str) -> Result<(), Rejection> {
    if text.chars().count() > TEXT_MAX {
        return Err(Rejection::new(Code::CaseFieldTooLong).with("field", field).with("max", TEXT_MAX));
    }
    Ok(())
}

fn check_comment(text: &str, photos: &[PhotoRef]) -> Result<(), Rejection> {
    if photos.is_empty() { require("text", text) } else { check_text("text", text) }
}

fn check_photos(photos: &[PhotoRef], present: &[Photo]) -> Result<(), Rejection> {
    if photos.len() > PHOTOS_MAX {
        return Err(Rejection::new(Code::CaseTooManyPhotos).with("max", PHOTOS_MAX));
    }
    if present.len() + photos.len() > CASE_PHOTOS_MAX {
        return Err(Rejection::new(Code::CaseTooManyPhotos).with("max", CASE_PHOTOS_MAX));
    }
    // Under one id a case shows one photo.
    let differs = |photo: &PhotoRef| {
        present.iter().map(|shown| &shown.photo).chain(photos).any(|other| photo.contradicts(other))
    };
    match photos.iter().find(|photo| !photo.sound() || differs(photo)) {
        Some(photo) => Err(Rejection::new(Code::CaseBadPhoto).with("photo", photo.id)),
        None => Ok(()),
    }
}

impl Stage {
    /// Whether the case has come to the point where only confirming is left.
    pub fn to_confirm(&self) -> bool {
        self.name() == StageName::Completed
    }
}
