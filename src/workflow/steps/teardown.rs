//! teardown: remove everything the run ever started, by name, and see that it is gone. It always runs, and runs until
//! it succeeds. A pod that the next run of a group is to be measured on is handed over instead.

use serde_json::json;

use super::{StepContext, StepReport, database_failure, rental};
use crate::{
    domain::failure::Failure,
    store::{self, pods, rentals},
};

pub(super) async fn run(context: &StepContext<'_>) -> Result<StepReport, Failure> {
    let (mut removed, mut handed_over) = (Vec::new(), None);
    for pod in recorded(context).await? {
        if pod.state == "gone" {
            continue;
        }
        let provider = context.services.providers.get(pod.provider)?;
        if let Some(to) = rental::hand_over(context, provider.as_ref(), &pod).await? {
            handed_over = Some(json!({ "pod": pod.name, "to": to }));
            continue;
        }
        let mut conn = context.connection().await?;
        let ours = pods::deleting(&mut conn, &pod.name).await.map_err(|error| database_failure(&error))?;
        drop(conn);
        if !ours {
            // Whoever took this teardown over from us, or we from them, has handed it over meanwhile.
            continue;
        }
        let external_id = pod.external_id.as_deref();
        rental::settle(context, provider.as_ref(), &pod.name, external_id).await?;
        provider.destroy(&pod.name, external_id).await?;
        // A create whose answer was lost may have left more under the name than we know an id of.
        let mut left = provider.list(&pod.name).await?;
        left.retain(|left| left.name == pod.name);
        if !left.is_empty() {
            return Err(Failure::transient(
                "not_gone",
                format!("{} still lists {} of {}: trying again", pod.provider, left.len(), pod.name),
            ));
        }
        is_gone(context, &pod.name).await.map_err(|error| database_failure(&error))?;
        removed.push(pod.name);
    }
    let mut output = json!({ "removed": removed });
    if let Some(handed_over) = handed_over {
        output["handed_over"] = handed_over;
    }
    StepReport::new(&output, json!({}))
}

/// Records that a pod is gone, and that nothing is paid for it any more.
async fn is_gone(context: &StepContext<'_>, name: &str) -> Result<(), store::Error> {
    let mut tx = context.services.pool.begin().await?;
    pods::gone(&mut tx, name).await?;
    rentals::end(&mut tx, name, None).await?;
    Ok(tx.commit().await?)
}

async fn recorded(context: &StepContext<'_>) -> Result<Vec<pods::Pod>, Failure> {
    let mut conn = context.connection().await?;
    pods::list(&mut conn, context.run.id).await.map_err(|error| database_failure(&error))
}
