//! The steps that ask something of the server: push, pull, upload, and fetching photos ahead.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use shared::{
    Code,
    case::CaseView,
    ids::{AttachmentId, CaseId, SiteCode},
    sync::{
        Delivery, OutboxRow, Pulled, Reaction, UploadRow, UploadState, has_gap, react, settled, verdicts,
    },
    wire::{self, DocKey, Part, PullResponse, PushRequest, PushResponse, READS_QUARANTINE, READS_ROUNDS},
};

use super::{Changes, Engine, SPARE, Shown, Stop, done_at};
use crate::{
    Mutant, PlatformError, Request,
    local::{Page, photos_of},
    platform::Platform,
};

/// The most bytes of one request of an upload: a lost connection loses no more than this.
const CHUNK: usize = 256 * 1024;
/// A photo may take as long as a slow network needs.
const UPLOAD_LIMIT_MS: u32 = 120_000;
/// So many photos of a person's own dispatches are fetched ahead in one go.
const AHEAD: usize = 40;

impl<P: Platform> Engine<P> {
    /// Sends commands and stores their verdicts.
    pub(super) async fn push(&mut self, rows: &[OutboxRow]) -> Result<Changes, Stop> {
        let Some(last) = rows.last() else { return Ok(Changes::none()) };
        let body = PushRequest {
            v: wire::VERSION,
            device: self.local.device,
            author: last.author,
            sent_at: self.now(),
            commands: rows.iter().map(|row| row.text.clone()).collect(),
            signature: last.signature.clone(),
            had: rows.iter().filter_map(had).cloned().collect(),
            gap: self.gap(rows).await?,
        };
        let response = self.send(Request::post("/api/push", &body)?).await?;
        if !response.is_ok() {
            return Err(Stop::Fault(response.fault()));
        }
        let answer: PushResponse = response.json()?;
        self.local.platform().hear(answer.server_time);
        let lost = self.local.notice_epoch(&answer.epoch).await?;
        let rows = verdicts(rows, &answer.answers, self.now());
        self.local.keep_answered(&rows, &answer.epoch).await?;
        // What was accepted comes back as a document.
        self.poked.extend(rows.iter().map(|row| row.site.clone()));
        Ok(Changes(lost.unwrap_or_default()))
    }

    /// The signed word that nobody has what comes before these commands, where that is so.
    async fn gap(&self, rows: &[OutboxRow]) -> Result<Option<String>, PlatformError> {
        let (Some(first), Some(epoch)) = (rows.first(), self.local.epoch().await?) else { return Ok(None) };
        if !has_gap(&self.local.outbox().await?, first) {
            return Ok(None);
        }
        self.local.sign(&wire::gap_bytes(&epoch, &first.hash)).await.map(Some)
    }

