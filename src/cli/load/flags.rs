//! Values of flags that are one of a few words.

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FormatArg {
    /// Tables; with --json the whole summary
    Table,
    /// The JSON shape of GuideLLM's benchmarks.json
    Guidellm,
}

/// `--warmup`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WarmupArg {
    /// So many seconds
    Seconds(f64),
    /// Until throughput is steady
    Auto,
}

impl std::str::FromStr for WarmupArg {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "auto" => Ok(Self::Auto),
            seconds => seconds.parse().map(Self::Seconds).map_err(|_| "give seconds, or `auto`".to_owned()),
        }
    }
}
