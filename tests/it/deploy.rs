//! What is shipped for deployment: the compose file is YAML, and every command line in it, in the units and in the image
//! is one that the program takes.

use std::{fs, path::Path};

use yaml_rust2::{Yaml, YamlLoader};

use crate::support::program::{end_of, program};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Whether the program takes these arguments: with `--help` behind them it runs nothing.
fn is_taken(arguments: &[String]) -> bool {
    let ended = end_of(program().args(arguments).arg("--help").env("HOME", "/nonexistent"));
    ended.code == Some(0)
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn arguments_that_the_program_does_not_have_are_found() {
    assert!(is_taken(&words("worker --queues steps")));
    assert!(!is_taken(&words("worker --queue steps")));
    assert!(!is_taken(&words("wroker")));
}

#[test]
fn every_unit_starts_a_command_that_there_is_drains_and_is_confined() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd");
    let mut units = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let arguments = words(line.strip_prefix("/usr/local/bin/dria-bench ").unwrap());
        assert!(is_taken(&arguments), "{}: {line}", path.display());
        for needed in [
            "User=dria-bench",
            "KillSignal=SIGTERM",
            "TimeoutStopSec=60",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
        ] {
            assert!(text.contains(needed), "{} lacks {needed}", path.display());
        }
        units += 1;
    }
    assert!(units >= 3);
}

#[test]
fn the_compose_file_starts_commands_that_there_are() {
    let compose = YamlLoader::load_from_str(&read("compose.yaml")).unwrap().remove(0);
    let services = compose["services"].as_hash().unwrap();
    let names: Vec<&str> = services.keys().filter_map(Yaml::as_str).collect();
    assert_eq!(names, ["postgres", "mongodb", "up", "worker"]);
    let mut commands = 0;
    for (name, service) in services {
        let Some(command) = service["command"].as_vec() else { continue };
        let arguments: Vec<String> = command.iter().map(|word| word.as_str().unwrap().to_owned()).collect();
        assert!(is_taken(&arguments), "{name:?}: {arguments:?}");
        assert_eq!(service["read_only"].as_bool(), Some(true), "{name:?}");
        assert_eq!(service["stop_grace_period"].as_str(), Some("60s"), "{name:?}");
        commands += 1;
    }
    assert_eq!(commands, 2);
    // The commands in its head that set it up.
    let setup = "tokens create --name admin --role admin";
    assert!(read("compose.yaml").contains(setup) && is_taken(&words(setup)));
}

#[test]
fn the_image_does_not_run_as_root() {
    let image = read("Dockerfile");
    let last = image.rsplit("\nFROM ").next().unwrap();
    assert!(last.contains("\nUSER 10001:10001\n") && !last.contains("/root"), "{last}");
    assert!(last.contains(r#"CMD ["up"]"#) && is_taken(&words("up")));
}
