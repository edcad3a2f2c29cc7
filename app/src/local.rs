//! What this device keeps of one person: documents, outbox, uploads, drafts, photos.
//!
//! Every write is one strict transaction. What [`Local::commit`] has answered `Ok` to is on the disk: only then may a
//! screen say so. Rows are kept until the server's receipt, and the sync engine says when that is.

use std::{collections::BTreeMap, rc::Rc};

use futures::lock::Mutex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    case::{CaseCommand, CaseView, command::PhotoRef},
    ids::{CaseId, CommandId, DeviceId, PersonId, SiteCode},
    session::Session,
    sync::{Delivery, OutboxRow, Pulled, UploadRow, UploadState},
    time::{Heard, Ms},
    wire::{self, Doc, DocKey, Envelope, Part},
};
use uuid::Uuid;

use crate::platform::{
    PlatformError, StorageError, clock,
    crypto::DeviceKey,
    db::{Db, Key, Op, Span, Store},
    ids, photo,
    tabs::Lock,
};

const DEVICE: &str = "device";
const CHAIN: &str = "chain";
const SESSION: &str = "session";
const SITE: &str = "site";
const PULLED: &str = "pulled:";

/// The database of one person on this device.
#[derive(Clone, Debug)]
pub struct Local {
    db: Db,
    name: String,
    /// This installation, to this person.
    pub device: DeviceId,
    key: DeviceKey,
    /// One commit at a time: the next one begins from this one's head.
    turn: Rc<Mutex<()>>,
}

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

/// What this device knows of the people who use it. It has a database of its own, because it is wanted before anybody's
/// can be opened, and because localStorage reaches the disk only seconds later.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Accounts {
    /// Who is signed in.
    pub current: Option<PersonId>,
    /// Who has signed in under which name.
    pub known: BTreeMap<String, PersonId>,
}

const ACCOUNTS_DB: &str = "firsthand";
const ACCOUNTS: &str = "accounts";

impl Accounts {
    /// What the device knows; nothing, if it cannot be read.
    ///
    /// # Errors
    /// Of storage that does not open.
    pub async fn read() -> Result<Self, PlatformError> {
        let known = Db::open(ACCOUNTS_DB).await?.get(Store::Meta, ACCOUNTS).await;
        Ok(readable(known)?.unwrap_or_default())
    }

    /// Keeps it.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep(&self) -> Result<(), PlatformError> {
        Db::open(ACCOUNTS_DB).await?.put(Store::Meta, ACCOUNTS, self).await
    }
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
}

impl From<&CaseCommand> for Ask {
    fn from(command: &CaseCommand) -> Self {
        Ask { kind: command.kind().to_owned(), body: command.body(), photos: command.photos().to_vec() }
    }
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

impl Local {
    /// Opens the database of this name; made with a new device id and key where there is none.
    ///
    /// # Errors
    /// Of storage and of keys.
    pub async fn open(name: &str) -> Result<Self, PlatformError> {
        let db = Db::open(name).await?;
        let key = DeviceKey::load_or_create(&db).await?;
        let device = match db.get(Store::Meta, DEVICE).await? {
            Some(device) => device,
            None => {
                let device = DeviceId(ids::new_id()?);
                db.put(Store::Meta, DEVICE, &device).await?;
                device
            }
        };
        Ok(Local { db, name: name.to_owned(), device, key, turn: Rc::default() })
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
        let docs: Vec<StoredDoc> = self.db.get_readable(Store::Docs).await?;
        if docs.len() as u64 != self.db.count(Store::Docs).await? {
            self.pull_anew().await?;
        }
        let docs = docs.into_iter().map(|stored| (stored.site, stored.doc)).collect();
        Ok(Stock {
            session: readable(self.db.get(Store::Meta, SESSION).await)?,
            site: readable(self.db.get(Store::Meta, SITE).await)?,
            docs,
            outbox: self.outbox().await?,
            uploads: self.uploads().await?,
        })
    }

