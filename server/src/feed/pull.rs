//! `GET /api/pull`: what has changed for a person since a cursor.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::{Json, extract::State};
use serde::Deserialize;
use shared::{
    Code,
    case::Case,
    ids::{PersonId, Principal, SiteCode},
    round::Round,
    site::{Member, Role},
    time::Ms,
    unread::Unread,
    wire::{Doc, DocKey, Problem, PullResponse},
};

use super::{
    cursor::Cursor,
    store::{self, DocRow},
};
use crate::{
    App, Error, Mutant,
    accounts::SignedIn,
    backup,
    body::Asked,
    db::{Conn, damaged, storable},
    sites::{self, Known},
};

/// The most documents of one answer.
const LIMIT_MAX: u16 = 500;
/// The documents of one answer, unless asked otherwise.
const LIMIT: u16 = 200;
/// The documents that are looked up together.
const LOOKED_UP: usize = 64;
/// So many bytes of documents end an answer too, however few they are.
const BYTES_MAX: usize = 1 << 20;

/// What is asked.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Of which site.
    site: String,
    /// Where to go on: the cursor of the last answer; nothing for a start from nothing.
    cursor: Option<String>,
    /// For whom it is asked: refused if somebody else is signed in, as may be on a shared phone.
    person: Option<PersonId>,
    /// The most documents, 1 to 500.
    limit: Option<u16>,
    /// Kinds of documents that version 1 did not have from its beginning and the device can read, with commas between:
    /// `quarantine`, `rounds`.
    reads: Option<String>,
}

/// What has changed for whoever is signed in.
#[utoipa::path(
    get, path = "/api/pull", tag = "sync",
    params(Wanted),
    responses(
        (status = 200, body = PullResponse),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn pull(
    State(app): State<App>,
    signed_in: SignedIn,
    Asked(asked): Asked<Wanted>,
) -> Result<Json<PullResponse>, Error> {
    if asked.person.is_some_and(|person| person != signed_in.person) {
        return Err(Code::AuthRequired.into());
    }
    let site = SiteCode(storable(&asked.site).into_owned());
    let limit = usize::from(asked.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX));
    let cursor = asked
        .cursor
        .as_deref()
        .filter(|text| !text.is_empty())
        .map(|text| Cursor::read(text, &app.sealer))
        .transpose()?;
    if let Some(cursor) = &cursor
        && (cursor.site != site || cursor.person != signed_in.person)
    {
        return Err(Code::CursorForeign.into());
    }
    // What was read in another life of the database says nothing of this one.
    let cursor = cursor.filter(|cursor| cursor.epoch == app.epoch);

    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let conn = &mut *tx;
    let head = sites::store::head(conn, &site).await?.ok_or(Code::SiteNotMember)?;
    let member = sites::store::member(conn, &site, signed_in.person).await?.ok_or(Code::SiteNotMember)?;
    if cursor.as_ref().is_some_and(|cursor| cursor.furthest() > head) {
        return Err(Code::CursorFuture.into());
    }
    let stable_seq = backup::store::stable(conn, &site).await?;
    let known = app.directory.get(conn, &site).await?.ok_or(Code::SiteNotMember)?;
    let reads = asked.reads.iter().flat_map(|kinds| kinds.split(',')).collect();
    let reader = Reader { site: &site, member: &member, known: &known, now, reads };

    let mut walk = Walk::begin(&reader, cursor, head);
    if app.mutated(Mutant::OneCursor) {
        walk.forget_who_read();
    }
    let page = walk.page(conn, &site, head, limit).await?;
    let mut docs = Vec::new();
    let mut gone = Vec::new();
    let mut cut = page.cut;
    let mut bytes = 0;
    'page: for entries in page.entries.chunks(LOOKED_UP) {
        let keys: Vec<DocKey> = entries.iter().map(|(key, _)| *key).collect();
        let mut rows = store::docs(conn, &site, &keys).await?;
        // Another principal may still show what one has lost.
        let lost: Vec<DocKey> =
            entries.iter().filter(|(_, entry)| !entry.shown).map(|(key, _)| *key).collect();
        let audiences = store::audiences(conn, &site, &lost).await?;
        for (key, entry) in entries {
            let row = rows.remove(key);
            let more = row.as_ref().map_or(0, |row| row.body.len());
            if bytes > 0 && bytes + more > BYTES_MAX {
                cut = Some(entry.first - 1);
                break 'page;
            }
            bytes += more;
            let held = audiences.get(key).is_some_and(|audience| !audience.is_disjoint(&walk.holds));
            match reader.look(*key, entry, row, held)? {
                Look::Shown(doc) => docs.push(doc),
                Look::Gone => gone.push(*key),
                Look::NeverSeen => {}
            }
        }
    }
    tx.commit().await?;
    let next = walk.next(&app, &reader, head, cut);
    Ok(Json(PullResponse {
        site,
        epoch: app.epoch.clone(),
        docs,
        gone,
        cursor: next.write(&app.sealer).map_err(anyhow::Error::from)?,
        more: cut.is_some(),
        stable_seq,
        server_time: now,
    }))
}

