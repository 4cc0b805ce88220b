//! A parcel as bytes.
