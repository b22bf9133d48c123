//! Names of requests and notifications, as the `method` member of a message writes them.
//!
//! Names compare byte by byte: MCP has no other spelling of any of them.

/// The client opens a session.
pub const INITIALIZE: &str = "initialize";
/// The client has read the answer to [`INITIALIZE`].
pub const INITIALIZED: &str = "notifications/initialized";
/// Either side asks whether the other is alive.
pub const PING: &str = "ping";
/// The client asks what the server is, without opening a session (2026-07-28).
pub const SERVER_DISCOVER: &str = "server/discover";

/// The client lists tools.
pub const TOOLS_LIST: &str = "tools/list";
/// The client calls one tool.
pub const TOOLS_CALL: &str = "tools/call";
/// The server's tools are no longer what they were.
pub const TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";

/// The client lists prompts.
pub const PROMPTS_LIST: &str = "prompts/list";
/// The client asks for one prompt.
pub const PROMPTS_GET: &str = "prompts/get";
/// The server's prompts are no longer what they were.
pub const PROMPTS_LIST_CHANGED: &str = "notifications/prompts/list_changed";

/// The client lists resources.
pub const RESOURCES_LIST: &str = "resources/list";
/// The client lists resource templates.
pub const RESOURCES_TEMPLATES_LIST: &str = "resources/templates/list";
/// The client reads one resource.
pub const RESOURCES_READ: &str = "resources/read";
/// The client wants to know when a resource changes.
pub const RESOURCES_SUBSCRIBE: &str = "resources/subscribe";
/// The client no longer wants to know.
pub const RESOURCES_UNSUBSCRIBE: &str = "resources/unsubscribe";
/// The server's resources are no longer what they were.
pub const RESOURCES_LIST_CHANGED: &str = "notifications/resources/list_changed";
/// One resource has changed.
pub const RESOURCES_UPDATED: &str = "notifications/resources/updated";

/// The client asks for completions of an argument.
pub const COMPLETION_COMPLETE: &str = "completion/complete";
/// The client chooses the least severity of log messages that it wants.
pub const LOGGING_SET_LEVEL: &str = "logging/setLevel";
/// The server logs.
pub const MESSAGE: &str = "notifications/message";
/// Either side says how far a request has come.
pub const PROGRESS: &str = "notifications/progress";
/// Either side no longer waits for a request.
pub const CANCELLED: &str = "notifications/cancelled";

/// The server asks the client's model.
pub const SAMPLING_CREATE_MESSAGE: &str = "sampling/createMessage";
/// The server asks the client's user.
pub const ELICITATION_CREATE: &str = "elicitation/create";
/// An elicitation that sent the user elsewhere has ended.
pub const ELICITATION_COMPLETE: &str = "notifications/elicitation/complete";
/// The server asks for the client's roots.
pub const ROOTS_LIST: &str = "roots/list";
/// The client's roots are no longer what they were.
pub const ROOTS_LIST_CHANGED: &str = "notifications/roots/list_changed";

/// Either side asks how a task stands.
pub const TASKS_GET: &str = "tasks/get";
/// Either side asks for what a task has produced.
pub const TASKS_RESULT: &str = "tasks/result";
/// Either side lists tasks.
pub const TASKS_LIST: &str = "tasks/list";
/// Either side ends a task.
pub const TASKS_CANCEL: &str = "tasks/cancel";
/// The client answers what a task asks for (2026-07-28).
pub const TASKS_UPDATE: &str = "tasks/update";
/// A task stands differently than before.
pub const TASKS_STATUS: &str = "notifications/tasks/status";

/// The client opens a stream of changes (2026-07-28).
pub const SUBSCRIPTIONS_LISTEN: &str = "subscriptions/listen";
/// The first message on a stream of changes (2026-07-28).
pub const SUBSCRIPTIONS_ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// What the name of every notification begins with.
pub const NOTIFICATION_PREFIX: &str = "notifications/";

/// Every name of this module.
const ALL: [&str; 35] = [
    INITIALIZE,
    INITIALIZED,
    PING,
    SERVER_DISCOVER,
    TOOLS_LIST,
    TOOLS_CALL,
    TOOLS_LIST_CHANGED,
    PROMPTS_LIST,
    PROMPTS_GET,
    PROMPTS_LIST_CHANGED,
    RESOURCES_LIST,
    RESOURCES_TEMPLATES_LIST,
    RESOURCES_READ,
    RESOURCES_SUBSCRIBE,
    RESOURCES_UNSUBSCRIBE,
    RESOURCES_LIST_CHANGED,
    RESOURCES_UPDATED,
    COMPLETION_COMPLETE,
    LOGGING_SET_LEVEL,
    MESSAGE,
    PROGRESS,
    CANCELLED,
    SAMPLING_CREATE_MESSAGE,
    ELICITATION_CREATE,
    ELICITATION_COMPLETE,
    ROOTS_LIST,
    ROOTS_LIST_CHANGED,
    TASKS_GET,
    TASKS_RESULT,
    TASKS_LIST,
    TASKS_CANCEL,
    TASKS_UPDATE,
    TASKS_STATUS,
    SUBSCRIPTIONS_LISTEN,
    SUBSCRIPTIONS_ACKNOWLEDGED,
];

/// Returns the constant that equals `method`, or `None` when MCP has no such method.
///
/// For metric labels and span names, which must have few values whatever clients send.
pub fn known_method(method: &str) -> Option<&'static str> {
    ALL.into_iter().find(|known| *known == method)
}

#[cfg(test)]
mod tests {
    use super::{ALL, known_method};

    #[test]
    fn every_constant_of_the_module_is_known() {
        let source = include_str!("method.rs");
        let declared =
            source.lines().filter(|line| line.starts_with("pub const ") && line.contains("&str"));
        // All of them but the prefix of notifications.
        assert_eq!(declared.count() - 1, ALL.len());
        for method in ALL {
            assert_eq!(known_method(method), Some(method));
        }
    }

    #[test]
    fn names_are_distinct() {
        let distinct: std::collections::BTreeSet<_> = ALL.into_iter().collect();
        assert_eq!(distinct.len(), ALL.len());
    }

    #[test]
    fn other_spellings_are_unknown() {
        for method in ["", "Tools/call", "tools/call ", "tools", "notifications/"] {
            assert_eq!(known_method(method), None, "{method:?}");
        }
    }
}
