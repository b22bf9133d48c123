//! The gateway itself: everything that has a socket, a clock or a wait.
//!
//! A request's way through the rooms:
//!
//! - [`proxy`] or [`ext_proc`]: a front end takes the request, from a client or from Envoy;
//! - [`router`]: one exchange per request asks the pure router of `core` where it goes, and does the awaits around that;
//! - [`broker`]: answers what is not one server's business;
//! - [`session`]: the sessions of clients with the gateway, and of the gateway with servers; kept in the [`store`];
//! - [`upstream`]: the gateway as a client of each server; what they offer becomes a [`snapshot`];
//! - [`http`], [`chain`], [`clock`]: what these share;
//! - [`measure`]: what the labels of figures are taken from;
//! - [`audit`]: the account of who did what;
//! - `sampling`: which requests are traced, as the configuration file says it;
//! - [`admin`]: health, status, figures;
//! - [`reload`]: watches the configuration file while the gateway runs;
//! - [`gateway`]: puts the parts together.

pub mod admin;
pub mod audit;
pub mod broker;
pub mod chain;
pub mod clock;
mod describe;
pub mod ext_proc;
pub mod gateway;
pub mod http;
pub mod measure;
pub mod proxy;
pub mod reload;
pub mod router;
mod sampling;
pub mod session;
pub mod snapshot;
pub mod store;
pub mod upstream;