    /// Forgets how far the sites have been pulled.
    async fn pull_anew(&self) -> Result<(), PlatformError> {
        let cursors = self.db.keys(Store::Meta, &Span::Prefix(PULLED.to_owned())).await?;
        let ops: Vec<Op> = cursors.into_iter().map(|key| Op::delete(Store::Meta, key)).collect();
        self.db.apply(ops).await
    }

    /// Keeps which site is shown, so that a killed page opens on the same one.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_site(&self, site: &SiteCode) -> Result<(), PlatformError> {
        self.db.put(Store::Meta, SITE, site).await
    }

    /// The commands, in the order in which they were made. A row that this version cannot read stays where it is and
    /// locks nobody out.
    ///
    /// # Errors
    /// Of storage.
    pub async fn outbox(&self) -> Result<Vec<OutboxRow>, PlatformError> {
        self.db.get_readable(Store::Outbox).await
    }

    /// The photos on their way, in the order in which they were taken.
    ///
    /// # Errors
    /// Of storage.
    pub async fn uploads(&self) -> Result<Vec<UploadRow>, PlatformError> {
        self.db.get_readable(Store::Attachments).await
    }

    /// One document as it was last pulled.
    ///
    /// # Errors
    /// Of storage.
    pub async fn doc(&self, site: &SiteCode, key: DocKey) -> Result<Option<Doc>, PlatformError> {
        let stored: Option<StoredDoc> = readable(self.db.get(Store::Docs, doc_key(site, key)).await)?;
        Ok(stored.map(|stored| stored.doc))
    }

    /// How far each site has been pulled.
    ///
    /// # Errors
    /// Of storage.
    pub async fn pulled(&self, site: &SiteCode) -> Result<Pulled, PlatformError> {
        Ok(readable(self.db.get(Store::Meta, format!("{PULLED}{site}")).await)?.unwrap_or_default())
    }

