//! Entering what the index has not followed yet, when a log is opened; and telling a torn end from damage.

use bytes::Bytes;

use super::books::{Books, Content, Placed, lane_of};
use super::codec::{Problem, Reader};
use super::context::Context;
use super::frame::{GROUP, HEADER, Header, Kind, MAGIC};
use super::index::Mark;
use super::outcome;
use super::parcel;
use super::segments::Segments;
use crate::log::LogError;

/// Enters everything behind the mark, and cuts what a crash left torn.
pub(super) fn replay(segments: &Segments, books: &mut Books, context: &Context) -> Result<(), LogError> {
    let mark = books.mark();
    let sizes = segments.sizes();
    if mark != Mark::default() && sizes.get(&mark.segment).is_none_or(|size| *size < mark.offset) {
        let what = format!("segment file {}", Segments::name(mark.segment));
        return Err(
            context.corrupt(&what, &format!("it ends before byte {}, up to which it had been read", mark.offset))
        );
    }
    let last = sizes.keys().next_back().copied();
    for (&number, &size) in sizes.range(mark.segment..) {
        let from = if number == mark.segment { mark.offset } else { 0 };
        Replay { segments, context, number, size }.run(books, from, Some(number) == last)?;
    }
    Ok(())
}

struct Replay<'a> {
    segments: &'a Segments,
    context: &'a Context,
    number: u32,
    size: u64,
}

impl Replay<'_> {
    fn run(&self, books: &mut Books, mut offset: u64, last: bool) -> Result<(), LogError> {
        let mut group: Vec<(u64, Header, Bytes)> = Vec::new();
        while offset < self.size {
            let (header, body) = match self.frame(offset)? {
                Ok(frame) => frame,
                Err(problem) => {
                    self.enter(books, std::mem::take(&mut group))?;
                    return self.torn(offset, &problem, last);
                }
            };
            if header.flags & GROUP != 0 {
                self.enter(books, std::mem::take(&mut group))?;
            }
            let length = HEADER as u64 + u64::from(header.body_len);
            group.push((offset, header, body));
            offset += length;
        }
        self.enter(books, group)
    }

    /// The frame at this place, or what is wrong with it.
    fn frame(&self, offset: u64) -> Result<Result<(Header, Bytes), Problem>, LogError> {
        let left = self.size - offset;
        if left < HEADER as u64 {
            return Ok(Err("it ends within its header".into()));
        }
        let header = match Header::decode(&self.read(offset, HEADER)?) {
            Ok(header) => header,
            Err(problem) => return Ok(Err(problem)),
        };
        if left - (HEADER as u64) < u64::from(header.body_len) {
            return Ok(Err("it ends within its body".into()));
        }
        let body = self.read(offset + HEADER as u64, header.body_len as usize)?;
        Ok(header.check(&body).map(|()| (header, body)))
    }

    fn enter(&self, books: &mut Books, group: Vec<(u64, Header, Bytes)>) -> Result<(), LogError> {
        if group.is_empty() {
            return Ok(());
        }
        let placed = group.iter().map(|(offset, header, body)| {
            let content = content(header, body).map_err(|problem| self.corrupt(*offset, &problem))?;
            Ok(Placed { header: *header, offset: *offset, body, content })
        });
        books.enter(self.number, placed.collect::<Result<_, LogError>>()?).map(drop)
    }

    /// What cannot be read is cut off if it is the end of the last group, which nobody was told is safe.
    fn torn(&self, offset: u64, problem: &str, last: bool) -> Result<(), LogError> {
        if !last || self.group_behind(offset)? {
            return Err(self.corrupt(offset, problem));
        }
        let name = Segments::name(self.number);
        tracing::warn!(file = name, offset, bytes = self.size - offset, problem, "the torn end of the log is cut off");
        self.segments.cut(self.number, offset).map_err(|error| self.context.io(&name, &error))
    }

    /// Whether a group begins behind this place: it was written when all before it was on disk.
    fn group_behind(&self, offset: u64) -> Result<bool, LogError> {
        const CHUNK: u64 = 1 << 20;
        let mut at = offset + 1;
        while at + (HEADER as u64) <= self.size {
            let chunk = self.read(at, usize::try_from((self.size - at).min(CHUNK)).unwrap_or_default())?;
            for found in memchr::memmem::find_iter(&chunk, &MAGIC) {
                let found = at + found as u64;
                if matches!(self.frame(found)?, Ok((header, _)) if header.flags & GROUP != 0) {
                    return Ok(true);
                }
            }
            at += CHUNK - MAGIC.len() as u64;
        }
        Ok(false)
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes, LogError> {
        let name = || Segments::name(self.number);
        self.segments.read(self.number, offset, length).map_err(|error| self.context.io(&name(), &error))
    }

    fn corrupt(&self, offset: u64, problem: &str) -> LogError {
        self.context.corrupt(&format!("byte {offset} of segment file {}", Segments::name(self.number)), problem)
    }
}

/// What a frame holds.
pub(super) fn content(header: &Header, body: &[u8]) -> Result<Content, Problem> {
    Ok(match header.kind {
        Kind::Parcel => Content::Parcel(parcel::summary(body)?),
        Kind::Outcome => Content::Outcome(outcome::read(body, lane_of(header))?),
        Kind::Source | Kind::Instance => Content::Name(Reader::new(body).text()?),
        Kind::Lane => {
            let (state, letters) = outcome::read_lane(body, lane_of(header))?;
            Content::Lane(state, letters)
        }
        Kind::Span => {
            let mut reader = Reader::new(body);
            Content::Span(reader.number()?, reader.number()?)
        }
    })
}
