//! The configuration file changes while the gateway runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::slice::from_ref;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::edge::{Edge, at_each_front, tool_names};
use crate::support::gateway::{FILE, Gateway};
use crate::support::http::send;
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::RawServer;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, until};

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;

#[tokio::test]
async fn servers_come_and_go_with_the_file() {
    at_each_front(async |front| {
        let (one, two) = tokio::join!(RawServer::start(&[TOOL]), RawServer::start(&[TOOL]));
        let (one, two) = (("one", one.url()), ("two", two.url()));
        // Envoy knows both from the beginning: its own configuration does not change here.
        let edge = Edge::start(front, &[one.clone(), two.clone()]).await;
        let mut client = edge.connect().await;
        calls(&mut client, &["one_echo", "two_echo"], &[]).await;
        let mut stream = client.listen().await;

        edge.configure(from_ref(&one), "");
        let event = stream.event(PATIENCE).await.unwrap();
        assert!(event.contains("notifications/tools/list_changed"), "{event}");
        calls(&mut client, &["one_echo"], &["two_echo"]).await;
        assert_eq!(edge.server_status("two").await, Value::Null, "{front:?}");

        edge.configure(&[two.clone(), one.clone()], "");
        until("the second is back", PATIENCE, async || {
            (tool_names(&mut client).await == ["two_echo", "one_echo"]).then_some(())
        })
        .await;
        calls(&mut client, &["two_echo", "one_echo"], &[]).await;

        edge.configure(&[one, two], "colour: blue\nlimits: {callIdleTimeout: never}");
        let failure = until("/status tells what is wrong", PATIENCE, async || {
            let status = edge.admin("/status").await.json();
            status["config"].get("lastFailure").filter(|failure| !failure.is_null()).cloned()
        })
        .await;
        let problems: Vec<_> =
            failure["problems"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().any(|problem| problem.starts_with("colour: ")), "{problems:?}");
        assert!(
            problems.iter().any(|problem| problem.starts_with("limits.callIdleTimeout: ")),
            "{problems:?}"
        );
        calls(&mut client, &["two_echo", "one_echo"], &[]).await;
        assert_eq!(edge.admin("/readyz").await.status, 200, "{front:?}");
    })
    .await;
}

/// These are listed and can be called, those cannot.
async fn calls(client: &mut McpClient, present: &[&str], absent: &[&str]) {
    assert_eq!(tool_names(client).await, present);
    for tool in present {
        let answer = client.call(tool, json!({})).await;
        assert!(answer.response(&client.id()).get("result").is_some(), "{tool}: {answer:?}");
    }
    for tool in absent {
        let answer = client.call(tool, json!({})).await;
        assert_eq!(answer.response(&client.id())["error"]["code"], -32602, "{tool}: {answer:?}");
    }
}

/// Half of the time after which the file is read without a reason.
const AT_ONCE: Duration = Duration::from_secs(15);

/// A way in which something replaces the file by one with this text.
type Way = (&'static str, fn(&Scratch, &str));

#[tokio::test]
async fn file_may_be_replaced_in_every_usual_way() {
    let ways: [Way; 4] = [
        ("written over", |folder, text| fs::write(folder.path(FILE), text).unwrap()),
        ("renamed over", |folder, text| drop(folder.write(FILE, text))),
        ("removed and made again", |folder, text| {
            fs::remove_file(folder.path(FILE)).unwrap();
            fs::write(folder.path(FILE), text).unwrap();
        }),
        ("swapped by its folder, as Kubernetes does", |folder, text| {
            volume(folder, "..2", text);
            fs::remove_dir_all(folder.path("..1")).unwrap();
        }),
    ];
    for (what, replace) in ways {
        let folder = Scratch::new("reload");
        if what.contains("Kubernetes") {
            volume(&folder, "..1", &log_level("info"));
            symlink("..data/config.yaml", folder.path(FILE)).unwrap();
        } else {
            folder.write(FILE, &log_level("info"));
        }
        let gateway = Gateway::start_in(folder, &[], &[]).await;
        replace(gateway.folder(), &log_level("debug"));
        until(&format!("{what}: taken over"), AT_ONCE, async || {
            gateway.log().contains("The configuration file has changed").then_some(())
        })
        .await;
        let failure = status(&gateway).await["config"]["lastFailure"].take();
        assert_eq!(failure, Value::Null, "{what}");
    }
}

fn log_level(level: &str) -> String {
    format!("servers: []\nlog: {{level: {level}}}\n")
}

/// Puts a version of the file into a folder of its own, and lets the link `..data` point there at once.
fn volume(folder: &Scratch, version: &str, text: &str) {
    fs::create_dir(folder.path(version)).unwrap();
    fs::write(folder.path(version).join(FILE), text).unwrap();
    symlink(version, folder.path("..data_tmp")).unwrap();
    fs::rename(folder.path("..data_tmp"), folder.path("..data")).unwrap();
}

async fn status(gateway: &Gateway) -> Value {
    let request = http::Request::get("/status").body(http_body_util::Full::default()).unwrap();
    send(gateway.admin(), request).await.json()
}