    /// Keeps who is signed in.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_session(&self, session: Option<&Session>) -> Result<(), PlatformError> {
        match session {
            Some(session) => self.db.put(Store::Meta, SESSION, session).await,
            None => self.db.delete(Store::Meta, SESSION).await,
        }
    }

    /// Makes commands, signs them, and stores them with the uploads of their photos, in one transaction that also ends
    /// their draft. The photos' bytes are there since they were taken.
    ///
    /// Refused commands that these mend (`settles`) go in the same transaction, with those of their photos that are not
    /// taken over, and the server is told that they are settled.
    ///
    /// # Errors
    /// Of storage and of keys; then nothing is stored, and the draft stays.
    pub async fn commit(
        &self,
        subject: &Subject,
        asks: &[Ask],
        settles: &[CommandId],
        heard: Option<Heard>,
        draft: Option<&str>,
    ) -> Result<(), PlatformError> {
        let _turn = self.turn.lock().await;
        // Another tab numbers its commands from the same head. Where the browser has no locks, the number that was
        // taken meanwhile shows when it is stored, and the commands are made anew.
        let _lock = Lock::acquire(&format!("{}-write", self.name)).await?;
        for _ in 0..TRIES {
            let ops = self.commands(subject, asks, settles, heard, draft).await?;
            match self.store(&ops).await {
                Err(PlatformError::Storage(StorageError::Exists)) => {}
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
        heard: Option<Heard>,
        draft: Option<&str>,
    ) -> Result<Vec<Op>, PlatformError> {
        let head: Option<Head> = self.db.get(Store::Meta, CHAIN).await?;
        let mut head = head.unwrap_or(Head { n: 0, hash: wire::GENESIS.to_owned() });
        let mut ops = Vec::new();
        let mut all: Vec<(Subject, &Ask)> = asks.iter().map(|ask| (subject.clone(), ask)).collect();
        let settle = Ask::settle();
        if !settles.is_empty() {
            let (outbox, uploads) = (self.outbox().await?, self.uploads().await?);
            let taken: Vec<_> = asks.iter().flat_map(|ask| ask.photos.iter().map(|photo| photo.id)).collect();
            for id in settles {
                let row = outbox.iter().find(|row| row.id == *id);
                ops.extend(row.map(|row| Op::delete(Store::Outbox, row.n)));
                for upload in uploads.iter().filter(|upload| upload.command == *id) {
                    ops.push(Op::delete(Store::Attachments, upload.name()));
                    if !taken.contains(&upload.photo) {
                        ops.push(Op::delete(Store::Blobs, upload.name()));
                    }
                }
                let site = row.map_or(&subject.site, |row| &row.site).clone();
                all.push((Subject { site, aggregate: id.0, base: None, ..subject.clone() }, &settle));
            }
        }
        for (subject, ask) in all {
            let envelope = Envelope {
                id: CommandId(ids::new_id()?),
                device: self.device,
                author: subject.author,
                n: head.n + 1,
                prev: head.hash,
                kind: ask.kind.clone(),
                v: wire::VERSION,
                site: subject.site,
                aggregate: subject.aggregate,
                base: subject.base,
                at: Ms(clock::now_ms()),
                heard,
                body: ask.body.clone(),
            };
            let text = envelope.write();
            let hash = wire::hash(&text);
            let signature = wire::base64url(&self.key.sign(&wire::signing_bytes(&hash)).await?);
            for photo in &ask.photos {
                for upload in uploads_of(photo, &envelope) {
                    ops.push(Op::put(Store::Attachments, upload.name(), &upload)?);
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
            ops.push(Op::add(Store::Outbox, row.n, &row)?);
            head = Head { n: row.n, hash };
        }
        ops.push(Op::put(Store::Meta, CHAIN, &head)?);
        ops.extend(draft.map(|key| Op::delete(Store::Drafts, key)));
        Ok(ops)
    }

    /// Writes; where the device is full, photos that can be had again make room first.
    async fn store(&self, ops: &[Op]) -> Result<(), PlatformError> {
        match self.db.apply(ops).await {
            Err(PlatformError::Storage(StorageError::Full)) => {
                self.make_room().await?;
                self.db.apply(ops).await
            }
            done => done,
        }
    }

    /// Lets go of the bytes of photos that the server has and no draft shows.
    async fn make_room(&self) -> Result<(), PlatformError> {
        let uploads = self.uploads().await?;
        let drafts: Vec<WithPhotos> = self.db.get_readable(Store::Drafts).await?;
        let drafted = drafts.iter().flat_map(|draft| &draft.photos);
        let drafted =
            drafted.flat_map(|photo| [Part::Thumb, Part::Full].map(|part| wire::file_name(photo.id, part)));
        let unsent = uploads.iter().filter(|upload| !matches!(upload.state, UploadState::Done { .. }));
        let needed: Vec<String> = unsent.map(UploadRow::name).chain(drafted).collect();
        let mut names = self.blobs().await?;
        names.retain(|name| !needed.contains(name));
        let ops: Vec<Op> = names.iter().map(|name| Op::delete(Store::Blobs, name.as_str())).collect();
        self.db.apply(ops).await
    }

    /// Stores what the server answered to commands.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_outbox(&self, rows: &[OutboxRow]) -> Result<(), PlatformError> {
        let ops: Vec<Op> =
            rows.iter().map(|row| Op::put(Store::Outbox, row.n, row)).collect::<Result<_, _>>()?;
        self.db.apply(ops).await
    }

    /// Stores how far an upload got.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_upload(&self, row: &UploadRow) -> Result<(), PlatformError> {
        self.db.put(Store::Attachments, row.name(), row).await
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
            ops.push(Op::put(Store::Docs, doc_key(site, doc.key()), &stored)?);
        }
        ops.extend(page.gone.iter().map(|key| Op::delete(Store::Docs, doc_key(site, *key))));
        ops.push(Op::put(Store::Meta, format!("{PULLED}{site}"), &page.pulled)?);
        ops.extend(settled.iter().map(|row| Op::delete(Store::Outbox, row.n)));
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
        let mut ops: Vec<Op> = commands.iter().map(|n| Op::delete(Store::Outbox, *n)).collect();
        ops.extend(uploads.iter().map(|name| Op::delete(Store::Attachments, name.as_str())));
        ops.extend(blobs.iter().map(|name| Op::delete(Store::Blobs, name.as_str())));
        self.db.apply(ops).await
    }

    /// A photo's bytes, if this device has them.
    ///
    /// # Errors
    /// Of storage.
    pub async fn blob(&self, name: &str) -> Result<Option<Vec<u8>>, PlatformError> {
        self.db.get_bytes(Store::Blobs, name).await
    }

    /// The names of all bytes on this device.
    ///
    /// # Errors
    /// Of storage.
    pub async fn blobs(&self) -> Result<Vec<String>, PlatformError> {
        let keys = self.db.keys(Store::Blobs, &Span::All).await?;
        Ok(keys
            .into_iter()
            .filter_map(|key| match key {
                Key::Text(name) => Some(name),
                Key::Number(_) => None,
            })
            .collect())
    }

    /// Keeps bytes that came from the server, to have them without a network.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_blob(&self, name: &str, bytes: Vec<u8>) -> Result<(), PlatformError> {
        self.db.apply(vec![Op::put_bytes(Store::Blobs, name, bytes)]).await
    }

    /// A draft, if there is one under this key. One that another version of the app wrote is none.
    ///
    /// # Errors
    /// Of storage.
    pub async fn draft<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, PlatformError> {
        readable(self.db.get(Store::Drafts, key).await)
    }

    /// Keeps a draft.
    ///
    /// # Errors
    /// Of storage.
    pub async fn keep_draft<T: Serialize>(&self, key: &str, draft: &T) -> Result<(), PlatformError> {
        self.db.put(Store::Drafts, key, draft).await
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
        taken: photo::Photo,
    ) -> Result<(), PlatformError> {
        self.store(&[
            Op::put_bytes(Store::Blobs, wire::file_name(photo.id, Part::Thumb), taken.thumb),
            Op::put_bytes(Store::Blobs, wire::file_name(photo.id, Part::Full), taken.full),
            Op::put(Store::Drafts, key, draft)?,
        ])
        .await
    }

    /// Takes a photo out of a draft: its bytes go, and `draft` is kept as it is without it.
    ///
    /// # Errors
    /// Of storage.
    pub async fn drop_photo<T: Serialize>(
        &self,
        key: &str,
        draft: &T,
        photo: &PhotoRef,
    ) -> Result<(), PlatformError> {
        self.db
            .apply(vec![
                Op::delete(Store::Blobs, wire::file_name(photo.id, Part::Thumb)),
                Op::delete(Store::Blobs, wire::file_name(photo.id, Part::Full)),
                Op::put(Store::Drafts, key, draft)?,
            ])
            .await
    }

    /// Throws a draft away, with the photos that only it shows.
    ///
    /// # Errors
    /// Of storage.
    pub async fn drop_draft(&self, key: &str, photos: &[PhotoRef]) -> Result<(), PlatformError> {
        let mut ops = vec![Op::delete(Store::Drafts, key)];
        for photo in photos {
            ops.extend(
                [Part::Thumb, Part::Full]
                    .map(|part| Op::delete(Store::Blobs, wire::file_name(photo.id, part))),
            );
        }
        self.db.apply(ops).await
    }
}

/// What a pull brought.
#[derive(Debug)]
pub struct Page<'a> {
    /// Changed documents.
    pub docs: &'a [Doc],
    /// Lost ones.
    pub gone: &'a [DocKey],
    /// Where to go on.
    pub pulled: Pulled,
}

/// What another version of the app wrote, and this one cannot read, counts as not there.
fn readable<T>(answer: Result<Option<T>, PlatformError>) -> Result<Option<T>, PlatformError> {
    match answer {
        Err(PlatformError::Storage(StorageError::Unreadable { .. })) => Ok(None),
        answer => answer,
    }
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
