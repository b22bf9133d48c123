//! Which forms of context are read from requests and written to them: `OTEL_PROPAGATORS`.

use super::reader::Reader;

/// Which forms of context pass through the gateway, in and out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagators {
    /// W3C Trace Context: `traceparent` and `tracestate`.
    pub trace_context: bool,
    /// W3C Baggage: `baggage`.
    pub baggage: bool,
}

impl Default for Propagators {
    /// The value of the specification: both.
    fn default() -> Self {
        Self { trace_context: true, baggage: true }
    }
}

impl Propagators {
    /// Nothing is read and nothing is written.
    pub const NONE: Self = Self { trace_context: false, baggage: false };

    /// Reads the list. `none` switches both off; unknown words are ignored, and a list of nothing else is not a choice.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let (variable, setting) = ("OTEL_PROPAGATORS", "propagators");
        let Some(list) = reader.text(variable) else {
            reader.note(setting, "tracecontext,baggage", None);
            return Self::default();
        };
        let mut chosen = Self::NONE;
        let mut is_choice = false;
        for word in Reader::words(&list) {
            match word.as_str() {
                "tracecontext" => chosen.trace_context = true,
                "baggage" => chosen.baggage = true,
                "none" => {}
                _ => {
                    let message = format!(
                        "`{word}` is not supported (only tracecontext, baggage, none), ignored"
                    );
                    reader.warn(variable, message);
                    continue;
                }
            }
            is_choice = true;
        }
        if !is_choice {
            chosen = Self::default();
        }
        let on = [("tracecontext", chosen.trace_context), ("baggage", chosen.baggage)];
        let on: Vec<&str> = on.iter().filter(|(_, on)| *on).map(|(word, _)| *word).collect();
        let shown = if on.is_empty() { "none".to_owned() } else { on.join(",") };
        reader.note(setting, shown, is_choice.then_some(variable));
        chosen
    }
}
