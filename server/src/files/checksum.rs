//! The checksum extension of tus: what a request says its own bytes sum up to, apart from the hash of the whole photo.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The algorithms, as the server offers them.
pub(super) const ALGORITHMS: &str = "sha1,sha256";

/// A sum that is taken while bytes arrive, beside the one that was announced.
#[derive(Debug)]
pub(super) struct Checksum {
    announced: Vec<u8>,
    sum: Sum,
}

#[derive(Debug)]
enum Sum {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Checksum {
    /// Reads `Upload-Checksum`: the algorithm, a space, and the sum in base64. `None` if it is none of ours.
    pub(super) fn read(header: &str) -> Option<Checksum> {
        let (algorithm, announced) = header.split_once(' ')?;
        let (sum, length) = match algorithm {
            "sha1" => (Sum::Sha1(Sha1::new()), 20),
            "sha256" => (Sum::Sha256(Sha256::new()), 32),
            _ => return None,
        };
        let announced = STANDARD.decode(announced.trim()).ok().filter(|sum| sum.len() == length)?;
        Some(Checksum { announced, sum })
    }

    /// Adds what has arrived.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        match &mut self.sum {
            Sum::Sha1(sum) => sum.update(bytes),
            Sum::Sha256(sum) => sum.update(bytes),
        }
    }

    /// Whether all that has arrived is what was announced.
    pub(super) fn verify(self) -> bool {
        match self.sum {
            Sum::Sha1(sum) => sum.finalize()[..] == self.announced,
            Sum::Sha256(sum) => sum.finalize()[..] == self.announced,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")]
    #[case("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=")]
    fn the_sum_of_the_pieces_is_that_of_the_whole(#[case] header: &str) {
        let taken = |pieces: &[&[u8]]| {
            let mut checksum = Checksum::read(header).unwrap();
            pieces.iter().for_each(|piece| checksum.add(piece));
            checksum.verify()
        };
        assert!(taken(&[b"hello ", b"world"]));
        assert!(!taken(&[b"hello "]) && !taken(&[b"hello worlds"]) && !taken(&[]));
    }

    #[rstest]
    #[case::unknown("md5 XrY7u+Ae7tCTyyK7j1rNww==")]
    #[case::no_sum("sha1")]
    #[case::no_base64("sha1 %%%")]
    #[case::short("sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")]
    fn what_is_no_checksum_of_ours_is_none(#[case] header: &str) {
        assert!(Checksum::read(header).is_none());
    }
}
