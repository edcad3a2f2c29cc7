//! The real server: router and store in process, SQLite in a temporary folder, a clock that is moved by hand.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
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
    clock::{Clock, ManualClock},
    config::{Settings, Storage},
    sites::import::{FirstPassword, import, read},
};
use shared::{ids::SiteCode, time::Ms};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::mutants::Mutant;

/// Everybody's.
pub const PASSWORD: &str = "a password of simulations";
/// Monday, 23 November 2026, 10:00 at the demo properties.
const START: Ms = Ms(1_795_399_200_000);
pub const SITES: [&str; 2] = ["jinzhou", "wanjing"];

/// The server with its disk.
pub struct Backend {
    pub app: App,
    pub clock: ManualClock,
    /// Each property's file as it was last imported.
    pub files: BTreeMap<String, Value>,
    router: Router,
    storage: Storage,
    mutant: Option<Mutant>,
    // Removed when the run is over.
    _folder: TempDir,
}

impl Backend {
    pub async fn start(mutant: Option<Mutant>) -> anyhow::Result<Backend> {
        let folder = folder()?;
        let template = template().await?;
        std::fs::copy(template, folder.path().join("firsthand.db"))?;
        let clock = ManualClock::at(START);
        let storage = storage(folder.path());
        let (app, router) = open(&storage, &clock, mutant).await?;
        let files = SITES.iter().map(|site| Ok(((*site).to_owned(), demo(site)?)));
        let files = files.collect::<anyhow::Result<_>>()?;
        Ok(Backend { app, clock, files, router, storage, mutant, _folder: folder })
    }

    /// Stops, and starts again on the same disk.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.app.db.close().await;
        (self.app, self.router) = open(&self.storage, &self.clock, self.mutant).await?;
        Ok(())
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
        let answer = self.router.clone().oneshot(http.body(body)?).await?;
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

    /// Imports a property's file again, changed by `change`; a file that would not do is not imported.
    pub async fn reimport(&mut self, site: &str, change: impl FnOnce(&mut Value)) -> anyhow::Result<bool> {
        let file = self.files.get(site).context("no such property")?;
        let mut changed = file.clone();
        change(&mut changed);
        let Ok(plan) = read(&changed.to_string()) else { return Ok(false) };
        if import(&self.app, &plan, FirstPassword::None).await.is_err() {
            return Ok(false);
        }
        self.files.insert(site.to_owned(), changed);
        Ok(true)
    }
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo");
    let text = std::fs::read_to_string(folder.join(format!("site-{site}.json")))?;
    let mut file: Value = serde_json::from_str(&text)?;
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

/// The telephone number of somebody in the demo properties, by which they sign in wherever they serve.
pub fn phone_of(code: &str) -> String {
    format!("13900000{}", code.trim_start_matches('P'))
}

/// A database with both properties and cheap passwords, made once and copied for each run.
async fn template() -> anyhow::Result<&'static Path> {
    static TEMPLATE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _making = MAKING.lock().await;
    if TEMPLATE.get().is_none() {
        let folder = folder()?;
        let storage = storage(folder.path());
        let app = App::open(&storage, Settings::default(), Clock::Manual(ManualClock::at(START))).await?;
        let hash = cheap_hash(PASSWORD)?;
        for site in SITES {
            import(
                &app,
                &read(&demo(site)?.to_string()).map_err(|wrong| anyhow::anyhow!("{wrong:?}"))?,
                FirstPassword::None,
            )
            .await
            .map_err(|error| anyhow::anyhow!("{error}"))?;
            let mut tx = app.db.write().await?;
            for member in server::sites::store::members(&mut tx, &SiteCode::from(site)).await? {
                accounts::store::set_password(&mut tx, member.id, &hash).await?;
            }
            tx.commit().await?;
        }
        app.db.close().await;
        let path = folder.path().join("firsthand.db");
        let _ = TEMPLATE.set((folder, path));
    }
    Ok(&TEMPLATE.get().context("no template")?.1)
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
