//! Keeps a running gateway true to its configuration file: reads the file again when it may have changed, and hands on
//! what is good and different.
//!
//! The folder of the file is watched, not the file, so that an editor's rename and the swap of a `..data` link in a
//! Kubernetes volume are seen; a slow re-read finds what no event tells of, such as a rotated secret or a volume on a
//! network. A bad file changes nothing: each of its problems is logged once, and the state says so until the file is good.
//!
//! What a new configuration means for servers and requests is decided by who receives it.

mod read;
mod state;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mcp_gateway_core::config::{Config, Loaded, Overrides, Problem, Source, load};
use mcp_gateway_telemetry::name::event;
use tokio::sync::{Notify, watch as channel};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
pub use crate::reload::read::read_config;
pub use crate::reload::state::{LoadFailure, ReloadState};
use crate::reload::watch::watch_folder;

/// How long a file must stay the same before it counts as written. Editors and `kubectl` write within a few
/// milliseconds.
pub const SETTLE: Duration = Duration::from_millis(100);

/// Reads of a file that keeps changing before the next event or re-read is waited for.
const SETTLE_READS_MAX: usize = 20;

/// How often the file is read without any event.
pub const REREAD_INTERVAL: Duration = Duration::from_secs(30);

/// What a reload needs to read the file as the first load did.
pub struct ReloadParts {
    /// The file.
    pub path: PathBuf,
    /// Where secrets come from.
    pub source: Arc<dyn Source + Send + Sync>,
    /// What the command line says.
    pub overrides: Overrides,
    /// What the first load gave.
    pub running: Config,
    /// Wall-clock time, for the state.
    pub clock: Clock,
}

/// How long a reload waits; tests wait less.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// See [`SETTLE`].
    pub settle: Duration,
    /// See [`REREAD_INTERVAL`].
    pub reread_interval: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { settle: SETTLE, reread_interval: REREAD_INTERVAL }
    }
}

/// The task that watches a configuration file.
pub struct Reload {
    parts: Arc<ReloadParts>,
    timing: Timing,
    wake: Arc<Notify>,
    /// The text that was judged last, good or bad.
    judged: Option<String>,
    /// The configuration that is in use.
    configs: channel::Sender<Arc<Config>>,
    state: channel::Sender<ReloadState>,
}

/// What others see of a [`Reload`]; cheap to clone.
#[derive(Clone, Debug)]
pub struct ReloadHandle {
    wake: Arc<Notify>,
    configs: channel::Receiver<Arc<Config>>,
    state: channel::Receiver<ReloadState>,
}

impl ReloadHandle {
    /// Returns where new configurations arrive. Only the latest is kept; the one of the start has been seen.
    pub fn configs(&self) -> channel::Receiver<Arc<Config>> {
        self.configs.clone()
    }

    /// Says how the last loads went.
    pub fn state(&self) -> ReloadState {
        self.state.borrow().clone()
    }

    /// Returns where changes of the state arrive.
    pub fn states(&self) -> channel::Receiver<ReloadState> {
        self.state.clone()
    }

    /// Has the file read soon, as when it had changed.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

impl Reload {
    /// Prepares to watch. Nothing is read before [`Reload::run`].
    pub fn new(parts: ReloadParts, timing: Timing) -> (Self, ReloadHandle) {
        let wake = Arc::new(Notify::new());
        let (configs, configs_seen) = channel::channel(Arc::new(parts.running.clone()));
        let (state, state_seen) = channel::channel(ReloadState::good(&parts.path, &parts.clock));
        let handle =
            ReloadHandle { wake: Arc::clone(&wake), configs: configs_seen, state: state_seen };
        let parts = Arc::new(parts);
        (Self { parts, timing, wake, judged: None, configs, state }, handle)
    }

