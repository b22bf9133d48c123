//! The trace context on its way: from the client to the gateway, from the gateway to the server.

use http::HeaderValue;
use serde_json::{Value, json};

use super::stand::{FrontEnd, Setup, Stand, Transport};
use crate::support::http::{Answer, send};
use crate::support::mcp_client::McpClient;
use crate::support::record::Received;
use crate::support::span::Span;
use crate::support::tree::print;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
/// A context that has nothing to do with the request.
const OTHER: &str = "00-11111111111111111111111111111111-1111111111111111-01";
const STATE: &str = "vendor=a1,other@tenant=b2";

/// What is no `traceparent`, whatever lenient readers make of it.
const MALFORMED: [&str; 14] = [
    "",
    "nonsense",
    "00-1-1-01",
    "00-+1-+1-+1",
    "00-4bf92f3577b34da6a3ce929d0e0e47360-00f067aa0ba902b7-01",
    "00-bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
    "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
];

/// A client whose every request can be told apart by its id.
struct Caller {
    client: McpClient,
    stand: Stand,
}

impl Caller {
    async fn start(front_end: FrontEnd) -> Self {
        let stand = Stand::start(Setup::new(front_end, Transport::Http)).await;
        let client = McpClient::connect(stand.address(), "2025-11-25").await;
        Self { client, stand }
    }

    /// Calls the tool of a server, with these headers beside the usual ones.
    async fn call(
        &self,
        request_id: &str,
        server: &str,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let body = json!({
            "jsonrpc": "2.0", "id": request_id, "method": "tools/call",
            "params": { "name": format!("{server}_echo"), "arguments": { "text": "t" } },
        });
        self.post(request_id, &body, headers).await
    }

    async fn post(
        &self,
        request_id: &str,
        body: &Value,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let mut request = self.client.message(body.to_string());
        request.headers_mut().insert("x-request-id", request_id.parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
        }
        let answer = send(self.stand.address(), request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Stops the gateway; returns all spans, which are there once those of the requests with these ids are.
    async fn spans(self, request_ids: &[&str]) -> (Vec<Span>, super::stand::Servers) {
        let stopped = self.stand.stop().await;
        let have_arrived =
            |spans: &[Span]| request_ids.iter().all(|id| process_of(spans, id).is_some());
        let spans = stopped.receiver.settled(super::run::ARRIVAL, have_arrived).await;
        let spans = spans.unwrap_or_else(|spans| {
            panic!("not all of {request_ids:?} in\n{}", print(&spans));
        });
        (spans, stopped.servers)
    }
}

/// The outermost span of a request.
fn process_of<'s>(spans: &'s [Span], request_id: &str) -> Option<&'s Span> {
    let has_id = |span: &&Span| span.attribute("http.request_id") == Some(&request_id.into());
    let is_outer = |span: &&Span| {
        !spans.iter().any(|other| Some(&other.span_id) == span.parent_span_id.as_ref())
    };
    spans.iter().filter(has_id).find(is_outer)
}

/// The only span of a name in a trace.
fn only<'s>(spans: &'s [Span], trace_id: &str, name: &str) -> &'s Span {
    let found: Vec<&Span> =
        spans.iter().filter(|span| span.trace_id == trace_id && span.name == name).collect();
    let [span] = found[..] else { panic!("{} of {name} in\n{}", found.len(), print(spans)) };
    span
}

/// What a server was told: the header, and `params._meta`.
fn told(request: &Received, key: &str) -> [Option<String>; 2] {
    let in_body = request.json()["params"]["_meta"][key].as_str().map(str::to_owned);
    [request.header(key).map(str::to_owned), in_body]
}

fn both(value: &str) -> [Option<String>; 2] {
    [Some(value.to_owned()), Some(value.to_owned())]
}

/// The request of a call as its server received it.
fn received(requests: &[Received], request_id: &str) -> Received {
    let found = requests.iter().find(|request| request.json()["id"] == request_id);
    found.unwrap_or_else(|| panic!("{request_id} has not arrived")).clone()
}

