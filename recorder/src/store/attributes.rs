//! `tapes/.gitattributes`: Git must not convert line ends in bodies, which are bytes.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::StoreError;

const ATTRIBUTES: &str = "# Bodies are bytes; a tape's own text reads the same with either line end.\n\
                          * -text\n\
                          *.yaml text eol=lf\n";

/// Writes the file where there is none; one that is there is left alone.
pub(crate) fn guard_line_ends(root: &Path) -> Result<(), StoreError> {
    let path = root.join(".gitattributes");
    match File::create_new(&path) {
        Ok(mut file) => file.write_all(ATTRIBUTES.as_bytes()).map_err(StoreError::io("write", &path)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(StoreError::io("create", &path)(e)),
    }
}
