//! What this device keeps of one person: documents, outbox, uploads, drafts, photos.
//!
//! Every write is one strict transaction. What [`Local::commit`] has answered `Ok` to is on the disk: only then may a
//! screen say so. Rows are kept until the server's receipt, and the sync engine says when that is.

use std::{collections::BTreeSet, rc::Rc};

use futures::lock::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    Rejection,
    case::{CaseCommand, CaseView, command::PhotoRef},
    ids::{AttachmentId, CaseId, CommandId, DeviceId, PersonId, RoundId, SiteCode},
    quarantine::Ruling,
    round::RoundCommand,
    route::RouteCommand,
    session::Session,
    sync::{Delivery, OutboxRow, Pulled, UploadRow, UploadState},
    wire::{self, Doc, DocKey, Envelope, Part},
};
use uuid::Uuid;

use crate::{
    PlatformError, Request, StorageError,
    platform::{Platform, SigningKey},
    problem,
    store::{Key, Op, Span, Store, Table},
};

const DEVICE: &str = "device";
const CHAIN: &str = "chain";
/// The last command that has left the outbox because the server has it.
const END: &str = "end";
const EPOCH: &str = "epoch";
const SESSION: &str = "session";
const SITE: &str = "site";
const PULLED: &str = "pulled:";

/// The database of one person on this device.
#[derive(Clone, Debug)]
pub struct Local<P: Platform> {
    platform: P,
    db: P::Store,
    name: String,
    /// This installation, to this person.
    pub device: DeviceId,
    key: P::Key,
    /// Who writes what depends on what is there, such as the head of the chain, does so alone.
    turn: Rc<Mutex<()>>,
}

/// So many commands that the server has are kept until a backup has them, at most.
const KEPT: usize = 1_000;
/// Below this many bytes of room nothing is kept for the case that the server is restored, and nothing fetched ahead.
pub(crate) const LITTLE_ROOM: u64 = 50 * 1024 * 1024;

/// How often commands are made anew because another tab was faster.
const TRIES: u32 = 5;

/// What all drafts have in common.
#[derive(Deserialize)]
struct WithPhotos {
    photos: Vec<PhotoRef>,
}

/// The head of the chain of commands made here.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    n: u64,
    hash: String,
}

#[derive(Serialize, Deserialize)]
struct StoredDoc {
    site: SiteCode,
    doc: Doc,
}

/// What a new command is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// By whom.
    pub author: PersonId,
    /// At which site.
    pub site: SiteCode,
    /// Of which case, or other aggregate.
    pub aggregate: Uuid,
    /// The version that the author sees.
    pub base: Option<u32>,
}

/// What a command asks, ready for its envelope.
#[derive(Clone, Debug)]
pub struct Ask {
    kind: String,
    body: serde_json::Value,
    photos: Vec<PhotoRef>,
}

impl Ask {
    /// To withdraw or mend a refused command.
    pub fn settle() -> Self {
        Ask { kind: wire::SETTLE.to_owned(), body: serde_json::json!({}), photos: Vec::new() }
    }

    /// To take a command in quarantine, or to discard it.
    pub fn rule(ruling: &Ruling) -> Self {
        let kind = if ruling.take { wire::TAKE } else { wire::DISCARD };
        let body = serde_json::json!({ "reason": ruling.reason });
        Ask { kind: kind.to_owned(), body, photos: Vec::new() }
    }
}

impl From<&CaseCommand> for Ask {
    fn from(command: &CaseCommand) -> Self {
        Ask { kind: command.kind().to_owned(), body: command.body(), photos: command.photos().to_vec() }
    }
}

impl From<&RouteCommand> for Ask {
    fn from(command: &RouteCommand) -> Self {
        Ask { kind: command.kind().to_owned(), body: command.body(), photos: Vec::new() }
    }
}

impl From<&RoundCommand> for Ask {
    fn from(command: &RoundCommand) -> Self {
        let photos = command.photos().into_iter().cloned().collect();
        Ask { kind: command.kind().to_owned(), body: command.body(), photos }
    }
}

/// What shows a photo: by its address the server gives the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Album {
    /// A case.
    Case(CaseId),
    /// A round.
    Round(RoundId),
}

impl From<CaseId> for Album {
    fn from(case: CaseId) -> Self {
        Album::Case(case)
    }
}

impl From<RoundId> for Album {
    fn from(round: RoundId) -> Self {
        Album::Round(round)
    }
}

