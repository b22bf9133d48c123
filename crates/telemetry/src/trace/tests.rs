//! What is kept of a trace whose decision comes late, and what it costs to wait.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::Value;

use super::{SPANS_HELD_MAX, SPANS_PER_TRACE_MAX};
use crate::clock::{Clock, ManualClock};
use crate::export::health::{DropReason, Health, Identity};
use crate::export::queue::Queue;
use crate::settings::Root;
use crate::signal::Signal;
use crate::tracer::Sinks;
use crate::{
    Facts, FinishedSpan, RemoteContext, SamplingPolicy, SamplingRule, SamplingStatus, Span,
    SpanKind, SpanRecorder, Tracer,
};

/// A tracer with a clock that stands still, and what it records.
struct Bench {
    tracer: Tracer,
    recorder: SpanRecorder,
    clock: ManualClock,
}

fn bench(root: Root, policy: SamplingPolicy) -> Bench {
    let (recorder, clock) = (SpanRecorder::new(100_000), ManualClock::new());
    let sinks = Sinks { extra: vec![Box::new(recorder.clone())], ..Sinks::default() };
    let tracer = Tracer::of_test(root, sinks, Clock::Manual(clock.clone()));
    tracer.set_sampling(policy);
    Bench { tracer, recorder, clock }
}

impl Bench {
    fn start(&self, parent: &RemoteContext) -> Span {
        self.tracer.start("root", SpanKind::Server, parent, |a| a.put("a", 1))
    }

    fn root(&self) -> Span {
        self.start(&RemoteContext::none())
    }

    fn names(&self) -> Vec<String> {
        self.recorder.finished().into_iter().map(|span| span.name).collect()
    }

    fn reason(&self) -> Option<String> {
        let spans = self.recorder.finished();
        let reasons: Vec<&FinishedSpan> =
            spans.iter().filter(|span| span.attribute("sampling.reason").is_some()).collect();
        assert!(reasons.iter().all(|span| span.name == "root"), "{reasons:#?}");
        reasons.first()?.attribute("sampling.reason").map(Value::to_string)
    }

    fn counts(&self) -> SamplingStatus {
        self.tracer.sampling_status()
    }
}

/// Keeps errors and what takes a second, of everything that is not sampled.
fn keeping() -> SamplingPolicy {
    SamplingPolicy {
        keep_errors: true,
        keep_slower_than: Some(Duration::from_secs(1)),
        ..SamplingPolicy::default()
    }
}

fn with_rule(method: &str, ratio: f64, policy: &SamplingPolicy) -> SamplingPolicy {
    let rule = SamplingRule { method: Some(method.to_owned()), ratio, ..SamplingRule::default() };
    SamplingPolicy { rules: vec![rule], ..policy.clone() }
}

fn method(name: &str) -> Facts<'_> {
    Facts { method: Some(name), ..Facts::default() }
}

fn caller(flags: &str) -> RemoteContext {
    let traceparent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
    RemoteContext::extract(Some(traceparent.as_bytes()), None)
}

const NEVER: Root = Root::Ratio(0.0);

#[test]
fn a_failed_trace_is_kept_whole_though_it_was_not_sampled() {
    let bench = bench(NEVER, keeping());
    let root = bench.root();
    root.child("early", SpanKind::Internal, |_| {}).end();
    let child = root.child("child", SpanKind::Client, |_| {});
    assert!(bench.names().is_empty(), "nothing leaves before something fails");
    assert!(child.is_recording() && !child.exemplar().unwrap().is_sampled);
    assert!(child.headers().unwrap().traceparent.ends_with("-00"), "not promised to others");
    child.fail(|| "it broke".to_owned());
    child.end();
    let open = root.child("open", SpanKind::Internal, |_| {});
    assert!(child.exemplar().unwrap().is_sampled, "it is kept from the failure on");
    assert!(root.headers().unwrap().traceparent.ends_with("-01"));
    root.end();
    assert_eq!(bench.names(), ["early", "child", "root"]);
    open.end();
    drop(root.child("late", SpanKind::Internal, |_| {}));
    assert_eq!(bench.names(), ["early", "child", "root", "open", "late"]);
    assert_eq!(bench.reason().as_deref(), Some("error"));
    assert_eq!(bench.counts(), SamplingStatus { kept_error: 1, ..SamplingStatus::default() });
}

