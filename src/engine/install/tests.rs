//! Where engines are found, and what is said when they are not.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::engine::test_spec;

fn program(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn settings(folder: &Path) -> InstallSettings {
    InstallSettings {
        data_dir: folder.join("data"),
        search_path: folder.join("bin").into(),
        ..InstallSettings::default()
    }
}

#[tokio::test]
async fn a_server_on_path_is_found_with_its_version_and_digest() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("bin")).unwrap();
    let server =
        program(&folder.path().join("bin"), "llama-server", "#!/bin/sh\necho 'version: 5678 (abcdef)' >&2\n");
    let found = llama_cpp(&settings(folder.path())).await.unwrap();
    assert_eq!(
        (&found.program, found.form, found.version.as_deref()),
        (&server, InstallForm::Binary, Some("5678"))
    );
    assert_eq!(found.sha256.as_deref(), file_sha256(&server).ok().as_deref());
    assert_eq!(found.threads, Some(1), "its threads spin where cores are shared");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_reported_with_how_to_install_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    for (failure, expected) in [
        (llama_cpp(&settings).await.unwrap_err(), "xllamacpp"),
        (ollama(&settings).await.unwrap_err(), "ollama.com"),
        (python_engine(&settings, &VLLM).await.unwrap_err(), "pip install vllm"),
        (python_engine(&settings, &SGLANG).await.unwrap_err(), "pip install sglang"),
    ] {
        assert_eq!(failure.code, "engine_missing");
        assert!(failure.message.contains(expected), "{failure}");
    }
}

#[tokio::test]
async fn a_configured_program_that_is_wrong_is_not_silently_replaced_by_another() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("bin")).unwrap();
    program(&folder.path().join("bin"), "ollama", "#!/bin/sh\necho ollama version is 0.11.11\n");
    let mut settings = settings(folder.path());
    assert_eq!(ollama(&settings).await.unwrap().version.as_deref(), Some("0.11.11"));
    settings.ollama_binary = Some("/nowhere/ollama".into());
    assert!(ollama(&settings).await.unwrap_err().message.contains("/nowhere/ollama"));
    let python = program(
        folder.path(),
        "python",
        "#!/bin/sh\necho '{\"found\": false, \"version\": null, \"weights\": null}'\n",
    );
    settings.vllm_python = Some(python);
    assert!(python_engine(&settings, &VLLM).await.unwrap_err().message.contains("no module vllm"));
}

#[test]
fn versions_are_read_off_what_programs_print() {
    assert_eq!(version_in("ollama version is 0.11.11").as_deref(), Some("0.11.11"));
    assert_eq!(
        version_in("Warning: no server\nWarning: client version is v0.11.11").as_deref(),
        Some("0.11.11")
    );
    assert_eq!(version_in("no numbers"), None);
}

#[test]
fn a_model_folder_is_used_offline_and_one_without_a_config_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = test_spec(EngineKind::Vllm);
    assert_eq!(hugging_face_model(&spec).unwrap().0, "Qwen/Qwen3-14B");
    spec.model.path = Some(folder.path().to_string_lossy().into_owned());
    assert_eq!(hugging_face_model(&spec).unwrap_err().code, "model_not_found");
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    let (_, path, env) = hugging_face_model(&spec).unwrap();
    assert_eq!(path.as_deref(), Some(folder.path()));
    assert_eq!(env["HF_HUB_OFFLINE"], "1");
}
