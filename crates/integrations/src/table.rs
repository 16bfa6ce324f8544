//! DynamoDB implementation of the table port.
//!
//! Attributes: `pk`, `sk`, `body`, `version`, `expires` (TTL), and `ipk`, `isk`, `line` if the index lists the item.
//! AWS deletes expired items up to days late, so reads filter them out.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    operation::put_item::PutItemError,
    primitives::Blob,
    types::{AttributeValue, KeysAndAttributes},
};
use trailwarden_pipeline::ports::{Freshness, Item, Key, Listed, Over, Table, Unavailable, Write};

use crate::{now, pause};

const SERVICE: &str = "dynamodb";
/// Name of the index, as in the template.
const INDEX: &str = "listed";
/// Keys per call.
const KEYS: usize = 100;
/// Attempts at reading keys that DynamoDB leaves unprocessed.
const ASKED: usize = 8;

/// A DynamoDB table.
#[derive(Clone, Debug)]
pub struct DynamoTable {
    client: Client,
    name: String,
}

type Attributes = HashMap<String, AttributeValue>;

impl DynamoTable {
    /// Client of the table with this name.
    pub fn new(aws: &SdkConfig, name: String) -> Self {
        Self { client: Client::new(aws), name }
    }

    async fn page(
        &self,
        partition: &str,
        from: &str,
        to: &str,
        freshness: Freshness,
        after: Option<Attributes>,
    ) -> Result<(Vec<Attributes>, Option<Attributes>), Unavailable> {
        let page = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(partition))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":to", text(to))
            .consistent_read(freshness == Freshness::Fresh)
            .set_exclusive_start_key(after)
            .send()
            .await
            .map_err(|error| Unavailable::from_error(SERVICE, &error))?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }

    async fn some(&self, keys: &[Key]) -> Result<Vec<(Key, Item)>, Unavailable> {
        let asked = keys.iter().map(attributes_of).collect::<Vec<_>>();
        let asked = KeysAndAttributes::builder().set_keys(Some(asked)).build();
        let mut asked = Some(asked.map_err(|error| Unavailable::from_error(SERVICE, &error))?);
        let mut found = Vec::new();
        for nth in 0..ASKED {
            let Some(keys) = asked.take() else { return Ok(found) };
            if nth > 0 {
                pause(nth).await;
            }
            let answer = self.client.batch_get_item().request_items(&self.name, keys).send().await;
            let answer = answer.map_err(|error| Unavailable::from_error(SERVICE, &error))?;
            let items = answer.responses.unwrap_or_default().into_values().flatten();
            found.extend(items.filter_map(|item| Some((key_of(&item)?, living(item)?))));
            asked = answer.unprocessed_keys.and_then(|mut left| left.remove(&self.name));
        }
        if asked.is_some() {
            Err(Unavailable::because(SERVICE, "keys stay unprocessed after all retries"))
        } else {
            Ok(found)
        }
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(format!("{value}"))
}

fn attributes_of(key: &Key) -> Attributes {
    [("pk".to_owned(), text(&key.partition)), ("sk".to_owned(), text(&key.sort))].into()
}

fn key_of(item: &Attributes) -> Option<Key> {
    let part = |name: &str| item.get(name)?.as_s().ok().cloned();
    Some(Key { partition: part("pk")?, sort: part("sk")? })
}

/// Decodes an index entry, unless its item has expired.
fn entry(mut item: Attributes) -> Option<Listed> {
    let key = key_of(&item)?;
    let sort = item.get("isk")?.as_s().ok()?.clone();
    let line = match item.remove("line") {
        Some(AttributeValue::B(line)) => line.into_inner(),
        _ => Vec::new(),
    };
    (!is_expired(&item)).then_some(Listed { sort, key, line })
}

fn is_expired(item: &Attributes) -> bool {
    item.get("expires").and_then(as_number).is_some_and(|expires| expires <= now().0)
}

