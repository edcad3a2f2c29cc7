//! Uploading by tus 1.0: core, creation, creation with upload, checksum, termination, expiration.
//!
//! An upload lies at [`file_name`] of its photo and part, so that a device whose answer was lost finds it without
//! having been told where. `POST` announces it with its length, and with site, SHA-256 and author in `Upload-Metadata`;
//! a repeat finds what is there. A small photo goes with its announcement, in one request. `HEAD` says how far it is,
//! `PATCH` goes on from there, `DELETE` gives it up. `Upload-Checksum` has the bytes of one request taken as a whole or
//! not at all. `Upload-Expires` says until when an upload that gets no further is kept.
//!
//! Anybody who serves at the site may carry the bytes of anybody's photo there: the hash in the author's signed command
//! vouches for them. Before that command is here, only the author announces anything; and whoever carries says whose
//! upload is meant, because another's may have the same name.
//!
//! [`file_name`]: shared::wire::file_name

use std::collections::HashMap;

use axum::{
    body::{Body, Bytes},
    extract::{
        FromRequestParts, Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::Deserialize;
use shared::{
    Code, Rejection,
    ids::{PersonId, SiteCode},
    relay,
    time::Ms,
    wire::{self, Part},
};
use utoipa::IntoParams;

use super::{
    checksum::{self, Checksum},
    expiry,
    notes::{Noted, elsewhere, refuse_again},
    store::{self, Upload, UploadKey},
    upload::{self, announce, receive},
};
use crate::{
    App, Error,
    accounts::{self, SignedIn},
    commands,
    db::Conn,
    ledger,
    sites::{self, store::Serves},
};

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const EXTENSIONS: HeaderValue =
    HeaderValue::from_static("creation,creation-with-upload,checksum,termination,expiration");
const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_SEQ: HeaderName = HeaderName::from_static(wire::UPLOAD_SEQ);
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// The type of a request that carries bytes of an upload.
const OCTETS: &str = "application/offset+octet-stream";
/// The most bytes of a thumbnail.
const THUMB_MAX: u64 = 16 * 1024;

/// Proves that the request speaks this version of tus.
#[derive(Debug)]
pub(super) struct Tus;

impl FromRequestParts<App> for Tus {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Response> {
        if parts.headers.get(TUS_RESUMABLE) == Some(&VERSION) {
            return Ok(Tus);
        }
        let error = Error::from(bad(&TUS_RESUMABLE));
        Err((StatusCode::PRECONDITION_FAILED, [(TUS_VERSION, VERSION)], error).into_response())
    }
}

/// Every answer says which version it speaks.
pub(super) async fn with_version(mut response: Response) -> Response {
    response.headers_mut().insert(TUS_RESUMABLE, VERSION);
    response
}

/// What the server can do.
#[utoipa::path(options, path = "/api/files", tag = "files", responses(
    (status = 204, description = "See the headers", headers(
        ("Tus-Version" = String), ("Tus-Extension" = String), ("Tus-Max-Size" = u64),
        ("Tus-Checksum-Algorithm" = String)))))]
pub(super) async fn options(State(app): State<App>) -> impl IntoResponse {
    let size = HeaderValue::from(max_bytes(&app, Part::Full));
    let algorithms = HeaderValue::from_static(checksum::ALGORITHMS);
    let headers = [
        (TUS_VERSION, VERSION),
        (TUS_EXTENSION, EXTENSIONS),
        (TUS_MAX_SIZE, size),
        (TUS_CHECKSUM_ALGORITHM, algorithms),
    ];
    (StatusCode::NO_CONTENT, headers)
}

/// Announces an upload, and may bring its bytes along.
///
/// `Upload-Metadata` holds, each in base64: `name`, the photo's id with `.thumb` for its thumbnail; `sha256` of the
/// bytes as sent, in lowercase hex; `site`; `author`, if not whoever is signed in. With bytes, the type of the request is
/// `application/offset+octet-stream`.
#[utoipa::path(post, path = "/api/files", tag = "files",
    params(("Tus-Resumable" = String, Header), ("Upload-Length" = u64, Header),
        ("Upload-Metadata" = String, Header), ("Upload-Checksum" = Option<String>, Header)),
    request_body(content(("application/offset+octet-stream"))),
    responses(
        (status = 201, description = "New", headers(
            ("Location" = String), ("Upload-Offset" = u64), ("Upload-Expires" = String))),
        (status = 200, description = "Known", headers(
            ("Location" = String), ("Upload-Offset" = u64), ("Upload-Expires" = String))),
        (status = "default", body = wire::Problem, content_type = "application/problem+json")))]