    /// Asks what is new at a site, and stores the page with its cursor.
    pub(super) async fn pull(&mut self, site: &SiteCode, outbox: &[OutboxRow]) -> Result<Changes, Stop> {
        let pulled = self.local.pulled(site).await?;
        let Some(session) = self.local.session().await? else { return Ok(Changes::none()) };
        let (person, serves) = (session.person, session.sites.iter().any(|one| one.code == *site));
        let cursor = pulled.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        self.poked.remove(site);
        let reads = format_args!("{READS_QUARANTINE},{READS_ROUNDS}");
        let url = format!("/api/pull?site={site}&person={person}&reads={reads}{cursor}");
        let response = self.send(Request::get(url)).await?;
        if !response.is_ok() {
            let fault = response.fault();
            if react(&fault) == Reaction::Restart {
                let pulled = Pulled { stable: pulled.stable, ..Pulled::default() };
                let page = Page { docs: &[], gone: &[], photos: &[], pulled };
                self.local.keep_page(site, &page, &[]).await?;
            }
            if react(&fault) == Reaction::Refused(Code::SiteNotMember) {
                return self.leave(site).await;
            }
            return Err(Stop::Fault(fault));
        }
        let answer: PullResponse = response.json()?;
        self.local.platform().hear(answer.server_time);
        if let Some(lost) = self.local.notice_epoch(&answer.epoch).await? {
            // What was asked was where an earlier life of the server stood: once more, from the beginning.
            self.poked.insert(site.clone());
            return Ok(Changes(lost));
        }
        // Nothing is shown of a site where this person serves no more, whatever still lies here, and whatever comes because
        // they do again and have not signed in since: once they have, they begin from nothing.
        let leaves = !serves && !answer.more;
        let docs = if serves { answer.docs } else { Vec::new() };
        let from_nothing = pulled.cursor.is_none();
        let mut anew = if from_nothing { Some(BTreeSet::new()) } else { pulled.anew };
        if let Some(anew) = &mut anew {
            anew.extend(docs.iter().map(wire::Doc::key));
        }
        let cramped = self.local.cramped(outbox).await;
        let pulled = Pulled {
            cursor: (!leaves).then_some(answer.cursor),
            at: None,
            more: answer.more,
            stable: answer.stable_seq,
            anew: None,
        };
        let shown = |row: &OutboxRow| {
            let key = row.doc();
            docs.iter().find(|doc| doc.key() == key).and_then(wire::Doc::version)
        };
        // Where there is little room, it is for what is not sent yet.
        let stable = pulled.stable.filter(|_| !cramped);
        let kept_until = Pulled { stable, ..pulled.clone() };
        let mut done = Vec::new();
        for row in outbox.iter().filter(|row| row.site == *site) {
            let version = match shown(row) {
                _ if leaves => None,
                Some(version) => Some(version),
                None => self.version(site, row).await?,
            };
            // Its receipt was here before this pull began. So a case that is not shown at the end of it is not this
            // person's any more.
            let known = version.is_some() || !answer.more;
            if known && settled(row, version, &kept_until) {
                done.push(row.clone());
            }
        }
        let mut gone = answer.gone;
        if leaves {
            anew = Some(BTreeSet::new());
        }
        if let Some(come) = anew.take_if(|_| !answer.more) {
            let held = self.local.doc_keys(site).await?;
            gone.extend(held.into_iter().filter(|key| !come.contains(key)));
        }
        let photos = self.photos_gone(site, &docs, &gone).await?;
        let page = Page {
            docs: &docs,
            gone: &gone,
            photos: &photos,
            pulled: Pulled { at: Some(self.now()), anew, ..pulled },
        };
        if self.mutated(Mutant::CursorBeforePage) {
            let cursor = Page { docs: &[], gone: &[], photos: &[], pulled: page.pulled.clone() };
            self.local.keep_page(site, &cursor, &[]).await?;
        }
        self.local.keep_page(site, &page, &done).await?;
        if leaves && !self.waits_for_backup(site).await? {
            self.local.leave(site).await?;
        }
        let changed = docs.iter().map(wire::Doc::key).chain(gone.iter().copied());
        Ok(Changes(changed.map(|key| (site.clone(), key)).collect()))
    }

    /// This person serves at a site no more: nothing of it stays.
    async fn leave(&mut self, site: &SiteCode) -> Result<Changes, Stop> {
        let gone = self.local.doc_keys(site).await?;
        let photos = self.photos_gone(site, &[], &gone).await?;
        let page = Page { docs: &[], gone: &gone, photos: &photos, pulled: Pulled::default() };
        self.local.keep_page(site, &page, &[]).await?;
        self.local.leave(site).await?;
        self.spare.insert(site.clone(), self.now().plus(SPARE));
        Ok(Changes(gone.into_iter().map(|key| (site.clone(), key)).collect()))
    }

    /// Whether something of a site is kept until a backup has it: so long the site is asked how far its backups reach.
    async fn waits_for_backup(&self, site: &SiteCode) -> Result<bool, PlatformError> {
        let (outbox, uploads) = (self.local.outbox().await?, self.local.uploads().await?);
        Ok(done_at(&outbox, &uploads).any(|of| of == site))
    }

