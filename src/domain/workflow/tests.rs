//! What a workflow file may say, and where a refusal points.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::step::MAX_STREAMS;

const BENCHMARK: &str = include_str!("../../../workflows/benchmark.toml");
const SMOKE: &str = include_str!("../../../workflows/smoke.toml");

/// The least a workflow can be, a step a line, from line 3.
const LEAST: &str = r#"name = "least"
version = 1
steps = [
  { kind = "provision", timeout = "1m" },
  { kind = "start_engine", timeout = "1m" },
  { kind = "throughput", timeout = "1m" },
  { kind = "teardown", timeout = "1m", always = true },
]
"#;

fn refusal(text: &str) -> String {
    parse("workflows/least.toml", text).expect_err(text).to_string()
}

fn names(workflow: &WorkflowDefinition) -> Vec<String> {
    workflow.steps.iter().map(|step| step.kind.to_string()).collect()
}

#[test]
fn the_shipped_benchmark_has_fifteen_steps_and_ten_results() {
    let workflow = parse("workflows/benchmark.toml", BENCHMARK).unwrap();
    let expected = [
        "provision",
        "pull_model",
        "start_engine",
        "warmup",
        "throughput",
        "concurrency:1",
        "concurrency:2",
        "concurrency:3",
        "concurrency:4",
        "concurrency:5",
        "concurrency:6",
        "concurrency:7",
        "concurrency:8",
        "concurrency:9",
        "teardown",
    ];
    assert_eq!(names(&workflow), expected);
    assert_eq!(workflow.steps.iter().filter(|step| step.kind.is_measurement()).count(), 10);
    let teardown = workflow.steps.last().unwrap();
    assert_eq!(teardown.timeout, Duration::from_mins(5));
    assert!(teardown.always && teardown.retry == RetryPolicy::TEARDOWN);
    assert_eq!(workflow.rates(), (1..=9).collect::<Vec<_>>());
}

#[test]
fn the_shipped_smoke_test_measures_throughput_and_two_levels() {
    let workflow = parse("smoke.toml", SMOKE).unwrap();
    assert_eq!(names(&workflow)[4..], ["throughput", "concurrency:1", "concurrency:2", "teardown"]);
}

#[test]
fn a_step_without_a_policy_gets_the_standard_one_and_teardown_never_gives_up() {
    let workflow = parse("least.toml", LEAST).unwrap();
    assert_eq!(workflow.steps[0].retry, RetryPolicy::STANDARD);
    assert_eq!(workflow.steps[3].retry, RetryPolicy::TEARDOWN);
    assert!(workflow.steps.iter().all(|step| step.heartbeat.is_none()));
}

#[test]
fn json_has_whole_milliseconds_and_null_for_no_limit_and_reads_back_the_same() {
    let workflow = parse("least.toml", &LEAST.replacen("\"1m\"", "\"1m\", heartbeat = \"5s\"", 1)).unwrap();
    let value = serde_json::to_value(&workflow).unwrap();
    assert_eq!(
        value["steps"][0],
        json!({"kind": "provision", "timeout_ms": 60_000, "heartbeat_ms": 5000, "always": false,
            "retry": {"max_attempts": 3, "max_losses": 5, "initial_ms": 5000, "max_ms": 120_000}})
    );
    assert_eq!(value["steps"][3]["retry"]["max_attempts"], json!(null));
    assert_eq!(serde_json::from_value::<WorkflowDefinition>(value).unwrap(), workflow);
    for (file, text) in [("benchmark.toml", BENCHMARK), ("smoke.toml", SMOKE)] {
        let workflow = parse(file, text).unwrap();
        let text = serde_json::to_string(&workflow).unwrap();
        assert_eq!(serde_json::from_str::<WorkflowDefinition>(&text).unwrap(), workflow);
    }
}

