//! Which names of the semantic conventions are written: `OTEL_SEMCONV_STABILITY_OPT_IN`.

use super::reader::Reader;

/// Which names are written where the conventions have an old and a current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// The old names of HTTP: `http.method`, `http.path`, `http.status_code`.
    pub http_legacy: bool,
    /// The current names of HTTP: `http.request.method`, `url.path`, `http.response.status_code`.
    pub http_current: bool,
    /// The newest form of the conventions for generative AI, and only that.
    pub gen_ai_latest: bool,
}

impl Default for Vocabulary {
    /// Old and current names beside each other.
    fn default() -> Self {
        Self { http_legacy: true, http_current: true, gen_ai_latest: false }
    }
}

impl Vocabulary {
    /// Reads the list. `http/dup` wins over `http`; words that are about other libraries are ignored.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let variable = "OTEL_SEMCONV_STABILITY_OPT_IN";
        let mut vocabulary = Self::default();
        let Some(list) = reader.text(variable) else {
            return vocabulary;
        };
        let (mut http, mut both) = (false, false);
        for word in Reader::words(&list) {
            match word.as_str() {
                "http" => http = true,
                "http/dup" => both = true,
                "gen_ai_latest_experimental" => vocabulary.gen_ai_latest = true,
                _ => {
                    let message = format!(
                        "`{word}` changes nothing (only http, http/dup, gen_ai_latest_experimental do)"
                    );
                    reader.info(variable, message);
                }
            }
        }
        vocabulary.http_legacy = both || !http;
        reader.note("semconv_stability_opt_in", &list, Some(variable));
        vocabulary
    }
}
