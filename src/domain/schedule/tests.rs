//! When schedules fire, also where clocks change, and what their files may say.

use super::*;
use crate::domain::{catalog::Catalog, definition::DefinitionError, kinds::EngineKind};

const NIGHTLY: &str = include_str!("../../../schedules/nightly.toml");

/// The least a schedule can be, from line 1.
const CHORE: &str = r#"name = "chore"
enabled = true
cron = "30 2 * * *"
timezone = "America/New_York"
catch_up = "skip"
overlap = "queue"
job = { name = "retention" }
"#;

fn read(file: &str, text: &str) -> Result<ScheduleDefinition, DefinitionError> {
    let catalog = Catalog::embedded().unwrap();
    let workflows = ["benchmark".to_owned(), "smoke".to_owned()];
    parse(file, text, Known { catalog: &catalog, workflows: &workflows, jobs: &["retention"] })
}

fn chore(cron: &str) -> ScheduleDefinition {
    read("chore.toml", &CHORE.replace("30 2 * * *", cron)).unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn shown(ticks: &[DateTime<Utc>]) -> Vec<String> {
    ticks.iter().map(|tick| tick.format("%m-%d %H:%MZ").to_string()).collect()
}

#[test]
fn the_shipped_nightly_is_off_and_has_twelve_cells_with_the_important_ones_first() {
    let nightly = read("schedules/nightly.toml", NIGHTLY).unwrap();
    assert!(!nightly.enabled, "nothing may be rented unasked");
    let Action::Matrix(matrix) = &nightly.action else { panic!("not a matrix") };
    let cells = matrix.expand().unwrap();
    assert_eq!(cells.len(), 12);
    assert!(cells[..6].iter().all(|cell| cell.gpu == "NVIDIA H100 80GB HBM3"));
    assert_eq!(cells[0].engine, EngineKind::Ollama);
    let ticks = nightly.next(utc("2027-01-01T02:30:00Z"), 2);
    assert_eq!(shown(&ticks), ["01-02 02:30Z", "01-03 02:30Z"]);
}

#[test]
fn a_schedule_reads_back_from_json_as_it_was() {
    for (file, text) in [("nightly.toml", NIGHTLY), ("chore.toml", CHORE)] {
        let schedule = read(file, text).unwrap();
        let json = serde_json::to_value(&schedule).unwrap();
        assert_eq!(serde_json::from_value::<ScheduleDefinition>(json).unwrap(), schedule);
    }
}

#[test]
fn a_time_inside_the_spring_gap_fires_once_at_its_end() {
    // New York, 14 March 2027: 02:00 EST is followed by 03:00 EDT.
    let ticks = chore("30 2 * * *").ticks_between(utc("2027-03-13T00:00:00Z"), utc("2027-03-16T00:00:00Z"));
    assert_eq!(shown(&ticks), ["03-13 07:30Z", "03-14 07:00Z", "03-15 06:30Z"]);
}

#[test]
fn a_time_inside_the_autumn_fold_fires_once() {
    // New York, 7 November 2027: 02:00 EDT is followed by 01:00 EST.
    let ticks = chore("30 1 * * *").ticks_between(utc("2027-11-06T12:00:00Z"), utc("2027-11-09T00:00:00Z"));
    assert_eq!(shown(&ticks), ["11-07 05:30Z", "11-08 06:30Z"]);
}

#[test]
fn an_interval_goes_on_by_elapsed_time_through_both_changes() {
    let half_hours = chore("*/30 * * * *");
    for (from, to, ticks) in [
        ("2027-03-14T05:00:00Z", "2027-03-15T04:00:00Z", 46),
        ("2027-11-07T04:00:00Z", "2027-11-08T05:00:00Z", 50),
    ] {
        let found = half_hours.ticks_between(utc(from), utc(to));
        assert_eq!(found.len(), ticks);
        assert!(found.windows(2).all(|pair| pair[1] - pair[0] == chrono::TimeDelta::minutes(30)));
    }
}

#[test]
fn a_span_excludes_its_start_and_includes_its_end() {
    let daily = chore("0 12 * * *");
    let (first, second) = (utc("2027-01-04T17:00:00Z"), utc("2027-01-05T17:00:00Z"));
    assert_eq!(daily.ticks_between(first, second), [second]);
    assert_eq!(daily.ticks_between(first - chrono::TimeDelta::milliseconds(1), second), [first, second]);
    assert_eq!(daily.ticks_between(first + chrono::TimeDelta::milliseconds(1), second), [second]);
    assert!(daily.ticks_between(second, first).is_empty());
}

#[test]
fn one_is_monday_and_a_leap_day_is_found() {
    assert_eq!(shown(&chore("0 12 * * 1").next(utc("2027-01-01T00:00:00Z"), 1)), ["01-04 17:00Z"]);
    let leap = chore("0 12 29 2 *").next(utc("2027-01-01T00:00:00Z"), 1);
    assert_eq!(leap, [utc("2028-02-29T17:00:00Z")]);
}

/// What is replaced by what in [`CHORE`], and the refusal it must bring.
const REFUSED: &[(&str, &str, &str)] = &[
    ("30 2 * * *", "0 0 30 2 *", "schedules/chore.toml:3:8: `0 0 30 2 *` never fires"),
    ("30 2 * * *", "0 0 31 2,4,6,9,11 *", "schedules/chore.toml:3:8: `0 0 31 2,4,6,9,11 *` never fires"),
    ("30 2 * * *", "0 30 2 * * *", "schedules/chore.toml:3:8: `0 30 2 * * *` must have five fields"),
    ("30 2 * * *", "@daily", "schedules/chore.toml:3:8: `@daily` must have five fields"),
    ("30 2 * * *", "", "schedules/chore.toml:3:8: `` must have five fields"),
    ("30 2 * * *", "61 2 * * *", "schedules/chore.toml:3:8: `61 2 * * *` is no cron expression"),
    ("30 2 * * *", "a 2 * * *", "schedules/chore.toml:3:8: `a 2 * * *` is no cron expression"),
    ("America/New_York", "New York", "schedules/chore.toml:4:12: unknown timezone `New York`: did you mean "),
    ("\"skip\"", "\"never\"", "schedules/chore.toml:5:12: unknown variant `never`"),
    ("\"skip\"", "\"all\"", "schedules/chore.toml:5:12: catch_up needs catch_up_window"),
    (
        "\"skip\"",
        "\"skip\"\ncatch_up_window = \"1h\"",
        "schedules/chore.toml:6:19: catch_up = \"skip\" takes no window",
    ),
    ("\"queue\"", "\"both\"", "schedules/chore.toml:6:11: unknown variant `both`"),
    ("\"queue\"", "\"cancel_previous\"", "schedules/chore.toml:6:11: a chore can't be cancelled"),
    ("\"queue\"", "\"queue\"\njitter = \"5\"", "schedules/chore.toml:7:10: `5` is no duration"),
    ("retention", "cleanup", "schedules/chore.toml:7:16: unknown job `cleanup`: did you mean retention?"),
    (
        "job = { name = \"retention\" }\n",
        "",
        "schedules/chore.toml:1:8: a schedule needs a [matrix] or a [job]",
    ),
    ("enabled = true\n", "", "schedules/chore.toml:1:1: missing field `enabled`"),
    ("enabled = true", "enabled = true\nevery = \"5m\"", "schedules/chore.toml:3:1: unknown field `every`"),
    ("\"chore\"", "\"other\"", "schedules/chore.toml:1:8: name `other` differs from the file's name"),
];

/// What is replaced by what in [`NIGHTLY`], and the line and reason of the refusal.
const REFUSED_MATRIX: &[(&str, &str, usize, &str)] = &[
    ("\"benchmark\"", "\"benchmrk\"", 16, "unknown workflow `benchmrk`: did you mean benchmark or smoke?"),
    ("\"runpod\"", "\"aws\"", 17, "unknown provider `aws`: known are runpod, local, endpoint"),
    ("\"Qwen 3 14B\"", "\"Qwen 3 15B\"", 18, "unknown model `Qwen 3 15B`: did you mean Qwen 3 14B, "),
    ("\"Qwen 3 14B\"", "\"llama3.1:8b\"", 18, "`llama3.1:8b` is there twice, perhaps by another name"),
    ("\"sglang\"", "\"tgi\"", 19, "unknown engine `tgi`"),
    ("\"sglang\"", "\"llamacpp\"", 15, "Llama 3.1 8B has no id for llamacpp: exclude this pair"),
    ("\"NVIDIA L40S\"", "\"NVIDIA L40X\"", 20, "unknown gpu `NVIDIA L40X`: did you mean NVIDIA L40"),
    ("[\"NVIDIA H100 80GB HBM3\", \"NVIDIA L40S\"]", "[]", 15, "the matrix has no cell"),
    ("max_parallel = 2", "max_parallel = 0", 21, "must be 1 to 100"),
    ("\"40.00\"", "40.5", 22, "money is written as text"),
    ("\"40.00\"", "\"40,00\"", 22, "money is written like"),
    ("\"40.00\"", "0", 22, "a budget must be more than 0 USD"),
    ("\"40.00\"", "-1", 22, "a budget must not be negative"),
    ("\"40.00\"", "1000001", 22, "a budget must be at most 1000000 USD"),
    ("\"40.00\"", "\"0.0000001\"", 22, "a budget must not be finer than a millionth of a dollar"),
    ("max_cells = 24", "max_cells = 11", 15, "the matrix has 12 cells, more than max_cells = 11"),
    ("max_cells = 24", "max_cells = 5000", 23, "must be 1 to 1000"),
    ("max_cells = 24", "max_cells = 24\nexclude = [{}]", 24, "selects everything"),
    ("max_cells = 24", "max_cells = 24\nexclude = [{ gpu = \"H101\" }]", 24, "unknown gpu `H101`"),
    ("max_cells = 24", "max_cells = 24\nbudget = 3", 24, "unknown field `budget`"),
    (
        "jitter = \"5m\"",
        "jitter = \"5m\"\njob = { name = \"retention\" }",
        14,
        "a schedule has a [matrix] or a [job]",
    ),
];

#[test]
fn every_broken_rule_is_refused_with_its_file_line_and_column() {
    for (from, to, expected) in REFUSED {
        let text = CHORE.replacen(from, to, 1);
        assert_ne!(text, CHORE, "`{from}` is not in the file");
        let message = read("schedules/chore.toml", &text).expect_err(&text).to_string();
        assert!(message.starts_with(expected), "expected: {expected}\n     got: {message}");
    }
}

#[test]
fn every_broken_rule_of_a_matrix_is_refused_with_its_line() {
    for (from, to, line, expected) in REFUSED_MATRIX {
        let text = NIGHTLY.replacen(from, to, 1);
        assert_ne!(text, NIGHTLY, "`{from}` is not in the file");
        let error = read("schedules/nightly.toml", &text).expect_err(&text);
        assert!(error.reason.starts_with(expected), "expected: {expected}\n     got: {error}");
        assert_eq!(error.line, *line, "{error}");
    }
}

#[test]
fn a_gpu_by_any_name_becomes_its_id_and_money_keeps_its_cents() {
    let text = NIGHTLY.replace("\"NVIDIA L40S\"", "\"l40s\"").replace("\"40.00\"", "\"0.10\"");
    let Action::Matrix(matrix) = read("nightly.toml", &text).unwrap().action else { panic!("not a matrix") };
    assert_eq!(matrix.gpus[1], "NVIDIA L40S");
    assert_eq!(matrix.budget_usd.to_string(), "0.10");
}

#[test]
fn a_cap_for_a_day_is_exact_money_and_of_a_schedule_that_rents() {
    let with = |budget: &str| NIGHTLY.replace("jitter = \"5m\"", &format!("budget_usd_per_day = {budget}"));
    let nightly = read("schedules/nightly.toml", &with("\"60.10\"")).unwrap();
    assert_eq!(nightly.budget_usd_per_day.unwrap().to_string(), "60.10");
    let json = serde_json::to_value(&nightly).unwrap();
    assert_eq!(json["budget_usd_per_day"], "60.10");
    assert_eq!(serde_json::from_value::<ScheduleDefinition>(json).unwrap(), nightly);
    assert_eq!(read("schedules/nightly.toml", NIGHTLY).unwrap().budget_usd_per_day, None);
    for (budget, said) in
        [("0", "more than 0 USD"), ("60.1", "written as text"), ("\"much\"", "written like")]
    {
        let refused = read("schedules/nightly.toml", &with(budget)).unwrap_err();
        assert!(refused.reason.contains(said) && refused.line > 1, "{budget}: {refused}");
    }
    let chore = CHORE.replace("overlap", "budget_usd_per_day = \"1\"\noverlap");
    assert!(read("chore.toml", &chore).unwrap_err().reason.contains("a chore rents nothing"));
}
