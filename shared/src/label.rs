//! Labels at checkpoints: proof without special hardware that somebody stood before one.
//!
//! Each checkpoint has a random **token** of at least 128 bits. Its label carries it as a QR code, an NFC tag the same, as a
//! link into the app; and in print a short **code** that is derived from it. What is given to phones is neither: a hash of the
//! token, by which a scan is checked without a network, and 16 bits about the code, by which most mistyped or misplaced codes
//! are noticed. A hash of the whole code would give it away, as all 34 thousand million can be tried; of what fits the 16
//! bits half a million fit. The server has the code itself and says the last word. Tokens and codes travel in commands only,
//! never in documents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Code, Rejection,
    ids::PlaceCode,
    time::{EventTime, Ms},
    wire,
};

/// The fewest random bytes of a token.
pub const TOKEN_BYTES: usize = 16;
/// The longest token that is looked at, in characters.
pub const TOKEN_MAX: usize = 100;
/// The letters of a code: no look-alikes.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The letters of a code before its check letter.
const CODE_LETTERS: u32 = 7;

/// The labels of places, the newest of each last.
pub type Labels = BTreeMap<PlaceCode, Vec<Label>>;

/// What a label is recognised by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Label {
    /// SHA-256 of the token, lowercase hex.
    pub hash: String,
    /// 16 bits that follow from the code.
    pub hint: u16,
    /// The code itself; only the server has it, see [`Label::public`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When another label took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Ms>,
}

/// What somebody held up of a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown<'a> {
    /// The token, scanned or tapped.
    Token(&'a str),
    /// The code, typed.
    Code(&'a str),
}

/// What a label turned out to be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// The one that hangs there.
    Current,
    /// One that hung there before.
    Replaced,
    /// That of another checkpoint.
    Elsewhere(PlaceCode),
    /// None of the route's.
    Wrong,
    /// There was nothing to compare it with.
    Unknown,
}

impl Label {
    /// What a token's label is recognised by, with the code.
    pub fn of(token: &str) -> Label {
        let code = code(token);
        Label { hash: wire::hash(token), hint: hint(&code), code: Some(code), replaced: None }
    }

    /// The label as it may be given to phones.
    pub fn public(&self) -> Label {
        Label { code: None, ..self.clone() }
    }

    fn is(&self, shown: Shown<'_>) -> bool {
        match (shown, &self.code) {
            (Shown::Token(token), _) => self.hash == wire::hash(token),
            (Shown::Code(typed), Some(code)) => read_code(typed).is_ok_and(|typed| typed == *code),
            (Shown::Code(typed), None) => read_code(typed).is_ok_and(|typed| hint(&typed) == self.hint),
        }
    }
}

/// The token of random bytes, as it stands in links. `None` of fewer than [`TOKEN_BYTES`].
pub fn token(random: &[u8]) -> Option<String> {
    (random.len() >= TOKEN_BYTES).then(|| wire::base64url(random))
}

/// The path of a label's link, below the address of the app.
pub fn path(token: &str) -> String {
    format!("/c/{token}")
}

/// The token of a link, or of what was scanned if it is one by itself.
pub fn read_link(scanned: &str) -> Option<&str> {
    let scanned = scanned.trim();
    let token = scanned.rsplit_once("/c/").map_or(scanned, |(_, token)| token);
    let token = token.split(['?', '#', '/']).next().unwrap_or(token);
    let long = wire::read_base64url(token).is_some_and(|bytes| bytes.len() >= TOKEN_BYTES);
    (long && token.len() <= TOKEN_MAX).then_some(token)
}

/// What is shown, looked for among the labels of a place and then of the others. A label that was replaced after it may have
/// been shown still counts as the one that hung there.
pub fn find(labels: &Labels, place: &PlaceCode, shown: Shown<'_>, at: EventTime) -> Match {
    let here = labels.get(place).into_iter().flatten();
    if let Some(label) = here.clone().rev().find(|label| label.is(shown)) {
        let hung = at.uncertain || label.replaced.is_none_or(|replaced| at.at < replaced);
        return if hung { Match::Current } else { Match::Replaced };
    }
    let elsewhere = labels.iter().find(|(_, labels)| labels.iter().any(|label| label.is(shown)));
    match elsewhere {
        Some((place, _)) => Match::Elsewhere(place.clone()),
        None if here.count() == 0 => Match::Unknown,
        None => Match::Wrong,
    }
}

/// The short code of a token: seven letters and a check letter, `7K3M9QPC`.
pub fn code(token: &str) -> String {
    let digest = Sha256::digest(format!("firsthand-code-v1:{token}").as_bytes());
    let bits = digest.iter().take(5).fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    let values: Vec<u8> = (0..CODE_LETTERS).map(|place| ((bits >> (place * 5)) & 31) as u8).collect();
    let check = check_letter(&values);
    values.iter().chain([&check]).map(|value| char::from(ALPHABET[usize::from(*value)])).collect()
}

/// A code in two groups, as it is printed: `7K3M-9QPC`.
pub fn printed(code: &str) -> String {
    match code.split_at_checked(4) {
        Some((front, back)) => format!("{front}-{back}"),
        None => code.to_owned(),
    }
}

/// The code of what somebody typed: in whatever case and grouping, with look-alikes taken for what they look like.
///
/// # Errors
/// `label.bad_code` for what no label carries: every mistyped letter is noticed, and every two that changed places.
pub fn read_code(typed: &str) -> Result<String, Rejection> {
    let refused = || Rejection::new(Code::LabelBadCode);
    let mut code = String::new();
    let mut values = Vec::new();
    for letter in typed.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '‐' | '–'))
    {
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let value = ALPHABET.iter().position(|known| char::from(*known) == letter).ok_or_else(refused)?;
        values.push(value as u8);
        code.push(letter);
    }
    match values.split_last() {
        Some((check, rest)) if code.len() == CODE_LETTERS as usize + 1 && check_letter(rest) == *check => {
            Ok(code)
        }
        Some(_) | None => Err(refused()),
    }
}

/// The check letter: the letters as a polynomial over the field of 32 elements, at a generator. Each place has a factor of
/// its own, so that one wrong letter, or any two that changed places, give another one.
fn check_letter(values: &[u8]) -> u8 {
    let double = |value: u8| if value & 16 == 0 { value << 1 } else { ((value << 1) & 31) ^ 0b00101 };
    values.iter().fold(0, |sum, value| double(sum ^ value))
}

fn hint(code: &str) -> u16 {
    let digest = Sha256::digest(format!("firsthand-hint-v1:{code}").as_bytes());
    u16::from_be_bytes([digest[0], digest[1]])
}
