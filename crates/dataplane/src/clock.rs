//! Time for everything in this crate that stores or signs an instant: wall-clock time for tokens, monotonic time
//! for entries with a time to live.
//!
//! It is handed in, so that a test moves time instead of waiting for it. Timeouts of network operations do not
//! come from here; they are tokio timers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Reads the time; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    System { start: Instant },
    Manual { start: Duration, elapsed_ms: Arc<AtomicU64> },
}

/// Moves the time of the [`Clock`] it was made with.
#[derive(Clone, Debug)]
pub struct ManualClock {
    elapsed_ms: Arc<AtomicU64>,
}

impl Clock {
    /// The clocks of the operating system.
    pub fn system() -> Self {
        Self { source: Source::System { start: Instant::now() } }
    }

    /// A clock that stands at `unix` (time since the epoch) until its [`ManualClock`] moves it.
    pub fn manual(unix: Duration) -> (Self, ManualClock) {
        let elapsed_ms = Arc::new(AtomicU64::new(0));
        let source = Source::Manual { start: unix, elapsed_ms: Arc::clone(&elapsed_ms) };
        (Self { source }, ManualClock { elapsed_ms })
    }

    /// Wall-clock time since the Unix epoch; zero when the system clock stands before it.
    pub fn unix(&self) -> Duration {
        match &self.source {
            Source::System { .. } => {
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
            }
            Source::Manual { start, elapsed_ms } => *start + load(elapsed_ms),
        }
    }

    /// Monotonic time since the clock was made.
    pub fn elapsed(&self) -> Duration {
        match &self.source {
            Source::System { start } => start.elapsed(),
            Source::Manual { elapsed_ms, .. } => load(elapsed_ms),
        }
    }
}

impl ManualClock {
    /// Moves both times forward by `step`, in whole milliseconds.
    pub fn advance(&self, step: Duration) {
        let step_ms = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
        self.elapsed_ms.fetch_add(step_ms, Ordering::SeqCst);
    }
}

fn load(elapsed_ms: &AtomicU64) -> Duration {
    Duration::from_millis(elapsed_ms.load(Ordering::SeqCst))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Clock;

    #[test]
    fn manual_clock_moves_both_times() {
        let (clock, hand) = Clock::manual(Duration::from_secs(1_000));
        hand.advance(Duration::from_millis(1_500));
        assert_eq!(clock.unix(), Duration::from_millis(1_001_500));
        assert_eq!(clock.elapsed(), Duration::from_millis(1_500));
    }

    #[test]
    fn system_clock_is_past_2020() {
        assert!(Clock::system().unix() > Duration::from_secs(1_577_836_800));
    }
}
