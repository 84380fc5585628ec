//! What can go wrong with a question.

use crate::store;

/// Why a question isn't answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No model is set.
    #[error(
        "no assistant is set up here: whoever runs this server has to give it a model (OPENAI_API_KEY, OPENAI_BASE_URL)"
    )]
    NotConfigured,
    /// The settings can't be used.
    #[error("the assistant's settings can't be used: {0}")]
    Settings(String),
    /// The run that is asked about isn't there.
    #[error("there is no published run {0}")]
    UnknownRun(String),
    /// A question that is none.
    #[error("a question has 1 to {most} characters, and this one has {given}")]
    Question {
        /// Characters it has.
        given: usize,
        /// Characters it may have.
        most: usize,
    },
    /// This person's day is used up.
    #[error("you have asked as much as one person may in a day; it is free again in {} ({retry_after_s} s)", hours(*retry_after_s))]
    PersonSpent {
        /// Seconds until it is free again.
        retry_after_s: u64,
    },
    /// Everybody's day is used up.
    #[error("the assistant has answered as much today as it may; it is free again in {} ({retry_after_s} s)", hours(*retry_after_s))]
    AllSpent {
        /// Seconds until it is free again.
        retry_after_s: u64,
    },
    /// This person's earlier questions are still being answered.
    #[error("{0} of your questions are being answered already: wait for one of those")]
    Busy(u32),
    /// The answer took more tokens than one may.
    #[error("the answer would take more than the {0} tokens that one may: ask for less at once")]
    TooMuch(u32),
    /// The answer took too long.
    #[error("there was no whole answer within {0} s: the model is slow or hangs; try again")]
    TooSlow(u64),
    /// The model's server can't be reached.
    #[error("the model's server can't be reached: {0}")]
    Unreachable(String),
    /// The model's server refuses.
    #[error("the model's server answered {status}{}", advice(*status))]
    Refused {
        /// Its status.
        status: u16,
    },
    /// The model's server asks to wait for longer than an answer may take.
    #[error(
        "the model's server is busy (429) and asks to wait {0} s, which is longer than an answer may take; try again then"
    )]
    ComeBack(u64),
    /// The model's answer broke off, or can't be read.
    #[error("the model's answer {0}; try again")]
    Broken(String),
    /// The database failed.
    #[error("the database can't answer now: {0}")]
    Store(#[from] store::Error),
}

impl Error {
    /// Seconds after which asking again may help; `None`: not known.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::PersonSpent { retry_after_s } | Self::AllSpent { retry_after_s } => Some(*retry_after_s),
            Self::ComeBack(seconds) => Some(*seconds),
            Self::Busy(_) => Some(10),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

fn hours(seconds: u64) -> String {
    match seconds.div_ceil(60) {
        minutes @ ..60 => format!("{minutes} min"),
        minutes => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

const fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => ": its key (OPENAI_API_KEY) is refused; tell whoever runs this server",
        404 => {
            ": it has no such model or path (OPENAI_MODEL, OPENAI_BASE_URL); tell whoever runs this server"
        }
        429 => ": it is asked too often, or its quota is used up; try again later",
        500.. => ": it fails at the moment; try again",
        _ => ": it doesn't take our request; tell whoever runs this server",
    }
}
