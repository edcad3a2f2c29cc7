//! Changing things: judge by the rules, store on the device, show, and let the sync engine send it.

use ::device::{Album, Ask, Nudge, Subject};
use shared::{
    Code, Rejection,
    case::{CaseCommand, command::Report},
    ids::{AttachmentId, CaseId, CommandId},
    quarantine::Ruling,
    wire::{Envelope, Part},
};
use uuid::Uuid;

use super::State;

impl State {
    /// Does something to a case, and with it mends refused commands (`settles`). Returns once it is saved on this device.
    ///
    /// # Errors
    /// What the rules say against it, or what this device cannot do; then nothing has changed and the draft stays.
    pub async fn act(
        &self,
        case: CaseId,
        commands: &[CaseCommand],
        draft: Option<&str>,
        settles: &[CommandId],
    ) -> Result<(), Rejection> {
        let property = self.property.get_untracked().ok_or(Code::SiteNotMember)?;
        let view = self.case(case);
        let judge = property.judge(self.offset());
        if let Some(command) = commands.first() {
            judge.check(view.as_deref(), command, self.now_ms())?;
        }
        let asks: Vec<Ask> = commands.iter().map(Ask::from).collect();
        self.store(case.0, view.map(|view| view.version()), &asks, settles, draft).await
    }

    /// Reports a problem, with what else is known of it already: that it is solved (A9), words and photos that came
    /// later. Mends refused commands (`settles`) with it. Returns once all of it is saved on this device.
    ///
    /// # Errors
    /// As [`act`](Self::act).
    pub async fn report(
        &self,
        case: CaseId,
        report: Report,
        then: Vec<CaseCommand>,
        draft: &str,
        settles: &[CommandId],
    ) -> Result<(), Rejection> {
        let mut commands = vec![CaseCommand::Report(report)];
        commands.extend(then);
        self.act(case, &commands, Some(draft), settles).await
    }

    pub(super) async fn store(
        &self,
        aggregate: Uuid,
        base: Option<u32>,
        asks: &[Ask],
        settles: &[CommandId],
        draft: Option<&str>,
    ) -> Result<(), Rejection> {
        let local = self.local()?;
        let author = self.session.with_untracked(|session| session.as_ref().map(|session| session.person));
        let subject = Subject {
            author: author.ok_or(Code::AuthRequired)?,
            site: self.site.get_untracked().ok_or(Code::SiteNotMember)?,
            aggregate,
            base,
        };
        local.commit(&subject, asks, settles, draft).await?;
        // It is saved: what cannot be shown at once is shown at the next change.
        let _ = self.changed(Vec::new()).await;
        self.nudge(Nudge::Saved);
        self.send_in_background();
        self.measure_room();
        Ok(())
    }

    /// Withdraws a refused command: it disappears here and, at the server, for the desk.
    ///
    /// # Errors
    /// Of storage.
    pub async fn withdraw(&self, command: CommandId) -> Result<(), Rejection> {
        self.store(command.0, None, &[], &[command], None).await
    }

    /// Takes a command in quarantine, or discards it.
    ///
    /// # Errors
    /// `case.field_missing` without a reason; of storage.
    pub async fn rule(&self, command: CommandId, ruling: &Ruling) -> Result<(), Rejection> {
        if ruling.reason.trim().is_empty() {
            return Err(Rejection::new(Code::CaseFieldMissing).with("field", "reason"));
        }
        self.store(command.0, None, &[Ask::rule(ruling)], &[], None).await
    }

    /// Sends the refused photos of a command once more.
    ///
    /// # Errors
    /// Of storage.
    pub async fn retry_photos(&self, command: CommandId) -> Result<(), Rejection> {
        self.local()?.retry_photos(command).await?;
        let _ = self.changed(Vec::new()).await;
        self.nudge(Nudge::Asked);
        self.send_in_background();
        Ok(())
    }

    /// Gives up the refused photos of a command: they leave this device.
    ///
    /// # Errors
    /// Of storage.
    pub async fn give_up_photos(&self, command: CommandId) -> Result<(), Rejection> {
        self.local()?.give_up_photos(command).await?;
        let _ = self.changed(Vec::new()).await;
        Ok(())
    }

    /// What a refused command asked, to be mended and made again.
    pub fn refused_command(&self, command: CommandId) -> Option<CaseCommand> {
        let text = self
            .outbox
            .with_untracked(|rows| rows.iter().find(|row| row.id == command).map(|row| row.text.clone()));
        Envelope::read(&text?).ok()?.case_command()
    }

    /// A photo's bytes: from this device, else from the server, and then kept for a time without a network.
    ///
    /// # Errors
    /// `device.offline` where it is nowhere near; the server's own.
    pub async fn photo(&self, of: Album, photo: AttachmentId, part: Part) -> Result<Vec<u8>, Rejection> {
        let site = self.site.get_untracked().ok_or(Code::SiteNotMember)?;
        self.local()?.photo(&site, of, photo, part).await
    }
}
