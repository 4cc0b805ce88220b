//! The request that curl would send for these arguments. Nothing is sent; files that `@` names are read.

use anyhow::{Context as _, bail};
use traffic_recorder::tape::{Body, Headers, Request, Version};

/// What is known of the request so far.
#[derive(Default)]
struct Sent {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    data: Option<Vec<u8>>,
    json: bool,
    get: bool,
    head: bool,
    user: Option<String>,
}

/// Options without a value that change nothing of the request.
const SILENT: &str = "sSvLkifgNO#";

/// Long options without a value that change nothing of the request.
const SILENT_LONG: [&str; 14] = [
    "--silent",
    "--show-error",
    "--verbose",
    "--location",
    "--insecure",
    "--include",
    "--fail",
    "--globoff",
    "--no-buffer",
    "--compressed",
    "--remote-name",
    "--progress-bar",
    "--fail-with-body",
    "--http1.1",
];

/// Options with a value that change nothing of the request.
const IGNORED: [&str; 14] = [
    "-o",
    "--output",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "-w",
    "--write-out",
    "--cacert",
    "-x",
    "--proxy",
    "--resolve",
    "-D",
    "--dump-header",
];

/// Reads curl's arguments, `curl` itself first or left out.
pub(super) fn request(args: &[String]) -> anyhow::Result<Request> {
    let mut sent = Sent::default();
    let mut args = args.iter().map(String::as_str).peekable();
    args.next_if(|word| *word == "curl" || word.ends_with("/curl"));
    while let Some(word) = args.next() {
        let (name, inline) = split(word);
        if name == "-" || !name.starts_with('-') {
            sent.place(word)?;
            continue;
        }
        if is_silent(word) {
            continue;
        }
        match name {
            "-G" | "--get" => sent.get = true,
            "-I" | "--head" => sent.head = true,
            _ => {
                let value = inline.or_else(|| args.next());
                let value = value.with_context(|| format!("curl's {name} needs a value"))?;
                if !IGNORED.contains(&name) {
                    sent.option(name, value)?;
                }
            }
        }
    }
    sent.finish()
}

/// Whether it is one option, or several short ones in a word, that change nothing.
fn is_silent(word: &str) -> bool {
    SILENT_LONG.contains(&word)
        || word.strip_prefix('-').is_some_and(|flags| !flags.is_empty() && flags.chars().all(|c| SILENT.contains(c)))
}

/// `-XPOST` and `--request=POST` hold their value.
fn split(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") {
        return word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    }
    match word.char_indices().nth(2) {
        Some((at, _)) if word.starts_with('-') && !is_silent(word) => (&word[..at], Some(&word[at..])),
        _ => (word, None),
    }
}

impl Sent {
    fn place(&mut self, url: &str) -> anyhow::Result<()> {
        if let Some(first) = &self.url {
            bail!("curl was given two URLs, {first} and {url}: explain one at a time");
        }
        self.url = Some(url.to_owned());
        Ok(())
    }

