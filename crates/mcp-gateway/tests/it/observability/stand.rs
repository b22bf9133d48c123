//! A gateway with servers that do well, that fail, and that are not there, and clients that call all of them.

use serde_json::{Value, json};

use crate::support::edge::{Edge, Front, Server, Setup};
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::mcp_client::McpClient;
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::port;

/// Servers are asked for their tools often, so that there are rounds of discovery to look at.
const LIMITS: &str = "limits: {upstreamRefreshInterval: 1s, callIdleTimeout: 1s}";
/// What is exported waits for a moment only.
const HASTE: [(&str, &str); 3] = [
    ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "100"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
];

/// A gateway and its servers.
pub struct Stand {
    edge: Edge,
    good: McpServer,
    odd: FaultServer,
}

impl Stand {
    /// Starts them. `environment` says where telemetry goes.
    pub async fn start(front: Front, environment: &[(&str, &str)]) -> Self {
        let (good, odd) = tokio::join!(McpServer::start(Kind::new("good")), FaultServer::start());
        let down = format!("http://{}/mcp", port::closed());
        let servers: [Server<'_>; 3] = [("good", good.url()), ("odd", odd.url()), ("down", down)];
        let environment = [&HASTE, environment].concat();
        let config = format!("{LIMITS}\ntelemetry: {{traceResponse: true}}");
        let setup = Setup { config: &config, environment: &environment, ..Setup::default() };
        let edge = Edge::launch_with(front, &servers, setup).await;
        edge.until_up(2).await;
        Self { edge, good, odd }
    }

    /// Returns the gateway with what is before it.
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Returns the server that does well.
    pub fn good(&self) -> &McpServer {
        &self.good
    }

    /// Opens a session and makes calls that go well and that fail in different ways. The session ends with it, and
    /// the sessions with the servers do as well.
    pub async fn traffic(&self) {
        let mut client = self.edge.connect().await;
        client.request("tools/list", json!({})).await;
        for tool in
            ["good_echo", "good_echo", "good_fail", "good_refuse", "odd_echo", "nobodys_tool"]
        {
            client.call(tool, json!({ "text": "hello" })).await;
        }
        self.odd.fault("tools/call", Fault::Status(500));
        client.call("odd_echo", json!({})).await;
        self.odd.fault("tools/call", Fault::CutBody);
        client.call("odd_echo", json!({})).await;
        self.odd.heal();
        client.post("this is no message").await;
        client.delete().await;
    }

    /// Makes a call of a server that opens no session for it. The server may be found to be down for a moment.
    pub async fn call_without_server_session(&self) {
        let mut client = self.edge.connect().await;
        self.odd.fault("initialize", Fault::Status(503));
        client.call("odd_echo", json!({})).await;
        self.odd.heal();
        self.edge.until_up(2).await;
    }

    /// Makes a call that the caller does not want to be traced.
    pub async fn call_not_sampled(&self) {
        let mut client = self.edge.connect().await;
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        client.set_header("traceparent", Some(parent));
        client.call("good_echo", json!({ "text": "unseen" })).await;
    }

    /// Opens a session with one call in a trace of the caller's own. Returns the client and the answer.
    pub async fn call_in_trace(&self, trace_id: &str, tool: &str) -> (McpClient, Value) {
        let mut client = self.edge.connect().await;
        let parent = format!("00-{trace_id}-00f067aa0ba902b7-01");
        client.set_header("traceparent", Some(&parent));
        let answer = client.call(tool, json!({ "text": "seen" })).await;
        let response = answer.response(&client.id());
        (client, response)
    }
}
