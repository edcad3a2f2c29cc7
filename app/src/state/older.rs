//! Looking up at the server what this device does not hold: cases that ended long ago.
//!
//! What is found is shown until the app is closed, and is nowhere stored: it may change without this device being told.

use ::device::{Request, platform::Platform, problem};
use shared::{Rejection, time::Ms, wire::CasesFound};

use super::State;

/// How far a look-up has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookedUp {
    /// Where to go on, and how far back that is; `None` if everything was looked through.
    pub next: Option<(String, Ms)>,
    /// How many cases fit.
    pub found: usize,
}

impl State {
    /// Looks for cases by words at the server, from the latest or from where it stopped, and shows them with the others.
    ///
    /// # Errors
    /// Of the network and of the server's answer.
    pub async fn look_up(self, typed: String, after: Option<String>) -> Result<LookedUp, Rejection> {
        let Some(site) = self.site.get_untracked() else { return Ok(LookedUp { next: None, found: 0 }) };
        let part = |text: &str| String::from(js_sys::encode_uri_component(text));
        let after = after.map(|after| format!("&after={}", part(&after))).unwrap_or_default();
        let url = format!("/api/cases?site={}&q={}{after}", part(site.as_str()), part(&typed));
        let response = self.browser().send(Request::get(url)).await?;
        if response.status != 200 {
            return Err(problem(&response));
        }
        let CasesFound { cases, next, back_to, .. } = response.json()?;
        let found = cases.len();
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
        Ok(LookedUp { next: next.zip(back_to), found })
    }
}
