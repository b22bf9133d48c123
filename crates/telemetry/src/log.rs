//! Log lines on standard output (text for people, JSON for machines) and over OTLP, all with the ids of the trace.
//!
//! A line inside a traced request carries `trace_id` and `span_id`, read from the current OpenTelemetry context, which
//! [`crate::Span::instrument`] sets. Only the gateway's own lines are written (see [`Filter`]): what libraries say, those of the
//! exporters included, is not. What is written is also exported ([`Records`]), except what the exporters themselves have to
//! say, so that exporting can never feed itself.
//!
//! Writing to standard output blocks when nobody reads it, as for any program.

mod chain;
mod export;
mod filter;
mod json;
mod record;
mod text;
mod value;

use std::{fmt, io};

use tracing::{Event, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

pub use self::chain::Chain;
pub use self::export::Records;
pub use self::filter::{AUDIT_TARGET, Filter, FilterError};
pub(crate) use self::record::LogRecord;
pub use self::value::{FIELD_BYTES_MAX, MESSAGE_BYTES_MAX};

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One readable line.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl Format {
    /// Reads `text` or `json`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Something else in this process writes log lines already.
    #[error("logging is already started")]
    AlreadyStarted(#[source] TryInitError),
}

/// Changes the filter while the process runs; cheap to clone.
#[derive(Clone, Debug)]
pub struct LogHandle(reload::Handle<Filter, Registry>);

impl LogHandle {
    /// Replaces the filter. Says whether there is still something to filter.
    pub fn set(&self, filter: Filter) -> bool {
        self.0.reload(filter).is_ok()
    }

    /// The filter as it was written, when there is one.
    pub fn current(&self) -> Option<String> {
        self.0.with_current(ToString::to_string).ok()
    }
}

/// Starts logging to standard output, and to receivers by way of `records`, for the whole process.
pub fn init(format: Format, filter: Filter, records: Records) -> Result<LogHandle, LogError> {
    let (subscriber, handle) = subscriber(format, filter, io::stdout, records);
    subscriber.try_init().map_err(LogError::AlreadyStarted)?;
    Ok(handle)
}

/// Makes what [`init`] starts, with lines going to `writer`; for tests.
pub fn subscriber<W>(
    format: Format,
    filter: Filter,
    writer: W,
    records: Records,
) -> (impl Subscriber + Send + Sync, LogHandle)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .log_internal_errors(false)
        .event_format(format)
        .with_writer(writer);
    (tracing_subscriber::registry().with(filter).with(lines).with(records), LogHandle(handle))
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match self {
            Self::Text => text::write(&mut writer, event),
            Self::Json => json::write(&mut writer, event),
        }
    }
}

#[cfg(test)]
mod tests;