async fn server_continues_the_trace(front_end: FrontEnd) {
    let caller = Caller::start(front_end).await;
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let headers = [("traceparent", &*parent), ("tracestate", STATE)];
    let opened_before = caller.stand.servers.newer.record().all().len();
    caller.call("with a parent", "newer", &headers).await;
    let (spans, servers) = caller.spans(&["with a parent"]).await;

    let call = only(&spans, TRACE, "tools/call echo");
    let of_span = |span: &Span| format!("00-{TRACE}-{}-01", span.span_id);
    let record = servers.newer.record();
    let request = received(&record.of_method("tools/call"), "with a parent");
    assert_eq!(told(&request, "traceparent"), both(&of_span(call)));
    assert_eq!(told(&request, "tracestate"), both(STATE));

    let init = only(&spans, TRACE, "mcp-router.session-init");
    let opening: Vec<Received> = record.all().into_iter().skip(opened_before).collect();
    let [initialize, initialized] = ["initialize", "notifications/initialized"].map(|method| {
        opening.iter().find(|request| request.rpc_method() == method).unwrap().clone()
    });
    assert_eq!(told(&initialize, "traceparent"), both(&of_span(init)));
    assert_eq!(told(&initialize, "tracestate"), both(STATE));
    assert_eq!(told(&initialized, "traceparent"), both(&of_span(init)));
    assert_eq!(told(&initialized, "tracestate"), both(STATE));

    let of_trace: Vec<&Span> = spans.iter().filter(|span| span.trace_id == TRACE).collect();
    assert!(of_trace.iter().all(|span| span.trace_state == STATE), "{}", print(&spans));
    let roots: Vec<_> =
        of_trace.iter().filter(|span| span.parent_span_id.as_deref() == Some(PARENT)).collect();
    assert_eq!(roots.len(), 1, "{}", print(&spans));
}

