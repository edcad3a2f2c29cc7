//! Judging the commands of one site in one transaction.

use std::{collections::BTreeSet, sync::Arc};

use shared::{
    Code, Rejection,
    case::{Case, CaseCommand, Context, decide_report},
    ids::{CaseId, CommandId, DeviceId, PersonId, Principal, SiteCode},
    site::Member,
    time::{Claim, EventTime, Ms},
    wire::{Answer, Command, DocKey, Envelope, Refusal, Verdict},
};
use uuid::Uuid;

use super::{
    chain::Link,
    collect, refusals,
    store::{self, Head, Kept, Status},
};
use crate::{
    App, Error, Mutant,
    backup::store::Restore,
    cases::Cases,
    db::Conn,
    feed,
    sites::{Known, Writer},
};

/// The namespace of the ids of texts that have none of their own.
const NAMESPACE: Uuid = Uuid::from_u128(0x0b9a_6a52_5c1d_5f0e_8e0d_7f64_31c2_d8aa);

/// What the commands of a push have in common.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// On which device they were made.
    pub device: DeviceId,
    /// By whom.
    pub author: PersonId,
    /// The device's wall time when it sent them; `None` where another one did, from a file.
    pub sent: Option<Ms>,
    /// When they arrived.
    pub received: Ms,
    /// When the device first registered a key of the author.
    pub registered: Ms,
    /// The last restore of the database, if what the device says of the time before it is to be believed.
    pub restore: Option<Restore>,
    /// The author says that nobody has what comes before the first command.
    pub gap: bool,
}

/// Judges links of one site, or of none that their author knows.
///
/// # Errors
/// If the database fails, after which nothing of this has happened; `push.chain_broken` if another push of this chain,
/// judged in between, brought something else.
pub(super) async fn judge(
    app: &App,
    batch: &Batch,
    site: Option<&SiteCode>,
    links: &[Link],
) -> Result<Vec<Answer>, Error> {
    let mut writer = match site {
        Some(site) => Writer::begin(app, site).await?,
        None => None,
    };
    if let Some(collected) = writer.take_if(|writer| writer.has_collected()) {
        let site = collected.code().clone();
        drop(collected);
        collect::judge_collected(app, &site).await?;
        writer = Writer::begin(app, &site).await?;
    }
    match writer {
        Some(writer) => at_site(batch, writer, links).await,
        None => nowhere(app, batch, links).await,
    }
}

async fn at_site(batch: &Batch, mut writer: Writer, links: &[Link]) -> Result<Vec<Answer>, Error> {
    let mut chain = Chain::lock(batch, writer.conn(), links).await?;
    let mut court = Court::at(writer).await?;
    let mut answers = Vec::with_capacity(links.len());
    for link in links {
        answers.push(court.judge(&mut chain, link).await?);
    }
    let Court { cases, mut writer, .. } = court;
    chain.advance(writer.conn()).await?;
    cases.write(&mut writer).await?;
    writer.commit().await?;
    Ok(answers)
}

/// Judges commands that were collected.
///
/// # Errors
/// If the database fails.
pub(super) async fn again(writer: Writer, rows: Vec<Kept>) -> Result<(), Error> {
    let mut court = Court::at(writer).await?;
    for mut kept in rows {
        let envelope = Envelope::read(&kept.text)?;
        court.decide(&mut kept, &envelope).await?;
        store::decide(court.writer.conn(), &kept).await?;
        court.follow(&envelope).await?;
    }
    let Court { cases, mut writer, .. } = court;
    cases.write(&mut writer).await?;
    writer.commit().await
}

async fn nowhere(app: &App, batch: &Batch, links: &[Link]) -> Result<Vec<Answer>, Error> {
    let mut tx = app.db.write().await?;
    let mut chain = Chain::lock(batch, &mut tx, links).await?;
    let mut answers = Vec::with_capacity(links.len());
    for link in links {
        let answer = match chain.place(&mut tx, link).await? {
            Some(answer) => answer,
            None => chain.keep_without_site(&mut tx, link).await?,
        };
        answers.push(answer);
    }
    chain.advance(&mut tx).await?;
    tx.commit().await?;
    Ok(answers)
}

