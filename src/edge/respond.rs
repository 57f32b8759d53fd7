use super::cors::{Cors, CorsAnswer};
use super::request_id;
use crate::serve::Reply;
use worker::{Headers, Response, ResponseBody, Result};

/// What every response to one request carries (contract R10, R11).
pub struct Frame {
    pub request_id: String,
    pub cors: CorsAnswer,
}

impl Frame {
    /// What a request's headers ask for.
    pub fn of(headers: &Headers, cors: &Cors) -> Result<Self> {
        Ok(Self { request_id: request_id::of(headers)?, cors: cors.answer(headers)? })
    }

    /// An answer of the API, with the headers that it needs of its own.
    pub fn reply(&self, reply: Reply) -> Result<Response> {
        let headers = self.api()?;
        headers.set("content-type", reply.content_type)?;
        if let Some(challenge) = reply.challenge {
            headers.set("www-authenticate", challenge)?;
        }
        if let Some(methods) = reply.allow {
            headers.set("allow", methods)?;
        }
        if let Some(seconds) = reply.retry_after {
            headers.set("retry-after", &seconds.to_string())?;
        }
        if let Some(range) = reply.content_range {
            headers.set("content-range", &range)?;
        }
        let body = ResponseBody::Body(reply.answer.body.into_bytes());
        Ok(Response::from_body(body)?.with_status(reply.answer.status).with_headers(headers))
    }

    /// A picture, or a part of it.
    pub fn picture(&self, status: u16, headers: Headers, body: ResponseBody) -> Result<Response> {
        self.write(&headers)?;
        Ok(Response::from_body(body)?.with_status(status).with_headers(headers))
    }

    /// What a browser's page may send, to one that asks (contract R11).
    pub fn preflight(&self, methods: &str) -> Result<Response> {
        let headers = self.api()?;
        headers.set("access-control-allow-methods", methods)?;
        headers.set("access-control-allow-headers", "Authorization, Content-Type, X-Request-Id")?;
        headers.set("access-control-max-age", "86400")?;
        Ok(Response::empty()?.with_status(204).with_headers(headers))
    }

    fn api(&self) -> Result<Headers> {
        let headers = Headers::new();
        headers.set("cache-control", "no-store")?;
        self.write(&headers)?;
        Ok(headers)
    }

    fn write(&self, headers: &Headers) -> Result<()> {
        headers.set("x-content-type-options", "nosniff")?;
        headers.set(request_id::HEADER, &self.request_id)?;
        self.cors.write(headers)
    }
}