#[test]
fn a_slow_trace_is_kept_and_a_fast_one_is_not() {
    for (millis, expect) in [(999, None), (1000, Some("slow"))] {
        let bench = bench(NEVER, keeping());
        let root = bench.root();
        root.child("child", SpanKind::Client, |_| {}).end();
        bench.clock.advance(Duration::from_millis(millis));
        root.end();
        assert_eq!(bench.reason().as_deref(), expect, "{millis} ms");
        assert_eq!(bench.names().len(), if expect.is_some() { 2 } else { 0 }, "{millis} ms");
        drop(root.child("late", SpanKind::Internal, |_| {}));
        let counts = bench.counts();
        assert_eq!(
            (counts.kept_slow, counts.not_sampled),
            if expect.is_some() { (1, 0) } else { (0, 1) }
        );
    }
}

#[test]
fn a_client_that_sends_slowly_makes_no_slow_trace() {
    let bench = bench(NEVER, keeping());
    let begun = SystemTime::now() - Duration::from_mins(1);
    let parent = RemoteContext::none();
    bench.tracer.start_at(begun, ("root", SpanKind::Server), &parent, |_| {}).end();
    assert_eq!(bench.counts().not_sampled, 1);
}

#[test]
fn a_slow_trace_is_kept_with_the_first_span_that_ends_late() {
    let bench = bench(NEVER, keeping());
    let root = bench.root();
    let child = root.child("child", SpanKind::Client, |_| {});
    bench.clock.advance(Duration::from_secs(1));
    child.end();
    assert!(child.exemplar().unwrap().is_sampled);
    root.end();
    assert_eq!((bench.names().len(), bench.reason().as_deref()), (2, Some("slow")));
}

#[test]
fn a_stream_is_not_slow_and_holds_nothing() {
    let bench = bench(NEVER, keeping());
    let streams: Vec<Span> = (0..SPANS_HELD_MAX + 10)
        .map(|_| {
            let root = bench.root();
            root.child("child", SpanKind::Internal, |_| {}).end();
            root.streams();
            root
        })
        .collect();
    bench.clock.advance(Duration::from_hours(1));
    drop(streams);
    let length = (SPANS_HELD_MAX + 10) as u64;
    let expect = SamplingStatus { not_sampled: length, ..SamplingStatus::default() };
    assert_eq!(bench.counts(), expect);

    let failed = bench.root();
    failed.fail(|| "it broke".to_owned());
    failed.streams();
    drop(failed);
    assert_eq!((bench.names().len(), bench.reason().as_deref()), (1, Some("error")));
}

#[test]
fn failures_are_kept_at_a_bounded_rate() {
    let bench = bench(NEVER, keeping());
    for _ in 0..1000 {
        bench.root().fail(|| "it broke".to_owned());
    }
    let counts = bench.counts();
    assert_eq!((counts.kept_error, counts.kept_over_rate), (100, 900));
    assert_eq!(bench.names().len(), 100);
    bench.clock.advance(Duration::from_secs(1));
    bench.root().fail(|| "it broke".to_owned());
    assert_eq!(bench.names().len(), 101);
}

#[test]
fn what_was_done_again_is_no_reason_to_keep() {
    let bench = bench(NEVER, keeping());
    let root = bench.root();
    let first = root.child("first", SpanKind::Client, |_| {});
    first.fail_before_retry(|| "it broke".to_owned());
    first.end();
    root.end();
    assert!(bench.names().is_empty());
}

