//! Which exporters a signal uses: `OTEL_TRACES_EXPORTER`, `OTEL_LOGS_EXPORTER`, `OTEL_METRICS_EXPORTER`.

use super::reader::Reader;
use crate::signal::Signal;

/// What of a signal is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Over OTLP, when there is an endpoint.
    pub(super) otlp: bool,
    /// To standard output.
    pub(super) console: bool,
}

impl Chosen {
    /// What is exported when nobody chooses.
    const DEFAULT: Self = Self { otlp: true, console: false };

    /// Reads the list; unknown words are ignored, and a list of nothing else is not a choice.
    pub(super) fn read(reader: &mut Reader<'_>, signal: Signal) -> Self {
        let variable = format!("OTEL_{}_EXPORTER", signal.variable());
        let Some(list) = reader.text(&variable) else {
            return Self::DEFAULT;
        };
        let known: &[&str] = match signal {
            Signal::Traces | Signal::Logs => &["otlp", "console", "none"],
            Signal::Metrics => &["otlp", "console", "none", "prometheus"],
        };
        let mut words = Reader::words(&list);
        words.retain(|word| {
            let is_known = known.contains(&word.as_str());
            if !is_known {
                let known = known.join(", ");
                reader.warn(&variable, format!("`{word}` is none of {known}, ignored"));
            }
            is_known
        });
        reader.note(&format!("{signal}.exporter"), &list, Some(&variable));
        let has = |word: &str| words.iter().any(|known| known == word);
        if has("prometheus") {
            let message = "metrics are served at /metrics on the admin listener, with any value of this variable";
            reader.info(&variable, message.to_owned());
        }
        if has("otlp") && reader.otlp_text(signal, "ENDPOINT").is_none() {
            let message = "is otlp, but OTEL_EXPORTER_OTLP_ENDPOINT is not set, so nothing is sent";
            reader.warn(&variable, message.to_owned());
        }
        if words.is_empty() {
            return Self::DEFAULT;
        }
        Self { otlp: has("otlp"), console: has("console") }
    }
}
