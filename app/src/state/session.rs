//! Starting, signing in and out.
//!
//! Who was last signed in is known without a network, and so is their database: the app opens on their home page
//! before anything is asked of the server. A session that has ended blocks sending, never recording.

use futures::channel::mpsc;
use shared::{
    Code, Rejection,
    ids::PersonId,
    session::{NewPassword, Session, SessionEntry, SignIn},
};

use super::{Link, Phase, State, Told, refusal};
use crate::{
    local::{Accounts, Local},
    platform::{
        clock, device, events,
        http::{Request, Response},
        settings::{self, Setting},
        tabs::Channel,
    },
    sync::{self, Nudge},
};

/// The database of somebody who signs in on this device for the first time, until it is known who it is.
const NEWCOMER: &str = "firsthand-newcomer";

impl State {
    /// Opens what is on the device, and starts to sync.
    pub async fn start(self) {
        self.inner().borrow_mut().heard = settings::read(Setting::LastOffset);
        self.listen();
        let opened = match Accounts::read().await.map_err(refusal) {
            Ok(Accounts { current: Some(person), .. }) => self.open(person).await,
            Ok(Accounts { current: None, .. }) => {
                self.phase.set(Phase::SignedOut);
                Ok(())
            }
            Err(rejection) => Err(rejection),
        };
        if let Err(rejection) = opened {
            self.phase.set(Phase::Broken(rejection));
        }
    }

    /// Opens a person's database, shows it, and starts to sync it.
    async fn open(self, person: PersonId) -> Result<(), Rejection> {
        let local = Local::open(&Local::name_of(person)).await.map_err(refusal)?;
        let stock = local.stock().await.map_err(refusal)?;
        if stock.session.is_none() {
            self.phase.set(Phase::SignedOut);
            return Ok(());
        }
        let (nudge, nudged) = mpsc::unbounded();
        let channel = Channel::open(local.name(), move |told: Told| {
            leptos::task::spawn_local(async move { self.heard_from_tab(told).await });
        });
        {
            let inner = self.inner();
            let mut inner = inner.borrow_mut();
            inner.local = Some(local.clone());
            inner.nudge = Some(nudge);
            // Without the channel other tabs see changes when they look again, no more.
            inner.channel = channel.ok();
        }
        self.load(stock);
        self.phase.set(Phase::Ready);
        leptos::task::spawn_local(sync::run(self, local, nudged));
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
            Told::Session => device::reload(),
            Told::Nudge => {
                // Perhaps somebody has signed in there; if not, the next request says so again.
                self.expired.set(false);
                if let Some(nudge) = &self.inner().borrow().nudge {
                    let _ = nudge.unbounded_send(Nudge::Saved);
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
        let mut guards = Vec::new();
        guards.extend(
            events::on_connection(move |online| {
                // Being told of no network is believed; being told of one is tried.
                if online {
                    self.nudge(Nudge::Online);
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
        let mut accounts = Accounts::read().await.map_err(refusal)?;
        let name = name.trim().to_owned();
        let known = accounts.known.get(&name);
        let database = known.map_or_else(|| NEWCOMER.to_owned(), |person| Local::name_of(*person));
        let first = Local::open(&database).await.map_err(refusal)?;
        let mut session = self.ask_to_sign_in(&first, &name, &password).await?;
        let local = Local::open(&Local::name_of(session.person)).await.map_err(refusal)?;
        if local.device != first.device {
            // The person has a key of their own on this device: that one is to be registered.
            session = self.ask_to_sign_in(&local, &name, &password).await?;
        }
        local.keep_session(Some(&session)).await.map_err(refusal)?;
        accounts.known.insert(name, session.person);
        accounts.current = Some(session.person);
        accounts.keep().await.map_err(refusal)?;
        self.hear(session.server_time);
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
            if let Some(channel) = &self.inner().borrow().channel {
                let _ = channel.post(&Told::Session);
            }
            device::reload();
            Ok(())
        }
    }

    async fn ask_to_sign_in(&self, local: &Local, name: &str, password: &str) -> Result<Session, Rejection> {
        let body = SignIn {
            name: name.to_owned(),
            password: password.to_owned(),
            device: local.device,
            label: device::label(),
            public_key: local.public_key().await.map_err(refusal)?,
        };
        let request = Request::post("/api/session", &body).map_err(refusal)?;
        answer(request.send().await.map_err(refusal)?)
    }

    /// Signs out on this device. What is unsent stays here, and goes out when the same person signs in again.
    ///
    /// # Errors
    /// Of storage. Without a network the server's session ends by itself, later.
    pub async fn sign_out(self) -> Result<(), Rejection> {
        // Offline the cookie stays, but nothing here uses it: the session is forgotten below.
        let _ = Request::new("DELETE", "/api/session").send().await;
        self.local()?.keep_session(None).await.map_err(refusal)?;
        let accounts = Accounts::read().await.map_err(refusal)?;
        Accounts { current: None, ..accounts }.keep().await.map_err(refusal)?;
        if let Some(channel) = &self.inner().borrow().channel {
            let _ = channel.post(&Told::Session);
        }
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
            inner.nudge = None;
            inner.channel = None;
        }
        self.outbox.set(Vec::new());
        self.uploads.set(Vec::new());
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
        let response = request.send().await.map_err(refusal)?;
        if response.is_ok() { Ok(()) } else { Err(sync::problem(&response)) }
    }

    /// The person's sessions on all devices.
    ///
    /// # Errors
    /// `auth.required`, or `device.offline`.
    pub async fn sessions(&self) -> Result<Vec<SessionEntry>, Rejection> {
        answer(Request::get("/api/sessions").send().await.map_err(refusal)?)
    }

    /// Ends one of them.
    ///
    /// # Errors
    /// As [`sessions`](Self::sessions).
    pub async fn revoke(&self, id: &str) -> Result<(), Rejection> {
        let request = Request::new("DELETE", format!("/api/sessions/{id}"));
        let response = request.send().await.map_err(refusal)?;
        if response.is_ok() { Ok(()) } else { Err(sync::problem(&response)) }
    }

    /// When this device last heard from the server, by its own clock.
    pub fn heard_at(&self) -> Option<shared::time::Ms> {
        self.heard().map(|heard| shared::time::Ms(clock::now_ms()).min(heard.device))
    }
}

fn answer<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, Rejection> {
    if response.is_ok() {
        response.json().map_err(|_| Code::DeviceOffline.into())
    } else {
        Err(sync::problem(&response))
    }
}
