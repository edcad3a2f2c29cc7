//! What a transaction notes of uploads: looked up together, judged one after the other as if each were alone, and written
//! together.

use std::collections::{BTreeMap, BTreeSet};

use shared::{Code, Rejection, ids::PersonId, wire::Part};

use super::store::{self, State, Upload, UploadKey};
use crate::{App, Error, ledger::Ledgers, sites::Writer};

/// What is to be written down of an upload.
#[derive(Debug)]
pub(crate) enum Note {
    /// It was announced.
    Announced(Upload),
    /// It was announced, and all of it came along.
    Brought {
        /// As it was announced.
        announced: Upload,
        /// What became of it.
        next: State,
    },
    /// It is as far as that, unless another request has moved it meanwhile.
    Moved {
        /// As it was known.
        upload: Upload,
        /// How far it is now.
        next: State,
    },
}

impl Note {
    fn key(&self) -> &UploadKey {
        match self {
            Note::Announced(upload)
            | Note::Brought { announced: upload, .. }
            | Note::Moved { upload, .. } => &upload.key,
        }
    }

    /// Whether a photo is complete with it.
    fn keeps_photo(&self) -> bool {
        match self {
            Note::Announced(_) => false,
            Note::Brought { next, .. } | Note::Moved { next, .. } => {
                self.key().part == Part::Full && matches!(next, State::Kept { .. })
            }
        }
    }
}

/// What was written down of an upload.
#[derive(Debug)]
pub(crate) struct Noted {
    /// As it is now.
    pub upload: Upload,
    /// Nothing was known of it before.
    pub new: bool,
    /// How far its site is with that, where it was written.
    pub seq: Option<i64>,
}

/// The uploads that a transaction has to do with, whose site it holds.
#[derive(Debug)]
pub(crate) struct Notes {
    /// As they are now.
    known: BTreeMap<UploadKey, Upload>,
    /// Those of them that are not written yet.
    changed: BTreeSet<UploadKey>,
    /// How many each of those who announce something has left unfinished.
    unfinished: BTreeMap<PersonId, i64>,
}

