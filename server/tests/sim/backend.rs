//! The real server: router and store in process, SQLite in a temporary folder, a clock that is moved by hand.
//!
//! Each life of the server has a runtime of its own, so that it can die with everything that it was about; see
//! [`deaths`].

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use device::Response;
use http_body_util::BodyExt;
use serde_json::Value;
use server::{
    App, accounts,
    backup::{self, Collecting},
    clock::{Clock, ManualClock},
    commands::collect,
    config::{Settings, Storage},
    feed::archive,
    files::expiry,
    rounds::{keeper, labels, store as rounds},
    sites::import::{FirstPassword, import, read},
};
use shared::{
    ids::{PlaceCode, SiteCode},
    time::Ms,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::{deaths, mutants::Mutant};

/// Everybody's.
pub const PASSWORD: &str = "a password of simulations";
/// Monday, 23 November 2026, 10:00 at the demo properties.
pub const START: Ms = Ms(1_795_399_200_000);
/// So many flats of a property are in its list.
const FLATS: usize = 8;
/// So many stops of a route.
const STOPS: usize = 3;
pub const SITES: [&str; 2] = ["jinzhou", "wanjing"];

/// After a restore so many minutes pass before what is brought again is judged.
pub const COLLECTING: u32 = 10;

/// The server with its disk.
pub struct Backend {
    pub app: App,
    pub clock: ManualClock,
    /// Each property's file as it was last imported.
    pub files: BTreeMap<String, Value>,
    /// What was put by, oldest first.
    pub backups: Vec<Backup>,
    router: Router,
    runtime: Runtime,
    storage: Storage,
    mutant: Option<Mutant>,
    /// Removed when the run is over.
    folder: TempDir,
}

/// A backup.
#[derive(Clone)]
pub struct Backup {
    folder: PathBuf,
    files: BTreeMap<String, Value>,
}

impl Backend {
    pub fn start(mutant: Option<Mutant>) -> anyhow::Result<Backend> {
        let folder = folder()?;
        std::fs::copy(template()?, folder.path().join("firsthand.db"))?;
        let clock = ManualClock::at(START);
        let storage = storage(folder.path());
        let runtime = runtime()?;
        let (app, router) = deaths::live(&runtime, open(&storage, &clock, mutant))?;
        let files = SITES.iter().map(|site| Ok(((*site).to_owned(), demo(site)?)));
        let files = files.collect::<anyhow::Result<_>>()?;
        Ok(Backend { app, clock, files, backups: Vec::new(), router, runtime, storage, mutant, folder })
    }

    /// Works at the server.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        deaths::live(&self.runtime, work)
    }

    /// Stops, and starts again on the same disk.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.run(self.app.db.close());
        self.begin()
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        (self.app, self.router) = self.run(open(&self.storage, &self.clock, self.mutant))?;
        Ok(())
    }

    /// Begins with work, dies when so many statements are carried out, and starts again on the same disk.
    pub fn die<W: Future<Output = ()>>(
        &mut self,
        statements: usize,
        work: impl FnOnce(App, Router) -> W,
    ) -> anyhow::Result<()> {
        let work = work(self.app.clone(), self.router.clone());
        deaths::die(std::mem::replace(&mut self.runtime, runtime()?), statements, work);
        self.begin()
    }

    /// Stops for good.
    pub fn stop(self) {
        self.run(self.app.db.close());
    }

    /// Makes a backup while it runs.
    pub fn back_up(&mut self) -> anyhow::Result<()> {
        let folder = self.folder.path().join(format!("backup-{}", self.backups.len()));
        self.run(backup::backup(&self.app, &folder))?;
        self.backups.push(Backup { folder, files: self.files.clone() });
        Ok(())
    }

    /// Puts a backup back: another life of the server begins, in which there are no later backups.
    pub fn put_back(&mut self, number: usize) -> anyhow::Result<()> {
        self.run(self.app.db.close());
        let Some(copy) = self.backups.get(number).cloned() else { return self.begin() };
        let restore = async || {
            backup::restore(&self.storage, &copy.folder, Collecting { minutes: COLLECTING }, self.now()).await
        };
        let mut restored = self.run(restore());
        for _ in 0..100 {
            if restored.is_ok() {
                break;
            }
            // What has died lately may still be closing its files.
            std::thread::sleep(Duration::from_millis(20));
            restored = self.run(restore());
        }
        restored?;
        self.files = copy.files;
        self.begin()
    }

    /// What the server says that the last restore has cost.
    pub fn missing(&self) -> anyhow::Result<String> {
        self.run(backup::missing(&self.app)).map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// Does what a server does now and then.
    pub fn tidy(&self) -> anyhow::Result<()> {
        self.alone(tidy(&self.app))
    }

    /// Begins and ends the rounds that are due; when the next one is.
    pub fn keep(&self) -> anyhow::Result<Option<Ms>> {
        self.alone(keep(&self.app))
    }

    /// Hangs a new label at a place; whether one hung there.
    pub fn relabel(&self, site: &SiteCode, place: &PlaceCode) -> bool {
        self.alone(labels::replace(&self.app, site, &BTreeSet::from([place.clone()]))).is_ok()
    }

    /// The tokens of the labels that are to hang at a site.
    pub fn tokens(&self, site: &SiteCode) -> anyhow::Result<Vec<(PlaceCode, String)>> {
        self.run(async {
            let hanging = rounds::hanging(&mut *self.app.db.connection().await?, site).await?;
            Ok(hanging.into_iter().map(|label| (label.place, label.token)).collect())
        })
    }

    /// Works at the server while nobody else does.
    fn alone<T>(&self, work: impl Future<Output = T>) -> T {
        self.run(async {
            let mut working = Box::pin(work);
            let Some(mutation) = &self.app.mutation else { return working.await };
            loop {
                tokio::select! {
                    biased;
                    done = &mut working => break done,
                    // Nobody else writes while it waits with its numbers.
                    () = mutation.reached() => mutation.pass(),
                }
            }
        })
    }

    pub fn now(&self) -> Ms {
        Clock::Manual(self.clock.clone()).now()
    }

    /// Answers a request, with the cookie that is to be set.
    pub async fn answer(
        &self,
        request: &device::Request,
        cookie: Option<&str>,
    ) -> anyhow::Result<(Response, Option<String>)> {
        answer(self.router.clone(), request, cookie).await
    }

    /// Imports a property's file again, changed by `change`; a file that would not do is not imported.
    pub fn reimport(&mut self, site: &str, change: impl FnOnce(&mut Value)) -> anyhow::Result<bool> {
        let file = self.files.get(site).context("no such property")?;
        let mut changed = file.clone();
        change(&mut changed);
        let Ok(plan) = read(&changed.to_string()) else { return Ok(false) };
        if self.run(import(&self.app, &plan, FirstPassword::None)).is_err() {
            return Ok(false);
        }
        self.files.insert(site.to_owned(), changed);
        Ok(true)
    }
}

