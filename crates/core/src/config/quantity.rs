//! Durations (`10s`) and sizes (`5MiB`) as people write them. A whole number and one unit: sums such as `1h30m` and
//! fractions are refused, as are durations without a unit, which nobody can read safely.

use std::time::Duration;

const MS: u64 = 1;
const SECOND_MS: u64 = 1_000 * MS;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Units of time, smallest first, in milliseconds.
const TIME_UNITS: [(&str, u64); 5] =
    [("ms", MS), ("s", SECOND_MS), ("m", MINUTE_MS), ("h", HOUR_MS), ("d", DAY_MS)];

/// Units of size, smallest first, in bytes. Those of Kubernetes (`Mi`) mean the same.
const SIZE_UNITS: [(&str, u64); 4] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads a duration.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a duration: a whole number and a unit (ms, s, m, h, d), such as 10s";
    let (count, unit) = split(text).ok_or_else(wrong)?;
    let (_, factor) = TIME_UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let ms = count.checked_mul(factor).ok_or_else(|| "is too long a time".to_owned())?;
    Ok(Duration::from_millis(ms))
}

/// Reads a size in bytes; a number without a unit is bytes.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong =
        || "must be a size: bytes, or a whole number and a unit (KiB, MiB, GiB), such as 5MiB";
    let (count, unit) = split(text).ok_or_else(wrong)?;
    let unit = match unit {
        "" => "B",
        "Ki" => "KiB",
        "Mi" => "MiB",
        "Gi" => "GiB",
        other => other,
    };
    let (_, factor) = SIZE_UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    count.checked_mul(factor).ok_or_else(|| "is too large a size".to_owned())
}

/// Writes a duration in the largest unit that leaves a whole number.
pub(super) fn format_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    format_in(ms, TIME_UNITS)
}

/// Writes a size in the largest unit that leaves a whole number.
pub(super) fn format_size(bytes: u64) -> String {
    format_in(bytes, SIZE_UNITS)
}

fn format_in<const N: usize>(count: u64, units: [(&'static str, u64); N]) -> String {
    units
        .into_iter()
        .rev()
        .find(|(_, factor)| count != 0 && count.is_multiple_of(*factor))
        .map_or_else(|| count.to_string(), |(name, factor)| format!("{}{name}", count / factor))
}

/// Parts a whole number from what follows it.
fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at_checked(digits)?;
    Some((count.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{format_duration, format_size, parse_duration, parse_size};

    #[test]
    fn durations_have_one_number_and_one_unit() {
        let check = |text: &str, expect_ms: Option<u64>| {
            assert_eq!(
                parse_duration(text).ok(),
                expect_ms.map(Duration::from_millis),
                "duration {text:?}"
            );
        };
        check("500ms", Some(500));
        check("10s", Some(10_000));
        check("5m", Some(300_000));
        check("24h", Some(86_400_000));
        check("7d", Some(604_800_000));
        check("0s", Some(0));
        for wrong in ["", "10", "s", "-1s", "1.5s", "1h30m", "10 s", "10S", "１s", " 1s", "1s "] {
            check(wrong, None);
        }
        check("18446744073709551615d", None);
        check("99999999999999999999s", None);
    }

    #[test]
    fn sizes_are_bytes_unless_they_say_otherwise() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(parse_size(text).ok(), expect, "size {text:?}");
        };
        check("1024", Some(1024));
        check("7B", Some(7));
        check("64KiB", Some(65_536));
        check("5MiB", Some(5_242_880));
        check("5Mi", Some(5_242_880));
        check("1GiB", Some(1 << 30));
        for wrong in ["", "MiB", "5MB", "5 MiB", "5mib", "-5", "1.5MiB", "0x10", "17179869184GiB"] {
            check(wrong, None);
        }
    }

    #[test]
    fn quantities_are_written_as_they_are_read() {
        for text in ["500ms", "1500ms", "10s", "5m", "1d", "36h"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
        for text in ["7B", "64KiB", "5MiB", "1GiB", "1025B"] {
            assert_eq!(format_size(parse_size(text).unwrap()), text);
        }
        assert_eq!(format_duration(Duration::ZERO), "0");
    }
}
