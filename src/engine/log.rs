//! Why an engine died, read off its log. Matches on parts of lines, since file names and numbers in them change
//! with every version.

use serde_json::json;

use crate::domain::{failure::Failure, kinds::EngineKind, launch::last_lines};

/// Log lines kept with a failure.
const TAIL_LINES: usize = 20;

struct Cause {
    code: &'static str,
    retryable: bool,
    /// Lower-case parts of a line, any of which is enough.
    signs: &'static [&'static str],
    /// What it means and what to do next.
    meaning: &'static str,
}

/// Most telling first: an engine that runs out of memory also prints that it failed to load the model.
const CAUSES: &[Cause] = &[
    Cause {
        code: "port_taken",
        retryable: true,
        signs: &[
            "address already in use",
            "is already taken",
            "couldn't bind http server socket",
            "error while attempting to bind",
        ],
        meaning: "its port is taken: stop what uses it, or give another port",
    },
    Cause {
        code: "disk_full",
        retryable: false,
        signs: &["no space left on device", "not enough free disk space"],
        meaning: "the disk is full: free space, or ask for a larger disk",
    },
    Cause {
        code: "model_gated",
        retryable: false,
        signs: &["gatedrepoerror", "access to model", "cannot access gated repo"],
        meaning: "the model is gated: accept its terms on Hugging Face and set HF_TOKEN",
    },
    Cause {
        code: "engine_out_of_memory",
        retryable: false,
        signs: &[
            "out of memory",
            "outofmemoryerror",
            "cudamalloc failed",
            "std::bad_alloc",
            "memoryerror",
            "failed to allocate",
            "unable to allocate",
            "no available memory for the cache blocks",
            "is less than desired gpu memory utilization",
            "not enough memory",
            "requires more system memory",
        ],
        meaning: "it ran out of memory: use a shorter context, fewer slots, a smaller or quantised model, or more GPUs",
    },
    Cause {
        code: "prompt_too_long",
        retryable: false,
        signs: &[
            "is greater than the derived max_model_len",
            "is larger than the maximum number of tokens that can be stored in kv cache",
            "exceed_context_size",
            "exceeds the available context size",
            "maximum context length",
        ],
        meaning: "the context asked for is longer than the model or the memory allows: shorten it",
    },
    Cause {
        code: "engine_bad_flag",
        retryable: false,
        signs: &[
            "unrecognized arguments",
            "error: invalid argument",
            "unknown option",
            "unknown flag",
            "unknown command",
            "invalid choice:",
            "error: argument",
            "unexpected argument",
        ],
        meaning: "this version doesn't know one of its arguments: check the extra arguments and the engine's version",
    },
    Cause {
        code: "model_not_found",
        retryable: false,
        signs: &[
            "is not a local folder and is not a valid model identifier",
            "repositorynotfounderror",
            "repository not found",
            "failed to open gguf file",
            "failed to load model",
            "error loading model",
            "no such model file",
            "does not appear to have a file named config.json",
            "can't load the configuration of",
            "invalid repository id or local directory",
            "model manifest: file does not exist",
        ],
        meaning: "it can't find or read the model: check its id, or give the path of its weights",
    },
    Cause {
        code: "engine_no_gpu",
        retryable: false,
        signs: &[
            "no cuda-capable device",
            "cuda driver version is insufficient",
            "failed to infer device type",
            "no cuda gpus are available",
            "found no nvidia driver",
        ],
        meaning: "it finds no usable GPU or too old a driver",
    },
    Cause {
        code: "engine_missing",
        retryable: false,
        signs: &["no module named", "modulenotfounderror", "error while loading shared libraries"],
        meaning: "its installation isn't complete: install it again",
    },
];

/// The first cause, in order of how telling it is, that a line of the log gives away.
pub(super) fn explain(kind: EngineKind, log: &str) -> Option<Failure> {
    let lines: Vec<(&str, String)> = log.lines().map(|line| (line, line.to_lowercase())).collect();
    CAUSES.iter().find_map(|cause| {
        let (line, _) =
            lines.iter().find(|(_, lower)| cause.signs.iter().any(|sign| lower.contains(sign)))?;
        let shown: String = last_lines(line.trim(), 1).chars().take(300).collect();
        Some(Failure {
            code: cause.code.to_owned(),
            message: format!("{} didn't start: {}. Its log says: {shown}", kind.common_name(), cause.meaning),
            retryable: cause.retryable,
            details: json!({ "log_tail": last_lines(log, TAIL_LINES) }),
        })
    })
}

/// The number that follows `sign` in the line; thousands separators are skipped.
pub(super) fn number_after(line: &str, sign: &str) -> Option<f64> {
    let rest = line.get(line.find(sign)? + sign.len()..)?.trim_start();
    let number: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
        .filter(|c| *c != ',')
        .collect();
    number.trim_end_matches('.').parse().ok()
}

/// The largest number that follows `sign` in any line: what a rank of several prints last is what all wait for.
pub(super) fn largest_after(log: &str, sign: &str) -> Option<f64> {
    log.lines().filter_map(|line| number_after(line, sign)).max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_a_death_is_read_off_the_log() {
        for (log, code) in [
            ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "engine_out_of_memory"),
            (
                "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
                "engine_out_of_memory",
            ),
            (
                "ggml_backend_alloc: unable to allocate CUDA0 buffer\nerror loading model: x",
                "engine_out_of_memory",
            ),
            ("Error: model requires more system memory (5.6 GiB) than is available", "engine_out_of_memory"),
            ("api_server.py: error: unrecognized arguments: --swap-space 4", "engine_bad_flag"),
            ("error: invalid argument: --no-such", "engine_bad_flag"),
            (
                "OSError: nope/nope is not a local folder and is not a valid model identifier listed on",
                "model_not_found",
            ),
            ("gguf_init_from_file: failed to open GGUF file 'x.gguf'", "model_not_found"),
            ("huggingface_hub.errors.GatedRepoError: 401 Client Error.", "model_gated"),
            (
                "ValueError: User-specified max_model_len (99999) is greater than the derived max_model_len (8192)",
                "prompt_too_long",
            ),
            (
                "ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
                "port_taken",
            ),
            ("Error: listen tcp 127.0.0.1:11434: bind: address already in use", "port_taken"),
            ("OSError: [Errno 28] No space left on device", "disk_full"),
            ("/usr/bin/python3: No module named vllm", "engine_missing"),
        ] {
            let failure = explain(EngineKind::Vllm, log).unwrap_or_else(|| panic!("not explained: {log}"));
            assert_eq!(failure.code, code, "{log}");
            assert!(
                failure.message.contains(log.lines().next().unwrap()) || log.contains('\n'),
                "{}",
                failure.message
            );
        }
        assert_eq!(explain(EngineKind::Vllm, "INFO: Application startup complete."), None);
        assert_eq!(explain(EngineKind::Vllm, ""), None);
    }

    #[test]
    fn numbers_are_read_with_their_separators() {
        assert_eq!(number_after("GPU KV cache size: 269,808 tokens", "KV cache size:"), Some(269_808.0));
        assert_eq!(number_after("elapsed=9.81 s, type=x", "elapsed="), Some(9.81));
        assert_eq!(number_after("took 17.", "took"), Some(17.0));
        assert_eq!(number_after("took long", "took"), None);
    }
}
