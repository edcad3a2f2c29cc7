//! `POST /api/relay`: a piece of a relay file, sealed to this server and carried by anybody (A7).
//!
//! The format is described in [`shared::relay`]. What a piece holds takes the way that it would have taken from its own
//! device: commands are judged as pushed, a photo is announced and received. Only their time is known less well: by how
//! much the device's clock was off is known from what it had heard before, and not from the sending (R3).

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use axum::{
    Json,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
};
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey, ecdh::diffie_hellman, elliptic_curve::sec1::ToSec1Point};
use sha2::Sha256;
use shared::{
    Code,
    relay::{self, Commands, Head, INFO, MAGIC, Receipt},
    wire::{Answer, PUSH_BYTES, PUSH_COMMANDS, Problem, Verdict, base64url},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, Error, accounts::SignedIn, commands, files, random};

/// The most bytes of a piece besides those of a photo: a push in JSON in JSON, which at worst doubles it.
const AROUND: usize = 1 << 20;

/// The address of relay files.
pub fn routes(max_photo_mb: u32) -> OpenApiRouter<App> {
    let photo = usize::try_from(max_photo_mb).unwrap_or(usize::MAX).saturating_mul(1_000_000);
    OpenApiRouter::new().routes(routes!(give)).layer(DefaultBodyLimit::max(photo.saturating_add(AROUND)))
}

/// Opens what was sealed to this database's server, and shows its key to nobody.
#[derive(Clone)]
pub struct RelayKey(SecretKey);

impl std::fmt::Debug for RelayKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RelayKey")
    }
}

impl RelayKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// If they are no scalar of P-256.
    pub fn new(scalar: &[u8]) -> anyhow::Result<RelayKey> {
        Ok(RelayKey(SecretKey::from_slice(scalar)?))
    }

    /// The bytes of a new key. Of random bytes all but one in 2³² are a scalar of P-256.
    ///
    /// # Errors
    /// If the machine has no random numbers.
    pub fn make() -> anyhow::Result<[u8; 32]> {
        loop {
            let bytes = random::bytes::<32>()?;
            if RelayKey::new(&bytes).is_ok() {
                return Ok(bytes);
            }
        }
    }

    fn point(&self) -> Vec<u8> {
        self.0.public_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// The public half, as devices seal to it: the uncompressed point, base64url.
    pub fn public(&self) -> String {
        base64url(&self.point())
    }

    /// The plain bytes of a piece.
    ///
    /// # Errors
    /// `relay.unreadable` if it is no piece, was altered, or is sealed to another server.
    pub fn open(&self, piece: &[u8]) -> Result<Vec<u8>, Code> {
        self.try_open(piece).ok_or(Code::RelayUnreadable)
    }

    fn try_open(&self, piece: &[u8]) -> Option<Vec<u8>> {
        let (point, number, ciphertext) = relay::read_piece(piece).ok()?;
        let ephemeral = PublicKey::from_sec1_bytes(point).ok()?;
        let shared = diffie_hellman(self.0.to_nonzero_scalar(), ephemeral.as_affine());
        let salt = relay::salt(point, &self.point());
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(&salt), shared.raw_secret_bytes()).expand(INFO, &mut key).ok()?;
        let cipher = Aes256Gcm::new_from_slice(&key).ok()?;
        let payload = Payload { msg: ciphertext, aad: MAGIC };
        cipher.decrypt(&relay::nonce(number).into(), payload).ok()
    }
}

/// Takes a piece of a relay file, without its length. What it says is not told to whoever carries it.
#[utoipa::path(
    post, path = "/api/relay", tag = "sync",
    request_body(content(("application/octet-stream"))),
    responses(
        (status = 200, body = Receipt),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn give(
    State(app): State<App>,
    carrier: SignedIn,
    piece: Result<Bytes, BytesRejection>,
) -> Result<Json<Receipt>, Error> {
    let received = app.clock.now();
    let piece = piece.map_err(|_| Code::RequestTooLarge)?;
    let plain = Bytes::from(app.relay_key.open(&piece)?);
    let (head, bytes) = relay::read_plain(&plain).map_err(|_| Code::RelayUnreadable)?;
    let receipt = match head {
        Head::Commands(commands) => {
            let author = commands.author;
            let answers = push(&app, commands, received).await?;
            answers.iter().fold(nothing(author), count)
        }
        Head::Photo(photo) => {
            let author = photo.author;
            let bytes = plain.slice_ref(bytes);
            let photos = u32::from(files::carry(&app, &carrier, photo, bytes).await?);
            Receipt { photos, ..nothing(author) }
        }
    };
    Ok(Json(receipt))
}

async fn push(app: &App, commands: Commands, received: shared::time::Ms) -> Result<Vec<Answer>, Error> {
    let bytes: usize = commands.rows.iter().map(|row| row.text.len()).sum();
    if commands.rows.is_empty() || commands.rows.len() > PUSH_COMMANDS || bytes > PUSH_BYTES {
        return Err(Code::RelayUnreadable.into());
    }
    commands::carry(app, commands, received).await.map_err(|error| match error.rejection().code {
        // They speak of the phone that pushes, which this one is not.
        Code::PushUnknownDevice | Code::PushBadSignature | Code::PushChainBroken => Code::RelayForeign.into(),
        _ => error,
    })
}

fn nothing(author: shared::ids::PersonId) -> Receipt {
    Receipt { author, taken: 0, waiting: 0, refused: 0, again: 0, photos: 0 }
}

fn count(receipt: Receipt, answer: &Answer) -> Receipt {
    match answer.verdict {
        Verdict::Accepted { .. } | Verdict::Recorded { .. } => {
            Receipt { taken: receipt.taken + 1, ..receipt }
        }
        Verdict::Held { code: Code::CommandCreateMissing | Code::CommandAuthorRevoked } => {
            Receipt { waiting: receipt.waiting + 1, ..receipt }
        }
        // It is not kept: what comes before it is missing, or the database failed.
        Verdict::Held { .. } => Receipt { again: receipt.again + 1, ..receipt },
        Verdict::Rejected(_) => Receipt { refused: receipt.refused + 1, ..receipt },
    }
}
