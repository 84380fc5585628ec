//! `dria-bench load`: the load generator alone, against anything that speaks an engine's protocol. No database.

mod data;
mod flags;
mod levels;
mod session;
mod shapes;
mod watch;

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::flags::{FormatArg, WarmupArg};
use self::{
    data::{DataArgs, Schedule},
    levels::{ObjectiveArgs, Searching},
    session::{LevelError, Session, verdict},
    shapes::{Find, Over, ShapeArgs},
    watch::AbortOnDrop,
};
use super::{CliError, CliResult, Exit, Output, signals::Stop, spec::engines};
use crate::{
    domain::{
        failure::Failure,
        kinds::EngineKind,
        measure::{objectives::needed_samples, record::LoadShape, steady::SteadyRule, until::Until},
    },
    loadgen::{Calibration, Error, LevelPlan, Target, UsageCounter, calibrate},
};

/// Measure one load against an engine that already runs, without a database
///
/// Nothing is stored but what --records asks for.
///
/// Exactly one of --streams, --saturate, --rate, --ramp, --trace, --sweep, --sweep-rate and --find gives the shape of the load. A
/// level lasts its seconds and until enough requests completed (3 for each stream, 1 for each place of --saturate, all of
/// --trace, as many as the percentiles of --slo need in --find slo), at most 4 times its seconds.
///
/// The engine's own counters are read before and after where it has them; counts more than 1 % apart are said.
///
/// Exit code: 0 measured, 1 all requests failed or a term of --fail-on wasn't kept, 2 usage or a bad file, 3 nobody answers at the URL, 130 interrupted.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("shape").required(true).args([
    "streams", "saturate", "rate", "ramp", "trace", "sweep", "sweep_rate", "find",
])))]
pub struct Args {
    /// Base URL of the engine, e.g. `http://127.0.0.1:8000` (without /v1 or /api)
    #[arg(long, value_name = "URL")]
    pub url: Url,
    /// Engine whose protocol is spoken
    #[arg(long, value_name = "ENGINE", value_parser = engines(), ignore_case = true)]
    pub engine: EngineKind,
    /// The model by the engine's own id
    #[arg(long, value_name = "MODEL")]
    pub model: String,
    /// Closed loop: so many streams, each sending its next request when the last one ended
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub streams: Option<u32>,
    /// Throughput: as many requests in flight as allowed
    #[arg(long)]
    pub saturate: bool,
    /// Most requests in flight with --saturate
    #[arg(long, value_name = "M", conflicts_with_all = ["streams", "rate", "ramp", "trace", "sweep", "sweep_rate", "find"], default_value_t = 512,
          value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub max_in_flight: u32,
    /// Open loop: requests per second, sent whatever the answers do; latency counts from the intended time
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub rate: Option<f64>,
    /// Shapes beyond one number
    #[command(flatten)]
    pub shape: ShapeArgs,
    /// Shortest measurement window, seconds
    #[arg(long, value_name = "S", default_value_t = 30.0, allow_negative_numbers = true)]
    pub seconds: f64,
    /// Load before the window, seconds, or `auto`: until throughput is steady, at least a tenth of --seconds and at most
    /// as long as they are [default: a tenth of --seconds]
    #[arg(long, value_name = "S|auto", allow_negative_numbers = true)]
    pub warmup: Option<WarmupArg>,
    /// Measure until a figure is known well enough: until half the width of its 95 % confidence interval is within so
    /// many percent of it, but no longer than max. Beside --seconds, which stays the shortest window. metric is
    /// output_tokens (per second) or ttft, e.g. ci=5%,max=120s,metric=ttft
    #[arg(long, value_name = "ci=P%,max=S[,metric=M]", conflicts_with = "trace")]
    pub until: Option<Until>,
    /// What is sent
    #[command(flatten)]
    pub data: DataArgs,
    /// What must be kept
    #[command(flatten)]
    pub objectives: ObjectiveArgs,
    /// Seed of prompts, sampling, arrivals and statistics
    #[arg(long, value_name = "K", default_value_t = 42)]
    pub seed: u64,
    /// Write every request's raw record to this file: as CSV, Parquet or our own block where it ends with .csv,
    /// .parquet or .driarec, else one JSON object a line. Of one level, not of several
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "sweep_rate", "find"])]
    pub records: Option<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    pub format: FormatArg,
    /// Read the engine's API key from this file; it is sent as a bearer token and never shown
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
}

/// The levels to measure.
enum Job {
    One(LoadShape),
    Several(Vec<LoadShape>),
    Search(Searching),
}