/// Whose feed is read, and what decides what that person may see.
struct Reader<'a> {
    site: &'a SiteCode,
    member: &'a Member,
    known: &'a Known,
    now: Ms,
    /// The kinds of documents that the device can read beyond the first ones.
    reads: BTreeSet<&'a str>,
}

/// What becomes of a document on its way to a reader.
enum Look {
    Shown(Doc),
    Gone,
    /// It came and went, or was born, after this reader last could see it.
    NeverSeen,
}

/// The rows of one document in a page.
struct Entry {
    /// The sequence number of the first of them.
    first: i64,
    /// A principal that the reader holds is shown it.
    shown: bool,
    /// The furthest position up to which a principal that lost it, or that the reader lost, had been read.
    had: i64,
}

impl Reader<'_> {
    /// Whether the control room stands in for the desk, which changes what its people see without any document
    /// changing (R12).
    fn night(&self) -> bool {
        self.member.is(Role::ControlRoom) && !self.known.site.desk_open(&self.known.zone, self.now)
    }

    /// What becomes of a document; `held` if it is addressed to the reader by another principal than those of the entry.
    fn look(&self, key: DocKey, entry: &Entry, row: Option<DocRow>, held: bool) -> sqlx::Result<Look> {
        let Some(row) = row else {
            return Ok(if entry.had > 0 { Look::Gone } else { Look::NeverSeen });
        };
        if (entry.shown || held)
            && let Some(doc) = self.view(key, &row)?
        {
            return Ok(Look::Shown(doc));
        }
        Ok(if entry.shown || row.born <= entry.had { Look::Gone } else { Look::NeverSeen })
    }

    /// The document as this reader may see it.
    fn view(&self, key: DocKey, row: &DocRow) -> sqlx::Result<Option<Doc>> {
        let parsed = match key {
            DocKey::Site => serde_json::from_str(&row.body).map(|site| Some(Doc::Site(site))),
            DocKey::Places => serde_json::from_str(&row.body).map(|places| Some(Doc::Places(places))),
            DocKey::People => serde_json::from_str(&row.body).map(|people| Some(Doc::People(people))),
            DocKey::Refusal(_) => serde_json::from_str(&row.body).map(|refusal| Some(Doc::Refusal(refusal))),
            DocKey::Quarantine(_) => {
                serde_json::from_str(&row.body).map(|quarantined| Some(Doc::Quarantine(quarantined)))
            }
            DocKey::Case(_) => serde_json::from_str::<Case>(&row.body).map(|case| {
                let standings = case.standings(self.member, &self.known.site, &self.known.zone, self.now);
                case.view(standings).map(Doc::Case)
            }),
            // As it is published, its readers may see it.
            DocKey::Route(_) => serde_json::from_str(&row.body).map(|route| Some(Doc::Route(route))),
            DocKey::Round(_) => serde_json::from_str::<Round>(&row.body).map(|round| {
                let standings = round.standings(self.member, &self.known.site, &self.known.zone, self.now);
                round
                    .view(self.member, standings, &self.known.people)
                    .and_then(|round| Unread::of(&round))
                    .map(Doc::Round)
            }),
        };
        parsed.map_err(|error| damaged("docs", format_args!("{}/{key}", self.site), error))
    }
}

/// The feeds to be read, and from where.
struct Walk {
    /// The principals that the reader holds.
    holds: BTreeSet<String>,
    /// Up to where each of them has been read.
    at: BTreeMap<String, i64>,
    /// Those that the reader lost: up to where they had been read, and taken back.
    leaving: BTreeMap<String, [i64; 2]>,
    /// Those that are read from nothing: where the site stood then. What was taken from them before is nothing to the
    /// reader.
    fresh: BTreeMap<String, i64>,
}

/// A part of the walk: as many documents as were asked for, in the order in which they changed.
struct Page {
    entries: Vec<(DocKey, Entry)>,
    /// The sequence number of the last one, if there are more.
    cut: Option<i64>,
}

