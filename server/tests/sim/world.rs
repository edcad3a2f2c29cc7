//! A run: phones, their people, the server and everything that goes wrong, all drawn from one seed.
//!
//! Each step has dice of its own, so that leaving one out does not change what the others do: that is how a failing run
//! is made short. Requests are answered one at a time; what is reordered, lost or late is their way.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use device::{
    Engine, Local, NetworkError, Nudge, PlatformError, Response, Table, Taken,
    accounts::{self, Accounts},
    platform::Platform,
};
use futures::task::noop_waker;
use serde_json::{Value, json};
use shared::{
    Rejection,
    ids::{CommandId, PersonId, SiteCode},
    session::Session,
    sync::{OutboxRow, UploadRow},
    time::{HOUR, MINUTE, Ms, SECOND},
    wire::{PushRequest, PushResponse, Verdict},
};

use crate::{
    act::{self, Deed},
    backend::{Backend, PASSWORD, SITES, phone_of},
    check,
    dice::Dice,
    machine::{Call, CallState, Faults, Machine, Net},
    mutants::Mutant,
};

/// Who has phones in this play, by staff code: the first part of each phone's list signs in first.
const PHONES: [&[&str]; 6] = [
    &["P023", "P024", "P022"],
    &["P044", "P011"],
    &["P003", "P005"],
    &["P002", "P001"],
    &["P505", "P503"],
    &["P018", "P045", "P023"],
];

/// All of them.
pub const CAST: [&str; 14] = [
    "P023", "P024", "P022", "P044", "P011", "P003", "P005", "P002", "P001", "P505", "P503", "P018", "P045",
    "P592",
];

/// What is run.
#[derive(Clone, Debug)]
pub struct Run {
    pub seed: u64,
    /// How many steps before everything is to come to rest.
    pub steps: u64,
    /// Steps that are left out.
    pub without: BTreeSet<u64>,
    pub mutant: Option<Mutant>,
}

impl Run {
    pub fn of(seed: u64) -> Run {
        Run { seed, steps: 400, without: BTreeSet::new(), mutant: None }
    }
}

/// A run that shows a mistake.
#[derive(Clone, Debug)]
pub struct Failure {
    pub run: Run,
    pub reason: String,
    pub trace: Vec<String>,
}

/// A command that some phone had in its outbox.
#[derive(Clone, Debug)]
pub struct Saved {
    pub phone: usize,
    pub database: String,
    pub row: OutboxRow,
}

/// What the check wants to know of what happened.
#[derive(Default)]
pub struct Ledger {
    pub saved: BTreeMap<CommandId, Saved>,
    /// What phones have said is saved.
    pub deeds: Vec<Deed>,
    /// How many commands that were, by phone and database.
    pub promised: BTreeMap<(usize, String), usize>,
    /// What the server has said of a command, for ever.
    pub verdicts: BTreeMap<CommandId, Verdict>,
    /// Commands that had to wait for something at the server, and took effect after later ones.
    pub waited: BTreeSet<CommandId>,
}

type Task<T> = Pin<Box<dyn Future<Output = T>>>;
type Turn = (Engine<Machine>, Result<Taken, PlatformError>);

/// What a person at a phone has done.
enum Done {
    SignedIn(Result<Session, Rejection>),
    SignedOut,
    Acted(Result<Option<Deed>, PlatformError>),
}

/// A phone with whoever is signed in.
pub struct Phone {
    pub machine: Machine,
    codes: &'static [&'static str],
    person: Option<PersonId>,
    local: Option<Local<Machine>>,
    /// At rest between two steps.
    engine: Option<Engine<Machine>>,
    turn: Option<Task<Turn>>,
    /// Steps of an engine whose person has signed out meanwhile.
    orphans: Vec<Task<Turn>>,
    hand: Option<Task<Done>>,
    wait: Ms,
    nudges: Vec<Nudge>,
}

pub struct World {
    pub run: Run,
    pub backend: Backend,
    pub phones: Vec<Phone>,
    pub ledger: Ledger,
    pub trace: Vec<String>,
    net: Net,
    /// Requests that arrive once more, or whose phone has died.
    ghosts: Vec<(device::Request, Option<String>)>,
    step: u64,
}

