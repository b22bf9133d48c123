use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderMap;

use super::{
    Decision, Destination, Rejection, SessionState, Snapshot, TraceEdit, TraceStamp, Visibility,
    call_body, call_headers, decide, destination,
};
use crate::catalog::Tool;
use crate::config::{Config, Mode, Server, VirtualServer};
use crate::jsonrpc::Message;

fn server(name: &str, prefix: &str) -> Server {
    Server {
        name: name.to_owned(),
        url: format!("http://{}.internal:9000/base/mcp?k=v", name.replace('/', "-"))
            .parse()
            .unwrap(),
        hostname: Some(format!("{}.mcp.local", name.replace('/', "-"))),
        prefix: prefix.to_owned(),
        enabled: true,
        credential: None,
        ca_cert_pem: None,
        ca_cert_file: None,
    }
}

fn tool(name: &str, annotations: &str) -> Tool {
    let raw = format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}{annotations}}}"#);
    Tool::parse(raw.as_bytes()).unwrap()
}

fn snapshot() -> Snapshot {
    let mut disabled = server("team/off", "off_");
    disabled.enabled = false;
    let config = Config {
        mode: Mode::Envoy,
        servers: vec![server("team/weather", "weather_"), server("team/plain", ""), disabled],
        virtual_servers: vec![VirtualServer {
            name: "team/small".to_owned(),
            tools: vec!["weather_now".to_owned(), "gone".to_owned()],
        }],
        ..Config::default()
    };
    let hints = r#","annotations":{"readOnlyHint":true,"openWorldHint":false}"#;
    let tools = BTreeMap::from([
        ("team/weather".to_owned(), Arc::from([tool("now", hints), tool("later", "")])),
        ("team/plain".to_owned(), Arc::from([tool("echo", "")])),
        ("team/off".to_owned(), Arc::from([tool("hidden", "")])),
    ]);
    Snapshot::build(&Arc::new(config), 7, &tools)
}

fn call(name: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name}}}}}"#)
}

