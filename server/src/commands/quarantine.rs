//! What somebody who has left had made: kept in quarantine, shown to the office, and ruled on.
//!
//! The rules of it are in [`shared::quarantine`]. Here it is found out what a command is about, which decides who may see
//! it (R9); that is looked at again whenever it may have changed.

use std::collections::BTreeSet;

use shared::{
    Code, Rejection,
    case::command::PhotoRef,
    ids::{AttachmentId, CaseId, CommandId, PersonId, RoundId},
    quarantine::{self, Matter, Ruling},
    site::{Member, People, Site},
    wire::{Command, DocKey, Envelope, Quarantined, Verdict},
};
use uuid::Uuid;

use super::{
    judge::{Court, Outcome, as_before_leaving, read_again},
    refusals,
    store::{self, CREATES, Kept, Status},
};
use crate::{
    Error, cases,
    db::Conn,
    files::store::UploadKey,
    ledger,
    sites::{Known, Publication, Writer},
};

const REPORT: &str = "case.report";

/// Who is complained about, as a report or a classification says.
fn accused(text: &str) -> Option<PersonId> {
    let envelope = Envelope::read(text).ok()?;
    envelope.body.get("accused")?.as_str()?.parse().ok()
}

/// What a command is about. `case` says whether its case is confidential, and who is accused in it.
async fn matter(
    conn: &mut Conn,
    settings: &Site,
    kept: &Kept,
    case: Option<(bool, Option<PersonId>)>,
) -> Result<Matter, Error> {
    let envelope = read_again(kept)?;
    let (mut confidential, accused_in_case) = case.unwrap_or_default();
    let mut about: BTreeSet<PersonId> = accused(&kept.text).into_iter().chain(accused_in_case).collect();
    if case.is_none() {
        // What belongs to a complaint that was refused, or waits itself, is as confidential as that.
        for (report, private) in store::reports_of(conn, &envelope.site, envelope.aggregate).await? {
            confidential |= private;
            about.extend(accused(&report));
        }
    }
    Ok(if refusals::private(&envelope, settings, confidential) {
        Matter::Confidential { accused: about }
    } else {
        Matter::Ordinary
    })
}

