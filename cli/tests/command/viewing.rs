//! view: the page as a browser shows it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use traffic_recorder::tape::Outcome;

use crate::support::{Place, answered, posted, request, shop};

/// Text that would be a program, were it ever markup.
const HOSTILE: &str = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

/// A shop with a stream, a hostile answer and a gap in the middle of the stream.
fn place() -> Place {
    let place = shop();
    let text =
        "event: delta\ndata: {\"text\":\"a\"}\n\nevent: delta\ndata: {\"text\":\"b\"}\n\nevent: done\ndata: [DONE]\n\n";
    let mut stream = answered(200, "text/event-stream", text);
    if let Outcome::Answer(answer) = &mut stream.outcome {
        answer.frames = vec![34, 34, text.len() as u64 - 68];
        stream.recorded.frames = [0, 120, 900].map(Duration::from_millis).to_vec();
    }
    place.tapes(
        "stream",
        vec![
            (posted("https://ai.test/complete", r#"{"stream":true}"#), stream),
            (request("GET", "https://hostile.test/"), answered(200, "text/html", HOSTILE)),
        ],
    );
    place
}

/// The browser; `None` where there is none, which is a failure where `CI` is set.
pub(crate) fn chromium() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()));
    if found.is_none() {
        let ci = std::env::var("CI").is_ok_and(|ci| !matches!(ci.as_str(), "" | "0" | "false"));
        assert!(!ci, "chromium is not installed, and CI is set: nothing is skipped where it counts");
        println!("skipped: chromium is not installed");
    }
    found
}

/// What the page is after its script has run.
pub(crate) fn dom(chromium: &str, page: &Path, hash: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=3000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg("--dump-dom")
        .arg(format!("file://{}{hash}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_page_shows_tapes_in_a_browser_and_runs_nothing_of_theirs() {
    let place = place();
    place.run(["view", "--out", "page.html", "--title", "Shop <tapes>"]).with_code(0);
    let Some(chromium) = chromium() else { return };
    let page = place.path().join("page.html");

    let all = dom(chromium, &page, "");
    assert!(all.contains("<title>Shop &lt;tapes&gt;</title>") && all.contains(">5 tapes</output>"), "{all}");
    assert_eq!(all.matches("<nav").count(), 1);

    let hostile = dom(chromium, &page, "#q=hostile");
    assert!(hostile.contains(">1 of 5</output>") && !hostile.contains("<title>owned"), "{hostile}");
    let shown = hostile.split("<main").nth(1).unwrap().split("</main>").next().unwrap();
    assert!(shown.contains("&lt;img src=x onerror=") && !shown.contains("<img"), "{shown}");

    let stream = dom(chromium, &page, "#q=ai.test%20delta");
    assert!(stream.contains("stream, 3 pieces") && stream.matches("<circle").count() == 3, "{stream}");
    assert!(stream.contains("120 ms, 34 bytes"), "{stream}");

    let takes = dom(chromium, &page, "#13e7d1ee4fd5");
    assert!(takes.contains("take 2: ") && takes.contains("<details"), "{takes}");
    let nothing = dom(chromium, &page, "#q=no-such-thing");
    assert!(nothing.contains("no tape has this"), "{nothing}");
}

#[test]
fn the_page_has_a_policy_that_lets_it_load_nothing() {
    let place = place();
    place.run(["view", "--out", "page.html"]).with_code(0);
    let page = std::fs::read_to_string(place.path().join("page.html")).unwrap();
    assert!(page.contains("default-src 'none'; style-src 'sha256-") && page.contains("base-uri 'none'"));
    assert!(!page.contains("unsafe-inline") && page.matches("<script").count() == 2);
}

#[test]
fn view_writes_over_its_own_page_alone() {
    let place = place();
    place.write("mine.html", "<html>mine</html>");
    let ran = place.run(["view", "--out", "mine.html"]);
    assert!(ran.code == 2 && ran.err.contains("not written by `tapes view`"), "{}", ran.err);
    place.run(["view", "--out", "page.html"]).with_code(0);
    let again = place.run(["view", "--out", "page.html", "--json"]).json(0);
    assert_eq!(again["tapes"], 5);
}
