//! GET: one event stream of a session, with `notifications/tools/list_changed` and keep-alive comments.
//!
//! It ends cleanly when the gateway stops, when the session expires or was ended (on any replica), or when the session
//! has opened too many others; clients then open a new one if they still can.

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use mcp_gateway_core::jsonrpc::notification;
use mcp_gateway_core::mcp::method;
use mcp_gateway_core::routing::Visibility;
use mcp_gateway_core::sse::{KEEP_ALIVE, encode_message};
use mcp_gateway_telemetry::Span;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::broker::notify::{Place, Streams};
use crate::session::{SessionFacts, SessionTokens};
use crate::snapshot::Snapshots;

/// How often a comment goes out: idle connections are cut by proxies, and clients' read timers run.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// What a stream follows.
pub(in crate::broker) struct Sources {
    pub(in crate::broker) snapshots: Snapshots,
    pub(in crate::broker) tokens: SessionTokens,
    /// The gateway stops.
    pub(in crate::broker) shutdown: CancellationToken,
}

/// One open stream.
pub(in crate::broker) struct EventStream {
    place: Place,
    sources: Sources,
    facts: SessionFacts,
    revision: watch::Receiver<u64>,
    visibility: Visibility,
    /// What the list looked like when the client was told last.
    list: u64,
    keep_alive: Interval,
    expires: Instant,
    has_begun: bool,
    /// Ends with the stream.
    _span: Span,
}

impl EventStream {
    /// Begins a stream; `None` when too many are open. `span` ends with the stream.
    pub(in crate::broker) fn open(
        streams: &Streams,
        sources: Sources,
        facts: &SessionFacts,
        visibility: &Visibility,
        span: &Span,
    ) -> Option<Self> {
        let mut revision = sources.snapshots.subscribe();
        let place = streams.open(&facts.jti, *revision.borrow_and_update())?;
        let mut keep_alive = interval_at(Instant::now() + KEEP_ALIVE_INTERVAL, KEEP_ALIVE_INTERVAL);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stream = Self {
            place,
            facts: facts.clone(),
            revision,
            visibility: visibility.clone(),
            list: 0,
            keep_alive,
            expires: Instant::now() + sources.tokens.time_left(facts),
            sources,
            has_begun: false,
            _span: span.clone(),
        };
        stream.list = stream.list_digest();
        Some(stream)
    }

    /// The pieces of the body, until the stream ends.
    pub(in crate::broker) fn into_pieces(self) -> impl Stream<Item = Bytes> + Send {
        futures_util::stream::unfold(self, |mut stream| async move {
            let piece = stream.next().await?;
            Some((piece, stream))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        // The head of a response may be kept back until the first piece of its body comes.
        if !std::mem::replace(&mut self.has_begun, true) {
            return Some(Bytes::from_static(KEEP_ALIVE));
        }
        loop {
            let revision = *self.revision.borrow_and_update();
            if self.place.claim(revision) && self.has_changed() {
                let message = notification(method::TOOLS_LIST_CHANGED, None);
                return Some(encode_message(&message).into());
            }
            tokio::select! {
                biased;
                () = self.sources.shutdown.cancelled() => return None,
                () = self.place.ended() => return None,
                () = tokio::time::sleep_until(self.expires) => return None,
                changed = self.revision.changed() => changed.ok()?,
                () = self.place.woken() => {}
                _ = self.keep_alive.tick() => {
                    let ended = self.sources.tokens.is_ended(&self.facts).await;
                    return (!ended.unwrap_or(false)).then(|| Bytes::from_static(KEEP_ALIVE));
                }
            }
        }
    }

    /// Says whether the client's own list differs from what it was.
    fn has_changed(&mut self) -> bool {
        let list = self.list_digest();
        std::mem::replace(&mut self.list, list) != list
    }

    /// A digest stands for the list, so that an idle stream keeps no old list in memory.
    fn list_digest(&self) -> u64 {
        self.sources.snapshots.current().tools_list_digest(&self.visibility)
    }
}
