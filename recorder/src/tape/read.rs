//! The text of a tape's file into a tape. Strict: what is not understood is an error at its line, never left aside.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use crate::codec::digest;

use super::error::{At, Problem};
use super::fields::{self, Fields, wrong, wrong_type};
use super::format;
use super::yaml::{self, Kind, Node, Scalar};
use super::{
    Answer, Cut, Fault, FaultKind, Headers, Key, Origin, Outcome, Recorded, Request, Take, Tape, TapeError, proof,
    transcript_file,
};

pub(super) use super::read_body::Files;

impl Tape {
    /// Reads the tape in `file`; `None` where there is no such file.
    ///
    /// # Errors
    /// Where the file is there but is not a tape of this version: with line, column and what to do.
    pub fn read(file: &Path) -> Result<Option<Self>, TapeError> {
        let io = |source| TapeError::Io { file: file.to_owned(), source };
        let opened = match File::open(file) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let len = opened.metadata().map_err(io)?.len();
        if len > format::MAX_TAPE {
            return Err(TapeError::TooLarge { file: file.to_owned(), len, limit: format::MAX_TAPE });
        }
        let mut bytes = Vec::with_capacity(len as usize + 1);
        // a device can be longer than it says
        opened.take(format::MAX_TAPE + 1).read_to_end(&mut bytes).map_err(io)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = u32::try_from(memchr::memchr_iter(b'\n', good).count() + 1).unwrap_or(u32::MAX);
            At { line, column: 1, problem: Problem::NotUtf8 }.of(file)
        })?;
        Self::parse(&text, file).map(Some)
    }

    /// Reads the tape in `text`. Body files are looked for in the folder of `file`; the larger ones are not read, only found
    /// to be there with the right length. The file itself is not opened; errors name it.
    ///
    /// # Errors
    /// Where `text` is not a tape of this version, or a body file is missing or another one.
    pub fn parse(text: &str, file: &Path) -> Result<Self, TapeError> {
        let len = text.len() as u64;
        if len > format::MAX_TAPE {
            return Err(TapeError::TooLarge { file: file.to_owned(), len, limit: format::MAX_TAPE });
        }
        let folder = file.parent().unwrap_or(Path::new(""));
        tape(text, folder, &Files::Beside).map_err(|at| at.of(file))
    }
}

/// The tape in `text`, whose body files are `files`.
pub(super) fn tape(text: &str, folder: &Path, files: &Files<'_>) -> Result<Tape, At> {
    let root = yaml::parse(text)?;
    let version = version(&root)?;
    let fields = Fields::new(&root, "a tape", format::TAPE)?;
    let takes_node = fields.need("takes")?;
    let takes = fields::seq(takes_node, "takes")?;
    if takes.is_empty() {
        return Err(wrong(takes_node, "takes", "a tape has at least one take: record again".to_owned()));
    }
    Ok(Tape {
        key: key(fields.need("key")?)?,
        layer: fields.word_or_default("layer")?,
        rules: fields.texts("rules")?,
        request: request(fields.need("request")?, folder, files)?,
        takes: takes.iter().map(|node| take(node, version, folder, files)).collect::<Result<_, _>>()?,
    })
}

/// Asked first: a later version may have other fields.
fn version(root: &Node<'_>) -> Result<u8, At> {
    let entries = fields::map(root, "the file")?;
    let missing = || root.place.err(Problem::Missing { field: "tape", of: "the file, so it is not a tape" });
    let (_, node) = entries.iter().find(|(key, _)| key.text == "tape").ok_or_else(missing)?;
    match &node.kind {
        Kind::Scalar(Scalar { text, plain: true }) if text == format::VERSION => Ok(1),
        Kind::Scalar(Scalar { text, plain: true }) if text == format::VERSION_2 => Ok(2),
        Kind::Scalar(Scalar { text, plain: true }) => Err(node.place.err(Problem::Version { found: text.to_string() })),
        _ => Err(wrong_type(node, "tape", "the number of a version")),
    }
}

fn key(node: &Node<'_>) -> Result<Key, At> {
    let expected = || wrong(node, "key", "it has to be 64 lower-case hex digits: record again".to_owned());
    digest::unhex(fields::text(node, "key")?).map(Key).ok_or_else(expected)
}

fn request(node: &Node<'_>, folder: &Path, files: &Files<'_>) -> Result<Request, At> {
    let fields = Fields::new(node, "a request", format::REQUEST)?;
    Ok(Request {
        method: fields.text("method")?,
        url: fields.text("url")?,
        version: fields.word_or_default("version")?,
        headers: headers(&fields, "headers")?,
        body: files.body(fields.get("body"), folder)?,
        trailers: headers(&fields, "trailers")?,
    })
}

