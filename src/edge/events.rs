//! The lines of the log that are not a request's.

use super::log::write;
use crate::domain::{Fault, Receiver};
use crate::serve::feed::Delivered;
use crate::store::{Expired, Swept};
use serde::Serialize;

/// What a line is about that is not a request's.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Sweep,
    Retention,
    Delivery,
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

/// The one line that a run of the change feed's retention leaves in the log.
#[derive(Serialize)]
pub struct RetentionLine {
    event: Event,
    removed: usize,
    undelivered: usize,
    complete: bool,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl RetentionLine {
    /// What was done; if it failed, what was done before.
    pub fn new(expired: &Expired, duration_ms: u64, failure: Option<Fault>) -> Self {
        let Expired { removed, undelivered, complete } = *expired;
        let cause = failure.map(|fault| fault.to_string());
        Self { event: Event::Retention, removed, undelivered, complete, duration_ms, cause }
    }

    /// As an error if it failed, or if a receiver will never get what was removed.
    pub fn write(&self) {
        write(self, self.cause.is_some() || self.undelivered > 0);
    }
}

/// The line that a run of posts to a receiver of the change feed leaves in the log, or one about its settings.
#[derive(Serialize)]
pub struct DeliveryLine {
    event: Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl DeliveryLine {
    /// What was delivered, and what failed, if anything did.
    pub fn new(receiver: Receiver, delivered: &Delivered, duration_ms: u64) -> Self {
        let Delivered { sent, position, fault } = delivered;
        Self {
            event: Event::Delivery,
            receiver: Some(receiver.name()),
            sent: Some(*sent),
            position: *position,
            duration_ms: Some(duration_ms),
            cause: fault.as_ref().map(ToString::to_string),
        }
    }

    /// Why nothing is delivered.
    pub fn misconfigured(fault: &Fault) -> Self {
        let cause = Some(fault.to_string());
        Self { event: Event::Delivery, receiver: None, sent: None, position: None, duration_ms: None, cause }
    }

    /// As an error if something failed.
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

#[cfg(test)]
mod tests {
    use super::Event::{self, Delivery, KeySet, Leftover, NoRateLimit, Retention, Sweep};
    use crate::edge::log::documented;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    #[test]
    fn every_event_is_documented_and_no_other() {
        let name = |event: Event| match event {
            // The compiler asks for a new one here: it belongs into the list below, too.
            Sweep | Retention | Delivery | Leftover | KeySet | NoRateLimit => json!(event),
        };
        let all = [Sweep, Retention, Delivery, Leftover, KeySet, NoRateLimit].map(name);
        let all: BTreeSet<&str> = all.iter().filter_map(Value::as_str).collect();
        assert_eq!(all, documented("| Event | Meaning |"));
    }
}
