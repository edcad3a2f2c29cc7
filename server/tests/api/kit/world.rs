//! A server of its own for every test.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use server::{
    App,
    accounts::store::set_password,
    clock::{Clock, ManualClock},
    config::{Settings, Storage},
    sites::{
        import::{FirstPassword, import, read},
        store::members,
    },
};
use shared::{ids::PersonId, time::Ms};
use sqlx::Connection;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{Device, Reply};

/// The password of everybody.
pub const PASSWORD: &str = "a password of tests";
/// The hash of that, with the least memory and time there can be: almost every test signs somebody in.
const CHEAP_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$c2FsdCBvZiB0ZXN0cyAxNg$UL8E3cuuUgQUgat7QwHVjPJhokW+m2JQzY36vnoumxw";
/// Monday, 23 November 2026, 10:00 at the demo property.
const START: Ms = Ms(1_795_399_200_000);

/// What a test runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum On {
    /// SQLite, and photos in a folder.
    Sqlite,
    /// PostgreSQL, and photos in a folder.
    Postgres,
    /// SQLite, and photos in an S3 store.
    S3,
    /// PostgreSQL and an S3 store, as several processes share them.
    PostgresAndS3,
}

/// Where the PostgreSQL of the tests is.
pub fn postgres_url() -> Option<String> {
    env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty())
}

/// The bucket of the tests, whose keys are in the environment as a server finds them.
pub fn s3_url() -> Option<String> {
    env::var("TEST_S3_URL").ok().filter(|url| !url.is_empty())
}

/// A number that no other test of this run has had.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// A server with the two demo properties and a clock that is moved by hand.
pub struct TestApp {
    pub app: App,
    pub clock: ManualClock,
    pub storage: Storage,
    pub router: Router,
    // Removed when the test is over.
    _folder: TempDir,
}

impl TestApp {
    /// With both properties imported and everybody's password set.
    pub async fn start(on: On) -> TestApp {
        TestApp::with(on, settings()).await
    }

    /// The same with other settings.
    pub async fn with(on: On, settings: Settings) -> TestApp {
        let folder = tempfile::tempdir().unwrap();
        let database_url = match on {
            On::Sqlite | On::S3 => {
                let template = sqlite_template().await;
                std::fs::copy(template, folder.path().join("firsthand.db")).unwrap();
                None
            }
            On::Postgres | On::PostgresAndS3 => {
                let name = format!("test_{}_{}", std::process::id(), unique());
                Some(postgres_database(&name, Some(postgres_template().await)).await)
            }
        };
        let files_url = match on {
            On::Sqlite | On::Postgres => None,
            On::S3 | On::PostgresAndS3 => {
                Some(format!("{}/{}/{}", s3_url().unwrap(), std::process::id(), unique()))
            }
        };
        let storage = Storage { files_url, ..storage(folder.path(), database_url) };
        let clock = ManualClock::at(START);
        let app = App::open(&storage, settings, Clock::Manual(clock.clone())).await.unwrap();
        let router = server::router(app.clone());
        TestApp { app, clock, storage, router, _folder: folder }
    }

    /// Stops the server.
    pub async fn stop(&self) {
        self.app.db.close().await;
    }

    /// Puts a dump into a PostgreSQL database of its own, which takes the place of the present one.
    pub async fn take_dump(&mut self, dump: &Path) {
        let name = format!("restored_{}_{}", std::process::id(), unique());
        let url = postgres_database(&name, None).await;
        let mut program = tokio::process::Command::new("pg_restore");
        let status = program.arg("--dbname").arg(&url).arg(dump).status().await.unwrap();
        assert!(status.success());
        self.storage.database_url = Some(url);
    }

    /// Stops the server and starts it again on the same data.
    pub async fn restart(&mut self) {
        self.stop().await;
        let clock = Clock::Manual(self.clock.clone());
        self.app = App::open(&self.storage, settings(), clock).await.unwrap();
        self.router = server::router(self.app.clone());
    }

    /// A second server on the same data.
    pub async fn second(&self) -> Router {
        let clock = Clock::Manual(self.clock.clone());
        server::router(App::open(&self.storage, settings(), clock).await.unwrap())
    }

    /// The present instant.
    pub fn now(&self) -> Ms {
        Clock::Manual(self.clock.clone()).now()
    }

