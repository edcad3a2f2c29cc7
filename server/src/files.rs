//! Photos: how their bytes arrive, where they lie, and who may look at them.
//!
//! Bytes arrive by tus 1.0 (`tus`), wait in the [`depot`] until their last one is in, are checked and freed of metadata
//! ([`photo`]) and then lie in the depot for good (`upload`). A row of `uploads` says how far each is ([`store`], `notes`); it
//! never claims bytes that the depot does not have. What is never finished is forgotten after a while ([`expiry`]). What
//! was uploaded is shown only through a case or round that names it (`read`).

mod checksum;
pub mod depot;
pub mod expiry;
pub(crate) mod notes;
pub mod photo;
mod read;
pub mod store;
mod tus;
mod upload;

use axum::middleware::map_response;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use tus::carry;

use crate::App;
use depot::Depot;
use photo::Checker;

/// What the server needs to take and show photos.
#[derive(Clone, Debug)]
pub struct Files {
    /// Where their bytes lie.
    pub depot: Depot,
    /// Judges them.
    pub checker: Checker,
}

impl Files {
    /// Opens the store of a URL, see [`Depot::open`]; photos of more than `max_megapixels` are refused.
    ///
    /// # Errors
    /// As [`Depot::open`].
    pub fn open(url: &str, max_megapixels: u32) -> anyhow::Result<Files> {
        Ok(Files { depot: Depot::open(url)?, checker: Checker::new(max_megapixels) })
    }
}

/// The addresses of photos.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tus::options, tus::create))
        .routes(routes!(tus::look, tus::append, tus::terminate))
        .layer(map_response(tus::with_version))
        .routes(routes!(read::photo))
        .routes(routes!(read::round_photo))
}
