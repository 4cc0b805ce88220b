//! The real binary on small folders of tapes. One program, so that it is linked once.

mod help;
mod live;
mod reading;
mod scanning;
mod support;
mod writing;
