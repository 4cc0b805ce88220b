//! What only other processes show: killed while saving, two at once, a disk that is full. R54 and R55.
//!
//! The other process is this very binary, told by its environment which part to play.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use traffic_recorder::tape::{Body, Outcome, Tape};
use traffic_recorder::{ErrorKind, Mode, Recorder, StoreError, Tapes};

const FOLDER: &str = "RECORDER_TESTS_FOLDER";
const TAPES: usize = 8;

/// Starts a part of this file in a process of its own.
fn play(part: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    let args = ["--exact", part, "--ignored", "--nocapture", "--test-threads=1"];
    command.args(args).env(FOLDER, folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Waits for a line of a child that ends so; the test harness may stand in front.
fn wait_for(out: &mut impl BufRead, word: &str) {
    let mut line = String::new();
    while out.read_line(&mut line).expect("a line of the child") > 0 {
        if line.trim_end().ends_with(word) {
            return;
        }
        line.clear();
    }
    panic!("the child ended before it said {word:?}");
}

fn output(child: &mut Child) -> BufReader<std::process::ChildStdout> {
    BufReader::new(child.stdout.take().expect("piped"))
}

/// Sends a request to a service in this process.
async fn ask(tapes: &Tapes, path: &str, answer: Bytes) {
    let network = service_fn(move |_: http::Request<_>| {
        let answer = Full::new(answer.clone());
        async { Ok::<_, std::convert::Infallible>(http::Response::new(answer)) }
    });
    let request = http::Request::get(format!("http://api.example.com{path}")).body(Full::<Bytes>::default());
    let response = tapes.layer().layer(network).oneshot(request.expect("a request")).await.expect("an answer");
    response.into_body().collect().await.expect("a body");
}

/// What each tape answers in one round: text in the tape, and once a file of its own beside it.
fn answer(round: usize, n: usize) -> Bytes {
    format!("round {round}\n").repeat(if n == 0 { 10_000 } else { 1 + n }).into()
}

async fn save(folder: &Path, round: usize) -> Result<(), traffic_recorder::Error> {
    let tapes = Recorder::at(folder).mode(Mode::Record).open()?;
    for n in 0..TAPES {
        ask(&tapes, &format!("/item/{n}"), answer(round, n)).await;
    }
    tapes.finish().map(drop)
}

#[tokio::test]
#[ignore = "a part of r54, in a process of its own"]
async fn part_saves_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    for round in 0.. {
        save(folder.as_ref(), round).await.expect("saved");
        if round == 0 {
            println!("saved");
        }
    }
}

/// Every tape is there and whole, whichever round it is of.
fn all_are_whole(folder: &Path) -> usize {
    let mut rounds = std::collections::BTreeSet::new();
    let mut tapes = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        tapes += 1;
        let tape = Tape::read(&path).unwrap_or_else(|error| panic!("{error}")).expect("is there");
        let Outcome::Answer(answered) = &tape.takes[0].outcome else { panic!("an answer") };
        let bytes = match &answered.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::File(file) => fs::read(&file.path).expect("a body").into(),
            Body::Absent => panic!("a body"),
        };
        let n: usize = tape.request.url.rsplit('/').next().and_then(|n| n.parse().ok()).expect("a number");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let round = text.lines().next().and_then(|line| line.strip_prefix("round ")?.parse().ok()).expect("a round");
        assert!(bytes == answer(round, n), "{} is a mixture", path.display());
        rounds.insert(round);
    }
    assert_eq!(tapes, TAPES);
    rounds.len()
}

/// Files under a temporary name: a save is under way, or was when its process ended.
fn staged(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".tmp-")).count()
}

