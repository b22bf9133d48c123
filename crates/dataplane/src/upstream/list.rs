//! Reads every page of a server's list of tools.
//!
//! Tools are kept as the bytes that came. One that cannot be offered is left out and reported, the rest are not its
//! fault. A list without end, in a circle, or too long in any way fails as a whole.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use mcp_gateway_core::catalog::Tool;
use mcp_gateway_core::config::Limits;
use mcp_gateway_core::jsonrpc::{Object, Raw, code};
use mcp_gateway_core::mcp::method;
use mcp_gateway_telemetry::Span;
use serde::Serialize;
use tokio::time::Instant;

use super::client::{Envelope, ServerClient};
use super::error::{UpstreamError, shown};
use crate::session::UpstreamSession;
use crate::upstream::{message, span};

/// Time for one page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for all pages together.
const LIST_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of an answer around its `result`: ids and member names, and notifications that come before it on a stream.
const ENVELOPE_BYTES_MAX: usize = 64 * 1024;

/// A server's whole list of tools.
#[derive(Clone, Debug, Default)]
pub struct ToolList {
    /// The tools that can be offered, in the server's order.
    pub tools: Vec<Tool>,
    /// The others.
    pub invalid: Vec<InvalidEntry>,
    /// The bytes of all results together.
    pub bytes: usize,
    /// The number of pages.
    pub pages: usize,
}

/// An entry of a server's list that is no tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvalidEntry {
    /// Its place in the list, from 0.
    pub position: usize,
    /// What is wrong with it; names the tool when it has a name.
    pub problem: String,
}

impl ServerClient {
    /// Reads all pages of `tools/list`, within the limits that the client was made with.
    ///
    /// A server that does not know the method offers no tools. Each page has a span below `parent`.
    pub async fn list_tools(
        &self,
        session: &UpstreamSession,
        parent: &Span,
    ) -> Result<ToolList, UpstreamError> {
        let mut reading = Reading::new(self.limits());
        let whole = Instant::now() + LIST_TIMEOUT;
        let mut members = Vec::new();
        loop {
            let deadline = whole.min(Instant::now() + PAGE_TIMEOUT);
            let page = span::message(parent, method::TOOLS_LIST, self.server());
            let trace = page.headers();
            let trace = trace.as_ref();
            let envelope = Envelope { session: Some(session), headers: None, trace, deadline };
            let params = message::params(&members, trace);
            let bytes_max = reading.bytes_left().saturating_add(ENVELOPE_BYTES_MAX);
            let called =
                self.call(method::TOOLS_LIST, params.as_deref(), &envelope, bytes_max).await;
            if let Ok(answer) = &called {
                span::answered(&page, answer.http);
            }
            span::end(&page, &called);
            let page = match called {
                Err(UpstreamError::Refused(error))
                    if error.code == i64::from(code::METHOD_NOT_FOUND)
                        && reading.list.pages == 0 =>
                {
                    return Ok(ToolList::default());
                }
                other => other?.result,
            };
            match reading.page(&page)? {
                None => return Ok(reading.list),
                Some(cursor) => members = [b"\"cursor\":", &*cursor].concat(),
            }
        }
    }
}

/// A list as far as it has been read.
struct Reading<'a> {
    limits: &'a Limits,
    list: ToolList,
    entries: usize,
    cursors: HashSet<Bytes>,
}

