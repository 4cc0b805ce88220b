//! Tokens whose issuers gave them a shape of their own, so that scanners find them.
//!
//! One table: what a token begins with, of which characters the rest is, and how long it is. Shapes that need more than that
//! (JWTs, PEM keys, passwords in URLs) follow it.

use std::ops::RangeInclusive;

use super::Find;

struct Pattern {
    name: &'static str,
    prefix: &'static str,
    rest: fn(u8) -> bool,
    len: RangeInclusive<usize>,
}

const fn pattern(
    name: &'static str,
    prefix: &'static str,
    rest: fn(u8) -> bool,
    len: RangeInclusive<usize>,
) -> Pattern {
    Pattern { name, prefix, rest, len }
}

const ANY: usize = 4096;

/// Longer prefixes stand before the shorter ones that they begin with.
const TABLE: [Pattern; 42] = [
    pattern("aws-access-key", "AKIA", upper, 16..=16),
    pattern("aws-access-key", "ASIA", upper, 16..=16),
    pattern("anthropic-key", "sk-ant-", url, 20..=ANY),
    pattern("openai-key", "sk-proj-", url, 20..=ANY),
    pattern("openai-key", "sk-", alnum, 32..=ANY),
    pattern("github-token", "ghp_", alnum, 36..=255),
    pattern("github-token", "gho_", alnum, 36..=255),
    pattern("github-token", "ghs_", alnum, 36..=255),
    pattern("github-token", "ghu_", alnum, 36..=255),
    pattern("github-token", "ghr_", alnum, 36..=255),
    pattern("github-token", "github_pat_", word, 50..=255),
    pattern("gitlab-token", "glpat-", url, 20..=255),
    pattern("google-key", "AIza", url, 35..=35),
    pattern("google-token", "ya29.", url, 20..=ANY),
    pattern("google-secret", "GOCSPX-", url, 28..=28),
    pattern("mailgun-key", "key-", hex, 32..=32),
    pattern("npm-token", "npm_", alnum, 36..=36),
    pattern("sendgrid-key", "SG.", dotted, 50..=100),
    pattern("shopify-token", "shpat_", hex, 32..=32),
    pattern("shopify-token", "shpca_", hex, 32..=32),
    pattern("shopify-token", "shppa_", hex, 32..=32),
    pattern("shopify-secret", "shpss_", hex, 32..=32),
    pattern("slack-token", "xoxa-", url, 10..=255),
    pattern("slack-token", "xoxb-", url, 10..=255),
    pattern("slack-token", "xoxp-", url, 10..=255),
    pattern("slack-token", "xoxr-", url, 10..=255),
    pattern("slack-token", "xoxs-", url, 10..=255),
    pattern("slack-token", "xapp-", url, 20..=255),
    pattern("slack-webhook", "hooks.slack.com/services/", path, 30..=100),
    pattern("square-token", "EAAA", url, 60..=60),
    pattern("square-token", "sq0atp-", url, 22..=22),
    pattern("square-secret", "sq0csp-", url, 43..=43),
    pattern("stripe-key", "sk_live_", alnum, 16..=255),
    pattern("stripe-key", "sk_test_", alnum, 16..=255),
    pattern("stripe-key", "rk_live_", alnum, 16..=255),
    pattern("stripe-key", "rk_test_", alnum, 16..=255),
    pattern("stripe-secret", "whsec_", base64, 24..=100),
    pattern("twilio-key", "SK", hex, 32..=32),
    pattern("pypi-token", "pypi-", url, 50..=ANY),
    pattern("huggingface-token", "hf_", alnum, 34..=40),
    pattern("digitalocean-token", "dop_v1_", hex, 64..=64),
    pattern("databricks-token", "dapi", hex, 32..=32),
];

const SHAPES: [&str; 5] = ["jwt", "private-key", "url-password", "telegram-token", "random"];

/// The names that `allow: [pattern NAME]` takes.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    let table = TABLE.iter().map(|pattern| pattern.name);
    table.filter(move |name| std::mem::replace(&mut last, name) != *name).chain(SHAPES)
}

/// The first token in a text that does not pass.
pub(super) fn find<'t>(text: &'t [u8], passes: &dyn Fn(&Find<'_>) -> bool) -> Option<(usize, Find<'t>)> {
    let mut at = 0;
    while at < text.len() {
        // Tokens are found at the beginning of words alone.
        if (at == 0 || !word(text[at - 1]))
            && let Some(find) = token_at(text, at).filter(|find| !passes(find))
        {
            return Some((at, find));
        }
        if text[at] == b'-'
            && let Some(find) = pem_at(text, at).filter(|find| !passes(find))
        {
            return Some((at, find));
        }
        at += 1;
    }
    None
}

fn token_at(text: &[u8], at: usize) -> Option<Find<'_>> {
    let rest = &text[at..];
    let mut candidates = FIRST[usize::from(rest[0])] & SECOND[usize::from(*rest.get(1)?)];
    if candidates == 0 {
        return None;
    }
    while let Some(pattern) = TABLE.get(candidates.trailing_zeros() as usize) {
        if let Some(find) = pattern.at(rest) {
            return Some(find);
        }
        candidates &= candidates - 1;
    }
    if candidates == 0 {
        return None;
    }
    match rest[0] {
        b'e' => jwt(rest),
        b'0'..=b'9' => telegram(rest),
        _ => url_password(rest),
    }
}

