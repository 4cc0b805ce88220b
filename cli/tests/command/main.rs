//! The real binary on small folders of tapes. One program, so that it is linked once.

mod formats;
mod help;
mod reading;
mod scanning;
mod support;
mod tidying;
