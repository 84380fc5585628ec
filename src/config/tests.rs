//! Which layer wins, and what a bad setting is told.

use std::time::Duration;

use super::*;

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut map = BTreeMap::from([("HOME".to_owned(), "/home/ann".to_owned())]);
    map.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    map
}

fn with_env(pairs: &[(&str, &str)]) -> Result<Config, Error> {
    Config::from_parts(&Overrides::default(), None, &env(pairs), &Machine::default())
}

fn with_file(text: &str) -> Result<Config, Error> {
    Config::from_parts(
        &Overrides::default(),
        Some((Path::new("my.toml"), text)),
        &env(&[]),
        &Machine::default(),
    )
}

fn origin<'c>(config: &'c Config, key: &str) -> &'c Origin {
    &config.entries().iter().find(|entry| entry.key == key).unwrap().origin
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = with_env(&[]).unwrap();
    assert!(config.database.url.is_none());
    assert_eq!(config.data.dir, Path::new("/home/ann/.local/share/dria-bench"));
    assert_eq!((config.server.host.to_string().as_str(), config.server.port), ("127.0.0.1", 8000));
    assert_eq!(config.worker.lease, Duration::from_secs(30));
    assert_eq!(config.worker.heartbeat, Duration::from_secs(5));
    assert_eq!(config.worker.sweeper, Duration::from_secs(15));
    assert_eq!(config.load.rates, (1..=9).collect::<Vec<_>>());
    assert_eq!(config.engines.llamacpp.threads, 1);
    assert!(config.entries().iter().all(|entry| matches!(entry.origin, Origin::Default | Origin::Found)));
}

#[test]
fn the_default_load_is_the_domains() {
    let (load, spec) = (with_env(&[]).unwrap().load, crate::domain::spec::LoadSpec::default());
    assert_eq!(load.rates, spec.rates);
    assert!((load.seconds - spec.seconds).abs() < f64::EPSILON);
    assert_eq!((load.prompt_tokens, load.output_tokens), (spec.prompt_tokens, spec.output_tokens));
    assert_eq!((load.seed, load.max_in_flight), (spec.seed, spec.max_in_flight));
}

#[test]
fn every_key_and_its_variable_are_in_the_default_file_and_the_other_way_round() {
    let mut section = String::new();
    let mut written = Vec::new();
    for line in DEFAULTS.lines() {
        let bare = line.trim_start_matches("# ");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((name, _)) = bare.split_once(" = ")
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            written.push(format!("{section}.{name}"));
        }
    }
    let known: Vec<String> = keys::KEYS.iter().map(|key| key.name.to_owned()).collect();
    assert_eq!(written, known);
    for key in keys::KEYS {
        assert!(DEFAULTS.contains(key.variable), "{} isn't named in the default file", key.variable);
    }
}

#[test]
fn the_examples_in_the_default_file_are_valid() {
    let text: String = DEFAULTS
        .lines()
        .map(|line| if line.starts_with("# ") && line.contains(" = \"") { &line[2..] } else { line })
        .fold(String::new(), |text, line| text + line + "\n");
    let config = with_file(&text).unwrap();
    assert_eq!(config.engines.ollama.binary, Some(PathBuf::from("/usr/local/bin/ollama")));
}

#[test]
fn file_then_environment_then_flag_win_and_are_named() {
    let overrides = Overrides { data_dir: Some("/flag".into()), ..Overrides::default() };
    let file = "[server]\nport = 1\n[worker]\nlease_ms = 60000\n[data]\ndir = \"/file\"\n";
    let env = env(&[("DRIA_BENCH_PORT", "2"), ("DRIA_BENCH_DATA_DIR", "/env")]);
    let config =
        Config::from_parts(&overrides, Some((Path::new("f.toml"), file)), &env, &Machine::default()).unwrap();
    assert_eq!(config.worker.lease, Duration::from_mins(1));
    assert_eq!(origin(&config, "worker.lease_ms"), &Origin::File { path: "f.toml".into(), line: 4 });
    assert_eq!(config.server.port, 2);
    assert_eq!(origin(&config, "server.port"), &Origin::Environment("DRIA_BENCH_PORT".to_owned()));
    assert_eq!(config.data.dir, Path::new("/flag"));
    assert_eq!(origin(&config, "data.dir"), &Origin::Flag("--data-dir"));
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
    let error = with_file("[worker]\n# a comment\nlease_m = 3000\n").unwrap_err().to_string();
    assert!(error.starts_with("my.toml:3: there is no setting `worker.lease_m`"), "{error}");
    assert!(error.contains("did you mean `worker.lease_ms`"), "{error}");
    let error = with_file("[nonsense]\n").unwrap_err().to_string();
    assert!(error.starts_with("my.toml:1: there is no setting `nonsense`"), "{error}");
}

