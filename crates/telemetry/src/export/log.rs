//! Log records as OTLP.

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::{
    LogRecord as OtlpRecord, ResourceLogs, ScopeLogs, SeverityNumber,
};
use opentelemetry_proto::transform::common::tonic::Attributes;
use tracing::Level;

use super::otlp::Encode;
use super::queue::{Item, attribute_bytes};
use super::resource::ResourceEncoder;
use super::worker::Accepted;
use crate::log::LogRecord;

/// Writes log records as OTLP. The part of the gateway that speaks is the instrumentation scope.
#[derive(Debug)]
pub(crate) struct LogEncoder(pub(crate) ResourceEncoder);

impl Item for LogRecord {
    fn bytes(&self) -> usize {
        /// Ids, times, severity and the scope.
        const FIXED: usize = 128;
        FIXED + self.body.len() + attribute_bytes(&self.attributes)
    }
}

impl Encode<LogRecord> for LogEncoder {
    const GRPC_PATH: &'static str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    type Request = ExportLogsServiceRequest;
    type Response = ExportLogsServiceResponse;

    fn request(&self, batch: Vec<LogRecord>) -> ExportLogsServiceRequest {
        let mut scopes: Vec<(&'static str, Vec<OtlpRecord>)> = Vec::new();
        for record in batch {
            let target = record.target;
            let scope = scopes.iter_mut().find(|(known, _)| *known == target);
            match scope {
                Some((_, records)) => records.push(otlp(record)),
                None => scopes.push((target, vec![otlp(record)])),
            }
        }
        let scope_logs = scopes.into_iter().map(|(target, log_records)| ScopeLogs {
            scope: Some(InstrumentationScope {
                name: target.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                ..InstrumentationScope::default()
            }),
            log_records,
            ..ScopeLogs::default()
        });
        let resource_logs = ResourceLogs {
            resource: Some(self.0.resource()),
            scope_logs: scope_logs.collect(),
            ..ResourceLogs::default()
        };
        ExportLogsServiceRequest { resource_logs: vec![resource_logs] }
    }

    fn accepted(response: ExportLogsServiceResponse) -> Accepted {
        response.partial_success.map_or_else(Accepted::default, |partial| {
            Accepted::partly(partial.rejected_log_records, partial.error_message)
        })
    }
}

fn otlp(record: LogRecord) -> OtlpRecord {
    let trace = record.trace;
    OtlpRecord {
        time_unix_nano: record.time_unix_nano,
        // Who makes the record sees it happen.
        observed_time_unix_nano: record.time_unix_nano,
        severity_number: severity(record.level).into(),
        severity_text: record.level.as_str().to_owned(),
        body: Some(opentelemetry::Value::from(record.body).into()),
        attributes: Attributes::from(record.attributes).0,
        dropped_attributes_count: record.dropped_attributes,
        flags: trace.map_or(0, |trace| u32::from(trace.flags.to_u8())),
        trace_id: trace.map_or_else(Vec::new, |trace| trace.trace_id.to_bytes().to_vec()),
        span_id: trace.map_or_else(Vec::new, |trace| trace.span_id.to_bytes().to_vec()),
        event_name: record.event_name.unwrap_or_default().into_owned(),
    }
}

/// The number of a level: the first of the four that OpenTelemetry has for each.
pub(super) fn severity(level: Level) -> SeverityNumber {
    match level {
        Level::TRACE => SeverityNumber::Trace,
        Level::DEBUG => SeverityNumber::Debug,
        Level::INFO => SeverityNumber::Info,
        Level::WARN => SeverityNumber::Warn,
        Level::ERROR => SeverityNumber::Error,
    }
}
