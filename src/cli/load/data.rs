//! What is sent: synthetic prompts, a file of prompts, or a trace, as flags.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    cli::CliError,
    loadgen::{
        Calibration, PromptSet, Requests,
        requests::{Dataset, FileError, Lengths, MOONCAKE_BLOCK_TOKENS, SharedPrefix, Synthetic, Trace},
    },
};

/// Flags of the data.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct DataArgs {
    /// Prompt length, tokens: 100, uniform:50-200, normal:MEAN,SD or lognormal:MEDIAN,SIGMA, drawn for each request
    #[arg(long, value_name = "P", default_value = "100", allow_negative_numbers = true)]
    pub prompt_tokens: Lengths,
    /// Output length, tokens: as --prompt-tokens
    #[arg(long, value_name = "O", default_value = "200", allow_negative_numbers = true)]
    pub output_tokens: Lengths,
    /// Prompts from a file, in its order, from its start again when all were sent: JSON Lines or a JSON array, each with
    /// `prompt`, or with `conversations` as ShareGPT has them; `output_tokens` in it overrides --output-tokens
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt_tokens", "trace", "shared_prefix"])]
    pub data: Option<PathBuf>,
    /// Replay a trace at its timestamps: JSON Lines of {"timestamp": ms, "input_length": n, "output_length": n,
    /// "hash_ids": […]}, as Mooncake publishes them; equal hash ids are equal blocks of a prompt
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt_tokens", "output_tokens", "shared_prefix", "turns"])]
    pub trace: Option<PathBuf>,
    /// Tokens that a hash id of --trace stands for
    #[arg(long, value_name = "TOKENS", requires = "trace", default_value_t = MOONCAKE_BLOCK_TOKENS,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub trace_block: u32,
    /// Replay only what came in the first so many seconds of --trace
    #[arg(long, value_name = "S", requires = "trace", allow_negative_numbers = true)]
    pub trace_seconds: Option<f64>,
    /// Make each prompt longer by so many tokens; a share of --prefix-hit-rate begins with the same ones
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub shared_prefix: Option<u32>,
    /// Share of the prompts that begin with the shared prefix, 0 to 1
    #[arg(long, value_name = "R", requires = "shared_prefix", default_value_t = 1.0, value_parser = share,
          allow_negative_numbers = true)]
    pub prefix_hit_rate: f64,
    /// Conversations of so many turns, each turn's prompt holding the turns before it; needs streams
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub turns: u32,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("give a share from 0 to 1".to_owned()),
    }
}

/// The data as read, before prompts can be made to length.
#[derive(Debug)]
pub(super) enum Data {
    Synthetic,
    Dataset(Arc<Dataset>),
    Trace(Trace),
}

/// When the requests of a trace are sent, µs.
pub(super) type Schedule = Arc<[u64]>;

impl DataArgs {
    /// Reads the files named, so that a bad one is found before anything is sent.
    pub(super) fn read(&self, seed: u64) -> Result<Data, CliError> {
        if let Some(path) = &self.data {
            let dataset =
                Dataset::parse(&text(path, "--data")?, self.turns).map_err(|e| refused(path, &e))?;
            return Ok(Data::Dataset(Arc::new(dataset)));
        }
        let Some(path) = &self.trace else { return Ok(Data::Synthetic) };
        if self.trace_seconds.is_some_and(|seconds| !(seconds.is_finite() && seconds > 0.0)) {
            return Err(CliError::usage("--trace-seconds must be more than 0"));
        }
        let prompts = self.prompts(seed, &Calibration::word_is_token());
        let text = text(path, "--trace")?;
        Trace::parse(&text, self.trace_block, self.trace_seconds, prompts)
            .map(Data::Trace)
            .map_err(|e| refused(path, &e))
    }

    /// Whether the engine's prefix cache is meant to answer a part of the prompts.
    pub(super) const fn shares_prefixes(&self) -> bool {
        self.shared_prefix.is_some() || self.trace.is_some() || self.turns > 1
    }

    fn prompts(&self, seed: u64, calibration: &Calibration) -> PromptSet {
        PromptSet::new(seed, self.prompt_tokens.typical(), calibration)
    }

    /// The requests, with words as long as this engine has them; of a trace also when they are sent. And whether their lengths
    /// are exact.
    pub(super) fn requests(
        &self,
        data: &Data,
        seed: u64,
        calibration: &Calibration,
    ) -> (Requests, Option<Schedule>, bool) {
        let prompts = self.prompts(seed, calibration);
        let is_exact = prompts.is_exact();
        match data {
            Data::Dataset(dataset) => (Arc::clone(dataset).into(), None, true),
            Data::Trace(trace) => {
                let schedule = trace.schedule();
                (Arc::new(trace.clone().with_prompts(prompts)).into(), Some(schedule), is_exact)
            }
            Data::Synthetic => {
                let source = Synthetic {
                    prompts,
                    prompt_tokens: self.prompt_tokens,
                    output_tokens: self.output_tokens,
                    prefix: self
                        .shared_prefix
                        .map(|tokens| SharedPrefix { tokens, hit_rate: self.prefix_hit_rate }),
                    turns: self.turns,
                };
                (Arc::new(source).into(), None, is_exact)
            }
        }
    }
}

fn text(path: &Path, flag: &str) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|error| {
        CliError::usage(format!("the file {} can't be read: {error}", path.display()))
            .hint(format!("give {flag} a file of UTF-8 text"))
    })
}

fn refused(path: &Path, error: &FileError) -> CliError {
    CliError::usage(format!("{}, {error}", path.display()))
}
