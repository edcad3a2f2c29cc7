//! Judging the commands of a site, in a transaction that holds the site's row.
//!
//! The pushes that a transaction takes are looked up together ([`Court::prepare`]), judged one after the other as if each
//! were alone, and written together.

use std::{collections::BTreeSet, sync::Arc};

use shared::{
    Code, Rejection,
    case::{
        Case, CaseCommand, CaseEvent, Context,
        command::{PhotoRef, Report},
        decide_report,
    },
    ids::{AttachmentId, CaseId, CommandId, DeviceId, PersonId, Principal, RoundId, RouteId},
    round::RoundEvent,
    site::Member,
    time::Ms,
    wire::{Answer, Command, DocKey, Envelope, Refusal, Verdict},
};
use uuid::Uuid;

use super::{
    chain::Link,
    collect,
    journal::Journal,
    refusals,
    store::{CREATES, ChainKey, Kept, Status},
};
use crate::{
    App, Error, Mutant,
    backup::store::Restore,
    ledger::Ledgers,
    sites::{Known, Publication, Writer},
};

/// What the commands of a push have in common.
#[derive(Clone, Copy, Debug)]
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
    /// The place of the first command, if the author says that nobody has what is missing before it.
    pub gap: Option<i64>,
}

impl Batch {
    /// In which chain they stand.
    pub(super) fn chain(&self) -> ChainKey {
        (self.device, self.author)
    }
}

/// Commands of a push that are judged together: those of one site that follow each other.
#[derive(Debug)]
pub(crate) struct Run {
    pub(super) batch: Batch,
    pub(super) links: Vec<Link>,
}

impl Run {
    /// How many commands.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// The id of the first command.
    pub(crate) fn first_id(&self) -> Option<CommandId> {
        self.links.first().and_then(Link::id)
    }

    /// The run in runs of one command each.
    pub(crate) fn singly(self) -> impl Iterator<Item = Run> {
        let batch = self.batch;
        self.links.into_iter().map(move |link| Run { batch, links: vec![link] })
    }
}

/// Judges what no site that its author knows is concerned with.
///
/// # Errors
/// If the database fails, after which nothing of this has happened; `push.chain_broken` if another push of this chain,
/// judged in between, brought something else.
pub(crate) async fn nowhere(app: &App, run: &Run) -> Result<Vec<Answer>, Error> {
    let Run { batch, links } = run;
    let mut tx = app.db.write().await?;
    let mut journal = Journal::default();
    journal.lock(&mut tx, &[(batch, links)]).await?;
    journal.leap(&mut tx, batch, links).await?;
    journal.check(batch, links)?;
    let mut answers = Vec::with_capacity(links.len());
    for link in links {
        let answer = match journal.place(batch, link)? {
            Some(answer) => answer,
            None => journal.keep_without_site(&mut tx, batch, link).await?,
        };
        answers.push(answer);
    }
    journal.write(&mut tx).await?;
    tx.commit().await?;
    Ok(answers)
}

/// Judges commands of a site that were collected.
///
/// # Errors
/// If the database fails.
pub(super) async fn again(mut writer: Writer, rows: Vec<Kept>) -> Result<(), Error> {
    let mut ledgers = Ledgers::default();
    let mut court = Court::open(&mut writer, &mut ledgers, Journal::default())?;
    let mut asked = Asked::default();
    let mut collected = Vec::with_capacity(rows.len());
    for kept in rows {
        let envelope = read_again(&kept)?;
        let command = envelope.command();
        asked.add(kept.author, &envelope, &command);
        collected.push((kept, envelope, command));
    }
    court.look_up(asked).await?;
    for (mut kept, envelope, command) in collected {
        court.decide(&mut kept, &envelope, &command).await?;
        let status = kept.status;
        court.journal.decide(kept);
        court.follow(&envelope, status).await?;
    }
    court.close().await?;
    ledgers.write(&mut writer).await?;
    writer.commit().await
}

