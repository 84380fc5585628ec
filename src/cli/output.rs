//! The only place that prints.

use std::io::{self, Write};

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
        line(io::stdout().lock(), text.as_ref().trim_end_matches('\n'));
    }

    /// Writes data that isn't made of lines to stdout, as it is.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
    }

    /// Writes data to stdout as indented JSON.
    pub fn json<T: Serialize>(&self, value: &T) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => line(io::stdout().lock(), &text),
            Err(error) => {
                line(io::stderr().lock(), &format!("error: this answer can't be written as JSON: {error}"));
            }
        }
    }

    /// A note for the person on stderr, unless `--quiet`.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            line(io::stderr().lock(), text.as_ref());
        }
    }

    /// A question on stderr; the answer is typed behind it.
    pub fn prompt(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }

    /// An error on stderr, always.
    pub fn error(&self, error: &super::CliError) {
        let mut stderr = io::stderr().lock();
        line(&mut stderr, &format!("error: {}", error.message));
        if let Some(hint) = &error.hint {
            line(&mut stderr, &format!("  next: {hint}"));
        }
    }
}

/// A reader that went away (`… | head`) is nobody's failure, and there is nowhere to report another.
fn line(mut to: impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.write_all(b"\n")).and_then(|()| to.flush());
}
