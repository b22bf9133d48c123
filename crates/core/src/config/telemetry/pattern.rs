//! How the file says what is blacked out: where it stands (a JSON path), or what it looks like (a regular expression).

use std::fmt;

use regex::{Regex, RegexBuilder};

/// Steps of one path.
const STEPS_MAX: usize = 64;
/// Bytes that a compiled expression may take, so that a file cannot make one that fills the memory.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A place in a JSON text: `$.user.password`, `$.items[*].token`, `$.pair[1]`, `$..secret`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    text: String,
    steps: Vec<JsonPathStep>,
}

/// One step of a [`JsonPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonPathStep {
    /// `.name`: the member of that name.
    Member(String),
    /// `..name`: the members of that name at any depth.
    Descendant(String),
    /// `[3]`: the item at that place, counted from 0.
    Item(usize),
    /// `.*` or `[*]`: every member, every item.
    Every,
}

impl JsonPath {
    /// Reads a path: a part of RFC 9535. Errors: what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || "must be a JSON path of names, `*` and numbers, such as $.user.password or $..token";
        let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest).ok_or_else(wrong)?;
            steps.push(step);
            rest = after;
            if steps.len() > STEPS_MAX {
                return Err(format!("has more than {STEPS_MAX} steps"));
            }
        }
        if steps.is_empty() {
            return Err(wrong().to_owned()); // `$` alone: whoever wants nothing says `off`
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    /// The steps from the outermost value on; at least one.
    pub fn steps(&self) -> &[JsonPathStep] {
        &self.steps
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads the first step of `text`; returns it and what follows.
fn step(text: &str) -> Option<(JsonPathStep, &str)> {
    if let Some(rest) = text.strip_prefix("..") {
        let (name, rest) = name(rest)?;
        return Some((JsonPathStep::Descendant(name.to_owned()), rest));
    }
    if let Some(rest) = text.strip_prefix(".*") {
        return Some((JsonPathStep::Every, rest));
    }
    if let Some(rest) = text.strip_prefix('.') {
        let (name, rest) = name(rest)?;
        return Some((JsonPathStep::Member(name.to_owned()), rest));
    }
    let (inner, rest) = bracketed(text.strip_prefix('[')?)?;
    let step = match (inner, quoted(inner)) {
        ("*", _) => JsonPathStep::Every,
        (_, Some(name)) => JsonPathStep::Member(name.to_owned()),
        (number, None) => JsonPathStep::Item(number.parse().ok()?),
    };
    Some((step, rest))
}

/// A plain name, up to the next step.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let is_plain = |c: char| c.is_alphanumeric() || "_-".contains(c);
    (!name.is_empty() && name.chars().all(is_plain)).then_some((name, rest))
}

/// What stands before the closing bracket, which a quoted name may contain.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    match text.chars().next()? {
        quote @ ('\'' | '"') => {
            let end = text.get(1..)?.find(quote)? + 2;
            let (inner, rest) = text.split_at_checked(end)?;
            Some((inner, rest.strip_prefix(']')?))
        }
        _ => text.split_once(']'),
    }
}

/// The name between quotes.
fn quoted(text: &str) -> Option<&str> {
    ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
}

/// A regular expression.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads an expression. Errors: what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        let expression = RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
        let expression = expression.map_err(|error| match error {
            regex::Error::CompiledTooBig(most) => {
                format!("takes more than {most} bytes once it is compiled")
            }
            // The library draws a picture over several lines, the last of which says what is wrong.
            other @ (regex::Error::Syntax(_) | _) => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                format!("is not a regular expression: {}", last.trim_start_matches("error: "))
            }
        })?;
        if expression.is_match("") {
            return Err("fits nothing at all, and so everywhere".to_owned());
        }
        Ok(Self(expression))
    }

    /// The expression.
    pub const fn expression(&self) -> &Regex {
        &self.0
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::{JsonPath, JsonPathStep, Pattern};

    #[test]
    fn a_path_is_read_step_by_step() {
        let member = |name: &str| JsonPathStep::Member(name.to_owned());
        let cases = [
            ("$.a.b-c", vec![member("a"), member("b-c")]),
            ("$.a[*].b", vec![member("a"), JsonPathStep::Every, member("b")]),
            ("$.*", vec![JsonPathStep::Every]),
            ("$[2]", vec![JsonPathStep::Item(2)]),
            ("$..token", vec![JsonPathStep::Descendant("token".to_owned())]),
            ("$['a b'][\"c]\"]", vec![member("a b"), member("c]")]),
        ];
        for (text, steps) in cases {
            assert_eq!(JsonPath::parse(text).expect(text).steps(), steps, "{text}");
        }
        for text in
            ["", "$", "a", "$a", "$.", "$.a.", "$[", "$[-1]", "$[1", "$.a b", "$..", "$['a]"]
        {
            assert!(JsonPath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_expression_that_cannot_be_used_says_why() {
        assert!(Pattern::parse(r"\b\d{16}\b").is_ok());
        let unclosed = Pattern::parse("(a").expect_err("is not closed");
        assert!(unclosed.contains("unclosed group"), "{unclosed}");
        let large = Pattern::parse(r"(\w{1000}){1000}").expect_err("is too large");
        assert!(large.contains("bytes"), "{large}");
        assert!(Pattern::parse("a*").is_err());
        assert!(Pattern::parse("").is_err());
    }
}
