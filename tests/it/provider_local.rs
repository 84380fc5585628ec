//! The local provider: engines outlive workers, are found again, and end for certain.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use dria_bench::{
    domain::{kinds::ProviderKind, spec::MachineSpec},
    provider::{
        EndpointProvider, EngineRequest, Liveness, LocalProvider, LocalSettings, MachineRequest, Provider,
        RunningEngine,
    },
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{
    llama,
    pods::{Pod, eventually},
};

/// An engine that stays until it is told to go.
const STAYS: &str = "echo up; exec sleep 600";

fn pid_of(running: &RunningEngine) -> i32 {
    running.external_id.as_deref().unwrap().split(':').next().unwrap().parse().unwrap()
}

fn exists(pid: i32) -> bool {
    // A zombie of a test's own is gone for our purpose.
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn open_files(pid: &str) -> Vec<PathBuf> {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    descriptors.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok()).collect()
}

async fn line_in_log(pod: &Pod, wanted: &str) -> String {
    eventually(&format!("`{wanted}` in the log"), async || {
        let log = pod.provider.logs(&pod.name, 100).await.unwrap();
        log.lines().find_map(|line| line.strip_prefix(wanted)).map(|rest| rest.trim().to_owned())
    })
    .await
}

async fn gone(provider: &LocalProvider, name: &str, external_id: Option<&str>) -> (String, String) {
    eventually("the engine is gone", async || match provider.engine_alive(name, external_id).await.unwrap() {
        Liveness::Alive => None,
        Liveness::Gone { reason, log_tail } => Some((reason, log_tail)),
    })
    .await
}

fn machine(name: &str, disk_needed_bytes: u64, program: Option<PathBuf>) -> MachineRequest {
    let machine = llama::spec(dria_bench::domain::kinds::EngineKind::Llamacpp, "x").machine;
    MachineRequest {
        name: name.to_owned(),
        machine,
        container: None,
        external_id: None,
        taken_for: None,
        rented_for: None,
        rented_before: 0,
        gated_model: false,
        disk_needed_bytes,
        program,
    }
}

#[tokio::test]
async fn a_second_call_and_another_worker_adopt_the_engine_that_runs() {
    let pod = Pod::new("adopt");
    let first = pod.provider.ensure_engine(&pod.shell(STAYS)).await.unwrap();
    assert!(first.started_now && first.command.is_some());
    for provider in [&pod.provider, &pod.another_provider()] {
        let again = provider.ensure_engine(&pod.shell(STAYS)).await.unwrap();
        assert!(!again.started_now);
        assert_eq!((&again.external_id, &again.endpoint), (&first.external_id, &first.endpoint));
        let alive = provider.engine_alive(&pod.name, first.external_id.as_deref()).await.unwrap();
        assert_eq!(alive, Liveness::Alive);
    }
    // A worker that was killed between starting the engine and writing it down left no record.
    std::fs::remove_file(pod.data_dir().join("engines").join(format!("{}.json", pod.name))).unwrap();
    let found = pod.another_provider().ensure_engine(&pod.shell(STAYS)).await.unwrap();
    assert_eq!(
        (found.started_now, found.external_id, found.endpoint),
        (false, first.external_id, first.endpoint)
    );
}

#[tokio::test]
async fn two_workers_that_start_the_same_engine_at_once_start_one() {
    let pod = Pod::new("race");
    let (one, other) = (pod.another_provider(), pod.another_provider());
    let request = pod.shell(STAYS);
    let (one, other) = tokio::join!(one.ensure_engine(&request), other.ensure_engine(&request));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.external_id, other.external_id);
    assert!(one.started_now != other.started_now);
}