pub(super) async fn create(
    _: Tus,
    signed_in: SignedIn,
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse + use<>, Error> {
    let announced = announcement(&app, &signed_in, &headers)?;
    let checksum = checksum(&headers)?;
    let mut conn = app.db.connection().await?;
    admit(&mut conn, &signed_in, &announced).await?;
    let noted = if carries_bytes(&headers) {
        let found = upload::look(&app, &mut conn, &announced).await?;
        drop(conn);
        upload::create(app.clone(), announced, found, body, checksum).await?
    } else {
        drop(conn);
        announce(&app, announced).await?
    };
    let Noted { upload, new, seq } = noted;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let mut location = format!("/api/files/{}", wire::file_name(upload.key.photo, upload.key.part));
    if upload.key.author != signed_in.person {
        location = format!("{location}?author={}", upload.key.author);
    }
    let location = HeaderValue::try_from(location).map_err(anyhow::Error::new)?;
    let mut headers = progress(&app, &upload, seq).await?;
    headers.insert(header::LOCATION, location);
    Ok((status, headers))
}

/// Whose upload.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Whose {
    /// The author of the command that names the photo, if not whoever is signed in.
    author: Option<PersonId>,
}

/// How far an upload is.
#[utoipa::path(head, path = "/api/files/{name}", tag = "files",
    params(("name" = String, Path), Whose, ("Tus-Resumable" = String, Header)),
    responses(
        (status = 200, headers(
            ("Upload-Offset" = u64), ("Upload-Length" = u64), ("Upload-Expires" = String))),
        (status = "default", description = "As a problem without a body")))]
pub(super) async fn look(
    _: Tus,
    signed_in: SignedIn,
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<impl IntoResponse, Error> {
    // An answer to HEAD has no body that could say why an upload was refused: the repeated announcement says it.
    let upload =
        refuse_again(locate(&app, &signed_in, name, whose).await?).map_err(|_| Code::FileNotFound)?;
    let mut headers = progress(&app, &upload, None).await?;
    headers.insert(UPLOAD_LENGTH, upload.length.into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(headers)
}

/// Brings bytes of an upload, from where it stands.
#[utoipa::path(patch, path = "/api/files/{name}", tag = "files",
    params(("name" = String, Path), Whose, ("Tus-Resumable" = String, Header), ("Upload-Offset" = u64, Header),
        ("Upload-Checksum" = Option<String>, Header)),
    request_body(content(("application/offset+octet-stream"))),
    responses(
        (status = 204, description = "Taken", headers(("Upload-Offset" = u64), ("Upload-Expires" = String))),
        (status = "default", body = wire::Problem, content_type = "application/problem+json")))]
pub(super) async fn append(
    _: Tus,
    signed_in: SignedIn,
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
    whose: Result<Query<Whose>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse + use<>, Error> {
    if !carries_bytes(&headers) {
        return Err(bad(&header::CONTENT_TYPE).into());
    }
    let offset = number(&headers, &UPLOAD_OFFSET)?;
    let checksum = checksum(&headers)?;
    let upload = refuse_again(locate(&app, &signed_in, name, whose).await?)?;
    if offset != upload.received() {
        return Err(elsewhere(&upload).into());
    }
    let Noted { upload, seq, .. } = receive(app.clone(), upload, body, checksum).await?;
    Ok((StatusCode::NO_CONTENT, progress(&app, &upload, seq).await?))
}

/// Gives up an upload that is not finished. Only its author may: whoever carries another's bytes has nothing to give up.
#[utoipa::path(delete, path = "/api/files/{name}", tag = "files",
    params(("name" = String, Path), ("Tus-Resumable" = String, Header)),
    responses(
        (status = 204, description = "Forgotten"),
        (status = "default", body = wire::Problem, content_type = "application/problem+json")))]
