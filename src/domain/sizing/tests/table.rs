//! The reference table: GPUs at bf16 and at fp8 for nine requests of at most 4096 tokens, without credit for windows.

use super::*;

/// GPUs of the table's columns; A100 and H100 share one.
const COLUMNS: [&[&str]; 5] = [&["RTX 4090"], &["L40S"], &["A100 SXM", "H100 SXM"], &["H200 SXM"], &["B200"]];

/// Model, weights in GiB at 16 bits, KiB of KV cache a token, and a cell a column; `-`: not within eight.
const ROWS: [(&str, f64, u64, [&str; 5]); 17] = [
    ("Llama 3.1 8B", 15.0, 128, ["2/1", "1/1", "1/1", "1/1", "1/1"]),
    ("Llama 3.1 70B", 131.4, 320, ["-/8", "4/2", "4/2", "2/1", "1/1"]),
    ("Llama 3.1 405B", 755.9, 504, ["-/-", "-/-", "-/8", "8/4", "8/4"]),
    ("Qwen 3 14B", 27.5, 160, ["2/2", "1/1", "1/1", "1/1", "1/1"]),
    ("Qwen 3 32B", 61.0, 256, ["4/4", "2/1", "2/1", "1/1", "1/1"]),
    ("Qwen 3 235B-A22B", 437.9, 188, ["-/-", "-/8", "8/4", "4/2", "4/2"]),
    ("Gemma 3 1B", 1.9, 26, ["1/1", "1/1", "1/1", "1/1", "1/1"]),
    ("Gemma 3 4B", 7.2, 136, ["1/1", "1/1", "1/1", "1/1", "1/1"]),
    ("Gemma 3 12B", 21.9, 384, ["4/2", "1/1", "1/1", "1/1", "1/1"]),
    ("Mistral 7B", 13.5, 128, ["1/1", "1/1", "1/1", "1/1", "1/1"]),
    ("Devstral Small 24B", 43.9, 160, ["4/2", "2/1", "1/1", "1/1", "1/1"]),
    ("Mistral Small 3.1 24B", 43.9, 160, ["4/2", "2/1", "1/1", "1/1", "1/1"]),
    ("Falcon 3 10B", 19.2, 160, ["2/1", "1/1", "1/1", "1/1", "1/1"]),
    ("Falcon 180B", 334.4, 160, ["-/-", "-/8", "8/4", "4/2", "4/2"]),
    ("DeepSeek R1 671B", 1249.9, 69, ["-/-", "-/-", "-/-", "-/8", "-/8"]),
    ("Qwen 2.5 72B", 135.4, 320, ["-/8", "4/4", "4/2", "2/1", "1/1"]),
    ("Mixtral 8x7B", 87.0, 128, ["8/4", "4/2", "2/1", "1/1", "1/1"]),
];

#[test]
fn the_reference_table_is_reproduced_cell_by_cell() {
    for (name, weights_gib, kv_kib, cells) in ROWS {
        let model = shape(name);
        let weights = model.weights_bytes(Precision::Bf16) / GIB;
        assert!((weights - weights_gib).abs() < 0.05, "{name}: {weights} GiB");
        assert!((model.kv.bytes_per_token_16bit / 1024.0 - kv_kib as f64).abs() < 0.5, "{name}");
        for (gpus, cell) in COLUMNS.into_iter().zip(cells) {
            for name_of_gpu in gpus {
                let card = gpu(name_of_gpu);
                let count = |precision| {
                    let options = Options { window_credit: false, ..asked(&model, precision) };
                    let found = fit(&model, &card, &options).fits;
                    found.map_or_else(|| "-".to_owned(), |fit| fit.count.to_string())
                };
                let found = format!("{}/{}", count(Precision::Bf16), count(Precision::Fp8));
                assert_eq!(found, cell, "{name} on {name_of_gpu}");
            }
        }
    }
}

#[test]
fn deepseek_r1_in_its_own_precision_takes_eight_h200_or_b200_and_no_fewer() {
    let model = shape("DeepSeek R1 671B");
    let options = Options { window_credit: false, ..Options::of(&model) };
    assert_eq!(options.precision, Precision::Fp8);
    assert!((model.weights_bytes(Precision::Fp8) / GIB - 624.9).abs() < 0.1);
    for (name, count) in [("H200 SXM", Some(8)), ("B200", Some(8)), ("H100 SXM", None)] {
        assert_eq!(fit(&model, &gpu(name), &options).fits.map(|fit| fit.count), count, "{name}");
    }
}
