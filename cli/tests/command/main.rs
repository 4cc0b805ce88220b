//! The real binary on small folders of tapes. One program, so that it is linked once.

mod help;
mod live;
mod reading;
mod reviewing;
mod scanning;
mod support;
mod viewing;
mod writing;
