//! Which lines are written: the gateway's own, from a level on, and audit events whatever the level.

use std::fmt;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};

/// What the targets of the gateway's own lines begin with: the names of its crates.
const OWN: &str = "mcp_gateway";

/// What the targets of telemetry's own lines begin with.
const TELEMETRY: &str = env!("CARGO_CRATE_NAME");

/// The target of audit events. They are written whatever the level is, on standard output and over OTLP; the configuration
/// file has their switch.
pub const AUDIT_TARGET: &str = "mcp_gateway_audit";

/// The level of audit events; nothing below it is one.
const AUDIT_LEVEL: LevelFilter = LevelFilter::INFO;

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Not a level.
    #[error("`{0}` is none of off, error, warn, info, debug, trace")]
    Level(String),
    /// Not a part of the gateway.
    #[error("`{0}` is not a part of the gateway; its parts begin with mcp_gateway")]
    Target(String),
    /// Audit events have no level.
    #[error(
        "`{0}` is about audit events, which no level switches off; see telemetry.audit.enabled"
    )]
    Audit(String),
}

/// Which lines are written.
///
/// Text form: a level for everything, and levels for parts: `info` or `info,mcp_gateway_dataplane::broker=debug`. Lines of
/// libraries are never written; their targets cannot even be named. Audit events ([`AUDIT_TARGET`]) always are.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    targets: Targets,
}

impl Filter {
    /// The same filter with a level of its own for what telemetry says about itself: `OTEL_LOG_LEVEL`.
    #[must_use]
    pub fn with_telemetry(self, level: Option<LevelFilter>) -> Self {
        match level {
            Some(level) => Self { targets: self.targets.with_target(TELEMETRY, level), ..self },
            None => self,
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut targets = Targets::new().with_target(OWN, LevelFilter::INFO);
        for directive in text.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
            let (target, level) = directive.split_once('=').unwrap_or((OWN, directive));
            let (target, level) = (target.trim(), level.trim());
            if !target.starts_with(OWN) {
                return Err(FilterError::Target(target.to_owned()));
            }
            if target.starts_with(AUDIT_TARGET) {
                return Err(FilterError::Audit(target.to_owned()));
            }
            targets = targets.with_target(target, parse_level(level)?);
        }
        let targets = targets.with_target(AUDIT_TARGET, AUDIT_LEVEL);
        Ok(Self { text: text.trim().to_owned(), targets })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "info" } else { &self.text })
    }
}

fn parse_level(text: &str) -> Result<LevelFilter, FilterError> {
    let levels = [
        ("off", LevelFilter::OFF),
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ];
    levels
        .into_iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name))
        .map(|(_, level)| level)
        .ok_or_else(|| FilterError::Level(text.to_owned()))
}

/// In front of everything that reads events, so that all of it sees the same lines.
impl<S: Subscriber> Layer<S> for Filter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Layer::<S>::register_callsite(&self.targets, metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        Layer::<S>::enabled(&self.targets, metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Layer::<S>::max_level_hint(&self.targets)
    }
}
