//! How long to wait before the next try: doubling from one second, with jitter, up to a cap.
//!
//! Pure: randomness comes in, no clock is read.

use std::time::Duration;

/// The first wait.
pub(super) const FIRST: Duration = Duration::from_secs(1);
/// The share of a wait that chance takes away, so that servers that failed together are not tried together.
const JITTER: f64 = 0.2;

/// The waits between tries that fail in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    cap: Duration,
}

impl Backoff {
    /// Starts at [`FIRST`], or at `cap` when that is shorter.
    pub(super) fn new(cap: Duration) -> Self {
        Self { next: FIRST.min(cap), cap }
    }

    /// The next wait; `random` is from 0 to 1. Never longer than the cap.
    pub(super) fn next(&mut self, random: f64) -> Duration {
        let wait = jitter(self.next, random);
        self.next = self.next.saturating_mul(2).min(self.cap);
        wait
    }

    /// Begins anew after a success.
    pub(super) fn reset(&mut self) {
        self.next = FIRST.min(self.cap);
    }
}

/// Shortens `wait` by up to a fifth; `random` is from 0 to 1.
pub(super) fn jitter(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(1.0 - JITTER * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, jitter};

    #[test]
    fn waits_double_up_to_the_cap_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(5));
        let waits: Vec<u64> = (0..5).map(|_| backoff.next(0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        backoff.reset();
        assert_eq!(backoff.next(0.0), Duration::from_secs(1));
    }

    #[test]
    fn a_cap_below_the_first_wait_holds() {
        let mut backoff = Backoff::new(Duration::from_millis(50));
        assert_eq!(backoff.next(0.0), Duration::from_millis(50));
        backoff.reset();
        assert_eq!(backoff.next(0.0), Duration::from_millis(50));
    }

    #[test]
    fn chance_shortens_a_wait_by_at_most_a_fifth() {
        let check = |random: f64, expect_ms: u64| {
            let wait = jitter(Duration::from_secs(1), random);
            assert_eq!(wait.as_millis(), u128::from(expect_ms), "random {random}");
        };
        check(0.0, 1_000);
        check(0.5, 900);
        check(1.0, 800);
        check(7.0, 800);
    }
}
