//! The engine without a service to start: fjall.