fn as_number(value: &AttributeValue) -> Option<i64> {
    value.as_n().ok()?.parse().ok()
}

/// Decodes an item, unless it has expired.
fn living(mut item: Attributes) -> Option<Item> {
    if is_expired(&item) {
        return None;
    }
    let version = u64::try_from(item.get("version").and_then(as_number)?).ok()?;
    match item.remove("body")? {
        AttributeValue::B(body) => Some(Item { body: body.into_inner(), version }),
        _ => None,
    }
}

impl Table for DynamoTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, Unavailable> {
        let asked = self.client.get_item().table_name(&self.name).set_key(Some(attributes_of(key)));
        let answer = asked.consistent_read(true).send().await;
        Ok(answer.map_err(|error| Unavailable::from_error(SERVICE, &error))?.item.and_then(living))
    }

    async fn get_many(&self, mut keys: Vec<Key>) -> Result<Vec<(Key, Item)>, Unavailable> {
        keys.sort_unstable();
        keys.dedup();
        let mut found = Vec::new();
        for some in keys.chunks(KEYS) {
            found.extend(self.some(some).await?);
        }
        Ok(found)
    }

    async fn range(
        &self,
        partition: &str,
        from: &str,
        to: &str,
        freshness: Freshness,
    ) -> Result<Vec<(String, Item)>, Unavailable> {
        if from > to {
            return Ok(Vec::new()); // DynamoDB rejects such a range
        }
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let (items, last) = self.page(partition, from, to, freshness, after).await?;
            found.extend(items.into_iter().filter_map(|item| Some((key_of(&item)?.sort, living(item)?))));
            if last.is_none() {
                return Ok(found);
            }
            after = last;
        }
    }

    async fn listed(&self, partition: &str, from: &str, to: &str) -> Result<Vec<Listed>, Unavailable> {
        if from > to {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let asked = self
                .client
                .query()
                .table_name(&self.name)
                .index_name(INDEX)
                .key_condition_expression("ipk = :pk AND isk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", text(partition))
                .expression_attribute_values(":from", text(from))
                .expression_attribute_values(":to", text(to))
                .set_exclusive_start_key(after);
            let page = asked.send().await.map_err(|error| Unavailable::from_error(SERVICE, &error))?;
            found.extend(page.items.unwrap_or_default().into_iter().filter_map(entry));
            if page.last_evaluated_key.is_none() {
                return Ok(found);
            }
            after = page.last_evaluated_key;
        }
    }

    async fn put(&self, key: &Key, write: Write, over: Over) -> Result<bool, Unavailable> {
        let now = now().0;
        // Versions only have to differ. The clock keeps them different for an item that expires and is created again.
        let version = match over {
            Over::Version(known) => known + 1,
            Over::Nothing | Over::Anything => u64::try_from(now).unwrap_or_default() << 20,
        };
        let mut put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(attributes_of(key)))
            .item("body", AttributeValue::B(Blob::new(write.body)))
            .item("version", number(version));
        if let Some(expires) = write.expires {
            put = put.item("expires", number(expires.0));
        }
        if let Some(listed) = &write.listed {
            put = put.item("ipk", text(&listed.at.partition)).item("isk", text(&listed.at.sort));
            put = put.item("line", AttributeValue::B(Blob::new(listed.line.clone())));
        }
        put = match over {
            Over::Anything => put,
            Over::Nothing => put
                .condition_expression("attribute_not_exists(pk) OR expires <= :now")
                .expression_attribute_values(":now", number(now)),
            Over::Version(known) => put
                .condition_expression("version = :known")
                .expression_attribute_values(":known", number(known)),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_lost(error.as_service_error()) => Ok(false),
            Err(error) => Err(Unavailable::from_error(SERVICE, &error)),
        }
    }
}

/// Whether a write failed its condition.
fn is_lost(error: Option<&PutItemError>) -> bool {
    error.is_some_and(PutItemError::is_conditional_check_failed_exception)
}
