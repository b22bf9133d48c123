//! Arguments and results of calls on the span of the request to the server, as far as the configuration asks for them.
//!
//! They stand nowhere else: no log line, metric or audit event gets them.

use mcp_gateway_core::answer::{AnswerReader, Outcome};
use mcp_gateway_core::capture::{CaptureModes, OMITTED_UNREAD, captured};
use mcp_gateway_core::config::{Capture, CaptureMode};
use mcp_gateway_core::jsonrpc::Message;
use mcp_gateway_telemetry::name::attribute;

use crate::router::call::OpenCall;

impl OpenCall {
    /// Writes the arguments of a call on its span.
    pub(super) fn capture_arguments(&self, message: &Message<'_>, capture: &Capture) {
        let mode = self.captures(capture).arguments;
        if let Some(arguments) = message.param("arguments")
            && let Some(text) = captured(arguments.as_bytes(), mode, capture)
        {
            self.span.set(|a| a.put_long(attribute::GEN_AI_TOOL_CALL_ARGUMENTS, text));
        }
    }

    /// Makes the reader of the answer keep the result when it is to be written down.
    pub(super) fn capturing(&self, reader: AnswerReader, capture: &Capture) -> AnswerReader {
        match self.captures(capture).result {
            CaptureMode::Off => reader,
            CaptureMode::Hash | CaptureMode::Value => reader.keeping_result(),
        }
    }

    /// Writes the result of a call on its span.
    pub(super) fn capture_result(&self, reader: &mut AnswerReader, capture: &Capture) {
        let mode = self.captures(capture).result;
        let text = match reader.outcome() {
            None | Some(Outcome::Unread | Outcome::Encoded) => {
                (mode != CaptureMode::Off).then(|| OMITTED_UNREAD.to_owned())
            }
            Some(
                Outcome::Result | Outcome::ToolError | Outcome::Error { .. } | Outcome::Fault(_),
            ) => reader.take_result().and_then(|result| captured(&result, mode, capture)),
        };
        if let Some(text) = text {
            self.span.set(|a| a.put_long(attribute::GEN_AI_TOOL_CALL_RESULT, text));
        }
    }

    /// What is captured of this call; nothing when nobody would see it.
    fn captures(&self, capture: &Capture) -> CaptureModes {
        if capture.tools.is_empty() || !self.span.is_recording() {
            return CaptureModes::default();
        }
        CaptureModes::of(capture, &self.call.route.served)
    }
}
