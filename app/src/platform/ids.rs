//! Randomness and the ids made from it.

use uuid::Uuid;

use super::{PlatformError, bridge, clock, error};

/// Random bytes of the browser's cryptographic generator.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], PlatformError> {
    let mut bytes = [0; N];
    bridge::window()?
        .crypto()
        .and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes))
        .map_err(|thrown| PlatformError::Crypto(error::words(&thrown)))?;
    Ok(bytes)
}

/// A new `UUIDv7`: sorts by the device's wall time, and is unique however wrong that is.
pub fn new_id() -> Result<Uuid, PlatformError> {
    let random = random_bytes::<10>()?;
    let ms = u64::try_from(clock::now_ms()).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
}
