//! The key of this device and person, signatures and hashes, by the browser's `WebCrypto`.
//!
//! The private key cannot be extracted: JavaScript and Rust hold a handle, and even a stolen page script can
//! only use it while the page is open. `WebCrypto` exists only on https and localhost.

use ::device::{Key, Table, platform::SigningKey};
use js_sys::{Array, Object};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CryptoKey, SubtleCrypto};

use super::{PlatformError, StorageError, bridge, db::Db, error};

/// Where the key pair lies in its store.
const SLOT: &str = "device";

/// An ECDSA key on the curve P-256, kept in the database of its person.
#[derive(Debug, Clone)]
pub struct DeviceKey {
    private: CryptoKey,
    public: CryptoKey,
}

impl DeviceKey {
    /// The key of this database; made and stored if there is none. Of two tabs that do this at once both get
    /// the key that was stored first.
    pub async fn load_or_create(db: &Db) -> Result<Self, PlatformError> {
        if let Some(key) = Self::load(db).await? {
            return Ok(key);
        }
        let usages = Array::of2(&"sign".into(), &"verify".into());
        let generated = subtle()?
            .generate_key_with_object(&algorithm(&[("namedCurve", "P-256".into())]), false, &usages)
            .map_err(failed)?;
        let pair = JsFuture::from(generated).await.map_err(failed)?;
        match db.add_js(Table::Keys, &Key::from(SLOT), &pair).await {
            Ok(()) | Err(PlatformError::Storage(StorageError::Exists)) => {}
            Err(error) => return Err(error),
        }
        Self::load(db).await?.ok_or_else(|| PlatformError::Crypto("the stored key is gone".to_owned()))
    }

    /// The key of this database, if it has one.
    pub async fn load(db: &Db) -> Result<Option<Self>, PlatformError> {
        let pair = db.get_js(Table::Keys, &Key::from(SLOT)).await?;
        if pair.is_undefined() {
            return Ok(None);
        }
        let half = |name| {
            bridge::property(&pair, name).and_then(|key| key.dyn_into::<CryptoKey>().ok()).ok_or_else(|| {
                PlatformError::from(StorageError::Unreadable {
                    store: Table::Keys.name(),
                    detail: format!("no {name}"),
                })
            })
        };
        Ok(Some(Self { private: half("privateKey")?, public: half("publicKey")? }))
    }

    async fn export(&self, format: &str) -> Result<JsValue, PlatformError> {
        let exporting = subtle()?.export_key(format, &self.public).map_err(failed)?;
        JsFuture::from(exporting).await.map_err(failed)
    }
}

impl SigningKey for DeviceKey {
    async fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], PlatformError> {
        let signing = subtle()?
            .sign_with_object_and_u8_array(&algorithm(&[("hash", "SHA-256".into())]), &self.private, bytes)
            .map_err(failed)?;
        sized(&JsFuture::from(signing).await.map_err(failed)?)
    }

    async fn public_point(&self) -> Result<[u8; 65], PlatformError> {
        sized(&self.export("raw").await?)
    }
}

/// SHA-256, computed off the page's thread: for photos, which would make it stutter.
pub async fn sha256(bytes: &[u8]) -> Result<[u8; 32], PlatformError> {
    let digest = subtle()?.digest_with_str_and_u8_array("SHA-256", bytes).map_err(failed)?;
    sized(&JsFuture::from(digest).await.map_err(failed)?)
}

fn subtle() -> Result<SubtleCrypto, PlatformError> {
    let crypto = bridge::window()?.crypto().map_err(failed)?;
    // Read by name, because the typed getter would pretend that an insecure page has it.
    bridge::property(&crypto, "subtle")
        .map(JsCast::unchecked_into)
        .ok_or(PlatformError::Unsupported("crypto.subtle"))
}

fn algorithm(fields: &[(&str, JsValue)]) -> Object {
    let mut all = vec![("name", JsValue::from_str("ECDSA"))];
    all.extend_from_slice(fields);
    bridge::object(&all)
}

fn sized<const N: usize>(buffer: &JsValue) -> Result<[u8; N], PlatformError> {
    bridge::bytes(buffer)
        .try_into()
        .map_err(|bytes: Vec<u8>| PlatformError::Crypto(format!("{} bytes instead of {N}", bytes.len())))
}

fn failed(thrown: JsValue) -> PlatformError {
    PlatformError::Crypto(error::words(&thrown))
}
