//! Relay files (A7): what is unsent on a phone, sealed to the server, on its way in somebody else's hands.
//!
//! The app makes them with the browser's cryptography; here it is done by other libraries, from the same description in
//! [`shared::relay`].

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use anyhow::Context as _;
use device::{Local, Request, platform::Platform as _};
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey, ecdh::diffie_hellman, elliptic_curve::sec1::ToSec1Point};
use sha2::Sha256;
use shared::{
    relay::{self, Head, INFO, MAGIC, POINT},
    sync::UploadState,
    wire::{Part, read_base64url},
};

use crate::{
    dice::Dice,
    machine::Machine,
    world::{World, ready},
};

impl World {
    /// A phone writes a file for somebody else to carry.
    pub(super) fn hand_over(&mut self, number: usize) -> anyhow::Result<()> {
        let phone = &self.phones[number];
        let Some(local) = phone.local.clone().filter(|_| !phone.machine.older.get()) else {
            return Ok(());
        };
        let faults = phone.machine.faults.take();
        let file = ready(file(&local));
        self.phones[number].machine.faults.set(faults);
        let Some(file) = file? else { return Ok(()) };
        // Whoever gives it is not told what became of which command.
        let rows = ready(local.outbox())?;
        self.ledger.unheard.extend(rows.iter().filter(|row| row.unsent()).map(|row| row.id));
        self.note(format!("phone {number} hands over a file of {} bytes", file.len()));
        self.files.push(file);
        Ok(())
    }

    /// Whoever is signed in at a phone gives a file to the server: its pieces arrive at some time, in some order, and
    /// perhaps twice, like everything that is sent.
    pub(super) fn give(&mut self, number: usize, dice: &mut Dice) -> anyhow::Result<()> {
        let Some(file) = dice.pick(&self.files).cloned() else { return Ok(()) };
        let Some(cookie) = self.phones[number].machine.cookie.borrow().clone() else { return Ok(()) };
        let pieces = relay::read_file(&file).ok().context("a relay file cannot be read")?;
        self.note(format!("phone {number} gives a file of {} pieces", pieces.len()));
        for piece in pieces {
            let request = Request::new("POST", "/api/relay").bytes(relay::MIME, piece.to_vec());
            self.ghosts.push((request, Some(cookie.clone())));
        }
        Ok(())
    }
}

/// Everything unsent of a database; `None` if there is nothing.
async fn file(local: &Local<Machine>) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(session) = local.session().await? else { return Ok(None) };
    let Some(server) = session.relay_key.as_deref().and_then(read_base64url) else { return Ok(None) };
    let outbox = local.outbox().await?;
    let mut heads: Vec<(Head, Vec<u8>)> = relay::commands(local.device, &outbox)
        .into_iter()
        .map(|commands| (Head::Commands(commands), Vec::new()))
        .collect();
    for part in [Part::Thumb, Part::Full] {
        for upload in local.uploads().await? {
            if upload.part == part
                && upload.state == UploadState::Waiting
                && let Some(bytes) = local.blob(&upload.name()).await?
            {
                heads.push((Head::Photo(relay::Photo::of(&upload)), bytes));
            }
        }
    }
    if heads.is_empty() {
        return Ok(None);
    }
    let seal = Seal::to(&server, local.platform().random()?)?;
    let mut pieces = Vec::new();
    for (number, (head, bytes)) in heads.iter().enumerate() {
        pieces.push(seal.piece(u32::try_from(number)?, &relay::plain(head, bytes))?);
    }
    Ok(Some(relay::file(&pieces)))
}

struct Seal {
    point: [u8; POINT],
    cipher: Aes256Gcm,
}

impl Seal {
    fn to(server: &[u8], random: [u8; 32]) -> anyhow::Result<Seal> {
        let own = SecretKey::from_slice(&random)?;
        let point: [u8; POINT] = own.public_key().to_sec1_point(false).as_bytes().try_into()?;
        let theirs = PublicKey::from_sec1_bytes(server)?;
        let agreed = diffie_hellman(own.to_nonzero_scalar(), theirs.as_affine());
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(&relay::salt(&point, server)), agreed.raw_secret_bytes())
            .expand(INFO, &mut key)
            .ok()
            .context("no key")?;
        Ok(Seal { point, cipher: Aes256Gcm::new_from_slice(&key)? })
    }

    fn piece(&self, number: u32, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
        let payload = Payload { msg: plain, aad: MAGIC };
        let sealed = self.cipher.encrypt(&relay::nonce(number).into(), payload);
        Ok(relay::piece(&self.point, number, &sealed.ok().context("it cannot be sealed")?))
    }
}
