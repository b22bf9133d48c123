//! The reference of the configuration file, written from the schema.

use super::keys::keys;
use super::load::{SIGNING_KEY_VARIABLES, UNUSED_VARIABLES};
use super::schema::{Key, SETTINGS};

const HEAD: &str = "\
# Configuration

<!-- Written from the schema in crates/core/src/config. To change it, change that and run
     `UPDATE_DOCS=1 cargo test -p mcp-gateway-core configuration_reference`. -->

`mcp-gateway serve --config FILE` reads one YAML file of at most 4 MiB. Every problem of the file is reported at once,
each with its path; unknown keys and keys that appear twice are problems. A file that changes is read again: a good one
takes effect, a bad one (one with another `mode` among them) is reported and the configuration before it stays. `listen`,
`adminListen`, `extProcListen`, `signingKey`, `log.format`, `telemetry.metrics`, and of the limits `connectionsMax`, `sessionTtl` and `storeEntriesMax`
wait for the next start. Write the new content to another file and rename that over the old one, as editors and Kubernetes
do.

An absent key, `null` and an empty text mean the same.

**Secrets.** Keys that hold one take text, in which `${NAME}` stands for an environment variable (`$${` for the
characters themselves), or `{file: /path}`, whose last line ending is not part of the secret. Certificates take
`{file: /path}` too. Relative paths start at the folder of the configuration file. `check` and `envoy-config` read
neither.

**Durations** are a whole number and a unit (`ms`, `s`, `m`, `h`, `d`); **sizes** are bytes, or a whole number and a unit
(`KiB`, `MiB`, `GiB`).
";

/// Headings, and what the paths of their keys begin with.
const SECTIONS: [(&str, &str); 6] = [
    ("The file", ""),
    ("Each of `servers`", "servers[]."),
    ("Each of `virtualServers`", "virtualServers[]."),
    ("`log`", "log."),
    ("`limits`", "limits."),
    ("`telemetry`", TELEMETRY),
];

/// The section whose keys are listed with all that stand in them.
const TELEMETRY: &str = "telemetry.";

const UNUSED_KEYS_HEAD: &str = "
## Keys without effect

Files of the reference gateway load as they are. This version accepts these keys, and warns of those that say something:

| key | type | meaning |
|---|---|---|
";

const SETTINGS_HEAD: &str = "
## Flags and environment

A flag wins over the environment, the environment over the file.

| key | flag | variable |
|---|---|---|
";

/// Returns the reference as Markdown.
pub fn reference() -> String {
    let (used, unused): (Vec<Key>, Vec<Key>) = keys().into_iter().partition(|key| key.has_effect);
    let mut text = HEAD.to_owned();
    for (heading, section) in SECTIONS {
        text += &["\n## ", heading, "\n\n"].concat();
        text += "| key | type | default | unit | range | meaning |\n|---|---|---|---|---|---|\n";
        text.extend(used.iter().filter_map(|key| row(key, section)));
    }
    text += UNUSED_KEYS_HEAD;
    text.extend(
        unused
            .iter()
            .map(|key| format!("| `{}` | {} | {} |\n", key.path, key.kind.name(), key.meaning)),
    );
    text += SETTINGS_HEAD;
    text.extend(SETTINGS.iter().map(|s| format!("| `{}` | `{}` | `{}` |\n", s.key, s.flag, s.env)));
    text.extend(SIGNING_KEY_VARIABLES.map(|name| format!("| `signingKey` | | `{name}` |\n")));
    text += "\nVariables of the reference gateway that this version does not use, and warns of when they are set:\n";
    text += &UNUSED_VARIABLES.map(|name| format!("`{name}`")).join(", ");
    text += ".\n";
    text
}

/// Writes a row for a key of a section, `None` for any other. What stands deeper has a section of its own, but in `telemetry`.
fn row(key: &Key, section: &str) -> Option<String> {
    let is_whole = section == TELEMETRY;
    let name = key.path.strip_prefix(section).filter(|name| is_whole || !name.contains('.'))?;
    let default = match key.default.as_str() {
        "" => String::new(),
        words @ ("required" | "empty") => words.to_owned(),
        value => match value.split_once(' ') {
            Some((value, rest)) => format!("`{value}` {rest}"),
            None => format!("`{value}`"),
        },
    };
    Some(format!(
        "| `{name}` | {} | {default} | {} | {} | {} |\n",
        key.kind.name(),
        key.kind.unit(),
        key.range,
        key.meaning
    ))
}
