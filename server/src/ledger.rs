//! What a transaction has loaded, decided and not yet written of cases, routes and rounds.
//!
//! There is one way to write any of them: a [`Ledger`] loads it, the shared rules decide, [`Ledger::append`] folds the
//! events in memory, and [`Ledger::write`] writes events, document, feed and facts together. What they differ in is said
//! where they belong, by their [`Aggregate`].

pub mod store;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    str::FromStr,
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};
use shared::{
    case::{Case, command::PhotoRef},
    ids::{AttachmentId, CommandId, PersonId, Principal, RouteId},
    round::Round,
    route::Route,
    time::Ms,
    wire::{DocKey, Part},
};

use crate::{
    Error,
    db::Conn,
    files::{self, store::UploadKey},
    sites::{Known, Publication, Writer},
};

/// What commands change: its events make it, and a document shows it.
pub trait Aggregate: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync {
    /// What identifies it.
    type Id: Copy + Ord + fmt::Debug + fmt::Display + FromStr<Err = uuid::Error> + Send + Sync;
    /// What happens to it.
    type Event: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync;
    /// What it is called among the events.
    const KIND: &'static str;

    /// Its document.
    fn key(id: Self::Id) -> DocKey;

    /// What its first event makes; `None` if that makes none.
    fn begin(id: Self::Id, event: &Self::Event) -> Option<Self>;

    /// What an event makes of it.
    fn evolve(self, event: &Self::Event) -> Self;

    /// The number of events so far.
    fn version(&self) -> u32;

    /// Whose feed it belongs in.
    fn audience(&self, writer: &Writer, known: &Known) -> BTreeSet<Principal>;