/// A bit for each line of the table, and one for all the shapes after it: what can begin with this byte. Most of a text is neither.
const FIRST: [u64; 256] = beginnings(0);

/// What can have this byte in the second place.
const SECOND: [u64; 256] = beginnings(1);

const fn beginnings(place: usize) -> [u64; 256] {
    let mut bits = [0; 256];
    let mut i = 0;
    while i < TABLE.len() {
        bits[TABLE[i].prefix.as_bytes()[place] as usize] |= 1 << i;
        i += 1;
    }
    let mut shapes = SCHEMES.len();
    while shapes > 0 {
        shapes -= 1;
        bits[SCHEMES[shapes][place] as usize] |= SHAPE;
    }
    bits[b"ey"[place] as usize] |= SHAPE;
    let mut digit = b'0';
    while digit <= b'9' {
        bits[digit as usize] |= SHAPE;
        digit += 1;
    }
    bits
}

/// Beyond the bits of the table.
const SHAPE: u64 = 1 << 63;

impl Pattern {
    fn at<'t>(&self, text: &'t [u8]) -> Option<Find<'t>> {
        let rest = text.strip_prefix(self.prefix.as_bytes())?;
        let len = rest.iter().take_while(|&&b| (self.rest)(b)).count();
        let whole = self.len.contains(&len) && !rest.get(len).is_some_and(|&b| word(b));
        whole.then(|| found(self.name, &text[..self.prefix.len() + len]))
    }
}

/// Three parts of base64url, of which the first two are JSON objects ([RFC 7519]).
///
/// [RFC 7519]: https://www.rfc-editor.org/rfc/rfc7519
fn jwt(text: &[u8]) -> Option<Find<'_>> {
    let len = text.iter().take_while(|&&b| url(b) || b == b'.').count();
    let mut parts = text[..len].split(|&b| b == b'.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let object = |part: &[u8]| part.starts_with(b"eyJ") && part.len() >= 10;
    let is = object(header) && object(payload) && signature.len() >= 10;
    is.then(|| found("jwt", &text[..header.len() + payload.len() + signature.len() + 2]))
}

fn pem_at(text: &[u8], at: usize) -> Option<Find<'_>> {
    let rest = text[at..].strip_prefix(b"-----BEGIN ")?;
    let label = &rest[..memchr::memchr(b'-', rest)?.min(40)];
    label.ends_with(b"PRIVATE KEY").then(|| found("private-key", &text[at..at + 11 + label.len()]))
}

const SCHEMES: [&[u8]; 12] = [
    b"http://",
    b"https://",
    b"ftp://",
    b"postgres://",
    b"postgresql://",
    b"mysql://",
    b"mongodb://",
    b"mongodb+srv://",
    b"redis://",
    b"rediss://",
    b"amqp://",
    b"smtp://",
];

/// `scheme://user:password@host`.
fn url_password(text: &[u8]) -> Option<Find<'_>> {
    let scheme = SCHEMES.iter().find(|scheme| text.starts_with(scheme))?;
    let rest = &text[scheme.len()..];
    let authority = rest.iter().take_while(|b| b.is_ascii_graphic() && !b"/?#\"'<>\\,`".contains(b)).count();
    let user = &rest[..rest[..authority].iter().rposition(|&b| b == b'@')?];
    let colon = memchr::memchr(b':', user)?;
    let password = &user[colon + 1..];
    // `{{secret:..}}`, `${PASSWORD}`, `***` and the like stand where a password was.
    let masked = password.is_empty() || password.iter().any(|b| b"{}<>$*".contains(b)) || user.starts_with(b"{{");
    (!masked).then(|| found("url-password", &text[..scheme.len() + colon + 1]))
}

/// `123456789:AA…` of a Telegram bot.
fn telegram(text: &[u8]) -> Option<Find<'_>> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = text[digits..].strip_prefix(b":AA")?;
    let len = rest.iter().take_while(|&&b| url(b)).count();
    ((8..=10).contains(&digits) && len == 33).then(|| found("telegram-token", &text[..digits + 3 + len]))
}

fn found<'t>(pattern: &'static str, text: &'t [u8]) -> Find<'t> {
    // All characters of every pattern are ASCII.
    Find { pattern, text: std::str::from_utf8(text).unwrap_or_default() }
}

fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn upper(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

fn hex(b: u8) -> bool {
    b.is_ascii_digit() || matches!(b, b'a'..=b'f')
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

fn url(b: u8) -> bool {
    word(b) || b == b'-'
}

fn dotted(b: u8) -> bool {
    url(b) || b == b'.'
}

fn path(b: u8) -> bool {
    alnum(b) || b == b'/'
}

fn base64(b: u8) -> bool {
    alnum(b) || matches!(b, b'+' | b'/' | b'=')
}
