//! The trace context that arrives with a request, read strictly after W3C Trace Context.
//!
//! The propagator of the SDK accepts what the specification forbids (short ids, signs, extra fields), so one careless client
//! could put everybody into one trace. Here a malformed `traceparent` is no `traceparent`: the request gets a trace
//! of its own. A malformed `tracestate` is dropped and the `traceparent` kept, as the specification says.
//!
//! Input comes from HTTP headers, gRPC metadata or `params._meta`; output goes to [`crate::Tracer::start`].

mod tracestate;

use std::sync::Arc;

use http::HeaderMap;
use opentelemetry::{SpanId, TraceId};

/// Length of a `traceparent` of version 00.
const TRACEPARENT_LEN: usize = 55;

/// A span of another process, or nothing: the parent of what happens here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteContext {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: bool,
    word: Word,
    /// The `tracestate` list, never empty.
    state: Option<Arc<str>>,
}

/// What the other process's word on sampling counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Word {
    /// As much as a caller's.
    #[default]
    Caller,
    /// It is the decision of this gateway.
    Decided,
    /// It asks for a trace, and may.
    Forced,
}

impl Default for RemoteContext {
    fn default() -> Self {
        Self::none()
    }
}

impl RemoteContext {
    /// No parent: what starts with it is a root.
    pub const fn none() -> Self {
        Self::of(TraceId::INVALID, SpanId::INVALID, false, None)
    }

    /// Reads a `traceparent` and the `tracestate` that goes with it.
    ///
    /// Output: [`RemoteContext::none`] unless `traceparent` is valid: lower-case hexadecimal digits, ids that are not
    /// zero, a version other than `ff`, exactly 55 characters for version `00` (later versions may add `-…`).
    pub fn extract(traceparent: Option<&[u8]>, tracestate: Option<&str>) -> Self {
        let Some((trace_id, span_id, sampled)) = traceparent.and_then(parse_traceparent) else {
            return Self::none();
        };
        let state = tracestate.and_then(tracestate::parse).map(Arc::from);
        Self::of(trace_id, span_id, sampled, state)
    }

    /// Reads `traceparent` and `tracestate` of an HTTP request.
    ///
    /// Two `traceparent` headers are none, since nobody can say which is true. Several `tracestate` headers are one
    /// list in their order.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut parents = headers.get_all("traceparent").iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else {
            return Self::none();
        };
        let mut states = headers.get_all("tracestate").iter();
        match (states.next(), states.next()) {
            (None, _) => Self::extract(Some(parent.as_bytes()), None),
            (Some(one), None) => Self::extract(Some(parent.as_bytes()), one.to_str().ok()),
            (Some(_), Some(_)) => {
                let joined: Option<Vec<&str>> =
                    headers.get_all("tracestate").iter().map(|state| state.to_str().ok()).collect();
                let joined = joined.map(|states| states.join(","));
                Self::extract(Some(parent.as_bytes()), joined.as_deref())
            }
        }
    }

    /// Says whether there is a parent.
    pub fn is_valid(&self) -> bool {
        self.trace_id != TraceId::INVALID
    }

    /// Says whether the other process records its part of the trace.
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Says whether both are in the same trace.
    pub fn is_same_trace(&self, other: &Self) -> bool {
        self.is_valid() && self.trace_id == other.trace_id
    }

    /// Says whether both are the same span.
    pub fn is_same_span(&self, other: &Self) -> bool {
        self.is_same_trace(other) && self.span_id == other.span_id
    }

    /// The trace that both belong to: 32 hexadecimal digits.
    pub fn trace_id(&self) -> Option<String> {
        self.is_valid().then(|| self.trace_id.to_string())
    }

    /// The same parent with another decision about sampling.
    ///
    /// Some versions of Envoy mark every call of an external processor as sampled; the decision of the HTTP request counts.
    #[must_use]
    pub fn with_sampled(self, sampled: bool) -> Self {
        Self { sampled: sampled && self.is_valid(), ..self }
    }

    /// The same parent, or none, for a trace that is recorded whatever anyone says about sampling.
    ///
    /// Only for callers that may ask for it.
    #[must_use]
    pub fn with_forced(self) -> Self {
        Self { word: Word::Forced, ..self }
    }

    /// The same parent, which is a span of this gateway: what was decided about its trace holds.
    ///
    /// Only for requests that the gateway itself has sent.
    #[must_use]
    pub fn with_decided(self) -> Self {
        Self { word: Word::Decided, ..self }
    }

    /// What its word on sampling counts.
    pub(crate) const fn word(&self) -> Word {
        self.word
    }

    /// Makes the context that another process would extract from what goes out with a span.
    pub(crate) const fn of(
        trace_id: TraceId,
        span_id: SpanId,
        sampled: bool,
        state: Option<Arc<str>>,
    ) -> Self {
        Self { trace_id, span_id, sampled, word: Word::Caller, state }
    }

    /// The ids as numbers; both zero when there is no parent.
    pub(crate) const fn ids(&self) -> (TraceId, SpanId) {
        (self.trace_id, self.span_id)
    }

    /// The `tracestate` list that goes on with the trace.
    pub(crate) const fn state(&self) -> Option<&Arc<str>> {
        self.state.as_ref()
    }
}

/// Reads a `traceparent`: trace id, span id and the sampled flag. Other flags are not defined for this version.
fn parse_traceparent(text: &[u8]) -> Option<(TraceId, SpanId, bool)> {
    let (fields, rest) = text.split_at_checked(TRACEPARENT_LEN)?;
    let version = hex(fields.get(0..2)?)?;
    if version == 0xff || (version == 0 && !rest.is_empty()) {
        return None;
    }
    if rest.first().is_some_and(|byte| *byte != b'-') {
        return None;
    }
    if [2, 35, 52].iter().any(|at| fields.get(*at) != Some(&b'-')) {
        return None;
    }
    let trace_id = hex(fields.get(3..35)?)?;
    let span_id = u64::try_from(hex(fields.get(36..52)?)?).ok()?;
    let flags = hex(fields.get(53..55)?)?;
    if trace_id == 0 || span_id == 0 {
        return None;
    }
    Some((TraceId::from(trace_id), SpanId::from(span_id), flags & 1 == 1))
}

/// Reads at most 32 lower-case hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((value << 4) | u128::from(digit))
    })
}

#[cfg(test)]
mod tests;