/// Not a test by itself: the worker that the next test kills.
#[tokio::test]
#[ignore = "run as a process of its own by another test"]
async fn worker_that_starts_an_engine_and_hangs() {
    let Some((data_dir, name)) = std::env::var_os("TEST_DATA_DIR").zip(std::env::var_os("TEST_POD")) else {
        return;
    };
    let _socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let provider = LocalProvider::new(LocalSettings::new(data_dir.into()));
    let command = dria_bench::engine::LocalCommand {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), STAYS.into()],
        env: [].into(),
        model_path: None,
    };
    let request = EngineRequest {
        name: name.into_string().unwrap(),
        machine_external_id: None,
        port: None,
        url: None,
        command: Some(Arc::new(move |_| Ok(command.clone()))),
    };
    let running = provider.ensure_engine(&request).await.unwrap();
    writeln!(std::io::stderr(), "\nstarted {}", running.external_id.unwrap()).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn an_engine_survives_the_kill_of_its_worker_is_adopted_and_never_saw_its_secrets() {
    let pod = Pod::new("killed");
    // What whoever runs the tests left open is inherited by all.
    let inherited = open_files("self");
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "provider_local::worker_that_starts_an_engine_and_hangs",
        ])
        .env("TEST_DATA_DIR", pod.data_dir())
        .env("TEST_POD", &pod.name)
        .env("DATABASE_URL", "postgres://very-secret")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(worker.stderr.take().unwrap());
    let external_id = stderr
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("started ").map(str::to_owned));
    worker.kill().unwrap();
    worker.wait().unwrap();
    let external_id = external_id.expect("the worker started the engine");

    let alive = pod.provider.engine_alive(&pod.name, Some(&external_id)).await.unwrap();
    assert_eq!(alive, Liveness::Alive);
    let adopted = pod.provider.ensure_engine(&pod.shell(STAYS)).await.unwrap();
    assert_eq!((adopted.started_now, adopted.external_id.as_deref()), (false, Some(external_id.as_str())));
    let environ = std::fs::read_to_string(format!("/proc/{}/environ", pid_of(&adopted))).unwrap();
    assert!(environ.contains(&pod.name) && !environ.contains("very-secret"));
    let its: Vec<PathBuf> = open_files(&pid_of(&adopted).to_string());
    let of_the_worker = |file: &&PathBuf| file.to_string_lossy().contains(":[") && !inherited.contains(file);
    assert_eq!(its.iter().find(of_the_worker), None, "it holds a pipe or socket of the worker's");

    pod.provider.destroy(&pod.name, None).await.unwrap();
    assert!(!exists(pid_of(&adopted)));
}

