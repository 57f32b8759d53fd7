//! What is asked of the database for one update, in one round trip, and what its reply means.

use super::removal::{Removal, forget};
use super::statement::json;
use super::{Batch, Statement, Stored, Trace, Verdict, read_row};
use crate::domain::{Access, Account, Caller, Change, Failure, Fault, ObjectKey, PasswordHash, Persona, Record};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;

/// One update: by what right, what to change, and what was made for it beforehand.
#[derive(Debug)]
pub struct Update<'a, R: Record> {
    /// Who changes which record, and with which permission.
    pub access: &'a Access,
    /// The fields to change.
    pub change: &'a R::Change,
    /// The request that asks for it.
    pub trace: Trace<'a>,
    /// The hash of the new password, where the change has one.
    pub hash: Option<PasswordHash>,
    /// The object that the record is to point at, where the change has a picture.
    pub object: Option<NewObject>,
    /// What the database knows of the caller, once it was asked; `None` if no active account is there.
    pub caller: OnceCell<Option<Caller>>,
}

impl<'a, R: Record> Update<'a, R> {
    /// An update for which nothing was made yet.
    pub fn new(access: &'a Access, change: &'a R::Change, trace: Trace<'a>) -> Self {
        Self { access, change, trace, hash: None, object: None, caller: OnceCell::new() }
    }
}

/// An object in the bucket that a record is to point at.
#[derive(Debug)]
pub struct NewObject {
    /// Where it is in the bucket.
    pub key: ObjectKey,
    /// The URL that it is served at.
    pub url: String,
    /// The claim of a removal of it that was over before it was put again; see [`super::remove`].
    pub outlived: Option<String>,
}

/// A record as it is after an update.
#[derive(Debug)]
pub struct Updated<R> {
    /// The record.
    pub record: R,
    /// The object that it pointed at before, if that may be another one.
    pub replaced: Option<ObjectKey>,
    /// Whether the change feed has a row for the update: an update of nothing leaves none.
    pub is_recorded: bool,
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
    Removal::of(verdict).map(Saved::Blocked).ok_or(Fault::Unexplained.into())
}

/// The rows of one update's batch.
struct Results {
    /// The record before the change, where that replaces its picture.
    before: Option<String>,
    /// Whether the change was made.
    updated: bool,
    /// The verdict, and the record as it is after the change.
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

/// The verdict of a row; what it says of the caller is kept.
fn learn<R: Stored>(update: &Update<'_, R>, row: &str) -> Result<Verdict, Fault> {
    let verdict = Verdict::from_row(row)?;
    // What the first call says counts: after a change of password, the token that made it is too old.
    let _ = update.caller.set(verdict.caller());
    Ok(verdict)
}

/// The object that the record pointed at before, unless it still does.
fn replaced<R: Stored>(before: Option<String>, update: &Update<'_, R>) -> Result<Option<ObjectKey>, Fault> {
    let shown = before.map(|row| read_row::<Shown>(&row)).transpose()?;
    let key = shown.and_then(|shown| ObjectKey::parse(&shown.object?));
    Ok(key.filter(|key| update.object.as_ref().is_none_or(|object| object.key != *key)))
}

/// Returns the record if the change could be made, or says why not, and changes nothing: one call.
pub async fn load<R: Stored>(database: &impl Batch, update: &Update<'_, R>) -> Result<R, Failure> {
    let [row] = read(database, || [R::read(update)]).await?;
    let row = first(row)?;
    match learn(update, &row)?.refusal(update.access) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(R::from_row(&row)?),
    }
}

/// Whether the database responds and has our schema (contract O1): one call.
pub async fn ping(database: &impl Batch) -> Result<(), Fault> {
    let ask = |sql| Statement { sql, parameters: vec![json(&Nothing {}), json(&Nothing {})] };
    let ping = || [Statement { sql: PING, parameters: Vec::new() }, ask(Account::READ), ask(Persona::READ)];
    read(database, ping).await.map(|_| ())
}

/// What reads nobody's record: an access and a change without members.
#[derive(Serialize)]
struct Nothing {}

/// Names the columns that the statements write and do not read: with those, it fails on a schema that is older than the
/// code.
const PING: &str = "-- ping()
SELECT
  (SELECT count(*) FROM (SELECT legacy_password_hashes, image_as_sent FROM users LIMIT 0)) AS users,
  (SELECT count(*) FROM (SELECT foto_as_sent FROM personas LIMIT 0)) AS personas,
  (SELECT count(*) FROM (
    SELECT id, at, request_id, route, actor_id, actor_back_end, account_id, persona_id, fields
    FROM changes LIMIT 0)) AS changes,
  (SELECT count(*) FROM (
    SELECT name, position, lease, leased_until, failures, next_attempt_at FROM receivers LIMIT 0)) AS receivers";

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
struct Shown {
    object: Option<String>,
}

fn first(rows: Vec<String>) -> Result<String, Fault> {
    rows.into_iter().next().ok_or(Fault::Unexplained)
}
