//! Lines about what is not a request's.

use super::write;
use crate::domain::Fault;
use crate::store::Swept;
use serde::Serialize;

/// What such a line is about.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Sweep,
    Leftover,
    KeySet,
    NoRateLimit,
}

/// The one line that a sweep of the bucket leaves in the log.
#[derive(Serialize)]
pub struct SweepLine {
    event: Event,
    listed: usize,
    removed: usize,
    complete: bool,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl SweepLine {
    /// What was done; where something failed, so far.
    pub fn new(swept: &Swept, duration_ms: u64, failure: Option<Fault>) -> Self {
        let Swept { listed, removed, complete } = *swept;
        let cause = failure.map(|fault| fault.to_string());
        Self { event: Event::Sweep, listed, removed, complete, duration_ms, cause }
    }

    /// As an error where it failed.
    pub fn write(&self) {
        write(self, self.cause.is_some());
    }
}

/// A line about an object that was replaced and could not be removed after the reply.
#[derive(Serialize)]
pub struct LeftoverLine<'a> {
    event: Event,
    request_id: &'a str,
    cause: String,
}

impl<'a> LeftoverLine<'a> {
    /// Of the request that replaced it.
    pub fn new(request_id: &'a str, fault: &Fault) -> Self {
        Self { event: Event::Leftover, request_id, cause: fault.to_string() }
    }

    /// As an error.
    pub fn write(&self) {
        write(self, true);
    }
}

/// A line about a key set that could not be fetched, or that should not be as it is.
#[derive(Serialize)]
pub struct KeySetLine {
    event: Event,
    cause: String,
}

impl KeySetLine {
    /// What is wrong.
    pub fn new(fault: &Fault) -> Self {
        Self { event: Event::KeySet, cause: fault.to_string() }
    }

    /// As an error.
    pub fn write(&self) {
        write(self, true);
    }
}

/// A line about a rate limit that does not work.
#[derive(Serialize)]
pub struct LimitLine {
    event: Event,
    binding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl LimitLine {
    /// There is none.
    pub fn absent(binding: &'static str) -> Self {
        Self { event: Event::NoRateLimit, binding, cause: None }
    }

    /// It failed.
    pub fn failed(binding: &'static str, cause: String) -> Self {
        Self { event: Event::NoRateLimit, binding, cause: Some(cause) }
    }

    /// As an error where it failed.
    pub fn write(&self) {
        write(self, self.cause.is_some());
    }
}
