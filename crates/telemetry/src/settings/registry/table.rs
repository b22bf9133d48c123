//! The table itself, but for what is about one signal.

use super::signals::{LOGS, METRICS, SPANS};
use super::{Section, Variable, Wrong};

/// A variable whose wrong values are noticed in the log.
pub(super) const fn variable(
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
    proof: &'static str,
) -> Variable {
    Variable { name, per_signal: false, meaning, default, wrong: Wrong::Noticed, proof }
}

impl Variable {
    /// The same, for each signal as well.
    const fn per_signal(self) -> Self {
        Self { per_signal: true, ..self }
    }

    /// The same; a value that cannot be used stops the start.
    const fn stops(self) -> Self {
        Self { wrong: Wrong::Stops, ..self }
    }

    /// The same; every value can be used.
    pub(super) const fn any(self) -> Self {
        Self { wrong: Wrong::Never, ..self }
    }
}

/// Every variable, by what it is about.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        title: "Where telemetry goes",
        text: "Each of these is also read for one signal, which wins there: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, \
               `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`, `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, and so on.",
        variables: OTLP,
    },
    Section {
        title: "What is exported",
        text: "A signal is exported when it has an endpoint, unless its exporter variable says otherwise. Metrics are \
               always served at `/metrics` on the admin listener besides.",
        variables: EXPORTED,
    },
    Section {
        title: "What is said about the process",
        text: "Every span, log record and metric carries these.",
        variables: RESOURCE,
    },
    Section {
        title: "Spans",
        text: "Times are in milliseconds, lengths in characters.",
        variables: SPANS,
    },
    Section {
        title: "Log records",
        text: "What is logged at all is for `log` in the configuration file. Times are in milliseconds, lengths in \
               characters.",
        variables: LOGS,
    },
    Section { title: "Metrics", text: "Times are in milliseconds.", variables: METRICS },
    Section {
        title: "Context and names",
        text: "Whom a request's context is believed, and which baggage is kept, is for `telemetry` in the configuration \
               file.",
        variables: CONTEXT,
    },
    Section { title: "The configuration of telemetry itself", text: "", variables: ITSELF },
];

const OTLP: &[Variable] = &[
    variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "The OTLP receiver: `http://` and `https://` are OTLP over HTTP, `rpc://` is OTLP over gRPC (port 4317 when \
         absent). The one for all signals gets `/v1/traces`, `/v1/logs` or `/v1/metrics` appended; the one for a signal \
         only when it has no path.",
        "each_signal_goes_to_its_own_endpoint_or_to_the_one_for_all",
    )
    .per_signal()
    .stops(),
    variable(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/protobuf",
        "`http/protobuf`, `http/json` or `grpc`, for endpoints with `http://` and `https://`.",
        "each_signal_has_its_own_protocol_or_the_one_for_all",
    )
    .per_signal()
    .stops(),
    variable(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "",
        "Headers of every request, `key=value,key=value`, percent-encoded. Never shown.",
        "each_signal_has_its_own_headers_or_those_for_all",
    )
    .per_signal()
    .stops(),
    variable(
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "10000",
        "The time for one batch with all its retries, in milliseconds.",
        "each_signal_has_its_own_time_or_the_one_for_all",
    )
    .per_signal(),
    variable(
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "none",
        "`gzip` or `none`.",
        "each_signal_is_compressed_as_its_own_variable_says_or_the_one_for_all",
    )
    .per_signal(),
    variable(
        "OTEL_EXPORTER_OTLP_INSECURE",
        "false",
        "`true` skips the verification of the receiver. With `https://` the connection stays encrypted; with `rpc://` it \
         becomes plain text when the receiver does not speak TLS. `http://` is plain text in any case.",
        "each_signal_believes_anybody_or_all_do",
    )
    .per_signal(),
    variable(
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "",
        "A PEM file of the certificates by which the receiver is verified, in place of the system's.",
        "each_signal_has_its_own_authorities_or_those_for_all",
    )
    .per_signal()
    .stops(),
    variable(
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        "",
        "A PEM file of the certificate by which the gateway proves who it is.",
        "each_signal_proves_itself_by_its_own_certificate_or_by_the_one_for_all",
    )
    .per_signal()
    .stops(),
    variable(
        "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        "",
        "A PEM file of the private key to that certificate.",
        "each_signal_proves_itself_by_its_own_certificate_or_by_the_one_for_all",
    )
    .per_signal()
    .stops(),
];

