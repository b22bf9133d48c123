//! Every `OTEL_*` variable that the gateway reads: what it means, what holds without it, and the test that proves it.
//!
//! The reference in the documentation is written from this table ([`reference()`]). Tests hold it against the code: the reader
//! asks for these variables and for no others, and each named test exists and is about its variable.

mod reference;
mod signals;
mod table;

pub use self::reference::reference;
use self::table::SECTIONS;
use super::reader::{Notice, NoticeLevel};
use crate::signal::Signal;

/// All signals, in the order in which they are read.
const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Logs, Signal::Metrics];

/// What the variables that every variable of OTLP begins with have in common.
const OTLP: &str = "OTEL_EXPORTER_OTLP_";

/// Variables that belong together.
#[derive(Clone, Copy, Debug)]
struct Section {
    title: &'static str,
    /// What is true of all of them.
    text: &'static str,
    variables: &'static [Variable],
}

/// One variable.
#[derive(Clone, Copy, Debug)]
struct Variable {
    name: &'static str,
    /// Whether `OTEL_EXPORTER_OTLP_TRACES_…` and the like exist as well.
    per_signal: bool,
    /// What it says, for operators.
    meaning: &'static str,
    /// What holds without it, in the form in which it could be written; empty when there is nothing to write.
    default: &'static str,
    /// What a value that cannot be used does.
    wrong: Wrong,
    /// The name of a test that fails when the variable is ignored.
    proof: &'static str,
}

/// What a value that cannot be used does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// The gateway does not start.
    Stops,
    /// It is noticed in the log, and the default holds.
    Noticed,
    /// Every value can be used.
    Never,
}

impl Variable {
    /// The names under which it is read: itself, and itself for each signal.
    fn names(&self) -> Vec<String> {
        let mut names = vec![self.name.to_owned()];
        if let (true, Some(what)) = (self.per_signal, self.name.strip_prefix(OTLP)) {
            names.extend(SIGNALS.map(|signal| format!("{OTLP}{}_{what}", signal.variable())));
        }
        names
    }
}

fn variables() -> impl Iterator<Item = &'static Variable> {
    SECTIONS.iter().flat_map(|section| section.variables)
}

/// Says which of the variables of the process begin with `OTEL_` and mean nothing to the gateway: probably misspelt.
///
/// Such variables are harmless, and platforms set some that are meant for others; hence information, not warnings.
pub fn unknown(names: impl IntoIterator<Item = String>) -> Vec<Notice> {
    let known: Vec<String> = variables().flat_map(Variable::names).collect();
    let mut unknown: Vec<String> = names
        .into_iter()
        .filter(|name| name.starts_with("OTEL_") && !known.contains(name))
        .collect();
    unknown.sort_unstable();
    let notice = |variable| Notice {
        level: NoticeLevel::Info,
        variable,
        message: "is not a variable that the gateway knows, ignored".to_owned(),
    };
    unknown.into_iter().map(notice).collect()
}

#[cfg(test)]
mod tests;
