//! What the servers offer, merged into the one list that clients see.
//!
//! A tool is kept as the bytes its server sent; only the name is replaced when the list is written, so that titles,
//! icons, schemas and members that this version has never heard of arrive unchanged. Nothing here fetches a list:
//! the upstream clients do, and hand over [`Tool`]s.

mod hints;
mod merge;
mod tool;

pub use hints::AnnotationHints;
pub use merge::{Conflict, Merged, ServedTool, merge, tools_list};
pub use tool::{InvalidTool, Tool};
