//! The server of Firsthand: it judges commands by the shared rules, keeps what happened, and shows each person what
//! that person may see.
//!
//! Where to start: [`router`] lists the addresses. A command's way leads through [`commands`] (chain, signature,
//! verdict) and [`ledger`] (load, decide, append) into documents and feeds, from which [`feed`] answers pulls and
//! [`live`] pokes. [`cases`] and [`rounds`] say what is theirs in it. [`sites`] imports a property, [`accounts`] signs people in, [`files`] takes photos, [`backup`] makes
//! backups and puts them back.
//!
//! Only `store.rs` files speak SQL; [`db`] holds all in which SQLite and PostgreSQL differ. [`clock`] and [`random`] are
//! the only places that ask the machine.

pub mod accounts;
pub mod backup;
pub mod body;
pub mod cases;
pub mod clock;
pub mod commands;
pub mod config;
pub mod db;
pub mod error;
pub mod feed;
pub mod files;
pub mod gather;
pub mod ledger;
pub mod live;
mod looks;
mod mutant;
pub mod random;
mod rate_limit;
pub mod relay;
pub mod rounds;
mod security;
mod site_files;
pub mod sites;
pub mod telemetry;
pub mod timers;

use std::{ops::Deref, sync::Arc};

use anyhow::Context;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state, map_request},
    routing::{any, get},
};
use tokio::sync::watch;
use tower_http::{CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use error::Error;
pub use mutant::{Mutant, Mutation};

use accounts::{Passwords, Throttle};
use body::Turns;
use clock::Clock;
use config::{Settings, Storage};
use db::Db;
use feed::Sealer;
use files::Files;
use gather::Lanes;
use live::{Streams, Wake};
use looks::Looks;
use rate_limit::RateLimit;
use relay::RelayKey;
use sites::Directory;

/// The most bytes of a request's body, apart from those of photos.
const BODY_MAX: usize = 1 << 20;

/// Everything a handler needs. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
#[derive(Debug)]
pub struct Parts {
    /// The database.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
    /// What was set.
    pub settings: Settings,
    /// Takes and shows photos.
    pub files: Files,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Limits attempts at signing in.
    pub throttle: Throttle,
    /// Limits requests.
    pub rate_limit: RateLimit,
    /// Whose turn it is to be taken apart.
    pub turns: Turns,
    /// Those who wait to write, by site.
    pub lanes: Lanes,
    /// Those who wait for a look at sessions and authors.
    pub looks: Looks,
    /// The sites as they were last read.
    pub directory: Directory,
    /// Wakes those whom a commit concerns.
    pub wake: Wake,
    /// Who listens.
    pub streams: Streams,
    /// The id of this database's life.
    pub epoch: String,
    /// When that began, if not with the database itself.
    pub restore: Option<backup::store::Restore>,
    /// Seals the cursors of this database.
    pub sealer: Sealer,
    /// Opens what was sealed to this database's server.
    pub relay_key: RelayKey,
    /// Becomes true when the server stops.
    pub stopping: watch::Sender<bool>,
    /// A mistake that a simulator wants made; never in a release.
    pub mutation: Option<Mutation>,
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Opens the database and the store of the photos.
    ///
    /// # Errors
    /// If one of them cannot be opened.
    pub async fn open(storage: &Storage, settings: Settings, clock: Clock) -> anyhow::Result<App> {
        App::open_with(storage, settings, clock, None).await
    }

    /// As [`open`](App::open), for a server that makes a mistake.
    ///
    /// # Errors
    /// As [`open`](App::open).
    #[cfg(debug_assertions)]
    pub async fn open_mutant(
        storage: &Storage,
        settings: Settings,
        clock: Clock,
        mutant: Mutant,
    ) -> anyhow::Result<App> {
        App::open_with(storage, settings, clock, Some(Mutation::new(mutant))).await
    }

    async fn open_with(
        storage: &Storage,
        settings: Settings,
        clock: Clock,
        mutation: Option<Mutation>,
    ) -> anyhow::Result<App> {
        telemetry::figures()?;
        let url = storage.files_url()?;
        let db = Db::open(&storage.database_url()?, settings.db_connections).await?;
        let (epoch, sealer, relay_key) = open_meta(&db).await?;
        let restore = backup::store::last_restore(&mut *db.connection().await?).await?;
        let stopping = watch::Sender::new(false);
        Ok(App(Arc::new(Parts {
            files: Files::open(&url, settings.max_megapixels)?,
            rate_limit: RateLimit::new(settings.requests_per_second, settings.requests_burst),
            turns: Turns::default(),
            lanes: Lanes::default(),
            looks: Looks::default(),
            directory: Directory::default(),
            wake: Wake::default(),
            streams: Streams::default(),
            passwords: Passwords::new()?,
            throttle: Throttle::new(settings.sign_in_attempts, settings.sign_in_attempts_per_address),
            db,
            clock,
            settings,
            epoch,
            restore,
            sealer,
            relay_key,
            stopping,
            mutation,
        })))
    }
}

/// What a database is given when it is first opened: the id of its life, the key of its seals, and the one that relay
/// files are sealed to.
async fn open_meta(db: &Db) -> anyhow::Result<(String, Sealer, RelayKey)> {
    let mut tx = db.write().await?;
    accounts::store::begin_epoch(&mut tx, &shared::wire::hex(&random::bytes::<8>()?)).await?;
    let epoch = accounts::store::epoch(&mut tx).await?.context("the database lost its epoch")?;
    feed::store::begin_seal_key(&mut tx, &shared::wire::base64url(&random::bytes::<32>()?)).await?;
    let key = feed::store::seal_key(&mut tx).await?.context("the database lost its key")?;
    feed::store::begin_relay_key(&mut tx, &shared::wire::base64url(&RelayKey::make()?)).await?;
    let relay = feed::store::relay_key(&mut tx).await?.context("the database lost its key")?;
    tx.commit().await?;
    let key = shared::wire::read_base64url(&key).context("the key of the seals is damaged")?;
    let relay = shared::wire::read_base64url(&relay).context("the key of relay files is damaged")?;
    Ok((epoch, Sealer::new(&key)?, RelayKey::new(&relay)?))
}

fn api(max_photo_mb: u32) -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(
        utoipa::openapi::OpenApiBuilder::new()
            .info(
                utoipa::openapi::InfoBuilder::new()
                    .title("Firsthand")
                    .version(env!("CARGO_PKG_VERSION"))
                    .description(Some(
                        "Problems reported first hand. `POST /api/push` and `GET /api/pull` carry everything; \
                         errors are `application/problem+json` with a stable code.",
                    ))
                    .build(),
            )
            .build(),
    )
    .merge(accounts::routes())
    .merge(commands::routes())
    .merge(cases::routes())
    .merge(feed::routes())
    .merge(live::routes())
    .merge(files::routes())
    .merge(rounds::routes())
    .merge(relay::routes(max_photo_mb))
}

/// The description of the interface.
pub fn openapi() -> OpenApi {
    api(0).into_openapi()
}

/// All addresses of the server.
pub fn router(app: App) -> Router {
    let (api, openapi) = api(app.settings.max_photo_mb).split_for_parts();
    let api = api
        .route("/api/openapi.json", get(move || async { axum::Json(openapi) }))
        .route("/api", any(telemetry::not_found))
        .route("/api/{*rest}", any(telemetry::not_found))
        .method_not_allowed_fallback(telemetry::wrong_method)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(from_fn_with_state(app.clone(), rate_limit::limit));
    Router::new()
        .merge(api)
        .route("/healthz", get(telemetry::healthz))
        .route("/readyz", get(telemetry::readyz))
        .route("/metrics", get(telemetry::metrics))
        .fallback(site_files::serve)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(map_request(body::end_in_time))
        .layer(CatchPanicLayer::custom(telemetry::panicked))
        .layer(from_fn_with_state(app.clone(), security::guard))
        .layer(from_fn(telemetry::observe))
        .with_state(app)
}
