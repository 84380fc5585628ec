//! The only place that prints.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the module that prints")]

use serde::Serialize;

/// Where a command's words go: data to stdout, everything else to stderr.
#[derive(Debug, Clone, Copy, Default)]
pub struct Output {
    /// Data as JSON.
    pub json: bool,
    /// No progress or notes on stderr; errors still.
    pub quiet: bool,
}

impl Output {
    /// Writes data (a table, a CSV, a line) to stdout, with a newline.
    pub fn data(&self, text: impl AsRef<str>) {
        println!("{}", text.as_ref().trim_end_matches('\n'));
    }

    /// Writes data to stdout as indented JSON.
    pub fn json<T: Serialize>(&self, value: &T) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => println!("{text}"),
            Err(error) => eprintln!("error: this answer can't be written as JSON: {error}"),
        }
    }

    /// A note for the person on stderr, unless `--quiet`.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            eprintln!("{}", text.as_ref());
        }
    }

    /// An error on stderr, always.
    pub fn error(&self, error: &super::CliError) {
        eprintln!("error: {}", error.message);
        if let Some(hint) = &error.hint {
            eprintln!("  next: {hint}");
        }
    }
}
