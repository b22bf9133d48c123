//! What the demo says before and after the tour: what runs where, and what to do next.

use std::net::SocketAddr;

use super::traces::Trace;
use super::tree;
use crate::build_info;
use crate::output::{Ink, Out};

/// Traces that are drawn at once; more are only counted, so that a load test does not flood the terminal.
const DRAWN_AT_ONCE_MAX: usize = 4;

/// What is where.
pub(crate) struct Place {
    /// The gateway's MCP endpoint.
    pub(crate) url: String,
    /// The admin listener.
    pub(crate) admin_url: String,
    /// The servers behind the gateway.
    pub(crate) servers: Vec<PlacedServer>,
    /// Addresses that were taken, each with the one that is used instead.
    pub(crate) moved: Vec<(SocketAddr, SocketAddr)>,
    /// Where spans are exported to.
    pub(crate) exported_to: Vec<String>,
}

/// One server behind the gateway.
pub(crate) struct PlacedServer {
    /// Its name in the configuration.
    pub(crate) name: String,
    /// Its own endpoint.
    pub(crate) url: String,
    /// The protocol revision that it and the gateway agreed on.
    pub(crate) version: String,
    /// What its tools begin with.
    pub(crate) prefix: &'static str,
}

/// Says what was started.
pub(crate) fn introduction(out: &mut Out, place: &Place) {
    let style = out.style();
    let title = format!("mcp-gateway {}", build_info::VERSION);
    let text = "a gateway and two sample MCP servers behind it";
    out.line(format_args!("{}: {text}", style.paint(Ink::Strong, title)));
    out.line("");
    let url_columns = place.servers.iter().map(|server| server.url.len()).max().unwrap_or_default();
    let columns = place.servers.iter().map(|server| server.name.len()).max().unwrap_or_default();
    let line = |name: &str, url: &str, rest: &str| {
        let url = style.paint(Ink::Value, format_args!("{url:<url_columns$}"));
        format!("  {name:<columns$}  {url}  {rest}")
    };
    out.line(line("gateway", &place.url, "one endpoint for both"));
    for PlacedServer { name, url, version, prefix } in &place.servers {
        out.line(line(name, url, &format!("MCP {version}, tools {prefix}*")));
    }
    for (taken, instead) in &place.moved {
        out.line(format_args!("  {taken} is taken; the gateway listens on {instead} instead."));
    }
    for target in &place.exported_to {
        out.line(format_args!("  The spans are exported to {target} as well."));
    }
}

/// Says that the tour went well, when nothing stays up.
pub(crate) fn end_of_tour(out: &mut Out) {
    let style = out.style();
    out.line("");
    out.line(style.paint(Ink::Good, "Everything went as it should."));
    out.line("Without --once the demo stays up, so that you can connect an agent.");
}

/// Says what is listening, and what to do with it.
pub(crate) fn invitation(out: &mut Out, place: &Place) {
    let style = out.style();
    let program = std::env::args().next().unwrap_or_else(|| "mcp-gateway".to_owned());
    let (url, admin_url) = (&place.url, &place.admin_url);
    let value = |text: &str| style.paint(Ink::Value, text);
    let admin = value(&format!("{admin_url:<columns$}", columns = url.len()));
    let sections = [
        (
            "Listening",
            format!(
                "  {}  MCP, for agents\n  {admin}  /status, /metrics, /healthz, /readyz",
                value(url),
            ),
        ),
        (
            "Connect an agent",
            format!(
                "  {}\n\nor ask with curl:\n\n{}",
                value(&format!(
                    r#"{{"mcpServers":{{"gateway":{{"type":"http","url":"{url}"}}}}}}"#
                )),
                value(&curl(url)),
            ),
        ),
        (
            "Put a server of your own behind it",
            format!(
                "  {}\n\nafter Ctrl-C here, since both listen at the same ports. README.md has a gateway.yaml to start from.",
                value(&format!("{program} serve --config gateway.yaml")),
            ),
        ),
        (
            "Send the traces to a collector",
            format!(
                "  {}",
                value(&format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 {program} demo")),
            ),
        ),
    ];
    for (heading, text) in sections {
        out.text(format_args!("\n{}\n\n{text}\n", style.paint(Ink::Heading, heading)));
    }
    let end = "Every further tool call is drawn here. Ctrl-C ends the demo.";
    out.text(format_args!("\n{}\n", style.paint(Ink::Strong, end)));
}

/// The command that initialises a session. JSON may be broken into lines, and a shell keeps them together.
fn curl(url: &str) -> String {
    let command = [
        &format!("curl -si {url} \\"),
        "  -H 'content-type: application/json' \\",
        "  -H 'accept: application/json, text/event-stream' \\",
        r#"  -d '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"#,
        r#"    "protocolVersion":"2025-11-25","capabilities":{},"#,
        r#"    "clientInfo":{"name":"curl","version":"1"}}}'"#,
    ];
    command.map(|line| format!("  {line}")).join("\n")
}

/// Draws calls that somebody made.
pub(crate) fn further_calls(out: &mut Out, calls: &[Trace]) {
    let style = out.style();
    for call in calls.iter().take(DRAWN_AT_ONCE_MAX) {
        let tool = call.tool().unwrap_or_else(|| "a tool".to_owned());
        let heading = style.paint(Ink::Heading, format_args!("\n{tool}"));
        let trace = style.paint(Ink::Value, &call.id);
        let tree = tree::render(&call.spans, style, out.width());
        out.text(format_args!("{heading}  trace {trace}\n{tree}"));
    }
    let more = calls.len().saturating_sub(DRAWN_AT_ONCE_MAX);
    if more > 0 {
        out.line(format_args!("\n({more} more at the same time)"));
    }
}
