//! Mistakes as people read them: where, what, the line itself, and what was probably meant.

use std::fmt;

use super::marks::{Location, Span};
use super::text::{Document, nth_line, sounds_secret};
use super::yaml::Fault;
use crate::destination::mistake::Mistake;

/// More characters than this of a line are not shown.
const MAX_SHOWN: usize = 160;

/// Mistakes of any number of files, in the order in which they were found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    problems: Vec<Problem>,
}

/// A mistake where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Where in the file; `None` where the file itself is meant.
    pub location: Option<Location>,
    /// What is wrong.
    pub message: String,
    /// The word that was probably meant, or how to write it.
    pub help: Option<String>,
    line: String,
    width: u32,
}

impl Report {
    /// Adds a mistake in a document.
    pub fn add(&mut self, document: &Document, mistake: Mistake) {
        let span = document.span(&mistake.at);
        let line = document.line(span.at.line);
        let help = mistake.suggestion.map(|word| format!("did you mean {word:?}?"));
        let fault = Fault { span, message: mistake.message, help };
        self.problems.push(Problem::new(document.name(), line, fault));
    }

    /// Adds all mistakes in a document.
    pub fn add_all(&mut self, document: &Document, mistakes: impl IntoIterator<Item = Mistake>) {
        for mistake in mistakes {
            self.add(document, mistake);
        }
    }

    /// Adds what another report found.
    pub fn append(&mut self, other: Self) {
        self.problems.extend(other.problems);
    }

    /// A problem of a file as a whole.
    #[must_use]
    pub fn without_place(file: &str, message: String) -> Self {
        let (file, line) = (file.to_owned(), String::new());
        Self { problems: vec![Problem { file, location: None, message, help: None, line, width: 0 }] }
    }

    /// Whether there is no mistake.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// The mistakes.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The report as an error, or `value` where it is empty.
    ///
    /// # Errors
    /// The report itself, where it holds a mistake.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// What cannot be read has no marks by which a secret could be masked: a line that may hold one is left away.
    pub(super) fn of_fault(file: &str, text: &str, fault: Fault) -> Self {
        let line = nth_line(text, fault.span.at.line);
        let harmless = !sounds_secret(line) || line.contains("${") || line.contains("$settings.");
        let line = if harmless { line.to_owned() } else { String::new() };
        Self { problems: vec![Problem::new(file, line, fault)] }
    }
}

impl std::error::Error for Report {}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problems.iter().try_for_each(|problem| problem.fmt(f))
    }
}

impl Problem {
    fn new(file: &str, line: String, fault: Fault) -> Self {
        let Fault { span: Span { at, width }, message, help } = fault;
        Self { file: file.to_owned(), location: Some(at), message, help, line, width }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Location { line, column }) = self.location else {
            return writeln!(f, "{}: {}", self.file, self.message);
        };
        writeln!(f, "{}:{line}:{column}: {}", self.file, self.message)?;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        if !self.line.trim().is_empty() {
            let (shown, caret) = window(&self.line, usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1));
            let room = shown.chars().count().saturating_sub(caret).max(1);
            let width = usize::try_from(self.width).unwrap_or(usize::MAX).clamp(1, room);
            writeln!(f, "  {number} | {shown}\n  {margin} | {}{}", " ".repeat(caret), "^".repeat(width))?;
        }
        match &self.help {
            Some(help) => writeln!(f, "  {margin} = {help}"),
            None => Ok(()),
        }
    }
}

/// The part of a line around a column, and where the column is in it. Each character takes one cell.
fn window(line: &str, column: usize) -> (String, usize) {
    let chars: Vec<char> = line.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if chars.len() <= MAX_SHOWN {
        return (chars.into_iter().collect(), column);
    }
    let start = column.saturating_sub(MAX_SHOWN / 2).min(chars.len() - MAX_SHOWN);
    (chars[start..start + MAX_SHOWN].iter().collect(), column.saturating_sub(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(at: &str, suggestion: Option<&str>) -> Mistake {
        Mistake { at: at.to_owned(), message: "wrong".to_owned(), suggestion: suggestion.map(str::to_owned) }
    }

    fn show(text: &str, at: &str, suggestion: Option<&str>) -> String {
        Document::parse("f.yaml", text.as_bytes()).unwrap().report(mistake(at, suggestion)).to_string()
    }

    #[test]
    fn a_mistake_is_shown_with_its_line_and_a_caret_below_it() {
        let text = "settings:\n  apiRegion: {type: strng}\n";
        let expected = "f.yaml:2:21: wrong\n  2 |   apiRegion: {type: strng}\n    |                     ^^^^^\n    = did you mean \"string\"?\n";
        assert_eq!(show(text, "/settings/apiRegion/type", Some("string")), expected);
    }

    #[test]
    fn the_margin_grows_with_the_line_number() {
        let text = format!("{}x: 1\n", "\n".repeat(99));
        assert_eq!(show(&text, "/x", None), "f.yaml:100:4: wrong\n  100 | x: 1\n      |    ^\n");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("a: \"{}\"\nb: [{}here]\n", "x".repeat(900), "1,".repeat(450));
        let shown = show(&text, "/b/450", None);
        let lines: Vec<&str> = shown.lines().collect();
        let at = lines[2].find('^').unwrap();
        assert_eq!(&lines[1][at..at + 4], "here");
        assert!(lines.iter().all(|line| line.len() < MAX_SHOWN + 20), "{shown}");
        assert!(show(&text, "/a", None).lines().all(|line| line.len() < MAX_SHOWN + 20));
    }

    #[test]
    fn a_literal_secret_beside_a_mistake_is_not_shown() {
        let shown = show(
            "{apiKey: fake-secret, region: XX, token: $settings.token, n: {password: \"fake 2\"}}",
            "/region",
            None,
        );
        assert!(!shown.contains("fake"), "{shown}");
        let broken = Document::parse("f.yaml", b"password: fake: 3\n").unwrap_err().to_string();
        assert!(broken.starts_with("f.yaml:1:15: ") && !broken.contains("fake"), "{broken}");
        assert!(
            shown.contains("{apiKey: ***********, region: XX, token: $settings.token, n: {password: ********}}"),
            "{shown}"
        );
    }

    #[test]
    fn reports_of_several_files_are_read_as_one() {
        let mut report = Report::without_place("a.yaml", "cannot be read: gone".to_owned());
        let document = Document::parse("b.yaml", b"x: 1\n").unwrap();
        report.add_all(&document, [mistake("/x#", None)]);
        report.append(Document::parse("c.yaml", b"").unwrap_err());
        let shown = report.to_string();
        assert_eq!(report.problems().len(), 3);
        assert!(shown.starts_with("a.yaml: cannot be read: gone\nb.yaml:1:1: wrong\n"), "{shown}");
        assert!(shown.ends_with("c.yaml:1:1: the file is empty\n"), "{shown}");
        assert!(report.or(()).is_err() && Report::default().or(()).is_ok());
    }
}
