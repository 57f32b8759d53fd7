//! Passes requests on to origins (contract X1, X4): the platform streams their bodies both ways, and none of them comes
//! into WebAssembly's memory.

use super::body::Incoming;
use crate::domain::{Fault, Url};
use crate::serve::Untouched;
use crate::serve::origin::Origin;
use futures_util::future::{Either, select};
use std::pin::pin;
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::Delay;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Promise, Uint8Array, global};
use worker::web_sys::{
    AbortController, Headers, Request, RequestInit, RequestRedirect, Response, TransformStream, WorkerGlobalScope,
};
use worker::worker_sys::FixedLengthStream;

#[wasm_bindgen]
extern "C" {
    /// The platform's own: the standard one would run JavaScript for every piece.
    type IdentityTransformStream;

    #[wasm_bindgen(constructor, catch)]
    fn new() -> Result<IdentityTransformStream, JsValue>;
}

/// How long an origin may take to begin its response, in seconds after the last byte of the request (contract X4).
const DEADLINE: u64 = 30;
/// Marks what was passed on once: a second time would be a loop.
const MARK: &str = "x-perfil-forwarded";
/// They end at each hop (RFC 9110 section 7.6.1), as do those that `Connection` names. The platform has dealt with
/// `Expect` already: an origin's `100 Continue` would reach nobody.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
];

/// A request to be passed on.
pub struct Passed<'a> {
    pub method: &'a str,
    pub url: Url<'a>,
    /// Path and query, as they came.
    pub target: &'a str,
    pub headers: &'a Headers,
    pub request_id: &'a str,
    pub body: Untouched<Incoming<'a>>,
}

/// Whether a request has come back that was passed on.
pub fn was_passed_on(headers: &Headers) -> worker::Result<bool> {
    Ok(headers.has(MARK)?)
}

impl Passed<'_> {
    /// Sends it, once, and returns the origin's response as it came, as soon as that begins. What breaks off later ends
    /// the stream to the client.
    pub async fn send(self, origin: &Origin) -> Result<Response, Fault> {
        let controller = AbortController::new().map_err(fault)?;
        let init = RequestInit::new();
        init.set_method(self.method);
        init.set_headers(&self.headers().map_err(fault)?.into());
        init.set_redirect(RequestRedirect::Manual);
        init.set_signal(Some(&controller.signal()));
        let url = origin.url(self.target);
        let (response, sent) = begin(&url, &init, self.body, self.method).map_err(fault)?;
        let late = async {
            if let Some(sent) = sent {
                // If the client breaks off, so does the request to the origin.
                let _ = JsFuture::from(sent).await;
            }
            Delay::from(Duration::from_secs(DEADLINE)).await;
        };
        match select(pin!(JsFuture::from(response)), pin!(late)).await {
            Either::Left((response, _)) => response.map(JsValue::unchecked_into).map_err(fault),
            Either::Right(_) => {
                controller.abort();
                Err(Fault::OriginLate { seconds: DEADLINE })
            }
        }
    }

    /// The client's headers, and ours in the place of those that a client must not choose.
    fn headers(&self) -> Result<Headers, JsValue> {
        let headers = Headers::new_with_headers(self.headers)?;
        let named = headers.get("connection")?.unwrap_or_default();
        for name in named.split(',').map(str::trim).filter(|name| !name.eq_ignore_ascii_case("upgrade")) {
            // What is not a name cannot be there.
            let _ = headers.delete(name);
        }
        for name in HOP_BY_HOP {
            headers.delete(name)?;
        }
        let host = self.url.origin.split_once("://").map_or("", |(_, host)| host);
        headers.set("x-forwarded-host", host)?;
        headers.set("x-forwarded-proto", self.url.scheme)?;
        headers.set("x-request-id", self.request_id)?;
        headers.set(MARK, "1")?;
        Ok(headers)
    }
}

/// Begins to send. Returns the response to come and, where the body is streamed, the end of that.
fn begin(
    url: &str,
    init: &RequestInit,
    body: Untouched<Incoming<'_>>,
    method: &str,
) -> Result<(Promise, Option<Promise>), JsValue> {
    let scope: WorkerGlobalScope = global().unchecked_into();
    let fetch = || scope.fetch_with_str_and_init(url, init);
    let incoming = match body {
        Untouched::Read(bytes) => {
            init.set_body(&Uint8Array::from(bytes.as_slice()));
            return Ok((fetch(), None));
        }
        Untouched::Unread(incoming) => incoming,
    };
    let Some(stream) = incoming.request.body() else { return Ok((fetch(), None)) };
    if matches!(method, "GET" | "HEAD") {
        // Only a request that was received may have such a method and a body.
        let request = Request::new_with_str_and_init(url, incoming.request.unchecked_ref())?;
        return Ok((scope.fetch_with_request_and_init(&request, init), None));
    }
    // The pipe tells when the last byte is sent; its length becomes the Content-Length.
    let length = incoming.headers.get("content-length")?.and_then(|length| length.parse::<u64>().ok());
    let pipe: TransformStream = match length {
        Some(length) => FixedLengthStream::new_big_int(length.into())?.unchecked_into(),
        None => IdentityTransformStream::new()?.unchecked_into(),
    };
    init.set_body(&pipe.readable());
    let sent = stream.pipe_to(&pipe.writable());
    Ok((fetch(), Some(sent)))
}

fn fault(thrown: JsValue) -> Fault {
    Fault::Origin(worker::Error::from(thrown).to_string())
}
