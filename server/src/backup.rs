//! Backups: taken while the server runs, and put back when it does not.
//!
//! A backup is a folder with the database, the photos (`files`) and `backup.json`, which says how far each site had got.
//! The database is copied first and the photos after it, so that no row of the copy names a photo that the copy does not
//! have; photos never change, and a folder that holds an older backup gets only what is new. When all of it is on the
//! disk, and not before, each site's `stable_seq` says so to the devices, which keep what they have sent until then.
//!
//! Of PostgreSQL the operator's `pg_dump` copies the database: [`backup`] is called before it, to record the point, and
//! after it, to copy the photos and to tell the devices.
//!
//! A restored database begins a new life: its epoch is renewed, so that devices notice, push again what it has lost, with
//! the answers they once got, and send their photos again. See [`restore`] and [`collect`](crate::commands::collect).

mod missing;
pub mod store;

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use shared::{
    ids::SiteCode,
    time::{MINUTE, Ms},
};

pub use missing::missing;

use crate::{
    App,
    config::Storage,
    db::Db,
    files::{self, depot::Depot},
    random,
};

/// The database within a backup: a copy of SQLite's file.
const DATABASE: &str = "firsthand.db";
/// The database within a backup: what `pg_dump` makes.
const DUMP: &str = "database.dump";
/// The folder of the photos within a backup.
const FILES: &str = "files";
/// What the backup says of itself.
const POINT: &str = "backup.json";

/// What a backup says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Point {
    /// When it was begun.
    begun: Ms,
    /// The life of the database that it is of.
    epoch: String,
    /// How far each site had got.
    sites: BTreeMap<SiteCode, i64>,
    /// Everything is there.
    complete: bool,
}

/// What came of [`backup`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backup {
    /// It is complete, with so many photos that were not there before.
    Complete {
        /// The photos.
        photos: usize,
    },
    /// The point is recorded; the operator dumps the database now, and calls again.
    Recorded,
}

/// Makes a backup in a folder, or brings the one that is there up to date.
///
/// # Errors
/// If something cannot be read or written. What the folder held before is whole until all of the new is on the disk,
/// and no device has been told anything.
pub async fn backup(app: &App, folder: &Path) -> anyhow::Result<Backup> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    // Before the database is copied: whatever happens meanwhile is in the copy and not counted.
    let point = Point {
        begun: app.clock.now(),
        epoch: app.epoch.clone(),
        sites: store::heads(&mut *app.db.connection().await?).await?,
        complete: false,
    };
    let fresh = folder.join(format!("{DATABASE}.new"));
    let copied = if app.db.is_file() {
        remove(&fresh)?;
        app.db.copy_to(&fresh).await.context("the database cannot be copied")?;
        sync(&fresh)?;
        Some(point)
    } else {
        dumped(app, folder, &point)?
    };
    let Some(point) = copied else { return Ok(Backup::Recorded) };
    let photos = app.files.depot.copy_kept_to(&depot(folder)?).await?;
    if app.db.is_file() {
        replace(&fresh, &folder.join(DATABASE))?;
    }
    keep(folder, &Point { complete: true, ..point.clone() })?;

    let mut tx = app.db.write().await?;
    for (site, head) in &point.sites {
        store::set_stable(&mut tx, site, *head).await?;
    }
    tx.commit().await?;
    Ok(Backup::Complete { photos })
}

/// The point that was recorded before a dump which is there now; otherwise records this one.
fn dumped(app: &App, folder: &Path, now: &Point) -> anyhow::Result<Option<Point>> {
    let before = read(folder).ok().filter(|before| !before.complete && before.epoch == app.epoch);
    let (recorded, dump) = (modified(&folder.join(POINT)), modified(&folder.join(DUMP)));
    if let Some(before) = before
        && dump.is_some()
        && dump >= recorded
    {
        sync(&folder.join(DUMP))?;
        return Ok(Some(before));
    }
    keep(folder, now)?;
    Ok(None)
}

/// How a restore goes on once the server runs.
#[derive(Clone, Copy, Debug)]
pub struct Collecting {
    /// For so many minutes commands are collected before they are judged in their old order.
    pub minutes: u32,
}

/// What came of [`restore`].
#[derive(Clone, Debug)]
pub struct Restored {
    /// When the backup was begun.
    pub begun: Ms,
    /// Photos that the database names and the backup does not have: their devices are asked for them again.
    pub without_bytes: usize,
    /// Where the database that was replaced lies now.
    pub replaced: Option<PathBuf>,
}