    /// Watches until `stop`. The file is read once at the beginning: it may have changed since the first load.
    pub async fn run(mut self, stop: CancellationToken) {
        let watcher = watch_folder(&self.parts.path, Arc::clone(&self.wake));
        if let Err(error) = &watcher {
            let interval = self.timing.reread_interval;
            tracing::warn!(
                error = %crate::chain::Chain(error),
                "The configuration file cannot be watched; it is read every {interval:?} instead."
            );
        }
        let mut reread =
            interval_at(Instant::now() + self.timing.reread_interval, self.timing.reread_interval);
        reread.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let work = async {
            loop {
                self.check().await;
                tokio::select! {
                    () = self.wake.notified() => {}
                    _ = reread.tick() => {}
                }
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Reads the file and judges it.
    async fn check(&mut self) {
        let text = match self.read_settled().await {
            Ok(text) => text,
            Err(problem) => return self.refuse(vec![problem]),
        };
        let (parts, judged) = (Arc::clone(&self.parts), text.clone());
        // Secrets are read from files: that blocks.
        let outcome = tokio::task::spawn_blocking(move || judge(&parts, &judged)).await;
        self.judged = Some(text);
        match outcome {
            Ok(Ok(loaded)) => self.accept(loaded),
            Ok(Err(problems)) => self.refuse(problems),
            Err(_) => self.refuse(vec![Problem::new("", "the file cannot be judged")]),
        }
    }

    /// Reads the file until two reads in a row are the same, so that one that is being written is not taken for a
    /// short one. What has been judged before needs no second look.
    async fn read_settled(&self) -> Result<String, Problem> {
        let mut last = read_off_thread(&self.parts.path).await;
        for _ in 0..SETTLE_READS_MAX {
            if last.as_ref().ok().is_some_and(|text| self.judged.as_ref() == Some(text)) {
                return last;
            }
            sleep(self.timing.settle).await;
            let next = read_off_thread(&self.parts.path).await;
            if next == last {
                return next;
            }
            last = next;
        }
        Err(Problem::new("", "the file keeps changing while it is read"))
    }

    /// Takes a good configuration over if it differs from the one in use.
    fn accept(&self, loaded: Loaded) {
        let Loaded { config, warnings } = loaded;
        let path = self.parts.path.display();
        let was_bad = self.state.borrow().last_failure.is_some();
        let is_new = **self.configs.borrow() != config;
        if was_bad && !is_new {
            tracing::info!(config.path = %path, "The configuration file is good again; nothing in it has changed.");
        }
        if is_new {
            let servers = config.servers.len();
            tracing::info!(name: event::CONFIG_CHANGED, { config.path = %path, servers }, "The configuration file has changed and takes effect.");
            for warning in &warnings {
                let key = &warning.path;
                tracing::warn!(config.path = %path, config.key = %key, "In the configuration file, {warning}");
            }
            self.configs.send_replace(Arc::new(config));
        }
        if is_new || was_bad {
            self.state.send_replace(ReloadState::good(&self.parts.path, &self.parts.clock));
        }
    }

    /// Keeps the configuration in use. Problems are logged unless they are those of the last load.
    fn refuse(&self, problems: Vec<Problem>) {
        let known = self.state.borrow().last_failure.as_ref().map(|known| known.problems.clone());
        if known.as_ref() == Some(&problems) {
            return;
        }
        let path = self.parts.path.display();
        for problem in &problems {
            let key = &problem.path;
            tracing::error!(config.path = %path, config.key = %key, "In the configuration file, {problem}");
        }
        let count = problems.len();
        tracing::error!(name: event::CONFIG_REFUSED, { config.path = %path, problems = count }, "The configuration file is bad; the configuration before it stays.");
        self.state.send_modify(|state| state.fail(problems, &self.parts.clock));
    }
}

/// Loads the text of a file, and refuses what a running gateway cannot take over.
fn judge(parts: &ReloadParts, text: &str) -> Result<Loaded, Vec<Problem>> {
    let loaded = load(text, parts.source.as_ref(), &parts.overrides)?;
    if loaded.config.mode != parts.running.mode {
        // Another mode has other rules for the rest of the file.
        return Err(vec![Problem::new("mode", "cannot change while the gateway runs")]);
    }
    Ok(loaded)
}

async fn read_off_thread(path: &Path) -> Result<String, Problem> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_config(&path)).await;
    read.unwrap_or_else(|_| Err("it cannot be read".to_owned()))
        .map_err(|message| Problem::new("", message))
}
