//! Showing a photo: through a case or a round that shows it to whoever asks, or what is in quarantine of that, and in no
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
    case::{Case, CaseView, command::PhotoRef},
    ids::{AttachmentId, CaseId, PersonId, RoundId, SiteCode},
    round::Round,
    site::Member,
    time::Ms,
    wire::{self, Part},
};
use utoipa::IntoParams;
use uuid::Uuid;

use super::store::{self, State as UploadState, Upload, UploadKey};
use crate::{
    App, Error,
    accounts::SignedIn,
    commands::quarantine,
    db::Conn,
    ledger::{self, Pictured},
    sites::{self, Known},
};

/// A browser may keep it for good and for this session only: the next person on a shared phone has another cookie.
const CACHE: [(header::HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
    (header::VARY, HeaderValue::from_static("cookie")),
];

/// Which bytes of the photo.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The site of the case or round.
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
    answer::<Case>(&app, &signed_in, path, which, &headers).await
}

/// The bytes of a photo that a round shows to whoever is signed in.
#[utoipa::path(get, path = "/api/rounds/{round}/photos/{photo}", tag = "files",
    params(("round" = RoundId, Path), ("photo" = AttachmentId, Path), Which),
    responses(
        (status = 200, description = "The photo, without metadata",
            content(("image/jpeg"), ("image/png"))),
        (status = 304, description = "As the browser has it"),
        (status = "default", body = wire::Problem, content_type = "application/problem+json")))]
pub(super) async fn round_photo(
    signed_in: SignedIn,
    State(app): State<App>,
    path: Result<Path<(RoundId, AttachmentId)>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    answer::<Round>(&app, &signed_in, path, which, &headers).await
}

/// What shows photos to some and not to others.
trait Shows: Pictured {
    fn uuid(id: Self::Id) -> Uuid;

    /// The photos that it shows to a member, each with its author.
    fn shown_to(&self, member: &Member, known: &Known, now: Ms) -> Vec<(PersonId, PhotoRef)>;
}

fn cloned<A: Pictured>(of: &A) -> Vec<(PersonId, PhotoRef)> {
    of.named().into_iter().map(|(author, photo)| (author, photo.clone())).collect()
}

impl Shows for Case {
    fn uuid(id: CaseId) -> Uuid {
        id.0
    }

    fn shown_to(&self, member: &Member, known: &Known, now: Ms) -> Vec<(PersonId, PhotoRef)> {
        match self.view(self.standings(member, &known.site, &known.zone, now)) {
            Some(CaseView::Full(case)) => cloned(&*case),
            Some(CaseView::Outline(_)) | None => Vec::new(),
        }
    }
}

impl Shows for Round {
    fn uuid(id: RoundId) -> Uuid {
        id.0
    }

    fn shown_to(&self, member: &Member, known: &Known, now: Ms) -> Vec<(PersonId, PhotoRef)> {
        let standings = self.standings(member, &known.site, &known.zone, now);
        let view = self.view(member, standings, &known.people);
        view.as_ref().map(cloned).unwrap_or_default()
    }
}

async fn answer<A: Shows>(
    app: &App,
    signed_in: &SignedIn,
    path: Result<Path<(A::Id, AttachmentId)>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    // An address that no photo can have is the address of no photo.
    let (Ok(Path((id, photo))), Ok(Query(Which { site, part }))) = (path, which) else {
        return Err(Code::FileNotFound.into());
    };
    let shown = shown::<A>(app, signed_in, &site, id, photo, part).await?;
    let (upload, mime) = shown.ok_or(Code::FileNotFound)?;
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

/// The upload behind a photo that a case or round shows to somebody, with the type of its bytes.
async fn shown<A: Shows>(
    app: &App,
    signed_in: &SignedIn,
    site: &SiteCode,
    id: A::Id,
    photo: AttachmentId,
    part: Part,
) -> Result<Option<(Upload, String)>, Error> {
    let mut conn = app.db.read().await?;
    let Some(member) = sites::store::member(&mut conn, site, signed_in.person).await? else {
        return Ok(None);
    };
    let Some(known) = app.directory.get(&mut conn, site).await? else { return Ok(None) };
    let found = ledger::store::find::<A>(&mut conn, site, id).await?;
    let mut photos = found.map(|found| found.shown_to(&member, &known, app.clock.now())).unwrap_or_default();
    photos.extend(quarantine::shown_photo(&mut conn, &known, &member, A::uuid(id), photo).await?);
    photos.retain(|(_, shown)| shown.id == photo);
    kept_upload(&mut conn, site, &photos, part).await
}

/// The first of some photos' uploads whose bytes are here.
async fn kept_upload(
    conn: &mut Conn,
    site: &SiteCode,
    photos: &[(PersonId, PhotoRef)],
    part: Part,
) -> Result<Option<(Upload, String)>, Error> {
    for (author, photo) in photos {
        let sha256 = match part {
            Part::Thumb => &photo.thumb_sha256,
            Part::Full => &photo.sha256,
        };
        let key = UploadKey { site: site.clone(), author: *author, photo: photo.id, part };
        if let Some(upload) = store::find(conn, &key).await?
            && upload.sha256 == *sha256
            && let UploadState::Kept { mime } = &upload.state
        {
            let mime = mime.clone();
            return Ok(Some((upload, mime)));
        }
    }
    Ok(None)
}
