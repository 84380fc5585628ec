//! What is read is what was written; nothing else is read at all; and it is small.

use proptest::prelude::*;

use super::*;
use crate::domain::measure::{
    record::{ClientSample, LoadShape, Window},
    summarise,
    tests::{level, request},
};

fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0_u64..2_000_000, 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

fn counts() -> impl Strategy<Value = Option<u32>> {
    proptest::option::of(prop_oneof![4 => 0_u32..300, 1 => any::<u32>(), 1 => Just(u32::MAX)])
}

fn requests() -> impl Strategy<Value = RequestRecord> {
    let times = (numbers(), numbers(), proptest::collection::vec(numbers(), 0..6), numbers());
    let outcome = prop_oneof![
        4 => Just(Outcome::Completed),
        1 => Just(Outcome::CutOff),
        1 => "[a-z_0-9]{0,12}".prop_map(|code| Outcome::Errored { code }),
    ];
    (times, (counts(), counts(), counts(), any::<u32>(), any::<u32>(), any::<u32>()), outcome).prop_map(
        |((intended_start_us, start_us, arrivals_us, end_us), counts, outcome)| RequestRecord {
            stream: counts.3,
            intended_start_us,
            start_us,
            arrivals_us,
            end_us,
            prompt_tokens: counts.0,
            output_tokens: counts.1,
            cached_prompt_tokens: counts.2,
            intended_prompt_tokens: counts.4,
            intended_output_tokens: counts.5,
            outcome,
        },
    )
}

fn levels() -> impl Strategy<Value = LevelRecords> {
    let shape = prop_oneof![
        any::<u32>().prop_map(|streams| LoadShape::Closed { streams }),
        any::<u32>().prop_map(|max_in_flight| LoadShape::Saturate { max_in_flight }),
        (0.0_f64..1e9).prop_map(|requests_per_second| LoadShape::Open { requests_per_second }),
    ];
    let client = (proptest::collection::vec(numbers(), 0..9), 0.0_f64..9.0, proptest::option::of(numbers()));
    let window = (numbers(), numbers(), any::<u64>());
    (shape, window, client, proptest::collection::vec(requests(), 0..20), any::<(bool, bool)>()).prop_map(
        |(shape, (start_us, end_us, seed), (send_lags_us, cpu_share, rtt_us), records, flags)| LevelRecords {
            shape,
            window: Window { start_us, end_us },
            records,
            client: ClientSample {
                send_lags_us,
                cpu_share,
                rtt_us,
                rtt_after_us: rtt_us.map(|us: u64| us / 2),
                through_proxy: flags.0,
                shared_host: flags.1,
            },
            seed,
        },
    )
}

/// The bytes of a block with this content.
fn packed(body: &[u8]) -> Vec<u8> {
    let compressed = zstd::bulk::compress(body, 1).unwrap();
    [&MAGIC[..], &(body.len() as u64).to_le_bytes(), &compressed].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_read_is_what_was_written(level in levels()) {
        prop_assert_eq!(decode(&encode(&level).unwrap()).unwrap(), level);
    }

    #[test]
    fn a_block_of_the_first_version_is_read_and_its_intended_outputs_are_unknown(level in levels()) {
        let mut codes = Vec::new();
        let header = Header {
            codes: { let _ = to_columns(&level, &mut codes); codes },
            level: LevelRecords {
                client: ClientSample { send_lags_us: Vec::new(), ..level.client.clone() },
                ..frame(&level)
            },
        };
        let header = serde_json::to_vec(&header).unwrap();
        let mut body = Vec::new();
        columns::write_number(&mut body, header.len() as u64);
        body.extend_from_slice(&header);
        columns::write_number(&mut body, FIRST_COLUMNS as u64);
        to_columns(&level, &mut Vec::new()).first(FIRST_COLUMNS).write(&mut body);
        let mut expected = level;
        expected.records.iter_mut().for_each(|record| record.intended_output_tokens = 0);
        prop_assert_eq!(decode(&packed(&body)).unwrap(), expected);
    }

    #[test]
    fn a_block_cut_anywhere_is_an_error(level in levels(), keep in 0.0_f64..1.0) {
        let bytes = encode(&level).unwrap();
        let kept = (bytes.len() as f64 * keep) as usize;
        prop_assert!(decode(&bytes[..kept]).is_err());
    }

    #[test]
    fn damage_is_an_error_or_another_level_but_never_a_panic(
        level in levels(),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let block = encode(&level).unwrap();
        let mut body = decompress(&block).unwrap();
        for (at, byte) in &hits {
            let at = at.index(body.len());
            body[at] = *byte;
        }
        let _ = decode(&packed(&body)).map(|level| summarise(&level));
        let mut bytes = block;
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode(&bytes);
    }

    #[test]
    fn any_bytes_are_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&bytes).is_err());
        prop_assert!(decode(&packed(&bytes)).is_err());
        prop_assert!(decode(&[&MAGIC[..], &bytes].concat()).is_err());
    }
}

