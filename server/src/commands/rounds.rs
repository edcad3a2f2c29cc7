//! Judging commands on routes and rounds, and problems found at a stop.
//!
//! A round is judged by every version of its route that there was, with all labels that ever hung at its stops. What comes
//! before anybody has started the round waits for that; the server starts each by plan, too.

use std::sync::Arc;

use shared::{
    Code, Rejection,
    case::{self, command::Report},
    ids::{CaseId, RoundId, RouteId},
    round::{self, RoundCommand, RoundEvent, decide_start},
    route::{self, Route, RouteCommand},
    site::Member,
    wire::Verdict,
};

use super::{
    judge::{Court, Found, Outcome},
    store::Kept,
};
use crate::{Error, Mutant, ledger::Ledgers, rounds, sites::Known};

impl Court<'_> {
    /// Judges a command on a route.
    pub(super) async fn route(
        &mut self,
        kept: &Kept,
        actor: &Member,
        id: RouteId,
        command: &RouteCommand,
    ) -> Result<Outcome, Error> {
        let known = &*Arc::clone(&self.known);
        let context = route::Context {
            actor: Some(actor),
            site: &known.site.code,
            places: &known.places,
            people: &known.people,
            now: kept.time,
        };
        let route = self.ledgers.routes.find(self.writer, id).await?;
        let events = match command.decide(id, route, &context) {
            Ok(events) => events,
            Err(rejection) => return Ok(Outcome::Refused(rejection)),
        };
        let (seq, version) = rounds::change(self.writer, self.ledgers, id, &events, Some(kept.id)).await?;
        let seq = self.reached(seq, &events);
        Ok(Outcome::Done(Verdict::Accepted { seq, version }))
    }

    /// Judges a command on a round.
    pub(super) async fn round(
        &mut self,
        kept: &Kept,
        actor: &Member,
        id: RoundId,
        command: &RoundCommand,
    ) -> Result<Outcome, Error> {
        let known = &*Arc::clone(&self.known);
        let code = match (self.ledgers.rounds.find(self.writer, id).await?, command) {
            (Some(round), _) => round.task.route.clone(),
            (None, RoundCommand::Start { route, .. }) => route.clone(),
            (None, _) => return self.without_round(kept, id).await,
        };
        let route = RouteId::of(&known.site.code, &code);
        let versions = rounds::versions(self.writer, self.ledgers, route).await?;
        let context = context(kept, actor, known, &versions);
        let Ledgers { rounds, here, .. } = &mut *self.ledgers;
        let decided = match rounds.get(id) {
            Some(round) => round.decide(command, &context),
            None => decide_start(id, command, &context),
        };
        let mut events = match decided {
            Ok(events) => events,
            Err(rejection) => return Ok(Outcome::Refused(rejection)),
        };
        if self.writer.mutated(Mutant::LateStaysMissed) && rounds.get(id).is_some_and(|round| round.ended) {
            events.retain(|event| event.change.tick().is_none());
        }
        rounds.append(self.writer, id, &events, Some(kept.id))?;
        rounds.photos(self.writer, here, id, kept.author, &command.photos()).await?;
        let (seq, version) = rounds.append(self.writer, id, &[], None)?;
        let seq = self.reached(seq, &events);
        Ok(Outcome::Done(Verdict::Accepted { seq, version }))
    }

    /// What becomes of a problem that was found at a stop; `None` while there is no such round.
    pub(super) async fn found_at(
        &mut self,
        kept: &Kept,
        id: CaseId,
        report: &Report,
        round: RoundId,
        of_case: &case::Context<'_>,
    ) -> Result<Option<Result<Found, Rejection>>, Error> {
        let known = &*Arc::clone(&self.known);
        let Some(code) = self.ledgers.rounds.find(self.writer, round).await?.map(|round| &round.task.route)
        else {
            return Ok(None);
        };
        let route = RouteId::of(&known.site.code, code);
        let versions = rounds::versions(self.writer, self.ledgers, route).await?;
        let context = context(kept, of_case.actor, known, &versions);
        let found = self.ledgers.rounds.get(round);
        Ok(found.map(|state| {
            let made = state.decide_report(id, report, of_case.number, &context)?;
            Ok(Found { events: made.case, at_stop: Some((round, made.round)) })
        }))
    }

    /// Makes those of some rounds that nobody has started yet, and judges what has waited for them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn make_rounds(&mut self, plans: Vec<(RoundId, RoundEvent)>) -> Result<(), Error> {
        let site = self.writer.code().clone();
        self.ledgers.rounds.load(self.writer, plans.iter().map(|(id, _)| *id)).await?;
        let missing = |(id, _): &(RoundId, RoundEvent)| self.ledgers.rounds.get(*id).is_none();
        let plans: Vec<_> = plans.into_iter().filter(missing).collect();
        self.journal.load_absent(self.writer.conn(), &site, plans.iter().map(|(id, _)| id.0)).await?;
        for (id, plan) in plans {
            self.ledgers.rounds.append(self.writer, id, &[plan], None)?;
            self.release(id.0).await?;
        }
        Ok(())
    }

    /// What becomes of a command that needs a round which there is not: nobody has started it yet. Whoever tried to and was
    /// refused has walked nothing; others may still start it.
    pub(super) async fn without_round(&mut self, kept: &Kept, id: RoundId) -> Result<Outcome, Error> {
        let site = self.writer.code().clone();
        let author = Some(kept.author);
        Ok(match self.journal.refused_create(self.writer.conn(), &site, id.0, author).await? {
            Some(parent) => {
                Outcome::Refused(Rejection::new(Code::CommandParentRejected).with("parent", parent.id))
            }
            None => Outcome::Lacks(id.0),
        })
    }
}

fn context<'a>(
    kept: &Kept,
    actor: &'a Member,
    known: &'a Known,
    versions: &'a [Route],
) -> round::Context<'a> {
    round::Context {
        actor,
        site: &known.site,
        zone: &known.zone,
        places: &known.places,
        people: &known.people,
        now: kept.time,
        routes: versions,
        clock_moved: kept.clock_moved,
        chain_gap: kept.chain_gap,
    }
}
