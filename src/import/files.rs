//! Files of one benchmark each: a JSON object with the fields of `BenchmarkResult` of the original paths, any of them null
//! or missing. The file's name is `<model>_<GPU>_<engine>_<pod id>.json`; its last part is the run's identifier.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::{Error, Outcome, Report};
use crate::{
    domain::{catalog::Catalog, kinds::EngineKind},
    store::imports::{self, FileRun},
};

/// What is said of a thing that nobody named.
const UNKNOWN: &str = "unknown";

/// The longest file that is read, bytes: one benchmark is a thousand.
const LONGEST: u64 = 1024 * 1024;

/// Imports these files, and of a folder every file in it whose name ends with `.json`.
///
/// # Errors
/// When a path can't be read, or our database fails. What is wrong with one file is in the report.
pub async fn import(pool: &PgPool, paths: &[PathBuf]) -> Result<Report, Error> {
    let catalog = Catalog::embedded().map_err(|error| Error::Catalog(error.to_string()))?;
    let mut report = Report::default();
    let mut conn = pool.acquire().await?;
    for path in listed(paths)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let run = match read(&path).and_then(|text| run(&catalog, &name, &text)) {
            Ok(run) => run,
            Err(why) => {
                report.skip("files", path.display().to_string(), why);
                continue;
            }
        };
        if let Some(outcome) = imports::file_run(&mut conn, &run).await? {
            report.count("files", outcome.into());
        } else {
            let why = format!("run {} is here already, and doesn't come from a file", run.pod_id);
            report.skip("files", path.display().to_string(), why);
        }
    }
    Ok(report)
}

impl From<imports::Written> for Outcome {
    fn from(written: imports::Written) -> Self {
        match written {
            imports::Written::Taken => Self::Taken,
            imports::Written::Unchanged => Self::Unchanged,
            imports::Written::Kept => Self::Kept,
        }
    }
}

/// The files that paths mean, those of a folder by name.
fn listed(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        let unreadable = |error: std::io::Error| Error::Path {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        if !fs::metadata(path).map_err(unreadable)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut within = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
                within.push(file);
            }
        }
        within.sort_unstable();
        files.extend(within);
    }
    Ok(files)
}

fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > LONGEST {
        return Err(format!("it has {size} bytes, and a benchmark's file has a few thousand"));
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}

/// The run that a file tells of.
fn run(catalog: &Catalog, file: &str, text: &str) -> Result<FileRun, String> {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let pod_id = stem.rsplit('_').next().unwrap_or_default();
    if pod_id.is_empty() || !pod_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err("its name doesn't end with `_<pod id>.json`".to_owned());
    }
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("it is no JSON: {error}"))?;
    let Value::Object(object) = value else { return Err("it has to be a JSON object".to_owned()) };
    let fields = Fields(object);
    match fields.text("benchmark_type").as_deref() {
        None | Some("throughput") => {}
        Some(other) => {
            return Err(format!("its benchmark_type is `{other}`, and only throughput can be imported"));
        }
    }
    let named = Named::of(stem);
    let or_unknown = |said: Option<String>, named: Option<&str>| {
        said.or_else(|| named.map(str::to_owned)).unwrap_or_else(|| UNKNOWN.to_owned())
    };
    let model = or_unknown(fields.text("model_name"), named.model);
    let engine = or_unknown(fields.text("inference_engine"), named.engine);
    let gpu_id = or_unknown(fields.text("hardware"), named.gpu.as_deref());
    let kind = EngineKind::ALL.iter().copied().find(|kind| kind.published_name() == engine);
    Ok(FileRun {
        pod_id: pod_id.to_owned(),
        imported_from: format!("file:{}", file.replace('\0', "\u{fffd}")),
        sha256: hex::encode(Sha256::digest(text.as_bytes())),
        model_slug: kind
            .and_then(|kind| catalog.model(&model, kind).ok())
            .map(|known| known.common_name.clone()),
        model,
        parameter_size: fields.text("parameter_size").unwrap_or_default(),
        engine,
        gpu_key: catalog.gpu(&gpu_id).ok().map(|gpu| gpu.id.clone()),
        gpu_id,
        server_type: or_unknown(fields.text("server_type"), None),
        container_disk_in_gb: fields.whole("memory")?.unwrap_or_default(),
        server_start_s: fields.whole("container_setup")?,
        model_download_s: fields.whole("model_download_time")?,
        used_usd: fields.usd("cost")?,
        usd_per_hour: fields.usd("server_cost_per_hour")?,
        benchmark_duration_s: fields.number("test_duration")?,
        ttft_ms: fields.number("avg_ttft_ms")?,
        output_tokens_per_second: fields.number("avg_throughput")?,
        prompt_token_count: fields.number("avg_input_token_per_request")?,
        output_token_count: fields.number("avg_output_token_per_request")?,
        total_requests: fields.whole("total_requests")?.map(i64::from),
        icon_url: fields.text("icon_url"),
    })
}

/// What a file's name says: `<model>_<GPU>_<engine>_<pod id>`, the GPU with `_` for its spaces.
#[derive(Debug, Default)]
struct Named<'a> {
    model: Option<&'a str>,
    gpu: Option<String>,
    engine: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn of(stem: &'a str) -> Self {
        match stem.split('_').collect::<Vec<_>>().as_slice() {
            [model, gpu @ .., engine, _pod] if !gpu.is_empty() => {
                Self { model: Some(model), gpu: Some(gpu.join(" ")), engine: Some(engine) }
            }
            _ => Self::default(),
        }
    }
}

/// The fields of a file; null is as if it weren't there.
struct Fields(Map<String, Value>);

impl Fields {
    /// A text; empty is none.
    fn text(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.replace('\0', "\u{fffd}"))
    }

    /// A number of 0 or more.
    fn number(&self, name: &str) -> Result<Option<f64>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64().filter(|number| number.is_finite() && *number >= 0.0) {
                Some(number) => Ok(Some(number)),
                None => Err(format!("its {name} has to be a number of 0 or more, and is {value}")),
            },
        }
    }

    /// The same, rounded to a whole.
    fn whole(&self, name: &str) -> Result<Option<i32>, String> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        let rounded = number.round();
        if rounded > f64::from(i32::MAX) {
            return Err(format!("its {name} is too much: {number}"));
        }
        Ok(Some(rounded as i32))
    }

    /// An amount of money, to a millionth.
    fn usd(&self, name: &str) -> Result<Option<Decimal>, String> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        let amount = Decimal::try_from(number).ok().filter(|usd| *usd < Decimal::from(100_000_000));
        amount.map(|usd| Some(usd.round_dp(6))).ok_or_else(|| format!("its {name} is too much: {number}"))
    }
}
