//! GraphQL requests: the document without what has no meaning, the operation's name, the variables.
//!
//! White space, commas, comments and a byte order mark have no meaning ([GraphQL §2.1]); strings are left as they stand.
//!
//! [GraphQL §2.1]: https://spec.graphql.org/October2021/#sec-Source-Text

use super::escape;
use super::json::write_node;
use crate::codec::json::{Kind, Member, Node};

/// One request of a GraphQL body. All but the query is canonical JSON, absent where the member is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Operation {
    /// `operationName`, a string as a rule.
    pub(super) name: Option<String>,
    /// The document, tokens parted only where they must be.
    pub(super) query: String,
    /// `variables`
    pub(super) variables: Option<String>,
    /// `extensions`
    pub(super) extensions: Option<String>,
    /// An object of all other members.
    pub(super) other: Option<String>,
}

/// The requests in a sorted JSON body and whether they came as a batch; none where it is not GraphQL.
pub(super) fn read(body: &Node<'_>) -> Option<(Vec<Operation>, bool)> {
    match &body.kind {
        Kind::Object(members) => Some((vec![operation(members)?], false)),
        Kind::Array(items) if !items.is_empty() => {
            let operations = items.iter().map(|item| match &item.kind {
                Kind::Object(members) => operation(members),
                _ => None,
            });
            Some((operations.collect::<Option<_>>()?, true))
        }
        _ => None,
    }
}

/// A body that is a document and nothing else (`application/graphql`).
pub(super) fn document(text: &str) -> Option<Operation> {
    let query = normalise(text)?;
    Some(Operation { name: None, query, variables: None, extensions: None, other: None })
}

impl Operation {
    /// What a reader calls this operation: its name, else the first name in the document, else its kind.
    pub(super) fn title(&self) -> String {
        if let Some(name) = self.name.as_deref().and_then(|name| name.strip_prefix('"')?.strip_suffix('"')) {
            return name.to_owned();
        }
        let head = self.query.split(['{', '(', '@']).next().unwrap_or_default();
        match head.split_once(' ') {
            Some((_, name)) => name.to_owned(),
            None if head.is_empty() => "query".to_owned(),
            None => head.to_owned(),
        }
    }

    /// Writes each member on a line of its own.
    pub(super) fn write(&self, out: &mut String) {
        let query = escape::line(self.query.as_bytes());
        let name = self.name.as_deref().map(|name| ("operation", name));
        let rest = [("variables", &self.variables), ("extensions", &self.extensions), ("other", &self.other)];
        let rest = rest.into_iter().filter_map(|(label, member)| Some((label, member.as_deref()?)));
        for (label, text) in name.into_iter().chain([("query", &*query)]).chain(rest) {
            out.push_str(label);
            out.push(' ');
            out.push_str(text);
            out.push('\n');
        }
    }
}

fn operation(members: &[Member<'_>]) -> Option<Operation> {
    let mut query = None;
    let (mut name, mut variables, mut extensions) = (None, None, None);
    let mut other: Vec<&Member<'_>> = Vec::new();
    for member in members {
        let slot = match member.name.as_ref() {
            "query" => &mut query,
            "operationName" => &mut name,
            "variables" => &mut variables,
            "extensions" => &mut extensions,
            _ => {
                other.push(member);
                continue;
            }
        };
        if slot.replace(&member.value).is_some() {
            return None; // Which of two counts is the server's secret: compared as JSON.
        }
    }
    let Kind::String(query) = &query?.kind else { return None };
    let text = |node: &Node<'_>| {
        let mut out = String::new();
        write_node(node, &mut out);
        out
    };
    let other = (!other.is_empty()).then(|| {
        let kind = Kind::Object(other.into_iter().cloned().collect());
        text(&Node { span: 0..0, kind })
    });
    Some(Operation {
        name: name.map(text),
        query: normalise(query)?,
        variables: variables.map(text),
        extensions: extensions.map(text),
        other,
    })
}