fn answer(link: &Link, verdict: Verdict) -> Answer {
    Answer { id: link.envelope.as_ref().map(|envelope| envelope.id), verdict }
}

/// The chain of a push's device and author, held until the end of the transaction.
struct Chain<'a> {
    batch: &'a Batch,
    head: Head,
}

impl<'a> Chain<'a> {
    async fn lock(batch: &'a Batch, conn: &mut Conn, links: &[Link]) -> Result<Chain<'a>, Error> {
        let mut head = store::lock_head(conn, batch.device, batch.author).await?;
        if batch.gap
            && let Some(Link { n, prev: Some(prev), .. }) = links.first()
            && *n > head.n + 1
        {
            let lost = head.n + 1..=n - 1;
            store::note_lost(conn, batch.device, batch.author, lost, batch.received).await?;
            head = Head { n: n - 1, hash: prev.clone(), ..head };
        }
        Ok(Chain { batch, head })
    }

    /// The answer to a link that is known, or that cannot be judged yet; `None` for the one that comes next.
    async fn place(&self, conn: &mut Conn, link: &Link) -> Result<Option<Answer>, Error> {
        if link.n > self.head.n + 1 {
            return Ok(Some(answer(link, Verdict::Held { code: Code::CommandPredecessorMissing })));
        }
        if link.n == self.head.n + 1 {
            return match &link.prev {
                Some(prev) if *prev != self.head.hash => Err(Code::PushChainBroken.into()),
                Some(_) | None => Ok(None),
            };
        }
        let Some((hash, id, verdict)) = store::at(conn, self.batch.device, self.batch.author, link.n).await?
        else {
            return Err(Error::Other(anyhow::anyhow!("the chain has no command {}", link.n)));
        };
        if hash == link.hash {
            return Ok(Some(answer(link, verdict)));
        }
        if link.envelope.as_ref().is_some_and(|envelope| envelope.id == id) {
            return Ok(Some(answer(link, Verdict::Rejected(Code::CommandIdReused.into()))));
        }
        Err(Code::PushChainBroken.into())
    }

    /// A link as it is to be kept, and the reason to refuse it that needs no site to be known.
    async fn draft(&self, conn: &mut Conn, link: &Link) -> Result<(Kept, Option<Rejection>), Error> {
        let Batch { device, author, sent, received, registered, restore, .. } = *self.batch;
        // The same text may lie at several places, of this chain and of others.
        let place = format!("{device}/{author}/{}/{}", link.n, link.hash);
        let derived = CommandId(Uuid::new_v5(&NAMESPACE, place.as_bytes()));
        let mut kept = Kept {
            device,
            author,
            n: link.n,
            hash: link.hash.clone(),
            id: derived,
            site: None,
            aggregate: None,
            kind: None,
            text: link.text.clone(),
            time: EventTime::exact(received),
            verdict: Verdict::Held { code: Code::CommandCreateMissing },
            status: Status::Held,
            private: true,
            had: None,
        };
        let Some(envelope) = &link.envelope else {
            return Ok((kept, Some(Code::CommandUnreadable.into())));
        };
        kept.aggregate = Some(envelope.aggregate);
        kept.kind = Some(envelope.kind.clone());
        if envelope.device != device || envelope.author != author {
            // Its id may be somebody else's, who has yet to use it.
            return Ok((kept, Some(Code::CommandForeign.into())));
        }
        if store::id_taken(conn, envelope.id).await? {
            return Ok((kept, Some(Code::CommandIdReused.into())));
        }
        kept.id = envelope.id;
        let (made, heard, previous) = (envelope.at, envelope.heard, self.head.last_at);
        kept.time = Claim { made, sent, received, heard, previous, registered }.event_time();
        // What was made later cannot have been answered before.
        if let (Some(had), Some(restore)) = (&link.had, restore.filter(|restore| kept.time.at <= restore.at))
        {
            kept.time = collect::arrived_before(kept.time, had, restore);
            kept.had = Some(had.clone());
        }
        Ok((kept, None))
    }

    /// Keeps a link that no site is concerned with: it is refused, and has its place.
    async fn keep_without_site(&mut self, conn: &mut Conn, link: &Link) -> Result<Answer, Error> {
        let (mut kept, refusal) = self.draft(conn, link).await?;
        let refusal = refusal.unwrap_or_else(|| {
            let site = link.envelope.as_ref().map(|envelope| envelope.site.0.clone()).unwrap_or_default();
            Rejection::new(Code::CommandUnknownSite).with("site", site)
        });
        kept.verdict = Verdict::Rejected(refusal);
        kept.status = Status::Rejected;
        self.keep(conn, link, &kept).await
    }

    async fn keep(&mut self, conn: &mut Conn, link: &Link, kept: &Kept) -> Result<Answer, Error> {
        store::keep(conn, kept).await?;
        // What was refused under an id that is not its own, or as somebody else's, was not dated by its claim.
        let own = link.envelope.as_ref().is_some_and(|envelope| envelope.id == kept.id);
        self.head = Head {
            n: link.n,
            hash: link.hash.clone(),
            last_at: self.head.last_at.max(own.then_some(kept.time.at)),
        };
        Ok(answer(link, kept.verdict.clone()))
    }

    async fn advance(&self, conn: &mut Conn) -> sqlx::Result<()> {
        store::advance(conn, self.batch.device, self.batch.author, &self.head).await
    }
}

/// What the rules make of a command.
pub(super) enum Outcome {
    Done(Verdict),
    Refused(Rejection),
    /// It is kept, and judged when what it waits for has come.
    Waits(Code, Status),
}

/// Judges at one site, whose row it holds.
pub(super) struct Court {
    pub(super) known: Arc<Known>,
    pub(super) cases: Cases,
    pub(super) writer: Writer,
    /// Something is in quarantine at the site: mostly nothing is, and nobody need look for it.
    pub(super) any_quarantined: bool,
}

impl Court {
    async fn at(mut writer: Writer) -> Result<Court, Error> {
        let site = writer.code().clone();
        let any_quarantined = store::anything_quarantined(writer.conn(), &site).await?;
        Ok(Court { known: writer.known()?, cases: Cases::default(), writer, any_quarantined })
    }

