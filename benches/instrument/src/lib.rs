//! What `make bench` and the benches share: streams as engines send them, and the parsers' speed.

pub mod streams;
