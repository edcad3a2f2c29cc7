//! Who sends a request.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
};
use axum_extra::extract::CookieJar;
use sha2::{Digest, Sha256};
use shared::{
    Code,
    ids::{DeviceId, PersonId},
    time::{HOUR, MINUTE, Ms},
    wire,
};

use super::store;
use crate::{App, Error, random};

/// The cookie that holds the token.
const COOKIE: &str = "firsthand_session";
/// How long a session lasts unused, in milliseconds.
const LASTS: i64 = 30 * 24 * HOUR;
/// How often its use is noted, in milliseconds: not with every request.
const NOTED: i64 = 10 * MINUTE;

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session's name.
    pub session: String,
    /// Who.
    pub person: PersonId,
    /// On which device.
    pub device: DeviceId,
}

/// A new token: what the cookie holds, and the hash that is kept.
pub(super) struct Token {
    pub(super) cookie: String,
    pub(super) hash: String,
}

impl Token {
    pub(super) fn new() -> anyhow::Result<Token> {
        let cookie = wire::base64url(&random::bytes::<32>()?);
        Ok(Token { hash: token_hash(&cookie), cookie })
    }
}

fn token_hash(token: &str) -> String {
    wire::hex(&Sha256::digest(token.as_bytes()))
}

/// Until when a session lasts that is used now.
pub(super) fn expiry(now: Ms) -> Ms {
    now.plus(LASTS)
}

/// The header that sets the cookie, or with an empty token removes it.
pub(super) fn set_cookie(app: &App, token: &str) -> anyhow::Result<HeaderValue> {
    let age = if token.is_empty() { 0 } else { LASTS / 1_000 };
    let secure = if app.settings.secure() { "; Secure" } else { "" };
    let text = format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}{secure}");
    Ok(HeaderValue::from_str(&text)?)
}

/// The token of a request's cookie.
pub(super) fn token(parts: &Parts) -> Option<String> {
    CookieJar::from_headers(&parts.headers).get(COOKIE).map(|cookie| cookie.value().to_owned())
}

impl SignedIn {
    /// Whether the session is still on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn still(&self, app: &App) -> Result<bool, Error> {
        let mut conn = app.db.connection().await?;
        Ok(store::session_lasts(&mut conn, &self.session, app.clock.now()).await?)
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        if !parts.headers.contains_key(header::COOKIE) {
            return Err(Code::AuthRequired.into());
        }
        let token = token(parts).ok_or(Code::AuthRequired)?;
        let now = app.clock.now();
        let session = app.looks.sessions.ask(&app.db, token_hash(&token)).await?;
        let session = session.filter(|session| session.expires > now).ok_or(Code::AuthRequired)?;
        if now.since(session.seen) > NOTED {
            let noted = async {
                let mut tx = app.db.write().await?;
                store::touch_session(&mut tx, &session.id, now, expiry(now)).await?;
                tx.commit().await
            };
            // A full disk keeps nobody from reading.
            if let Err(error) = noted.await {
                tracing::warn!(%error, "the use of a session is not noted");
            }
        }
        Ok(SignedIn { session: session.id, person: session.account, device: session.device })
    }
}
