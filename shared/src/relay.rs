//! The relay file, version 1: what is unsent on one phone, on its way with somebody else (A7).
//!
//! Whoever cannot reach the server hands a file to a colleague, by whatever passes files between two phones; the
//! colleague, or the desk, gives it to the server with a session of their own. The commands keep their author, whose
//! signatures they carry, and nothing of them is mixed with the carrier's own.
//!
//! **Sealed to the server.** The file can be read by the server only, not by whoever carries it and not by whoever finds
//! it in a chat: it holds customers' data and complaints, which are not the carrier's to see (R9, R10). A code that one
//! person tells another would have to be short enough to be said, and so short enough to be guessed by whoever keeps a
//! copy of the file. A device has the server's key since it last was online ([`Session::relay_key`]), so that nothing
//! but the file passes between the phones.
//!
//! **Layout.** [`MAGIC`], then pieces, each as its length (four bytes, big-endian) and that many bytes: an ephemeral
//! point on P-256 ([`POINT`] bytes, uncompressed, the same in all pieces of a file), the piece's number (four bytes,
//! from 0), and the AES-256-GCM ciphertext with its tag. The key is HKDF-SHA-256 of the x coordinate of the ECDH between
//! that point and the server's, with [`salt`] and [`INFO`]; [`nonce`] follows from the number; [`MAGIC`] is the
//! associated data. In it lie the length of a [`Head`] (four bytes), that head as JSON, and what it describes: nothing
//! for commands, a photo's bytes for a photo. Commands come before the photos that they name.
//!
//! **Giving it up.** `POST /api/relay` takes one piece, without its length, and answers with a [`Receipt`]. Each piece is
//! understood alone, so that a lost connection costs one of them, and any may be sent again: what is there is not
//! counted twice.
//!
//! [`Session::relay_key`]: crate::session::Session::relay_key

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AttachmentId, DeviceId, PersonId, SiteCode},
    json,
    sync::{OutboxRow, UploadRow},
    wire::{PUSH_BYTES, PUSH_COMMANDS, Part},
};

/// What a relay file begins with; its last byte is the version.
pub const MAGIC: &[u8; 8] = b"FHRELAY1";
/// The bytes of an uncompressed point on P-256.
pub const POINT: usize = 65;
/// The bytes before a piece's ciphertext.
pub const PREFIX: usize = POINT + 4;
/// What the key is derived for.
pub const INFO: &[u8] = b"firsthand-relay-v1";
/// The type of a relay file, and the type of a request that carries a piece of one.
pub const MIME: &str = "application/octet-stream";

/// What stands at the beginning of a piece's plain bytes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// Commands, as many as one push takes.
    Commands(Commands),
    /// A photo's part, whose bytes follow.
    Photo(Photo),
}

/// Commands of one device and author, as they lie in its outbox.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Commands {
    /// On which device they were made.
    pub device: DeviceId,
    /// By whom.
    pub author: PersonId,
    /// In the order of their chain.
    pub rows: Vec<Row>,
}

/// A command as it lies in the outbox.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The envelope.
    pub text: String,
    /// Its hash.
    pub hash: String,
    /// The author's signature over that hash.
    pub signature: String,
}

/// A photo's part, as its upload would announce it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Photo {
    /// At which site.
    pub site: SiteCode,
    /// Whose.
    pub author: PersonId,
    /// The photo.
    pub photo: AttachmentId,
    /// Which bytes of it.
    pub part: Part,
    /// SHA-256 of the bytes, lowercase hex.
    pub sha256: String,
}

/// What became of a piece. It tells the carrier that it arrived, and nothing of what it says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// Whose it is.
    pub author: PersonId,
    /// Commands that the server has taken, now or before.
    pub taken: u32,
    /// Commands that wait for something else, or for the office.
    pub waiting: u32,
    /// Commands that were refused: their author and the desk see why.
    pub refused: u32,
    /// Commands that the server has not kept, because what comes before them is missing: they are to be given again.
    pub again: u32,
    /// A photo's part that the server has.
    pub photos: u32,
}

impl Receipt {
    /// Both together.
    pub fn and(self, other: Receipt) -> Receipt {
        Receipt {
            author: other.author,
            taken: self.taken + other.taken,
            waiting: self.waiting + other.waiting,
            refused: self.refused + other.refused,
            again: self.again + other.again,
            photos: self.photos + other.photos,
        }
    }
}

