//! The time of spans. Tests set it by hand.

use std::time::Instant;

/// Where spans take the time from.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    /// The machine's monotonic clock.
    #[default]
    System,
    /// A clock that stands still until a test moves it.
    #[cfg(test)]
    Manual(ManualClock),
}

impl Clock {
    /// Now.
    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::System => Instant::now(),
            #[cfg(test)]
            Self::Manual(clock) => clock.now(),
        }
    }
}

/// A clock that a test moves.
#[cfg(test)]
#[derive(Clone, Debug)]
pub(crate) struct ManualClock(std::sync::Arc<(Instant, std::sync::atomic::AtomicU64)>);

#[cfg(test)]
impl ManualClock {
    pub(crate) fn new() -> Self {
        Self(std::sync::Arc::new((Instant::now(), std::sync::atomic::AtomicU64::new(0))))
    }

    pub(crate) fn advance(&self, by: std::time::Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.0.1.fetch_add(millis, std::sync::atomic::Ordering::Relaxed);
    }

    fn now(&self) -> Instant {
        let millis = self.0.1.load(std::sync::atomic::Ordering::Relaxed);
        self.0.0 + std::time::Duration::from_millis(millis)
    }
}
