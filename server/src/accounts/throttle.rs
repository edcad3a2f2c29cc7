//! Attempts at signing in, limited per name and per address.
//!
//! After the allowed number of wrong passwords in a row, each further one locks the name (or the address) for twice as
//! long as the one before, up to a quarter of an hour. Kept in memory: a restart forgives, which an attacker cannot
//! bring about.

use std::{collections::HashMap, sync::Mutex};

use shared::{
    Code, Rejection,
    time::{HOUR, MINUTE, Ms, SECOND},
};

/// The first lock-out, in milliseconds.
const FIRST: i64 = 30 * SECOND;
/// The longest lock-out, in milliseconds.
const LONGEST: i64 = 15 * MINUTE;
/// After so long without an attempt all is forgotten, in milliseconds.
const FORGOTTEN: i64 = 24 * HOUR;
/// How many names and addresses are remembered.
const REMEMBERED: usize = 20_000;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Ms,
    locked_until: Ms,
}

/// Whose attempt it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Whose {
    /// Anybody's who gives this name.
    Name(String),
    /// Anybody's at this address.
    Address(String),
}

/// The memory of wrong passwords.
#[derive(Debug)]
pub struct Throttle {
    per_name: u32,
    per_address: u32,
    failures: Mutex<HashMap<Whose, Failures>>,
}

impl Throttle {
    /// Allows so many wrong passwords in a row for a name, and from an address.
    pub fn new(per_name: u32, per_address: u32) -> Self {
        Throttle { per_name: per_name.max(1), per_address: per_address.max(1), failures: Mutex::default() }
    }

    /// Counts an attempt as failed until [`succeeded`](Self::succeeded) says otherwise, so that attempts made at the
    /// same time count too.
    ///
    /// # Errors
    /// `auth.too_many` while one of them is locked.
    pub fn attempt(&self, whose: &[Whose], now: Ms) -> Result<(), Rejection> {
        let mut failures = self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let locked = whose.iter().filter_map(|one| failures.get(one)).map(|known| known.locked_until).max();
        if let Some(until) = locked.filter(|until| *until > now) {
            let seconds = until.since(now).div_euclid(SECOND) + 1;
            return Err(Rejection::new(Code::AuthTooMany).with("seconds", seconds));
        }
        if failures.len() >= REMEMBERED {
            failures.retain(|_, known| now.since(known.last) < LONGEST || known.locked_until > now);
        }
        if failures.len() >= REMEMBERED {
            // Somebody tries names faster than they are forgotten: nobody new until that ends.
            return Err(Rejection::new(Code::AuthTooMany).with("seconds", FIRST / SECOND));
        }
        for one in whose {
            let allowed = match one {
                Whose::Name(_) => self.per_name,
                Whose::Address(_) => self.per_address,
            };
            let known =
                failures.entry(one.clone()).or_insert(Failures { count: 0, last: now, locked_until: now });
            if now.since(known.last) > FORGOTTEN {
                known.count = 0;
            }
            known.count += 1;
            known.last = now;
            if known.count >= allowed {
                let doublings = (known.count - allowed).min(10);
                known.locked_until = now.plus((FIRST << doublings).min(LONGEST));
            }
        }
        Ok(())
    }

    /// Forgets a name's wrong passwords; of an address the one attempt that was right.
    pub fn succeeded(&self, whose: &[Whose], now: Ms) {
        let mut failures = self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for one in whose {
            match one {
                Whose::Name(_) => {
                    failures.remove(one);
                }
                Whose::Address(_) => {
                    if let Some(known) = failures.get_mut(one) {
                        known.count = known.count.saturating_sub(1);
                        known.locked_until = now;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Vec<Whose> {
        vec![Whose::Name(text.to_owned())]
    }

    #[test]
    fn the_lock_out_grows_and_has_an_end() {
        let throttle = Throttle::new(3, 100);
        let mut now = Ms(0);
        for _ in 0..3 {
            throttle.attempt(&name("p"), now).unwrap();
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            let refused = throttle.attempt(&name("p"), now).unwrap_err();
            assert_eq!(refused.code, Code::AuthTooMany);
            let seconds: i64 = refused.fields["seconds"].parse().unwrap();
            waits.push(seconds);
            now = now.plus(seconds * SECOND);
            throttle.attempt(&name("p"), now).unwrap();
        }
        assert_eq!(waits, [31, 61, 121, 241, 481, 901, 901, 901]);
    }

    #[test]
    fn a_right_password_forgives_the_name() {
        let throttle = Throttle::new(3, 100);
        for _ in 0..2 {
            throttle.attempt(&name("p"), Ms(0)).unwrap();
        }
        throttle.succeeded(&name("p"), Ms(0));
        for _ in 0..3 {
            throttle.attempt(&name("p"), Ms(0)).unwrap();
        }
        assert!(throttle.attempt(&name("p"), Ms(0)).is_err());
        assert!(throttle.attempt(&name("q"), Ms(0)).is_ok());
    }

    #[test]
    fn many_names_from_one_address_lock_the_address() {
        let throttle = Throttle::new(5, 10);
        let whose = |n: usize| vec![Whose::Name(n.to_string()), Whose::Address("203.0.113.7".to_owned())];
        for n in 0..10 {
            throttle.attempt(&whose(n), Ms(0)).unwrap();
        }
        assert!(throttle.attempt(&whose(10), Ms(0)).is_err());
    }
}
