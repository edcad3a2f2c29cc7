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
use shared::{Code, Rejection};

use super::{
    checksum::Checksum,
    notes::{Note, Noted, elsewhere, refuse_again, refuse_too_many, same},
    store::{self, Segment, State, Upload, UploadKey},
};
use crate::{App, Error, db::Conn, gather, sites::Writer};

/// So many bytes are kept as soon as they are here, however many are to come.
const SEGMENT: usize = 1 << 20;
/// A sender that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Notes an upload.
///
/// # Errors
/// As [`Notes::write`](super::notes::Notes::write).
pub(super) async fn announce(app: &App, announced: Upload) -> Result<Noted, Error> {
    let site = announced.key.site.clone();
    gather::note(app, &site, Note::Announced(announced)).await
}

/// Forgets an upload that is not finished. Whoever goes on with it meanwhile finds it gone; whoever brings all of it at once
/// announces it anew.
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

/// What there is already of an upload that comes with its bytes: what can be refused without them is refused before.
///
/// # Errors
/// As [`announce`].
pub(super) async fn look(app: &App, conn: &mut Conn, announced: &Upload) -> Result<Option<Upload>, Error> {
    match store::find(conn, &announced.key).await? {
        Some(found) => Ok(Some(same(found, announced)?)),
        None => {
            let unfinished = store::count_unfinished(conn, &announced.key.site, announced.key.author).await?;
            refuse_too_many(app, unfinished)?;
            Ok(None)
        }
    }
}

/// Notes an upload and takes the bytes that come along, after a [`look`] at what there is. Of one that is complete with them
/// there is one thing to write down, so nothing is before they are here, or more of them than are kept in memory.
///
/// # Errors
/// As [`announce`] and [`receive`].
pub(super) async fn create(
    app: App,
    announced: Upload,
    found: Option<Upload>,
    body: Body,
    checksum: Option<Checksum>,
) -> Result<Noted, Error> {
    match found {
        Some(upload) if upload.received() > 0 => Ok(Noted { upload, new: false, seq: None }),
        Some(upload) => receive(app, upload, body, checksum).await,
        None => {
            let incoming = Incoming { new: true, unwritten: true, ..Incoming::of(app, announced, checksum) };
            incoming.run(body).await
        }
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
) -> Result<Noted, Error> {
    Incoming::of(app, upload, checksum).run(body).await
}

/// One request's bytes on their way.
struct Incoming {
    app: App,
    /// As its row says, or will say.
    upload: Upload,
    /// It had no row before this request.
    new: bool,
    /// It has none yet.
    unwritten: bool,
    /// How far the site is with what was last written.
    seq: Option<i64>,
    /// What the request says of its bytes; none of them count before all were seen.
    checksum: Option<Checksum>,
    /// Staged, and not yet in the row.
    unclaimed: Vec<Segment>,
    /// Not even staged.
    fresh: BytesMut,
}

impl Incoming {
    fn of(app: App, upload: Upload, checksum: Option<Checksum>) -> Incoming {
        let (unclaimed, fresh) = (Vec::new(), BytesMut::new());
        Incoming { app, upload, new: false, unwritten: false, seq: None, checksum, unclaimed, fresh }
    }

    /// Takes them in a task of its own, because the request's ends with its connection.
    async fn run(self, body: Body) -> Result<Noted, Error> {
        tokio::spawn(self.receive(body)).await.map_err(anyhow::Error::new)?
    }

    async fn receive(mut self, body: Body) -> Result<Noted, Error> {
        let taken = self.take(body).await;
        if let Err(Error::Rejected(_)) = &taken {
            // After any other failure a row may claim it all the same; what none claims is swept up.
            self.app.files.depot.discard(&self.upload.key, &self.unclaimed).await;
            // The announcement stands, whatever the bytes were. If that cannot be written, the first refusal says more.
            let _ = self.announce().await;
        }
        taken.map(|()| Noted { upload: self.upload, new: self.new, seq: self.seq })
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
                self.announce().await?;
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
        self.announce().await?;
        if !self.fresh.is_empty() {
            self.stage().await?;
        }
        self.claim().await
    }

    /// Writes down that there is this upload.
    async fn announce(&mut self) -> Result<(), Error> {
        if self.unwritten {
            let Noted { upload, seq, .. } = announce(&self.app, self.upload.clone()).await?;
            (self.unwritten, self.seq) = (false, seq);
            if upload.received() > 0 {
                return Err(elsewhere(&upload).into());
            }
            self.upload = upload;
        }
        Ok(())
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
        self.settle(State::Receiving { segments }).await
    }

    /// Verifies and checks the whole of the upload, whose last bytes are fresh, and keeps it.
    ///
    /// # Errors
    /// `file.wrong_hash`, after which all of it has to be sent again; what else [`Checker::check`] says, for ever.
    ///
    /// [`Checker::check`]: super::photo::Checker::check
    async fn finish(&mut self) -> Result<(), Error> {
        if !matches!(self.upload.state, State::Receiving { .. }) {
            return Ok(());
        }
        let segments: Vec<Segment> = self.upload.segments().iter().chain(&self.unclaimed).cloned().collect();
        let fresh = self.fresh.split();
        let Incoming { app, upload, .. } = &*self;
        let whole = if segments.is_empty() {
            fresh
        } else {
            let mut whole = match app.files.depot.assemble(&upload.key, &segments).await {
                Ok(whole) => whole,
                Err(error) => return Err(self.moved_meanwhile().await?.unwrap_or(error)),
            };
            whole.extend_from_slice(&fresh);
            whole
        };
        let checked = app.files.checker.check(whole.freeze(), &upload.sha256).await;
        let next = match &checked {
            Ok(photo) => {
                app.files.depot.keep(&upload.key, &upload.sha256, photo.bytes.clone()).await?;
                State::Kept { mime: photo.mime.to_owned() }
            }
            Err(rejection) if rejection.code != Code::FileWrongHash => State::Refused(rejection.clone()),
            Err(_) if self.unwritten => return Err(Code::FileWrongHash.into()),
            Err(_) => State::Receiving { segments: Vec::new() },
        };
        self.settle(next).await?;
        self.app.files.depot.discard(&self.upload.key, &segments).await;
        checked.map(drop).map_err(Error::from)
    }

    /// The refusal of bytes for an upload that another request has moved meanwhile: it may have discarded what this one was
    /// to be put together from.
    async fn moved_meanwhile(&self) -> Result<Option<Error>, Error> {
        let mut conn = self.app.db.connection().await?;
        let now = store::find(&mut conn, &self.upload.key).await?;
        Ok(now.filter(|now| now.state != self.upload.state).map(|now| elsewhere(&now).into()))
    }

    /// Writes down how far the upload is, unless another request has moved it meanwhile.
    async fn settle(&mut self, next: State) -> Result<(), Error> {
        let upload = self.upload.clone();
        let note = if self.unwritten {
            Note::Brought { announced: upload, next }
        } else {
            Note::Moved { upload, next }
        };
        let Noted { upload, seq, .. } = gather::note(&self.app, &self.upload.key.site, note).await?;
        (self.upload, self.seq, self.unwritten) = (upload, seq, false);
        self.unclaimed.clear();
        Ok(())
    }
}
