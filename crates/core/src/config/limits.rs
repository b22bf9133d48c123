//! The bounds that an operator can choose: their defaults, and how far each may be moved.

use std::time::Duration;

use super::quantity::{format_duration, format_size, parse_duration, parse_size};
use super::reader::Section;
use super::schema::{Key, Kind};
use super::tree::Node;

/// Bounds of buffers, waits and counts. Every field is a key of the `limits` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body.
    pub body_bytes_max: usize,
    /// Sessions that the gateway is sized for: Envoy's connection and request limits stand above it.
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

impl Limits {
    /// Reads the `limits` section; what is absent or wrong keeps its default.
    pub(super) fn read(section: &Section<'_>) -> Self {
        let mut limits = Self::default();
        for bound in &BOUNDS {
            bound.read(section, &mut limits);
        }
        limits
    }
}

/// Returns the keys of the `limits` section.
pub(super) fn keys() -> Vec<Key> {
    let mut defaults = Limits::default();
    let key = |bound: &Bound| Key {
        path: bound.path,
        kind: bound.range.kind(),
        default: bound.range.write_field(&mut defaults),
        range: bound.range.write(),
        meaning: bound.meaning,
        has_effect: true,
    };
    BOUNDS.iter().map(key).collect()
}

/// One key of the section.
struct Bound {
    path: &'static str,
    range: Range,
    meaning: &'static str,
}

type Whole = fn(&mut Limits) -> &mut usize;
type Time = fn(&mut Limits) -> &mut Duration;

/// The field that a key fills, and the least and the most that make sense there.
enum Range {
    Count(Whole, u64, u64),
    Size(Whole, u64, u64),
    Time(Time, Duration, Duration),
}

impl Range {
    fn kind(&self) -> Kind {
        match self {
            Self::Count(..) => Kind::Count,
            Self::Size(..) => Kind::Size,
            Self::Time(..) => Kind::Duration,
        }
    }

    /// Writes the field's value as the file would.
    fn write_field(&self, limits: &mut Limits) -> String {
        match self {
            Self::Count(field, ..) => field(limits).to_string(),
            Self::Size(field, ..) => format_size(*field(limits) as u64),
            Self::Time(field, ..) => format_duration(*field(limits)),
        }
    }

    /// Fills the field from what the file says.
    fn read(&self, node: &Node, limits: &mut Limits) -> Result<(), String> {
        match self {
            Self::Count(field, least, most) => {
                *field(limits) = self.check(read_count(node)?, least, most)?;
            }
            Self::Size(field, least, most) => {
                *field(limits) = self.check(read_size(node)?, least, most)?;
            }
            Self::Time(field, least, most) => {
                *field(limits) = self.check(read_duration(node)?, least, most)?;
            }
        }
        Ok(())
    }

    /// Refuses what is out of range, and what this machine cannot count.
    fn check<T: PartialOrd, U: TryFrom<T>>(
        &self,
        value: T,
        least: &T,
        most: &T,
    ) -> Result<U, String> {
        let value = Some(value).filter(|value| value >= least && value <= most);
        value
            .and_then(|value| U::try_from(value).ok())
            .ok_or_else(|| format!("must be from {}", self.write()))
    }

    /// Writes the least and the most as the file would.
    fn write(&self) -> String {
        match self {
            Self::Count(_, least, most) => format!("{least} to {most}"),
            Self::Size(_, least, most) => {
                format!("{} to {}", format_size(*least), format_size(*most))
            }
            Self::Time(_, least, most) => {
                format!("{} to {}", format_duration(*least), format_duration(*most))
            }
        }
    }
}

impl Bound {
    fn read(&self, section: &Section<'_>, limits: &mut Limits) {
        let name = self.path.trim_start_matches("limits.");
        let Some(node) = section.node(name) else { return };
        if let Err(message) = self.range.read(node, limits) {
            section.problem(name, message);
        }
    }
}

fn read_count(node: &Node) -> Result<u64, String> {
    let Node::Integer(value) = node else {
        return Err(format!("must be a whole number, not {}", node.kind()));
    };
    u64::try_from(*value).map_err(|_| "must not be negative or beyond 64 bits".to_owned())
}

