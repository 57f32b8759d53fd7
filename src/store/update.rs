//! The batch of statements for one update, which takes one round trip, and the meaning of the database's reply.

use super::removal::{Removal, forget};
use super::statement::json;
use super::{Batch, Statement, Stored, Trace, Verdict, read_row};
use crate::domain::{Access, Account, Caller, Change, Failure, Fault, ObjectKey, PasswordHash, Persona, Record};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;

/// One update: its access, its change, and what was prepared for it.
#[derive(Debug)]
pub struct Update<'a, R: Record> {
    /// The caller, the target, and the permission that is needed.
    pub access: &'a Access,
    /// The fields to change.
    pub change: &'a R::Change,
    /// The request behind the update.
    pub trace: Trace<'a>,
    /// The hash of the new password, if the change has one.
    pub hash: Option<PasswordHash>,
    /// The object that the record is to refer to, if the change has a picture.
    pub object: Option<NewObject>,
    /// The caller, once the database was queried; `None` if there is no such active account.
    pub caller: OnceCell<Option<Caller>>,
}

impl<'a, R: Record> Update<'a, R> {
    /// Creates an update for which nothing has been prepared yet.
    pub fn new(access: &'a Access, change: &'a R::Change, trace: Trace<'a>) -> Self {
        Self { access, change, trace, hash: None, object: None, caller: OnceCell::new() }
    }
}

/// An object in the bucket that a record is to refer to.
#[derive(Debug)]
pub struct NewObject {
    /// The object's key in the bucket.
    pub key: ObjectKey,
    /// The URL at which the object is served.
    pub url: String,
    /// The claim of a removal that was finished before the object was stored again; see [`super::remove`].
    pub finished_removal: Option<String>,
}

/// A record as it is after an update.
#[derive(Debug)]
pub struct Updated<R> {
    /// The record.
    pub record: R,
    /// The object that the record referred to before, if the update may have replaced it.
    pub replaced: Option<ObjectKey>,
    /// Whether the change feed has a row for the update. An update that sets no field leaves none.
    pub is_recorded: bool,
}

/// The outcome of an update that was not refused.
pub enum Saved<R> {
    /// The update was applied.
    Updated(Updated<R>),
    /// Nothing was changed, because the object that the record is to refer to is being removed, or was.
    Blocked(Removal),
}

/// Changes a record and returns it as it is afterwards, or returns the reason it was not changed: one round trip in
/// either case. An update that sets no field returns the record unchanged.
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
        return Ok(Saved::Updated(Updated { record, replaced: None, is_recorded: false }));
    }
    let Results { before, updated, after } = run(database, update).await?;
    let verdict = learn(update, &after)?;
    if updated {
        let (record, replaced) = (R::from_row(&after)?, replaced(before, update)?);
        return Ok(Saved::Updated(Updated { record, replaced, is_recorded: true }));
    }
    if let Some(refusal) = verdict.refusal(update.access) {
        return Err(refusal.into());
    }
    Removal::from_verdict(verdict).map(Saved::Blocked).ok_or(Fault::Unexplained.into())
}

/// The rows of one update's batch.
struct Results {
    /// The record before the change, if the change replaces its picture.
    before: Option<String>,
    /// Whether the change was applied.
    updated: bool,
    /// The verdict, and the record after the change.
    after: String,
}

async fn run<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<Results, Fault> {
    let (change, append, read) = (R::update(update), R::append_change(update), R::read(update));
    if update.change.replaces_image() {
        let [_, before, updated, _, after] =
            database.batch([forget(update.object.as_ref()), read.clone(), change, append, read]).await?;
        Ok(Results { before: Some(first(before)?), updated: !updated.is_empty(), after: first(after)? })
    } else {
        let [updated, _, after] = database.batch([change, append, read]).await?;
        Ok(Results { before: None, updated: !updated.is_empty(), after: first(after)? })
    }
}

/// Reads the verdict from a row, and stores its caller in the update.
fn learn<R: Stored>(update: &Update<'_, R>, row: &str) -> Result<Verdict, Fault> {
    let verdict = Verdict::from_row(row)?;
    // Only the first D1 call counts: after a change of password, the token that was used for it is too old.
    let _ = update.caller.set(verdict.caller());
    Ok(verdict)
}

/// Returns the object that the record referred to before, unless it still does.
fn replaced<R: Stored>(before: Option<String>, update: &Update<'_, R>) -> Result<Option<ObjectKey>, Fault> {
    let row = before.map(|row| read_row::<ObjectRow>(&row)).transpose()?;
    let key = row.and_then(|row| ObjectKey::parse(&row.object?));
    Ok(key.filter(|key| update.object.as_ref().is_none_or(|object| object.key != *key)))
}

/// Returns the record if the change would be accepted, or otherwise the reason. Changes nothing, in one round trip.
pub async fn load<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<R, Failure> {
    let [row] = read(database, || [R::read(update)]).await?;
    let row = first(row)?;
    match learn(update, &row)?.refusal(update.access) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(R::from_row(&row)?),
    }
}

/// Fails unless the database responds and has the schema that the code needs (contract O1). Takes one round trip.
pub async fn ping(database: &impl Batch) -> Result<(), Fault> {
    let empty = |sql| Statement { sql, parameters: vec![json(&EmptyObject {}), json(&EmptyObject {})] };
    let ping = || [Statement { sql: PING, parameters: Vec::new() }, empty(Account::READ), empty(Persona::READ)];
    read(database, ping).await.map(|_| ())
}

/// An access and a change without members, with which a statement reads no record.
#[derive(Serialize)]
struct EmptyObject {}

/// Names the columns that the statements write but do not read, so that it fails if the schema is older than the code.
const PING: &str = "-- ping()
SELECT
  (SELECT count(*) FROM (SELECT legacy_password_hashes, image_as_sent FROM users LIMIT 0)) AS users,
  (SELECT count(*) FROM (SELECT foto_as_sent FROM personas LIMIT 0)) AS personas,
  (SELECT count(*) FROM (
    SELECT id, at, request_id, route, actor_id, actor_back_end, account_id, persona_id, fields
    FROM changes LIMIT 0)) AS changes,
  (SELECT count(*) FROM (
    SELECT name, position, lease, leased_until, failures, next_attempt_at FROM receivers LIMIT 0)) AS receivers";

/// Runs statements that change nothing, and repeats them once if the database fails.
async fn read<const N: usize>(
    database: &impl Batch,
    statements: impl Fn() -> [Statement; N],
) -> Result<[Vec<String>; N], Fault> {
    match database.batch(statements()).await {
        Err(Fault::Database(_)) => database.batch(statements()).await,
        rows => rows,
    }
}

#[derive(Deserialize)]
struct ObjectRow {
    object: Option<String>,
}

fn first(rows: Vec<String>) -> Result<String, Fault> {
    rows.into_iter().next().ok_or(Fault::Unexplained)
}