#[test]
fn r54_a_process_killed_while_it_saves_leaves_whole_tapes() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("test");
    let (mut hit, mut kills) = (0, 0_u64);
    while hit < 15 {
        kills += 1;
        assert!(kills < 500, "only {hit} of {kills} kills came in the middle of a save");
        let mut child = play("part_saves_until_it_is_killed", &folder).spawn().expect("a child");
        wait_for(&mut output(&mut child), "saved");
        while staged(&folder) == 0 {
            std::hint::spin_loop();
        }
        // Not to wait for anything: to hit another point of the save each time.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(kills * 7919 % 600) {
            std::hint::spin_loop();
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        let left = staged(&folder);
        let rounds = all_are_whole(&folder);
        hit += usize::from(left > 0 || rounds > 1);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(save(&folder, 1_000_000)).expect("the next recording works");
    assert_eq!(all_are_whole(&folder), 1);
    let litter: Vec<_> =
        fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(litter.len(), TAPES + 1, "tapes and one body: {litter:?}");
}

#[tokio::test]
#[ignore = "a part of r55, in a process of its own"]
async fn part_records_slowly() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let tapes = Recorder::at(folder).mode(Mode::Record).open().expect("tapes");
    ask(&tapes, "/theirs", Bytes::from_static(b"theirs")).await;
    println!("open");
    std::io::stdin().read_line(&mut String::new()).expect("a line");
    let error = tapes.finish().expect_err("another process was faster");
    assert!(matches!(error.kind(), ErrorKind::Store(StoreError::Changed { .. })), "{error}");
    assert!(error.to_string().contains("another process changed"), "{error}");
    println!("refused");
}

#[tokio::test]
async fn r55_the_second_of_two_processes_is_told_and_nothing_is_lost() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("test");
    let mut child = play("part_records_slowly", &folder).spawn().expect("a child");
    let mut out = output(&mut child);
    wait_for(&mut out, "open");
    save(&folder, 7).await.expect("saved");
    writeln!(child.stdin.take().expect("piped"), "go on").expect("told");
    wait_for(&mut out, "refused");
    assert!(child.wait().expect("gone").success());
    assert_eq!(all_are_whole(&folder), 1);
}

#[tokio::test]
#[ignore = "a part of the test of a full disk, in a process of its own"]
async fn part_records_on_a_small_disk() {
    let Some(disk) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&disk).join("test");
    let record = async |bytes: usize| {
        let tapes = Recorder::at(&folder).mode(Mode::Record).open().expect("tapes");
        ask(&tapes, "/small", Bytes::from_static(b"small")).await;
        // Nothing that a file system could compress.
        ask(&tapes, "/large", (0..bytes).map(|i| ((i * 2_654_435_761) >> 13) as u8).collect()).await;
        tapes.finish()
    };
    let listed = || {
        let files = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).expect("a file"))).collect();
        files.sort();
        files
    };
    record(100).await.expect("there is room");
    let before = listed();
    let error = record(1 << 20).await.expect_err("there is no room");
    let ErrorKind::Store(StoreError::Io { source, .. }) = error.kind() else { panic!("{error}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("The disk is full"), "{error}");
    assert!(listed() == before, "the old tapes are untouched, and no litter is left");
    record(200).await.expect("there is room again");
    println!("survived");
}

/// A file system that this test may fill: in a namespace of its own, where the system allows one.
#[test]
fn a_full_disk_leaves_the_old_tapes_and_says_so() {
    let disk = tempfile::tempdir().expect("a folder");
    let part = play("part_records_on_a_small_disk", disk.path());
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", "mount -t tmpfs -o size=256k tmpfs \"$0\" && echo mounted && exec \"$@\""]);
    command.arg(disk.path()).arg(part.get_program()).args(part.get_args()).env(FOLDER, disk.path());
    let run = command.output();
    let said = |run: &std::process::Output| String::from_utf8_lossy(&run.stdout).into_owned();
    match run {
        Ok(run) if said(&run).contains("mounted") => {
            let error = String::from_utf8_lossy(&run.stderr).into_owned();
            assert!(run.status.success() && said(&run).contains("survived"), "{}{error}", said(&run));
        }
        refused => {
            let why = refused.map_or_else(|e| e.to_string(), |run| String::from_utf8_lossy(&run.stderr).into_owned());
            assert!(std::env::var_os("CI").is_none(), "`unshare -rm` and a tmpfs are needed: {why}");
            eprintln!("skipped: no file system of its own to fill ({})", why.trim());
        }
    }
}
