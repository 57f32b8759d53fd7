//! Passes requests on to origins (contract X1, X4). The platform streams the bodies both ways, so that they never enter
//! WebAssembly's memory.

use super::body::Incoming;
use crate::domain::{Fault, Url};
use crate::serve::OriginalBody;
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
    AbortController, Headers, ReadableStream, Request, RequestInit, RequestRedirect, Response, TransformStream,
    WorkerGlobalScope,
};
use worker::worker_sys::FixedLengthStream;

#[wasm_bindgen]
extern "C" {
    /// The platform's identity transform. A standard `TransformStream` would run JavaScript for every chunk.
    type IdentityTransformStream;

    #[wasm_bindgen(constructor, catch)]
    fn new() -> Result<IdentityTransformStream, JsValue>;
}

/// Time limit for the start of an origin's response, in seconds after the last byte of the request (contract X4).
const DEADLINE: u64 = 30;
/// The header that marks a request that has been passed on. Passing it on again would be a loop.
const FORWARDED_HEADER: &str = "x-perfil-forwarded";
/// Headers that apply to one hop (RFC 9110 section 7.6.1), as do those listed in `Connection`. `Expect` is among them
/// because the platform has already handled it, and an origin's `100 Continue` would not reach the client.
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

/// Prefixes of headers that `Connection` cannot remove: the one for WebSockets, and those with the client's address.
const PROTECTED_PREFIXES: [&str; 4] = ["upgrade", "cf-", "x-forwarded-", "x-real-ip"];

/// A request to be passed on.
pub struct ForwardedRequest<'a> {
    pub method: &'a str,
    pub url: Url<'a>,
    /// Path and query, unchanged.
    pub target: &'a str,
    pub headers: &'a Headers,
    pub request_id: &'a str,
    pub body: OriginalBody<Incoming<'a>>,
}

/// Returns whether a request has already been passed on, and has come back.
pub fn was_passed_on(headers: &Headers) -> worker::Result<bool> {
    Ok(headers.has(FORWARDED_HEADER)?)
}

impl ForwardedRequest<'_> {
    /// Sends the request once, without retries, and returns the origin's response unchanged, as soon as it starts. If
    /// the response is cut off later, so is the stream to the client.
    pub async fn send(self, origin: &Origin) -> Result<Response, Fault> {
        let controller = AbortController::new().map_err(fault)?;
        let (response, sent) = self.start(origin, &controller).map_err(fault)?;
        let timeout = async {
            if let Some(sent) = sent {
                // An error means that the client aborted, which aborts the request to the origin as well.
                let _ = JsFuture::from(sent).await;
            }
            Delay::from(Duration::from_secs(DEADLINE)).await;
        };
        match select(pin!(JsFuture::from(response)), pin!(timeout)).await {
            Either::Left((response, _)) => response.map(JsValue::unchecked_into).map_err(fault),
            Either::Right(_) => {
                controller.abort();
                Err(Fault::OriginTimeout { seconds: DEADLINE })
            }
        }
    }

    /// Starts sending. Returns a promise of the response and, if the body is piped, a promise of the end of the pipe.
    fn start(self, origin: &Origin, controller: &AbortController) -> Result<(Promise, Option<Promise>), JsValue> {
        let url = origin.url(self.target);
        let scope: WorkerGlobalScope = global().unchecked_into();
        let mut sent = None;
        let init = RequestInit::new();
        match &self.body {
            OriginalBody::Read(bytes) => init.set_body(&Uint8Array::from(bytes.as_slice())),
            // The platform rejects a new GET or HEAD request with a body, so reuse the one that was received.
            OriginalBody::Unread(incoming)
                if matches!(self.method, "GET" | "HEAD") && incoming.request.body().is_some() =>
            {
                let request = Request::new_with_str_and_init(&url, incoming.request.unchecked_ref())?;
                self.rewrite(&request.headers())?;
                return Ok((scope.fetch_with_request(&request), None));
            }
            OriginalBody::Unread(incoming) => {
                if let Some(stream) = incoming.request.body() {
                    let (readable, end) = pipe(&stream, self.headers)?;
                    init.set_body(&readable);
                    sent = Some(end);
                }
            }
        }
        let headers = Headers::new_with_headers(self.headers)?;
        self.rewrite(&headers)?;
        init.set_method(self.method);
        init.set_headers(&headers);
        init.set_redirect(RequestRedirect::Manual);
        init.set_signal(Some(&controller.signal()));
        Ok((scope.fetch_with_str_and_init(&url, &init), sent))
    }

    /// Removes the headers that apply to one hop, and sets those that a client must not control.
    fn rewrite(&self, headers: &Headers) -> Result<(), JsValue> {
        let named = headers.get("connection")?.unwrap_or_default();
        for name in named.split(',').map(|name| name.trim().to_ascii_lowercase()) {
            if !PROTECTED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                // This fails only for an invalid name, and no header has one.
                let _ = headers.delete(&name);
            }
        }
        for name in HOP_BY_HOP {
            headers.delete(name)?;
        }
        let host = self.url.origin.split_once("://").map_or("", |(_, host)| host);
        headers.set("x-forwarded-host", host)?;
        headers.set("x-forwarded-proto", self.url.scheme)?;
        headers.set("x-request-id", self.request_id)?;
        headers.set(FORWARDED_HEADER, "1")
    }
}

/// Pipes a body through to the origin. Returns the stream to send, and a promise that settles when its last byte has
/// been taken. The body's length, if it is known, becomes the `Content-Length`.
fn pipe(stream: &ReadableStream, headers: &Headers) -> Result<(ReadableStream, Promise), JsValue> {
    let length = headers.get("content-length")?.and_then(|length| length.parse::<u64>().ok());
    let pipe: TransformStream = match length {
        Some(length) => FixedLengthStream::new_big_int(length.into())?.unchecked_into(),
        None => IdentityTransformStream::new()?.unchecked_into(),
    };
    Ok((pipe.readable(), stream.pipe_to(&pipe.writable())))
}

fn fault(thrown: JsValue) -> Fault {
    Fault::Origin(worker::Error::from(thrown).to_string())
}
