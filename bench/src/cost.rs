//! What telemetry costs, as a Markdown table for each front end.

use std::fmt::{self, Write};

use crate::figures::{Cell, Results};
use crate::level::Level;
use crate::way::{Front, Way};
use crate::workload::Workload;

/// The only workload: a call makes the most telemetry.
const CALL: Workload = Workload::Call;

/// Writes both tables.
pub(crate) fn markdown(results: &Results) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for front in [Front::Standalone, Front::Duplex] {
        write_front(&mut text, results, front)?;
    }
    Ok(text)
}

fn write_front(text: &mut String, results: &Results, front: Front) -> fmt::Result {
    let base = Way::Gateway(front, Level::Off);
    writeln!(text, "### {}: {}\n", front.name(), CALL.name())?;
    text.push_str("| telemetry | CPU | CPU with Envoy | p50 | p99 | requests/s | RSS | lost |\n");
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|\n");
    for level in Level::ALL {
        let way = Way::Gateway(front, level);
        let ratio = |of: fn(&Cell) -> f64| results.ratio(CALL, [way, base], of, of);
        writeln!(
            text,
            "| {} | {:.3} | {:.3} | {:.2} | {:.2} | {:.2} | {:.2} | {} |",
            level.name(),
            ratio(|cell| cell.cpu.gateway),
            ratio(Cell::cpu),
            ratio(|cell| cell.p50),
            ratio(|cell| cell.p99),
            ratio(|cell| cell.rate),
            memory(results, way) / memory(results, base),
            lost(results, way),
        )?;
    }
    let typical = |of: fn(&Cell) -> f64| 1e6 * results.typical(CALL, base, of);
    writeln!(
        text,
        "\nHere 1.00 was: CPU {:.0} µs a request, p50 {:.0} µs, p99 {:.0} µs, RSS {:.0} MiB.\n",
        typical(|cell| cell.cpu.gateway),
        typical(|cell| cell.p50),
        typical(|cell| cell.p99),
        memory(results, base) / 1024.0,
    )
}

/// The gateway's memory after the last round, in KiB.
fn memory(results: &Results, way: Way) -> f64 {
    let bytes = results.ends.get(&way).map_or(0, |end| end.memory.gateway);
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX))
}

/// The part of everything handed to the exporters that no receiver acknowledged.
fn lost(results: &Results, way: Way) -> String {
    let spans = results.ends.get(&way).and_then(|end| end.spans);
    spans.map_or_else(|| "–".to_owned(), |spans| format!("{:.0} %", 100.0 * spans.lost_part()))
}