#[test]
fn only_what_the_file_says_is_kept() {
    for (policy, expect) in [
        (SamplingPolicy { keep_errors: false, ..keeping() }, 0),
        (SamplingPolicy { keep_slower_than: None, ..keeping() }, 1),
        (SamplingPolicy::default(), 0),
    ] {
        let bench = bench(NEVER, policy);
        let root = bench.root();
        root.fail(|| "it broke".to_owned());
        root.end();
        assert_eq!(bench.names().len(), expect);
    }
    let off = bench(Root::Off, keeping());
    let root = off.root();
    assert!(!root.is_recording(), "switched off means off");
}

#[test]
fn a_trace_waits_for_its_message() {
    let bench = bench(Root::On, with_rule("ping", 0.0, &SamplingPolicy::default()));
    for (facts, expect) in [(method("ping"), 0), (method("tools/list"), 2)] {
        bench.recorder.clear();
        let root = bench.root();
        root.child("child", SpanKind::Internal, |_| {}).end();
        assert!(bench.names().is_empty());
        root.decide(&facts);
        root.decide(&method("other"));
        assert_eq!(bench.names().len(), expect / 2, "{facts:?}");
        assert_eq!(root.is_recording(), expect > 0);
        root.child("child", SpanKind::Internal, |_| {}).end();
        let flags = if expect > 0 { "-01" } else { "-00" };
        assert!(root.headers().unwrap().traceparent.ends_with(flags));
        root.end();
        assert_eq!(bench.names().len(), expect + expect / 2, "{facts:?}");
    }
    let counts = bench.counts();
    assert_eq!((counts.sampled, counts.not_sampled), (1, 1));
}

#[test]
fn a_trace_without_a_message_is_decided_without_it() {
    for root in [Root::On, Root::Off] {
        for by in [Span::end as fn(&Span), |span| drop(span.headers()), |span| drop(span.remote())]
        {
            let bench = bench(root, with_rule("ping", 1.0, &SamplingPolicy::default()));
            let span = bench.root();
            by(&span);
            span.decide(&method("ping"));
            drop(span);
            assert_eq!(bench.names().len(), usize::from(root == Root::On));
        }
    }
}

#[test]
fn a_caller_that_does_not_sample_is_obeyed_unless_the_file_says_otherwise() {
    let never = bench(Root::On, with_rule("ping", 1.0, &keeping()));
    let span = never.start(&caller("00"));
    assert!(!span.is_recording());
    span.fail(|| panic!("nobody reads it"));
    drop(span);
    assert_eq!(never.counts().not_sampled_by_parent, 1);

    let policy = SamplingPolicy { keep_unsampled_errors: true, ..keeping() };
    let always = bench(Root::On, policy);
    for (fails, expect) in [(true, 1), (false, 0)] {
        always.recorder.clear();
        let span = always.start(&caller("00"));
        assert!(span.headers().unwrap().traceparent.ends_with("-00"));
        if fails {
            span.fail(|| "it broke".to_owned());
        }
        span.end();
        assert_eq!(always.names().len(), expect);
    }
    assert_eq!((always.counts().kept_error, always.counts().not_sampled_by_parent), (1, 1));
}

#[test]
fn a_trace_that_may_be_asked_for_is_recorded_whatever_else_is_said() {
    for parent in [RemoteContext::none(), caller("00"), caller("01")] {
        let bench = bench(Root::Off, with_rule("ping", 0.0, &keeping()));
        let span = bench.start(&parent.with_forced());
        assert!(
            span.headers().unwrap().traceparent.ends_with("-01")
                && span.exemplar().unwrap().is_sampled
        );
        span.end();
        assert_eq!(bench.names(), ["root"]);
        assert_eq!(bench.reason().as_deref(), Some("forced"));
        assert_eq!(bench.counts().forced, 1);
    }
}

