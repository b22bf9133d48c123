//! What is wrong with a configuration, collected until all of it has been read.

use std::cell::RefCell;
use std::fmt;

/// Problems (and, apart from them, warnings) that one load reports. A file with more has one mistake made many times.
const PROBLEMS_MAX: usize = 200;

/// One thing that is wrong, or worth a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is: a key (`servers[0].url`), a flag (`--listen`), an environment variable (`GATEWAY_SIGNING_KEY`), a
    /// place in the text (`line 3, column 5`), or empty for the file as a whole.
    pub path: String,
    /// What is wrong: a phrase that goes on from the path, without full stop and without any secret value.
    pub message: String,
}

impl Problem {
    /// Makes a problem.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    /// Writes `path: message`, or the message alone when there is no path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Problems and warnings of one load, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Report {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl Report {
    /// Records something that keeps the configuration from being used.
    pub(super) fn problem(&self, path: impl Into<String>, message: impl Into<String>) {
        push(&self.problems, Problem::new(path, message));
    }

    /// Records something that does not.
    pub(super) fn warning(&self, path: impl Into<String>, message: impl Into<String>) {
        push(&self.warnings, Problem::new(path, message));
    }

    /// Returns the warnings, or the problems when there are any.
    pub(super) fn finish(self) -> Result<Vec<Problem>, Vec<Problem>> {
        let problems = self.problems.into_inner();
        if problems.is_empty() { Ok(self.warnings.into_inner()) } else { Err(problems) }
    }
}

fn push(list: &RefCell<Vec<Problem>>, problem: Problem) {
    let mut list = list.borrow_mut();
    if list.len() < PROBLEMS_MAX {
        list.push(problem);
    } else if list.len() == PROBLEMS_MAX {
        list.push(Problem::new("", "there are more; these come first"));
    }
}

#[cfg(test)]
mod tests {
    use super::{PROBLEMS_MAX, Problem, Report};

    #[test]
    fn a_problem_reads_as_path_and_message() {
        assert_eq!(Problem::new("mode", "is missing").to_string(), "mode: is missing");
        assert_eq!(Problem::new("", "is empty").to_string(), "is empty");
    }

    #[test]
    fn problems_are_bounded_and_say_so() {
        let report = Report::default();
        for index in 0..PROBLEMS_MAX + 10 {
            report.problem(format!("servers[{index}].name"), "is missing");
        }
        let problems = report.finish().unwrap_err();
        assert_eq!(problems.len(), PROBLEMS_MAX + 1);
        assert_eq!(problems[PROBLEMS_MAX].message, "there are more; these come first");
    }
}
