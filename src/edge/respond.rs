use super::cors::{Cors, CorsDecision};
use super::headers::HeaderList;
use super::request_id;
use crate::serve::Reply;
use serde::{Serialize, Serializer};
use wasm_bindgen::{JsCast, JsValue};
use worker::Result;
use worker::js_sys::JSON;
use worker::web_sys::{Headers, ReadableStream, Response, ResponseInit};

/// Headers that every response to one request has in common (contract R10, R11).
pub struct CommonHeaders {
    pub request_id: String,
    pub cors: CorsDecision,
    /// The value of `Server-Timing`, if it is enabled.
    pub timing: Option<String>,
}

/// The response to a request, by type.
#[allow(clippy::large_enum_variant, reason = "there is one for each request, and it is moved once")]
pub enum Served {
    /// The response to a preflight, with the methods that the route accepts.
    Preflight(&'static str),
    /// A reply of the API.
    Reply(Reply),
    /// A picture, a range of one, or its headers only.
    Media(MediaResponse),
    /// An origin's response, unchanged.
    Origin(Response),
}

/// A response with a picture, with a range of one, or with its headers only.
pub struct MediaResponse {
    pub status: u16,
    pub headers: HeaderList<'static>,
    pub body: Option<ReadableStream>,
}

impl CommonHeaders {
    /// Derives the common headers from a request's method and headers.
    pub fn new(method: &str, headers: &Headers, cors: &Cors) -> Result<Self> {
        Ok(Self { request_id: request_id::of(headers)?, cors: cors.check(method, headers)?, timing: None })
    }

    /// Builds the response for a reply of the API, with the headers that the reply requires.
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

    /// Builds a response that streams a picture.
    pub fn media(&self, media: MediaResponse) -> Result<Response> {
        let mut headers = self.headers();
        headers.extend(media.headers);
        let init = init(media.status, &headers)?;
        Ok(Response::new_with_opt_readable_stream_and_init(media.body.as_ref(), &init)?)
    }

    /// Builds the response to a preflight: the methods and headers that the page may send (contract R11).
    pub fn preflight(&self, methods: &str) -> Result<Response> {
        let mut headers = self.headers();
        headers.push(("cache-control", "no-store".into()));
        headers.push(("access-control-allow-methods", methods.into()));
        headers.extend(self.cors.requested_headers().map(|names| ("access-control-allow-headers", names.into())));
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

/// Builds the last-resort response, for when no other can be built.
pub fn internal_server_error() -> Result<Response> {
    Ok(Response::new_with_opt_str_and_init(Some("Internal Server Error"), &init(500, &Vec::new())?)?)
}

/// Passes the status and the headers to the platform as one JSON text, which becomes a plain object. A call for each
/// header would cost several times as much, and so would a list.
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