    /// Its document's JSON.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which none of them does.
    fn document(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Writes what others ask of some of them without reading documents.
    fn put_facts(
        writer: &mut Writer,
        known: &Known,
        changed: &[Self],
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// An aggregate that shows photos.
pub trait Pictured: Aggregate {
    /// Where it is noted which of them name a photo: the table, and its column of ids.
    const NAMES: [&'static str; 2];

    /// The photos that it names, each with its author.
    fn named(&self) -> Vec<(PersonId, &PhotoRef)>;

    /// The server holds the bytes with this hash of an author's photo. `None` if that is known, or not its photo.
    fn photo_kept(&self, author: PersonId, photo: AttachmentId, sha256: &str, now: Ms)
    -> Option<Self::Event>;
}

/// One of them in a transaction.
#[derive(Debug)]
struct Open<A: Aggregate> {
    state: A,
    /// The sequence number of its latest change.
    seq: i64,
    /// The sequence number at which it comes to be, if this transaction makes it.
    born: Option<i64>,
    /// What is not written yet.
    events: Vec<New<A::Event>>,
    photos: Vec<(PersonId, PhotoRef)>,
}

/// An event that is not written yet.
#[derive(Debug)]
struct New<E> {
    event: E,
    version: u32,
    seq: i64,
    command: Option<CommandId>,
}

/// Those of one kind that a transaction has to do with.
///
/// What is asked for is looked up if it was not before: whoever knows beforehand what will be asked for says so to
/// [`load`](Ledger::load), and has it looked up in few statements.
#[derive(Debug)]
pub struct Ledger<A: Aggregate> {
    /// `None` for one that does not exist.
    open: BTreeMap<A::Id, Option<Open<A>>>,
    /// Which of them name a photo, by author, as far as that was looked up: before this transaction, for uploads come before
    /// commands.
    naming: BTreeMap<Photo, Vec<A::Id>>,
}

/// An author's photo.
type Photo = (PersonId, AttachmentId);

impl<A: Aggregate> Default for Ledger<A> {
    fn default() -> Self {
        Ledger { open: BTreeMap::new(), naming: BTreeMap::new() }
    }
}

impl<A: Aggregate> Ledger<A> {
    /// Looks up those that were not looked up yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn load(
        &mut self,
        writer: &mut Writer,
        ids: impl IntoIterator<Item = A::Id>,
    ) -> Result<(), Error> {
        let unknown: BTreeSet<A::Id> = ids.into_iter().filter(|id| !self.open.contains_key(id)).collect();
        let unknown: Vec<A::Id> = unknown.into_iter().collect();
        let site = writer.code().clone();
        let mut found = store::load::<A>(writer.conn(), &site, &unknown).await?;
        for id in unknown {
            let open = found.remove(&id).map(|(state, seq)| Open {
                state,
                seq,
                born: None,
                events: Vec::new(),
                photos: Vec::new(),
            });
            self.open.insert(id, open);
        }
        Ok(())
    }

    /// One as it is now, with what this transaction has decided.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find(&mut self, writer: &mut Writer, id: A::Id) -> Result<Option<&A>, Error> {
        if !self.open.contains_key(&id) {
            self.load(writer, [id]).await?;
        }
        Ok(self.get(id))
    }

    /// One that was looked up, if it exists.
    pub fn get(&self, id: A::Id) -> Option<&A> {
        self.open.get(&id)?.as_ref().map(|open| &open.state)
    }

    /// One that was looked up, for what of it no event says.
    pub(crate) fn get_mut(&mut self, id: A::Id) -> Option<&mut A> {
        self.open.get_mut(&id)?.as_mut().map(|open| &mut open.state)
    }

    /// All that were looked up and exist.
    pub fn all(&self) -> impl Iterator<Item = &A> {
        self.open.values().flatten().map(|open| &open.state)
    }

    /// Adds events that the rules have decided. Answers with the sequence number and version that it has then.
    ///
    /// # Errors
    /// If the first event of a new one makes none, which the rules rule out.
    pub fn append(
        &mut self,
        writer: &mut Writer,
        id: A::Id,
        events: &[A::Event],
        command: Option<CommandId>,
    ) -> Result<(i64, u32), Error> {
        let mut seq = None;
        for event in events {
            let seq = *seq.get_or_insert_with(|| writer.next_seq());
            let mut open = match self.open.remove(&id).flatten() {
                Some(open) => Open { state: open.state.evolve(event), seq, ..open },
                None => {
                    let state = A::begin(id, event)
                        .ok_or_else(|| anyhow::anyhow!("{} {id} begins with another event", A::KIND))?;
                    Open { state, seq, born: Some(seq), events: Vec::new(), photos: Vec::new() }
                }
            };
            open.events.push(New { event: event.clone(), version: open.state.version(), seq, command });
            self.open.insert(id, Some(open));
        }
        let open = self.open.get(&id).and_then(Option::as_ref);
        let open = open.ok_or_else(|| anyhow::anyhow!("{} {id} has no events", A::KIND))?;
        Ok((open.seq, open.state.version()))
    }

    /// The events of one, oldest first, with those that this transaction has decided.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn events(&mut self, writer: &mut Writer, id: A::Id) -> Result<Vec<A::Event>, Error> {
        let site = writer.code().clone();
        let mut events = store::events::<A>(writer.conn(), &site, id).await?;
        let new = self.open.get(&id).and_then(Option::as_ref).map(|open| &open.events);
        events.extend(new.into_iter().flatten().map(|new| new.event.clone()));
        Ok(events)
    }

    /// Writes what was decided: events, document, feed, facts. Answers with the photos that are named for the first time.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn write(self, writer: &mut Writer) -> Result<Vec<store::Named>, Error> {
        let known = writer.known()?;
        let site = writer.code().clone();
        let (mut events, mut photos, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for (id, open) in self.open {
            let Some(open) = open.filter(|open| !open.events.is_empty()) else { continue };
            for new in open.events {
                events.push(store::Event {
                    aggregate: id.to_string(),
                    version: i64::from(new.version),
                    seq: new.seq,
                    body: serde_json::to_string(&new.event).map_err(anyhow::Error::from)?,
                    command: new.command,
                });
            }
            photos.extend(open.photos.into_iter().map(|(author, photo)| store::Named {
                aggregate: id.to_string(),
                author,
                photo,
            }));
            let audience = open.state.audience(writer, &known);
            writer.publish(Publication {
                key: A::key(id),
                version: i64::from(open.state.version()),
                seq: open.seq,
                born: open.born,
                body: open.state.document().map_err(anyhow::Error::from)?,
                audience: &audience,
            });
            changed.push(open.state);
        }
        store::append(writer.conn(), &site, A::KIND, &events).await?;
        A::put_facts(writer, &known, &changed).await?;
        Ok(photos)
    }
}

impl<A: Pictured> Ledger<A> {
    /// Notes the photos that a command has brought, and those whose bytes are here already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn photos(
        &mut self,
        writer: &mut Writer,
        here: &mut Here,
        id: A::Id,
        author: PersonId,
        photos: &[&PhotoRef],
    ) -> Result<(), Error> {
        let now = writer.now();
        here.load(writer, photos.iter().map(|photo| (author, photo.id))).await?;
        for photo in photos {
            let kept = if here.has(author, photo) {
                self.get(id).and_then(|state| state.photo_kept(author, photo.id, &photo.sha256, now))
            } else {
                None
            };
            self.append(writer, id, kept.as_slice(), None)?;
            if let Some(Some(open)) = self.open.get_mut(&id) {
                open.photos.push((author, (*photo).clone()));
            }
        }
        Ok(())
    }

