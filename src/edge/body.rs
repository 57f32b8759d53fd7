use super::deadline::in_time;
use crate::domain::{Failure, Fault, Refusal};
use crate::serve::{self, Body};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{JSON, Promise, Reflect, Uint8Array};
use worker::web_sys::{Headers, ReadableStream, Request};

#[wasm_bindgen]
extern "C" {
    type ByteStream;
    type ByteReader;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn reader(this: &ByteStream, options: &JsValue) -> Result<ByteReader, JsValue>;

    /// Resolves when the view is full or the stream has ended, regardless of the size of the incoming chunks. A default
    /// reader would allocate 4 KiB for each chunk.
    #[wasm_bindgen(method, catch, js_name = readAtLeast)]
    fn read_at_least(this: &ByteReader, bytes: u32, view: &Uint8Array) -> Result<Promise, JsValue>;
}

/// Number of bytes of a body that are copied into WebAssembly's memory at a time.
const CHUNK_BYTES: usize = 128 * 1024;
/// Maximum length of a body that is read with one call, which is faster, in bytes.
const MAX_SINGLE_READ: usize = 64 * 1024;

/// A request whose body has not been read yet.
pub struct Incoming<'a> {
    pub request: Request,
    pub headers: &'a Headers,
}

impl Body for Incoming<'_> {
    fn content_type(&self) -> Result<String, Fault> {
        Ok(self.headers.get("content-type").map_err(fault)?.unwrap_or_default())
    }

    fn content_encoding(&self) -> Result<Option<String>, Fault> {
        self.headers.get("content-encoding").map_err(fault)
    }

    /// The header's grammar allows only digits (RFC 9110 section 8.6). A length that overflows `usize` exceeds every
    /// limit.
    fn length(&self) -> Result<Option<usize>, Fault> {
        let announced = self.headers.get("content-length").map_err(fault)?;
        let announced = announced.map(|length| length.parse().unwrap_or(usize::MAX));
        Ok(announced.or_else(|| self.request.body().is_none().then_some(0)))
    }

    async fn bytes(self, limit: usize) -> Result<Vec<u8>, Failure> {
        let length = self.length()?;
        let read = async {
            match length {
                Some(0) => Ok(Vec::new()),
                Some(1..=MAX_SINGLE_READ) => self.read_in_one_call().await,
                _ => self.read_in_chunks(length, limit).await,
            }
        };
        in_time(serve::seconds_for(length.unwrap_or(limit)), read).await.unwrap_or(Err(Refusal::TooSlow.into()))
    }
}

impl Incoming<'_> {
    /// Reads the body with one call. The platform reads no more than `Content-Length` bytes.
    async fn read_in_one_call(&self) -> Result<Vec<u8>, Failure> {
        let body = JsFuture::from(self.request.array_buffer().map_err(fault)?).await;
        // The client disconnected, or sent a body that does not match its framing. This is not a server-side fault, and
        // no one is left to reply to.
        Ok(Uint8Array::new(&body.map_err(|_| Refusal::Malformed)?).to_vec())
    }

    async fn read_in_chunks(&self, length: Option<usize>, limit: usize) -> Result<Vec<u8>, Failure> {
        let Some(body) = self.request.body() else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        // Allocate the whole buffer up front. Growing would leave smaller buffers behind, and linear memory never
        // shrinks.
        bytes.reserve_exact(length.unwrap_or(limit).min(limit));
        read_to_end(body, limit, &mut bytes).await?.then_some(bytes).ok_or(Refusal::Malformed.into())
    }
}

/// Reads a stream to its end. Returns `false` if the sender aborted.
///
/// Returns [`Refusal::TooLarge`] if the stream has more than `limit` bytes.
pub async fn read_to_end(stream: ReadableStream, limit: usize, bytes: &mut Vec<u8>) -> Result<bool, Failure> {
    let options = JSON::parse(r#"{"mode":"byob"}"#).map_err(fault)?;
    let reader = stream.unchecked_into::<ByteStream>().reader(&options).map_err(fault)?;
    // One byte more than is allowed, to detect a body that is too long.
    let size = u32::try_from(CHUNK_BYTES.min(limit.saturating_add(1))).unwrap_or(u32::MAX);
    let mut view = Uint8Array::new_with_length(size);
    loop {
        let Ok(read) = JsFuture::from(reader.read_at_least(size, &view).map_err(fault)?).await else {
            return Ok(false);
        };
        let value = Reflect::get(&read, &JsValue::from_str("value")).map_err(fault)?;
        let Ok(chunk) = value.dyn_into::<Uint8Array>() else { return Ok(true) };
        let length = usize::try_from(chunk.length()).unwrap_or(usize::MAX);
        let end = bytes.len().saturating_add(length);
        if end > limit {
            return Err(Refusal::TooLarge.into());
        }
        let start = bytes.len();
        bytes.resize(end, 0);
        chunk.copy_to(bytes.get_mut(start..).unwrap_or_default());
        if chunk.length() < size {
            return Ok(true);
        }
        // The platform detaches the view's memory and returns it with the chunk, so one buffer serves every chunk.
        view = Uint8Array::new(&chunk.buffer());
    }
}

fn fault(thrown: JsValue) -> Fault {
    Fault::Body(worker::Error::from(thrown).to_string())
}
