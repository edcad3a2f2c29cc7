//! A run: phones, their people, the server and everything that goes wrong, all drawn from one seed.
//!
//! Each step has dice of its own, so that leaving one out does not change what the others do: that is how a failing run
//! is made short. Requests are answered one at a time; what is reordered, lost or late is their way.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    iter,
    pin::Pin,
    rc::Rc,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use device::{
    Engine, Local, Nudge, PlatformError, Table, Taken,
    accounts::{self, Accounts},
    platform::Platform,
};
use futures::task::noop_waker;
use serde_json::Value;
use shared::{
    Rejection,
    ids::{CaseId, CommandId, PersonId, SiteCode},
    session::Session,
    sync::OutboxRow,
    time::{HOUR, MINUTE, Ms, SECOND},
    wire::Verdict,
};

use crate::{
    act::{self, Deed},
    backend::{Backend, PASSWORD, SITES, START, phone_of},
    check::{self, Invariant},
    dice::Dice,
    machine::{Call, CallState, Faults, Machine, Net},
    mutants::Mutant,
    walk::{Hanging, Hung},
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
    /// What does not hold; `None` where the simulator itself cannot go on.
    pub invariant: Option<Invariant>,
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
    /// What phones have said is saved, by phone and database.
    pub deeds: Vec<((usize, String), Deed)>,
    /// How many commands that were, by phone and database.
    pub promised: BTreeMap<(usize, String), usize>,
    /// What the server has said of a command, for ever.
    pub verdicts: BTreeMap<CommandId, Verdict>,
    /// The same, as it was when each backup was made.
    pub at_backups: Vec<BTreeMap<CommandId, Verdict>>,
    /// Commands that the server may have judged without anybody's having heard of it.
    pub unheard: BTreeSet<CommandId>,
    /// A backup was put back.
    pub restored: bool,
    /// One that was not the last: phones had been told that they need not keep what it lacks.
    pub reached_back: bool,
    /// The numbers that cases had when a backup was put back.
    pub numbers: BTreeMap<CaseId, (SiteCode, String)>,
    /// What each person's roles have been at each site, by staff code.
    pub roles: BTreeMap<(String, String), BTreeSet<String>>,
    /// Commands that had to wait for something at the server, and took effect after later ones.
    pub waited: BTreeSet<CommandId>,
    /// When each command was made, whatever its phone thought.
    pub made: BTreeMap<CommandId, Ms>,
    /// Phones whose clocks were moved.
    pub moved: BTreeSet<usize>,
}

impl Ledger {
    /// Notes what everybody is at present.
    pub fn note_people(&mut self, backend: &Backend) {
        for (site, file) in &backend.files {
            for person in file["people"].as_array().into_iter().flatten() {
                let code = person["code"].as_str().unwrap_or_default().to_owned();
                let roles = self.roles.entry((site.clone(), code)).or_default();
                let named = person["roles"].as_array().into_iter().flatten();
                roles.extend(named.filter_map(Value::as_str).map(str::to_owned));
            }
            // They are the desk while there is none.
            for code in file["control_room"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let roles = self.roles.entry((site.clone(), code.to_owned())).or_default();
                roles.insert("control_room".to_owned());
            }
        }
    }
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
    pub codes: &'static [&'static str],
    person: Option<PersonId>,
    pub local: Option<Local<Machine>>,
    /// At rest between two steps.
    pub engine: Option<Engine<Machine>>,
    turn: Option<Task<Turn>>,
    /// Steps of an engine whose person has signed out meanwhile.
    orphans: Vec<Task<Turn>>,
    hand: Option<Task<Done>>,
    wait: Ms,
    pub nudges: Vec<Nudge>,
}