/// Runs it; `Err` is what is wrong.
pub fn run(run: Run) -> Result<usize, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        return Err(Failure { run, reason: "no runtime".to_owned(), trace: Vec::new() });
    };
    runtime.block_on(async {
        let mut world = match World::new(run.clone()).await {
            Ok(world) => world,
            Err(error) => return Err(Failure { run, reason: format!("{error:#}"), trace: Vec::new() }),
        };
        let played = world.play().await;
        world.backend.app.db.close().await;
        match played {
            Ok(()) => Ok(world.ledger.saved.len()),
            Err(error) => Err(Failure { run, reason: format!("{error:#}"), trace: world.trace }),
        }
    })
}

/// Runs all seeds on all cores until one fails: the first of those.
pub fn first_failure(seeds: &[u64], of: impl Fn(u64) -> Run + Sync) -> Option<Failure> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(None::<Failure>));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if found.lock().is_ok_and(|found| found.is_some()) {
                        return;
                    }
                    if let Err(failure) = run(of(*seed))
                        && let Ok(mut found) = found.lock()
                        && found.as_ref().is_none_or(|found| found.run.seed > *seed)
                    {
                        *found = Some(failure);
                    }
                }
            });
        }
    });
    found.into_inner().ok().flatten()
}

/// The same failure with as many steps left out as can be found in so many tries.
pub fn shrink(failure: Failure, mut tries: u32) -> Failure {
    let mut shortest = failure;
    let mut part = shortest.run.steps / 2;
    while part > 0 && tries > 0 {
        let mut from = 0;
        while from < shortest.run.steps && tries > 0 {
            let mut shorter = shortest.run.clone();
            let before = shorter.without.len();
            shorter.without.extend(from..(from + part).min(shorter.steps));
            if shorter.without.len() > before {
                tries -= 1;
                if let Err(failure) = run(shorter) {
                    shortest = failure;
                }
            }
            from += part;
        }
        part /= 2;
    }
    shortest
}

impl World {
    async fn new(run: Run) -> anyhow::Result<World> {
        let backend = Backend::start(run.mutant).await?;
        let net = Net::default();
        let phones = PHONES
            .iter()
            .enumerate()
            .map(|(number, codes)| Phone {
                machine: Machine::new(number, run.seed, backend.clock.clone(), Rc::clone(&net), run.mutant),
                codes,
                person: None,
                local: None,
                engine: None,
                turn: None,
                orphans: Vec::new(),
                hand: None,
                wait: Ms(0),
                nudges: Vec::new(),
            })
            .collect();
        Ok(World {
            run,
            backend,
            phones,
            ledger: Ledger::default(),
            trace: Vec::new(),
            net,
            ghosts: Vec::new(),
            step: 0,
        })
    }

    fn note(&mut self, text: impl AsRef<str>) {
        let at = self.backend.now().since(Ms(1_795_399_200_000)) / 100;
        self.trace.push(format!("{:>4} {:>6}.{} s  {}", self.step, at / 10, at % 10, text.as_ref()));
    }

    async fn play(&mut self) -> anyhow::Result<()> {
        let mut dice = Dice::of(self.run.seed, 1);
        let faults = Faults {
            slow_disk: *dice.pick(&[0, 5, 30]).unwrap_or(&0),
            disk: *dice.pick(&[0, 0, 2, 6]).unwrap_or(&0),
            crash: *dice.pick(&[0, 0, 1, 3]).unwrap_or(&0),
        };
        let lossy = *dice.pick(&[0, 5, 25]).unwrap_or(&0);
        self.note(format!("{faults:?}, {lossy} % of messages lost"));
        // Everybody is signed in to begin with, and has everything there is.
        for phone in 0..self.phones.len() {
            self.settle_person(phone, 0).await?;
        }
        for phone in &self.phones {
            phone.machine.faults.set(faults);
        }
        for step in 0..self.run.steps {
            self.step = step;
            if self.run.without.contains(&step) {
                continue;
            }
            let mut dice = Dice::of(self.run.seed, 10_000 + step);
            self.one_step(&mut dice, lossy).await?;
        }
        self.come_to_rest().await?;
        check::at_rest(self).await
    }

