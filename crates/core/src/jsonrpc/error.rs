//! Why a text is not a message that the gateway takes, in words for the client and in names for telemetry.
//!
//! Nothing here decides; `message` and `object` do. Keys come from the text and are cut and escaped before they
//! are shown.

use super::code;
use super::id::Id;

/// How many characters of a member's name an error shows.
const KEY_CHARS_MAX: usize = 64;

/// What is wrong with a text.
///
/// `Display` is one clause that a client can read, with the byte offset or the key where it happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// The text breaks the grammar of RFC 8259.
    #[error("the text is not JSON: {problem} at byte {at}")]
    InvalidJson {
        /// Offset of the first byte that cannot be part of a JSON text; the text's length when it ends too early.
        at: usize,
        /// What was wrong there.
        problem: &'static str,
    },
    /// A string holds bytes that are not UTF-8.
    #[error("the text is not JSON: a string is not UTF-8 at byte {at}")]
    InvalidUtf8 {
        /// Offset of the first byte of the broken sequence.
        at: usize,
    },
    /// The text is an array: a batch, which MCP removed.
    #[error("a batch (JSON array) is not accepted, send one message per request")]
    Batch,
    /// The text is JSON, but neither object nor array; or an object was expected in its place.
    #[error("expected a JSON object at byte {at}")]
    NotAnObject {
        /// Offset of the value that is something else.
        at: usize,
    },
    /// An array was expected, and there is something else.
    #[error("expected a JSON array at byte {at}")]
    NotAnArray {
        /// Offset of the value that is something else.
        at: usize,
    },
    /// Objects and arrays stand in each other deeper than [`DEPTH_MAX`](super::DEPTH_MAX).
    #[error("objects and arrays are nested more than {max} deep at byte {at}", max = super::DEPTH_MAX)]
    TooDeep {
        /// Offset of the first bracket that is too deep.
        at: usize,
    },
    /// An object has more members than [`MEMBERS_MAX`](super::MEMBERS_MAX).
    #[error("the object at byte {at} has more than {max} members", max = super::MEMBERS_MAX)]
    TooManyMembers {
        /// Offset of the object.
        at: usize,
    },
    /// An array has more items than [`ARRAY_ITEMS_MAX`](super::ARRAY_ITEMS_MAX).
    #[error("the array at byte {at} has more than {max} items", max = super::ARRAY_ITEMS_MAX)]
    TooManyItems {
        /// Offset of the array.
        at: usize,
    },
    /// An object has two members of one name. Readers disagree on which of them counts.
    #[error("the member {key:?} appears twice, again at byte {at}")]
    DuplicateMember {
        /// The name, decoded, cut when it is long.
        key: String,
        /// Offset of the second one's name.
        at: usize,
    },
    /// A member differs from one that matters only by case. Some readers would take it for that one.
    #[error("the member {key:?} at byte {at} must be written \"{known}\"")]
    MisspelledMember {
        /// The name as sent, decoded, cut when it is long.
        key: String,
        /// Offset of the name.
        at: usize,
        /// How it is written.
        known: &'static str,
    },
    /// `jsonrpc` is absent or not `"2.0"`.
    #[error("the member \"jsonrpc\" must be \"2.0\"")]
    UnsupportedVersion,
    /// `id` is null.
    #[error("the member \"id\" must not be null")]
    NullId,
    /// A request, or a result, has no `id`.
    #[error("the member \"id\" is missing, only notifications/… go without")]
    MissingId,
    /// There is neither `method` nor `result` nor `error`.
    #[error("the member \"method\" is missing")]
    MissingMethod,
    /// `method` is not a string of Unicode characters.
    #[error("the member \"method\" must be a string")]
    MethodNotString,
    /// `result` and `error` stand in one response.
    #[error("a response has either \"result\" or \"error\", not both")]
    ResultAndError,
    /// `method` stands in one message with `result` or `error`.
    #[error("a message has either \"method\" or \"result\" or \"error\", not several")]
    MethodAndResult,
    /// `params` of a request or notification is not an object. MCP knows no positional parameters.
    #[error("the member \"params\" must be an object")]
    ParamsNotObject,
}

impl ParseErrorKind {
    /// The JSON-RPC error code: -32700, -32600 or -32602.
    pub fn code(&self) -> i32 {
        match self {
            Self::InvalidJson { .. } | Self::InvalidUtf8 { .. } => code::PARSE_ERROR,
            Self::ParamsNotObject => code::INVALID_PARAMS,
            Self::Batch
            | Self::NotAnObject { .. }
            | Self::NotAnArray { .. }
            | Self::TooDeep { .. }
            | Self::TooManyMembers { .. }
            | Self::TooManyItems { .. }
            | Self::DuplicateMember { .. }
            | Self::MisspelledMember { .. }
            | Self::UnsupportedVersion
            | Self::NullId
            | Self::MissingId
            | Self::MissingMethod
            | Self::MethodNotString
            | Self::ResultAndError
            | Self::MethodAndResult => code::INVALID_REQUEST,
        }
    }

    /// The name of this kind for `error.type`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidJson { .. } => "invalid_json",
            Self::InvalidUtf8 { .. } => "invalid_utf8",
            Self::Batch => "batch_not_supported",
            Self::NotAnObject { .. } => "not_an_object",
            Self::NotAnArray { .. } => "not_an_array",
            Self::TooDeep { .. } => "nested_too_deep",
            Self::TooManyMembers { .. } => "too_many_members",
            Self::TooManyItems { .. } => "too_many_items",
            Self::DuplicateMember { .. } => "duplicate_member",
            Self::MisspelledMember { .. } => "misspelled_member",
            Self::UnsupportedVersion => "unsupported_jsonrpc_version",
            Self::NullId => "null_id",
            Self::MissingId => "missing_id",
            Self::MissingMethod => "missing_method",
            Self::MethodNotString => "method_not_a_string",
            Self::ResultAndError => "result_and_error",
            Self::MethodAndResult => "method_and_result",
            Self::ParamsNotObject => "params_not_an_object",
        }
    }
}

/// A member's name as an error keeps it: cut when it is long.
pub(super) fn shown(key: &str) -> String {
    let end = key.char_indices().nth(KEY_CHARS_MAX).map(|(at, _)| at);
    match end.and_then(|end| key.get(..end)) {
        Some(start) => format!("{start}…"),
        None => key.to_owned(),
    }
}

/// A text that is not a message the gateway takes, with the id to answer to.
///
/// `Display` is the sentence for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    kind: ParseErrorKind,
    id: Option<Id>,
}

impl ParseError {
    pub(super) fn new(kind: ParseErrorKind, id: Option<Id>) -> Self {
        Self { kind, id }
    }

    /// What is wrong.
    pub fn kind(&self) -> &ParseErrorKind {
        &self.kind
    }

    /// The caller's id, when the text is JSON and has exactly one `id` that is not null.
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// The JSON-RPC error code: -32700, -32600 or -32602.
    pub fn code(&self) -> i32 {
        self.kind.code()
    }

    /// The name of the problem for `error.type`.
    pub fn reason(&self) -> &'static str {
        self.kind.reason()
    }
}
