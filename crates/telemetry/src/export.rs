//! From finished spans to a receiver: queue, worker, transport, and the account of what became of each item.

pub(crate) mod health;