/// 256 streams for 30 s: a first token after about 100 ms, then 63 more about 10 ms apart, each with the jitter that a
/// loaded server shows.
fn busy_level() -> LevelRecords {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut jitter = |spread: u64| {
        // A sum of three draws is close enough to a bell.
        (0..3)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % spread
            })
            .sum::<u64>()
    };
    let mut records = Vec::new();
    let mut lags = Vec::new();
    for stream in 0..256 {
        let mut now = jitter(10_000);
        while now < 30_000_000 {
            let mut at = now + 85_000 + jitter(10_000);
            let arrivals_us: Vec<u64> = std::iter::once(at)
                .chain((1..64).map(|_| {
                    at += 8_500 + jitter(1_000);
                    at
                }))
                .collect();
            let end_us = at + jitter(30);
            let sent = request(now, end_us).events(arrivals_us).usage(100, 64);
            records.push(RequestRecord { stream, intended_output_tokens: 64, ..sent });
            lags.push(jitter(20));
            now = end_us + jitter(40);
        }
    }
    records.sort_by_key(|record| record.start_us);
    let mut level = level((0, 30_000_000), records);
    level.shape = LoadShape::Closed { streams: 256 };
    level.client.send_lags_us = lags;
    level
}

#[test]
fn half_a_minute_of_256_streams_is_at_most_a_megabyte_and_a_half() {
    let level = busy_level();
    let tokens: usize = level.records.iter().map(|record| record.arrivals_us.len()).sum();
    let bytes = encode(&level).unwrap();
    assert!(tokens > 600_000, "{tokens} tokens");
    assert!(bytes.len() <= 1_500_000, "{} bytes for {tokens} tokens", bytes.len());
    assert_eq!(decode(&bytes).unwrap(), level);
}

#[test]
fn failures_are_kept_by_their_codes() {
    let errored = |code: &str| request(0, 1).outcome(Outcome::Errored { code: code.to_owned() });
    let level = level((0, 9), vec![errored("reset"), errored("http_503"), errored("reset"), request(1, 2)]);
    assert_eq!(decode(&encode(&level).unwrap()).unwrap(), level);
}

#[test]
fn a_cpu_share_that_is_no_number_is_kept_as_it_is_published() {
    let mut level = level((0, 9), vec![request(1, 2)]);
    level.client.cpu_share = f64::NAN;
    let again = decode(&encode(&level).unwrap()).unwrap();
    assert_eq!(summarise(&again), summarise(&level));
}

#[test]
fn a_rate_that_is_no_number_is_refused_rather_than_lost() {
    let mut level = level((0, 9), Vec::new());
    level.shape = LoadShape::Open { requests_per_second: f64::NAN };
    assert!(matches!(encode(&level), Err(Error::Unwritable(_))));
}

#[test]
fn a_later_layout_is_named() {
    let mut bytes = encode(&level((0, 9), Vec::new())).unwrap();
    bytes[7] = 2;
    assert_eq!(
        decode(&bytes).unwrap_err().to_string(),
        "these records have layout 2, and this version reads layout 1: use a newer dria-bench"
    );
    bytes[0] = b'x';
    assert!(matches!(decode(&bytes), Err(Error::NotRecords)));
}

#[test]
fn a_small_block_that_claims_or_holds_gigabytes_is_refused_without_reading_them() {
    let claim = [&MAGIC[..], &u64::MAX.to_le_bytes(), &[0; 8]].concat();
    assert!(decode(&claim).unwrap_err().to_string().contains("claim"));
    // 128 MiB of nothing in a few kilobytes, said to be 100 bytes.
    let bomb = zstd::bulk::compress(&vec![0; 128 << 20], 1).unwrap();
    assert!(bomb.len() < 100_000);
    let bomb = [&MAGIC[..], &100_u64.to_le_bytes(), &bomb].concat();
    assert!(decode(&bomb).unwrap_err().to_string().contains("as long as they say"));
}

#[test]
fn a_request_that_claims_more_arrivals_than_there_are_is_refused() {
    let mut columns = to_columns(&level((0, 9), vec![request(1, 2)]), &mut Vec::new());
    assert_eq!(records(&columns, &[]).unwrap().len(), 1);
    columns.push(GAP, 5);
    assert!(records(&columns, &[]).is_err(), "nobody's arrival");
    let mut greedy = Columns::new(COLUMNS);
    for column in 0..SEND_LAG {
        if column != GAP {
            greedy.push(column, if column == ARRIVALS { u64::MAX } else { 0 });
        }
    }
    assert!(records(&greedy, &[]).is_err());
}
