//! Values that may stand elsewhere: `${NAME}` in the environment, `{file: /path}` in a file.
//!
//! Reads only through the load's [`Source`](super::secret::Source). No message repeats a value.

use std::path::PathBuf;

use super::certificate::check_pem;
use super::reader::{Found, Section};
use super::secret::{Secret, SecretMode};
use super::tree::Node;

/// A secret as the file gives it.
pub(super) struct Given {
    /// The value, or its written form when secrets are skipped.
    pub(super) secret: Secret,
    /// Whether the value is the real one, so that its content can be checked.
    pub(super) is_resolved: bool,
}

/// Reads a secret: text in which `${NAME}` is an environment variable (`$${` is a plain `${`), or `{file: /path}`, whose
/// last line ending is not part of it.
pub(super) fn secret(section: &Section<'_>, name: &str) -> Found<Given> {
    if let Some(members) = section.node(name).and_then(Node::as_map) {
        return secret_file(section, name, members);
    }
    match section.text(name) {
        Found::Value(text) => secret_text(section, name, text),
        Found::Absent => Found::Absent,
        Found::Bad => Found::Bad,
    }
}

/// Certificates as the file gives them.
pub(super) struct Certificates {
    /// PEM; `None` when none are given, and when they stand in a file and secrets are skipped.
    pub(super) pem: Option<String>,
    /// The file that they stand in.
    pub(super) file: Option<PathBuf>,
}

/// Reads certificates: PEM, or `{file: /path}`.
pub(super) fn certificates(section: &Section<'_>, name: &str) -> Certificates {
    let (mut pem, mut file) = (None, None);
    if let Some(members) = section.node(name).and_then(Node::as_map) {
        let path = file_path(section, name, members);
        if section.context.source.secrets() == SecretMode::Resolve {
            pem = path.and_then(|path| read_file(section, name, path));
        }
        file = path.map(PathBuf::from);
    } else if let Found::Value(text) = section.text(name) {
        pem = Some(text.to_owned());
    }
    if let Some(Err(message)) = pem.as_deref().map(check_pem) {
        section.problem(name, message);
    }
    Certificates { pem, file }
}

fn secret_text(section: &Section<'_>, name: &str, text: &str) -> Found<Given> {
    let pieces = match split(text) {
        Ok(pieces) => pieces,
        Err(message) => return section.bad(name, message),
    };
    let has_reference = pieces.iter().any(|piece| matches!(piece, Piece::Variable(_)));
    let source = section.context.source;
    if has_reference && source.secrets() == SecretMode::Skip {
        return Found::Value(Given { secret: Secret::new(text), is_resolved: false });
    }
    let (mut value, mut is_complete) = (String::with_capacity(text.len()), true);
    for piece in pieces {
        match piece {
            Piece::Text(text) => value.push_str(text),
            Piece::Variable(variable) => {
                let content = source.env(variable).filter(|content| !content.is_empty());
                if content.is_none() {
                    is_complete = false;
                    let message = format!("needs the variable `{variable}`, which is not set");
                    section.problem(name, message);
                }
                value.push_str(&content.unwrap_or_default());
            }
        }
    }
    if is_complete { given(value) } else { Found::Bad }
}

fn secret_file(section: &Section<'_>, name: &str, members: &[(String, Node)]) -> Found<Given> {
    let Some(path) = file_path(section, name, members) else { return Found::Bad };
    if section.context.source.secrets() == SecretMode::Skip {
        let written = Secret::new(format!("{{file: {path}}}"));
        return Found::Value(Given { secret: written, is_resolved: false });
    }
    let Some(content) = read_file(section, name, path) else { return Found::Bad };
    let value = content.strip_suffix('\n').unwrap_or(&content);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        return section.bad(name, "names a file that is empty");
    }
    given(value.to_owned())
}

fn given(value: String) -> Found<Given> {
    Found::Value(Given { secret: Secret::new(value), is_resolved: true })
}

/// Reads the one member of `{file: /path}`.
fn file_path<'n>(
    section: &Section<'_>,
    name: &str,
    members: &'n [(String, Node)],
) -> Option<&'n str> {
    if let [(key, Node::Text(path))] = members
        && key == "file"
        && !path.is_empty()
    {
        return Some(path);
    }
    section.problem(name, "must be text, or a mapping with the one key `file` and a path");
    None
}

fn read_file(section: &Section<'_>, name: &str, path: &str) -> Option<String> {
    let read = section.context.source.file(path);
    read.map_err(|reason| section.problem(name, format!("cannot be read from {path:?}: {reason}")))
        .ok()
}

/// A part of a text with references.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    Variable(&'t str),
}

/// Parts a text at its references.
fn split(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            pieces.extend([Piece::Text(before), Piece::Text("${")]);
            rest = after;
            continue;
        }
        let name = after.split_once('}').filter(|(name, _)| is_variable(name));
        let Some((name, after)) = name else {
            let what = "has a `${` without a variable name and `}`; write `$${` for the characters themselves";
            return Err(what.to_owned());
        };
        pieces.extend([Piece::Text(before), Piece::Variable(name)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::Piece::{self, Text, Variable};
    use super::split;

    #[test]
    fn references_are_found() {
        let check = |text: &str, expect: Option<&[Piece<'_>]>| {
            let pieces = split(text).ok().map(|pieces| {
                pieces.into_iter().filter(|piece| *piece != Piece::Text("")).collect::<Vec<_>>()
            });
            assert_eq!(pieces.as_deref(), expect, "{text:?}");
        };
        check("plain $X }", Some(&[Text("plain $X }")]));
        check("${TOKEN}", Some(&[Variable("TOKEN")]));
        check(
            "Bearer ${A}${_b2}.",
            Some(&[Text("Bearer "), Variable("A"), Variable("_b2"), Text(".")]),
        );
        check("$${A} ${A}", Some(&[Text("${"), Text("A} "), Variable("A")]));
        check("$$${A}", Some(&[Text("$"), Text("${"), Text("A}")]));
        for wrong in ["${", "${}", "${A", "${A B}", "${1A}", "${A-B}", "a${ü}"] {
            check(wrong, None);
        }
    }
}
