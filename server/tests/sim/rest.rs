//! How a run ends: faults stop, everybody signs in once more, and everything is brought to the server.

use std::{
    future::Future,
    rc::Rc,
    task::{Context, Poll},
};

use anyhow::bail;
use device::{Nudge, accounts, platform::Platform as _};
use futures::task::noop_waker;
use shared::{
    sync::{Delivery, UploadRow, UploadState},
    time::{HOUR, MINUTE, SECOND},
};

use crate::{
    backend::{COLLECTING, PASSWORD, phone_of},
    check::{self, Invariant},
    dice::Dice,
    machine::{CallState, Faults},
    world::{World, ready, turn},
};

/// So long nothing is to be due by the plan while everything comes to rest.
const QUIET: i64 = 24 * HOUR;

impl World {
    /// Faults stop, and everybody signs in once more until nothing moves.
    pub(super) fn come_to_rest(&mut self) -> anyhow::Result<()> {
        self.note("faults stop");
        while !self.ghosts.is_empty() {
            self.ghost(&mut Dice::of(self.run.seed, 2))?;
        }
        for number in 0..self.phones.len() {
            let machine = &self.phones[number].machine;
            machine.faults.set(Faults::default());
            machine.capacity.set(usize::MAX);
            machine.ahead.set(0);
            self.kill(number, "starts again");
        }
        self.ghosts.clear();
        // Nothing rests while rounds begin and end: those of the day do so first, and what was done in them arrives late.
        self.keep()?;
        while let Some(due) = self.due.filter(|due| due.since(self.backend.now()) < QUIET) {
            self.pass(due.since(self.backend.now()).max(SECOND));
            self.keep()?;
        }
        let mut before = None;
        for _ in 0..8 {
            self.rested = self.backend.now();
            self.keep()?;
            self.backend.tidy()?;
            self.swept = self.rested;
            if !self.backend.backups.is_empty() {
                // What phones keep until a backup has it may go.
                self.backend.back_up()?;
            }
            for number in 0..self.phones.len() {
                for who in 0..self.phones[number].codes.len() {
                    self.settle_person(number, who)?;
                }
            }
            let now = Some(check::state(self)?);
            if now == before {
                return Ok(());
            }
            before = now;
            // What is held is sent again after a minute, and what is collected is judged after some.
            self.pass((i64::from(COLLECTING) + 2) * MINUTE);
        }
        Err(Invariant::Drains.broken("the sites do not come to rest"))
    }

    /// Signs somebody in at a phone, without faults, and syncs until there is nothing to do.
    pub(super) fn settle_person(&mut self, number: usize, who: usize) -> anyhow::Result<()> {
        let machine = self.phones[number].machine.clone();
        let code = self.phones[number].codes[who];
        let signed_in = self.quietly(accounts::sign_in(&machine, &phone_of(code), PASSWORD))?;
        self.kill(
            number,
            &format!(
                "is with {code}: {}",
                signed_in.as_ref().map_or_else(|no| no.code.as_str(), |_| "signed in")
            ),
        );
        if signed_in.is_err() {
            return Ok(());
        }
        let Some(mut engine) = self.phones[number].engine.take() else { bail!("nobody is signed in") };
        let local = self.phones[number].local.clone();
        let _ = self.quietly(engine.nudged(Nudge::Asked))?;
        if let Some(local) = &local {
            // Somebody taps on what was refused, to have it sent once more.
            for upload in ready(local.uploads())? {
                ready(local.retry_photos(upload.command))?;
            }
        }
        for _ in 0..400 {
            let (back, taken) = self.quietly(turn(engine, local.clone(), Vec::new(), true))?;
            engine = back;
            let taken = taken?;
            self.remember(number)?;
            let Some(until) = taken.wait else { continue };
            let unsent = self.unsent(number);
            if engine.at_ease() && unsent == 0 {
                self.phones[number].engine = Some(engine);
                return Ok(());
            }
            if engine.expired() {
                break;
            }
            self.pass(until.since(machine.now()).clamp(SECOND, 10 * MINUTE));
        }
        self.phones[number].engine = Some(engine);
        Ok(())
    }

    /// How many uploads of the open database are on their way.
    fn unsent(&self, number: usize) -> usize {
        let Some(local) = &self.phones[number].local else { return 0 };
        let uploads: Result<Vec<UploadRow>, _> = ready(local.uploads());
        let rows = ready(local.outbox()).unwrap_or_default();
        let pending = rows.iter().filter(|row| matches!(row.delivery, Delivery::Pending)).count();
        pending
            + uploads
                .unwrap_or_default()
                .iter()
                .filter(|upload| upload.state == UploadState::Waiting)
                .filter(|upload| {
                    !rows.iter().any(|row| {
                        row.id == upload.command && matches!(row.delivery, Delivery::Refused { .. })
                    })
                })
                .count()
    }

    /// Runs something at a phone while every request is answered at once.
    fn quietly<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        let waker = noop_waker();
        let mut work = Box::pin(work);
        for _ in 0..10_000 {
            if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Ok(done);
            }
            if let Some(at) = self.calls(true).first().copied() {
                let (request, cookie, state) = {
                    let net = self.net.borrow();
                    (net[at].request.clone(), net[at].cookie.clone(), Rc::clone(&net[at].state))
                };
                let (response, cookie) = self.answer(&request, cookie, false)?;
                *state.borrow_mut() = CallState::Answered(response, cookie);
                let call = self.net.borrow_mut().remove(at);
                self.receive(&call);
            }
        }
        bail!("something waits for ever")
    }
}