    async fn one_step(&mut self, dice: &mut Dice, lossy: usize) -> anyhow::Result<()> {
        #[derive(Clone, Copy)]
        enum Event {
            Hand,
            Engine,
            Arrive,
            Deliver,
            Lose,
            Twice,
            Ghost,
            Time,
            Jump,
            Kill,
            Restart,
            Import,
            Room,
            SignOver,
        }
        use Event::*;
        let chosen = dice.weighted(&[
            (18, Hand),
            (26, Engine),
            (20, Arrive),
            (20, Deliver),
            (lossy / 3, Lose),
            (lossy / 5 + 1, Twice),
            (2, Ghost),
            (5, Time),
            (1, Jump),
            (1, Kill),
            (1, Restart),
            (1, Import),
            (1, Room),
            (2, SignOver),
        ]);
        let phone = dice.below(self.phones.len());
        match chosen {
            None | Some(Hand) => self.hand(phone, dice),
            Some(Engine) => self.engine(phone, dice.percent(85)),
            Some(Arrive) => self.arrive(dice).await?,
            Some(Deliver) => self.deliver(dice)?,
            Some(Lose) => self.lose(dice)?,
            Some(Twice) => self.twice(dice),
            Some(Ghost) => self.ghost(dice).await?,
            Some(Time) => {
                let by = dice.millis(3 * HOUR).max(SECOND);
                self.note(format!("{} s pass", by / SECOND));
                self.pass(by);
            }
            Some(Jump) => {
                let by = dice.millis(48 * HOUR) * if dice.percent(50) { 1 } else { -1 };
                self.note(format!("the clock of phone {phone} jumps by {} s", by / SECOND));
                self.phones[phone].machine.ahead.set(by);
            }
            Some(Kill) => self.kill(phone, "is killed"),
            Some(Restart) => {
                self.note("the server restarts");
                self.backend.restart().await?;
            }
            Some(Import) => self.import(dice).await?,
            Some(Room) => {
                let machine = &self.phones[phone].machine;
                let tight = machine.capacity.get() == usize::MAX && dice.percent(60);
                let held: usize = machine.stores.borrow().values().map(|store| store.bytes_held()).sum();
                machine.capacity.set(if tight { held + dice.below(40_000) } else { usize::MAX });
                self.note(format!("phone {phone} has {} room", if tight { "little" } else { "much" }));
            }
            Some(SignOver) => self.sign_over(phone, dice),
        }
        self.poll(phone)?;
        Ok(())
    }

    /// Lets time pass, for everybody.
    pub fn pass(&self, millis: i64) {
        self.backend.clock.advance(Duration::from_millis(millis.unsigned_abs()));
    }

    /// The person at a phone does something.
    fn hand(&mut self, number: usize, dice: &mut Dice) {
        let words = format!("deed {} of {}", self.step, number);
        let phone = &mut self.phones[number];
        if phone.hand.is_some() {
            return;
        }
        if let Some(local) = phone.local.clone() {
            let dice = dice.clone();
            let first = SiteCode::from(SITES[usize::from(dice.clone().percent(20))]);
            phone.hand =
                Some(Box::pin(async move { Done::Acted(act::act(&local, dice, words, first).await) }));
        } else {
            self.sign_in(number, 0);
        }
    }

    /// Whoever is signed in signs out, and somebody else in; or the same again.
    fn sign_over(&mut self, number: usize, dice: &mut Dice) {
        let phone = &mut self.phones[number];
        if phone.hand.is_some() {
            return;
        }
        let people = phone.codes.len();
        match phone.local.clone().filter(|_| dice.percent(50)) {
            Some(local) => {
                let machine = phone.machine.clone();
                phone.hand = Some(Box::pin(async move {
                    // What fails is tried again by whoever wants to sign out.
                    let _ = accounts::sign_out(&machine, &local).await;
                    Done::SignedOut
                }));
                self.note(format!("phone {number} signs out"));
            }
            None => self.sign_in(number, dice.below(people)),
        }
    }

