//! Where a device stands in its feed. Opaque on the wire: JSON in base64url.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::{
    Code,
    ids::{PersonId, SiteCode},
    wire,
};

/// A position per principal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    /// Of which site.
    pub site: SiteCode,
    /// Of whose feed.
    pub person: PersonId,
    /// In which life of the database.
    pub epoch: String,
    /// The control room stood in for the desk when this cursor was made (R12).
    #[serde(default)]
    pub night: bool,
    /// Up to where each principal's feed has been read.
    pub at: BTreeMap<String, i64>,
    /// Principals that were lost: up to where they had been read then, and up to where their documents have been taken
    /// back since.
    #[serde(default)]
    pub leaving: BTreeMap<String, [i64; 2]>,
}

impl Cursor {
    pub(super) fn read(text: &str) -> Result<Cursor, Code> {
        wire::read_base64url(text)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or(Code::CursorUnreadable)
    }

    pub(super) fn write(&self) -> Result<String, serde_json::Error> {
        Ok(wire::base64url(&serde_json::to_vec(self)?))
    }

    /// The furthest position that it claims.
    pub(super) fn furthest(&self) -> i64 {
        let leaving = self.leaving.values().flatten();
        self.at.values().chain(leaving).copied().max().unwrap_or(0)
    }
}
