//! Rounds on a device: what its own commands make of them before the server has answered.

use super::{Delivery, Judge, OutboxRow};
use crate::{
    Rejection,
    case::CaseCommand,
    ids::{CaseId, RoundId},
    round::{Context, Round, RoundCommand, decide_start},
    route::{Route, Slot},
    time::{EventTime, Ms},
    wire::{Command, Envelope},
};

impl<'a> Judge<'a> {
    fn round_context<'c>(&self, routes: &'c [Route], at: Ms) -> Context<'c>
    where
        'a: 'c,
    {
        Context {
            actor: self.me,
            site: self.site,
            zone: self.zone,
            places: self.places,
            people: self.people,
            now: EventTime::exact(at),
            routes,
            // Only the server can tell either.
            clock_moved: false,
            chain_gap: false,
        }
    }

    /// The round after commands that somebody is about to make, one after the other: what the server will most likely say.
    /// `routes` are the versions of its route that this device has.
    ///
    /// # Errors
    /// The rules' own; see [`Round::decide`] and [`decide_start`].
    pub fn walk(
        &self,
        id: RoundId,
        round: Option<Round>,
        routes: &[Route],
        commands: &[RoundCommand],
        now: Ms,
    ) -> Result<Option<Round>, Rejection> {
        commands.iter().try_fold(round, |round, command| self.step(id, round, routes, command, now))
    }

    fn step(
        &self,
        id: RoundId,
        round: Option<Round>,
        routes: &[Route],
        command: &RoundCommand,
        at: Ms,
    ) -> Result<Option<Round>, Rejection> {
        let context = self.round_context(routes, at);
        match round {
            Some(round) => {
                let events = round.decide(command, &context)?;
                Ok(Some(events.iter().fold(round, Round::evolve)))
            }
            None => {
                let events = decide_start(id, command, &context)?;
                let Some((first, rest)) = events.split_first() else { return Ok(None) };
                Ok(Round::begin(id, first).map(|round| rest.iter().fold(round, Round::evolve)))
            }
        }
    }

    /// A round as the server showed it, with this device's own commands on top that it does not hold yet: what was done
    /// there, and what was reported from there. `None` as long as nobody is known to have begun it.
    ///
    /// Commands that the rules refuse change nothing here; the server's word on them comes with their verdict.
    pub fn overlay_round<'r>(
        &self,
        id: RoundId,
        base: Option<Round>,
        routes: &[Route],
        rows: impl IntoIterator<Item = &'r OutboxRow>,
    ) -> Option<Round> {
        let shown = base.as_ref().map_or(0, |round| round.version);
        let named = id.to_string();
        rows.into_iter().fold(base, |round, row| {
            let of_round = row.aggregate == id.0 && row.kind.starts_with("round.");
            // A report from one of its stops names it; a round that nobody has begun takes none.
            let reported = row.kind == "case.report" && round.is_some() && row.text.contains(&named);
            if !of_round && !reported {
                return round;
            }
            let known = match &row.delivery {
                Delivery::Pending | Delivery::Held { .. } | Delivery::Again(_) => false,
                // The version is that of the round, or of the case: what the log has of a case says it better.
                Delivery::Done { version, .. } => of_round && *version <= shown,
                Delivery::Refused { .. } => true,
            };
            if known { round } else { self.apply_to_round(id, round, routes, row) }
        })
    }

    fn apply_to_round(
        &self,
        id: RoundId,
        round: Option<Round>,
        routes: &[Route],
        row: &OutboxRow,
    ) -> Option<Round> {
        let Ok(command) = Envelope::read(&row.text).and_then(|envelope| envelope.command()) else {
            return round;
        };
        let at = row.at.plus(self.offset);
        match (command, round) {
            (Command::Round(command), round) => {
                self.step(id, round.clone(), routes, &command, at).unwrap_or(round)
            }
            (Command::Case(command), Some(round)) => {
                let CaseCommand::Report(report) = &*command else { return Some(round) };
                let case = CaseId(row.aggregate);
                if round.log.iter().any(|event| event.change.case() == Some(case)) {
                    return Some(round);
                }
                let context = self.round_context(routes, at);
                let events = round.decide_report(case, report, None, &context).map(|both| both.round);
                Some(events.unwrap_or_default().iter().fold(round, Round::evolve))
            }
            (_, round) => round,
        }
    }

    /// The round of a route as it will be once somebody begins it, by what this device knows.
    pub fn planned(&self, id: RoundId, route: &Route, slot: Slot, now: Ms) -> Option<Round> {
        Round::begin(id, &Round::plan(route, slot, self.site, self.places, self.people, now))
    }
}
