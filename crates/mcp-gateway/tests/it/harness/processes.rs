//! Programs, ports and raw connections.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::support::fault_server::FaultServer;
use crate::support::http::{exchange, try_send};
use crate::support::port::{Port, closed};
use crate::support::program::Program;
use crate::support::wait::{PATIENCE, until};

fn shell(script: &str) -> Program {
    let arguments = ["-c", script].map(str::to_owned);
    let environment = [("GREETING".to_owned(), "hello".to_owned())];
    Program::start("sh", Path::new("/bin/sh"), &arguments, &environment)
}

#[tokio::test]
async fn a_program_sees_its_environment_and_nothing_of_the_tests() {
    let finished = shell("echo $GREETING; echo $HOME >&2; exit 3").finished(PATIENCE).await;
    assert_eq!(
        (finished.code, finished.stdout.as_str(), finished.stderr.as_str()),
        (Some(3), "hello\n", "\n")
    );
}

#[tokio::test]
async fn a_program_can_be_asked_to_stop() {
    let program =
        shell("trap 'echo bye; exit 0' TERM; echo up; while :; do read -r line || :; done");
    until("it is up", PATIENCE, async || (program.stdout() == "up\n").then_some(())).await;
    program.signal("TERM");
    assert_eq!(program.finished(PATIENCE).await.stdout, "up\nbye\n");
}

#[tokio::test]
#[should_panic(expected = "ended before it was ready")]
async fn a_program_that_ends_too_early_fails_its_test_at_once() {
    shell("echo no such flag >&2; exit 2").ready(PATIENCE, async || None::<()>).await;
}

#[tokio::test]
async fn ports_are_given_once() {
    let ports: Vec<Port> = (0..50).map(|_| Port::take()).collect();
    let mut numbers: Vec<u16> = ports.iter().map(|port| port.address().port()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 50);
    assert!(numbers.iter().all(|port| (20_000..32_000).contains(port)));
}

#[tokio::test]
async fn nobody_answers_on_a_closed_port() {
    let request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
    let error = try_send(closed(), request).await.unwrap_err();
    assert!(error.contains("refused"), "{error}");
}

#[tokio::test]
async fn bytes_go_out_and_come_back_as_they_are() {
    let server = FaultServer::start().await;
    let request =
        b"POST /mcp HTTP/1.1\r\nhost: a\r\nX-Odd:  two  blanks \r\ncontent-length: 2\r\n\r\n{}";
    let answer = exchange(server.address(), request, Duration::from_millis(300)).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 404 Not Found\r\n"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    let received = server.record().all();
    assert_eq!(received[0].header("x-odd"), Some("two  blanks"));
    assert_eq!(received[0].body, "{}");
}
