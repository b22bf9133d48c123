//! The trace of every kind of request: from a client, through each front end, to a server and a real receiver.
//!
//! `matrix` runs the tables of `broker_cases`, `call_cases` and `refused_cases` on one `stand` for each front end and
//! transport and compares every span with what `facts` and `expected` say. What a table cannot say has a file of its
//! own.

mod broker_cases;
mod call_cases;
mod capture;
mod case;
mod environment;
mod envoy_tracing;
mod expected;
mod facts;
mod links;
mod log_lines;
mod matrix;
mod off;
mod propagation;
mod refused_cases;
mod run;
mod sampling;
mod secrets;
mod seed;
mod server_spans;
mod stand;
mod told;
