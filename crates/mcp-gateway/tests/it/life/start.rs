//! A start that cannot succeed: one message, nothing stays behind.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::support::gateway;
use crate::support::port::Port;
use crate::support::scratch::Scratch;
use crate::support::wait::PATIENCE;

const CONFIG: &str = "mode: envoy\npublicHost: mcp.example.test\nenvoyAddress: http://127.0.0.1:1\n\
    signingKey: a-signing-key-that-only-the-tests-have-0123456789\nservers: []\n";

#[tokio::test]
async fn address_that_is_taken_is_the_one_thing_that_is_said() {
    let folder = Scratch::new("start");
    let file = folder.write("config.yaml", CONFIG).display().to_string();
    let socket = folder.path("ext_proc.sock");
    let _socket = UnixListener::bind(&socket).unwrap();
    let socket = format!("unix:{}", socket.display());
    for (flag, key, taken) in [
        ("--listen", "listen", None),
        ("--admin-listen", "adminListen", None),
        ("--ext-proc-listen", "extProcListen", None),
        ("--ext-proc-listen", "extProcListen", Some(&socket)),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = taken.cloned().unwrap_or_else(|| listener.local_addr().unwrap().to_string());
        let flags = ["--listen", "--admin-listen", "--ext-proc-listen"];
        let free = flags.map(|_| Port::take().release());
        let addresses: Vec<String> = flags
            .iter()
            .zip(free)
            .map(|(&it, free)| if it == flag { taken.clone() } else { free.to_string() })
            .collect();
        let mut arguments = vec!["serve", "--config", &file];
        for (flag, address) in flags.iter().zip(&addresses) {
            arguments.extend([*flag, address.as_str()]);
        }
        let ended = gateway::run(&arguments, &[], PATIENCE).await;
        assert_eq!(ended.code, Some(1), "{key}: {ended:?}");
        let message =
            format!("error: the gateway did not start: cannot listen on {taken} ({key}, {flag})");
        assert!(ended.stderr.starts_with(&message), "{key}: {ended:?}");
        assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{key}: {ended:?}");
        for address in free {
            TcpListener::bind(address).unwrap_or_else(|error| panic!("{key}: {address}: {error}"));
        }
    }
}