impl<'a> Reading<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, list: ToolList::default(), entries: 0, cursors: HashSet::new() }
    }

    fn bytes_left(&self) -> usize {
        self.limits.list_bytes_max.saturating_sub(self.list.bytes)
    }

    /// Takes one result; returns the JSON text of the cursor that leads to the next page.
    fn page(&mut self, result: &Bytes) -> Result<Option<Bytes>, UpstreamError> {
        if result.len() > self.bytes_left() {
            return Err(UpstreamError::ListTooLarge { max: self.limits.list_bytes_max });
        }
        self.list.bytes += result.len();
        self.list.pages += 1;
        let object = Object::parse(result).map_err(|_| {
            UpstreamError::InvalidResult("the result of tools/list is not an object")
        })?;
        let tools = object.get("tools").and_then(|tools| tools.array().ok());
        let tools = tools
            .ok_or(UpstreamError::InvalidResult("the result of tools/list has no tools array"))?;
        for raw in tools {
            self.entry(raw)?;
        }
        let Some(cursor) = object.get("nextCursor").filter(|cursor| !cursor.is_null()) else {
            return Ok(None);
        };
        self.next(&result.slice(cursor.range()), cursor).map(Some)
    }

    fn entry(&mut self, raw: Raw<'_>) -> Result<(), UpstreamError> {
        let max = self.limits.tools_per_server_max;
        if self.entries == max {
            return Err(UpstreamError::TooManyTools { max });
        }
        let position = self.entries;
        self.entries += 1;
        match Tool::parse(raw.as_bytes()) {
            Ok(tool) => self.list.tools.push(tool),
            Err(error) => {
                let problem = shown(&error.to_string());
                self.list.invalid.push(InvalidEntry { position, problem });
            }
        }
        Ok(())
    }

    fn next(&mut self, cursor: &Bytes, raw: Raw<'_>) -> Result<Bytes, UpstreamError> {
        if raw.as_str().is_none() {
            return Err(UpstreamError::InvalidResult("nextCursor is not a string"));
        }
        if self.list.pages == self.limits.list_pages_max {
            return Err(UpstreamError::TooManyPages { max: self.limits.list_pages_max });
        }
        if !self.cursors.insert(cursor.clone()) {
            return Err(UpstreamError::CursorCycle);
        }
        Ok(cursor.clone())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mcp_gateway_core::config::Limits;

    use super::{Reading, UpstreamError};

    const TOOL: &str = r#"{"name":"a","inputSchema":{"type":"object"}}"#;

    fn page(reading: &mut Reading<'_>, text: &str) -> Result<Option<Bytes>, UpstreamError> {
        reading.page(&Bytes::copy_from_slice(text.as_bytes()))
    }

    fn fails(text: &str, expect: &str) {
        let limits = Limits::default();
        let error = page(&mut Reading::new(&limits), text).unwrap_err();
        assert_eq!(error.reason(), expect, "{text}");
    }

    #[test]
    fn pages_follow_the_cursor_as_written() {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        for (cursor, expect) in
            [(r#""""#, Some(r#""""#)), (r#""\u0061""#, Some(r#""\u0061""#)), ("null", None)]
        {
            let text = format!(r#"{{"tools":[{TOOL}],"nextCursor":{cursor}}}"#);
            assert_eq!(page(&mut reading, &text).unwrap().as_deref(), expect.map(str::as_bytes));
        }
        assert_eq!((reading.list.tools.len(), reading.list.pages), (3, 3));
    }

    #[test]
    fn a_bad_tool_costs_itself_alone() {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        let text = format!(r#"{{"tools":[7,{TOOL},{{"name":"b"}},{{"inputSchema":{{}}}}]}}"#);
        assert_eq!(page(&mut reading, &text).unwrap(), None);
        assert_eq!(reading.list.tools.len(), 1);
        let places: Vec<_> = reading.list.invalid.iter().map(|entry| entry.position).collect();
        assert_eq!(places, [0, 2, 3], "{:?}", reading.list.invalid);
        assert!(reading.list.invalid[1].problem.contains('b'));
    }

    #[test]
    fn results_without_a_list_are_refused() {
        for text in ["[]", "{}", r#"{"tools":{}}"#, r#"{"tools":[],"nextCursor":7}"#] {
            fails(text, "invalid_result");
        }
    }

    #[test]
    fn every_bound_of_a_list_holds() {
        let limits = Limits {
            list_pages_max: 2,
            tools_per_server_max: 3,
            list_bytes_max: 400,
            ..Limits::default()
        };
        let mut reading = Reading::new(&limits);
        assert!(page(&mut reading, r#"{"tools":[],"nextCursor":"a"}"#).is_ok());
        let error = page(&mut reading, r#"{"tools":[],"nextCursor":"b"}"#).unwrap_err();
        assert_eq!(error.reason(), "too_many_pages");

        let text = format!(r#"{{"tools":[{TOOL},{TOOL},{TOOL},{TOOL}]}}"#);
        let error = page(&mut Reading::new(&limits), &text).unwrap_err();
        assert_eq!(error.reason(), "too_many_tools");

        let text = format!(r#"{{"tools":[],"x":"{}"}}"#, "x".repeat(400));
        let error = page(&mut Reading::new(&limits), &text).unwrap_err();
        assert_eq!(error.reason(), "list_too_large");
    }

    #[test]
    fn a_list_in_a_circle_is_noticed() {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        for (cursor, expect) in [("a", None), ("b", None), ("a", Some("cursor_cycle"))] {
            let text = format!(r#"{{"tools":[],"nextCursor":"{cursor}"}}"#);
            let reason = page(&mut reading, &text).err().map(|error| error.reason());
            assert_eq!(reason, expect, "{cursor}");
        }
    }
}
