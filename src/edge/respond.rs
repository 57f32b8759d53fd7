use super::cors::CorsAnswer;
use super::request_id;
use crate::serve::Reply;
use worker::{Headers, Response, ResponseBody, Result};

/// The headers that every response carries (contract R10, R11).
fn headers(request_id: &str, cors: &CorsAnswer) -> Result<Headers> {
    let headers = Headers::new();
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    headers.set(request_id::HEADER, request_id)?;
    cors.write(&headers)?;
    Ok(headers)
}

/// The reply with the headers that it needs beside those. Takes the body out of it.
pub fn with(reply: &mut Reply, request_id: &str, cors: &CorsAnswer) -> Result<Response> {
    let headers = headers(request_id, cors)?;
    headers.set("content-type", reply.content_type)?;
    if let Some(challenge) = reply.challenge {
        headers.set("www-authenticate", challenge)?;
    }
    if let Some(methods) = reply.allow {
        headers.set("allow", methods)?;
    }
    let body = std::mem::take(&mut reply.answer.body);
    let body = ResponseBody::Body(body.into_bytes());
    Ok(Response::from_body(body)?.with_status(reply.answer.status).with_headers(headers))
}

/// What a browser's page may send, to one that asks (contract R11).
pub fn preflight(methods: &str, request_id: &str, cors: &CorsAnswer) -> Result<Response> {
    let headers = headers(request_id, cors)?;
    headers.set("access-control-allow-methods", methods)?;
    headers.set("access-control-allow-headers", "Authorization, Content-Type, X-Request-Id")?;
    headers.set("access-control-max-age", "86400")?;
    Ok(Response::empty()?.with_status(204).with_headers(headers))
}