fn take(node: &Node<'_>, version: u8, folder: &Path, files: &Files<'_>) -> Result<Take, At> {
    let is_fault = fields::map(node, "a take")?.iter().any(|(key, _)| key.text == "fault");
    let (fields, outcome) = if is_fault {
        let fields = Fields::new(node, "a take with a fault", format::NO_ANSWER)?;
        let outcome = Outcome::Fault(fault(fields.need("fault")?)?);
        (fields, outcome)
    } else {
        let known = if version == 1 { format::ANSWER } else { format::ANSWER_2 };
        let fields = Fields::new(node, "a take", known)?;
        let outcome = Outcome::Answer(answer(&fields, folder, files)?);
        (fields, outcome)
    };
    let node = fields.need("recorded")?;
    let recorded = recorded(node)?;
    let frames = proof::timed(&outcome);
    let times = recorded.frames.len();
    if times != 0 && times != frames {
        let reason = format!(
            "there are {times} times for {frames} frames or messages: remove `frames` here or make them as many"
        );
        return Err(wrong(node, "recorded.frames", reason));
    }
    Ok(Take { outcome, recorded })
}

fn answer(fields: &Fields<'_, '_>, folder: &Path, files: &Files<'_>) -> Result<Answer, At> {
    let node = fields.need("status")?;
    let status = u16::try_from(fields::number(node, "status")?).ok().filter(|&status| proof::is_status(status));
    let answer = Answer {
        status: status.ok_or_else(|| wrong(node, "status", "a status is a number from 100 to 999".to_owned()))?,
        reason: fields.opt_text("reason")?,
        version: fields.word_or_default("version")?,
        url: fields.opt_text("url")?,
        headers: headers(fields, "headers")?,
        body: files.body(fields.get("body"), folder)?,
        frames: fields.numbers("frames")?,
        trailers: headers(fields, "trailers")?,
        transcript: transcript_file::read(fields, folder, files)?.map(Box::new),
        cut: fields.get("cut").map(cut).transpose()?,
    };
    if let (Err(reason), Some(node)) = (proof::frames_fit(&answer), fields.get("frames")) {
        return Err(wrong(node, "frames", format!("{reason}: after a change of the body remove `frames`")));
    }
    if answer.transcript.is_some()
        && let Some(field) = ["body", "frames", "trailers"].into_iter().find_map(|field| fields.get(field))
    {
        let reason = "after an upgrade there are messages and nothing else: remove it or `messages`".to_owned();
        return Err(wrong(field, "messages", reason));
    }
    Ok(answer)
}

fn cut(node: &Node<'_>) -> Result<Cut, At> {
    match &node.kind {
        Kind::Scalar(Scalar { text, .. }) if text == format::CUT_BY_CALLER => Ok(Cut::Caller),
        Kind::Map(_) => fault(node).map(Cut::Fault),
        _ => Err(wrong_type(node, "cut", "`caller` or a map of `kind` and `message`")),
    }
}

fn fault(node: &Node<'_>) -> Result<Fault, At> {
    let fields = Fields::new(node, "a fault", format::FAULT)?;
    let kind = fields::word::<FaultKind>(fields.need("kind")?, "kind")?;
    Ok(Fault { kind, message: fields.text("message")? })
}

fn recorded(node: &Node<'_>) -> Result<Recorded, At> {
    let fields = Fields::new(node, "`recorded`", format::RECORDED)?;
    let (at, elapsed, from) = (fields.need("at")?, fields.need("elapsed")?, fields.need("from")?);
    Ok(Recorded {
        at: format::time(fields::text(at, "at")?)
            .ok_or_else(|| wrong(at, "at", "write it as 2026-11-21T10:00:00Z".to_owned()))?,
        elapsed: format::duration(fields::text(elapsed, "elapsed")?)
            .ok_or_else(|| wrong(elapsed, "elapsed", "write it as 182ms, 30s or 1.5s".to_owned()))?,
        frames: fields.numbers("frames")?.into_iter().map(Duration::from_millis).collect(),
        from: fields::word::<Origin>(from, "from")?,
        notes: fields.texts("notes")?,
    })
}

/// A map, values single or in a list, or a list of maps of one field each.
fn headers(fields: &Fields<'_, '_>, field: &'static str) -> Result<Headers, At> {
    let mut headers = Headers::new();
    let Some(node) = fields.get(field) else { return Ok(headers) };
    match &node.kind {
        Kind::Map(entries) => {
            for (name, value) in entries {
                match &value.kind {
                    Kind::Seq(values) if values.is_empty() => {
                        return Err(wrong(value, &name.text, "a header in a list has at least one value".to_owned()));
                    }
                    Kind::Seq(values) => {
                        for value in values {
                            headers.push(name.text.as_ref(), header_value(value, &name.text)?);
                        }
                    }
                    _ => headers.push(name.text.as_ref(), header_value(value, &name.text)?),
                }
            }
        }
        Kind::Seq(pairs) => {
            for pair in pairs {
                let [(name, value)] = fields::map(pair, field)? else {
                    return Err(wrong(pair, field, "in a list of headers each item is one `name: value`".to_owned()));
                };
                headers.push(name.text.as_ref(), header_value(value, &name.text)?);
            }
        }
        Kind::Scalar(_) => return Err(wrong_type(node, field, "a map of names and values")),
    }
    Ok(headers)
}

fn header_value(node: &Node<'_>, name: &str) -> Result<Vec<u8>, At> {
    match &node.kind {
        Kind::Map(_) => {
            let fields = Fields::new(node, "a header value that is no text", &["base64"])?;
            fields::base64(fields.need("base64")?, "base64")
        }
        _ => fields::text(node, name).map(|text| text.as_bytes().to_vec()),
    }
}
