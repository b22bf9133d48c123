//! Tells when a configuration file may have changed: events of its folder, sorted. Knows nothing of what is in the file.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// What the links begin with that Kubernetes swaps when a mounted volume changes (`..data`, `..2026_11_22_…`).
const VOLUME_LINK_PREFIX: &str = "..";

/// Wakes whoever waits for `wake` when the file may have changed, until the watcher is dropped.
///
/// Events come one at a time from a thread of the watcher; any number of them before the next look is one wake.
pub(super) fn watch_folder(path: &Path, wake: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let name = path.file_name().map(OsString::from).unwrap_or_default();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // An error means that events were lost.
        if event.map_or(true, |event| may_change(&event, &name)) {
            wake.notify_one();
        }
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Says whether an event may have changed what reading `name` gives. Reading it is an event as well: that one must not
/// lead to another read.
fn may_change(event: &Event, name: &OsString) -> bool {
    let is_change = match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    };
    let concerns_file = |path: &std::path::PathBuf| {
        path.file_name().is_none_or(|found| {
            found == name || found.as_encoded_bytes().starts_with(VOLUME_LINK_PREFIX.as_bytes())
        })
    };
    event.need_rescan()
        || (is_change && (event.paths.is_empty() || event.paths.iter().any(concerns_file)))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use notify::event::{
        AccessKind, AccessMode, CreateKind, DataChange, Flag, ModifyKind, RemoveKind, RenameMode,
    };
    use notify::{Event, EventKind};

    use super::may_change;

    #[test]
    fn only_changes_of_the_file_or_its_volume_count() {
        let check = |kind: EventKind, path: &str, expect: bool| {
            let event = Event::new(kind).add_path(path.into());
            assert_eq!(may_change(&event, &OsString::from("config.yaml")), expect, "{event:?}");
        };
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        check(written, "/config/config.yaml", true);
        check(EventKind::Modify(ModifyKind::Data(DataChange::Any)), "/config/config.yaml", true);
        check(renamed, "/config/config.yaml", true);
        check(renamed, "/config/..data", true);
        check(EventKind::Create(CreateKind::File), "/config/config.yaml", true);
        check(EventKind::Remove(RemoveKind::File), "/config/config.yaml", true);
        check(renamed, "/config/config.yaml~", false);
        check(written, "/config/other.yaml", false);
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        check(opened, "/config/config.yaml", false);
        check(EventKind::Access(AccessKind::Close(AccessMode::Read)), "/config/config.yaml", false);
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(may_change(&lost, &OsString::from("config.yaml")));
    }
}
