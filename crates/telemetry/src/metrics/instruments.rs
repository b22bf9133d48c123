//! Every instrument, and what all of them say at one moment.

use super::instrument::{Counter, Gauge, Histogram};
use super::label::{
    CacheResult, Discovery, Limit, NoLabels, Operation, PeerOperation, PeerSession, Requests,
    ServerName, SessionEnd, SessionInit,
};
use super::point::{Family, Label, Point, integer};
use super::series::Series;
use super::session::Sessions;
use crate::name::metric as name;

/// The instruments that observe requests, sessions and servers.
#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) server_operation: Series<Operation, Histogram>,
    pub(super) client_operation: Series<PeerOperation, Histogram>,
    pub(super) server_session: Series<SessionEnd, Histogram>,
    pub(super) client_session: Series<PeerSession, Histogram>,
    pub(super) discovery: Series<Discovery, Counter>,
    pub(super) discovery_duration: Series<ServerName, Histogram>,
    pub(super) tools_discovered: Series<ServerName, Gauge>,
    pub(super) connection_failures: Series<ServerName, Counter>,
    pub(super) tools_list_bytes: Series<ServerName, Gauge>,
    pub(super) requests: Series<Requests, Counter>,
    pub(super) sessions_opened: Series<NoLabels, Counter>,
    pub(super) sessions_ended: Series<NoLabels, Counter>,
    pub(super) streams_open: Series<NoLabels, Gauge>,
    pub(super) cache: Series<CacheResult, Counter>,
    pub(super) session_init: Series<SessionInit, Histogram>,
    pub(super) limits: Series<Limit, Counter>,
    pub(super) sessions: Sessions,
}

impl Instruments {
    pub(super) fn new(series_max: usize) -> Self {
        let it = Self {
            server_operation: Series::new(&name::SERVER_OPERATION_DURATION, series_max),
            client_operation: Series::new(&name::CLIENT_OPERATION_DURATION, series_max),
            server_session: Series::new(&name::SERVER_SESSION_DURATION, series_max),
            client_session: Series::new(&name::CLIENT_SESSION_DURATION, series_max),
            discovery: Series::new(&name::BROKER_DISCOVERY, series_max),
            discovery_duration: Series::new(&name::BROKER_DISCOVERY_DURATION, series_max),
            tools_discovered: Series::new(&name::BROKER_TOOLS_DISCOVERED, series_max),
            connection_failures: Series::new(
                &name::BROKER_UPSTREAM_CONNECTION_FAILURES,
                series_max,
            ),
            tools_list_bytes: Series::new(&name::BROKER_TOOLS_LIST_RESPONSE, series_max),
            requests: Series::new(&name::REQUESTS, series_max),
            sessions_opened: Series::new(&name::SESSIONS_OPENED, series_max),
            sessions_ended: Series::new(&name::SESSIONS_ENDED, series_max),
            streams_open: Series::new(&name::STREAMS_OPEN, series_max),
            cache: Series::new(&name::SESSION_CACHE_LOOKUPS, series_max),
            session_init: Series::new(&name::SESSION_INIT_DURATION, series_max),
            limits: Series::new(&name::LIMIT_REACHED, series_max),
            sessions: Sessions::default(),
        };
        // Zero is an answer, too; what has labels begins with its first observation.
        it.sessions_opened.with(NoLabels, |counter| counter.add(0));
        it.sessions_ended.with(NoLabels, |counter| counter.add(0));
        it.streams_open.with(NoLabels, |gauge| gauge.add(0));
        it
    }

    /// Removes every series of a server.
    pub(super) fn remove_server(&self, server: &str) {
        self.discovery.retain(|labels| &*labels.0 != server);
        self.discovery_duration.retain(|labels| &*labels.0 != server);
        self.tools_discovered.retain(|labels| &*labels.0 != server);
        self.connection_failures.retain(|labels| &*labels.0 != server);
        self.tools_list_bytes.retain(|labels| &*labels.0 != server);
        self.session_init.retain(|labels| &*labels.0 != server);
        self.client_operation.retain(|labels| &*labels.0.name != server);
        self.client_session.retain(|labels| &*labels.0.name != server);
    }

    /// Reads every instrument at `now`, in seconds since the Unix epoch. `since` is when counting began, in nanoseconds.
    pub(super) fn gather(&self, now: u64, since: u64) -> Vec<Family> {
        self.expire(now);
        let active = integer(self.sessions.count());
        vec![
            self.server_operation.gather(),
            self.client_operation.gather(),
            self.server_session.gather(),
            self.client_session.gather(),
            self.discovery.gather(),
            self.discovery_duration.gather(),
            self.tools_discovered.gather(),
            self.connection_failures.gather(),
            self.tools_list_bytes.gather(),
            self.requests.gather(),
            self.sessions_opened.gather(),
            self.sessions_ended.gather(),
            Family::single(&name::SESSIONS_ACTIVE, since, active),
            self.streams_open.gather(),
            self.cache.gather(),
            self.session_init.gather(),
            self.limits.gather(),
            self.overflowed(since),
        ]
    }

    /// Observes the sessions whose time is over at `now`, in seconds since the Unix epoch.
    pub(super) fn expire(&self, now: u64) {
        for (session, count) in self.sessions.expire(now) {
            let labels = SessionEnd { protocol_version: session.protocol_version, error: None };
            let lifetime = session.age(std::time::Duration::from_secs(session.expires_at));
            for _ in 0..count {
                self.server_session.with(labels, |histogram| histogram.observe(lifetime, None));
            }
        }
    }

    /// The observations that went to the series of all others. What has no labels or a closed set of them is never over.
    fn overflowed(&self, since: u64) -> Family {
        let counts = [
            self.server_operation.overflowed(),
            self.client_operation.overflowed(),
            self.server_session.overflowed(),
            self.client_session.overflowed(),
            self.discovery.overflowed(),
            self.discovery_duration.overflowed(),
            self.tools_discovered.overflowed(),
            self.connection_failures.overflowed(),
            self.tools_list_bytes.overflowed(),
            self.requests.overflowed(),
            self.session_init.overflowed(),
            self.limits.overflowed(),
        ];
        // Zero is written, too: a rate of what begins with its first event does not show that event.
        let points = counts.into_iter().map(|(metric, count)| {
            let labels = vec![Label::text(name::METRIC, metric)];
            Point { labels, since, value: integer(count) }
        });
        Family { metric: &name::SERIES_OVERFLOW, points: points.collect() }
    }
}
