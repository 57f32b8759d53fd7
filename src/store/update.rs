//! What is asked of the database for one update, in one round trip, and what its answer means.

use super::removal::{Removal, forget};
use super::{Batch, Prepared, Statement, Stored, Verdict, read_row};
use crate::domain::{Access, Change, Failure, Fault, ObjectKey};
use serde::Deserialize;

/// A record as it is after an update.
#[derive(Debug)]
pub struct Updated<R> {
    /// The record.
    pub record: R,
    /// The object that it showed before, if that may be another.
    pub replaced: Option<ObjectKey>,
}

/// What came of an update that was not refused.
pub enum Outcome<R> {
    /// It was made.
    Updated(Updated<R>),
    /// Nothing was changed: the object that was to be shown is being removed, or was.
    Blocked(Removal),
}

/// Changes a record and answers it as it is then, or says why not: one call either way. A change of nothing
/// answers the record as it stands.
pub async fn update<R: Stored>(
    database: &impl Batch,
    access: &Access,
    change: &R::Change,
    prepared: &Prepared,
) -> Result<Updated<R>, Failure> {
    match save(database, access, change, prepared).await? {
        Outcome::Updated(updated) => Ok(updated),
        Outcome::Blocked(_) => Err(Fault::Unexplained.into()),
    }
}

/// [`update`], for a change that may be blocked by a removal.
pub async fn save<R: Stored>(
    database: &impl Batch,
    access: &Access,
    change: &R::Change,
    prepared: &Prepared,
) -> Result<Outcome<R>, Failure> {
    if change.is_empty() {
        let record = load(database, access, change).await?;
        return Ok(Outcome::Updated(Updated { record, replaced: None }));
    }
    let update = R::update(access, change, prepared);
    let explain = R::explain(access, change, prepared);
    let (shown, row, verdict) = if change.replaces_image() {
        let forget = forget(prepared.object.as_ref());
        let [_, shown, row, verdict] = database.batch([forget, R::shown(access), update, explain]).await?;
        (shown, row, verdict)
    } else {
        let [row, verdict] = database.batch([update, explain]).await?;
        (Vec::new(), row, verdict)
    };
    if let Some(record) = record::<R>(row)? {
        let replaced = shown.first().map(|row| read_row::<Key>(row)).transpose()?;
        let replaced = replaced.and_then(|shown| ObjectKey::parse(&shown.key?));
        let replaced = replaced.filter(|key| prepared.object.as_ref().is_none_or(|object| object.key != *key));
        return Ok(Outcome::Updated(Updated { record, replaced }));
    }
    let verdict = Verdict::from_row(&first(verdict)?)?;
    if let Some(refusal) = verdict.refusal(access) {
        return Err(refusal.into());
    }
    match Removal::of(verdict) {
        Some(removal) => Ok(Outcome::Blocked(removal)),
        None => {
            let record = insist(database, access, change, prepared).await?;
            Ok(Outcome::Updated(Updated { record, replaced: None }))
        }
    }
}

/// Answers the record if the change could be made, or says why not, and changes nothing: one call.
pub async fn load<R: Stored>(database: &impl Batch, access: &Access, change: &R::Change) -> Result<R, Failure> {
    let ask = || [R::load(access), R::explain(access, change, &Prepared::default())];
    let [row, verdict] = read(database, ask).await?;
    let verdict = Verdict::from_row(&first(verdict)?)?;
    match (verdict.refusal(access), record(row)?) {
        (Some(refusal), _) => Err(refusal.into()),
        (None, Some(record)) => Ok(record),
        (None, None) => Err(Fault::Unexplained.into()),
    }
}

/// Whether the database answers and has our schema (contract O1): one call.
pub async fn ping(database: &impl Batch) -> Result<(), Fault> {
    let sql = "-- ping()\nSELECT json_object('users', EXISTS (SELECT 1 FROM users)) AS row";
    read(database, || [Statement { sql, parameters: Vec::new() }]).await.map(|_| ())
}

/// Asks, and once more where the database fails: nothing is changed by asking.
async fn read<const N: usize>(
    database: &impl Batch,
    ask: impl Fn() -> [Statement; N],
) -> Result<[Vec<String>; N], Fault> {
    match database.batch(ask()).await {
        Err(Fault::Database(_)) => database.batch(ask()).await,
        answer => answer,
    }
}

#[derive(Deserialize)]
struct Key {
    key: Option<String>,
}

fn first(rows: Vec<String>) -> Result<String, Fault> {
    rows.into_iter().next().ok_or(Fault::Unexplained)
}

fn record<R: Stored>(rows: Vec<String>) -> Result<Option<R>, Fault> {
    rows.first().map(|row| R::from_row(row)).transpose()
}

/// Nothing stood in the way and yet nothing was changed: a constraint that no rule of ours foresees. Asked to
/// insist, the database says which, for the log.
async fn insist<R: Stored>(
    database: &impl Batch,
    access: &Access,
    change: &R::Change,
    prepared: &Prepared,
) -> Result<R, Failure> {
    let [row] = database.batch([R::insist(access, change, prepared)]).await?;
    Ok(R::from_row(&first(row)?)?)
}
