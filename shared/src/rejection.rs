//! A refusal by the rules: a stable code and the data that its sentence needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Code, code};

/// Values for the placeholders of a code's sentence; never sentences themselves.
pub type Fields = BTreeMap<String, String>;

/// The most characters of a value.
const VALUE_MAX: usize = 200;

/// Why a command was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[error("{code}")]
pub struct Rejection {
    /// The stable code, also the key of the translations.
    #[serde(deserialize_with = "code::read_reason")]
    pub code: Code,
    /// What the sentence mentions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, String>))]
    pub fields: Fields,
}

impl Rejection {
    /// A refusal without data.
    pub fn new(code: Code) -> Self {
        Rejection { code, fields: Fields::new() }
    }

    /// The same refusal with one more value for its sentence. A value may repeat what was sent, so that a long one is
    /// cut: a refusal is kept and shown, and nobody reads more of it.
    pub fn with(mut self, field: &str, value: impl ToString) -> Self {
        let mut value = value.to_string();
        if let Some((cut, _)) = value.char_indices().nth(VALUE_MAX) {
            value.truncate(cut);
            value.push('…');
        }
        self.fields.insert(field.to_owned(), value);
        self
    }
}

impl From<Code> for Rejection {
    fn from(code: Code) -> Self {
        Rejection::new(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = Rejection::new(Code::CaseUnknownPlace).with("place", "楼".repeat(100_000));
        assert_eq!(long.fields["place"], format!("{}…", "楼".repeat(200)));
        let short = Rejection::new(Code::CaseUnknownPlace).with("place", "楼".repeat(200));
        assert_eq!(short.fields["place"], "楼".repeat(200));
    }
}