/// A photo ready to be kept and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// JPEG bytes, upright.
    pub full: Vec<u8>,
    /// Pixels of `full` from left to right.
    pub width: u32,
    /// Pixels of `full` from top to bottom.
    pub height: u32,
    /// JPEG bytes of the thumbnail, at most 16 KiB.
    pub thumb: Vec<u8>,
}

/// Everything there is at a start.
#[derive(Debug, Default)]
pub struct Stock {
    /// Who was signed in.
    pub session: Option<Session>,
    /// The site that was shown.
    pub site: Option<SiteCode>,
    /// All documents.
    pub docs: Vec<(SiteCode, Doc)>,
    /// All commands.
    pub outbox: Vec<OutboxRow>,
    /// All photos on their way.
    pub uploads: Vec<UploadRow>,
}

impl<P: Platform> Local<P> {
    /// Opens the database of this name; made with a new device id and key where there is none.
    ///
    /// # Errors
    /// Of storage and of keys.
    pub async fn open(platform: &P, name: &str) -> Result<Self, PlatformError> {
        let db = platform.open(name).await?;
        let key = platform.key(&db).await?;
        let device = match db.row(Table::Meta, DEVICE).await? {
            Some(device) => device,
            None => {
                let device = DeviceId(platform.new_id()?);
                match db.apply(&[Op::add(Table::Meta, DEVICE, &device)?]).await {
                    // Another tab was faster, and two of them are one device.
                    Err(PlatformError::Storage(StorageError::Exists)) => {
                        db.row(Table::Meta, DEVICE).await?.unwrap_or(device)
                    }
                    done => done.map(|()| device)?,
                }
            }
        };
        Ok(Local { platform: platform.clone(), db, name: name.to_owned(), device, key, turn: Rc::default() })
    }

    /// The machine that it lies on.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// The name of a person's database.
    pub fn name_of(person: PersonId) -> String {
        format!("firsthand-{person}")
    }

    /// The name under which other tabs know this database, for locks and channels.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key for signing in.
    ///
    /// # Errors
    /// Of keys.
    pub async fn public_key(&self) -> Result<String, PlatformError> {
        Ok(wire::base64url(&self.key.public_point().await?))
    }

    /// Reads everything.
    ///
    /// # Errors
    /// Of storage.
    pub async fn stock(&self) -> Result<Stock, PlatformError> {
        // A document that another version of the app wrote is skipped, and everything is pulled anew.
        let docs: Vec<StoredDoc> = self.db.readable_rows(Table::Docs).await?;
        if docs.len() as u64 != self.db.count(Table::Docs).await? {
            self.pull_anew().await?;
        }
        let docs = docs.into_iter().map(|stored| (stored.site, stored.doc)).collect();
        Ok(Stock {
            session: self.session().await?,
            site: self.db.readable(Table::Meta, SITE).await?,
            docs,
            outbox: self.outbox().await?,
            uploads: self.uploads().await?,
        })
    }

    /// Forgets how far the sites have been pulled; not that they were, because a site where this person serves no more is
    /// known by its row alone, and not how far their backups reach, because until then everything is kept.
    async fn pull_anew(&self) -> Result<(), PlatformError> {
        let mut ops = Vec::new();
        for site in self.pulled_sites().await? {
            let stable = self.pulled(&site).await?.stable;
            let pulled = Pulled { stable, ..Pulled::default() };
            ops.push(Op::put(Table::Meta, format!("{PULLED}{site}"), &pulled)?);
        }
        self.db.apply(&ops).await
    }

