//! Settings that hold from start to stop: a changed file cannot change them.

use super::types::Config;

impl Config {
    /// Gives every setting that a running process cannot change the value that `running` has, and returns the keys of
    /// those that differed.
    ///
    /// `mode` is not among them: a file for the other mode was checked by other rules, and cannot be used at all.
    pub fn keep_startup_settings(&mut self, running: &Self) -> Vec<&'static str> {
        let mut kept = Vec::new();
        keep(&mut self.listen, &running.listen, "listen", &mut kept);
        keep(&mut self.admin_listen, &running.admin_listen, "adminListen", &mut kept);
        keep(&mut self.ext_proc_listen, &running.ext_proc_listen, "extProcListen", &mut kept);
        keep(&mut self.signing_key, &running.signing_key, "signingKey", &mut kept);
        kept
    }
}

fn keep<T: Clone + PartialEq>(
    next: &mut T,
    running: &T,
    key: &'static str,
    kept: &mut Vec<&'static str>,
) {
    if next != running {
        next.clone_from(running);
        kept.push(key);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Secret};

    #[test]
    fn startup_settings_stay_and_are_named() {
        let running = Config::default();
        let mut next = Config {
            listen: ([0, 0, 0, 0], 1).into(),
            signing_key: Some(Secret::new("k")),
            public_host: Some("mcp.example.com".to_owned()),
            ..Config::default()
        };
        assert_eq!(next.keep_startup_settings(&running), ["listen", "signingKey"]);
        assert_eq!(next.listen, running.listen);
        assert_eq!(next.signing_key, None);
        assert_eq!(next.public_host.as_deref(), Some("mcp.example.com"));
    }
}
