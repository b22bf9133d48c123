//! What the program prints for people: text on stdout or stderr, coloured when somebody is looking.
//!
//! Log lines do not go through here. Text goes out as it is written; a reader that has gone away (`| head`) is not
//! an error, every other failure is kept and comes back from [`Out::finish`].

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Whether text is decorated with terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Plain text.
    Plain,
    /// ANSI escape sequences of the sixteen basic colours, so that the terminal's own theme decides.
    Colour,
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// A heading.
    Heading,
    /// What the eye should find first.
    Strong,
    /// What may be skipped: guides, attributes.
    Faint,
    /// A value to copy: an address, a command.
    Value,
    /// Something went right.
    Good,
    /// Something went wrong.
    Bad,
}

impl Style {
    /// Wraps `text` in the colour of `ink`; plain style returns it unchanged.
    pub(crate) fn paint(self, ink: Ink, text: impl Display) -> String {
        let code = match ink {
            Ink::Heading => "1;36",
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Value => "36",
            Ink::Good => "32",
            Ink::Bad => "31",
        };
        match self {
            Style::Plain => text.to_string(),
            Style::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// A place to print to.
pub(crate) struct Out {
    writer: Box<dyn Write + Send>,
    style: Style,
    width: usize,
    closed: bool,
    failure: Option<io::Error>,
}

/// Columns of a line when nobody tells: a file, a pipe.
const WIDTH_DEFAULT: usize = 100;
/// Lines are laid out for no fewer columns than these, and no more.
const WIDTH_MIN: usize = 80;
const WIDTH_MAX: usize = 100;

impl Out {
    /// Prints to stdout; coloured on a terminal unless `NO_COLOR` is set or `TERM` is `dumb`.
    pub(crate) fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let width = terminal_size::terminal_size_of(io::stdout())
            .map_or(WIDTH_DEFAULT, |(width, _)| usize::from(width.0).clamp(WIDTH_MIN, WIDTH_MAX));
        Self::new(Box::new(io::stdout()), colour_for(terminal), width)
    }

    /// Prints to stderr, under the same rules.
    pub(crate) fn stderr() -> Self {
        let terminal = io::stderr().is_terminal();
        Self::new(Box::new(io::stderr()), colour_for(terminal), WIDTH_DEFAULT)
    }

    fn new(writer: Box<dyn Write + Send>, style: Style, width: usize) -> Self {
        Self { writer, style, width, closed: false, failure: None }
    }

    /// How text for this place is decorated.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// How many columns a line may take, 80 to 100.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Prints one line.
    pub(crate) fn line(&mut self, text: impl Display) {
        self.text(format_args!("{text}\n"));
    }

    /// Prints text that brings its own line ends, and makes it visible at once.
    pub(crate) fn text(&mut self, text: impl Display) {
        if self.closed {
            return;
        }
        // One write per call: another process's output on the same terminal cannot split a line.
        let text = text.to_string();
        let written = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush());
        if let Err(error) = written {
            self.closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.failure = Some(error);
            }
        }
    }

    /// Says whether everything was printed, as far as somebody wanted to read it.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.failure.map_or(Ok(()), Err)
    }
}

fn colour_for(terminal: bool) -> Style {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    if terminal && !refused { Style::Colour } else { Style::Plain }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::{Ink, Out, Style};

    struct Pipe {
        failure: Option<io::ErrorKind>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.failure {
                Some(kind) => Err(kind.into()),
                None => self.written.lock().unwrap().write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(failure: Option<io::ErrorKind>) -> (io::Result<()>, String) {
        let written = Arc::new(Mutex::new(Vec::new()));
        let pipe = Pipe { failure, written: Arc::clone(&written) };
        let mut out = Out::new(Box::new(pipe), Style::Plain, 80);
        out.line("first");
        out.text("second\n");
        let result = out.finish();
        let bytes = written.lock().unwrap().clone();
        (result, String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn text_is_printed_as_given() {
        let (result, text) = printed(None);
        assert!(result.is_ok());
        assert_eq!(text, "first\nsecond\n");
    }

    #[test]
    fn reader_that_left_is_no_failure() {
        assert!(printed(Some(io::ErrorKind::BrokenPipe)).0.is_ok());
    }

    #[test]
    fn full_disk_is_a_failure() {
        let (result, _) = printed(Some(io::ErrorKind::StorageFull));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn plain_style_leaves_text_alone() {
        assert_eq!(Style::Plain.paint(Ink::Bad, "x"), "x");
        assert_eq!(Style::Colour.paint(Ink::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
