//! Log lines for events other than requests.

use super::log::write;
use crate::domain::{Fault, Receiver};
use crate::serve::feed::DeliveryResult;
use crate::store::{RetentionResult, SweepResult};
use serde::Serialize;

/// The kind of event that a log line reports.
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

/// The log line for a sweep of the bucket: one per sweep.
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
    /// Records what the sweep did, or what it did before it failed.
    pub fn new(swept: &SweepResult, duration_ms: u64, failure: Option<Fault>) -> Self {
        let SweepResult { listed, removed, complete } = *swept;
        let cause = failure.map(|fault| fault.to_string());
        Self { event: Event::Sweep, listed, removed, complete, duration_ms, cause }
    }

    /// Writes the line, as an error if the sweep failed.
    pub fn write(&self) {
        write(self, self.cause.is_some());
    }
}

/// The log line for one removal of old rows from the change feed ("retention"): one per run.
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
    /// Records what the run did, or what it did before it failed.
    pub fn new(expired: &RetentionResult, duration_ms: u64, failure: Option<Fault>) -> Self {
        let RetentionResult { removed, undelivered, complete } = *expired;
        let cause = failure.map(|fault| fault.to_string());
        Self { event: Event::Retention, removed, undelivered, complete, duration_ms, cause }
    }

    /// Writes the line, as an error if the run failed or if it removed changes that a receiver had not received.
    pub fn write(&self) {
        write(self, self.cause.is_some() || self.undelivered > 0);
    }
}

/// The log line for a series of posts to one receiver of the change feed, or for a problem with the feed's settings.
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
    /// Records what was delivered, and the failure if there was one.
    pub fn new(receiver: Receiver, delivered: &DeliveryResult, duration_ms: u64) -> Self {
        let DeliveryResult { sent, position, fault } = delivered;
        Self {
            event: Event::Delivery,
            receiver: Some(receiver.name()),
            sent: Some(*sent),
            position: *position,
            duration_ms: Some(duration_ms),
            cause: fault.as_ref().map(ToString::to_string),
        }
    }

    /// Records a fault in the settings that prevents delivery.
    pub fn misconfigured(fault: &Fault) -> Self {
        let cause = Some(fault.to_string());
        Self { event: Event::Delivery, receiver: None, sent: None, position: None, duration_ms: None, cause }
    }

    /// Writes the line, as an error if something failed.
    pub fn write(&self) {
        write(self, self.cause.is_some());
    }
}

/// The log line for a replaced object that could not be removed after the reply.
#[derive(Serialize)]
pub struct LeftoverLine<'a> {
    event: Event,
    request_id: &'a str,
    cause: String,
}

impl<'a> LeftoverLine<'a> {
    /// Records the fault, and the ID of the request that replaced the object.
    pub fn new(request_id: &'a str, fault: &Fault) -> Self {
        Self { event: Event::Leftover, request_id, cause: fault.to_string() }
    }

    /// Writes the line as an error.
    pub fn write(&self) {
        write(self, true);
    }
}

/// The log line for a key set that could not be fetched or used, or that contains a private or symmetric key.
#[derive(Serialize)]
pub struct KeySetLine {
    event: Event,
    cause: String,
}

impl KeySetLine {
    /// Records the fault.
    pub fn new(fault: &Fault) -> Self {
        Self { event: Event::KeySet, cause: fault.to_string() }
    }

    /// Writes the line as an error.
    pub fn write(&self) {
        write(self, true);
    }
}

/// The log line for a rate limit that is not enforced.
#[derive(Serialize)]
pub struct LimitLine {
    event: Event,
    binding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl LimitLine {
    /// Records that the worker has no such binding.
    pub fn missing(binding: &'static str) -> Self {
        Self { event: Event::NoRateLimit, binding, cause: None }
    }

    /// Records that a call to the rate limit failed.
    pub fn failed(binding: &'static str, cause: String) -> Self {
        Self { event: Event::NoRateLimit, binding, cause: Some(cause) }
    }

    /// Writes the line, as an error if the call failed.
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
    fn the_documentation_lists_exactly_the_events() {
        let name = |event: Event| match event {
            // The compiler requires a new event here. Add it to the list below as well.
            Sweep | Retention | Delivery | Leftover | KeySet | NoRateLimit => json!(event),
        };
        let all = [Sweep, Retention, Delivery, Leftover, KeySet, NoRateLimit].map(name);
        let all: BTreeSet<&str> = all.iter().filter_map(Value::as_str).collect();
        assert_eq!(all, documented("| Event | Meaning |"));
    }
}
