//! Which actions a person is offered on a case, and which of them is the next one.

use shared::{
    case::{
        Case, CaseChange, CaseCommand, StageName, Standing, Standings,
        command::{About, Means, Told},
    },
    ids::PersonId,
    time::{Ms, Zone},
};

use crate::ui::Glyph;

/// What may be done to a case after its report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The handler takes it on.
    Accept,
    /// The handler cannot.
    Decline,
    /// The handler is on site.
    Arrive,
    /// The work is done.
    Complete,
    /// Goes on.
    Resume,
    /// Waiting for something.
    Pause,
    /// Given to a handler.
    Dispatch,
    /// Solved.
    Confirm,
    /// Not solved.
    Reopen,
    /// Looked at today.
    Check,
    /// Solved on the spot.
    Fix,
    /// A time is given.
    Promise,
    /// The time is moved, once.
    Postpone,
    /// Somebody was told.
    Tell,
    /// A word or photos.
    Comment,
    /// Another category or urgency.
    Classify,
    /// Another first-asked person.
    Succeed,
    /// No problem after all.
    Cancel,
}

impl Action {
    /// Every action, in the order in which a list shows them.
    pub const ALL: [Action; 18] = [
        Action::Accept,
        Action::Decline,
        Action::Arrive,
        Action::Complete,
        Action::Resume,
        Action::Pause,
        Action::Dispatch,
        Action::Confirm,
        Action::Reopen,
        Action::Check,
        Action::Fix,
        Action::Promise,
        Action::Postpone,
        Action::Tell,
        Action::Comment,
        Action::Classify,
        Action::Succeed,
        Action::Cancel,
    ];

    /// The kind of its command, the key of its name.
    pub const fn kind(self) -> &'static str {
        match self {
            Action::Accept => "case.accept",
            Action::Decline => "case.decline",
            Action::Arrive => "case.arrive",
            Action::Complete => "case.complete",
            Action::Resume => "case.resume",
            Action::Pause => "case.pause",
            Action::Dispatch => "case.dispatch",
            Action::Confirm => "case.confirm",
            Action::Reopen => "case.reopen",
            Action::Check => "case.check",
            Action::Fix => "case.fix",
            Action::Promise => "case.promise",
            Action::Postpone => "case.postpone",
            Action::Tell => "case.tell",
            Action::Comment => "case.comment",
            Action::Classify => "case.classify",
            Action::Succeed => "case.succeed",
            Action::Cancel => "case.cancel",
        }
    }

    /// The action of a kind of command; `None` for the report and for what nobody chooses.
    pub fn of_kind(kind: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.kind() == kind)
    }

    /// Needs nothing said: done with one tap.
    pub const fn at_once(self) -> Option<CaseCommand> {
        match self {
            Action::Accept => Some(CaseCommand::Accept {}),
            Action::Arrive => Some(CaseCommand::Arrive {}),
            Action::Resume => Some(CaseCommand::Resume {}),
            Action::Check => Some(CaseCommand::Check {}),
            _ => None,
        }
    }

    /// A command of this kind to ask the rules by; what is said in it does not matter yet.
    pub fn sample(self, case: &Case, me: PersonId) -> CaseCommand {
        let none = String::new;
        match self {
            Action::Accept => CaseCommand::Accept {},
            Action::Decline => CaseCommand::Decline { reason: none() },
            Action::Arrive => CaseCommand::Arrive {},
            Action::Complete => CaseCommand::Complete { result: none(), photos: Vec::new() },
            Action::Resume => CaseCommand::Resume {},
            Action::Pause => CaseCommand::Pause { reason: none(), until: Ms(0) },
            Action::Dispatch => CaseCommand::Dispatch { to: me, note: none() },
            Action::Confirm => CaseCommand::Confirm { satisfied: None, reason: none() },
            Action::Reopen => CaseCommand::Reopen { reason: none() },
            Action::Check => CaseCommand::Check {},
            Action::Fix => CaseCommand::Fix { result: none(), photos: Vec::new() },
            Action::Promise => CaseCommand::Promise { until: Ms(0), reason: none() },
            Action::Postpone => CaseCommand::Postpone { until: Ms(0), reason: none() },
            Action::Tell => CaseCommand::Tell {
                whom: Told::Customer,
                about: About::Delay,
                means: Means::Phone,
                consent: None,
                note: none(),
            },
            Action::Comment => CaseCommand::Comment { text: none(), photos: Vec::new() },
            Action::Classify => {
                CaseCommand::Classify { category: case.category.clone(), urgency: None, accused: None }
            }
            Action::Succeed => CaseCommand::Succeed { to: me, reason: none() },
            Action::Cancel => CaseCommand::Cancel { reason: none() },
        }
    }

    /// Its picture in a list.
    pub const fn glyph(self) -> Glyph {
        match self {
            Action::Accept | Action::Complete | Action::Confirm | Action::Check | Action::Fix => Glyph::Check,
            Action::Decline | Action::Cancel => Glyph::X,
            Action::Arrive => Glyph::Pin,
            Action::Resume => Glyph::Play,
            Action::Pause => Glyph::Pause,
            Action::Dispatch => Glyph::User,
            Action::Reopen => Glyph::Refresh,
            Action::Promise | Action::Postpone => Glyph::Clock,
            Action::Tell => Glyph::Phone,
            Action::Comment => Glyph::Cam,
            Action::Classify => Glyph::List,
            Action::Succeed => Glyph::Users,
        }
    }
}

