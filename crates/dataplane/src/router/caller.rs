//! What a request brings along of its caller: the trace that it belongs to, and the baggage.
//!
//! Three places can name a trace: the request's headers, Envoy's call of the filter (gRPC metadata), and `params._meta` of the
//! message. [`Caller::join`] makes one parent and some links of them, as far as the configuration trusts the listener's callers;
//! `docs/decisions/0005` says why so. Of baggage only the keys that the configuration names are kept.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use mcp_gateway_core::config::{Config, TrustMode};
use mcp_gateway_core::header::{BAGGAGE, TRACEPARENT, TRACESTATE};
use mcp_gateway_core::jsonrpc::Message;
use mcp_gateway_telemetry::{Baggage, BaggageError, BaggageKeys, Metrics, RemoteContext, Tracer};

use crate::router::{RequestHead, Router};
use crate::sampling::Standing;

/// What a request brings along, as its head tells.
pub(super) struct Caller {
    header: RemoteContext,
    ambient: RemoteContext,
    trust: TrustMode,
    standing: Standing,
    keys: BaggageKeys,
    baggage: Baggage,
}

/// The keys of baggage that the configuration names, made once for each configuration. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct ListedBaggage(Arc<ArcSwapOption<(Arc<Config>, BaggageKeys)>>);

/// Where the request's span stands in the trace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) parent: RemoteContext,
    pub(super) links: Vec<RemoteContext>,
}

/// The baggage that goes on, by the way it came.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptBaggage {
    pub(super) header: Baggage,
    pub(super) meta: Baggage,
}

impl ListedBaggage {
    /// The keys that `config` names.
    fn of(&self, config: &Arc<Config>) -> BaggageKeys {
        if config.telemetry.baggage.is_empty() {
            return BaggageKeys::default();
        }
        if let Some(known) = &*self.0.load()
            && Arc::ptr_eq(&known.0, config)
        {
            return known.1.clone();
        }
        let keys = BaggageKeys::new(&config.telemetry.baggage);
        self.0.store(Some(Arc::new((Arc::clone(config), keys.clone()))));
        keys
    }
}

impl Caller {
    /// Reads the head of a request; `ambient` is the context of Envoy's call. `trust` says what a caller's word counts.
    pub(super) fn read(
        router: &Router,
        config: &Arc<Config>,
        head: &RequestHead,
        ambient: &RemoteContext,
        trust: TrustMode,
    ) -> Self {
        let tracer = &router.deps.tracer;
        let keys = match trust {
            TrustMode::Parent | TrustMode::Link if tracer.passes_baggage() => {
                router.baggage.of(config)
            }
            TrustMode::Parent | TrustMode::Link | TrustMode::Restart => BaggageKeys::default(),
        };
        Self {
            header: tracer.extract(&head.headers),
            ambient: ambient.clone(),
            trust,
            standing: Standing::Client,
            baggage: read_baggage(&keys, &head.headers, &router.deps.metrics),
            keys,
        }
    }

    /// Says what its word on sampling counts.
    pub(super) fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }

    /// Adds what the message says, and finds the place of the request's span.
    pub(super) fn join(
        self,
        message: Option<&Message<'_>>,
        (tracer, metrics): (&Tracer, &Metrics),
    ) -> (Place, KeptBaggage) {
        let text = |key| message?.meta()?.get(key)?.as_str();
        let traceparent = text(TRACEPARENT).filter(|_| tracer.propagators().trace_context);
        let meta = RemoteContext::extract(
            traceparent.as_deref().map(str::as_bytes),
            text(TRACESTATE).as_deref(),
        );
        let in_meta = match text(BAGGAGE).filter(|_| !self.keys.is_empty()) {
            Some(list) => kept(self.keys.read(list.as_bytes()), metrics),
            None => Baggage::default(),
        };
        let baggage = KeptBaggage { header: self.baggage, meta: in_meta };
        let mut place = place(self.trust, self.header, self.ambient, meta);
        place.parent = self.standing.mark(place.parent);
        (place, baggage)
    }
}

fn read_baggage(keys: &BaggageKeys, headers: &HeaderMap, metrics: &Metrics) -> Baggage {
    if keys.is_empty() {
        return Baggage::default();
    }
    kept(keys.read_headers(headers), metrics)
}

/// Counts a list that was dropped because it reaches a bound.
fn kept(read: Result<Baggage, BaggageError>, metrics: &Metrics) -> Baggage {
    read.unwrap_or_else(|error| {
        match error {
            BaggageError::TooLong | BaggageError::TooManyMembers => {
                metrics.limit_reached(error.reason());
            }
            BaggageError::Malformed => {}
        }
        tracing::debug!(error.type = error.reason(), "Baggage was dropped: {error}.");
        Baggage::default()
    })
}

