//! Showing a photo: through a case that shows it to whoever asks, or what is in quarantine of that case, and in no
//! other way.

use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use shared::{
    Code,
    case::{CaseView, Photo},
    ids::{AttachmentId, CaseId, SiteCode},
    wire::{self, Part},
};
use utoipa::IntoParams;

use super::store::{self, State as UploadState, Upload, UploadKey};
use crate::{App, Error, accounts::SignedIn, cases, commands::quarantine, sites};

/// A browser may keep it for good and for this session only: the next person on a shared phone has another cookie.
const CACHE: [(header::HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
    (header::VARY, HeaderValue::from_static("cookie")),
];

/// Which bytes of the photo.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The site of the case.
    site: SiteCode,
    /// The photo itself, unless asked otherwise.
    #[serde(default = "full")]
    #[param(inline, required = false)]
    part: Part,
}

fn full() -> Part {
    Part::Full
}

/// The bytes of a photo that a case shows to whoever is signed in.
#[utoipa::path(get, path = "/api/cases/{case}/photos/{photo}", tag = "files",
    params(("case" = CaseId, Path), ("photo" = AttachmentId, Path), Which),
    responses(
        (status = 200, description = "The photo, without metadata",
            content(("image/jpeg"), ("image/png"))),
        (status = 304, description = "As the browser has it"),
        (status = "default", body = wire::Problem, content_type = "application/problem+json")))]
pub(super) async fn photo(
    signed_in: SignedIn,
    State(app): State<App>,
    path: Result<Path<(CaseId, AttachmentId)>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    // An address that no photo can have is the address of no photo.
    let (Ok(Path((case, photo))), Ok(Query(Which { site, part }))) = (path, which) else {
        return Err(Code::FileNotFound.into());
    };
    let (upload, mime) =
        shown(&app, &signed_in, &site, case, photo, part).await?.ok_or(Code::FileNotFound)?;
    let tag = HeaderValue::try_from(format!("\"{}\"", upload.sha256)).map_err(anyhow::Error::new)?;
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, CACHE, [(header::ETAG, tag)]).into_response());
    }
    let bytes = app.files.depot.read(&upload.key, &upload.sha256).await?;
    let mime = HeaderValue::try_from(mime).map_err(anyhow::Error::new)?;
    let inline = HeaderValue::from_static("inline");
    let headers = [
        (header::CONTENT_TYPE, mime),
        (header::CONTENT_DISPOSITION, inline),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::ETAG, tag),
    ];
    Ok((CACHE, headers, bytes).into_response())
}

/// The upload behind a photo that a case shows to somebody, with the type of its bytes.
async fn shown(
    app: &App,
    signed_in: &SignedIn,
    site: &SiteCode,
    case: CaseId,
    photo: AttachmentId,
    part: Part,
) -> Result<Option<(Upload, String)>, Error> {
    let mut conn = app.db.read().await?;
    let Some(member) = sites::store::member(&mut conn, site, signed_in.person).await? else {
        return Ok(None);
    };
    let Some(known) = app.directory.get(&mut conn, site).await? else { return Ok(None) };
    let shown = cases::store::find(&mut conn, site, case).await?.and_then(|case| {
        let standings = case.standings(&member, &known.site, &known.zone, app.clock.now());
        match case.view(standings) {
            Some(CaseView::Full(case)) => Some(case.photos),
            Some(CaseView::Outline(_)) | None => None,
        }
    });
    let mut photos = shown.unwrap_or_default();
    photos.extend(quarantine::shown_photo(&mut conn, &known, &member, case, photo).await?);
    for Photo { photo, by, .. } in photos.iter().filter(|shown| shown.photo.id == photo) {
        let Some(author) = *by else { continue };
        let sha256 = match part {
            Part::Thumb => &photo.thumb_sha256,
            Part::Full => &photo.sha256,
        };
        let key = UploadKey { site: site.clone(), author, photo: photo.id, part };
        if let Some(upload) = store::find(&mut conn, &key).await?
            && upload.sha256 == *sha256
            && let UploadState::Kept { mime } = &upload.state
        {
            let mime = mime.clone();
            return Ok(Some((upload, mime)));
        }
    }
    Ok(None)
}