/// Reads a number of bytes.
pub(super) fn read_size(node: &Node) -> Result<u64, String> {
    if let Node::Text(text) = node {
        return parse_size(text);
    }
    let Node::Integer(_) = node else {
        return Err(format!("must be a size such as 5MiB, not {}", node.kind()));
    };
    read_count(node)
}

fn read_duration(node: &Node) -> Result<Duration, String> {
    let Node::Text(text) = node else {
        return Err(format!("must be a duration with a unit, such as 10s, not {}", node.kind()));
    };
    parse_duration(text)
}

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const fn count(path: &'static str, field: Whole, most: u64, meaning: &'static str) -> Bound {
    Bound { path, range: Range::Count(field, 1, most), meaning }
}

const fn size(path: &'static str, field: Whole, most: u64, meaning: &'static str) -> Bound {
    Bound { path, range: Range::Size(field, KIB, most), meaning }
}

const fn time(
    path: &'static str,
    field: Time,
    (least, most): (Duration, Duration),
    meaning: &'static str,
) -> Bound {
    Bound { path, range: Range::Time(field, least, most), meaning }
}

/// The keys of the section. The least values are what any client or server needs; the most are where a mistake is more
/// likely than a wish.
const BOUNDS: [Bound; 15] = [
    size(
        "limits.bodyBytesMax",
        |limits| &mut limits.body_bytes_max,
        GIB,
        "Bytes of a request body; a longer one is refused with 413.",
    ),
    count(
        "limits.sessionsMax",
        |limits| &mut limits.sessions_max,
        10_000_000,
        "Sessions that the gateway is sized for: `envoy-config` sets the connection and request \
         limits of Envoy above it.",
    ),
    time(
        "limits.sessionTtl",
        |limits| &mut limits.session_ttl,
        (Duration::from_secs(60), Duration::from_secs(365 * 24 * 60 * 60)),
        "Time that a gateway session lives.",
    ),
    count(
        "limits.connectionsMax",
        |limits| &mut limits.connections_max,
        1_000_000,
        "Client connections that are open at once.",
    ),
    count(
        "limits.streamsMax",
        |limits| &mut limits.streams_max,
        1_000_000,
        "Client streams (`GET /mcp`) that are open at once.",
    ),
    time(
        "limits.sessionInitTimeout",
        |limits| &mut limits.session_init_timeout,
        (Duration::from_millis(100), HOUR),
        "Time that opening a session with a server may take.",
    ),
    time(
        "limits.connectTimeout",
        |limits| &mut limits.connect_timeout,
        (Duration::from_millis(10), HOUR),
        "Time that connecting to a server may take, TLS included.",
    ),
    time(
        "limits.callIdleTimeout",
        |limits| &mut limits.call_idle_timeout,
        (SECOND, DAY),
        "Time that a call may pass without a byte from its server.",
    ),
    size(
        "limits.answerBytesMax",
        |limits| &mut limits.answer_bytes_max,
        GIB,
        "Bytes of a JSON answer that is held whole before it is sent on. Longer ones, and event \
         streams, pass through.",
    ),
    time(
        "limits.upstreamRefreshInterval",
        |limits| &mut limits.upstream_refresh_interval,
        (SECOND, DAY),
        "Time between two reads of a server's lists.",
    ),
    count(
        "limits.listPagesMax",
        |limits| &mut limits.list_pages_max,
        100_000,
        "Pages of one list of one server.",
    ),
    count(
        "limits.toolsPerServerMax",
        |limits| &mut limits.tools_per_server_max,
        1_000_000,
        "Tools of one server.",
    ),
    size(
        "limits.listBytesMax",
        |limits| &mut limits.list_bytes_max,
        4 * GIB,
        "Bytes of one list of one server, all pages together.",
    ),
    time(
        "limits.drainTimeout",
        |limits| &mut limits.drain_timeout,
        (Duration::ZERO, HOUR),
        "Time that open requests have to end when the gateway stops. `0s` waits for none.",
    ),
    count(
        "limits.storeEntriesMax",
        |limits| &mut limits.store_entries_max,
        100_000_000,
        "Entries of the in-memory store of sessions.",
    ),
];
