//! What reading, routing and changing a message costs, beside `serde_json::Value` reading the same text.
//!
//! Prints Markdown; `make bench` runs it, or `cargo run --profile dist -p mcp-gateway-core --example message_speed`.
//! Each figure is the fastest of some short rounds, since a disturbance can only add time.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers, not part of the gateway"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mcp_gateway_core::answer::{AnswerForm, AnswerReader, BodyEnd};
use mcp_gateway_core::catalog::Tool;
use mcp_gateway_core::config::{Config, Server};
use mcp_gateway_core::jsonrpc::{Id, Message};
use mcp_gateway_core::routing::{
    Decision, SessionState, Snapshot, TraceEdit, TraceStamp, Visibility, call_body, decide,
};
use mcp_gateway_core::sse;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// How long one round of one measurement runs.
const ROUND: Duration = Duration::from_millis(4);
/// Of how many rounds the fastest counts.
const ROUNDS: usize = 25;
/// Bytes of the pieces in which an answer arrives.
const CHUNK_BYTES: usize = 16 << 10;
/// Bytes of the longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Tools among which the router finds one.
const TOOLS: usize = 100;

fn main() {
    println!(
        "### Messages without a network\n\n\
         Time as a part of what `serde_json::Value` takes to read the same text. *change*: the call as its server \
         receives it, with another name and a trace. *borrowed*: `serde_json` reading no more than the gateway does. \
         *through `Value`*: read, change and write with `serde_json::Value`.\n\n\
         | arguments of the call, content of the answer | bytes | parse | decide | change | answer, JSON \
         | answer, stream | borrowed | through `Value` |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    let snapshot = snapshot();
    let long = "The quick brown fox jumps over the lazy dog. ".repeat(2_000);
    let unicode = "日本語の文章、そして emoji 🦀 も。".repeat(2_000);
    let escaped = "line one\\nline \\\"two\\\"\\t".repeat(4_000);
    let numbers = "[12345,-6.5e3,0.25],".repeat(4_000);
    let objects = r#"{"path":"src/main.rs","line":17,"ok":true,"note":null},"#.repeat(2_000);
    let pretty =
        "{\n      \"path\": \"src/main.rs\",\n      \"line\": 17\n    },\n    ".repeat(2_000);
    let line = |name: &str, arguments: &str| measure(&snapshot, name, arguments);
    line("small", r#"{"city":"Zürich","days":3,"units":"metric"}"#);
    line("a text", &format!(r#"{{"text":"{long}"}}"#));
    line("a text beyond ASCII", &format!(r#"{{"text":"{unicode}"}}"#));
    line("a text of escapes", &format!(r#"{{"text":"{escaped}"}}"#));
    line("numbers", &format!(r#"{{"rows":[{numbers}0]}}"#));
    line("objects", &format!(r#"{{"rows":[{objects}0]}}"#));
    line("objects on many lines", &format!(r#"{{"rows":[{pretty}0]}}"#));
}

/// Prints the line of one message.
fn measure(snapshot: &Snapshot, name: &str, arguments: &str) {
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{{"name":"weather_forecast_7","arguments":{arguments},"_meta":{{"progressToken":17}}}}}}"#
    );
    let call = call.as_bytes();
    let stamp = TraceStamp {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        tracestate: None,
    };
    let message = Message::parse(call).unwrap();
    let route = || decide(snapshot, &message, SessionState::Valid, &Visibility::All);
    let Decision::ToolCall(tool_call) = route() else { unreachable!("the tool exists") };
    let value = fastest(|| serde_json::from_slice::<Value>(black_box(call)).unwrap());
    let answer = format!(
        r#"{{"jsonrpc":"2.0","id":17,"result":{{"content":[],"structuredContent":{arguments},"isError":false}}}}"#
    );
    let stream = sse::encode_message(answer.as_bytes());
    let answer_value =
        fastest(|| serde_json::from_slice::<Value>(black_box(answer.as_bytes())).unwrap());
    let ratios = [
        fastest(|| Message::parse(black_box(call)).unwrap().param("name").is_some()) / value,
        fastest(route) / value,
        fastest(|| call_body(&message, &tool_call, TraceEdit::Set(stamp), None)) / value,
        follow(AnswerForm::Json, answer.as_bytes()) / answer_value,
        follow(AnswerForm::EventStream, &stream) / answer_value,
        fastest(|| borrowed(black_box(call))) / value,
        fastest(|| through_value(black_box(call), stamp.traceparent)) / value,
    ];
    let ratios = ratios.map(|ratio| format!("{ratio:.2}")).join(" | ");
    println!("| {name} | {} | {ratios} |", call.len());
}

/// Seconds that following a server's answer takes.
fn follow(form: AnswerForm, body: &[u8]) -> f64 {
    let id = Message::parse(br#"{"jsonrpc":"2.0","id":17,"result":{}}"#).unwrap().id();
    let id = Id::from_raw(id.unwrap());
    let body = Bytes::copy_from_slice(body);
    fastest(|| {
        let mut reader = AnswerReader::new(id.clone(), "team/weather", form, ANSWER_BYTES_MAX);
        let mut rest = body.clone();
        let mut bytes = 0;
        while !rest.is_empty() {
            let chunk = rest.split_to(rest.len().min(CHUNK_BYTES));
            bytes += reader.push(chunk).len();
        }
        bytes + reader.finish(BodyEnd::Complete).len()
    })
}

/// The members that the gateway reads, by `serde_json`: borrowed, and raw where they are only passed on.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    params: Params<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Params<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<&'a RawValue>,
}

fn borrowed(call: &[u8]) -> bool {
    let envelope: Envelope<'_> = serde_json::from_slice(call).unwrap();
    black_box((&envelope.jsonrpc, &envelope.method, envelope.id.is_some()));
    black_box((&envelope.params.name, envelope.params.arguments, envelope.params.meta)).1.is_some()
}

fn through_value(call: &[u8], traceparent: &str) -> Vec<u8> {
    let mut message: Value = serde_json::from_slice(call).unwrap();
    if let Some(name) = message.pointer_mut("/params/name") {
        *name = "forecast_7".into();
    }
    if let Some(meta) = message.pointer_mut("/params/_meta").and_then(Value::as_object_mut) {
        meta.insert("traceparent".to_owned(), traceparent.into());
    }
    serde_json::to_vec(&message).unwrap()
}

/// One server with many tools.
fn snapshot() -> Snapshot {
    let server = Server {
        name: "team/weather".to_owned(),
        url: "http://127.0.0.1:9000/mcp".parse().unwrap(),
        hostname: None,
        prefix: "weather_".to_owned(),
        enabled: true,
        credential: None,
        ca_cert_pem: None,
        ca_cert_file: None,
    };
    let config = Config { servers: vec![server], ..Config::default() };
    let tools = (0..TOOLS).map(|number| {
        let raw = format!(r#"{{"name":"forecast_{number}","inputSchema":{{"type":"object"}}}}"#);
        Tool::parse(raw.as_bytes()).unwrap()
    });
    let tools = BTreeMap::from([("team/weather".to_owned(), tools.collect::<Arc<[Tool]>>())]);
    Snapshot::build(&Arc::new(config), 1, &tools)
}

/// The shortest mean time of one call of `work`, in seconds.
fn fastest<T>(work: impl Fn() -> T) -> f64 {
    let round = || {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            for _ in 0..16 {
                black_box(work());
            }
            calls += 16;
        }
        start.elapsed().as_secs_f64() / f64::from(calls)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}
