//! What a user agent says of a device, in the names that the library `ua-parser-js` gives: Segment sends these to Amplitude. Told apart is
//! what most events come from; of a rarity only the operating system is known.

/// What is known; `None` where the text says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) os: Option<&'static str>,
    pub(super) browser: Option<&'static str>,
    /// The browser's version up to its first dot.
    pub(super) major: Option<String>,
    pub(super) vendor: Option<&'static str>,
    pub(super) model: Option<String>,
    /// `mobile`, `tablet` …
    pub(super) kind: Option<&'static str>,
}

/// Reads a user agent.
pub(super) fn read(agent: &str) -> Agent {
    let (browser, major) = browser(agent);
    let (vendor, model, kind) = device(agent);
    Agent { os: os(agent), browser, major, vendor, model, kind }
}

/// By words that are looked for in this order, without regard to case.
const SYSTEMS: [(&str, &str); 24] = [
    ("windows phone", "Windows Phone"),
    ("xbox", "Xbox"),
    ("windows", "Windows"),
    ("win32", "Windows"),
    ("iphone", "iOS"),
    ("ipad", "iOS"),
    ("ipod", "iOS"),
    ("kaios", "KAIOS"),
    ("tizen", "Tizen"),
    ("web0s", "webOS"),
    ("webos", "webOS"),
    ("playstation", "PlayStation"),
    ("nintendo", "Nintendo"),
    ("cros ", "Chromium OS"),
    ("android", "Android"),
    ("mac os x", "Mac OS"),
    ("macintosh", "Mac OS"),
    ("ubuntu", "Ubuntu"),
    ("debian", "Debian"),
    ("fedora", "Fedora"),
    ("freebsd", "FreeBSD"),
    ("openbsd", "OpenBSD"),
    ("linux", "Linux"),
    ("blackberry", "BlackBerry"),
];

fn os(agent: &str) -> Option<&'static str> {
    let lower = agent.to_ascii_lowercase();
    SYSTEMS.iter().find(|(word, _)| lower.contains(word)).map(|(_, name)| *name)
}

/// The mark before the version, the name, and words that must be there as well.
const BROWSERS: [(&str, &str, &[&str]); 24] = [
    ("crios/", "Chrome", &[]),
    ("edga/", "Edge", &[]),
    ("edgios/", "Edge", &[]),
    ("edge/", "Edge", &[]),
    ("edg/", "Edge", &[]),
    ("opera mini/", "Opera Mini", &[]),
    ("opr/", "Opera", &[]),
    ("opera/", "Opera", &[]),
    ("ucbrowser/", "UCBrowser", &[]),
    ("yabrowser/", "Yandex", &[]),
    ("msie ", "IE", &[]),
    ("rv:", "IE", &["trident/"]),
    ("vivaldi/", "Vivaldi", &[]),
    ("samsungbrowser/", "Samsung Internet", &[]),
    ("fxios/", "Firefox", &[]),
    ("fbav/", "Facebook", &[]),
    ("gsa/", "GSA", &[]),
    ("headlesschrome/", "Chrome Headless", &[]),
    ("chrome/", "Chrome WebView", &[" wv)"]),
    ("version/", "Android Browser", &["android", "safari/"]),
    ("chrome/", "Chrome", &[]),
    ("version/", "Mobile Safari", &["mobile/", "safari/"]),
    ("version/", "Safari", &["safari/"]),
    ("firefox/", "Firefox", &[]),
];

fn browser(agent: &str) -> (Option<&'static str>, Option<String>) {
    let lower = agent.to_ascii_lowercase();
    let found = BROWSERS.iter().find_map(|(mark, name, words)| {
        let rest = lower.split_once(mark)?.1;
        let major: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (!major.is_empty() && words.iter().all(|word| lower.contains(word))).then_some((*name, major))
    });
    found.map_or((None, None), |(name, major)| (Some(name), Some(major)))
}

type Device = (Option<&'static str>, Option<String>, Option<&'static str>);