/// Puts a backup back. The server must not run. Of PostgreSQL the operator has put the dump back before.
///
/// # Errors
/// If the backup is not complete or not that of this database, the server still runs, or something cannot be read or
/// written; then the database is as it was.
pub async fn restore(
    storage: &Storage,
    folder: &Path,
    collecting: Collecting,
    now: Ms,
) -> anyhow::Result<Restored> {
    let point = read(folder)?;
    if !point.complete {
        bail!("the backup in {} is not complete: make it again, or take another", folder.display());
    }
    let target = storage.database_file()?;
    // SQLite's file is made ready beside its place, and takes it when everything is done.
    let ready = target.as_ref().map(|target| target.with_extension("restoring"));
    if let (Some(target), Some(ready)) = (&target, &ready) {
        if target.exists() {
            crate::db::settle(target).await?;
        }
        for suffix in ["", "-wal", "-shm"] {
            remove(&with_suffix(ready, suffix))?;
        }
        let copy = folder.join(DATABASE);
        std::fs::copy(&copy, ready).with_context(|| format!("{} cannot be copied", copy.display()))?;
    }
    let url = match &ready {
        Some(ready) => crate::config::sqlite_url(ready),
        None => storage.database_url()?,
    };
    let db = Db::open(&url, 1).await?;
    let files = Depot::open(&storage.files_url()?)?;
    depot(folder)?.copy_kept_to(&files).await?;
    let without_bytes = renew(&db, &files, &point, collecting, now).await?;
    db.close().await;

    let mut replaced = None;
    if let (Some(target), Some(ready)) = (target, ready) {
        // All of it into the one file that takes the place.
        crate::db::settle(&ready).await?;
        sync(&ready)?;
        if target.exists() {
            let aside = with_suffix(&target, &format!(".before-restore-{}", now.0));
            std::fs::rename(&target, &aside)?;
            replaced = Some(aside);
        }
        replace(&ready, &target)?;
    }
    Ok(Restored { begun: point.begun, without_bytes, replaced })
}

/// Begins a new life of a database that was put back. Answers with the number of photos whose bytes are not there.
async fn renew(
    db: &Db,
    files: &Depot,
    point: &Point,
    collecting: Collecting,
    now: Ms,
) -> anyhow::Result<usize> {
    let mut tx = db.write().await?;
    if crate::accounts::store::epoch(&mut tx).await?.as_ref() != Some(&point.epoch) {
        bail!("this database is not that of the backup, or was restored before: put its copy back first");
    }
    let heads = store::heads(&mut tx).await?;
    for (site, head) in &point.sites {
        if heads.get(site).is_none_or(|restored| restored < head) {
            bail!(
                "the site {site} is not as far as the backup says: put its copy of the database back first"
            );
        }
    }
    let epoch = shared::wire::hex(&random::bytes::<8>()?);
    store::begin_again(&mut tx, &epoch, point.begun, now).await?;
    let collect = i64::from(collecting.minutes) * MINUTE;
    for site in heads.keys() {
        store::begin_collecting(&mut tx, site, point.sites.get(site).copied().unwrap_or(0), collect).await?;
    }
    // What was staged is not part of a backup, and a photo may be missing in a damaged one.
    files::store::begin_anew(&mut tx).await?;
    let mut without_bytes = 0;
    for upload in files::store::kept(&mut tx).await? {
        if !files.has(&upload.key, &upload.sha256).await? {
            let again = files::store::Upload {
                state: files::store::State::Receiving { segments: Vec::new() },
                changed: now,
                ..upload
            };
            files::store::put(&mut tx, &[&again]).await?;
            without_bytes += 1;
        }
    }
    tx.commit().await?;
    Ok(without_bytes)
}

fn depot(folder: &Path) -> anyhow::Result<Depot> {
    Depot::open(&crate::config::folder_url(&folder.join(FILES))?)
}

fn read(folder: &Path) -> anyhow::Result<Point> {
    let path = folder.join(POINT);
    let text = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// Writes down what the backup says of itself, at once or not at all.
fn keep(folder: &Path, point: &Point) -> anyhow::Result<()> {
    let fresh = folder.join(format!("{POINT}.new"));
    std::fs::write(&fresh, serde_json::to_vec_pretty(point)?)
        .with_context(|| format!("{} cannot be written", fresh.display()))?;
    sync(&fresh)?;
    replace(&fresh, &folder.join(POINT))
}

/// Puts a file in the place of another, for good.
fn replace(fresh: &Path, target: &Path) -> anyhow::Result<()> {
    std::fs::rename(fresh, target).with_context(|| format!("{} cannot be put in place", target.display()))?;
    sync(target.parent().unwrap_or(Path::new(".")))
}

/// Waits until a file or folder is on the disk.
fn sync(path: &Path) -> anyhow::Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .with_context(|| format!("{} does not get to the disk", path.display()))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
