use crate::domain::{Failure, Fault, Refusal};
use crate::serve::{Body, Part};
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Reflect, Uint8Array, try_iter};
use worker::web_sys::{
    Blob, File as PlatformFile, Headers, ReadableStream, ReadableStreamDefaultReader, Request, RequestInit,
};
use worker::{File, FormData, FormEntry};

/// What a form may hold beside its file: boundaries, part headers, and the other fields (contract R3).
const FORM_OVERHEAD: usize = 64 * 1024;

/// A request whose body was not read yet.
pub struct Incoming<'a> {
    pub request: Request,
    pub headers: &'a Headers,
}

impl Body for Incoming<'_> {
    fn content_type(&self) -> Result<String, Fault> {
        Ok(self.headers.get("content-type").map_err(fault)?.unwrap_or_default())
    }

    /// What `Content-Length` says is checked first, and what really comes is counted too (contract R3). The platform
    /// reads no more than that header says, so the body comes in one piece where there is one.
    async fn bytes(self, limit: usize) -> Result<Vec<u8>, Failure> {
        match self.announced(limit)? {
            Some(0) => Ok(Vec::new()),
            Some(_) => {
                let whole = JsFuture::from(self.request.array_buffer().map_err(fault)?).await;
                // The client hung up, or broke its own framing: not our failure, and nobody is left to tell.
                let whole = Uint8Array::new(&whole.map_err(|_| Refusal::Malformed)?);
                if size(&whole) > limit { Err(Refusal::TooLarge.into()) } else { Ok(whole.to_vec()) }
            }
            None => {
                let Some(body) = self.request.body() else { return Ok(Vec::new()) };
                let (_, chunks) = counted(body, limit).await?.ok_or(Refusal::Malformed)?;
                Ok(joined(&chunks))
            }
        }
    }

    /// The platform takes the form apart. It reads no more than `Content-Length` says; where nothing is said, the
    /// bytes are counted first.
    async fn form(self, file: &str, limit: usize) -> Result<Option<Vec<(String, Part)>>, Failure> {
        let whole = limit.saturating_add(FORM_OVERHEAD);
        let (length, request) = match self.announced(whole)? {
            Some(length) => (length, self.request),
            None => {
                let Some(body) = self.request.body() else { return Ok(None) };
                let (length, chunks) = counted(body, whole).await?.ok_or(Refusal::MalformedForm)?;
                (length, with_body(&self.request, &chunks).map_err(fault)?)
            }
        };
        if length == 0 {
            return Ok(None);
        }
        let form = JsFuture::from(request.form_data().map_err(fault)?).await.map_err(|_| Refusal::MalformedForm)?;
        let form = FormData::from(form);
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

impl Incoming<'_> {
    /// What `Content-Length` says, unless that is over the limit. The header's grammar is digits alone (RFC 9110
    /// section 8.6): what is beyond our numbers is beyond the limit.
    fn announced(&self, limit: usize) -> Result<Option<usize>, Failure> {
        let announced = self.headers.get("content-length").map_err(fault)?;
        let announced = announced.map(|length| length.parse::<usize>().unwrap_or(usize::MAX));
        if announced.is_some_and(|length| length > limit) {
            return Err(Refusal::TooLarge.into());
        }
        Ok(announced)
    }
}

/// A body's chunks, in the platform's memory, and how long they are together. `None` where the client broke off.
pub async fn counted(body: ReadableStream, limit: usize) -> Result<Option<(usize, Array)>, Failure> {
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let chunks = Array::new();
    let mut length = 0_usize;
    loop {
        let Ok(read) = JsFuture::from(reader.read()).await else { return Ok(None) };
        let chunk = Reflect::get(&read, &JsValue::from_str("value")).map_err(fault)?;
        let Ok(chunk) = chunk.dyn_into::<Uint8Array>() else { return Ok(Some((length, chunks))) };
        length = length.saturating_add(size(&chunk));
        if length > limit {
            return Err(Refusal::TooLarge.into());
        }
        chunks.push(&chunk);
    }
}

/// A body's chunks in our memory.
pub fn joined(chunks: &Array) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| chunk.unchecked_into::<Uint8Array>().to_vec()).collect()
}

fn size(bytes: &Uint8Array) -> usize {
    usize::try_from(bytes.byte_length()).unwrap_or(usize::MAX)
}

/// The same request with a body that was read.
fn with_body(request: &Request, chunks: &Array) -> Result<Request, JsValue> {
    let init = RequestInit::new();
    init.set_method(&request.method());
    init.set_headers(&request.headers());
    init.set_body(&Blob::new_with_u8_array_sequence(chunks)?.into());
    Request::new_with_str_and_init(&request.url(), &init)
}

/// Every text, and of the files the bytes of the one that is wanted: there is no field that another could be.
async fn parts(form: FormData, wanted: &str) -> Result<Vec<(String, Part)>, Failure> {
    let mut parts = Vec::new();
    for (name, value) in entries(form).map_err(fault)? {
        let part = match value.as_string() {
            // What is no UTF-8 comes in as this: it would be stored as something that nobody sent.
            Some(text) if text.contains(char::REPLACEMENT_CHARACTER) => return Err(Refusal::MalformedForm.into()),
            Some(text) => Part::Text(text),
            None if name == wanted => {
                let file = File::from(value.unchecked_into::<PlatformFile>());
                Part::File(file.bytes().await.map_err(|error| Fault::Body(error.to_string()))?)
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

fn fault(thrown: JsValue) -> Fault {
    Fault::Body(worker::Error::from(thrown).to_string())
}