impl Args {
    fn job(&self, schedule: Option<&Schedule>) -> Result<Job, CliError> {
        let shapes = &self.shape;
        let several = |over: Over, loads: &[f64]| {
            let levels = loads.iter().map(|load| over.shape(*load)).collect::<Result<_, _>>();
            levels.map(Job::Several)
        };
        if let Some(streams) = self.streams {
            return Ok(Job::One(LoadShape::Closed { streams }));
        }
        if self.saturate {
            return Ok(Job::One(LoadShape::Saturate { max_in_flight: self.max_in_flight }));
        }
        if let Some(find) = shapes.find {
            let (from, to) = (shapes.between.from, shapes.between.to);
            return Searching::new(find, shapes.over, from, to).map(Job::Search);
        }
        match (&shapes.sweep, &shapes.sweep_rate) {
            (Some(loads), _) => return several(Over::Streams, &loads.0),
            (None, Some(loads)) => return several(Over::Rate, &loads.0),
            (None, None) => {}
        }
        let mean = |times: &Schedule| times.len() as f64 / (seconds_of(times)).max(1.0);
        let ramp = shapes.ramp.map(|ramp| f64::midpoint(ramp.from, ramp.to));
        let rate = self.rate.or(ramp).or(schedule.map(mean));
        rate.map(|requests_per_second| Job::One(LoadShape::Open { requests_per_second }))
            .ok_or_else(|| CliError::usage("one of --streams, --saturate, --rate and the like is needed"))
    }

    fn plan(&self, shape: LoadShape, schedule: Option<&Schedule>) -> Result<LevelPlan, CliError> {
        let (prompt, output) = (self.data.prompt_tokens.typical(), self.data.output_tokens.typical());
        let mut plan = LevelPlan::new(shape, self.seconds, prompt, output, self.seed);
        match self.warmup {
            Some(WarmupArg::Seconds(seconds)) => plan.warmup_seconds = seconds,
            Some(WarmupArg::Auto) => plan.steady = Some(SteadyRule::from_minimum(plan.warmup_seconds)),
            None => {}
        }
        plan.until = self.until;
        plan.arrival = self.shape.arrival()?;
        plan.ramp = self.shape.ramp.map(|ramp| (ramp.from, ramp.to));
        if let Some(times) = schedule {
            // Its own length, no warm-up, and until all is answered.
            plan.seconds = seconds_of(times).max(0.001);
            if self.warmup.is_none() {
                plan.warmup_seconds = 0.0;
            }
            plan.max_seconds = plan.seconds + plan.request_timeout.as_secs_f64();
            plan.min_completions = Some(times.len() as u64);
            plan.schedule = Some(Schedule::clone(times));
        }
        if let (Some(Find::Slo), Some(slo)) = (self.shape.find, &self.objectives.slo) {
            plan.min_completions = Some(plan.usual_completions().max(needed_samples(slo)));
        }
        let is_open = matches!(shape, LoadShape::Open { .. });
        if is_open && self.data.turns > 1 {
            return Err(CliError::usage(
                "--turns needs streams: a turn is sent when the one before is answered",
            ));
        }
        Ok(plan)
    }

    fn target(&self) -> Result<Target, CliError> {
        let mut target = Target::new(self.url.clone(), self.engine, &self.model);
        target.prefix_caching = self.data.shares_prefixes();
        if let Some(path) = &self.api_key_file {
            let key = std::fs::read_to_string(path).map_err(|error| {
                CliError::environment(format!("the key file {} can't be read: {error}", path.display()))
            })?;
            let key = key.trim();
            if key.is_empty() || key.chars().any(|c| !c.is_ascii_graphic()) {
                let message = format!("the key file {} does not hold one key", path.display());
                return Err(CliError::environment(message).hint("put the key alone on the first line"));
            }
            target.api_key = Some(key.to_owned());
        }
        Ok(target)
    }
}

/// When the last request of a trace is sent, s.
fn seconds_of(times: &Schedule) -> f64 {
    times.last().map_or(0.0, |us| *us as f64 / 1e6)
}

/// Runs the command.
///
/// # Errors
/// As its exit codes say.
pub async fn run(args: Args, output: Output) -> CliResult {
    args.objectives.check()?;
    let target = args.target()?;
    let data = args.data.read(args.seed)?;
    let records = args.records.as_deref().map(create).transpose()?;
    let cancel = CancellationToken::new();
    let interrupt = cancel.clone();
    let mut stop = Stop::new()?;
    let _listening = AbortOnDrop(tokio::spawn(async move {
        stop.asked().await;
        interrupt.cancel();
    }));
    let calibration = tokio::select! {
        biased;
        () = cancel.cancelled() => return Ok(Exit::Interrupted),
        calibration = calibration(&target, &args) => calibration?,
    };
    let (requests, schedule, is_exact) = args.data.requests(&data, args.seed, &calibration);
    if !is_exact {
        output.note(
            "note: this engine's prompt lengths can't be hit exactly; prompts are about as long as asked",
        );
    }
    let job = args.job(schedule.as_ref())?;
    let mut session = Session {
        args,
        output,
        target,
        requests,
        schedule,
        cancel,
        records,
        levels: 0,
        benchmarks: Vec::new(),
    };
    match session.work(job).await {
        Err(LevelError::Cancelled) => {
            output.note("interrupted; nothing more was measured");
            Ok(Exit::Interrupted)
        }
        Err(LevelError::Failed(error)) => Err(error),
        Ok(levels) => verdict(&levels),
    }
}

