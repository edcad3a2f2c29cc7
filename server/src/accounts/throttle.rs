//! Attempts at signing in, limited per name, per person and per address.
//!
//! After the allowed number of wrong passwords in a row, each further one locks the name (or the person) for twice as
//! long as the one before, up to a quarter of an hour. Behind one address sits a whole property, whose typing errors
//! are no row: there one wrong password is forgiven with every minute.
//!
//! Kept in memory, and so much of it and no more: a restart forgives, which an attacker cannot bring about.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use shared::{
    Code, Rejection,
    ids::PersonId,
    time::{HOUR, MINUTE, Ms, SECOND},
};

/// The first lock-out, in milliseconds.
const FIRST: i64 = 30 * SECOND;
/// The longest lock-out, in milliseconds.
const LONGEST: i64 = 15 * MINUTE;
/// After so long without an attempt all is forgotten, in milliseconds.
const FORGOTTEN: i64 = 24 * HOUR;
/// How often an address is forgiven one wrong password, in milliseconds.
const FORGIVEN: i64 = MINUTE;
/// How many names, people and addresses are remembered.
const REMEMBERED: usize = 20_000;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    /// The last attempt.
    last: Ms,
    /// Up to when an address has been forgiven.
    forgiven: Ms,
    locked_until: Ms,
}

impl Failures {
    fn none(now: Ms) -> Self {
        Failures { count: 0, last: now, forgiven: now, locked_until: now }
    }

    /// Forgets what time has healed.
    fn heal(&mut self, whose: &Whose, now: Ms) {
        if now.since(self.last) > FORGOTTEN {
            *self = Failures::none(now);
        }
        if matches!(whose, Whose::Address(_)) {
            let healed = now.since(self.forgiven).div_euclid(FORGIVEN).max(0);
            self.count = self.count.saturating_sub(u32::try_from(healed).unwrap_or(u32::MAX));
            self.forgiven = if self.count == 0 { now } else { self.forgiven.plus(healed * FORGIVEN) };
        }
    }
}

/// Whose attempt it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Whose {
    /// Anybody's who gives this name, whether somebody has it or not.
    Name(String),
    /// Anybody's who gives one of this person's names.
    Person(PersonId),
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
    /// Allows so many wrong passwords in a row for a name or a person, and from an address.
    pub fn new(per_name: u32, per_address: u32) -> Self {
        Throttle { per_name: per_name.max(1), per_address: per_address.max(1), failures: Mutex::default() }
    }

    /// Counts an attempt as failed until [`succeeded`](Self::succeeded) says otherwise, so that attempts made at the
    /// same time count too.
    ///
    /// # Errors
    /// `auth.too_many` while one of them is locked.
    pub fn attempt(&self, whose: &[Whose], now: Ms) -> Result<(), Rejection> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let locked = whose.iter().filter_map(|one| failures.get(one)).map(|known| known.locked_until).max();
        if let Some(until) = locked.filter(|until| *until > now) {
            let seconds = until.since(now).div_euclid(SECOND) + 1;
            return Err(Rejection::new(Code::AuthTooMany).with("seconds", seconds));
        }
        make_room(&mut failures, now);
        for one in whose {
            let allowed = match one {
                Whose::Name(_) | Whose::Person(_) => self.per_name,
                Whose::Address(_) => self.per_address,
            };
            let known = failures.entry(one.clone()).or_insert(Failures::none(now));
            known.heal(one, now);
            known.count += 1;
            known.last = now;
            if known.count >= allowed {
                let doublings = (known.count - allowed).min(10);
                known.locked_until = now.plus((FIRST << doublings).min(LONGEST));
            }
        }
        Ok(())
    }

    /// Forgets a name's and a person's wrong passwords; of an address the one attempt that was right.
    pub fn succeeded(&self, whose: &[Whose], now: Ms) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for one in whose {
            match one {
                Whose::Name(_) | Whose::Person(_) => {
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

/// Lets go of what matters least when the memory is full: whoever makes up names faster than they are forgotten keeps
/// nobody out, and makes the oldest attempts forgotten before those of anybody who is locked.
fn make_room(failures: &mut HashMap<Whose, Failures>, now: Ms) {
    if failures.len() < REMEMBERED {
        return;
    }
    failures.retain(|_, known| now.since(known.last) < LONGEST || known.locked_until > now);
    if failures.len() < REMEMBERED {
        return;
    }
    let rank = |known: &Failures| (known.locked_until > now, known.last);
    let mut ranks: Vec<_> = failures.values().map(rank).collect();
    // A tenth at once, so that not every attempt looks through all.
    let mut excess = ranks.len() / 10;
    let (_, last, _) = ranks.select_nth_unstable(excess);
    let last = *last;
    failures.retain(|_, known| {
        let goes = excess > 0 && rank(known) <= last;
        excess -= usize::from(goes);
        !goes
    });
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

    #[test]
    fn an_address_is_forgiven_a_failure_with_every_minute() {
        let throttle = Throttle::new(5, 10);
        let address = [Whose::Address("203.0.113.7".to_owned())];
        // Typing errors of a whole property, a year long, one every two minutes.
        for n in 0..1_000 {
            throttle.attempt(&address, Ms(n * 2 * MINUTE)).unwrap();
        }
        let now = Ms(2_000 * MINUTE);
        for _ in 0..10 {
            throttle.attempt(&address, now).unwrap();
        }
        assert!(throttle.attempt(&address, now).is_err());
        // It locks again soon where nothing was forgiven.
        assert!(throttle.attempt(&address, now.plus(31 * SECOND)).is_ok());
        assert!(throttle.attempt(&address, now.plus(32 * SECOND)).is_err());
    }

    #[test]
    fn made_up_names_keep_nobody_out_and_free_nobody_who_is_locked() {
        let throttle = Throttle::new(5, 50);
        for _ in 0..5 {
            throttle.attempt(&name("p"), Ms(0)).unwrap();
        }
        for n in 0..3 * i64::try_from(REMEMBERED).unwrap() {
            throttle.attempt(&name(&n.to_string()), Ms(n / 10_000)).unwrap();
        }
        assert!(throttle.failures.lock().unwrap().len() <= REMEMBERED);
        assert!(throttle.attempt(&name("q"), Ms(10)).is_ok());
        assert!(throttle.attempt(&name("p"), Ms(10)).is_err());
    }
}
