//! Requests to the interface, limited per address.
//!
//! A bucket per address holds `burst` requests and fills by `per_second`. The figures are generous: a whole property
//! sits behind one address, and after a power cut all of its phones come back at once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use shared::{Code, Rejection, time::Ms};

use crate::{App, Error, accounts::Address};

/// How many addresses are remembered.
const REMEMBERED: usize = 100_000;
/// A request in the thousandths of which buckets are filled: one per millisecond at one request per second.
const REQUEST: i64 = 1_000;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// In thousandths of a request.
    left: i64,
    since: Ms,
}

/// The buckets of all addresses.
#[derive(Debug)]
pub struct RateLimit {
    per_second: i64,
    burst: i64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl RateLimit {
    /// Allows `burst` requests at once, and `per_second` for long.
    pub fn new(per_second: u32, burst: u32) -> Self {
        RateLimit {
            per_second: i64::from(per_second.max(1)),
            burst: i64::from(burst.max(1)) * REQUEST,
            buckets: Mutex::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// `request.too_many` for one too many.
    pub fn count(&self, address: &str, now: Ms) -> Result<(), Rejection> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= REMEMBERED && !buckets.contains_key(address) {
            // Whoever has a full bucket by now is as good as new.
            buckets.retain(|_, bucket| self.filled(*bucket, now).left < self.burst);
        }
        let full = Bucket { left: self.burst, since: now };
        let bucket = buckets.entry(address.to_owned()).or_insert(full);
        *bucket = self.filled(*bucket, now);
        if bucket.left < REQUEST {
            let missing = REQUEST - bucket.left;
            let seconds = (missing / (self.per_second * 1_000)).saturating_add(1);
            return Err(Rejection::new(Code::RequestTooMany).with("seconds", seconds));
        }
        bucket.left -= REQUEST;
        Ok(())
    }

    fn filled(&self, bucket: Bucket, now: Ms) -> Bucket {
        let gained = now.since(bucket.since).max(0).saturating_mul(self.per_second);
        Bucket { left: bucket.left.saturating_add(gained).min(self.burst), since: now }
    }
}

/// Lets a request through, or tells it to wait.
pub async fn limit(
    State(app): State<App>,
    Address(address): Address,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    app.rate_limit.count(&address, app.clock.now())?;
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_so_many_a_second() {
        let limit = RateLimit::new(2, 5);
        let mut now = Ms(0);
        let count = |now| (0..10).filter(|_| limit.count("a", now).is_ok()).count();
        assert_eq!(count(now), 5);
        now = now.plus(1_000);
        assert_eq!(count(now), 2);
        now = now.plus(499);
        assert_eq!(count(now), 0);
        assert!(limit.count("b", now).is_ok());
        assert_eq!(limit.count("a", now).unwrap_err().fields["seconds"], "1");
        now = now.plus(60_000);
        assert_eq!(count(now), 5);
    }
}
