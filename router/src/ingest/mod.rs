//! The way in: Segment's HTTP tracking API.
