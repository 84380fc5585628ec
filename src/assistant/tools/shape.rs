//! The model that sizing and recommending are asked about, found as people name it.

use super::{ToolError, arguments::data};
use crate::domain::{
    catalog::{Catalog, Model},
    kinds::EngineKind,
    sizing::{Parameters, Precision, Shape},
};

/// A model as it was asked about.
pub(super) struct Asked {
    /// Its shape.
    pub(super) shape: Shape,
    /// All ids that its runs may be stored under.
    pub(super) ids: Vec<String>,
    /// What has to be said of how it was found.
    pub(super) note: Option<String>,
}

/// Finds a model: by one of its names, else the one whose name has all these words, else by a size among them (`32B`).
pub(super) fn find(catalog: &Catalog, name: &str, engine: EngineKind) -> Result<Asked, ToolError> {
    if let Ok(model) = catalog.model(name, engine) {
        return of(model, None);
    }
    let words = words(name);
    let alike_in = |of: fn(&Model) -> String| -> Vec<&Model> {
        let has_all = |model: &&Model| {
            let known = self::words(&of(model));
            !words.is_empty() && words.iter().all(|word| known.contains(word))
        };
        catalog.models().iter().filter(has_all).collect()
    };
    let mut alike = alike_in(|model| model.common_name.clone());
    if alike.is_empty() {
        alike = alike_in(|model| format!("{} {} {}", model.common_name, model.hf_id, model.parameter_size()));
    }
    // The shortest name is the plain model, without `Coder` or `Instruct 2507`.
    alike.sort_by_key(|model| model.common_name.len());
    if let Some((first, others)) = alike.split_first() {
        let others: Vec<&str> = others.iter().take(5).map(|model| model.common_name.as_str()).collect();
        let note = if others.is_empty() {
            format!("taken for {}", first.common_name)
        } else {
            format!("taken for {}; it could also be {}", first.common_name, others.join(", "))
        };
        return of(first, Some(note));
    }
    let size = words.iter().find_map(|word| word.parse::<Parameters>().ok());
    let Some(parameters) = size else {
        let unknown =
            catalog.model(name, engine).err().map(|unknown| unknown.to_string()).unwrap_or_default();
        return Err(ToolError::Arguments(format!("{unknown}. Or give a size, like 32B")));
    };
    Ok(Asked {
        shape: Shape::from_parameters(data(name), parameters, Precision::Bf16),
        ids: vec![name.to_owned()],
        note: Some(
            "not in the catalog: sized by its parameters alone, so its KV cache is a guess".to_owned(),
        ),
    })
}

fn of(model: &Model, note: Option<String>) -> Result<Asked, ToolError> {
    let shape = Shape::of(model).map_err(|error| ToolError::Arguments(error.to_string()))?;
    Ok(Asked { shape, ids: model.names().into_iter().map(str::to_owned).collect(), note })
}

fn words(name: &str) -> Vec<String> {
    let separate = |c: char| c.is_whitespace() || matches!(c, '-' | '_' | '/' | ':');
    name.to_lowercase().split(separate).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_its_name_its_words_or_its_size() {
        let catalog = Catalog::embedded().unwrap();
        let found = |name: &str| find(&catalog, name, EngineKind::Vllm).ok().unwrap();
        assert!(found("Llama 3.1 8B").note.is_none());
        let qwen = found("Qwen 32B");
        assert!(qwen.shape.name.contains("32B") && qwen.note.unwrap().starts_with("taken for Qwen"));
        let unknown = found("Nobody's 13B");
        assert!((unknown.shape.total_params - 13e9).abs() < 1.0 && unknown.note.unwrap().contains("guess"));
        assert!(find(&catalog, "Nobody", EngineKind::Vllm).is_err());
    }
}
