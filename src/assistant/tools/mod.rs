//! What the model may look up: our own data, read only, one file a tool. What a tool puts out is JSON of bounded size; an
//! object in it that has a `link` says where on the site its numbers are shown.
//!
//! A tool must not know the model: it gets arguments, which may be anything, and says what is wrong with them as data.

mod arguments;
mod compare_runs;
mod cost_now;
mod price_history;
mod recommend_gpu;
mod results;
mod search_results;
mod shape;
mod trends;
mod what_fits;

use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::PgPool;

pub(super) use results::the_run;

use super::{Error, verify::LINK};
use crate::{domain::catalog::Catalog, store};

/// Most bytes of what a tool puts out; the model reads all of it.
const MOST_BYTES: usize = 12 * 1024;

/// Where tools look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'a> {
    /// Results and prices.
    pub(super) pool: &'a PgPool,
    /// GPUs and models.
    pub(super) catalog: &'a Catalog,
}

/// Why a tool puts nothing out.
#[derive(Debug)]
pub(super) enum ToolError {
    /// The arguments make no sense: the model is told, and may call again.
    Arguments(String),
    /// The database failed: there is no answer to be had.
    Store(store::Error),
}

impl From<store::Error> for ToolError {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for ToolError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// One thing that can be looked up.
#[async_trait]
pub(super) trait Tool: Send + Sync {
    /// The name the model calls it by.
    fn name(&self) -> &'static str;

    /// What it is for, for the model.
    fn description(&self) -> &'static str;

    /// Its arguments: a strict JSON schema.
    fn parameters(&self) -> Value;

    /// Looks it up.
    async fn call(&self, places: Places<'_>, arguments: &str) -> Result<Value, ToolError>;
}

/// Every tool, in the order the model is told of them.
pub(super) const ALL: &[&dyn Tool] = &[
    &search_results::SearchResults,
    &compare_runs::CompareRuns,
    &trends::Trends,
    &cost_now::CostNow,
    &price_history::PriceHistory,
    &recommend_gpu::RecommendGpu,
    &what_fits::WhatFits,
];

/// Calls a tool by its name. What it puts out, or what is wrong with the call; a tool that isn't there is never called.
///
/// # Errors
/// When the database fails.
pub(super) async fn call(places: Places<'_>, name: &str, arguments: &str) -> Result<Value, Error> {
    let Some(tool) = ALL.iter().find(|tool| tool.name() == name) else {
        let known: Vec<&str> = ALL.iter().map(|tool| tool.name()).collect();
        return Ok(json!({ "error": format!("there is no such tool; there are {}", known.join(", ")) }));
    };
    match tool.call(places, arguments).await {
        Ok(found) => Ok(bounded(found)),
        Err(ToolError::Arguments(reason)) => Ok(json!({ "error": reason })),
        Err(ToolError::Store(error)) => Err(error.into()),
    }
}

/// Every `link` in what a tool put out, each once, in order.
pub(super) fn links(found: &Value) -> Vec<String> {
    let mut links = Vec::new();
    collect_links(found, &mut links);
    links
}

fn collect_links(value: &Value, links: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(link) = fields.get(LINK).and_then(Value::as_str)
                && links.iter().all(|known| known != link)
            {
                links.push(link.to_owned());
            }
            fields.values().for_each(|value| collect_links(value, links));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_links(value, links)),
        _ => {}
    }
}

/// The same with its longest lists cut until it is short enough.
fn bounded(mut found: Value) -> Value {
    while found.to_string().len() > MOST_BYTES {
        let Some(list) = found
            .as_object_mut()
            .and_then(|fields| {
                fields.values_mut().filter_map(Value::as_array_mut).max_by_key(|list| list.len())
            })
            .filter(|list| !list.is_empty())
        else {
            return json!({ "error": "there is too much of it: ask for less" });
        };
        list.truncate(list.len() / 2);
        found["cut"] = json!("there is more; ask for less at once to see it");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_strict_schema() {
        for tool in ALL {
            let schema = tool.parameters();
            assert_eq!(schema["additionalProperties"], json!(false), "{}", tool.name());
            let mut properties: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
            let mut required: Vec<&str> =
                schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            properties.sort();
            required.sort_unstable();
            assert_eq!(properties, required, "{}", tool.name());
        }
    }

    #[test]
    fn what_is_put_out_is_cut_to_what_a_model_can_read() {
        let long = bounded(json!({ "link": "/x", "results": vec!["a".repeat(100); 1000] }));
        assert!(long.to_string().len() <= MOST_BYTES && long["cut"].is_string());
        assert!(bounded(json!({ "text": "a".repeat(MOST_BYTES) }))["error"].is_string());
    }
}
