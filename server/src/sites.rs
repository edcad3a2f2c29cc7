//! Properties: their settings, places and people, and the lock that every writer takes first.

pub mod by_hand;
pub mod import;
pub mod store;
mod writer;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::de::DeserializeOwned;
use shared::{
    Code,
    ids::{PersonId, PlaceCode, SiteCode},
    site::{Member, People, PlaceKind, Places, Site},
    time::Zone,
    wire::DocKey,
};

pub use writer::{Publication, Writer};

use crate::{
    Error,
    db::{Conn, damaged},
    feed,
};

/// What the rules need to know of a site.
#[derive(Debug)]
pub struct Known {
    /// Its settings.
    pub site: Site,
    /// Its calendar.
    pub zone: Zone,
    /// Its places.
    pub places: Places,
    /// Its people.
    pub people: People,
    /// The sequence numbers of the three documents, by which a copy is known to be fresh.
    seqs: Vec<(String, i64)>,
}

impl Known {
    /// The site as an import makes it.
    pub(crate) fn new(site: Site, places: Places, people: People) -> Known {
        Known { zone: site.calendar(), site, places, people, seqs: Vec::new() }
    }

    /// What people call a place, with what it is in.
    pub(crate) fn place_name(&self, place: &PlaceCode) -> String {
        let path = self.places.path(place);
        let names = path.iter().filter(|one| one.kind != PlaceKind::Site).map(|one| one.name.as_str());
        let names: Vec<&str> = names.collect();
        if names.is_empty() { place.to_string() } else { names.join(" ") }
    }
}

/// The sites as they were last read, so that not every command parses hundreds of places.
#[derive(Debug, Default)]
pub struct Directory(Mutex<HashMap<SiteCode, Arc<Known>>>);

impl Directory {
    /// The site as this connection sees it, `None` if it was never imported.
    pub(crate) async fn get(&self, conn: &mut Conn, code: &SiteCode) -> sqlx::Result<Option<Arc<Known>>> {
        let seqs = feed::store::seqs(conn, code, &[DocKey::Site, DocKey::Places, DocKey::People]).await?;
        if seqs.len() < 3 {
            return Ok(None);
        }
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(code).cloned();
        if let Some(known) = kept.filter(|known| known.seqs == seqs) {
            return Ok(Some(known));
        }
        let site: Site = read(conn, code, DocKey::Site).await?;
        let known = Arc::new(Known {
            zone: site.calendar(),
            site,
            places: read(conn, code, DocKey::Places).await?,
            people: read(conn, code, DocKey::People).await?,
            seqs,
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(code.clone(), Arc::clone(&known));
        Ok(Some(known))
    }

    /// Somebody who asks about a site, with the site.
    ///
    /// # Errors
    /// `site.not_member` for who does not serve there, or no more; or if the database fails.
    pub(crate) async fn reader(
        &self,
        conn: &mut Conn,
        code: &SiteCode,
        person: PersonId,
    ) -> Result<(Member, Arc<Known>), Error> {
        let member = store::member(conn, code, person).await?.filter(|member| !member.gone);
        Ok(member.zip(self.get(conn, code).await?).ok_or(Code::SiteNotMember)?)
    }
}

async fn read<T: DeserializeOwned>(conn: &mut Conn, site: &SiteCode, key: DocKey) -> sqlx::Result<T> {
    let doc = feed::store::doc(conn, site, key).await?.ok_or(sqlx::Error::RowNotFound)?;
    serde_json::from_str(&doc.body).map_err(|error| damaged("docs", format_args!("{site}/{key}"), error))
}
