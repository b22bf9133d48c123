//! Baggage that arrives with a request, read strictly after W3C Baggage, and what of it is kept.
//!
//! Baggage is whatever anybody on the way has written, and it goes to whoever comes next. So nothing is kept but the keys that
//! the configuration names ([`BaggageKeys`]): those become attributes and go on to servers, the rest ends here. Input comes from
//! HTTP headers or `params._meta`; output is a header's value again.

use std::sync::Arc;

use http::HeaderMap;

use crate::attributes::Attributes;

/// The longest list that is read, in bytes, from the specification.
pub(crate) const BYTES_MAX: usize = 8192;
/// The most members that are read, from the specification.
pub(crate) const MEMBERS_MAX: usize = 64;
/// The header.
const BAGGAGE: &str = "baggage";

/// The keys that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaggageKeys(Arc<[Key]>);

#[derive(Debug, PartialEq, Eq)]
struct Key {
    name: String,
    /// `baggage.<name>`.
    attribute: Arc<str>,
}

/// What was kept of one list, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baggage(Vec<Member>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    attribute: Arc<str>,
    /// As it was written: key, value, properties.
    text: String,
    /// The value, percent-decoded.
    value: String,
}

/// Why a list was dropped whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaggageError {
    /// It is longer than 8192 bytes.
    #[error("the baggage is longer than {BYTES_MAX} bytes")]
    TooLong,
    /// It has more members than 64.
    #[error("the baggage has more than {MEMBERS_MAX} members")]
    TooManyMembers,
    /// It is not what the specification describes.
    #[error("the baggage is malformed")]
    Malformed,
}

impl BaggageError {
    /// The reason in few values, for figures and log lines.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "baggage_bytes_max",
            Self::TooManyMembers => "baggage_members_max",
            Self::Malformed => "baggage_malformed",
        }
    }
}

impl BaggageKeys {
    /// Keeps these keys and no others; they are compared by case.
    pub fn new(keys: &[String]) -> Self {
        let key =
            |name: &String| Key { name: name.clone(), attribute: format!("baggage.{name}").into() };
        Self(keys.iter().map(key).collect())
    }

    /// Says whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the headers of a request. Several are one list in their order.
    ///
    /// Errors: the whole list is dropped, since nobody can say what of a broken one is true.
    pub fn read_headers(&self, headers: &HeaderMap) -> Result<Baggage, BaggageError> {
        let mut values = headers.get_all(BAGGAGE).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Baggage::default()),
            (Some(one), None) => self.read(one.as_bytes()),
            (Some(_), Some(_)) => {
                let all = headers.get_all(BAGGAGE).iter().map(http::HeaderValue::as_bytes);
                let all: Vec<&[u8]> = all.collect();
                self.read(&all.join(&b","[..]))
            }
        }
    }

    /// Reads one list. Of a key that occurs twice the last value counts.
    ///
    /// Errors: as [`Self::read_headers`].
    pub fn read(&self, list: &[u8]) -> Result<Baggage, BaggageError> {
        if list.len() > BYTES_MAX {
            return Err(BaggageError::TooLong);
        }
        let list = std::str::from_utf8(list).map_err(|_| BaggageError::Malformed)?;
        let mut kept: Vec<Member> = Vec::new();
        for (index, text) in
            list.split(',').map(trimmed).filter(|text| !text.is_empty()).enumerate()
        {
            if index == MEMBERS_MAX {
                return Err(BaggageError::TooManyMembers);
            }
            let (name, value) = member(text).ok_or(BaggageError::Malformed)?;
            let Some(key) = self.0.iter().find(|key| key.name == name) else { continue };
            let value = decoded(value).ok_or(BaggageError::Malformed)?;
            kept.retain(|earlier| earlier.attribute != key.attribute);
            kept.push(Member {
                attribute: Arc::clone(&key.attribute),
                text: text.to_owned(),
                value,
            });
        }
        Ok(Baggage(kept))
    }
}

impl Baggage {
    /// Says whether nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list for whoever comes next; `None` when there is nothing to say. Visible ASCII and blanks.
    pub fn header(&self) -> Option<String> {
        let members: Vec<&str> = self.0.iter().map(|member| member.text.as_str()).collect();
        Some(members.join(",")).filter(|list| !list.is_empty())
    }

    /// Adds each member as an attribute `baggage.<key>`.
    pub fn describe(&self, attributes: &mut Attributes) {
        for member in &self.0 {
            attributes.put_named(&member.attribute, member.value.clone());
        }
    }
}

/// Cuts the white space that is allowed around the parts of a list.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Splits `key=value;property;property=value`; `None` when it is not that.
fn member(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split(';').map(trimmed);
    let (key, value) = parts.next()?.split_once('=')?;
    let (key, value) = (trimmed(key), trimmed(value));
    let is_property = |property: &str| match property.split_once('=') {
        Some((key, value)) => is_key(trimmed(key)) && is_value(trimmed(value)),
        None => is_key(property),
    };
    (is_key(key) && is_value(value) && parts.all(is_property)).then_some((key, value))
}

/// A token of HTTP.
fn is_key(key: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !key.is_empty() && key.bytes().all(is_token)
}

/// Visible ASCII without `"`, `,`, `;` and `\`; possibly empty.
fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
}

/// Decodes percent-encoding. What is not UTF-8 then is replaced, as the specification says; a `%` that encodes nothing is
/// malformed.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
