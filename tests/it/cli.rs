//! The command line as a newcomer meets it: the real program, with everything that can be wrong.

mod database;
mod endpoints;
mod engines;
mod people;
mod reads;
mod signals;
mod usage;

/// A run of the truth engine that takes a second or two: 4 prompt and 4 output tokens.
const QUICK: &str = "run --engine truth --prompt-tokens 4 --output-tokens 4 --engine-arg=--ttft-ms=10 \
                     --engine-arg=--itl-ms=1";