/// Answers a request, with the cookie that is to be set.
pub async fn answer(
    router: Router,
    request: &device::Request,
    cookie: Option<&str>,
) -> anyhow::Result<(Response, Option<String>)> {
    let mut http = Request::builder().method(request.method).uri(&request.url);
    for (name, value) in &request.headers {
        http = http.header(*name, value);
    }
    if let Some(cookie) = cookie {
        http = http.header(header::COOKIE, cookie);
    }
    let body = match &request.body {
        Some(device::Body::Text(text)) => Body::from(text.clone()),
        Some(device::Body::Bytes(bytes)) => Body::from(bytes.clone()),
        None => Body::empty(),
    };
    let answer = router.oneshot(http.body(body)?).await?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    let header = |name: &str| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
    let cookie = header("set-cookie").and_then(|text| Some(text.split(';').next()?.to_owned()));
    let response = Response {
        status: parts.status.as_u16(),
        body,
        retry_after: header("retry-after"),
        upload_offset: header("upload-offset"),
        upload_seq: header("upload-seq"),
    };
    Ok((response, cookie))
}

/// What a server does now and then.
pub async fn tidy(app: &App) -> anyhow::Result<()> {
    let done = async {
        collect::judge_due(app).await?;
        archive::sweep(app).await?;
        expiry::sweep(app).await.map(drop)
    };
    done.await.map_err(|error| anyhow::anyhow!("{error}"))
}

/// Begins and ends the rounds that are due; when the next one is.
pub async fn keep(app: &App) -> anyhow::Result<Option<Ms>> {
    keeper::run_due(app).await.map_err(|error| anyhow::anyhow!("{error}"))
}

fn runtime() -> anyhow::Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

async fn open(
    storage: &Storage,
    clock: &ManualClock,
    mutant: Option<Mutant>,
) -> anyhow::Result<(App, Router)> {
    // The clock mostly stands still, so that no bucket of requests would ever fill again.
    let settings = Settings { requests_burst: 1_000_000, db_connections: 2, ..Settings::default() };
    let clock = Clock::Manual(clock.clone());
    let app = match mutant.and_then(Mutant::of_server) {
        Some(mutant) => App::open_mutant(storage, settings, clock, mutant).await?,
        None => App::open(storage, settings, clock).await?,
    };
    let router = server::router(app.clone());
    Ok((app, router))
}

