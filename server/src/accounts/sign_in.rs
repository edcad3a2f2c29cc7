//! Signing in and out, and who is signed in.

use axum::{
    Json,
    extract::{ConnectInfo, FromRequestParts, State},
    http::{HeaderName, StatusCode, header, request::Parts},
    response::{AppendHeaders, IntoResponse},
};
use p256::ecdsa::VerifyingKey;
use shared::{
    Code, Rejection,
    ids::{DeviceId, PersonId},
    session::{NewPassword, Session, SignIn},
    wire::{self, Problem},
};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::{
    SignedIn,
    session::{Token, expiry, set_cookie},
    store,
    throttle::Whose,
};
use crate::{App, Error, body::Body, db::storable, random};

/// The shortest password.
const PASSWORD_MIN: usize = 8;
/// The longest that is hashed.
const PASSWORD_MAX: usize = 256;
/// The longest label of a device that is kept, in characters.
const LABEL_MAX: usize = 100;

/// The longest name that anybody signs in with, in characters.
const NAME_MAX: usize = 100;
/// The longest text that a proxy may give as an address that is none, in characters.
const ADDRESS_MAX: usize = 64;

/// The address that a request comes from, or of IPv6 the network, in which one machine has as many as it likes.
pub(crate) struct Address(pub(crate) String);

impl FromRequestParts<App> for Address {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        // The last entry is the one that our own proxy wrote; those before it are claims.
        let forwarded = app
            .settings
            .behind_proxy
            .then(|| parts.headers.get_all(HeaderName::from_static("x-forwarded-for")).iter().next_back())
            .flatten()
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.rsplit(',').next())
            .map(|text| text.trim().to_owned());
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
        Ok(Address(network(&forwarded.or(peer).unwrap_or_default())))
    }
}

fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
        Err(_) => address.chars().take(ADDRESS_MAX).collect(),
    }
}

/// Signs in, and registers the device's key for this person.
#[utoipa::path(
    post, path = "/api/session", tag = "session",
    request_body = SignIn,
    responses(
        (status = 200, body = Session, description = "Signed in; the cookie is set"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn sign_in(
    State(app): State<App>,
    Address(address): Address,
    Body(asked): Body<SignIn>,
) -> Result<impl IntoResponse, Error> {
    let name = storable(asked.name.trim()).into_owned();
    let now = app.clock.now();
    check_key(&asked.public_key)?;
    if name.chars().count() > NAME_MAX {
        // Nobody's, and not worth remembering.
        return Err(Code::AuthWrong.into());
    }
    let mut whose = vec![Whose::Name(name.to_lowercase()), Whose::Address(address)];
    app.throttle.attempt(&whose, now)?;

    let mut accounts = store::by_name(&mut *app.db.connection().await?, &name).await?;
    if accounts.len() > 1 {
        app.throttle.succeeded(&whose, now);
        return Err(Code::AuthNameAmbiguous.into());
    }
    let account = accounts.pop();
    if let Some(account) = &account {
        // Somebody with three names has no three times as many attempts.
        let person = Whose::Person(account.id);
        app.throttle.attempt(std::slice::from_ref(&person), now)?;
        whose.push(person);
    }
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let fits = asked.password.len() <= PASSWORD_MAX;
    let right = app.passwords.verify(if fits { asked.password } else { String::new() }, hash).await?;
    let Some(account) = account.filter(|_| right && fits) else {
        return Err(Code::AuthWrong.into());
    };
    app.throttle.succeeded(&whose, now);
    if !account.active {
        return Err(Code::AuthRevoked.into());
    }

    let token = Token::new()?;
    let session = store::Session {
        id: wire::hex(&random::bytes::<16>()?),
        account: account.id,
        device: asked.device,
        label: storable(&asked.label).chars().take(LABEL_MAX).collect(),
        created: now,
        seen: now,
        expires: expiry(now),
    };
    let mut tx = app.db.write().await?;
    if store::sites_of(&mut tx, account.id).await?.is_empty() {
        return Err(Code::AuthRevoked.into());
    }
    store::sweep_sessions(&mut tx, now).await?;
    store::register_key(&mut tx, asked.device, account.id, &asked.public_key, now).await?;
    store::add_session(&mut tx, &token.hash, &session).await?;
    tx.commit().await?;

    let cookie = set_cookie(&app, &token.cookie)?;
    let body = describe(&app, account.id, asked.device).await?;
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(body)))
}