    async fn judge(&mut self, chain: &mut Chain<'_>, link: &Link) -> Result<Answer, Error> {
        if let Some(answer) = chain.place(self.writer.conn(), link).await? {
            if answer.verdict.is_final() && self.writer.mutated(Mutant::LostKey) {
                self.judge_again(chain, link).await?;
            }
            return Ok(answer);
        }
        let Some(envelope) = link.envelope.as_ref().filter(|envelope| envelope.site == *self.writer.code())
        else {
            return chain.keep_without_site(self.writer.conn(), link).await;
        };
        let (mut kept, refusal) = chain.draft(self.writer.conn(), link).await?;
        kept.site = Some(envelope.site.clone());
        // What was refused before the server was restored stays refused.
        let refusal = refusal.or_else(|| match &kept.had.as_ref()?.verdict {
            Verdict::Rejected(rejection) => Some(rejection.clone()),
            Verdict::Accepted { .. } | Verdict::Recorded { .. } | Verdict::Held { .. } => None,
        });
        match refusal {
            Some(rejection) => self.refuse(&mut kept, envelope, rejection).await?,
            None if self.writer.collects() => {
                kept.verdict = Verdict::Held { code: Code::CommandRestoring };
                kept.status = Status::Collected;
            }
            None => self.decide(&mut kept, envelope).await?,
        }
        let answer = chain.keep(self.writer.conn(), link, &kept).await?;
        if kept.status != Status::Collected {
            self.follow(envelope).await?;
        }
        Ok(answer)
    }

    /// Looks at what a command that was judged may have changed for others: what has waited for its case, and who may see
    /// what is in quarantine.
    async fn follow(&mut self, envelope: &Envelope) -> Result<(), Error> {
        if envelope.kind == "case.report" {
            self.release(envelope.aggregate).await?;
        }
        if self.any_quarantined && matches!(envelope.kind.as_str(), "case.report" | "case.classify") {
            self.readdress(envelope.aggregate).await?;
        }
        Ok(())
    }

