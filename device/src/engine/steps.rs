//! The steps that ask something of the server: push, pull, upload, and fetching photos ahead.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use shared::{
    Code,
    case::CaseView,
    ids::{AttachmentId, CaseId, SiteCode},
    sync::{Delivery, OutboxRow, Pulled, UploadRow, UploadState, has_gap, settled, verdicts},
    time::Ms,
    wire::{self, DocKey, Part, PullResponse, PushRequest, PushResponse, READS_QUARANTINE},
};

use super::{Changes, Engine, Shown, Stop};
use crate::{
    PlatformError, Request,
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
        self.local.keep_outbox(&rows).await?;
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
        let started = self.now();
        let pulled = self.local.pulled(site).await?;
        let cursor = pulled.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        self.poked.remove(site);
        let response = self
            .send(Request::get(format!("/api/pull?site={site}&reads={READS_QUARANTINE}{cursor}")))
            .await?;
        if !response.is_ok() {
            let fault = response.fault();
            if shared::sync::react(&fault) == shared::sync::Reaction::Restart {
                let pulled = Pulled { stable: pulled.stable, ..Pulled::default() };
                let page = Page { docs: &[], gone: &[], pulled };
                self.local.keep_page(site, &page, &[]).await?;
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
        let mut pulled = Pulled {
            cursor: Some(answer.cursor.clone()),
            at: None,
            more: answer.more,
            stable: answer.stable_seq,
        };
        if self.local.cramped(outbox).await {
            // Room is for what is not sent yet.
            pulled.stable = None;
        }
        let shown = |row: &OutboxRow| {
            let key = wire::DocKey::Case(CaseId(row.aggregate));
            answer.docs.iter().find_map(|doc| match doc {
                wire::Doc::Case(view) if doc.key() == key => Some(view.version()),
                _ => None,
            })
        };
        let mut done = Vec::new();
        for row in outbox.iter().filter(|row| row.site == *site) {
            let version = match shown(row) {
                Some(version) => Some(version),
                None => self.version(site, row).await?,
            };
            // A case that is not shown is nobody's here only after a pull that began after the receipt.
            let known = version.is_some() || (!answer.more && received_before(row, started));
            if known && settled(row, version, &pulled) {
                done.push(row.clone());
            }
        }
        let gone_photos = self.photos_gone(site, &answer.gone).await?;
        let page = Page {
            docs: &answer.docs,
            gone: &answer.gone,
            pulled: Pulled { at: Some(self.now()), ..pulled },
        };
        self.local.keep_page(site, &page, &done).await?;
        self.local.forget(&[], &[], &gone_photos).await?;
        let changed = answer.docs.iter().map(wire::Doc::key).chain(answer.gone.iter().copied());
        Ok(Changes(changed.map(|key| (site.clone(), key)).collect()))
    }

    async fn version(&self, site: &SiteCode, row: &OutboxRow) -> Result<Option<u32>, PlatformError> {
        let key = DocKey::Case(CaseId(row.aggregate));
        Ok(self.local.doc(site, key).await?.and_then(|doc| match doc {
            wire::Doc::Case(view) => Some(view.version()),
            wire::Doc::Site(_)
            | wire::Doc::Places(_)
            | wire::Doc::People(_)
            | wire::Doc::Refusal(_)
            | wire::Doc::Quarantine(_) => None,
        }))
    }

    /// The bytes of cases that this person has lost sight of, except those still to be sent.
    async fn photos_gone(&self, site: &SiteCode, gone: &[DocKey]) -> Result<Vec<String>, PlatformError> {
        let mut names = Vec::new();
        for key in gone {
            if let Some(wire::Doc::Case(view)) = self.local.doc(site, *key).await? {
                names.extend(
                    photos_of(&view).iter().flat_map(|photo| {
                        [Part::Thumb, Part::Full].map(|part| wire::file_name(photo.id, part))
                    }),
                );
            }
        }
        let waiting = self.local.uploads().await?;
        names.retain(|name| {
            !waiting.iter().any(|upload| upload.name() == *name && upload.state == UploadState::Waiting)
        });
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
        match shared::sync::react(fault) {
            // Where the upload stands is asked anew at the next try.
            shared::sync::Reaction::Refused(Code::FileOffset) => again,
            // Begun so long ago that the server has forgotten it, or before it was restored: once more.
            shared::sync::Reaction::Refused(Code::FileNotFound) if upload.offset > 0 => {
                upload.offset = 0;
                self.keep(upload).await?;
                again
            }
            // Damaged on the way, or begun by somebody else: once more from the beginning, and only once.
            shared::sync::Reaction::Refused(Code::FileWrongHash) if self.damaged.insert(upload.name()) => {
                upload.offset = 0;
                self.keep(upload).await?;
                again
            }
            shared::sync::Reaction::Refused(code) => {
                upload.state = UploadState::Refused { code };
                self.keep(upload).await
            }
            shared::sync::Reaction::Retry { .. }
            | shared::sync::Reaction::SignIn
            | shared::sync::Reaction::Restart => Err(Stop::Fault(fault.clone())),
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

fn received_before(row: &OutboxRow, started: Ms) -> bool {
    match row.delivery {
        shared::sync::Delivery::Done { at, .. } => at <= started,
        shared::sync::Delivery::Pending
        | shared::sync::Delivery::Held { .. }
        | shared::sync::Delivery::Again(_)
        | shared::sync::Delivery::Refused { .. } => false,
    }
}
