//! How many callers that say `sampled=1` are believed in a second, where the gateway itself would say no.
//!
//! Anyone can send the flag; without a bound, anyone could make the gateway record everything.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A token bucket that holds one second's worth.
#[derive(Debug, Default)]
pub(super) struct Bucket(Mutex<Option<Level>>);

#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// Takes one token when there is one. `per_second` tokens come in each second.
    pub(super) fn take(&self, per_second: u32, now: Instant) -> bool {
        let full = f64::from(per_second);
        let mut level = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = match *level {
            None => full,
            Some(last) => {
                let waited = now.saturating_duration_since(last.at).as_secs_f64();
                (last.tokens + waited * full).min(full)
            }
        };
        let is_taken = tokens >= 1.0;
        let tokens = if is_taken { tokens - 1.0 } else { tokens };
        let at = level.map_or(now, |last| last.at.max(now));
        *level = Some(Level { tokens, at });
        is_taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Bucket;

    fn taken(bucket: &Bucket, per_second: u32, now: Instant) -> usize {
        (0..1000).filter(|_| bucket.take(per_second, now)).count()
    }

    #[test]
    fn one_second_gives_what_it_should_and_no_more() {
        let start = Instant::now();
        let bucket = Bucket::default();
        assert_eq!(taken(&bucket, 100, start), 100);
        assert_eq!(taken(&bucket, 100, start), 0);
        assert_eq!(taken(&bucket, 100, start + Duration::from_millis(100)), 10);
        assert_eq!(taken(&bucket, 100, start + Duration::from_secs(3600)), 100);
        assert_eq!(taken(&bucket, 100, start), 0, "time that goes back gives nothing");
    }

    #[test]
    fn a_rate_of_zero_gives_nothing() {
        let start = Instant::now();
        let bucket = Bucket::default();
        assert_eq!(taken(&bucket, 0, start), 0);
        assert_eq!(taken(&bucket, 0, start + Duration::from_secs(10)), 0);
    }
}
