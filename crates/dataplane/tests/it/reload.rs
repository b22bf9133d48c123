//! Reloading a configuration file that changes in the ways in which files do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_gateway_core::config::{Config, Overrides, SecretMode, Source, load};
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::reload::{Reload, ReloadHandle, ReloadParts, ReloadState, Timing};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a test waits for a state before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough that only events lead to a read.
const NEVER: Duration = Duration::from_secs(3_600);

const OFTEN: Duration = Duration::from_millis(20);

fn server(name: &str) -> String {
    format!("servers:\n  - name: {name}\n    url: http://127.0.0.1:9101/mcp\n")
}

#[tokio::test]
async fn a_file_written_in_place_is_seen() {
    let folder = Folder::new();
    let path = folder.write("config.yaml", &server("a"));
    let mut watched = Watched::start(path.clone(), NEVER);
    fs::write(&path, server("b")).unwrap();
    assert_eq!(watched.next_servers().await, ["b"]);
    watched.stop().await;
}

#[tokio::test]
async fn a_file_renamed_over_it_is_seen() {
    let folder = Folder::new();
    let mut watched = Watched::start(folder.write("config.yaml", &server("a")), NEVER);
    for name in ["b", "c"] {
        folder.write("config.yaml", &server(name));
        assert_eq!(watched.next_servers().await, [name]);
    }
    watched.stop().await;
}

#[tokio::test]
async fn the_swap_of_a_kubernetes_volume_is_seen() {
    let folder = Folder::new();
    let publish = |version: &str, content: &str| {
        fs::create_dir(folder.path.join(version)).unwrap();
        folder.write(&format!("{version}/config.yaml"), content);
        symlink(version, folder.path.join("..data_tmp")).unwrap();
        fs::rename(folder.path.join("..data_tmp"), folder.path.join("..data")).unwrap();
    };
    publish("..2026_11_22_1", &server("a"));
    symlink("..data/config.yaml", folder.path.join("config.yaml")).unwrap();
    let mut watched = Watched::start(folder.path.join("config.yaml"), NEVER);
    publish("..2026_11_22_2", &server("b"));
    fs::remove_dir_all(folder.path.join("..2026_11_22_1")).unwrap();
    assert_eq!(watched.next_servers().await, ["b"]);
    publish("..2026_11_22_3", &server("c"));
    assert_eq!(watched.next_servers().await, ["c"]);
    watched.stop().await;
}

#[tokio::test]
async fn a_file_that_is_only_opened_for_writing_changes_nothing() {
    let folder = Folder::new();
    let path = folder.write("config.yaml", &server("a"));
    let mut watched = Watched::start(path.clone(), NEVER);
    let file = fs::File::create(&path).unwrap();
    let state = watched.wait(|state| state.last_failure.is_some()).await;
    let problem = state.last_failure.unwrap().problems.remove(0).to_string();
    assert_eq!(problem, "the file is empty; write `servers: []` to have no servers");
    assert_eq!(watched.servers(), ["a"]);
    std::io::Write::write_all(&mut &file, server("b").as_bytes()).unwrap();
    assert_eq!(watched.next_servers().await, ["b"]);
    watched.wait(|state| state.last_failure.is_none()).await;
    watched.stop().await;
}

#[tokio::test]
async fn a_bad_file_keeps_the_old_configuration_and_logs_each_problem_once() {
    let errors = Arc::new(AtomicUsize::new(0));
    let _guard = tracing::subscriber::set_default(CountErrors(Arc::clone(&errors)));
    let folder = Folder::new();
    let mut watched = Watched::start(folder.write("config.yaml", &server("a")), OFTEN);

    folder.write("config.yaml", "servers:\n  - name: b\n    ulr: http://b/\nmdoe: envoy\n");
    let state = watched.wait(|state| state.last_failure.is_some()).await;
    let problems = state.last_failure.unwrap().problems;
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["mdoe", "servers[0].ulr", "servers[0].url"]);
    watched.wait_for_loads(5).await;
    assert_eq!(watched.servers(), ["a"]);
    assert_eq!(errors.load(Ordering::SeqCst), problems.len() + 1);

    folder.write("config.yaml", &server("c"));
    assert_eq!(watched.next_servers().await, ["c"]);
    watched.wait(|state| state.last_failure.is_none()).await;

    folder.write("config.yaml", "servers: 7");
    watched.wait(|state| state.last_failure.is_some()).await;
    folder.write("config.yaml", &server("c"));
    watched.wait(|state| state.last_failure.is_none()).await;
    assert!(!watched.configs.has_changed().unwrap(), "the same configuration came twice");
    assert_eq!(errors.load(Ordering::SeqCst), problems.len() + 1 + 2);
    watched.stop().await;
}

