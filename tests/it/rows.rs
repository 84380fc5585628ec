//! What was seen beside the requests reaches the row that is stored: the GPUs' use, and a sample of each failure.

use std::{os::unix::fs::PermissionsExt, sync::Arc};

use dria_bench::{
    domain::{kinds::ProviderKind, measure::observed::MeanMax, run::RunStatus},
    provider::{LocalProvider, LocalSettings},
    queue::TokenQueue,
    store::{
        results::{self, StoredResult},
        runs as stored_runs,
    },
    truth::{Fault, FaultKind},
    workflow::{Providers, execute_one},
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    database::{TestDatabase, public_folder},
    drain::{Bench, Remembered},
    runs,
};

/// An `nvidia-smi` of one H200: it tells what it is, and its use for as long as it is asked to.
const NVIDIA_SMI: &str = "#!/bin/sh
case \"$*\" in
  *driver_version*) echo '570.86.15, 143771, 700.00, GPU-1, NVIDIA H200' ;;
  *) echo '0, 1000, 50, 100.0'; echo '0, 3000, 100, 300.0'; exec sleep 600 ;;
esac
";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gpus_did_during_a_level_is_stored_with_it() {
    let (database, folder) = (TestDatabase::new().await, public_folder());
    let nvidia_smi = folder.path().join("nvidia-smi");
    std::fs::write(&nvidia_smi, NVIDIA_SMI).unwrap();
    std::fs::set_permissions(&nvidia_smi, PermissionsExt::from_mode(0o755)).unwrap();
    let tokens = Arc::new(Remembered::default());
    let mut services = runs::services(&database, Arc::clone(&tokens) as Arc<dyn TokenQueue>, folder.path());
    let settings = LocalSettings { nvidia_smi, ..LocalSettings::new(folder.path().to_owned()) };
    services.providers = Providers::default().with(Arc::new(LocalProvider::new(settings)));
    let spec = runs::truth_spec(&[1], ProviderKind::Local, None);
    let workflow = runs::quick_workflow(&[1]);
    let run = runs::start(&database, tokens.as_ref(), &spec, &workflow, "steps").await;
    while let Some(token) = tokens.pop() {
        execute_one(&services, &token, "test-worker", &CancellationToken::new()).await.unwrap();
    }

    let mut conn = database.pool.acquire().await.unwrap();
    let ended = stored_runs::get(&mut conn, run).await.unwrap().unwrap();
    assert_eq!(ended.status, RunStatus::Succeeded, "{:?}", ended.error);
    let stored = results::list(&mut conn, run).await.unwrap();
    assert_eq!(stored.len(), 2, "throughput and one level");
    for StoredResult { summary, .. } in stored {
        let gpu = summary.observed.gpu.as_ref().expect("no GPU in the row");
        assert_eq!((gpu.gpus, gpu.samples), (1, 2));
        assert_eq!(gpu.memory_used_mib, Some(MeanMax { mean: 2000.0, max: 3000.0 }));
    }
    assert_eq!(runs::broken_invariants(&database, folder.path()).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_first_words_of_each_failure_are_stored_with_the_level_it_happened_in() {
    let bench = Bench::new(&[1], |_| {}).await;
    let token = bench.up_to("throughput").await;
    bench.server.inject(Fault { next: 1, kind: FaultKind::Status { status: 503, retry_after_s: None } });
    bench.work(&token).await;
    bench.drain().await;
    let stored = results::list(&mut bench.database.pool.acquire().await.unwrap(), bench.run).await.unwrap();
    // Its warm-up counts no failures, but what was said is kept from there too.
    let (with, without): (Vec<&StoredResult>, Vec<&StoredResult>) =
        stored.iter().partition(|result| result.summary.observed.error_samples.contains_key("http_503"));
    assert_eq!((with.len(), without.len()), (1, 1), "only in the level it happened in");
    let failed = with[0];
    assert_eq!(failed.summary.measured.columns.rate, None, "the throughput level");
    let sample = failed.summary.observed.error_samples.get("http_503").expect("no sample");
    assert!(!sample.is_empty() && sample.len() <= 200, "{sample}");
    assert_eq!(bench.broken_invariants().await, Vec::<String>::new());
}
