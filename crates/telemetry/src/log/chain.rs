//! An error with its causes in one line.

use std::error::Error;
use std::fmt;

use crate::attributes::truncate;

/// Longest text of one cause, in bytes; some of it is written by other programs.
const CAUSE_BYTES_MAX: usize = 512;
/// Most causes that are written.
const CAUSES_MAX: usize = 16;

/// Shows an error and its causes: `open config: no such file`.
///
/// Errors of the gateway say only what they know themselves; the log gets the whole chain, once, where it is handled.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = self.0.to_string();
        f.write_str(truncate(&before, CAUSE_BYTES_MAX))?;
        let mut cause = self.0.source();
        for _ in 0..CAUSES_MAX {
            let Some(error) = cause else {
                break;
            };
            let text = error.to_string();
            // Many libraries repeat their cause in their own text.
            if !before.ends_with(&text) {
                f.write_str(": ")?;
                f.write_str(truncate(&text, CAUSE_BYTES_MAX))?;
                before = text;
            }
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::Chain;

    #[derive(Debug, thiserror::Error)]
    #[error("read the list")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("connect: refused")]
    struct Middle(#[source] io::Error);

    #[test]
    fn causes_follow_once() {
        let error = Outer(Middle(io::Error::other("refused")));
        assert_eq!(Chain(&error).to_string(), "read the list: connect: refused");
        let error = Outer(Middle(io::Error::other("no route")));
        assert_eq!(Chain(&error).to_string(), "read the list: connect: refused: no route");
    }
}