    /// For [`Mutant::LostKey`].
    async fn judge_again(&mut self, chain: &Chain<'_>, link: &Link) -> Result<(), Error> {
        if let Some(envelope) = &link.envelope {
            let (mut kept, _) = chain.draft(self.writer.conn(), link).await?;
            kept.id = envelope.id;
            self.outcome(&kept, envelope).await?;
        }
        Ok(())
    }

    /// Judges what has waited for a case that now exists, or never will.
    pub(super) async fn release(&mut self, aggregate: Uuid) -> Result<(), Error> {
        let site = self.writer.code().clone();
        for mut kept in store::waiting_for(self.writer.conn(), &site, aggregate, Status::Held).await? {
            let envelope = Envelope::read(&kept.text)?;
            self.decide(&mut kept, &envelope).await?;
            store::decide(self.writer.conn(), &kept).await?;
        }
        Ok(())
    }

    async fn decide(&mut self, kept: &mut Kept, envelope: &Envelope) -> Result<(), Error> {
        let outcome = self.outcome(kept, envelope).await?;
        self.settle_on(kept, envelope, outcome).await
    }

    /// Notes what the rules make of a command.
    pub(super) async fn settle_on(
        &mut self,
        kept: &mut Kept,
        envelope: &Envelope,
        outcome: Outcome,
    ) -> Result<(), Error> {
        match outcome {
            Outcome::Done(verdict) => {
                kept.verdict = verdict;
                kept.status = Status::Done;
            }
            Outcome::Waits(code, status) => {
                kept.verdict = Verdict::Held { code };
                kept.status = status;
                if status == Status::Quarantined {
                    self.seclude(kept, envelope).await?;
                }
            }
            Outcome::Refused(rejection) => self.refuse(kept, envelope, rejection).await?,
        }
        Ok(())
    }

    async fn outcome(&mut self, kept: &Kept, envelope: &Envelope) -> Result<Outcome, Error> {
        let known = Arc::clone(&self.known);
        let Some(actor) = known.people.get(kept.author) else {
            let refusal = Rejection::new(Code::CommandUnknownSite).with("site", &envelope.site);
            return Ok(Outcome::Refused(refusal));
        };
        match envelope.command() {
            // That a case was seen is noted without anybody's doing: there is nothing to rule on.
            Ok(Command::Case(command)) if actor.gone && !matches!(*command, CaseCommand::See {}) => {
                Ok(Outcome::Waits(Code::CommandAuthorRevoked, Status::Quarantined))
            }
            Ok(Command::Case(_)) if self.follows_quarantined(kept).await? => {
                Ok(Outcome::Waits(Code::CommandPredecessorMissing, Status::Held))
            }
            Ok(Command::Case(command)) => {
                self.case(kept, &as_before_leaving(actor), envelope.aggregate, &command).await
            }
            Ok(Command::Settle) => self.settle(actor, CommandId(envelope.aggregate)).await,
            Ok(Command::Rule(ruling)) => self.rule(actor, CommandId(envelope.aggregate), &ruling).await,
            Err(rejection) => Ok(Outcome::Refused(rejection)),
        }
    }

