use super::d1::Spent;
use crate::domain::{BackEnd, ORIGIN_NOT_ALLOWED, Subject};
use crate::serve::Reply;
use serde::Serialize;
use wasm_bindgen::JsValue;
use worker::web_sys::console;

/// How much of an origin is logged, in characters.
const MOST_OF_ORIGIN: usize = 128;

/// The one line that every request leaves in the log (contract O2). Nothing personal has a field here.
#[derive(Serialize)]
pub struct Line<'a> {
    pub request_id: &'a str,
    /// Of the trace that the client's request belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The deployed version that replied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub method: &'a str,
    /// Method and pattern, never the path: that holds ids. Null for a path that leads nowhere.
    pub route: Option<&'static str>,
    pub status: u16,
    pub duration_ms: u64,
    /// Round trips to the database, and how long they took.
    pub d1_calls: u32,
    pub d1_ms: u64,
    /// Whose number the verified token's subject is, and the number; none for a token with an account's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_end: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<i64>,
    /// The caller's account, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<i64>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The origin of a preflight that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_origin: Option<String>,
    /// Whether it was passed on to an origin, and the status of what that returned.
    #[serde(skip_serializing_if = "is_false")]
    pub origin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_status: Option<u16>,
    /// What failed on our side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl<'a> Line<'a> {
    /// A line with nothing to tell yet.
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

    /// What was asked of the database.
    pub fn spend(&mut self, spent: Spent) {
        (self.d1_calls, self.d1_ms) = (spent.calls, spent.milliseconds);
    }

    /// The same durations for a client, in the form of W3C Server Timing.
    pub fn server_timing(&self) -> String {
        let Self { d1_calls, d1_ms, duration_ms, .. } = self;
        format!("d1;dur={d1_ms};desc=\"calls: {d1_calls}\", total;dur={duration_ms}")
    }

    /// What a reply has to tell.
    pub fn tell(&mut self, reply: &Reply) {
        self.status = reply.answer.status;
        if let Some(caller) = reply.caller {
            self.name(caller, reply.account);
        }
        self.code = reply.code;
        self.cause = reply.fault.as_ref().map(ToString::to_string);
    }

    /// Who calls.
    pub fn name(&mut self, caller: Subject, account: Option<i64>) {
        self.back_end = caller.back_end().map(BackEnd::name);
        self.subject = caller.back_end().map(|_| caller.id().get());
        self.account = account;
    }

    /// What its origin has returned.
    pub fn tell_origin(&mut self, status: u16) {
        (self.status, self.origin_status) = (status, Some(status));
    }

    /// A preflight was refused: it holds no token, and that is not what it lacks. What an origin cannot hold is left
    /// out of the log.
    pub fn refuse_origin(&mut self, origin: &str) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".:/-_[]".contains(c);
        let sane = origin.chars().take(MOST_OF_ORIGIN).map(|c| if allowed(c) { c } else { '?' });
        (self.code, self.cors_origin) = (Some(ORIGIN_NOT_ALLOWED), Some(sane.collect()));
    }

    /// As an error where the fault is ours, so that a log can be filtered by level.
    pub fn write(&self) {
        write(self, self.status >= 500 && self.origin_status.is_none());
    }
}

/// Writes a line, as an error or not.
pub fn write(line: &impl Serialize, is_error: bool) {
    let line = JsValue::from_str(&serde_json::to_string(line).unwrap_or_default());
    if is_error { console::error_1(&line) } else { console::log_1(&line) }
}

/// The names in the first column of the table of docs/operations.md with this head.
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
    fn every_field_of_a_line_is_documented_and_no_other() {
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
