//! What somebody is about to do to a case, and doing it: the one way from a button to the rules.

use leptos::{prelude::*, reactive::owner::Owner};
use shared::{
    Rejection,
    case::CaseCommand,
    ids::{CaseId, CommandId},
};

use super::offer::Action;
use crate::{
    components::toast,
    i18n::*,
    reactive::RwSignal,
    state::{Link, State},
    words,
};

/// What the sheet shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// The list of the other actions.
    More,
    /// The form of one.
    Do(Action),
}

/// A question that the sheet puts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Of which case.
    pub case: CaseId,
    /// What.
    pub what: What,
    /// The refused command that this one takes the place of.
    pub mends: Option<CommandId>,
}

/// The question that is open on this page; from the context below a page that has an `ActionSheet`.
#[derive(Clone, Copy)]
pub struct Asking {
    /// What is asked.
    pub asked: RwSignal<Option<Asked>>,
    /// It is being saved.
    pub busy: RwSignal<bool>,
    /// Why it could not be done.
    pub error: RwSignal<Option<String>>,
}

impl Asking {
    /// Nothing asked, for what lies below.
    pub fn provide() -> Self {
        let asking =
            Asking { asked: RwSignal::new(None), busy: RwSignal::new(false), error: RwSignal::new(None) };
        provide_context(asking);
        asking
    }

    /// Opens the list of the other actions.
    pub fn more(self, case: CaseId) {
        self.open(Asked { case, what: What::More, mends: None });
    }

    /// Does what needs nothing said, and asks for the rest.
    pub fn begin(self, case: CaseId, action: Action) {
        match action.at_once() {
            Some(command) => self.send(case, vec![command], None),
            None => self.open(Asked { case, what: What::Do(action), mends: None }),
        }
    }

    /// Asks again what was refused; what is done then takes its place.
    pub fn mend(self, case: CaseId, action: Action, command: CommandId) {
        self.open(Asked { case, what: What::Do(action), mends: Some(command) });
    }

    /// Asks nothing any more.
    pub fn close(self) {
        self.asked.set(None);
        self.error.set(None);
    }

    /// Says in the sheet why something could not be done: what passes by lies under it.
    pub fn refused(self, rejection: &Rejection) {
        let property = expect_context::<State>().property.get_untracked();
        let locale = use_i18n().get_locale_untracked();
        // The sheet may have been closed meanwhile.
        let _ = self.error.try_set(Some(words::sentence(locale, rejection, property.as_deref())));
    }

    fn open(self, asked: Asked) {
        self.error.set(None);
        self.asked.set(Some(asked));
    }

    /// Does it. The sheet closes once it is saved on this device; what is said against it stands in the sheet, or
    /// passes by where none is open.
    pub fn send(self, case: CaseId, commands: Vec<CaseCommand>, draft: Option<String>) {
        if self.busy.get_untracked() {
            // A second tap on a slow phone.
            return;
        }
        let state = expect_context::<State>();
        let i18n = use_i18n();
        // The words come after a wait, when nothing is owned any more.
        let owner = Owner::current().unwrap_or_default();
        let asked = self.asked.get_untracked();
        self.busy.set(true);
        self.error.set(None);
        leptos::task::spawn_local(async move {
            let done = perform(state, case, &commands, draft.as_deref(), asked).await;
            // The page may have been left meanwhile: the toast still comes.
            let _ = self.busy.try_set(false);
            match done {
                Ok(()) => {
                    let _ = self.asked.try_set(None);
                    let going = state.link.with_untracked(|link| *link == Link::Online);
                    owner.with(|| {
                        let said = if going {
                            t_string!(i18n, case.saved_going)
                        } else {
                            t_string!(i18n, case.saved_here)
                        };
                        toast(Ok(said.to_owned()));
                    });
                }
                Err(rejection) if asked.is_some() => owner.with(|| self.refused(&rejection)),
                Err(rejection) => owner.with(|| toast(Err(rejection))),
            }
        });
    }
}

async fn perform(
    state: State,
    case: CaseId,
    commands: &[CaseCommand],
    draft: Option<&str>,
    asked: Option<Asked>,
) -> Result<(), Rejection> {
    // Those after the first are judged here, on the same view: they do not build on one another.
    if let Some(property) = state.property.get_untracked() {
        let view = state.cases.with_untracked(|cases| cases.get(&case).cloned());
        let judge = property.judge(state.offset());
        for command in commands.iter().skip(1) {
            judge.check(view.as_deref(), command, state.now_ms())?;
        }
    }
    let settles: Vec<_> = asked.and_then(|asked| asked.mends).into_iter().collect();
    state.act(case, commands, draft, &settles).await
}
