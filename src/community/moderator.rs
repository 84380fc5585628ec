//! Who decides whether a comment is posted: rules, and beside them a model where one is configured. Either may refuse; a model
//! that can't be asked has no say.

use super::model::{Model, ModelSettings};
use crate::domain::community::rules::{self, Earlier, Verdict};

/// What is thought of a comment, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opinion {
    pub(super) verdict: Verdict,
    /// `rules` or `model`.
    pub(super) by: &'static str,
}

/// Decides whether comments are posted; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Moderator {
    model: Option<Model>,
}

impl Moderator {
    /// One that goes by rules alone.
    #[must_use]
    pub fn by_rules() -> Self {
        Self::default()
    }

    /// One that asks a model what rules let pass.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn with_model(settings: ModelSettings) -> Result<Self, reqwest::Error> {
        Ok(Self { model: Some(Model::new(settings)?) })
    }

    /// What is thought of a cleaned comment.
    pub(super) async fn judge(&self, comment: &str, earlier: &Earlier) -> Opinion {
        let rules = Opinion { verdict: rules::judge(comment, earlier), by: "rules" };
        let Some(model) = &self.model else { return rules };
        if matches!(rules.verdict, Verdict::Refused(_)) {
            return rules;
        }
        match model.judge(comment).await {
            Ok(Verdict::Fine) => rules,
            Ok(verdict) => Opinion { verdict, by: "model" },
            Err(reason) => {
                tracing::warn!(reason, "the moderating model can't be asked: rules alone decide");
                rules
            }
        }
    }
}
