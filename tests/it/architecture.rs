//! The house rules a compiler doesn't check: who may use whom, who alone may name a library, sizes, no loose ends.
//!
//! Code is read as text: comments and strings are blanked, and unit tests (at a file's foot, or in `tests.rs`) are
//! held to sizes only. Every rule is also shown a made-up file that breaks it.

use std::{fs, path::Path};

/// What each room may use. A room not listed is refused, so a new one gets its line here.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    // These serve all but domain, and know at most domain and each other.
    ("clock", &["domain"]),
    ("config", &["domain", "clock"]),
    ("definitions", &["domain", "config"]),
    ("embedded_pg", &["domain", "clock", "config", "retry", "http"]),
    ("http", &["domain", "clock", "config", "retry"]),
    ("retry", &["domain", "clock", "config"]),
    ("telemetry", &["domain", "clock", "config"]),
    // What a process counts; whoever has something to count uses it.
    ("metrics", &[]),
    ("engine", &["domain", "SERVICES"]),
    ("loadgen", &["domain", "engine", "SERVICES"]),
    ("truth", &["domain", "engine", "SERVICES"]),
    ("provider", &["domain", "SERVICES"]),
    ("store", &["domain", "SERVICES"]),
    ("queue", &["domain", "store", "SERVICES"]),
    ("prices", &["domain", "store", "SERVICES"]),
    // What commands print and the API serves: it knows what steps leave behind, not how they work.
    ("report", &["domain", "store", "SERVICES"]),
    // What an import found, and files; databases are read in sync.
    ("import", &["domain", "store", "SERVICES"]),
    ("sync", &["domain", "store", "import", "prices", "SERVICES"]),
    ("assistant", &["domain", "store", "report", "SERVICES"]),
    ("community", &["domain", "store", "SERVICES"]),
    ("webhooks", &["domain", "store", "SERVICES"]),
    // What moves a run, whoever asks for it.
    ("ledger", &["domain", "store", "queue", "SERVICES"]),
    // Who signs in, and where; the API and commands ask it.
    ("people", &["domain", "store", "ledger", "SERVICES"]),
    (
        "workflow",
        &["domain", "engine", "provider", "loadgen", "store", "queue", "ledger", "metrics", "SERVICES"],
    ),
    // What is read from outside of a process that works.
    ("monitor", &["domain", "store", "ledger", "metrics", "SERVICES"]),
    (
        "jobs",
        &[
            "domain", "engine", "provider", "loadgen", "store", "queue", "ledger", "workflow", "prices",
            "sync", "webhooks", "SERVICES",
        ],
    ),
    // It reads the store and enqueues; it never calls workflow or provider.
    (
        "api",
        &[
            "domain",
            "store",
            "report",
            "queue",
            "ledger",
            "people",
            "prices",
            "sync",
            "assistant",
            "community",
            "webhooks",
            "metrics",
            "monitor",
            "SERVICES",
        ],
    ),
    (
        "cli",
        &[
            "domain",
            "engine",
            "loadgen",
            "truth",
            "provider",
            "prices",
            "store",
            "report",
            "queue",
            "import",
            "sync",
            "assistant",
            "community",
            "webhooks",
            "ledger",
            "people",
            "workflow",
            "jobs",
            "api",
            "monitor",
            "SERVICES",
        ],
    ),
];

/// What `SERVICES` stands for.
const SERVICES: &[&str] = &["clock", "config", "definitions", "embedded_pg", "http", "retry", "telemetry"];

/// Paths only these rooms may name.
const ONLY: &[(&str, &str, &[&str])] = &[
    ("sqlx", "query", &["store", "queue", "embedded_pg"]),
    ("sqlx", "raw_sql", &["store", "queue", "embedded_pg"]),
    ("sqlx", "QueryBuilder", &["store", "queue", "embedded_pg"]),
    ("backon", "", &["retry"]),
    ("mongodb", "", &["sync"]),
    ("async_openai", "", &["assistant"]),
];

