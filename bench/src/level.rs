//! How much telemetry the gateway makes, and where that goes.

use serde_json::{Value, json};

/// One amount of telemetry. From one to the next something is added, up to a receiver that does not do its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// None, in a gateway that was built without it.
    CompiledOut,
    /// None.
    Off,
    /// Metrics.
    Metrics,
    /// Metrics, and audit events on standard output: the gateway as it comes.
    Usual,
    /// Metrics, and one trace in a hundred.
    TracesOnePercent,
    /// Metrics, and every trace.
    Traces,
    /// Metrics, every trace, and every log record and audit event.
    TracesAndLogs,
    /// [`Level::TracesAndLogs`], to a receiver that refuses connections.
    Refusing,
    /// [`Level::TracesAndLogs`], to a receiver that takes connections and never answers.
    Hanging,
}

/// Who receives what is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// Nobody: nothing is exported.
    None,
    /// A real one.
    Real,
    /// Nobody: the port is closed.
    Closed,
    /// Somebody who never answers.
    Silent,
}

impl Level {
    /// Every level, in the order of the table.
    pub(crate) const ALL: [Self; 9] = [
        Self::CompiledOut,
        Self::Off,
        Self::Metrics,
        Self::Usual,
        Self::TracesOnePercent,
        Self::Traces,
        Self::TracesAndLogs,
        Self::Refusing,
        Self::Hanging,
    ];

    /// What tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CompiledOut => "compiled out",
            Self::Off => "off",
            Self::Metrics => "metrics",
            Self::Usual => "metrics, audit on stdout",
            Self::TracesOnePercent => "metrics, traces 1 %",
            Self::Traces => "metrics, traces 100 %",
            Self::TracesAndLogs => "metrics, audit, traces and logs 100 %",
            Self::Refusing => "the same, receiver refuses",
            Self::Hanging => "the same, receiver hangs",
        }
    }

    /// Who receives what is exported.
    pub(crate) fn receiver(self) -> Receiver {
        match self {
            Self::CompiledOut | Self::Off | Self::Metrics | Self::Usual => Receiver::None,
            Self::TracesOnePercent | Self::Traces | Self::TracesAndLogs => Receiver::Real,
            Self::Refusing => Receiver::Closed,
            Self::Hanging => Receiver::Silent,
        }
    }

    /// The `telemetry` section of the gateway's configuration.
    pub(crate) fn section(self) -> Value {
        let has_metrics = !matches!(self, Self::CompiledOut | Self::Off);
        let has_audit = match self {
            Self::Usual | Self::TracesAndLogs | Self::Refusing | Self::Hanging => true,
            Self::CompiledOut
            | Self::Off
            | Self::Metrics
            | Self::TracesOnePercent
            | Self::Traces => false,
        };
        json!({ "metrics": { "enabled": has_metrics }, "audit": { "enabled": has_audit } })
    }

    /// The gateway's environment, but for the endpoint.
    pub(crate) fn environment(self) -> &'static [(&'static str, &'static str)] {
        const TRACES: (&str, &str) = ("OTEL_LOGS_EXPORTER", "none");
        const NO_METRICS: (&str, &str) = ("OTEL_METRICS_EXPORTER", "none");
        match self {
            Self::CompiledOut | Self::Off | Self::Metrics | Self::Usual => &[],
            Self::TracesOnePercent => &[
                TRACES,
                NO_METRICS,
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
            ],
            Self::Traces => &[TRACES, NO_METRICS],
            Self::TracesAndLogs | Self::Refusing | Self::Hanging => &[NO_METRICS],
        }
    }
}
