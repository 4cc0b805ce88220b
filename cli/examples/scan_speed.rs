//! How long `tapes scan` takes for many tapes: `cargo run --release -p traffic-recorder-cli --example scan_speed [TAPES]`.
//!
//! Makes that many tapes of about 1.5 KB in a temporary folder, a hundred to a test, and runs the command on them.

use std::fs;
use std::process::Command;

use traffic_recorder::tape::{Body, Headers, Request, Tape, Version};
use traffic_recorder::tools::Settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tapes: usize = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let folder = std::env::temp_dir().join(format!("tapes-scan-speed-{}", std::process::id()));
    for n in 0..tapes {
        let test = folder.join("tapes").join(format!("test_{}", n / 100));
        if n % 100 == 0 {
            fs::create_dir_all(&test)?;
        }
        let (name, text) = tape(n)?;
        fs::write(test.join(name), text)?;
    }
    // The command lies beside the folder of the examples.
    let own = std::env::current_exe()?;
    let command = own.parent().and_then(|examples| examples.parent()).ok_or("no target folder")?.join("tapes");
    let status = Command::new(&command).args(["scan", "--timings"]).current_dir(&folder).status();
    fs::remove_dir_all(&folder)?;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("tapes scan ended with {status}").into()),
        Err(error) => Err(format!(
            "{}: {error}; build it first: cargo build --release -p traffic-recorder-cli",
            command.display()
        )
        .into()),
    }
}

/// An order and what the shop says to it.
fn tape(n: usize) -> Result<(String, String), Box<dyn std::error::Error>> {
    let item = |i: usize| {
        format!(r#"{{"sku":"pen-{i}","title":"A pen of the colour {i}","price":{i}.50,"tags":["new","blue"]}}"#)
    };
    let items = (0..6).map(item).collect::<Vec<_>>().join(",");
    let request = Request {
        method: "POST".to_owned(),
        url: format!("https://shop.test/v1/orders?page={n}&sort=created"),
        version: Version::Http11,
        headers: Headers::from_iter([
            ("content-type", "application/json"),
            ("authorization", "Bearer {{secret:SHOP_TOKEN}}"),
            ("user-agent", "shop-client/1.0"),
        ]),
        body: Body::Bytes(format!(r#"{{"order":{n},"items":[{items}]}}"#).into()),
        trailers: Headers::new(),
    };
    let explained = Settings::default().explain(&request)?;
    let text = format!(
        "tape: 1\nkey: {}\nrequest: {{method: GET, url: 'http://x.test/'}}\ntakes:\n- status: 200\n  headers:\n    content-type: application/json\n  \
         body:\n    json: {{id: {n}, state: new, items: []}}\n  recorded: {{at: 2026-01-01T00:00:00Z, elapsed: 12ms, from: live}}\n",
        explained.canonical.key()
    );
    let mut tape = Tape::parse(&text, std::path::Path::new("x.yaml"))?;
    tape.request = explained.request;
    Ok((explained.file, tape.render()?.yaml))
}
