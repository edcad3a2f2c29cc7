//! The way of a photo's bytes: announced, received piece by piece, verified, checked, kept.
//!
//! Bytes go to the depot before the database says so, and an upload counts as complete only once it is kept: what is
//! lost half way, by a cut connection or a stopped server, is asked for again. Two requests that carry the same bytes
//! at once do no harm; the later one is told where the upload stands. What a request has staged is its own until a row
//! claims it, and belongs to whoever takes it out of the row from then on: only they discard it.

use std::time::Duration;

use axum::body::Body;
use bytes::BytesMut;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use shared::{
    Code, Rejection,
    wire::{self, Part},
};

use super::{
    checksum::Checksum,
    store::{self, Segment, State, Upload, UploadKey},
};
use crate::{
    App, Error,
    cases::{self, Cases},
    gather,
    sites::Writer,
};

/// So many bytes are kept as soon as they are here, however many are to come.
const SEGMENT: usize = 1 << 20;
/// A sender that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// What is to be written down of an upload.
#[derive(Debug)]
pub(crate) enum Note {
    /// It was announced.
    Announced(Upload),
    /// It is as far as that, unless another request has moved it meanwhile.
    Moved {
        /// As it was known.
        upload: Upload,
        /// How far it is now.
        next: State,
    },
}

/// What was written down of an upload.
#[derive(Debug)]
pub(crate) struct Noted {
    /// As it is now.
    pub upload: Upload,
    /// Nothing was known of it before.
    pub new: bool,
}

impl Note {
    /// Writes it down in a transaction that holds the site.
    ///
    /// # Errors
    /// Before anything is written: `file.conflict` if the same part was announced with another length or hash;
    /// `file.too_many` if its author has left too many unfinished; `file.offset` if another request was faster;
    /// `file.not_found` if it was forgotten meanwhile; the reason if it was refused before. Or if the database fails.
    pub(crate) async fn apply(
        &self,
        app: &App,
        writer: &mut Writer,
        cases: &mut Cases,
    ) -> Result<Noted, Error> {
        match self {
            Note::Announced(announced) => {
                if let Some(known) = store::find(writer.conn(), &announced.key).await? {
                    if known.sha256 != announced.sha256 || known.length != announced.length {
                        return Err(Code::FileConflict.into());
                    }
                    return Ok(Noted { upload: refuse_again(known)?, new: false });
                }
                let max = app.settings.max_unfinished_uploads;
                let UploadKey { site, author, .. } = &announced.key;
                if store::count_unfinished(writer.conn(), site, *author).await? >= i64::from(max) {
                    return Err(Rejection::new(Code::FileTooMany).with("max", max).into());
                }
                store::insert(writer.conn(), announced).await?;
                Ok(Noted { upload: announced.clone(), new: true })
            }
            Note::Moved { upload, next } => {
                let found = store::find(writer.conn(), &upload.key).await?.ok_or(Code::FileNotFound)?;
                if found.state == *next && found.sha256 == upload.sha256 {
                    // It lasted, though the one who wrote it could not know: what is staged has names of its own.
                    return Ok(Noted { upload: found, new: false });
                }
                if found != *upload {
                    let found = refuse_again(found)?;
                    let same = found.sha256 == upload.sha256;
                    let both_kept = matches!((&found.state, next), (State::Kept { .. }, State::Kept { .. }));
                    return if same && both_kept {
                        Ok(Noted { upload: found, new: false })
                    } else {
                        Err(elsewhere(&found).into())
                    };
                }
                let upload = Upload { state: next.clone(), changed: writer.now(), ..upload.clone() };
                store::update(writer.conn(), &upload).await?;
                if matches!(upload.state, State::Kept { .. }) {
                    // No backup that was made before reaches as far as this.
                    writer.next_seq();
                    if upload.key.part == Part::Full {
                        cases::photo_kept(writer, cases, &upload.key, &upload.sha256).await?;
                    }
                }
                Ok(Noted { upload, new: false })
            }
        }
    }
}

/// Notes an upload; whether it is new.
///
/// # Errors
/// As [`Note::apply`].
pub(super) async fn announce(app: &App, announced: Upload) -> Result<(Upload, bool), Error> {
    let site = announced.key.site.clone();
    let Noted { upload, new } = gather::note(app, &site, Note::Announced(announced)).await?;
    Ok((upload, new))
}

/// Forgets an upload that is not finished. Whoever brings bytes of it meanwhile finds it gone.
///
/// # Errors
/// `file.kept` for one that is: a case may show it by now; the reason if it was refused; `file.not_found`.
pub(super) async fn terminate(app: &App, key: &UploadKey) -> Result<(), Error> {
    let mut writer = Writer::begin(app, &key.site).await?.ok_or(Code::FileNotFound)?;
    let upload = store::find(writer.conn(), key).await?.ok_or(Code::FileNotFound)?;
    let upload = refuse_again(upload)?;
    if matches!(upload.state, State::Kept { .. }) {
        return Err(Code::FileKept.into());
    }
    store::remove(writer.conn(), key).await?;
    writer.commit().await?;
    app.files.depot.discard(key, upload.segments()).await;
    Ok(())
}

/// An upload that was not refused; what was, is refused again without being sent again.
pub(super) fn refuse_again(upload: Upload) -> Result<Upload, Rejection> {
    match upload.state {
        State::Refused(rejection) => Err(rejection),
        State::Receiving { .. } | State::Kept { .. } => Ok(upload),
    }
}