/// What domain, which is pure, never names.
const IMPURE: &[(&str, &str)] = &[
    ("tokio", ""),
    ("sqlx", ""),
    ("reqwest", ""),
    ("std", "fs"),
    ("std", "net"),
    ("std", "env"),
    ("std", "process"),
    ("std", "thread"),
    ("Instant", "now"),
    ("SystemTime", "now"),
    ("Utc", "now"),
    ("rand", "rng"),
];

/// The longest file, in lines.
const MAX_LINES: usize = 600;

struct File {
    /// Relative to the project, with `/`: `src/engine/wire.rs`.
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The top-level module: `src/engine/wire.rs` → `engine`.
    fn room(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        let room = path.split('/').next()?;
        let room = room.strip_suffix(".rs").unwrap_or(room);
        (!matches!(room, "lib" | "main")).then_some(room)
    }

    /// How deep in the tree of modules: `src/engine/mod.rs` → 1, `src/engine/wire.rs` → 2.
    fn depth(&self) -> usize {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').count()
    }

    /// The code outside tests, without comments and strings.
    fn code(&self) -> String {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return String::new();
        }
        let mut code = blank(&self.text);
        if let Some(start) = code.find("#[cfg(test)]\nmod tests {") {
            let end = code[start..].find("\n}").map_or(code.len(), |end| start + end + 2);
            code.replace_range(start..end, "");
        }
        code
    }
}

/// Blanks comments, strings and character literals.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let literal = literal_len(rest, out.chars().next_back());
        if literal == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(rest[..literal].chars().filter(|c| *c == '\n'));
            out.push(' ');
            rest = &rest[literal..];
        }
    }
    out
}

/// How many bytes a comment, string or character literal at the start of `rest` has; 0: there is none.
fn literal_len(rest: &str, before: Option<char>) -> usize {
    let until =
        |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return until("*/", 2);
    }
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !in_word || before == Some('b')) {
        let hashes = raw.bytes().take_while(|b| *b == b'#').count();
        if raw[hashes..].starts_with('"') {
            return until(&format!("\"{}", "#".repeat(hashes)), hashes + 2);
        }
    }
    if rest.starts_with('"') {
        return quoted_len(rest, '"');
    }
    // `'a'` and `'\n'`, but not the lifetime `'a`.
    if rest.starts_with('\'') && (rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'')) {
        return quoted_len(rest, '\'');
    }
    0
}

fn quoted_len(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// What follows `root::` in the code, groups included: `root::{a, b::c}` → `a`, `b`.
fn segments_after<'a>(code: &'a str, root: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&format!("{root}::")) {
        let in_word = code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if !in_word {
            let rest = code[at + root.len() + 2..].trim_start();
            found.extend(first_segments(rest));
        }
    }
    found
}

fn first_segments(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![leading_word(rest)];
    };
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.push(leading_word(group[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

fn leading_word(text: &str) -> &str {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').map_or(text, |end| &text[..end])
}

/// The rooms a file uses, by `crate::` or by climbing up to the root with `super::`.
fn rooms_used(code: &str, depth: usize) -> Vec<&str> {
    let climb = vec!["super"; depth].join("::");
    let mut rooms = segments_after(code, "crate");
    rooms.extend(segments_after(code, &climb).into_iter().filter(|name| is_room(name)));
    rooms.retain(|room| !room.is_empty());
    rooms
}

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|(room, _)| *room == name)
}

fn wrong_directions(file: &File) -> Vec<String> {
    let Some(room) = file.room() else { return Vec::new() };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{}: the room `{room}` is not in the list of this test", file.path)];
    };
    let may_use = |other: &str| {
        other == room
            || allowed.contains(&other)
            || (allowed.contains(&"SERVICES") && SERVICES.contains(&other))
            // A name at the root that is no room: a macro, or something re-exported.
            || !is_room(other)
    };
    let code = file.code();
    let used = rooms_used(&code, file.depth());
    let wrong = used.into_iter().filter(|other| !may_use(other));
    wrong.map(|other| format!("{}: `{room}` may not use `{other}`", file.path)).collect()
}

