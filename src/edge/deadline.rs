//! Deadlines for the platform's services and for clients.

use crate::domain::Fault;
use futures_util::future::{Either, select};
use std::pin::pin;
use std::time::Duration;
use worker::Delay;

/// Returns the result of a call, or a fault if it takes longer than `seconds`. A call that misses the deadline is not
/// undone: its change may have been made, or may still be made later.
pub async fn within<T>(
    service: &'static str,
    seconds: u64,
    call: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    in_time(seconds, call).await.unwrap_or(Err(Fault::Timeout { service, seconds }))
}

/// Returns the output of a future, or `None` if it takes longer than `seconds`.
pub async fn in_time<T>(seconds: u64, future: impl Future<Output = T>) -> Option<T> {
    let timeout = pin!(Delay::from(Duration::from_secs(seconds)));
    match select(pin!(future), timeout).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}
