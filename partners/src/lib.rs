//! A stand-in for partner APIs.
