//! The program under test, as a user starts it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http::Request;
use http_body_util::Full;

use super::http::try_send;
use super::port::Port;
use super::program::{Finished, Program};
use super::scratch::Scratch;
use super::wait::{PATIENCE, until};

/// Runs the program to its end. `environment` is all that it sees, beside `PATH`.
pub async fn run(arguments: &[&str], environment: &[(&str, &str)], within: Duration) -> Finished {
    let program =
        Program::start("mcp-gateway", executable(), &owned(arguments), &owned_pairs(environment));
    program.finished(within).await
}

fn executable() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_mcp-gateway"))
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.to_owned()).collect()
}

fn owned_pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The name of the configuration file.
pub const FILE: &str = "config.yaml";

/// A running gateway. Killed when dropped.
pub struct Gateway {
    program: Program,
    folder: Scratch,
    listen: SocketAddr,
    admin: SocketAddr,
    ext_proc: SocketAddr,
}

impl Gateway {
    /// Starts `serve` with a configuration file, on ports of its own, and waits until it is alive: its listeners take
    /// connections, whatever its servers do. `arguments` follow the ones that say where to listen.
    pub async fn start(config: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = Scratch::new("gateway-config");
        folder.write(FILE, config);
        Self::start_in(folder, arguments, environment).await
    }

    /// As [`Gateway::start`], with a folder in which the configuration file is already, in whatever way.
    pub async fn start_in(
        folder: Scratch,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let file = folder.path(FILE).display().to_string();
        let ports = [Port::take(), Port::take(), Port::take()];
        let [listen, admin, ext_proc] = ports.map(Port::release);
        let addresses = [listen, admin, ext_proc].map(|address| address.to_string());
        let mut all = vec![
            "serve",
            "--config",
            &file,
            "--listen",
            &addresses[0],
            "--admin-listen",
            &addresses[1],
        ];
        all.extend(["--ext-proc-listen", &addresses[2]]);
        all.extend(arguments);
        let program =
            Program::start("mcp-gateway", executable(), &owned(&all), &owned_pairs(environment));
        let mut gateway = Self { program, folder, listen, admin, ext_proc };
        gateway.program.ready(PATIENCE, async || probe(admin, "/healthz").await).await;
        gateway
    }

    /// Waits until it is ready: no server is configured, or one is up.
    pub async fn until_ready(&mut self) {
        let admin = self.admin;
        self.program.ready(PATIENCE, async || probe(admin, "/readyz").await).await;
    }

    /// Returns the bootstrap that `envoy-config` prints for its configuration.
    pub async fn envoy_config(&self, arguments: &[&str]) -> String {
        let file = self.folder.path(FILE).display().to_string();
        let addresses = [self.listen, self.ext_proc].map(|address| address.to_string());
        let mut all = vec!["envoy-config", "--config", &file];
        all.extend(["--listen", &addresses[0], "--ext-proc-listen", &addresses[1]]);
        all.extend(arguments);
        let printed = run(&all, &[], PATIENCE).await;
        assert_eq!(printed.code, Some(0), "{printed:?}");
        printed.stdout
    }

    /// Returns where clients connect in standalone mode, and Envoy's broker cluster in envoy mode.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Returns where health, metrics and status are served.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Returns where Envoy's external processing cluster connects in envoy mode.
    pub fn ext_proc(&self) -> SocketAddr {
        self.ext_proc
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Returns what it has logged.
    pub fn log(&self) -> String {
        self.program.stdout() + &self.program.stderr()
    }

    /// Returns the folder with its configuration file, [`FILE`].
    pub fn folder(&self) -> &Scratch {
        &self.folder
    }

    /// Sends it a signal by its name, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        self.program.signal(signal);
    }

    /// Waits until it ends by itself.
    pub async fn finished(self, within: Duration) -> Finished {
        self.program.finished(within).await
    }

    /// Replaces its configuration file at once.
    pub fn configure(&self, config: &str) {
        self.folder.write(FILE, config);
    }

    /// Waits until its log has a line with this text, and returns the line.
    pub async fn logged(&self, text: &str) -> String {
        let find = async || self.log().lines().find(|line| line.contains(text)).map(str::to_owned);
        until(&format!("{text:?} is logged"), PATIENCE, find).await
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(self, within: Duration) -> Finished {
        self.program.signal("TERM");
        self.program.finished(within).await
    }
}

/// Returns something when a GET is answered with 200.
async fn probe(address: SocketAddr, path: &str) -> Option<()> {
    let request = Request::get(path).body(Full::default()).unwrap();
    let answer = try_send(address, request).await.ok()?;
    (answer.status == 200).then_some(())
}