/// Finds the parent among the contexts of a request, and what is linked instead.
///
/// What the caller says of itself comes before what Envoy says, and the headers before the message, since Envoy and
/// everybody else on the way goes by the headers. Headers and Envoy in the same trace: Envoy's span is the nearer parent, but the
/// caller's own word on sampling counts, since some Envoys call every external processor as sampled.
fn place(
    trust: TrustMode,
    header: RemoteContext,
    ambient: RemoteContext,
    meta: RemoteContext,
) -> Place {
    let is_copy = header.is_same_span(&meta);
    let mut known: Vec<RemoteContext> = Vec::with_capacity(3);
    if header.is_valid() && header.is_same_trace(&ambient) {
        known.push(ambient.with_sampled(header.is_sampled()));
        known.push(meta);
    } else {
        known.extend([header, meta, ambient]);
    }
    let known = known.into_iter().enumerate();
    let mut known = known
        .filter(|(at, context)| context.is_valid() && !(*at == 1 && is_copy))
        .map(|(_, context)| context);
    match trust {
        TrustMode::Parent => {
            let parent = known.next().unwrap_or_default();
            Place { parent, links: known.collect() }
        }
        TrustMode::Link => Place { parent: RemoteContext::none(), links: known.collect() },
        TrustMode::Restart => Place { parent: RemoteContext::none(), links: Vec::new() },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mcp_gateway_core::config::{Config, TrustMode};
    use mcp_gateway_telemetry::RemoteContext;

    use super::{ListedBaggage, Place, place};

    const NONE: &str = "";
    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    const ENVOY: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01";
    const ENVOY_UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-00";
    const NEARER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-2222222222222222-01";
    const OTHER: &str = "00-33333333333333333333333333333333-3333333333333333-01";
    const THIRD: &str = "00-44444444444444444444444444444444-4444444444444444-01";

    fn context(text: &str) -> RemoteContext {
        RemoteContext::extract(Some(text.as_bytes()), None)
    }

    fn check(
        trust: TrustMode,
        [header, ambient, meta]: [&str; 3],
        (parent, links): (&str, &[&str]),
    ) {
        let found = place(trust, context(header), context(ambient), context(meta));
        let links = links.iter().map(|link| context(link)).collect();
        let expect = Place { parent: context(parent), links };
        assert_eq!(found, expect, "{trust:?}: {header:?} {ambient:?} {meta:?}");
    }

    #[test]
    fn the_nearest_context_of_the_callers_trace_is_the_parent() {
        let parent = TrustMode::Parent;
        check(parent, [NONE, NONE, NONE], (NONE, &[]));
        check(parent, [CALLER, NONE, NONE], (CALLER, &[]));
        check(parent, [NONE, ENVOY, NONE], (ENVOY, &[]));
        check(parent, [NONE, NONE, OTHER], (OTHER, &[]));
        check(parent, [CALLER, ENVOY, NONE], (ENVOY_UNSAMPLED, &[]));
        check(parent, [CALLER, OTHER, NONE], (CALLER, &[OTHER]));
        check(parent, [NONE, ENVOY, OTHER], (OTHER, &[ENVOY]));
        check(parent, [CALLER, NONE, OTHER], (CALLER, &[OTHER]));
        check(parent, [CALLER, NONE, NEARER], (CALLER, &[NEARER]));
        check(parent, [CALLER, ENVOY, NEARER], (ENVOY_UNSAMPLED, &[NEARER]));
        check(parent, [CALLER, OTHER, THIRD], (CALLER, &[THIRD, OTHER]));
    }

    #[test]
    fn keys_of_baggage_are_made_once_for_each_configuration() {
        let listed = ListedBaggage::default();
        assert!(listed.of(&Arc::default()).is_empty() && listed.0.load().is_none());
        let config = |key: &str| {
            let mut config = Config::default();
            config.telemetry.baggage = vec![key.to_owned()];
            Arc::new(config)
        };
        let (first, second) = (config("a"), config("b"));
        let keys = listed.of(&first);
        let made = listed.0.load_full().unwrap();
        assert_eq!(listed.of(&first), keys);
        assert!(Arc::ptr_eq(&made, &listed.0.load_full().unwrap()));
        assert_ne!(listed.of(&second), keys);
    }

    #[test]
    fn a_context_that_came_twice_is_one() {
        check(TrustMode::Parent, [CALLER, NONE, CALLER], (CALLER, &[]));
        check(TrustMode::Parent, [CALLER, ENVOY, CALLER], (ENVOY_UNSAMPLED, &[]));
        check(TrustMode::Parent, [CALLER, OTHER, CALLER], (CALLER, &[OTHER]));
        check(TrustMode::Link, [CALLER, NONE, CALLER], (NONE, &[CALLER]));
    }

    #[test]
    fn callers_that_are_not_trusted_are_linked_or_forgotten() {
        check(TrustMode::Link, [CALLER, ENVOY, OTHER], (NONE, &[ENVOY_UNSAMPLED, OTHER]));
        check(TrustMode::Link, [NONE, NONE, NONE], (NONE, &[]));
        check(TrustMode::Restart, [CALLER, ENVOY, OTHER], (NONE, &[]));
    }
}
