//! Where a device stands in its feed. On the wire JSON with a seal before it, in base64url.
//!
//! What a cursor says of principals that were lost is believed: their documents are named to be taken back. Made up, it
//! would name documents that its maker never saw (R9), so that only what this server has sealed is read.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
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
    /// Principals that are being read from nothing: where the site stood when that began.
    #[serde(default)]
    pub fresh: BTreeMap<String, i64>,
}

/// How many bytes a seal has.
const SEAL: usize = 32;

/// Seals what devices keep for the server. Has the key of the database, and shows it to nobody.
#[derive(Clone)]
pub struct Sealer(Hmac<Sha256>);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// Seals with a key.
    ///
    /// # Errors
    /// If no key can be of that length, which holds for none.
    pub fn new(key: &[u8]) -> anyhow::Result<Sealer> {
        Ok(Sealer(Hmac::new_from_slice(key)?))
    }

    /// The text with its seal, in base64url.
    pub fn seal(&self, text: &[u8]) -> String {
        let seal = self.0.clone().chain_update(text).finalize().into_bytes();
        wire::base64url(&[seal.as_slice(), text].concat())
    }

    /// The text that was sealed, if it was.
    pub fn open(&self, sealed: &str) -> Option<Vec<u8>> {
        let bytes = wire::read_base64url(sealed)?;
        let (seal, text) = bytes.split_at_checked(SEAL)?;
        self.0.clone().chain_update(text).verify_slice(seal).ok()?;
        Some(text.to_vec())
    }
}

impl Cursor {
    pub(super) fn read(text: &str, sealer: &Sealer) -> Result<Cursor, Code> {
        sealer.open(text).and_then(|json| serde_json::from_slice(&json).ok()).ok_or(Code::CursorUnreadable)
    }

    pub(super) fn write(&self, sealer: &Sealer) -> Result<String, serde_json::Error> {
        Ok(sealer.seal(&serde_json::to_vec(self)?))
    }

    /// The furthest position that it claims.
    pub(super) fn furthest(&self) -> i64 {
        let leaving = self.leaving.values().flatten();
        self.at.values().chain(leaving).chain(self.fresh.values()).copied().max().unwrap_or(0)
    }
}