/// Says who is signed in, and prolongs the cookie.
#[utoipa::path(
    get, path = "/api/session", tag = "session",
    responses(
        (status = 200, body = Session),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn who(
    State(app): State<App>,
    signed_in: SignedIn,
    token: CurrentToken,
) -> Result<impl IntoResponse, Error> {
    let cookie = set_cookie(&app, &token.0)?;
    let body = describe(&app, signed_in.person, signed_in.device).await?;
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(body)))
}

/// Signs out.
#[utoipa::path(
    delete, path = "/api/session", tag = "session",
    responses(
        (status = 204, description = "Signed out"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn sign_out(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<impl IntoResponse, Error> {
    let mut tx = app.db.write().await?;
    store::end_session(&mut tx, signed_in.person, &signed_in.session).await?;
    tx.commit().await?;
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, set_cookie(&app, "")?)])))
}

/// Changes one's own password, and ends one's other sessions.
#[utoipa::path(
    put, path = "/api/session/password", tag = "session",
    request_body = NewPassword,
    responses(
        (status = 204, description = "Changed"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn change_password(
    State(app): State<App>,
    signed_in: SignedIn,
    Body(asked): Body<NewPassword>,
) -> Result<StatusCode, Error> {
    check_password(&asked.new)?;
    let now = app.clock.now();
    let whose = [Whose::Person(signed_in.person)];
    app.throttle.attempt(&whose, now)?;
    let account = store::find(&mut *app.db.connection().await?, signed_in.person).await?;
    let hash = account.and_then(|account| account.password_hash);
    if !app.passwords.verify(asked.old, hash).await? {
        return Err(Code::AuthWrong.into());
    }
    app.throttle.succeeded(&whose, now);
    let hash = app.passwords.hash(asked.new).await?;
    let mut tx = app.db.write().await?;
    store::set_password(&mut tx, signed_in.person, &hash).await?;
    store::end_other_sessions(&mut tx, signed_in.person, &signed_in.session).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The token that a request's cookie holds.
pub(super) struct CurrentToken(String);

impl FromRequestParts<App> for CurrentToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        Ok(CurrentToken(super::session::token(parts).ok_or(Code::AuthRequired)?))
    }
}

async fn describe(app: &App, person: PersonId, device: DeviceId) -> Result<Session, Error> {
    let mut tx = app.db.read().await?;
    let account = store::find(&mut tx, person).await?.ok_or(Code::AuthRequired)?;
    let session = Session {
        person,
        name: account.name,
        sites: store::sites_of(&mut tx, person).await?,
        chain: store::chain(&mut tx, device, person).await?,
        server_time: app.clock.now(),
        epoch: app.epoch.clone(),
        relay_key: Some(app.relay_key.public()),
    };
    tx.commit().await?;
    Ok(session)
}

/// Whether a password may be set.
pub(crate) fn check_password(password: &str) -> Result<(), Rejection> {
    if password.chars().count() < PASSWORD_MIN {
        return Err(Rejection::new(Code::AuthPasswordShort).with("min", PASSWORD_MIN));
    }
    if password.len() > PASSWORD_MAX {
        return Err(Rejection::new(Code::RequestBadBody)
            .with("detail", format_args!("the password is longer than {PASSWORD_MAX} bytes")));
    }
    Ok(())
}

/// An uncompressed point on P-256.
fn check_key(public_key: &str) -> Result<(), Rejection> {
    let point = wire::read_base64url(public_key).filter(|point| point.len() == 65);
    match point.and_then(|point| VerifyingKey::from_sec1_bytes(&point).ok()) {
        Some(_) => Ok(()),
        None => Err(Code::AuthBadKey.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("192.0.2.7", "192.0.2.7")]
    #[case("::ffff:192.0.2.7", "192.0.2.7")]
    #[case("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    #[case("unknown", "unknown")]
    fn a_machine_with_many_addresses_counts_as_one(#[case] address: &str, #[case] counted: &str) {
        assert_eq!(network(address), counted);
    }
}
