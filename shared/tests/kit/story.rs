//! What the tests of the rules share: a small property with its people ([`cast`]), and [`Story`], a case that comes
//! about by real commands only.

pub use super::cast;

use cast::{CUSTOMER_FLAT, CUSTOMER_NAME, CUSTOMER_PHONE, LOBBY, World};
use shared::{
    Code, Rejection,
    case::{
        Case, CaseChange, CaseCommand, CaseEvent, CaseView, Context, Deadline, Rule, Standing, Standings,
        command::{About, Customer, Means, PhotoRef, Report, Source, Told},
        decide_report,
    },
    ids::{AttachmentId, CaseId, CaseNumber, PersonId},
    time::{EventTime, MINUTE, Ms},
};
use uuid::Uuid;

/// The text of every report that the tests make.
pub const TEXT: &str = "Words-of-the-report";

/// A report of something found in the lobby.
pub fn found(category: &str) -> Report {
    Report {
        category: category.into(),
        place: LOBBY.into(),
        text: TEXT.to_owned(),
        since: String::new(),
        source: Source::Found,
        urgency: None,
        isolated: false,
        accused: None,
        on_behalf_of: None,
        photos: Vec::new(),
        from: None,
    }
}

/// A report of what a customer told, in the customer's flat.
pub fn customers(category: &str) -> Report {
    Report {
        place: cast::UNIT.into(),
        source: Source::Customer(Some(Customer {
            name: CUSTOMER_NAME.to_owned(),
            phone: CUSTOMER_PHONE.to_owned(),
            flat: CUSTOMER_FLAT.to_owned(),
        })),
        ..found(category)
    }
}

/// A photo whose reference is sound.
pub fn photo(n: u128) -> PhotoRef {
    PhotoRef {
        id: AttachmentId(Uuid::from_u128(n)),
        sha256: "0f".repeat(32),
        bytes: 200_000,
        width: 1_600,
        height: 1_200,
        thumb_sha256: "f0".repeat(32),
        thumb_bytes: 9_000,
    }
}

/// Dispatches to somebody.
pub fn dispatch(to: PersonId) -> CaseCommand {
    CaseCommand::Dispatch { to, note: String::new() }
}

/// Gives a time.
pub fn promise(until: Ms) -> CaseCommand {
    CaseCommand::Promise { until, reason: String::new() }
}

/// Moves the time that was given.
pub fn postpone(until: Ms) -> CaseCommand {
    CaseCommand::Postpone { until, reason: "parts".to_owned() }
}

/// Waits.
pub fn pause(until: Ms) -> CaseCommand {
    CaseCommand::Pause { reason: "parts".to_owned(), until }
}

/// Tells the customer of something.
pub fn tell(about: About) -> CaseCommand {
    CaseCommand::Tell {
        whom: Told::Customer,
        about,
        means: Means::Phone,
        consent: Some(true),
        note: String::new(),
    }
}

/// Reports the work as done.
pub fn complete() -> CaseCommand {
    CaseCommand::Complete { result: "done".to_owned(), photos: Vec::new() }
}

/// Confirms with the customer's answer.
pub fn confirm(satisfied: Option<bool>) -> CaseCommand {
    CaseCommand::Confirm { satisfied, reason: "heard by telephone".to_owned() }
}

/// Reopens.
pub fn reopen() -> CaseCommand {
    CaseCommand::Reopen { reason: "wet again".to_owned() }
}

/// Corrects the category.
pub fn classify(category: &str, accused: Option<PersonId>) -> CaseCommand {
    CaseCommand::Classify { category: category.into(), urgency: None, accused }
}

/// A case as it comes about by commands. Each is a minute after the one before, unless the test sets the clock.
#[derive(Clone, Debug)]
pub struct Story {
    /// Where it happens.
    pub world: World,
    /// The case so far.
    pub case: Case,
    /// Everything that has happened to it.
    pub events: Vec<CaseEvent>,
    /// The time of the next command.
    pub now: EventTime,
}

impl Story {
    /// Begins with a report that must be accepted.
    pub fn begin(world: &World, by: PersonId, report: Report, at: &str) -> Story {
        Story::begin_at(world, by, &report, EventTime::exact(world.at(at)))
    }

