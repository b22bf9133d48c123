//! The gateway's own spans, put together into traces of tool calls as the calls finish.
//!
//! They come from a recorder, which holds a bounded number of the latest spans; nothing is read from an exporter.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, bail};
use mcp_gateway_telemetry::name::{attribute, span};
use mcp_gateway_telemetry::{FinishedSpan, SpanKind, SpanRecorder};
use tokio::sync::watch;

/// How long the spans of a finished call may take to be recorded.
const RECORDED_TIMEOUT: Duration = Duration::from_secs(5);

/// The spans of one tool call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trace {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    /// The span of the request, and all spans below it.
    pub(crate) spans: Vec<FinishedSpan>,
}

impl Trace {
    /// Says what is wrong when a span of `present` is missing, or one of `absent` is there.
    pub(crate) fn expect(&self, present: &[&str], absent: &[&str]) -> anyhow::Result<()> {
        let has = |name: &str| self.spans.iter().any(|span| span.name == name);
        if let Some(missing) = present.iter().find(|name| !has(name)) {
            bail!("trace {} has no span {missing}", self.id);
        }
        if let Some(extra) = absent.iter().find(|name| has(name)) {
            bail!("trace {} has a span {extra}", self.id);
        }
        Ok(())
    }

    /// The tool that was called, as the client names it.
    pub(crate) fn tool(&self) -> Option<String> {
        self.spans.first().and_then(|request| text(request, attribute::GEN_AI_TOOL_NAME))
    }
}

/// The traces of tool calls, each handed out once.
pub(crate) struct Traces {
    recorder: SpanRecorder,
    ended: watch::Receiver<u64>,
    /// Ids of the request spans that were handed out and are still in the recorder.
    handed_out: BTreeSet<String>,
}

impl Traces {
    /// Makes traces of the spans that `recorder` keeps.
    pub(crate) fn new(recorder: SpanRecorder) -> Self {
        let ended = recorder.subscribe();
        Self { recorder, ended, handed_out: BTreeSet::new() }
    }

    /// Waits for the next call of `tool`; calls of other tools are passed over.
    pub(crate) async fn next_call(&mut self, tool: &str) -> anyhow::Result<Trace> {
        let found = async {
            loop {
                let calls = self.finished_calls();
                let found = calls.into_iter().find(|call| call.tool().as_deref() == Some(tool));
                if let Some(call) = found {
                    return Ok(call);
                }
                self.ended.changed().await.context("spans are not recorded any more")?;
            }
        };
        let missing = || format!("no trace of a call of {tool} was recorded");
        tokio::time::timeout(RECORDED_TIMEOUT, found).await.with_context(missing)?
    }

    /// Waits for further calls and returns them, the earliest first; at least one.
    pub(crate) async fn next_calls(&mut self) -> anyhow::Result<Vec<Trace>> {
        loop {
            let calls = self.finished_calls();
            if !calls.is_empty() {
                return Ok(calls);
            }
            self.ended.changed().await.context("spans are not recorded any more")?;
        }
    }

    /// Returns the calls that have finished since this was last asked, the earliest first.
    fn finished_calls(&mut self) -> Vec<Trace> {
        self.ended.mark_unchanged();
        let recorded = self.recorder.finished();
        let is_finished = |span: &&FinishedSpan| is_tool_call(span) && is_whole(span, &recorded);
        let requests: Vec<&FinishedSpan> = recorded.iter().filter(is_finished).collect();
        let calls = requests
            .iter()
            .filter(|request| !self.handed_out.contains(&request.span_id))
            .map(|request| Trace {
                id: request.trace_id.clone(),
                spans: with_everything_below(request, &recorded),
            })
            .collect();
        self.handed_out = requests.iter().map(|request| request.span_id.clone()).collect();
        calls
    }
}

/// Whether a span is the request of a tool call.
fn is_tool_call(span: &FinishedSpan) -> bool {
    span.name == span::ROUTER_PROCESS
        && text(span, attribute::MCP_METHOD_NAME).as_deref() == Some("tools/call")
}

/// Whether the spans below a request have ended as well. When the client closes its connection as soon as it has read the
/// result, the span of the call to the server may end just after that of the request.
fn is_whole(request: &FinishedSpan, recorded: &[FinishedSpan]) -> bool {
    let went_to_server = request.attribute(attribute::MCP_SERVER).is_some()
        && request.attribute(attribute::ERROR_TYPE).is_none();
    let is_call_to_server = |span: &FinishedSpan| {
        span.kind == SpanKind::Client && span.parent_span_id.as_ref() == Some(&request.span_id)
    };
    !went_to_server || recorded.iter().any(is_call_to_server)
}

fn text(span: &FinishedSpan, name: &str) -> Option<String> {
    span.attribute(name).map(|value| value.as_str().into_owned())
}

