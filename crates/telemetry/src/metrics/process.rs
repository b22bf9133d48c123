//! The process itself, read from `/proc` when somebody asks. Where there is no such file, there is no such metric.

use std::fs;
use std::sync::OnceLock;

use super::point::{Family, Value, integer};
use crate::name::metric::process as name;

/// Types of entries of `/proc/self/auxv`, from `elf.h`.
const AT_PAGESZ: u64 = 6;
const AT_CLKTCK: u64 = 17;
/// Clock ticks in a second and bytes of a page where the kernel does not say.
const TICKS_PER_SECOND: u64 = 100;
const PAGE_BYTES: u64 = 4096;

/// What `/proc/self/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    /// User and system time, in clock ticks.
    ticks: u64,
    threads: u64,
    /// When the process began, in clock ticks since the machine did.
    began: u64,
    /// Pages in memory.
    pages: u64,
}

/// Reads the metrics of the process. `since` is when counting began, in nanoseconds since the Unix epoch.
pub(super) fn gather(since: u64) -> Vec<Family> {
    let mut families = Vec::new();
    let mut add = |metric, value: Option<Value>| {
        families.extend(value.map(|value| Family::single(metric, since, value)));
    };
    let stat = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(Stat::parse);
    add(&name::CPU, stat.map(|stat| seconds(stat.ticks)));
    add(&name::MEMORY, stat.map(|stat| integer(stat.pages.saturating_mul(machine().page_bytes))));
    add(&name::OPEN_FDS, open_files());
    let limits = fs::read_to_string("/proc/self/limits").ok();
    add(&name::MAX_FDS, limits.as_deref().and_then(files_max).map(integer));
    add(&name::THREADS, stat.map(|stat| integer(stat.threads)));
    let began = stat.zip(machine().booted);
    add(&name::START_TIME, began.map(|(stat, booted)| start(stat, booted)));
    families
}

/// What the kernel says once for all.
struct Machine {
    ticks_per_second: u64,
    page_bytes: u64,
    /// When the machine began, in seconds since the Unix epoch.
    booted: Option<u64>,
}

fn machine() -> &'static Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let auxiliary = fs::read("/proc/self/auxv").unwrap_or_default();
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        Machine {
            ticks_per_second: auxiliary_value(&auxiliary, AT_CLKTCK).unwrap_or(TICKS_PER_SECOND),
            page_bytes: auxiliary_value(&auxiliary, AT_PAGESZ).unwrap_or(PAGE_BYTES),
            booted: stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok()),
        }
    })
}

/// Looks for a value among pairs of words of the machine's size.
fn auxiliary_value(pairs: &[u8], wanted: u64) -> Option<u64> {
    let (words, _) = pairs.as_chunks::<{ size_of::<usize>() }>();
    let (pairs, _) = words.as_chunks::<2>();
    let number = |word: &[u8; size_of::<usize>()]| u64::try_from(usize::from_ne_bytes(*word)).ok();
    pairs.iter().find(|[key, _]| number(key) == Some(wanted)).and_then(|[_, value]| number(value))
}

impl Stat {
    /// Reads the line. The second field is the program's name in brackets, which may contain anything.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Numbered as in proc_pid_stat(5), whose third field is the first one here.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            ticks: field(14)? + field(15)?,
            threads: field(20)?,
            began: field(22)?,
            pages: field(24)?,
        })
    }
}

fn seconds(ticks: u64) -> Value {
    let per_second = machine().ticks_per_second.max(1);
    let millis = ticks.saturating_mul(1000) / per_second;
    Value::Float(std::time::Duration::from_millis(millis).as_secs_f64())
}

fn start(stat: Stat, booted: u64) -> Value {
    let per_second = machine().ticks_per_second.max(1);
    let millis = stat.began.saturating_mul(1000) / per_second;
    let since_boot = std::time::Duration::from_millis(millis);
    Value::Float((std::time::Duration::from_secs(booted) + since_boot).as_secs_f64())
}

/// Counts the files; the folder that is being read is one of them.
fn open_files() -> Option<Value> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(integer(files.saturating_sub(1)))
}

/// The soft limit; none when there is none.
fn files_max(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{AT_CLKTCK, Stat, auxiliary_value, files_max};

    #[test]
    fn a_program_may_have_any_name() {
        let line = "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 700 300 0 0 20 0 11 0 9876 1000000 512 18446744073709551615 1";
        let expect = Stat { ticks: 1000, threads: 11, began: 9876, pages: 512 };
        assert_eq!(Stat::parse(line), Some(expect));
        assert_eq!(Stat::parse("42 (a) S 1"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn limits_are_read_by_name() {
        let limits = "Limit    Soft Limit  Hard Limit  Units\nMax processes  1 2 processes\nMax open files  1024  4096  files\n";
        assert_eq!(files_max(limits), Some(1024));
        assert_eq!(files_max("Max open files   unlimited  unlimited  files"), None);
        assert_eq!(files_max(""), None);
    }

    #[test]
    fn the_kernel_says_how_long_a_tick_is() {
        let pairs: Vec<u8> =
            [6_usize, 4096, 17, 250, 0, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(auxiliary_value(&pairs, AT_CLKTCK), Some(250));
        assert_eq!(auxiliary_value(&pairs[..20], AT_CLKTCK), None);
        assert_eq!(auxiliary_value(&[], AT_CLKTCK), None);
    }
}
