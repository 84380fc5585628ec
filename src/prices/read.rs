//! Reading answers so that an error says where: JSON by path, CSV by line and column, zips by what is in them.

use std::io::{Cursor, Read};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::source::{Page, SourceError};

/// Largest file that is taken out of a zip, bytes.
const MAX_UNZIPPED: u64 = 128_000_000;

/// An answer as JSON of this shape.
///
/// # Errors
/// Says what is there instead of JSON, or the path where the shape differs.
pub(super) fn json<T: DeserializeOwned>(page: &Page) -> Result<T, SourceError> {
    refuse_html(page, "JSON")?;
    let mut text = serde_json::Deserializer::from_slice(&page.body);
    let value = serde_path_to_error::deserialize(&mut text).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() { shape(page, &path, &inner.to_string()) } else { broken(page, &inner) }
    })?;
    text.end().map_err(|error| broken(page, &error))?;
    Ok(value)
}

fn broken(page: &Page, error: &serde_json::Error) -> SourceError {
    let what = match (page.body.is_empty(), error.is_eof()) {
        (true, _) => "nothing".to_owned(),
        (_, true) => format!("a text that breaks off ({error})"),
        _ => format!("a text that can't be read ({error})"),
    };
    SourceError::Format { part: page.part.clone(), expected: "JSON", what }
}

/// The path of what is wrong: of a missing field, its own.
fn shape(page: &Page, path: &str, message: &str) -> SourceError {
    let message = message.split(" at line ").next().unwrap_or(message);
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let (path, reason) = match missing {
        Some(field) if path == "." => (field.to_owned(), "is missing"),
        Some(field) => (format!("{path}.{field}"), "is missing"),
        None => (path.to_owned(), message),
    };
    SourceError::shape(&page.part, path, reason)
}

fn refuse_html(page: &Page, expected: &'static str) -> Result<(), SourceError> {
    let start = page.body.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or_default();
    if page.body.get(start) == Some(&b'<') {
        let what = "a page in HTML".to_owned();
        return Err(SourceError::Format { part: page.part.clone(), expected, what });
    }
    Ok(())
}

/// A field that has to be there and may be null.
///
/// # Errors
/// The value's own.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

/// Every row of a CSV that has these columns, as their cells.
///
/// # Errors
/// Names the column that is missing, or the line that can't be read.
pub(super) fn csv<const N: usize>(
    part: &str,
    text: &[u8],
    columns: [&'static str; N],
    mut row: impl FnMut([&str; N]),
) -> Result<(), SourceError> {
    refuse_html(&Page::new(part, text.iter().take(64).copied().collect()), "CSV")?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let headers = reader.headers().map_err(|error| csv_error(part, &error))?.clone();
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = headers
            .iter()
            .position(|header| header == column)
            .ok_or_else(|| SourceError::shape(part, format!("column {column}"), "is missing"))?;
    }
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| csv_error(part, &error))? {
        row(places.map(|place| record.get(place).unwrap_or_default().trim()));
    }
    Ok(())
}

fn csv_error(part: &str, error: &csv::Error) -> SourceError {
    let line = error.position().map_or(0, csv::Position::line);
    SourceError::shape(part, format!("line {line}"), error.to_string())
}

/// The only file of this ending in a zip; what is no zip is given back as it is.
///
/// # Errors
/// When the zip is broken, has no such file, or it is too large.
pub(super) fn unzipped(page: &Page, ending: &str) -> Result<Vec<u8>, SourceError> {
    if !page.body.starts_with(b"PK") {
        return Ok(page.body.clone());
    }
    let broken = |what: String| SourceError::Format { part: page.part.clone(), expected: "a zip", what };
    let mut archive = zip::ZipArchive::new(Cursor::new(&page.body))
        .map_err(|error| broken(format!("a broken one ({error})")))?;
    let name =
        archive.file_names().flatten().find(|name| name.ends_with(ending)).map(std::borrow::Cow::into_owned);
    let name = name.ok_or_else(|| broken(format!("one without a file *{ending}")))?;
    let file = archive.by_name(&name).map_err(|error| broken(format!("a broken one ({error})")))?;
    let mut text = Vec::new();
    // What a zip says of its sizes is not to be believed.
    file.take(MAX_UNZIPPED + 1)
        .read_to_end(&mut text)
        .map_err(|error| broken(format!("a broken one ({error})")))?;
    if text.len() as u64 > MAX_UNZIPPED {
        return Err(SourceError::TooLarge { part: page.part.clone(), limit_mb: MAX_UNZIPPED / 1_000_000 });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct List {
        #[expect(dead_code, reason = "only its errors are looked at")]
        offers: Vec<Offer>,
    }

    #[derive(Debug, Deserialize)]
    struct Offer {
        #[expect(dead_code, reason = "only its errors are looked at")]
        price: f64,
        #[serde(deserialize_with = "nullable")]
        #[expect(dead_code, reason = "only its errors are looked at")]
        bid: Option<f64>,
    }

    fn refusal(text: &str) -> String {
        json::<List>(&Page::new("list", text.as_bytes().to_vec())).expect_err(text).to_string()
    }

    #[test]
    fn what_is_no_json_of_the_shape_is_named_by_what_it_is_or_by_its_path() {
        assert_eq!(refusal(" <!DOCTYPE html>"), "list: a page in HTML instead of JSON");
        assert_eq!(refusal(""), "list: nothing instead of JSON");
        assert!(
            refusal("{\"offers\": [{\"price\": 1").starts_with("list: a text that breaks off"),
            "truncated"
        );
        assert!(refusal("{\"offers\": [{\"price\": NaN}]}").starts_with("list: a text that can't be read"));
        assert_eq!(refusal("{}"), "list: offers: is missing");
        assert_eq!(
            refusal(r#"{"offers": [{"price": 1, "bid": null, "new": 1}, {"bid": 1}]}"#),
            "list: offers[1].price: is missing"
        );
        assert_eq!(refusal(r#"{"offers": [{"price": 1}]}"#), "list: offers[0].bid: is missing");
        assert_eq!(
            refusal(r#"{"offers": [{"price": "1", "bid": null}]}"#),
            "list: offers[0].price: invalid type: string \"1\", expected f64"
        );
    }

    #[test]
    fn a_table_is_read_by_its_heading_and_a_missing_column_is_named() {
        let mut rows = Vec::new();
        csv("t", b"b,a,c\n1,\"2\n3\",\n4\n", ["a", "b"], |[a, b]| rows.push(format!("{a}|{b}"))).unwrap();
        assert_eq!(rows, ["2\n3|1", "|4"]);
        let error = csv("t", b"b,c\n", ["a"], |_| {}).unwrap_err();
        assert_eq!(error.to_string(), "t: column a: is missing");
        let error = csv("t", b"<html>", ["a"], |_| {}).unwrap_err();
        assert_eq!(error.to_string(), "t: a page in HTML instead of CSV");
    }

    #[test]
    fn a_broken_zip_is_said_to_be_one() {
        let error = unzipped(&Page::new("aws", b"PK\x03\x04 and so on".to_vec()), ".csv").unwrap_err();
        assert!(error.to_string().starts_with("aws: a broken one"), "{error}");
        assert_eq!(unzipped(&Page::new("aws", b"a,b\n".to_vec()), ".csv").unwrap(), b"a,b\n");
    }
}