fn storage(data: &Path) -> Storage {
    Storage { data: data.to_owned(), database_url: None, files_url: None }
}

/// A folder in memory, where the machine has one: what is tested is what we do with a disk, not the disk.
fn folder() -> anyhow::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir())?)
}

/// The file of a property as it ships, with one person who serves at the other one too.
pub fn demo(site: &str) -> anyhow::Result<Value> {
    static READ: Mutex<BTreeMap<String, Value>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if !read.contains_key(site) {
        read.insert(site.to_owned(), read_demo(site)?);
    }
    read.get(site).cloned().context("no such property")
}

fn read_demo(site: &str) -> anyhow::Result<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo");
    let text = std::fs::read_to_string(folder.join(format!("site-{site}.json")))?;
    let mut file: Value = serde_json::from_str(&text)?;
    leave_most_flats_out(&mut file);
    walk_on_mondays(&mut file);
    if site == SITES[1]
        && let Some(people) = file["people"].as_array_mut()
    {
        // Serves at both.
        people.push(serde_json::json!({
            "code": "P592", "name": "胡刚", "phone": phone_of("P002"), "org": "own", "post": "主管",
            "roles": ["supervisor"],
        }));
    }
    Ok(file)
}

/// Every phone reads the list of places again and again; a few flats do as well as hundreds.
fn leave_most_flats_out(file: &mut Value) {
    let Some(places) = file["places"].as_array_mut() else { return };
    let mut flats = 0;
    places.retain(|place| {
        flats += usize::from(place["kind"] == "unit");
        place["kind"] != "unit" || flats <= FLATS
    });
    let parents: BTreeSet<String> =
        places.iter().filter_map(|place| place["parent"].as_str().map(str::to_owned)).collect();
    places.retain(|place| {
        place["kind"] != "floor" || place["id"].as_str().is_some_and(|id| parents.contains(id))
    });
}

/// A few stops do as well as many, one patrol as well as two, one day of rounds as well as seven; and each kind of question
/// is asked somewhere.
fn walk_on_mondays(file: &mut Value) {
    if let Some(routes) = file["routes"].as_array_mut() {
        routes.retain(|route| route["code"] != "R-S");
    }
    for route in file["routes"].as_array_mut().into_iter().flatten() {
        route["weekdays"] = serde_json::json!(["mon"]);
        let Some(stops) = route["stops"].as_array_mut() else { continue };
        stops.truncate(STOPS);
        if let Some(items) = stops.first_mut().and_then(|stop| stop["items"].as_array_mut()) {
            let options = serde_json::json!([{ "text": "关" }, { "text": "开", "abnormal": true }]);
            items.push(serde_json::json!({ "text": "门", "kind": "choice", "options": options }));
            items.push(serde_json::json!({ "text": "备注", "kind": "text" }));
        }
        if let Some(stop) = stops.get_mut(1) {
            stop["due_min"] = serde_json::json!(25);
        }
    }
}

/// The telephone number of somebody in the demo properties, by which they sign in wherever they serve.
pub fn phone_of(code: &str) -> String {
    format!("13900000{}", code.trim_start_matches('P'))
}

/// A database with both properties and cheap passwords, made once and copied for each run.
fn template() -> anyhow::Result<&'static Path> {
    static TEMPLATE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if TEMPLATE.get().is_none() {
        let folder = folder()?;
        let path = deaths::live(&runtime()?, make_template(folder.path()))?;
        let _ = TEMPLATE.set((folder, path));
    }
    Ok(&TEMPLATE.get().context("no template")?.1)
}

async fn make_template(folder: &Path) -> anyhow::Result<PathBuf> {
    let app = App::open(&storage(folder), Settings::default(), Clock::Manual(ManualClock::at(START))).await?;
    let hash = cheap_hash(PASSWORD)?;
    for site in SITES {
        let plan = read(&demo(site)?.to_string()).map_err(|wrong| anyhow::anyhow!("{wrong:?}"))?;
        import(&app, &plan, FirstPassword::None).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut tx = app.db.write().await?;
        for member in server::sites::store::members(&mut tx, &SiteCode::from(site)).await? {
            accounts::store::set_password(&mut tx, member.id, &hash).await?;
        }
        tx.commit().await?;
    }
    app.db.close().await;
    Ok(folder.join("firsthand.db"))
}

/// A hash that takes no time: hashing is no part of what is simulated.
fn cheap_hash(password: &str) -> anyhow::Result<String> {
    let params = Params::new(8, 1, 1, None).map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2
        .hash_password_with_salt(password.as_bytes(), b"salt of simulations")
        .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(hash.to_string())
}
