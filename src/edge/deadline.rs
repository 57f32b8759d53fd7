//! How long the platform's services may take.

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
    let late = pin!(Delay::from(Duration::from_secs(seconds)));
    match select(pin!(call), late).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(Fault::Late { service, seconds }),
    }
}