    fn sign_in(&mut self, number: usize, who: usize) {
        let phone = &mut self.phones[number];
        let Some(code) = phone.codes.get(who).copied() else { return };
        let machine = phone.machine.clone();
        phone.hand = Some(Box::pin(async move {
            Done::SignedIn(accounts::sign_in(&machine, &phone_of(code), PASSWORD).await)
        }));
        self.note(format!("phone {number} signs in {code}"));
    }

    /// The engine of a phone takes its next step, if it is time.
    fn engine(&mut self, number: usize, visible: bool) {
        let phone = &mut self.phones[number];
        let now = phone.machine.now();
        if phone.turn.is_some() || phone.machine.crashed.get() {
            return;
        }
        let due = !phone.nudges.is_empty() || now >= phone.wait || phone.wait.since(now) > HOUR;
        let Some(engine) = phone.engine.take_if(|_| due) else { return };
        let (local, nudges) = (phone.local.clone(), std::mem::take(&mut phone.nudges));
        phone.turn = Some(Box::pin(turn(engine, local, nudges, visible)));
    }

    /// Polls everything that waits for a disk at this phone, and what came of it.
    fn poll(&mut self, number: usize) -> anyhow::Result<()> {
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        let phone = &mut self.phones[number];
        let mut turned = None;
        if let Some(task) = &mut phone.turn
            && let Poll::Ready(done) = task.as_mut().poll(&mut context)
        {
            phone.turn = None;
            turned = Some(done);
        }
        phone.orphans.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        let mut done = None;
        if let Some(task) = &mut phone.hand
            && let Poll::Ready(what) = task.as_mut().poll(&mut context)
        {
            phone.hand = None;
            done = Some(what);
        }
        if phone.machine.crashed.get() {
            self.remember(number)?;
            self.kill(number, "dies at a transaction");
            return Ok(());
        }
        if let Some((mut engine, taken)) = turned {
            let taken = taken.unwrap_or_else(|error| engine.unable(error));
            let mine = phone.local.as_ref().is_some_and(|local| local.name() == engine.local().name());
            if mine {
                phone.wait = taken.wait.unwrap_or(Ms(i64::MIN));
                phone.engine = Some(engine);
            }
        }
        match done {
            None => {}
            Some(Done::Acted(Ok(None))) => {}
            Some(Done::Acted(Err(error))) => self.note(format!("phone {number} cannot: {error}")),
            Some(Done::Acted(Ok(Some(deed)))) => {
                self.note(format!("phone {number} saves {}", deed.what));
                if let Some(local) = &self.phones[number].local {
                    let of = (number, local.name().to_owned());
                    *self.ledger.promised.entry(of).or_default() += deed.commands;
                }
                self.ledger.deeds.push(deed);
                self.phones[number].wait = Ms(i64::MIN);
            }
            Some(Done::SignedIn(Ok(session))) => self.signed_in(number, &session),
            Some(Done::SignedIn(Err(rejection))) => {
                self.note(format!("phone {number} may not sign in: {}", rejection.code));
            }
            Some(Done::SignedOut) => {
                self.note(format!("phone {number} is signed out"));
                self.close(number);
            }
        }
        self.remember(number)
    }

    fn signed_in(&mut self, number: usize, session: &Session) {
        self.note(format!("phone {number} is {}", session.name));
        let phone = &mut self.phones[number];
        if phone.person == Some(session.person) && phone.local.is_some() {
            phone.nudges.push(Nudge::SignedIn);
            return;
        }
        // Another person: the app begins anew.
        self.kill(number, "begins anew");
    }

    /// Nobody's any more; a step that is under way goes on.
    fn close(&mut self, number: usize) {
        let phone = &mut self.phones[number];
        phone.person = None;
        phone.local = None;
        phone.engine = None;
        phone.orphans.extend(phone.turn.take());
    }

