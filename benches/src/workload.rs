//! The requests that are measured, and their answers. Numbers count from 0 and are written with eight digits.
//!
//! | | request | answer |
//! |---|---|---|
//! | w1 | `GET /v1/items/<number>?expand=all` | 1,024 bytes of JSON |
//! | w2 | `POST /v1/track` with 2,048 bytes of JSON, told apart by them alone | 1,024 bytes of JSON |
//! | w3 | `GET /blob` | 10 MiB that do not compress |

use bytes::Bytes;

/// The length of the answer of w3.
pub const BLOB: usize = 10 << 20;

/// One kind of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// w1: distinct GETs.
    Items,
    /// w2: distinct bodies to one URL.
    Tracks,
    /// w3: one large answer.
    Blob,
}

/// One request, not yet in any client's types.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its number within the workload.
    pub number: usize,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Absolute.
    pub url: String,
    /// Names and values, in order.
    pub headers: &'static [(&'static str, &'static str)],
    /// What is sent.
    pub body: Option<Bytes>,
}

impl Ask {
    /// The body as a program has it that has just written it: made anew for each request, in memory that is warm.
    #[must_use]
    pub fn fresh_body(&self) -> Option<Bytes> {
        self.body.as_ref().map(|body| Bytes::copy_from_slice(body))
    }
}

impl Workload {
    /// `w1`, `w2` or `w3`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Items => "w1",
            Self::Tracks => "w2",
            Self::Blob => "w3",
        }
    }

    /// The workload of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Items, Self::Tracks, Self::Blob].into_iter().find(|workload| workload.name() == name)
    }

    /// The request of that number to the service at `base` (`http://host:port`).
    #[must_use]
    pub fn ask(self, base: &str, number: usize) -> Ask {
        const ACCEPT: (&str, &str) = ("accept", "application/json");
        let (method, path, headers, body): (_, _, &'static [_], _) = match self {
            Self::Items => ("GET", format!("/v1/items/{number:08}?expand=all"), &[ACCEPT], None),
            Self::Tracks => {
                let body = Bytes::from(event(number));
                ("POST", "/v1/track".to_owned(), &[ACCEPT, ("content-type", "application/json")], Some(body))
            }
            Self::Blob => ("GET", "/blob".to_owned(), &[("accept", "application/octet-stream")], None),
        };
        Ask { number, method, url: format!("{base}{path}"), headers, body }
    }

    /// `count` requests; where fewer are `stored` than that or more, they are spread evenly over what is.
    #[must_use]
    pub fn asks(self, base: &str, stored: usize, count: usize) -> Vec<Ask> {
        let stored = if self == Self::Blob { 1 } else { stored };
        (0..count.min(stored)).map(|step| self.ask(base, step * stored / count.min(stored))).collect()
    }

    /// Whether this is the answer to the request of that number.
    #[must_use]
    pub fn fits(self, number: usize, status: u16, body: &[u8]) -> bool {
        status == 200
            && match self {
                Self::Blob => body.len() == BLOB,
                Self::Items | Self::Tracks => body.get(7..15) == Some(format!("{number:08}").as_bytes()),
            }
    }
}

/// What the service answers to a path and a body: the media type and the bytes.
///
/// # Errors
/// Says so where it is none of ours.
pub fn answer(path: &str, body: &[u8], blob: &Bytes) -> Result<(&'static str, Bytes), String> {
    if path == "/blob" {
        return Ok(("application/octet-stream", blob.clone()));
    }
    let number = match path.strip_prefix("/v1/items/") {
        Some(number) => number,
        None => body.get(16..24).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default(),
    };
    match number.parse() {
        Ok(number) => Ok(("application/json", Bytes::from(item(number)))),
        Err(_) => Err(format!("nothing is served at {path} for a body of {} bytes", body.len())),
    }
}

/// The 10 MiB of w3, the same in every run.
#[must_use]
pub fn blob() -> Bytes {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let words = std::iter::repeat_with(|| noise(&mut state).to_le_bytes());
    Bytes::from(words.flatten().take(BLOB).collect::<Vec<u8>>())
}

/// An answer: 1,024 bytes, the number at bytes 7 to 15.
fn item(number: usize) -> String {
    let mut state = 17;
    let attributes: Vec<String> =
        (0..20).map(|field| format!(r#""k{field:02}":"{}""#, letters(&mut state, 20))).collect();
    let attributes = attributes.join(",");
    let head = format!(
        r#"{{"id":"{number:08}","status":"ok","created":"2026-01-01T00:00:00.000Z","links":{{"self":"/v1/items/{number:08}"}},"attributes":{{{attributes}}},"note":""#
    );
    filled(head, 1_024, &mut state)
}

/// A request body: 2,048 bytes, the number at bytes 16 to 24.
fn event(number: usize) -> String {
    let mut state = 23;
    let lines: Vec<String> = (0..8)
        .map(|line| {
            let (sku, name) = (letters(&mut state, 12), letters(&mut state, 24));
            format!(r#"{{"sku":"{sku}","name":"{name}","price":{}.5,"quantity":{}}}"#, line + 19, line + 1)
        })
        .collect();
    let lines = lines.join(",");
    let head = format!(
        r#"{{"messageId":"m-{number:08}","type":"track","userId":"u-{number:08}","event":"Order Completed","timestamp":"2026-01-01T00:00:00.000Z","context":{{"ip":"203.0.113.9","page":{{"url":"https://shop.example/checkout"}}}},"properties":{{"order_id":"o-{number:08}","total":129.9,"currency":"EUR","products":[{lines}]}},"note":""#
    );
    filled(head, 2_048, &mut state)
}

/// An object whose last member is filled up so that the whole has `length` bytes.
fn filled(mut head: String, length: usize, state: &mut u64) -> String {
    let room = length.saturating_sub(head.len() + 2);
    head.push_str(&letters(state, room));
    head.push_str("\"}");
    head
}

/// Words of up to seven letters: longer runs of noise look like tokens, which a recorder may rightly refuse to write.
fn letters(state: &mut u64, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyzaeioun";
    let letter = |place: usize| if place % 8 == 7 { ' ' } else { char::from(ALPHABET[(noise(state) >> 59) as usize]) };
    (0..count).map(letter).collect()
}

/// Marsaglia's xorshift, multiplied: noise that needs no crate and never changes.
fn noise(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_sizes_that_the_tables_name() {
        assert_eq!(item(7).len(), 1_024);
        assert_eq!(event(99_999).len(), 2_048);
        assert_eq!(blob().len(), BLOB);
    }

    #[test]
    fn the_service_answers_each_request_with_its_own_number() {
        let blob = blob();
        for workload in [Workload::Items, Workload::Tracks, Workload::Blob] {
            let ask = workload.ask("", 42);
            let path = ask.url.split('?').next().unwrap();
            let (_, body) = answer(path, ask.body.as_deref().unwrap_or_default(), &blob).unwrap();
            assert!(workload.fits(42, 200, &body), "{workload:?}");
            assert!(workload == Workload::Blob || !workload.fits(43, 200, &body), "{workload:?}");
        }
        assert!(answer("/elsewhere", b"", &blob).is_err());
    }

    #[test]
    fn a_sample_is_spread_over_everything_stored() {
        let numbers: Vec<usize> = Workload::Items.asks("", 1_000, 4).iter().map(|ask| ask.number).collect();
        assert_eq!(numbers, [0, 250, 500, 750]);
        assert_eq!(Workload::Blob.asks("", 1_000, 4).len(), 1);
    }
}