fn names(code: &str, root: &str, segment: &str) -> bool {
    let found = segments_after(code, root);
    if segment.is_empty() { !found.is_empty() } else { found.iter().any(|name| name.starts_with(segment)) }
}

fn names_of_others(file: &File) -> Vec<String> {
    let Some(room) = file.room() else { return Vec::new() };
    let code = file.code();
    let mut wrong: Vec<String> = ONLY
        .iter()
        .filter(|(root, segment, rooms)| !rooms.contains(&room) && names(&code, root, segment))
        .map(|(root, segment, rooms)| {
            format!("{}: only {} may name `{root}::{segment}`", file.path, rooms.join(", "))
        })
        .collect();
    if room == "domain" {
        let impure = IMPURE.iter().filter(|(root, segment)| names(&code, root, segment));
        wrong.extend(impure.map(|(root, segment)| {
            format!("{}: domain is pure and may not name `{root}::{segment}`", file.path)
        }));
    }
    wrong
}

fn loose_ends(file: &File) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines = file.text.lines().count();
    if lines > MAX_LINES {
        wrong
            .push(format!("{}: {lines} lines, more than {MAX_LINES}: split it by responsibility", file.path));
    }
    if !file.text.starts_with("//!") {
        wrong.push(format!("{}: must open with what it is for (`//!`)", file.path));
    }
    for mark in ["TODO", "FIXME", "XXX"] {
        if let Some(line) = file.text.lines().position(|line| line.contains(mark)) {
            wrong.push(format!("{}:{}: `{mark}`: do it, or write an issue", file.path, line + 1));
        }
    }
    wrong
}

