//! What the name of a machine says of its GPU's form, where the catalogs say only `H100`. From the clouds' own pages.

/// Platform, beginning of the machine's name, form.
const FORMS: &[(&str, &str, &str)] = &[
    ("aws", "p3.", "SXM2 16GB"),
    ("aws", "p3dn.", "SXM2 32GB"),
    ("aws", "p4d", "SXM4"),
    ("aws", "p5", "SXM5"),
    ("google", "a2-", "SXM4"),
    ("google", "a3-", "SXM5"),
    ("google", "n1-", "SXM2"),
    ("oci", "BM.GPU", "SXM"),
    ("azure", "Standard_ND40", "SXM2"),
    ("azure", "Standard_ND96", "SXM"),
    ("azure", "Standard_NC24ads_A100", "PCIe"),
    ("azure", "Standard_NC48ads_A100", "PCIe"),
    ("azure", "Standard_NC96ads_A100", "PCIe"),
    ("azure", "Standard_NC6s_v3", "PCIe"),
    ("azure", "Standard_NC12s_v3", "PCIe"),
    ("azure", "Standard_NC24s_v3", "PCIe"),
    ("azure", "Standard_NC24rs_v3", "PCIe"),
    ("azure", "Standard_NC40ads_H100", "NVL"),
    ("azure", "Standard_NCC40ads_H100", "NVL"),
    ("azure", "Standard_NC80adis_H100", "NVL"),
    ("digitalocean", "gpu-h100x", "SXM5"),
    ("nebius", "gpu-h100-sxm", "SXM5"),
    ("nebius", "gpu-h200-sxm", "SXM5"),
];

/// Words of a form that are in many machines' names.
const WORDS: &[(&str, &str)] = &[("sxm", "SXM"), ("pcie", "PCIe"), ("nvl", "NVL"), ("hbm3", "SXM5")];

/// What the machine's name says of the form; empty: nothing.
pub(super) fn form_of(platform: &str, machine: &str) -> &'static str {
    let by_platform = FORMS
        .iter()
        .find(|(of, start, _)| *of == platform && machine.starts_with(start))
        .map(|(.., form)| form);
    if let Some(form) = by_platform {
        return form;
    }
    // Verda writes `1H100.80S.30V` for an SXM card.
    let verda_sxm = platform == "verda" && machine.split('.').nth(1).is_some_and(|part| part.ends_with('S'));
    if verda_sxm {
        return "SXM";
    }
    let machine = machine.to_lowercase();
    WORDS.iter().find(|(word, _)| machine.contains(word)).map_or("", |(_, form)| form)
}
