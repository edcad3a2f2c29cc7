//! What is under way between phones and the server, and what becomes of it there.

use std::rc::Rc;

use anyhow::ensure;
use device::{NetworkError, Nudge, Response};
use shared::{
    ids::SiteCode,
    wire::{Envelope, PushRequest, PushResponse},
};

use crate::{
    backend::{self, SITES},
    check::Invariant,
    dice::Dice,
    machine::{Call, CallState},
    oracle,
    world::World,
};

impl World {
    pub(super) fn calls(&self, asked: bool) -> Vec<usize> {
        let net = self.net.borrow();
        let is = |call: &Call| match &*call.state.borrow() {
            CallState::Asked => asked,
            CallState::Answered(..) => !asked,
            CallState::Done(_) => false,
        };
        net.iter().enumerate().filter(|(_, call)| is(call)).map(|(at, _)| at).collect()
    }

    /// A request reaches the server.
    pub(super) fn arrive(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let Some(at) = dice.pick(&self.calls(true)).copied() else { return Ok(()) };
        let (request, cookie, state, phone) = {
            let net = self.net.borrow();
            let call = &net[at];
            (call.request.clone(), call.cookie.clone(), Rc::clone(&call.state), call.phone)
        };
        let paused = dice.percent(40);
        let (dies, statements) = (dice.percent(4), 1 + dice.below(60));
        if dies && self.backend.app.mutation.is_none() {
            return self.die_answering(at, statements);
        }
        let (response, cookie) = self.answer(&request, cookie, paused)?;
        self.note(format!(
            "phone {phone}: {} {} → {}",
            request.method,
            request.url.split("&cursor").next().unwrap_or_default(),
            response.status
        ));
        *state.borrow_mut() = CallState::Answered(response, cookie);
        if dice.percent(30) {
            // The stream of pokes, as far as it is open.
            for phone in &mut self.phones {
                phone.nudges.extend(SITES.map(|site| Nudge::Poked(SiteCode::from(site))));
            }
        }
        Ok(())
    }

    /// The server dies over a request, whose phone learns that nothing came.
    fn die_answering(&mut self, at: usize, statements: usize) -> anyhow::Result<()> {
        let call = self.net.borrow_mut().remove(at);
        self.note(format!(
            "phone {}: the server dies over {} {} at statement {statements}",
            call.phone,
            call.request.method,
            call.request.url.split('?').next().unwrap_or_default()
        ));
        // Perhaps it has judged them, and nobody has heard of it.
        for id in pushed(&call.request)?.iter().map(|envelope| envelope.id) {
            self.ledger.unheard.insert(id);
        }
        let (request, cookie) = (call.request.clone(), call.cookie.clone());
        self.backend.die(statements, |_, router| async move {
            // Whatever it would have answered.
            let _ = backend::answer(router, &request, cookie.as_deref()).await;
        })?;
        *call.state.borrow_mut() = CallState::Done(Some(Err(NetworkError::Timeout)));
        self.poll(call.phone)
    }

    pub(super) fn answer(
        &mut self,
        request: &device::Request,
        cookie: Option<String>,
        others_first: bool,
    ) -> anyhow::Result<(Response, Option<String>)> {
        let backend = &self.backend;
        let answer = match &backend.app.mutation {
            None => backend.run(backend.answer(request, cookie.as_deref()))?,
            Some(mutation) => {
                let asked = |call: &&Call| matches!(&*call.state.borrow(), CallState::Asked);
                let pulls = |call: &&Call| others_first && call.request.url.starts_with("/api/pull");
                let pulls: Vec<Call> =
                    self.net.borrow().iter().filter(asked).filter(pulls).cloned().collect();
                backend.run(async {
                    let mut answering = Box::pin(backend.answer(request, cookie.as_deref()));
                    let mut pulls = pulls.into_iter();
                    loop {
                        tokio::select! {
                            biased;
                            answer = &mut answering => break answer,
                            () = mutation.reached() => {
                                // While one waits with its numbers, others are told what there is.
                                for pull in pulls.by_ref() {
                                    let (response, cookie) =
                                        backend.answer(&pull.request, pull.cookie.as_deref()).await?;
                                    *pull.state.borrow_mut() = CallState::Answered(response, cookie);
                                }
                                mutation.pass();
                            }
                        }
                    }
                })?
            }
        };
        self.heard(request, &answer.0)?;
        Ok(answer)
    }