#[test]
fn rates_may_be_a_text_or_a_list() {
    let with = |rates: &str| {
        let step = format!(
            "{{ kind = \"concurrency\", timeout = \"1m\", rates = {rates} }},\n  {{ kind = \"teardown\""
        );
        parse("least.toml", &LEAST.replace("{ kind = \"teardown\"", &step)).map(|workflow| workflow.rates())
    };
    assert_eq!(with("\"1-3,8\"").unwrap(), [1, 2, 3, 8]);
    assert_eq!(with("[1, 2, 4]").unwrap(), [1, 2, 4]);
    for (bad, reason) in [
        ("[1, 1]", "rates must ascend without repeats: 1 comes after 1"),
        ("[]", "no rate given"),
        ("[-1]", "positive whole numbers"),
        ("[\"1\"]", "positive whole numbers"),
        ("5", "rates are a text like"),
        ("\"0-3\"", "rate 0 is out of range"),
    ] {
        let error = with(bad).unwrap_err();
        assert!(error.reason.contains(reason), "{error}");
        assert_eq!((error.line, error.column), (7, 51), "{error}");
    }
}

/// What is replaced by what, and the refusal it must bring (the end of the message may be cut).
const REFUSED: &[(&str, &str, &str)] = &[
    ("version = 1", "version = 0", "workflows/least.toml:2:11: version starts at 1"),
    ("version = 1", "version = -1", "workflows/least.toml:2:11: invalid value"),
    ("version = 1", "version = \"1\"", "workflows/least.toml:2:11: invalid type"),
    ("version = 1\n", "", "workflows/least.toml:1:1: missing field `version`"),
    ("version = 1", "version = ", "workflows/least.toml:2:11: "),
    ("version = 1", "version = 1\nauthor = \"me\"", "workflows/least.toml:3:1: unknown field `author`"),
    ("\"least\"", "\"Least\"", "workflows/least.toml:1:8: name `Least` must be"),
    ("\"least\"", "\"\"", "workflows/least.toml:1:8: name `` must be"),
    ("\"least\"", "\"most\"", "workflows/least.toml:1:8: name `most` differs from the file's name"),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timout = \"1m\"",
        "workflows/least.toml:4:25: unknown field `timout`",
    ),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timeout = \"1 min\"",
        "workflows/least.toml:4:35: `1 min` is no duration",
    ),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timeout = \"0s\"",
        "workflows/least.toml:4:35: a duration of zero",
    ),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timeout = \"1m\", heartbeat = \"60s\"",
        "workflows/least.toml:4:53: heartbeat must be shorter than the step's timeout (1m)",
    ),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timeout = \"1m\", always = true",
        "workflows/least.toml:4:50: only teardown may be `always = true`",
    ),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timeout = \"1m\", rates = \"1-9\"",
        "workflows/least.toml:4:49: only a step of kind = \"concurrency\" takes rates",
    ),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timeout = \"1m\", retry = { max_attempts = 0 }",
        "workflows/least.toml:4:66: a budget is at least 1",
    ),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timeout = \"1m\", retry = { tries = 1 }",
        "workflows/least.toml:4:51: unknown field `tries`",
    ),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timeout = \"1m\", retry = { initial = \"1h\" }",
        "workflows/least.toml:4:61: the first delay (3600000 ms) is longer than the longest (120000 ms)",
    ),
    (
        "kind = \"provision\", timeout = \"1m\"",
        "kind = \"provision\", timeout = \"1m\", retry = { max = \"1s\" }",
        "workflows/least.toml:4:57: the first delay (5000 ms) is longer",
    ),
    (
        "always = true",
        "always = true, retry = { max_attempts = 9 }",
        "workflows/least.toml:7:80: teardown is tried for ever",
    ),
    (
        "always = true",
        "always = true, retry = { max_losses = 9 }",
        "workflows/least.toml:7:78: teardown is tried for ever",
    ),
    (", always = true", "", "workflows/least.toml:7:12: teardown needs `always = true`"),
    ("always = true", "always = false", "workflows/least.toml:7:49: teardown needs `always = true`"),
    ("\"provision\"", "\"deploy\"", "workflows/least.toml:4:12: unknown step `deploy`: known are provision"),
    (
        "\"provision\"",
        "\"warmup\"",
        "workflows/least.toml:4:12: the first step must be provision, not `warmup`",
    ),
    ("\"start_engine\"", "\"provision\"", "workflows/least.toml:5:12: step `provision` is there twice"),
    ("\"start_engine\"", "\"concurrency\"", "workflows/least.toml:5:12: a concurrency step needs its rates"),
    ("\"start_engine\"", "\"concurrency:0\"", "workflows/least.toml:5:12: unknown step `concurrency:0`"),
    ("\"start_engine\"", "\"concurrency:3\"", "workflows/least.toml:7:12: start_engine is missing"),
    (
        "\"throughput\"",
        "\"pull_model\"",
        "workflows/least.toml:6:12: step `pull_model` may not come after `start_engine`",
    ),
    ("\"throughput\"", "\"warmup\"", "workflows/least.toml:7:12: no step measures anything"),
    (
        "  { kind = \"teardown\", timeout = \"1m\", always = true },\n",
        "",
        "workflows/least.toml:6:12: the last step must be teardown, not `throughput`",
    ),
];