pub struct World {
    pub run: Run,
    pub backend: Backend,
    pub phones: Vec<Phone>,
    pub ledger: Ledger,
    /// The outboxes as they were last looked at, by phone and database.
    outboxes: BTreeMap<(usize, String), BTreeSet<String>>,
    pub trace: Vec<String>,
    pub net: Net,
    /// Requests that arrive once more, or whose phone has died.
    pub ghosts: Vec<(device::Request, Option<String>)>,
    /// Relay files that somebody has.
    pub files: Vec<Vec<u8>>,
    /// Everybody's staff code, by where they serve.
    pub codes: BTreeMap<(SiteCode, PersonId), String>,
    /// When the server last tidied up.
    pub swept: Ms,
    /// Up to when the plan has been kept.
    pub kept: Ms,
    /// When something of the plan is due next.
    pub(super) due: Option<Ms>,
    /// The labels that hang at places.
    pub hanging: Rc<Hanging>,
    /// When everybody last began to be brought to rest.
    pub rested: Ms,
    /// Backups are made, and put back.
    restores: bool,
    /// It goes on so long that sessions end and cases leave the feed.
    long: bool,
    step: u64,
}

/// Runs it; `Err` is what is wrong.
pub fn run(run: Run) -> Result<usize, Failure> {
    let failure = |run, error: &anyhow::Error, trace| {
        Err(Failure { run, invariant: error.downcast_ref().copied(), reason: format!("{error:#}"), trace })
    };
    let mut world = match World::new(run.clone()) {
        Ok(world) => world,
        Err(error) => return failure(run, &error, Vec::new()),
    };
    let played = world.play();
    let World { backend, ledger, trace, .. } = world;
    backend.stop();
    match played {
        Ok(()) => Ok(ledger.saved.len()),
        Err(error) => failure(run, &error, trace),
    }
}