    /// Begins with a report at an event time.
    pub fn begin_at(world: &World, by: PersonId, report: &Report, now: EventTime) -> Story {
        let number = CaseNumber::new(world.zone.day(now.received), 1);
        let context = Context {
            actor: world.member(by),
            site: &world.site,
            zone: &world.zone,
            places: &world.places,
            people: &world.people,
            now,
            number: Some(&number),
        };
        let events = decide_report(report, &context).unwrap_or_else(|refusal| panic!("report: {refusal:?}"));
        let [event] = events.as_slice() else { panic!("a report is one event, not {events:?}") };
        let id = CaseId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_cafe));
        let case = Case::begin(id, event).unwrap_or_else(|| panic!("{event:?} makes no case"));
        Story { world: world.clone(), case, events, now: EventTime::exact(now.received) }.later(MINUTE)
    }

    /// Sets the clock to a wall time of the site.
    pub fn on(mut self, wall: &str) -> Story {
        self.now = EventTime::exact(self.world.at(wall));
        self
    }

    /// Moves the clock on.
    pub fn later(mut self, millis: i64) -> Story {
        self.now = EventTime::exact(self.now.received.plus(millis));
        self
    }

    /// What the rules say to a command now.
    pub fn judge(&self, by: PersonId, command: &CaseCommand) -> Result<Vec<CaseEvent>, Rejection> {
        let world = &self.world;
        let context = Context {
            actor: world.member(by),
            site: &world.site,
            zone: &world.zone,
            places: &world.places,
            people: &world.people,
            now: self.now,
            number: None,
        };
        self.case.decide(command, &context)
    }

    /// The code with which the rules refuse a command now.
    pub fn refusal(&self, by: PersonId, command: &CaseCommand) -> Code {
        match self.judge(by, command) {
            Ok(events) => panic!("{} is not refused: {events:?}", command.kind()),
            Err(refusal) => refusal.code,
        }
    }

    /// Goes on with a command that must not be refused.
    pub fn then(mut self, by: PersonId, command: CaseCommand) -> Story {
        let events = self.judge(by, &command).unwrap_or_else(|refusal| {
            panic!("{} by {}: {refusal:?}", command.kind(), self.world.member(by).code)
        });
        self.apply(events);
        self.later(MINUTE)
    }

    /// Folds events into the case.
    pub fn apply(&mut self, events: Vec<CaseEvent>) {
        for event in events {
            self.case = self.case.clone().evolve(&event);
            self.events.push(event);
        }
    }

    /// Goes on to where the technician has arrived.
    pub fn worked_on(self) -> Story {
        self.then(cast::DESK, dispatch(cast::TECHNICIAN))
            .then(cast::TECHNICIAN, CaseCommand::Accept {})
            .then(cast::TECHNICIAN, CaseCommand::Arrive {})
    }

    /// What a person is to the case now.
    pub fn standings(&self, who: PersonId) -> Standings {
        let world = &self.world;
        self.case.standings(world.member(who), &world.site, &world.zone, self.now.at)
    }

    /// What a person may see of the case now.
    pub fn view(&self, who: PersonId) -> Option<CaseView> {
        self.case.view(self.standings(who))
    }

    /// The case, as a person sees it whole.
    pub fn full(&self, who: PersonId) -> Case {
        match self.view(who) {
            Some(CaseView::Full(case)) => *case,
            other => panic!("{} sees {other:?}", self.world.member(who).code),
        }
    }

    /// When a rule's deadline falls due; `None` if it does not stand.
    pub fn due(&self, rule: Rule) -> Option<Ms> {
        let found: Vec<Deadline> =
            self.case.deadlines().into_iter().filter(|deadline| deadline.rule == rule).collect();
        assert!(found.len() <= 1, "{rule:?} stands more than once: {found:?}");
        found.first().map(|deadline| deadline.at)
    }

    /// The same as a wall clock of the site, `2026-11-23 00:00`.
    pub fn due_wall(&self, rule: Rule) -> Option<String> {
        self.due(rule).map(|at| self.world.zone.wall(at).strftime("%Y-%m-%d %H:%M").to_string())
    }

    /// The changes so far, oldest first.
    pub fn changes(&self) -> impl Iterator<Item = &CaseChange> {
        self.events.iter().map(|event| &event.change)
    }
}

/// The standings of a set, for comparing and for messages.
pub fn names(who: Standings) -> Vec<Standing> {
    Standing::ALL.into_iter().filter(|standing| who.has(*standing)).collect()
}

/// The name of a change, as it is written.
pub fn name(change: &CaseChange) -> String {
    match serde_json::to_value(change) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(tagged)) => tagged.keys().cloned().collect(),
        other => panic!("{change:?} is written as {other:?}"),
    }
}