#[test]
fn calls_go_to_the_owner_of_the_tool() {
    let snapshot = snapshot();
    let check = |name: &str, session, visibility: &Visibility, expect: Result<&str, Rejection>| {
        let body = call(name);
        let message = Message::parse(body.as_bytes()).unwrap();
        let decided = match decide(&snapshot, &message, session, visibility) {
            Decision::ToolCall(call) => Ok(call.route.server.name().to_owned()),
            Decision::Reject(rejection) => Err(rejection),
            Decision::Broker => panic!("a call never goes to the broker"),
        };
        assert_eq!(decided, expect.map(str::to_owned), "{name} {session:?} {visibility:?}");
    };
    let (all, valid) = (Visibility::All, SessionState::Valid);
    let small = Visibility::VirtualServer("team/small".to_owned());
    let unknown = |name: &str| Err(Rejection::UnknownTool(name.to_owned()));
    check(r#""weather_now""#, valid, &all, Ok("team/weather"));
    check(r#""w\u0065ather_now""#, valid, &all, Ok("team/weather"));
    check(r#""echo""#, valid, &all, Ok("team/plain"));
    check(r#""now""#, valid, &all, unknown("now"));
    check(r#""off_hidden""#, valid, &all, unknown("off_hidden"));
    check(r#""weather_now""#, valid, &small, Ok("team/weather"));
    check(r#""weather_later""#, valid, &small, unknown("weather_later"));
    check(r#""gone""#, valid, &small, unknown("gone"));
    check(r#""weather_now""#, valid, &Visibility::Nothing, unknown("weather_now"));
    let strange = Visibility::VirtualServer("team/strange".to_owned());
    check(r#""weather_now""#, valid, &strange, unknown("weather_now"));
    for name in ["7", "null", r#""""#, "{}"] {
        check(name, SessionState::Missing, &all, Err(Rejection::MissingToolName));
    }
    check(r#""echo""#, SessionState::Missing, &all, Err(Rejection::SessionMissing));
    check(r#""nope""#, SessionState::Invalid, &all, Err(Rejection::SessionInvalid));
    check(r#""echo""#, SessionState::Expired, &all, Err(Rejection::SessionExpired));
    check(r#""echo""#, SessionState::Ended, &all, Err(Rejection::SessionEnded));
}

#[test]
fn everything_else_goes_to_the_broker() {
    let snapshot = snapshot();
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"echo"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        let message = Message::parse(body.as_bytes()).unwrap();
        let decided = decide(&snapshot, &message, SessionState::Missing, &Visibility::All);
        assert!(matches!(decided, Decision::Broker), "{body}");
    }
}

#[test]
fn digests_of_lists_differ_as_the_lists_do() {
    let (one, other) = (snapshot(), Snapshot::build(&snapshot().config, 8, &BTreeMap::new()));
    let small = Visibility::VirtualServer("team/small".to_owned());
    let unknown = Visibility::VirtualServer("team/none".to_owned());
    let all = [&Visibility::All, &small, &unknown, &Visibility::Nothing];
    for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
        for (left, right) in [(&one, &one), (&one, &other), (&other, &other)] {
            assert_eq!(
                left.tools_list(a) == right.tools_list(b),
                left.tools_list_digest(a) == right.tools_list_digest(b),
                "{a:?} {b:?}"
            );
        }
    }
}

#[test]
fn invariant_3_lists_and_calls_show_the_same() {
    let snapshot = snapshot();
    let check = |visibility: &Visibility, expect: &[&str]| {
        let list = snapshot.tools_list(visibility);
        let value: serde_json::Value = serde_json::from_slice(&list).unwrap();
        let names: Vec<_> = value["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, expect, "{visibility:?}");
        assert_eq!(snapshot.tools_count(visibility), expect.len());
        for tool in ["weather_now", "weather_later", "echo", "gone", "off_now"] {
            let is_shown = names.contains(&tool);
            assert_eq!(
                snapshot.tool(tool, visibility).is_some(),
                is_shown,
                "{tool} {visibility:?}"
            );
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#
            );
            let message = Message::parse(body.as_bytes()).unwrap();
            let is_routed = match decide(&snapshot, &message, SessionState::Valid, visibility) {
                Decision::ToolCall(_) => true,
                Decision::Reject(Rejection::UnknownTool(name)) => {
                    assert_eq!(name, tool);
                    false
                }
                other @ (Decision::Broker | Decision::Reject(_)) => {
                    panic!("{tool} {visibility:?}: {other:?}")
                }
            };
            assert_eq!(is_routed, is_shown, "{tool} {visibility:?}");
        }
    };
    check(&Visibility::All, &["weather_now", "weather_later", "echo"]);
    check(&Visibility::VirtualServer("team/small".to_owned()), &["weather_now"]);
    check(&Visibility::VirtualServer("team/strange".to_owned()), &[]);
    check(&Visibility::Nothing, &[]);
}

#[test]
fn invariant_2_visibility_only_narrows() {
    let check = |headers: &[(&'static str, &str)], expect: Visibility| {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        assert_eq!(Visibility::of(&map), expect, "{headers:?}");
    };
    check(&[], Visibility::All);
    check(&[("x-mcp-virtualserver", "a/b")], Visibility::VirtualServer("a/b".to_owned()));
    check(&[("x-mcp-virtualserver", "a/b"), ("x-mcp-virtualserver", "a/b")], Visibility::Nothing);
    check(&[("x-mcp-authorized", "token")], Visibility::Nothing);
}

#[test]
fn destination_tells_servers_hosts_from_the_gateways() {
    let snapshot = snapshot();
    let check = |authority: &str, headers: &[(&'static str, &str)], expect: &str| {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let found = match destination(&snapshot, authority, &map) {
            Destination::Gateway => "gateway".to_owned(),
            Destination::Server(server) => server.name().to_owned(),
            Destination::NoSuchServer => "none".to_owned(),
        };
        assert_eq!(found, expect, "{authority} {headers:?}");
    };
    check("mcp.example.com", &[], "gateway");
    check("team-weather.mcp.local", &[], "team/weather");
    check("TEAM-weather.mcp.local:8888", &[], "team/weather");
    check("team-off.mcp.local", &[], "gateway"); // refused by the host check
    check("mcp.example.com", &[("mcp-init-host", "team-plain.mcp.local")], "team/plain");
    check("mcp.example.com", &[("mcp-init-host", "nowhere")], "none");
    check("mcp.example.com", &[("router-key", "x")], "none");
    check("team-weather.mcp.local", &[("mcp-init-host", "nowhere")], "none");
}

#[test]
fn a_call_reaches_its_server_with_nothing_changed_but_name_and_trace() {
    let snapshot = snapshot();
    let body = r#" {"id":9007199254740993, "x":1e400,"jsonrpc":"2.0","method":"tools/call",
        "params":{"arguments":{"n":9007199254740993,"t":"<&>\u00e9","t":2},"name" : "weather_now","_meta":{"k":[]}} }"#;
    let message = Message::parse(body.as_bytes()).unwrap();
    let Decision::ToolCall(call) =
        decide(&snapshot, &message, SessionState::Valid, &Visibility::All)
    else {
        panic!("the tool exists")
    };
    let renamed = body.replace(r#""weather_now""#, r#""now""#);
    assert_eq!(call_body(&message, &call, TraceEdit::Kept, None), renamed.as_bytes());
    let theirs =
        body.replace(r#""k":[]"#, r#""tracestate":"a=b","k":[],"traceparent":"00-9-9-01""#);
    let message_of_theirs = Message::parse(theirs.as_bytes()).unwrap();
    let passed = call_body(&message_of_theirs, &call, TraceEdit::Removed, None);
    assert_eq!(passed, renamed.as_bytes(), "nobody's trace");
    let stamp = TraceStamp { traceparent: "00-1-2-01", tracestate: None };
    let stamped = call_body(&message, &call, TraceEdit::Set(stamp), None);
    let stamped = std::str::from_utf8(&stamped).unwrap();
    assert_eq!(stamped.replace(r#""traceparent":"00-1-2-01","#, ""), renamed);
    let headers: BTreeMap<_, _> = call_headers(&call).into_iter().collect();
    assert_eq!(headers["x-mcp-toolname"], "now");
    assert_eq!(headers["x-mcp-servername"], "team/weather");
    assert_eq!(headers["x-mcp-method"], "tools/call");
    assert_eq!(
        headers["x-mcp-annotation-hints"],
        "readOnly=true,destructive=unspecified,idempotent=unspecified,openWorld=false"
    );
    assert_eq!(call.route.server.path, "/base/mcp?k=v");
    assert_eq!(call.route.server.authority, "team-weather.internal:9000");
}

#[test]
fn a_tool_of_a_server_that_offers_nothing_is_told_from_an_unknown_one() {
    let config = Config {
        servers: vec![
            server("team/weather", "weather_"),
            server("team/gone", "gone_"),
            server("team/deep", "gone_deep_"),
            server("team/bare", ""),
        ],
        virtual_servers: vec![VirtualServer {
            name: "team/small".to_owned(),
            tools: vec!["gone_now".to_owned()],
        }],
        ..Config::default()
    };
    let tools =
        BTreeMap::from([("team/weather".to_owned(), Arc::from([tool("now", "")]) as Arc<[Tool]>)]);
    let snapshot = Snapshot::build(&Arc::new(config), 1, &tools);
    let small = || Visibility::VirtualServer("team/small".to_owned());
    let cases = [
        ("gone_now", Visibility::All, Some("team/gone")),
        ("gone_deep_now", Visibility::All, Some("team/deep")),
        ("weather_then", Visibility::All, None),
        ("now", Visibility::All, None),
        ("gone_now", small(), Some("team/gone")),
        ("gone_then", small(), None),
        ("gone_now", Visibility::VirtualServer("team/other".to_owned()), None),
        ("gone_now", Visibility::Nothing, None),
    ];
    for (name, visibility, down) in cases {
        let text = call(&format!("\"{name}\""));
        let message = Message::parse(text.as_bytes()).unwrap();
        let decided = decide(&snapshot, &message, SessionState::Valid, &visibility);
        let Decision::Reject(rejection) = decided else { panic!("{name}: {decided:?}") };
        let expect = match down {
            Some(server) => Rejection::ServerDown(server.to_owned()),
            None => Rejection::UnknownTool(name.to_owned()),
        };
        assert_eq!(rejection, expect, "{name} {visibility:?}");
    }
}
