//! Chance that is the same for the same seed, in every version of this code and of its libraries.

/// SplitMix64: small, and good enough to choose by.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of one purpose of a seed.
    ///
    /// Both are mixed before they are a state: a state only counts up by a constant, so that purposes that lie side by
    /// side would else throw the same numbers one behind the other, and phones would draw each other's ids.
    pub fn of(seed: u64, purpose: u64) -> Dice {
        let seed = Dice(seed).next();
        Dice(Dice(seed ^ purpose).next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    /// Whether something happens that does so in so many of a hundred cases.
    pub fn percent(&mut self, of_100: usize) -> bool {
        self.below(100) < of_100
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// One of several by weight.
    pub fn weighted<T: Copy>(&mut self, of: &[(usize, T)]) -> Option<T> {
        let mut at = self.below(of.iter().map(|(weight, _)| weight).sum());
        of.iter().find_map(|(weight, one)| {
            if at < *weight {
                return Some(*one);
            }
            at -= weight;
            None
        })
    }

    /// Milliseconds: mostly a few, sometimes minutes, at most `longest`.
    pub fn millis(&mut self, longest: i64) -> i64 {
        let range = 1_i64 << self.below(24).min(62);
        let range = range.min(longest.max(1));
        i64::try_from(self.next() % range.unsigned_abs()).unwrap_or_default()
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next().to_le_bytes()[3])
    }
}

#[test]
fn no_dice_follow_others() {
    let all: Vec<Vec<u64>> = (0..40)
        .flat_map(|seed| (1_000..1_006).map(move |phone| Dice::of(seed, phone)))
        .map(|mut dice| (0..50).map(|_| dice.next()).collect())
        .collect();
    let distinct: std::collections::BTreeSet<u64> = all.iter().flatten().copied().collect();
    assert_eq!(distinct.len(), 40 * 6 * 50, "dice of two purposes threw the same");
}
