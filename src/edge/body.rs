use crate::domain::{Failure, Fault, Refusal};
use crate::serve::{Body, Part};
use futures_util::StreamExt;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Reflect, Uint8Array, try_iter};
use worker::web_sys::{Blob, File as PlatformFile, ReadableStream, ReadableStreamDefaultReader};
use worker::{File, FormData, FormEntry, Method, Request, RequestInit};

/// What a form may hold beside its file: boundaries, part headers, and the other fields (contract R3).
const FORM_OVERHEAD: usize = 64 * 1024;

/// A request whose body was not read yet.
pub struct Incoming(pub Request);

impl Body for Incoming {
    /// What `Content-Length` says is checked first, and what really comes is counted too (contract R3).
    async fn bytes(mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let announced = self.announced(limit)?;
        if self.0.inner().body().is_none() {
            return Ok(Vec::new());
        }
        let mut body = Vec::with_capacity(announced.unwrap_or(0));
        let mut chunks = self.0.stream().map_err(fault)?;
        while let Some(chunk) = chunks.next().await {
            // The client hung up, or broke its own framing: not our failure, and nobody is left to tell.
            let chunk = chunk.map_err(|_| Refusal::Malformed)?;
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(Refusal::TooLarge.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The platform takes the form apart. It reads no more than `Content-Length` says; where nothing is said, the
    /// bytes are counted first.
    async fn form(self, file: &str, limit: usize) -> Result<Option<Vec<(String, Part)>>, Failure> {
        let whole = limit.saturating_add(FORM_OVERHEAD);
        let (length, mut request) = match (self.announced(whole)?, self.0.inner().body()) {
            (Some(length), _) => (length, self.0),
            (None, Some(body)) => counted(&self.0, body, whole).await?,
            (None, None) => (0, self.0),
        };
        if length == 0 {
            return Ok(None);
        }
        let form = request.form_data().await.map_err(|_| Refusal::MalformedForm)?;
        let size = match form.get(file) {
            Some(FormEntry::File(file)) => file.size(),
            _ => 0,
        };
        if size > limit || length.saturating_sub(size) > FORM_OVERHEAD {
            return Err(Refusal::TooLarge.into());
        }
        parts(form, file).await.map(Some)
    }
}

impl Incoming {
    /// What `Content-Length` says, unless that is over the limit. The header's grammar is digits alone (RFC 9110
    /// section 8.6): what is beyond our numbers is beyond the limit.
    fn announced(&self, limit: usize) -> Result<Option<usize>, Failure> {
        let announced = self.0.headers().get("content-length").map_err(fault)?;
        let announced = announced.map(|length| length.parse::<usize>().unwrap_or(usize::MAX));
        if announced.is_some_and(|length| length > limit) {
            return Err(Refusal::TooLarge.into());
        }
        Ok(announced)
    }
}

/// The same request with its body read, in the platform's memory, and how long it is.
async fn counted(request: &Request, body: ReadableStream, limit: usize) -> Result<(usize, Request), Failure> {
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let chunks = Array::new();
    let mut length = 0_usize;
    loop {
        let read = JsFuture::from(reader.read()).await.map_err(|_| Refusal::MalformedForm)?;
        let chunk = Reflect::get(&read, &JsValue::from_str("value")).map_err(|thrown| fault(thrown.into()))?;
        let Ok(chunk) = chunk.dyn_into::<Uint8Array>() else { break };
        length = length.saturating_add(usize::try_from(chunk.byte_length()).unwrap_or(usize::MAX));
        if length > limit {
            return Err(Refusal::TooLarge.into());
        }
        chunks.push(&chunk);
    }
    let body = Blob::new_with_u8_array_sequence(&chunks).map_err(|thrown| fault(thrown.into()))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Put).with_headers(request.headers().clone()).with_body(Some(body.into()));
    let request = Request::new_with_init(&request.inner().url(), &init).map_err(fault)?;
    Ok((length, request))
}

/// Every text, and of the files the bytes of the one that is wanted: there is no field that another could be.
async fn parts(form: FormData, wanted: &str) -> Result<Vec<(String, Part)>, Failure> {
    let mut parts = Vec::new();
    for (name, value) in entries(form).map_err(|thrown| fault(thrown.into()))? {
        let part = match value.as_string() {
            // What is no UTF-8 comes in as this: it would be stored as something that nobody sent.
            Some(text) if text.contains(char::REPLACEMENT_CHARACTER) => return Err(Refusal::MalformedForm.into()),
            Some(text) => Part::Text(text),
            None if name == wanted => {
                let file = File::from(value.unchecked_into::<PlatformFile>());
                Part::File(file.bytes().await.map_err(fault)?)
            }
            None => Part::File(Vec::new()),
        };
        parts.push((name, part));
    }
    Ok(parts)
}

/// Every name and value of a form, in order, repeated names repeated.
fn entries(form: FormData) -> Result<Vec<(String, JsValue)>, JsValue> {
    let mut entries = Vec::new();
    for entry in try_iter(&JsValue::from(form))?.into_iter().flatten() {
        let entry: Array = entry?.unchecked_into();
        entries.push((entry.get(0).as_string().unwrap_or_default(), entry.get(1)));
    }
    Ok(entries)
}

fn fault(error: worker::Error) -> Fault {
    Fault::Body(error.to_string())
}
