//! Cases on the server: what is loaded, decided and not yet written in one transaction.
//!
//! There is one way to write a case: [`Cases`] loads it, the shared rules decide, [`Cases::append`] folds the events in
//! memory, and [`Cases::write`] writes events, document, feed and facts together.

mod search;
pub mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shared::{
    case::{Case, CaseEvent, Photo, command::PhotoRef},
    ids::{AttachmentId, CaseId, CaseNumber, CommandId, PersonId, Principal},
    site::Role,
    wire::{DocKey, Part},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App, Error, Mutant,
    db::Conn,
    files::{self, store::UploadKey},
    sites::{Publication, Writer},
};

/// The address at which cases are found.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search::search))
}

/// A case in a transaction.
#[derive(Debug)]
struct Open {
    case: Case,
    /// The sequence number of its latest change.
    seq: i64,
    /// The sequence number at which it comes to be, if this transaction makes it.
    born: Option<i64>,
    /// What is not written yet.
    events: Vec<New>,
    photos: Vec<(PersonId, PhotoRef)>,
}

/// An event that is not written yet.
#[derive(Debug)]
struct New {
    event: CaseEvent,
    version: u32,
    seq: i64,
    command: Option<CommandId>,
}

/// The cases that a transaction has to do with.
///
/// What is asked for is looked up if it was not before: whoever knows beforehand what will be asked for says so to
/// [`load`](Cases::load) and [`load_photos`](Cases::load_photos), and has it looked up in few statements.
#[derive(Debug, Default)]
pub struct Cases {
    /// `None` for one that does not exist.
    open: BTreeMap<CaseId, Option<Open>>,
    /// The hashes of the photos whose bytes are all here, `None` for those that are not.
    here: HashMap<(PersonId, AttachmentId), Option<String>>,
}

