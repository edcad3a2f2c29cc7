//! Looking up at the server what this device does not hold: cases that ended long ago.
//!
//! What is found is shown until the app is closed, and is nowhere stored: it may change without this device being told.

use ::device::{Request, platform::Platform, problem};
use shared::{Code, Rejection, ids::CaseId, time::Ms, wire::CasesFound};

use super::State;
use crate::address;

/// How far a look-up has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookedUp {
    /// How many cases have come that were not shown before.
    pub found: usize,
    /// Where to go on, and how far back that is; `None` if everything was looked through.
    pub next: Option<(String, Ms)>,
}

/// How often the look-up for one case goes on before it is given up: each goes through some thousands.
const LOOKS_MAX: usize = 10;

impl State {
    /// Looks for one case at the server, and shows it if it is there. It is found by the code that follows from its id.
    ///
    /// # Errors
    /// As [`look_up`](Self::look_up).
    pub async fn look_for(self, case: CaseId) -> Result<(), Rejection> {
        let mut after = None;
        for _ in 0..LOOKS_MAX {
            let LookedUp { next, .. } = self.look_up(case.offline_code(), after).await?;
            let there = self.cases.with_untracked(|cases| cases.contains_key(&case));
            let Some((next, _)) = next.filter(|_| !there) else { break };
            after = Some(next);
        }
        Ok(())
    }

    /// Looks for cases by words at the server, from the latest or from where it stopped, and shows them with the others.
    ///
    /// # Errors
    /// Of the network and of the server's answer; `auth.required` if somebody else is signed in when it comes.
    pub async fn look_up(self, typed: String, after: Option<String>) -> Result<LookedUp, Rejection> {
        let local = self.local()?;
        let person = self.session.with_untracked(|session| session.as_ref().map(|session| session.person));
        let (Some(site), Some(person)) = (self.site.get_untracked(), person) else {
            return Err(Code::AuthRequired.into());
        };
        let person = person.to_string();
        let mut asked = vec![("site", site.as_str()), ("person", person.as_str()), ("q", typed.as_str())];
        asked.extend(after.as_deref().map(|after| ("after", after)));
        let url = address::with("/api/cases", &asked);
        let response = self.browser().send(Request::get(url)).await?;
        if response.status != 200 {
            return Err(problem(&response));
        }
        let CasesFound { cases, next, back_to, .. } = response.json()?;
        // On a shared phone somebody else may have signed in meanwhile, who may not see this (R9).
        if !self.is_open(&local) {
            return Err(Code::AuthRequired.into());
        }
        let mut found = 0;
        {
            let inner = self.inner();
            let mut inner = inner.borrow_mut();
            for view in cases {
                let held = inner.base.get(&(site.clone(), view.id()));
                found += usize::from(held.is_none());
                if held.is_none_or(|held| held.version() < view.version()) {
                    inner.base.insert((site.clone(), view.id()), view);
                }
            }
        }
        self.show_cases(None);
        Ok(LookedUp { found, next: next.zip(back_to) })
    }
}
