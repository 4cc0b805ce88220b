//! What a content type tells about a body: whether a person reads it, and the extension of its file.

use super::Headers;
use crate::codec::coding::Coding;

/// The type and subtype of `content-type`, lower case, without parameters; empty where there is none.
pub(super) fn of(headers: &Headers) -> String {
    let value = headers.text("content-type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// `application/json`, `application/problem+json` and the like.
pub(super) fn is_json(media: &str) -> bool {
    media.ends_with("/json") || media.ends_with("+json")
}

/// Images, sound and the like: what no one reads as text.
pub(super) fn is_opaque(media: &str) -> bool {
    let (kind, subtype) = media.split_once('/').unwrap_or((media, ""));
    match kind {
        "image" => !subtype.ends_with("+xml"),
        "audio" | "video" | "font" => true,
        "application" => matches!(
            subtype,
            "pdf"
                | "zip"
                | "gzip"
                | "octet-stream"
                | "wasm"
                | "zstd"
                | "x-tar"
                | "x-7z-compressed"
                | "vnd.ms-fontobject"
        ),
        _ => false,
    }
}

/// The extension of a body file, without its dot.
pub(super) fn extension(media: &str) -> &'static str {
    match media {
        "application/javascript" | "text/javascript" => "js",
        "application/gzip" => "gz",
        "application/ndjson" | "application/x-ndjson" | "application/jsonl" => "ndjson",
        "application/pdf" => "pdf",
        "application/wasm" => "wasm",
        "application/xml" | "text/xml" => "xml",
        "application/yaml" | "text/yaml" => "yaml",
        "application/zip" => "zip",
        "audio/mpeg" => "mp3",
        "audio/ogg" => "ogg",
        "audio/wav" => "wav",
        "font/otf" => "otf",
        "font/ttf" => "ttf",
        "font/woff" => "woff",
        "font/woff2" => "woff2",
        "image/avif" => "avif",
        "image/gif" => "gif",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/svg+xml" => "svg",
        "image/webp" => "webp",
        "image/x-icon" | "image/vnd.microsoft.icon" => "ico",
        "text/css" => "css",
        "text/csv" => "csv",
        "text/html" | "application/xhtml+xml" => "html",
        "text/markdown" => "md",
        "video/mp4" => "mp4",
        "video/webm" => "webm",
        media if is_json(media) => "json",
        media if media.ends_with("+xml") => "xml",
        media if media.starts_with("text/") => "txt",
        "application/x-www-form-urlencoded" => "txt",
        _ => "bin",
    }
}

/// What is added to the extension where the file holds a body in its coding.
pub(super) fn coding_extension(coding: Coding) -> &'static str {
    match coding {
        Coding::Gzip => ".gz",
        Coding::Deflate => ".zz",
        Coding::RawDeflate => ".deflate",
        Coding::Brotli => ".br",
        Coding::Zstd => ".zst",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_are_left_aside() {
        let headers: Headers = [("Content-Type", "Application/Problem+JSON; charset=utf-8")].into_iter().collect();
        let media = of(&headers);
        assert_eq!(media, "application/problem+json");
        assert!(is_json(&media) && !is_opaque(&media));
        assert_eq!(extension(&media), "json");
    }

    #[test]
    fn pictures_are_opaque_and_drawings_are_not() {
        assert!(is_opaque("image/png") && is_opaque("font/woff2") && is_opaque("application/octet-stream"));
        assert!(!is_opaque("image/svg+xml") && !is_opaque("text/html") && !is_opaque(""));
        assert_eq!(extension(""), "bin");
    }
}
