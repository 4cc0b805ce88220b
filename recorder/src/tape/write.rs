//! A tape into the text of its file and the files beside it, with the proof that they read back as the same tape.

use std::borrow::Cow;
use std::path::Path;

use super::emit::{self, Out};
use super::format::{self, Words};
use super::read::{self, Files};
use super::view::{self, BodyFiles, Form};
use super::{
    Answer, Body, Cut, Fault, Headers, Layer, Outcome, Recorded, Request, Take, Tape, TapeError, Version, proof,
    transcript_file,
};

/// What is to be on the disk for a tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text of the tape.
    pub yaml: String,
    /// The bodies that lie beside it.
    pub files: Vec<RenderedFile>,
}

/// A body that lies beside its tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// The name of the file, made of the hash of its content: `3b1c0d9e8f7a6b5c.png`.
    pub name: String,
    /// What is to be in it: [`Body::Bytes`], or [`Body::File`] where the content lies in another file already.
    pub content: Body,
}

/// The fields of a map in the file.
pub(super) type Fields = Vec<(Cow<'static, str>, Out)>;

impl Tape {
    /// The file of this tape, and the body files beside it. The same tape always gives the same bytes.
    ///
    /// Ends with a proof: what was written is read again and compared with `self`. Bodies that would not come back as they
    /// are get a plainer form; the content of a [`Body::File`] is taken at its word (length and hash), not read.
    ///
    /// # Errors
    /// [`TapeError::Unwritable`] where `self` is no tape: no takes, a status beyond 100 to 999, frames that do not sum up to
    /// the body, a time beyond the years 1970 to 9999. [`TapeError::Unfaithful`] where not even the plainest form reads
    /// back as it was.
    pub fn render(&self) -> Result<Rendered, TapeError> {
        proof::check(self).map_err(TapeError::Unwritable)?;
        let mut difference = String::new();
        for form in [Form::Readable, Form::Text, Form::Base64] {
            let mut files = BodyFiles::default();
            let yaml = emit::emit(&tape(self, form, &mut files)?);
            match read::tape(&yaml, Path::new(""), &Files::Pending(&files.0)) {
                Ok(again) => match proof::difference(self, &again) {
                    None => return Ok(Rendered { yaml, files: files.into_rendered() }),
                    Some(what) => difference = what,
                },
                Err(at) => difference = at.problem.to_string(),
            }
        }
        Err(TapeError::Unfaithful(difference))
    }
}

impl BodyFiles {
    fn into_rendered(self) -> Vec<RenderedFile> {
        self.0.into_iter().map(|(name, content)| RenderedFile { name, content }).collect()
    }
}

fn tape(tape: &Tape, form: Form, files: &mut BodyFiles) -> Result<Fields, TapeError> {
    let mut fields: Fields =
        vec![("tape".into(), Out::Word(version_of(tape).into())), ("key".into(), Out::Text(tape.key.hex()))];
    if tape.layer != Layer::default() {
        fields.push(("layer".into(), word(tape.layer)));
    }
    if !tape.rules.is_empty() {
        fields.push(("rules".into(), texts(&tape.rules)));
    }
    fields.push(("request".into(), Out::Fields(request(&tape.request, form, files))));
    let takes = tape.takes.iter().map(|one| take(one, form, files)).collect::<Result<_, _>>()?;
    fields.push(("takes".into(), Out::Items(takes)));
    Ok(fields)
}

/// The oldest version that can hold the tape.
fn version_of(tape: &Tape) -> &'static str {
    let said = |take: &Take| matches!(&take.outcome, Outcome::Answer(answer) if answer.transcript.is_some());
    if tape.takes.iter().any(said) { format::VERSION_2 } else { format::VERSION }
}

fn request(request: &Request, form: Form, files: &mut BodyFiles) -> Fields {
    let mut fields: Fields =
        vec![("method".into(), Out::Text(request.method.clone())), ("url".into(), Out::Text(request.url.clone()))];
    push_version(request.version, &mut fields);
    push_headers("headers", &request.headers, &mut fields);
    if let Some(body) = view::body(&request.body, &request.headers, true, form, files) {
        fields.push(("body".into(), body));
    }
    push_headers("trailers", &request.trailers, &mut fields);
    fields
}

fn take(take: &Take, form: Form, files: &mut BodyFiles) -> Result<Out, TapeError> {
    let mut fields = match &take.outcome {
        Outcome::Answer(one) => answer(one, form, files),
        Outcome::Fault(one) => vec![("fault".into(), fault(one))],
    };
    fields.push(("recorded".into(), recorded(&take.recorded)?));
    Ok(Out::Fields(fields))
}

