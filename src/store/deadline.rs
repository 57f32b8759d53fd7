//! How long the platform's services are waited for. Only the adapters and `edge` use it.

#![allow(clippy::disallowed_types, reason = "the adapters are the platform's")]

use crate::domain::Fault;
use futures_util::future::{Either, select};
use std::pin::pin;
use std::time::Duration;
use worker::Delay;

/// What a call answers, if it does within so many seconds. Whatever it has done by then, or does later, is done.
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