impl Cases {
    /// Looks up those of some cases that were not looked up yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn load(
        &mut self,
        writer: &mut Writer,
        ids: impl IntoIterator<Item = CaseId>,
    ) -> Result<(), Error> {
        let unknown: BTreeSet<CaseId> = ids.into_iter().filter(|id| !self.open.contains_key(id)).collect();
        let unknown: Vec<CaseId> = unknown.into_iter().collect();
        let site = writer.code().clone();
        let mut found = store::load(writer.conn(), &site, &unknown).await?;
        for id in unknown {
            let open = found.remove(&id).map(|(case, seq)| Open {
                case,
                seq,
                born: None,
                events: Vec::new(),
                photos: Vec::new(),
            });
            self.open.insert(id, open);
        }
        Ok(())
    }

    /// Looks up whether the bytes of some photos are here.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn load_photos(
        &mut self,
        writer: &mut Writer,
        photos: impl IntoIterator<Item = (PersonId, AttachmentId)>,
    ) -> Result<(), Error> {
        let unknown: BTreeSet<_> =
            photos.into_iter().filter(|photo| !self.here.contains_key(photo)).collect();
        let ids: BTreeSet<AttachmentId> = unknown.iter().map(|(_, photo)| *photo).collect();
        let site = writer.code().clone();
        let ids: Vec<AttachmentId> = ids.into_iter().collect();
        let mut here = files::store::kept_full(writer.conn(), &site, &ids).await?;
        self.here.extend(unknown.into_iter().map(|photo| (photo, here.remove(&photo))));
        Ok(())
    }

    /// A case as it is now, with what this transaction has decided.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find(&mut self, writer: &mut Writer, id: CaseId) -> Result<Option<&Case>, Error> {
        if !self.open.contains_key(&id) {
            self.load(writer, [id]).await?;
        }
        Ok(self.get(id))
    }

    /// A case that was looked up, if it exists.
    pub fn get(&self, id: CaseId) -> Option<&Case> {
        self.open.get(&id)?.as_ref().map(|open| &open.case)
    }

    /// Whether a case has this number already, in the database or in this transaction.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn number_taken(&self, writer: &mut Writer, number: &CaseNumber) -> Result<bool, Error> {
        if self.open.values().flatten().any(|open| open.case.number.as_ref() == Some(number)) {
            return Ok(true);
        }
        let site = writer.code().clone();
        Ok(store::number_taken(writer.conn(), &site, number).await?)
    }

    /// Adds events that the rules have decided. Answers with the sequence number and version that the case has then.
    ///
    /// # Errors
    /// If the first event of a new case is no report, which the rules rule out.
    pub fn append(
        &mut self,
        writer: &mut Writer,
        id: CaseId,
        events: &[CaseEvent],
        command: Option<CommandId>,
    ) -> Result<(i64, u32), Error> {
        let mut seq = None;
        for event in events {
            let seq = *seq.get_or_insert_with(|| writer.next_seq());
            let mut open = match self.open.remove(&id).flatten() {
                Some(open) => Open { case: open.case.evolve(event), seq, ..open },
                None => {
                    let case = Case::begin(id, event)
                        .ok_or_else(|| anyhow::anyhow!("case {id} begins without a report"))?;
                    Open { case, seq, born: Some(seq), events: Vec::new(), photos: Vec::new() }
                }
            };
            open.events.push(New { event: event.clone(), version: open.case.version, seq, command });
            self.open.insert(id, Some(open));
        }
        let open = self.open.get(&id).and_then(Option::as_ref);
        let open = open.ok_or_else(|| anyhow::anyhow!("case {id} has no events"))?;
        Ok((open.seq, open.case.version))
    }

    /// Notes the photos that a command has brought, and those whose bytes are here already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn photos(
        &mut self,
        writer: &mut Writer,
        id: CaseId,
        author: PersonId,
        photos: &[PhotoRef],
    ) -> Result<(), Error> {
        let now = writer.now();
        self.load_photos(writer, photos.iter().map(|photo| (author, photo.id))).await?;
        for photo in photos {
            let here = self.here.get(&(author, photo.id)).and_then(Option::as_ref);
            let kept = if here == Some(&photo.sha256) {
                self.get(id).and_then(|case| case.photo_kept(author, photo.id, &photo.sha256, now))
            } else {
                None
            };
            self.append(writer, id, kept.as_slice(), None)?;
            if let Some(Some(open)) = self.open.get_mut(&id) {
                open.photos.push((author, photo.clone()));
            }
        }
        Ok(())
    }

    /// Writes what was decided: events, document, feed, facts.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn write(self, writer: &mut Writer) -> Result<(), Error> {
        let known = writer.known()?;
        let site = writer.code().clone();
        let (mut events, mut photos, mut cases) = (Vec::new(), Vec::new(), Vec::new());
        for (id, open) in self.open {
            let Some(open) = open.filter(|open| !open.events.is_empty()) else { continue };
            for new in open.events {
                events.push(store::Event {
                    case: id,
                    version: i64::from(new.version),
                    seq: new.seq,
                    body: serde_json::to_string(&new.event).map_err(anyhow::Error::from)?,
                    command: new.command,
                });
            }
            photos.extend(open.photos.into_iter().map(|(author, photo)| store::Named {
                case: id,
                author,
                photo,
            }));
            let mut audience = open.case.audience(&known.people);
            if open.case.confidential() && writer.mutated(Mutant::ComplaintInRoleFeed) {
                audience.insert(Principal::Role(Role::Desk));
            }
            writer.publish(Publication {
                key: DocKey::Case(id),
                version: i64::from(open.case.version),
                seq: open.seq,
                born: open.born,
                body: serde_json::to_string(&open.case).map_err(anyhow::Error::from)?,
                audience: &audience,
            });
            cases.push(open.case);
        }
        store::append(writer.conn(), &site, &events).await?;
        store::name_photos(writer.conn(), &site, &photos).await?;
        store::put_facts(writer.conn(), &site, &cases).await?;
        Ok(())
    }
}

/// Whether a case names a photo of this author with this hash and length.
///
/// # Errors
/// If the database fails.
pub async fn name_photo(conn: &mut Conn, key: &UploadKey, sha256: &str, length: u64) -> sqlx::Result<bool> {
    for id in store::cases_of_photo(conn, &key.site, key.author, key.photo).await? {
        let Some(case) = store::find(conn, &key.site, id).await? else { continue };
        let named = case.photos.iter().any(|Photo { photo, by, .. }| {
            let (hash, bytes) = match key.part {
                Part::Thumb => (&photo.thumb_sha256, photo.thumb_bytes),
                Part::Full => (&photo.sha256, photo.bytes),
            };
            *by == Some(key.author) && photo.id == key.photo && hash == sha256 && u64::from(bytes) == length
        });
        if named {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bytes of a photo are here and right: the cases that name it say so from now on.
///
/// The writer holds the site: a command that names the photo has either been committed, and is found here, or will
/// find the upload itself.
///
/// # Errors
/// If the database fails.
pub async fn photo_kept(
    writer: &mut Writer,
    cases: &mut Cases,
    key: &UploadKey,
    sha256: &str,
) -> Result<(), Error> {
    let now = writer.now();
    for id in store::cases_of_photo(writer.conn(), &key.site, key.author, key.photo).await? {
        let event = match cases.find(writer, id).await? {
            Some(case) => case.photo_kept(key.author, key.photo, sha256, now),
            None => None,
        };
        if event.is_some() {
            cases.append(writer, id, event.as_slice(), None)?;
        }
    }
    Ok(())
}
