//! The requests: the whole of httpbin, in the order of its own documentation.
//!
//! The URLs are paths; what stands in them must not change from run to run, or they would be other requests.

use recorder_tests::adapters::Ask;

/// The tapes of what httpbin makes up anew for every answer: ids, entity tags, random bytes. The latter even with a seed: it is
/// that of the one generator of all its threads. All else is the same each time, dates aside.
pub(crate) const VARYING: [&str; 4] =
    ["get-127.0.0.1-uuid-", "get-127.0.0.1-cache-", "get-127.0.0.1-bytes-", "get-127.0.0.1-stream-bytes-"];

/// Everything in which no secret goes either way: the answers come back as they were, with nothing masked.
pub(crate) fn open() -> Vec<Ask> {
    let groups =
        [methods(), statuses(), inspection(), redirects(), formats(), dynamic_data(), conditional(), images(), pages()];
    groups.into_iter().flatten().collect()
}

fn get(path: &str) -> Ask {
    Ask::get(path)
}

fn gets(paths: &[&str]) -> Vec<Ask> {
    paths.iter().map(|path| get(path)).collect()
}

/// Each method where httpbin has a place for it, `/anything` for all of them, and bodies of every kind.
fn methods() -> Vec<Ask> {
    let mut asks = gets(&["/get", "/get?b=2&a=1&a=0&empty=&none", "/anything", "/anything/a%2Fb/%7Ec?q=%C3%A4+%20"]);
    asks.extend(["HEAD", "OPTIONS"].map(|method| Ask::new(method, "/get")));
    asks.push(Ask::new("TRACE", "/anything"));
    for (method, path) in [("POST", "/post"), ("PUT", "/put"), ("PATCH", "/patch"), ("DELETE", "/delete")] {
        asks.push(Ask::new(method, path).header("content-type", "application/json").body(r#"{"b": 1.0, "a": [null]}"#));
        asks.push(Ask::new(method, "/anything").header("content-type", "text/plain").body("plain ü\r\n"));
        // Another method than the one that the path is for.
        asks.push(Ask::new(method, "/get").body("none"));
    }
    asks.push(Ask::new("DELETE", "/delete"));
    asks.push(Ask::new("POST", "/post").empty());
    let form = "name=value&name=other&text=%C3%A4+b";
    asks.push(Ask::new("POST", "/post").header("content-type", "application/x-www-form-urlencoded").body(form));
    let parts = "--limit\r\ncontent-disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n--limit\r\ncontent-disposition: \
                 form-data; name=\"file\"; filename=\"a.txt\"\r\ncontent-type: text/plain\r\n\r\nfile\n\r\n--limit--\r\n";
    asks.push(Ask::new("POST", "/post").header("content-type", "multipart/form-data; boundary=limit").body(parts));
    let binary: Vec<u8> = (0..=255).collect();
    asks.push(Ask::new("POST", "/post").header("content-type", "application/octet-stream").body(binary));
    // In chunks where the client knows no length: httpbin answers 501.
    asks.push(Ask::new("POST", "/post").stream(["a ", "stream"]));
    asks
}

fn statuses() -> Vec<Ask> {
    let codes =
        [200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 406, 407, 409, 410, 418];
    let more = [422, 429, 451, 500, 502, 503, 504, 599];
    let mut asks: Vec<_> = codes.iter().chain(&more).map(|code| get(&format!("/status/{code}"))).collect();
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        asks.extend(["/status/200", "/status/204", "/status/503"].map(|path| Ask::new(method, path).body("x")));
    }
    asks.push(Ask::new("POST", "/status/303").body("x"));
    asks.push(get("/nowhere"));
    asks
}

fn inspection() -> Vec<Ask> {
    let mut asks = gets(&["/headers", "/ip", "/user-agent"]);
    let odd = get("/headers").header("x-repeated", "one").header("X-Repeated", "two").header("x-tab", "a\tb");
    asks.push(odd);
    asks.push(get("/user-agent").header("user-agent", "a program under test"));
    asks.push(get("/response-headers?x-one=1&X-Two=2&x-one=3&Content-Language=de"));
    asks.push(Ask::new("POST", "/response-headers?freeform=%C3%A4").body("x"));
    asks
}

/// A client that follows sees the last answer, one that does not the first: either has to come back.
fn redirects() -> Vec<Ask> {
    let mut asks = gets(&[
        "/redirect/1",
        "/redirect/3",
        "/redirect/2?absolute=true",
        "/relative-redirect/1",
        "/relative-redirect/3",
        "/absolute-redirect/1",
        "/absolute-redirect/3",
        "/redirect-to?url=%2Fget%3Fafter%3Dredirect",
        "/redirect-to?url=%2Fanything&status_code=301",
    ]);
    for code in [302, 303, 307, 308] {
        let path = format!("/redirect-to?url=%2Fanything&status_code={code}");
        asks.push(Ask::new("POST", &path).header("content-type", "text/plain").body("goes where?"));
    }
    asks
}

fn formats() -> Vec<Ask> {
    let mut asks =
        gets(&["/gzip", "/deflate", "/brotli", "/encoding/utf8", "/html", "/xml", "/json", "/robots.txt", "/deny"]);
    // What the coding is for a client that says that it can.
    asks.extend(["/gzip", "/deflate", "/brotli"].map(|path| get(path).header("accept-encoding", "gzip, deflate, br")));
    asks
}

fn dynamic_data() -> Vec<Ask> {
    let mut asks = gets(&[
        "/uuid",
        "/uuid",
        "/base64/SFRUUEJJTiBpcyBhd2Vzb21l",
        "/base64/bm90IGJhc2U2NCE",
        "/bytes/0",
        "/bytes/1?seed=1",
        "/bytes/4000?seed=7",
        "/bytes/100000?seed=7",
        "/bytes/64",
        "/stream-bytes/64",
        "/stream-bytes/1000?seed=7&chunk_size=100",
        "/stream-bytes/0?seed=7",
        "/stream/1",
        "/stream/5",
        "/stream/100",
        "/range/26",
        "/range/4096?chunk_size=512",
        "/links/10/0",
        "/links/10/4",
        "/links/3",
        "/drip?duration=0.4&numbytes=4&delay=0",
        "/drip?duration=0.1&numbytes=10&delay=0.1&code=201",
        "/drip?duration=0&numbytes=0&delay=0",
        "/delay/1",
    ]);
    for range in ["bytes=0-9", "bytes=10-", "bytes=-5", "bytes=0-0", "bytes=90-99", "bytes=5-2", "lines=1-2"] {
        asks.push(get("/range/26").header("range", range));
    }
    asks.push(get("/range/26").header("range", "bytes=1-5").header("if-range", "range26"));
    asks.push(Ask::new("POST", "/delay/0").header("content-type", "application/json").body("{}"));
    asks
}

fn conditional() -> Vec<Ask> {
    let mut asks = gets(&["/cache", "/cache/60", "/etag/one"]);
    asks.push(get("/cache").header("if-modified-since", "Sat, 01 Jan 2022 00:00:00 GMT"));
    asks.push(get("/cache").header("if-none-match", "anything"));
    asks.push(get("/etag/one").header("if-none-match", "\"one\", \"two\""));
    asks.push(get("/etag/one").header("if-none-match", "*"));
    asks.push(get("/etag/one").header("if-match", "\"two\""));
    asks.push(get("/etag/one").header("if-match", "W/\"one\""));
    asks
}

fn images() -> Vec<Ask> {
    let mut asks = gets(&["/image/png", "/image/jpeg", "/image/svg", "/image/webp"]);
    asks.extend(
        ["image/webp", "image/svg+xml", "image/*", "text/none"].map(|kind| get("/image").header("accept", kind)),
    );
    asks
}

fn pages() -> Vec<Ask> {
    gets(&["/", "/forms/post", "/static/favicon.ico"])
}
