//! How long the platform's services and the clients may take.

use crate::domain::Fault;
use futures_util::future::{Either, select};
use std::pin::pin;
use std::time::Duration;
use worker::Delay;

/// The result of a call that ends within so many seconds, else a fault. A call that takes longer is not undone: it may
/// have made its change, or may still make it.
pub async fn within<T>(
    service: &'static str,
    seconds: u64,
    call: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    in_time(seconds, call).await.unwrap_or(Err(Fault::Late { service, seconds }))
}

/// What becomes of something that ends within so many seconds; `None` if it takes longer.
pub async fn in_time<T>(seconds: u64, something: impl Future<Output = T>) -> Option<T> {
    let late = pin!(Delay::from(Duration::from_secs(seconds)));
    match select(pin!(something), late).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}
