//! The real OTLP receiver rotel, which writes down everything it gets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::net::TcpStream;

use super::{TempDir, eventually, free_port};

/// A running rotel; stopped at the end of the test.
pub(crate) struct Rotel {
    pub(crate) grpc_port: u16,
    pub(crate) http_port: u16,
    process: Child,
    dir: TempDir,
}

impl Rotel {
    pub(crate) async fn start() -> Self {
        let dir = TempDir::new();
        let (grpc_port, http_port) = (free_port(), free_port());
        let output = fs::File::create(dir.0.join("output")).expect("a file");
        let process = Command::new(agent())
            .arg("start")
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc_port}")])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http_port}")])
            .args(["--exporter", "blackhole"])
            .args(["--debug-log", "traces", "--debug-log", "logs", "--debug-log", "metrics"])
            .args(["--debug-log-verbosity", "detailed"])
            .args(["--pid-file", &dir.0.join("pid").display().to_string()])
            .args(["--log-file", &dir.0.join("log").display().to_string()])
            .stdin(Stdio::null())
            .stderr(output.try_clone().expect("a file"))
            .stdout(output)
            .spawn()
            .expect("rotel starts");
        let rotel = Self { grpc_port, http_port, process, dir };
        for port in [grpc_port, http_port] {
            let deadline = tokio::time::Instant::now() + super::PATIENCE;
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                assert!(tokio::time::Instant::now() < deadline, "{}", rotel.output());
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
        rotel
    }

    /// Everything that rotel wrote down so far.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(self.dir.0.join("output")).unwrap_or_default()
    }

    /// Waits until rotel has written something down.
    pub(crate) async fn wait_for(&self, text: &str) -> String {
        let state = || self.output().contains(text);
        eventually(state, || format!("`{text}` in\n{}", self.output())).await;
        self.output()
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The program: `ROTEL_AGENT`, or where `make tools` puts it.
fn agent() -> PathBuf {
    if let Ok(path) = std::env::var("ROTEL_AGENT") {
        return path.into();
    }
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/venv/lib");
    let versions = fs::read_dir(&venv).into_iter().flatten().flatten();
    let found = versions
        .map(|version| version.path().join("site-packages/rotel/rotel-agent"))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("rotel is not installed: run `make tools`"))
}
