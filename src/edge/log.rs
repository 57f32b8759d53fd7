use serde::Serialize;
use worker::{console_error, console_log};

/// The one line that every request leaves in the log (contract O2). Nothing personal has a field here.
#[derive(Serialize)]
pub struct Line<'a> {
    pub request_id: &'a str,
    pub method: &'a str,
    /// Method and pattern, never the path: that holds ids. Null for a path that leads nowhere.
    pub route: Option<&'static str>,
    pub status: u16,
    pub duration_ms: u64,
    pub d1_calls: u32,
    /// The caller, once its token was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<i64>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What failed on our side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl<'a> Line<'a> {
    /// A line with no more to tell: no time spent, no account, no database.
    pub fn new(request_id: &'a str, method: &'a str, route: Option<&'static str>, status: u16) -> Self {
        Self { request_id, method, route, status, duration_ms: 0, d1_calls: 0, account: None, code: None, cause: None }
    }

    /// As an error where the fault is ours, so that a log can be filtered by level.
    pub fn write(&self) {
        let line = serde_json::to_string(self).unwrap_or_default();
        if self.status >= 500 {
            console_error!("{line}");
        } else {
            console_log!("{line}");
        }
    }
}
