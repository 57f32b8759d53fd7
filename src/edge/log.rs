use super::d1::DatabaseCost;
use crate::domain::{BackEnd, ORIGIN_NOT_ALLOWED, Subject};
use crate::serve::Reply;
use serde::Serialize;
use wasm_bindgen::JsValue;
use worker::web_sys::console;

/// Maximum length of a logged origin, in characters.
const MAX_ORIGIN_CHARS: usize = 128;

/// The log line for a request: one per request (contract O2). No field contains personal data.
#[derive(Serialize)]
pub struct Line<'a> {
    pub request_id: &'a str,
    /// The ID of the trace that the client's request belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The deployed version that replied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub method: &'a str,
    /// The method and the route's pattern, never the path, which contains IDs. Null for an unknown path.
    pub route: Option<&'static str>,
    pub status: u16,
    pub duration_ms: u64,
    /// The number of round trips to the database.
    pub d1_calls: u32,
    /// How long those round trips took together, in milliseconds.
    pub d1_ms: u64,
    /// The back end that the verified token's subject belongs to. Absent if the subject is an account's own ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_end: Option<&'static str>,
    /// The subject's ID in that back end. Absent if `back_end` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<i64>,
    /// The caller's account, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<i64>,
    /// The code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The origin of a refused preflight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_origin: Option<String>,
    /// Whether the request was passed on to an origin.
    #[serde(skip_serializing_if = "is_false")]
    pub origin: bool,
    /// The status that the origin returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_status: Option<u16>,
    /// The cause of a server-side failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl<'a> Line<'a> {
    /// Creates a line whose outcome is not known yet.
    pub fn new(request_id: &'a str, method: &'a str, route: Option<&'static str>) -> Self {
        Self {
            request_id,
            trace_id: None,
            version: None,
            method,
            route,
            status: 0,
            duration_ms: 0,
            d1_calls: 0,
            d1_ms: 0,
            back_end: None,
            subject: None,
            account: None,
            code: None,
            cors_origin: None,
            origin: false,
            origin_status: None,
            cause: None,
        }
    }

    /// Records the cost of the calls to the database.
    pub fn record_database_cost(&mut self, cost: DatabaseCost) {
        (self.d1_calls, self.d1_ms) = (cost.calls, cost.milliseconds);
    }

    /// Returns the durations as the value of a `Server-Timing` header.
    pub fn server_timing(&self) -> String {
        let Self { d1_calls, d1_ms, duration_ms, .. } = self;
        format!("d1;dur={d1_ms};desc=\"calls: {d1_calls}\", total;dur={duration_ms}")
    }

    /// Records the outcome of a reply.
    pub fn record_reply(&mut self, reply: &Reply) {
        self.status = reply.answer.status;
        if let Some(caller) = reply.caller {
            self.record_caller(caller, reply.account);
        }
        self.code = reply.code;
        self.cause = reply.fault.as_ref().map(ToString::to_string);
    }

    /// Records the caller.
    pub fn record_caller(&mut self, caller: Subject, account: Option<i64>) {
        self.back_end = caller.back_end().map(BackEnd::name);
        self.subject = caller.back_end().map(|_| caller.id().get());
        self.account = account;
    }

    /// Records the status that the origin returned.
    pub fn record_origin_status(&mut self, status: u16) {
        (self.status, self.origin_status) = (status, Some(status));
    }

    /// Records the refusal of a preflight. Its code replaces the reply's: a preflight never has a token, so a missing
    /// token is not why it was refused. Characters that cannot occur in an origin are logged as `?`.
    pub fn record_refused_origin(&mut self, origin: &str) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".:/-_[]".contains(c);
        let sanitized = origin.chars().take(MAX_ORIGIN_CHARS).map(|c| if allowed(c) { c } else { '?' });
        (self.code, self.cors_origin) = (Some(ORIGIN_NOT_ALLOWED), Some(sanitized.collect()));
    }

    /// Writes the line, as an error if the failure is server-side, so that logs can be filtered by level.
    pub fn write(&self) {
        write(self, self.status >= 500 && self.origin_status.is_none());
    }
}

/// Writes a line at level `error` or `log`.
pub fn write(line: &impl Serialize, is_error: bool) {
    let line = JsValue::from_str(&serde_json::to_string(line).unwrap_or_default());
    if is_error { console::error_1(&line) } else { console::log_1(&line) }
}

/// Returns the names in the first column of the table in docs/operations.md that has this header row.
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that panics has failed")]
pub fn documented(head: &str) -> std::collections::BTreeSet<&'static str> {
    let operations = include_str!("../../docs/operations.md");
    let rows = operations.split(head).nth(1).unwrap().lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

    use super::{Line, documented};
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn the_documentation_lists_exactly_the_fields_of_a_line() {
        let line = Line {
            trace_id: Some(String::new()),
            version: Some(String::new()),
            back_end: Some(""),
            subject: Some(1),
            account: Some(1),
            code: Some(""),
            cors_origin: Some(String::new()),
            origin: true,
            origin_status: Some(200),
            cause: Some(String::new()),
            ..Line::new("", "", None)
        };
        let line = json!(line);
        assert_eq!(
            line.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(),
            documented("| Field | Meaning |")
        );
    }
}
