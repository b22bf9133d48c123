//! The requests that are measured, and what their answers must look like.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use bytes::Bytes;

/// Bytes of the body of a tool call.
const CALL_BYTES: usize = 250;
/// The first id of a request: all ids that a run can need have as many digits.
const FIRST_ID: u64 = 1_000_000_000;
/// The tool that is answered with JSON.
pub(crate) const JSON_TOOL: &str = "json_answer";
/// The tool that is answered with an event stream.
pub(crate) const STREAM_TOOL: &str = "stream_answer";

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Workload {
    /// `tools/call`, answered with JSON.
    Call,
    /// `tools/call`, answered with an event stream of one event.
    CallStream,
    /// `tools/list`.
    List,
    /// `ping`.
    Ping,
}

impl Workload {
    /// Every workload, in the order of the tables.
    pub(crate) const ALL: [Self; 4] = [Self::Call, Self::CallStream, Self::List, Self::Ping];

    /// What tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Call => "`tools/call`, 250 bytes, JSON answer",
            Self::CallStream => "`tools/call`, 250 bytes, event stream",
            Self::List => "`tools/list`, 100 tools",
            Self::Ping => "`ping`",
        }
    }

    /// The request, for a way on which tools have this prefix.
    pub(crate) fn request(self, tool_prefix: &str) -> Template {
        let (rest, is_stream) = match self {
            Self::Call => (call(tool_prefix, JSON_TOOL), false),
            Self::CallStream => (call(tool_prefix, STREAM_TOOL), true),
            Self::List => (r#","method":"tools/list"}"#.to_owned(), false),
            Self::Ping => (r#","method":"ping"}"#.to_owned(), false),
        };
        Template { rest, is_stream }
    }
}

const START: &str = r#"{"jsonrpc":"2.0","id":"#;

/// What stands behind the id of a tool call, filled up to [`CALL_BYTES`] in all.
fn call(tool_prefix: &str, tool: &str) -> String {
    let text = |filler: &str| {
        format!(
            r#","method":"tools/call","params":{{"name":"{tool_prefix}{tool}","arguments":{{"text":"{filler}"}}}}}}"#
        )
    };
    let bytes = START.len() + FIRST_ID.to_string().len() + text("").len();
    text(&"a".repeat(CALL_BYTES.saturating_sub(bytes)))
}

/// One request, sent again and again with another id.
pub(crate) struct Template {
    /// The body behind the id.
    rest: String,
    is_stream: bool,
}

impl Template {
    /// Returns an id that no request had before.
    pub(crate) fn next_id() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(FIRST_ID);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// The body of the request with this id.
    pub(crate) fn body(&self, id: u64) -> Bytes {
        format!("{START}{id}{}", self.rest).into()
    }

    /// Checks that `answer` is the result of the request with this id.
    pub(crate) fn check(&self, id: u64, answer: &[u8]) -> anyhow::Result<()> {
        let event = if self.is_stream { "event: message\ndata: " } else { "" };
        let expect = format!("{event}{START}{id},\"result\":");
        ensure!(
            answer.starts_with(expect.as_bytes()),
            "not the answer to request {id}: {}",
            String::from_utf8_lossy(answer.get(..300).unwrap_or(answer))
        );
        Ok(())
    }
}

/// Reads a result out of an answer, for what is not measured.
pub(crate) fn result(answer: &[u8]) -> anyhow::Result<serde_json::Value> {
    let mut answer: serde_json::Value = serde_json::from_slice(answer)?;
    answer.get_mut("result").map(serde_json::Value::take).context("the answer has no result")
}

#[cfg(test)]
mod tests {
    use super::{CALL_BYTES, FIRST_ID, Template, Workload};
    use crate::way::PREFIX;

    #[test]
    fn calls_have_the_same_length_with_and_without_prefix() {
        for workload in [Workload::Call, Workload::CallStream] {
            for prefix in ["", PREFIX] {
                let body = workload.request(prefix).body(Template::next_id());
                assert_eq!(body.len(), CALL_BYTES, "{}", workload.name());
                let message: serde_json::Value = serde_json::from_slice(&body).unwrap();
                let name = message["params"]["name"].as_str().unwrap();
                assert!(name.starts_with(prefix), "{name}");
            }
        }
    }

    #[test]
    fn errors_and_answers_to_other_requests_are_noticed() {
        let check = |workload: Workload, answer: &str, expect: bool| {
            let checked = workload.request("").check(FIRST_ID, answer.as_bytes());
            assert_eq!(checked.is_ok(), expect, "{answer}");
        };
        let good = r#"{"jsonrpc":"2.0","id":1000000000,"result":{}}"#;
        check(Workload::Ping, good, true);
        check(Workload::CallStream, &format!("event: message\ndata: {good}\n\n"), true);
        check(Workload::CallStream, good, false);
        check(Workload::Ping, &good.replace("result", "error"), false);
        check(Workload::Ping, &good.replace("1000", "2000"), false);
    }
}
