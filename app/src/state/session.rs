//! Starting, signing in and out.
//!
//! Who was last signed in is known without a network, and so is their database: the app opens on their home page
//! before anything is asked of the server. A session that has ended blocks sending, never recording.

use ::device::{
    Nudge, Request, Response,
    accounts::{self, Accounts, answer},
    platform::Platform,
    problem,
};
use futures::channel::mpsc;
use shared::{
    Rejection,
    ids::PersonId,
    session::{NewPassword, SessionEntry},
};

use super::{Link, Local, Phase, State, Told};
use crate::{
    platform::{clock, device, events, tabs::Channel},
    sync::{self, Wake},
};

impl State {
    /// Opens what is on the device, starts to sync, and loads the rest of the app.
    pub async fn start(self) {
        self.listen();
        let opened = match Accounts::read(&self.browser()).await {
            Ok(Accounts { current: Some(person), .. }) => self.open(person).await,
            Ok(Accounts { current: None, .. }) => {
                self.phase.set(Phase::SignedOut);
                Ok(())
            }
            Err(error) => Err(error.into()),
        };
        if let Err(rejection) = opened {
            self.phase.set(Phase::Broken(rejection));
        }
        self.part.load(self).await;
    }

    /// Opens a person's database, shows it, and starts to sync it.
    async fn open(self, person: PersonId) -> Result<(), Rejection> {
        let local = Local::open(&self.browser(), &Local::name_of(person)).await?;
        let stock = local.stock().await?;
        if stock.session.is_none() {
            self.phase.set(Phase::SignedOut);
            return Ok(());
        }
        let (wake, woken) = mpsc::unbounded();
        let channel = Channel::open(local.name(), move |told: Told| {
            leptos::task::spawn_local(async move { self.heard_from_tab(told).await });
        });
        {
            let inner = self.inner();
            let mut inner = inner.borrow_mut();
            inner.local = Some(local.clone());
            inner.wake = Some(wake);
            // Without the channel other tabs see changes when they look again, no more.
            inner.channel = channel.ok();
        }
        self.load(stock);
        self.ask_other_tabs();
        self.phase.set(Phase::Ready);
        leptos::task::spawn_local(sync::run(self, local, woken));
        self.measure_room();
        // Asked for once somebody works here: browsers grant it to apps in use.
        leptos::task::spawn_local(async {
            let _ = device::persist().await;
        });
        Ok(())
    }

    async fn heard_from_tab(self, told: Told) {
        match told {
            Told::Changed { docs } => {
                // What cannot be read now is read at the next change.
                let _ = self.refresh(&docs).await;
            }
            Told::Session => device::begin_anew(),
            Told::Left { count } => self.left_by_others.set(count),
            Told::Link(link) => self.link.set(link),
            Told::Expired(expired) => self.expired.set(expired),
            Told::Asks => {
                if self.inner().borrow().syncs {
                    self.tell(&Told::Link(self.link.get_untracked()));
                    self.tell(&Told::Expired(self.expired.get_untracked()));
                }
            }
            Told::Nudge { asked } => {
                let nudge = if asked { Nudge::Asked } else { Nudge::Told };
                if let Some(wake) = &self.inner().borrow().wake {
                    let _ = wake.unbounded_send(Wake::Nudge(nudge));
                }
            }
        }
    }

    fn listen(self) {
        let tick = move || {
            if events::is_visible() {
                self.now.set(self.now_ms());
            }
        };
        if !events::is_online() {
            self.link.set(Link::Offline);
        }
        let mut guards = Vec::new();
        guards.extend(
            events::on_connection(move |online| {
                // Being told of no network is believed; being told of one is tried.
                if online {
                    self.nudge(Nudge::Online);
                    self.ask_other_tabs();
                } else {
                    self.link.set(Link::Offline);
                }
            })
            .into_iter()
            .flatten(),
        );
        guards.extend(events::on_visibility(move |visible| {
            if visible {
                self.now.set(self.now_ms());
                self.nudge(Nudge::Visible);
                self.measure_room();
            } else {
                self.send_in_background();
            }
        }));
        let inner = self.inner();
        let mut inner = inner.borrow_mut();
        inner.guards = guards;
        inner.ticker = Some(events::every(1_000, tick));
    }

    /// Signs in and registers this device's key. The one thing that needs a network.
    ///
    /// # Errors
    /// The server's `auth.*`, or `device.offline`.
    pub async fn sign_in(self, name: String, password: String) -> Result<(), Rejection> {
        let session = accounts::sign_in(&self.browser(), &name, &password).await?;
        self.expired.set(false);
        let shown = self.session.with_untracked(|old| old.as_ref().map(|old| old.person));
        if shown == Some(session.person) {
            self.session.set(Some(session));
            self.nudge(Nudge::SignedIn);
            Ok(())
        } else if shown.is_none() {
            self.open(session.person).await
        } else {
            // Nothing of the one before may stay on screen, here or in another tab: all of them begin anew.
            self.tell(&Told::Session);
            device::begin_anew();
            Ok(())
        }
    }

    /// Signs out on this device. What is unsent stays here, and goes out when the same person or a colleague is signed in
    /// here with a network.
    ///
    /// # Errors
    /// Of storage. Without a network the server's session ends by itself, later.
    pub async fn sign_out(self) -> Result<(), Rejection> {
        accounts::sign_out(&self.browser(), &self.local()?).await?;
        self.tell(&Told::Session);
        self.close();
        self.session.set(None);
        self.phase.set(Phase::SignedOut);
        Ok(())
    }

    /// Lets go of the database that is shown; its sync ends with the nudges' channel.
    fn close(&self) {
        {
            let inner = self.inner();
            let mut inner = inner.borrow_mut();
            inner.local = None;
            inner.wake = None;
            inner.syncs = false;
            inner.channel = None;
        }
        self.link.set(Link::Unknown);
        self.expired.set(false);
        self.busy.set(false);
        self.led.set(false);
        self.outbox.set(Vec::new());
        self.uploads.set(Vec::new());
        self.left_by_others.set(0);
        self.property.set(None);
        self.show_site(None);
    }

    /// Changes the password.
    ///
    /// # Errors
    /// The server's `auth.*`, or `device.offline`.
    pub async fn change_password(&self, old: String, new: String) -> Result<(), Rejection> {
        let body = serde_json::to_string(&NewPassword { old, new }).unwrap_or_default();
        let request =
            Request::new("PUT", "/api/session/password").bytes("application/json", body.into_bytes());
        self.done(request).await
    }

    /// The person's sessions on all devices.
    ///
    /// # Errors
    /// `auth.required`, or `device.offline`.
    pub async fn sessions(&self) -> Result<Vec<SessionEntry>, Rejection> {
        answer(&self.browser().send(Request::get("/api/sessions")).await?)
    }

    /// Ends one of them.
    ///
    /// # Errors
    /// As [`sessions`](Self::sessions).
    pub async fn revoke(&self, id: &str) -> Result<(), Rejection> {
        let request = Request::new("DELETE", format!("/api/sessions/{id}"));
        self.done(request).await
    }

    async fn done(&self, request: Request) -> Result<(), Rejection> {
        let response: Response = self.browser().send(request).await?;
        if response.is_ok() { Ok(()) } else { Err(problem(&response)) }
    }

    /// When this device last heard from the server, by its own clock.
    pub fn heard_at(&self) -> Option<shared::time::Ms> {
        self.heard().map(|heard| shared::time::Ms(clock::now_ms()).min(heard.device))
    }
}
