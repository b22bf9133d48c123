//! What every span, log record and metric says about the process that made it.

use opentelemetry::{KeyValue, Value};
use uuid::Uuid;

use super::pairs;
use super::reader::Reader;
use crate::name::attribute as name;

/// The name of the service when nobody says another.
const SERVICE: &str = "mcp-gateway";
/// What makes the telemetry. The specification keeps `opentelemetry` for its own SDKs.
const SDK: &str = "mcp-gateway";
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

/// Attributes with distinct names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resource(Vec<KeyValue>);

impl Resource {
    /// The value of an attribute.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.iter().find(|attribute| attribute.key.as_str() == key).map(|found| &found.value)
    }

    /// All attributes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &KeyValue> {
        self.0.iter()
    }

    /// Adds an attribute or replaces its value.
    fn set(&mut self, key: impl Into<opentelemetry::Key>, value: impl Into<Value>) {
        let attribute = KeyValue::new(key, value);
        match self.0.iter_mut().find(|known| known.key == attribute.key) {
            Some(known) => *known = attribute,
            None => self.0.push(attribute),
        }
    }

    /// Reads `OTEL_SERVICE_NAME`, `OTEL_SERVICE_VERSION` and `OTEL_RESOURCE_ATTRIBUTES`.
    ///
    /// The first two win over the third, the third wins over what the build says, and nothing wins over what says who
    /// makes the telemetry.
    pub(super) fn read(reader: &mut Reader<'_>, build: &BuildInfo) -> Self {
        let mut resource = Self::of_build(build);
        let variable = "OTEL_RESOURCE_ATTRIBUTES";
        let asked = attributes(reader, variable);
        let of = |key: &str| asked.iter().any(|(known, _)| known == key).then_some(variable);
        let own = [
            (name::SERVICE_NAME, "OTEL_SERVICE_NAME", of(name::SERVICE_NAME)),
            (name::SERVICE_VERSION, "OTEL_SERVICE_VERSION", of(name::SERVICE_VERSION)),
        ];
        for (key, value) in asked {
            resource.set(key, value);
        }
        for (key, variable, mut source) in own {
            if let Some(value) = reader.text(variable) {
                resource.set(key, value);
                source = Some(variable);
            }
            let value = resource.get(key).map(ToString::to_string);
            reader.note(key, value.unwrap_or_default(), source);
        }
        resource.set(name::TELEMETRY_SDK_NAME, SDK);
        resource.set(name::TELEMETRY_SDK_LANGUAGE, "rust");
        resource.set(name::TELEMETRY_SDK_VERSION, build.version.clone());
        resource
    }

    fn of_build(build: &BuildInfo) -> Self {
        Self(vec![
            KeyValue::new(name::SERVICE_NAME, SERVICE),
            KeyValue::new(name::SERVICE_VERSION, build.version.clone()),
            KeyValue::new(name::SERVICE_INSTANCE_ID, Uuid::new_v4().to_string()),
            KeyValue::new(name::VCS_REVISION, build.revision.clone()),
            KeyValue::new(name::VCS_REF_HEAD_REVISION, build.revision.clone()),
            KeyValue::new(name::BUILD_RUST_VERSION, build.rust_version.clone()),
            KeyValue::new(name::PROCESS_RUNTIME_NAME, "rust"),
            KeyValue::new(name::PROCESS_RUNTIME_VERSION, build.rust_version.clone()),
        ])
    }
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