const EXPORTED: &[Variable] = &[
    variable(
        "OTEL_SDK_DISABLED",
        "false",
        "`true` switches spans, exported logs and pushed metrics off, whatever else is set. Log lines and `/metrics` stay.",
        "what_is_disabled_is_not_sent",
    ),
    variable(
        "OTEL_TRACES_EXPORTER",
        "otlp",
        "A list of `otlp` (to the endpoint, when there is one), `console` (JSON on standard output), `none`.",
        "a_signal_without_exporter_is_not_sent",
    ),
    variable(
        "OTEL_LOGS_EXPORTER",
        "otlp",
        "The same for log records.",
        "a_signal_without_exporter_is_not_sent",
    ),
    variable(
        "OTEL_METRICS_EXPORTER",
        "otlp",
        "The same for metrics; `prometheus` pushes nothing.",
        "a_signal_without_exporter_is_not_sent",
    ),
];

const RESOURCE: &[Variable] = &[
    variable(
        "OTEL_SERVICE_NAME",
        "mcp-gateway",
        "`service.name`. Wins over `OTEL_RESOURCE_ATTRIBUTES`.",
        "every_signal_says_what_the_process_is",
    )
    .any(),
    variable(
        "OTEL_SERVICE_VERSION",
        "",
        "`service.version`, without it the version of the build. Wins over `OTEL_RESOURCE_ATTRIBUTES`.",
        "every_signal_says_what_the_process_is",
    )
    .any(),
    variable(
        "OTEL_RESOURCE_ATTRIBUTES",
        "",
        "More attributes, `key=value,key=value`, percent-encoded; at most 128. A malformed list is ignored whole.",
        "every_signal_says_what_the_process_is",
    ),
];

const CONTEXT: &[Variable] = &[
    variable(
        "OTEL_PROPAGATORS",
        "tracecontext,baggage",
        "A list of `tracecontext` (`traceparent`, `tracestate`), `baggage`, `none`: what is read from requests and written \
         to requests to servers.",
        "only_chosen_context_is_read_and_written",
    ),
    variable(
        "OTEL_SEMCONV_STABILITY_OPT_IN",
        "http/dup",
        "A list of `http` (of the names of HTTP only the current ones), `http/dup` (both), `gen_ai_latest_experimental` (the \
         newest form of the conventions for generative AI, and not the one before).",
        "names_of_http_are_those_of_the_opt_in",
    ),
];

const ITSELF: &[Variable] = &[
    variable(
        "OTEL_LOG_LEVEL",
        "",
        "The level of the log lines that telemetry writes about itself: `none`, `error`, `warn`, `info`, `debug`, `trace`. \
         Without it they follow `log.level`, as all other lines do in any case.",
        "the_log_level_is_about_the_lines_of_telemetry_alone",
    ),
    variable(
        "OTEL_CONFIG_FILE",
        "",
        "Not supported: the gateway does not start with it, because it would replace every other variable.",
        "a_configuration_file_is_refused",
    )
    .stops(),
    variable("OTEL_EXPERIMENTAL_CONFIG_FILE", "", "The same.", "a_configuration_file_is_refused").stops(),
    variable(
        "OTEL_ENTITIES",
        "",
        "Not supported; a notice says so. Use `OTEL_RESOURCE_ATTRIBUTES`.",
        "what_has_no_effect_is_answered",
    ),
];