    /// Looks up which of them name some photos, and those themselves.
    async fn load_naming(&mut self, writer: &mut Writer, photos: &[Photo]) -> Result<(), Error> {
        let site = writer.code().clone();
        let naming = store::naming::<A>(writer.conn(), &site, photos).await?;
        self.load(writer, naming.values().flatten().copied()).await?;
        self.naming.extend(photos.iter().map(|photo| (*photo, Vec::new())));
        self.naming.extend(naming);
        Ok(())
    }

    /// The bytes of a photo are here and right: those that name it say so from now on.
    async fn photo_kept(&mut self, writer: &mut Writer, photo: Photo, sha256: &str) -> Result<(), Error> {
        let now = writer.now();
        if !self.naming.contains_key(&photo) {
            self.load_naming(writer, &[photo]).await?;
        }
        for id in self.naming.get(&photo).cloned().unwrap_or_default() {
            let event = match self.find(writer, id).await? {
                Some(state) => state.photo_kept(photo.0, photo.1, sha256, now),
                None => None,
            };
            if event.is_some() {
                self.append(writer, id, event.as_slice(), None)?;
            }
        }
        Ok(())
    }
}

/// Which photos' bytes are all here, as far as that was looked up.
#[derive(Debug, Default)]
pub struct Here(HashMap<(PersonId, AttachmentId), Option<String>>);

impl Here {
    /// Looks up whether the bytes of some photos are here.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn load(
        &mut self,
        writer: &mut Writer,
        photos: impl IntoIterator<Item = (PersonId, AttachmentId)>,
    ) -> Result<(), Error> {
        let unknown: BTreeSet<_> = photos.into_iter().filter(|photo| !self.0.contains_key(photo)).collect();
        let ids: BTreeSet<AttachmentId> = unknown.iter().map(|(_, photo)| *photo).collect();
        let site = writer.code().clone();
        let ids: Vec<AttachmentId> = ids.into_iter().collect();
        let mut here = files::store::kept_full(writer.conn(), &site, &ids).await?;
        self.0.extend(unknown.into_iter().map(|photo| (photo, here.remove(&photo))));
        Ok(())
    }

    fn has(&self, author: PersonId, photo: &PhotoRef) -> bool {
        self.0.get(&(author, photo.id)).and_then(Option::as_ref) == Some(&photo.sha256)
    }
}

