//! What is looked at on a stop, and what was found there.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    case::command::PhotoRef,
    ids::{ItemCode, RoundId, StopCode},
};

/// A number in thousandths, exact: a reading of 0.3 MPa is 300.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Milli(pub i64);

impl fmt::Display for Milli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 1_000, self.0.unsigned_abs() % 1_000);
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{rest:03}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl std::str::FromStr for Milli {
    type Err = ();

    /// Reads what a person types: at most nine digits before the point and three after it.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix(['-', '−']) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, rest) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
        let plain = |part: &str, most: usize| {
            !part.is_empty() && part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !plain(whole, 9) || !plain(rest, 3) {
            return Err(());
        }
        let number: i64 = format!("{whole}{rest:0<3}").parse().map_err(|_| ())?;
        Ok(Milli(if negative { -number } else { number }))
    }
}

/// One thing to look at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Item {
    /// Stable within the stop, so that readings can be compared over time.
    pub code: ItemCode,
    /// What, shown.
    pub text: String,
    /// What is answered.
    pub kind: ItemKind,
}

/// What is answered to an item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// It is so, or not.
    OkOrNot,
    /// A number read off.
    Number {
        /// Shown behind it.
        #[serde(default)]
        unit: String,
        /// Less is abnormal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        low: Option<Milli>,
        /// More is abnormal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high: Option<Milli>,
    },
    /// One of these.
    Choice {
        /// In the order in which they are offered.
        options: Vec<Choice>,
    },
    /// A few words.
    Text,
    /// A photo, in so many of a hundred rounds: 100 asks for it always.
    Photo {
        /// From 1 to 100.
        percent: u8,
    },
}

/// An answer that can be chosen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Choice {
    /// Shown, and what the answer is kept as.
    pub text: String,
    /// Something is wrong then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abnormal: bool,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// It is so, or not.
    Ok(bool),
    /// The number.
    Number(Milli),
    /// The text of the choice.
    Choice(String),
    /// The words.
    Text(String),
    /// The photos.
    Photos(Vec<PhotoRef>),
}

impl Reading {
    /// The photos, if it is any.
    pub fn photos(&self) -> &[PhotoRef] {
        match self {
            Reading::Photos(photos) => photos,
            Reading::Ok(_) | Reading::Number(_) | Reading::Choice(_) | Reading::Text(_) => &[],
        }
    }
}

impl Item {
    /// Whether an answer to it says that something is wrong. An answer of another kind than is asked for, as one of another
    /// version of the route may be, says so only where it says so by itself.
    pub fn abnormal(&self, reading: &Reading) -> bool {
        match (&self.kind, reading) {
            (ItemKind::Number { low, high, .. }, Reading::Number(number)) => {
                low.is_some_and(|low| *number < low) || high.is_some_and(|high| *number > high)
            }
            (ItemKind::Choice { options }, Reading::Choice(chosen)) => {
                options.iter().any(|option| option.abnormal && option.text == *chosen)
            }
            (_, Reading::Ok(ok)) => !ok,
            (_, Reading::Number(_) | Reading::Choice(_) | Reading::Text(_) | Reading::Photos(_)) => false,
        }
    }

    /// Whether it is asked for in this round: everything is, but a photo that is asked for now and then. Phone and server
    /// draw the same lot without a word between them, for it follows from round, stop and item.
    pub fn asked(&self, round: RoundId, stop: &StopCode) -> bool {
        let ItemKind::Photo { percent } = self.kind else { return true };
        let mut lot = Sha256::new();
        lot.update(round.0.as_bytes());
        lot.update(stop.as_str().as_bytes());
        // No code holds a zero byte, so that no two pairs of stop and item read the same.
        lot.update([0]);
        lot.update(self.code.as_str().as_bytes());
        let drawn = lot.finalize();
        let drawn = u32::from_be_bytes([drawn[0], drawn[1], drawn[2], drawn[3]]);
        drawn % 100 < u32::from(percent)
    }
}
