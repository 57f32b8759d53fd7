//! `GET /health` (contract O1, O3). Anyone may call it, so the database is queried at most once a second.

use super::{Call, Platform, RETRY_AFTER, Reply, media};
use crate::auth::EventLoop;
use crate::dialect::Answer;
use crate::domain::Fault;
use crate::store::{self, Batch};
use std::cell::{Cell, RefCell};

/// Time for which a result is valid, in milliseconds.
const VALID_FOR: u64 = 1000;
/// Longer than any check takes, in milliseconds. If a check has not ended by then, its request was cancelled.
const MAX_CHECK_TIME: i64 = 30_000;
/// Maximum time that a request waits for the result of another request's check, in seconds.
const MAX_WAIT: u64 = 10;
/// Interval at which a waiting request looks for the result, in milliseconds.
const PAUSE: u64 = 10;

/// The database's health, shared by the requests of one instance.
#[derive(Debug, Default)]
pub struct Health {
    last: RefCell<Option<(i64, Result<(), Fault>)>>,
    /// When the check in progress started, if there is one.
    checking_since: Cell<Option<i64>>,
}

impl Health {
    /// Fails unless the database responds and has the schema that the code needs. `now` is in milliseconds.
    ///
    /// While another request's check is in progress, returns the previous result, or waits for the first one.
    pub async fn check(&self, database: &impl Batch, now: i64, event_loop: &impl EventLoop) -> Result<(), Fault> {
        if self.is_due(now) {
            self.checking_since.set(Some(now));
            let result = store::ping(database).await;
            self.checking_since.set(None);
            *self.last.borrow_mut() = Some((now, result.clone()));
            return result;
        }
        let started = event_loop.now();
        while event_loop.now().abs_diff(started) < MAX_WAIT.saturating_mul(1000) {
            if let Some((_, result)) = self.last.borrow().as_ref() {
                return result.clone();
            }
            event_loop.pause(PAUSE).await;
        }
        Err(Fault::Timeout { service: "database", seconds: MAX_WAIT })
    }

    fn is_due(&self, now: i64) -> bool {
        let is_old = self.last.borrow().as_ref().is_none_or(|(at, _)| now.abs_diff(*at) >= VALID_FOR);
        is_old && self.checking_since.get().is_none_or(|since| now.saturating_sub(since) > MAX_CHECK_TIME)
    }
}

/// Responds to `GET /health` (contract O1, O3).
pub async fn handle(call: &Call<'_>, platform: &impl Platform) -> Reply {
    if !media::accepts(call.method) {
        return media::method_not_allowed();
    }
    let health = match platform.database() {
        Ok(database) => platform.health().check(database, call.now, platform.event_loop()).await,
        Err(fault) => Err(fault),
    };
    match health {
        Ok(()) => Reply::ok(r#"{"status":"ok"}"#.to_owned()),
        Err(fault) => unavailable(fault),
    }
}

/// Returns a 503, with the reason if the database lacks a migration.
pub fn unavailable(fault: Fault) -> Reply {
    let body = match fault {
        // A missing migration is not visible from outside, and does not go away by itself (contract O3).
        Fault::Schema(_) => r#"{"status":"unavailable","reason":"the database lacks a migration"}"#,
        _ => r#"{"status":"unavailable"}"#,
    };
    let answer = Answer { status: 503, body: body.to_owned() };
    Reply { fault: Some(fault), retry_after: Some(RETRY_AFTER), ..Reply::json(answer) }
}