/// What the rules make of a command.
pub(super) enum Outcome {
    Done(Verdict),
    Refused(Rejection),
    /// It is kept, and judged when what it waits for has come.
    Waits(Code, Status),
    /// It is kept, and judged when this case or round is there.
    Lacks(Uuid),
}

/// What a report or another command on a case makes.
pub(super) struct Found {
    /// The events of the case.
    pub events: Vec<CaseEvent>,
    /// Those of the round at whose stop it was found.
    pub at_stop: Option<(RoundId, Vec<RoundEvent>)>,
}

impl Found {
    fn alone(events: Vec<CaseEvent>) -> Found {
        Found { events, at_stop: None }
    }
}

/// Judges at one site, whose row the writer holds.
pub(crate) struct Court<'a> {
    pub(crate) known: Arc<Known>,
    pub(super) journal: Journal,
    pub(crate) ledgers: &'a mut Ledgers,
    pub(crate) writer: &'a mut Writer,
}

impl<'a> Court<'a> {
    fn open(writer: &'a mut Writer, ledgers: &'a mut Ledgers, journal: Journal) -> Result<Court<'a>, Error> {
        Ok(Court { known: writer.known()?, journal, ledgers, writer })
    }

    /// Without anything that has been pushed: for what the server does by itself.
    ///
    /// # Errors
    /// If the site was never imported, or the database fails.
    pub(crate) async fn convene(
        writer: &'a mut Writer,
        ledgers: &'a mut Ledgers,
    ) -> Result<Court<'a>, Error> {
        let mut court = Court::open(writer, ledgers, Journal::default())?;
        court.look_up(Asked::default()).await?;
        Ok(court)
    }

    /// Takes the chains of some runs, and looks up what judging them will ask for.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn prepare(
        writer: &'a mut Writer,
        ledgers: &'a mut Ledgers,
        runs: &[&Run],
    ) -> Result<Court<'a>, Error> {
        let mut journal = Journal::default();
        let chains: Vec<(&Batch, &[Link])> =
            runs.iter().map(|run| (&run.batch, run.links.as_slice())).collect();
        journal.lock(writer.conn(), &chains).await?;

        let mut asked = Asked::default();
        let mut ids = Vec::new();
        for (batch, links) in chains {
            for link in links.iter().filter(|link| journal.is_new(batch, link)) {
                if let (Some(envelope), Some(command)) = (&link.envelope, &link.command) {
                    ids.push(envelope.id);
                    asked.add(batch.author, envelope, command);
                }
            }
        }
        journal.load_ids(writer.conn(), ids).await?;
        let mut court = Court::open(writer, ledgers, journal)?;
        court.look_up(asked).await?;
        Ok(court)
    }

    /// Looks up what is known to be asked for.
    async fn look_up(&mut self, asked: Asked) -> Result<(), Error> {
        let site = self.writer.code().clone();
        let Ledgers { cases, routes, rounds, here, .. } = &mut *self.ledgers;
        cases.load(self.writer, asked.cases.iter().copied()).await?;
        routes.load(self.writer, asked.routes).await?;
        rounds.load(self.writer, asked.rounds.iter().copied()).await?;
        let no_case = asked.cases.iter().filter(|id| cases.get(**id).is_none()).map(|id| id.0);
        let no_round = asked.rounds.iter().filter(|id| rounds.get(**id).is_none()).map(|id| id.0);
        self.journal.load_absent(self.writer.conn(), &site, no_case.chain(no_round)).await?;
        self.journal.load_refused(self.writer.conn(), &site, asked.settled).await?;
        here.load(self.writer, asked.photos).await?;
        if self.writer.restore().is_some() {
            self.journal.load_taken_back(self.writer.conn(), &site, asked.mendable).await?;
        }
        self.journal.load_secluded(self.writer.conn(), &site).await
    }

    /// Writes down what was judged, apart from what it has changed.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn close(self) -> Result<(), Error> {
        self.journal.write(self.writer.conn()).await
    }

    /// Judges a run.
    ///
    /// # Errors
    /// `push.chain_broken`, after which nothing of the run has happened; anything else spoils the transaction.
    pub(crate) async fn judge(&mut self, run: &Run) -> Result<Vec<Answer>, Error> {
        self.journal.leap(self.writer.conn(), &run.batch, &run.links).await?;
        self.journal.check(&run.batch, &run.links)?;
        let mut answers = Vec::with_capacity(run.links.len());
        for link in &run.links {
            answers.push(self.link(&run.batch, link).await?);
        }
        Ok(answers)
    }

    async fn link(&mut self, batch: &Batch, link: &Link) -> Result<Answer, Error> {
        if let Some(answer) = self.journal.place(batch, link)? {
            if answer.verdict.is_final() && self.writer.mutated(Mutant::LostKey) {
                self.judge_again(batch, link).await?;
            }
            return Ok(answer);
        }
        let here = link.envelope.as_ref().filter(|envelope| envelope.site == *self.writer.code());
        let Some((envelope, command)) = here.zip(link.command.as_ref()) else {
            return self.journal.keep_without_site(self.writer.conn(), batch, link).await;
        };
        let (mut kept, refusal) = self.journal.draft(self.writer.conn(), batch, link).await?;
        kept.site = Some(envelope.site.clone());
        // What was refused before the server was restored stays refused, but for the sake of something that may be lost now.
        let refusal = refusal.or_else(|| match &kept.had.as_ref()?.verdict {
            Verdict::Rejected(rejection) if rejection.code == Code::CommandOriginalDone => None,
            Verdict::Rejected(rejection) => Some(rejection.clone()),
            Verdict::Accepted { .. } | Verdict::Recorded { .. } | Verdict::Held { .. } => None,
        });
        match refusal {
            Some(rejection) => self.refuse(&mut kept, envelope, rejection).await?,
            None if self.writer.collects() => {
                kept.verdict = Verdict::Held { code: Code::CommandRestoring };
                kept.status = Status::Collected;
            }
            None => self.decide(&mut kept, envelope, command).await?,
        }
        let status = kept.status;
        let answer = self.journal.keep(link, kept);
        self.follow(envelope, status).await?;
        Ok(answer)
    }

    /// Looks at what a command that was judged may have changed for others: what has waited for its case or round, and who
    /// may see what is in quarantine.
    async fn follow(&mut self, envelope: &Envelope, status: Status) -> Result<(), Error> {
        if matches!(status, Status::Held | Status::Collected) {
            // Nothing has changed; and what waits for the same, as this does, would be looked at for ever.
            return Ok(());
        }
        if CREATES.contains(&envelope.kind.as_str()) {
            self.release(envelope.aggregate).await?;
        }
        if matches!(envelope.kind.as_str(), "case.report" | "case.classify")
            && self.journal.secluded(envelope.aggregate).next().is_some()
        {
            self.readdress(envelope.aggregate).await?;
        }
        Ok(())
    }

    /// For [`Mutant::LostKey`].
    async fn judge_again(&mut self, batch: &Batch, link: &Link) -> Result<(), Error> {
        if let (Some(envelope), Some(command)) = (&link.envelope, &link.command) {
            let (mut kept, _) = self.journal.draft(self.writer.conn(), batch, link).await?;
            kept.id = envelope.id;
            self.outcome(&kept, envelope, command).await?;
        }
        Ok(())
    }

    /// Judges what has waited for a case or round that now exists, or never will.
    pub(crate) async fn release(&mut self, aggregate: Uuid) -> Result<(), Error> {
        let site = self.writer.code().clone();
        for mut kept in self.journal.release(self.writer.conn(), &site, aggregate).await? {
            let envelope = read_again(&kept)?;
            self.decide(&mut kept, &envelope, &envelope.command()).await?;
            let status = kept.status;
            self.journal.decide(kept);
            // What was found at a stop of a round makes a case, for which others may have waited.
            Box::pin(self.follow(&envelope, status)).await?;
        }
        Ok(())
    }

    async fn decide(
        &mut self,
        kept: &mut Kept,
        envelope: &Envelope,
        command: &Result<Command, Rejection>,
    ) -> Result<(), Error> {
        let outcome = match self.superseded(kept, envelope).await? {
            Some(code) => Outcome::Refused(code.into()),
            None => self.outcome(kept, envelope, command).await?,
        };
        self.settle_on(kept, envelope, outcome).await
    }

    /// Why a command takes no effect on a server that was put back: what it takes the place of did, or its author has mended
    /// or withdrawn it. Elsewhere no command that was refused can come as a new one.
    pub(super) async fn superseded(
        &mut self,
        kept: &Kept,
        envelope: &Envelope,
    ) -> Result<Option<Code>, Error> {
        if self.writer.restore().is_none() || !refusals::mendable(envelope) {
            return Ok(None);
        }
        if self.journal.any_done(self.writer.conn(), kept.author, &envelope.mends).await?
            && !self.is_worked_on(kept).await?
        {
            return Ok(Some(Code::CommandOriginalDone));
        }
        Ok(self.is_taken_back(kept).await?.then_some(Code::CommandTakenBack))
    }

    /// Whether its author has mended or withdrawn a command; asked on a server that was put back.
    async fn is_taken_back(&mut self, kept: &Kept) -> Result<bool, Error> {
        if self.writer.restore().is_none() {
            return Ok(false);
        }
        let site = self.writer.code().clone();
        self.journal.is_taken_back(self.writer.conn(), &site, kept.id, kept.author).await
    }

    /// Whether others wait for the case that a report made before the server was put back. Two cases of one problem do less
    /// harm than work that is lost with one of them.
    async fn is_worked_on(&mut self, kept: &Kept) -> Result<bool, Error> {
        let had = kept.had.as_ref().is_some_and(|had| matches!(had.verdict, Verdict::Accepted { .. }));
        let creates = kept.kind.as_deref().is_some_and(|kind| CREATES.contains(&kind));
        let Some(aggregate) = kept.aggregate.filter(|_| had && creates) else { return Ok(false) };
        let site = self.writer.code().clone();
        self.journal.others_wait(self.writer.conn(), &site, aggregate, kept.author).await
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
                kept.lacks = None;
                kept.verdict = verdict;
                kept.status = Status::Done;
            }
            Outcome::Lacks(what) => {
                kept.verdict = Verdict::Held { code: Code::CommandCreateMissing };
                kept.status = Status::Held;
                kept.lacks = Some(what).filter(|what| kept.aggregate != Some(*what));
            }
            Outcome::Waits(code, status) => {
                kept.verdict = Verdict::Held { code };
                kept.status = status;
                kept.lacks = None;
                if status == Status::Quarantined {
                    self.seclude(kept, envelope).await?;
                }
            }
            Outcome::Refused(rejection) => self.refuse(kept, envelope, rejection).await?,
        }
        Ok(())
    }

    async fn outcome(
        &mut self,
        kept: &Kept,
        envelope: &Envelope,
        command: &Result<Command, Rejection>,
    ) -> Result<Outcome, Error> {
        let known = Arc::clone(&self.known);
        let Some(actor) = known.people.get(kept.author) else {
            let refusal = Rejection::new(Code::CommandUnknownSite).with("site", &envelope.site);
            return Ok(Outcome::Refused(refusal));
        };
        let command = match command {
            Ok(command) => command,
            Err(rejection) => return Ok(Outcome::Refused(rejection.clone())),
        };
        match command {
            Command::Settle => self.settle(kept, actor, CommandId(envelope.aggregate)).await,
            Command::Rule(ruling) => self.rule(actor, CommandId(envelope.aggregate), ruling).await,
            // That a case was seen is noted without anybody's doing: there is nothing to rule on.
            Command::Case(_) | Command::Route(_) | Command::Round(_)
                if actor.gone && !matches!(command, Command::Case(of) if **of == CaseCommand::See {}) =>
            {
                Ok(Outcome::Waits(Code::CommandAuthorRevoked, Status::Quarantined))
            }
            Command::Case(_) | Command::Route(_) | Command::Round(_) if self.follows_quarantined(kept) => {
                Ok(Outcome::Waits(Code::CommandPredecessorMissing, Status::Held))
            }
            Command::Case(_) | Command::Route(_) | Command::Round(_) => {
                self.apply(kept, &as_before_leaving(actor), envelope.aggregate, command).await
            }
        }
    }

    /// Judges a command by the rules, as somebody's who is at the site.
    pub(super) async fn apply(
        &mut self,
        kept: &Kept,
        actor: &Member,
        aggregate: Uuid,
        command: &Command,
    ) -> Result<Outcome, Error> {
        match command {
            Command::Case(command) => self.case(kept, actor, CaseId(aggregate), command).await,
            Command::Route(command) => self.route(kept, actor, RouteId(aggregate), command).await,
            Command::Round(command) => self.round(kept, actor, RoundId(aggregate), command).await,
            // They are about a command, and judged where that is known.
            Command::Settle | Command::Rule(_) => Ok(Outcome::Refused(Code::CommandUnreadable.into())),
        }
    }

    async fn case(
        &mut self,
        kept: &Kept,
        actor: &Member,
        id: CaseId,
        command: &CaseCommand,
    ) -> Result<Outcome, Error> {
        let known = &*Arc::clone(&self.known);
        let had = match collect::number_before(self.writer, known, kept.had.as_ref()) {
            Some(number) if !self.ledgers.cases.number_taken(self.writer, &number).await? => Some(number),
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
        let (decided, new) = match (self.ledgers.cases.find(self.writer, id).await?, command) {
            (Some(case), command) => (case.decide(command, &context).map(Found::alone), false),
            (None, CaseCommand::Report(report)) => match &report.from {
                None => (decide_report(report, &context).map(Found::alone), true),
                Some(from) => {
                    let Some(found) = self.found_at(kept, id, report, from.round, &context).await? else {
                        return self.without_round(kept, from.round).await;
                    };
                    (found, true)
                }
            },
            (None, _) => return self.without_case(id).await,
        };
        let Found { events, at_stop } = match decided {
            Ok(found) => found,
            Err(rejection) => return Ok(Outcome::Refused(rejection)),
        };
        self.ledgers.cases.append(self.writer, id, &events, Some(kept.id))?;
        if let Some((round, events)) = at_stop {
            self.ledgers.rounds.append(self.writer, round, &events, Some(kept.id))?;
        }
        match had {
            Some(number) if new => self.writer.number_given_back(&number),
            None if new => self.writer.number_given(known, kept.time.received),
            Some(_) | None => {}
        }
        let Ledgers { cases, here, .. } = &mut *self.ledgers;
        let photos: Vec<_> = command.photos().iter().collect();
        cases.photos(self.writer, here, id, kept.author, &photos).await?;
        let (seq, version) = cases.append(self.writer, id, &[], None)?;
        let seq = self.reached(seq, &events);
        Ok(Outcome::Done(if Case::only_recorded(&events) {
            Verdict::Recorded { seq, version }
        } else {
            Verdict::Accepted { seq, version }
        }))
    }

    /// How far the site is with a command that made these events. One that changes nothing is in no backup that was made
    /// before either, and its device keeps it until one has it.
    pub(super) fn reached<E>(&mut self, seq: i64, events: &[E]) -> i64 {
        if events.is_empty() { self.writer.next_seq() } else { seq }
    }

    async fn without_case(&mut self, id: CaseId) -> Result<Outcome, Error> {
        let site = self.writer.code().clone();
        Ok(match self.journal.refused_create(self.writer.conn(), &site, id.0, None).await? {
            Some(parent) => {
                Outcome::Refused(Rejection::new(Code::CommandParentRejected).with("parent", parent.id))
            }
            None => Outcome::Lacks(id.0),
        })
    }

    async fn settle(&mut self, kept: &Kept, actor: &Member, id: CommandId) -> Result<Outcome, Error> {
        let site = self.writer.code().clone();
        let refused = self.journal.refused(self.writer.conn(), &site, id).await?;
        let office = actor.office() && !actor.gone;
        let may = match &refused {
            Some(refused) => refusals::may_settle(refused, actor.id, office),
            // What was settled before the server was put back may not have come back itself.
            None => kept.had.as_ref().is_some_and(|had| matches!(had.verdict, Verdict::Accepted { .. })),
        };
        if !may {
            return Ok(Outcome::Refused(Code::CaseNotVisible.into()));
        }
        let (key, seq) = (DocKey::Refusal(id), self.writer.next_seq());
        if self.writer.has(key).await? {
            self.writer.withdraw(key, seq);
        }
        Ok(Outcome::Done(Verdict::Accepted { seq, version: 2 }))
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
        let about_complaint = match self.ledgers.cases.find(self.writer, id).await? {
            Some(case) => case.confidential(),
            // What belongs to a complaint that was refused, or waits in quarantine, is as confidential as that.
            None => self.journal.private_report(self.writer.conn(), &site, envelope.aggregate).await?,
        };
        kept.lacks = None;
        kept.private = refusals::private(envelope, &self.known.site, about_complaint);
        kept.status = Status::Rejected;
        kept.verdict = Verdict::Rejected(rejection.clone());
        // Whoever took it back has seen that it was refused.
        if refusals::mendable(envelope) && !self.is_taken_back(kept).await? {
            let audience = refusals::audience(kept, &rejection);
            self.show_refusal(kept, rejection, &audience)?;
        }
        Ok(())
    }

    /// Shows a refused command.
    pub(super) fn show_refusal(
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
            text: Envelope::published(&kept.text),
        };
        let body = serde_json::to_string(&refusal).map_err(anyhow::Error::from)?;
        let (key, seq) = (DocKey::Refusal(kept.id), self.writer.next_seq());
        self.writer.publish(Publication { key, version: 1, seq, born: Some(seq), body, audience });
        Ok(())
    }
}

