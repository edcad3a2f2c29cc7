//! A refusal by the rules: a stable code and the data that its sentence needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Code;

/// Values for the placeholders of a code's sentence; never sentences themselves.
pub type Fields = BTreeMap<String, String>;

/// Why a command was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[error("{code}")]
pub struct Rejection {
    /// The stable code, also the key of the translations.
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

    /// The same refusal with one more value for its sentence.
    pub fn with(mut self, field: &str, value: impl ToString) -> Self {
        self.fields.insert(field.to_owned(), value.to_string());
        self
    }
}

impl From<Code> for Rejection {
    fn from(code: Code) -> Self {
        Rejection::new(code)
    }
}