impl Court<'_> {
    async fn matter(&mut self, kept: &Kept, aggregate: Uuid) -> Result<Matter, Error> {
        let case = self.ledgers.cases.find(self.writer, CaseId(aggregate)).await?;
        let case =
            case.map(|case| (case.confidential(), case.accused.as_ref().map(|accused| accused.person)));
        self.journal.flush(self.writer.conn()).await?;
        matter(self.writer.conn(), &self.known.site, kept, case).await
    }

    /// What is in quarantine of a case, as far as this transaction has come.
    async fn quarantined_of(&mut self, aggregate: Uuid) -> Result<Vec<Kept>, Error> {
        let site = self.writer.code().clone();
        self.journal.flush(self.writer.conn()).await?;
        Ok(store::quarantine_of(self.writer.conn(), &site, aggregate).await?)
    }

    /// Shows a command of somebody who has left to the office.
    pub(super) async fn seclude(&mut self, kept: &mut Kept, envelope: &Envelope) -> Result<(), Error> {
        let matter = self.matter(kept, envelope.aggregate).await?;
        kept.private = matter.confidential();
        let text = Envelope::published(&kept.text);
        let quarantined = Quarantined { id: kept.id, author: kept.author, time: kept.time, text };
        let body = serde_json::to_string(&quarantined).map_err(anyhow::Error::from)?;
        let audience = matter.audience(&self.known.people, &self.known.site);
        let seq = self.writer.next_seq();
        let key = DocKey::Quarantine(kept.id);
        self.writer.publish(Publication { key, version: 1, seq, born: Some(seq), body, audience: &audience });
        Ok(())
    }

    /// Looks again at who may see what is in quarantine of a case that was reported or classified.
    pub(super) async fn readdress(&mut self, aggregate: Uuid) -> Result<(), Error> {
        for kept in self.quarantined_of(aggregate).await? {
            let matter = self.matter(&kept, aggregate).await?;
            readdress(self.writer, kept, &matter, &self.known.people, &self.known.site).await?;
        }
        Ok(())
    }

    /// Whether something of the same author on the same case is in quarantine. Somebody who has come back goes on only
    /// behind what was made before.
    pub(super) fn follows_quarantined(&self, kept: &Kept) -> bool {
        let Some(aggregate) = kept.aggregate else { return false };
        self.journal.secluded(aggregate).any(|(author, id)| author == kept.author && id != kept.id)
    }

    /// Takes or discards a command in quarantine.
    pub(super) async fn rule(
        &mut self,
        actor: &Member,
        id: CommandId,
        ruling: &Ruling,
    ) -> Result<Outcome, Error> {
        let site = self.writer.code().clone();
        self.journal.flush(self.writer.conn()).await?;
        let Some(mut kept) = store::quarantined(self.writer.conn(), &site, id).await? else {
            return Ok(Outcome::Refused(Code::QuarantineNotThere.into()));
        };
        let envelope = read_again(&kept)?;
        let aggregate = envelope.aggregate;
        let matter = self.matter(&kept, aggregate).await?;
        let Known { people, site: settings, .. } = &*self.known;
        if let Err(rejection) = quarantine::judge(ruling, actor, kept.author, &matter, people, settings) {
            return Ok(Outcome::Refused(rejection));
        }
        if ruling.take {
            let outcome = self.take(&kept, &envelope).await?;
            if matches!(outcome, Outcome::Waits(..) | Outcome::Lacks(_)) {
                return Ok(Outcome::Refused(Code::QuarantineEarlierFirst.into()));
            }
            self.settle_on(&mut kept, &envelope, outcome).await?;
        } else {
            self.discard(&mut kept, discarded(actor, &ruling.reason), &matter)?;
        }
        self.conclude(&kept);
        if kept.status == Status::Rejected {
            self.refuse_children(&kept, aggregate, &matter).await?;
        }
        // What is released is never a ruling itself; the compiler cannot know.
        Box::pin(self.release(aggregate)).await?;
        Ok(Outcome::Done(Verdict::Accepted { seq: self.writer.head(), version: 2 }))
    }

    /// What the rules make of a command that is taken: it waits if something before it does.
    async fn take(&mut self, kept: &Kept, envelope: &Envelope) -> Result<Outcome, Error> {
        let waiting = self.quarantined_of(envelope.aggregate).await?;
        let before =
            |other: &Kept| (other.device, other.author) == (kept.device, kept.author) && other.n < kept.n;
        if waiting.iter().any(before) {
            return Ok(Outcome::Waits(Code::CommandPredecessorMissing, Status::Quarantined));
        }
        if let Some(code) = self.superseded(kept, envelope).await? {
            return Ok(Outcome::Refused(code.into()));
        }
        let author = self.known.people.get(kept.author).map(as_before_leaving);
        match (envelope.command(), author) {
            (Ok(command), Some(author)) => self.apply(kept, &author, envelope.aggregate, &command).await,
            // What cannot be read is not put in quarantine, and nobody's name is taken off the list.
            (Ok(_), None) | (Err(_), _) => Ok(Outcome::Refused(Code::CommandUnreadable.into())),
        }
    }

    /// Refuses a command for good. Its author sees that, should they come back; the office knows.
    fn discard(&mut self, kept: &mut Kept, rejection: Rejection, matter: &Matter) -> Result<(), Error> {
        kept.private = matter.confidential();
        kept.status = Status::Rejected;
        kept.verdict = Verdict::Rejected(rejection.clone());
        let author = refusals::audience(&Kept { private: true, ..kept.clone() }, &rejection);
        self.show_refusal(kept, rejection, &author)
    }

    /// What is in quarantine because of a report that was refused is refused with it; because of a start, what its author did
    /// in a round that nobody else has started either.
    async fn refuse_children(
        &mut self,
        parent: &Kept,
        aggregate: Uuid,
        matter: &Matter,
    ) -> Result<(), Error> {
        let Some(kind) = parent.kind.as_deref().filter(|kind| CREATES.contains(kind)) else { return Ok(()) };
        let (case, round) = (CaseId(aggregate), RoundId(aggregate));
        let exists = if kind == REPORT {
            self.ledgers.cases.find(self.writer, case).await?.is_some()
        } else {
            self.ledgers.rounds.find(self.writer, round).await?.is_some()
        };
        let mut children = if exists { Vec::new() } else { self.quarantined_of(aggregate).await? };
        children.retain(|kept| kind == REPORT || kept.author == parent.author);
        for mut kept in children {
            let rejection = Rejection::new(Code::CommandParentRejected).with("parent", parent.id);
            self.discard(&mut kept, rejection, matter)?;
            self.conclude(&kept);
        }
        Ok(())
    }

    /// Writes the verdict of a command that was in quarantine, and takes it from the office.
    fn conclude(&mut self, kept: &Kept) {
        self.journal.decide(kept.clone());
        let seq = self.writer.next_seq();
        self.writer.withdraw(DocKey::Quarantine(kept.id), seq);
    }
}