    /// Judges a command on a case by the rules, as somebody's who is at the site.
    pub(super) async fn case(
        &mut self,
        kept: &Kept,
        actor: &Member,
        aggregate: Uuid,
        command: &CaseCommand,
    ) -> Result<Outcome, Error> {
        let known = &*Arc::clone(&self.known);
        let id = CaseId(aggregate);
        let had = match collect::number_before(&self.writer, known, kept.had.as_ref()) {
            Some(number) if !self.cases.number_taken(&mut self.writer, &number).await? => Some(number),
            Some(_) | None => None,
        };
        let number = had.clone().unwrap_or_else(|| self.writer.next_number(known, kept.time.received));
        let context = Context {
            actor,
            site: &known.site,
            zone: &known.zone,
            places: &known.places,
            people: &known.people,
            now: kept.time,
            number: Some(&number),
        };
        let (decided, new) = match (self.cases.find(&mut self.writer, id).await?, command) {
            (Some(case), command) => (case.decide(command, &context), false),
            (None, CaseCommand::Report(report)) => (decide_report(report, &context), true),
            (None, _) => return self.without_case(aggregate).await,
        };
        let events = match decided {
            Ok(events) => events,
            Err(rejection) => return Ok(Outcome::Refused(rejection)),
        };
        self.cases.append(&mut self.writer, id, &events, Some(kept.id))?;
        match had {
            Some(number) if new => self.writer.number_given_back(&number),
            None if new => self.writer.number_given(known, kept.time.received),
            Some(_) | None => {}
        }
        self.cases.photos(&mut self.writer, id, kept.author, command.photos()).await?;
        let (seq, version) = self.cases.append(&mut self.writer, id, &[], None)?;
        Ok(Outcome::Done(if Case::only_recorded(&events) {
            Verdict::Recorded { seq, version }
        } else {
            Verdict::Accepted { seq, version }
        }))
    }

    async fn without_case(&mut self, aggregate: Uuid) -> Result<Outcome, Error> {
        let site = self.writer.code().clone();
        Ok(match store::refused_create(self.writer.conn(), &site, aggregate).await? {
            Some(parent) => {
                Outcome::Refused(Rejection::new(Code::CommandParentRejected).with("parent", parent.id))
            }
            None => Outcome::Waits(Code::CommandCreateMissing, Status::Held),
        })
    }

    async fn settle(&mut self, actor: &Member, id: CommandId) -> Result<Outcome, Error> {
        let site = self.writer.code().clone();
        let refused = store::find_refused(self.writer.conn(), &site, id).await?;
        let office = actor.office() && !actor.gone;
        if !refused.is_some_and(|refused| refusals::may_settle(&refused, actor.id, office)) {
            return Ok(Outcome::Refused(Code::CaseNotVisible.into()));
        }
        let key = DocKey::Refusal(id);
        if feed::store::doc(self.writer.conn(), &site, key).await?.is_some() {
            let seq = self.writer.next_seq();
            self.writer.withdraw(key, seq).await?;
        }
        Ok(Outcome::Done(Verdict::Accepted { seq: self.writer.head(), version: 2 }))
    }

    /// Refuses a command, and shows that to whom it concerns.
    async fn refuse(
        &mut self,
        kept: &mut Kept,
        envelope: &Envelope,
        rejection: Rejection,
    ) -> Result<(), Error> {
        let site = self.writer.code().clone();
        let id = CaseId(envelope.aggregate);
        let about_complaint = match self.cases.find(&mut self.writer, id).await? {
            Some(case) => case.confidential(),
            // What belongs to a complaint that was refused, or waits in quarantine, is as confidential as that.
            None => store::reports_of(self.writer.conn(), &site, envelope.aggregate)
                .await?
                .iter()
                .any(|(_, private)| *private),
        };
        kept.private = refusals::private(envelope, &self.known.site, about_complaint);
        kept.status = Status::Rejected;
        kept.verdict = Verdict::Rejected(rejection.clone());
        if refusals::mendable(envelope) {
            let audience = refusals::audience(kept.author, kept.private);
            self.show_refusal(kept, rejection, &audience).await?;
        }
        Ok(())
    }

    /// Shows a refused command.
    pub(super) async fn show_refusal(
        &mut self,
        kept: &Kept,
        rejection: Rejection,
        audience: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let refusal = Refusal {
            id: kept.id,
            author: kept.author,
            received: kept.time.received,
            rejection,
            text: kept.text.clone(),
        };
        let body = serde_json::to_string(&refusal).map_err(anyhow::Error::from)?;
        let seq = self.writer.next_seq();
        self.writer.publish(DocKey::Refusal(kept.id), 1, seq, &body, audience).await
    }
}

/// Somebody as they were before they left. Who is here is who they are.
pub(super) fn as_before_leaving(member: &Member) -> Member {
    Member { gone: false, ..member.clone() }
}
