use super::cors::{Cors, CorsAnswer};
use super::headers::HeaderList;
use super::request_id;
use crate::serve::Reply;
use serde::{Serialize, Serializer};
use wasm_bindgen::{JsCast, JsValue};
use worker::Result;
use worker::js_sys::JSON;
use worker::web_sys::{Headers, ReadableStream, Response, ResponseInit};

/// What every response to one request carries (contract R10, R11).
pub struct Frame {
    pub request_id: String,
    pub cors: CorsAnswer,
    /// `Server-Timing`, where a variable asks for it.
    pub timing: Option<String>,
}

/// What a request is served with.
#[allow(clippy::large_enum_variant, reason = "there is one for each request, and it is moved once")]
pub enum Served {
    /// To a browser's preflight: the methods that the route takes.
    Preflight(&'static str),
    /// A reply of the API.
    Reply(Reply),
    /// A picture, a part of one, or its headers alone.
    Media(MediaResponse),
    /// What an origin has returned, as it came.
    Origin(Response),
}

/// A response with a picture, with a part of one, or with its headers alone.
pub struct MediaResponse {
    pub status: u16,
    pub headers: HeaderList<'static>,
    pub body: Option<ReadableStream>,
}

impl Frame {
    /// What a request's method and headers ask for.
    pub fn of(method: &str, headers: &Headers, cors: &Cors) -> Result<Self> {
        Ok(Self { request_id: request_id::of(headers)?, cors: cors.answer(method, headers)?, timing: None })
    }

    /// An answer of the API, with the headers that it needs of its own.
    pub fn reply(&self, reply: &Reply) -> Result<Response> {
        let mut headers = self.headers();
        headers.push(("cache-control", "no-store".into()));
        headers.push(("content-type", reply.content_type.into()));
        headers.extend(reply.challenge.as_deref().map(|challenge| ("www-authenticate", challenge.into())));
        headers.extend(reply.allow.map(|methods| ("allow", methods.into())));
        headers.extend(reply.retry_after.map(|seconds| ("retry-after", seconds.to_string().into())));
        headers.extend(reply.content_range.as_deref().map(|range| ("content-range", range.into())));
        let init = init(reply.answer.status, &headers)?;
        Ok(Response::new_with_opt_str_and_init(Some(&reply.answer.body), &init)?)
    }

    /// A picture, streamed.
    pub fn media(&self, media: MediaResponse) -> Result<Response> {
        let mut headers = self.headers();
        headers.extend(media.headers);
        let init = init(media.status, &headers)?;
        Ok(Response::new_with_opt_readable_stream_and_init(media.body.as_ref(), &init)?)
    }

    /// What a browser's page may send, to one that asks (contract R11).
    pub fn preflight(&self, methods: &str) -> Result<Response> {
        let mut headers = self.headers();
        headers.push(("cache-control", "no-store".into()));
        headers.push(("access-control-allow-methods", methods.into()));
        headers.extend(self.cors.asked_headers().map(|names| ("access-control-allow-headers", names.into())));
        headers.push(("access-control-max-age", "86400".into()));
        Ok(Response::new_with_opt_str_and_init(None, &init(204, &headers)?)?)
    }

    fn headers(&self) -> HeaderList<'_> {
        let mut headers = Vec::with_capacity(8);
        headers.push(("x-content-type-options", "nosniff".into()));
        headers.push((request_id::HEADER, self.request_id.as_str().into()));
        headers.extend(self.cors.headers());
        headers.extend(self.timing.as_deref().map(|timing| ("server-timing", timing.into())));
        headers
    }
}

/// What is left to say when nothing else can be.
pub fn internal_server_error() -> Result<Response> {
    Ok(Response::new_with_opt_str_and_init(Some("Internal Server Error"), &init(500, &Vec::new())?)?)
}

/// Status and headers cross to the platform as one text, which makes one plain object: a call for each of them would
/// cost several times as much, and so would a list.
fn init(status: u16, headers: &HeaderList<'_>) -> Result<ResponseInit> {
    #[derive(Serialize)]
    struct Init<'a> {
        status: u16,
        #[serde(serialize_with = "as_object")]
        headers: &'a HeaderList<'a>,
    }
    let text = serde_json::to_string(&Init { status, headers })?;
    Ok(JSON::parse(&text).map(JsValue::unchecked_into)?)
}

fn as_object<S: Serializer>(headers: &HeaderList<'_>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name, value)))
}