/// What a person is offered: the next action, its counterpart, and the rest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Offer {
    /// The one that stands out.
    pub main: Option<Action>,
    /// Beside it.
    pub second: Option<Action>,
    /// Under "more".
    pub more: Vec<Action>,
}

impl Offer {
    /// Whether an action is among them.
    pub fn has(&self, action: Action) -> bool {
        self.main == Some(action) || self.second == Some(action) || self.more.contains(&action)
    }
}

/// The offer to a person of these standings; `may` asks the rules.
pub fn offer(
    case: &Case,
    who: Standings,
    me: PersonId,
    zone: &Zone,
    now: Ms,
    may: impl Fn(&CaseCommand) -> bool,
) -> Offer {
    let fits: Vec<Action> = Action::ALL
        .into_iter()
        .filter(|action| sensible(*action, case, who, me, zone, now) && may(&action.sample(case, me)))
        .collect();
    let (main, second) = foremost(case.stage.name(), who);
    let pick = |wanted: &[Action]| wanted.iter().copied().find(|action| fits.contains(action));
    let main = pick(main);
    let second = second.iter().copied().find(|action| fits.contains(action) && Some(*action) != main);
    let more =
        fits.iter().copied().filter(|action| Some(*action) != main && Some(*action) != second).collect();
    Offer { main, second, more }
}

/// Whether an action that the rules allow also makes sense to offer: facts are recorded however late, but nobody is
/// asked for them twice.
fn sensible(action: Action, case: &Case, who: Standings, me: PersonId, zone: &Zone, now: Ms) -> bool {
    let stage = case.stage.name();
    match action {
        Action::Arrive => {
            who.has(Standing::Handler) && matches!(stage, StageName::Dispatched | StageName::Accepted)
        }
        Action::Complete => stage.open() && (who.has(Standing::Handler) || who.office()),
        Action::Fix => !case.confidential() && matches!(stage, StageName::Reported | StageName::Dispatched),
        Action::Promise => case.promise.is_none(),
        Action::Postpone => case.promise.is_some() && !case.postponed,
        Action::Tell => !tellable(case, me).is_empty(),
        Action::Check => !case.trail.iter().any(|event| {
            matches!(event.change, CaseChange::Checked { .. }) && zone.day(event.time.at) == zone.day(now)
        }),
        _ => true,
    }
}

/// Whom this person can tell of it: nobody tells themselves.
pub fn tellable(case: &Case, me: PersonId) -> Vec<Told> {
    let mut whom = Vec::new();
    if case.customers() {
        whom.push(Told::Customer);
    }
    if case.first_asked.person != me && !case.confidential() {
        whom.push(Told::FirstAsked);
    }
    whom
}

