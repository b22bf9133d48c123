//! The table of decisions.

use std::time::Duration;

use opentelemetry::TraceId;

use super::Decision::{Drop, Open, Record, Tail};
use super::{Caller, Decision, Facts, Sampling, SamplingPolicy, SamplingRule, in_ratio};
use crate::clock::Clock;
use crate::remote::RemoteContext;
use crate::settings::{Root, Sampler};

fn caller(flags: &str) -> RemoteContext {
    let traceparent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
    RemoteContext::extract(Some(traceparent.as_bytes()), None)
}

fn keeping(rules: Vec<SamplingRule>) -> SamplingPolicy {
    SamplingPolicy { rules, keep_errors: true, ..SamplingPolicy::default() }
}

fn at_start(
    parent_based: bool,
    root: Root,
    policy: SamplingPolicy,
    parent: &RemoteContext,
) -> Decision {
    let sampling = Sampling::new(Sampler { parent_based, root }, Clock::System);
    sampling.set_policy(policy);
    sampling.at_start(parent, TraceId::from(u128::MAX / 2)).decision
}

#[test]
fn the_start_of_a_trace_decides_as_far_as_it_can() {
    let (none, no, yes) = (RemoteContext::none(), caller("00"), caller("01"));
    let never = Root::Ratio(0.0);
    let plain = SamplingPolicy::default;
    let keep = || keeping(Vec::new());
    let ruled = || keeping(vec![SamplingRule::default()]);
    let always = || SamplingPolicy { keep_unsampled_errors: true, ..keep() };
    let always_ruled = || SamplingPolicy { keep_unsampled_errors: true, ..ruled() };
    let no_caller = || SamplingPolicy { caller_sampled_per_second_max: 0, ..keep() };
    for (line, parent_based, root, policy, parent, expect) in [
        (line!(), true, Root::On, plain(), &none, Record),
        (line!(), true, Root::On, plain(), &no, Drop),
        (line!(), true, Root::On, plain(), &yes, Record),
        (line!(), true, Root::Off, plain(), &none, Drop),
        (line!(), true, Root::Off, plain(), &yes, Record),
        (line!(), true, Root::Off, keep(), &none, Drop),
        (line!(), true, never, plain(), &none, Drop),
        (line!(), true, never, plain(), &yes, Record),
        (line!(), true, never, keep(), &none, Tail),
        (line!(), true, never, keep(), &no, Drop),
        (line!(), true, never, keep(), &yes, Record),
        (line!(), true, never, no_caller(), &yes, Tail),
        (line!(), true, Root::Off, no_caller(), &yes, Drop),
        (line!(), true, Root::On, no_caller(), &yes, Record),
        (line!(), true, Root::On, always(), &no, Tail),
        (line!(), true, Root::Off, always(), &no, Drop),
        (line!(), true, Root::Off, always_ruled(), &no, Open),
        (line!(), true, Root::On, ruled(), &none, Open),
        (line!(), true, Root::On, ruled(), &no, Drop),
        (line!(), true, Root::On, ruled(), &yes, Record),
        (line!(), false, Root::On, plain(), &no, Record),
        (line!(), false, Root::Off, plain(), &yes, Drop),
        (line!(), false, never, keep(), &yes, Tail),
        (line!(), false, Root::On, ruled(), &no, Open),
        (line!(), true, Root::Off, no_caller(), &yes.clone().with_decided(), Record),
        (line!(), false, Root::Off, ruled(), &yes.clone().with_decided(), Record),
        (line!(), false, Root::On, always(), &no.clone().with_decided(), Drop),
        (line!(), true, Root::On, ruled(), &none.clone().with_decided(), Open),
        (line!(), true, Root::Off, plain(), &none.clone().with_forced(), Record),
        (line!(), true, Root::Off, plain(), &no.clone().with_forced(), Record),
        (line!(), false, Root::Off, ruled(), &no.clone().with_forced(), Record),
    ] {
        assert_eq!(at_start(parent_based, root, policy, parent), expect, "line {line}");
    }
}

#[test]
fn the_first_rule_that_matches_counts() {
    let rule = |method: Option<&str>, server: Option<&str>, tool: Option<&str>, ratio| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        SamplingRule { method: own(method), server: own(server), tool: own(tool), ratio }
    };
    let sampling = Sampling::new(Sampler { parent_based: true, root: Root::Off }, Clock::System);
    sampling.set_policy(keeping(vec![
        rule(Some("ping"), None, None, 0.0),
        rule(None, None, Some("demo_secret_*"), 0.0),
        rule(Some("tools/call"), Some("demo"), None, 1.0),
        rule(None, None, Some("echo"), 1.0),
    ]));
    for (method, server, tool, expect) in [
        (Some("ping"), None, None, Tail),
        (Some("tools/call"), Some("demo"), Some("demo_secret_key"), Tail),
        (Some("tools/call"), Some("demo"), Some("demo_secret"), Record),
        (Some("tools/call"), Some("other"), Some("echo"), Record),
        (Some("tools/call"), Some("other"), Some("echo2"), Drop),
        (Some("tools/list"), Some("demo"), None, Drop),
        (None, None, None, Drop),
    ] {
        let facts = Facts { method, server, tool };
        let found = sampling.on_message(Caller::Silent, TraceId::from(1), &facts);
        assert_eq!(found, expect, "{facts:?}");
    }
}

