//! Help, and requests that make no sense: refused before a database is started.

use crate::support::program::{end_of, program};

/// The program with a database that nobody can reach: whoever asks for it fails with another exit code.
fn usage(arguments: &[&str]) -> crate::support::program::Ended {
    end_of(
        program()
            .args(arguments)
            .env("DATABASE_URL", "postgres://127.0.0.1:1/none")
            .env("HOME", "/nonexistent"),
    )
}

#[test]
fn help_reads_like_this() {
    insta::assert_snapshot!("help", usage(&["--help"]).stdout);
    insta::assert_snapshot!("help_run", usage(&["run", "--help"]).stdout);
}

#[test]
fn every_command_has_help_and_without_a_command_help_is_shown() {
    let commands = "demo run runs matrices pods prices results load truth-server up worker scheduler schedules serve queues jobs workers tokens doctor workflows catalog gpus config migrate completions";
    for command in commands.split(' ') {
        let help = usage(&[command, "--help"]);
        assert_eq!(help.code, Some(0), "{command}");
        assert!(help.stdout.contains("Usage: dria-bench ") && help.stderr.is_empty(), "{command}: {help:?}");
    }
    let nothing = usage(&[]);
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("Commands:"), "{nothing:?}");
}

#[test]
fn completions_are_there_for_the_common_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let script = usage(&["completions", shell]);
        assert_eq!(script.code, Some(0));
        assert!(script.stdout.contains("llamacpp"), "{shell} completes engines");
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest_ones() {
    for (arguments, nearest) in [
        ("run --engine olama", "ollama"),
        ("run --engine truth --provider lokal", "local"),
        ("run --engine truth --workflow benchmrk", "benchmark"),
        ("run --engine vllm --model lama2-7b", "meta-llama/Llama-2-7b-chat-hf"),
        ("run --engine ollama --model llama2:7b --gpu H201", "NVIDIA H200"),
        ("workflows show benchmrk", "benchmark"),
        ("runs list --status faild", "failed"),
        ("results latest --format cvs", "csv"),
        ("results latest --view measurd", "measured"),
        ("rn", "run"),
    ] {
        refused(arguments, &[nearest]);
    }
}

#[test]
fn requests_that_make_no_sense_are_refused_with_what_to_do() {
    for (arguments, said) in [
        ("run --model nope", &["unknown model", "--llm_common_name"][..]),
        ("run --engine vllm", &["which model", "catalog models"]),
        ("run --engine truth --rates 9-1", &["--rates", "1-9"]),
        ("run --engine truth --rates 0", &["1 to 4096"]),
        ("run --engine truth --rates 1-100000", &["1 to 4096"]),
        ("run --engine truth --seconds -1", &["--seconds -1", "between 0.1 and 3600"]),
        ("run --engine truth --seconds nan", &["between 0.1 and 3600"]),
        ("run --engine truth --output-tokens -5", &["-5 is not in 1..=10000000"]),
        ("run --engine truth --prompt-tokens 4000000000", &["is not in 1..=10000000"]),
        ("run --engine truth --port 0", &["0 is not in 1..=65535"]),
        (
            "run --engine truth --context 16",
            &["don't fit a context of 16", "raise --context to at least 300"],
        ),
        ("run --engine truth --provider endpoint", &["--url http://host:port"]),
        ("run --engine truth --url http://h --provider local", &["contradict each other"]),
        ("run --engine truth --url http://h --engine-arg=-x", &["--engine-arg", "leave one of them out"]),
        ("run --engine truth --url h:80", &["must be http or https"]),
        ("run --engine truth --url http://u:p@h", &["must not hold a password"]),
        ("run --like xyz", &["at least 4 characters", "latest"]),
        ("run --like latest --engine truth", &["cannot be used with"]),
        ("runs show xyz", &["at least 4 characters"]),
        ("runs list --limit 0", &["0 is not in 1.."]),
    ] {
        refused(arguments, said);
    }
}

#[test]
fn a_machine_without_the_gpu_is_not_measured_as_if_it_had_it() {
    // Whatever this machine has, it isn't 4000 of them.
    refused("run --engine truth --gpu_count 4000", &["--gpu_count 4000", "leave --gpu and --gpu_count out"]);
}

#[test]
fn the_flags_of_the_original_are_taken_as_it_spells_them() {
    let original = [
        "run",
        "--engine",
        "ollama",
        "--gpu_id",
        "NVIDIA H200",
        "--volume_in_gb",
        "100",
        "--container_disk_in_gb",
        "50",
        "--llm_id",
        "llama2:7b",
        "--llm_parameter_size",
        "7b",
        "--llm_common_name",
        "Llama2-7B",
        "--port",
        "8000",
        "--gpu_count",
        "1",
    ];
    let ended = usage(&original);
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.stderr.contains("RUNPOD_API_KEY isn't set") && ended.stderr.contains("--provider local"),
        "{ended:?}"
    );
}

#[test]
fn settings_that_can_not_be_used_are_named_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = crate::support::program::file(folder.path(), "bench.toml", b"[worker]\nlease_mss = 3\n");
    let ended = usage(&["config", "show", "--config", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("bench.toml:2") && ended.stderr.contains("`worker.lease_ms`"), "{ended:?}");
    let homeless = end_of(program().args(["runs", "list"]).env_remove("HOME"));
    if !nix::unistd::geteuid().is_root() {
        assert_eq!(homeless.code, Some(3));
        assert!(homeless.stderr.contains("--data-dir"), "{homeless:?}");
    }
}

fn refused(arguments: &str, said: &[&str]) {
    let ended = usage(&arguments.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code, Some(2), "{arguments}: {ended:?}");
    assert!(ended.stdout.is_empty(), "{arguments}: {ended:?}");
    for part in said {
        assert!(ended.stderr.contains(part), "{arguments} doesn't say `{part}`: {}", ended.stderr);
    }
}