#[test]
fn every_broken_rule_is_refused_with_its_file_line_and_column() {
    for (from, to, expected) in REFUSED {
        let text = LEAST.replacen(from, to, 1);
        assert_ne!(text, LEAST, "`{from}` is not in the file");
        let message = refusal(&text);
        assert!(message.starts_with(expected), "expected: {expected}\n     got: {message}");
    }
}

#[test]
fn a_file_without_steps_is_refused() {
    assert!(
        refusal("name = \"least\"\nversion = 1\nsteps = []\n")
            .starts_with("workflows/least.toml:3:9: no steps")
    );
    assert!(refusal("").contains("missing field `name`"));
}

#[test]
fn given_rates_replace_the_levels_where_they_stood() {
    let workflow = parse("smoke.toml", SMOKE).unwrap();
    let changed = workflow.with_rates(&[2, 16]).unwrap();
    assert_eq!(
        names(&changed),
        [
            "provision",
            "pull_model",
            "start_engine",
            "warmup",
            "throughput",
            "concurrency:2",
            "concurrency:16",
            "teardown"
        ]
    );
    assert_eq!(changed.steps[6].timeout, workflow.steps[5].timeout);
    assert_eq!(workflow.with_rates(&[2, 2]), Err(RatesError::NotAscending { previous: 2, next: 2 }));
    let least = parse("least.toml", LEAST).unwrap();
    assert_eq!(least.with_rates(&[1]), Err(RatesError::NoConcurrencyStep { workflow: "least".to_owned() }));
}

#[test]
fn rates_read_as_people_write_them() {
    assert_eq!(parse_rates("1-9").unwrap(), (1..=9).collect::<Vec<_>>());
    assert_eq!(parse_rates(" 1, 2,4 - 6 ").unwrap(), [1, 2, 4, 5, 6]);
    assert_eq!(parse_rates("4096").unwrap(), [4096]);
    assert_eq!(parse_rates(""), Err(RatesError::Empty));
    for given in ["1,,2", "a", "1-", "-3", "1-2-3", "+1", "1.5", "99999999999"] {
        assert!(matches!(parse_rates(given), Err(RatesError::NotARate { .. })), "{given}");
    }
    assert_eq!(parse_rates("9-1"), Err(RatesError::NotAscending { previous: 9, next: 1 }));
    assert_eq!(parse_rates("1-4,3"), Err(RatesError::NotAscending { previous: 4, next: 3 }));
    assert_eq!(parse_rates("0"), Err(RatesError::OutOfRange { rate: 0 }));
    assert_eq!(parse_rates("1-4000000000"), Err(RatesError::OutOfRange { rate: 4_000_000_000 }));
    assert_eq!(parse_rates("1-65"), Err(RatesError::TooMany));
}

proptest! {
    #[test]
    fn what_is_read_keeps_the_rules_and_lists_read_back_the_same(set in prop::collection::btree_set(1..=MAX_STREAMS, 1..=MAX_RATES)) {
        let rates: Vec<u32> = set.into_iter().collect();
        let text = rates.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        prop_assert_eq!(parse_rates(&text).unwrap(), rates);
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "[-0-9, a]{0,24}") {
        if let Ok(rates) = parse_rates(&text) {
            prop_assert!(check_rates(&rates).is_ok());
        }
    }

    #[test]
    fn a_broken_file_is_refused_without_a_panic(cut in 0..LEAST.len(), insert in "\\PC{0,6}") {
        let mut text = LEAST.to_owned();
        text.insert_str(cut, &insert);
        if let Err(error) = parse("least.toml", &text) {
            prop_assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1);
        }
    }
}
