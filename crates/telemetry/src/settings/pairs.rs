//! Lists of `key=value`, as in `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES`.

/// Why a list cannot be read. Says which member by its place, never by its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PairsError {
    /// A member has no `=`.
    #[error("member {0} is not of the form key=value")]
    Separator(usize),
    /// A member has nothing before its `=`.
    #[error("member {0} has no key")]
    Key(usize),
    /// A percent sign without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("member {0} is not percent-encoded UTF-8")]
    Encoding(usize),
}

/// Reads `key=value,key=value`. Empty members are skipped; keys and values are percent-decoded.
pub(super) fn parse(list: &str) -> Result<Vec<(String, String)>, PairsError> {
    let mut pairs = Vec::new();
    for (at, member) in list.split(',').enumerate() {
        let member = member.trim();
        if member.is_empty() {
            continue;
        }
        let place = at + 1;
        let (key, value) = member.split_once('=').ok_or(PairsError::Separator(place))?;
        let key = decode(key.trim()).ok_or(PairsError::Encoding(place))?;
        let value = decode(value.trim()).ok_or(PairsError::Encoding(place))?;
        if key.is_empty() {
            return Err(PairsError::Key(place));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// Decodes `%20` and the like; `+` stays a plus.
fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::{PairsError, parse};

    fn check(list: &str, expect: &[(&str, &str)]) {
        let pairs = parse(list).unwrap_or_else(|error| panic!("{list:?}: {error}"));
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(pairs, expect, "{list:?}");
    }

    #[test]
    fn lists_are_read_and_decoded() {
        check("", &[]);
        check("a=1", &[("a", "1")]);
        check(" a = 1 , b=2,", &[("a", "1"), ("b", "2")]);
        check("a=b%20c,d=e+f", &[("a", "b c"), ("d", "e+f")]);
        check("a=x=y", &[("a", "x=y")]);
        check("a=%E2%82%AC%2C%3d", &[("a", "€,=")]);
        check("a=", &[("a", "")]);
    }

    #[test]
    fn malformed_lists_are_refused_whole() {
        for (list, expect) in [
            ("a", PairsError::Separator(1)),
            ("a=1,b", PairsError::Separator(2)),
            ("=1", PairsError::Key(1)),
            ("a=%", PairsError::Encoding(1)),
            ("a=%2", PairsError::Encoding(1)),
            ("a=1,b=%zz", PairsError::Encoding(2)),
            ("a=%ff", PairsError::Encoding(1)),
            ("a=%+1", PairsError::Encoding(1)),
        ] {
            assert_eq!(parse(list), Err(expect), "{list:?}");
        }
    }
}
