//! The adapter for R2: hashes, stores, deletes and lists objects. It makes no decisions.

use super::deadline::within;
use crate::domain::{Fault, Id, ObjectKey, Picture, PictureFormat};
use crate::store::{Bucket, Listed, Page};
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::Delay;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{ArrayBuffer, JSON, Promise, Uint8Array};
use worker::worker_sys::R2Bucket;

#[wasm_bindgen]
extern "C" {
    /// Reads the bytes in place. Asynchronous work uses the platform's own copy (W3C Web Cryptography,
    /// `SubtleCrypto.digest`, step 2).
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], catch)]
    fn digest(algorithm: &str, data: &[u8]) -> Result<Promise, JsValue>;
}

/// Time limit for a call to the bucket, in seconds. A picture may have to cross an ocean.
pub const DEADLINE: u64 = 30;
/// Interval at which an upload checks whether a removal has finished: about as long as a removal takes.
const PAUSE: Duration = Duration::from_millis(100);

/// Returns the result of a call to the bucket, or a fault if it takes longer than [`DEADLINE`].
pub async fn within_deadline<T>(call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    within("bucket", DEADLINE, call).await
}

/// The bucket that stores pictures.
pub struct AvatarBucket {
    bucket: worker::Bucket,
}

impl AvatarBucket {
    /// Wraps the binding.
    pub fn new(bucket: worker::Bucket) -> Self {
        Self { bucket }
    }

    /// Returns the binding, for reading pictures as streams.
    pub fn binding(&self) -> &worker::Bucket {
        &self.bucket
    }

    /// Stores a picture unless its object exists. Returns whether it was stored. Bypasses the `worker` crate's own
    /// `put`, which makes an additional copy of the bytes.
    async fn write(&self, key: &ObjectKey, picture: &Picture) -> Result<bool, JsValue> {
        let bytes = Uint8Array::from(picture.bytes());
        let bucket: &R2Bucket = self.bucket.as_ref().unchecked_ref();
        let put = bucket.put(key.to_string(), bytes.into(), options(picture.format())?)?;
        // Null means that the condition was not met: the object exists already.
        Ok(!JsFuture::from(put).await?.is_null())
    }
}

/// Hashes with the platform's SHA-256, which is many times faster than one in WebAssembly.
async fn sha256(bytes: &[u8]) -> Result<Vec<u8>, JsValue> {
    let digest = digest("SHA-256", bytes)?;
    let hash: ArrayBuffer = JsFuture::from(digest).await?.unchecked_into();
    Ok(Uint8Array::new(&hash).to_vec())
}

impl Bucket for AvatarBucket {
    async fn find(&self, owner: Id, picture: &Picture) -> Result<(ObjectKey, bool), Fault> {
        let hash = sha256(picture.bytes()).await.map_err(|thrown| fault(thrown.into()))?;
        let key = ObjectKey::new(owner, &hash, picture.format());
        let found = async { self.bucket.head(key.as_str()).await.map_err(fault) };
        let found = within_deadline(found).await?;
        Ok((key, found.is_some()))
    }

    async fn put(&self, key: &ObjectKey, picture: &Picture) -> Result<bool, Fault> {
        let put = async { self.write(key, picture).await.map_err(|thrown| fault(thrown.into())) };
        within_deadline(put).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), Fault> {
        let keys = keys.iter().map(String::as_str).collect();
        within_deadline(async { self.bucket.delete_multiple(keys).await.map_err(fault) }).await
    }

    async fn pause(&self) {
        Delay::from(PAUSE).await;
    }

    async fn list(&self, after: &str) -> Result<Page, Fault> {
        let list = self.bucket.list().prefix(ObjectKey::PREFIX);
        let list = if after.is_empty() { list } else { list.start_after(after) };
        let page = within_deadline(async { list.execute().await.map_err(fault) }).await?;
        let listed = |object: worker::Object| {
            let uploaded = i64::try_from(object.uploaded().as_millis()).unwrap_or(i64::MAX);
            Listed { key: object.key(), uploaded }
        };
        Ok(Page { objects: page.objects().into_iter().map(listed).collect(), complete: !page.truncated() })
    }
}

/// Returns the options of a put: store the object only if it does not exist, together with the headers that browsers
/// will get.
fn options(format: PictureFormat) -> Result<JsValue, JsValue> {
    JSON::parse(&format!(
        r#"{{"onlyIf":{{"etagDoesNotMatch":"*"}},"httpMetadata":{{"contentType":"{}","cacheControl":"{}"}}}}"#,
        format.media_type(),
        ObjectKey::CACHE_CONTROL,
    ))
}

fn fault(error: worker::Error) -> Fault {
    Fault::Bucket(error.to_string())
}
