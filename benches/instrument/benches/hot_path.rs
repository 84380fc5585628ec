//! The hot path, piece by piece: `cargo bench -p instrument`.

#![allow(missing_docs, clippy::unwrap_used, reason = "benches, like tests, may fail loudly")]

use divan::{
    Bencher,
    counter::{BytesCount, ItemsCount},
};
use dria_bench::{
    engine::stream::{StreamFormat, StreamParser},
    loadgen::probe::record,
};
use instrument::streams::{body, parse};

fn main() {
    divan::main();
}

fn parser(bencher: Bencher<'_, '_>, format: StreamFormat) {
    let body = body(format);
    let mut parser = StreamParser::new(format);
    bencher.counter(BytesCount::of_slice(&body)).bench_local(|| parse(&mut parser, &body).unwrap());
}

#[divan::bench]
fn sse(bencher: Bencher<'_, '_>) {
    parser(bencher, StreamFormat::OpenAiSse);
}

#[divan::bench]
fn ndjson(bencher: Bencher<'_, '_>) {
    parser(bencher, StreamFormat::OllamaNdjson);
}

/// 64 tokens a request.
#[divan::bench]
fn recorder(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(64_u32 * 64)).bench_local(|| record(64, 64));
}
