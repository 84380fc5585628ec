//! Sampling GPUs while a level runs: this machine's by an `nvidia-smi` of its own that goes on until it is stopped,
//! another's by asking again and again.

use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use crate::domain::measure::observed::{GpuSample, GpuUse};

/// Longest that its end is waited for.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// GPUs being sampled. Dropping it ends the sampling.
#[derive(Debug)]
pub struct GpuSampler {
    child: Option<Child>,
    reading: JoinHandle<()>,
    samples: Arc<Mutex<Vec<GpuSample>>>,
}

impl GpuSampler {
    /// Starts it; `None` where the program isn't there.
    pub(super) fn start(nvidia_smi: &Path, every: Duration) -> Option<Self> {
        let mut child = Command::new(nvidia_smi)
            .args([
                "--query-gpu=index,memory.used,utilization.gpu,power.draw",
                "--format=csv,noheader,nounits",
                &format!("--loop-ms={}", every.as_millis().max(1)),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(child.stdout.take()?).lines();
        let samples = Arc::<Mutex<Vec<GpuSample>>>::default();
        let into = Arc::clone(&samples);
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(sample) = parse(&line) {
                    into.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
                }
            }
        });
        Some(Self { child: Some(child), reading, samples })
    }

    /// Asks `ask` at once and then so often.
    pub(super) fn poll<F>(every: Duration, ask: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Vec<GpuSample>> + Send,
    {
        let samples = Arc::<Mutex<Vec<GpuSample>>>::default();
        let into = Arc::clone(&samples);
        let reading = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            loop {
                ticks.tick().await;
                let seen = ask().await;
                into.lock().unwrap_or_else(PoisonError::into_inner).extend(seen);
            }
        });
        Self { child: None, reading, samples }
    }

    /// Ends it; `None` where it said nothing of any GPU.
    pub async fn stop(mut self) -> Option<GpuUse> {
        // It may have ended by itself.
        if let Some(child) = &mut self.child {
            drop(tokio::time::timeout(END_TIMEOUT, child.kill()).await);
        }
        let samples = std::mem::take(&mut *self.samples.lock().unwrap_or_else(PoisonError::into_inner));
        GpuUse::of(&samples)
    }

    /// Samples so far, of all GPUs.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for GpuSampler {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// One line a GPU and round; `[N/A]` is `None`.
fn parse(line: &str) -> Option<GpuSample> {
    let mut fields = line.split(',').map(str::trim);
    let index = fields.next()?.parse().ok()?;
    let mut number = || fields.next()?.parse::<f64>().ok().filter(|number| number.is_finite());
    Some(GpuSample {
        index,
        memory_used_mib: number(),
        utilisation: number().map(|percent| percent / 100.0),
        power_w: number(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::measure::observed::MeanMax;

    #[test]
    fn a_line_is_a_gpu_and_what_its_driver_does_not_know_is_none() {
        let sample = parse("1, 40960, 97, 612.25").unwrap();
        assert_eq!(
            (sample.index, sample.memory_used_mib, sample.utilisation),
            (1, Some(40_960.0), Some(0.97))
        );
        assert_eq!(parse("0, 12, [N/A], [N/A]").unwrap().power_w, None);
        assert_eq!(parse("No devices were found"), None);
        assert_eq!(parse(""), None);
    }

    #[tokio::test]
    async fn gpus_are_sampled_until_it_is_stopped_and_the_program_is_gone_then() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("nvidia-smi");
        let text = "#!/bin/sh\necho \"$@\" > \"$(dirname \"$0\")/args\"\n\
                    echo '0, 1000, 50, 100.0'\necho '1, 3000, 100, 200.0'\necho '0, 2000, 100, 300.0'\necho '1, 3000, 100, 200.0'\n\
                    exec sleep 600\n";
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        let sampler = GpuSampler::start(&script, Duration::from_millis(500)).unwrap();
        let pid = sampler.child.as_ref().unwrap().id().unwrap();
        while sampler.samples() < 4 {
            tokio::task::yield_now().await;
        }
        let seen = sampler.stop().await.unwrap();
        assert_eq!((seen.gpus, seen.samples), (2, 2));
        assert_eq!(seen.memory_used_mib, Some(MeanMax { mean: 4500.0, max: 5000.0 }));
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "it is gone and reaped");
        let args = std::fs::read_to_string(folder.path().join("args")).unwrap();
        assert!(args.contains("--loop-ms=500"), "{args}");
    }

    #[tokio::test]
    async fn where_there_is_no_nvidia_smi_or_no_gpu_nothing_is_said() {
        assert!(GpuSampler::start(Path::new("/nowhere/nvidia-smi"), Duration::from_millis(500)).is_none());
        let none = GpuSampler::start(Path::new("/bin/false"), Duration::from_millis(500)).unwrap();
        assert_eq!(none.stop().await, None);
    }
}