/// What a command that has waited says. It could be read when it came.
pub(super) fn read_again(kept: &Kept) -> Result<Envelope, Error> {
    let envelope = Envelope::read(&kept.text);
    Ok(envelope.map_err(|_| anyhow::anyhow!("command {} waited and can no longer be read", kept.id))?)
}

/// Somebody as they were before they left. Who is here is who they are.
pub(super) fn as_before_leaving(member: &Member) -> Member {
    Member { gone: false, ..member.clone() }
}

/// What judging commands will ask the database for.
#[derive(Default)]
struct Asked {
    cases: Vec<CaseId>,
    routes: Vec<RouteId>,
    rounds: Vec<RoundId>,
    settled: Vec<CommandId>,
    mendable: Vec<CommandId>,
    photos: Vec<(PersonId, AttachmentId)>,
}

impl Asked {
    fn add(&mut self, author: PersonId, envelope: &Envelope, command: &Result<Command, Rejection>) {
        let own = |photo: &PhotoRef| (author, photo.id);
        if refusals::mendable(envelope) {
            self.mendable.push(envelope.id);
        }
        match command {
            Ok(Command::Settle) => self.settled.push(CommandId(envelope.aggregate)),
            Ok(Command::Case(command)) => {
                self.cases.push(CaseId(envelope.aggregate));
                self.photos.extend(command.photos().iter().map(own));
                if let CaseCommand::Report(Report { from: Some(from), .. }) = &**command {
                    self.rounds.push(from.round);
                }
            }
            Ok(Command::Route(_)) => self.routes.push(RouteId(envelope.aggregate)),
            Ok(Command::Round(command)) => {
                self.rounds.push(RoundId(envelope.aggregate));
                self.photos.extend(command.photos().into_iter().map(own));
            }
            // It is in quarantine, which is looked up where it is ruled on.
            Ok(Command::Rule(_)) => {}
            // It is refused, and whether that may be shown depends on the case.
            Err(_) => self.cases.push(CaseId(envelope.aggregate)),
        }
    }
}
