//! What is asked of the database for one update, in one round trip, and what its answer means.

use super::{Batch, Statement, Stored, Verdict};
use crate::domain::{Access, Change, Failure, Fault, PasswordHash};

/// Changes a record and answers it as it is then, or says why not: one call either way. A change of nothing
/// answers the record as it stands.
pub async fn update<R: Stored>(
    database: &impl Batch,
    access: &Access,
    change: &R::Change,
    hash: Option<&PasswordHash>,
) -> Result<R, Failure> {
    if change.is_empty() {
        return load(database, access, change).await;
    }
    let statement = R::update(access, change, hash);
    let (record, verdict) = ask::<R>(database, statement, access, change).await?;
    match (record, verdict.refusal(access)) {
        (Some(record), _) => Ok(record),
        (None, Some(refusal)) => Err(refusal.into()),
        (None, None) => insist(database, access, change, hash).await,
    }
}

/// Answers the record if the change could be made, or says why not, and changes nothing: one call.
pub async fn load<R: Stored>(database: &impl Batch, access: &Access, change: &R::Change) -> Result<R, Failure> {
    let (record, verdict) = ask::<R>(database, R::load(access), access, change).await?;
    match (verdict.refusal(access), record) {
        (Some(refusal), _) => Err(refusal.into()),
        (None, Some(record)) => Ok(record),
        (None, None) => Err(Fault::Unexplained.into()),
    }
}

/// Whether the database answers and has our schema (contract O1): one call.
pub async fn ping(database: &impl Batch) -> Result<(), Fault> {
    let sql = "-- ping()\nSELECT json_object('users', EXISTS (SELECT 1 FROM users)) AS row";
    let parameters = Vec::new();
    database.batch([Statement { sql, parameters }]).await.map(|_| ())
}

async fn ask<R: Stored>(
    database: &impl Batch,
    statement: Statement,
    access: &Access,
    change: &R::Change,
) -> Result<(Option<R>, Verdict), Fault> {
    let [record, verdict] = database.batch([statement, R::explain(access, change)]).await?;
    let record = record.map(|row| R::from_row(&row)).transpose()?;
    let verdict = Verdict::from_row(&verdict.ok_or(Fault::Unexplained)?)?;
    Ok((record, verdict))
}

/// Nothing stood in the way and yet nothing was changed: a constraint that no rule of ours foresees. Asked to
/// insist, the database says which, for the log.
async fn insist<R: Stored>(
    database: &impl Batch,
    access: &Access,
    change: &R::Change,
    hash: Option<&PasswordHash>,
) -> Result<R, Failure> {
    let statement = Statement { sql: R::INSIST, ..R::update(access, change, hash) };
    let [record] = database.batch([statement]).await?;
    Ok(R::from_row(&record.ok_or(Fault::Unexplained)?)?)
}
