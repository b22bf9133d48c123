//! The tour: an ordinary MCP client goes through the gateway, and what happened is printed with its traces.
//!
//! It is a test as well: every step checks what it shows, and the first thing that is not as it should be ends the
//! tour with an error.

use anyhow::{Context, bail, ensure};
use mcp_gateway_telemetry::name::span;
use rmcp::model::Tool;
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::sample::{ReceivedContext, SampleServer};
use super::traces::{Trace, Traces};
use super::tree;
use crate::output::{Ink, Out};

/// The prefixes that the demo's configuration gives the two servers.
pub(crate) const WEATHER_PREFIX: &str = "weather_";
pub(crate) const CALCULATOR_PREFIX: &str = "calc_";

/// The spans of every routed tool call.
const EVERY_CALL: [&str; 5] = [
    span::ROUTER_PROCESS,
    span::ROUTER_ROUTE_DECISION,
    span::ROUTER_TOOL_CALL,
    span::ROUTER_BROKER_GET_SERVER_INFO,
    span::ROUTER_SESSION_CACHE_GET,
];
/// The spans of a call that had to open a session with the server.
const FIRST_CALL_ONLY: [&str; 2] = [span::ROUTER_SESSION_INIT, span::ROUTER_SESSION_CACHE_STORE];

/// What the tour walks through.
pub(crate) struct Tour<'a> {
    /// Where it is told.
    pub(crate) out: &'a mut Out,
    /// The gateway's MCP endpoint.
    pub(crate) url: &'a str,
    /// The server behind the prefix [`WEATHER_PREFIX`].
    pub(crate) weather: &'a SampleServer,
    /// The spans of the gateway.
    pub(crate) traces: &'a mut Traces,
}