#[tokio::test]
async fn a_file_that_says_the_same_in_other_words_is_no_change() {
    let folder = Folder::new();
    let mut watched = Watched::start(folder.write("config.yaml", &server("a")), OFTEN);
    folder.write("config.yaml", &format!("# the same\n{}", server("a")));
    watched.wait_for_loads(5).await;
    assert!(!watched.configs.has_changed().unwrap());
    watched.stop().await;
}

#[tokio::test]
async fn a_removed_file_keeps_the_configuration_until_it_is_back() {
    let folder = Folder::new();
    let path = folder.write("config.yaml", &server("a"));
    let mut watched = Watched::start(path.clone(), NEVER);
    fs::remove_file(&path).unwrap();
    let state = watched.wait(|state| state.last_failure.is_some()).await;
    let problem = state.last_failure.unwrap().problems.remove(0).to_string();
    assert_eq!(problem, "the file cannot be read: it does not exist");
    folder.write("config.yaml", &server("b"));
    assert_eq!(watched.next_servers().await, ["b"]);
    watched.stop().await;
}

#[tokio::test]
async fn a_file_for_another_mode_is_refused() {
    let folder = Folder::new();
    let watched = Watched::start(folder.write("config.yaml", &server("a")), NEVER);
    folder.write(
        "config.yaml",
        "mode: envoy\npublicHost: a\nenvoyAddress: http://b\nsigningKey: 0123456789abcdef0123456789abcdef\n",
    );
    let state = watched.wait(|state| state.last_failure.is_some()).await;
    let problem = state.last_failure.unwrap().problems.remove(0).to_string();
    assert_eq!(problem, "mode: cannot change while the gateway runs");
    watched.stop().await;
}

#[tokio::test]
async fn a_rotated_secret_is_found_without_any_change_of_the_file() {
    let folder = Folder::new();
    folder.write("token", "first\n");
    let yaml = format!("{}    credential: {{file: token}}\n", server("a"));
    let mut watched = Watched::start(folder.write("config.yaml", &yaml), OFTEN);
    folder.write("token", "second\n");
    let config = watched.next().await;
    assert_eq!(config.servers[0].credential.as_ref().unwrap().expose(), "second");
    watched.stop().await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_watched_is_read_now_and_then() {
    let folder = Folder::new();
    let path = folder.path.join("later").join("config.yaml");
    let mut watched = Watched::with_running(path, OFTEN, Config::default());
    watched.wait(|state| state.last_failure.is_some()).await;
    fs::create_dir(folder.path.join("later")).unwrap();
    folder.write("later/config.yaml", &server("a"));
    assert_eq!(watched.next_servers().await, ["a"]);
    watched.stop().await;
}

#[tokio::test]
async fn a_change_before_the_watch_began_is_found_and_a_wake_reads_at_once() {
    let folder = Folder::new();
    let path = folder.write("config.yaml", &server("a"));
    let mut watched = Watched::with_running(path, NEVER, Config::default());
    assert_eq!(watched.next_servers().await, ["a"]);
    watched.handle.wake();
    watched.wait_for_loads(1).await;
    watched.stop().await;
}

#[test]
fn the_state_is_written_as_status_shows_it() {
    let folder = Folder::new();
    let path = folder.write("config.yaml", "");
    let (clock, _hand) = Clock::manual(Duration::from_secs(1_800_000_000));
    let source = Arc::new(FakeSource::new(&folder.path));
    let overrides = Overrides::default();
    let parts = ReloadParts { path, source, overrides, running: Config::default(), clock };
    let (_reload, handle) = Reload::new(parts, Timing::default());
    let state = serde_json::to_value(handle.state()).unwrap();
    assert_eq!(state["lastGoodLoad"], "2027-01-15T08:00:00Z");
    assert_eq!(state["lastFailure"], serde_json::Value::Null);
}

/// A folder of one test, removed at its end.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("reload-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    /// Puts a whole file in place at once.
    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path.join(name);
        let aside = path.with_extension("aside");
        fs::write(&aside, content).unwrap();
        fs::rename(&aside, &path).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}