/// The tokens of a document, or none where it is not one: it begins with a definition and its brackets close.
fn normalise(document: &str) -> Option<String> {
    let mut out = String::with_capacity(document.len());
    let mut open = Vec::new();
    let mut sets = 0;
    let mut rest = document;
    let mut last_is_word = false;
    while let Some(len) = next_token(&mut rest)? {
        let (token, after) = rest.split_at(len);
        if out.is_empty() && !["{", "query", "mutation", "subscription", "fragment"].contains(&token) {
            return None;
        }
        match token {
            "{" | "(" | "[" => {
                sets += usize::from(token == "{");
                open.push(token);
            }
            "}" | ")" | "]" => {
                let opener = open.pop()?;
                if !matches!((opener, token), ("{", "}") | ("(", ")") | ("[", "]")) {
                    return None;
                }
            }
            _ => {}
        }
        let is_word = token.len() > 1 || !token.starts_with(is_punctuator);
        if last_is_word && is_word {
            out.push(' ');
        }
        out.push_str(token);
        last_is_word = is_word;
        rest = after;
    }
    (sets > 0 && open.is_empty()).then_some(out)
}

/// Steps over what has no meaning and gives the length of the token that follows: `None` for no token that GraphQL knows,
/// `Some(None)` at the end.
fn next_token(rest: &mut &str) -> Option<Option<usize>> {
    loop {
        *rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', '\u{feff}']);
        let Some(comment) = rest.strip_prefix('#') else { break };
        *rest = comment.trim_start_matches(|c| c != '\n' && c != '\r');
    }
    let Some(first) = rest.chars().next() else { return Some(None) };
    let run = |legal: fn(char) -> bool| rest.find(|c| !legal(c)).unwrap_or(rest.len());
    let len = match first {
        '"' => string_len(rest)?,
        '.' => rest.starts_with("...").then_some(3)?,
        c if is_punctuator(c) => 1,
        '-' | '0'..='9' => run(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_')),
        'a'..='z' | 'A'..='Z' | '_' => run(|c| c.is_ascii_alphanumeric() || c == '_'),
        _ => return None,
    };
    Some(Some(len))
}

fn is_punctuator(c: char) -> bool {
    matches!(c, '!' | '$' | '&' | '(' | ')' | ':' | '=' | '@' | '[' | ']' | '{' | '|' | '}')
}

/// The length of a string or block string with its quotes.
fn string_len(rest: &str) -> Option<usize> {
    if let Some(block) = rest.strip_prefix("\"\"\"") {
        let mut at = 0;
        loop {
            let end = at + block[at..].find("\"\"\"")?;
            if !block[..end].ends_with('\\') {
                return Some(end + 6);
            }
            at = end + 3;
        }
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' | '\r' => return None,
            '"' if !escaped => return Some(at + 1),
            c => escaped = c == '\\' && !escaped,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_has_no_meaning_is_dropped() {
        let document = "# a comment {\nquery  Q ( $a : Int = 1, $b: [ID!] ) @live {\n  user(id: $a, s: \"# x,  y\") { ...F, id }\n}";
        let want = "query Q($a:Int=1$b:[ID!])@live{user(id:$a s:\"# x,  y\"){... F id}}";
        assert_eq!(normalise(document).as_deref(), Some(want));
        assert_eq!(normalise(want).as_deref(), Some(want));
    }

    #[test]
    fn strings_and_block_strings_are_left_alone() {
        let document = r#"{ a(x: """ b # c \""" , """, y: "\"  ,", z: "" "q") }"#;
        let want = r#"{a(x:""" b # c \""" , """ y:"\"  ," z:"" "q")}"#;
        assert_eq!(normalise(document).as_deref(), Some(want));
    }

    #[test]
    fn what_is_no_document_is_left_to_json() {
        for text in
            ["", "hello world", "select * from x", "{", "{}}", "{(])}", "query Q", "{ a \"", "{ a? }", "{ a..b }"]
        {
            assert_eq!(normalise(text), None, "{text}");
        }
    }

    #[test]
    fn an_operation_has_a_title() {
        let title = |query: &str| document(query).map(|o| o.title());
        assert_eq!(title("query GetUser($a: Int) { a }").as_deref(), Some("GetUser"));
        assert_eq!(title("{ a }").as_deref(), Some("query"));
        assert_eq!(title("mutation { a }").as_deref(), Some("mutation"));
    }

    proptest! {
        #[test]
        fn normal_documents_stay_as_they_are(inside in r#"([a-c]|[0-9]|"[x ,#]?"|"""[y" ]?"""|[ ,\n]|\.\.\.|[(){}:$]){0,12}"#) {
            if let Some(once) = normalise(&format!("{{{inside}}}")) {
                prop_assert_eq!(normalise(&once), Some(once));
            }
        }
    }
}