pub(super) async fn terminate(
    _: Tus,
    signed_in: SignedIn,
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Error> {
    let own = Ok(Query(Whose { author: None }));
    let upload = locate(&app, &signed_in, name, own).await?;
    upload::terminate(&app, &upload.key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What every answer says of an upload: how far it is, and until when it is kept if it gets no further; or, when it is
/// complete, how far its site is, which may be further than with the upload but never less. That is looked up where it is not
/// known.
async fn progress(app: &App, upload: &Upload, seq: Option<i64>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::from_iter([(UPLOAD_OFFSET, upload.received().into())]);
    if matches!(upload.state, store::State::Kept { .. }) {
        let head = match seq {
            Some(seq) => Some(seq),
            None => sites::store::head(&mut *app.db.connection().await?, &upload.key.site).await?,
        };
        headers.insert(UPLOAD_SEQ, head.unwrap_or(0).into());
    }
    if let Some(expires) = expiry::expires(upload) {
        let expires = jiff::Timestamp::from_millisecond(expires.0)
            .and_then(|expires| DateTimePrinter::new().timestamp_to_rfc9110_string(&expires))
            .map_err(anyhow::Error::new)?;
        headers.insert(UPLOAD_EXPIRES, HeaderValue::try_from(expires).map_err(anyhow::Error::new)?);
    }
    Ok(headers)
}

/// What a request says of its own bytes.
fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Rejection> {
    let Some(header) = headers.get(UPLOAD_CHECKSUM) else { return Ok(None) };
    let checksum = header.to_str().ok().and_then(Checksum::read);
    checksum.map(Some).ok_or_else(|| bad(&UPLOAD_CHECKSUM))
}

/// What a `POST` announces.
fn announcement(app: &App, signed_in: &SignedIn, headers: &HeaderMap) -> Result<Upload, Rejection> {
    let length = number(headers, &UPLOAD_LENGTH)?;
    let metadata = headers.get(UPLOAD_METADATA).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let upload = announced(metadata, length, signed_in.person, app.clock.now())
        .ok_or_else(|| bad(&UPLOAD_METADATA))?;
    match max_bytes(app, upload.key.part) {
        // Nothing to send would be complete unseen.
        _ if length == 0 => Err(bad(&UPLOAD_LENGTH)),
        max if length > max => Err(Rejection::new(Code::FileTooLarge).with("max", max)),
        _ => Ok(upload),
    }
}

fn announced(metadata: &str, length: u64, signed_in: PersonId, now: Ms) -> Option<Upload> {
    let pairs: HashMap<&str, String> = metadata
        .split(',')
        .filter_map(|pair| {
            let (name, value) = pair.trim().split_once(' ')?;
            Some((name, String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?))
        })
        .collect();
    let (photo, part) = wire::read_file_name(pairs.get("name")?)?;
    let sha256 = pairs.get("sha256")?;
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if sha256.len() != 64 || !sha256.bytes().all(hex) {
        return None;
    }
    let author = match pairs.get("author") {
        Some(author) => author.parse().ok()?,
        None => signed_in,
    };
    let site = SiteCode(pairs.get("site")?.clone());
    Some(Upload {
        key: UploadKey { site, author, photo, part },
        sha256: sha256.clone(),
        length,
        state: store::State::Receiving { segments: Vec::new() },
        changed: now,
    })
}

/// Takes a photo's part from a relay file, as if it were uploaded; goes on where an upload of it stands. Whether all of it
/// is here now.
///
/// # Errors
/// As of an upload.
pub(crate) async fn carry(
    app: &App,
    carrier: &SignedIn,
    photo: relay::Photo,
    bytes: Bytes,
) -> Result<bool, Error> {
    let relay::Photo { site, author, photo, part, sha256 } = photo;
    let length = bytes.len() as u64;
    let max = max_bytes(app, part);
    if length > max {
        return Err(Rejection::new(Code::FileTooLarge).with("max", max).into());
    }
    let key = UploadKey { site, author, photo, part };
    let state = store::State::Receiving { segments: Vec::new() };
    let announced = Upload { key, sha256, length, state, changed: app.clock.now() };
    let mut conn = app.db.connection().await?;
    admit(&mut conn, carrier, &announced).await?;
    let found = upload::look(app, &mut conn, &announced).await?;
    drop(conn);
    let whole = Body::from(bytes.clone());
    let mut upload = upload::create(app.clone(), announced, found, whole, None).await?.upload;
    if upload.received() < length {
        // No longer than the bytes themselves, which are in memory.
        let here = usize::try_from(upload.received()).unwrap_or(usize::MAX).min(bytes.len());
        let rest = Body::from(bytes.slice(here..));
        upload = receive(app.clone(), upload, rest, None).await?.upload;
    }
    Ok(upload.received() == length)
}

/// Refuses bytes for a site where the author never served, or the carrier does not serve; and those of somebody else that
/// no command names, so that nobody can take the place of another's photo. Who has left still sends the photos of what
/// they had made: no record is to lack them.
async fn admit(conn: &mut Conn, signed_in: &SignedIn, announced: &Upload) -> Result<(), Error> {
    let Upload { key, sha256, length, .. } = announced;
    let [carrier, author] = sites::store::serve(conn, &key.site, [signed_in.person, key.author]).await?;
    let (serves, served) = (carrier == Serves::Now, author != Serves::Never);
    let own = key.author == signed_in.person;
    if !served || !(serves || own) {
        return Err(Code::SiteNotMember.into());
    }
    let named = match own {
        true if serves => true,
        // Also where the case does not show it any more.
        true => ledger::was_named(conn, key).await?,
        false => ledger::name_photo(conn, key, sha256, *length).await?,
    };
    if named || commands::quarantine::name_photo(conn, key, sha256, *length).await? {
        return Ok(());
    }
    Err(if serves { Code::FileNotFound } else { Code::SiteNotMember }.into())
}

/// The upload of an address, at one of the sites where the carrier serves, or has served if it is their own.
async fn locate(
    app: &App,
    signed_in: &SignedIn,
    name: Result<Path<String>, PathRejection>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Upload, Error> {
    // An address that no upload can have is the address of no upload.
    let (Ok(Path(name)), Ok(Query(Whose { author }))) = (name, whose) else {
        return Err(Code::FileNotFound.into());
    };
    let (photo, part) = wire::read_file_name(&name).ok_or(Code::FileNotFound)?;
    let author = author.unwrap_or(signed_in.person);
    let mut conn = app.db.connection().await?;
    let sites = if author == signed_in.person {
        accounts::store::sites_ever_of(&mut conn, author).await?
    } else {
        let sites = accounts::store::sites_of(&mut conn, signed_in.person).await?;
        sites.into_iter().map(|site| site.code).collect()
    };
    for site in sites {
        let key = UploadKey { site, author, photo, part };
        if let Some(upload) = store::find(&mut conn, &key).await? {
            return Ok(upload);
        }
    }
    Err(Code::FileNotFound.into())
}

fn max_bytes(app: &App, part: Part) -> u64 {
    match part {
        Part::Thumb => THUMB_MAX,
        Part::Full => u64::from(app.settings.max_photo_mb) * 1_000_000,
    }
}

fn carries_bytes(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == OCTETS)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Rejection> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| bad(name))
}

fn bad(header: &HeaderName) -> Rejection {
    Rejection::new(Code::FileBadHeader).with("header", header)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use uuid::Uuid;

    use super::*;

    const PHOTO: &str = "01900000-0000-7000-8000-000000000001";
    const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const ME: PersonId = PersonId(Uuid::from_u128(1));

    fn metadata(pairs: &[(&str, &str)]) -> String {
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name} {}", STANDARD.encode(value))).collect();
        pairs.join(",")
    }

    #[test]
    fn an_announcement_names_photo_part_site_and_hash() {
        let name = format!("{PHOTO}.thumb");
        let text = metadata(&[("name", &name), ("site", "jinzhou"), ("sha256", SHA), ("filename", "a.jpg")]);
        let upload = announced(&text, 9, ME, Ms(0)).unwrap();
        assert_eq!(upload.key.photo.to_string(), PHOTO);
        assert_eq!(upload.key.part, Part::Thumb);
        assert_eq!(upload.key.site.as_str(), "jinzhou");
        assert_eq!(upload.key.author, ME);
        assert_eq!((upload.length, upload.sha256.as_str()), (9, SHA));
    }

    #[test]
    fn an_announcement_may_name_another_author() {
        let author = Uuid::from_u128(2).to_string();
        let text = metadata(&[("name", PHOTO), ("site", "jinzhou"), ("sha256", SHA), ("author", &author)]);
        assert_eq!(announced(&text, 9, ME, Ms(0)).unwrap().key.author.0, Uuid::from_u128(2));
    }

    #[rstest]
    #[case::nothing(&[])]
    #[case::no_name(&[("site", "jinzhou"), ("sha256", SHA)])]
    #[case::no_site(&[("name", PHOTO), ("sha256", SHA)])]
    #[case::no_hash(&[("name", PHOTO), ("site", "jinzhou")])]
    #[case::no_id(&[("name", "leak.jpg"), ("site", "jinzhou"), ("sha256", SHA)])]
    #[case::short_hash(&[("name", PHOTO), ("site", "jinzhou"), ("sha256", "e3b0")])]
    #[case::loud_hash(&[("name", PHOTO), ("site", "jinzhou"), ("sha256", &SHA.to_uppercase())])]
    #[case::no_person(&[("name", PHOTO), ("site", "jinzhou"), ("sha256", SHA), ("author", "me")])]
    fn an_incomplete_announcement_is_none(#[case] pairs: &[(&str, &str)]) {
        assert!(announced(&metadata(pairs), 9, ME, Ms(0)).is_none());
    }

    #[test]
    fn what_is_not_base64_is_no_announcement() {
        assert!(announced("name %%%,site jinzhou,sha256 x", 9, ME, Ms(0)).is_none());
    }
}