impl Notes {
    /// Looks up what some notes are about.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn open(
        writer: &mut Writer,
        ledgers: &mut Ledgers,
        notes: &[&Note],
    ) -> Result<Notes, Error> {
        let site = writer.code().clone();
        let mut photos: Vec<_> = notes.iter().map(|note| note.key().photo).collect();
        photos.sort_unstable();
        photos.dedup();
        let found = store::of_photos(writer.conn(), &site, &photos).await?;
        let kept = notes.iter().filter(|note| note.keeps_photo()).map(|note| note.key());
        ledgers.load_naming(writer, kept).await?;
        let known = found.into_iter().map(|upload| (upload.key.clone(), upload)).collect();
        let mut unfinished = BTreeMap::new();
        for note in notes {
            if let Note::Announced(Upload { key: UploadKey { author, .. }, .. }) = note
                && !unfinished.contains_key(author)
            {
                let count = store::count_unfinished(writer.conn(), &site, *author).await?;
                unfinished.insert(*author, count);
            }
        }
        Ok(Notes { known, changed: BTreeSet::new(), unfinished })
    }

    /// Judges a note.
    ///
    /// # Errors
    /// After which nothing of it has happened: `file.conflict` if the same part was announced with another length or hash;
    /// `file.too_many` if its author has left too many unfinished; `file.offset` if another request was faster;
    /// `file.not_found` if it was forgotten meanwhile; the reason if it was refused before. Or if the database fails.
    pub(crate) async fn write(
        &mut self,
        app: &App,
        writer: &mut Writer,
        ledgers: &mut Ledgers,
        note: &Note,
    ) -> Result<Noted, Error> {
        let found = self.known.get(note.key()).cloned();
        match note {
            Note::Announced(announced) => {
                if let Some(found) = found {
                    return Ok(Noted { upload: same(found, announced)?, new: false, seq: None });
                }
                refuse_too_many(app, self.unfinished.get(&announced.key.author).copied().unwrap_or(0))?;
                self.keep(announced.clone());
                Ok(Noted { upload: announced.clone(), new: true, seq: Some(writer.head()) })
            }
            Note::Brought { announced, next } => {
                if let Some(found) = found {
                    let found = same(found, announced)?;
                    // Announced meanwhile, it is moved; as far as anything else, another request was faster.
                    let upload = if found.received() == 0 { found.clone() } else { announced.clone() };
                    return self.moved(writer, ledgers, found, &upload, next).await;
                }
                let upload = Upload { state: next.clone(), changed: writer.now(), ..announced.clone() };
                self.settle(writer, ledgers, upload, true).await
            }
            Note::Moved { upload, next } => {
                let found = found.ok_or(Code::FileNotFound)?;
                self.moved(writer, ledgers, found, upload, next).await
            }
        }
    }

    /// Notes how far an upload is, unless it is found elsewhere than it was known to be.
    async fn moved(
        &mut self,
        writer: &mut Writer,
        ledgers: &mut Ledgers,
        found: Upload,
        upload: &Upload,
        next: &State,
    ) -> Result<Noted, Error> {
        if found.state == *next && found.sha256 == upload.sha256 {
            // It lasted, though the one who wrote it could not know: what is staged has names of its own.
            return Ok(Noted { upload: found, new: false, seq: None });
        }
        if found != *upload {
            let found = refuse_again(found)?;
            let same = found.sha256 == upload.sha256;
            let both_kept = matches!((&found.state, next), (State::Kept { .. }, State::Kept { .. }));
            return if same && both_kept {
                Ok(Noted { upload: found, new: false, seq: None })
            } else {
                Err(elsewhere(&found).into())
            };
        }
        let upload = Upload { state: next.clone(), changed: writer.now(), ..found };
        self.settle(writer, ledgers, upload, false).await
    }

    /// Notes how far an upload is now, and what follows from that.
    async fn settle(
        &mut self,
        writer: &mut Writer,
        ledgers: &mut Ledgers,
        upload: Upload,
        new: bool,
    ) -> Result<Noted, Error> {
        self.keep(upload.clone());
        if matches!(upload.state, State::Kept { .. }) {
            // No backup that was made before reaches as far as this.
            writer.next_seq();
            if upload.key.part == Part::Full {
                ledgers.photo_kept(writer, &upload.key, &upload.sha256).await?;
            }
        }
        Ok(Noted { upload, new, seq: Some(writer.head()) })
    }

    fn keep(&mut self, upload: Upload) {
        let key = upload.key.clone();
        let after = i64::from(upload.is_unfinished());
        let before = self.known.insert(key.clone(), upload).map_or(0, |before| before.is_unfinished().into());
        if let Some(unfinished) = self.unfinished.get_mut(&key.author) {
            *unfinished += after - before;
        }
        self.changed.insert(key);
    }

    /// Writes what was noted, for whoever looks it up in the database.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn close(self, writer: &mut Writer) -> Result<(), Error> {
        let uploads: Vec<&Upload> = self.changed.iter().filter_map(|key| self.known.get(key)).collect();
        Ok(store::put(writer.conn(), &uploads).await?)
    }
}

/// An upload that was announced before; `file.conflict` if that was with another length or hash, the reason if it was
/// refused.
pub(super) fn same(found: Upload, announced: &Upload) -> Result<Upload, Rejection> {
    if found.sha256 != announced.sha256 || found.length != announced.length {
        return Err(Code::FileConflict.into());
    }
    refuse_again(found)
}

/// An upload that was not refused; what was, is refused again without being sent again.
pub(super) fn refuse_again(upload: Upload) -> Result<Upload, Rejection> {
    match upload.state {
        State::Refused(rejection) => Err(rejection),
        State::Receiving { .. } | State::Kept { .. } => Ok(upload),
    }
}

/// `file.too_many` if an author has left so many unfinished that no other may be begun.
pub(super) fn refuse_too_many(app: &App, unfinished: i64) -> Result<(), Rejection> {
    let max = app.settings.max_unfinished_uploads;
    if unfinished >= i64::from(max) {
        return Err(Rejection::new(Code::FileTooMany).with("max", max));
    }
    Ok(())
}

/// The refusal of bytes that do not go on where the upload stands.
pub(super) fn elsewhere(upload: &Upload) -> Rejection {
    Rejection::new(Code::FileOffset).with("offset", upload.received())
}
