//! Calls and lists as clients make them: through each front end to real servers, and back.

mod answer;
mod client;
mod forged;
mod list;
mod name;
mod request;
mod second_try;
mod session;
mod size;
mod stream;
