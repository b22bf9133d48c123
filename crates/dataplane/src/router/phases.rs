//! What a response tells its caller of the exchange: the trace that it belongs to, and how long its parts took.
//!
//! Both are off unless the configuration asks for them, and both stand in the head of a response: what happens while its body
//! passes is on the spans alone.

use std::fmt::Write;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use mcp_gateway_core::header::{SERVER_TIMING, TRACERESPONSE};

use crate::router::Exchange;

/// How long the parts of an exchange took; measured as they end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phases {
    begun: Instant,
    asked_at: Option<Instant>,
    route: Option<Duration>,
    session: Option<Duration>,
    upstream: Option<Duration>,
}

impl Phases {
    /// Begins now.
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), asked_at: None, route: None, session: None, upstream: None }
    }

    /// The request has been routed. What the server session took is told apart.
    pub(super) fn routed(&mut self) {
        let session = self.session.unwrap_or_default();
        self.route = Some(self.begun.elapsed().saturating_sub(session));
        self.asked();
    }

    /// The server session has been found or opened since `since`; a second one adds to the first.
    pub(super) fn session(&mut self, since: Instant) {
        *self.session.get_or_insert_default() += since.elapsed();
    }

    /// A server, or the broker, is asked now.
    pub(super) fn asked(&mut self) {
        self.asked_at = Some(Instant::now());
    }

    /// It has answered, or will not; a second try adds to the first.
    pub(super) fn answered(&mut self) {
        if let Some(since) = self.asked_at.take() {
            *self.upstream.get_or_insert_default() += since.elapsed();
        }
    }

    /// The value of `Server-Timing`, in milliseconds.
    fn header(&self) -> String {
        let parts = [("route", self.route), ("session", self.session), ("upstream", self.upstream)];
        let mut out = String::with_capacity(80);
        for (name, duration) in parts {
            if let Some(duration) = duration {
                entry(&mut out, name, duration);
            }
        }
        entry(&mut out, "total", self.begun.elapsed());
        out
    }
}

fn entry(out: &mut String, name: &str, duration: Duration) {
    let comma = if out.is_empty() { "" } else { ", " };
    // Writing to a string cannot fail.
    write!(out, "{comma}{name};dur={:.3}", duration.as_secs_f64() * 1e3).unwrap_or_default();
}

impl Exchange {
    /// The time, when the response is to tell how long what begins now takes.
    pub(super) fn clock(&self) -> Option<Instant> {
        self.record.phases.is_some().then(Instant::now)
    }

    /// Notes that the server session is there, or will not be; `since` is of [`Self::clock`].
    pub(super) fn session_settled(&mut self, since: Option<Instant>) {
        if let (Some(phases), Some(since)) = (&mut self.record.phases, since) {
            phases.session(since);
        }
    }

    /// Notes that the server, or the broker, has answered, or will not.
    pub(super) fn upstream_settled(&mut self) {
        if let Some(phases) = &mut self.record.phases {
            phases.answered();
        }
    }

    /// The headers that tell the caller of the exchange; `response` has those that stand there already.
    pub fn response_headers(&self, response: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        if self.config.telemetry.trace_response
            && let Some(trace) = self.record.span.headers()
            && let Ok(value) = HeaderValue::try_from(trace.traceparent)
        {
            headers.push((HeaderName::from_static(TRACERESPONSE), value));
        }
        if let Some(phases) = &self.record.phases {
            let own = phases.header();
            let others = response.get_all(SERVER_TIMING).iter().filter_map(|it| it.to_str().ok());
            let all: Vec<&str> = others.chain([own.as_str()]).collect();
            if let Ok(value) = HeaderValue::try_from(all.join(", ")) {
                headers.push((HeaderName::from_static(SERVER_TIMING), value));
            }
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Phases;

    fn names(phases: &Phases) -> Vec<String> {
        let header = phases.header();
        let name = |entry: &str| {
            let (name, duration) = entry.split_once(";dur=").unwrap();
            assert!(duration.parse::<f64>().unwrap() >= 0.0, "{header}");
            name.to_owned()
        };
        header.split(", ").map(name).collect()
    }

    #[test]
    fn only_what_was_measured_is_told() {
        let mut phases = Phases::begin();
        assert_eq!(names(&phases), ["total"]);
        phases.session(Instant::now());
        phases.routed();
        assert_eq!(names(&phases), ["route", "session", "total"]);
        phases.answered();
        assert_eq!(names(&phases), ["route", "session", "upstream", "total"]);
    }

    #[test]
    fn routing_is_told_without_the_session() {
        let begun = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        let mut phases = Phases { begun, ..Phases::begin() };
        phases.session(begun);
        phases.routed();
        let header = phases.header();
        let route: f64 = header["route;dur=".len()..].split(',').next().unwrap().parse().unwrap();
        assert!(route < 5_000.0, "{header}");
        assert!(phases.session.unwrap() >= Duration::from_secs(10));
    }
}
