//! What one request may see, read from the headers that a caller or an authenticator sets.

use http::HeaderMap;

use crate::header::{X_MCP_AUTHORIZED, X_MCP_VIRTUALSERVER};

/// What one request may see, and so what it may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Everything the servers offer.
    #[default]
    All,
    /// What one virtual server names; nothing when the name is unknown.
    VirtualServer(String),
    /// Nothing: what the request says about itself was contradictory or cannot be verified.
    Nothing,
}

impl Visibility {
    /// Reads the visibility that a request's headers grant. It only ever narrows.
    ///
    /// A repeated `x-mcp-virtualserver` contradicts itself. `x-mcp-authorized` is a signed claim: no key to verify it
    /// with can be configured yet, so a request that carries one sees nothing.
    pub fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(X_MCP_AUTHORIZED) {
            return Self::Nothing;
        }
        let mut names = headers.get_all(X_MCP_VIRTUALSERVER).iter();
        match (names.next(), names.next()) {
            (None, _) => Self::All,
            (Some(name), None) => match name.to_str() {
                Ok(name) => Self::VirtualServer(name.to_owned()),
                Err(_) => Self::Nothing,
            },
            (Some(_), Some(_)) => Self::Nothing,
        }
    }
}