/// The next action and its counterpart, the first that is allowed of each list.
const fn foremost(stage: StageName, who: Standings) -> (&'static [Action], &'static [Action]) {
    use Action::*;
    let tracks = who.any(Standings::of(&[Standing::FirstAsked, Standing::Lead]));
    if who.has(Standing::Handler) {
        match stage {
            StageName::Dispatched => return (&[Accept], &[Decline]),
            StageName::Accepted => return (&[Arrive], &[Pause]),
            StageName::Arrived => return (&[Complete], &[Pause]),
            StageName::Paused => return (&[Resume], &[Comment]),
            StageName::Reported | StageName::Completed | StageName::Closed | StageName::Cancelled => {}
        }
    }
    match stage {
        StageName::Reported => {
            if who.office() {
                (&[Dispatch], &[Comment])
            } else {
                (&[Check, Comment], &[Comment])
            }
        }
        StageName::Completed => {
            if tracks {
                (&[Confirm, Comment], &[Reopen])
            } else {
                (&[Confirm, Comment], &[Tell, Reopen])
            }
        }
        StageName::Dispatched | StageName::Accepted | StageName::Arrived | StageName::Paused => {
            if tracks {
                (&[Check, Comment], &[Comment])
            } else {
                // What has no promise gets one (C4); what has one is told (C5).
                (&[Promise, Tell, Comment], &[Dispatch, Comment])
            }
        }
        StageName::Closed | StageName::Cancelled => (&[Comment], &[Reopen]),
    }
}

#[cfg(test)]
mod tests {
    use shared::{Code, time::MINUTE};

    use super::*;
    use crate::components::office_kit::{
        DESK, GUARD, LEAD, MORNING, SECOND, TECHNICIAN, at_server, customers, dispatched, person, property,
        report, then,
    };

    /// The offer as the app makes it: by the rules, on the view of that person.
    fn offer_to(who: u128, case: &Case) -> Offer {
        let property = property(who);
        let standings = property.standings(case, MORNING);
        let view = case.view(standings).unwrap();
        let judge = property.judge(0);
        let seen = view.full().unwrap();
        offer(seen, standings, person(who), &property.zone, MORNING, |command| {
            match judge.check(Some(&view), command, MORNING) {
                Ok(()) => true,
                Err(rejection) => !matches!(
                    rejection.code,
                    Code::CaseNotVisible | Code::CaseNotAllowed | Code::CaseWrongStage | Code::CaseExists
                ),
            }
        })
    }

    fn first_two(offer: &Offer) -> (Option<Action>, Option<Action>) {
        (offer.main, offer.second)
    }

