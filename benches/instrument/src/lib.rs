//! What the parts of `make bench` share: streams as engines send them, the parsers' speed, and the table of figures.

pub mod streams;
pub mod table;