    /// Keeps which site is shown, so that a killed page opens on the same one.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_site(&self, site: &SiteCode) -> Result<(), PlatformError> {
        self.db.put(Table::Meta, SITE, site).await
    }

    /// The commands, in the order in which they were made. A row that this version cannot read stays where it is and
    /// locks nobody out.
    ///
    /// # Errors
    /// Of storage.
    pub async fn outbox(&self) -> Result<Vec<OutboxRow>, PlatformError> {
        self.db.readable_rows(Table::Outbox).await
    }

    /// The photos on their way, in the order in which they were taken.
    ///
    /// # Errors
    /// Of storage.
    pub async fn uploads(&self) -> Result<Vec<UploadRow>, PlatformError> {
        self.db.readable_rows(Table::Attachments).await
    }

    /// One document as it was last pulled.
    ///
    /// # Errors
    /// Of storage.
    pub async fn doc(&self, site: &SiteCode, key: DocKey) -> Result<Option<Doc>, PlatformError> {
        let stored: Option<StoredDoc> = self.db.readable(Table::Docs, doc_key(site, key)).await?;
        Ok(stored.map(|stored| stored.doc))
    }

    /// The sites that have been pulled, also those where the person serves no more.
    ///
    /// # Errors
    /// Of storage.
    pub async fn pulled_sites(&self) -> Result<Vec<SiteCode>, PlatformError> {
        let keys = self.db.keys(Table::Meta, &Span::Prefix(PULLED.to_owned())).await?;
        let site = |key: Key| match key {
            Key::Text(text) => Some(SiteCode(text.strip_prefix(PULLED)?.to_owned())),
            Key::Number(_) => None,
        };
        Ok(keys.into_iter().filter_map(site).collect())
    }

    /// Forgets that a site was ever pulled.
    ///
    /// # Errors
    /// Of storage; then it is asked once more.
    pub async fn leave(&self, site: &SiteCode) -> Result<(), PlatformError> {
        self.db.delete(Table::Meta, format!("{PULLED}{site}")).await
    }

    /// Which documents of a site are here, also those that this version cannot read.
    ///
    /// # Errors
    /// Of storage.
    pub async fn doc_keys(&self, site: &SiteCode) -> Result<Vec<DocKey>, PlatformError> {
        let prefix = format!("{site}|");
        let keys = self.db.keys(Table::Docs, &Span::Prefix(prefix.clone())).await?;
        let key = |key: Key| match key {
            Key::Text(text) => text.strip_prefix(&prefix)?.parse().ok(),
            Key::Number(_) => None,
        };
        Ok(keys.into_iter().filter_map(key).collect())
    }

    /// How far each site has been pulled.
    ///
    /// # Errors
    /// Of storage.
    pub async fn pulled(&self, site: &SiteCode) -> Result<Pulled, PlatformError> {
        Ok(self.db.readable(Table::Meta, format!("{PULLED}{site}")).await?.unwrap_or_default())
    }

    /// Who is signed in to this database; `None` once they have signed out.
    ///
    /// # Errors
    /// Of storage.
    pub async fn session(&self) -> Result<Option<Session>, PlatformError> {
        self.db.readable(Table::Meta, SESSION).await
    }

    /// Keeps who is signed in.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_session(&self, session: Option<&Session>) -> Result<(), PlatformError> {
        let _alone = self.alone().await?;
        match session {
            Some(session) => self.db.put(Table::Meta, SESSION, session).await,
            None => self.db.delete(Table::Meta, SESSION).await,
        }
    }

    /// Keeps what relay files are sealed to, if somebody is still signed in. Answers with the session that says so.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_relay_key(&self, key: Option<String>) -> Result<Option<Session>, PlatformError> {
        let _alone = self.alone().await?;
        // Another tab may have signed out or in meanwhile.
        let Some(known) = self.session().await? else { return Ok(None) };
        let session = Session { relay_key: key, ..known };
        self.db.put(Table::Meta, SESSION, &session).await?;
        Ok(Some(session))
    }

    /// In which life of the server's database the last answer was given.
    ///
    /// # Errors
    /// Of storage.
    pub async fn epoch(&self) -> Result<Option<String>, PlatformError> {
        self.db.readable(Table::Meta, EPOCH).await
    }

    /// Signs with the key of this device and person, in base64url.
    ///
    /// # Errors
    /// Of keys.
    pub async fn sign(&self, bytes: &[u8]) -> Result<String, PlatformError> {
        Ok(wire::base64url(&self.key.sign(bytes).await?))
    }

    /// Notes in which life of the server's database an answer was given. If it is another than before, answers with the
    /// documents that are not here any more.
    ///
    /// Then the server was restored, and has lost what came after its backup: in one transaction all that it had answered
    /// waits to be sent again, photos too, and everything is to be pulled anew. Cases are shown as the server has them
    /// now, with what waits here on top.
    ///
    /// # Errors
    /// Of storage; then the next answer says so again.
    pub async fn notice_epoch(&self, epoch: &str) -> Result<Option<Vec<(SiteCode, DocKey)>>, PlatformError> {
        if self.epoch().await?.as_deref() == Some(epoch) {
            return Ok(None);
        }
        let _alone = self.alone().await?;
        // Another tab may have been told the same meanwhile.
        let before = self.epoch().await?;
        if before.as_deref() == Some(epoch) {
            return Ok(None);
        }
        let mut ops = vec![Op::put(Table::Meta, EPOCH, epoch)?];
        let mut lost = Vec::new();
        if before.is_some() {
            let offset = self.platform.heard().map_or(0, |heard| heard.server.since(heard.device));
            let mut rows = self.outbox().await?;
            // A server that was put back to a time before all of them would hear of none: with the last one it hears that
            // there were others before it.
            let end: Option<OutboxRow> = self.db.row(Table::Meta, END).await?;
            rows.extend(end.filter(|end| rows.iter().all(|row| row.n < end.n)));
            for row in rows {
                let key = DocKey::Case(CaseId(row.aggregate));
                let number = match self.doc(&row.site, key).await? {
                    Some(Doc::Case(view)) => view.number().cloned(),
                    Some(_) | None => None,
                };
                if let Some(row) = row.after_restore(number, offset) {
                    ops.push(Op::put(Table::Outbox, row.n, &row)?);
                }
            }
            for upload in self.uploads().await?.iter().filter_map(UploadRow::after_restore) {
                ops.push(Op::put(Table::Attachments, upload.name(), &upload)?);
            }
            let docs: Vec<StoredDoc> = self.db.readable_rows(Table::Docs).await?;
            let of_work = docs.into_iter().filter(|stored| match stored.doc {
                Doc::Case(_) | Doc::Route(_) | Doc::Round(_) | Doc::Refusal(_) | Doc::Quarantine(_) => true,
                Doc::Site(_) | Doc::Places(_) | Doc::People(_) => false,
            });
            lost.extend(of_work.map(|stored| (stored.site, stored.doc.key())));
            ops.extend(lost.iter().map(|(site, key)| Op::delete(Table::Docs, doc_key(site, *key))));
            let cursors = self.db.keys(Table::Meta, &Span::Prefix(PULLED.to_owned())).await?;
            // The rows stay: a site where this person serves no more is known by its row alone.
            for key in cursors {
                ops.push(Op::put(Table::Meta, key, &Pulled::default())?);
            }
        }
        self.store(&ops).await?;
        Ok(before.map(|_| lost))
    }

    /// Waits until nobody else, in no other tab either, writes what it has read before.
    async fn alone(&self) -> Result<(MutexGuard<'_, ()>, P::Lock), PlatformError> {
        let turn = self.turn.lock().await;
        let lock = self.platform.lock(&format!("{}-write", self.name)).await?;
        Ok((turn, lock))
    }

    /// Whether there is too little room to keep what the server has until a backup has it.
    pub(crate) async fn cramped(&self, outbox: &[OutboxRow]) -> bool {
        outbox.len() > KEPT || self.platform.room().await.is_some_and(|room| room < LITTLE_ROOM)
    }

    /// Makes commands, signs them, and stores them with the uploads of their photos, in one transaction that also ends
    /// their draft. The photos' bytes are there since they were taken.
    ///
    /// Refused commands that these mend (`settles`) go in the same transaction, with those of their photos that are not
    /// taken over, and the server is told before that they are settled.
    ///
    /// # Errors
    /// Of storage and of keys; then nothing is stored, and the draft stays.
    pub async fn commit(
        &self,
        subject: &Subject,
        asks: &[Ask],
        settles: &[CommandId],
        draft: Option<&str>,
    ) -> Result<(), PlatformError> {
        // Another tab numbers its commands from the same head. Where the browser has no locks, the number that was
        // taken meanwhile shows when it is stored, and the commands are made anew.
        let _alone = self.alone().await?;
        for _ in 0..TRIES {
            let (ops, last) = self.commands(subject, asks, settles, draft).await?;
            match self.store(&ops).await {
                Err(PlatformError::Storage(StorageError::Exists)) => {
                    // Perhaps they are these very commands, and only the word that they are kept was lost.
                    let there: Option<OutboxRow> = self.db.readable(Table::Outbox, last.n).await?;
                    if there.is_some_and(|row| row.hash == last.hash) {
                        return Ok(());
                    }
                }
                done => return done,
            }
        }
        Err(StorageError::Exists.into())
    }

    async fn commands(
        &self,
        subject: &Subject,
        asks: &[Ask],
        settles: &[CommandId],
        draft: Option<&str>,
    ) -> Result<(Vec<Op>, Head), PlatformError> {
        let head: Option<Head> = self.db.row(Table::Meta, CHAIN).await?;
        let mut head = head.unwrap_or(Head { n: 0, hash: wire::GENESIS.to_owned() });
        let mut ops = Vec::new();
        let mut mends = settles.to_vec();
        let mut all: Vec<(Subject, &Ask, &[CommandId])> = Vec::new();
        let settle = Ask::settle();
        if !settles.is_empty() {
            let (outbox, uploads) = (self.outbox().await?, self.uploads().await?);
            let taken: Vec<_> = asks.iter().flat_map(|ask| ask.photos.iter().map(|photo| photo.id)).collect();
            for id in settles {
                let row = outbox.iter().find(|row| row.id == *id);
                let site = row.map_or(&subject.site, |row| &row.site).clone();
                for before in self.mended_by(row, &site, *id).await? {
                    if !mends.contains(&before) {
                        mends.push(before);
                    }
                }
                ops.extend(row.map(|row| Op::delete(Table::Outbox, row.n)));
                // Photos of what came too late may be those of what took effect in its place: they still go.
                let late = row.is_some_and(OutboxRow::is_superseded);
                let goes = |upload: &&UploadRow| {
                    upload.command == *id && !(late && upload.state == UploadState::Waiting)
                };
                for upload in uploads.iter().filter(goes) {
                    ops.push(Op::delete(Table::Attachments, upload.name()));
                    if !taken.contains(&upload.photo) {
                        ops.push(Op::delete(Table::Blobs, upload.name()));
                    }
                }
                all.push((Subject { site, aggregate: id.0, base: None, ..subject.clone() }, &settle, &[]));
            }
        }
        // What belongs to a report is refused with it.
        let report = asks.first().is_some_and(|ask| ask.kind == "case.report");
        let mended = |at: usize| if report && at > 0 { &[][..] } else { mends.as_slice() };
        all.extend(asks.iter().enumerate().map(|(at, ask)| (subject.clone(), ask, mended(at))));
        for (subject, ask, mends) in all {
            let envelope = Envelope {
                id: CommandId(self.platform.new_id()?),
                device: self.device,
                author: subject.author,
                n: head.n + 1,
                prev: head.hash,
                kind: ask.kind.clone(),
                v: wire::VERSION,
                site: subject.site,
                aggregate: subject.aggregate,
                base: subject.base,
                at: self.platform.now(),
                heard: self.platform.heard(),
                mends: mends.to_vec(),
                body: ask.body.clone(),
            };
            let text = envelope.write();
            let hash = wire::hash(&text);
            let signature = wire::base64url(&self.key.sign(&wire::signing_bytes(&hash)).await?);
            for photo in &ask.photos {
                for upload in uploads_of(photo, &envelope) {
                    ops.push(Op::put(Table::Attachments, upload.name(), &upload)?);
                }
            }
            let row = OutboxRow {
                n: envelope.n,
                id: envelope.id,
                author: envelope.author,
                site: envelope.site,
                aggregate: envelope.aggregate,
                kind: envelope.kind,
                at: envelope.at,
                text,
                hash: hash.clone(),
                signature,
                delivery: Delivery::Pending,
            };
            ops.push(Op::add(Table::Outbox, row.n, &row)?);
            head = Head { n: row.n, hash };
        }
        ops.push(Op::put(Table::Meta, CHAIN, &head)?);
        ops.extend(draft.map(|key| Op::delete(Table::Drafts, key)));
        Ok((ops, head))
    }

    /// What a refused command took the place of itself, as its text on this device or in the server's document says.
    async fn mended_by(
        &self,
        row: Option<&OutboxRow>,
        site: &SiteCode,
        id: CommandId,
    ) -> Result<Vec<CommandId>, PlatformError> {
        let text = match row {
            Some(row) => Some(row.text.clone()),
            None => match self.doc(site, DocKey::Refusal(id)).await? {
                Some(Doc::Refusal(refusal)) => Some(refusal.text),
                Some(_) | None => None,
            },
        };
        let envelope = text.and_then(|text| Envelope::read(&text).ok());
        Ok(envelope.map(|envelope| envelope.mends).unwrap_or_default())
    }

    /// Writes; where the device is full, photos that can be had again make room first, and only then those that would be
    /// lost with the server's disk.
    async fn store(&self, ops: &[Op]) -> Result<(), PlatformError> {
        for backed_up in [true, false] {
            match self.db.apply(ops).await {
                Err(PlatformError::Storage(StorageError::Full)) => self.make_room(backed_up).await?,
                done => return done,
            }
        }
        self.db.apply(ops).await
    }

    /// Lets go of the bytes of photos that the server has and no draft shows: with `backed_up` of those that a backup has,
    /// too, or that came from the server, and otherwise of all of them but their thumbnails.
    async fn make_room(&self, backed_up: bool) -> Result<(), PlatformError> {
        // In this order, because others write meanwhile: photos are in a draft, then among the uploads, and never in neither.
        let mut names = self.blobs().await?;
        let drafts: Vec<WithPhotos> = self.db.readable_rows(Table::Drafts).await?;
        let rows = self.names(Table::Attachments).await?;
        let uploads = self.uploads().await?;
        let drafted = drafts.iter().flat_map(|draft| &draft.photos);
        let drafted =
            drafted.flat_map(|photo| [Part::Thumb, Part::Full].map(|part| wire::file_name(photo.id, part)));
        // Thumbnails take so little that they stay.
        let sent = uploads
            .iter()
            .filter(|upload| upload.part == Part::Full && matches!(upload.state, UploadState::Done { .. }));
        let sent: BTreeSet<String> = sent.map(UploadRow::name).collect();
        // The row of a photo stays until a backup has it. One that this version cannot read is of an unsent photo, for all
        // that is known.
        let unsent = rows.into_iter().filter(|name| backed_up || !sent.contains(name));
        let needed: BTreeSet<String> = unsent.chain(drafted).collect();
        names.retain(|name| !needed.contains(name));
        let ops: Vec<Op> = names.iter().map(|name| Op::delete(Table::Blobs, name.as_str())).collect();
        self.db.apply(&ops).await
    }

    /// Stores what the server answered to commands in a life of its database, unless that is over: then they wait to be
    /// sent again. What was taken back meanwhile is not brought back.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_answered(&self, rows: &[OutboxRow], epoch: &str) -> Result<(), PlatformError> {
        let _alone = self.alone().await?;
        if self.epoch().await?.as_deref() != Some(epoch) {
            return Ok(());
        }
        let mut ops = Vec::with_capacity(rows.len());
        for row in rows {
            if self.db.get(Table::Outbox, Key::Number(row.n)).await?.is_some() {
                ops.push(Op::put(Table::Outbox, row.n, row)?);
            }
        }
        self.store(&ops).await
    }

    /// Stores how far an upload got, unless it was given up meanwhile.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_upload(&self, row: &UploadRow) -> Result<(), PlatformError> {
        let _alone = self.alone().await?;
        let there: Option<UploadRow> = self.db.readable(Table::Attachments, row.name()).await?;
        match there {
            Some(there) if there.command == row.command => {
                self.store(&[Op::put(Table::Attachments, row.name(), row)?]).await
            }
            // It goes with the command that took the place of a refused one.
            Some(_) | None => Ok(()),
        }
    }

    /// Stores a page of a pull together with its cursor, and lets go what is settled by it.
    ///
    /// # Errors
    /// Of storage; then the page is pulled again.
    pub async fn keep_page(
        &self,
        site: &SiteCode,
        page: &Page<'_>,
        settled: &[OutboxRow],
    ) -> Result<(), PlatformError> {
        let mut ops = Vec::new();
        for doc in page.docs {
            let stored = StoredDoc { site: site.clone(), doc: doc.clone() };
            ops.push(Op::put(Table::Docs, doc_key(site, doc.key()), &stored)?);
        }
        ops.extend(page.gone.iter().map(|key| Op::delete(Table::Docs, doc_key(site, *key))));
        ops.extend(page.photos.iter().map(|name| Op::delete(Table::Blobs, name.as_str())));
        ops.push(Op::put(Table::Meta, format!("{PULLED}{site}"), &page.pulled)?);
        let _alone = self.alone().await?;
        // Another tab may have heard meanwhile that the server was put back: then they are to be sent again.
        let mut through = Vec::with_capacity(settled.len());
        for row in settled {
            let there: Option<OutboxRow> = self.db.readable(Table::Outbox, row.n).await?;
            through.extend(there.filter(|there| there == row));
        }
        ops.extend(through.iter().map(|row| Op::delete(Table::Outbox, row.n)));
        if let Some(last) = through.iter().max_by_key(|row| row.n) {
            let end: Option<OutboxRow> = self.db.row(Table::Meta, END).await?;
            if end.is_none_or(|end| end.n < last.n) {
                ops.push(Op::put(Table::Meta, END, last)?);
            }
        }
        self.store(&ops).await
    }

    /// Forgets commands and uploads that a person has withdrawn, or that have reached the server whole.
    ///
    /// # Errors
    /// Of storage.
    pub async fn forget(
        &self,
        commands: &[u64],
        uploads: &[String],
        blobs: &[String],
    ) -> Result<(), PlatformError> {
        let mut ops: Vec<Op> = commands.iter().map(|n| Op::delete(Table::Outbox, *n)).collect();
        ops.extend(uploads.iter().map(|name| Op::delete(Table::Attachments, name.as_str())));
        ops.extend(blobs.iter().map(|name| Op::delete(Table::Blobs, name.as_str())));
        self.db.apply(&ops).await
    }

    /// A photo's bytes, if this device has them.
    ///
    /// # Errors
    /// Of storage.
    pub async fn blob(&self, name: &str) -> Result<Option<Vec<u8>>, PlatformError> {
        self.db.bytes(Table::Blobs, name).await
    }

    /// The names of all bytes on this device.
    ///
    /// # Errors
    /// Of storage.
    pub async fn blobs(&self) -> Result<Vec<String>, PlatformError> {
        self.names(Table::Blobs).await
    }

    /// The keys of a table whose keys are names.
    async fn names(&self, table: Table) -> Result<Vec<String>, PlatformError> {
        let name = |key: Key| match key {
            Key::Text(name) => Some(name),
            Key::Number(_) => None,
        };
        Ok(self.db.keys(table, &Span::All).await?.into_iter().filter_map(name).collect())
    }

    /// Keeps bytes that came from the server, to have them without a network.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_blob(&self, name: &str, bytes: Vec<u8>) -> Result<(), PlatformError> {
        self.db.apply(&[Op::put_bytes(Table::Blobs, name, bytes)]).await
    }

    /// A draft, if there is one under this key. One that another version of the app wrote is none.
    ///
    /// # Errors
    /// Of storage.
    pub async fn draft<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, PlatformError> {
        self.db.readable(Table::Drafts, key).await
    }

    /// The drafts whose keys begin so, in the order of their keys.
    ///
    /// # Errors
    /// Of storage.
    pub async fn drafts<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, PlatformError> {
        let keys = self.db.keys(Table::Drafts, &Span::Prefix(prefix.to_owned())).await?;
        let mut drafts = Vec::new();
        for key in keys {
            drafts.extend(self.db.readable(Table::Drafts, key).await?);
        }
        Ok(drafts)
    }

    /// Keeps a draft.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_draft<T: Serialize>(&self, key: &str, draft: &T) -> Result<(), PlatformError> {
        self.store(&[Op::put(Table::Drafts, key, draft)?]).await
    }

    /// Keeps a photo's bytes, and with them the draft that shows it, in one transaction.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_photo<T: Serialize>(
        &self,
        key: &str,
        draft: &T,
        photo: &PhotoRef,
        taken: Photo,
    ) -> Result<(), PlatformError> {
        self.store(&[
            Op::put_bytes(Table::Blobs, wire::file_name(photo.id, Part::Thumb), taken.thumb),
            Op::put_bytes(Table::Blobs, wire::file_name(photo.id, Part::Full), taken.full),
            Op::put(Table::Drafts, key, draft)?,
        ])
        .await
    }

    /// Takes a photo out of a draft: `draft` is kept as it is without it, and its bytes go unless a command needs them.
    ///
    /// # Errors
    /// Of storage.
    pub async fn drop_photo<T: Serialize>(
        &self,
        key: &str,
        draft: &T,
        photo: &PhotoRef,
    ) -> Result<(), PlatformError> {
        let _alone = self.alone().await?;
        let mut ops = self.only_drafted(std::slice::from_ref(photo)).await?;
        ops.push(Op::put(Table::Drafts, key, draft)?);
        self.db.apply(&ops).await
    }

    /// Throws a draft away, with the photos that no command needs.
    ///
    /// # Errors
    /// Of storage.
    pub async fn drop_draft(&self, key: &str, photos: &[PhotoRef]) -> Result<(), PlatformError> {
        let _alone = self.alone().await?;
        let mut ops = self.only_drafted(photos).await?;
        ops.push(Op::delete(Table::Drafts, key));
        self.db.apply(&ops).await
    }

    /// What deletes the bytes of those of some photos that no command on this device names: a refused one keeps its photos
    /// until it is taken back.
    async fn only_drafted(&self, photos: &[PhotoRef]) -> Result<Vec<Op>, PlatformError> {
        let uploads = self.uploads().await?;
        let named = |photo: &&PhotoRef| uploads.iter().any(|upload| upload.photo == photo.id);
        let names = photos.iter().filter(|photo| !named(photo)).flat_map(|photo| {
            [Part::Thumb, Part::Full].map(|part| Op::delete(Table::Blobs, wire::file_name(photo.id, part)))
        });
        Ok(names.collect())
    }

    /// Sends the refused photos of a command once more.
    ///
    /// # Errors
    /// Of storage.
    pub async fn retry_photos(&self, command: CommandId) -> Result<(), PlatformError> {
        let _alone = self.alone().await?;
        let refused = self.refused_photos(command).await?;
        let again =
            refused.into_iter().map(|upload| UploadRow { offset: 0, state: UploadState::Waiting, ..upload });
        let ops: Vec<Op> =
            again.map(|row| Op::put(Table::Attachments, row.name(), &row)).collect::<Result<_, _>>()?;
        self.db.apply(&ops).await
    }

    /// Gives up the refused photos of a command: they leave this device.
    ///
    /// # Errors
    /// Of storage.
    pub async fn give_up_photos(&self, command: CommandId) -> Result<(), PlatformError> {
        let _alone = self.alone().await?;
        let refused = self.refused_photos(command).await?;
        let names: Vec<String> = refused.iter().map(UploadRow::name).collect();
        self.forget(&[], &names, &names).await
    }

    async fn refused_photos(&self, command: CommandId) -> Result<Vec<UploadRow>, PlatformError> {
        let mut uploads = self.uploads().await?;
        uploads.retain(|upload| {
            upload.command == command && matches!(upload.state, UploadState::Refused { .. })
        });
        Ok(uploads)
    }

    /// A photo's bytes: from this device, else from the server, and then kept for a time without a network.
    ///
    /// # Errors
    /// `device.offline` where it is nowhere near; the server's own.
    pub async fn photo(
        &self,
        site: &SiteCode,
        album: Album,
        photo: AttachmentId,
        part: Part,
    ) -> Result<Vec<u8>, Rejection> {
        let name = wire::file_name(photo, part);
        if let Some(bytes) = self.blob(&name).await? {
            return Ok(bytes);
        }
        let part = match part {
            Part::Thumb => "thumb",
            Part::Full => "full",
        };
        let (shown_by, album) = match album {
            Album::Case(case) => (DocKey::Case(case), format!("cases/{case}")),
            Album::Round(round) => (DocKey::Round(round), format!("rounds/{round}")),
        };
        let url = format!("/api/{album}/photos/{photo}?site={site}&part={part}");
        let response = self.platform.send(Request::get(url)).await?;
        if !response.is_ok() {
            return Err(problem(&response));
        }
        // What this person has lost sight of meanwhile is not kept (R9).
        if self.doc(site, shown_by).await.is_ok_and(|doc| doc.is_some()) {
            // Only a copy: without room for it the photo is shown all the same.
            let _ = self.keep_blob(&name, response.body.clone()).await;
        }
        Ok(response.body)
    }
}

