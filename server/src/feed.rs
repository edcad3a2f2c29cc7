//! Who gets to read what: documents, to whom they are addressed, and pulling what has changed.
//!
//! A document has one row in `feed` for each principal it is or was addressed to, rewritten whenever it changes. A pull
//! walks the rows of the principals that a person holds now; what a row leads to is sent as that person may see it. What
//! ended long ago is taken out of the feed by [`archive`].

pub mod archive;
mod cursor;
mod pull;
pub mod store;

pub use cursor::Sealer;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// The address of pulling.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(pull::pull))
}
