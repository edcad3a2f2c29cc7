//! Relay files (A7): everything unsent of this device in a file for somebody else to carry, and such a file of somebody
//! else given to the server.
//!
//! Nothing here touches the outbox: what was handed over stays until the server's own receipt, and what is carried for
//! somebody never comes into it.

use ::device::{Request, platform::Platform, problem};
use shared::{
    Code, Rejection,
    relay::{self, Head, Photo, Receipt},
    session::Session,
    sync::{UploadRow, UploadState},
    wire::{Part, read_base64url},
};

use super::State;
use crate::platform::crypto::Seal;

/// A photo may take as long as a slow network needs.
const LIMIT_MS: u32 = 120_000;

/// A relay file, and how much is in it.
#[derive(Clone, Debug)]
pub struct HandedOver {
    /// The file.
    pub file: Vec<u8>,
    /// Commands in it.
    pub commands: usize,
    /// Photos in it.
    pub photos: usize,
}

impl State {
    /// Asks for what relay files are sealed to, where this device does not know it yet.
    pub async fn learn_relay_key(&self) {
        if self.relay_key().is_some() {
            return;
        }
        // Without a network this waits for the next time.
        let Ok(response) = self.browser().send(Request::get("/api/session")).await else { return };
        let Ok(now) = response.json::<Session>() else { return };
        let mine = self.session.with_untracked(|known| known.as_ref().map(|known| known.person));
        let Ok(local) = self.local() else { return };
        if mine == Some(now.person)
            && let Ok(Some(session)) = local.keep_relay_key(now.relay_key).await
        {
            self.session.set(Some(session));
        }
    }

    fn relay_key(&self) -> Option<Vec<u8>> {
        let key = self
            .session
            .with_untracked(|session| session.as_ref().and_then(|session| session.relay_key.clone()));
        read_base64url(&key?)
    }

    /// Everything unsent of this device in one file, sealed to the server.
    ///
    /// # Errors
    /// `relay.no_key`; of storage and of the browser's keys.
    pub async fn hand_over(&self) -> Result<HandedOver, Rejection> {
        let key = self.relay_key().ok_or(Code::RelayNoKey)?;
        let local = self.local()?;
        let outbox = local.outbox().await?;
        let mut uploads = local.uploads().await?;
        uploads.retain(|upload| upload.state == UploadState::Waiting);
        let seal = Seal::to(&key).await?;
        let mut pieces = Vec::new();
        let mut add = async |head: &Head, bytes: &[u8]| {
            let number = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
            let piece = seal.piece(number, &relay::plain(head, bytes)).await?;
            pieces.push(piece);
            Ok::<(), Rejection>(())
        };
        let batches = relay::commands(local.device, &outbox);
        let commands = batches.iter().map(|batch| batch.rows.len()).sum();
        for batch in batches {
            add(&Head::Commands(batch), &[]).await?;
        }
        let mut photos = 0;
        for part in [Part::Thumb, Part::Full] {
            for upload in uploads.iter().filter(|upload| upload.part == part) {
                if let Some(bytes) = local.blob(&UploadRow::name(upload)).await? {
                    add(&Head::Photo(Photo::of(upload)), &bytes).await?;
                    photos += usize::from(part == Part::Full);
                }
            }
        }
        Ok(HandedOver { file: relay::file(&pieces), commands, photos })
    }

    /// Gives somebody's relay file to the server, piece by piece; `progress` hears how many of how many are there.
    ///
    /// # Errors
    /// `relay.unreadable`, the server's own, or `device.offline`: then the file is to be given once more, and what has
    /// arrived does not count twice.
    pub async fn take_over(
        &self,
        file: &[u8],
        progress: impl Fn(usize, usize),
    ) -> Result<Receipt, Rejection> {
        let pieces = relay::read_file(file).map_err(|_| Code::RelayUnreadable)?;
        let mut all: Option<Receipt> = None;
        for (done, piece) in pieces.iter().enumerate() {
            progress(done, pieces.len());
            let request = Request::new("POST", "/api/relay").limit_ms(LIMIT_MS);
            let response = self.browser().send(request.bytes(relay::MIME, piece.to_vec())).await?;
            if !response.is_ok() {
                return Err(problem(&response));
            }
            let receipt: Receipt = response.json()?;
            all = Some(match all {
                Some(before) => before.and(receipt),
                None => receipt,
            });
        }
        // A file has at least one piece.
        all.ok_or_else(|| Code::RelayUnreadable.into())
    }
}
