//! Engines that tests start on this machine, and their certain end.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use dria_bench::{
    engine::LocalCommand,
    provider::{EngineRequest, LocalProvider, LocalSettings, Provider},
};
use uuid::Uuid;

/// A data folder, a provider on it, and a name: whatever runs under the name ends with this value.
pub(crate) struct Pod {
    folder: tempfile::TempDir,
    pub(crate) name: String,
    pub(crate) provider: LocalProvider,
}

impl Pod {
    pub(crate) fn new(purpose: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("dria-test-{purpose}-{}", Uuid::now_v7().simple());
        let provider = provider(folder.path());
        Self { folder, name, provider }
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// What another worker on this machine has.
    pub(crate) fn another_provider(&self) -> LocalProvider {
        provider(self.folder.path())
    }

    /// A request to run a shell script as the engine.
    pub(crate) fn shell(&self, script: &str) -> EngineRequest {
        let command = LocalCommand {
            program: PathBuf::from("/bin/sh"),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: [("TEST_ENGINE".to_owned(), "1".to_owned())].into(),
            model_path: None,
        };
        self.request(Arc::new(move |_| Ok(command.clone())))
    }

    pub(crate) fn request(&self, command: dria_bench::provider::CommandForPort) -> EngineRequest {
        EngineRequest {
            name: self.name.clone(),
            machine_external_id: None,
            port: None,
            url: None,
            command: Some(command),
        }
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let (provider, name) = (self.another_provider(), self.name.clone());
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(provider.destroy(&name, None))
        });
        let ended = ended.join();
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

/// A provider that is quick to lose its patience.
pub(crate) fn provider(data_dir: &Path) -> LocalProvider {
    LocalProvider::new(LocalSettings {
        start_watch: Duration::from_millis(50),
        stop_grace: Duration::from_millis(500),
        ..LocalSettings::new(data_dir.to_owned())
    })
}

/// Asks again until the answer is there, at most a minute.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asking)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within a minute"))
}
