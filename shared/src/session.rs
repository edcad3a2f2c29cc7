//! Signing in: what a device sends and gets.
//!
//! `POST /api/session` signs in and sets an HttpOnly cookie, `GET` says who is signed in, `DELETE` signs out.
//! The cookie is a random token whose hash the server keeps: it can be revoked.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{DeviceId, PersonId, SiteCode},
    time::Ms,
};

/// Asks to sign in, and registers the device's key for this person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// Telephone number or staff code; `site/code` where a code exists at several sites.
    pub name: String,
    /// The password.
    pub password: String,
    /// This installation.
    pub device: DeviceId,
    /// What the device calls itself, for the list of sessions.
    #[serde(default)]
    pub label: String,
    /// The public key of this device and person: the uncompressed point of 65 bytes, base64url without padding.
    pub public_key: String,
}

/// Who is signed in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Session {
    /// The account.
    pub person: PersonId,
    /// Shown.
    pub name: String,
    /// Where the person serves; what they are there stands in each site's [`People`](crate::site::People).
    pub sites: Vec<SessionSite>,
    /// The last command of this device and person that the server knows, from which the chain goes on; `None` for a
    /// device without commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainHead>,
    /// The server's time (R3).
    pub server_time: Ms,
    /// Renewed when a backup is restored.
    pub epoch: String,
    /// What a relay file is sealed to (A7): the server's uncompressed point on P-256, base64url without padding. `None`
    /// of a server that takes no such files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_key: Option<String>,
}

/// A site at which the person serves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionSite {
    /// The site.
    pub code: SiteCode,
    /// Shown.
    pub name: String,
}

/// Where a chain of commands stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainHead {
    /// The place of the last command.
    pub n: u64,
    /// Its hash.
    pub hash: String,
}

/// Changes the password of whoever is signed in, and ends their other sessions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewPassword {
    /// The present one.
    pub old: String,
    /// The next one, at least 8 characters.
    pub new: String,
}

/// A session of the person who is signed in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionEntry {
    /// Names the session for revoking it; not the token.
    pub id: String,
    /// What the device calls itself.
    pub label: String,
    /// Since when.
    pub created: Ms,
    /// Last used.
    pub seen: Ms,
    /// The one that asks.
    pub current: bool,
}