/// Takes bytes that go on where the upload stands. Whoever sends them may vanish meanwhile: what has arrived is kept,
/// unless it was to be checked as a whole.
///
/// # Errors
/// `file.too_large` for more bytes than announced, `file.wrong_checksum` if they are not what the request said,
/// `file.offset` if another request was faster, and what [`Incoming::finish`] says of the whole.
pub(super) async fn receive(
    app: App,
    upload: Upload,
    body: Body,
    checksum: Option<Checksum>,
) -> Result<Upload, Error> {
    let incoming = Incoming { app, upload, checksum, unclaimed: Vec::new(), fresh: BytesMut::new() };
    // A task of its own, because the request's ends with its connection.
    tokio::spawn(incoming.receive(body)).await.map_err(anyhow::Error::new)?
}

/// One request's bytes on their way.
struct Incoming {
    app: App,
    /// As its row says.
    upload: Upload,
    /// What the request says of its bytes; none of them count before all were seen.
    checksum: Option<Checksum>,
    /// Staged, and not yet in the row.
    unclaimed: Vec<Segment>,
    /// Not even staged.
    fresh: BytesMut,
}

impl Incoming {
    async fn receive(mut self, body: Body) -> Result<Upload, Error> {
        let taken = self.take(body).await;
        // After any other failure a row may claim it all the same; what none claims is swept up.
        if let Err(Error::Rejected(_)) = &taken {
            self.app.files.depot.discard(&self.upload.key, &self.unclaimed).await;
        }
        taken.map(|()| self.upload)
    }

    async fn take(&mut self, body: Body) -> Result<(), Error> {
        let mut body = body.into_data_stream();
        // A connection that is cut, or silent for too long, ends the body like its end does.
        while let Ok(Some(Ok(piece))) = tokio::time::timeout(SILENCE, body.next()).await {
            if let Some(checksum) = &mut self.checksum {
                checksum.add(&piece);
            }
            self.fresh.extend_from_slice(&piece);
            if self.position() > self.upload.length {
                return Err(Rejection::new(Code::FileTooLarge).with("max", self.upload.length).into());
            }
            if self.fresh.len() >= SEGMENT && self.position() < self.upload.length {
                self.stage().await?;
                if self.checksum.is_none() {
                    self.claim().await?;
                }
            }
        }
        if self.checksum.take().is_some_and(|checksum| !checksum.verify()) {
            return Err(Code::FileWrongChecksum.into());
        }
        if self.position() == self.upload.length {
            return self.finish().await;
        }
        if !self.fresh.is_empty() {
            self.stage().await?;
        }
        self.claim().await
    }

    /// How far the upload is with what this request has brought.
    fn position(&self) -> u64 {
        let staged = self.unclaimed.last().map_or_else(|| self.upload.received(), |segment| segment.end);
        staged + self.fresh.len() as u64
    }

    /// Keeps the fresh bytes of an upload that is not complete with them.
    async fn stage(&mut self) -> Result<(), Error> {
        let start = self.position() - self.fresh.len() as u64;
        let bytes = self.fresh.split().freeze();
        let segment = self.app.files.depot.stage(&self.upload.key, start, bytes).await?;
        self.unclaimed.push(segment);
        Ok(())
    }

    /// Writes down what is staged.
    async fn claim(&mut self) -> Result<(), Error> {
        if self.unclaimed.is_empty() {
            return Ok(());
        }
        let segments = self.upload.segments().iter().chain(&self.unclaimed).cloned().collect();
        self.upload = settle(&self.app, &self.upload, State::Receiving { segments }).await?;
        self.unclaimed.clear();
        Ok(())
    }

    /// Verifies and checks the whole of the upload, whose last bytes are fresh, and keeps it.
    ///
    /// # Errors
    /// `file.wrong_hash`, after which all of it has to be sent again; what [`Checker::check`] says, for ever.
    ///
    /// [`Checker::check`]: super::photo::Checker::check
    async fn finish(&mut self) -> Result<(), Error> {
        if !matches!(self.upload.state, State::Receiving { .. }) {
            return Ok(());
        }
        let Incoming { app, upload, .. } = &*self;
        let segments: Vec<Segment> = upload.segments().iter().chain(&self.unclaimed).cloned().collect();
        let mut whole = app.files.depot.assemble(&upload.key, &segments).await?;
        whole.extend_from_slice(&self.fresh);
        let whole = whole.freeze();
        let hashed = whole.clone();
        let hash = tokio::task::spawn_blocking(move || wire::hex(&Sha256::digest(&hashed)));
        let hash = hash.await.map_err(anyhow::Error::new)?;
        let (next, answer) = if hash == upload.sha256 {
            match app.files.checker.check(whole).await {
                Ok(photo) => {
                    app.files.depot.keep(&upload.key, &upload.sha256, photo.bytes).await?;
                    (State::Kept { mime: photo.mime.to_owned() }, Ok(()))
                }
                Err(rejection) => (State::Refused(rejection.clone()), Err(rejection)),
            }
        } else {
            (State::Receiving { segments: Vec::new() }, Err(Code::FileWrongHash.into()))
        };
        self.upload = settle(app, upload, next).await?;
        self.unclaimed.clear();
        self.app.files.depot.discard(&self.upload.key, &segments).await;
        answer.map_err(Error::from)
    }
}

/// Writes down how far an upload is, unless another request has moved it meanwhile.
async fn settle(app: &App, upload: &Upload, next: State) -> Result<Upload, Error> {
    let note = Note::Moved { upload: upload.clone(), next };
    Ok(gather::note(app, &upload.key.site, note).await?.upload)
}

/// The refusal of bytes that do not go on where the upload stands.
pub(super) fn elsewhere(upload: &Upload) -> Rejection {
    Rejection::new(Code::FileOffset).with("offset", upload.received())
}
