//! What every request says about the process, made once.

use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;
use opentelemetry_proto::transform::common::tonic::Attributes;

use crate::settings::Resource;

/// The resource of every request.
#[derive(Clone, Debug)]
pub(crate) struct ResourceEncoder(OtlpResource);

impl ResourceEncoder {
    pub(crate) fn new(resource: &Resource) -> Self {
        let attributes = Attributes::from(resource.iter().cloned()).0;
        Self(OtlpResource { attributes, ..OtlpResource::default() })
    }

    /// The resource.
    pub(crate) fn resource(&self) -> OtlpResource {
        self.0.clone()
    }
}