fn with_everything_below(request: &FinishedSpan, recorded: &[FinishedSpan]) -> Vec<FinishedSpan> {
    let mut spans = vec![request.clone()];
    let mut ids = BTreeSet::from([request.span_id.as_str()]);
    // Going up the list, parents mostly come before their children; a second look finds those that do not.
    let of_trace = || recorded.iter().rev().filter(|span| span.trace_id == request.trace_id);
    for span in of_trace().chain(of_trace()) {
        let is_below = span.parent_span_id.as_deref().is_some_and(|parent| ids.contains(parent));
        if is_below && ids.insert(&span.span_id) {
            spans.push(span.clone());
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use mcp_gateway_telemetry::{RemoteContext, Span, SpanKind, SpanRecorder, Telemetry, Tracer};

    use super::{Trace, Traces};
    use crate::observability::telemetry_from;

    /// Telemetry that exports nothing, and what it records.
    fn recorded() -> (Telemetry, Tracer, SpanRecorder) {
        let recorder = SpanRecorder::new(100);
        let (on, _notices) = telemetry_from(&|_name| None, Some(recorder.clone())).unwrap();
        let tracer = on.tracer();
        (on, tracer, recorder)
    }

    fn request(tracer: &Tracer, parent: &RemoteContext, method: &str, tool: &str) -> Span {
        let (method, tool) = (method.to_owned(), tool.to_owned());
        tracer.start("mcp-router.process", SpanKind::Server, parent, |attributes| {
            attributes.put("mcp.method.name", method);
            attributes.put("gen_ai.tool.name", tool);
        })
    }

    fn told(calls: &[Trace]) -> Vec<(Option<String>, usize)> {
        calls.iter().map(|call| (call.tool(), call.spans.len())).collect()
    }

    #[test]
    fn calls_of_one_trace_are_kept_apart_and_handed_out_once() {
        let (_on, tracer, recorder) = recorded();
        let mut calls = Traces::new(recorder);
        let caller = tracer.start("caller", SpanKind::Client, &RemoteContext::none(), |_| {});
        let one = request(&tracer, &caller.remote(), "tools/call", "one");
        let two = request(&tracer, &caller.remote(), "tools/call", "two");
        let list = request(&tracer, &caller.remote(), "tools/list", "");
        for (parent, name) in [(&one, "a"), (&two, "b"), (&one, "c"), (&list, "d")] {
            let child = parent.child("child", SpanKind::Internal, |_| {});
            child.child_named(|| name.to_owned(), SpanKind::Internal, |_| {}).end();
            child.end();
        }
        one.end();
        list.end();
        assert_eq!(told(&calls.finished_calls()), [(Some("one".to_owned()), 5)]);
        two.end();
        assert_eq!(told(&calls.finished_calls()), [(Some("two".to_owned()), 3)]);
        assert_eq!(told(&calls.finished_calls()), []);
    }

    #[test]
    fn call_to_the_server_that_ends_after_its_request_belongs_to_it() {
        let (_on, tracer, recorder) = recorded();
        let mut calls = Traces::new(recorder);
        let call = request(&tracer, &RemoteContext::none(), "tools/call", "one");
        call.set(|attributes| attributes.put("mcp.server", "demo/one"));
        let to_server = call.child("tools/call one", SpanKind::Client, |_| {});
        call.end();
        assert_eq!(told(&calls.finished_calls()), []);
        to_server.end();
        assert_eq!(told(&calls.finished_calls()), [(Some("one".to_owned()), 2)]);
    }

    #[tokio::test]
    async fn call_is_waited_for() {
        let (_on, tracer, recorder) = recorded();
        let mut calls = Traces::new(recorder);
        request(&tracer, &RemoteContext::none(), "tools/call", "other").end();
        let wanted = request(&tracer, &RemoteContext::none(), "tools/call", "wanted");
        let (call, ()) = tokio::join!(calls.next_call("wanted"), async { wanted.end() });
        assert_eq!(call.unwrap().id, wanted.trace_id().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn call_that_was_not_recorded_is_missed_after_a_while() {
        let mut calls = Traces::new(SpanRecorder::new(100));
        let error = calls.next_call("two").await.unwrap_err();
        assert_eq!(error.to_string(), "no trace of a call of two was recorded");
    }

    #[test]
    fn expectations_name_what_is_wrong() {
        let (_on, tracer, recorder) = recorded();
        tracer.start("one", SpanKind::Internal, &RemoteContext::none(), |_| {}).end();
        let trace = Trace { id: "t".to_owned(), spans: recorder.finished() };
        assert!(trace.expect(&["one"], &["two"]).is_ok());
        let check = |present: &[&str], absent: &[&str]| {
            trace.expect(present, absent).unwrap_err().to_string()
        };
        assert_eq!(check(&["one", "two"], &[]), "trace t has no span two");
        assert_eq!(check(&[], &["one"]), "trace t has a span one");
    }
}
