//! What the origin answers where a test has nothing special in mind.

use super::{Received, Reply};

/// The answer to a request, by its path.
pub(super) fn reply(received: &Received) -> Reply {
    let path = received.path();
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (first, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let number = rest.parse::<u64>().unwrap_or(0);
    match first {
        "ok" => Reply::text("ok"),
        "json" => Reply::json(r#"{"id":9007199254740993,"b":1.0,"a":1,"a":2}"#),
        "echo" => echo(received),
        "count" => Reply::json(format!(r#"{{"n":{}}}"#, received.nth)),
        "seen" => seen(received),
        "status" if matches!(number, 204 | 304) => Reply::new(number as u16).bodiless(),
        "status" => Reply::new(number as u16).header("content-type", "text/plain").body(format!("status {number}")),
        "empty" => Reply::new(200),
        "no-content" => Reply::new(204).bodiless(),
        "not-modified" => Reply::new(304).header("etag", "\"v1\"").bodiless(),
        "reason" => Reply::text("odd").reason("Fine by me"),
        "all-bytes" => {
            Reply::new(200).header("content-type", "application/octet-stream").body((0..=255).collect::<Vec<u8>>())
        }
        "big" => Reply::new(200).header("content-type", "application/octet-stream").pattern(number),
        "gzip" | "deflate" | "br" | "zstd" => {
            Reply::new(200).header("content-type", "application/json").coded(first, br#"{"coded":true}"#)
        }
        "repeated" => Reply::text("repeated")
            .header("X-One", "1")
            .header("Set-Cookie", "a=1; Path=/")
            .header("Via", "1.1 first")
            .header("Set-Cookie", "b=2; Path=/")
            .header("Via", "1.1 second"),
        "latin1" => Reply::text("latin1").header("x-name", b"caf\xe9"),
        "trailers" => Reply::new(200)
            .header("content-type", "application/grpc")
            .header("trailer", "grpc-status, grpc-message")
            .piece("message")
            .trailer("grpc-status", "0")
            .trailer("grpc-message", "fine"),
        "interim" => Reply::text("final").interim(103, "link", "</style.css>; rel=preload"),
        "sse" => Reply::events(["one", "two", "three"]),
        "chunks" => {
            Reply::new(200).header("content-type", "text/plain").chunked().piece("one,").piece("two,").piece("three")
        }
        "redirect" if number > 0 => Reply::redirect(&format!("/redirect/{}", number - 1)).body("elsewhere"),
        "redirect" => Reply::text("arrived"),
        "cookies" => Reply::text(received.header("cookie").unwrap_or_default().to_owned())
            .header("set-cookie", "session=fake-session-1; Path=/; HttpOnly"),
        "cut" if rest == "chunked" => Reply::new(200).chunked().piece("part of ").then_closed(),
        "cut" => Reply::new(200).piece("part of ").announcing(1000).then_closed(),
        "reset" if rest == "body" => Reply::new(200).piece("part of ").announcing(1000).then_reset(),
        "reset" => Reply::reset(),
        "close" => Reply::closed(),
        "garbage" => Reply::raw("this is not HTTP\r\n\r\n"),
        "hang" => Reply::text("never").held_by(&super::Gate::closed()),
        _ => Reply::new(404).header("content-type", "text/plain").body("no such place"),
    }
}

/// The body that was sent, as it was sent.
fn echo(received: &Received) -> Reply {
    let media = received.header("content-type").unwrap_or("application/octet-stream");
    Reply::new(200).header("content-type", media).body(received.body.clone().unwrap_or_default())
}

/// What the request looked like on arrival.
fn seen(received: &Received) -> Reply {
    let body = match &received.body {
        None => "absent".to_owned(),
        Some(body) => format!("{} bytes", body.len()),
    };
    Reply::text(format!("{} {} body {body}", received.method, received.target))
}
