//! The nightly removal of old rows from the change feed (contract C1).

use super::clock::{elapsed, now};
use super::d1::Connection;
use super::deployment::Deployment;
use super::events::RetentionLine;
use crate::domain::Fault;
use crate::store::{self, RetentionResult};

/// Removes the rows that are older than `CHANGES_KEEP_DAYS`, and logs the result.
pub async fn run(deployment: &Deployment) {
    let started = now();
    let mut expired = RetentionResult::default();
    let failure = expire(deployment, &mut expired).await.err();
    RetentionLine::new(&expired, elapsed(started), failure).write();
}

async fn expire(deployment: &Deployment, expired: &mut RetentionResult) -> Result<(), Fault> {
    let days = deployment.keep_days.clone()?;
    let database = Connection::new(deployment.database()?, now);
    store::expire(&database, days, &deployment.feed.receivers, expired).await
}
