//! Stories that several spans share: requests that wait for one session, a call that is sent twice. And an answer that
//! nobody can read, through a whole request.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::run::ARRIVAL;
use super::stand::{FrontEnd, Setup, Stand, Transport};
use crate::support::fault_server::Fault;
use crate::support::http::send;
use crate::support::mcp_client::McpClient;
use crate::support::span::{Span, Status};
use crate::support::tree::print;
use crate::support::wait::{PATIENCE, until};

const TRACE: &str = "6bf92f3577b34da6a3ce929d0e0e4736";
const OTHER_TRACE: &str = "7bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const MISSES: &str = r#"mcp_gateway_session_cache_lookups_total{result="miss"} 2"#;

/// A call of the server `fault` in a trace of its own.
fn call(client: &McpClient, trace_id: &str) -> Request<Full<Bytes>> {
    let body = json!({
        "jsonrpc": "2.0", "id": trace_id, "method": "tools/call",
        "params": { "name": "fault_echo", "arguments": { "text": "t" } },
    });
    let mut request = client.message(body.to_string());
    let traceparent = format!("00-{trace_id}-{PARENT}-01");
    request.headers_mut().insert("traceparent", HeaderValue::from_str(&traceparent).unwrap());
    request
}

fn named<'s>(spans: &'s [Span], trace_id: &str, name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.trace_id == trace_id && span.name == name).collect()
}

/// The spans of a gateway that has stopped, once both traces have as many as this of a name.
async fn spans(stand: Stand, name: &str, [first, other]: [usize; 2]) -> Vec<Span> {
    let stopped = stand.stop().await;
    let have_arrived = |spans: &[Span]| {
        named(spans, TRACE, name).len() == first && named(spans, OTHER_TRACE, name).len() == other
    };
    let spans = stopped.receiver.settled(ARRIVAL, have_arrived).await;
    spans.unwrap_or_else(|spans| panic!("not {first} and {other} of {name} in\n{}", print(&spans)))
}

fn links(span: &Span) -> Vec<(&str, &str)> {
    span.links.iter().map(|link| (&*link.trace_id, &*link.span_id)).collect()
}

async fn who_waits_is_linked_to_who_opens(front_end: FrontEnd) {
    let stand = Stand::start(Setup::new(front_end, Transport::Http)).await;
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    let open = stand.servers.fault.hold("initialize");
    let record = stand.servers.fault.record();
    record.clear();

    let first = tokio::spawn(send(stand.address(), call(&client, TRACE)));
    record.wait_for("initialize", PATIENCE, |it| it.rpc_method() == "initialize").await;
    let second = tokio::spawn(send(stand.address(), call(&client, OTHER_TRACE)));
    until("both have found no session", PATIENCE, async || {
        stand.admin("/metrics").await.contains(MISSES).then_some(())
    })
    .await;
    open.send_replace(true);
    for answer in [first, second] {
        assert_eq!(answer.await.unwrap().status, 200);
    }
    assert_eq!(record.of_method("initialize").len(), 1);

    let spans = spans(stand, "mcp-router.session-init", [1, 1]).await;
    let opener = named(&spans, TRACE, "mcp-router.session-init")[0];
    let waiter = named(&spans, OTHER_TRACE, "mcp-router.session-init")[0];
    assert_eq!(links(opener), [], "{}", print(&spans));
    assert_eq!(links(waiter), [(TRACE, &*opener.span_id)], "{}", print(&spans));
}

async fn second_try_is_linked_to_the_first(front_end: FrontEnd) {
    let stand = Stand::start(Setup::new(front_end, Transport::Http)).await;
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    assert_eq!(send(stand.address(), call(&client, OTHER_TRACE)).await.status, 200);
    stand.servers.fault.forget_sessions();
    assert_eq!(send(stand.address(), call(&client, TRACE)).await.status, 200);

    let spans = spans(stand, "tools/call echo", [2, 1]).await;
    let is_second = |span: &&Span| span.attribute("http.request.resend_count").is_some();
    let (second, first): (Vec<_>, Vec<_>) =
        named(&spans, TRACE, "tools/call echo").into_iter().partition(is_second);
    assert_eq!(links(first[0]), [], "{}", print(&spans));
    assert_eq!(links(second[0]), [(TRACE, &*first[0].span_id)], "{}", print(&spans));
}

/// What the server has compressed reaches the client as it is, and nobody says that the call has failed.
async fn compressed_answer_passes(front_end: FrontEnd) {
    let stand = Stand::start(Setup::new(front_end, Transport::Http)).await;
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    stand.servers.fault.fault("tools/call", Fault::Gzip);
    let answer = send(stand.address(), call(&client, TRACE)).await;
    assert_eq!((answer.status, answer.header("content-encoding")), (200, "gzip"), "{answer:?}");
    let mut text = String::new();
    GzDecoder::new(&*answer.body).read_to_string(&mut text).unwrap();
    let message: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(message["id"], TRACE);
    assert_eq!(message["result"]["content"][0]["text"], "compressed");

    let spans = spans(stand, "tools/call echo", [1, 0]).await;
    let to_server = named(&spans, TRACE, "tools/call echo")[0];
    assert_eq!(
        to_server.attribute("http.response.status_code"),
        Some(&200_i64.into()),
        "{}",
        print(&spans)
    );
    for span in spans.iter().filter(|span| span.trace_id == TRACE) {
        assert_eq!(span.status, Status::Unset, "{}", print(&spans));
        assert_eq!(span.attribute("error.type"), None, "{}", print(&spans));
        assert_eq!(span.attribute("client.disconnected"), None, "{}", print(&spans));
    }
}

macro_rules! at_each_front_end {
    ($($check:ident: $standalone:ident, $buffered:ident, $duplex:ident;)*) => {$(
        #[tokio::test]
        async fn $standalone() {
            $check(FrontEnd::Standalone).await;
        }

        #[tokio::test]
        async fn $buffered() {
            $check(FrontEnd::Buffered).await;
        }

        #[tokio::test]
        async fn $duplex() {
            $check(FrontEnd::Duplex).await;
        }
    )*};
}

at_each_front_end! {
    who_waits_is_linked_to_who_opens:
        who_waits_is_linked_to_who_opens_standalone,
        who_waits_is_linked_to_who_opens_behind_buffered_envoy,
        who_waits_is_linked_to_who_opens_behind_duplex_envoy;
    second_try_is_linked_to_the_first:
        second_try_is_linked_to_the_first_standalone,
        second_try_is_linked_to_the_first_behind_buffered_envoy,
        second_try_is_linked_to_the_first_behind_duplex_envoy;
    compressed_answer_passes:
        compressed_answer_passes_standalone,
        compressed_answer_passes_behind_buffered_envoy,
        compressed_answer_passes_behind_duplex_envoy;
}
