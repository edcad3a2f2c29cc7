//! Who people are: accounts, devices, sessions, passwords.
//!
//! A session is a random token in an HttpOnly cookie, of which the database keeps a hash: it can be revoked at any
//! time. Handlers ask for a [`SignedIn`], which proves that somebody is.

mod password;
mod session;
mod sessions;
mod sign_in;
pub mod store;
mod throttle;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use password::Passwords;
pub use session::SignedIn;
pub(crate) use sign_in::{Address, check_password};
pub use throttle::Throttle;

use crate::App;

/// The addresses of signing in.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in::sign_in, sign_in::who, sign_in::sign_out))
        .routes(routes!(sign_in::change_password))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::revoke))
}
