//! RunPod's GraphQL, which answers without a key: list prices of one GPU, secure and community, and what a spot bid starts
//! at. It retires in early 2027; `runpod_v2` follows it.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, PriceKind, RawOffer},
    prices::{
        read::{json, nullable},
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

/// Only hosts with a driver for today's images are asked for.
const MIN_CUDA: &str = "12.8";

const QUERY: &str = "query GpuTypes($lowestPriceInput: GpuLowestPriceInput, $gpuTypesInput: GpuTypeFilter) { \
                     gpuTypes(input: $gpuTypesInput) { id displayName memoryInGb securePrice communityPrice \
                     maxGpuCountSecureCloud maxGpuCountCommunityCloud lowestPrice(input: $lowestPriceInput) { \
                     minimumBidPrice stockStatus } } }";

pub(super) struct Runpod;

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    gpu_types: Vec<GpuType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GpuType {
    id: String,
    #[serde(deserialize_with = "nullable")]
    memory_in_gb: Option<f64>,
    #[serde(deserialize_with = "nullable")]
    secure_price: Option<Amount>,
    #[serde(deserialize_with = "nullable")]
    community_price: Option<Amount>,
    max_gpu_count_secure_cloud: Option<u32>,
    max_gpu_count_community_cloud: Option<u32>,
    #[serde(deserialize_with = "nullable")]
    lowest_price: Option<LowestPrice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LowestPrice {
    #[serde(deserialize_with = "nullable")]
    minimum_bid_price: Option<Amount>,
    #[serde(deserialize_with = "nullable")]
    stock_status: Option<String>,
}

#[async_trait]
impl PriceSource for Runpod {
    fn name(&self) -> &'static str {
        "runpod"
    }

    fn default_url(&self) -> &'static str {
        "https://api.runpod.io/graphql"
    }

    async fn fetch(&self, web: &Web, url: &Url, _: Option<&Secret>) -> Result<Pages, SourceError> {
        let lowest = json!({ "secureCloud": true, "gpuCount": 1, "minCudaVersion": MIN_CUDA });
        let body = json!({ "query": QUERY, "variables": { "lowestPriceInput": lowest } });
        Ok(vec![web.ask("gpuTypes", |client| client.post(url.clone()).json(&body)).await?].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "gpuTypes")?)?;
        let Some(data) = answer.data else {
            let messages: Vec<String> = answer.errors.into_iter().map(|problem| problem.message).collect();
            return Err(if messages.is_empty() {
                SourceError::shape("gpuTypes", "data", "is missing")
            } else {
                SourceError::Refused(messages.join("; "))
            });
        };
        Ok(data.gpu_types.into_iter().flat_map(offers).collect())
    }
}

fn offers(gpu: GpuType) -> impl Iterator<Item = RawOffer> {
    let (bid, stock) =
        gpu.lowest_price.map_or((None, None), |lowest| (lowest.minimum_bid_price, lowest.stock_status));
    // The stock is that of the secure cloud, and null where there is none (seen in peers, not documented).
    let in_stock = Some(stock.is_some());
    // A price of a cloud that has none of them is no offer: some versions say 0 there, others null.
    let offered = |price: Option<Amount>, most: Option<u32>| price.filter(|_| most != Some(0));
    let sold = [
        (offered(gpu.secure_price, gpu.max_gpu_count_secure_cloud), PriceKind::OnDemand, "secure", in_stock),
        (
            offered(gpu.community_price, gpu.max_gpu_count_community_cloud),
            PriceKind::OnDemand,
            "community",
            None,
        ),
        (bid, PriceKind::Spot, "secure", in_stock),
    ];
    sold.into_iter().filter_map(move |(price, kind, tier, in_stock)| {
        Some(RawOffer {
            memory_gb: gpu.memory_in_gb,
            kind,
            tier: tier.to_owned(),
            in_stock,
            ..RawOffer::new("runpod", gpu.id.clone(), price?)
        })
    })
}
