//! The change feed: who changed what (contract C1). A row holds the names of the fields that were set, never a value.

use super::{Batch, Fields, Statement, read_row};
use crate::domain::Fault;
use serde::{Deserialize, Serialize};

/// The request that makes an update, as the update's row in the feed names it.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a> {
    /// `X-Request-Id`
    pub request_id: &'a str,
    /// Method and route pattern.
    pub route: &'static str,
}

/// What the statements below read beside the [`crate::domain::Access`].
#[derive(Serialize)]
pub struct Entry<'a> {
    request_id: &'a str,
    route: &'static str,
    fields: Vec<&'static str>,
}

impl<'a> Entry<'a> {
    /// An update that sets these fields.
    pub fn new(Trace { request_id, route }: Trace<'a>, fields: &Fields<'_>) -> Self {
        Self { request_id, route, fields: fields.columns() }
    }
}

/// Must run directly after the `UPDATE`: `changes()` counts the rows of the statement before. The `UPDATE` has checked
/// the caller's right and session, and may have changed both, so they are not checked again here. If the actor or the
/// record could not be found, a constraint would make the whole batch fail.
pub const APPEND_ACCOUNT_CHANGE: &str = "-- append_account_change()
WITH
  actor AS (
    SELECT iif(?1 ->> 'issuer' IS NULL, ?1 ->> 'subject', (
      SELECT account_id FROM identities WHERE back_end = ?1 ->> 'issuer' AND id = ?1 ->> 'subject')) AS id
  )
INSERT INTO changes (request_id, route, actor_id, actor_back_end, account_id, fields)
SELECT
  ?2 ->> 'request_id', ?2 ->> 'route', actor.id, ?1 ->> 'issuer',
  iif(?1 ->> 'id' IS NULL, actor.id, (
    SELECT account_id FROM identities WHERE back_end = ?1 ->> 'back_end' AND id = ?1 ->> 'id')),
  ?2 -> 'fields'
FROM actor
WHERE changes() > 0";

/// The same for a persona.
pub const APPEND_PERSONA_CHANGE: &str = "-- append_persona_change()
WITH
  actor AS (
    SELECT iif(?1 ->> 'issuer' IS NULL, ?1 ->> 'subject', (
      SELECT account_id FROM identities WHERE back_end = ?1 ->> 'issuer' AND id = ?1 ->> 'subject')) AS id
  )
INSERT INTO changes (request_id, route, actor_id, actor_back_end, persona_id, fields)
SELECT
  ?2 ->> 'request_id', ?2 ->> 'route', actor.id, ?1 ->> 'issuer',
  iif(?1 ->> 'id' IS NULL, (SELECT personas.id FROM personas WHERE user_id = actor.id), ?1 ->> 'id'),
  ?2 -> 'fields'
FROM actor
WHERE changes() > 0";

/// How many of the oldest rows one call looks at, so that none occupies the database for long.
const PAGE: usize = 10_000;
/// How many calls one run makes. What is left is for the next run.
const PAGES: u32 = 100;

/// The newest row stays however old it is, because the next number follows from it. Numbers grow with time, so the
/// oldest rows are those with the smallest numbers, and `at` needs no index.
const EXPIRE: &str = "-- expire_changes()
DELETE FROM changes
WHERE id IN (SELECT id FROM (SELECT id, at FROM changes ORDER BY id LIMIT ?2)
    WHERE at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?1))
  AND id < (SELECT max(id) FROM changes)";

const COUNT: &str = "-- count_expired_changes()
SELECT changes() AS count";

/// What a run of retention has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Rows removed.
    pub removed: usize,
    /// Whether all rows that are too old were removed; otherwise the next run continues.
    pub complete: bool,
}

/// Removes the rows of the feed that are older than so many days, except the newest row. `expired` grows with each
/// call, so that it also says how far a run came that failed.
pub async fn expire(database: &impl Batch, days: u32, expired: &mut Expired) -> Result<(), Fault> {
    for _ in 0..PAGES {
        let parameters = vec![Some(format!("-{days} days")), Some(PAGE.to_string())];
        let count = Statement { sql: COUNT, parameters: Vec::new() };
        let [_, rows] = database.batch([Statement { sql: EXPIRE, parameters }, count]).await?;
        let Count { count } = rows.first().map(|row| read_row(row)).transpose()?.unwrap_or_default();
        expired.removed = expired.removed.saturating_add(count);
        expired.complete = count < PAGE;
        if expired.complete {
            break;
        }
    }
    Ok(())
}

#[derive(Default, Deserialize)]
struct Count {
    count: usize,
}
