//! The sources of prices, a file each. A new one is its file and a line in [`ALL`].

mod akash;
mod azure;
mod azure_skus;
mod cloudrift;
mod digitalocean;
mod gpuhunt;
mod hyperbolic;
mod hyperstack;
mod instances;
mod lambda;
mod lium;
mod oci;
mod primeintellect;
mod runpod;
mod runpod_v2;
mod salad;
mod scaleway;
mod shadeform;
mod skypilot;
mod tensordock;
mod vastai;
mod verda;
mod vultr;

use super::source::PriceSource;

/// Every source, those without a key first.
pub static ALL: &[&dyn PriceSource] = &[
    &runpod::Runpod,
    &vastai::VastAi,
    &vultr::Vultr,
    &azure::Azure,
    &oci::Oci,
    &lium::Lium,
    &akash::Akash,
    &cloudrift::CloudRift,
    &gpuhunt::GpuHunt,
    &skypilot::SkyPilot,
    &runpod_v2::RunpodV2,
    &lambda::Lambda,
    &shadeform::Shadeform,
    &primeintellect::PrimeIntellect,
    &hyperstack::Hyperstack,
    &verda::Verda,
    &digitalocean::DigitalOcean,
    &tensordock::TensorDock,
    &hyperbolic::Hyperbolic,
    &scaleway::Scaleway,
    &salad::Salad,
];

/// What names a platform has elsewhere, and the one readers know it by.
const PLATFORMS: &[(&str, &str)] = &[
    ("gcp", "google"),
    ("lambdalabs", "lambda"),
    ("lambda_labs", "lambda"),
    ("datacrunch", "verda"),
    ("vast", "vast.ai"),
    ("vastai", "vast.ai"),
    ("do", "digitalocean"),
];

/// A platform in the spelling readers know.
fn platform(name: &str) -> String {
    let name = name.trim().to_lowercase();
    PLATFORMS.iter().find(|(other, _)| *other == name).map_or(name, |(_, known)| (*known).to_owned())
}
