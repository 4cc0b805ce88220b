//! Which test this is, and where its tapes lie.
//!
//! The name of a test is the path of the function that calls [`tapes!`](crate::tapes): the same under `cargo test` with
//! many threads or one, with `--exact`, and under `cargo nextest`. The folder lies next to the manifest of the crate that
//! contains the call, whatever the working directory.

use std::path::{Path, PathBuf};

use super::{Error, ErrorKind};
use crate::store::{case_name, folder_of, folder_of_any};

/// Where a recorder was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    root: PathBuf,
    folder: PathBuf,
    test: String,
    /// The test without its case: what a test runner filters by.
    function: String,
    package: String,
    file: &'static str,
    line: u32,
    derived: bool,
    /// The command that runs the test where it is not cargo's: no line of Rust opened its tapes then.
    runner: Option<String>,
}

/// What the macros know at the place of the call.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct CallSite {
    pub manifest_dir: &'static str,
    pub package: &'static str,
    pub function: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub doc_test: bool,
}

impl Location {
    /// The function around the call.
    pub(crate) fn of_function(site: CallSite) -> Result<Self, Error> {
        let path = function_path(site.function);
        let doc_test = site.doc_test || path.starts_with("rust_out::") || path.contains("doctest_bundle");
        if doc_test {
            return Err(ErrorKind::Name(format!(
                "{}:{}: a doc test has no name of its own. Name its tapes: tapes!(\"docs/what_it_shows\")",
                site.file, site.line
            ))
            .into());
        }
        Ok(Self::named(site, path, true))
    }

    /// A name of the caller's, `/` or `::` between its parts.
    pub(crate) fn of_name(site: CallSite, name: &str) -> Result<Self, Error> {
        if folder_of(name).as_os_str().is_empty() {
            return Err(ErrorKind::Name(format!(
                "{}:{}: an empty name cannot hold tapes. Give one such as \"orders/created\"",
                site.file, site.line
            ))
            .into());
        }
        Ok(Self::named(site, name.to_owned(), false))
    }

    /// A folder of the caller's.
    pub(crate) fn of_folder(folder: &Path, file: &'static str, line: u32) -> Self {
        let test = folder.file_name().map_or_else(|| "tapes".to_owned(), |name| name.to_string_lossy().into_owned());
        Self {
            root: folder.parent().unwrap_or(folder).to_owned(),
            folder: folder.to_owned(),
            function: test.clone(),
            test,
            package: String::new(),
            file,
            line,
            derived: false,
            runner: None,
        }
    }

    /// A test of any language, by the name that its runner has for it, below a folder of the caller's.
    pub(crate) fn of_test(root: &Path, name: &str, file: &'static str, line: u32) -> Result<Self, Error> {
        let below = folder_of_any(name);
        if below.as_os_str().is_empty() {
            return Err(ErrorKind::Name(format!("the name {name:?} cannot hold tapes: there is nothing in it")).into());
        }
        let (function, test) = (name.to_owned(), name.to_owned());
        Ok(Self { root: root.to_owned(), function, test, ..Self::of_folder(&root.join(below), file, line) })
    }

    /// Runs under a command of its own.
    #[cfg(feature = "proxy")]
    pub(crate) fn run_by(mut self, command: &str) -> Self {
        self.runner = Some(command.to_owned());
        self
    }

    /// A folder below that of all tapes, which has the configuration.
    #[cfg(any(feature = "formats", feature = "tools"))]
    pub(crate) fn below(root: &Path, folder: &Path, file: &'static str, line: u32) -> Self {
        let test = folder.display().to_string();
        Self { root: root.to_owned(), test, ..Self::of_folder(&root.join(folder), file, line) }
    }

    /// One case of a parametrised test.
    pub(crate) fn case(mut self, case: &str) -> Self {
        self.test = case_name(&self.test, case);
        self.folder = self.folder.join(folder_of(case));
        self
    }

    fn named(site: CallSite, test: String, derived: bool) -> Self {
        let root = manifest_dir(site.manifest_dir).join("tapes");
        let folder = root.join(folder_of(&test));
        let package = site.package.to_owned();
        Self {
            root,
            folder,
            function: test.clone(),
            test,
            package,
            file: site.file,
            line: site.line,
            derived,
            runner: None,
        }
    }

    /// The path of the test, or the name that was given.
    #[must_use]
    pub fn test(&self) -> &str {
        &self.test
    }

    /// The folder of this test's tapes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of all tapes, where `recorder.yaml` lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Source file and line of the call.
    #[must_use]
    pub fn source(&self) -> (&'static str, u32) {
        (self.file, self.line)
    }

    /// Whether the name is the test function's own.
    pub(crate) fn is_derived(&self) -> bool {
        self.derived
    }

    /// The test, and the line that opened its tapes where there is one.
    pub(crate) fn described(&self) -> String {
        if self.runner.is_some() { self.test.clone() } else { format!("{} ({}:{})", self.test, self.file, self.line) }
    }

    /// The command that records this test.
    pub(crate) fn command(&self, record: &str) -> String {
        if let Some(runner) = &self.runner {
            return format!("RECORD={record} {runner}");
        }
        let filter = self.function.split_once("::").filter(|_| self.derived).map_or("", |(_, path)| path);
        let package = if self.package.is_empty() { String::new() } else { format!(" -p {}", self.package) };
        format!("RECORD={record} cargo test{package} {filter}").trim_end().to_owned()
    }
}

/// `orders::created::{{closure}}::here` is the test `orders::created`.
fn function_path(type_name: &str) -> String {
    let parts = type_name.split("::").filter(|part| *part != "{{closure}}");
    let mut parts: Vec<_> = parts.collect();
    parts.pop();
    parts.join("::")
}

/// Where the crate was when it was compiled; where it is now, if a built test was carried elsewhere.
fn manifest_dir(compiled: &str) -> PathBuf {
    let compiled = PathBuf::from(compiled);
    if compiled.is_dir() {
        return compiled;
    }
    std::env::var_os("CARGO_MANIFEST_DIR").map_or(compiled, PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(function: &'static str) -> CallSite {
        let manifest_dir = env!("CARGO_MANIFEST_DIR");
        CallSite { manifest_dir, package: "shop", function, file: "tests/orders.rs", line: 7, doc_test: false }
    }

    #[test]
    fn r83_the_name_is_the_path_of_the_function() {
        for function in ["orders::created::here", "orders::created::{{closure}}::here"] {
            let location = Location::of_function(site(function)).expect("a name");
            assert_eq!(location.test(), "orders::created");
            assert!(location.folder().ends_with("tapes/orders/created"));
        }
        let case = Location::of_function(site("orders::created::here")).expect("a name").case("EU");
        assert!(case.folder().starts_with(case.root().join("orders/created")));
        assert_eq!(case.command("1"), "RECORD=1 cargo test -p shop created");
    }

    #[test]
    fn r83_a_doc_test_must_name_its_tapes() {
        for function in ["rust_out::main::here", "doctest_bundle_2024::__doctest_0::main::here"] {
            let error = Location::of_function(site(function)).expect_err("refused").to_string();
            assert!(error.contains("tests/orders.rs:7") && error.contains("tapes!(\"docs/"), "{error}");
        }
        assert!(Location::of_name(site("rust_out::main::here"), "docs/first").is_ok());
    }

    #[test]
    fn r84_tapes_lie_next_to_the_manifest_of_the_crate_that_contains_the_call() {
        let location = Location::of_name(site("x::here"), "a/b").expect("a name");
        assert_eq!(location.folder(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tapes/a/b"));
    }
}
