//! Waiting for a state. Nothing waits for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Time that anything of the harness may take to reach the state that a test waits for: long, because a busy machine
/// must not fail a test; the waiting ends as soon as the state is there.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks at a state.
const LOOK: Duration = Duration::from_millis(10);

/// Looks again and again until `probe` finds something; panics with `what` when it has not after `within`.
pub async fn until<T>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        sleep(LOOK).await;
    }
}
