//! Whether two results compare fairly. The engine isn't part of it: engines are what is compared.

use serde::{Deserialize, Serialize};

/// What two results must agree on, stored with each. What nobody could find out is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparability {
    /// The model by its display name, since each engine has an id of its own for it.
    pub model: String,
    /// Precision or quantisation of the weights as served: `bf16`, `fp8`, `Q4_K_M`.
    pub precision: Option<String>,
    /// Context length a request may use, tokens.
    pub context_tokens: Option<u32>,
    /// Requests the engine serves at once.
    pub parallel_slots: Option<u32>,
    /// Whether the engine may answer from a prefix cache.
    pub prefix_caching: Option<bool>,
    /// SHA-256 of the definition of the prompt set.
    pub prompt_set_sha256: String,
    /// The GPU's id, or `CPU <model>`.
    pub gpu_id: String,
    /// GPUs used; 0 for a CPU run.
    pub gpu_count: u32,
}

/// One thing two results don't agree on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The field's name.
    pub field: &'static str,
    /// The first result's value, `unknown` where it isn't known.
    pub a: String,
    /// The second result's value, `unknown` where it isn't known.
    pub b: String,
}

/// What two results differ in; empty: they compare fairly.
///
/// What is known of one and unknown of the other counts as different; what is unknown of both does not, since an
/// engine that doesn't tell it would never compare with itself.
#[must_use]
pub fn comparable(a: &Comparability, b: &Comparability) -> Vec<Difference> {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let pairs = a.fields().into_iter().zip(b.fields());
    pairs
        .filter(|((_, a), (_, b))| a != b)
        .map(|((field, a), (_, b))| Difference { field, a: shown(a), b: shown(b) })
        .collect()
}

impl Comparability {
    fn fields(&self) -> [(&'static str, Option<String>); 7] {
        [
            ("model", Some(self.model.clone())),
            // Engines write the same format in both cases.
            ("precision", self.precision.as_ref().map(|precision| precision.to_lowercase())),
            ("context_tokens", self.context_tokens.map(|tokens| tokens.to_string())),
            ("parallel_slots", self.parallel_slots.map(|slots| slots.to_string())),
            ("prefix_caching", self.prefix_caching.map(|on| if on { "on" } else { "off" }.to_owned())),
            ("prompt_set_sha256", Some(self.prompt_set_sha256.clone())),
            ("gpu", Some(format!("{} × {}", self.gpu_count, self.gpu_id))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Comparability {
        Comparability {
            model: "Llama2-7B".to_owned(),
            precision: Some("fp16".to_owned()),
            context_tokens: Some(4_096),
            parallel_slots: Some(9),
            prefix_caching: Some(false),
            prompt_set_sha256: "ab12".to_owned(),
            gpu_id: "NVIDIA H200".to_owned(),
            gpu_count: 1,
        }
    }

    #[test]
    fn equal_setups_compare_fairly_whatever_the_case_of_the_precision() {
        let other = Comparability { precision: Some("FP16".to_owned()), ..sample() };
        assert_eq!(comparable(&sample(), &other), []);
    }

    #[test]
    fn each_field_that_differs_is_named_with_both_values() {
        let other = Comparability {
            model: "Llama3-8B".to_owned(),
            precision: Some("Q4_0".to_owned()),
            context_tokens: Some(2_048),
            parallel_slots: Some(4),
            prefix_caching: Some(true),
            prompt_set_sha256: "cd34".to_owned(),
            gpu_id: "NVIDIA L40S".to_owned(),
            gpu_count: 2,
        };
        let differences = comparable(&sample(), &other);
        let fields: Vec<_> = differences.iter().map(|difference| difference.field).collect();
        let all = [
            "model",
            "precision",
            "context_tokens",
            "parallel_slots",
            "prefix_caching",
            "prompt_set_sha256",
            "gpu",
        ];
        assert_eq!(fields, all);
        assert_eq!(
            (differences[6].a.as_str(), differences[6].b.as_str()),
            ("1 × NVIDIA H200", "2 × NVIDIA L40S")
        );
    }

    #[test]
    fn known_against_unknown_is_a_difference_and_unknown_on_both_sides_is_none() {
        let unknown = Comparability { parallel_slots: None, ..sample() };
        let difference = Difference { field: "parallel_slots", a: "9".to_owned(), b: "unknown".to_owned() };
        assert_eq!(comparable(&sample(), &unknown), [difference]);
        assert_eq!(comparable(&unknown, &unknown.clone()), []);
    }
}