/// A watched file, and what becomes of it.
struct Watched {
    handle: ReloadHandle,
    configs: watch::Receiver<Arc<Config>>,
    loads: watch::Receiver<usize>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Watched {
    /// Loads a good file as a start does, and watches it.
    fn start(path: PathBuf, reread_interval: Duration) -> Self {
        let source = FakeSource::new(path.parent().unwrap());
        let yaml = fs::read_to_string(&path).unwrap();
        let running = load(&yaml, &source, &Overrides::default()).unwrap().config;
        Self::with_running(path, reread_interval, running)
    }

    fn with_running(path: PathBuf, reread_interval: Duration, running: Config) -> Self {
        let source = Arc::new(FakeSource::new(path.parent().unwrap()));
        let loads = source.loads.subscribe();
        let timing = Timing { settle: Duration::from_millis(20), reread_interval };
        let overrides = Overrides::default();
        let parts = ReloadParts { path, source, overrides, running, clock: Clock::system() };
        let (reload, handle) = Reload::new(parts, timing);
        let stop = CancellationToken::new();
        let task = tokio::spawn(reload.run(stop.clone()));
        Self { configs: handle.configs(), handle, loads, stop, task }
    }

    async fn next(&mut self) -> Arc<Config> {
        let changed = tokio::time::timeout(PATIENCE, self.configs.changed()).await;
        changed
            .unwrap_or_else(|_| panic!("no new configuration: {:?}", self.handle.state()))
            .unwrap();
        self.configs.borrow_and_update().clone()
    }

    async fn next_servers(&mut self) -> Vec<String> {
        self.next().await.servers.iter().map(|server| server.name.clone()).collect()
    }

    fn servers(&self) -> Vec<String> {
        self.configs.borrow().servers.iter().map(|server| server.name.clone()).collect()
    }

    async fn wait(&self, is_reached: impl FnMut(&ReloadState) -> bool) -> ReloadState {
        let mut states = self.handle.states();
        let reached = tokio::time::timeout(PATIENCE, states.wait_for(is_reached)).await;
        reached.unwrap_or_else(|_| panic!("stays {:?}", self.handle.state())).unwrap().clone()
    }

    /// Waits until the file has been loaded some more times.
    async fn wait_for_loads(&mut self, more: usize) {
        let most = *self.loads.borrow() + more;
        let reached = tokio::time::timeout(PATIENCE, self.loads.wait_for(|loads| *loads >= most));
        reached.await.expect("no more loads").unwrap();
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the task goes on").unwrap();
    }
}

/// An empty environment, files of one folder, and a count of loads.
struct FakeSource {
    folder: PathBuf,
    loads: watch::Sender<usize>,
}

impl FakeSource {
    fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), loads: watch::channel(0).0 }
    }
}

impl Source for FakeSource {
    fn env(&self, name: &str) -> Option<String> {
        if name == "GATEWAY_SIGNING_KEY" {
            self.loads.send_modify(|loads| *loads += 1);
        }
        None
    }

    fn file(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.folder.join(path)).map_err(|error| error.to_string())
    }

    fn secrets(&self) -> SecretMode {
        SecretMode::Resolve
    }
}

/// Counts log lines of level error.
struct CountErrors(Arc<AtomicUsize>);

impl tracing::Subscriber for CountErrors {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
