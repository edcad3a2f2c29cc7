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
                (&[Tell, Comment], &[Dispatch, Comment])
            }
        }
        StageName::Closed | StageName::Cancelled => (&[Comment], &[Reopen]),
    }
}
