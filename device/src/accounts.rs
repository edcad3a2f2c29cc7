//! Who uses this device: signing in and out, and what that does to its databases.
//!
//! Every person has a database of their own, with a key of their own. Signing out closes it and deletes nothing: what
//! is unsent goes out when the same person signs in again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::{
    Code, Rejection,
    ids::PersonId,
    session::{Session, SignIn},
};

use crate::{Local, PlatformError, Request, Response, Store, Table, platform::Platform, problem};

/// The database of what the device knows of its people.
const ACCOUNTS_DB: &str = "firsthand";
const ACCOUNTS: &str = "accounts";
/// The database of somebody who signs in on this device for the first time, until it is known who it is.
const NEWCOMER: &str = "firsthand-newcomer";

/// What this device knows of the people who use it. It has a database of its own, because it is wanted before anybody's
/// can be opened.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Accounts {
    /// Who is signed in.
    pub current: Option<PersonId>,
    /// Who has signed in under which name.
    pub known: BTreeMap<String, PersonId>,
}

impl Accounts {
    /// What the device knows; nothing, if it cannot be read.
    ///
    /// # Errors
    /// Of storage that does not open.
    pub async fn read<P: Platform>(platform: &P) -> Result<Self, PlatformError> {
        let known = platform.open(ACCOUNTS_DB).await?.readable(Table::Meta, ACCOUNTS).await?;
        Ok(known.unwrap_or_default())
    }

    /// Changes it, from how it is by then: another tab may have signed somebody in meanwhile.
    async fn change<P: Platform>(platform: &P, change: impl FnOnce(&mut Self)) -> Result<(), PlatformError> {
        let _lock = platform.lock(ACCOUNTS_DB).await?;
        let mut accounts = Accounts::read(platform).await?;
        change(&mut accounts);
        platform.open(ACCOUNTS_DB).await?.put(Table::Meta, ACCOUNTS, &accounts).await
    }
}

/// Signs in and registers this device's key. The one thing that needs a network.
///
/// # Errors
/// The server's `auth.*`, or the device's own.
pub async fn sign_in<P: Platform>(platform: &P, name: &str, password: &str) -> Result<Session, Rejection> {
    let accounts = Accounts::read(platform).await?;
    let name = name.trim().to_owned();
    let known = accounts.known.get(&name);
    let database = known.map_or_else(|| NEWCOMER.to_owned(), |person| Local::<P>::name_of(*person));
    let first = Local::open(platform, &database).await?;
    let mut session = ask(platform, &first, &name, password).await?;
    let local = Local::open(platform, &Local::<P>::name_of(session.person)).await?;
    if local.device != first.device {
        // The person has a key of their own on this device: that one is to be registered.
        session = ask(platform, &local, &name, password).await?;
    }
    local.keep_session(Some(&session)).await?;
    let person = session.person;
    Accounts::change(platform, |accounts| {
        accounts.known.insert(name, person);
        accounts.current = Some(person);
    })
    .await?;
    platform.hear(session.server_time);
    Ok(session)
}

async fn ask<P: Platform>(
    platform: &P,
    local: &Local<P>,
    name: &str,
    password: &str,
) -> Result<Session, Rejection> {
    let body = SignIn {
        name: name.to_owned(),
        password: password.to_owned(),
        device: local.device,
        label: platform.label(),
        public_key: local.public_key().await?,
    };
    answer(&platform.send(Request::post("/api/session", &body)?).await?)
}

/// Signs out on this device. What is unsent stays here, and goes out when the same person signs in again.
///
/// # Errors
/// Of storage. Without a network the server's session ends by itself, later.
pub async fn sign_out<P: Platform>(platform: &P, local: &Local<P>) -> Result<(), Rejection> {
    // Offline the cookie stays, but nothing here uses it: the session is forgotten below.
    let _ = platform.send(Request::new("DELETE", "/api/session")).await;
    local.keep_session(None).await?;
    Accounts::change(platform, |accounts| accounts.current = None).await?;
    Ok(())
}

/// The answer to a question, or the refusal that a person reads.
///
/// # Errors
/// What the server said, or `device.offline` where it was not our server.
pub fn answer<T: serde::de::DeserializeOwned>(response: &Response) -> Result<T, Rejection> {
    if response.is_ok() {
        response.json().map_err(|_| Code::DeviceOffline.into())
    } else {
        Err(problem(response))
    }
}
