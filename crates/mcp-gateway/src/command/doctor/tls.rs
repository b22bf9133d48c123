//! Why a TLS connection did not come about, in plain words.

use mcp_gateway_telemetry::status::TlsCause;

/// What happened, and what to do about it. `trust` says how an authority is made known, as half a sentence.
pub(super) fn explain(cause: TlsCause, trust: &str) -> (&'static str, String) {
    match cause {
        TlsCause::UnknownIssuer => (
            "Nobody who is trusted here vouches for its certificate.",
            format!("Make the authority that issued it known: {trust}."),
        ),
        TlsCause::WrongName => (
            "Its certificate is valid, but for another host.",
            "Call it by a name that its certificate is for, or give it a certificate for this name."
                .to_owned(),
        ),
        TlsCause::Expired => (
            "Its certificate has expired.",
            "Renew the certificate there. If it is new, look at the clock of this machine."
                .to_owned(),
        ),
        TlsCause::NotYetValid => (
            "Its certificate is not valid yet.",
            "Look at the clocks of both machines.".to_owned(),
        ),
        TlsCause::ClientCertificateWanted => (
            "It wants a certificate of the gateway, and the gateway has none for it.",
            CLIENT.to_owned(),
        ),
        TlsCause::ClientCertificateRefused => {
            ("It does not take the certificate of the gateway.", CLIENT.to_owned())
        }
        TlsCause::NotTls => (
            "What listens there does not speak TLS.",
            "If it is meant to be plain text, say so with http:// in place of https:// \
             (for OTLP over gRPC: rpc:// with OTEL_EXPORTER_OTLP_INSECURE=true); \
             if not, it is another port."
                .to_owned(),
        ),
        TlsCause::Other => (
            "The two sides could not agree on a TLS connection.",
            "Read the error below: it is what the TLS library says.".to_owned(),
        ),
    }
}

const CLIENT: &str = "OTLP receivers: name a certificate and its key in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and \
                      OTEL_EXPORTER_OTLP_CLIENT_KEY. MCP servers: the gateway has no client certificates; \
                      put something that has between them.";
