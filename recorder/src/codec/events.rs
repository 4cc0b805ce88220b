//! Bodies that are streams of events: server-sent events ([HTML §9.2]) and JSON on lines.
//!
//! [HTML §9.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    /// What `event:` says; `message` where it says nothing, `line` for JSON on lines.
    pub(crate) name: String,
    /// The lines of `data:`, joined.
    pub(crate) data: String,
}

/// The events of a body, where its type says that it is a stream of them.
pub(crate) fn of(essence: &str, body: &[u8]) -> Option<Vec<Event>> {
    let text = std::str::from_utf8(body).ok()?;
    if essence.eq_ignore_ascii_case("text/event-stream") {
        return Some(server_sent(text));
    }
    let lines = ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-seq"];
    if !lines.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        return None;
    }
    let lines = text.split(['\n', '\u{1e}']).map(str::trim).filter(|line| !line.is_empty());
    Some(lines.map(|line| Event { name: "line".to_owned(), data: line.to_owned() }).collect())
}

fn server_sent(text: &str) -> Vec<Event> {
    let (mut events, mut name, mut data) = (Vec::new(), String::new(), None::<String>);
    let unified = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    for line in unified.split('\n') {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => {
                let data = data.get_or_insert_with(String::new);
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(value);
            }
            // An empty line ends an event; without data it is none. A line that begins with a colon is a comment.
            "" if line.is_empty() => {
                let name = std::mem::take(&mut name);
                if let Some(data) = data.take() {
                    events.push(Event { name: if name.is_empty() { "message".to_owned() } else { name }, data });
                }
            }
            _ => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn server_sent_events_have_names_and_joined_data() {
        let body = b": hello\r\nevent: delta\r\ndata: {\"a\":1}\r\n\r\ndata: one\ndata: two\nid: 7\n\nevent: none\n\ndata: unfinished";
        assert_eq!(of("text/event-stream", body).unwrap(), [named("delta", "{\"a\":1}"), named("message", "one\ntwo")]);
    }

    #[test]
    fn json_on_lines_is_a_stream_and_plain_text_is_none() {
        assert_eq!(of("application/x-ndjson", b"{}\n\n[1]\n").unwrap(), [named("line", "{}"), named("line", "[1]")]);
        assert_eq!(of("text/plain", b"data: x\n\n"), None);
    }
}
