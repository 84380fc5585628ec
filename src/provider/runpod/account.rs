//! The account: list prices, what is left on it, what was billed. Prices and bills are in REST v2; the balance is only in
//! the older GraphQL, which answers errors with 200.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Method;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{Balance, Billed},
    client::Client,
    policy::{self, CallError},
    types::{decimal, price},
};
use crate::domain::failure::Failure;

/// Amounts above this are taken for nonsense, USD.
const HIGHEST_AMOUNT: u32 = 10_000_000;

/// `GET /catalog/gpus`.
#[derive(Debug, Deserialize)]
struct GpuList {
    gpus: Vec<Gpu>,
}

#[derive(Debug, Deserialize)]
struct Gpu {
    id: String,
    #[serde(default)]
    price: Value,
}

/// `GET /billing/pods`: a record a pod and hour.
#[derive(Debug, Deserialize)]
struct Bill {
    records: Vec<BillRecord>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BillRecord {
    pod_id: String,
    #[serde(default)]
    total_amount: Value,
}

impl Client {
    /// List prices of the secure cloud by GPU, USD an hour for one.
    pub(super) async fn list_prices(&self) -> Result<BTreeMap<String, Decimal>, Failure> {
        let list: GpuList = self.get("/catalog/gpus").await?;
        Ok(list.gpus.into_iter().filter_map(|gpu| Some((gpu.id, price(&gpu.price["secure"])?))).collect())
    }

    /// What the account has left, told within `limit`.
    pub(super) async fn balance(&self, limit: Duration) -> Result<Balance, Failure> {
        let unclear = |what: &str| policy::failure(&CallError::Unclear(format!("the balance: {what}")));
        let query = json!({ "query": "query { myself { clientBalance currentSpendPerHr } }" });
        let answer = match tokio::time::timeout(limit, self.graphql(&query)).await {
            Ok(answer) => answer.map_err(|error| policy::failure(&error))?,
            Err(_) => return Err(unclear("it took too long")),
        };
        let myself = &answer["data"]["myself"];
        let amount =
            |field: &str| decimal(&myself[field]).filter(|usd| usd.abs() <= Decimal::from(HIGHEST_AMOUNT));
        let usd = amount("clientBalance").ok_or_else(|| unclear("none was told"))?;
        let spend_usd_per_hour = amount("currentSpendPerHr").filter(|usd| *usd >= Decimal::ZERO);
        Ok(Balance { usd, spend_usd_per_hour })
    }

    /// What was billed for each pod since `since`. A pod with a record that can't be is left out.
    pub(super) async fn billed(&self, since: DateTime<Utc>) -> Result<Vec<Billed>, Failure> {
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let bill: Bill = self.get(&format!("/billing/pods?bucketSize=hour&startTime={since}")).await?;
        let mut pods: BTreeMap<String, Option<Decimal>> = BTreeMap::new();
        for record in bill.records {
            let usd = decimal(&record.total_amount)
                .filter(|usd| *usd >= Decimal::ZERO && *usd <= Decimal::from(HIGHEST_AMOUNT));
            let sum = pods.entry(record.pod_id).or_insert(Some(Decimal::ZERO));
            *sum = sum.zip(usd).map(|(sum, usd)| sum.saturating_add(usd));
        }
        Ok(pods
            .into_iter()
            .filter_map(|(external_id, usd)| Some(Billed { external_id, usd: usd? }))
            .collect())
    }

    async fn graphql(&self, query: &Value) -> Result<Value, CallError> {
        self.parsed_once(self.request(Method::POST, self.graphql_url()).json(query)).await
    }
}
