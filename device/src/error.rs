//! What can go wrong between a device and its machine, sorted by what a person or the engine does next.

use shared::{Code, Rejection};

/// A failure of the machine or the network. As a [`Rejection`] it has the code that people read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// The database on this device did not do what was asked.
    #[error("storage: {0}")]
    Storage(#[from] StorageError),
    /// A key could not be made or used, or something could not be hashed.
    #[error("crypto: {0}")]
    Crypto(String),
    /// A chosen file did not become a photo.
    #[error("media: {0}")]
    Media(#[from] MediaError),
    /// No answer came from the server.
    #[error("network: {0}")]
    Network(#[from] NetworkError),
    /// This machine lacks something that the device needs.
    #[error("this machine has no {0}")]
    Unsupported(&'static str),
    /// A value of our own could not be turned into JSON: a mistake of the program.
    #[error("not JSON: {0}")]
    Json(String),
}

/// Why the database failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// There is no room left; nothing of the transaction was kept.
    #[error("no room left")]
    Full,
    /// The connection was lost, and reopening it once did not help. Trying later may.
    #[error("connection lost: {0}")]
    Lost(String),
    /// Another tab holds an older version open, or has already moved to a newer one: this tab must reload.
    #[error("blocked by another tab")]
    Blocked,
    /// The browser refuses storage altogether (private mode, site data switched off).
    #[error("denied: {0}")]
    Denied(String),
    /// An added key is already there; nothing of the transaction was kept.
    #[error("the key exists")]
    Exists,
    /// A stored row is not what its reader expects. Other rows are not affected.
    #[error("unreadable row in {store}: {detail}")]
    Unreadable {
        /// The object store.
        store: &'static str,
        /// What the parser said.
        detail: String,
    },
    /// Anything else, with the browser's own words.
    #[error("{0}")]
    Other(String),
}

/// Why a file did not become a photo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// It is not an image that this browser can read, or it ends too early.
    #[error("not a readable image: {0}")]
    Undecodable(String),
    /// It has more pixels than this device should be asked to decode, or none.
    #[error("{width} by {height} pixels")]
    Dimensions {
        /// Pixels from left to right, as the file says.
        width: u32,
        /// Pixels from top to bottom, as the file says.
        height: u32,
    },
    /// The browser could not draw it or write it as JPEG, mostly for want of memory.
    #[error("not encodable: {0}")]
    Encoding(String),
}

/// Why no answer of our server came. An answer with a status, whichever it is, is not an error here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The device itself says that it has no network.
    #[error("offline")]
    Offline,
    /// The device believes that it has a network, yet the server could not be reached.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No complete answer within the time limit.
    #[error("timed out")]
    Timeout,
    /// The request was withdrawn from this side.
    #[error("aborted")]
    Aborted,
    /// Something answered that is not our server, such as the sign-in page of a guest network.
    #[error("unreadable answer: {0}")]
    Unreadable(String),
}

impl From<PlatformError> for Rejection {
    fn from(error: PlatformError) -> Self {
        let unexpected =
            |detail: &dyn ToString| Rejection::new(Code::DeviceUnexpected).with("detail", detail.to_string());
        match error {
            PlatformError::Storage(StorageError::Full) => Code::DeviceFull.into(),
            PlatformError::Storage(_) => Code::DeviceStorage.into(),
            PlatformError::Media(MediaError::Dimensions { .. }) => Code::DevicePhotoTooLarge.into(),
            PlatformError::Media(_) => Code::DeviceBadPhoto.into(),
            PlatformError::Network(NetworkError::Timeout) => Code::DeviceTimeout.into(),
            PlatformError::Network(_) => Code::DeviceOffline.into(),
            PlatformError::Crypto(_) => Code::DeviceCrypto.into(),
            PlatformError::Unsupported("crypto.subtle") => Code::DeviceCrypto.into(),
            PlatformError::Unsupported(what) => unexpected(&what),
            PlatformError::Json(detail) => unexpected(&detail),
        }
    }
}