#[tokio::test]
async fn a_reused_pid_is_neither_taken_for_the_engine_nor_killed() {
    let pod = Pod::new("reused");
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    let pid = stranger.id();
    let engines = pod.data_dir().join("engines");
    std::fs::create_dir_all(&engines).unwrap();
    let record = format!(r#"{{"pid":{pid},"start_time":1000,"port":1}}"#);
    std::fs::write(engines.join(format!("{}.json", pod.name)), record).unwrap();

    let (reason, _) = gone(&pod.provider, &pod.name, Some(&format!("{pid}:1000"))).await;
    assert!(reason.contains("another has its pid"), "{reason}");
    let running = pod.provider.ensure_engine(&pod.shell(STAYS)).await.unwrap();
    assert!(running.started_now);
    pod.provider.destroy(&pod.name, Some(&format!("{pid}:1000"))).await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn an_engine_that_exits_at_once_is_reported_with_its_code_and_last_lines() {
    let pod = Pod::new("exits");
    // Watched for long: this busy machine may take its time to run two echoes.
    let settings = LocalSettings {
        start_watch: Duration::from_mins(1),
        ..LocalSettings::new(pod.data_dir().to_owned())
    };
    let failure = LocalProvider::new(settings)
        .ensure_engine(&pod.shell("echo loading; echo 'unknown flag --x' >&2; exit 3"))
        .await
        .unwrap_err();
    assert_eq!(failure.code, "engine_exited");
    for part in ["exited with code 3", "unknown flag --x"] {
        assert!(failure.message.contains(part), "{failure}");
    }
    let mut missing = pod.shell("");
    let command = missing.command.take().unwrap();
    missing.command = Some(Arc::new(move |port| {
        command(port)
            .map(|command| dria_bench::engine::LocalCommand { program: "/nowhere/engine".into(), ..command })
    }));
    assert_eq!(pod.provider.ensure_engine(&missing).await.unwrap_err().code, "engine_missing");
}

#[tokio::test]
async fn an_engine_that_dies_later_is_gone_with_how_and_its_last_lines() {
    let pod = Pod::new("dies");
    let fifo = pod.data_dir().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let script = format!("read word < '{}'; echo \"CUDA out of memory: $word\"; exit 7", fifo.display());
    let running = pod.provider.ensure_engine(&pod.shell(&script)).await.unwrap();
    let id = running.external_id.as_deref();
    assert_eq!(pod.provider.engine_alive(&pod.name, id).await.unwrap(), Liveness::Alive);
    tokio::task::spawn_blocking(move || std::fs::write(fifo, "now\n")).await.unwrap().unwrap();
    let (_, tail) = gone(&pod.provider, &pod.name, id).await;
    assert_eq!(tail, "CUDA out of memory: now");
    eventually("the way it ended is known", async || {
        let (reason, _) = gone(&pod.provider, &pod.name, id).await;
        (reason == "exited with code 7").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_with_its_holder_before_anything_starts() {
    let pod = Pod::new("port");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let request = EngineRequest { port: Some(port), ..pod.shell(STAYS) };
    let failure = pod.provider.ensure_engine(&request).await.unwrap_err();
    assert_eq!(failure.code, "port_taken");
    assert!(failure.message.contains(&port.to_string()), "{failure}");
    assert!(pod.provider.list(&pod.name).await.unwrap().is_empty());
    drop(listener);
    let running = pod.provider.ensure_engine(&request).await.unwrap();
    assert_eq!(running.endpoint.base_url.port(), Some(port));
}

#[tokio::test]
async fn destroy_ends_children_that_ignore_sigterm_and_left_the_group_and_can_be_repeated() {
    let pod = Pod::new("stubborn");
    let script = "setsid sh -c 'trap \"\" TERM; echo child $$; while :; do sleep 1; done' &
                  sh -c 'trap \"\" TERM; echo other $$; while :; do sleep 1; done' &
                  trap '' TERM; wait";
    let running = pod.provider.ensure_engine(&pod.shell(script)).await.unwrap();
    let child: i32 = line_in_log(&pod, "child").await.parse().unwrap();
    let other: i32 = line_in_log(&pod, "other").await.parse().unwrap();
    assert!(exists(child) && exists(other));
    // By name alone: the id may never have been written down.
    pod.another_provider().destroy(&pod.name, None).await.unwrap();
    assert!(!exists(child) && !exists(other) && !exists(pid_of(&running)));
    pod.provider.destroy(&pod.name, running.external_id.as_deref()).await.unwrap();
    pod.provider.destroy("dria-test-never-was", None).await.unwrap();
}

#[tokio::test]
async fn children_that_lost_their_parent_and_their_environment_are_ended_by_their_group() {
    let pod = Pod::new("orphans");
    let script = "env -i sh -c 'echo child $$; while :; do sleep 1; done' & wait";
    let running = pod.provider.ensure_engine(&pod.shell(script)).await.unwrap();
    let child: i32 = line_in_log(&pod, "child").await.parse().unwrap();
    kill(Pid::from_raw(pid_of(&running)), Signal::SIGKILL).unwrap();
    gone(&pod.provider, &pod.name, running.external_id.as_deref()).await;
    assert!(exists(child));
    pod.another_provider().destroy(&pod.name, None).await.unwrap();
    assert!(!exists(child));
}

#[tokio::test]
async fn what_a_dead_engine_left_behind_is_ended_before_it_is_started_again() {
    let pod = Pod::new("again");
    let script = "sh -c 'echo child $$; while :; do sleep 1; done' & wait";
    let first = pod.provider.ensure_engine(&pod.shell(script)).await.unwrap();
    let child: i32 = line_in_log(&pod, "child").await.parse().unwrap();
    kill(Pid::from_raw(pid_of(&first)), Signal::SIGKILL).unwrap();
    gone(&pod.provider, &pod.name, first.external_id.as_deref()).await;
    let second = pod.provider.ensure_engine(&pod.shell(STAYS)).await.unwrap();
    assert!(second.started_now && second.external_id != first.external_id);
    assert!(!exists(child));
}

#[tokio::test]
async fn engines_are_listed_by_the_prefix_of_their_names() {
    let (one, other) = (Pod::new("list"), Pod::new("list"));
    let running = one.provider.ensure_engine(&one.shell("sleep 600 & wait")).await.unwrap();
    other.provider.ensure_engine(&other.shell(STAYS)).await.unwrap();
    let listed = one.provider.list(&one.name).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].name, Some(&listed[0].external_id)), (&one.name, running.external_id.as_ref()));
    let both = one.provider.list("dria-test-list-").await.unwrap();
    assert!([&one.name, &other.name].iter().all(|name| both.iter().any(|pod| pod.name == **name)));
}

#[tokio::test]
async fn the_machine_tells_its_facts_and_lacks_nothing_silently() {
    let pod = Pod::new("machine");
    let script = pod.data_dir().join("nvidia-smi");
    std::fs::write(&script, "#!/bin/sh\necho '570.86.15, 143771, 700.00, GPU-1, NVIDIA H200'\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let settings = LocalSettings { nvidia_smi: script, ..LocalSettings::new(pod.data_dir().to_owned()) };
    let provider = LocalProvider::new(settings);
    let found = provider.ensure_machine(&machine(&pod.name, 1, None)).await.unwrap();
    assert!(found.ready && found.facts.shared_with_client);
    assert_eq!(
        (found.facts.gpu_id().as_str(), found.facts.gpu_driver.as_deref()),
        ("NVIDIA H200", Some("570.86.15"))
    );
    let full = provider.ensure_machine(&machine(&pod.name, u64::MAX, None)).await.unwrap_err();
    assert_eq!(full.code, "disk_full");
    let missing =
        provider.ensure_machine(&machine(&pod.name, 1, Some("/nowhere/ollama".into()))).await.unwrap_err();
    assert_eq!(missing.code, "engine_missing");
}

#[tokio::test]
async fn an_endpoint_is_checked_and_never_stopped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let provider = EndpointProvider::default();
    let mut request = machine("dria-test-endpoint", 0, None);
    request.machine =
        MachineSpec { provider: ProviderKind::Endpoint, url: Some(url.clone()), ..request.machine };
    let found = provider.ensure_machine(&request).await.unwrap();
    assert!(found.ready && found.facts.shared_with_client);
    provider.destroy(&request.name, None).await.unwrap();
    assert!(provider.list("").await.unwrap().is_empty());
    drop(listener);
    let failure = provider.ensure_machine(&request).await.unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.retryable),
        ("engine_unreachable", false),
        "nobody listens there"
    );
}

#[tokio::test]
async fn the_real_llama_cpp_server_is_started_adopted_and_ended() {
    let pod = Pod::new("llama");
    let (_, running) = llama::llama_cpp(&pod).await;
    let (_, again) = llama::llama_cpp(&pod).await;
    assert_eq!((again.started_now, &again.external_id), (false, &running.external_id));
    pod.provider.destroy(&pod.name, running.external_id.as_deref()).await.unwrap();
    assert!(!exists(pid_of(&running)));
    let port = running.endpoint.base_url.port().unwrap();
    TcpListener::bind(("127.0.0.1", port)).expect("its port is free again");
}
