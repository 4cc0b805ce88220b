//! How an encoder puts JSON down: the [`Style`] that the file notes, and the [`Writer`] that follows it.

use std::fmt;

/// The widest indentation that is told apart.
pub(super) const MAX_INDENT: u8 = 8;

/// What an encoder does besides the obvious. The default is compact, all characters as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Style {
    pub(super) layout: Layout,
    /// What is not ASCII is written `\u00e9`: Python.
    pub(super) ascii: bool,
    /// `/` is written `\/`: PHP.
    pub(super) slashes: bool,
    /// `<`, `>`, `&`, U+2028 and U+2029 are written `\u003c`: Go.
    pub(super) html: bool,
    /// A line feed follows the document.
    pub(super) newline: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Layout {
    /// `{"a":1,"b":2}`
    #[default]
    Compact,
    /// `{"a": 1, "b": 2}`: Python.
    Spaced,
    /// One line for each member, so many spaces deeper at each level.
    Indent(u8),
    /// The same with tabs.
    Tab,
}

/// The words of a style in the file, in this order.
impl Style {
    pub(super) fn words(self) -> Vec<String> {
        let layout = match self.layout {
            Layout::Compact => None,
            Layout::Spaced => Some("spaced".to_owned()),
            Layout::Indent(n) => Some(format!("indent-{n}")),
            Layout::Tab => Some("indent-tab".to_owned()),
        };
        let flags = [(self.ascii, "ascii"), (self.slashes, "slashes"), (self.html, "html"), (self.newline, "newline")];
        layout.into_iter().chain(flags.into_iter().filter(|(on, _)| *on).map(|(_, word)| word.to_owned())).collect()
    }

    /// Adds one word; `false` where there is no such word or it contradicts an earlier one.
    pub(super) fn add(&mut self, word: &str) -> bool {
        let flag = match word {
            "ascii" => &mut self.ascii,
            "slashes" => &mut self.slashes,
            "html" => &mut self.html,
            "newline" => &mut self.newline,
            layout => {
                let layout = match layout {
                    "spaced" => Layout::Spaced,
                    "indent-tab" => Layout::Tab,
                    _ => match layout.strip_prefix("indent-").map(str::as_bytes) {
                        Some(&[digit @ b'0'..=b'8']) => Layout::Indent(digit - b'0'),
                        _ => return false,
                    },
                };
                return std::mem::replace(&mut self.layout, layout) == Layout::Compact;
            }
        };
        !std::mem::replace(flag, true)
    }
}
/// Puts JSON down in one style.
pub(super) struct Writer {
    style: Style,
    depth: usize,
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn new(style: Style, capacity: usize) -> Self {
        Self { style, depth: 0, out: Vec::with_capacity(capacity) }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.style.newline {
            self.out.push(b'\n');
        }
        self.out
    }

    pub(super) fn word(&mut self, word: &str) {
        self.out.extend_from_slice(word.as_bytes());
    }

    pub(super) fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.depth += 1;
    }

    pub(super) fn close(&mut self, bracket: u8, empty: bool) {
        self.depth -= 1;
        if !empty {
            self.line();
        }
        self.out.push(bracket);
    }

    /// What stands before the item with this number.
    pub(super) fn item(&mut self, index: usize) {
        if index > 0 {
            self.out.push(b',');
            if self.style.layout == Layout::Spaced {
                self.out.push(b' ');
            }
        }
        self.line();
    }

    fn line(&mut self) {
        let (unit, times) = match self.style.layout {
            Layout::Compact | Layout::Spaced => return,
            Layout::Indent(n) => (b' ', usize::from(n)),
            Layout::Tab => (b'\t', 1),
        };
        self.out.push(b'\n');
        self.out.extend(std::iter::repeat_n(unit, times * self.depth));
    }

    pub(super) fn key(&mut self, name: &str) {
        self.string(name);
        self.out.push(b':');
        if self.style.layout != Layout::Compact {
            self.out.push(b' ');
        }
    }

    pub(super) fn string(&mut self, text: &str) {
        self.out.push(b'"');
        let mut plain = 0;
        for (at, c) in text.char_indices() {
            if !self.is_escaped(c) {
                continue;
            }
            self.out.extend_from_slice(&text.as_bytes()[plain..at]);
            plain = at + c.len_utf8();
            self.escape(c);
        }
        self.out.extend_from_slice(&text.as_bytes()[plain..]);
        self.out.push(b'"');
    }

    fn is_escaped(&self, c: char) -> bool {
        match c {
            '"' | '\\' | '\0'..='\u{1f}' => true,
            '/' => self.style.slashes,
            '<' | '>' | '&' => self.style.html,
            '\u{2028}' | '\u{2029}' => self.style.html || self.style.ascii,
            c => self.style.ascii && !c.is_ascii(),
        }
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '"' | '\\' | '/' => c as u8,
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    self.out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
                return;
            }
        };
        self.out.extend_from_slice(&[b'\\', short]);
    }
}

/// The words, for error texts.
impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}
