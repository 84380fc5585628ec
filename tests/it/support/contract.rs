//! What readers we don't control depend on, written down apart from the code.

/// The 17 columns by their exact names, in their order.
pub(crate) const COLUMNS: [&str; 17] = [
    "benchmark_type",
    "rate",
    "max_number",
    "warmup_number",
    "benchmark_duration",
    "total_requests",
    "successful_requests",
    "requests_per_second",
    "request_concurrency",
    "request_latency",
    "prompt_token_count",
    "output_token_count",
    "time_to_first_token_ms",
    "time_per_output_token_ms",
    "inter_token_latency_ms",
    "output_tokens_per_second",
    "tokens_per_second",
];
