//! Reads a whole answer into memory, within a number of bytes and a time.
//!
//! For answers that are held whole only; streams are read by their owners.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use thiserror::Error;
use tokio::time::Instant;

use super::client::HttpError;

/// Memory taken at once for an answer that announces its length; a longer one grows as it really arrives.
const RESERVE_BYTES_MAX: usize = 64 * 1024;

/// Why an answer could not be read to its end.
#[derive(Debug, Error)]
pub enum BodyError {
    /// The answer is longer than allowed.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The answer did not end in time.
    #[error("the answer did not end in time")]
    Timeout,
    /// The connection failed before the end.
    #[error("the answer was cut")]
    Cut(#[source] HttpError),
}

impl BodyError {
    /// The reason for `error.type`.
    pub fn reason(&self) -> &'static str {
        match self {
            BodyError::TooLarge(_) => "answer_too_large",
            BodyError::Timeout => "timeout",
            BodyError::Cut(error) => error.reason(),
        }
    }
}

/// Reads `body` to its end: at most `bytes_max` bytes, until `deadline`.
pub async fn read_all(
    mut body: Incoming,
    bytes_max: usize,
    deadline: Instant,
) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(BodyError::TooLarge(bytes_max));
    }
    let mut whole = BytesMut::with_capacity(announced.min(RESERVE_BYTES_MAX));
    while let Some(data) = next_data(&mut body, deadline).await? {
        if whole.len() + data.len() > bytes_max {
            return Err(BodyError::TooLarge(bytes_max));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// The next data of `body`, `None` at its end. Dropping the future loses nothing.
pub async fn next_data(body: &mut Incoming, deadline: Instant) -> Result<Option<Bytes>, BodyError> {
    loop {
        let frame = match tokio::time::timeout_at(deadline, body.frame()).await {
            Ok(None) => return Ok(None),
            Ok(Some(frame)) => {
                frame.map_err(|error| BodyError::Cut(HttpError::from_body(error)))?
            }
            Err(_elapsed) => return Err(BodyError::Timeout),
        };
        // Trailers carry nothing that MCP knows.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

/// The moment `within` from now.
pub fn deadline(within: Duration) -> Instant {
    Instant::now() + within
}
