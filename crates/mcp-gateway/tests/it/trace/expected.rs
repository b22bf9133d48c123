//! The whole tree of a case, put together from the spans of `facts`.

use super::case::{Broker, Case, Ends, ServerSession};
use super::facts::{Facts, Target};
use super::stand::{FrontEnd, Servers, TOOLS};
use crate::support::span::Kind;
use crate::support::tree::{Expected, span};

const BROKER: Option<&str> = Some("broker");
const CALL: Option<&str> = Some("tool-call");

/// The servers whose session ids are known in the end, and the status of the DELETE that they get. The last has stopped.
pub const CLOSED: [(&str, u16); 2] = [("demo/newer", 202), ("demo/mortal", 503)];

/// What becomes known only while a run goes on.
pub struct Known<'k> {
    pub servers: &'k Servers,
    /// The session that `initialize` has opened, as `jti:…`.
    pub opened: Option<&'k str>,
}

/// Returns the tree that is expected of a case.
pub fn tree(case: &Case, facts: &Facts, known: &Known<'_>) -> Expected {
    match &case.ends {
        Ends::AtHead => facts.process(None),
        Ends::InDecision { .. } => facts.process(None).child(facts.decision(None, true)),
        Ends::InCall => {
            facts.process(CALL).child(facts.decision(CALL, true).child(facts.call(None, true)))
        }
        Ends::InBroker(broker) => in_broker(*broker, facts, known),
        Ends::InSessionInit(server) => {
            let port = known.servers.port(server);
            let refused = case.failure.unwrap().on(facts.own(server, "POST", 503), None);
            let call = facts
                .call(Some(server), true)
                .child(Facts::cache_get(server, false))
                .child(facts.session_init_failed(server, port, refused));
            facts
                .process(CALL)
                .is("mcp.server", *server)
                .child(facts.decision(CALL, true).child(call))
        }
        Ends::InReopening { server, tool } => in_reopening(facts, &target(known, server, tool)),
        Ends::InServer { server, tool, session, answered } => {
            in_server(facts, &target(known, server, tool), *session, *answered)
        }
    }
}

fn target(known: &Known<'_>, server: &'static str, tool: &'static str) -> Target {
    let port = known.servers.port(server);
    Target { server, port, tool, version: Servers::version(server) }
}

fn in_reopening(facts: &Facts, target: &Target) -> Expected {
    let server = target.server;
    let call = facts.call(Some(server), false).child(Facts::cache_get(server, true));
    // Behind Envoy the router sees that the server has answered, and leaves it to the gateway what that means.
    let answered = facts.own(server, "POST", 500);
    facts
        .process(CALL)
        .is("mcp.server", server)
        .child(facts.decision(CALL, false).child(call))
        .child(facts.client_lost(target))
        .child(Facts::cache_get(server, false))
        .child(facts.session_init_failed(server, target.port, answered))
}

fn in_broker(broker: Broker, facts: &Facts, known: &Known<'_>) -> Expected {
    let is_open = broker == Broker::Opens;
    let opened = known.opened.filter(|_| is_open).map(|session| (session, "2025-11-25"));
    let mut handled = facts.broker(opened);
    if broker == Broker::Lists {
        let list = span("mcp-broker.tools-list", Kind::Internal);
        handled = handled.child(list.is("mcp.tools.count", TOOLS).nothing_else());
    }
    if broker == Broker::Closes {
        for (server, status) in CLOSED {
            handled = handled.child(facts.delete(server, known.servers.port(server), status));
        }
    }
    let mut process = facts.process(BROKER);
    // With a BUFFERED configuration the router does not see the end of a stream.
    if broker == Broker::Streams && facts.front_end != FrontEnd::Buffered {
        process = process.is("client.disconnected", true);
    }
    process.child(facts.decision(BROKER, false).child(facts.passthrough())).child(handled)
}

fn in_server(
    facts: &Facts,
    target: &Target,
    session: ServerSession,
    answered: Option<u16>,
) -> Expected {
    let server = target.server;
    let is_cached = session != ServerSession::Opened;
    let mut call = facts.call(Some(server), false).child(Facts::cache_get(server, is_cached));
    if session == ServerSession::Opened {
        call = call.child(facts.session_init(server, target.port)).child(facts.cache_store(server));
    }
    let process =
        facts.process(CALL).is("mcp.server", server).child(facts.decision(CALL, false).child(call));
    if session != ServerSession::Reopened {
        return process.child(facts.client_failed(target, answered));
    }
    process
        .child(facts.client_lost(target))
        .child(Facts::cache_get(server, false))
        .child(facts.session_init(server, target.port))
        .child(facts.cache_store(server))
        .child(facts.client_again(target))
}
