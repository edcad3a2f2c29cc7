//! What can be set, by flag or by environment. `firsthand serve --help` lists all of it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Args, ValueEnum};

/// Where the data lie.
#[derive(Args, Clone, Debug)]
pub struct Storage {
    /// The folder of the SQLite database and of the photos, unless they are set apart.
    #[arg(long, env = "FIRSTHAND_DATA", default_value = "data")]
    pub data: PathBuf,
    /// The database: `sqlite:PATH` or `postgres://…`. Default: `firsthand.db` in the data folder.
    #[arg(long, env = "DATABASE_URL")]
    pub database_url: Option<String>,
    /// The store of the photos: `file:///…`, or `s3://bucket/prefix` with endpoint and keys in the environment as usual
    /// (`AWS_ENDPOINT`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`). Default: `files` in the data folder.
    #[arg(long, env = "FILES_URL")]
    pub files_url: Option<String>,
}

impl Storage {
    /// The database's address.
    ///
    /// # Errors
    /// If the data folder cannot be made.
    pub fn database_url(&self) -> anyhow::Result<String> {
        if let Some(url) = &self.database_url {
            return Ok(url.clone());
        }
        std::fs::create_dir_all(&self.data)
            .with_context(|| format!("{} cannot be made", self.data.display()))?;
        Ok(sqlite_url(&self.data.join(FILE)))
    }

    /// The file of the database, if it is SQLite's.
    ///
    /// # Errors
    /// If the data folder cannot be made, or the database's address names no file.
    pub fn database_file(&self) -> anyhow::Result<Option<PathBuf>> {
        match &self.database_url {
            None => {
                std::fs::create_dir_all(&self.data)
                    .with_context(|| format!("{} cannot be made", self.data.display()))?;
                Ok(Some(self.data.join(FILE)))
            }
            Some(url) => match url.strip_prefix("sqlite:") {
                None => Ok(None),
                Some(path) if path.contains(['%', '?']) => {
                    anyhow::bail!("{url}: name the file without escapes and parameters")
                }
                Some(path) => Ok(Some(path.trim_start_matches("//").into())),
            },
        }
    }

    /// The store of the photos' address.
    ///
    /// # Errors
    /// If the data folder cannot be made, or lies where no URL can point.
    pub fn files_url(&self) -> anyhow::Result<String> {
        if let Some(url) = &self.files_url {
            return Ok(url.clone());
        }
        folder_url(&self.data.join("files"))
    }
}

/// SQLite's database within the data folder.
const FILE: &str = "firsthand.db";

/// The address of a SQLite database.
pub(crate) fn sqlite_url(path: &Path) -> String {
    format!("sqlite:{}", encoded(path))
}

/// The URL of a folder, which is made if it is not there.
///
/// # Errors
/// If it cannot be made, or lies where no URL can point.
pub(crate) fn folder_url(folder: &Path) -> anyhow::Result<String> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let folder = folder.canonicalize()?;
    let url = url::Url::from_directory_path(&folder);
    Ok(url.map_err(|()| anyhow::anyhow!("{} is no absolute path", folder.display()))?.into())
}

/// A path as it stands in a URL, whatever its folders are called.
fn encoded(path: &Path) -> String {
    use std::{fmt::Write, os::unix::ffi::OsStrExt};
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut url, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                url.push(char::from(*byte))
            }
            // Writing to a string cannot fail.
            _ => drop(write!(url, "%{byte:02X}")),
        }
        url
    })
}

/// How the log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// How the server serves.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    #[arg(long, env = "FIRSTHAND_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The address by which people reach the server, such as `https://firsthand.example`. Requests that change
    /// something are taken from pages of this address only; without it, from pages of whatever host was asked.
    #[arg(long, env = "FIRSTHAND_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Send the session's cookie over https only. On by itself when the public URL is https.
    #[arg(long, env = "FIRSTHAND_SECURE_COOKIES")]
    pub secure_cookies: bool,
    /// A proxy in front says in `X-Forwarded-For` who asks.
    #[arg(long, env = "FIRSTHAND_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Serve the app from this folder instead of the one inside the binary.
    #[arg(long, env = "FIRSTHAND_SITE_DIR")]
    pub site_dir: Option<PathBuf>,
    /// How the log is written; `RUST_LOG` says how much.
    #[arg(long, env = "FIRSTHAND_LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// Connections to the database for reading. On PostgreSQL as many again are for writing, on SQLite one is.
    #[arg(long, env = "FIRSTHAND_DB_CONNECTIONS", default_value_t = 8)]
    pub db_connections: u32,
    /// Requests per second and address that are answered for long; a whole property may share an address.
    #[arg(long, env = "FIRSTHAND_REQUESTS_PER_SECOND", default_value_t = 100)]
    pub requests_per_second: u32,
    /// Requests per address that are answered at once, before the limit per second counts.
    #[arg(long, env = "FIRSTHAND_REQUESTS_BURST", default_value_t = 500)]
    pub requests_burst: u32,
    /// Wrong passwords for one name before it has to wait.
    #[arg(long, env = "FIRSTHAND_SIGN_IN_ATTEMPTS", default_value_t = 5)]
    pub sign_in_attempts: u32,
    /// Wrong passwords from one address before it has to wait.
    #[arg(long, env = "FIRSTHAND_SIGN_IN_ATTEMPTS_PER_ADDRESS", default_value_t = 50)]
    pub sign_in_attempts_per_address: u32,
    /// The most million pixels of a photo.
    #[arg(long, env = "FIRSTHAND_MAX_MEGAPIXELS", default_value_t = 50)]
    pub max_megapixels: u32,
    /// The most megabytes of a photo.
    #[arg(long, env = "FIRSTHAND_MAX_PHOTO_MB", default_value_t = 12)]
    pub max_photo_mb: u32,
    /// The most uploads that one person may have begun and not finished.
    #[arg(long, env = "FIRSTHAND_MAX_UNFINISHED_UPLOADS", default_value_t = 50)]
    pub max_unfinished_uploads: u32,
    /// The most commands and uploads of one transaction, which those that arrive at the same time share; with 1, each push
    /// and each upload has one of its own.
    #[arg(long, env = "FIRSTHAND_TRANSACTION_COMMANDS", default_value_t = TRANSACTION_COMMANDS)]
    pub transaction_commands: u32,
}

/// Everybody else who writes to the site waits for so many. One push may bring a quarter of them.
const TRANSACTION_COMMANDS: u32 = 400;

impl Default for Settings {
    /// As the flags' defaults, for what is done without serving.
    fn default() -> Self {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            secure_cookies: false,
            behind_proxy: false,
            site_dir: None,
            log_format: LogFormat::Text,
            db_connections: 8,
            requests_per_second: 100,
            requests_burst: 500,
            sign_in_attempts: 5,
            sign_in_attempts_per_address: 50,
            max_megapixels: 50,
            max_photo_mb: 12,
            max_unfinished_uploads: 50,
            transaction_commands: TRANSACTION_COMMANDS,
        }
    }
}

impl Settings {
    /// Whether the session's cookie is for https only.
    pub fn secure(&self) -> bool {
        self.secure_cookies || self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn what_is_not_set_is_the_same_with_and_without_flags() {
        let parsed = Line::parse_from(["firsthand"]).settings;
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Settings::default()));
    }
}
