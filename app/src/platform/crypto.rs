//! The key of this device and person, signatures, hashes and the seal of relay files, by the browser's `WebCrypto`.
//!
//! The private key cannot be extracted: JavaScript and Rust hold a handle, and even a stolen page script can
//! only use it while the page is open. `WebCrypto` exists only on https and localhost.

use ::device::{Key, Table, platform::SigningKey};
use js_sys::{Array, Object, Uint8Array};
use shared::relay::{self, POINT};
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

/// Seals the pieces of one relay file to the server; see [`shared::relay`] for what that means.
#[derive(Debug)]
pub struct Seal {
    point: [u8; POINT],
    key: CryptoKey,
}

impl Seal {
    /// A seal with a new key of its own, for whoever has the private half of this uncompressed point.
    pub async fn to(server: &[u8]) -> Result<Self, PlatformError> {
        let subtle = subtle()?;
        let curve = named("ECDH", &[("namedCurve", "P-256".into())]);
        let derives = Array::of1(&"deriveBits".into());
        let pair = subtle.generate_key_with_object(&curve, false, &derives).map_err(failed)?;
        let pair = JsFuture::from(pair).await.map_err(failed)?;
        let half = |name| {
            bridge::property(&pair, name)
                .and_then(|key| key.dyn_into::<CryptoKey>().ok())
                .ok_or_else(|| PlatformError::Crypto(format!("no {name}")))
        };
        let exporting = subtle.export_key("raw", &half("publicKey")?).map_err(failed)?;
        let point = sized(&JsFuture::from(exporting).await.map_err(failed)?)?;
        let theirs = imported("raw", server, &curve, &Array::new()).await?;
        let agreeing = subtle
            .derive_bits_with_object(&named("ECDH", &[("public", theirs.into())]), &half("privateKey")?, 256)
            .map_err(failed)?;
        let agreed = bridge::bytes(&JsFuture::from(agreeing).await.map_err(failed)?);
        let base = imported("raw", &agreed, &named("HKDF", &[]), &Array::of1(&"deriveKey".into())).await?;
        let from = named(
            "HKDF",
            &[
                ("hash", "SHA-256".into()),
                ("salt", Uint8Array::from(relay::salt(&point, server).as_slice()).into()),
                ("info", Uint8Array::from(relay::INFO).into()),
            ],
        );
        let aes = named("AES-GCM", &[("length", 256.into())]);
        let deriving = subtle
            .derive_key_with_object_and_object(&from, &base, &aes, false, &Array::of1(&"encrypt".into()))
            .map_err(failed)?;
        let key = JsFuture::from(deriving).await.map_err(failed)?.unchecked_into();
        Ok(Self { point, key })
    }

    /// A piece as it is sent. Each number is used once.
    pub async fn piece(&self, number: u32, plain: &[u8]) -> Result<Vec<u8>, PlatformError> {
        let with = named(
            "AES-GCM",
            &[
                ("iv", Uint8Array::from(&relay::nonce(number)[..]).into()),
                ("additionalData", Uint8Array::from(&relay::MAGIC[..]).into()),
            ],
        );
        let sealing = subtle()?.encrypt_with_object_and_u8_array(&with, &self.key, plain).map_err(failed)?;
        let sealed = bridge::bytes(&JsFuture::from(sealing).await.map_err(failed)?);
        Ok(relay::piece(&self.point, number, &sealed))
    }
}

async fn imported(
    format: &str,
    bytes: &[u8],
    algorithm: &Object,
    usages: &Array,
) -> Result<CryptoKey, PlatformError> {
    let bytes = Uint8Array::from(bytes);
    let importing =
        subtle()?.import_key_with_object(format, &bytes, algorithm, false, usages).map_err(failed)?;
    Ok(JsFuture::from(importing).await.map_err(failed)?.unchecked_into())
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
    named("ECDSA", fields)
}

fn named(name: &str, fields: &[(&str, JsValue)]) -> Object {
    let mut all = vec![("name", JsValue::from_str(name))];
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
