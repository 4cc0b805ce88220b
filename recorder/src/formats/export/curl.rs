//! A shell script that sends the requests again. Placeholders of secrets stand where the secrets were.

use super::super::Exchange;
use super::{Exported, base64};
use crate::tape::Body;

pub(super) fn write(exchanges: &[Exchange]) -> Exported {
    let mut script = String::from(
        "#!/bin/sh\n# The requests on the tapes, in order. Put your own values where {{secret:...}} stands.\n",
    );
    for exchange in exchanges {
        script.push_str(&format!("\n# {}\n", exchange.place));
        script.push_str(&command(exchange));
    }
    let mut exported = Exported::one("requests.sh", script, exchanges);
    for exchange in exchanges {
        exported.leave_out(exchange, &["its answer"]);
    }
    exported
}

fn command(exchange: &Exchange) -> String {
    let request = &exchange.request;
    let mut words = vec!["curl --globoff --path-as-is --include".to_owned()];
    match request.method.as_str() {
        "GET" if request.body == Body::Absent => {}
        "HEAD" => words.push("--head".to_owned()),
        method => words.push(format!("--request {}", quoted(method))),
    }
    for (name, value) in super::texts(&request.headers) {
        // curl counts the bytes and names the host by itself.
        if ["content-length", "host", "transfer-encoding", "connection"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        {
            continue;
        }
        // A header of no value is written with a semicolon; with a colon it would be one to leave out.
        let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        words.push(format!("--header {}", quoted(&field)));
    }
    let mut before = String::new();
    match &request.body {
        Body::Absent | Body::File(_) => {}
        Body::Bytes(bytes) => match std::str::from_utf8(bytes) {
            // A text that begins with @ would be the name of a file.
            Ok(text) if !text.contains('\0') && !text.starts_with('@') => {
                words.push(format!("--data-binary {}", quoted(text)));
            }
            _ => {
                before = format!("printf %s {} | base64 -d | ", quoted(&base64(bytes)));
                words.push("--data-binary @-".to_owned());
            }
        },
    }
    words.push(quoted(&request.url));
    format!("{before}{}\n", words.join(" \\\n  "))
}

/// In single quotes: in there a shell takes everything for what it is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::{Fault, FaultKind, Headers, Origin, Outcome, Recorded, Request, Take, Version};

    fn exchange(method: &str, headers: &[(&str, &str)], body: Body) -> Exchange {
        let headers: Headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let request = Request {
            method: method.into(),
            url: "https://shop.test/a?b='c'&d={x}".into(),
            version: Version::Http11,
            headers,
            body,
            trailers: Headers::new(),
        };
        let recorded = Recorded {
            at: std::time::UNIX_EPOCH,
            elapsed: std::time::Duration::ZERO,
            frames: Vec::new(),
            from: Origin::Live,
            notes: Vec::new(),
        };
        let fault = Fault { kind: FaultKind::Other, message: String::new() };
        let take = Take { outcome: Outcome::Fault(fault), recorded };
        Exchange { place: "x".into(), request, take, notes: Vec::new(), changes: Vec::new() }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_hands_curl_what_is_on_the_tape() {
        let script = [
            command(&exchange(
                "POST",
                &[("x-a", "it's"), ("x-b", ""), ("Host", "x")],
                super::super::super::parts::body("{\"a\": '$HOME'}\n"),
            )),
            command(&exchange("PUT", &[], super::super::super::parts::body(vec![0, 255, b'@']))),
            command(&exchange("HEAD", &[], Body::Absent)),
        ]
        .concat();
        let shown =
            format!("curl() {{ printf '[%s]' \"$@\"; case \"$*\" in *@-*) od -An -tx1;; *) echo;; esac; }}\n{script}");
        let output = std::process::Command::new("sh").arg("-c").arg(shown).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let url = "[https://shop.test/a?b='c'&d={x}]";
        let start = "[--globoff][--path-as-is][--include]";
        assert_eq!(
            text,
            format!(
                "{start}[--request][POST][--header][x-a: it's][--header][x-b;][--data-binary][{{\"a\": '$HOME'}}\n]{url}\n\
                 {start}[--request][PUT][--data-binary][@-]{url} 00 ff 40\n{start}[--head]{url}\n"
            )
        );
    }
}
