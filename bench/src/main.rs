//! `make bench`: what the gateway costs, side by side with a plain Envoy and with no gateway at all, in one run.
//!
//! Prints ratios as Markdown on stdout, and progress on stderr. One small MCP server with prepared answers stands behind
//! every way; the same requests take each way in turn, round after round, so that what disturbs the machine disturbs
//! all of them. Everything runs on this machine: the server and the client share its cores with what is measured.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for developers, not part of the gateway"
)]

mod cost;
mod figures;
mod files;
mod level;
mod load;
mod machine;
mod process;
mod report;
mod setup;
mod spans;
mod upstream;
mod way;
mod workload;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;

use crate::figures::{Cell, Results};
use crate::load::Connection;
use crate::process::Programs;
use crate::setup::Setup;
use crate::way::Way;
use crate::workload::Workload;

/// Connections of the measurements of throughput and CPU.
const CONNECTIONS: u16 = 32;
/// Requests of each connection that are not counted: they fill pools and caches.
const WARM_UP: u32 = 20;
/// The longest that one measurement may take.
const MEASUREMENT_MAX: Duration = Duration::from_secs(60);

/// Measures the gateway beside a plain Envoy; prints ratios as Markdown.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Options {
    /// How often each measurement is made
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,

    /// Requests of a measurement with one connection
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    requests_alone: u32,

    /// Requests of a measurement with all connections
    #[arg(long, default_value_t = 3_200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    requests_loaded: u32,

    /// What is measured
    #[arg(long, value_enum, default_value_t = Table::Ways)]
    table: Table,

    /// A gateway that was built without telemetry, for `--table telemetry`
    #[arg(long, value_name = "FILE", required_if_eq("table", "telemetry"))]
    compiled_out: Option<PathBuf>,

    /// The core that the gateway and Envoy are bound to: any, unless named
    #[arg(long)]
    core: Option<u16>,

    /// Where the programs of scripts/tools.sh are
    #[arg(long, value_name = "FOLDER", default_value = ".tools/bin")]
    tools: PathBuf,

    /// The gateway to measure: the one beside this program, unless named
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Table {
    /// The gateway beside a plain Envoy
    Ways,
    /// The gateway with more and more telemetry
    Telemetry,
}

impl Table {
    fn ways(self) -> Vec<Way> {
        match self {
            Self::Ways => Way::COMPARED.to_vec(),
            Self::Telemetry => Way::telemetry(),
        }
    }

    fn workloads(self) -> &'static [Workload] {
        match self {
            Self::Ways => &Workload::ALL,
            Self::Telemetry => &[Workload::Call],
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut programs = Programs::find(&options.tools, options.gateway.as_deref())?;
    programs.core = options.core;
    programs.compiled_out.clone_from(&options.compiled_out);
    let description = machine::description(&programs)?;
    let started = Instant::now();

    let server = upstream::start()?;
    let setups = Setup::start_all(&programs, &options.table.ways(), server, CONNECTIONS).await?;
    let mut results = Results::default();
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        for workload in options.table.workloads().iter().copied() {
            for setup in &setups {
                let cell = measure(setup, workload, &options).await.with_context(|| {
                    format!("{}, {}; see {}", setup.way.name(), workload.name(), programs.folder())
                })?;
                results.add(workload, setup.way, cell);
            }
        }
    }
    for setup in &setups {
        results.end(setup.way, setup.memory()?, setup.spans().await?);
    }
    drop(setups);
    programs.clean_up()?;

    println!(
        "{description}- Run: {} rounds in {} s. In each, every way takes {} requests one after another on one connection \
         (p50, p99), then {} on {CONNECTIONS} connections (requests/s, CPU)\n",
        options.rounds,
        started.elapsed().as_secs(),
        options.requests_alone,
        options.requests_loaded,
    );
    let text = match options.table {
        Table::Ways => report::markdown(&results)?,
        Table::Telemetry => cost::markdown(&results)?,
    };
    print!("{text}");
    Ok(())
}

/// Takes one way with one workload: alone for the latency, then loaded for throughput and CPU.
async fn measure(setup: &Setup, workload: Workload, options: &Options) -> anyhow::Result<Cell> {
    let request = workload.request(setup.way.tool_prefix());
    let work = async {
        let mut alone = Connection::open_warm(setup, 1, &request, WARM_UP).await?;
        let latencies = load::run(&mut alone, &request, options.requests_alone).await?;
        drop(alone);

        let mut loaded = Connection::open_warm(setup, CONNECTIONS, &request, WARM_UP).await?;
        let each = options.requests_loaded.div_ceil(u32::from(CONNECTIONS));
        let (cpu, started) = (setup.cpu()?, Instant::now());
        load::run(&mut loaded, &request, each).await?;
        let elapsed = started.elapsed();
        let cpu = setup.cpu()?.since(cpu);
        Ok(Cell::new(latencies, each * u32::from(CONNECTIONS), elapsed, cpu))
    };
    tokio::time::timeout(MEASUREMENT_MAX, work).await.context("took too long")?
}
