//! A phone without its engine: disks that fail, a clock that jumps, a network that somebody else delivers.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::{Future, pending, poll_fn},
    rc::Rc,
    task::Poll,
};

use device::{
    Action, Key, NetworkError, Op, PlatformError, Request, Response, Span, StorageError, Store, Table, Value,
    memory::{MemoryKey, MemoryStore},
    platform::Platform,
};
use server::clock::{Clock, ManualClock};
use shared::{
    sync::{UploadRow, UploadState},
    time::{Heard, Ms},
};

use crate::{dice::Dice, mutants::Mutant, older};

/// A request on its way, and its answer on the way back.
#[derive(Clone, Debug)]
pub struct Call {
    pub phone: usize,
    pub request: Request,
    pub cookie: Option<String>,
    pub state: Rc<RefCell<CallState>>,
}

/// How far a call is.
#[derive(Debug)]
pub enum CallState {
    /// The server has not seen it.
    Asked,
    /// The server has answered; the phone does not know yet.
    Answered(Response, Option<String>),
    /// The phone knows.
    Done(Option<Result<Response, NetworkError>>),
}

/// All calls that are under way.
pub type Net = Rc<RefCell<Vec<Call>>>;

/// How likely faults are, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A disk takes its time, so that something else happens meanwhile.
    pub slow_disk: usize,
    /// A transaction fails; sometimes it is kept all the same.
    pub disk: usize,
    /// The phone dies at a transaction, before or after it.
    pub crash: usize,
}

/// A phone. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Machine(Rc<Parts>);

#[derive(Debug)]
pub struct Parts {
    pub number: usize,
    /// Survives a crash.
    pub stores: RefCell<BTreeMap<String, MemoryStore>>,
    pub heard: Cell<Option<Heard>>,
    pub cookie: RefCell<Option<String>>,
    pub clock: ManualClock,
    /// By how much this phone's clock is ahead.
    pub ahead: Cell<i64>,
    /// What its clock has said, and when that was.
    pub said: RefCell<BTreeMap<Ms, Ms>>,
    /// How many bytes all of its databases may hold.
    pub capacity: Cell<usize>,
    /// Photos that the server had when they had to make room, by their databases and the names of their parts.
    pub made_room: RefCell<BTreeSet<(String, String)>>,
    /// Photos that nobody else had when their bytes were deleted.
    pub thrown_away: RefCell<BTreeSet<String>>,
    pub faults: Cell<Faults>,
    /// It died, and waits to be started again.
    pub crashed: Cell<bool>,
    pub net: Net,
    /// It has a version of the app that is one behind.
    pub older: Cell<bool>,
    pub mutant: Option<Mutant>,
    /// For ids and keys.
    chance: RefCell<Dice>,
    /// For what befalls its disks.
    fate: RefCell<Dice>,
}

impl std::ops::Deref for Machine {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Machine {
    pub fn new(number: usize, seed: u64, clock: ManualClock, net: Net, mutant: Option<Mutant>) -> Machine {
        Machine(Rc::new(Parts {
            number,
            stores: RefCell::default(),
            heard: Cell::default(),
            cookie: RefCell::default(),
            clock,
            ahead: Cell::default(),
            said: RefCell::default(),
            capacity: Cell::new(usize::MAX),
            made_room: RefCell::default(),
            thrown_away: RefCell::default(),
            faults: Cell::default(),
            crashed: Cell::default(),
            net,
            older: Cell::default(),
            mutant,
            chance: RefCell::new(Dice::of(seed, 1_000 + number as u64)),
            fate: RefCell::new(Dice::of(seed, 2_000 + number as u64)),
        }))
    }

    fn percent(&self, of_100: usize) -> bool {
        of_100 > 0 && self.fate.borrow_mut().percent(of_100)
    }

    fn held(&self) -> usize {
        self.stores.borrow().values().map(MemoryStore::bytes_held).sum()
    }

    async fn disk_turns(&self) {
        if self.percent(self.faults.get().slow_disk) {
            let mut waited = false;
            poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
                .await;
        }
    }

    async fn die<T>(&self) -> T {
        self.crashed.set(true);
        pending().await
    }
}

impl Platform for Machine {
    type Store = Disk;
    type Key = MemoryKey;
    type Lock = ();

    async fn open(&self, name: &str) -> Result<Disk, PlatformError> {
        let rows = self.stores.borrow_mut().entry(name.to_owned()).or_default().clone();
        Ok(Disk { machine: self.clone(), name: name.to_owned(), rows })
    }

    async fn key(&self, store: &Disk) -> Result<MemoryKey, PlatformError> {
        let random = self.random()?;
        MemoryKey::load_or_create(store, random).await
    }

