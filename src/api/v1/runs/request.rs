//! The body of `POST /api/v1/runs`: a run's request in its own shape, with names of the catalog and much left out.

use rust_decimal::Decimal;
use utoipa::ToSchema;

use crate::{
    api::{
        error::Error,
        fields::{Body, Fields},
        v1::load::{LoadRequest, tokens},
    },
    domain::{
        kinds::{EngineKind, ProviderKind},
        money,
        step::MAX_STREAMS,
    },
};

/// The most GPUs, and the largest disk in GB, that are asked for.
const MAX_GPUS: u32 = 64;
const MAX_DISK_GB: u32 = 100_000;

/// What is to be run. It has the shape of a run's `spec`, so that one can be sent back; most of it may be left out.
#[derive(Debug, Clone, ToSchema)]
pub(super) struct RunRequest {
    /// Name of a shipped workflow; by default `benchmark`.
    pub(super) workflow: Option<String>,
    pub(super) engine: EngineRequest,
    pub(super) model: ModelRequest,
    pub(super) machine: MachineRequest,
    /// By default 1 to 9 streams for 30 s each, 100 prompt and 200 output tokens.
    #[schema(required = false)]
    pub(super) load: LoadRequest,
    /// 0 to 9, higher goes first; by default 5.
    #[schema(minimum = 0, maximum = 9)]
    pub(super) priority: Option<i32>,
    /// Minutes for which machine and engine are left as they are after a failure.
    #[schema(minimum = 1, maximum = 1440)]
    pub(super) hold_on_failure_min: Option<i32>,
    /// What it may cost, US dollars.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0, maximum = 1_000_000)]
    pub(super) max_usd: Option<Decimal>,
}

/// The engine.
#[derive(Debug, Clone, ToSchema)]
pub(super) struct EngineRequest {
    pub(super) kind: EngineKind,
    /// Precision or quantisation of the weights: `bf16`, `fp8`, `Q4_K_M`.
    pub(super) precision: Option<String>,
    /// Context a request may use, tokens.
    pub(super) context_tokens: Option<u32>,
    /// Requests it serves at once; by default the most streams measured.
    pub(super) parallel_slots: Option<u32>,
    /// Whether it may answer from its prefix cache; by default not.
    pub(super) prefix_caching: Option<bool>,
    /// More arguments for its command line. Needs an admin.
    pub(super) extra_args: Option<Vec<String>>,
}

/// The model.
#[derive(Debug, Clone, ToSchema)]
pub(super) struct ModelRequest {
    /// A name of the catalog, or the engine's own id.
    pub(super) id: String,
    /// Display name of a model that isn't in the catalog.
    pub(super) common_name: Option<String>,
    /// Parameter size of a model that isn't in the catalog: `7b`.
    pub(super) parameter_size: Option<String>,
    /// Weights on the host. Needs an admin.
    pub(super) path: Option<String>,
}

/// Where the engine runs.
#[derive(Debug, Clone, ToSchema)]
pub(super) struct MachineRequest {
    pub(super) provider: ProviderKind,
    /// For `local`: which host, where workers of several live (`steps@<host>` without `steps@`).
    pub(super) host: Option<String>,
    /// A GPU of the catalog, or for a run without one `CPU <model>`. `auto` (`runpod`): the one whose output tokens are
    /// the cheapest by today's prices, and others to try after it.
    pub(super) gpu_id: Option<String>,
    /// Others to try in this order when it can't be had (`runpod`).
    pub(super) gpu_candidates: Option<Vec<String>>,
    /// The data center that it must be in (`runpod`).
    pub(super) data_center: Option<String>,
    /// By default 1, and 0 for a `CPU …`; for `auto` as many as the best choice takes.
    #[schema(maximum = 64)]
    pub(super) gpu_count: Option<u32>,
    /// With `auto`: most US dollars an hour for the whole machine, all its GPUs together.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0, maximum = 1_000_000)]
    pub(super) max_usd_per_hour: Option<Decimal>,
    /// Persistent volume, GB.
    pub(super) volume_in_gb: Option<u32>,
    /// Container disk, GB.
    pub(super) container_disk_in_gb: Option<u32>,
    /// The engine's port.
    pub(super) port: Option<u16>,
    /// Base URL of what already runs (`endpoint`). Needs an admin.
    pub(super) url: Option<String>,
}

