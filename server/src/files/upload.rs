//! The way of a photo's bytes: announced, received piece by piece, verified, checked, kept.
//!
//! Bytes go to the depot before the database says so, and an upload counts as complete only once it is kept: what is
//! lost half way, by a cut connection or a stopped server, is asked for again. Two requests that carry the same bytes
//! at once do no harm; the later one is told where the upload stands.

use std::time::Duration;

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use shared::{
    Code, Rejection,
    ids::SiteCode,
    wire::{self, Part},
};

use super::store::{self, Segment, State, Upload};
use crate::{App, Error, cases, sites::Writer};

/// So many bytes are kept as soon as they are here, however many are to come.
const SEGMENT: usize = 1 << 20;
/// A sender that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Notes an upload; whether it is new.
///
/// # Errors
/// `file.conflict` if the same part was announced with another length or hash; the reason if it was refused before.
pub(super) async fn announce(app: &App, announced: Upload) -> Result<(Upload, bool), Error> {
    let mut writer = writer(app, &announced.key.site).await?;
    if let Some(known) = store::find(writer.conn(), &announced.key).await? {
        if known.sha256 != announced.sha256 || known.length != announced.length {
            return Err(Code::FileConflict.into());
        }
        return Ok((refuse_again(known)?, false));
    }
    store::insert(writer.conn(), &announced, app.clock.now()).await?;
    writer.commit().await?;
    Ok((announced, true))
}

async fn writer(app: &App, site: &SiteCode) -> Result<Writer, Error> {
    Writer::begin(app, site).await?.ok_or_else(|| Code::FileNotFound.into())
}

/// An upload that was not refused; what was, is refused again without being sent again.
pub(super) fn refuse_again(upload: Upload) -> Result<Upload, Rejection> {
    match upload.state {
        State::Refused(rejection) => Err(rejection),
        State::Receiving { .. } | State::Kept { .. } => Ok(upload),
    }
}

/// Takes bytes that go on where the upload stands. Whoever sends them may vanish meanwhile: what has arrived is kept.
///
/// # Errors
/// `file.too_large` for more bytes than announced, `file.offset` if another request was faster, and what
/// [`finish`] says of the whole.
pub(super) async fn receive(app: App, upload: Upload, body: Body) -> Result<Upload, Error> {
    // A task of its own, because the request's ends with its connection.
    tokio::spawn(receive_all(app, upload, body)).await.map_err(anyhow::Error::new)?
}

async fn receive_all(app: App, mut upload: Upload, body: Body) -> Result<Upload, Error> {
    let mut body = body.into_data_stream();
    let mut fresh = BytesMut::new();
    // A connection that is cut, or silent for too long, ends the body like its end does.
    while let Ok(Some(Ok(piece))) = tokio::time::timeout(SILENCE, body.next()).await {
        fresh.extend_from_slice(&piece);
        if upload.received() + fresh.len() as u64 > upload.length {
            return Err(Rejection::new(Code::FileTooLarge).with("max", upload.length).into());
        }
        if fresh.len() >= SEGMENT && !completes(&upload, &fresh) {
            upload = stage(&app, upload, fresh.split().freeze()).await?;
        }
    }
    if completes(&upload, &fresh) {
        finish(&app, upload, fresh.freeze()).await
    } else if fresh.is_empty() {
        Ok(upload)
    } else {
        stage(&app, upload, fresh.freeze()).await
    }
}

fn completes(upload: &Upload, fresh: &[u8]) -> bool {
    upload.received() + fresh.len() as u64 == upload.length
}

/// Keeps bytes of an upload that is not complete with them.
async fn stage(app: &App, upload: Upload, bytes: Bytes) -> Result<Upload, Error> {
    let State::Receiving { segments } = &upload.state else { return Ok(upload) };
    let start = upload.received();
    let segment = Segment { start, end: start + bytes.len() as u64 };
    app.files.depot.stage(&upload.key, segment, bytes).await?;
    let segments = segments.iter().copied().chain([segment]).collect();
    settle(app, upload, State::Receiving { segments }).await
}

/// Verifies and checks the whole of an upload, whose last bytes are not staged, and keeps it.
///
/// # Errors
/// `file.wrong_hash`, after which all of it has to be sent again; what [`Checker::check`] says, for ever.
///
/// [`Checker::check`]: super::photo::Checker::check
async fn finish(app: &App, upload: Upload, last: Bytes) -> Result<Upload, Error> {
    let State::Receiving { segments } = upload.state.clone() else { return Ok(upload) };
    let mut whole = app.files.depot.assemble(&upload.key, &segments).await?;
    whole.extend_from_slice(&last);
    let whole = whole.freeze();
    let hashed = whole.clone();
    let hash = tokio::task::spawn_blocking(move || wire::hex(&Sha256::digest(&hashed)));
    let hash = hash.await.map_err(anyhow::Error::new)?;
    let key = upload.key.clone();
    let (next, answer) = if hash == upload.sha256 {
        match app.files.checker.check(whole).await {
            Ok(photo) => {
                app.files.depot.keep(&key, photo.bytes).await?;
                (State::Kept { mime: photo.mime.to_owned() }, Ok(()))
            }
            Err(rejection) => (State::Refused(rejection.clone()), Err(rejection)),
        }
    } else {
        (State::Receiving { segments: Vec::new() }, Err(Code::FileWrongHash.into()))
    };
    let upload = settle(app, upload, next).await?;
    app.files.depot.discard(&key, &segments).await;
    answer.map(|()| upload).map_err(Error::from)
}

/// Writes down how far an upload is, unless another request has moved it meanwhile.
async fn settle(app: &App, upload: Upload, next: State) -> Result<Upload, Error> {
    let mut writer = writer(app, &upload.key.site).await?;
    let found = store::find(writer.conn(), &upload.key).await?.ok_or(Code::FileNotFound)?;
    if found.state != upload.state {
        let found = refuse_again(found)?;
        let both_kept = matches!((&found.state, &next), (State::Kept { .. }, State::Kept { .. }));
        return if both_kept { Ok(found) } else { Err(elsewhere(&found).into()) };
    }
    let upload = Upload { state: next, ..upload };
    store::update(writer.conn(), &upload, app.clock.now()).await?;
    if upload.key.part == Part::Full && matches!(upload.state, State::Kept { .. }) {
        cases::photo_kept(&mut writer, &upload.key, &upload.sha256).await?;
    }
    writer.commit().await?;
    Ok(upload)
}

/// The refusal of bytes that do not go on where the upload stands.
pub(super) fn elsewhere(upload: &Upload) -> Rejection {
    Rejection::new(Code::FileOffset).with("offset", upload.received())
}
