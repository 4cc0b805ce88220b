//! Whole texts. They pin version 1 of the key: a change here orphans every tape there is.

use super::*;

#[track_caller]
fn reads(request: &Request, want: &str) {
    assert_eq!(plain(request).text(), want);
}

#[test]
fn a_get() {
    let request = request(
        "GET",
        "HTTPS://user:{{secret:p}}@API.Example.com:443/v1/%7Eme%2fx?b=2&a=1&b=1&c#f",
        &[("User-Agent", "x"), ("Accept", "application/json"), ("If-None-Match", " \"7\" ")],
        None,
    );
    reads(
        &request,
        "traffic-recorder key 1\nGET\nhttps://api.example.com/v1/~me%2Fx?a=1&b=2&b=1&c\n\
         accept: application/json\nif-none-match: \"7\"\n\nabsent\n",
    );
    assert_eq!(key(&request).hex(), "f44fc8cb5956f98175a638cf7daf0aa03126946fdf49eee1ddb744c50a274d46");
}

#[test]
fn a_websocket_handshake() {
    let headers =
        [("Upgrade", "WebSocket"), ("Sec-WebSocket-Protocol", "chat.v2, chat.v1"), ("Sec-WebSocket-Key", "x")];
    reads(
        &request("GET", "https://chat.example.com/rooms", &headers, None),
        "traffic-recorder key 1\nGET\nhttps://chat.example.com/rooms\nsec-websocket-protocol: chat.v2, chat.v1\n\
         upgrade: websocket\n\nabsent\n",
    );
}

#[test]
fn a_json_post() {
    let request = post("application/json; charset=UTF-8", "{\"b\": 1.0,\n \"a\": \"{{secret:token}}\\u000a\"}");
    reads(
        &request,
        "traffic-recorder key 1\nPOST\nhttps://api.example.com/\ncontent-type: application/json; charset=utf-8\n\n\
         json\n{\"a\":\"{{secret:token}}\\n\",\"b\":1.0}\n",
    );
}

#[test]
fn a_form() {
    reads(
        &post("application/x-www-form-urlencoded", "b=x+y%0A&a&c%3D=%ff\\"),
        "traffic-recorder key 1\nPOST\nhttps://api.example.com/\ncontent-type: application/x-www-form-urlencoded\n\n\
         form 3\na\nb=x y\\n\nc\\u{3d}=\\xff\\\\\n",
    );
}

#[test]
fn a_multipart_form() {
    reads(
        &post(
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\n{ }\r\n\
             --b\r\ncontent-disposition: form-data; name=f; filename=f\r\n\r\n\x00\r\n--b--\r\n",
        ),
        "traffic-recorder key 1\nPOST\nhttps://api.example.com/\ncontent-type: multipart/form-data\n\n\
         multipart 2\n\
         part 2\ncontent-disposition: form-data; name=\"m\"\ncontent-type: application/json\njson\n{}\n\
         part 1\ncontent-disposition: form-data; name=f; filename=f\n\
         bytes 1 sha256:6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d\n",
    );
}

#[test]
fn graphql() {
    reads(
        &post(
            "application/json",
            r#"{"variables":{"b":1,"a":2},"query":"query Q {\n  a, b }","operationName":"Q","id":7}"#,
        ),
        "traffic-recorder key 1\nPOST\nhttps://api.example.com/\ncontent-type: application/json\n\n\
         graphql\noperation \"Q\"\nquery query Q{a b}\nvariables {\"a\":2,\"b\":1}\nother {\"id\":7}\n",
    );
    reads(
        &post("application/json", r#"[{"query":"{a}"},{"query":"{b}","extensions":{}}]"#),
        "traffic-recorder key 1\nPOST\nhttps://api.example.com/\ncontent-type: application/json\n\n\
         graphql batch 2\nquery {a}\nquery {b}\nextensions {}\n",
    );
}

#[test]
fn text_and_what_is_not_absolute() {
    reads(
        &request("PUT", "/x?b&a\n", &[("Content-Type", "Text/Plain;Charset=ISO-8859-1")], "two\nlines\\"),
        "traffic-recorder key 1\nPUT\n/x?b&a\\n\ncontent-type: text/plain; charset=iso-8859-1\n\ntext\ntwo\\nlines\\\\\n",
    );
}