    fn option(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        match name {
            "-X" | "--request" => self.method = Some(value.to_owned()),
            "--url" => self.place(value)?,
            "-H" | "--header" => {
                let (name, value) =
                    value.split_once(':').with_context(|| format!("the header {value:?} has no colon"))?;
                self.headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            "-A" | "--user-agent" => self.headers.push(("user-agent".to_owned(), value.to_owned())),
            "-e" | "--referer" => self.headers.push(("referer".to_owned(), value.to_owned())),
            "-b" | "--cookie" => self.headers.push(("cookie".to_owned(), value.to_owned())),
            "-u" | "--user" => self.user = Some(value.to_owned()),
            "-d" | "--data" | "--data-ascii" => {
                let text: Vec<u8> = content(value)?.into_iter().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
                // What is not from a file is taken as it is.
                self.add(if value.starts_with('@') { text } else { value.as_bytes().to_vec() });
            }
            "--data-binary" => self.add(content(value)?),
            "--data-raw" => self.add(value.as_bytes().to_vec()),
            "--data-urlencode" => self.add(urlencoded(value)?),
            "--json" => {
                self.json = true;
                self.data.get_or_insert_default().extend(content(value)?);
            }
            other => bail!(
                "curl's {other} is not understood here: known are -X -H -A -e -b -u -d --data-raw --data-binary \
                 --data-urlencode --json -G -I --url, and those that do not change the request"
            ),
        }
        Ok(())
    }

    fn add(&mut self, more: Vec<u8>) {
        match &mut self.data {
            Some(data) => {
                data.push(b'&');
                data.extend(more);
            }
            none => *none = Some(more),
        }
    }

    fn finish(mut self) -> anyhow::Result<Request> {
        let mut url = self.url.take().context("curl was given no URL")?;
        if !url.contains("://") {
            url.insert_str(0, "http://");
        }
        let url = url.split('#').next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            bail!("{url} names no host");
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mut url = format!("{scheme}://{authority}{slash}{path}");
        if self.get
            && let Some(data) = self.data.take()
        {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&String::from_utf8(data).context("with -G the data has to be text")?);
        }
        let mut headers = std::mem::take(&mut self.headers);
        let has = |headers: &[(String, String)], name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut default = |name: &str, value: String| {
            if !has(&headers, name) {
                headers.push((name.to_owned(), value));
            }
        };
        if let Some(user) = &self.user {
            default("authorization", format!("Basic {}", base64(user.as_bytes())));
        }
        if self.json {
            default("content-type", "application/json".to_owned());
            default("accept", "application/json".to_owned());
        } else if self.data.is_some() {
            default("content-type", "application/x-www-form-urlencoded".to_owned());
        }
        default("accept", "*/*".to_owned());
        // `-H 'accept:'` takes a header away.
        headers.retain(|(_, value)| !value.is_empty());
        let usual = if self.head {
            "HEAD"
        } else if self.data.is_some() {
            "POST"
        } else {
            "GET"
        };
        Ok(Request {
            method: self.method.unwrap_or_else(|| usual.to_owned()),
            url,
            version: Version::Http11,
            headers: headers.into_iter().collect::<Headers>(),
            body: self.data.map_or(Body::Absent, |data| Body::Bytes(data.into())),
            trailers: Headers::new(),
        })
    }
}

/// The value, or what is in the file that it names.
fn content(value: &str) -> anyhow::Result<Vec<u8>> {
    match value.strip_prefix('@') {
        None => Ok(value.as_bytes().to_vec()),
        Some("-") => bail!("the data of curl would come from standard input: put it into a file"),
        Some(file) => std::fs::read(file).with_context(|| format!("failed to read {file}")),
    }
}

/// `content`, `=content`, `name=content`, `name@file`.
fn urlencoded(value: &str) -> anyhow::Result<Vec<u8>> {
    let (name, content) = match value.find(['=', '@']) {
        Some(at) if value.as_bytes()[at] == b'@' => (&value[..at], self::content(&value[at..])?),
        Some(at) => (&value[..at], value.as_bytes()[at + 1..].to_vec()),
        None => ("", value.as_bytes().to_vec()),
    };
    let mut out = if name.is_empty() { String::new() } else { format!("{name}=") };
    for byte in content {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(out.into_bytes())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn of(line: &str) -> anyhow::Result<Request> {
        request(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_become_the_request_that_curl_sends() {
        let sent = of("curl -sS -XPOST api.test -H content-type:text/plain --data-raw a=1 -d b=2 -u me:fake").unwrap();
        assert_eq!((sent.method.as_str(), sent.url.as_str()), ("POST", "http://api.test/"));
        assert_eq!(sent.body, Body::Bytes(Bytes::from_static(b"a=1&b=2")));
        assert_eq!(sent.headers.text("content-type"), Some("text/plain"));
        assert_eq!(sent.headers.text("authorization"), Some("Basic bWU6ZmFrZQ=="));
        let get = of("-G https://a.test/x?y=1 --data-urlencode q=a&b").unwrap();
        assert_eq!((get.method.as_str(), get.url.as_str()), ("GET", "https://a.test/x?y=1&q=a%26b"));
        assert_eq!(of("-I https://a.test?q").unwrap().url, "https://a.test/?q");
        let json = of("--json={} https://a.test").unwrap();
        assert_eq!((json.headers.text("accept"), json.method.as_str()), (Some("application/json"), "POST"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (line, says) in [
            ("-F a=b http://a.test", "-F is not understood"),
            ("http://a.test http://b.test", "two URLs"),
            ("-H", "needs a value"),
            ("-X POST", "no URL"),
            ("-d @no-such-file http://a.test", "no-such-file"),
        ] {
            let error = of(line).unwrap_err().to_string();
            assert!(error.contains(says), "{line}: {error}");
        }
    }
}
