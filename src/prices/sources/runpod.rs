//! RunPod's GraphQL, which answers without a key: list prices of a GPU, secure and community, what a spot bid starts at, and
//! whether machines of one, two, four and eight can be had. It retires in early 2027; `runpod_v2` follows it.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, PriceKind, RawOffer},
    prices::{
        read::{json, nullable},
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

/// Only hosts with a driver for today's images are asked for.
const MIN_CUDA: &str = "12.8";

/// The cheapest machine is asked for once for each number of GPUs, by a name of its own.
const QUERY: &str = "query GpuTypes($one: GpuLowestPriceInput, $two: GpuLowestPriceInput, $four: GpuLowestPriceInput, \
                     $eight: GpuLowestPriceInput) { gpuTypes { id displayName memoryInGb securePrice communityPrice \
                     maxGpuCountSecureCloud maxGpuCountCommunityCloud \
                     lowestPrice(input: $one) { minimumBidPrice stockStatus } \
                     lowestPriceOf2: lowestPrice(input: $two) { minimumBidPrice stockStatus } \
                     lowestPriceOf4: lowestPrice(input: $four) { minimumBidPrice stockStatus } \
                     lowestPriceOf8: lowestPrice(input: $eight) { minimumBidPrice stockStatus } } }";

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
    #[serde(rename = "lowestPriceOf2", deserialize_with = "nullable")]
    lowest_price_of_2: Option<LowestPrice>,
    #[serde(rename = "lowestPriceOf4", deserialize_with = "nullable")]
    lowest_price_of_4: Option<LowestPrice>,
    #[serde(rename = "lowestPriceOf8", deserialize_with = "nullable")]
    lowest_price_of_8: Option<LowestPrice>,
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
        let of = |gpus: u32| json!({ "secureCloud": true, "gpuCount": gpus, "minCudaVersion": MIN_CUDA });
        let variables = json!({ "one": of(1), "two": of(2), "four": of(4), "eight": of(8) });
        let body = json!({ "query": QUERY, "variables": variables });
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

fn offers(gpu: GpuType) -> Vec<RawOffer> {
    let (id, memory_gb) = (gpu.id, gpu.memory_in_gb);
    let (secure, community) = (gpu.secure_price, gpu.community_price);
    // A cloud that doesn't say how many of it a machine may have sells one at least.
    let most_secure = gpu.max_gpu_count_secure_cloud.unwrap_or(1);
    let most_community = gpu.max_gpu_count_community_cloud.unwrap_or(1);
    let lowest = [
        (1, gpu.lowest_price),
        (2, gpu.lowest_price_of_2),
        (4, gpu.lowest_price_of_4),
        (8, gpu.lowest_price_of_8),
    ];
    let of_each_number = lowest.into_iter().flat_map(|(gpus, lowest)| {
        let (bid, stock) =
            lowest.map_or((None, None), |lowest| (lowest.minimum_bid_price, lowest.stock_status));
        // The stock is that of the secure cloud, and null where there is none (seen in peers, not documented).
        let in_stock = Some(stock.is_some());
        // A price of a cloud that has no such machine is no offer: some versions say 0 there, others null.
        let offered = |price: Option<&Amount>, most: u32| price.filter(|_| gpus <= most).cloned();
        let sold = [
            (offered(secure.as_ref(), most_secure), PriceKind::OnDemand, "secure", in_stock),
            (offered(community.as_ref(), most_community), PriceKind::OnDemand, "community", None),
            (offered(bid.as_ref(), most_secure), PriceKind::Spot, "secure", in_stock),
        ];
        let offer = |price, kind, tier: &str, in_stock| RawOffer {
            memory_gb,
            kind,
            tier: tier.to_owned(),
            in_stock,
            gpus: Gpus::Count(gpus),
            per: Per::GpuOfMany,
            ..RawOffer::new("runpod", id.clone(), price)
        };
        sold.into_iter()
            .filter_map(|(price, kind, tier, in_stock)| Some(offer(price?, kind, tier, in_stock)))
            .collect::<Vec<_>>()
    });
    of_each_number.collect()
}
