//! The engines and providers, by the names that are fixed everywhere (flags, files, database, API).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A name that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{given}`: known are {known}")]
pub struct UnknownKind {
    /// What was looked for: `engine` or `provider`.
    pub what: &'static str,
    /// The name given.
    pub given: String,
    /// The known names, comma-separated.
    pub known: String,
}

// A text is a `tt`: a `literal` reaches the derive macros in a wrapping that utoipa does not see through, and the OpenAPI
// document would have the variants' names instead.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$vdoc:meta])* $variant:ident => $text:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every kind, in the order shown to people.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The fixed name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownKind;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|k| k.as_str().eq_ignore_ascii_case(s)).ok_or_else(|| UnknownKind {
                    what: $what,
                    given: s.to_owned(),
                    known: Self::ALL.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

kind!(
    /// An inference engine.
    EngineKind, "engine", {
        /// Ollama, by its own `/api` routes.
        Ollama => "ollama",
        /// vLLM's OpenAI server.
        Vllm => "vllm",
        /// SGLang's OpenAI server.
        Sglang => "sglang",
        /// llama.cpp's HTTP server.
        Llamacpp => "llamacpp",
        /// Our truth server: an engine of known timing, for checking the instrument.
        Truth => "truth",
    }
);

kind!(
    /// Where the engine runs.
    ProviderKind, "provider", {
        /// A rented RunPod pod.
        Runpod => "runpod",
        /// This machine: the engine is a process group we start and stop.
        Local => "local",
        /// Something that already runs at a URL; we never start or stop it.
        Endpoint => "endpoint",
    }
);

impl EngineKind {
    /// The name the published documents use (`contract`: exactly `Ollama`, `VLLM`, `SGLang`; others their own).
    #[must_use]
    pub const fn published_name(self) -> &'static str {
        match self {
            Self::Ollama => "Ollama",
            Self::Vllm => "VLLM",
            Self::Sglang => "SGLang",
            Self::Llamacpp => "llama.cpp",
            Self::Truth => "truth",
        }
    }

    /// The port the engine listens on where nobody chose another.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Ollama => 11_434,
            Self::Vllm => 8000,
            Self::Sglang => 30_000,
            Self::Llamacpp | Self::Truth => 8080,
        }
    }
}

impl ProviderKind {
    /// The name the published documents use (`contract`: `Runpod`; others their own).
    #[must_use]
    pub const fn published_name(self) -> &'static str {
        match self {
            Self::Runpod => "Runpod",
            Self::Local | Self::Endpoint => self.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_unknown_ones_list_the_known() {
        for kind in EngineKind::ALL {
            assert_eq!(kind.as_str().parse::<EngineKind>().unwrap(), *kind);
        }
        assert_eq!("vLLM".parse::<EngineKind>().unwrap(), EngineKind::Vllm);
        let error = "tgi".parse::<EngineKind>().unwrap_err().to_string();
        assert_eq!(error, "unknown engine `tgi`: known are ollama, vllm, sglang, llamacpp, truth");
    }
}
