//! What must always hold, each tried from outside by whoever might break it. The numbers are those of the list in
//! ARCHITECTURE.md.

mod bound;
mod header;
mod parsed;
mod routing_token;
mod secret;
mod telemetry;
mod visible;
