//! Prices for a recommendation that a person keeps in a CSV file: with
//! `gpu,usd_per_gpu_hour` and, where known, `count,source,in_stock,as_of`.

use std::path::Path;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{
    cli::CliError,
    domain::{catalog::Catalog, recommend::Priced},
};

/// More than any GPU costs an hour: a price above it is of something else.
const MOST_USD: u32 = 50;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    gpu: String,
    usd_per_gpu_hour: Decimal,
    #[serde(default)]
    count: Option<u32>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    in_stock: Option<bool>,
    #[serde(default)]
    as_of: Option<chrono::DateTime<chrono::Utc>>,
}

/// Reads a file of prices.
///
/// # Errors
/// Exit 2, with the line, for what can't be read, a GPU nobody knows or a price that can't be one.
pub(super) fn read(path: &Path, catalog: &Catalog) -> Result<Vec<Priced>, CliError> {
    let at = path.display();
    let refused = |line: u64, why: String| {
        CliError::usage(format!("{at}:{line}: {why}")).hint(
            "columns: gpu, usd_per_gpu_hour and, where known, count, source, in_stock (true, false), as_of (RFC 3339)",
        )
    };
    let unreadable = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        refused(line, error.to_string())
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(unreadable)?;
    let headers = reader.headers().map_err(unreadable)?.clone();
    let mut prices = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let number = record.position().map_or(0, csv::Position::line);
        let line: Line =
            record.deserialize(Some(&headers)).map_err(|error| refused(number, error.to_string()))?;
        if line.usd_per_gpu_hour <= Decimal::ZERO || line.usd_per_gpu_hour > Decimal::from(MOST_USD) {
            let why = format!(
                "{} $ a GPU-hour can't be: it is above 0 and at most {MOST_USD}",
                line.usd_per_gpu_hour
            );
            return Err(refused(number, why));
        }
        let gpu = catalog.gpu(&line.gpu).map_err(|unknown| refused(number, unknown.to_string()))?;
        prices.push(Priced {
            gpu: gpu.id.clone(),
            count: line.count,
            usd_per_gpu_hour: line.usd_per_gpu_hour,
            source: line.source.filter(|source| !source.is_empty()).unwrap_or_else(|| at.to_string()),
            in_stock: line.in_stock,
            as_of: line.as_of,
        });
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Priced>, CliError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, &Catalog::embedded().unwrap())
    }

    #[test]
    fn prices_are_read_with_what_is_known_of_them() {
        let read = of("gpu,usd_per_gpu_hour,source,in_stock,as_of,count\n\
                       L40S,0.86,runpod,true,2026-11-24T00:00:00Z,\n\
                       H100 SXM, 2.69,,,,8\n")
        .unwrap();
        assert_eq!((read[0].gpu.as_str(), read[0].source.as_str()), ("NVIDIA L40S", "runpod"));
        assert_eq!((read[0].in_stock, read[0].count), (Some(true), None));
        assert_eq!(read[1].usd_per_gpu_hour, "2.69".parse().unwrap());
        assert_eq!((read[1].in_stock, read[1].count, read[1].as_of), (None, Some(8), None));
        assert!(read[1].source.ends_with("prices.csv"));
    }

    #[test]
    fn what_cannot_be_a_price_is_refused_with_its_line() {
        let head = "gpu,usd_per_gpu_hour\nL40S,0.86\n";
        for (line, said) in [
            ("L40S,0", ":3: 0 $ a GPU-hour can't be"),
            ("L40S,-1", "can't be"),
            ("L40S,51", "at most 50"),
            ("L40S,NaN", ":3: "),
            ("L40Z,1", ":3: unknown gpu `L40Z`"),
            ("L40S", ":3: "),
        ] {
            let refused = of(&format!("{head}{line}\n")).unwrap_err();
            assert!(refused.message.contains(said), "{line}: {refused}");
        }
        assert!(of("gpu,price\nL40S,1\n").is_err());
        let none = read(Path::new("/nowhere/prices.csv"), &Catalog::embedded().unwrap()).unwrap_err();
        assert!(none.message.contains("/nowhere/prices.csv"), "{none}");
    }
}
