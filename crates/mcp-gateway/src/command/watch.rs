//! Notices that a configuration has changed, and loads it again.
//!
//! The files are read once a second and compared by content. That sees every way in which a file changes, the swapped
//! symbolic links of a Kubernetes volume and network file systems included, which notifications of the system do not.

use std::time::Duration;

use anyhow::Context;
use mcp_gateway_core::config::{Loaded, Problem, SecretMode};

use crate::cli::ConfigArgs;
use crate::command::load_from;
use crate::environment::{Environment, Fingerprint};

/// How often the files are read.
const INTERVAL: Duration = Duration::from_secs(1);

/// A configuration that may change.
pub(crate) struct ConfigWatch {
    args: ConfigArgs,
    loaded: Fingerprint,
    /// What the files held at the last look, when that is not what was loaded.
    changing: Option<Fingerprint>,
}

impl ConfigWatch {
    /// Makes a watch; nothing has been loaded.
    pub(crate) fn new(args: ConfigArgs) -> Self {
        Self { args, loaded: Fingerprint::default(), changing: None }
    }

    /// Loads the configuration and remembers what it was made of, also when it cannot be used: the same mistakes are
    /// not reported every second.
    pub(crate) fn load(&mut self) -> Result<Loaded, Vec<Problem>> {
        let source = Environment::new(&self.args.config, SecretMode::Resolve);
        let loaded = load_from(&self.args, &source);
        self.loaded = source.into_fingerprint();
        self.changing = None;
        loaded
    }

    /// Waits until the files hold something else than what was loaded, for two looks in a row: a file that is being
    /// written is not read half. May be dropped while it waits.
    pub(crate) async fn changed(&mut self) -> anyhow::Result<()> {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let loaded = self.loaded.clone();
            // A file system may hang; the requests of clients must not.
            let now = tokio::task::spawn_blocking(move || loaded.again())
                .await
                .context("cannot look at the configuration")?;
            if now == self.loaded {
                self.changing = None;
            } else if self.changing.as_ref() == Some(&now) {
                return Ok(());
            } else {
                self.changing = Some(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::ConfigWatch;
    use crate::cli::ConfigArgs;
    use crate::scratch::Scratch;

    fn watch(scratch: &Scratch) -> ConfigWatch {
        ConfigWatch::new(ConfigArgs {
            config: scratch.path("gateway.yaml"),
            mode: None,
            listen: None,
            admin_listen: None,
            ext_proc_listen: None,
            public_host: None,
            log_level: None,
            log_format: None,
        })
    }

    async fn is_changed(watch: &mut ConfigWatch) -> bool {
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn changed_file_is_noticed_and_loaded_once() {
        let scratch = Scratch::new("gateway.yaml", "servers: []\n");
        let mut watch = watch(&scratch);
        assert!(watch.load().is_ok());
        assert!(!is_changed(&mut watch).await);
        scratch.write("gateway.yaml", "servers: [\n");
        assert!(is_changed(&mut watch).await);
        assert!(watch.load().is_err());
        assert!(!is_changed(&mut watch).await);
        scratch.write("gateway.yaml", "virtualServers: []\n");
        assert!(is_changed(&mut watch).await);
        assert!(watch.load().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn swapped_symbolic_link_is_noticed() {
        let scratch = Scratch::new("old.yaml", "servers: []\n");
        scratch.write("new.yaml", "virtualServers: []\n");
        let link = |target: &str| {
            let data = scratch.path("..data");
            let _not_there_yet = std::fs::remove_file(&data);
            std::os::unix::fs::symlink(scratch.path(target), data).unwrap();
        };
        link("old.yaml");
        std::os::unix::fs::symlink(scratch.path("..data"), scratch.path("gateway.yaml")).unwrap();
        let mut watch = watch(&scratch);
        assert!(watch.load().is_ok());
        link("new.yaml");
        assert!(is_changed(&mut watch).await);
    }

    #[tokio::test(start_paused = true)]
    async fn file_that_the_configuration_names_is_watched() {
        let key = "0123456789abcdef0123456789abcdef";
        let scratch = Scratch::new("gateway.yaml", "signingKey: {file: key}\n");
        scratch.write("key", key);
        let mut watch = watch(&scratch);
        assert!(watch.load().is_ok());
        scratch.write("key", &key.replace('0', "1"));
        assert!(is_changed(&mut watch).await);
    }
}