impl Tour<'_> {
    /// Walks through all of it, or up to the first step that fails.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        let client = Client::connect(self.url).await.context("cannot connect to the gateway")?;
        self.list(&client).await?;
        let forecast = format!("{WEATHER_PREFIX}forecast");
        let lisbon = json!({"city": "Lisbon", "days": 2});

        self.heading(
            2,
            &format!("Call {forecast}: the first call opens a session with its server"),
        );
        let answer = self.call(&client, &forecast, lisbon).await?;
        let first = self.trace(&forecast).await?;
        first.expect(&EVERY_CALL, &[])?;
        first.expect(&FIRST_CALL_ONLY, &[])?;
        self.draw(&first);
        self.server_saw(&first)?;
        ensure!(answer.text.contains("Lisbon"), "{forecast} answered something else");

        self.heading(3, "Call it again: the session is there already");
        self.call(&client, &forecast, json!({"city": "Bergen", "days": 1})).await?;
        let second = self.trace(&forecast).await?;
        second.expect(&EVERY_CALL, &FIRST_CALL_ONLY)?;
        self.draw(&second);

        let add = format!("{CALCULATOR_PREFIX}add");
        self.heading(4, &format!("Call {add}: the other server, the same endpoint"));
        let answer = self.call(&client, &add, json!({"a": 20, "b": 22})).await?;
        self.trace(&add).await?.expect(&EVERY_CALL, &[])?;
        ensure!(answer.text.contains("42"), "{add} answered something else");
        client.close().await
    }

    async fn list(&mut self, client: &Client) -> anyhow::Result<()> {
        let version = client.peer().map(|peer| peer.protocol_version.to_string());
        let version = version.context("the gateway did not say which version it speaks")?;
        self.heading(1, &format!("Connect (MCP {version}) and list the tools of both servers"));
        let tools = client.tools().await?;
        for prefix in [WEATHER_PREFIX, CALCULATOR_PREFIX] {
            let found = tools.iter().any(|tool| tool.name.starts_with(prefix));
            ensure!(found, "the list has no tool that begins with {prefix}");
        }
        let name_columns =
            tools.iter().map(|tool| tool.name.chars().count()).max().unwrap_or_default();
        for tool in &tools {
            let line = self.tool_line(tool, name_columns);
            self.out.line(line);
        }
        Ok(())
    }

    fn tool_line(&self, tool: &Tool, name_columns: usize) -> String {
        let style = self.out.style();
        let annotations = tool.annotations.as_ref();
        let hint = match annotations.and_then(|annotations| annotations.read_only_hint) {
            Some(true) => "read-only",
            Some(false) => "changes something",
            None => "",
        };
        let room = self.out.width().saturating_sub(name_columns + 2 + 2 + 2 + 17);
        let description = fitted(tool.description.as_deref().unwrap_or_default(), room);
        let name = style.paint(Ink::Value, format_args!("{:<name_columns$}", tool.name));
        format!("  {name}  {description:<room$}  {}", style.paint(Ink::Faint, hint))
    }

    async fn call(&mut self, client: &Client, tool: &str, args: Value) -> anyhow::Result<Answer> {
        let style = self.out.style();
        self.out.line(format_args!("  {} {args}", style.paint(Ink::Faint, "arguments")));
        let answer = client.call(tool, args).await?;
        ensure!(!answer.is_error, "{tool} failed: {}", answer.text);
        let label = style.paint(Ink::Faint, "result   ");
        self.out.line(format_args!("  {label} {}", style.paint(Ink::Good, &answer.text)));
        Ok(answer)
    }

    async fn trace(&mut self, tool: &str) -> anyhow::Result<Trace> {
        self.traces.next_call(tool).await
    }

    fn draw(&mut self, trace: &Trace) {
        let style = self.out.style();
        let label = style.paint(Ink::Faint, "trace    ");
        self.out.line("");
        self.out.line(format_args!("  {label} {}", style.paint(Ink::Value, &trace.id)));
        let tree = tree::render(&trace.spans, style, self.out.width());
        self.out.text(tree);
    }

    /// Shows that the server got the context of the gateway's CLIENT span, in both places where it may look.
    fn server_saw(&mut self, trace: &Trace) -> anyhow::Result<()> {
        let ReceivedContext { header, meta } = self.weather.received();
        let header = header.context("the server got no traceparent header")?;
        ensure!(meta.as_ref() == Some(&header), "params._meta has another traceparent: {meta:?}");
        let Some([trace_id, span_id]) = ids_of(&header) else {
            bail!("the server got a traceparent that is none: {header}");
        };
        let sender = trace.spans.iter().find(|span| span.span_id == span_id);
        let sender = sender.with_context(|| format!("no span of the gateway is {span_id}"))?;
        ensure!(trace_id == trace.id, "the server got another trace: {trace_id}");
        let style = self.out.style();
        self.out.line("");
        self.out.line("  The server received this traceparent, as a header and in params._meta:");
        self.out.line(format_args!("  {}", style.paint(Ink::Value, &header)));
        let sender = style.paint(Ink::Strong, &sender.name);
        self.out.line(format_args!("  Spans of its own continue the trace below {sender}."));
        Ok(())
    }

    fn heading(&mut self, number: usize, text: &str) {
        let style = self.out.style();
        self.out.line("");
        self.out.line(style.paint(Ink::Heading, format_args!("{number}. {text}")));
        self.out.line("");
    }
}

/// The trace id and the span id of a `traceparent` value.
fn ids_of(traceparent: &str) -> Option<[&str; 2]> {
    let mut parts = traceparent.split('-');
    let (_version, trace_id, span_id) = (parts.next()?, parts.next()?, parts.next()?);
    Some([trace_id, span_id])
}

/// The first line of `text`, cut to `columns`.
fn fitted(text: &str, columns: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    let kept: String = line.chars().take(columns.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::{fitted, ids_of};

    #[test]
    fn long_description_is_cut_to_its_column() {
        assert_eq!(fitted("Adds two numbers.", 20), "Adds two numbers.");
        assert_eq!(fitted("Adds two numbers.", 9), "Adds two…");
        assert_eq!(fitted("first\nsecond", 20), "first");
    }

    #[test]
    fn traceparent_has_two_ids() {
        let ids = ids_of("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01");
        assert_eq!(ids, Some(["0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"]));
        assert_eq!(ids_of("garbage"), None);
    }
}
