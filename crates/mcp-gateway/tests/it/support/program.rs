//! A process of a test: started with nothing of the test's own environment, ended with its value, and heard when the
//! test fails.

use std::fmt::Write;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::scratch::Scratch;
use super::wait::until;

/// Lines of output that a failing test prints of each of its programs.
const LINES_SHOWN_MAX: usize = 200;

/// A running process. Killed when dropped.
pub struct Program {
    name: String,
    child: Child,
    folder: Scratch,
}

/// How a process ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Program {
    /// Starts `executable` in a folder of its own. `name` is what a failing test calls it.
    pub fn start(
        name: &str,
        executable: &Path,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Self {
        let folder = Scratch::new(name);
        let file = |name: &str| Stdio::from(File::create(folder.path(name)).unwrap());
        let child = Command::new(executable)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "1")
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .current_dir(folder.folder())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} does not start: {}: {error}", executable.display())
            });
        Self { name: name.to_owned(), child, folder }
    }

    /// Returns what it has written to stdout.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// Returns what it has written to stderr.
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    fn read(&self, file: &str) -> String {
        let bytes = std::fs::read(self.folder.path(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `probe` finds something. Panics with the program's output when it ends before, or takes too long.
    pub async fn ready<T>(
        &mut self,
        within: Duration,
        mut probe: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let what = format!("{} is ready", self.name);
        until(&what, within, async || {
            let found = probe().await;
            if found.is_none()
                && let Some(status) = self.ended()
            {
                panic!("{} ended before it was ready: {status}\n{}", self.name, self.said());
            }
            found
        })
        .await
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        let sent =
            Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.id())]).status();
        assert!(sent.unwrap().success(), "{} took no {signal}", self.name);
    }

    /// Waits until it ends by itself.
    pub async fn finished(mut self, within: Duration) -> Finished {
        let what = format!("{} has ended", self.name);
        let status = until(&what, within, async || self.ended()).await;
        Finished { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Returns the end of what it has written, for people.
    pub fn said(&self) -> String {
        let mut text = String::new();
        for stream in ["stdout", "stderr"] {
            let all = self.read(stream);
            let lines: Vec<&str> = all.lines().collect();
            let shown =
                lines.get(lines.len().saturating_sub(LINES_SHOWN_MAX)..).unwrap_or_default();
            let counts = format!("{} of {} lines", shown.len(), lines.len());
            writeln!(text, "--- {stream} of {}, {counts}", self.name).unwrap();
            for line in shown {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.said());
        }
        // It may have ended by itself; either way it is waited for, so that its ports are free again.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("{} is left running: {error}", self.name);
        }
    }
}
