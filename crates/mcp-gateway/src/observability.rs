//! Puts telemetry and logging of the process together: the environment, the build, the status page.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mcp_gateway_core::config::{LogFormat, LogSettings, Problem};
use mcp_gateway_dataplane::admin::Extra;
use mcp_gateway_dataplane::reload::ReloadHandle;
use mcp_gateway_telemetry::log::{Filter, FilterError, Format};
use mcp_gateway_telemetry::status::Status;
use mcp_gateway_telemetry::{BuildInfo, Env, Notice, SpanRecorder, Telemetry, environment};
use serde_json::{Value, json};

use crate::build_info;

/// Makes the telemetry that the `OTEL_*` variables ask for; `recorder` gets every span as well.
///
/// Output: telemetry, and what is worth a log line. Errors: every variable that cannot be used.
pub(crate) fn telemetry(
    recorder: Option<SpanRecorder>,
) -> Result<(Telemetry, Vec<Notice>), Vec<Problem>> {
    // A value that is not Unicode is told as wrong, not passed over.
    let env = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let (telemetry, mut notices) = telemetry_from(&env, recorder)?;
    let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    notices.extend(environment::unknown(set.map(|(name, _)| name.to_string_lossy().into_owned())));
    Ok((telemetry, notices))
}

/// The same with an environment of the caller's.
pub(crate) fn telemetry_from(
    env: Env<'_>,
    recorder: Option<SpanRecorder>,
) -> Result<(Telemetry, Vec<Notice>), Vec<Problem>> {
    let build = BuildInfo {
        version: build_info::VERSION.to_owned(),
        revision: build_info::REVISION.to_owned(),
        rust_version: build_info::RUST_VERSION.to_owned(),
    };
    let extra = recorder.into_iter().map(|recorder| Box::new(recorder) as Box<_>).collect();
    Telemetry::from_env(env, &build, extra).map_err(|problems| {
        problems
            .into_iter()
            .map(|problem| Problem::new(problem.variable, problem.message))
            .collect()
    })
}

/// What the configuration says about log lines, in the words of the log. The level of telemetry's own lines is the
/// environment's when it says one.
pub(crate) fn log_settings(
    settings: LogSettings,
    telemetry: &Telemetry,
) -> Result<(Format, Filter), FilterError> {
    let format = match settings.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    let filter: Filter = settings.level.as_str().parse()?;
    Ok((format, filter.with_telemetry(telemetry.log_level())))
}

/// What this process adds to `/status`: its build, where its configuration comes from, how its telemetry is doing.
pub(crate) fn status_extra(telemetry: Status, config: Option<ReloadHandle>) -> Extra {
    Arc::new(move || {
        let build = json!({
            "version": build_info::VERSION,
            "revision": build_info::REVISION,
            "rustVersion": build_info::RUST_VERSION,
        });
        let mut members = vec![("build", build), ("telemetry", telemetry_status(&telemetry))];
        if let Some(config) = &config {
            members.push(("config", serde_json::to_value(config.state()).unwrap_or_default()));
        }
        members
    })
}

fn telemetry_status(status: &Status) -> Value {
    let settings = status.settings().iter().map(
        |setting| json!({"name": setting.name, "value": setting.value, "source": setting.source}),
    );
    let exporters = status.exporters().into_iter().map(|exporter| {
        let failed = exporter.failed.iter().map(|(reason, count)| (reason.as_str(), *count));
        let dropped = exporter.dropped.iter().map(|(reason, count)| (reason.as_str(), *count));
        json!({
            "signal": exporter.signal.as_str(),
            "items": exporter.items,
            "component": exporter.component,
            "name": exporter.name,
            "target": exporter.target,
            "created": exporter.created,
            "exported": exporter.exported,
            "failed": counts(failed),
            "dropped": counts(dropped),
            "inFlight": exporter.in_flight,
            "queued": exporter.queued,
            "queueCapacity": exporter.queue_capacity,
            "lastSuccess": exporter.last_success.map(seconds),
            "lastError": exporter.last_error,
        })
    });
    json!({
        "tracing": status.is_on(),
        "notSampledByParent": status.not_sampled_by_parent(),
        "exporters": exporters.collect::<Vec<_>>(),
        "settings": settings.collect::<Vec<_>>(),
    })
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The counts that are not zero, by reason.
fn counts(all: impl Iterator<Item = (&'static str, u64)>) -> Value {
    let counted = all.filter(|(_, count)| *count > 0);
    Value::Object(counted.map(|(reason, count)| (reason.to_owned(), count.into())).collect())
}
