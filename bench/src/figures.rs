//! From measurements to ratios.
//!
//! Ways are compared within a round, where they were measured moments apart; what counts is the median over the rounds.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::setup::Share;
use crate::spans::Spans;
use crate::way::Way;
use crate::workload::Workload;

/// What one measurement of one way has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// The median latency on one connection, in seconds.
    pub(crate) p50: f64,
    /// The latency that one request in a hundred exceeds, in seconds.
    pub(crate) p99: f64,
    /// Requests in a second, on all connections together.
    pub(crate) rate: f64,
    /// Seconds of CPU for one request.
    pub(crate) cpu: Share<f64>,
}

impl Cell {
    /// Makes it from the latencies on one connection, and from what `requests` on all connections took.
    pub(crate) fn new(
        mut latencies: Vec<Duration>,
        requests: u32,
        elapsed: Duration,
        cpu: Share<Duration>,
    ) -> Self {
        latencies.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (latencies.len() * percent).div_ceil(100).saturating_sub(1);
            latencies.get(rank).map_or(f64::NAN, Duration::as_secs_f64)
        };
        let each = |time: Duration| time.as_secs_f64() / f64::from(requests);
        Self {
            p50: percentile(50),
            p99: percentile(99),
            rate: f64::from(requests) / elapsed.as_secs_f64(),
            cpu: Share { gateway: each(cpu.gateway), envoy: each(cpu.envoy) },
        }
    }

    /// Seconds of CPU for one request, of the gateway and of Envoy together.
    pub(crate) fn cpu(&self) -> f64 {
        self.cpu.gateway + self.cpu.envoy
    }
}

/// What a way has left behind at the end.
pub(crate) struct End {
    /// Bytes.
    pub(crate) memory: Share<u64>,
    /// `None` when none are made.
    pub(crate) spans: Option<Spans>,
}

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Results {
    /// Of each round.
    cells: BTreeMap<(Workload, Way), Vec<Cell>>,
    /// After the last round.
    pub(crate) ends: BTreeMap<Way, End>,
}

impl Results {
    /// Adds one measurement; those of the same round have the same place in their lists.
    pub(crate) fn add(&mut self, workload: Workload, way: Way, cell: Cell) {
        self.cells.entry((workload, way)).or_default().push(cell);
    }

    /// Adds what is there after the last round.
    pub(crate) fn end(&mut self, way: Way, memory: Share<u64>, spans: Option<Spans>) {
        self.ends.insert(way, End { memory, spans });
    }

    fn rounds(&self, workload: Workload, way: Way) -> &[Cell] {
        self.cells.get(&(workload, way)).map_or(&[], Vec::as_slice)
    }

    /// The median over the rounds of something of one way, divided by something of another.
    pub(crate) fn ratio(
        &self,
        workload: Workload,
        ways: [Way; 2],
        of: impl Fn(&Cell) -> f64,
        to: impl Fn(&Cell) -> f64,
    ) -> f64 {
        let [way, base] = ways.map(|way| self.rounds(workload, way));
        median(way.iter().zip(base).map(|(way, base)| of(way) / to(base)).collect())
    }

    /// What a way adds to the median latency, as a multiple of what plain Envoy adds.
    pub(crate) fn added(&self, workload: Workload, way: Way) -> f64 {
        let [way, envoy, direct] =
            [way, BASE, Way::Direct].map(|way| self.rounds(workload, way).iter());
        let added = way
            .zip(envoy)
            .zip(direct)
            .map(|((way, envoy), direct)| (way.p50 - direct.p50) / (envoy.p50 - direct.p50));
        median(added.collect())
    }

    /// The median over the rounds of something of one way.
    pub(crate) fn typical(&self, workload: Workload, way: Way, of: fn(&Cell) -> f64) -> f64 {
        median(self.rounds(workload, way).iter().map(of).collect())
    }

    /// How far a round's ratio to the base is from the median of these ratios, as a part of it: the median again.
    pub(crate) fn noise(&self, base: Way, of: fn(&Cell) -> f64) -> f64 {
        let mut distances = Vec::new();
        for ((workload, way), cells) in &self.cells {
            let middle = self.ratio(*workload, [*way, base], of, of);
            let ratios = cells.iter().zip(self.rounds(*workload, base));
            let compared = *way != base && middle > 0.0;
            let ratios = ratios.filter(|_| compared).map(|(way, base)| of(way) / of(base));
            distances.extend(ratios.map(|ratio| (ratio / middle - 1.0).abs()));
        }
        median(distances)
    }
}

/// What all others are compared with.
pub(crate) const BASE: Way = Way::PlainEnvoy;

/// Returns the middle one; `NaN` when there is none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
    f64::midpoint(lower, upper)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Cell, Results, median};
    use crate::setup::Share;
    use crate::way::{DUPLEX, Way};
    use crate::workload::Workload;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    /// A measurement in which request `n` of a hundred took `n` times `unit`.
    fn cell(unit: Duration) -> Cell {
        let latencies = (1..=100).rev().map(|n| unit * n).collect();
        let cpu = Share { gateway: unit * 3, envoy: unit * 7 };
        Cell::new(latencies, 10, unit * 5, cpu)
    }

    #[test]
    fn a_measurement_becomes_figures_of_one_request() {
        let cell = cell(Duration::from_millis(1));
        assert!(near(cell.p50, 0.050) && near(cell.p99, 0.099), "{cell:?}");
        assert!(near(cell.rate, 2000.0), "{cell:?}");
        assert!(near(cell.cpu.gateway, 0.0003) && near(cell.cpu(), 0.001), "{cell:?}");
    }

    #[test]
    fn ways_are_compared_within_a_round() {
        let mut results = Results::default();
        // The machine is ten times slower in the second round, and the gateway has a bad third one.
        for (direct, envoy, gateway) in [(1, 2, 4), (10, 20, 40), (1, 2, 100)] {
            let mut add =
                |way, unit| results.add(Workload::Ping, way, cell(Duration::from_micros(unit)));
            add(Way::Direct, direct);
            add(Way::PlainEnvoy, envoy);
            add(DUPLEX, gateway);
        }
        let ways = [DUPLEX, Way::PlainEnvoy];
        let ratio = results.ratio(Workload::Ping, ways, |cell| cell.p50, |cell| cell.p50);
        assert!(near(ratio, 2.0), "{ratio}");
        let added = results.added(Workload::Ping, DUPLEX);
        assert!(near(added, 3.0), "{added}");
    }

    #[test]
    fn the_median_is_the_middle() {
        let check = |values: &[f64], expect: f64| {
            assert!(near(median(values.to_vec()), expect), "{values:?}");
        };
        check(&[3.0], 3.0);
        check(&[9.0, 1.0, 2.0], 2.0);
        check(&[4.0, 1.0, 2.0, 9.0], 3.0);
        assert!(median(Vec::new()).is_nan());
    }
}