impl RunRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub(super) fn read(body: &Body) -> Result<Self, Error> {
        let mut fields = body.fields();
        let workflow = fields.take("workflow");
        let engine = EngineRequest::read(fields.object("engine"));
        let model = ModelRequest::read(fields.object("model"));
        let machine = MachineRequest::read(fields.object("machine"));
        let load = LoadRequest::read(fields.object("load"));
        let priority = fields.check("priority", |n| (0..=9).contains(n), "from 0 to 9");
        let hold_on_failure_min =
            fields.check("hold_on_failure_min", |n| (1..=1440).contains(n), "from 1 to 1440 minutes");
        let max_usd = fields.check("max_usd", |usd| money::cap(*usd).is_ok(), CAP);
        fields.finish();
        body.finish()?;
        match (engine, model, machine) {
            (Some(engine), Some(model), Some(machine)) => {
                Ok(Self { workflow, engine, model, machine, load, priority, hold_on_failure_min, max_usd })
            }
            // What is missing was said.
            _ => Err(Error::Fields(Vec::new())),
        }
    }
}

impl EngineRequest {
    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let kind = fields.need("kind");
        let precision = fields.check("precision", |text: &String| is_name(text), NAME);
        let context_tokens = tokens(&mut fields, "context_tokens");
        let parallel_slots = fields.check(
            "parallel_slots",
            |n| (1..=MAX_STREAMS).contains(n),
            "a number of streams, 1 to 4096",
        );
        let prefix_caching = fields.take("prefix_caching");
        let extra_args = fields.take("extra_args");
        fields.finish();
        Some(Self { kind: kind?, precision, context_tokens, parallel_slots, prefix_caching, extra_args })
    }
}

impl ModelRequest {
    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let id: Option<String> = fields.need("id");
        if let Some(id) = &id
            && !is_name(id)
        {
            fields.refuse("id", format!("must be {NAME}"));
        }
        let common_name = fields.check("common_name", |text: &String| is_shown(text), SHOWN);
        let parameter_size = fields.check("parameter_size", |text: &String| is_name(text), NAME);
        let path = fields.take("path");
        fields.finish();
        Some(Self { id: id?, common_name, parameter_size, path })
    }
}

impl MachineRequest {
    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let disk = |n: &u32| *n <= MAX_DISK_GB;
        let provider = fields.need("provider");
        let host = fields.check("host", |text: &String| is_name(text), NAME);
        let gpu_id = fields.check("gpu_id", |text: &String| is_shown(text), SHOWN);
        let data_center = fields.check("data_center", |text: &String| is_name(text), NAME);
        let gpu_candidates =
            fields.check("gpu_candidates", |list: &Vec<String>| list.len() <= 16, "at most 16 names");
        let gpu_count = fields.check("gpu_count", |n| *n <= MAX_GPUS, "from 0 to 64");
        let max_usd_per_hour = fields.check("max_usd_per_hour", |usd| money::cap(*usd).is_ok(), CAP);
        let volume_in_gb = fields.check("volume_in_gb", disk, "at most 100000 GB");
        let container_disk_in_gb = fields.check("container_disk_in_gb", disk, "at most 100000 GB");
        let port = fields.check("port", |n| *n > 0, "from 1 to 65535");
        let url = fields.take("url");
        fields.finish();
        Some(Self {
            provider: provider?,
            host,
            gpu_id,
            gpu_candidates,
            data_center,
            gpu_count,
            max_usd_per_hour,
            volume_in_gb,
            container_disk_in_gb,
            port,
            url,
        })
    }
}

const CAP: &str = "more than 0 and at most 1000000 USD, no finer than a millionth of a dollar";

const NAME: &str =
    "a name of at most 200 letters, digits and . _ - : / @ +, begun by a letter or digit, without `..`";

/// What may stand on a command line or in a path of a registry without meaning anything else there.
fn is_name(text: &str) -> bool {
    text.len() <= 200
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:/@+".contains(c))
        && !text.contains("..")
}

const SHOWN: &str = "1 to 200 characters without control characters";

fn is_shown(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 200 && !text.contains(char::is_control)
}