#[test]
fn a_trace_in_a_part_is_in_every_larger_part() {
    let ratios = [0.0, 1e-9, 0.01, 0.25, 0.5, 0.99, 1.0];
    let mut found = [0_usize; 7];
    for _ in 0..10_000 {
        let id = TraceId::from(rand::random::<u128>());
        let inside: Vec<bool> = ratios.iter().map(|ratio| in_ratio(id, *ratio)).collect();
        assert!(inside.is_sorted(), "{id}: {inside:?}");
        for (count, is_in) in found.iter_mut().zip(&inside) {
            *count += usize::from(*is_in);
        }
    }
    let [none, _, _, quarter, half, _, all] = found;
    assert_eq!((none, all), (0, 10_000));
    assert!((2_000..3_000).contains(&quarter) && (4_500..5_500).contains(&half), "{found:?}");
    // What the SDKs of other languages decide about the same ids.
    assert!(in_ratio(TraceId::from(0xffff_ffff_ffff_ffff_0000_0000_0000_0001), 0.000_001));
    assert!(!in_ratio(TraceId::from(0xffff_ffff_ffff_ffff), 0.999_999));
    assert!(in_ratio(TraceId::from(0x7fff_ffff_ffff_ffff), 0.5));
    assert!(!in_ratio(TraceId::from(0x8000_0000_0000_0000), 0.5));
}

#[test]
fn a_caller_that_does_not_sample_is_kept_only_where_sampling_is_not_off() {
    let sampling = Sampling::new(Sampler { parent_based: true, root: Root::Off }, Clock::System);
    let rule =
        SamplingRule { method: Some("ping".to_owned()), ratio: 1.0, ..SamplingRule::default() };
    let policy = SamplingPolicy { keep_unsampled_errors: true, ..keeping(vec![rule]) };
    sampling.set_policy(policy.clone());
    let on = |method| {
        let facts = Facts { method: Some(method), ..Facts::default() };
        sampling.on_message(Caller::NotSampled, TraceId::from(1), &facts)
    };
    assert_eq!((on("ping"), on("tools/list")), (Tail, Drop));
    sampling.set_policy(SamplingPolicy { keep_unsampled_errors: false, ..policy });
    assert_eq!(on("ping"), Drop);
}

#[test]
fn an_id_that_a_caller_chose_buys_nothing() {
    // In every part of all traces, by its last digits.
    let id = TraceId::from(0xffff_ffff_ffff_ffff_0000_0000_0000_0000);
    let traceparent = format!("00-{id}-00f067aa0ba902b7-01");
    let parent = RemoteContext::extract(Some(traceparent.as_bytes()), None);
    let rule = SamplingRule { ratio: 0.01, ..SamplingRule::default() };
    for (root, rules) in [(Root::Ratio(0.01), vec![]), (Root::On, vec![rule])] {
        let sampling = Sampling::new(Sampler { parent_based: true, root }, Clock::System);
        let policy = SamplingPolicy { rules, ..SamplingPolicy::default() };
        sampling.set_policy(SamplingPolicy { caller_sampled_per_second_max: 0, ..policy });
        let taken = |_: &usize| {
            let head = sampling.at_start(&parent, id);
            let decision = match head.decision {
                Open => sampling.on_message(head.caller, id, &Facts::default()),
                Tail | Record | Drop => head.decision,
            };
            decision == Record
        };
        let taken = (0..10_000).filter(taken).count();
        assert!((1..500).contains(&taken), "{taken} of 10000 at a ratio of 0.01, {root:?}");
        assert_eq!(sampling.counts.status().caller_over_rate, 10_000 - taken as u64);
    }
    let plain = Sampler { parent_based: false, root: Root::Ratio(0.01) };
    let by_id = Sampling::new(plain, Clock::System);
    assert_eq!(by_id.at_start(&parent, id).decision, Record, "every service decides the same");
}

#[test]
fn a_policy_counts_from_the_next_trace_on() {
    let sampling =
        Sampling::new(Sampler { parent_based: true, root: Root::Ratio(0.0) }, Clock::System);
    let none = RemoteContext::none();
    let start = || sampling.at_start(&none, TraceId::from(1)).decision;
    assert_eq!(start(), Drop);
    let keep_slower_than = Some(Duration::from_secs(1));
    sampling.set_policy(SamplingPolicy { keep_slower_than, ..SamplingPolicy::default() });
    assert_eq!(start(), Tail);
    sampling.set_policy(SamplingPolicy::default());
    assert_eq!(start(), Drop);
}