/// Android devices whose model tells the maker: how the model begins in lower case, and who it is.
const MAKERS: [(&str, &str); 22] = [
    ("pixel", "Google"),
    ("nexus", "LG"),
    ("huawei", "Huawei"),
    ("honor", "Huawei"),
    ("ele-", "Huawei"),
    ("vog-", "Huawei"),
    ("redmi", "Xiaomi"),
    ("mi ", "Xiaomi"),
    ("poco", "Xiaomi"),
    ("m20", "Xiaomi"),
    ("cph", "OPPO"),
    ("vivo", "Vivo"),
    ("rmx", "Realme"),
    ("moto", "Motorola"),
    ("xt1", "Motorola"),
    ("lm-", "LG"),
    ("lg-", "LG"),
    ("oneplus", "OnePlus"),
    ("le21", "OnePlus"),
    ("htc", "HTC"),
    ("nokia", "Nokia"),
    ("lenovo", "Lenovo"),
];

fn device(agent: &str) -> Device {
    let model = |model: &str| Some(model.to_owned());
    for name in ["iPhone", "iPod"] {
        if agent.contains(&format!("({name}")) {
            return (Some("Apple"), model(name), Some("mobile"));
        }
    }
    if agent.contains("(iPad;") {
        return (Some("Apple"), model("iPad"), Some("tablet"));
    }
    if agent.contains("(Macintosh;") {
        return (Some("Apple"), model("Macintosh"), None);
    }
    android(agent).unwrap_or_default()
}

/// The model stands behind the version: `(Linux; Android 13; SM-S918B Build/…)`.
fn android(agent: &str) -> Option<Device> {
    let inside = agent.split_once("Android ")?.1.split(')').next()?;
    let name = inside.split("; ").skip(1).find(|part| !is_language(part) && *part != "wv")?;
    let name = name.split(" Build").next().unwrap_or(name).trim();
    if name.is_empty() {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("sm-").or_else(|| lower.strip_prefix("samsung sm-")) {
        let kind = if rest.starts_with(['p', 't', 'x']) { "tablet" } else { "mobile" };
        let name = name.strip_prefix("SAMSUNG ").unwrap_or(name);
        return Some((Some("Samsung"), Some(name.to_owned()), Some(kind)));
    }
    let maker = MAKERS.iter().find(|(start, _)| lower.starts_with(start)).map(|(_, maker)| *maker);
    let kind = if agent.contains("Mobile") { "mobile" } else { "tablet" };
    Some((maker, Some(name.to_owned()), Some(kind)))
}

/// Old Androids say `en-us` before the model.
fn is_language(part: &str) -> bool {
    matches!(part.as_bytes(), [a, b, b'-' | b'_', c, d] if [a, b, c, d].iter().all(|letter| letter.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_agents_are_known() {
        let tell = |agent: &str| {
            let read = read(agent);
            let parts = [
                read.os.map(str::to_owned),
                read.browser.map(str::to_owned),
                read.major,
                read.vendor.map(str::to_owned),
                read.model,
                read.kind.map(str::to_owned),
            ];
            parts.map(|part| part.unwrap_or_else(|| "-".to_owned())).join(" | ")
        };
        for (agent, told) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
                "Linux | Chrome | 120 | - | - | -",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
                "Windows | Firefox | 121 | - | - | -",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
                "Mac OS | Safari | 17 | Apple | Macintosh | -",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
                "iOS | Mobile Safari | 17 | Apple | iPhone | mobile",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/119.0.1 Mobile/15E148 Safari/604.1",
                "iOS | Chrome | 119 | Apple | iPad | tablet",
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-S918B Build/TP1A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
                "Android | Chrome | 119 | Samsung | SM-S918B | mobile",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
                "Android | Chrome | 119 | - | K | mobile",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
                "Android | Chrome | 119 | Google | Pixel 8 | mobile",
            ),
            ("Mozilla/5.0", "- | - | - | - | - | -"),
        ] {
            assert_eq!(tell(agent), told, "{agent}");
        }
    }
}
