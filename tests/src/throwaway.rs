//! A crate as a user has it, built once and shared by everybody who asks: its sources are in `throwaway/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The crate and its built tests.
#[derive(Debug)]
pub struct Throwaway {
    folder: PathBuf,
    target: PathBuf,
    /// Test targets and what cargo made of them.
    programs: Vec<(String, PathBuf)>,
}

const FILES: [(&str, &str); 3] = [
    ("src/lib.rs", include_str!("../throwaway/src/lib.rs")),
    ("tests/shop.rs", include_str!("../throwaway/tests/shop.rs")),
    ("tests/orphans.rs", include_str!("../throwaway/tests/orphans.rs")),
];

/// What a runner or a developer may have set, and what a crate in another folder must not hear of.
const UNSET: [&str; 5] = ["RECORD", "RECORD_IN_CI", "CI", "NEXTEST", "NEXTEST_RUN_ID"];

impl Throwaway {
    /// Writes the crate below `tmp` (`env!("CARGO_TARGET_TMPDIR")`) where it is not there yet, and builds its tests. They share
    /// the target folder of this workspace, and with it nearly all dependencies.
    ///
    /// # Panics
    /// Where it does not build.
    #[must_use]
    pub fn built(tmp: &str) -> &'static Self {
        static BUILT: OnceLock<Throwaway> = OnceLock::new();
        BUILT.get_or_init(|| {
            let target = Path::new(tmp).parent().expect("the target folder").to_owned();
            let mut made = Self { folder: Path::new(tmp).join("throwaway"), target, programs: Vec::new() };
            made.write();
            let args = ["test", "--no-run", "--offline", "--quiet", "--message-format", "json"];
            let build = made.cargo(&args).output().expect("cargo");
            assert!(build.status.success(), "{}", text(&build.stderr));
            // The target folder is shared: programs of other crates may have the same names.
            made.programs = text(&build.stdout).lines().filter_map(test_program).collect();
            made
        })
    }

    fn write(&self) {
        let recorder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recorder").canonicalize().expect("the recorder");
        let manifest = format!(
            "[package]\nname = \"throwaway\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dev-dependencies]\n\
             bytes = \"1\"\nhttp = \"1\"\nhttp-body-util = \"0.1\"\n\
             tower = {{ version = \"0.5\", features = [\"util\"] }}\n\
             traffic-recorder = {{ path = {recorder:?} }}\n\n[workspace]\n\n\
             # as in the workspace, for the same builds of the dependencies\n\
             [profile.dev]\ndebug = \"line-tables-only\"\n\n\
             [profile.dev.package.hmac-sha256]\nopt-level = 3\n"
        );
        // The versions of this workspace, which are the ones that are there offline.
        let lock = fs::read_to_string(recorder.join("../Cargo.lock")).expect("a lock file");
        let own = [("Cargo.toml", manifest.as_str()), ("workspace.lock", &lock)];
        let mut changed = false;
        for (name, text) in FILES.into_iter().chain(own) {
            let path = self.folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            // Another process may be building it: what is right already stays as it is, and a change is one step.
            if fs::read_to_string(&path).ok().as_deref() != Some(text) {
                let new = path.with_extension(format!("new-{}", std::process::id()));
                fs::write(&new, text).expect("written");
                fs::rename(new, path).expect("in place");
                changed |= name == "workspace.lock";
            }
        }
        if changed {
            let new = self.folder.join(format!("Cargo.lock.new-{}", std::process::id()));
            fs::write(&new, lock).expect("written");
            fs::rename(new, self.folder.join("Cargo.lock")).expect("in place");
        }
    }

    /// cargo in that crate.
    #[must_use]
    pub fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        clean(&mut command);
        command
    }

    /// A built test program of that crate, by hand.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn program(&self, name: &str) -> &Path {
        let found = self.programs.iter().find(|(program, _)| program == name);
        found.map(|(_, path)| path.as_path()).expect("a test program")
    }

    /// One test of the program `shop`, by hand.
    #[must_use]
    pub fn shop(&self, test: &str) -> Command {
        let mut command = Command::new(self.program("shop"));
        command.args(["--exact", test, "--nocapture"]).current_dir(&self.folder);
        clean(&mut command);
        command
    }

    /// The folder of a test's tapes, emptied.
    ///
    /// # Panics
    /// Where it cannot be.
    #[must_use]
    pub fn fresh(&self, test: &str) -> PathBuf {
        let folder = self.tapes().join(test.replace("::", "/"));
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("removed");
        }
        folder
    }

    /// The folder of all tapes.
    #[must_use]
    pub fn tapes(&self) -> PathBuf {
        self.folder.join("tapes")
    }
}

/// The name and the program of a test target, from a line of cargo's JSON.
fn test_program(line: &str) -> Option<(String, PathBuf)> {
    let between = |start: &str| line.split_once(start)?.1.split_once('"').map(|(value, _)| value);
    let executable = between("\"executable\":\"")?;
    let target = line.split_once("\"target\":{")?.1;
    let name = target.split_once("\"name\":\"")?.1.split_once('"')?.0;
    Some((name.to_owned(), PathBuf::from(executable)))
}

fn clean(command: &mut Command) {
    for variable in UNSET {
        command.env_remove(variable);
    }
    // The runner of these tests is not the runner of that crate.
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(|name| name.starts_with("NEXTEST")) {
            command.env_remove(variable);
        }
    }
}

/// What a program said on both ways.
///
/// # Panics
/// Where it cannot be run.
#[must_use]
pub fn said(command: &mut Command) -> (bool, String) {
    let Output { status, stdout, stderr } = command.output().expect("run");
    (status.success(), format!("{}{}", text(&stdout), text(&stderr)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
