//! What the gateway knows of each server's condition, for `/status`, readiness and logs.
//!
//! [`Health`] is a small state machine without clock or lock; the registry holds one per server.

use std::time::Duration;

use serde::Serialize;

use super::list::InvalidEntry;

/// Entries of a server's list that are shown as invalid; more are only counted.
const INVALID_SHOWN_MAX: usize = 100;

/// The condition of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerState {
    /// The first connection has neither succeeded nor failed yet.
    Connecting,
    /// Initialised, and its list has been read to the last page.
    Up,
    /// It fails now; the list that it gave last is still offered.
    Degraded,
    /// It fails, and nothing of it is offered.
    Down,
    /// The configuration disables it.
    Disabled,
}

impl ServerState {
    /// The state as `/status` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            ServerState::Connecting => "connecting",
            ServerState::Up => "up",
            ServerState::Degraded => "degraded",
            ServerState::Down => "down",
            ServerState::Disabled => "disabled",
        }
    }

    /// Says whether the server's tools are offered.
    pub fn is_offered(self) -> bool {
        match self {
            ServerState::Up | ServerState::Degraded => true,
            ServerState::Connecting | ServerState::Down | ServerState::Disabled => false,
        }
    }
}

/// One server as `/status` shows it. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// The name in the configuration.
    pub name: String,
    /// Host and port of its URL.
    pub address: String,
    /// Its condition.
    pub state: ServerState,
    /// When that condition began.
    pub since: String,
    /// The revision that it chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// What it calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_info: Option<ServerInfo>,
    /// The tools that it offers, those with a conflict included.
    pub tools: usize,
    /// The entries of its list that are no tools.
    pub invalid_tools: usize,
    /// The first hundred of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invalid_tool_list: Vec<InvalidEntry>,
    /// Tools that are not offered because another one has their name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<ToolConflict>,
    /// What went wrong last, also when it has been mended since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// When its list was last read to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success: Option<String>,
}

/// What a server calls itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A tool that lost its name to another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolConflict {
    /// The name that clients see.
    pub tool: String,
    /// The server whose tool has it.
    pub kept_by: String,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastError {
    /// The reason, as in `error.type`.
    pub reason: String,
    /// The error with its causes.
    pub message: String,
    /// When it happened.
    pub at: String,
}

/// What is remembered of one server.
#[derive(Clone, Debug)]
pub(super) struct Health {
    pub(super) state: ServerState,
    pub(super) since: Duration,
    pub(super) protocol_version: Option<String>,
    pub(super) server_info: Option<ServerInfo>,
    pub(super) tools: usize,
    pub(super) invalid: Vec<InvalidEntry>,
    pub(super) invalid_count: usize,
    pub(super) last_error: Option<LastError>,
    pub(super) last_success: Option<Duration>,
}

impl Health {
    /// Begins at `now` (Unix time).
    pub(super) fn new(state: ServerState, now: Duration) -> Self {
        Self {
            state,
            since: now,
            protocol_version: None,
            server_info: None,
            tools: 0,
            invalid: Vec::new(),
            invalid_count: 0,
            last_error: None,
            last_success: None,
        }
    }

    /// The list was read: the server is up.
    pub(super) fn listed(&mut self, tools: usize, invalid: &[InvalidEntry], now: Duration) {
        self.enter(ServerState::Up, now);
        self.tools = tools;
        self.invalid_count = invalid.len();
        self.invalid = invalid.iter().take(INVALID_SHOWN_MAX).cloned().collect();
        self.last_success = Some(now);
    }

    /// The server answered, and nothing else was asked of it.
    pub(super) fn alive(&mut self, now: Duration) {
        if self.state == ServerState::Degraded {
            self.enter(ServerState::Up, now);
        }
    }

    /// Something failed. `offered` says whether an older list is still offered.
    pub(super) fn failed(&mut self, error: LastError, offered: bool, now: Duration) {
        self.enter(if offered { ServerState::Degraded } else { ServerState::Down }, now);
        if !offered {
            self.tools = 0;
            self.invalid.clear();
            self.invalid_count = 0;
        }
        self.last_error = Some(error);
    }

    fn enter(&mut self, state: ServerState, now: Duration) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }
}

/// Writes a Unix time as RFC 3339 in UTC, to the second: `2026-11-22T21:58:03Z`.
pub fn rfc3339(unix: Duration) -> String {
    let seconds = unix.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    // Civil date from days, counted from 0000-03-01 in eras of 400 years (H. Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Health, LastError, ServerState, rfc3339};

    fn error() -> LastError {
        LastError {
            reason: "timeout".to_owned(),
            message: "the server gave no answer".to_owned(),
            at: rfc3339(Duration::ZERO),
        }
    }

    #[test]
    fn a_condition_keeps_the_time_it_began() {
        let at = Duration::from_secs;
        let mut health = Health::new(ServerState::Connecting, at(1));
        let check = |health: &Health, state: ServerState, since: u64| {
            assert_eq!((health.state, health.since), (state, at(since)));
        };
        health.failed(error(), false, at(2));
        check(&health, ServerState::Down, 2);
        health.alive(at(3));
        check(&health, ServerState::Down, 2);
        health.listed(4, &[], at(4));
        check(&health, ServerState::Up, 4);
        health.listed(4, &[], at(5));
        check(&health, ServerState::Up, 4);
        assert_eq!(health.last_success, Some(at(5)));
        health.failed(error(), true, at(6));
        check(&health, ServerState::Degraded, 6);
        assert_eq!(health.tools, 4);
        health.alive(at(7));
        check(&health, ServerState::Up, 7);
        assert!(health.last_error.is_some());
        health.failed(error(), false, at(8));
        assert_eq!(health.tools, 0);
    }

    #[test]
    fn times_are_rfc_3339() {
        let check = |seconds: u64, expect: &str| {
            assert_eq!(rfc3339(Duration::from_secs(seconds)), expect);
        };
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(951_868_800, "2000-03-01T00:00:00Z");
        check(1_795_384_683, "2026-11-22T21:58:03Z");
        check(4_107_542_399, "2100-02-28T23:59:59Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
    }
}