/// Every Rust file below `folder` of the project.
fn files_below(folder: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                files.push(File { path: relative, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(!files.is_empty());
    files
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn rooms_are_used_in_one_direction() {
    assert_none(&files_below("src").iter().flat_map(wrong_directions).collect::<Vec<_>>());
}

#[test]
fn a_library_is_named_only_where_it_belongs_and_domain_is_pure() {
    assert_none(&files_below("src").iter().flat_map(names_of_others).collect::<Vec<_>>());
}

#[test]
fn files_are_short_say_what_they_are_for_and_leave_nothing_undone() {
    let own_name = file!().replace('\\', "/");
    let mut files = files_below("src");
    // This file has to write the marks it looks for.
    files.extend(files_below("tests").into_iter().filter(|file| file.path != own_name));
    assert_none(&files.iter().flat_map(loose_ends).collect::<Vec<_>>());
}

/// What the OpenAPI document calls the types of a file.
fn schemas(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut derived = false;
    let mut called = None;
    for line in text.lines().map(str::trim) {
        derived |= line.starts_with("#[derive(") && line.contains("ToSchema");
        if let Some((_, name)) = line.split_once("#[schema(as = ") {
            called = Some(name.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned());
        }
        let words: Vec<_> = line.split_whitespace().collect();
        if let Some(at) =
            words.iter().position(|word| matches!(*word, "struct" | "enum")).filter(|at| *at < 2)
        {
            let name = leading_word(words.get(at + 1).unwrap_or(&"")).to_owned();
            if derived {
                found.push(called.take().unwrap_or(name));
            }
            (derived, called) = (false, None);
        }
    }
    found
}

#[test]
fn no_two_types_have_one_name_in_the_openapi_document() {
    let sample = "#[derive(ToSchema)]\nstruct A {}\n#[derive(Debug)]\nenum B {}\n#[derive(utoipa::ToSchema)]\n\
                  #[schema(as = D)]\npub(super) enum C {}";
    assert_eq!(schemas(sample), ["A", "D"]);
    let mut names: Vec<_> = files_below("src").iter().flat_map(|file| schemas(&file.text)).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0].clone()).collect();
    assert!(
        twice.is_empty(),
        "the later of two takes the other's place: give one #[schema(as = …)]: {twice:?}"
    );
}

#[test]
fn a_wrong_direction_is_found_however_it_is_written() {
    for text in [
        "use crate::store::runs;",
        "use crate::{\n    domain::{self, ids::RunId},\n    store::{Pool, runs},\n};",
        "fn f() { crate::store::runs::list() }",
        "use super::super::store;",
        "pub(crate) use crate::store;",
    ] {
        let wrong = wrong_directions(&File::new("src/engine/wire.rs", text));
        assert_eq!(wrong, ["src/engine/wire.rs: `engine` may not use `store`"], "{text}");
    }
    assert_eq!(wrong_directions(&File::new("src/engine/mod.rs", "use super::store;")).len(), 1);
    assert_eq!(wrong_directions(&File::new("src/domain/run.rs", "use crate::clock;")).len(), 1);
    assert_eq!(wrong_directions(&File::new("src/api/runs.rs", "use crate::provider::runpod;")).len(), 1);
    assert_eq!(wrong_directions(&File::new("src/cellar.rs", "")).len(), 1);
}

#[test]
fn a_right_direction_a_comment_a_text_and_a_test_are_no_finding() {
    for text in [
        "use crate::domain::ids::RunId;\nuse crate::{clock, engine::wire};",
        "// use crate::store;\n/* crate::store::x */ fn f<'a>(s: &'a str) {}",
        "const A: &str = \"crate::store\";\nconst B: &str = r#\"\" crate::store \"#;\nconst C: char = '\"';",
        "use super::store;\nuse mycrate::store;",
        "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::store;\n}",
    ] {
        assert_none(&wrong_directions(&File::new("src/engine/wire.rs", text)));
    }
    let after_tests = "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nuse crate::store;";
    assert_eq!(wrong_directions(&File::new("src/engine/wire.rs", after_tests)).len(), 1);
    assert_none(&wrong_directions(&File::new("src/engine/wire/tests.rs", "use crate::truth::serve;")));
}

#[test]
fn a_misplaced_query_and_an_impure_domain_are_found() {
    let found = |path: &str, text: &str| names_of_others(&File::new(path, text)).len();
    for text in
        ["sqlx::query!(\"select 1\")", "use sqlx::{Acquire, query_as};", "sqlx::QueryBuilder::new(\"\")"]
    {
        assert_eq!(found("src/workflow/runner.rs", text), 1, "{text}");
        assert_eq!(found("src/store/runs.rs", text), 0, "{text}");
        assert_eq!(found("src/queue.rs", text), 0, "{text}");
    }
    assert_eq!(found("src/workflow/runner.rs", "use sqlx::PgConnection; // sqlx::query"), 0);
    assert_eq!(found("src/provider/runpod.rs", "use backon::Retryable;"), 1);
    for text in ["use tokio::sync::watch;", "use std::{fmt, fs};", "let now = std::time::Instant::now();"] {
        assert_eq!(found("src/domain/run.rs", text), 1, "{text}");
    }
    assert_eq!(found("src/domain/run.rs", "use std::{fmt, time::Duration};"), 0);
}

#[test]
fn a_long_file_a_missing_purpose_and_a_loose_end_are_found() {
    let found = |text: &str| loose_ends(&File::new("src/engine/wire.rs", text)).len();
    assert_eq!(found("//! What it is for.\nfn f() {}\n"), 0);
    assert_eq!(found("fn f() {}\n"), 1);
    assert_eq!(found("//! It.\n// TODO: the rest\n"), 1);
    assert_eq!(found(&format!("//! It.\n{}", "\n".repeat(MAX_LINES - 1))), 0);
    assert_eq!(found(&format!("//! It.\n{}", "\n".repeat(MAX_LINES))), 1);
}