/// What a pull brought.
#[derive(Debug)]
pub struct Page<'a> {
    /// Changed documents.
    pub docs: &'a [Doc],
    /// Lost ones.
    pub gone: &'a [DocKey],
    /// The bytes that are lost with them.
    pub photos: &'a [String],
    /// Where to go on.
    pub pulled: Pulled,
}

fn doc_key(site: &SiteCode, key: DocKey) -> String {
    format!("{site}|{key}")
}

fn uploads_of(photo: &PhotoRef, envelope: &Envelope) -> [UploadRow; 2] {
    let row = |part, sha256: &str, bytes| UploadRow {
        photo: photo.id,
        part,
        command: envelope.id,
        author: envelope.author,
        site: envelope.site.clone(),
        case: CaseId(envelope.aggregate),
        sha256: sha256.to_owned(),
        bytes,
        offset: 0,
        state: UploadState::Waiting,
    };
    [row(Part::Thumb, &photo.thumb_sha256, photo.thumb_bytes), row(Part::Full, &photo.sha256, photo.bytes)]
}

/// The photos of a case, for keeping and letting go of their bytes.
pub fn photos_of(view: &CaseView) -> Vec<PhotoRef> {
    view.full().map(|case| case.photos.iter().map(|photo| photo.photo.clone()).collect()).unwrap_or_default()
}