#[tokio::test]
async fn server_continues_the_trace_of_its_caller_standalone() {
    server_continues_the_trace(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn server_continues_the_trace_of_its_caller_behind_duplex_envoy() {
    server_continues_the_trace(FrontEnd::Duplex).await;
}

#[tokio::test]
async fn server_continues_the_trace_of_its_caller_behind_buffered_envoy() {
    server_continues_the_trace(FrontEnd::Buffered).await;
}

/// The server gets the trace that was begun, and no trace state of one that was not continued.
fn assert_new_root(spans: &[Span], request: &Received, request_id: &str) {
    let process = process_of(spans, request_id).unwrap();
    assert_eq!(process.parent_span_id, None, "{request_id}");
    assert_ne!(process.trace_id, TRACE, "{request_id}");
    let call = only(spans, &process.trace_id, "tools/call echo");
    let expect = format!("00-{}-{}-01", process.trace_id, call.span_id);
    assert_eq!(told(request, "traceparent"), both(&expect), "{request_id}");
    assert_eq!(told(request, "tracestate"), [None, None], "{request_id}");
}

async fn no_usable_parent_begins_a_trace(front_end: FrontEnd) {
    let caller = Caller::start(front_end).await;
    caller.call("no parent", "older", &[]).await;
    let valid = format!("00-{TRACE}-{PARENT}-01");
    caller.call("two parents", "older", &[("traceparent", &valid), ("traceparent", &valid)]).await;
    for traceparent in MALFORMED {
        let id = format!("malformed {traceparent}");
        caller.call(&id, "older", &[("traceparent", traceparent), ("tracestate", STATE)]).await;
    }
    let malformed =
        MALFORMED.map(|traceparent| format!("malformed {traceparent}").trim().to_owned());
    let mut ids = vec!["no parent", "two parents"];
    ids.extend(malformed.iter().map(String::as_str));
    let (spans, servers) = caller.spans(&ids).await;
    let requests = servers.older.record().of_method("tools/call");
    for (id, request) in ids.iter().zip(&requests) {
        assert_new_root(&spans, request, id);
    }
    assert_eq!(requests.len(), ids.len());
}

#[tokio::test]
async fn no_usable_parent_begins_a_trace_standalone() {
    no_usable_parent_begins_a_trace(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn no_usable_parent_begins_a_trace_behind_envoy() {
    no_usable_parent_begins_a_trace(FrontEnd::Duplex).await;
}

async fn unusual_parents_are_kept(front_end: FrontEnd) {
    let caller = Caller::start(front_end).await;
    let [later, bad_state, meta] = ["1", "2", "3"].map(|last| format!("{}{last}", &TRACE[..31]));
    // A later version may have more fields; this one's are continued.
    let of_later = format!("cc-{later}-{PARENT}-01-what-the-future-brings");
    caller.call("later version", "older", &[("traceparent", &of_later)]).await;
    let valid = format!("00-{bad_state}-{PARENT}-01");
    let headers = [("traceparent", &*valid), ("tracestate", "no list at all")];
    caller.call("malformed state", "older", &headers).await;
    // What a client has put into the message is replaced, not joined.
    let own = format!("00-{meta}-{PARENT}-01");
    let body = json!({
        "jsonrpc": "2.0", "id": "old meta", "method": "tools/call",
        "params": { "name": "older_echo", "arguments": {}, "_meta": {
            "traceparent": OTHER,
            "tracestate": "old=1", "progressToken": 7,
        } },
    });
    caller.post("old meta", &body, &[("traceparent", &own)]).await;
    let (spans, servers) = caller.spans(&["later version", "malformed state", "old meta"]).await;

    let requests = servers.older.record().of_method("tools/call");
    for (id, trace_id) in
        [("later version", &later), ("malformed state", &bad_state), ("old meta", &meta)]
    {
        let process = process_of(&spans, id).unwrap();
        assert_eq!(process.parent_span_id.as_deref(), Some(PARENT), "{id}");
        assert_eq!(&process.trace_id, trace_id, "{id}");
        assert_eq!(process.trace_state, "", "{id}");
        let call = only(&spans, trace_id, "tools/call echo");
        let request = received(&requests, id);
        let expect = format!("00-{trace_id}-{}-01", call.span_id);
        assert_eq!(told(&request, "traceparent"), both(&expect), "{id}");
        assert_eq!(told(&request, "tracestate"), [None, None], "{id}");
    }
    let old_meta = received(&requests, "old meta").json();
    assert_eq!(old_meta["params"]["_meta"]["progressToken"], 7);
}

#[tokio::test]
async fn unusual_parents_are_kept_standalone() {
    unusual_parents_are_kept(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn unusual_parents_are_kept_behind_envoy() {
    unusual_parents_are_kept(FrontEnd::Buffered).await;
}

async fn unsampled_parent_makes_no_spans(front_end: FrontEnd) {
    let caller = Caller::start(front_end).await;
    let parent = format!("00-{TRACE}-{PARENT}-00");
    caller.call("unsampled", "newer", &[("traceparent", &parent), ("tracestate", STATE)]).await;
    caller.call("sampled", "newer", &[]).await;
    let status: Value = serde_json::from_str(&caller.stand.admin("/status").await).unwrap();
    assert_ne!(status["telemetry"]["notSampledByParent"], 0, "{status}");
    // The spans of the later request are there, so those of the earlier one would be.
    let (spans, servers) = caller.spans(&["sampled"]).await;
    assert!(!spans.iter().any(|span| span.trace_id == TRACE), "{}", print(&spans));

    let requests = servers.newer.record().all();
    let of_trace: Vec<&Received> = requests
        .iter()
        .filter(|request| request.header("traceparent").is_some_and(|it| it.contains(TRACE)))
        .collect();
    let methods: Vec<String> = of_trace.iter().map(|request| request.rpc_method()).collect();
    assert_eq!(methods, ["initialize", "notifications/initialized", "tools/call"]);
    for request in of_trace {
        let traceparent = request.header("traceparent").unwrap();
        assert!(traceparent.ends_with("-00"), "{traceparent}");
        assert!(!traceparent.contains(PARENT), "{traceparent}");
        assert_eq!(request.header("tracestate"), Some(STATE));
        assert_eq!(told(request, "traceparent"), both(traceparent));
    }
}

#[tokio::test]
async fn unsampled_parent_makes_no_spans_standalone() {
    unsampled_parent_makes_no_spans(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn unsampled_parent_makes_no_spans_behind_envoy() {
    unsampled_parent_makes_no_spans(FrontEnd::Duplex).await;
}

/// The headers in which the router tells the broker about the trace are nobody else's to set.
#[tokio::test]
async fn client_cannot_put_the_broker_into_another_trace() {
    for front_end in [FrontEnd::Standalone, FrontEnd::Duplex] {
        let caller = Caller::start(front_end).await;
        let own = format!("00-{TRACE}-{PARENT}-01");
        let headers = [
            ("traceparent", &*own),
            ("x-mcp-traceparent", OTHER),
            ("x-mcp-tracestate", "forged=1"),
        ];
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        caller.post("forged", &body, &headers).await;
        let (spans, _) = caller.spans(&["forged"]).await;
        let process = process_of(&spans, "forged").unwrap();
        let broker = only(&spans, TRACE, "mcp-broker.handle-request");
        assert_eq!(broker.parent_span_id.as_ref(), Some(&process.span_id), "{front_end:?}");
        assert_eq!(broker.trace_state, "", "{front_end:?}");
    }
}
