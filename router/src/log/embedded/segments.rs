//! The segment files: frames, one behind the other, synced group by group. A file is never changed, only cut at its torn end and
//! removed as a whole.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use super::frame::Frame;

/// How many files are kept open for reading.
const OPEN: usize = 128;

/// The folder of segment files.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    sizes: BTreeMap<u32, u64>,
    open: HashMap<u32, Arc<File>>,
}

impl Segments {
    /// Looks at what is in the folder, which is made if it is not there.
    pub(super) fn at(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        sync(folder.parent().unwrap_or(folder))?;
        let mut files = Files::default();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if let Some(number) = number(&entry.file_name().to_string_lossy()) {
                files.sizes.insert(number, entry.metadata()?.len());
            }
        }
        Ok(Self { folder: folder.to_owned(), files: Mutex::new(files) })
    }

    /// Numbers and sizes, oldest first.
    pub(super) fn sizes(&self) -> BTreeMap<u32, u64> {
        self.files().sizes.clone()
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files().sizes.values().sum()
    }

    /// Reads a part of a file.
    pub(super) fn read(&self, number: u32, offset: u64, length: usize) -> io::Result<Bytes> {
        let file = self.open(number)?;
        let mut bytes = BytesMut::zeroed(length);
        file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes.freeze())
    }

    /// Removes a file.
    pub(super) fn remove(&self, number: u32) -> io::Result<()> {
        {
            let mut files = self.files();
            files.open.remove(&number);
            files.sizes.remove(&number);
        }
        match fs::remove_file(self.path(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync(&self.folder),
        }
    }

    /// Cuts a file to what is whole in it.
    pub(super) fn cut(&self, number: u32, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path(number))?;
        file.set_len(length)?;
        file.sync_all()?;
        self.files().sizes.insert(number, length);
        Ok(())
    }

    /// The name of a file, for people.
    pub(super) fn name(number: u32) -> String {
        format!("{number:08}.seg")
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(Self::name(number))
    }

    fn open(&self, number: u32) -> io::Result<Arc<File>> {
        if let Some(file) = self.files().open.get(&number) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(File::open(self.path(number))?);
        let mut files = self.files();
        if files.open.len() >= OPEN {
            files.open.clear();
        }
        // A file that was removed meanwhile is not kept open: its space would not be given back.
        if files.sizes.contains_key(&number) {
            files.open.insert(number, Arc::clone(&file));
        }
        Ok(file)
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file that is written to.
#[derive(Debug)]
pub(super) struct Tail {
    segments: Arc<Segments>,
    file: File,
    number: u32,
    /// What is whole and on disk.
    length: u64,
    /// More than that may be in the file: a write failed, and could not be undone yet.
    dirty: bool,
}

impl Tail {
    /// Goes on in this file, which is made if it is not there.
    pub(super) fn open(segments: Arc<Segments>, number: u32) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(segments.path(number))?;
        let length = file.metadata()?.len();
        sync(&segments.folder)?;
        segments.files().sizes.insert(number, length);
        Ok(Self { segments, file, number, length, dirty: false })
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Begins a new file.
    pub(super) fn roll(&mut self) -> io::Result<()> {
        *self = Self::open(Arc::clone(&self.segments), self.number + 1)?;
        Ok(())
    }

    /// Adds a group and waits for the disk. Where that fails, nothing of it is in the file, or nothing more is taken until it is not.
    pub(super) fn append<'a>(&mut self, frames: impl Iterator<Item = &'a Frame> + Clone) -> io::Result<()> {
        if self.dirty {
            self.undo()?;
        }
        let written = write_all(&mut self.file, frames.clone()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.dirty = true;
            // Where this fails too, the next group tries it again before it is written.
            let _ = self.undo();
            return Err(error);
        }
        self.length += frames.map(|frame| frame.bytes().len() as u64).sum::<u64>();
        self.segments.files().sizes.insert(self.number, self.length);
        Ok(())
    }

    fn undo(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_all()?;
        self.dirty = false;
        Ok(())
    }
}

fn write_all<'a>(file: &mut File, frames: impl Iterator<Item = &'a Frame>) -> io::Result<()> {
    let mut slices: Vec<_> = frames.map(|frame| IoSlice::new(frame.bytes())).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes the entries of a folder durable.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn number(name: &str) -> Option<u32> {
    name.strip_suffix(".seg")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::frame::{GROUP, Kind};
    use super::*;

    fn frame(text: &str) -> Frame {
        let mut frame = Frame::build(Kind::Parcel, 0, 0, |out| {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        })
        .expect("small enough");
        frame.stamp(GROUP, 0);
        frame
    }

    #[test]
    fn what_was_appended_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let segments = Arc::new(Segments::at(dir.path()).expect("segments"));
        let mut tail = Tail::open(Arc::clone(&segments), 1).expect("a tail");
        let frames: Vec<_> = (0..2000).map(|n| frame(&n.to_string())).collect();
        tail.append(frames.iter()).expect("written");
        let whole: Vec<u8> = frames.iter().flat_map(Frame::bytes).copied().collect();
        assert_eq!(segments.read(1, 0, whole.len()).expect("read"), whole);
        assert_eq!((tail.length(), segments.bytes()), (whole.len() as u64, whole.len() as u64));
        assert!(segments.read(1, 1, whole.len()).is_err());
    }

    #[test]
    fn what_a_failed_write_left_is_cut_before_the_next() {
        let dir = tempfile::tempdir().expect("a folder");
        let segments = Arc::new(Segments::at(dir.path()).expect("segments"));
        let mut tail = Tail::open(Arc::clone(&segments), 1).expect("a tail");
        tail.append([frame("one")].iter()).expect("written");
        tail.file.write_all(b"half of a frame").expect("written");
        tail.dirty = true;
        tail.append([frame("two")].iter()).expect("written");
        let whole = [frame("one").bytes(), frame("two").bytes()].concat();
        assert_eq!(fs::read(dir.path().join("00000001.seg")).expect("the file"), whole);
    }

    #[test]
    fn a_removed_file_is_gone() {
        let dir = tempfile::tempdir().expect("a folder");
        let segments = Arc::new(Segments::at(dir.path()).expect("segments"));
        let mut tail = Tail::open(Arc::clone(&segments), 1).expect("a tail");
        tail.append([frame("one")].iter()).expect("written");
        tail.roll().expect("a new file");
        segments.remove(1).expect("removed");
        assert!(segments.read(1, 0, 1).is_err());
        assert_eq!(segments.sizes().into_keys().collect::<Vec<_>>(), [2]);
    }
}
