//! The model asked about, and what it must have room for.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    cli::CliError,
    domain::{
        catalog::{Catalog, Gpu},
        kinds::EngineKind,
        sizing::{Asked, Described, Error, KvPrecision, Options, Parameters, Precision, Room, Shape},
    },
    report::advice,
};

/// No config.json is longer; the longest published are some 100 KiB.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

/// Flags of every question about a model.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ModelArgs {
    /// Model, by the engine's id or its common name; any name with --config-json or
    /// --parameters
    #[arg(long, value_name = "MODEL", required_unless_present_any = ["config_json", "parameters"], help_heading = "Model")]
    model: Option<String>,
    /// The config.json of a model that isn't in the catalog, as published on Hugging Face
    #[arg(long = "config-json", value_name = "FILE", help_heading = "Model")]
    config_json: Option<PathBuf>,
    /// Size of a model that isn't in the catalog, e.g. 7b, or 30b-a3b for a mixture of experts
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "Model")]
    parameters: Option<Parameters>,
    /// Precision of the weights: fp32, bf16, fp16, fp8, int8, awq, gptq, mxfp4, q4_k_m, q8_0 [default: the model's own]
    #[arg(long, value_name = "NAME", help_heading = "What it must have room for")]
    precision: Option<Precision>,
    /// Precision of the KV cache: 16bit or fp8
    #[arg(long, value_name = "NAME", default_value = "16bit", help_heading = "What it must have room for")]
    kv_cache: KvPrecision,
    /// Tokens of a request, prompt and output together [default: 4096, or what the model can have]
    #[arg(
        long,
        value_name = "TOKENS",
        allow_negative_numbers = true,
        help_heading = "What it must have room for"
    )]
    context: Option<u32>,
    /// Requests at once [default: 9]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "What it must have room for"
    )]
    concurrency: Option<u32>,
    /// Share of a card's memory that the engine may take
    #[arg(
        long,
        value_name = "SHARE",
        default_value = "0.9",
        allow_negative_numbers = true,
        help_heading = "What it must have room for"
    )]
    memory_share: f64,
    /// Layers with a sliding window keep every token, as in engines without a hybrid cache
    #[arg(long, help_heading = "What it must have room for")]
    no_window_credit: bool,
    /// Most GPUs of a machine
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=8),
          allow_negative_numbers = true, help_heading = "What it must have room for")]
    max_count: u32,
}

impl ModelArgs {
    /// Finds or sizes the model.
    pub(super) fn asked(&self, catalog: &Catalog, engine: EngineKind) -> Result<Asked, CliError> {
        let config = match &self.config_json {
            Some(path) => {
                let text = read(path).map_err(|error| {
                    CliError::usage(format!("{} can't be read: {error}", path.display()))
                        .hint("name the config.json of the model's repository")
                })?;
                Some((path.display().to_string(), text))
            }
            None => None,
        };
        let described = Described {
            model: self.model.as_deref(),
            config_json: config.as_ref().map(|(name, text)| (name.as_str(), text.as_str())),
            parameters: self.parameters,
            precision: self.precision,
        };
        described.find(catalog, engine).map_err(|error| {
            let hint = match error {
                Error::NoModel(_) => {
                    "dria-bench catalog models lists what is known; of another model give its --config-json or --parameters"
                }
                Error::Unknown { .. } => "add --config-json or --parameters",
                Error::Architecture(_) => "add --parameters 7b",
                _ => return refused(&error),
            };
            refused(&error).hint(hint)
        })
    }

    /// What it must have room for.
    pub(super) fn room(&self) -> Room {
        Room {
            precision: self.precision,
            kv_precision: self.kv_cache,
            context_tokens: self.context,
            concurrency: self.concurrency,
            memory_share: Some(self.memory_share),
            no_window_credit: self.no_window_credit,
            max_count: Some(self.max_count),
        }
    }
}

/// What is wrong with a question, by the names of flags.
pub(super) fn refused(error: &Error) -> CliError {
    CliError::usage(match error {
        Error::Option { option, reason } => format!("--{}: {reason}", option.replace('_', "-")),
        other => other.to_string(),
    })
}

/// The GPUs of this name, or all that are known.
pub(super) fn gpus<'a>(catalog: &'a Catalog, name: Option<&str>) -> Result<Vec<&'a Gpu>, CliError> {
    advice::gpus(catalog, name).map_err(|unknown| {
        CliError::usage(unknown.to_string()).hint("dria-bench catalog gpus lists those that are known")
    })
}

/// What is asked, in a line above a table.
pub(super) fn in_words(shape: &Shape, options: &Options) -> String {
    use crate::domain::sizing::GIB;
    let weights = shape.weights_bytes(options.precision) / GIB;
    let kib = shape.kv.bytes_per_token_16bit * options.kv_precision.of_16bit() / 1024.0;
    let guessed = if shape.kv.estimated { ", guessed from its size" } else { "" };
    let window = match shape.kv.window.filter(|_| options.window_credit) {
        Some(window) => {
            let percent = window.share_of_layers * 100.0;
            format!(" ({percent:.0} % of the layers keep {} tokens)", window.tokens)
        }
        None => String::new(),
    };
    format!(
        "{}: {weights:.1} GiB of weights ({}), {kib:.0} KiB of KV cache a token{guessed}{window}, {} requests of {} \
         tokens at once",
        shape.name, options.precision, options.concurrency, options.context_tokens
    )
}

/// The text of a file. It comes from elsewhere, so what is too long for a config.json isn't read to its end.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MAX_CONFIG_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_CONFIG_BYTES {
        return Err(io::Error::other("it is longer than 4 MiB, which no config.json is"));
    }
    Ok(text)
}
