//! The `dria-bench` program: parse and dispatch.

fn main() {}