/// A relay file cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

/// The commands of an outbox that the server has not judged for good, in pieces of one push each.
pub fn commands(device: DeviceId, outbox: &[OutboxRow]) -> Vec<Commands> {
    let mut pieces: Vec<Commands> = Vec::new();
    let (mut bytes, mut next) = (0, 0);
    for row in outbox.iter().filter(|row| row.unsent()) {
        bytes += row.text.len();
        // The chain of a push has no holes.
        let follows = row.n == next;
        next = row.n + 1;
        let fits = pieces.last().is_some_and(|piece| {
            piece.author == row.author && piece.rows.len() < PUSH_COMMANDS && bytes <= PUSH_BYTES && follows
        });
        if !fits {
            pieces.push(Commands { device, author: row.author, rows: Vec::new() });
            bytes = row.text.len();
        }
        let OutboxRow { text, hash, signature, .. } = row.clone();
        if let Some(piece) = pieces.last_mut() {
            piece.rows.push(Row { text, hash, signature });
        }
    }
    pieces
}

impl Photo {
    /// An upload as it goes along.
    pub fn of(upload: &UploadRow) -> Photo {
        Photo {
            site: upload.site.clone(),
            author: upload.author,
            photo: upload.photo,
            part: upload.part,
            sha256: upload.sha256.clone(),
        }
    }
}

/// The plain bytes of a piece.
pub fn plain(head: &Head, bytes: &[u8]) -> Vec<u8> {
    // Strings, numbers and ids always serialise.
    let head = serde_json::to_vec(head).unwrap_or_default();
    // A head is at most a push long.
    let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &head, bytes].concat()
}

/// The head of a piece's plain bytes, and what it describes.
///
/// # Errors
/// If they are something else.
pub fn read_plain(plain: &[u8]) -> Result<(Head, &[u8]), Unreadable> {
    let (length, rest) = plain.split_first_chunk::<4>().ok_or(Unreadable)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Unreadable)?;
    let (head, bytes) = rest.split_at_checked(length).ok_or(Unreadable)?;
    let head = std::str::from_utf8(head).map_err(|_| Unreadable)?;
    Ok((json::read(head).map_err(|_| Unreadable)?, bytes))
}

/// The salt of a key: both points, so that it fits this pair of keys only.
pub fn salt(ephemeral: &[u8], server: &[u8]) -> Vec<u8> {
    [ephemeral, server].concat()
}

/// The nonce of a piece. Its key is a new one for each file, so that its number is enough.
pub fn nonce(number: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&number.to_be_bytes());
    nonce
}

/// A piece as it is sent.
pub fn piece(ephemeral: &[u8; POINT], number: u32, ciphertext: &[u8]) -> Vec<u8> {
    [&ephemeral[..], &number.to_be_bytes(), ciphertext].concat()
}

/// A piece's ephemeral point, its number and its ciphertext.
///
/// # Errors
/// If it is too short to be one.
pub fn read_piece(piece: &[u8]) -> Result<(&[u8; POINT], u32, &[u8]), Unreadable> {
    let (point, rest) = piece.split_first_chunk::<POINT>().ok_or(Unreadable)?;
    let (number, ciphertext) = rest.split_first_chunk::<4>().ok_or(Unreadable)?;
    Ok((point, u32::from_be_bytes(*number), ciphertext))
}

/// The file of these pieces.
pub fn file(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    for piece in pieces {
        // Photos are a few megabytes, far below what four bytes count.
        file.extend(u32::try_from(piece.len()).unwrap_or(u32::MAX).to_be_bytes());
        file.extend_from_slice(piece);
    }
    file
}

/// The pieces of a file.
///
/// # Errors
/// If it is no relay file, of another version, empty or cut off.
pub fn read_file(file: &[u8]) -> Result<Vec<&[u8]>, Unreadable> {
    let mut rest = file.strip_prefix(&MAGIC[..]).ok_or(Unreadable)?;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(Unreadable)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Unreadable)?;
        let (piece, after) = after.split_at_checked(length).ok_or(Unreadable)?;
        read_piece(piece)?;
        pieces.push(piece);
        rest = after;
    }
    if pieces.is_empty() { Err(Unreadable) } else { Ok(pieces) }
}