fn discarded(by: &Member, reason: &str) -> Rejection {
    Rejection::new(Code::CommandDiscarded).with("person", by.id).with("reason", reason.trim())
}

async fn readdress(
    writer: &mut Writer,
    kept: Kept,
    matter: &Matter,
    people: &People,
    settings: &Site,
) -> Result<(), Error> {
    let audience = matter.audience(people, settings);
    writer.readdress(DocKey::Quarantine(kept.id), &audience, &BTreeSet::new()).await?;
    if kept.private != matter.confidential() {
        let kept = Kept { private: matter.confidential(), ..kept };
        store::decide(writer.conn(), &kept).await?;
    }
    Ok(())
}

/// Looks again at who may see what is in quarantine at a site whose people or settings have changed.
///
/// # Errors
/// If the database fails.
pub async fn readdress_all(writer: &mut Writer, people: &People, settings: &Site) -> Result<(), Error> {
    let site = writer.code().clone();
    for kept in store::quarantine(writer.conn(), &site).await? {
        let case = match kept.aggregate {
            Some(aggregate) => cases::store::find(writer.conn(), &site, CaseId(aggregate)).await?,
            None => None,
        };
        let case = case.map(|case| (case.confidential(), case.accused.map(|accused| accused.person)));
        let matter = matter(writer.conn(), settings, &kept, case).await?;
        readdress(writer, kept, &matter, people, settings).await?;
    }
    Ok(())
}

/// The photos that a command names.
fn photos(kept: &Kept) -> Vec<PhotoRef> {
    match Envelope::read(&kept.text).and_then(|envelope| envelope.command()) {
        Ok(Command::Case(command)) => command.photos().to_vec(),
        Ok(Command::Round(command)) => command.photos().into_iter().cloned().collect(),
        Ok(Command::Route(_) | Command::Settle | Command::Rule(_)) | Err(_) => Vec::new(),
    }
}

/// The photo of a case or round that something in quarantine shows to a member of the site, and whose it is.
///
/// # Errors
/// If the database fails.
pub async fn shown_photo(
    conn: &mut Conn,
    known: &Known,
    member: &Member,
    aggregate: Uuid,
    photo: AttachmentId,
) -> Result<Option<(PersonId, PhotoRef)>, Error> {
    let site = &known.site.code;
    for kept in store::quarantine_of(conn, site, aggregate).await? {
        let Some(named) = photos(&kept).into_iter().find(|named| named.id == photo) else { continue };
        let case = cases::store::find(conn, site, CaseId(aggregate)).await?;
        let case = case.map(|case| (case.confidential(), case.accused.map(|accused| accused.person)));
        if matter(conn, &known.site, &kept, case).await?.shown_to(member, &known.people, &known.site) {
            return Ok(Some((kept.author, named)));
        }
    }
    Ok(None)
}

/// Whether a command that waits, for its case or round or for the office, names a photo of this author with this hash and length.
///
/// # Errors
/// If the database fails.
pub async fn name_photo(conn: &mut Conn, key: &UploadKey, sha256: &str, length: u64) -> sqlx::Result<bool> {
    let waiting = store::waiting_of(conn, &key.site, key.author).await?;
    Ok(waiting.iter().flat_map(photos).any(|photo| ledger::is_part(&photo, key, sha256, length)))
}
