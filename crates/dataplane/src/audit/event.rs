//! How a draft becomes an event of the log: which fields it has is the table of `field`.

use http::StatusCode;
use mcp_gateway_telemetry::log::AUDIT_TARGET;
use mcp_gateway_telemetry::name::{attribute, error_source};

use super::text::bounded;
use super::{Call, Draft, Target, number};

/// How a request ended.
pub(crate) struct End<'a> {
    /// Why it did not succeed, if it did not.
    pub(crate) fault: Option<Fault<'a>>,
    /// What else there is to say of it.
    pub(crate) way: Way,
    /// The status that its client got.
    pub(crate) status: Option<StatusCode>,
}

/// How a request without a failure ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// It was answered.
    #[default]
    Answered,
    /// It was answered, but nobody here has read what: the answer was too long, or in a content coding.
    Unread,
    /// Its client went away before.
    Left,
    /// Its response was broken off, by whom is not known.
    Reset,
}

/// Why a request did not succeed.
pub(crate) struct Fault<'a> {
    /// The value of `error.type`.
    pub(crate) error_type: &'a str,
    /// The value of `error_source`.
    pub(crate) source: &'static str,
    /// The JSON-RPC code that the client was given, if any.
    pub(crate) code: Option<i64>,
    /// The sentence that the client was given.
    pub(crate) message: &'a str,
}

impl Fault<'_> {
    /// Says whether the gateway, or a policy before the server, refused the request; whatever lies with its sender is that.
    pub(crate) fn is_refusal(&self) -> bool {
        self.source == error_source::CLIENT
    }
}

/// What an event says of the end of a request.
struct Told<'a> {
    decision: &'static str,
    outcome: &'static str,
    tool_error: Option<bool>,
    /// The beginning of the message, and what the client was told.
    sentence: (&'static str, &'a str),
}

fn told<'a>(end: &End<'a>) -> Told<'a> {
    let allowed = |outcome, tool_error, sentence| Told {
        decision: "allowed",
        outcome,
        tool_error,
        sentence: (sentence, ""),
    };
    match (&end.fault, end.way) {
        (Some(fault), _) => {
            let is_tool_error = fault.error_type == attribute::ERROR_TYPE_TOOL;
            let sentence = ("Request was not answered with a result: ", fault.message);
            if fault.is_refusal() {
                return Told {
                    decision: "refused",
                    outcome: "refused",
                    tool_error: None,
                    sentence,
                };
            }
            let outcome = if is_tool_error { "tool_error" } else { "error" };
            let tool_error = is_tool_error.then_some(true);
            Told { decision: "allowed", outcome, tool_error, sentence }
        }
        (None, Way::Answered) => allowed("success", Some(false), "Call was answered"),
        (None, Way::Unread) => {
            allowed("unread", None, "Call was answered with what the gateway does not read")
        }
        (None, Way::Left) => {
            allowed("client_disconnected", None, "Call was given up by its client")
        }
        (None, Way::Reset) => allowed("stream_reset", None, "Call was broken off"),
    }
}

/// Writes the event, inside of the request's span if there is one: the line and the record get the ids of its trace.
pub(super) fn write(draft: &Draft, end: &End<'_>) {
    let Told { decision, outcome, tool_error, sentence: (sentence, why) } = told(end);
    let why = bounded(why);
    let (mut tool, mut prompt, mut resource) = (None, None, None);
    match &draft.target {
        Some(Target::Tool(name)) => tool = Some(&**name),
        Some(Target::Prompt(name)) => prompt = Some(&**name),
        Some(Target::Resource(uri)) => resource = Some(&**uri),
        None => {}
    }
    let (server, upstream) = match &draft.call {
        Some(Call { server, upstream }) => (Some(&**server), Some(&**upstream)),
        None => (None, None),
    };
    let fault = end.fault.as_ref();
    let code = fault.and_then(|fault| fault.code).map(|code| code.to_string());
    tracing::info!(
        target: AUDIT_TARGET,
        {
            event.name = "mcp.audit",
            mcp.audit.instance = draft.log.0.instance,
            mcp.audit.sequence = draft.log.next(),
            mcp.audit.decision = decision,
            mcp.audit.outcome = outcome,
            mcp.audit.duration_s = draft.started.elapsed().as_secs_f64(),
            mcp.audit.front_end = draft.front_end,
            client.address = draft.client.map(display),
            mcp.session.id = draft.session.as_deref(),
            http.request.method = draft.http_method.as_str(),
            http.request_id = draft.request_id.as_deref(),
            mcp.method.name = draft.method.as_deref(),
            jsonrpc.request.id = draft.id.as_deref(),
            gen_ai.tool.name = tool,
            gen_ai.prompt.name = prompt,
            mcp.resource.uri = resource,
            mcp.server = server,
            mcp.audit.upstream_name = upstream,
            http.response.status_code = end.status.map(number),
            rpc.response.status_code = code,
            mcp.audit.tool_error = tool_error,
            error.r#type = fault.map(|fault| fault.error_type),
            error_source = fault.map(|fault| fault.source),
        },
        "{sentence}{why}."
    );
}
