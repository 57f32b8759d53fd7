//! What is asked of the database for one update, in one round trip, and what its reply means.

use super::removal::{Removal, forget};
use super::{Batch, Statement, Stored, Update, Verdict, read_row};
use crate::domain::{Change, Failure, Fault, ObjectKey};
use serde::Deserialize;

/// A record as it is after an update.
#[derive(Debug)]
pub struct Updated<R> {
    /// The record.
    pub record: R,
    /// The object that it pointed at before, if that may be another one.
    pub replaced: Option<ObjectKey>,
}

/// What came of an update that was not refused.
pub enum Saved<R> {
    /// It was made.
    Updated(Updated<R>),
    /// Nothing was changed: the object that the record was to point at is being removed, or was.
    Blocked(Removal),
}

/// Changes a record and returns it as it is then, or says why not: one call either way. A change of nothing returns the
/// record as it stands.
pub async fn update<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<Updated<R>, Failure> {
    match save(database, update).await? {
        Saved::Updated(updated) => Ok(updated),
        Saved::Blocked(_) => Err(Fault::Unexplained.into()),
    }
}

/// [`update`], for a change that a removal may block.
pub async fn save<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<Saved<R>, Failure> {
    if update.change.is_empty() {
        let record = load(database, update).await?;
        return Ok(Saved::Updated(Updated { record, replaced: None }));
    }
    let Results { previous, row, verdict } = run(database, update).await?;
    if let Some(record) = record::<R>(row)? {
        return Ok(Saved::Updated(Updated { record, replaced: replaced(previous, update)? }));
    }
    let verdict = Verdict::from_row(&first(verdict)?)?;
    if let Some(refusal) = verdict.refusal(update.access) {
        return Err(refusal.into());
    }
    match Removal::of(verdict) {
        Some(removal) => Ok(Saved::Blocked(removal)),
        None => {
            let record = insist(database, update).await?;
            Ok(Saved::Updated(Updated { record, replaced: None }))
        }
    }
}

/// The rows of one update's batch.
struct Results {
    /// The key of the object that the record pointed at before, where the change replaces it.
    previous: Vec<String>,
    /// The record; no row where nothing was changed.
    row: Vec<String>,
    verdict: Vec<String>,
}

async fn run<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<Results, Fault> {
    let (change, explain) = (R::update(update), R::explain(update));
    if update.change.replaces_image() {
        let (forget, current) = (forget(update.object.as_ref()), R::current_object(update.access));
        let [_, previous, row, verdict] = database.batch([forget, current, change, explain]).await?;
        Ok(Results { previous, row, verdict })
    } else {
        let [row, verdict] = database.batch([change, explain]).await?;
        Ok(Results { previous: Vec::new(), row, verdict })
    }
}

/// The object that the record pointed at before, unless it still does.
fn replaced<R: Stored>(previous: Vec<String>, update: &Update<'_, R>) -> Result<Option<ObjectKey>, Fault> {
    let previous = previous.first().map(|row| read_row::<Key>(row)).transpose()?;
    let key = previous.and_then(|previous| ObjectKey::parse(&previous.key?));
    Ok(key.filter(|key| update.object.as_ref().is_none_or(|object| object.key != *key)))
}

/// Returns the record if the change could be made, or says why not, and changes nothing: one call.
pub async fn load<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<R, Failure> {
    let ask = || [R::load(update.access), R::explain(update)];
    let [row, verdict] = read(database, ask).await?;
    let verdict = Verdict::from_row(&first(verdict)?)?;
    match (verdict.refusal(update.access), record(row)?) {
        (Some(refusal), _) => Err(refusal.into()),
        (None, Some(record)) => Ok(record),
        (None, None) => Err(Fault::Unexplained.into()),
    }
}

/// Whether the database responds and has our schema (contract O1): one call.
pub async fn ping(database: &impl Batch) -> Result<(), Fault> {
    read(database, || [Statement { sql: PING, parameters: Vec::new() }]).await.map(|_| ())
}

/// Names a table or column of each migration: it fails on a schema that is older than the code.
#[rustfmt::skip]
const PING: &str =
"-- ping()
SELECT json_object('users', EXISTS (SELECT 1 FROM users),
  '0002', (SELECT count(*) FROM (SELECT image_object FROM users LIMIT 0)),
  '0003', (SELECT count(*) FROM (SELECT tokens_valid_after FROM users LIMIT 0)),
  '0004', (SELECT count(*) FROM (SELECT source FROM imports LIMIT 0)),
  '0005', (SELECT count(*) FROM (SELECT image_as_sent FROM users LIMIT 0)),
  '0006', (SELECT count(*) FROM (SELECT role_id FROM identities LIMIT 0))) AS row";

/// Runs statements that change nothing, and once more if the database fails.
async fn read<const N: usize>(
    database: &impl Batch,
    ask: impl Fn() -> [Statement; N],
) -> Result<[Vec<String>; N], Fault> {
    match database.batch(ask()).await {
        Err(Fault::Database(_)) => database.batch(ask()).await,
        rows => rows,
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

/// Nothing stood in the way and yet nothing was changed: a constraint that none of our rules foresees. Run without its
/// OR IGNORE, the statement makes the database name it, for the log.
async fn insist<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<R, Failure> {
    let [row] = database.batch([R::insist(update)]).await?;
    Ok(R::from_row(&first(row)?)?)
}
