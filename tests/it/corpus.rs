//! The fuzz targets' corpus, replayed: what once broke a parser, or reaches far into one, is tried on every run.

use std::{fs, path::Path};

use rand::{RngExt, SeedableRng, rngs::SmallRng};

#[path = "../../fuzz/checks.rs"]
mod checks;

/// Changes tried of each input, one upon the other.
const MUTATIONS: u64 = 200;

/// Changes, drops or doubles a byte; the same one of the same round.
fn mutate(bytes: &mut Vec<u8>, round: u64) {
    let mut random = SmallRng::seed_from_u64(round);
    let at = random.random_range(0..=bytes.len().saturating_sub(1));
    match (bytes.get(at).copied(), random.random_range(0..3)) {
        (None, _) => bytes.push(random.random()),
        (Some(_), 0) => bytes[at] = random.random(),
        (Some(_), 1) => drop(bytes.remove(at)),
        (Some(byte), _) => bytes.insert(at, byte),
    }
}

#[test]
fn the_parsers_hold_what_they_promise_for_every_input_of_the_fuzz_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus");
    for (name, check) in checks::CHECKS {
        let inputs: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "no corpus for {name}");
        for input in inputs {
            let mut bytes = fs::read(&input).unwrap();
            for round in 0..MUTATIONS {
                let outcome = std::panic::catch_unwind(|| check(&bytes));
                assert!(outcome.is_ok(), "{}, change {round}, breaks {name}: {bytes:?}", input.display());
                mutate(&mut bytes, round);
            }
        }
    }
}
