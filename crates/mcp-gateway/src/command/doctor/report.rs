//! What was found out about one thing that is configured, and how people read it.

use crate::output::{Ink, Out, Style};

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// What was looked at: `traces`, `demo/weather`.
    pub(super) subject: String,
    /// Where it is, without anything secret; empty when it is nowhere.
    pub(super) target: String,
    /// How it is.
    pub(super) verdict: Verdict,
    /// What else somebody who looks for a mistake should know: sentences.
    pub(super) remarks: Vec<String>,
}

/// How something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be; a sentence.
    Works(String),
    /// Nobody asked for it; a sentence.
    Off(String),
    /// It does not work.
    Failed(Death),
}

/// Where something died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Death {
    /// The step that did not succeed: `name resolution`, `TLS`.
    pub(super) step: &'static str,
    /// What happened there: a sentence.
    pub(super) what: String,
    /// What to do about it: sentences.
    pub(super) advice: String,
    /// What the error says, for those who know it; empty when it says no more.
    pub(super) error: String,
}

/// Longest text of an error that is shown, in characters.
const ERROR_CHARS_MAX: usize = 400;
/// Before what is said of a finding.
const INDENT: &str = "      ";
/// The columns of the longest verdict.
const VERDICT_COLUMNS: usize = 6;

impl Death {
    /// Makes one; `error` is cut to a sane length and a single line.
    pub(super) fn new(
        step: &'static str,
        what: impl Into<String>,
        advice: impl Into<String>,
        error: &str,
    ) -> Self {
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let error = error.chars().map(clean).take(ERROR_CHARS_MAX).collect();
        Self { step, what: what.into(), advice: advice.into(), error }
    }
}

impl Finding {
    /// Says whether it does what it was asked for.
    pub(super) fn is_good(&self) -> bool {
        match self.verdict {
            Verdict::Works(_) | Verdict::Off(_) => true,
            Verdict::Failed(_) => false,
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = match &self.verdict {
            Verdict::Works(text) | Verdict::Off(text) => vec![text.clone()],
            Verdict::Failed(death) => {
                let mut lines = vec![
                    format!("Died at: {}. {}", death.step, death.what),
                    format!("What to do: {}", death.advice),
                ];
                if !death.error.is_empty() {
                    lines.push(format!("Error: {}", death.error));
                }
                lines
            }
        };
        lines.extend(self.remarks.iter().cloned());
        lines
    }
}

/// Prints findings below a heading, their columns in line.
pub(super) fn print(out: &mut Out, heading: &str, findings: &[Finding]) {
    let style = out.style();
    out.line(style.paint(Ink::Heading, heading));
    let columns = findings.iter().map(|it| it.subject.chars().count()).max().unwrap_or_default();
    for finding in findings {
        let subject = style.paint(Ink::Strong, format_args!("{:<columns$}", finding.subject));
        let mut text = format!("  {subject}  {}", verdict(style, finding));
        text.push('\n');
        for line in finding.lines() {
            wrap(&mut text, &line, out.width());
        }
        out.text(text);
    }
}

fn verdict(style: Style, finding: &Finding) -> String {
    let (ink, word) = match finding.verdict {
        Verdict::Works(_) => (Ink::Good, "works"),
        Verdict::Off(_) => (Ink::Faint, "off"),
        Verdict::Failed(_) => (Ink::Bad, "failed"),
    };
    if finding.target.is_empty() {
        return style.paint(ink, word);
    }
    let word = style.paint(ink, format_args!("{word:<VERDICT_COLUMNS$}"));
    format!("{word}  {}", style.paint(Ink::Value, &finding.target))
}

/// Breaks a text between words; a word that is longer than a line stays whole, so that it can be copied.
fn wrap(out: &mut String, text: &str, width: usize) {
    let mut column = 0;
    for word in text.split_whitespace() {
        let chars = word.chars().count();
        if column > 0 && column + 1 + chars > width {
            out.push('\n');
            column = 0;
        }
        if column == 0 {
            out.push_str(INDENT);
            column = INDENT.len();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += chars;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::{Death, ERROR_CHARS_MAX, wrap};

    #[test]
    fn text_is_broken_between_words() {
        let mut out = String::new();
        wrap(&mut out, "one two three a-very-long-word four", 16);
        assert_eq!(out, "      one two\n      three\n      a-very-long-word\n      four\n");
    }

    #[test]
    fn error_of_a_stranger_is_one_short_line() {
        let death = Death::new("TLS", "", "", &format!("a\nb\x1b[31m{}", "x".repeat(1000)));
        assert!(death.error.starts_with("a b [31m"), "{death:?}");
        assert_eq!(death.error.chars().count(), ERROR_CHARS_MAX);
    }
}