#[test]
fn a_bad_value_is_refused_with_its_place_and_the_reason() {
    for (file, place, reason) in [
        ("[server]\nport = 70000\n", "my.toml:2", "server.port"),
        ("[worker]\nlease_ms = \"soon\"\n", "my.toml:2", "worker.lease_ms"),
        ("[worker]\n\nconcurrency = 0\n", "my.toml:3", "must be from 1 to 64 steps, and is 0"),
        ("[load]\nrates = []\n", "my.toml:2", "one or more numbers of streams"),
        ("[load]\nseconds = nan\n", "my.toml:2", "must be from 0.1"),
        ("[server]\nhost = \"\"\n", "my.toml:2", "is empty"),
        ("[server\nport = 1\n", "my.toml:1", ""),
        ("server = 3\n", "my.toml:1", "no setting `server`"),
        ("[worker]\nheartbeat_ms = 20000\n", "my.toml:2", "at most half the lease (30000 ms)"),
    ] {
        let error = with_file(file).unwrap_err().to_string();
        assert!(error.starts_with(place) && error.contains(reason), "{file:?} gave: {error}");
    }
    let error = with_env(&[("DRIA_BENCH_PORT", "http")]).unwrap_err().to_string();
    assert!(error.starts_with("environment DRIA_BENCH_PORT: `server.port`"), "{error}");
}

#[test]
fn variables_take_the_type_of_the_setting() {
    let config = with_env(&[
        ("DRIA_BENCH_LOAD_SECONDS", "3"),
        ("DRIA_BENCH_LOAD_RATES", "[4, 1, 4]"),
        ("DRIA_BENCH_WORKER_LEASE_MS", "3000"),
        ("DRIA_BENCH_WORKER_HEARTBEAT_MS", "500"),
        ("DRIA_BENCH_LLAMACPP_SERVER", "/opt/llama-server"),
        ("PG_BIN", "/opt/15"),
        ("RUST_LOG", ""),
    ]);
    // The lease comes first and would be too short for the default heartbeat: only the whole is judged.
    let config = config.unwrap();
    assert!((config.load.seconds - 3.0).abs() < f64::EPSILON);
    assert_eq!(config.load.rates, [1, 4]);
    assert_eq!(config.worker.heartbeat, Duration::from_millis(500));
    assert_eq!(config.engines.llamacpp.server, Some(PathBuf::from("/opt/llama-server")));
    assert_eq!(config.data.pg_bin, Some(PathBuf::from("/opt/15")));
    assert_eq!(config.log.filter, "info", "an empty variable counts as unset");
}

#[test]
fn a_secret_may_come_from_a_file_and_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    fs::write(&path, "postgres://u:hunter2@h/db\n").unwrap();
    let named = path.display().to_string();
    let config = with_env(&[("DATABASE_URL_FILE", &named)]).unwrap();
    assert_eq!(config.database.url.as_ref().unwrap().expose(), "postgres://u:hunter2@h/db");
    let shown = format!("{config:?} {}", config.database.url.as_ref().unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    let both = with_env(&[("DATABASE_URL_FILE", &named), ("DATABASE_URL", "postgres://x:hunter3@h/db")]);
    let error = both.unwrap_err().to_string();
    assert!(error.contains("given twice") && !error.contains("hunter3"), "{error}");
    let gone = with_env(&[("DATABASE_URL_FILE", "/does/not/exist")]).unwrap_err().to_string();
    assert!(gone.contains("DATABASE_URL_FILE") && gone.contains("/does/not/exist"), "{gone}");
}

#[test]
fn the_data_folder_follows_root_and_xdg() {
    let dir = |pairs: &[(&str, &str)], root| {
        let machine = Machine { root, ..Machine::default() };
        Config::from_parts(&Overrides::default(), None, &env(pairs), &machine).unwrap().data.dir
    };
    assert_eq!(dir(&[], true), Path::new("/var/lib/dria-bench"));
    assert_eq!(dir(&[("XDG_DATA_HOME", "/xdg")], false), Path::new("/xdg/dria-bench"));
    assert_eq!(dir(&[("XDG_DATA_HOME", "relative")], false), Path::new("/home/ann/.local/share/dria-bench"));
    let homeless = Config::from_parts(&Overrides::default(), None, &BTreeMap::new(), &Machine::default());
    assert!(matches!(homeless, Err(Error::NoHome)));
}

#[test]
fn the_demo_python_is_found_in_the_tools_folder() {
    let tools = tempfile::tempdir().unwrap();
    let python = tools.path().join("llama/bin/python");
    fs::create_dir_all(python.parent().unwrap()).unwrap();
    fs::write(&python, "").unwrap();
    let machine = Machine { root: false, tools: vec![tools.path().to_owned()] };
    let config = Config::from_parts(&Overrides::default(), None, &env(&[]), &machine).unwrap();
    assert_eq!(config.engines.llamacpp.python, Some(python));
    assert_eq!(origin(&config, "engines.llamacpp.python"), &Origin::Found);
}

#[test]
fn commands_log_warnings_unless_told_otherwise() {
    let plain = with_env(&[]).unwrap();
    assert_eq!(plain.log_filter(false, 0), "warn,sqlx=error");
    assert_eq!(plain.log_filter(true, 0), "info,sqlx::postgres::notice=error");
    assert_eq!(plain.log_filter(false, 1), "info,sqlx=warn");
    let set = with_env(&[("RUST_LOG", "dria_bench=trace")]).unwrap();
    assert_eq!(set.log_filter(false, 0), "dria_bench=trace");
}
