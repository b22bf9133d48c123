//! Prints how long reading and changing a message takes, beside `serde_json` reading as little of the same text.
//!
//! `cargo run --release -p mcp-gateway-core --example parse_speed`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers, not part of the gateway"
)]

use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, Instant};

use mcp_gateway_core::jsonrpc::{Message, Splice};
use serde::Deserialize;
use serde_json::value::RawValue;

/// How long each measurement runs.
const ROUND: Duration = Duration::from_millis(200);
/// Of how many rounds the fastest counts.
const ROUNDS: usize = 5;

/// The same members by `serde_json`: borrowed, and raw where the gateway only passes them on.
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

fn main() {
    println!(
        "{:<24} {:>10} {:>10} {:>10} {:>8} {:>10}",
        "arguments", "bytes", "parse", "serde_json", "ratio", "splice"
    );
    let long = "The quick brown fox jumps over the lazy dog. ".repeat(2_000);
    let unicode = "日本語の文章、そして emoji 🦀 も。".repeat(2_000);
    let escaped = "line one\\nline \\\"two\\\"\\t".repeat(4_000);
    let numbers = "[12345,-6.5e3,0.25],".repeat(4_000);
    let objects = r#"{"path":"src/main.rs","line":17,"ok":true,"note":null},"#.repeat(2_000);
    let pretty =
        "{\n      \"path\": \"src/main.rs\",\n      \"line\": 17\n    },\n    ".repeat(2_000);
    measure("small", r#"{"city":"Zürich","days":3}"#);
    measure("a text", &format!(r#"{{"text":"{long}"}}"#));
    measure("a text beyond ASCII", &format!(r#"{{"text":"{unicode}"}}"#));
    measure("a text of escapes", &format!(r#"{{"text":"{escaped}"}}"#));
    measure("numbers", &format!(r#"{{"rows":[{numbers}0]}}"#));
    measure("objects", &format!(r#"{{"rows":[{objects}0]}}"#));
    measure("objects on many lines", &format!(r#"{{"rows":[{pretty}0]}}"#));
}

fn measure(name: &str, arguments: &str) {
    let text = format!(
        r#"{{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{{"name":"weather_forecast","arguments":{arguments},"_meta":{{"progressToken":17}}}}}}"#
    );
    let body = text.as_bytes();
    let own = fastest(|| Message::parse(black_box(body)).unwrap().param("name").is_some());
    let serde = fastest(|| {
        let envelope: Envelope<'_> = serde_json::from_slice(black_box(body)).unwrap();
        black_box((&envelope.jsonrpc, &envelope.method, envelope.id.is_some()));
        black_box((&envelope.params.name, envelope.params.arguments, envelope.params.meta))
            .1
            .is_some()
    });
    let message = Message::parse(body).unwrap();
    let splice = fastest(|| {
        let mut splice = Splice::new(black_box(&message));
        splice.set_string_param("name", "forecast");
        splice.set_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None);
        splice.finish().is_empty()
    });
    println!(
        "{name:<24} {:>10} {own:>10.1?} {serde:>10.1?} {:>7.2}x {splice:>10.1?}",
        body.len(),
        serde.as_secs_f64() / own.as_secs_f64()
    );
}

/// The shortest mean duration of one call of `work`.
fn fastest<T>(work: impl Fn() -> T) -> Duration {
    let round = || {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            for _ in 0..16 {
                black_box(work());
            }
            calls += 16;
        }
        start.elapsed() / calls
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}
