//! The ratios to a plain Envoy as Markdown.

use std::fmt::{self, Write};

use crate::figures::{BASE, Cell, Results};
use crate::way::Way;
use crate::workload::Workload;

/// Writes every table.
pub(crate) fn markdown(results: &Results) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for workload in Workload::ALL {
        write_workload(&mut text, results, workload)?;
    }
    write_memory(&mut text, results)?;
    writeln!(
        text,
        "Noise: half of the ratios of single rounds are within {:.0} % (p50) and {:.0} % (CPU) of the medians above.",
        100.0 * results.noise(BASE, |cell| cell.p50),
        100.0 * results.noise(BASE, Cell::cpu),
    )?;
    Ok(text)
}

fn write_workload(text: &mut String, results: &Results, workload: Workload) -> fmt::Result {
    writeln!(text, "### {}\n", workload.name())?;
    text.push_str("| | p50 | added p50 | p99 | requests/s | CPU | of it gateway | of it Envoy |\n");
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|\n");
    for way in Way::COMPARED {
        let ratio = |of: fn(&Cell) -> f64| results.ratio(workload, [way, BASE], of, of);
        let cpu = |of: fn(&Cell) -> f64, is_there: bool| {
            let ratio = results.ratio(workload, [way, BASE], of, Cell::cpu);
            if is_there { format!("{ratio:.2}") } else { "–".to_owned() }
        };
        let (has_gateway, has_envoy) = (way.level().is_some(), way.has_envoy());
        writeln!(
            text,
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {} | {} |",
            way.name(),
            ratio(|cell| cell.p50),
            results.added(workload, way),
            ratio(|cell| cell.p99),
            ratio(|cell| cell.rate),
            cpu(Cell::cpu, has_gateway || has_envoy),
            cpu(|cell| cell.cpu.gateway, has_gateway),
            cpu(|cell| cell.cpu.envoy, has_envoy),
        )?;
    }
    let base = |of: fn(&Cell) -> f64| results.typical(workload, BASE, of);
    let p50 = base(|cell| cell.p50);
    let added = p50 - results.typical(workload, Way::Direct, |cell| cell.p50);
    writeln!(
        text,
        "\nHere 1.00 was: p50 {:.0} µs, added p50 {:.0} µs, p99 {:.0} µs, {:.0} requests/s, CPU {:.0} µs.\n",
        1e6 * p50,
        1e6 * added,
        1e6 * base(|cell| cell.p99),
        base(|cell| cell.rate),
        1e6 * base(Cell::cpu),
    )
}

fn write_memory(text: &mut String, results: &Results) -> fmt::Result {
    const KIB: u64 = 1024;
    // Kibibytes of less than 4 TiB have a place in 32 bits, which have one in a float.
    let kib = |bytes: u64| f64::from(u32::try_from(bytes / KIB).unwrap_or(u32::MAX));
    let base = results.ends.get(&BASE).map_or(f64::NAN, |end| kib(end.memory.envoy));
    text.push_str("### Memory after the last round\n\n| | gateway | Envoy |\n|---|--:|--:|\n");
    for (way, end) in results.ends.iter().filter(|(way, _)| **way != Way::Direct) {
        let part = |bytes: u64, is_there: bool| {
            if is_there { format!("{:.2}", kib(bytes) / base) } else { "–".to_owned() }
        };
        let gateway = part(end.memory.gateway, way.level().is_some());
        let envoy = part(end.memory.envoy, way.has_envoy());
        writeln!(text, "| {} | {gateway} | {envoy} |", way.name())?;
    }
    writeln!(text, "\nHere 1.00 was {:.0} MiB.\n", base / 1024.0)
}
