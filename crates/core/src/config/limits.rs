//! The bounds that an operator can choose, with their defaults.

use std::time::Duration;

/// Bounds of buffers, waits and counts. Every field has a key of the same name in the `limits` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body.
    pub body_bytes_max: usize,
    /// Gateway sessions that are open at once.
    pub sessions_max: usize,
    /// Time that a gateway session lives.
    pub session_ttl: Duration,
    /// Client connections that are open at once.
    pub connections_max: usize,
    /// Client streams (GET) that are open at once.
    pub streams_max: usize,
    /// Time that opening a session with a server may take, from connect to `notifications/initialized`.
    pub session_init_timeout: Duration,
    /// Time that a connection to a server may take, TLS included.
    pub connect_timeout: Duration,
    /// Time that a call may pass without a byte from its server.
    pub call_idle_timeout: Duration,
    /// Bytes of a JSON answer that is held whole before it is sent on. Longer ones, and event streams, pass through.
    pub answer_bytes_max: usize,
    /// Time between two reads of a server's lists.
    pub upstream_refresh_interval: Duration,
    /// Pages of one list of one server.
    pub list_pages_max: usize,
    /// Tools of one server.
    pub tools_per_server_max: usize,
    /// Bytes of one list of one server, all pages together.
    pub list_bytes_max: usize,
    /// Time that open requests have to end when the gateway stops.
    pub drain_timeout: Duration,
    /// Entries of the in-memory store.
    pub store_entries_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 5 << 20,
            sessions_max: 10_000,
            session_ttl: Duration::from_secs(24 * 60 * 60),
            connections_max: 20_000,
            streams_max: 10_000,
            session_init_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            call_idle_timeout: Duration::from_secs(300),
            answer_bytes_max: 1 << 20,
            upstream_refresh_interval: Duration::from_secs(60),
            list_pages_max: 100,
            tools_per_server_max: 5_000,
            list_bytes_max: 32 << 20,
            drain_timeout: Duration::from_secs(20),
            store_entries_max: 200_000,
        }
    }
}