    /// Moves the clock forward.
    pub fn advance(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(minutes * 60));
    }

    /// Signs somebody in on a new device.
    pub async fn sign_in(&self, name: &str) -> Device {
        let mut device = Device::new(self);
        let reply = device.sign_in(name, PASSWORD).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        device
    }

    /// A case reported by a guard, with the guard and the desk: the start of many stories.
    pub async fn with_team(on: On) -> (TestApp, Team) {
        let app = TestApp::start(on).await;
        let team = Team {
            guard: app.sign_in(super::cast::GUARD).await,
            desk: app.sign_in(super::cast::DESK).await,
            technician: app.sign_in(super::cast::TECHNICIAN).await,
        };
        (app, team)
    }

    /// Sends a request as nobody.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        Reply::of(&self.router, request).await
    }

    /// The id of somebody at the demo property.
    pub async fn person(&self, code: &str) -> PersonId {
        let mut conn = self.app.db.connection().await.unwrap();
        let site = shared::ids::SiteCode::from("jinzhou");
        let members = server::sites::store::members(&mut conn, &site).await.unwrap();
        members.iter().find(|member| member.code == code).unwrap().id
    }

    /// Imports a property's file again, changed by `change`.
    pub async fn reimport(&self, site: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let mut file: serde_json::Value = serde_json::from_str(&demo(site)).unwrap();
        change(&mut file);
        let plan = read(&file.to_string()).unwrap();
        import(&self.app, &plan, FirstPassword::Same(PASSWORD.to_owned())).await.unwrap();
    }
}

/// The people of most stories.
pub struct Team {
    pub guard: Device,
    pub desk: Device,
    pub technician: Device,
}

/// The file of a demo property.
pub fn demo(site: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo");
    std::fs::read_to_string(folder.join(format!("site-{site}.json"))).unwrap()
}

/// A photo of few pixels in many bytes, so that it is long to send and quick to look at.
pub fn long_photo() -> Vec<u8> {
    static PHOTO: OnceLock<Vec<u8>> = OnceLock::new();
    let noise = || {
        let mut state = 1_u32;
        let pixels = image::RgbImage::from_fn(1_000, 800, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [red, green, blue, _] = state.to_be_bytes();
            image::Rgb([red, green, blue])
        });
        let mut bytes = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100);
        pixels.write_with_encoder(encoder).unwrap();
        bytes
    };
    PHOTO.get_or_init(noise).clone()
}

/// The clock stands still, so that no bucket of requests would ever fill again.
fn settings() -> Settings {
    Settings { requests_burst: 1_000_000, ..Settings::default() }
}

fn storage(data: &Path, database_url: Option<String>) -> Storage {
    Storage { data: data.to_owned(), database_url, files_url: None }
}

async fn fill(storage: &Storage) {
    let clock = Clock::Manual(ManualClock::at(START));
    let app = App::open(storage, Settings::default(), clock).await.unwrap();
    for site in ["jinzhou", "wanjing"] {
        let plan = read(&demo(site)).unwrap();
        import(&app, &plan, FirstPassword::Same(PASSWORD.to_owned())).await.unwrap();
        let mut tx = app.db.write().await.unwrap();
        for member in members(&mut tx, &site.into()).await.unwrap() {
            set_password(&mut tx, member.id, CHEAP_HASH).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    app.db.close().await;
}

/// A database with the demo properties, made once and copied for each test.
async fn sqlite_template() -> &'static Path {
    static TEMPLATE: OnceCell<(TempDir, PathBuf)> = OnceCell::const_new();
    let made = TEMPLATE.get_or_init(|| async {
        let folder = tempfile::tempdir().unwrap();
        fill(&storage(folder.path(), None)).await;
        let path = folder.path().join("firsthand.db");
        (folder, path)
    });
    &made.await.1
}

async fn postgres_template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let made = TEMPLATE.get_or_init(|| async {
        let name = format!("template_{}", std::process::id());
        let url = postgres_database(&name, None).await;
        let folder = tempfile::tempdir().unwrap();
        fill(&storage(folder.path(), Some(url))).await;
        name
    });
    made.await
}

/// Makes a database. It goes with the server of the tests.
async fn postgres_database(name: &str, template: Option<&str>) -> String {
    static ONE_AT_A_TIME: OnceLock<tokio::sync::Mutex<()>> = OnceLock::new();
    // PostgreSQL copies a template only while nobody else does.
    let _turn = ONE_AT_A_TIME.get_or_init(Default::default).lock().await;
    sqlx::any::install_default_drivers();
    let url = postgres_url().unwrap();
    let mut admin = sqlx::AnyConnection::connect(&url).await.unwrap();
    // As files, not page by page through its log: half the work, and nothing that must be kept.
    let copied = |template| format!(" template {template} strategy file_copy");
    let template = template.map(copied).unwrap_or_default();
    // Names made here, of letters and digits.
    let sql = sqlx::AssertSqlSafe(format!("create database {name}{template}"));
    sqlx::raw_sql(sql).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}
