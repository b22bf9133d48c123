//! Keeps one server connected and its list of tools fresh: one task per server, which nobody else waits for.
//!
//! A round either connects (when there is no session) and reads the list, or asks whether the server still lives. Rounds follow
//! each other at the refresh interval, at once when the server says that its tools changed, and with growing pauses while it fails.
//! What is found out goes to the registry.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use mcp_gateway_core::mcp::method;
use mcp_gateway_telemetry::metrics::{DiscoveryStatus, Peer};
use mcp_gateway_telemetry::name::attribute;
use mcp_gateway_telemetry::{Metrics, Span, Tracer};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::backoff::{Backoff, jitter};
use super::client::{Envelope, ServerClient};
use super::error::UpstreamError;
use super::initialize::InitializeContext;
use super::message;
use super::registry::{Registry, Reporter, Transition};
use super::span;
use super::status::ServerState;
use super::watch::{Change, Watcher};
use crate::chain::Chain;
use crate::clock::Clock;
use crate::measure;
use crate::session::UpstreamSession;

/// Failures in a row after which the last list is no longer offered.
pub const FAILURES_MAX: u32 = 3;
/// Rounds that may only ask whether the server lives, while its stream of changes is open, before the list is read all the same:
/// a stream can be dead without a sign.
const PINGS_MAX: u32 = 10;
/// Time for the answer to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// The shortest time between two readings of a list that its server declares changed.
const CHANGE_GAP: Duration = Duration::from_secs(1);
/// The shortest time between reading a list and opening a new session because the stream of changes found the old one lost: a server
/// that says so again and again is not asked more often.
const LOST_GAP: Duration = Duration::from_secs(10);
/// Bytes of the answer to a ping.
const PING_BYTES_MAX: usize = 64 * 1024;

/// What a manager works with.
pub(super) struct Manager {
    pub(super) client: ServerClient,
    /// The server, as figures name it.
    pub(super) peer: Peer,
    pub(super) reporter: Reporter,
    pub(super) registry: Arc<Registry>,
    pub(super) tracer: Tracer,
    pub(super) metrics: Metrics,
}

/// A manager at work.
struct Running {
    manager: Manager,
    live: Option<Live>,
    failures: u32,
    backoff: Backoff,
    /// When the last list was read.
    listed_at: Instant,
    /// Rounds since then.
    pings: u32,
    /// The server said that its list changed.
    changed: bool,
}

/// A session that is open as far as is known.
struct Live {
    session: UpstreamSession,
    watcher: Watcher,
}

impl Manager {
    /// Works until `stop`; closes the session then.
    pub(super) async fn run(self, stop: CancellationToken) {
        let refresh = self.client.limits().upstream_refresh_interval;
        let mut running = Running {
            manager: self,
            live: None,
            failures: 0,
            backoff: Backoff::new(refresh),
            listed_at: Instant::now(),
            pings: 0,
            changed: false,
        };
        // Cancelled between any two awaits: what is half done is only half read.
        stop.run_until_cancelled(running.work(refresh)).await;
        running.leave(None).await;
    }
}

impl Running {
    async fn work(&mut self, refresh: Duration) {
        loop {
            let outcome = self.round().await;
            let pause = self.settle(outcome, refresh).await;
            self.wait(Instant::now() + pause).await;
        }
    }

    /// One round, in a trace of its own: asks for a sign of life when that is enough, else connects and lists.
    async fn round(&mut self) -> Result<(), UpstreamError> {
        let visit = span::manage(&self.manager.tracer, self.manager.client.server());
        let outcome = visit.instrument(self.visit(&visit)).await;
        span::end(&visit, &outcome);
        outcome
    }

    async fn visit(&mut self, visit: &Span) -> Result<(), UpstreamError> {
        if let Some(live) = &self.live
            && live.watcher.is_open()
            && !self.changed
            && self.pings < PINGS_MAX
        {
            self.pings += 1;
            match self.manager.ping(&live.session, visit).await {
                Ok(()) => {
                    self.log(self.manager.registry.alive(&self.manager.reporter));
                    return Ok(());
                }
                Err(error @ UpstreamError::SessionLost { .. }) => self.lost(&error),
                Err(error) => return Err(error),
            }
        }
        self.discover(visit).await
    }

