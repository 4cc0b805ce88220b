//! `router conform`: what we would send beside what Segment's own code sends.
