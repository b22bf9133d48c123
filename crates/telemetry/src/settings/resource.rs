//! What every span says about the process that made it.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use uuid::Uuid;

use super::pairs;
use super::reader::Reader;
use crate::name::attribute as name;

/// The name of the service when nobody says another.
const SERVICE: &str = "mcp-gateway";
/// Most attributes that the environment may add.
const ATTRIBUTES_MAX: usize = 128;

/// What is known about the build; the binary knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The version of the gateway: `0.1.0`.
    pub version: String,
    /// The git commit, or `unknown`.
    pub revision: String,
    /// The compiler: `1.95.0`.
    pub rust_version: String,
}

/// Reads `OTEL_SERVICE_NAME`, `OTEL_SERVICE_VERSION` and `OTEL_RESOURCE_ATTRIBUTES`.
///
/// The first two win over the third, the third wins over what the build says, and nothing wins over what describes the SDK.
pub(super) fn read(reader: &mut Reader<'_>, build: &BuildInfo) -> Resource {
    let variable = "OTEL_RESOURCE_ATTRIBUTES";
    let asked = attributes(reader, variable);
    let mut all = vec![
        KeyValue::new(name::SERVICE_NAME, SERVICE),
        KeyValue::new(name::SERVICE_VERSION, build.version.clone()),
        KeyValue::new(name::SERVICE_INSTANCE_ID, Uuid::new_v4().to_string()),
        KeyValue::new(name::VCS_REVISION, build.revision.clone()),
        KeyValue::new(name::VCS_REF_HEAD_REVISION, build.revision.clone()),
        KeyValue::new(name::BUILD_RUST_VERSION, build.rust_version.clone()),
        KeyValue::new(name::PROCESS_RUNTIME_NAME, "rust"),
        KeyValue::new(name::PROCESS_RUNTIME_VERSION, build.rust_version.clone()),
    ];
    let of = |key: &str| asked.iter().any(|(known, _)| known == key).then_some(variable);
    let mut sources = [of(name::SERVICE_NAME), of(name::SERVICE_VERSION)];
    all.extend(asked.into_iter().map(|(key, value)| KeyValue::new(key, value)));
    let own = [
        (name::SERVICE_NAME, "OTEL_SERVICE_NAME"),
        (name::SERVICE_VERSION, "OTEL_SERVICE_VERSION"),
    ];
    for ((key, variable), source) in own.into_iter().zip(&mut sources) {
        if let Some(value) = reader.text(variable) {
            all.push(KeyValue::new(key, value));
            *source = Some(variable);
        }
    }
    // Of two attributes with one name the later one counts; the detector says what the SDK is.
    let sdk = Box::new(TelemetryResourceDetector);
    let resource = Resource::builder_empty().with_attributes(all).with_detector(sdk).build();
    for ((key, _), source) in own.into_iter().zip(sources) {
        let value = resource.get(&key.into()).map(|value| value.to_string());
        reader.note(key, value.unwrap_or_default(), source);
    }
    resource
}

/// Reads the list; a list with one malformed member is discarded whole, as the specification says.
fn attributes(reader: &mut Reader<'_>, variable: &str) -> Vec<(String, String)> {
    let Some(list) = reader.text(variable) else {
        return Vec::new();
    };
    match pairs::parse(&list) {
        Ok(mut pairs) if pairs.len() <= ATTRIBUTES_MAX => {
            // A service without a name is not what anybody means.
            pairs.retain(|(key, value)| key != name::SERVICE_NAME || !value.is_empty());
            pairs
        }
        Ok(_) => {
            let message = format!("has more than {ATTRIBUTES_MAX} attributes, ignored whole");
            reader.warn(variable, message);
            Vec::new()
        }
        Err(error) => {
            reader.warn(variable, format!("{error}, ignored whole"));
            Vec::new()
        }
    }
}