impl Walk {
    fn begin(reader: &Reader<'_>, cursor: Option<Cursor>, head: i64) -> Walk {
        let principals = reader.member.principals();
        let readable =
            |principal: &&Principal| principal.reads().is_none_or(|kind| reader.reads.contains(kind));
        let holds: BTreeSet<String> = principals.iter().filter(readable).map(Principal::to_string).collect();
        let (mut at, mut leaving, mut fresh, night) = match cursor {
            Some(cursor) => (cursor.at, cursor.leaving, cursor.fresh, cursor.night),
            None => (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), reader.night()),
        };
        // An app that went back to an older version could not even read what is taken back. It holds no such principal any
        // more; the newer one begins with it from nothing.
        for principal in principals.iter().filter(|principal| !readable(principal)).map(Principal::to_string)
        {
            at.remove(&principal);
            leaving.remove(&principal);
            fresh.remove(&principal);
        }
        let control_room = Principal::Role(Role::ControlRoom);
        let control_room = [control_room.to_string(), control_room.for_rounds().to_string()];
        // What the control room sees changes with the desk's hours: it is lost and gained at the same time.
        let changed = |principal: &String| night != reader.night() && control_room.contains(principal);
        let lost: Vec<String> = at
            .keys()
            .filter(|principal| !holds.contains(*principal) || changed(principal))
            .cloned()
            .collect();
        for principal in lost {
            let had = at.remove(&principal).unwrap_or(0);
            fresh.remove(&principal);
            // Lost again before all was taken back: the reader may have what it had the first time.
            let before = leaving.get(&principal).map_or(0, |[had, _]| *had);
            leaving.insert(principal, [had.max(before), 0]);
        }
        // One that is held again while it is taken back is read both ways, and shown what is there.
        for principal in &holds {
            if !at.contains_key(principal) {
                at.insert(principal.clone(), 0);
                fresh.insert(principal.clone(), head);
            }
        }
        Walk { holds, at, leaving, fresh }
    }

    /// For [`Mutant::OneCursor`].
    fn forget_who_read(&mut self) {
        let furthest = self.at.values().copied().max().unwrap_or(0);
        self.at.values_mut().for_each(|position| *position = furthest);
    }

    async fn page(&self, conn: &mut Conn, site: &SiteCode, head: i64, limit: usize) -> sqlx::Result<Page> {
        // One more than is sent, to know whether there are more.
        let fetched = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut rows = Vec::new();
        for (principal, after) in &self.at {
            let fresh = self.fresh.get(principal).copied().unwrap_or(0);
            for row in store::changes(conn, site, principal, *after..head, fresh, fetched).await? {
                rows.push((row.seq, row.doc, !row.gone, *after));
            }
        }
        for (principal, [had, taken_back]) in &self.leaving {
            for row in store::changes(conn, site, principal, *taken_back..head, 0, fetched).await? {
                rows.push((row.seq, row.doc, false, *had));
            }
        }
        rows.sort_unstable_by_key(|(seq, doc, ..)| (*seq, *doc));
        let mut entries: Vec<(DocKey, Entry)> = Vec::new();
        let mut places: HashMap<DocKey, usize> = HashMap::new();
        let mut cut = 0;
        for (seq, doc, shown, had) in rows {
            let place = match places.get(&doc) {
                Some(place) => *place,
                None if entries.len() == limit => return Ok(Page { entries, cut: Some(cut) }),
                None => {
                    entries.push((doc, Entry { first: seq, shown: false, had: 0 }));
                    places.insert(doc, entries.len() - 1);
                    entries.len() - 1
                }
            };
            let (_, entry) = &mut entries[place];
            entry.shown |= shown;
            entry.had = entry.had.max(if shown { 0 } else { had });
            cut = seq;
        }
        Ok(Page { entries, cut: None })
    }

    fn next(self, app: &App, reader: &Reader<'_>, head: i64, cut: Option<i64>) -> Cursor {
        let Walk { mut at, mut leaving, mut fresh, .. } = self;
        match cut {
            Some(cut) => {
                at.values_mut().for_each(|position| *position = (*position).max(cut));
                leaving.values_mut().for_each(|[_, taken_back]| *taken_back = (*taken_back).max(cut));
            }
            None => {
                at.values_mut().for_each(|position| *position = head);
                leaving.clear();
                fresh.clear();
            }
        }
        Cursor {
            site: reader.site.clone(),
            person: reader.member.id,
            epoch: app.epoch.clone(),
            night: reader.night(),
            at,
            leaving,
            fresh,
        }
    }
}
