//! Problem details (RFC 9457) for responses that belong to no back end (contract R8).

use super::Answer;
use serde::Serialize;

/// The media type of problem details.
pub const MEDIA_TYPE: &str = "application/problem+json";

#[derive(Serialize)]
struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
}

/// Returns a problem of type `about:blank`, which means nothing beyond its status.
pub fn problem(status: u16, title: &'static str) -> Answer {
    let r#type = "about:blank";
    Answer::new(status, &Problem { r#type, title, status })
}

/// Returns the problem for a server-side failure with this status.
pub fn failure(status: u16) -> Answer {
    let title = match status {
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    };
    problem(status, title)
}