#[test]
fn forged_sampled_flags_are_believed_at_a_bounded_rate() {
    let policy = SamplingPolicy { caller_sampled_per_second_max: 100, ..SamplingPolicy::default() };
    for policy in [policy.clone(), with_rule("other", 1.0, &policy)] {
        for root in [NEVER, Root::Off] {
            let bench = bench(root, policy.clone());
            for _ in 0..1000 {
                let span = bench.start(&caller("01"));
                span.decide(&method("tools/list"));
                span.end();
            }
            assert_eq!(bench.names().len(), 100);
            let counts = bench.counts();
            assert_eq!(
                (counts.sampled, counts.not_sampled, counts.caller_over_rate),
                (100, 900, 900)
            );
            bench.clock.advance(Duration::from_secs(1));
            bench.start(&caller("01")).end();
            assert_eq!(bench.names().len(), 101);
        }
        let own = bench(Root::On, policy);
        for _ in 0..1000 {
            own.start(&caller("01")).end();
        }
        assert_eq!(own.names().len(), 1000, "where the gateway says yes itself, nobody is counted");
    }
}

#[test]
fn spans_that_wait_are_bounded_over_all_traces() {
    let bench = bench(NEVER, keeping());
    let roots: Vec<Span> = (0..SPANS_HELD_MAX + 10)
        .map(|_| {
            let root = bench.root();
            root.child("child", SpanKind::Internal, |_| {}).end();
            root
        })
        .collect();
    assert_eq!(bench.counts().held_full, 10);
    for root in roots {
        root.fail(|| "it broke".to_owned());
        bench.clock.advance(Duration::from_millis(10)); // the rate of what is kept is bounded, too
    }
    assert_eq!(bench.counts().kept_error, SPANS_HELD_MAX as u64);
    assert_eq!(bench.names().len(), SPANS_HELD_MAX * 2);

    bench.recorder.clear();
    let root = bench.root();
    root.child("child", SpanKind::Internal, |_| {}).end();
    root.fail(|| "it broke".to_owned());
    root.end();
    assert_eq!(bench.names().len(), 2, "the room was given back");
}

#[test]
fn ten_thousand_traces_that_wait_for_a_message_lose_nothing() {
    let bench = bench(Root::On, with_rule("ping", 0.0, &SamplingPolicy::default()));
    let roots: Vec<Span> = (0..10_000)
        .map(|_| {
            let root = bench.root();
            for _ in 0..2 {
                root.child("child", SpanKind::Internal, |_| {}).end();
            }
            root
        })
        .collect();
    for root in &roots {
        root.decide(&method("tools/call"));
    }
    drop(roots);
    assert_eq!(bench.names().len(), 30_000, "those without room to wait are decided at once");
    assert_eq!(bench.counts().sampled, 10_000);
}

#[test]
fn spans_over_the_bound_of_one_trace_are_counted_as_lost() {
    let identity = Identity {
        signal: Signal::Traces,
        items: "traces",
        component: "test",
        name: "test/0".to_owned(),
        target: "nowhere".to_owned(),
        capacity: 10_000,
    };
    let queue = Arc::new(Queue::new(512, Arc::new(Health::new(identity))));
    let sinks = Sinks { queues: vec![Arc::clone(&queue)], ..Sinks::default() };
    let tracer = Tracer::of_test(NEVER, sinks, Clock::System);
    tracer.set_sampling(keeping());
    for fails in [false, true] {
        let root = tracer.start("root", SpanKind::Server, &RemoteContext::none(), |_| {});
        for _ in 0..SPANS_PER_TRACE_MAX + 7 {
            root.child("child", SpanKind::Internal, |_| {}).end();
        }
        if fails {
            root.fail(|| "it broke".to_owned());
        }
    }
    let status = queue.health().status();
    assert_eq!(status.dropped, [(DropReason::TraceFull, 7)]);
    assert_eq!(status.queued, SPANS_PER_TRACE_MAX as u64 + 1);
    assert_eq!(status.created, status.queued + 7);
}
