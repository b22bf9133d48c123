//! Why a batch was not acknowledged, in words for logs and as a reason for counters.

use std::error::Error;
use std::time::Duration;

use super::connect::ConnectError;
use super::health::FailureReason;
use crate::attributes::truncate;

/// The most bytes that are kept of what a receiver says in words: in log lines, in `/status`, in the report of a shutdown.
pub(crate) const REMARK_BYTES_MAX: usize = 1024;

/// Why a batch was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// There is no connection to the receiver.
    #[error("no connection to the receiver")]
    Connect(#[source] ConnectError),
    /// The connection broke, or what came over it was not HTTP.
    #[error("the exchange with the receiver failed")]
    Exchange(#[source] Box<dyn Error + Send + Sync>),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// Not a success.
    #[error("the receiver answered with HTTP status {status}")]
    HttpStatus {
        /// The status.
        status: u16,
        /// After what time the receiver wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// Not a success.
    #[error("the receiver answered with gRPC status {code:?}")]
    GrpcStatus {
        /// The status.
        code: tonic::Code,
        /// After what time the receiver wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer is a success, but not one of an OTLP receiver.
    #[error("what answers is not an OTLP receiver (content type `{0}`)")]
    NotOtlp(String),
    /// The batch is larger than a receiver has to take.
    #[error("the batch has {0} bytes, more than a receiver has to take")]
    TooLarge(usize),
    /// The answer is larger than a receiver may send.
    #[error("the answer is larger than {0} bytes")]
    AnswerTooLarge(usize),
    /// Standard output cannot be written.
    #[error("standard output cannot be written")]
    Output(#[source] std::io::Error),
}

impl ExportError {
    /// The reason for counters.
    pub(crate) fn reason(&self) -> FailureReason {
        match self {
            Self::Connect(error) => error.reason(),
            Self::Exchange(_) => FailureReason::Connection,
            Self::Timeout(_) => FailureReason::Timeout,
            Self::HttpStatus { .. } => FailureReason::HttpStatus,
            Self::GrpcStatus { .. } => FailureReason::GrpcStatus,
            Self::NotOtlp(_) | Self::AnswerTooLarge(_) => FailureReason::InvalidAnswer,
            Self::TooLarge(_) => FailureReason::TooLarge,
            Self::Output(_) => FailureReason::Output,
        }
    }

    /// Says whether the same batch may succeed a little later, by the rules of OTLP.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_transient(),
            Self::Exchange(_) => true,
            Self::HttpStatus { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            Self::GrpcStatus { code, retry_after } => match code {
                tonic::Code::Cancelled
                | tonic::Code::DeadlineExceeded
                | tonic::Code::Aborted
                | tonic::Code::OutOfRange
                | tonic::Code::Unavailable
                | tonic::Code::DataLoss => true,
                // Only a receiver that says when to come back can recover from this.
                tonic::Code::ResourceExhausted => retry_after.is_some(),
                tonic::Code::Ok
                | tonic::Code::Unknown
                | tonic::Code::InvalidArgument
                | tonic::Code::NotFound
                | tonic::Code::AlreadyExists
                | tonic::Code::PermissionDenied
                | tonic::Code::FailedPrecondition
                | tonic::Code::Unimplemented
                | tonic::Code::Internal
                | tonic::Code::Unauthenticated => false,
            },
            Self::Timeout(_)
            | Self::NotOtlp(_)
            | Self::AnswerTooLarge(_)
            | Self::TooLarge(_)
            | Self::Output(_) => false,
        }
    }

    /// Says whether nobody listens, so that waiting does not help at a shutdown.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Exchange(_))
    }

    /// After what time the receiver wants to be asked again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::HttpStatus { retry_after, .. } | Self::GrpcStatus { retry_after, .. } => {
                *retry_after
            }
            Self::Connect(_)
            | Self::Exchange(_)
            | Self::Timeout(_)
            | Self::NotOtlp(_)
            | Self::AnswerTooLarge(_)
            | Self::TooLarge(_)
            | Self::Output(_) => None,
        }
    }
}

/// Cuts what a receiver said to [`REMARK_BYTES_MAX`].
pub(crate) fn bounded(mut remark: String) -> String {
    let kept = truncate(&remark, REMARK_BYTES_MAX).len();
    if kept < remark.len() {
        remark.truncate(kept);
        remark.shrink_to_fit();
        remark.push('…');
    }
    remark
}

/// Looks for a cause of one type.
pub(crate) fn find_cause<'a, E: Error + 'static>(
    error: &'a (dyn Error + 'static),
) -> Option<&'a E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{REMARK_BYTES_MAX, bounded};

    #[test]
    fn a_remark_without_end_is_cut() {
        assert_eq!(bounded("too old".to_owned()), "too old");
        let at_bound = "x".repeat(REMARK_BYTES_MAX);
        assert_eq!(bounded(at_bound.clone()), at_bound);
        assert_eq!(bounded("x".repeat(4 * 1024 * 1024)), format!("{at_bound}…"));
        let cut = bounded("é".repeat(REMARK_BYTES_MAX));
        assert!(cut.len() <= REMARK_BYTES_MAX + '…'.len_utf8(), "{}", cut.len());
    }
}
