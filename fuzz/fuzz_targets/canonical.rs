//! Taking the canonical form of a request never panics, is the same each time, and does not see the headers that change with
//! every request.
//!
//! The input is a request as one would write it down, so that the corpus can be read and extended by hand:
//!
//! ```text
//! POST https://api.example/v1/orders?b=2&a=1
//! content-type: application/json
//!
//! {"id": 1}
//! ```
//!
//! Without the empty line there is no body; with it and nothing after it, an empty one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use traffic_recorder::key::{Rules, canonical};
use traffic_recorder::tape::{Body, Headers, Request, Version};

fuzz_target!(|input: &[u8]| {
    let request = request(input);
    let rules = Rules::default();
    let form = canonical(&request, &rules);
    let again = canonical(&request, &rules);
    assert_eq!(form.text(), again.text(), "one request has two canonical forms");

    let mut noisy = request;
    noisy.headers.push("user-agent", "fuzz/1");
    noisy.headers.push("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    noisy.headers.push("date", "Sat, 21 Nov 2026 10:00:00 GMT");
    assert_eq!(form.key(), canonical(&noisy, &rules).key(), "a header that changes with every request is in the key");
});

fn request(input: &[u8]) -> Request {
    let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&input[..end], Body::Bytes(input[end + 2..].to_vec().into())),
        None => (input, Body::Absent),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let (method, url) = first.split_once(' ').unwrap_or(("GET", &first));
    let headers: Headers = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((String::from_utf8_lossy(&line[..colon]).into_owned(), line[colon + 1..].trim_ascii().to_vec()))
        })
        .collect();
    Request {
        method: method.into(),
        url: url.into(),
        version: Version::Http11,
        headers,
        body,
        trailers: Headers::new(),
    }
}
