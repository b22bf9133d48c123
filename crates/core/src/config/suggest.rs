//! The known name that is nearest to a mistyped one.

/// Characters of a name that are compared: longer ones are no typing mistake.
const NAME_CHARS_MAX: usize = 40;

/// Returns the candidate that `name` was probably meant to be: at most one edit for every three characters away (an
/// edit replaces, inserts, removes or swaps), case aside.
pub(super) fn nearest<'c>(name: &str, candidates: &[&'c str]) -> Option<&'c str> {
    if name.chars().count() > NAME_CHARS_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    candidates
        .iter()
        .map(|candidate| (edits(&name, &candidate.to_ascii_lowercase()), *candidate))
        .filter(|(edits, candidate)| *edits <= (candidate.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Counts edits (Damerau-Levenshtein, optimal string alignment) row by row.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous_left = None;
    for (row, left_char) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, right_char) in right.iter().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&last, column) + usize::from(left_char != *right_char);
            let mut fewest = replaced.min(at(&last, column + 1) + 1).min(at(&current, column) + 1);
            let previous_right = column.checked_sub(1).and_then(|index| right.get(index).copied());
            if previous_right == Some(left_char) && previous_left == Some(*right_char) {
                fewest = fewest.min(at(&before_last, column - 1) + 1);
            }
            current.push(fewest);
        }
        previous_left = Some(left_char);
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest};

    #[test]
    fn edits_are_counted() {
        let check = |left: &str, right: &str, expect: usize| {
            assert_eq!(edits(left, right), expect, "{left:?} {right:?}");
            assert_eq!(edits(right, left), expect, "{right:?} {left:?}");
        };
        check("", "", 0);
        check("", "url", 3);
        check("url", "url", 0);
        check("ulr", "url", 1);
        check("servers", "server", 1);
        check("prefx", "prefix", 1);
        check("kitten", "sitting", 3);
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let names = ["name", "url", "hostname", "prefix", "gatewayCACertPEM"];
        assert_eq!(nearest("ulr", &names), Some("url"));
        assert_eq!(nearest("Prefix", &names), Some("prefix"));
        assert_eq!(nearest("hostName", &names), Some("hostname"));
        assert_eq!(nearest("gatewayCaCertPem", &names), Some("gatewayCACertPEM"));
        assert_eq!(nearest("colour", &names), None);
        assert_eq!(nearest("", &names), None);
        assert_eq!(nearest(&"x".repeat(10_000), &names), None);
    }
}
