//! From a request to a reply: the route table, and the one flow that every update takes.
//!
//! May import `domain`, `auth`, `dialect` and `store`. Must never know the platform: what only the platform can do,
//! reading a body for example, is handed in.

mod media_type;
mod route;
mod update;

use crate::auth::Keys;
use crate::dialect::{Answer, problem};
use crate::domain::{Failure, Fault, Refusal};
use crate::store::{self, Batch};
pub use route::{Endpoint, Route, UPDATES};

/// What of a request decides about it; the body is read later, if it comes to that.
pub struct Call<'a> {
    /// As sent: `PUT`, `GET`, …
    pub method: &'a str,
    /// The URL's path, still percent-encoded.
    pub path: &'a str,
    /// `Authorization`
    pub authorization: Option<&'a str>,
    /// `Content-Type`
    pub content_type: Option<&'a str>,
    /// Unix seconds.
    pub now: i64,
}

/// What the platform binds to the worker. Each may be unusable: that is told when it is needed, not before.
pub struct Services<'a, D> {
    /// The keys that tokens are verified with.
    pub keys: Result<&'a Keys, Fault>,
    /// The database.
    pub database: Result<&'a D, Fault>,
}

/// A reply, and what the log wants to know of how it came about.
#[derive(Debug)]
pub struct Reply {
    /// Status and body.
    pub answer: Answer,
    /// The body's media type.
    pub content_type: &'static str,
    /// `WWW-Authenticate`, with every 401 (contract A8).
    pub challenge: Option<&'static str>,
    /// `Allow`, with every 405 (contract R8).
    pub allow: Option<&'static str>,
    /// The account that called, once its token was verified.
    pub account: Option<i64>,
    /// The refusal's stable code.
    pub code: Option<&'static str>,
    /// What failed on our side. For the log alone.
    pub fault: Option<Fault>,
}

const JSON: &str = "application/json";

impl Reply {
    fn ok(body: String) -> Self {
        Self::json(Answer { status: 200, body })
    }

    fn json(answer: Answer) -> Self {
        Self { answer, content_type: JSON, challenge: None, allow: None, account: None, code: None, fault: None }
    }

    /// A refusal in the words of whoever answers for it.
    fn refused(refusal: &Refusal, refuse: fn(&Refusal) -> Answer) -> Self {
        Self {
            challenge: challenge(refusal),
            allow: matches!(refusal, Refusal::MethodNotAllowed { .. }).then_some(route::METHOD),
            code: Some(refusal.code()),
            ..Self::json(refuse(refusal))
        }
    }

    fn failed(fault: Fault, answer: Answer) -> Self {
        let fault = Some(fault);
        Self { fault, ..Self::json(answer) }
    }

    fn problem(status: u16, title: &'static str, refusal: &Refusal) -> Self {
        Self {
            content_type: problem::MEDIA_TYPE,
            code: Some(refusal.code()),
            ..Self::json(problem::problem(status, title))
        }
    }
}

/// RFC 6750 section 3: the scheme alone where no token was sent, the error where one was (contract A8).
fn challenge(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::NoToken => Some("Bearer"),
        Refusal::BadToken => Some("Bearer error=\"invalid_token\""),
        _ => None,
    }
}

/// Answers a call. `read_body` reads the request's body up to a number of bytes; a longer one it refuses.
pub async fn answer<D, B>(route: &Route<'_>, call: &Call<'_>, services: Services<'_, D>, read_body: B) -> Reply
where
    D: Batch,
    B: AsyncFnOnce(usize) -> Result<Vec<u8>, Failure>,
{
    match route {
        Route::Account(endpoint, id) => update::answer(endpoint, *id, call, services, read_body).await,
        Route::Persona(endpoint, id) => update::answer(endpoint, *id, call, services, read_body).await,
        Route::Health => health(call, services.database).await,
        Route::Unknown(Some(refuse)) => Reply::refused(&Refusal::NoRoute, *refuse),
        Route::Unknown(None) => Reply::problem(404, "Not Found", &Refusal::NoRoute),
    }
}

/// `GET /health` (contract O1).
async fn health(call: &Call<'_>, database: Result<&impl Batch, Fault>) -> Reply {
    if !matches!(call.method, "GET" | "HEAD") {
        let refusal = Refusal::MethodNotAllowed { method: call.method.to_owned() };
        let allow = Some(route::HEALTH_METHODS);
        return Reply { allow, ..Reply::problem(405, "Method Not Allowed", &refusal) };
    }
    let health = match database {
        Ok(database) => store::ping(database).await,
        Err(fault) => Err(fault),
    };
    match health {
        Ok(()) => Reply::ok(r#"{"status":"ok"}"#.to_owned()),
        Err(fault) => {
            let body = r#"{"status":"unavailable"}"#.to_owned();
            Reply::failed(fault, Answer { status: 503, body })
        }
    }
}