    async fn version(&self, site: &SiteCode, row: &OutboxRow) -> Result<Option<u32>, PlatformError> {
        Ok(self.local.doc(site, row.doc()).await?.and_then(|doc| doc.version()))
    }

    /// The bytes of cases of which this person has lost sight, or sees no more than an outline, except those that the
    /// server may still need.
    async fn photos_gone(
        &self,
        site: &SiteCode,
        docs: &[wire::Doc],
        gone: &[DocKey],
    ) -> Result<Vec<String>, PlatformError> {
        let outline = |doc: &&wire::Doc| matches!(doc, wire::Doc::Case(CaseView::Outline(_)));
        let mut names = Vec::new();
        for key in docs.iter().filter(outline).map(wire::Doc::key).chain(gone.iter().copied()) {
            let photos: Vec<AttachmentId> = match self.local.doc(site, key).await? {
                Some(wire::Doc::Case(view)) => photos_of(&view).iter().map(|photo| photo.id).collect(),
                Some(wire::Doc::Round(round)) => round.photos(),
                Some(_) | None => Vec::new(),
            };
            let parts = |photo| [Part::Thumb, Part::Full].map(|part| wire::file_name(photo, part));
            names.extend(photos.into_iter().flat_map(parts));
        }
        let needed: BTreeSet<String> = self.local.uploads().await?.iter().map(UploadRow::name).collect();
        names.retain(|name| !needed.contains(name));
        Ok(names)
    }

