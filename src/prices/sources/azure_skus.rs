//! Which GPUs an Azure size has. The list of prices doesn't say; Azure's pages of the sizes do.

use crate::domain::price::Gpus;

/// Text in the size's name after `Standard_`, its GPU, form, and how many by the beginning of the name.
struct Sizes {
    /// All of these are in the name.
    parts: &'static [&'static str],
    gpu: &'static str,
    form: &'static str,
    /// Beginning of the name → GPUs; 0: a part of one.
    counts: &'static [(&'static str, u32)],
}

const SIZES: &[Sizes] = &[
    Sizes {
        parts: &["NC", "_H100_v5"],
        gpu: "H100 94GB",
        form: "NVL",
        counts: &[("NC40", 1), ("NCC40", 1), ("NC80", 2)],
    },
    Sizes { parts: &["ND96", "_H100_v5"], gpu: "H100 80GB", form: "SXM5", counts: &[("ND96", 8)] },
    Sizes { parts: &["ND96", "_H200_v5"], gpu: "H200 141GB", form: "SXM5", counts: &[("ND96", 8)] },
    Sizes { parts: &["ND96", "_MI300X_v5"], gpu: "MI300X", form: "OAM", counts: &[("ND96", 8)] },
    Sizes {
        parts: &["NC", "_A100_v4"],
        gpu: "A100 80GB",
        form: "PCIe",
        counts: &[("NC24", 1), ("NC48", 2), ("NC96", 4)],
    },
    Sizes { parts: &["ND96", "_A100_v4"], gpu: "A100 80GB", form: "SXM4", counts: &[("ND96", 8)] },
    Sizes { parts: &["ND96asr", "_v4"], gpu: "A100 40GB", form: "SXM4", counts: &[("ND96", 8)] },
    Sizes {
        parts: &["NC", "_T4_v3"],
        gpu: "Tesla T4",
        form: "",
        counts: &[("NC4as", 1), ("NC8as", 1), ("NC16as", 1), ("NC64as", 4)],
    },
    Sizes {
        parts: &["NC", "s_v3"],
        gpu: "V100 16GB",
        form: "PCIe",
        counts: &[("NC6", 1), ("NC12", 2), ("NC24", 4)],
    },
    Sizes { parts: &["ND40rs_v2"], gpu: "V100 32GB", form: "SXM2", counts: &[("ND40", 8)] },
    Sizes {
        parts: &["NV", "_A10_v5"],
        gpu: "A10",
        form: "",
        counts: &[("NV36", 1), ("NV72", 2), ("NV6", 0), ("NV12", 0), ("NV18", 0)],
    },
];

/// The GPU, its form, and how many of a size. An unknown size is its own name, and so ends up where people look.
pub(super) fn gpus_of(sku: &str) -> (String, &'static str, Gpus) {
    let size = sku.strip_prefix("Standard_").unwrap_or(sku);
    let found = SIZES.iter().find_map(|sizes| {
        if !sizes.parts.iter().all(|part| size.contains(part)) {
            return None;
        }
        let (_, count) = sizes.counts.iter().find(|(start, _)| size.starts_with(start))?;
        Some((sizes, *count))
    });
    match found {
        Some((sizes, 0)) => (sizes.gpu.to_owned(), sizes.form, Gpus::Slice),
        Some((sizes, count)) => (sizes.gpu.to_owned(), sizes.form, Gpus::Count(count)),
        None => (sku.to_owned(), "", Gpus::Count(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_known_by_their_names() {
        for (sku, gpu, gpus) in [
            ("Standard_NC40ads_H100_v5", "H100 94GB", Gpus::Count(1)),
            ("Standard_NC80adis_H100_v5", "H100 94GB", Gpus::Count(2)),
            ("Standard_ND96isr_H100_v5", "H100 80GB", Gpus::Count(8)),
            ("Standard_ND96amsr_A100_v4", "A100 80GB", Gpus::Count(8)),
            ("Standard_ND96asr_v4", "A100 40GB", Gpus::Count(8)),
            ("Standard_NC24ads_A100_v4", "A100 80GB", Gpus::Count(1)),
            ("Standard_NC24s_v3", "V100 16GB", Gpus::Count(4)),
            ("Standard_NC64as_T4_v3", "Tesla T4", Gpus::Count(4)),
            ("Standard_NV6ads_A10_v5", "A10", Gpus::Slice),
            ("Standard_NV36adms_A10_v5", "A10", Gpus::Count(1)),
            ("Standard_NX1_new_v9", "Standard_NX1_new_v9", Gpus::Count(1)),
        ] {
            let (found, _, count) = gpus_of(sku);
            assert_eq!((found.as_str(), count), (gpu, gpus), "{sku}");
        }
    }
}
