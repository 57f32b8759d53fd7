//! How an object leaves the bucket without leaving a record that points at nothing (contract M5).
//!
//! 1. Its key is claimed, in one statement that finds no record that shows it.
//! 2. The object is deleted.
//! 3. The removal is marked as over; from a minute later where the bucket failed, which may still act.
//!
//! While a key is claimed, no upload makes a record show it. An upload that finds its key claimed waits for the end of
//! that removal, puts its object anew, and forgets that very claim in the transaction that makes the record show it:
//! whatever was put before the end may be gone, what was put after it stays. A crash at any point leaves an object
//! that nobody shows, for the sweep; and a claim, which is void after 20 minutes. What a client writes as a text is
//! taken on trust: it may name an object that is gone, or going.

use super::statement::json;
use super::{Batch, Bucket, NewObject, Statement, Verdict, read_row};
use crate::domain::Fault;
use serde::Deserialize;

/// A removal that stands in the way of an update.
pub struct Removal {
    /// Its claim.
    pub claim: String,
    /// Whether the object is gone for good: what is put now stays.
    pub is_over: bool,
}

impl Removal {
    /// The one that a verdict tells of.
    pub fn of(verdict: Verdict) -> Option<Self> {
        let is_over = verdict.removal_over == Some(1);
        verdict.removal.map(|claim| Self { claim, is_over })
    }
}

/// The name of one removal of some objects.
struct Claim(String);

impl Claim {
    /// A new one.
    fn new() -> Result<Self, Fault> {
        random_id().map(Self)
    }

    /// Claims those of the keys that no record shows and that nobody else has claimed, and returns them. Idempotent.
    fn lay(&self, keys: &[String]) -> Statement {
        Statement { sql: CLAIM, parameters: vec![json(keys), Some(self.0.clone())] }
    }

    /// What is claimed is gone, or may still go for so long.
    fn finish(&self, keys: &[String], over: &str) -> Statement {
        Statement { sql: FINISH, parameters: vec![json(keys), Some(self.0.clone()), Some(over.to_owned())] }
    }
}

/// A record that names an object protects it if the text is not one that a client wrote, or if the object lies under
/// the prefix of the record's own account (contract M5).
///
/// A claim is over when its removal is. The platform ends a scheduled event after 15 minutes and what goes on after a
/// reply after 30 seconds: a claim of 20 minutes ago was left behind by a crash.
const CLAIM: &str = "-- claim_unshown_objects()
INSERT INTO removals (key, claim)
SELECT value, ?2 FROM json_each(?1)
WHERE NOT EXISTS (
    SELECT 1 FROM users
    WHERE image_object = value
      AND (image_as_sent IS NOT image OR instr(value, 'avatars/' || users.id || '/') = 1))
  AND NOT EXISTS (
    SELECT 1 FROM personas
    WHERE foto_object = value
      AND (foto_as_sent IS NOT foto_url OR instr(value, 'avatars/' || coalesce(user_id, 0) || '/') = 1))
ON CONFLICT (key) DO UPDATE SET claim = excluded.claim, claimed_at = excluded.claimed_at, over_at = NULL
  WHERE claim = excluded.claim
    OR over_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    OR claimed_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-20 minutes')
RETURNING key";

const FINISH: &str = "-- finish_removals()
UPDATE removals SET over_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?3)
WHERE key IN (SELECT value FROM json_each(?1)) AND claim = ?2";

const FORGET: &str = "-- forget_removal()
DELETE FROM removals
WHERE key = ?1 AND claim = ?2
  AND (over_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    OR claimed_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-20 minutes'))";

#[derive(Deserialize)]
struct Claimed {
    key: String,
}

/// Removes those of the objects that no record shows, and returns how many; at most 1000 of them. Two calls to the
/// database; what fails is tried once more, which does no harm.
pub async fn remove(database: &impl Batch, bucket: &impl Bucket, keys: &[String]) -> Result<usize, Fault> {
    let claim = Claim::new()?;
    let mut claimed = database.batch([claim.lay(keys)]).await;
    if claimed.is_err() {
        claimed = database.batch([claim.lay(keys)]).await;
    }
    let [rows] = claimed?;
    let claimed = rows.iter().map(|row| Ok(read_row::<Claimed>(row)?.key)).collect::<Result<Vec<_>, Fault>>()?;
    if claimed.is_empty() { Ok(0) } else { delete(database, bucket, &claim, &claimed).await }
}

async fn delete(database: &impl Batch, bucket: &impl Bucket, claim: &Claim, keys: &[String]) -> Result<usize, Fault> {
    let (mut deleted, mut over) = (bucket.delete(keys).await, "+0 seconds");
    if deleted.is_err() {
        // What failed may still be under way.
        (deleted, over) = (bucket.delete(keys).await, "+60 seconds");
    }
    if database.batch([claim.finish(keys, over)]).await.is_err() {
        database.batch([claim.finish(keys, over)]).await?;
    }
    deleted.map(|()| keys.len())
}

/// Takes back a removal that an object has outlived.
pub fn forget(object: Option<&NewObject>) -> Statement {
    let key = object.map(|object| object.key.to_string());
    let claim = object.and_then(|object| object.outlived.clone());
    Statement { sql: FORGET, parameters: vec![key, claim] }
}

/// 128 random bits, in hexadecimal digits.
pub fn random_id() -> Result<String, Fault> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| Fault::Random(error.to_string()))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bits)))
}
