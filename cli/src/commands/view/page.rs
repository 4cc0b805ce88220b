//! The page: one file, whose policy lets it load nothing and run nothing but its own script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const STYLE: &str = include_str!("view.css");
const SCRIPT: &str = include_str!("view.js");

/// What every page begins with.
const MARK: &str = "<!DOCTYPE html>\n<!-- written by tapes view -->\n";

/// Whether a file was written by this command.
pub(super) fn is_ours(file: &[u8]) -> bool {
    file.starts_with(MARK.as_bytes())
}

/// The page of these tapes.
pub(super) fn page(title: &str, tapes: &[Value]) -> anyhow::Result<String> {
    let title = escaped(title);
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    let data = data(tapes)?;
    Ok(format!(
        r#"{MARK}<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{STYLE}</style>
<header><h1>{title}</h1><input id="search" type="search" placeholder="search: method, URL, status, headers, bodies" aria-label="search"><output id="count"></output></header>
<nav id="list" aria-label="tapes"></nav>
<main id="tape" tabindex="-1"><p>This page needs JavaScript, its own alone.</p></main>
<script type="application/json" id="data">{data}</script>
<script>{SCRIPT}</script>
</html>
"#
    ))
}

/// JSON that cannot end the element it stands in, whatever is in it.
fn data(tapes: &[Value]) -> anyhow::Result<String> {
    let json = serde_json::to_string(tapes)?;
    Ok(json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The name of an inline text in a policy.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(hmac_sha256::Hash::hash(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_in_a_tape_or_a_title_can_leave_its_place() {
        let hostile = "</script><script>alert(1)</script><!--";
        let page = page(hostile, &[json!({"file": hostile})]).unwrap();
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("alert(1)</script>") && page.matches("<!--").count() == 1);
        assert!(is_ours(page.as_bytes()) && !is_ours(b"<html>"));
    }

    #[test]
    fn the_page_names_no_resource_of_elsewhere() {
        for text in [STYLE, SCRIPT] {
            for outside in
                ["http:", "https:", "//cdn", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML", "eval("]
            {
                let names_svg = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!names_svg.contains(outside), "{outside}");
            }
        }
    }
}