    /// Connects when there is no session, and reads the list; with figures.
    async fn discover(&mut self, visit: &Span) -> Result<(), UpstreamError> {
        let started = Instant::now();
        let server = Arc::clone(&self.manager.reporter.name);
        let outcome = self.connect_and_list(visit).await;
        let status = match &outcome {
            Ok(tools) => {
                let tools = i64::try_from(*tools).unwrap_or(i64::MAX);
                visit.set(|a| a.put(attribute::MCP_TOOLS_COUNT, tools));
                DiscoveryStatus::Success
            }
            Err(_) => DiscoveryStatus::Failure,
        };
        self.manager.metrics.discovery(&server, status, started.elapsed());
        outcome.map(drop)
    }

    async fn connect_and_list(&mut self, visit: &Span) -> Result<usize, UpstreamError> {
        if let Some(live) = &self.live {
            match self.manager.client.list_tools(&live.session, visit).await {
                Err(error @ UpstreamError::SessionLost { .. }) => self.lost(&error),
                other => return other.map(|list| self.take(list)),
            }
        }
        let live = self.manager.connect(visit).await?;
        let live = self.live.insert(live);
        live.watcher.begin(&self.manager.client, &live.session, visit).await;
        let list = self.manager.client.list_tools(&live.session, visit).await?;
        Ok(self.take(list))
    }

    fn take(&mut self, list: super::list::ToolList) -> usize {
        let Manager { reporter, registry, metrics, .. } = &self.manager;
        let (tools, invalid) = (list.tools.len(), list.invalid.len());
        let bytes = list.bytes;
        if invalid > 0 {
            debug!(
                mcp.server = %reporter.name, invalid,
                "Some entries of the server's list are no tools and are left out."
            );
        }
        if let Some(transition) = registry.listed(reporter, list) {
            metrics.tools_discovered(&reporter.name, tools);
            metrics.tools_list_bytes(&reporter.name, bytes);
            self.log(Some(transition));
        }
        self.listed_at = Instant::now();
        self.pings = 0;
        self.changed = false;
        tools
    }

    fn lost(&mut self, error: &UpstreamError) {
        debug!(
            mcp.server = %self.manager.reporter.name, error = %Chain(error),
            "The server no longer knows the session; a new one is opened."
        );
        self.forget_lost();
    }

    /// Forgets the session that the server no longer knows.
    fn forget_lost(&mut self) {
        if let Some(live) = self.live.take() {
            self.manager.ended(&live.session, Some(measure::SESSION_LOST));
        }
    }

    /// Draws the consequences of a round; returns the pause before the next.
    async fn settle(&mut self, outcome: Result<(), UpstreamError>, refresh: Duration) -> Duration {
        let Err(error) = outcome else {
            self.failures = 0;
            self.backoff.reset();
            return jitter(refresh, rand::random());
        };
        self.failures = self.failures.saturating_add(1);
        let enough = self.failures >= FAILURES_MAX;
        let Manager { reporter, registry, metrics, .. } = &self.manager;
        let transition =
            registry.failed(reporter, error.reason(), Chain(&error).to_string(), enough);
        if transition.is_some_and(|change| change.to == ServerState::Down) {
            metrics.tools_discovered(&reporter.name, 0);
        }
        if !error.session_survives() {
            metrics.connection_failed(&reporter.name);
        }
        let pause = self.backoff.next(rand::random());
        warn_failure(&reporter.name, &error, self.failures, transition);
        if enough || !error.session_survives() {
            self.leave(Some(error.reason())).await;
        }
        pause
    }

    /// Waits for the next round: until `next`, or until the server says that something changed.
    async fn wait(&mut self, next: Instant) {
        let mut next = next;
        loop {
            let told = async {
                match &mut self.live {
                    Some(live) => live.watcher.change(&self.manager.client, &live.session).await,
                    None => std::future::pending().await,
                }
            };
            match tokio::time::timeout_at(next, told).await {
                Err(_elapsed) => return,
                Ok(Change::Tools) => {
                    self.changed = true;
                    next = next.min(self.listed_at + CHANGE_GAP);
                }
                Ok(Change::SessionLost) => {
                    self.forget_lost();
                    next = next.min(self.listed_at + LOST_GAP);
                }
            }
        }
    }

