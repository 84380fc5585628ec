//! Expansion: each cell once, none that is excluded, always in the same order.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

pub(super) fn matrix() -> MatrixDefinition {
    MatrixDefinition {
        workflow: "benchmark".to_owned(),
        provider: ProviderKind::Runpod,
        url: None,
        models: vec!["A".to_owned(), "B".to_owned()],
        engines: vec![EngineKind::Vllm, EngineKind::Ollama],
        gpus: vec!["X".to_owned(), "Y".to_owned()],
        gpu_count: 1,
        include: Vec::new(),
        exclude: Vec::new(),
        priorities: Vec::new(),
        max_parallel: 1,
        budget_usd: Decimal::TEN,
        same_machine: false,
        max_cells: DEFAULT_MAX_CELLS,
    }
}

fn shown(matrix: &MatrixDefinition) -> Vec<String> {
    let cells = matrix.expand().unwrap();
    cells.iter().map(|cell| format!("{} {} {}", cell.model, cell.gpu, cell.engine)).collect()
}

#[test]
fn the_engines_of_a_model_and_gpu_stay_together() {
    let expected = [
        "A X vllm",
        "A X ollama",
        "A Y vllm",
        "A Y ollama",
        "B X vllm",
        "B X ollama",
        "B Y vllm",
        "B Y ollama",
    ];
    assert_eq!(shown(&matrix()), expected);
    let cells = matrix().expand().unwrap();
    assert_eq!(cells[0].group(), cells[1].group());
    assert_ne!(cells[1].group(), cells[2].group());
}

#[test]
fn what_is_excluded_goes_what_is_included_comes_last_and_priority_goes_first() {
    let mut matrix = matrix();
    matrix.exclude = vec![Selector { model: Some("A".to_owned()), gpu: Some("X".to_owned()), engine: None }];
    matrix.include = vec![
        Inclusion {
            model: "C".to_owned(),
            engine: EngineKind::Sglang,
            gpu: "Z".to_owned(),
            gpu_count: Some(2),
        },
        Inclusion { model: "B".to_owned(), engine: EngineKind::Vllm, gpu: "Y".to_owned(), gpu_count: None },
    ];
    matrix.priorities = vec![PriorityRule {
        cells: Selector { gpu: Some("Y".to_owned()), ..Selector::default() },
        priority: 5,
    }];
    let expected =
        ["A Y vllm", "A Y ollama", "B Y vllm", "B Y ollama", "B X vllm", "B X ollama", "C Z sglang"];
    assert_eq!(shown(&matrix), expected);
    assert_eq!(matrix.expand().unwrap()[6].gpu_count, 2);
}

#[test]
fn nothing_too_much_and_contradictions_are_refused() {
    let mut empty = matrix();
    empty.exclude = vec![
        Selector { engine: Some(EngineKind::Vllm), ..Selector::default() },
        Selector { engine: Some(EngineKind::Ollama), ..Selector::default() },
    ];
    assert_eq!(empty.expand(), Err(MatrixError::Empty));
    let large = MatrixDefinition { max_cells: 7, ..matrix() };
    assert_eq!(large.expand(), Err(MatrixError::TooManyCells { cells: 8, max: 7 }));
    let mut torn = matrix();
    torn.include = vec![Inclusion {
        model: "A".to_owned(),
        engine: EngineKind::Vllm,
        gpu: "X".to_owned(),
        gpu_count: None,
    }];
    torn.exclude = vec![Selector { model: Some("A".to_owned()), ..Selector::default() }];
    assert!(torn.expand().unwrap_err().to_string().starts_with("A on vllm on X is included and excluded"));
}

fn selector() -> impl Strategy<Value = Selector> {
    (option::of(name("ABC")), option::of(select(EngineKind::ALL)), option::of(name("XYZ")))
        .prop_map(|(model, engine, gpu)| Selector { model, engine, gpu })
}

fn name(letters: &'static str) -> impl Strategy<Value = String> {
    select(letters.chars().map(String::from).collect::<Vec<_>>())
}

fn any_matrix() -> impl Strategy<Value = MatrixDefinition> {
    let inclusion = (name("ABCD"), select(EngineKind::ALL), name("XYZ"), option::of(1..3u32));
    let inclusion =
        inclusion.prop_map(|(model, engine, gpu, gpu_count)| Inclusion { model, engine, gpu, gpu_count });
    let rule = (selector(), -2..3i32).prop_map(|(cells, priority)| PriorityRule { cells, priority });
    (
        // Repeats are possible: a definition may also come from elsewhere than our parser.
        (vec(name("ABC"), 0..4), vec(select(EngineKind::ALL), 0..4), vec(name("XYZ"), 0..4)),
        (vec(inclusion, 0..3), vec(selector(), 0..3), vec(rule, 0..3)),
    )
        .prop_map(|((models, engines, gpus), (include, exclude, priorities))| MatrixDefinition {
            models,
            engines,
            gpus,
            include,
            exclude,
            priorities,
            ..matrix()
        })
}

proptest! {
    #[test]
    fn each_cell_is_there_once_none_is_excluded_and_the_order_is_fixed(matrix in any_matrix()) {
        let Ok(cells) = matrix.expand() else { return Ok(()) };
        let distinct: HashSet<_> = cells.iter().collect();
        prop_assert_eq!(distinct.len(), cells.len());
        for cell in &cells {
            prop_assert!(!matrix.exclude.iter().any(|s| s.selects(&cell.model, cell.engine, &cell.gpu)));
        }
        prop_assert!(cells.windows(2).all(|pair| pair[0].priority >= pair[1].priority));
        prop_assert_eq!(&cells, &matrix.expand().unwrap());
        // What isn't excluded is there.
        for (model, gpu) in matrix.models.iter().flat_map(|m| matrix.gpus.iter().map(move |g| (m, g))) {
            for engine in &matrix.engines {
                let there = cells.iter().any(|c| &c.model == model && c.engine == *engine && &c.gpu == gpu);
                let excluded = matrix.exclude.iter().any(|s| s.selects(model, *engine, gpu));
                prop_assert_eq!(there, !excluded);
            }
        }
    }

    #[test]
    fn the_order_of_the_rules_for_exclusion_does_not_matter(matrix in any_matrix()) {
        let mut turned = matrix.clone();
        turned.exclude.reverse();
        prop_assert_eq!(matrix.expand(), turned.expand());
    }

    #[test]
    fn a_matrix_reads_back_from_json_as_it_was(matrix in any_matrix()) {
        let text = serde_json::to_string(&matrix).unwrap();
        prop_assert_eq!(serde_json::from_str::<MatrixDefinition>(&text).unwrap(), matrix);
    }
}
