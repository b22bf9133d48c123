//! How much telemetry says about itself: `OTEL_LOG_LEVEL`.
//!
//! In an SDK it is the level of the SDK's own messages; here, of the log lines of this crate. All other lines follow the
//! configuration file alone.

use tracing::level_filters::LevelFilter;

use super::reader::Reader;

const LEVELS: [(&str, LevelFilter); 7] = [
    ("none", LevelFilter::OFF),
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// Reads the level; absent when nobody says one, and then these lines follow the configuration file as well.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<LevelFilter> {
    let variable = "OTEL_LOG_LEVEL";
    let value = reader.text(variable)?;
    let found = LEVELS.into_iter().find(|(word, _)| value.eq_ignore_ascii_case(word));
    if let Some((word, level)) = found {
        reader.note("log_level", word, Some(variable));
        return Some(level);
    }
    let known = LEVELS.map(|(word, _)| word).join(", ");
    reader.warn(variable, format!("`{value}` is none of {known}, ignored"));
    None
}