/// Runs all seeds on all cores until one fails: the first of those.
pub fn first_failure(seeds: &[u64], of: impl Fn(u64) -> Run + Sync) -> Option<Failure> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(None::<Failure>));
    // A run and its databases' threads take turns all the time: on one core, waking each other costs half of what it does
    // across two. Where cores cannot be chosen, runs are only slower.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let cores = cores.into_iter().map(Some).chain(iter::repeat(None)).take(threads);
    std::thread::scope(|scope| {
        for core in cores {
            let (next, found, of) = (&next, &found, &of);
            scope.spawn(move || {
                core.map(core_affinity::set_for_current);
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(seed) = seeds.get(number) else { return };
                    if number > 0 && number % 1_000 == 0 {
                        println!("of the first {number} seeds, before {seed}, the last few are under way");
                    }
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
    fn new(run: Run) -> anyhow::Result<World> {
        let backend = Backend::start(run.mutant)?;
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
        let mut ledger = Ledger::default();
        ledger.note_people(&backend);
        let codes = check::codes(&backend)?;
        Ok(World {
            run,
            backend,
            phones,
            ledger,
            outboxes: BTreeMap::new(),
            trace: Vec::new(),
            net,
            ghosts: Vec::new(),
            files: Vec::new(),
            codes,
            swept: Ms(0),
            kept: START,
            due: None,
            hanging: Rc::default(),
            rested: Ms(0),
            restores: false,
            long: false,
            step: 0,
        })
    }

    pub fn note(&mut self, text: impl AsRef<str>) {
        let at = self.backend.now().since(START) / 100;
        self.trace.push(format!("{:>4} {:>6}.{} s  {}", self.step, at / 10, at % 10, text.as_ref()));
    }

    fn play(&mut self) -> anyhow::Result<()> {
        let mut dice = Dice::of(self.run.seed, 1);
        let faults = Faults {
            slow_disk: *dice.pick(&[0, 5, 30]).unwrap_or(&0),
            disk: *dice.pick(&[0, 0, 2, 6]).unwrap_or(&0),
            crash: *dice.pick(&[0, 0, 1, 3]).unwrap_or(&0),
        };
        let lossy = *dice.pick(&[0, 5, 25]).unwrap_or(&0);
        self.note(format!("{faults:?}, {lossy} % of messages lost"));
        // The release that is behind knew nothing of restores: what it had let go of would be lost.
        let behind = dice.below(self.phones.len());
        match dice.below(100) {
            0..30 => {
                self.note(format!("phone {behind} is one version behind"));
                let phone = &mut self.phones[behind];
                phone.machine.older.set(true);
                phone.codes = &phone.codes[..1];
            }
            30..65 => self.restores = true,
            _ => {}
        }
        self.long = dice.percent(25);
        // In the morning, or shortly before some rounds begin.
        let begins = *dice.pick(&[0, 115 * MINUTE, 715 * MINUTE, 13 * HOUR]).unwrap_or(&0);
        self.pass(begins);
        self.note_labels()?;
        self.keep()?;
        // Everybody is signed in to begin with, and has everything there is.
        for phone in 0..self.phones.len() {
            self.settle_person(phone, 0)?;
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
            self.one_step(&mut dice, lossy)?;
        }
        self.come_to_rest()?;
        check::at_rest(self)
    }

    fn one_step(&mut self, dice: &mut Dice, lossy: usize) -> anyhow::Result<()> {
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
            HandOver,
            Give,
            Tidy,
            Weeks,
            BackUp,
            Plan,
            Reroute,
            Relabel,
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
            (1, HandOver),
            (1, Give),
            (1, Tidy),
            (usize::from(self.long && dice.clone().percent(30)), Weeks),
            (usize::from(self.restores) * 2, BackUp),
            (3, Plan),
            (1, Reroute),
            (usize::from(dice.clone().percent(50)), Relabel),
        ]);
        let phone = dice.below(self.phones.len());
        match chosen {
            None | Some(Hand) => self.hand(phone, dice),
            Some(Engine) => self.engine(phone, dice.percent(85)),
            Some(Arrive) => self.arrive(dice)?,
            Some(Deliver) => self.deliver(dice)?,
            Some(Lose) => self.lose(dice)?,
            Some(Twice) => self.twice(dice),
            Some(Ghost) => self.ghost(dice)?,
            Some(Time) => {
                let by = dice.millis(3 * HOUR).max(SECOND);
                self.note(format!("{} s pass", by / SECOND));
                self.pass(by);
                self.keep_mostly(dice)?;
            }
            Some(Jump) => {
                let by = dice.millis(48 * HOUR) * if dice.percent(50) { 1 } else { -1 };
                self.note(format!("the clock of phone {phone} jumps by {} s", by / SECOND));
                self.phones[phone].machine.ahead.set(by);
                self.ledger.moved.insert(phone);
            }
            Some(Kill) => self.kill(phone, "is killed"),
            Some(Restart) => {
                self.note("the server restarts");
                self.backend.restart()?;
            }
            Some(Import) => self.import(dice)?,
            Some(Room) => {
                let machine = &self.phones[phone].machine;
                let tight = machine.capacity.get() == usize::MAX && dice.percent(60);
                let held: usize = machine.stores.borrow().values().map(|store| store.bytes_held()).sum();
                machine.capacity.set(if tight { held + dice.below(40_000) } else { usize::MAX });
                self.note(format!("phone {phone} has {} room", if tight { "little" } else { "much" }));
            }
            Some(SignOver) => self.sign_over(phone, dice),
            Some(HandOver) => self.hand_over(phone)?,
            Some(Give) => self.give(phone, dice)?,
            Some(Tidy) => self.tidy(dice)?,
            Some(Weeks) => self.weeks_pass()?,
            Some(BackUp) => self.back_up(dice)?,
            Some(Plan) => {
                // To when the next round begins or ends, or somewhat later.
                let due = self.due.map_or(0, |due| due.since(self.backend.now()));
                let by = due.clamp(0, 6 * HOUR) + dice.millis(20 * MINUTE);
                self.note(format!("{} s pass by the plan", by / SECOND));
                self.pass(by);
                self.keep_mostly(dice)?;
            }
            Some(Reroute) => self.reroute(dice)?,
            Some(Relabel) => self.relabel(dice)?,
        }
        self.poll(phone)?;
        Ok(())
    }

    /// Whether a property's file names somebody.
    pub fn serves(&self, site: &SiteCode, person: PersonId) -> bool {
        let code = self.codes.get(&(site.clone(), person));
        let file = self.backend.files.get(site.as_str());
        code.zip(file).is_some_and(|(code, file)| {
            file["people"].as_array().into_iter().flatten().any(|one| one["code"] == **code)
        })
    }

    /// Lets time pass, for everybody.
    pub fn pass(&self, millis: i64) {
        self.backend.clock.advance(Duration::from_millis(millis.unsigned_abs()));
    }

    /// The server does what is due by the plan.
    pub(super) fn keep(&mut self) -> anyhow::Result<()> {
        self.due = self.backend.keep()?;
        self.kept = self.backend.now();
        Ok(())
    }

    /// Notes the labels that have come to hang somewhere.
    pub(super) fn note_labels(&mut self) -> anyhow::Result<()> {
        let now = self.backend.now();
        for site in SITES.map(SiteCode::from) {
            for (place, token) in self.backend.tokens(&site)? {
                let hung = Rc::make_mut(&mut self.hanging).entry((site.clone(), place)).or_default();
                if hung.iter().any(|label| label.token == token) {
                    continue;
                }
                if let Some(before) = hung.last_mut() {
                    before.until = Some(now);
                }
                hung.push(Hung { token, until: None });
            }
        }
        Ok(())
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
            let hanging = Rc::clone(&self.hanging);
            phone.hand =
                Some(Box::pin(
                    async move { Done::Acted(act::act(&local, dice, words, first, &hanging).await) },
                ));
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
    pub fn poll(&mut self, number: usize) -> anyhow::Result<()> {
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
                // Whoever closes a phone takes its hand away, too.
                let local =
                    self.phones[number].local.as_ref().context("somebody did something on a closed phone")?;
                let of = (number, local.name().to_owned());
                *self.ledger.promised.entry(of.clone()).or_default() += deed.commands;
                self.ledger.deeds.push((of, deed));
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
    pub fn kill(&mut self, number: usize, why: &str) {
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
    pub fn remember(&mut self, number: usize) -> anyhow::Result<()> {
        let stores = self.phones[number].machine.stores.borrow();
        for (database, store) in stores.iter() {
            let rows = ready(device::Store::all(store, Table::Outbox)).context("an outbox is unreadable")?;
            let rows: BTreeSet<String> = rows
                .into_iter()
                .filter_map(|row| match row {
                    device::Value::Json(text) => Some(text),
                    device::Value::Bytes(_) => None,
                })
                .collect();
            let before = self.outboxes.entry((number, database.clone())).or_default();
            // Reading all of them at each step took most of a run.
            let changed: Vec<OutboxRow> = rows
                .difference(before)
                .map(|row| serde_json::from_str(row))
                .collect::<Result<_, _>>()
                .context("an outbox is unreadable")?;
            *before = rows;
            for row in changed {
                if !self.ledger.made.contains_key(&row.id) {
                    let said = self.phones[number].machine.said.borrow();
                    let made = said.get(&row.at).copied().context("no clock said when a command was made")?;
                    self.ledger.made.insert(row.id, made);
                }
                let saved = Saved { phone: number, database: database.clone(), row };
                let known = self.ledger.saved.entry(saved.row.id).or_insert_with(|| saved.clone());
                ensure!(
                    known.row.text == saved.row.text,
                    Invariant::Kept.broken(format!("command {} was written again", saved.row.n))
                );
                known.row = saved.row;
            }
        }
        Ok(())
    }
}

/// One step of an engine, with what its person has on screen.
pub async fn turn(
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
