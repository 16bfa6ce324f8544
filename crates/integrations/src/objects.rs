//! S3 objects: streams, whole reads, writes and listings.

use std::io::Read;

use aws_config::SdkConfig;
use aws_sdk_s3::{Client, error::ProvideErrorMetadata, primitives::ByteStream};
use tokio_util::io::SyncIoBridge;
use trailwarden_pipeline::{
    backfill::{BackfillListing, BackfillPage},
    ports::Unavailable,
};

const SERVICE: &str = "s3";

/// S3 client.
#[derive(Clone, Debug)]
pub struct Objects {
    client: Client,
}

impl Objects {
    /// Client in the function's own Region.
    pub fn new(aws: &SdkConfig) -> Self {
        Self { client: Client::new(aws) }
    }

    /// Opens an object as a blocking stream, to be read on a blocking thread; `None` if it does not exist.
    ///
    /// # Errors
    /// [`Unavailable`] if S3 is or refuses.
    pub async fn open(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<Option<impl Read + Send + 'static>, Unavailable> {
        let Some(body) = self.body(bucket, key).await? else { return Ok(None) };
        Ok(Some(SyncIoBridge::new(body.into_async_read())))
    }

    /// Reads a whole object; `None` if it does not exist.
    ///
    /// # Errors
    /// [`Unavailable`] if S3 is or refuses.
    pub async fn read(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        let Some(body) = self.body(bucket, key).await? else { return Ok(None) };
        let bytes = body.collect().await.map_err(|error| Unavailable::from_error(SERVICE, &error))?;
        Ok(Some(bytes.to_vec()))
    }

    async fn body(&self, bucket: &str, key: &str) -> Result<Option<ByteStream>, Unavailable> {
        match self.client.get_object().bucket(bucket).key(key).send().await {
            Ok(object) => Ok(Some(object.body)),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(None),
            Err(error) => Err(Unavailable::from_error(SERVICE, &error)),
        }
    }

    /// Writes an object.
    ///
    /// # Errors
    /// [`Unavailable`] if S3 is or refuses.
    pub async fn write(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Unavailable> {
        let put = self.client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes));
        put.send().await.map_err(|error| Unavailable::from_error(SERVICE, &error))?;
        Ok(())
    }

    /// Keys below a prefix with their ETags; at most 1,000.
    ///
    /// # Errors
    /// [`Unavailable`] if S3 is or refuses.
    pub async fn tags(&self, bucket: &str, prefix: &str) -> Result<Vec<(String, String)>, Unavailable> {
        let page = self.client.list_objects_v2().bucket(bucket).prefix(prefix).send().await;
        let objects =
            page.map_err(|error| Unavailable::from_error(SERVICE, &error))?.contents.unwrap_or_default();
        Ok(objects.into_iter().filter_map(|object| Some((object.key?, object.e_tag?))).collect())
    }
}

impl BackfillListing for Objects {
    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        folders: bool,
    ) -> Result<BackfillPage, Unavailable> {
        let list = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        let list = list.set_start_after(after.map(str::to_owned));
        let list = if folders { list.delimiter("/") } else { list };
        let page = list.send().await.map_err(|error| Unavailable::from_error(SERVICE, &error))?;
        Ok(BackfillPage {
            keys: page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect(),
            folders: page
                .common_prefixes
                .unwrap_or_default()
                .into_iter()
                .filter_map(|below| below.prefix)
                .collect(),
            is_last: !page.is_truncated.unwrap_or_default(),
        })
    }
}

/// URL of an object for people: `s3://bucket/key`.
pub(crate) fn place(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}
