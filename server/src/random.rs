//! The one place that asks the machine for randomness.

use anyhow::anyhow;

/// Bytes that nobody can guess.
///
/// # Errors
/// If the system has none, which ends whatever needed them.
#[expect(clippy::disallowed_methods, reason = "this is where randomness comes from")]
pub fn bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system has no randomness: {error}"))?;
    Ok(bytes)
}

/// A word of `len` letters and digits without look-alikes, for a password that is read from paper.
///
/// # Errors
/// As [`bytes()`].
pub fn word(len: usize) -> anyhow::Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut word = String::with_capacity(len);
    while word.len() < len {
        // 32 letters divide 256 evenly, so that each is as likely as the next.
        word.extend(bytes::<16>()?.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])));
    }
    word.truncate(len);
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_as_long_as_asked_and_never_the_same() {
        let words: std::collections::BTreeSet<String> = (0..50).map(|_| word(20).unwrap()).collect();
        assert_eq!(words.len(), 50);
        assert!(words.iter().all(|word| word.len() == 20));
    }
}
