//! The reference of the environment, written from the table.

use super::{SECTIONS, Section, Variable, Wrong};

const HEAD: &str = "\
# Environment

<!-- Written from the table in crates/telemetry/src/settings/registry. To change it, change that and run
     `UPDATE_DOCS=1 cargo test -p mcp-gateway-telemetry environment_reference`. -->

Telemetry is configured by the variables of the OpenTelemetry specification. Without any, nothing is exported and no span
is made. They are read once, at the start; `/status` lists what was read and from where.

- An empty variable is not set. Words are read in any case.
- What would send telemetry elsewhere than was meant (in the tables: *stops*) keeps the gateway from starting. All such
  values are told at once, each with one sentence; `mcp-gateway check` tells them as warnings.
- A number, a boolean or a word that cannot be used (*noticed*) is one line in the log, and the default holds.
- A receiver that cannot be reached never stops anything.
- Other variables that begin with `OTEL_` mean nothing here; one line each says so.

The last column names the test that fails when the variable is ignored.
";

const REST: &str = "
## The gateway's own variables

Those that stand for a key of the configuration file (`MCP_GATEWAY_LISTEN`, `GATEWAY_SIGNING_KEY` and others) are in
[Flags and environment](configuration.md#flags-and-environment). Besides:

| variable | meaning |
|---|---|
| `MCP_GATEWAY_CONFIG` | The configuration file, as `--config`. |
| `SSL_CERT_FILE`, `SSL_CERT_DIR` | Certificates to trust in place of the system's: a PEM file, or a folder of such files. |
| `NO_COLOR` | Any value: commands print without colours. |
";

/// The reference of all variables, as Markdown.
pub fn reference() -> String {
    let sections: String = SECTIONS.iter().map(in_words).collect();
    format!("{HEAD}{sections}{REST}")
}

fn in_words(section: &Section) -> String {
    let Section { title, text, variables } = section;
    let text = if text.is_empty() { String::new() } else { format!("{text}\n\n") };
    let rows: String = variables.iter().map(row).collect();
    format!(
        "\n## {title}\n\n{text}\
         | variable | meaning | default | wrong value | proved by |\n\
         |---|---|---|---|---|\n\
         {rows}"
    )
}

fn row(variable: &Variable) -> String {
    let default = match variable.default {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    let wrong = match variable.wrong {
        Wrong::Stops => "stops",
        Wrong::Noticed => "noticed",
        Wrong::Never => "",
    };
    let Variable { name, meaning, proof, .. } = variable;
    format!("| `{name}` | {meaning} | {default} | {wrong} | `{proof}` |\n")
}
