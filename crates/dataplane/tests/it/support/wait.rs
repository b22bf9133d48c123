//! Waiting for a state, with a bound.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::Instant;

/// Longest wait for a state. Generous: it only matters when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until `look` returns a value; panics with `what` and what was seen last otherwise.
pub(crate) async fn until<T, E: Debug>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(value) => return value,
            Err(seen) if Instant::now() > end => panic!("{what}: not so, but {seen:?}"),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