    /// Gives the session up, and tells the server so. `error` is the reason, when there is one.
    async fn leave(&mut self, error: Option<&'static str>) {
        if let Some(live) = self.live.take() {
            drop(live.watcher);
            self.manager.ended(&live.session, error);
            let client = &self.manager.client;
            if live.session.session_id.is_none() {
                return; // there is nothing to end
            }
            let visit = span::manage(&self.manager.tracer, client.server());
            let delete = span::delete(&visit, client.server());
            let closed = client.close(&live.session, delete.headers().as_ref()).await;
            span::end_delete(&delete, &closed, true);
            visit.end();
        }
    }

    fn log(&self, transition: Option<Transition>) {
        let Some(Transition { from, to }) = transition else { return };
        if from != to && to == ServerState::Up {
            let server = &self.manager.reporter.name;
            info!(mcp.server = %server, from = from.as_str(), "Server {server} is up.");
        }
    }
}

impl Manager {
    async fn connect(&self, visit: &Span) -> Result<Live, UpstreamError> {
        let limits = self.client.limits();
        let deadline = Instant::now() + limits.session_init_timeout;
        let init = span::message(visit, method::INITIALIZE, self.client.server());
        let trace = init.headers();
        let context = InitializeContext { headers: HeaderMap::new(), trace, deadline };
        let initialized = self.client.initialize(&context).await;
        if let Ok(initialized) = &initialized {
            span::answered(&init, initialized.http);
        }
        span::end(&init, &initialized);
        let initialized = initialized?;
        self.registry.connected(&self.reporter, &initialized);
        let announces = initialized.announces_tool_changes();
        let watcher =
            Watcher::new(announces, limits.upstream_refresh_interval, self.tracer.clone());
        Ok(Live { session: initialized.session, watcher })
    }

    /// Takes down that a session has ended; `error` is the value of `error.type`. Of a server that has left the
    /// configuration, no figures are kept.
    fn ended(&self, session: &UpstreamSession, error: Option<&'static str>) {
        if self.registry.state(&self.reporter.name).is_none() {
            return;
        }
        let now = Clock::system().unix();
        measure::session_ended(&self.metrics, self.peer.clone(), session, (now, error));
    }

    /// Asks whether the server lives. A server that does not know the method answers too.
    async fn ping(&self, session: &UpstreamSession, visit: &Span) -> Result<(), UpstreamError> {
        let ping = span::message(visit, method::PING, self.client.server());
        let trace = ping.headers();
        let deadline = Instant::now() + PING_TIMEOUT;
        let envelope =
            Envelope { session: Some(session), headers: None, trace: trace.as_ref(), deadline };
        let params = message::params(b"", trace.as_ref());
        let called =
            self.client.call(method::PING, params.as_deref(), &envelope, PING_BYTES_MAX).await;
        if let Ok(answer) = &called {
            span::answered(&ping, answer.http);
        }
        let outcome = match called {
            Ok(_) | Err(UpstreamError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        };
        span::end(&ping, &outcome);
        outcome
    }
}

/// The first failure and each change for the worse are worth a warning; what repeats is not.
fn warn_failure(
    server: &Arc<str>,
    error: &UpstreamError,
    failures: u32,
    transition: Option<Transition>,
) {
    let Some(Transition { from, to }) = transition else { return };
    let reason = error.reason();
    if from == to {
        debug!(
            mcp.server = %server, error.r#type = reason, error = %Chain(error), failures,
            "Server {server} still fails."
        );
    } else if to == ServerState::Degraded {
        warn!(
            mcp.server = %server, error.r#type = reason, error = %Chain(error),
            "Server {server} fails; its last list of tools is still offered."
        );
    } else {
        warn!(
            mcp.server = %server, error.r#type = reason, error = %Chain(error),
            "Server {server} fails; none of its tools is offered."
        );
    }
}
