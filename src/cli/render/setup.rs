//! The set-up times, each as it was observed.

use super::plain_table;
use crate::{domain::measure::setup::SetupTimes, report::figure};

/// One row a time, the parts of the server's set-up where any was seen; `-` where nobody could see it.
#[must_use]
pub fn setup_table(setup: &SetupTimes) -> String {
    let parts = setup.server_setup_parts;
    let part_rows = [
        ("  placement and image pull", parts.placement_and_image_pull_s),
        ("  container start", parts.container_start_s),
        ("  port answering", parts.port_open_s),
    ];
    let any_part = part_rows.iter().any(|(_, seconds)| seconds.is_some());
    let rows = std::iter::once(("server set-up", setup.server_setup_s))
        .chain(part_rows.into_iter().filter(|_| any_part))
        .chain([
            ("model download", setup.model_download_s),
            ("model loading", setup.model_loading_s),
            ("warm-up", setup.warmup_s),
            ("all of it", setup.total_s),
        ]);
    let table = plain_table(["set-up", "s"], rows.map(|(name, seconds)| [name.to_owned(), figure(seconds)]));
    format!("{table}\n(- could not be observed)")
}
