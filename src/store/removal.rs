//! Removal of objects from the bucket, such that no upload ever makes a record refer to a missing object (contract M5).
//!
//! 1. A statement claims the object's key, provided that no record protects the object.
//! 2. The object is deleted.
//! 3. The removal is marked as finished. If the bucket failed, it counts as finished a minute later, because the failed
//!    call may still take effect.
//!
//! While a key is claimed, no upload makes a record refer to its object. An upload that finds its key claimed waits
//! until that removal is finished, stores its object again, and drops exactly that claim in the transaction that makes
//! the record refer to the object. An object that was stored before the removal was finished may have been deleted; one
//! that was stored afterwards stays. A crash at any point leaves an object without a record, for the sweep, and a
//! claim, which becomes void after 20 minutes. A text that a client writes is not checked: it may name an object that
//! does not exist or is being removed.

use super::statement::json;
use super::{Batch, Bucket, NewObject, Statement, Verdict, read_row};
use crate::domain::Fault;
use serde::Deserialize;

/// A removal that blocks an update.
pub struct Removal {
    /// The claim of the removal.
    pub claim: String,
    /// Whether the removal is finished, so that an object that is stored now stays.
    pub is_finished: bool,
}

impl Removal {
    /// Returns the removal in a verdict, if there is one.
    pub fn from_verdict(verdict: Verdict) -> Option<Self> {
        let is_finished = verdict.removal_over == Some(1);
        verdict.removal.map(|claim| Self { claim, is_finished })
    }
}

/// The random name of one removal of some objects.
struct Claim(String);

impl Claim {
    /// Creates a new claim.
    fn new() -> Result<Self, Fault> {
        random_id().map(Self)
    }

    /// Claims the keys whose objects no record protects and no other removal has claimed, and returns them. Idempotent.
    fn acquire(&self, keys: &[String]) -> Statement {
        Statement { sql: CLAIM, parameters: vec![json(keys), Some(self.0.clone())] }
    }

    /// Marks the removal of these keys as finished, after this delay.
    fn finish(&self, keys: &[String], delay: &str) -> Statement {
        Statement { sql: FINISH, parameters: vec![json(keys), Some(self.0.clone()), Some(delay.to_owned())] }
    }
}

/// A record protects the object that it refers to if Perfil, an import or an operator wrote the reference, or if the
/// object's key is under the prefix of the record's own account (contract M5).
///
/// A key can be claimed again when its removal is finished. The platform ends a scheduled event after 15 minutes, and
/// work after a reply after 30 seconds, so a claim that is 20 minutes old was left behind by a crash.
const CLAIM: &str = "-- claim_unprotected_objects()
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
struct ClaimedKey {
    key: String,
}

/// Removes the objects that no record protects, and returns their number. Accepts at most 1000 keys, and makes two D1
/// calls. A call that fails is repeated once, which is harmless.
pub async fn remove(database: &impl Batch, bucket: &impl Bucket, keys: &[String]) -> Result<usize, Fault> {
    let claim = Claim::new()?;
    let mut claimed = database.batch([claim.acquire(keys)]).await;
    if claimed.is_err() {
        claimed = database.batch([claim.acquire(keys)]).await;
    }
    let [rows] = claimed?;
    let claimed = rows.iter().map(|row| Ok(read_row::<ClaimedKey>(row)?.key)).collect::<Result<Vec<_>, Fault>>()?;
    if claimed.is_empty() { Ok(0) } else { delete(database, bucket, &claim, &claimed).await }
}

async fn delete(database: &impl Batch, bucket: &impl Bucket, claim: &Claim, keys: &[String]) -> Result<usize, Fault> {
    let (mut deleted, mut delay) = (bucket.delete(keys).await, "+0 seconds");
    if deleted.is_err() {
        // The failed call may still take effect.
        (deleted, delay) = (bucket.delete(keys).await, "+60 seconds");
    }
    if database.batch([claim.finish(keys, delay)]).await.is_err() {
        database.batch([claim.finish(keys, delay)]).await?;
    }
    deleted.map(|()| keys.len())
}

/// Drops the claim of a removal that was finished before the object was stored again.
pub fn forget(object: Option<&NewObject>) -> Statement {
    let key = object.map(|object| object.key.to_string());
    let claim = object.and_then(|object| object.finished_removal.clone());
    Statement { sql: FORGET, parameters: vec![key, claim] }
}

/// Returns 128 random bits in hexadecimal digits.
pub fn random_id() -> Result<String, Fault> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| Fault::Random(error.to_string()))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bits)))
}
