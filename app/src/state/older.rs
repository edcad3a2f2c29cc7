//! Looking up at the server what this device does not hold: cases that ended long ago.
//!
//! What is found is shown until the app is closed, and is nowhere stored: it may change without this device being told.

use ::device::{Request, platform::Platform, problem};
use shared::{Code, Rejection, time::Ms, wire::CasesFound};

use super::State;

/// How far a look-up has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookedUp {
    /// Where to go on, and how far back that is; `None` if everything was looked through.
    pub next: Option<(String, Ms)>,
}

impl State {
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
        let part = |text: &str| String::from(js_sys::encode_uri_component(text));
        let after = after.map(|after| format!("&after={}", part(&after))).unwrap_or_default();
        let url =
            format!("/api/cases?site={}&person={person}&q={}{after}", part(site.as_str()), part(&typed));
        let response = self.browser().send(Request::get(url)).await?;
        if response.status != 200 {
            return Err(problem(&response));
        }
        let CasesFound { cases, next, back_to, .. } = response.json()?;
        // On a shared phone somebody else may have signed in meanwhile, who may not see this (R9).
        if !self.is_open(&local) {
            return Err(Code::AuthRequired.into());
        }
        {
            let inner = self.inner();
            let mut inner = inner.borrow_mut();
            for view in cases {
                let held = inner.base.get(&(site.clone(), view.id()));
                if held.is_none_or(|held| held.version() < view.version()) {
                    inner.base.insert((site.clone(), view.id()), view);
                }
            }
        }
        self.show_cases(None);
        Ok(LookedUp { next: next.zip(back_to) })
    }
}
