//! What a contender prints and the driver reads.

/// One line of a contender's output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Line {
    /// One run: how many requests, in how many seconds.
    Run(usize, f64),
    /// The first answer of a fresh process is here.
    First,
}

impl Line {
    /// The line as it is printed.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Run(requests, seconds) => format!("run {requests} {seconds:e}"),
            Self::First => "first".into(),
        }
    }

    /// Reads a line; what is not one of ours (some contenders log) is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        match words.next()? {
            "run" => Some(Self::Run(words.next()?.parse().ok()?, words.next()?.parse().ok()?)),
            "first" => Some(Self::First),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_survive_being_printed() {
        for line in [Line::Run(1_000, 0.001_5), Line::First] {
            assert_eq!(Line::parse(&line.text()), Some(line));
        }
        assert_eq!(Line::parse("INFO something else"), None);
    }
}