    /// Sends one part of a photo by tus, going on where the server stands.
    pub(super) async fn upload(&mut self, mut upload: UploadRow) -> Result<Changes, Stop> {
        let name = upload.name();
        let url = format!("/api/files/{name}?author={}", upload.author);
        let Some(bytes) = self.local.blob(&name).await? else {
            // The bytes are gone from this device, to make room: unless the server has them, say so instead of trying for
            // ever.
            let head = self.send(tus("HEAD", &url)).await?;
            upload.state = match head.status {
                200 | 204 if head.offset() == usize::try_from(upload.bytes).ok() => {
                    UploadState::Done { at: self.now(), seq: head.seq() }
                }
                200 | 204 | 404 => UploadState::Refused { code: Code::FileNotFound },
                _ => return Err(Stop::Fault(head.fault())),
            };
            return self.keep(upload).await;
        };
        if self.mutated(Mutant::PhotoBeforeReceipt) {
            self.local.forget(&[], &[], std::slice::from_ref(&name)).await?;
        }
        // A small photo is one request. Only where an earlier try got somewhere is it asked how far.
        let mut seq = 0;
        let mut offset = match self.under_way.take() {
            Some((under_way, offset)) if under_way == name => Some(offset),
            Some(_) | None => None,
        };
        if offset.is_none() && upload.offset > 0 {
            let head = self.send(tus("HEAD", &url)).await?;
            offset = match head.status {
                200 | 204 => {
                    seq = head.seq();
                    head.offset()
                }
                404 => None,
                _ => return Err(Stop::Fault(head.fault())),
            };
        }
        if offset.is_none() {
            let metadata = [
                ("name", name.as_str()),
                ("sha256", upload.sha256.as_str()),
                ("site", upload.site.as_str()),
                ("author", &upload.author.to_string()),
            ]
            .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)))
            .join(",");
            let first = &bytes[..bytes.len().min(CHUNK)];
            let request = tus("POST", "/api/files")
                .header("Upload-Length", bytes.len().to_string())
                .header("Upload-Metadata", metadata)
                .bytes("application/offset+octet-stream", first.to_vec());
            let response = self.send(request).await?;
            if !response.is_ok() {
                return self.refused(upload, &response.fault()).await;
            }
            seq = response.seq();
            offset = response.offset();
        }
        let mut offset = offset.unwrap_or(0).min(bytes.len());
        if offset < bytes.len() {
            let chunk = &bytes[offset..bytes.len().min(offset + CHUNK)];
            let request = tus("PATCH", &url)
                .header("Upload-Offset", offset.to_string())
                .bytes("application/offset+octet-stream", chunk.to_vec());
            let response = self.send(request).await?;
            if !response.is_ok() {
                return self.refused(upload, &response.fault()).await;
            }
            seq = response.seq();
            offset = response.offset().unwrap_or(offset + chunk.len());
        }
        if offset < bytes.len() {
            // One request at a time: a command that was made meanwhile goes before the rest.
            upload.offset = u32::try_from(offset).unwrap_or(u32::MAX);
            self.under_way = Some((name, offset));
            return self.keep(upload).await;
        }
        upload.offset = upload.bytes;
        upload.state = UploadState::Done { at: self.now(), seq };
        self.keep(upload).await
    }

    async fn keep(&self, upload: UploadRow) -> Result<Changes, Stop> {
        self.local.keep_upload(&upload).await?;
        Ok(Changes::none())
    }

    /// A photo that the server will never take is marked so and does not hold up the rest; everything else is tried
    /// again.
    async fn refused(&mut self, mut upload: UploadRow, fault: &shared::sync::Fault) -> Result<Changes, Stop> {
        let again = Err(Stop::Fault(shared::sync::Fault::Unreachable));
        match react(fault) {
            // Where the upload stands is asked anew at the next try.
            Reaction::Refused(Code::FileOffset) => again,
            // Begun so long ago that the server has forgotten it, or before it was restored: once more.
            Reaction::Refused(Code::FileNotFound) if upload.offset > 0 => {
                upload.offset = 0;
                self.keep(upload).await?;
                again
            }
            // Damaged on the way, or begun by somebody else: once more from the beginning, and only once.
            Reaction::Refused(Code::FileWrongHash) if self.damaged.insert(upload.name()) => {
                upload.offset = 0;
                self.keep(upload).await?;
                again
            }
            Reaction::Refused(code) => {
                upload.state = UploadState::Refused { code };
                self.keep(upload).await
            }
            Reaction::Retry { .. } | Reaction::SignIn | Reaction::Restart => Err(Stop::Fault(fault.clone())),
        }
    }

    /// What to have at hand without a network: photos of this person's dispatches, for the basement, and thumbnails of
    /// what else is open. The next one to fetch stands last.
    pub(super) async fn ahead_of(&self, (site, cases): &Shown) -> Result<Vec<Ahead>, PlatformError> {
        let me = self.local.session().await?.map(|session| session.person);
        let have = self.local.blobs().await?;
        let (mut mine, mut others) = (Vec::new(), Vec::new());
        // The newest case has the largest id, and comes last.
        for view in cases {
            let CaseView::Full(case) = view.as_ref() else { continue };
            if case.stage.name().ended() {
                continue;
            }
            let for_me = case.stage.handler().is_some() && case.stage.handler() == me;
            let ahead = |photo, part| Ahead { site: site.clone(), case: case.id, photo, part };
            for photo in case.photos.iter().filter(|photo| photo.kept).map(|photo| photo.photo.id) {
                if for_me {
                    mine.extend([Part::Full, Part::Thumb].map(|part| ahead(photo, part)));
                } else {
                    others.push(ahead(photo, Part::Thumb));
                }
            }
        }
        others.extend(mine);
        others.retain(|one| !have.contains(&wire::file_name(one.photo, one.part)));
        let surplus = others.len().saturating_sub(AHEAD);
        Ok(others.split_off(surplus))
    }
}

fn tus(method: &'static str, url: &str) -> Request {
    Request::new(method, url).header("Tus-Resumable", "1.0.0").limit_ms(UPLOAD_LIMIT_MS)
}

/// A photo to be fetched ahead.
#[derive(Debug)]
pub(super) struct Ahead {
    pub site: SiteCode,
    pub case: CaseId,
    pub photo: AttachmentId,
    pub part: Part,
}

/// What the server had answered to a command before it was restored.
fn had(row: &OutboxRow) -> Option<&wire::Had> {
    match &row.delivery {
        Delivery::Again(had) => Some(had),
        Delivery::Pending | Delivery::Held { .. } | Delivery::Done { .. } | Delivery::Refused { .. } => None,
    }
}
