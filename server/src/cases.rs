//! Cases on the server: what is loaded, decided and not yet written in one transaction.
//!
//! There is one way to write a case: [`Cases`] loads it, the shared rules decide, [`Cases::append`] folds the events in
//! memory, and [`Cases::write`] writes events, document, feed and facts together.

pub mod store;

use std::collections::{BTreeMap, btree_map::Entry};

use shared::{
    case::{Case, CaseEvent, Photo, command::PhotoRef},
    ids::{CaseId, CaseNumber, CommandId, PersonId, Principal},
    site::Role,
    wire::{DocKey, Part},
};

use crate::{
    Error, Mutant,
    db::Conn,
    files::{self, store::UploadKey},
    sites::Writer,
};

/// A case in a transaction.
#[derive(Clone, Debug)]
struct Open {
    case: Case,
    /// The sequence number of its latest change.
    seq: i64,
    /// What is not written yet.
    events: Vec<New>,
    photos: Vec<(PersonId, PhotoRef)>,
}

/// An event that is not written yet.
#[derive(Clone, Debug)]
struct New {
    event: CaseEvent,
    version: u32,
    seq: i64,
    command: Option<CommandId>,
}

/// The cases that a transaction has touched.
#[derive(Debug, Default)]
pub struct Cases(BTreeMap<CaseId, Open>);

impl Cases {
    /// A case as it is now, with what this transaction has decided.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find(&mut self, writer: &mut Writer, id: CaseId) -> Result<Option<&Case>, Error> {
        if let Entry::Vacant(entry) = self.0.entry(id) {
            let site = writer.code().clone();
            if let Some((case, seq)) = store::load(writer.conn(), &site, id).await? {
                entry.insert(Open { case, seq, events: Vec::new(), photos: Vec::new() });
            }
        }
        Ok(self.0.get(&id).map(|open| &open.case))
    }

    /// Whether a case has this number already, in the database or in this transaction.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn number_taken(&self, writer: &mut Writer, number: &CaseNumber) -> Result<bool, Error> {
        if self.0.values().any(|open| open.case.number.as_ref() == Some(number)) {
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
            let open = match self.0.remove(&id) {
                Some(open) => Open { case: open.case.evolve(event), seq, ..open },
                None => {
                    let case = Case::begin(id, event)
                        .ok_or_else(|| anyhow::anyhow!("case {id} begins without a report"))?;
                    Open { case, seq, events: Vec::new(), photos: Vec::new() }
                }
            };
            let new = New { event: event.clone(), version: open.case.version, seq, command };
            self.0.entry(id).or_insert(open).events.push(new);
        }
        let open = self.0.get(&id).ok_or_else(|| anyhow::anyhow!("case {id} has no events"))?;
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
        let (site, now) = (writer.code().clone(), writer.now());
        for photo in photos {
            let staged = files::store::staged_full(writer.conn(), &site, author, photo.id).await?;
            let kept = if staged.is_some_and(|sha256| sha256 == photo.sha256) {
                self.0.get(&id).and_then(|open| open.case.photo_kept(author, photo.id, &photo.sha256, now))
            } else {
                None
            };
            self.append(writer, id, kept.as_slice(), None)?;
            if let Some(open) = self.0.get_mut(&id) {
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
        for (id, open) in self.0.into_iter().filter(|(_, open)| !open.events.is_empty()) {
            for new in &open.events {
                let body = serde_json::to_string(&new.event).map_err(anyhow::Error::from)?;
                let event = store::Event {
                    version: i64::from(new.version),
                    seq: new.seq,
                    body: &body,
                    command: new.command,
                };
                store::append(writer.conn(), &site, id, &event).await?;
            }
            for (author, photo) in &open.photos {
                store::name_photo(writer.conn(), &site, id, *author, photo).await?;
            }
            store::put_facts(writer.conn(), &site, &open.case).await?;
            let body = serde_json::to_string(&open.case).map_err(anyhow::Error::from)?;
            let mut audience = open.case.audience(&known.people);
            if open.case.confidential() && writer.mutated(Mutant::ComplaintInRoleFeed) {
                audience.insert(Principal::Role(Role::Desk));
            }
            let version = i64::from(open.case.version);
            writer.publish(DocKey::Case(id), version, open.seq, &body, &audience).await?;
        }
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
pub async fn photo_kept(writer: &mut Writer, key: &UploadKey, sha256: &str) -> Result<(), Error> {
    let now = writer.now();
    let mut cases = Cases::default();
    for id in store::cases_of_photo(writer.conn(), &key.site, key.author, key.photo).await? {
        let event = match cases.find(writer, id).await? {
            Some(case) => case.photo_kept(key.author, key.photo, sha256, now),
            None => None,
        };
        if event.is_some() {
            cases.append(writer, id, event.as_slice(), None)?;
        }
    }
    cases.write(writer).await
}