    /// The app ends at once, and is started again with what is on the disk.
    fn kill(&mut self, number: usize, why: &str) {
        self.note(format!("phone {number} {why}"));
        let phone = &mut self.phones[number];
        phone.person = None;
        phone.local = None;
        phone.engine = None;
        phone.turn = None;
        phone.hand = None;
        phone.orphans.clear();
        phone.nudges.clear();
        phone.wait = Ms(i64::MIN);
        phone.machine.crashed.set(false);
        // What it had sent may arrive all the same.
        let mut net = self.net.borrow_mut();
        let (dead, alive): (Vec<Call>, Vec<Call>) = net.drain(..).partition(|call| call.phone == number);
        *net = alive;
        for call in dead {
            if matches!(&*call.state.borrow(), CallState::Asked) {
                self.ghosts.push((call.request, call.cookie));
            }
        }
        drop(net);
        let machine = phone.machine.clone();
        let faults = machine.faults.replace(Faults::default());
        if let Some((person, local)) = ready(start(&machine)) {
            phone.person = Some(person);
            phone.engine = Some(Engine::new(local.clone()));
            phone.local = Some(local);
        }
        machine.faults.set(faults);
    }

    /// Notes what is in the outboxes of a phone.
    fn remember(&mut self, number: usize) -> anyhow::Result<()> {
        let stores = self.phones[number].machine.stores.borrow();
        for (database, store) in stores.iter() {
            let rows: Vec<OutboxRow> = ready(device::Store::readable_rows(store, Table::Outbox))
                .context("an outbox is unreadable")?;
            for row in rows {
                let saved = Saved { phone: number, database: database.clone(), row };
                let known = self.ledger.saved.entry(saved.row.id).or_insert_with(|| saved.clone());
                ensure!(known.row.text == saved.row.text, "command {} was written again", saved.row.n);
                known.row = saved.row;
            }
        }
        Ok(())
    }

    fn calls(&self, asked: bool) -> Vec<usize> {
        let net = self.net.borrow();
        let is = |call: &Call| match &*call.state.borrow() {
            CallState::Asked => asked,
            CallState::Answered(..) => !asked,
            CallState::Done(_) => false,
        };
        net.iter().enumerate().filter(|(_, call)| is(call)).map(|(at, _)| at).collect()
    }