    fn send(&self, request: Request) -> impl Future<Output = Result<Response, PlatformError>> {
        let state = Rc::new(RefCell::new(CallState::Asked));
        let behind = self.older.get();
        let request = if behind { older::request(request) } else { request };
        self.net.borrow_mut().push(Call {
            phone: self.number,
            request,
            cookie: self.cookie.borrow().clone(),
            state: Rc::clone(&state),
        });
        poll_fn(move |_| match &mut *state.borrow_mut() {
            CallState::Done(answer) => match answer.take() {
                Some(Ok(answer)) if behind => Poll::Ready(Ok(older::answer(answer))),
                Some(answer) => Poll::Ready(answer.map_err(PlatformError::from)),
                None => Poll::Pending,
            },
            CallState::Asked | CallState::Answered(..) => Poll::Pending,
        })
    }

    async fn lock(&self, _: &str) -> Result<(), PlatformError> {
        Ok(())
    }

    fn now(&self) -> Ms {
        let now = Clock::Manual(self.clock.clone()).now();
        let said = now.plus(self.ahead.get());
        self.said.borrow_mut().insert(said, now);
        said
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], PlatformError> {
        Ok(self.chance.borrow_mut().bytes())
    }

    fn heard(&self) -> Option<Heard> {
        self.heard.get()
    }

    fn keep_heard(&self, heard: Heard) {
        self.heard.set(Some(heard));
    }

    async fn room(&self) -> Option<u64> {
        None
    }

    fn label(&self) -> String {
        format!("phone {}", self.number)
    }

    fn mutant(&self) -> Option<device::Mutant> {
        self.mutant.and_then(Mutant::of_device)
    }
}

/// A database on a phone's disk.
#[derive(Clone, Debug)]
pub struct Disk {
    machine: Machine,
    name: String,
    rows: MemoryStore,
}

impl Disk {
    /// Writes, and notes of which photos the bytes are gone with that.
    async fn write(&self, ops: &[Op]) -> Result<(), PlatformError> {
        self.rows.apply(ops).await?;
        let deleted = ops.iter().filter(|op| op.table == Table::Blobs && matches!(op.action, Action::Delete));
        let names: Vec<&str> = deleted
            .filter_map(|op| match &op.key {
                Key::Text(name) => Some(name.as_str()),
                Key::Number(_) => None,
            })
            .collect();
        let alone = names.len() == ops.len();
        for name in names {
            let upload: Option<UploadRow> = self.rows.readable(Table::Attachments, name).await?;
            match upload.map(|upload| upload.state) {
                Some(UploadState::Waiting) => {
                    self.machine.thrown_away.borrow_mut().insert(name.to_owned());
                }
                Some(UploadState::Done { .. }) if alone => {
                    self.machine.made_room.borrow_mut().insert((self.name.clone(), name.to_owned()));
                }
                Some(UploadState::Done { .. } | UploadState::Refused { .. }) | None => {}
            }
        }
        Ok(())
    }
}

impl Store for Disk {
    async fn apply(&self, ops: &[Op]) -> Result<(), PlatformError> {
        self.machine.disk_turns().await;
        let faults = self.machine.faults.get();
        if self.machine.percent(faults.crash) {
            if self.machine.percent(50) {
                // Kept, though whoever asked for it never learns.
                let _ = self.write(ops).await;
            }
            return self.machine.die().await;
        }
        let adds = |op: &Op| matches!(op.action, Action::Add(_));
        if self.machine.percent(faults.disk) {
            // A connection that was lost is opened again and the transaction repeated; if the first one was kept after
            // all, an added row is there already.
            if self.machine.percent(50) && self.write(ops).await.is_ok() {
                return if ops.iter().any(adds) { Err(StorageError::Exists.into()) } else { Ok(()) };
            }
            return Err(StorageError::Lost("the disk was gone".to_owned()).into());
        }
        let more: usize = ops
            .iter()
            .map(|op| match &op.action {
                Action::Put(Value::Json(text)) | Action::Add(Value::Json(text)) => text.len(),
                Action::Put(Value::Bytes(bytes)) | Action::Add(Value::Bytes(bytes)) => bytes.len(),
                Action::Delete => 0,
            })
            .sum();
        let capacity = self.machine.capacity.get();
        if more > 0 && capacity < usize::MAX && self.machine.held().saturating_add(more) > capacity {
            return Err(StorageError::Full.into());
        }
        self.write(ops).await
    }

    async fn get(&self, table: Table, key: Key) -> Result<Option<Value>, PlatformError> {
        self.machine.disk_turns().await;
        self.rows.get(table, key).await
    }

    async fn all(&self, table: Table) -> Result<Vec<Value>, PlatformError> {
        self.machine.disk_turns().await;
        self.rows.all(table).await
    }

    async fn keys(&self, table: Table, span: &Span) -> Result<Vec<Key>, PlatformError> {
        self.rows.keys(table, span).await
    }

    async fn count(&self, table: Table) -> Result<u64, PlatformError> {
        self.rows.count(table).await
    }
}