/// All that a transaction has to do with.
#[derive(Debug, Default)]
pub struct Ledgers {
    /// The cases.
    pub cases: Ledger<Case>,
    /// The routes.
    pub routes: Ledger<Route>,
    /// The rounds.
    pub rounds: Ledger<Round>,
    /// Which of their photos are here.
    pub here: Here,
    /// The versions of routes by which their rounds are judged, oldest first.
    pub(crate) versions: HashMap<RouteId, Arc<Vec<Route>>>,
}

impl Ledgers {
    /// Writes what was decided.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn write(self, writer: &mut Writer) -> Result<(), Error> {
        let site = writer.code().clone();
        let of_cases = self.cases.write(writer).await?;
        store::name_photos::<Case>(writer.conn(), &site, &of_cases).await?;
        self.routes.write(writer).await?;
        let of_rounds = self.rounds.write(writer).await?;
        Ok(store::name_photos::<Round>(writer.conn(), &site, &of_rounds).await?)
    }

    /// Looks up what names the photos of some uploads.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn load_naming(
        &mut self,
        writer: &mut Writer,
        uploads: impl Iterator<Item = &UploadKey>,
    ) -> Result<(), Error> {
        let photos: BTreeSet<Photo> = uploads.map(|key| (key.author, key.photo)).collect();
        let photos: Vec<Photo> = photos.into_iter().collect();
        self.cases.load_naming(writer, &photos).await?;
        self.rounds.load_naming(writer, &photos).await
    }

    /// The bytes of a photo are here and right: what names it says so from now on.
    ///
    /// The writer holds the site: a command that names the photo has either been committed, and is found here, or will
    /// find the upload itself.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn photo_kept(
        &mut self,
        writer: &mut Writer,
        key: &UploadKey,
        sha256: &str,
    ) -> Result<(), Error> {
        let photo = (key.author, key.photo);
        self.cases.photo_kept(writer, photo, sha256).await?;
        self.rounds.photo_kept(writer, photo, sha256).await
    }
}

/// Whether a case or a round names a photo of this author with this hash and length.
///
/// # Errors
/// If the database fails.
pub async fn name_photo(conn: &mut Conn, key: &UploadKey, sha256: &str, length: u64) -> sqlx::Result<bool> {
    Ok(names::<Case>(conn, key, sha256, length).await? || names::<Round>(conn, key, sha256, length).await?)
}

/// Whether a case or a round names an author's photo of this id, with whatever bytes.
///
/// # Errors
/// If the database fails.
pub async fn was_named(conn: &mut Conn, key: &UploadKey) -> sqlx::Result<bool> {
    let photo = [(key.author, key.photo)];
    Ok(!store::naming::<Case>(conn, &key.site, &photo).await?.is_empty()
        || !store::naming::<Round>(conn, &key.site, &photo).await?.is_empty())
}

async fn names<A: Pictured>(
    conn: &mut Conn,
    key: &UploadKey,
    sha256: &str,
    length: u64,
) -> sqlx::Result<bool> {
    let naming = store::naming::<A>(conn, &key.site, &[(key.author, key.photo)]).await?;
    let ids: Vec<A::Id> = naming.into_values().flatten().collect();
    let states = store::load::<A>(conn, &key.site, &ids).await?;
    let mut named = states.values().flat_map(|(state, _)| state.named());
    Ok(named.any(|(author, photo)| author == key.author && is_part(photo, key, sha256, length)))
}

/// Whether the bytes of an upload are those of a photo, by their hash and length.
pub(crate) fn is_part(photo: &PhotoRef, key: &UploadKey, sha256: &str, length: u64) -> bool {
    let (hash, bytes) = match key.part {
        Part::Thumb => (&photo.thumb_sha256, photo.thumb_bytes),
        Part::Full => (&photo.sha256, photo.bytes),
    };
    photo.id == key.photo && hash == sha256 && u64::from(bytes) == length
}