fn create(path: &Path) -> Result<(std::fs::File, PathBuf), CliError> {
    let file = std::fs::File::create(path).map_err(|error| {
        CliError::environment(format!("the file {} can't be created: {error}", path.display()))
            .hint("give --records a path in a folder that exists and can be written")
    })?;
    Ok((file, path.to_owned()))
}

fn explain(error: &Error) -> CliError {
    let exit = match error {
        Error::Plan(_) | Error::Url { .. } => Exit::Usage,
        Error::Resolve { .. } | Error::Unreachable { .. } | Error::Internal(_) => Exit::Environment,
        Error::EveryRequestFailed { .. } | Error::Cancelled => Exit::Failed,
    };
    CliError::new(exit, error.to_string())
}

/// How prompts are made as long as asked. The truth server counts words by definition and isn't asked: its figures are
/// of measured requests only.
async fn calibration(target: &Target, args: &Args) -> Result<Calibration, CliError> {
    let failed = |failure: Failure| {
        CliError::failed(format!("the prompts' length could not be found out: {failure}"))
            .hint("check --engine and --model, and that one request by hand is answered")
    };
    let tokens = args.data.prompt_tokens.typical();
    match target.engine {
        EngineKind::Truth => Ok(Calibration::word_is_token()),
        EngineKind::Ollama => {
            let counter = UsageCounter::new(target).await.map_err(|error| explain(&error))?;
            counter.fit(args.seed, tokens).await.map_err(failed)
        }
        EngineKind::Vllm | EngineKind::Sglang | EngineKind::Llamacpp => {
            let counter = UsageCounter::new(target).await.map_err(|error| explain(&error))?;
            calibrate(&counter, tokens).await.map_err(failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn parse(flags: &str) -> Result<Args, clap::Error> {
        let common = "load --url http://127.0.0.1:1 --engine truth --model m";
        Command::try_parse_from(format!("{common} {flags}").split_whitespace()).map(|command| command.args)
    }

    #[test]
    fn exactly_one_shape_is_taken() {
        let shape = |flags: &str| match parse(flags).unwrap().job(None).unwrap() {
            Job::One(shape) => shape,
            Job::Several(_) | Job::Search(_) => panic!("one level"),
        };
        assert_eq!(shape("--streams 9"), LoadShape::Closed { streams: 9 });
        assert_eq!(shape("--saturate"), LoadShape::Saturate { max_in_flight: 512 });
        assert_eq!(shape("--saturate --max-in-flight 64"), LoadShape::Saturate { max_in_flight: 64 });
        assert_eq!(shape("--rate 2.5 --arrival constant"), LoadShape::Open { requests_per_second: 2.5 });
        assert_eq!(shape("--ramp 1..4"), LoadShape::Open { requests_per_second: 2.5 });
        for bad in [
            "",
            "--streams 0",
            "--streams 2 --saturate",
            "--streams 2 --rate 1",
            "--streams 2 --max-in-flight 4",
            "--rate 1 --ramp 1..2",
            "--rate 1 --arrival gamma",
            "--sweep 1,2 --find knee",
            "--sweep 1,2 --records x.jsonl",
            "--find slo",
            "--find knee --fail-on errors=0",
            "--trace x.jsonl --prompt-tokens 4",
            "--streams 1 --prefix-hit-rate 0.5",
            "--streams 1 --slo ttft=1ms",
            "--streams 1 --prompt-tokens uniform:9-2",
            "--trace x.jsonl --until ci=5%,max=9s",
            "--streams 1 --prompt-tokens -5",
            "--streams 1 --warmup soon",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_warm_up_is_a_tenth_of_the_seconds_unless_given() {
        let warmup = |flags: &str| {
            parse(flags).unwrap().plan(LoadShape::Closed { streams: 1 }, None).unwrap().warmup_seconds
        };
        assert!((warmup("--streams 1 --seconds 20") - 2.0).abs() < 1e-9);
        assert!((warmup("--streams 1 --seconds 20 --warmup 0") - 0.0).abs() < 1e-9);
    }

    #[test]
    fn every_level_of_a_search_ends_as_asked_for_and_has_the_samples_its_objective_needs() {
        let flags =
            "--find slo --slo ttft_p95=1s --seconds 2 --warmup auto --until ci=5%,max=70s,metric=ttft";
        let plan = parse(flags).unwrap().plan(LoadShape::Closed { streams: 1 }, None).unwrap();
        assert!(plan.steady.is_some());
        assert_eq!(plan.until.map(|until| until.max_seconds), Some(70.0));
        assert!(plan.min_completions > Some(plan.usual_completions()));
    }
}