    /// Notes the verdicts of an answer: a final one stays as it is, and who has left is not judged.
    fn heard(&mut self, request: &device::Request, response: &Response) -> anyhow::Result<()> {
        if request.url != "/api/push" || !response.is_ok() {
            return Ok(());
        }
        let envelopes = pushed(request)?;
        let answers: PushResponse = serde_json::from_slice(&response.body)?;
        let answered = answers.answers.len() == envelopes.len();
        ensure!(answered, Invariant::Verdict.broken("not every command of a push was answered"));
        for (envelope, answer) in envelopes.iter().zip(answers.answers) {
            let id = envelope.id;
            ensure!(answer.id == Some(id), Invariant::Verdict.broken("an answer names another command"));
            let before = self.ledger.verdicts.get(&id);
            if before.is_none() && !self.ledger.unheard.contains(&id) {
                oracle::first_answer(self, envelope, &answer.verdict)?;
            }
            let before = before.filter(|verdict| verdict.is_final());
            ensure!(
                before.is_none_or(|before| *before == answer.verdict),
                Invariant::Verdict.broken(format!("command {id} got {:?} after {before:?}", answer.verdict))
            );
            if !answer.verdict.is_final() {
                self.ledger.waited.insert(id);
            }
            self.ledger.verdicts.insert(id, answer.verdict);
        }
        Ok(())
    }

    /// An answer reaches its phone.
    pub(super) fn deliver(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let Some(at) = dice.pick(&self.calls(false)).copied() else { return Ok(()) };
        let call = self.net.borrow_mut().remove(at);
        self.receive(&call);
        // What follows at once follows at once.
        self.poll(call.phone)
    }

    pub(super) fn receive(&mut self, call: &Call) {
        let state = std::mem::replace(&mut *call.state.borrow_mut(), CallState::Done(None));
        if let CallState::Answered(response, cookie) = state {
            if let Some(cookie) = cookie {
                *self.phones[call.phone].machine.cookie.borrow_mut() = Some(cookie);
            }
            *call.state.borrow_mut() = CallState::Done(Some(Ok(response)));
        }
    }

    /// A request or an answer is lost; the phone learns that nothing came.
    pub(super) fn lose(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let mut all = self.calls(true);
        all.extend(self.calls(false));
        let Some(at) = dice.pick(&all).copied() else { return Ok(()) };
        let call = self.net.borrow_mut().remove(at);
        let asked = matches!(&*call.state.borrow(), CallState::Asked);
        let what = if asked { "the request" } else { "the answer" };
        self.note(format!(
            "phone {}: {what} of {} {} is lost",
            call.phone,
            call.request.method,
            call.request.url.split('?').next().unwrap_or_default()
        ));
        if asked && dice.percent(30) {
            // Late, not lost.
            self.ghosts.push((call.request.clone(), call.cookie.clone()));
        }
        *call.state.borrow_mut() = CallState::Done(Some(Err(NetworkError::Timeout)));
        self.poll(call.phone)
    }

    /// A request will arrive once more.
    pub(super) fn twice(&mut self, dice: &mut Dice) {
        let Some(at) = dice.pick(&self.calls(true)).copied() else { return };
        let net = self.net.borrow();
        self.ghosts.push((net[at].request.clone(), net[at].cookie.clone()));
    }

    pub(super) fn ghost(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        if self.ghosts.is_empty() {
            return Ok(());
        }
        let (request, cookie) = self.ghosts.swap_remove(dice.below(self.ghosts.len()));
        let (response, _) = self.answer(&request, cookie, false)?;
        self.note(format!(
            "late: {} {} → {}",
            request.method,
            request.url.split('?').next().unwrap_or_default(),
            response.status
        ));
        Ok(())
    }
}

/// The commands of a push; none of another request.
fn pushed(request: &device::Request) -> anyhow::Result<Vec<Envelope>> {
    let Some(device::Body::Text(text)) = request.body.as_ref().filter(|_| request.url == "/api/push") else {
        return Ok(Vec::new());
    };
    let push: PushRequest = serde_json::from_str(text)?;
    push.commands.iter().map(|text| Ok(Envelope::read(text)?)).collect()
}
