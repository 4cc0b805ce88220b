//! The real binary, in a folder of its own: what an operator and a client see of it.

mod admin;
mod dead_letters;
mod flow;
mod reload;
mod stop;
mod support;
