//! Text of clients and servers as an audit event shows it: bounded, and without characters that deceive a reader.

/// The most bytes of one text in an audit event: twice the longest tool name of MCP. What is longer ends with `…`.
pub const TEXT_BYTES_MAX: usize = 256;

/// Cuts a text and writes characters that are not printable (controls, direction marks, invisible ones) as `\u{…}`.
pub(super) fn bounded(text: &str) -> Box<str> {
    let is_plain = |byte: &u8| (b' '..0x7f).contains(byte) && *byte != b'\\';
    if text.len() <= TEXT_BYTES_MAX && text.as_bytes().iter().all(is_plain) {
        return text.into();
    }
    let mut out = String::new();
    for c in text.chars() {
        let start = out.len();
        match c {
            '"' | '\'' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
        if out.len() > TEXT_BYTES_MAX {
            out.truncate(start);
            out.push('…');
            break;
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::{TEXT_BYTES_MAX, bounded};

    #[test]
    fn text_is_kept_when_it_is_harmless() {
        for text in
            ["", "weather_forecast", "demo/weather", "a \"quoted\" 'name'", "Wetter_für_Köln"]
        {
            assert_eq!(&*bounded(text), text);
        }
    }

    #[test]
    fn deceiving_characters_are_shown() {
        assert_eq!(&*bounded("a\nb\x1b[31m"), r"a\nb\u{1b}[31m");
        assert_eq!(&*bounded("safe\u{202e}txt\u{200b}"), r"safe\u{202e}txt\u{200b}");
        assert_eq!(&*bounded(r"a\n"), r"a\\n");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let at_bound = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(&*bounded(&at_bound), at_bound);
        assert_eq!(&*bounded(&"x".repeat(1_000_000)), format!("{at_bound}…"));
        let cut = bounded(&"\u{1}".repeat(TEXT_BYTES_MAX));
        assert!(cut.ends_with(r"\u{1}…") && cut.len() <= TEXT_BYTES_MAX + '…'.len_utf8(), "{cut}");
    }
}
