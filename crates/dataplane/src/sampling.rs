//! Which requests are traced, as the configuration file says it, in the terms of the telemetry crate, which decides.

use std::net::IpAddr;

use http::HeaderMap;
use mcp_gateway_core::config::{KeepUnsampledErrors, Sampling};
use mcp_gateway_core::header::X_MCP_TRACE;
use mcp_gateway_telemetry::{RemoteContext, SamplingPolicy, SamplingRule};

/// What the sender of a request may say about its being traced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A client: its `sampled` flag counts as far as the file lets it.
    #[default]
    Client,
    /// The gateway itself, which has decided before.
    Gateway,
    /// A client that asks for a trace, and may.
    Forces,
}

impl Standing {
    /// Says what a client may say. `address` is the client's, behind whatever trusted proxies.
    pub(crate) fn of_client(
        sampling: &Sampling,
        headers: &HeaderMap,
        address: impl FnOnce() -> Option<IpAddr>,
    ) -> Self {
        let asks = headers.get(X_MCP_TRACE).is_some_and(|value| value == "1");
        if asks && !sampling.force_from.is_empty() {
            let address = address().map(|address| address.to_canonical());
            let may = |address| sampling.force_from.iter().any(|net| net.contains(&address));
            if address.is_some_and(may) {
                return Self::Forces;
            }
        }
        Self::Client
    }

    /// Marks the parent of a request's span accordingly.
    pub(crate) fn mark(self, parent: RemoteContext) -> RemoteContext {
        match self {
            Self::Client => parent,
            Self::Gateway => parent.with_decided(),
            Self::Forces => parent.with_forced(),
        }
    }
}

/// What the file says about sampling.
pub(crate) fn policy(sampling: &Sampling) -> SamplingPolicy {
    let rules = sampling.rules.iter().map(|rule| SamplingRule {
        method: rule.method.clone(),
        server: rule.server.clone(),
        tool: rule.tool.clone(),
        ratio: rule.ratio,
    });
    SamplingPolicy {
        rules: rules.collect(),
        keep_errors: sampling.keep_errors,
        keep_slower_than: sampling.keep_slower_than,
        keep_unsampled_errors: match sampling.keep_unsampled_errors {
            KeepUnsampledErrors::Never => false,
            KeepUnsampledErrors::Always => true,
        },
        caller_sampled_per_second_max: sampling.caller_sampled_per_second_max,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use mcp_gateway_core::config::Sampling;

    use super::Standing;

    #[test]
    fn only_listed_clients_force_a_trace() {
        let nets = ["10.1.0.0/16", "::1/128"].map(|net| net.parse().unwrap());
        let listed = Sampling { force_from: nets.to_vec(), ..Sampling::default() };
        let nobody = Sampling::default();
        for (sampling, value, address, expect) in [
            (&listed, Some("1"), Some("10.1.2.3"), Standing::Forces),
            (&listed, Some("1"), Some("::ffff:10.1.2.3"), Standing::Forces),
            (&listed, Some("1"), Some("::1"), Standing::Forces),
            (&listed, Some("1"), Some("10.2.2.3"), Standing::Client),
            (&listed, Some("1"), None, Standing::Client),
            (&listed, Some("0"), Some("10.1.2.3"), Standing::Client),
            (&listed, Some("true"), Some("10.1.2.3"), Standing::Client),
            (&listed, None, Some("10.1.2.3"), Standing::Client),
            (&nobody, Some("1"), Some("10.1.2.3"), Standing::Client),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert("x-mcp-trace", value.parse().unwrap());
            }
            let address = || address.map(|address| address.parse().unwrap());
            let found = Standing::of_client(sampling, &headers, address);
            assert_eq!(found, expect, "{value:?}");
        }
    }
}
