//! Verifies signatures with the platform's Web Cryptography, and fetches key sets.

use super::background::run_in_background;
use super::body::read_to_end;
use super::deadline::within;
use super::events::KeySetLine;
use crate::auth::{Algorithm, KeyService, Keys, MAX_KEY_SET_BYTES, PublicKey};
use crate::domain::{Failure, Fault};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{JSON, Promise};
use worker::web_sys::Response;
use worker::{Context, Delay};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    fn import(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &JsValue,
    ) -> Result<Promise, JsValue>;

    /// Reads the bytes in place. Asynchronous work uses the platform's own copies (W3C Web Cryptography,
    /// `SubtleCrypto.verify`, steps 2 and 3).
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], catch)]
    fn verify(algorithm: &JsValue, key: &JsValue, signature: &[u8], data: &[u8]) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = globalThis, js_name = fetch, catch)]
    fn get(url: &str, init: &JsValue) -> Result<Promise, JsValue>;
}

/// Time limit for fetching a key set, in seconds. Requests wait for the fetch.
const DEADLINE: u64 = 5;
/// Interval at which a request checks whether another one has fetched the keys that it needs.
const PAUSE: Duration = Duration::from_millis(10);
/// Maximum number of imported keys. No deployment uses that many at a time. When it is reached, all are dropped and
/// imported again on demand.
const MAX_KEYS: usize = 64;
/// Options of the fetch. Redirects are not followed, because they lead to a server that the operator did not configure.
/// Caches are bypassed, because a cached copy may contain old keys.
const INIT: &str =
    r#"{"redirect":"manual","cache":"no-store","headers":{"accept":"application/jwk-set+json, application/json"}}"#;

/// The keys that tokens are verified with, and the public keys that the platform has imported. Shared by the requests
/// of an instance, and by the fetch of a key set, which may outlive the request that started it.
pub struct KeyRing {
    /// The keys, or the fault that makes them unusable.
    pub keys: Result<Keys, Fault>,
    imported: Imported,
}

impl KeyRing {
    /// Creates a key ring that has imported no keys yet.
    pub fn new(keys: Result<Keys, Fault>) -> Self {
        Self { keys, imported: Imported::default() }
    }
}

/// Verifies a request's token with public keys.
pub struct WebCrypto<'a> {
    pub ring: &'a Rc<KeyRing>,
    pub context: &'a Context,
}

impl KeyService for WebCrypto<'_> {
    async fn verify(&self, key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool {
        let verified = async {
            let imported = self.ring.imported.get(key).await?;
            let verified = verify(&algorithm(key.algorithm())?, &imported, signature, signed)?;
            JsFuture::from(verified).await
        };
        // A key that the platform rejects, such as a point that is not on its curve, verifies nothing.
        verified.await.is_ok_and(|verified| verified.is_truthy())
    }

    /// Starts a fetch that continues if the client disconnects, because other requests may be waiting for it.
    fn fetch(&self, url: &str) {
        let (ring, url) = (Rc::clone(self.ring), url.to_owned());
        run_in_background(self.context, async move {
            let fetched = within("key set", DEADLINE, fetch(&url)).await;
            let received = ring.keys.as_ref().map_or(Ok(()), |keys| keys.receive(fetched));
            if let Err(fault) = received {
                KeySetLine::new(&fault).write();
            }
        });
    }

    async fn pause(&self) {
        Delay::from(PAUSE).await;
    }
}

/// The public keys that have been imported, with the platform's objects for them.
#[derive(Default)]
struct Imported(RefCell<Vec<(PublicKey, JsValue)>>);

impl Imported {
    async fn get(&self, key: &PublicKey) -> Result<JsValue, JsValue> {
        if let Some((_, imported)) = self.0.borrow().iter().find(|(known, _)| known == key) {
            return Ok(imported.clone());
        }
        let jwk = JSON::parse(key.jwk())?;
        let usages = JSON::parse(r#"["verify"]"#)?;
        let imported = JsFuture::from(import("jwk", &jwk, &algorithm(key.algorithm())?, false, &usages)?).await?;
        let mut known = self.0.borrow_mut();
        if known.len() >= MAX_KEYS {
            known.clear();
        }
        known.push((key.clone(), imported.clone()));
        Ok(imported)
    }
}

/// Returns the platform's parameters of an algorithm. They include both the curve, which importing needs, and the hash,
/// which verifying needs.
fn algorithm(algorithm: Algorithm) -> Result<JsValue, JsValue> {
    JSON::parse(match algorithm {
        Algorithm::Rs256 => r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#,
        Algorithm::Es256 => r#"{"name":"ECDSA","namedCurve":"P-256","hash":"SHA-256"}"#,
        Algorithm::EdDsa => r#"{"name":"Ed25519"}"#,
    })
}

async fn fetch(url: &str) -> Result<Vec<u8>, Fault> {
    let fault = |problem: &str| Fault::KeySet(problem.to_owned());
    let thrown = |thrown: JsValue| Fault::KeySet(worker::Error::from(thrown).to_string());
    let promise = get(url, &JSON::parse(INIT).map_err(thrown)?).map_err(thrown)?;
    let response: Response = JsFuture::from(promise).await.map_err(thrown)?.unchecked_into();
    if response.status() != 200 {
        return Err(Fault::KeySet(format!("JWT_JWKS_URL returned {}", response.status())));
    }
    let body = response.body().ok_or_else(|| fault("JWT_JWKS_URL returned no body"))?;
    let mut bytes = Vec::new();
    match read_to_end(body, MAX_KEY_SET_BYTES, &mut bytes).await {
        Ok(true) => Ok(bytes),
        Ok(false) => Err(fault("the response from JWT_JWKS_URL was cut off")),
        Err(Failure::Refused(_)) => Err(fault("JWT_JWKS_URL returned more than 64 KiB")),
        Err(Failure::Fault(fault)) => Err(fault),
    }
}
