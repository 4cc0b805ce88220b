//! Names that every file system takes: for the folder of a test and for the file of a request.
//!
//! A component that is plain already (lower-case letters, digits, `_`, `-`, `.`) stays as it is. Any other keeps a readable
//! part and gets eight hex digits of the hash of the original, so that names that differ only in case or punctuation
//! stay apart on file systems that fold them.

use std::path::PathBuf;

use crate::codec::digest;
use crate::tape::Key;

/// Bytes of a component's readable part.
const COMPONENT: usize = 80;
/// Bytes of a tape's file name in front of its key.
const STEM: usize = 100;
/// What Windows keeps for devices, with any extension.
const RESERVED: [&str; 24] = [
    "con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt0",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// The folder of a test below the tapes' root, from its path (`orders::created::twice`) or a name with `/`.
pub(crate) fn folder_of(test: &str) -> PathBuf {
    test.split("::").flat_map(|part| part.split('/')).filter(|part| !part.is_empty()).map(component).collect()
}

/// The folder of a test that another program names, in whatever its language allows: what would be deeper than file systems take
/// is one component.
pub(crate) fn folder_of_any(test: &str) -> PathBuf {
    const DEEPEST: usize = 240;
    let folder = folder_of(test);
    if folder.as_os_str().len() <= DEEPEST { folder } else { component(test).into() }
}

/// The folder of one case of a parametrised test.
pub(crate) fn case_name(test: &str, case: &str) -> String {
    format!("{test}::{}", component(case))
}

/// The file of a request, from parts of its canonical form.
pub(crate) fn tape_name(method: &str, host: &str, path: &str, key: &Key) -> String {
    let mut stem = String::with_capacity(STEM + 20);
    for part in [method, host, path] {
        for c in part.chars() {
            match c {
                'a'..='z' | '0'..='9' | '.' | '_' => stem.push(c),
                'A'..='Z' => stem.push(c.to_ascii_lowercase()),
                _ if stem.ends_with('-') || stem.is_empty() => {}
                _ => stem.push('-'),
            }
            if stem.len() >= STEM {
                break;
            }
        }
        if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
    }
    stem.push_str(&key.short());
    stem.push_str(".yaml");
    stem
}

fn component(original: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    let reserved = RESERVED.contains(&original.split('.').next().unwrap_or_default());
    if original.chars().all(plain)
        && original.len() <= COMPONENT
        && !reserved
        && !original.starts_with('.')
        && !original.ends_with('.')
    {
        return original.to_owned();
    }
    let mut readable = String::new();
    for c in original.chars().flat_map(char::to_lowercase) {
        let c = if plain(c) && c != '.' { c } else { '-' };
        if !(c == '-' && readable.ends_with('-')) && readable.len() < COMPONENT {
            readable.push(c);
        }
    }
    let hash = digest::hex(&digest::sha256(original.as_bytes()));
    let readable = readable.trim_matches('-');
    format!("{}{}{}", readable, if readable.is_empty() { "" } else { "-" }, &hash[..8])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn r58_names_are_valid_bounded_and_collision_free() {
        let long = "x".repeat(300);
        let originals = [
            "plain_name",
            "Plain_name",
            "plain name",
            "plain-name",
            "plain::name",
            "plain?name",
            "plain*name",
            "con",
            "CON",
            "con.txt",
            "nul",
            "überprüfung",
            "注文",
            "..",
            ".",
            "...",
            ".hidden",
            "ends.",
            &long,
            "a/b",
            "a\\b",
        ];
        let mut folded = HashSet::new();
        for original in originals {
            let folder = folder_of(original);
            let text = folder.to_str().expect("utf-8");
            assert!(!text.is_empty() && folder.is_relative());
            for part in folder.iter() {
                let part = part.to_str().expect("utf-8");
                assert!(part.len() <= 100, "{part}");
                assert!(part != "." && part != "..", "{original}");
                assert!(!RESERVED.contains(&part.split('.').next().unwrap_or_default()), "{part}");
                assert!(part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c)));
            }
            assert!(folded.insert(text.to_lowercase()), "{original} collides");
        }
    }

    #[test]
    fn r58_names_of_other_languages_stay_below_the_folder_and_apart() {
        let (deep, deeper) = ("a/".repeat(5000), format!("{}b", "a/".repeat(5000)));
        let names = [
            "tests/test_x.py::test_y[a/b]",
            "tests/test_x.py::test_y[a-b]",
            "tests/test_x.py::test_y[../../b]",
            "../../etc/passwd",
            "/etc/passwd",
            "C:\\x",
            "shop.test.js > nimmt eine Bestellung an: \u{1f58a}",
            "a\0b\nc",
            &deep,
            &deeper,
        ];
        let mut seen = HashSet::new();
        for name in names {
            let folder = folder_of_any(name);
            let normal = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
            assert!(
                folder.components().all(normal) && folder.as_os_str().len() <= 240,
                "{name:?}: {}",
                folder.display()
            );
            assert!(seen.insert(folder), "{name:?} collides");
        }
        assert_eq!(folder_of_any("tests/test_x.py::test_y"), PathBuf::from("tests/test_x.py/test_y"));
    }

    #[test]
    fn a_tape_is_named_by_method_host_path_and_key() {
        let key = Key([0xab; 32]);
        assert_eq!(
            tape_name("POST", "api.example.com", "/v1/orders/{id}", &key),
            "post-api.example.com-v1-orders-id-abababababab.yaml"
        );
        assert_eq!(tape_name("GET", "[::1]", "/", &key), "get-1-abababababab.yaml");
        assert!(tape_name("GET", "h", &"/x".repeat(400), &key).len() < 130);
    }
}
