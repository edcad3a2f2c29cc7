//! Randomness and the ids made from it.

use shared::time::Ms;
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

/// A new `UUIDv7`; see [`device::platform::id`].
pub fn new_id() -> Result<Uuid, PlatformError> {
    Ok(::device::platform::id(Ms(clock::now_ms()), &random_bytes()?))
}