    #[test]
    fn each_stage_has_the_handlers_next_step_in_front() {
        let after = |case: &Case, command: CaseCommand| then(case, TECHNICIAN, &command, MORNING);
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING);
        assert_eq!(first_two(&offer_to(TECHNICIAN, &case)), (Some(Action::Accept), Some(Action::Decline)));
        let case = after(&case, CaseCommand::Accept {});
        assert_eq!(first_two(&offer_to(TECHNICIAN, &case)), (Some(Action::Arrive), Some(Action::Pause)));
        let case = after(&case, CaseCommand::Arrive {});
        assert_eq!(first_two(&offer_to(TECHNICIAN, &case)), (Some(Action::Complete), Some(Action::Pause)));
        let pause = CaseCommand::Pause { reason: "等配件".to_owned(), until: MORNING.plus(MINUTE) };
        let case = after(&case, pause);
        assert_eq!(first_two(&offer_to(TECHNICIAN, &case)), (Some(Action::Resume), Some(Action::Comment)));
    }

    #[test]
    fn the_desk_takes_on_what_waits_and_the_reporter_looks_after_it() {
        let case = at_server(10, &report("leak", 0), MORNING, 0);
        assert_eq!(offer_to(DESK, &case).main, Some(Action::Dispatch));
        assert_eq!(first_two(&offer_to(GUARD, &case)), (Some(Action::Check), Some(Action::Comment)));
        assert!(!offer_to(GUARD, &case).has(Action::Dispatch));
        assert!(offer_to(GUARD, &case).has(Action::Fix));
    }

    #[test]
    fn b2_who_has_looked_today_is_not_asked_again() {
        let case = at_server(10, &report("leak", 0), MORNING, 0);
        let case = then(&case, GUARD, &CaseCommand::Check {}, MORNING);
        let offer = offer_to(GUARD, &case);
        assert_eq!(offer.main, Some(Action::Comment));
        assert!(!offer.has(Action::Check));
    }

    #[test]
    fn r6_the_first_asked_person_or_the_lead_confirms_what_is_done() {
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING);
        let complete = CaseCommand::Complete { result: "换了接头".to_owned(), photos: Vec::new() };
        let case = then(&case, TECHNICIAN, &complete, MORNING);
        for who in [GUARD, LEAD] {
            assert_eq!(first_two(&offer_to(who, &case)), (Some(Action::Confirm), Some(Action::Reopen)));
        }
        // Who did the work tells the first-asked person (B7), and does not confirm it.
        assert_eq!(first_two(&offer_to(TECHNICIAN, &case)), (Some(Action::Comment), Some(Action::Tell)));
    }

    #[test]
    fn c6_a_promise_is_given_once_and_moved_once() {
        let case = at_server(10, &report("leak", 0), MORNING, 0);
        let offers = |case: &Case| {
            let offer = offer_to(DESK, case);
            (offer.has(Action::Promise), offer.has(Action::Postpone))
        };
        assert_eq!(offers(&case), (true, false));
        let promise = CaseCommand::Promise { until: MORNING.plus(MINUTE), reason: String::new() };
        let case = then(&case, DESK, &promise, MORNING);
        assert_eq!(offers(&case), (false, true));
        let postpone =
            CaseCommand::Postpone { until: MORNING.plus(2 * MINUTE), reason: "等配件".to_owned() };
        let case = then(&case, DESK, &postpone, MORNING);
        assert_eq!(offers(&case), (false, false));
    }

    #[test]
    fn c4_the_desk_promises_a_time_and_then_tells_of_it() {
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING);
        assert_eq!(first_two(&offer_to(DESK, &case)), (Some(Action::Promise), Some(Action::Dispatch)));
        let promise = CaseCommand::Promise { until: MORNING.plus(MINUTE), reason: String::new() };
        let case = then(&case, DESK, &promise, MORNING);
        assert_eq!(offer_to(DESK, &case).main, Some(Action::Tell));
    }

    #[test]
    fn a_former_handler_is_not_asked_for_facts_that_change_nothing() {
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING);
        let case =
            then(&case, DESK, &CaseCommand::Dispatch { to: person(SECOND), note: String::new() }, MORNING);
        let offer = offer_to(TECHNICIAN, &case);
        assert!(!offer.has(Action::Arrive) && !offer.has(Action::Complete) && offer.has(Action::Comment));
    }

    #[test]
    fn nobody_tells_themselves() {
        let found = at_server(10, &report("leak", 0), MORNING, 0);
        assert_eq!(tellable(&found, person(GUARD)), []);
        assert_eq!(tellable(&found, person(DESK)), [Told::FirstAsked]);
        let told = at_server(10, &customers("leak"), MORNING, 0);
        assert_eq!(tellable(&told, person(GUARD)), [Told::Customer]);
    }

    #[test]
    fn an_action_is_found_by_the_kind_of_its_command() {
        let case = at_server(10, &report("leak", 0), MORNING, 0);
        for action in Action::ALL {
            assert_eq!(action.sample(&case, person(DESK)).kind(), action.kind());
            assert_eq!(Action::of_kind(action.kind()), Some(action));
        }
        assert_eq!(Action::of_kind("case.see"), None);
    }
}
