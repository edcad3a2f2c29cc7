//! Changing things: judge by the rules, store on the device, show, and let the sync engine send it.

use leptos::prelude::*;
use shared::{
    Code, Rejection,
    case::{CaseCommand, CaseView, command::Report},
    ids::{AttachmentId, CaseId, CommandId},
    sync::{Delivery, UploadRow},
    wire::{self, Envelope, Part},
};

use super::{State, refusal};
use crate::{
    local::{Ask, Subject},
    platform::http::Request,
    sync::Nudge,
};

impl State {
    /// Does something to a case. Returns once it is saved on this device.
    ///
    /// # Errors
    /// What the rules say against it, or what this device cannot do; then nothing has changed and the draft stays.
    pub async fn act(
        &self,
        case: CaseId,
        commands: &[CaseCommand],
        draft: Option<&str>,
    ) -> Result<(), Rejection> {
        let property = self.property.get_untracked().ok_or(Code::SiteNotMember)?;
        let view = self.case(case);
        let judge = property.judge(self.offset());
        if let Some(command) = commands.first() {
            judge.check(view.as_deref(), command, self.now_ms())?;
        }
        let asks: Vec<Ask> = commands.iter().map(Ask::from).collect();
        self.store(case, view.as_deref(), &asks, draft).await
    }

    /// Reports a problem, and with `fixed` that it is solved already (A9). Returns once it is saved on this device.
    ///
    /// # Errors
    /// As [`act`](Self::act).
    pub async fn report(
        &self,
        case: CaseId,
        report: Report,
        fixed: Option<String>,
        draft: &str,
    ) -> Result<(), Rejection> {
        let mut commands = vec![CaseCommand::Report(report)];
        commands.extend(fixed.map(|result| CaseCommand::Fix { result, photos: Vec::new() }));
        self.act(case, &commands, Some(draft)).await
    }

    async fn store(
        &self,
        case: CaseId,
        view: Option<&CaseView>,
        asks: &[Ask],
        draft: Option<&str>,
    ) -> Result<(), Rejection> {
        let local = self.local()?;
        let author = self.session.with_untracked(|session| session.as_ref().map(|session| session.person));
        let subject = Subject {
            author: author.ok_or(Code::AuthRequired)?,
            site: self.site.get_untracked().ok_or(Code::SiteNotMember)?,
            aggregate: case.0,
            base: view.map(CaseView::version),
        };
        local.commit(&subject, asks, self.heard(), draft).await.map_err(refusal)?;
        self.changed(Vec::new()).await.map_err(refusal)?;
        self.nudge(Nudge::Saved);
        Ok(())
    }

    /// Withdraws a refused command of this device: it disappears here and, at the server, for the desk.
    ///
    /// # Errors
    /// Of storage.
    pub async fn withdraw(&self, command: CommandId) -> Result<(), Rejection> {
        let row = self.outbox.with_untracked(|rows| rows.iter().find(|row| row.id == command).cloned());
        let local = self.local()?;
        if let Some(row) = row {
            let Delivery::Refused { .. } = row.delivery else { return Ok(()) };
            let uploads: Vec<UploadRow> = self.uploads.with_untracked(|uploads| {
                uploads.iter().filter(|upload| upload.command == command).cloned().collect()
            });
            let names: Vec<String> = uploads.iter().map(UploadRow::name).collect();
            local.forget(&[row.n], &names, &names).await.map_err(refusal)?;
        }
        self.store(CaseId(command.0), None, &[Ask::settle()], None).await
    }

    /// What a refused command asked, to be mended and made again.
    pub fn refused_command(&self, command: CommandId) -> Option<CaseCommand> {
        let text = self
            .outbox
            .with_untracked(|rows| rows.iter().find(|row| row.id == command).map(|row| row.text.clone()));
        match Envelope::read(&text?).and_then(|envelope| envelope.command()) {
            Ok(wire::Command::Case(command)) => Some(*command),
            Ok(wire::Command::Settle) | Err(_) => None,
        }
    }

    /// A photo's bytes: from this device, else from the server, and then kept for a time without a network.
    ///
    /// # Errors
    /// `device.offline` where it is nowhere near; the server's own.
    pub async fn photo(&self, case: CaseId, photo: AttachmentId, part: Part) -> Result<Vec<u8>, Rejection> {
        let local = self.local()?;
        let name = wire::file_name(photo, part);
        if let Some(bytes) = local.blob(&name).await.map_err(refusal)? {
            return Ok(bytes);
        }
        let site = self.site.get_untracked().ok_or(Code::SiteNotMember)?;
        let part = match part {
            Part::Thumb => "thumb",
            Part::Full => "full",
        };
        let url = format!("/api/cases/{case}/photos/{photo}?site={site}&part={part}");
        let response = Request::get(url).send().await.map_err(refusal)?;
        if !response.is_ok() {
            return Err(crate::sync::problem(&response));
        }
        // Only a copy: without room for it the photo is shown all the same.
        let _ = local.keep_blob(&name, response.body.clone()).await;
        Ok(response.body)
    }
}
