//! Servers and virtual servers: each read by itself, then all compared with each other.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use http::HeaderValue;
use url::Url;

use super::address::{host_part, parse_hostname, parse_server_url};
use super::reader::{Found, Section};
use super::resolve::{Certificates, certificates, secret};
use super::secret::Secret;
use super::types::{Mode, Server, VirtualServer};
use crate::header::BROKER;

/// Servers of one gateway.
pub const SERVERS_MAX: usize = 1_000;

/// Virtual servers of one gateway.
pub const VIRTUAL_SERVERS_MAX: usize = 1_000;

/// Bytes of a name: what a Kubernetes namespace, a slash and an object name may have.
const NAME_BYTES_MAX: usize = 63 + 1 + 253;

/// Bytes of a prefix: half of what MCP 2025-11-25 allows a tool name (128).
const PREFIX_BYTES_MAX: usize = 64;

/// Reads the `servers` section.
///
/// `mode` is `None` when it could not be read: what depends on it is then not checked.
pub(super) fn read_servers(
    file: &Section<'_>,
    mode: Option<Mode>,
    public_host: Option<&str>,
) -> Vec<Server> {
    let sections = file.sections("servers", SERVERS_MAX);
    let drafts: Vec<Draft<'_>> = sections.iter().map(Draft::read).collect();
    check_distinct("name", drafts.iter().map(|draft| (draft.section, draft.name.as_deref())));
    let active = || drafts.iter().filter(|draft| draft.is_active);
    check_distinct("prefix", active().map(|draft| (draft.section, draft.prefix())));
    if mode == Some(Mode::Envoy) {
        check_distinct("hostname", active().map(|draft| (draft.section, draft.hostname())));
        active().for_each(|draft| draft.check_hostname(public_host));
    }
    drafts.into_iter().filter_map(Draft::finish).collect()
}

/// Reads the `virtualServers` section.
pub(super) fn read_virtual_servers(file: &Section<'_>) -> Vec<VirtualServer> {
    let sections = file.sections("virtualServers", VIRTUAL_SERVERS_MAX);
    let names: Vec<_> =
        sections.iter().map(|section| section.require("name", parse_name)).collect();
    check_distinct("name", sections.iter().zip(names.iter().map(Option::as_deref)));
    let read = |(section, name): (&Section<'_>, Option<String>)| {
        let tools = section.parse_list("tools", parse_tool_name);
        Some(VirtualServer { name: name?, tools })
    };
    sections.iter().zip(names).filter_map(read).collect()
}

/// One server as far as it could be read.
struct Draft<'a> {
    section: &'a Section<'a>,
    name: Option<String>,
    url: Option<Url>,
    hostname: Found<String>,
    prefix: Found<String>,
    enabled: bool,
    credential: Option<Secret>,
    certificates: Certificates,
    /// Whether it takes part in routing: enabled, and not left out.
    is_active: bool,
    is_left_out: bool,
}

impl<'a> Draft<'a> {
    fn read(section: &'a Section<'a>) -> Self {
        let is_left_out = has_command(section);
        let enabled = read_enabled(section);
        Self {
            section,
            name: section.require("name", parse_name),
            url: if is_left_out { None } else { section.require("url", parse_server_url) },
            hostname: section.parse("hostname", parse_hostname),
            prefix: section.parse("prefix", parse_prefix),
            enabled,
            credential: read_credential(section),
            certificates: certificates(section, "caCert"),
            is_active: enabled && !is_left_out,
            is_left_out,
        }
    }

    fn prefix(&self) -> Option<&str> {
        self.prefix.as_ref().map(String::as_str)
    }

    fn hostname(&self) -> Option<&str> {
        self.hostname.as_ref().map(String::as_str)
    }

    /// Checks what Envoy needs to know this server's virtual host from the others.
    fn check_hostname(&self, public_host: Option<&str>) {
        if self.hostname.is_absent() {
            self.section.problem("hostname", "is missing: envoy mode needs one for every server");
        }
        if self.hostname().is_some() && self.hostname() == public_host.map(host_part) {
            self.section.problem("hostname", "must not be that of `publicHost`");
        }
    }

    /// Makes the server; `None` when it is left out or something of it is wrong, which has been reported.
    fn finish(self) -> Option<Server> {
        if self.is_left_out {
            return None;
        }
        Some(Server {
            name: self.name?,
            url: self.url?,
            hostname: self.hostname.value(),
            prefix: self.prefix.value().unwrap_or_default(),
            enabled: self.enabled,
            credential: self.credential,
            ca_cert_pem: self.certificates.pem,
            ca_cert_file: self.certificates.file,
        })
    }
}

/// Reports every value that an earlier section has as well.
fn check_distinct<'a>(key: &str, values: impl Iterator<Item = (&'a Section<'a>, Option<&'a str>)>) {
    let mut first_path = HashMap::new();
    for (section, value) in values {
        let Some(value) = value else { continue };
        match first_path.entry(value) {
            Entry::Vacant(entry) => {
                entry.insert(section.path_of(key));
            }
            Entry::Occupied(entry) => {
                section.problem(key, format!("is {value:?}, as is {}", entry.get()));
            }
        }
    }
}

/// Says whether the section describes a program, which this version does not start.
fn has_command(section: &Section<'_>) -> bool {
    let command = section.parse_list("command", |word| Ok(word.to_owned()));
    if command.is_empty() {
        return false;
    }
    if section.node("url").is_some() {
        section.problem("command", "cannot stand beside `url`: a server has one of them");
        return true;
    }
    let message = "has no effect in this version, which starts no programs: the server is left out";
    section.context.report.warning(section.path_of("command"), message);
    true
}

fn read_enabled(section: &Section<'_>) -> bool {
    match section.flag("enabled").value() {
        Some(true) => {
            let message = "has no effect: `state` says whether a server is used";
            section.context.report.warning(section.path_of("enabled"), message);
        }
        Some(false) => {
            section.problem("enabled", "is not how to disable a server; write `state: Disabled`");
        }
        None => {}
    }
    section.parse("state", parse_state).value().unwrap_or(true)
}

fn read_credential(section: &Section<'_>) -> Option<Secret> {
    let given = secret(section, "credential").value()?;
    if given.is_resolved && HeaderValue::from_str(given.secret.expose()).is_err() {
        section.problem(
            "credential",
            "must be one line of visible characters, as an HTTP header holds",
        );
        return None;
    }
    Some(given.secret)
}

fn parse_state(text: &str) -> Result<bool, String> {
    match text {
        "Enabled" => Ok(true),
        "Disabled" => Ok(false),
        _ => Err("must be `Enabled` or `Disabled`".to_owned()),
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    if text.len() > NAME_BYTES_MAX || !text.bytes().all(is_good) {
        return Err(format!(
            "must be letters, digits and the characters `._-/`, {NAME_BYTES_MAX} at most"
        ));
    }
    if text == BROKER {
        return Err(format!("must not be {BROKER:?}, which names the gateway itself"));
    }
    Ok(text.to_owned())
}

fn parse_prefix(text: &str) -> Result<String, String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if text.len() > PREFIX_BYTES_MAX || !text.bytes().all(is_good) {
        return Err(format!(
            "must be letters, digits and the characters `_.-`, {PREFIX_BYTES_MAX} at most"
        ));
    }
    Ok(text.to_owned())
}

fn parse_tool_name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}