fn answer(answer: &Answer, form: Form, files: &mut BodyFiles) -> Fields {
    let mut fields: Fields = vec![("status".into(), number(answer.status.into()))];
    if let Some(reason) = &answer.reason {
        fields.push(("reason".into(), Out::Text(reason.clone())));
    }
    push_version(answer.version, &mut fields);
    if let Some(url) = &answer.url {
        fields.push(("url".into(), Out::Text(url.clone())));
    }
    push_headers("headers", &answer.headers, &mut fields);
    if let Some(body) = view::body(&answer.body, &answer.headers, answer.cut.is_none(), form, files) {
        fields.push(("body".into(), body));
    }
    if !answer.frames.is_empty() {
        fields.push(("frames".into(), Out::Packed(answer.frames.iter().copied().map(number).collect())));
    }
    push_headers("trailers", &answer.trailers, &mut fields);
    if let Some(transcript) = &answer.transcript {
        transcript_file::write(transcript, form, files, &mut fields);
    }
    match &answer.cut {
        None => {}
        Some(Cut::Caller) => fields.push(("cut".into(), Out::Word(format::CUT_BY_CALLER.into()))),
        Some(Cut::Fault(one)) => fields.push(("cut".into(), fault(one))),
    }
    fields
}

fn fault(fault: &Fault) -> Out {
    Out::Map(vec![("kind".into(), word(fault.kind)), ("message".into(), Out::Text(fault.message.clone()))])
}

fn recorded(recorded: &Recorded) -> Result<Out, TapeError> {
    let unwritable = |what: &str| TapeError::Unwritable(what.to_owned());
    let at = format::time_text(recorded.at).ok_or_else(|| unwritable("`recorded.at` is beyond 1970 to 9999"))?;
    let elapsed =
        format::duration_text(recorded.elapsed).ok_or_else(|| unwritable("`recorded.elapsed` is too long"))?;
    let mut fields: Fields = vec![("at".into(), Out::Word(at.into())), ("elapsed".into(), Out::Word(elapsed.into()))];
    if !recorded.frames.is_empty() {
        let millis = |frame: &std::time::Duration| u64::try_from(frame.as_millis()).ok().map(number);
        let frames = recorded.frames.iter().map(millis).collect::<Option<_>>();
        fields.push((
            "frames".into(),
            Out::Packed(frames.ok_or_else(|| unwritable("a frame of `recorded` came too late"))?),
        ));
    }
    fields.push(("from".into(), word(recorded.from)));
    if !recorded.notes.is_empty() {
        fields.push(("notes".into(), texts(&recorded.notes)));
    }
    Ok(Out::Map(fields))
}

fn push_version(version: Version, fields: &mut Fields) {
    if version != Version::default() {
        fields.push(("version".into(), word(version)));
    }
}

/// A map where every name stands in one place, repeats as a list under it; else a list of pairs.
fn push_headers(field: &'static str, headers: &Headers, fields: &mut Fields) {
    if headers.is_empty() {
        return;
    }
    let mut grouped: Vec<(&str, Vec<Out>)> = Vec::new();
    for (name, value) in headers.iter() {
        match grouped.last_mut() {
            Some((last, values)) if *last == name => values.push(header_value(value)),
            _ => grouped.push((name, vec![header_value(value)])),
        }
    }
    let mut names: Vec<_> = grouped.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let out = if names.windows(2).any(|pair| pair[0] == pair[1]) {
        let pair = |(name, value): (&str, &bytes::Bytes)| {
            Out::Fields(vec![(Cow::Owned(name.to_owned()), header_value(value))])
        };
        Out::Items(headers.iter().map(pair).collect())
    } else {
        let one = |(name, mut values): (&str, Vec<Out>)| {
            let value = if values.len() == 1 { values.swap_remove(0) } else { Out::Items(values) };
            (Cow::Owned(name.to_owned()), value)
        };
        Out::Fields(grouped.into_iter().map(one).collect())
    };
    fields.push((field.into(), out));
}

fn header_value(value: &[u8]) -> Out {
    match std::str::from_utf8(value) {
        Ok(text) => Out::Text(text.to_owned()),
        Err(_) => Out::Map(vec![("base64".into(), view::base64(value))]),
    }
}

fn texts(texts: &[String]) -> Out {
    Out::Seq(texts.iter().cloned().map(Out::Text).collect())
}

pub(super) fn word<W: Words>(value: W) -> Out {
    Out::Word(value.word().into())
}

pub(super) fn number(n: u64) -> Out {
    Out::Word(n.to_string().into())
}
