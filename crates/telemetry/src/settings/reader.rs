//! Reads variables one by one and remembers what is wrong with them.
//!
//! The rules are those of the OpenTelemetry specification: an empty variable is not set; a boolean is true only when it says
//! `true`; a number or a word that cannot be read is ignored with a notice.

use std::fmt;
use std::iter;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Env;
use crate::signal::Signal;

/// A variable that stops the start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {message}")]
pub struct EnvProblem {
    /// The variable.
    pub variable: String,
    /// What is wrong with it, and what would be right. Never contains a secret.
    pub message: String,
}

/// How important a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeLevel {
    /// Something worth knowing.
    Info,
    /// Probably a mistake, or a risk.
    Warn,
}

/// A variable that was ignored, or that has an effect worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How important it is.
    pub level: NoticeLevel,
    /// The variable.
    pub variable: String,
    /// What was done about it. Never contains a secret.
    pub message: String,
}

impl Notice {
    /// Writes the notice as a log line; the environment is read before logging begins, hence not at once.
    pub fn log(&self) {
        match self.level {
            NoticeLevel::Info => tracing::info!(variable = %self.variable, "{self}."),
            NoticeLevel::Warn => tracing::warn!(variable = %self.variable, "{self}."),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.message)
    }
}

/// One setting and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What is set: `traces.endpoint`.
    pub name: String,
    /// The value, without anything secret.
    pub value: String,
    /// The variable, or `default`.
    pub source: String,
}

/// A value together with the variable that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found<T> {
    pub(super) variable: String,
    pub(super) value: T,
}

/// Reads the environment.
pub(super) struct Reader<'a> {
    env: Env<'a>,
    problems: Vec<EnvProblem>,
    notices: Vec<Notice>,
    settings: Vec<Setting>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: Env<'a>) -> Self {
        Self { env, problems: Vec::new(), notices: Vec::new(), settings: Vec::new() }
    }

    /// Everything that was found to say.
    pub(super) fn finish(self) -> (Vec<EnvProblem>, Vec<Notice>, Vec<Setting>) {
        (self.problems, self.notices, self.settings)
    }

    /// Notes a problem that stops the start; once, however many signals read the variable.
    pub(super) fn problem(&mut self, variable: &str, message: String) {
        self.problems([EnvProblem { variable: variable.to_owned(), message }]);
    }

    /// Notes problems that were found elsewhere.
    pub(super) fn problems(&mut self, problems: impl IntoIterator<Item = EnvProblem>) {
        for problem in problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// Notes something that was ignored or is risky; once, however many signals read the variable.
    pub(super) fn warn(&mut self, variable: &str, message: String) {
        self.notice(NoticeLevel::Warn, variable, message);
    }

    /// Notes something worth knowing; once, however many signals read the variable.
    pub(super) fn info(&mut self, variable: &str, message: String) {
        self.notice(NoticeLevel::Info, variable, message);
    }

    fn notice(&mut self, level: NoticeLevel, variable: &str, message: String) {
        let notice = Notice { level, variable: variable.to_owned(), message };
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Notes the value of a setting and the variable that it comes from, `None` for a default.
    pub(super) fn note(&mut self, name: &str, value: impl fmt::Display, variable: Option<&str>) {
        self.settings.push(Setting {
            name: name.to_owned(),
            value: value.to_string(),
            source: variable.unwrap_or("default").to_owned(),
        });
    }

    /// A variable without the white space around it; an empty one is not set.
    pub(super) fn text(&mut self, variable: &str) -> Option<String> {
        let value = (self.env)(variable)?;
        let value = value.trim();
        if value.is_empty() { None } else { Some(value.to_owned()) }
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, variable: &str) -> Option<bool> {
        let value = self.text(variable)?;
        if value.eq_ignore_ascii_case("true") {
            return Some(true);
        }
        if !value.eq_ignore_ascii_case("false") {
            self.warn(variable, format!("`{value}` is neither true nor false, taken as false"));
        }
        Some(false)
    }

    /// A whole number within a range.
    pub(super) fn number(&mut self, variable: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.text(variable)?;
        let number = value.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            let message =
                format!("`{value}` is not a whole number from {least} to {most}, ignored");
            self.warn(variable, message);
        }
        number
    }

    /// A time in milliseconds, from 1 to `most`.
    pub(super) fn millis(&mut self, variable: &str, most: u64) -> Option<Duration> {
        self.number(variable, 1..=most).map(Duration::from_millis)
    }

    /// The words of a list that is separated by commas, in lower case, without empty ones.
    pub(super) fn words(list: &str) -> Vec<String> {
        list.split(',')
            .map(|word| word.trim().to_ascii_lowercase())
            .filter(|word| !word.is_empty())
            .collect()
    }

    /// One of some words, of which the first is the default; noted as `setting`.
    pub(super) fn word<T: Copy>(
        &mut self,
        variable: &str,
        setting: &str,
        default: (&str, T),
        others: &[(&str, T)],
    ) -> T {
        let found = self.text(variable).and_then(|value| {
            let mut known = iter::once(&default).chain(others);
            let word = known.find(|(word, _)| value.eq_ignore_ascii_case(word)).copied();
            if word.is_none() {
                let known: Vec<&str> =
                    iter::once(&default).chain(others).map(|(word, _)| *word).collect();
                let message = format!("`{value}` is none of {}, ignored", known.join(", "));
                self.warn(variable, message);
            }
            word
        });
        let (word, value) = found.unwrap_or(default);
        self.note(setting, word, found.map(|_| variable));
        value
    }

    /// The variable of a signal, or else the one for all signals: `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`, `OTEL_EXPORTER_OTLP_TIMEOUT`.
    pub(super) fn otlp_text(&mut self, signal: Signal, what: &str) -> Option<Found<String>> {
        otlp_variables(signal, what).into_iter().find_map(|variable| {
            let value = self.text(&variable)?;
            Some(Found { variable, value })
        })
    }

    /// As [`Reader::otlp_text`]; a value that `read` refuses is ignored and the next variable is asked.
    pub(super) fn otlp<T>(
        &mut self,
        signal: Signal,
        what: &str,
        read: impl Fn(&mut Self, &str) -> Option<T>,
    ) -> Option<Found<T>> {
        otlp_variables(signal, what).into_iter().find_map(|variable| {
            let value = read(self, &variable)?;
            Some(Found { variable, value })
        })
    }
}

/// The variables that say one thing about one signal, the stronger first.
fn otlp_variables(signal: Signal, what: &str) -> [String; 2] {
    [
        format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.variable()),
        format!("OTEL_EXPORTER_OTLP_{what}"),
    ]
}
