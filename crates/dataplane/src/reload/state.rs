//! How the last loads of the configuration went, as `/status` shows it.

use std::path::Path;

use mcp_gateway_core::config::Problem;
use serde::{Serialize, Serializer};

use crate::clock::Clock;
use crate::upstream::rfc3339;

/// How the last loads went. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReloadState {
    /// The file, as the command line names it.
    pub path: String,
    /// When the configuration that is in use was loaded, or its file last went from bad to good.
    pub last_good_load: String,
    /// What is wrong with the file now; `None` when nothing is.
    pub last_failure: Option<LoadFailure>,
}

/// A load that changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadFailure {
    /// When it was first seen.
    pub since: String,
    /// Everything that is wrong.
    #[serde(serialize_with = "serialize_problems")]
    pub problems: Vec<Problem>,
}

impl ReloadState {
    /// Describes a good load, now.
    pub(super) fn good(path: &Path, clock: &Clock) -> Self {
        Self {
            path: path.display().to_string(),
            last_good_load: rfc3339(clock.unix()),
            last_failure: None,
        }
    }

    /// Adds a bad load, now.
    pub(super) fn fail(&mut self, problems: Vec<Problem>, clock: &Clock) {
        self.last_failure = Some(LoadFailure { since: rfc3339(clock.unix()), problems });
    }
}

/// Writes each problem as the log shows it.
fn serialize_problems<S: Serializer>(
    problems: &[Problem],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(problems.iter().map(ToString::to_string))
}
