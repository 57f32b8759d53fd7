//! A reply and its headers, before the platform sends it.

use super::{limits, route};
use crate::dialect::{Answer, Framework, problem};
use crate::domain::{Fault, ObjectKey, Refusal, Subject};
use std::borrow::Cow;

/// An [`Answer`] with its headers and details for the log. `edge` turns it into the platform's response.
#[derive(Debug)]
pub struct Reply {
    /// Status and body.
    pub answer: Answer,
    /// The body's media type.
    pub content_type: &'static str,
    /// `WWW-Authenticate`, with every 401 (contract A8, A9).
    pub challenge: Option<Cow<'static, str>>,
    /// `Allow`, with every 405 (contract R8).
    pub allow: Option<&'static str>,
    /// `Retry-After`, in seconds, with every 429 and 503.
    pub retry_after: Option<u32>,
    /// `Content-Range`, with every 416 (contract M4).
    pub content_range: Option<String>,
    /// The subject of the caller's token, once the token is verified.
    pub caller: Option<Subject>,
    /// The caller's account, once it is known.
    pub account: Option<i64>,
    /// The refusal's stable code.
    pub code: Option<&'static str>,
    /// The cause of a server-side failure. For the log only.
    pub fault: Option<Fault>,
    /// An object that the record no longer refers to. It is removed after the reply, unless another record protects it.
    pub replaced: Option<ObjectKey>,
    /// Whether the change feed has a new row, to be delivered after the reply is sent.
    pub is_recorded: bool,
}

const JSON: &str = "application/json";
/// Express's content type for JSON.
const JSON_UTF_8: &str = "application/json; charset=utf-8";
/// `Retry-After` of a 503, in seconds.
pub const RETRY_AFTER: u32 = 5;

impl Reply {
    /// Returns a 200 with this body.
    pub fn ok(body: String) -> Self {
        Self::json(Answer { status: 200, body })
    }

    /// Returns a reply with this status and JSON body.
    pub fn json(answer: Answer) -> Self {
        Self {
            answer,
            content_type: JSON,
            challenge: None,
            allow: None,
            retry_after: None,
            content_range: None,
            caller: None,
            account: None,
            code: None,
            fault: None,
            replaced: None,
            is_recorded: false,
        }
    }

    /// Returns the reply to a refused request, whose body `refuse` renders.
    pub fn refused(refusal: &Refusal, refuse: fn(&Refusal) -> Answer) -> Self {
        Self {
            challenge: challenge(refusal),
            allow: matches!(refusal, Refusal::MethodNotAllowed { .. }).then_some(route::METHOD),
            retry_after: matches!(refusal, Refusal::TooManyRequests).then_some(limits::PERIOD),
            code: Some(refusal.code()),
            ..Self::json(refuse(refusal))
        }
    }

    /// Returns the reply to a server-side failure: 503 if it may be temporary, 502 or 504 if an origin failed, and
    /// otherwise 500.
    pub fn failed(fault: Fault, fail: fn(u16) -> Answer) -> Self {
        let status = match fault {
            Fault::Busy | Fault::Full | Fault::Timeout { .. } | Fault::KeySet(_) => 503,
            Fault::Origin(_) => 502,
            Fault::OriginTimeout { .. } => 504,
            _ => 500,
        };
        Self { fault: Some(fault), retry_after: (status == 503).then_some(RETRY_AFTER), ..Self::json(fail(status)) }
    }

    /// Sets the content type that the framework uses for JSON (contract R10).
    pub fn with_framework(self, framework: Framework) -> Self {
        let content_type = match framework {
            Framework::Express => JSON_UTF_8,
            Framework::Django => JSON,
        };
        Self { content_type, ..self }
    }

    /// Returns problem details, for responses that belong to no dialect.
    pub fn problem(status: u16, title: &'static str) -> Self {
        Self { content_type: problem::MEDIA_TYPE, ..Self::json(problem::problem(status, title)) }
    }
}

/// Returns the challenge of a 401. It has only the scheme if no token was sent, and the error if one was (RFC 6750
/// section 3, contract A8). It follows RFC 9470 section 3 if the person has to authenticate again (contract A9).
fn challenge(refusal: &Refusal) -> Option<Cow<'static, str>> {
    match refusal {
        Refusal::NoToken => Some("Bearer".into()),
        Refusal::BadToken | Refusal::BadAuthorization | Refusal::AccountGone | Refusal::AccountInactive => {
            Some("Bearer error=\"invalid_token\"".into())
        }
        Refusal::StaleToken { max_age } => {
            let error = "error=\"insufficient_user_authentication\"";
            let description = "error_description=\"A more recent authentication is required\"";
            Some(format!("Bearer {error}, {description}, max_age=\"{max_age}\"").into())
        }
        _ => None,
    }
}
