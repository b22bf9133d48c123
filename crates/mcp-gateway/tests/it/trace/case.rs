//! One row of a table: a request, what happens before it, and how it ends.

use super::facts::Failure;
use super::stand::FrontEnd;
use crate::support::fault_server::Fault;

/// One request. Built with [`Case::post`] or [`Case::of`] and the methods below; the order of rows matters, since they
/// share one gateway session.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, and the id of the HTTP request.
    pub name: &'static str,
    pub http_method: &'static str,
    pub path: &'static str,
    pub host: Option<&'static str>,
    pub content_type: Option<&'static str>,
    pub body: String,
    pub session: Session,
    pub before: Before,
    pub ends: Ends,
    pub failure: Option<Failure>,
    /// The status that the client gets and the spans say.
    pub status: u16,
    /// Whether the client may get another status than the router chose, because Envoy has the last word.
    pub envoy_decides: bool,
}

/// The session that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    None,
    /// The one that the run has opened.
    Own,
    /// A token of nobody.
    Invalid,
    /// The one that the run has opened, after its end.
    Ended,
}

/// What happens before a request.
#[derive(Clone, Debug)]
pub enum Before {
    Nothing,
    /// The server `fault` answers calls like this from now on.
    Fault(Fault),
    /// The server `fault` answers as it should, but has forgotten its sessions.
    ForgetSessions,
    /// The same, and it opens no others.
    OpenNone,
    /// These servers stop.
    Stop,
}

/// Where a request ends.
#[derive(Clone, Debug)]
pub enum Ends {
    /// At its head: nothing else was looked at.
    AtHead,
    /// In the routing decision, before the message was understood; whether it could be read.
    InDecision { read: bool },
    /// In the routing of a call.
    InCall,
    /// In the broker.
    InBroker(Broker),
    /// In opening a session with this server.
    InSessionInit(&'static str),
    /// In opening another session with this server, after the first was lost.
    InReopening { server: &'static str, tool: &'static str },
    /// In a server.
    InServer {
        server: &'static str,
        tool: &'static str,
        session: ServerSession,
        answered: Option<u16>,
    },
}

/// What the broker does beside answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    Nothing,
    /// Opens a session.
    Opens,
    /// Lists tools.
    Lists,
    /// Keeps a stream open until the client leaves.
    Streams,
    /// Ends the session, and with it the sessions with these servers.
    Closes,
}

/// Where the session with a server comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerSession {
    Cached,
    Opened,
    /// The cached one was lost; it is opened anew.
    Reopened,
}

impl Case {
    /// A POST of `body`, answered by the broker with 200.
    pub fn post(name: &'static str, body: impl Into<String>) -> Self {
        Self { body: body.into(), content_type: Some("application/json"), ..Self::of(name, "POST") }
    }

    /// A request without a body, answered by the broker with 200.
    pub fn of(name: &'static str, http_method: &'static str) -> Self {
        Self {
            name,
            http_method,
            path: "/mcp",
            host: None,
            content_type: None,
            body: String::new(),
            session: Session::Own,
            before: Before::Nothing,
            ends: Ends::InBroker(Broker::Nothing),
            failure: None,
            status: 200,
            envoy_decides: false,
        }
    }

    /// A call of a tool of one server, found in the cache of sessions and answered with 200.
    pub fn call(name: &'static str, server: &'static str, tool: &'static str) -> Self {
        let prefix = server.trim_start_matches("demo/");
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":"{name}","method":"tools/call","params":{{"name":"{prefix}_{tool}","arguments":{{"text":"t"}}}}}}"#
        );
        let session = ServerSession::Cached;
        let ends = Ends::InServer { server, tool, session, answered: Some(200) };
        Self { ends, ..Self::post(name, body) }
    }

    pub fn after(self, before: Before) -> Self {
        Self { before, ..self }
    }

    pub fn with(self, session: Session) -> Self {
        Self { session, ..self }
    }

    pub fn ends(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    pub fn broker(self, broker: Broker) -> Self {
        self.ends(Ends::InBroker(broker))
    }

    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub fn fails(self, failure: Failure) -> Self {
        Self { failure: Some(failure), ..self }
    }

    /// The failure is the caller's own fault, and an error for nobody but who asked the server.
    pub fn blamed_on_caller(mut self) -> Self {
        self.failure = self.failure.map(Failure::blames_caller);
        self
    }

    /// The session with the server is not in the cache, or not good any more.
    pub fn session(mut self, from: ServerSession) -> Self {
        if let Ends::InServer { session, .. } = &mut self.ends {
            *session = from;
        }
        self
    }

    /// The status of the server's answer; none when there is no answer.
    pub fn answered(mut self, status: Option<u16>) -> Self {
        if let Ends::InServer { answered, .. } = &mut self.ends {
            *answered = status;
        }
        self
    }

    /// The same on other terms behind Envoy.
    pub fn behind_envoy(self, front_end: FrontEnd, change: impl FnOnce(Self) -> Self) -> Self {
        match front_end {
            FrontEnd::Standalone => self,
            FrontEnd::Buffered | FrontEnd::Duplex => change(self),
        }
    }
}
