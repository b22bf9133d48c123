//! A backend for traces of language models takes the gateway's span of a tool call for one.

use std::net::SocketAddr;
use std::time::Duration;

use http::Request;
use http_body_util::Full;
use serde_json::Value;

use super::alone;
use super::stand::Stand;
use crate::support::edge::Front;
use crate::support::http::{Answer, try_send};
use crate::support::port::Port;
use crate::support::program::Program;
use crate::support::scratch::Scratch;
use crate::support::tools::tool;
use crate::support::wait::{PATIENCE, until};

/// It imports for ten seconds on a machine of its own.
const START: Duration = Duration::from_mins(3);

/// A running Phoenix. Killed when dropped.
struct Phoenix {
    _program: Program,
    _folder: Scratch,
    address: SocketAddr,
}

impl Phoenix {
    async fn start() -> Self {
        let folder = Scratch::new("phoenix-data");
        let [http, grpc] = [Port::take(), Port::take()].map(Port::release);
        let variables = [
            ("HOME", folder.folder().display().to_string()),
            ("PHOENIX_HOST", http.ip().to_string()),
            ("PHOENIX_PORT", http.port().to_string()),
            ("PHOENIX_GRPC_PORT", grpc.port().to_string()),
            ("PHOENIX_WORKING_DIR", folder.folder().display().to_string()),
            ("PHOENIX_TELEMETRY_ENABLED", "false".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let mut program =
            Program::start("phoenix", &tool("phoenix"), &["serve".to_owned()], &variables);
        program
            .ready(START, async || {
                let answer = get(http, "/healthz").await?;
                (answer.status == 200).then_some(())
            })
            .await;
        Self { _program: program, _folder: folder, address: http }
    }

    /// Returns the spans that it has, as it tells of them.
    async fn spans(&self) -> Vec<Value> {
        let Some(answer) = get(self.address, "/v1/projects/default/spans?limit=1000").await else {
            return Vec::new();
        };
        answer.json()["data"].as_array().cloned().unwrap_or_default()
    }
}

async fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    try_send(address, Request::get(path).body(Full::default()).unwrap()).await.ok()
}

#[tokio::test]
async fn phoenix_recognises_a_tool_call() {
    let _alone = alone().await;
    let phoenix = Phoenix::start().await;
    let endpoint = format!("http://{}", phoenix.address);
    let environment = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str())];
    let stand = Stand::start(Front::Standalone, &environment).await;
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    stand.call_in_trace(trace_id, "good_echo").await;
    let find = async |name: &str| {
        until(&format!("Phoenix has {name}"), PATIENCE, async || {
            let spans = phoenix.spans().await;
            spans
                .into_iter()
                .find(|span| span["name"] == name && span["context"]["trace_id"] == trace_id)
        })
        .await
    };
    let (call, process) = (find("tools/call echo").await, find("mcp-router.process").await);
    assert_eq!(call["span_kind"], "TOOL", "{call}");
    assert_eq!(call["parent_id"], process["context"]["span_id"], "{call}");
    assert_eq!(call["attributes"]["tool.name"], "echo", "{call}");
}
