use super::cors::CorsAnswer;
use super::request_id;
use crate::serve::Reply;
use worker::{Headers, Response, ResponseBody, Result};

/// The reply with the headers that every answer carries (contract R10) and those that this one needs.
pub fn with(reply: &Reply, request_id: &str, cors: &CorsAnswer) -> Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", reply.content_type)?;
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    headers.set(request_id::HEADER, request_id)?;
    if let Some(challenge) = reply.challenge {
        headers.set("www-authenticate", challenge)?;
    }
    if let Some(methods) = reply.allow {
        headers.set("allow", methods)?;
    }
    cors.write(&headers)?;
    let body = ResponseBody::Body(reply.answer.body.clone().into_bytes());
    Ok(Response::from_body(body)?.with_status(reply.answer.status).with_headers(headers))
}