    /// A request reaches the server.
    async fn arrive(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let Some(at) = dice.pick(&self.calls(true)).copied() else { return Ok(()) };
        let (request, cookie, state, phone) = {
            let net = self.net.borrow();
            let call = &net[at];
            (call.request.clone(), call.cookie.clone(), Rc::clone(&call.state), call.phone)
        };
        let paused = dice.percent(40);
        let (response, cookie) = self.answer(&request, cookie, paused).await?;
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

    async fn answer(
        &mut self,
        request: &device::Request,
        cookie: Option<String>,
        others_first: bool,
    ) -> anyhow::Result<(Response, Option<String>)> {
        let app = self.backend.app.clone();
        let answer = match &app.mutation {
            None => self.backend.answer(request, cookie.as_deref()).await?,
            Some(mutation) => {
                let asked = |call: &&Call| matches!(&*call.state.borrow(), CallState::Asked);
                let pulls = |call: &&Call| others_first && call.request.url.starts_with("/api/pull");
                let pulls: Vec<Call> =
                    self.net.borrow().iter().filter(asked).filter(pulls).cloned().collect();
                let backend = &self.backend;
                let mut answering = Box::pin(backend.answer(request, cookie.as_deref()));
                let mut pulls = pulls.into_iter();
                loop {
                    tokio::select! {
                        biased;
                        answer = &mut answering => break answer?,
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
            }
        };
        self.heard(request, &answer.0)?;
        Ok(answer)
    }

    /// Notes the verdicts of an answer: a final one stays as it is.
    fn heard(&mut self, request: &device::Request, response: &Response) -> anyhow::Result<()> {
        if request.url != "/api/push" || !response.is_ok() {
            return Ok(());
        }
        let Some(device::Body::Text(text)) = &request.body else { return Ok(()) };
        let push: PushRequest = serde_json::from_str(text)?;
        let answers: PushResponse = serde_json::from_slice(&response.body)?;
        ensure!(answers.answers.len() == push.commands.len(), "not every command of a push was answered");
        for answer in answers.answers {
            let Some(id) = answer.id else { bail!("an answer names no command") };
            let before = self.ledger.verdicts.get(&id).filter(|verdict| verdict.is_final());
            ensure!(
                before.is_none_or(|before| *before == answer.verdict),
                "command {id} got {:?} after {before:?}",
                answer.verdict
            );
            if !answer.verdict.is_final() {
                self.ledger.waited.insert(id);
            }
            self.ledger.verdicts.insert(id, answer.verdict);
        }
        Ok(())
    }

    /// An answer reaches its phone.
    fn deliver(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let Some(at) = dice.pick(&self.calls(false)).copied() else { return Ok(()) };
        let call = self.net.borrow_mut().remove(at);
        self.hand_over(&call);
        // What follows at once follows at once.
        self.poll(call.phone)
    }

    fn hand_over(&mut self, call: &Call) {
        let state = std::mem::replace(&mut *call.state.borrow_mut(), CallState::Done(None));
        if let CallState::Answered(response, cookie) = state {
            if let Some(cookie) = cookie {
                *self.phones[call.phone].machine.cookie.borrow_mut() = Some(cookie);
            }
            *call.state.borrow_mut() = CallState::Done(Some(Ok(response)));
        }
    }

    /// A request or an answer is lost; the phone learns that nothing came.
    fn lose(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
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
    fn twice(&mut self, dice: &mut Dice) {
        let Some(at) = dice.pick(&self.calls(true)).copied() else { return };
        let net = self.net.borrow();
        self.ghosts.push((net[at].request.clone(), net[at].cookie.clone()));
    }

    async fn ghost(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        if self.ghosts.is_empty() {
            return Ok(());
        }
        let (request, cookie) = self.ghosts.swap_remove(dice.below(self.ghosts.len()));
        let (response, _) = self.answer(&request, cookie, false).await?;
        self.note(format!(
            "late: {} {} → {}",
            request.method,
            request.url.split('?').next().unwrap_or_default(),
            response.status
        ));
        Ok(())
    }

    /// Somebody leaves, comes back, or becomes something else.
    async fn import(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let code = *dice.pick(&CAST).context("no cast")?;
        let site = if code.starts_with("P5") { SITES[1] } else { SITES[0] };
        let roles = *dice
            .pick(&["guard", "desk", "technician", "supervisor", "director", "cleaner"])
            .context("no roles")?;
        let leaves = dice.percent(35);
        let original = original(site, code)?;
        let done = self
            .backend
            .reimport(site, |file| {
                let Some(people) = file["people"].as_array_mut() else { return };
                let at = people.iter().position(|person| person["code"] == code);
                match at {
                    Some(at) if leaves => drop(people.remove(at)),
                    Some(at) => people[at]["roles"] = json!([roles]),
                    None => people.push(original),
                }
                if at.is_none() || !leaves {
                    return;
                }
                // Nobody is named who is not there.
                let mut lists: Vec<&mut Value> = Vec::new();
                if let Some(file) = file.as_object_mut() {
                    for (name, value) in file.iter_mut() {
                        match name.as_str() {
                            "control_room" | "ladder" => lists.push(value),
                            "groups" => lists.extend(
                                value.as_object_mut().into_iter().flat_map(|groups| groups.values_mut()),
                            ),
                            _ => {}
                        }
                    }
                }
                for list in lists.into_iter().filter_map(Value::as_array_mut) {
                    list.retain(|one| one != code);
                }
            })
            .await?;
        self.note(format!(
            "{code} {}{}",
            if leaves { "leaves, or comes back".to_owned() } else { format!("becomes {roles}") },
            if done { "" } else { " – which the file does not allow" }
        ));
        Ok(())
    }

    /// Faults stop, and everybody signs in once more until nothing moves.
    async fn come_to_rest(&mut self) -> anyhow::Result<()> {
        self.note("faults stop");
        while !self.ghosts.is_empty() {
            self.ghost(&mut Dice::of(self.run.seed, 2)).await?;
        }
        for number in 0..self.phones.len() {
            let machine = &self.phones[number].machine;
            machine.faults.set(Faults::default());
            machine.capacity.set(usize::MAX);
            machine.ahead.set(0);
            self.kill(number, "starts again");
        }
        self.ghosts.clear();
        let mut before = None;
        for _ in 0..6 {
            for number in 0..self.phones.len() {
                for who in 0..self.phones[number].codes.len() {
                    self.settle_person(number, who).await?;
                }
            }
            let now = Some(check::state(self).await?);
            if now == before {
                return Ok(());
            }
            before = now;
            // What is held is sent again after a minute.
            self.pass(2 * MINUTE);
        }
        bail!("the sites do not come to rest")
    }

    /// Signs somebody in at a phone, without faults, and syncs until there is nothing to do.
    async fn settle_person(&mut self, number: usize, who: usize) -> anyhow::Result<()> {
        let machine = self.phones[number].machine.clone();
        let code = self.phones[number].codes[who];
        let signed_in = self.quietly(accounts::sign_in(&machine, &phone_of(code), PASSWORD)).await?;
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
        let _ = self.quietly(engine.nudged(Nudge::Asked)).await?;
        if let Some(local) = &local {
            // Somebody taps on what was refused, to have it sent once more.
            for upload in ready(local.uploads())? {
                ready(local.retry_photos(upload.command))?;
            }
        }
        for _ in 0..400 {
            let (back, taken) = self.quietly(turn(engine, local.clone(), Vec::new(), true)).await?;
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
        let pending =
            rows.iter().filter(|row| matches!(row.delivery, shared::sync::Delivery::Pending)).count();
        pending
            + uploads
                .unwrap_or_default()
                .iter()
                .filter(|upload| upload.state == shared::sync::UploadState::Waiting)
                .filter(|upload| {
                    !rows.iter().any(|row| {
                        row.id == upload.command
                            && matches!(row.delivery, shared::sync::Delivery::Refused { .. })
                    })
                })
                .count()
    }

    /// Runs something at a phone while every request is answered at once.
    async fn quietly<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<T> {
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
                let (response, cookie) = self.answer(&request, cookie, false).await?;
                *state.borrow_mut() = CallState::Answered(response, cookie);
                let call = self.net.borrow_mut().remove(at);
                self.hand_over(&call);
            }
        }
        bail!("something waits for ever")
    }
}

/// One step of an engine, with what its person has on screen.
async fn turn(
    mut engine: Engine<Machine>,
    local: Option<Local<Machine>>,
    nudges: Vec<Nudge>,
    visible: bool,
) -> Turn {
    for nudge in nudges {
        if let Err(error) = engine.nudged(nudge).await {
            return (engine, Err(error));
        }
    }
    let planned = match engine.plan(visible).await {
        Ok(planned) => planned,
        Err(error) => return (engine, Err(error)),
    };
    let taken = engine.take(planned, || on_screen(&local?)).await;
    (engine, taken)
}

/// What a person has on screen: read when the engine asks, because reading all of it with every turn took most of a run.
/// A screen has it in memory, so that no disk fails here.
fn on_screen(local: &Local<Machine>) -> Option<device::Shown> {
    let faults = local.platform().faults.replace(Faults::default());
    let stock = ready(local.stock());
    local.platform().faults.set(faults);
    let stock = stock.ok()?;
    let session = stock.session?;
    let site = session.sites.first()?;
    let shown = act::shown(&stock.docs, &stock.outbox, session.person, &site.code, 0)?;
    Some(act::on_screen(&shown))
}

/// Opens what the last person left.
async fn start(machine: &Machine) -> Option<(PersonId, Local<Machine>)> {
    let person = Accounts::read(machine).await.ok()?.current?;
    let local = Local::open(machine, &Local::<Machine>::name_of(person)).await.ok()?;
    local.session().await.ok()??;
    Some((person, local))
}

/// What needs nothing but a disk that is quick.
pub fn ready<T>(work: impl Future<Output = T>) -> T {
    let waker = noop_waker();
    let mut work = Box::pin(work);
    loop {
        if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
    }
}

fn original(site: &str, code: &str) -> anyhow::Result<Value> {
    let file = crate::backend::demo(site)?;
    let people = file["people"].as_array().context("no people")?;
    people.iter().find(|person| person["code"] == code).cloned().context("no such person")
}
